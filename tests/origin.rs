//! The test origin over real sockets: ranges, CORS, counters, faults, digests, live, the tracker.

#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on fails; it reads files"
)]

use std::path::{Path, PathBuf};
use std::time::Duration;
use swarmline::manifest::Timeline;
use swarmline::origin::{Config, Origin, serve};
use swarmline::server::{Limits, State};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longest an answer may take; a stalled one is given less.
const PATIENCE: Duration = Duration::from_secs(20);

struct Server {
    address: String,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

fn media() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/media")
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(media().join(name)).unwrap()
}

fn config() -> Config {
    Config {
        dirs: vec![("/media".into(), media())],
        live: vec![("/live".into(), media().join("master.m3u8"))],
        live_window: 6,
        sign: true,
        rate_bytes_per_s: None,
        tracker: Some(State::new(
            swarmline::tracker::Config::default(),
            Limits::default(),
        )),
    }
}

impl Server {
    async fn start(config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = oneshot::channel();
        let origin = Origin::new(config).unwrap();
        let stopped = async {
            let _ = stopped.await;
        };
        let task = tokio::spawn(serve(listener, origin, stopped));
        Self {
            address,
            stop,
            task,
        }
    }

    /// One request on a connection of its own; all bytes that come until it closes. `None` when it
    /// closes without an answer.
    async fn ask(&self, method: &str, path: &str, headers: &str) -> Option<Answer> {
        let mut socket = TcpStream::connect(&self.address).await.unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\r\n",
            self.address
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let _ = timeout(PATIENCE, socket.read_to_end(&mut bytes))
            .await
            .unwrap();
        let end = bytes.windows(4).position(|at| at == b"\r\n\r\n")?;
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        Some(Answer {
            status: head[9..12].parse().unwrap(),
            head,
            body: bytes.split_off(end + 4),
        })
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "").await.unwrap()
    }

    async fn range(&self, path: &str, range: &str) -> Answer {
        self.ask("GET", path, &format!("Range: {range}\r\n"))
            .await
            .unwrap()
    }

    async fn order(&self, path: &str) {
        let answer = self
            .ask("POST", &format!("/_origin/{path}"), "")
            .await
            .unwrap();
        assert_eq!(answer.status, 204, "{path}: {}", answer.text());
    }

    async fn counters(&self) -> serde_json::Value {
        self.get("/_origin/counters").await.json()
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        timeout(PATIENCE, self.task)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }
}

#[tokio::test]
async fn files_ranges_and_cors() {
    let server = Server::start(config()).await;
    let path = "/media/segment-03.m4s";
    let file = sample("segment-03.m4s");
    let whole = server.get(path).await;
    assert_eq!((whole.status, &whole.body), (200, &file));
    assert_eq!(whole.header("content-type"), Some("video/iso.segment"));
    assert_eq!(whole.header("cache-control"), Some("no-store"));
    assert_eq!(whole.header("access-control-allow-origin"), Some("*"));
    let exposed = whole.header("access-control-expose-headers").unwrap();
    assert!(exposed.contains("Content-Range") && exposed.contains("Content-Length"));

    let len = file.len();
    for (range, start, end) in [
        ("bytes=10-19", 10, 20),
        ("bytes=1000-", 1000, len),
        ("bytes=-5", len - 5, len),
        ("bytes=5-99999999", 5, len),
    ] {
        let part = server.range(path, range).await;
        assert_eq!(
            (part.status, &part.body[..]),
            (206, &file[start..end]),
            "{range}"
        );
        let told = format!("bytes {start}-{}/{len}", end - 1);
        assert_eq!(part.header("content-range"), Some(told.as_str()));
    }
    for range in ["bytes=99999999-", "bytes=-0"] {
        let none = server.range(path, range).await;
        let told = format!("bytes */{len}");
        assert_eq!(
            (none.status, none.header("content-range")),
            (416, Some(told.as_str()))
        );
    }
    for range in ["bytes=0-1,5-6", "bytes=9-3", "lines=1-2", "bytes=x-"] {
        assert_eq!(server.range(path, range).await.status, 200, "{range}");
    }
    let head = server.ask("HEAD", path, "").await.unwrap();
    let told = len.to_string();
    assert_eq!(
        (head.header("content-length"), head.body.len()),
        (Some(told.as_str()), 0)
    );
    let asked = "Origin: http://a\r\nAccess-Control-Request-Headers: authorization, range\r\n";
    let preflight = server.ask("OPTIONS", path, asked).await.unwrap();
    assert_eq!(preflight.status, 204);
    let allowed = preflight.header("access-control-allow-headers");
    assert_eq!(allowed, Some("authorization, range"));
    assert_eq!(server.ask("PUT", path, "").await.unwrap().status, 405);
    server.stop().await;
}

