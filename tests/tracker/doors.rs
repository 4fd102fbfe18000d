//! What stands before a WebSocket: proxies' headers, TLS, half-open connections.

use super::settings::tls_fixture;
use super::*;
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

#[tokio::test]
async fn only_a_trusted_proxy_says_who_comes() {
    let limits = "limits.address_connections = 1\n";
    let from = |address: &'static str| [("x-forwarded-for", address)];
    let one = |tracker: &Tracker, address: &'static str| {
        let at = tracker.address.clone();
        async move { Client::connect(&at, &from(address)).await }
    };
    // To a stranger both are one address.
    let tracker = Tracker::start(limits);
    let _first = one(&tracker, "192.0.2.1").await.unwrap();
    assert_eq!(tracker.status(&from("192.0.2.2")).await, 429);

    let tracker = Tracker::start(&format!("trusted_proxies = [\"127.0.0.0/8\"]\n{limits}"));
    let _first = one(&tracker, "192.0.2.1").await.unwrap();
    let _second = one(&tracker, "192.0.2.2").await.unwrap();
    assert_eq!(tracker.status(&from("192.0.2.1")).await, 429);
    assert_eq!(tracker.status(&from("6.6.6.6, 192.0.2.2")).await, 429);
}

/// One WebSocket handshake behind a PROXY header; the status.
fn behind(address: &str, header: &[u8]) -> Option<u16> {
    let mut socket = StdStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(header).unwrap();
    let request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(request.as_bytes()).unwrap();
    let mut head = [0; 12];
    socket.read_exact(&mut head).ok()?;
    core::str::from_utf8(&head[9..]).unwrap().parse().ok()
}

#[test]
fn a_proxy_header_is_read_where_it_is_expected() {
    let tracker = Tracker::start("trusted_proxies = [\"127.0.0.1\"]\nproxy_protocol = true\n");
    let ban = "{\"address\": \"192.0.2.1\", \"seconds\": 3600}";
    assert_eq!(tracker.ask("POST /bans", ban).0, 201);
    let v1 = |from: &str| format!("PROXY TCP4 {from} 10.0.0.1 4711 80\r\n").into_bytes();
    let v2 = |from: [u8; 4]| {
        let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
        bytes.extend(from);
        bytes.extend([10, 0, 0, 1, 1, 1, 0, 80]);
        bytes
    };
    assert_eq!(behind(&tracker.address, &v1("192.0.2.2")), Some(101));
    assert_eq!(behind(&tracker.address, &v1("192.0.2.1")), Some(403));
    assert_eq!(behind(&tracker.address, &v2([192, 0, 2, 2])), Some(101));
    assert_eq!(behind(&tracker.address, &v2([192, 0, 2, 1])), Some(403));
    assert_eq!(behind(&tracker.address, b""), None, "no header, no answer");
    // Where none is expected it is no HTTP.
    let plain = Tracker::start("");
    assert_eq!(behind(&plain.address, &v1("192.0.2.2")), Some(400));
    assert_eq!(behind(&plain.address, b""), Some(101));
}

async fn over_tls(address: &str) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(tls_fixture("ca.pem")).unwrap();
    roots.add(ca).unwrap();
    let provider = Arc::new(default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let socket = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let socket = connector.connect(name, socket).await;
    let socket = socket.map_err(|why| why.to_string())?;
    let socket = tokio_tungstenite::client_async("wss://127.0.0.1/", socket).await;
    let (mut socket, _) = socket.map_err(|why| why.to_string())?;
    let text = announce(1).encode();
    socket.send(Message::Text(text.into())).await.unwrap();
    let heard = timeout(PATIENCE, socket.next()).await.unwrap();
    let Some(Ok(Message::Text(text))) = heard else {
        return Err(format!("{heard:?}"));
    };
    FromTracker::decode(&text).map(|_| ()).map_err(|why| why.0)
}

