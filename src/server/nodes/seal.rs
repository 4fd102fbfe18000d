//! TLS to Redis: which authorities are believed, who it must be, and how we show who we are.
//!
//! Invariant: nothing is sent to Redis, no password either, before its certificate has passed. Files that cannot be used leave
//! the former ones in force. What goes wrong is told in words that name the setting to look at.

use crate::server::tls::{read_chain, read_key};
use core::fmt;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, ClientConfig, Error, RootCertStore};
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Files that settings name.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Files<'a> {
    /// Authorities; without it those of the web (Mozilla's list).
    pub(in crate::server) ca: Option<&'a Path>,
    /// Our certificate and its key, where Redis asks for one.
    pub(in crate::server) own: Option<(&'a Path, &'a Path)>,
}

/// TLS to one server; clones share what is in force.
#[derive(Clone)]
pub(in crate::server) struct Seal {
    config: Arc<RwLock<Arc<ClientConfig>>>,
    name: ServerName<'static>,
}

impl fmt::Debug for Seal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Seal({:?})", self.name) // no key
    }
}

impl Seal {
    /// For the server of this name or address.
    ///
    /// # Errors
    /// One line for a person: which file, and what is wrong with it.
    pub(in crate::server) fn read(host: &str, files: Files<'_>) -> Result<Self, String> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned())
            .map_err(|_| format!("redis.url: no certificate can be for {bare:?}"))?;
        let config = Arc::new(RwLock::new(config(files)?));
        Ok(Self { config, name })
    }

    /// Reads the files again, for the connections to come: what comes of it puts them in force.
    ///
    /// # Errors
    /// As for [`Seal::read`]; the former ones stay.
    pub(in crate::server) fn reread(
        &self,
        files: Files<'_>,
    ) -> Result<impl FnOnce() + use<>, String> {
        let (config, shared) = (config(files)?, self.config.clone());
        Ok(move || *shared.write().unwrap_or_else(PoisonError::into_inner) = config)
    }

    pub(super) async fn connect(&self, socket: TcpStream) -> Result<TlsStream<TcpStream>, String> {
        let config = self.config.read();
        let config = config.unwrap_or_else(PoisonError::into_inner).clone();
        let connected = TlsConnector::from(config).connect(self.name.clone(), socket);
        let hung_up = [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset];
        connected
            .await
            .map_err(|why| match hung_up.contains(&why.kind()) {
                true => "it hung up at the greeting of TLS; is it a plain Redis (redis://)?".into(),
                false => in_words(&why),
            })
    }
}

/// What went wrong on a connection; where TLS is to blame, with what may be done about it.
pub(super) fn in_words(why: &io::Error) -> String {
    let inner = why
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "its certificate is of an authority that is not believed; name the authority's file with redis.ca_file".into()
        }
        Some(Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => format!("its certificate is another's: {why}; redis.url must name the host as the certificate does"),
        Some(Error::InvalidMessage(_)) => {
            format!("what it speaks is no TLS ({why}); is it a plain Redis (redis://)?")
        }
        Some(Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::HandshakeFailure,
        )) => format!("it refuses us ({why}); does it want a certificate (redis.cert_file, redis.key_file)?"),
        Some(_) | None => why.to_string(),
    }
}

fn config(files: Files<'_>) -> Result<Arc<ClientConfig>, String> {
    let roots = match files.ca {
        Some(path) => authorities(path)?,
        None => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| why.to_string())?
        .with_root_certificates(roots);
    let Some((certificate, key)) = files.own else {
        return Ok(Arc::new(config.with_no_client_auth()));
    };
    let config = config.with_client_auth_cert(read_chain(certificate)?, read_key(key)?);
    let config = config.map_err(|why| {
        let (certificate, key) = (certificate.display(), key.display());
        format!("{certificate} and {key} do not fit: {why}")
    });
    config.map(Arc::new)
}

fn authorities(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in read_chain(path)? {
        let added = roots.add(certificate);
        added.map_err(|why| format!("no authority in {}: {why}", path.display()))?;
    }
    Ok(roots)
}
