//! Sockets that mean no good: thousands half open, frames that are too long or never end, rubbish. The process stays within
//! its memory, and honest viewers are served all the while. `doors` has the same one by one.
#![cfg(target_os = "linux")]

use super::*;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use swarmline::base::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

/// Half-open sockets of the storm.
const SOCKETS: usize = 10_000;

/// Memory of a process that is in use, in bytes.
fn memory(tracker: &Tracker) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", tracker.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.unwrap().parse::<u64>().unwrap() * 1_024
}

/// Files that this process, and so a tracker it starts, may open.
fn files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3));
    soft.unwrap().parse().unwrap_or(usize::MAX)
}

/// A connection from one of the machine's own addresses.
async fn connect_from(from: [u8; 4], to: &str) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::from(from)), 0))?;
    socket.connect(to.parse().unwrap()).await
}

/// An honest viewer comes and is answered.
async fn is_served(tracker: &Tracker, peer: u8) {
    let mut viewer = tracker.client().await;
    viewer.announce(peer).await;
    assert!(viewer.hear().await.is_some());
}

/// Half-open sockets from so many addresses; those that are still there, most of them in the middle of a request.
async fn storm(tracker: &Tracker, addresses: u8) -> Vec<TcpStream> {
    let mut sockets = Vec::with_capacity(SOCKETS);
    for n in 0..SOCKETS {
        let host = u8::try_from(n % usize::from(addresses)).unwrap() + 10;
        let mut socket = connect_from([127, 0, 1, host], &tracker.address)
            .await
            .unwrap();
        // Turned away meanwhile, it cannot be written to.
        let _ = socket.write_all(b"GET / HTTP/1.1\r\nX-Slow: ").await;
        sockets.push(socket);
    }
    sockets
}

fn has_files() -> bool {
    let (needed, are) = (SOCKETS + 1_000, files());
    if are < needed {
        eprintln!("skipped: {are} open files are allowed, not {needed}; ulimit -n {needed}");
    }
    are >= needed
}

#[tokio::test]
async fn ten_thousand_half_open_sockets_of_one_address_keep_nobody_else_out() {
    if !has_files() {
        return;
    }
    let tracker = Tracker::start("");
    is_served(&tracker, 1).await;
    let before = memory(&tracker);
    let sockets = storm(&tracker, 1).await;
    is_served(&tracker, 2).await;
    let grown = memory(&tracker).saturating_sub(before);
    // A quarter of limits.half_open is taken, each with a buffer of 16 KiB at most and what surrounds it.
    assert!(grown < 150_000_000, "{grown} bytes more");
    drop(sockets);
}

#[tokio::test]
async fn ten_thousand_half_open_sockets_of_many_addresses_stay_within_memory() {
    if !has_files() {
        return;
    }
    let tracker = Tracker::start("");
    let mut viewer = tracker.client().await;
    let before = memory(&tracker);
    let sockets = storm(&tracker, 40).await;
    viewer.announce(1).await;
    assert!(viewer.hear().await.is_some(), "who is in is served");
    let grown = memory(&tracker).saturating_sub(before);
    assert!(grown < 400_000_000, "{grown} bytes more");
    // They end by time, and everybody may come again.
    let back = async {
        while Client::connect(&tracker.address, &[]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(3 * PATIENCE, back).await.unwrap();
    drop(sockets);
}

/// What stands below a client's frames.
fn raw(client: &mut Client) -> &mut TcpStream {
    match client.0.get_mut() {
        MaybeTlsStream::Plain(socket) => socket,
        other => panic!("{other:?}"),
    }
}

/// The head of a masked frame that claims a length.
fn head(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first, 0x80 | 127];
    head.extend_from_slice(&length.to_be_bytes());
    head.extend_from_slice(&[0; 4]); // the mask
    head
}

/// Whether the other side has ended it.
async fn ends(client: &mut Client) -> bool {
    let socket = raw(client);
    let ended = async {
        let mut bytes = [0; 1_024];
        while matches!(socket.read(&mut bytes).await, Ok(1..)) {}
    };
    timeout(PATIENCE, ended).await.is_ok()
}

#[tokio::test]
async fn a_frame_that_claims_too_much_ends_its_connection_and_is_not_waited_for() {
    let tracker = Tracker::start("");
    let before = memory(&tracker);
    for length in [u64::MAX, 1 << 62, 1 << 40, 1 << 30, 131_073] {
        let mut bad = tracker.client().await;
        raw(&mut bad).write_all(&head(0x81, length)).await.unwrap();
        assert!(ends(&mut bad).await, "{length}");
    }
    // So does a message in pieces without end.
    let mut bad = tracker.client().await;
    let mut first = 0x01;
    for _ in 0..40 {
        let mut piece = head(first, 8_000);
        piece.extend_from_slice(&[b'x'; 8_000]);
        first = 0x00;
        if raw(&mut bad).write_all(&piece).await.is_err() {
            break;
        }
    }
    assert!(ends(&mut bad).await);
    let grown = memory(&tracker).saturating_sub(before);
    assert!(grown < 30_000_000, "{grown} bytes more");
    is_served(&tracker, 1).await;
}

#[tokio::test]
async fn frames_that_never_end_cost_what_was_sent_and_keep_nobody_out() {
    let tracker = Tracker::start("");
    is_served(&tracker, 1).await;
    let before = memory(&tracker);
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut client = tracker.client().await;
        // As long as may be; a thousandth of it comes.
        raw(&mut client)
            .write_all(&head(0x81, 131_072))
            .await
            .unwrap();
        raw(&mut client).write_all(&[b'x'; 131]).await.unwrap();
        slow.push(client);
    }
    is_served(&tracker, 2).await;
    let grown = memory(&tracker).saturating_sub(before);
    assert!(grown < 200 * 200_000, "{grown} bytes more");
}

#[tokio::test]
async fn rubbish_before_and_behind_the_handshake_is_survived() {
    let tracker = Tracker::start("limits.per_address = false\n");
    is_served(&tracker, 1).await;
    let before = memory(&tracker);
    let mut rng = Rng::new(7);
    let mut bytes = [0; 600];
    for _ in 0..300 {
        rng.fill(&mut bytes);
        let mut socket = TcpStream::connect(&tracker.address).await.unwrap();
        let _ = socket.write_all(&bytes).await; // it may be ended in the middle of it
    }
    let good = announce(9).encode();
    for round in 0..300 {
        let mut client = tracker.client().await;
        // Bytes that are no frames; then texts that are nearly messages.
        if round % 3 == 0 {
            rng.fill(&mut bytes);
            let _ = raw(&mut client).write_all(&bytes).await;
            continue;
        }
        for _ in 0..10 {
            let mut text: Vec<u8> = good.clone().into_bytes();
            for _ in 0..=rng.below(6) {
                let length = u32::try_from(text.len()).unwrap();
                let place = usize::try_from(rng.below(length)).unwrap();
                match rng.below(3) {
                    0 => text[place] = u8::try_from(rng.below(128)).unwrap(),
                    1 => drop(text.drain(..place)),
                    _ => text.truncate(place + 1),
                }
            }
            let text = String::from_utf8_lossy(&text).into_owned();
            if client.0.send(Message::Text(text.into())).await.is_err() {
                break; // ten that cannot be read are enough
            }
        }
    }
    is_served(&tracker, 2).await;
    let grown = memory(&tracker).saturating_sub(before);
    assert!(grown < 50_000_000, "{grown} bytes more");
    tracker.signal("TERM");
    let (code, log) = tracker.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("panicked"), "{log}");
}