#[tokio::test]
async fn it_speaks_tls_and_takes_new_certificates_while_it_runs() {
    let folder = Folder::new();
    let read = |name: &str| std::fs::read_to_string(tls_fixture(name)).unwrap();
    let certificate = folder.write("cert.pem", &read("server.pem"));
    let key = folder.write("key.pem", &read("server.key"));
    let tracker = Tracker::start(&format!(
        "tls.certificate = {certificate:?}\ntls.key = {key:?}\n"
    ));
    over_tls(&tracker.address).await.unwrap();
    // Files that are no certificate leave the former in force.
    folder.write("cert.pem", "nothing\n");
    tracker.signal("HUP");
    over_tls(&tracker.address).await.unwrap();
    tracker.signal("TERM");
    let (code, log) = tracker.ended();
    assert_eq!(code, Some(0), "{log}");
    let tracker = Tracker::start(&format!(
        "tls.certificate = {certificate:?}\ntls.key = {key:?}\n"
    ));
    assert_eq!(tracker.address, "", "it does not start with them");
    let (code, log) = tracker.ended();
    assert_eq!((code, log.lines().count()), (Some(1), 1), "{log}");
}

#[tokio::test]
async fn half_open_connections_are_bounded_and_who_is_in_is_served() {
    let tracker = Tracker::start("limits.half_open = 20\n");
    let mut viewer = tracker.client().await;
    // An address has a quarter of the places: 5. The others are turned away at once.
    let mute: Vec<StdStream> = (0..40)
        .map(|_| StdStream::connect(&tracker.address).unwrap())
        .collect();
    let turned_away = mute.iter().skip(5).all(|mut socket| {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        matches!(socket.read(&mut [0; 1]), Ok(0) | Err(_))
    });
    assert!(turned_away);
    viewer.announce(1).await;
    assert!(viewer.hear().await.is_some());
    drop(mute);
    let back = async {
        while Client::connect(&tracker.address, &[]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, back).await.unwrap();
}

/// What one sends that never gets to its end, and what becomes of it.
fn trickle(address: &str, request: &str) -> std::thread::JoinHandle<String> {
    let mut socket = StdStream::connect(address).unwrap();
    socket.set_read_timeout(Some(3 * PATIENCE)).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    std::thread::spawn(move || {
        let mut answer = String::new();
        // An end without an answer is one, too.
        let _ = socket.read_to_string(&mut answer);
        assert_eq!(socket.read(&mut [0; 1]).ok(), Some(0), "still open");
        answer
    })
}

#[tokio::test]
async fn requests_that_never_end_are_ended_and_who_is_in_is_served() {
    let tracker = Tracker::start("");
    let mut viewer = tracker.client().await;
    let slow = [
        trickle(&tracker.address, ""),
        trickle(&tracker.address, "GET /api/p2p/stats HTTP/1.1\r\nX-Slow: a"),
        trickle(
            &tracker.address,
            "POST /api/p2p/contribution HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n{",
        ),
    ];
    viewer.announce(1).await;
    assert!(viewer.hear().await.is_some());
    let answers: Vec<String> = slow.map(|it| it.join().unwrap()).into();
    for (answer, expected) in answers.iter().zip(["", "", "HTTP/1.1 408"]) {
        assert!(answer.starts_with(expected), "{answer}");
    }
    viewer.announce(1).await;
    assert!(viewer.hear().await.is_some());
}

#[test]
fn a_request_longer_than_its_bounds_is_refused() {
    let folder = Folder::new();
    let tracker = Tracker::start(&ledger::settings(&folder));
    let long = "x".repeat(5_000);
    let (status, _) = http(
        &tracker.address,
        "POST /api/p2p/contribution",
        "none",
        &long,
    );
    assert_eq!(status, 413);
    let line = format!("GET /api/p2p/rooms/{}", "x".repeat(20_000));
    let (status, _) = http(&tracker.address, &line, "none", "");
    assert_eq!(status, 431);
    assert_eq!(
        http(&tracker.address, "GET /api/p2p/stats", "none", "").0,
        200
    );
}