#[tokio::test]
async fn what_lies_packed_beside_a_page_is_handed_out_to_who_takes_it() {
    let folder = std::env::temp_dir().join(format!("swarmline-packed-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text) in [
        ("a.wasm", "plain"),
        ("a.wasm.br", "packed"),
        ("b.wasm", "alone"),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let mut config = config();
    config.dirs.push(("/pages".to_owned(), folder.clone()));
    let server = Server::start(config).await;
    for (path, headers, text, coding) in [
        (
            "/pages/a.wasm",
            "Accept-Encoding: gzip, br\r\n",
            "packed",
            Some("br"),
        ),
        ("/pages/a.wasm", "Accept-Encoding: gzip\r\n", "plain", None),
        (
            "/pages/a.wasm",
            "Accept-Encoding: br\r\nRange: bytes=0-4\r\n",
            "plain",
            None,
        ),
        ("/pages/b.wasm", "Accept-Encoding: br\r\n", "alone", None),
    ] {
        let answer = server.ask("GET", path, headers).await.unwrap();
        assert_eq!(answer.text(), text, "{path} {headers}");
        assert_eq!(
            answer.header("content-encoding"),
            coding,
            "{path} {headers}"
        );
        assert_eq!(answer.header("content-type"), Some("application/wasm"));
    }
    server.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn nothing_outside_the_folders() {
    let server = Server::start(config()).await;
    for path in [
        "/media/../../Cargo.toml",
        "/media/%2e%2e/%2e%2e/Cargo.toml",
        "/media/..%2f..%2fCargo.toml",
        "/media//etc/passwd",
        "/media/%00",
        "/media/%zz",
        "/media/none.m4s",
        "/mediamedia.m3u8",
        "/unsigned/../../Cargo.toml",
        "/",
    ] {
        let answer = server.get(path).await;
        assert!(
            matches!(answer.status, 400 | 404 | 416),
            "{path}: {}",
            answer.status
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn playlists_are_signed_on_the_way_and_stripped_elsewhere() {
    let server = Server::start(config()).await;
    let signed = server.get("/media/media.m3u8").await;
    let kind = signed.header("content-type");
    assert_eq!(kind, Some("application/vnd.apple.mpegurl"));
    let mut timeline = Timeline::default();
    timeline
        .update_hls("http://127.0.0.1/media/media.m3u8", &signed.text())
        .unwrap();
    let segments = &timeline.tracks()[0].segments;
    assert_eq!(segments.len(), 16);
    for segment in segments {
        let file = sample(segment.url.rsplit('/').next().unwrap());
        assert_eq!(segment.digest.unwrap().size, file.len() as u64);
    }
    let plain = server.get("/unsigned/media/media.m3u8").await;
    assert_eq!(plain.body, sample("media.m3u8"));
    assert_eq!(
        server.get("/unsigned/media/init.mp4").await.body,
        sample("init.mp4")
    );
    assert!(
        !server
            .get("/unsigned/live/media.m3u8")
            .await
            .text()
            .contains("DIGEST")
    );
    assert!(
        server
            .get("/live/media.m3u8")
            .await
            .text()
            .contains("DIGEST")
    );
    assert_eq!(
        server.get("/live/master.m3u8").await.body,
        sample("master.m3u8")
    );
    assert_eq!(server.get("/live/init.mp4").await.body, sample("init.mp4"));
    let first = server.get("/live/media-0.m4s").await;
    assert_eq!(first.status, 200);
    assert_eq!(
        server.get("/unsigned/live/media-0.m4s").await.body,
        first.body
    );
    server.stop().await;
}

#[tokio::test]
async fn counters_count_what_was_sent() {
    let server = Server::start(config()).await;
    server.get("/media/segment-03.m4s?token=1").await;
    server.range("/media/segment-03.m4s", "bytes=0-99").await;
    let playlist = server.get("/media/media.m3u8").await.body.len();
    server.get("/media/make.sh").await;
    let counters = server.counters().await;
    let bytes = sample("segment-03.m4s").len() + 100;
    let file = &counters["files"]["/media/segment-03.m4s"];
    assert_eq!(
        file,
        &serde_json::json!({ "requests": 2, "bytes": bytes, "ranges": 1 })
    );
    assert_eq!(&counters["media"], file);
    assert_eq!(counters["playlists"]["bytes"], playlist);
    assert_eq!(
        (&counters["requests"], &counters["bytes"]),
        (&3.into(), &(bytes + playlist).into())
    );
    assert_eq!(
        counters["files"].as_object().unwrap().len(),
        2,
        "pages do not count"
    );
    server.order("reset").await;
    assert_eq!(server.counters().await["requests"], 0);
    server.stop().await;
}

#[tokio::test]
async fn faults_come_and_go() {
    let server = Server::start(config()).await;
    let (path, file) = ("/media/segment-03.m4s", sample("segment-03.m4s"));
    server.order("fault?kind=down&match=segment-03").await;
    assert!(
        server.ask("GET", path, "").await.is_none(),
        "closed without an answer"
    );
    assert_eq!(server.get("/media/segment-04.m4s").await.status, 200);
    for (kind, status) in [("503", 503), ("404", 404)] {
        server
            .order(&format!("fault?kind={kind}&match=segment-03"))
            .await;
        let answer = server.get(path).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    }
    server.order("fault?kind=corrupt&match=segment-03").await;
    let wrong = server.get(path).await.body;
    let differing = wrong.iter().zip(&file).filter(|(a, b)| a != b).count();
    assert!(wrong.len() == file.len() && differing > 5, "{differing}");
    assert_eq!(
        server.range(path, "bytes=50-149").await.body[..],
        wrong[50..150]
    );
    server.order("fault?kind=truncate&match=segment-03").await;
    assert_eq!(server.get(path).await.body[..], file[..file.len() / 2]);
    server.order("fault?kind=no-range&match=segment-03").await;
    assert_eq!(server.range(path, "bytes=0-9").await.status, 200);
    server.order("fault?kind=none&match=segment-03").await;
    assert_eq!(server.get(path).await.body, file);
    // Without a part: everything but pages.
    server.order("fault?kind=503").await;
    assert_eq!(server.get("/media/media.m3u8").await.status, 503);
    assert_eq!(server.get("/media/make.sh").await.status, 200);
    server.order("fault?kind=none").await;
    assert_eq!(server.get(path).await.status, 200);
    let wrong = server
        .ask("POST", "/_origin/fault?kind=fire", "")
        .await
        .unwrap();
    assert_eq!(wrong.status, 400);
    server.stop().await;
}

#[tokio::test]
async fn slow_and_stalled_answers() {
    let server = Server::start(Config {
        rate_bytes_per_s: Some(400_000),
        ..config()
    })
    .await;
    let path = "/media/segment-03.m4s";
    let since = std::time::Instant::now();
    server.get(path).await;
    // 153 kB at 400 kB/s.
    assert!(
        since.elapsed() > Duration::from_millis(300),
        "{:?}",
        since.elapsed()
    );
    server.order("fault?kind=slow&rate=1000&match=init").await;
    let since = std::time::Instant::now();
    assert_eq!(server.get("/media/init.mp4").await.body, sample("init.mp4"));
    assert!(
        since.elapsed() > Duration::from_millis(1_200),
        "{:?}",
        since.elapsed()
    );
    server.order("fault?kind=stall&match=init").await;
    let stalled = timeout(Duration::from_millis(300), server.get("/media/init.mp4")).await;
    assert!(stalled.is_err());
    // The client is gone; what was handed over counts.
    let counters = server.counters().await;
    let bytes = sample("init.mp4").len();
    assert_eq!(
        counters["files"]["/media/init.mp4"]["bytes"],
        bytes + bytes / 2
    );
    server.stop().await;
}

#[tokio::test]
async fn a_narrow_link_gives_the_same_bytes() {
    let server = Server::start(config()).await;
    let path = "/media/init.mp4";
    server.order("shape?latency_ms=1&rate=1000000").await;
    assert_eq!(server.get(path).await.body, sample("init.mp4"));
    server.order("shape").await;
    assert_eq!(server.get(path).await.body, sample("init.mp4"));
    server.stop().await;
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_stalled_answer() {
    let server = Server::start(config()).await;
    server.order("fault?kind=stall").await;
    let mut socket = TcpStream::connect(&server.address).await.unwrap();
    socket
        .write_all(b"GET /media/init.mp4 HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let mut start = [0; 16];
    socket.read_exact(&mut start).await.unwrap();
    let since = std::time::Instant::now();
    server.stop().await;
    assert!(since.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn the_tracker_shares_the_port_and_can_be_lost() {
    let server = Server::start(config()).await;
    let url = format!("ws://{}/", server.address);
    let (_socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    server.order("tracker?on=false").await;
    assert!(tokio_tungstenite::connect_async(&url).await.is_err());
    server.order("tracker?on=true").await;
    let signal = format!("ws://{}/api/p2p/signal", server.address);
    assert!(tokio_tungstenite::connect_async(&signal).await.is_ok());
    server.stop().await;
    let lonely = Server::start(Config {
        tracker: None,
        ..config()
    })
    .await;
    let url = format!("ws://{}/", lonely.address);
    assert!(tokio_tungstenite::connect_async(&url).await.is_err());
    lonely.stop().await;
}

#[test]
fn a_missing_folder_is_said_by_name() {
    let dirs = vec![("/media".into(), media().join("none"))];
    let error = Origin::new(Config {
        dirs,
        ..Config::default()
    })
    .unwrap_err();
    assert!(
        error.0.contains("none") && error.0.contains("no such folder"),
        "{error}"
    );
}
