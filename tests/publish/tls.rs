//! A stream checked over HTTPS: a certificate counts when an authority that the caller trusts signed it.
//!
//! `tests/fixtures/tls` holds an authority that nobody trusts and what it signed for 127.0.0.1, until 2120.

use crate::folder::{Folder, sealing, sign_with, vod};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::thread;

fn fixture(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/fixtures/tls").join(name)
}

/// Serves a folder over HTTPS until the test ends; its address.
fn serve(folder: &Path) -> String {
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_file(fixture("server.pem")).unwrap()],
            PrivateKeyDer::from_pem_file(fixture("server.key")).unwrap(),
        )
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let folder = folder.to_path_buf();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            // Who does not like the certificate hangs up.
            drop(answer(StreamOwned::new(connection, stream), &folder));
        }
    });
    url
}

/// One request, one answer.
fn answer(stream: StreamOwned<ServerConnection, TcpStream>, folder: &Path) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut lines = Vec::new();
    while lines
        .last()
        .is_none_or(|line: &String| !line.trim().is_empty())
    {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        lines.push(line);
    }
    let path = lines[0]
        .split(' ')
        .nth(1)
        .unwrap_or("/")
        .trim_start_matches('/');
    let path = path.split('?').next().unwrap_or(path);
    let found = fs::read(folder.join(path.replace("%20", " ")));
    let status = if found.is_ok() {
        "200 OK"
    } else {
        "404 Not Found"
    };
    let body = found.unwrap_or_default();
    let stream = stream.get_mut();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(&body)?;
    stream.conn.send_close_notify();
    stream.flush()
}

fn verify(url: &str, more: &[&Path]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarmline"));
    command
        .args(["verify", &format!("{url}/master.m3u8")])
        .args(more);
    command.output().unwrap()
}

fn signed() -> Folder {
    let folder = vod();
    sign_with(folder.0.clone(), &sealing()).unwrap();
    folder
}

#[test]
fn https_is_believed_under_an_authority_that_is_named() {
    let folder = signed();
    let url = serve(&folder.0);
    let good = verify(&url, &[Path::new("--ca"), &fixture("ca.pem")]);
    let said = String::from_utf8(good.stdout).unwrap();
    assert_eq!(good.status.code(), Some(0), "{said}");
    assert!(said.contains("5 segments as signed, 0 not"), "{said}");
    folder.put("video/b.m4s", vec![0; 16_384]);
    let bad = verify(&url, &[Path::new("--ca"), &fixture("ca.pem")]);
    assert_eq!(bad.status.code(), Some(1));
}

#[test]
fn https_of_an_unknown_authority_is_refused_with_what_to_do() {
    let folder = signed();
    let url = serve(&folder.0);
    let refused = verify(&url, &[]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains(&url) && said.contains("--ca FILE"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    // A certificate that is no authority's does not make one.
    let other = verify(&url, &[Path::new("--ca"), &fixture("server.key")]);
    let said = String::from_utf8(other.stderr).unwrap();
    assert_eq!(other.status.code(), Some(2), "{said}");
    assert!(said.contains("server.key: no certificate"), "{said}");
}
