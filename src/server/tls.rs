//! TLS by rustls: certificate and key from PEM files, read again while connections go on.
//!
//! Invariant: files that cannot be used leave the former ones in force. Versions 1.2 and 1.3, no client
//! certificates, HTTP/1.1 only, because WebSockets are HTTP/1.1's here.

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A certificate and its key in force; clones share them.
#[derive(Clone, Debug)]
pub struct Tls(Arc<RwLock<Arc<ServerConfig>>>);

impl Tls {
    /// Reads both.
    ///
    /// # Errors
    /// In words for a person: which file, and what is wrong with it.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, String> {
        let config = config(certificate, key)?;
        Ok(Self(Arc::new(RwLock::new(config))))
    }

    /// Reads both again, for the connections to come.
    ///
    /// # Errors
    /// As for [`Tls::read`]; the former ones stay.
    pub fn reread(&self, certificate: &Path, key: &Path) -> Result<(), String> {
        let config = config(certificate, key)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    pub(super) async fn accept(&self, socket: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let config = self.0.read();
        let config = config.unwrap_or_else(PoisonError::into_inner).clone();
        TlsAcceptor::from(config).accept(socket).await
    }
}

/// The certificates of a file, one at least.
///
/// # Errors
/// In words for a person, with the file.
pub(super) fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let name = path.display();
    let chain = CertificateDer::pem_file_iter(path)
        .and_then(|chain| chain.collect::<Result<Vec<CertificateDer<'static>>, _>>())
        .map_err(|why| format!("cannot read the certificate {name}: {why}"))?;
    match chain.is_empty() {
        true => Err(format!("no certificate in {name} (PEM is expected)")),
        false => Ok(chain),
    }
}

/// The key of a file.
///
/// # Errors
/// In words for a person, with the file.
pub(super) fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let key = PrivateKeyDer::from_pem_file(path);
    key.map_err(|why| format!("cannot read the key {}: {why}", path.display()))
}

fn config(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, String> {
    let (cert_name, key_name) = (certificate.display(), key.display());
    let (chain, secret) = (read_chain(certificate)?, read_key(key)?);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| why.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, secret);
    let mut config =
        config.map_err(|why| format!("{cert_name} and {key_name} do not fit: {why}"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
