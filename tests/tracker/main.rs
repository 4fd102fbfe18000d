//! `swarmline tracker` as an operator runs it: the binary, its settings, signals and both listeners.
//! Frames and limits are `tracker_websocket`'s, the rules themselves are tested beside the tracker.

#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, reason = "a test: what cannot be is a failure")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "it writes settings and speaks to sockets"
)]

mod admin;
mod api;
mod deploy;
mod doors;
mod faults;
mod geoip;
mod ledger;
mod nodes;
mod operators;
mod seal;
mod settings;
mod tickets;
mod tokens;
mod turn;

use futures_util::{SinkExt, StreamExt};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream as StdStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use swarmline::base::{InfoHash, PeerId};
use swarmline::wire::{Extensions, FromTracker, ToTracker, info_hash_of};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PATIENCE: Duration = Duration::from_secs(20);
const TOKEN: &str = "0123456789abcdef0123";

/// A folder that is gone with its test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "swarmline-tracker-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        // In one step: who reads it meanwhile finds the one or the other.
        let draft = self.0.join("draft");
        std::fs::write(&draft, text).unwrap();
        std::fs::rename(&draft, &path).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarmline"));
    command.arg("tracker");
    command
}

/// A tracker that runs, with settings of its own.
struct Tracker {
    child: Child,
    folder: Folder,
    address: String,
    admin: String,
}

impl Tracker {
    /// Ports are free ones; `settings` may name all others.
    fn start(settings: &str) -> Self {
        let folder = Folder::new();
        let token = folder.write("token", &format!("{TOKEN}\n"));
        let config = folder.write("tracker.toml", settings);
        let mut command = command();
        command.args(["--json", "--listen", "127.0.0.1:0", "--config", &config]);
        command.args(["--set", "admin.listen=127.0.0.1:0"]);
        command.args(["--set", &format!("admin.token_file={token}")]);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        let host = |name: &str| {
            let url = said[name].as_str().unwrap_or_default();
            url.split('/').nth(2).unwrap_or_default().to_owned()
        };
        Self {
            address: host("url"),
            admin: host("admin"),
            child,
            folder,
        }
    }

    fn configure(&self, settings: &str) {
        self.folder.write("tracker.toml", settings);
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// What it logged, when it has ended.
    fn ended(mut self) -> (Option<i32>, String) {
        let mut log = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code(), log)
    }

    async fn client(&self) -> Client {
        Client::connect(&self.address, &[]).await.unwrap()
    }

    /// The status with which a client is refused; 101 if it is not.
    async fn status(&self, headers: &[(&'static str, &str)]) -> u16 {
        match Client::connect(&self.address, headers).await {
            Ok(_) => 101,
            Err(Error::Http(response)) => response.status().as_u16(),
            Err(other) => panic!("{other}"),
        }
    }

    /// A request of the operator: status and body.
    fn ask(&self, line: &str, body: &str) -> (u16, String) {
        http(&self.admin, line, &format!("Bearer {TOKEN}"), body)
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn http(address: &str, line: &str, authorization: &str, body: &str) -> (u16, String) {
    let mut socket = StdStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {authorization}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn connect(address: &str, headers: &[(&'static str, &str)]) -> Result<Self, Error> {
        let mut request = format!("ws://{address}/").into_client_request()?;
        for (name, value) in headers {
            let value = value.parse().unwrap();
            request.headers_mut().append(*name, value);
        }
        let connected = timeout(PATIENCE, connect_async(request)).await.unwrap();
        connected.map(|(socket, _)| Self(socket))
    }

    async fn announce(&mut self, peer: u8) {
        let text = announce(peer).encode();
        self.0.send(Message::Text(text.into())).await.unwrap();
    }

    /// The next message; `None` when the socket has ended.
    async fn hear(&mut self) -> Option<FromTracker> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.unwrap() {
                Some(Ok(Message::Text(text))) => return Some(FromTracker::decode(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The code with which the tracker ends it.
    async fn end(&mut self) -> Option<u16> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.unwrap() {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// Links and bytes a second that the next answer allows.
    async fn caps(&mut self) -> (Option<u32>, Option<u64>) {
        let heard = self.hear().await;
        let Some(FromTracker::Announced {
            max_peers,
            upload_limit,
            ..
        }) = heard
        else {
            panic!("{heard:?}");
        };
        (max_peers, upload_limit)
    }
}

fn room() -> InfoHash {
    info_hash_of("https://cdn.example/live.m3u8")
}

/// As our engine announces.
fn announce(peer: u8) -> ToTracker {
    ToTracker::Announce {
        info_hash: room(),
        peer: PeerId([peer; 20]),
        event: None,
        uploaded: 0,
        downloaded: 0,
        left: None,
        offers: Vec::new(),
        numwant: 0,
        takes_policy: true,
        extensions: Extensions {
            asks_receipts: true,
            ..Extensions::default()
        },
    }
}
