//! The tracker over real sockets: what clients see of it. The rules themselves are tested in virtual
//! time beside the tracker; here are the shell's: frames, limits, refusals, the end.

#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "a test: what cannot be is a failure")]

use futures_util::{SinkExt, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use swarmline::base::{InfoHash, PeerId};
use swarmline::server::{AddressQuota, Limits, State, quota, serve};
use swarmline::tracker::Config;
use swarmline::wire::{Extensions, FromTracker, Grants, Offer, Scraped, ToTracker};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const HASH: InfoHash = InfoHash([0xd2; 20]);
const PATIENCE: Duration = Duration::from_secs(10);

struct Server {
    state: Arc<State>,
    address: String,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Server {
    async fn start(config: Config, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = State::new(config, limits);
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            let _ = stopped.await;
        };
        let served = tokio::spawn(serve(listener, state.clone(), stopped));
        Self {
            state,
            address,
            stop,
            served,
        }
    }

    async fn plain() -> Self {
        Self::start(Config::default(), Limits::default()).await
    }

    async fn client(&self) -> Client {
        Client::connect(&format!("ws://{}/", self.address))
            .await
            .unwrap()
    }

    /// The status a refused client sees.
    async fn refusal(&self) -> u16 {
        match Client::connect(&format!("ws://{}/", self.address)).await {
            Ok(_) => panic!("was let in"),
            Err(Error::Http(response)) => response.status().as_u16(),
            Err(other) => panic!("{other}"),
        }
    }

    /// One plain HTTP request: the head and body of the answer.
    async fn get(&self, path: &str) -> String {
        let mut socket = TcpStream::connect(&self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn connections(&self, expected: usize) {
        let reached = async {
            while self.state.stats().connections != expected {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let reached = timeout(PATIENCE, reached).await;
        assert!(reached.is_ok(), "{:?}, not {expected}", self.state.stats());
    }
}

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn connect(url: &str) -> Result<Self, Error> {
        timeout(PATIENCE, connect_async(url))
            .await
            .unwrap()
            .map(|(socket, _)| Self(socket))
    }

    async fn say(&mut self, message: &ToTracker) {
        self.0
            .send(Message::Text(message.encode().into()))
            .await
            .unwrap();
    }

    async fn hear(&mut self) -> FromTracker {
        FromTracker::decode(&self.hear_text().await).unwrap()
    }

    async fn hear_text(&mut self) -> String {
        loop {
            match timeout(PATIENCE, self.0.next()).await.unwrap() {
                Some(Ok(Message::Text(text))) => return text.as_str().to_owned(),
                Some(Ok(Message::Ping(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Reads until the end; the code and words of the close frame, if there was one.
    async fn end(&mut self) -> Option<(CloseCode, Utf8Bytes)> {
        let mut close = None;
        loop {
            match timeout(PATIENCE, self.0.next()).await.unwrap() {
                Some(Ok(Message::Close(frame))) => {
                    close = frame.map(|frame| (frame.code, frame.reason));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return close,
            }
        }
    }

    async fn failure(&mut self) -> String {
        let heard = self.hear().await;
        let FromTracker::Failure { reason, .. } = heard else {
            panic!("{heard:?}");
        };
        reason
    }
}

fn announce(peer: u8, offers: usize) -> ToTracker {
    let offer = |n| Offer {
        offer_id: format!("{peer}-{n}"),
        sdp: "v=0\r\n".repeat(400).as_str().into(), // 2,000 bytes, as a browser's
    };
    ToTracker::Announce {
        info_hash: HASH,
        peer: PeerId([peer; 20]),
        event: Some("started".into()),
        uploaded: 0,
        downloaded: 0,
        left: None,
        offers: (0..offers).map(offer).collect(),
        numwant: 5,
        takes_policy: false,
        extensions: Extensions::default(),
    }
}

#[tokio::test]
async fn an_offer_finds_a_peer_and_its_answer_the_way_back() {
    let server = Server::plain().await;
    let mut anna = server.client().await;
    anna.say(&announce(1, 0)).await;
    let expected = FromTracker::Announced {
        info_hash: HASH,
        interval_s: 120,
        complete: 0,
        incomplete: 1,
        warning: None,
        takes_votes: true,
        max_peers: None,
        upload_limit: None,
        grants: Grants::default(),
    };
    assert_eq!(anna.hear().await, expected);

    let signal = format!("ws://{}/api/p2p/signal", server.address);
    let mut ben = Client::connect(&signal).await.unwrap();
    // Ten offers of a browser's size in one frame, as stock clients of older versions send them.
    ben.say(&announce(2, 10)).await;
    assert!(matches!(
        ben.hear().await,
        FromTracker::Announced { incomplete: 2, .. }
    ));
    let FromTracker::Offered {
        info_hash,
        peer,
        offer_id,
        sdp,
    } = anna.hear().await
    else {
        panic!("no offer");
    };
    assert_eq!(
        (info_hash, peer, sdp.text().len()),
        (HASH, PeerId([2; 20]), 2_000)
    );
    let answer = ToTracker::Answer {
        info_hash,
        peer: PeerId([1; 20]),
        to_peer: peer,
        offer_id: offer_id.clone(),
        sdp: "v=0 answer".into(),
    };
    anna.say(&answer).await;
    let expected = FromTracker::Answered {
        info_hash: HASH,
        peer: PeerId([1; 20]),
        offer_id,
        sdp: "v=0 answer".into(),
    };
    assert_eq!(ben.hear().await, expected);

    let scrape = ToTracker::Scrape {
        info_hashes: vec![HASH],
    };
    let of = |incomplete| Scraped {
        swarms: vec![(HASH, 0, incomplete, 0)],
    };
    ben.say(&scrape).await;
    assert_eq!(Scraped::decode(&ben.hear_text().await), Ok(of(2)));
    drop(anna);
    server.connections(1).await;
    ben.say(&scrape).await;
    assert_eq!(Scraped::decode(&ben.hear_text().await), Ok(of(1)));
}

#[tokio::test]
async fn a_peer_id_of_another_connection_is_refused() {
    let server = Server::plain().await;
    let (mut owner, mut thief) = (server.client().await, server.client().await);
    owner.say(&announce(1, 0)).await;
    owner.hear().await;
    thief.say(&announce(1, 0)).await;
    assert!(thief.failure().await.contains("another connection"));
    drop(owner);
    server.connections(1).await;
    thief.say(&announce(1, 0)).await;
    assert!(matches!(
        thief.hear().await,
        FromTracker::Announced { incomplete: 1, .. }
    ));
}

#[tokio::test]
async fn json_in_a_binary_frame_is_read_and_garbage_is_told() {
    let server = Server::plain().await;
    let mut client = server.client().await;
    let bytes = announce(1, 0).encode().into_bytes();
    client.0.send(Message::Binary(bytes.into())).await.unwrap();
    assert!(matches!(client.hear().await, FromTracker::Announced { .. }));
    for garbage in [
        Message::Binary(vec![0xff; 9].into()),
        Message::Text("[]".into()),
    ] {
        client.0.send(garbage).await.unwrap();
        assert!(client.failure().await.contains("not a tracker message"));
    }
    for _ in 0..20 {
        let _ = client.0.send(Message::Text("{}".into())).await;
    }
    let (code, words) = client.end().await.unwrap();
    assert_eq!(code, CloseCode::Policy, "{words}");
}

#[tokio::test]
async fn messages_over_the_limit_end_the_connection_and_no_other() {
    let server = Server::plain().await;
    let mut neighbour = server.client().await;
    for (length, expected) in [
        (65 * 1024, CloseCode::Size),
        (1024 * 1024, CloseCode::Protocol),
    ] {
        let mut client = server.client().await;
        let _ = client
            .0
            .send(Message::Text(" ".repeat(length).into()))
            .await;
        // Of the longer one not all was read: a reset may overtake the words.
        let end = client.end().await;
        assert!(end.is_none_or(|(code, _)| code == expected), "{length}");
        server.connections(1).await;
    }
    neighbour.say(&announce(1, 0)).await;
    assert!(matches!(
        neighbour.hear().await,
        FromTracker::Announced { .. }
    ));
}

#[tokio::test]
async fn a_flood_ends_the_connection() {
    let limits = Limits {
        frames: quota(1, 10),
        ..Limits::default()
    };
    let server = Server::start(Config::default(), limits).await;
    let mut client = server.client().await;
    for _ in 0..11 {
        client.say(&announce(1, 0)).await;
    }
    let (code, words) = client.end().await.unwrap();
    assert_eq!(
        (code, words.as_str()),
        (CloseCode::Policy, "too many messages, slow down")
    );
    server.connections(0).await;
}

#[tokio::test]
async fn an_address_has_limits_of_its_own() {
    let address = AddressQuota {
        connects: quota(1, 4),
        frames: quota(1, 3),
        sockets: 2,
    };
    let limits = Limits {
        address: Some(address),
        ..Limits::default()
    };
    let server = Server::start(Config::default(), limits).await;
    let (mut one, mut two) = (server.client().await, server.client().await);
    assert_eq!(server.refusal().await, 429, "a third socket");
    for _ in 0..2 {
        one.say(&announce(1, 0)).await;
        two.say(&announce(2, 0)).await;
    }
    let ended = async {
        tokio::select! {
            one = one.end() => one,
            two = two.end() => two,
        }
    };
    let (code, _) = ended.await.unwrap();
    assert_eq!(code, CloseCode::Policy, "a fourth frame of the address");
    drop((one, two));
    server.connections(0).await;
    let _last = server.client().await;
    assert_eq!(
        server.refusal().await,
        429,
        "a fifth connect within a second"
    );
}

#[tokio::test]
async fn a_full_tracker_says_so() {
    let config = Config {
        connections_max: 1,
        ..Config::default()
    };
    let server = Server::start(config, Limits::default()).await;
    let first = server.client().await;
    assert_eq!(server.refusal().await, 503);
    drop(first);
    server.connections(0).await;
    server.client().await;
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_dropped() {
    let limits = Limits {
        queue: 4,
        write: Duration::from_secs(60),
        frames: quota(10_000, 100_000),
        address: None,
        ..Limits::default()
    };
    let server = Server::start(Config::default(), limits).await;
    let mut slow = server.client().await;
    slow.say(&announce(1, 0)).await;
    slow.hear().await;
    let mut busy = server.client().await;
    // Every announce hands `slow` 15 KiB; what the kernel's buffers hold (some MiB) fills up.
    let big = |n: usize| {
        let mut message = announce(2, 1);
        if let ToTracker::Announce { offers, .. } = &mut message {
            offers[0].sdp = "x".repeat(15_000).as_str().into();
            offers[0].offer_id = format!("{n}");
        }
        message
    };
    let flood = async {
        let mut n = 0;
        while server.state.stats().connections == 2 {
            busy.say(&big(n)).await;
            busy.hear().await;
            n += 1;
        }
    };
    timeout(Duration::from_secs(30), flood).await.unwrap();
    assert_eq!(server.state.stats().peers, 1, "the busy one is left");
}

#[tokio::test]
async fn what_waits_for_all_is_bounded_and_who_reads_stays() {
    let limits = Limits {
        queue: 1_000_000,
        backlog_bytes: 1 << 20,
        write: Duration::from_secs(60),
        frames: quota(10_000, 100_000),
        address: None,
        ..Limits::default()
    };
    let server = Server::start(Config::default(), limits).await;
    let mut mute = Vec::new();
    for peer in 1..=3 {
        let mut client = server.client().await;
        client.say(&announce(peer, 0)).await;
        client.hear().await;
        mute.push(client);
    }
    // It came last, and reads.
    let mut busy = server.client().await;
    let big = || {
        let mut message = announce(9, 3);
        if let ToTracker::Announce { offers, .. } = &mut message {
            for offer in offers {
                offer.sdp = "x".repeat(15_000).as_str().into();
            }
        }
        message
    };
    let flood = async {
        while server.state.stats().connections == 4 {
            busy.say(&big()).await;
            busy.hear().await;
        }
    };
    timeout(Duration::from_secs(60), flood).await.unwrap();
    assert_eq!(server.state.stats().peers, 3);
    // One was enough, and what it held is free again.
    busy.say(&announce(9, 3)).await;
    busy.hear().await;
    server.connections(3).await;
}

#[tokio::test]
async fn a_mute_client_is_pinged_and_ended() {
    let limits = Limits {
        ping: Duration::from_millis(30),
        ..Limits::default()
    };
    let server = Server::start(Config::default(), limits).await;
    // A client that is polled answers pings by itself; this one is not polled.
    let mute = server.client().await;
    let mut live = server.client().await;
    let pings = async {
        let mut seen = 0;
        while seen < 6 {
            match live.0.next().await {
                Some(Ok(Message::Ping(_))) => seen += 1,
                other => panic!("{other:?}"),
            }
        }
    };
    timeout(PATIENCE, pings).await.unwrap();
    server.connections(1).await;
    drop(mute);
}

#[tokio::test]
async fn without_an_upgrade_there_is_text_and_health() {
    let server = Server::plain().await;
    let text = server.get("/").await;
    assert!(
        text.starts_with("HTTP/1.1 200") && text.contains("swarmline tracker"),
        "{text}"
    );
    assert!(
        server
            .get("/api/p2p/signal")
            .await
            .starts_with("HTTP/1.1 426")
    );
    assert!(server.get("/nothing").await.starts_with("HTTP/1.1 404"));
    let mut client = server.client().await;
    client.say(&announce(1, 0)).await;
    client.hear().await;
    let health = server.get("/health").await;
    let (_, body) = health.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        body,
        r#"{"connections":1,"peers":1,"status":"ok","swarms":1}"#
    );
}

#[tokio::test]
async fn closed_it_ends_all_sockets_and_refuses_new_ones_until_it_is_opened() {
    let server = Server::plain().await;
    let mut client = server.client().await;
    server.state.set_open(false);
    server.state.set_open(false);
    assert_eq!(
        client.end().await.map(|(code, _)| code),
        Some(CloseCode::Away)
    );
    assert_eq!(server.refusal().await, 503);
    assert!(server.get("/health").await.starts_with("HTTP/1.1 503"));
    server.state.set_open(true);
    let mut client = server.client().await;
    client.say(&announce(1, 0)).await;
    assert!(matches!(
        client.hear().await,
        FromTracker::Announced { incomplete: 1, .. }
    ));
}

#[tokio::test]
async fn told_to_stop_it_says_goodbye_and_returns() {
    let server = Server::plain().await;
    let mut clients = [server.client().await, server.client().await];
    let half_open = TcpStream::connect(&server.address).await.unwrap();
    drop(half_open);
    server.stop.send(()).unwrap();
    for client in &mut clients {
        assert_eq!(
            client.end().await.map(|(code, _)| code),
            Some(CloseCode::Away)
        );
    }
    timeout(PATIENCE, server.served).await.unwrap().unwrap();
    assert!(TcpStream::connect(&server.address).await.is_err());
}

/// The origin of demo and tests mounts the sockets over its own pages.
#[tokio::test]
async fn mounted_over_other_routes_it_takes_only_its_websockets() {
    use axum::{Router, middleware::from_fn_with_state, routing::get};
    let state = State::new(Config::default(), Limits::default());
    let pages = Router::new()
        .route("/", get(|| async { "the page" }))
        .layer(from_fn_with_state(state, swarmline::server::upgrade));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served = tokio::spawn(async { axum::serve(listener, pages).await });
    let mut client = Client::connect(&format!("ws://{address}/")).await.unwrap();
    client.say(&announce(1, 0)).await;
    assert!(matches!(client.hear().await, FromTracker::Announced { .. }));
    let mut socket = TcpStream::connect(&address).await.unwrap();
    let request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("the page"), "{answer}");
    served.abort();
}
