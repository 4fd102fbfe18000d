//! One WebSocket: frames in, texts out, pings, and its end.
//!
//! Invariant: whatever ends it (client, tracker, limits, shutdown, a panic), dropping [`Admitted`]
//! frees its place in the tracker and in the counts. One task does all, so a reader that does not
//! drain is not read from either.

use super::backlog::Share;
use super::{Limits, State, limits};
use crate::tracker::{CloseReason, ConnectionId};
use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use core::net::IpAddr;
use core::time::Duration;
use governor::DefaultDirectRateLimiter;
use std::sync::Arc;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

/// Pings that may stay unanswered before the connection is taken for dead.
const UNANSWERED_MAX: u32 = 2;

/// How long the client may take to answer our close frame.
const CLOSING: Duration = Duration::from_secs(1);

/// What the shared part keeps of a session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) queue: mpsc::Sender<Command>,
    /// What waits in it.
    pub(super) share: Arc<Share>,
    /// Ends the session wherever it waits.
    pub(super) dropped: Arc<Notify>,
    /// The visitor's, kept while it is here: an operator may ban it.
    pub(super) address: Option<IpAddr>,
}

/// What a session is told.
#[derive(Debug)]
pub(super) enum Command {
    /// Send this.
    Text(String),
    /// Say why and end.
    Close(u16, &'static str),
}

/// A connection that has its place in the tracker.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) state: Arc<State>,
    pub(super) connection: ConnectionId,
    pub(super) address: Option<IpAddr>,
    pub(super) queue: mpsc::Receiver<Command>,
    pub(super) share: Arc<Share>,
    pub(super) dropped: Arc<Notify>,
    pub(super) gate: watch::Receiver<bool>,
}

/// How a session ends.
#[derive(Debug)]
enum End {
    /// The client is gone or cannot be written to; nothing to say.
    Gone,
    /// With a close frame.
    Say(u16, &'static str),
}

impl Session {
    pub(super) fn new(
        limits: &Limits,
        share: Arc<Share>,
        address: Option<IpAddr>,
    ) -> (Self, mpsc::Receiver<Command>) {
        let (queue, receiver) = mpsc::channel(limits.queue.max(1));
        let dropped = Arc::new(Notify::new());
        let session = Self {
            queue,
            share,
            dropped,
            address,
        };
        (session, receiver)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.state.leave(self.connection, self.address);
    }
}

impl Admitted {
    /// Serves the socket until one side ends it.
    pub(super) async fn run(mut self, mut socket: WebSocket) {
        let dropped = self.dropped.clone();
        tokio::select! {
            end = self.exchange(&mut socket) => if let End::Say(code, words) = end {
                tracing::debug!(connection = self.connection.0, words, "ending");
                say_goodbye(&mut socket, code, words).await;
            },
            () = dropped.notified() => {}
        }
    }

    async fn exchange(&mut self, socket: &mut WebSocket) -> End {
        let ping = self.state.limits().ping;
        let mut pings = interval_at(Instant::now() + ping, ping);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let bucket = limits::bucket(self.state.limits());
        let mut unanswered = 0;
        loop {
            tokio::select! {
                _ = self.gate.changed() => {
                    return End::Say(close_code::AWAY, "the tracker goes away, come back later");
                }
                command = self.queue.recv() => {
                    let text = match command {
                        Some(Command::Text(text)) => text,
                        Some(Command::Close(code, words)) => return End::Say(code, words),
                        None => return End::Gone,
                    };
                    let bytes = text.len();
                    if self.write(socket, Message::Text(text.into())).await.is_err() {
                        return End::Gone;
                    }
                    self.share.take(bytes);
                }
                frame = socket.recv() => {
                    unanswered = 0;
                    match frame {
                        Some(Ok(Message::Close(_))) | None => return End::Gone,
                        Some(Ok(frame)) => {
                            if let Some(end) = self.on_frame(&bucket, frame) {
                                return end;
                            }
                        }
                        Some(Err(why)) => {
                            tracing::debug!(connection = self.connection.0, %why, "unreadable");
                            return End::Say(close_code::PROTOCOL, "frame malformed or too long");
                        }
                    }
                }
                _ = pings.tick() => {
                    if unanswered >= UNANSWERED_MAX {
                        return End::Gone;
                    }
                    unanswered += 1;
                    if self.write(socket, Message::Ping(Bytes::new())).await.is_err() {
                        return End::Gone;
                    }
                }
            }
        }
    }

    /// Every frame counts, pings too: each is answered.
    fn on_frame(&self, bucket: &DefaultDirectRateLimiter, frame: Message) -> Option<End> {
        let is_fair = self.state.may_send(self.address);
        if bucket.check().is_err() || !is_fair {
            return Some(End::Say(close_code::POLICY, "too many messages, slow down"));
        }
        let text = match frame {
            Message::Text(text) => text.as_str().to_owned(),
            // Some clients send their JSON in binary frames; what is no text fails as JSON.
            Message::Binary(bytes) => String::from_utf8(bytes.into()).unwrap_or_default(),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => return None,
        };
        self.state.hear(self.connection, text);
        None
    }

    async fn write(&self, socket: &mut WebSocket, message: Message) -> Result<(), ()> {
        match timeout(self.state.limits().write, socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(()),
        }
    }
}

/// The close frame's code for what the tracker does not stand.
pub(super) const fn code_of(reason: CloseReason) -> u16 {
    match reason {
        CloseReason::TooLong => close_code::SIZE,
        CloseReason::Idle | CloseReason::Nonsense => close_code::POLICY,
        CloseReason::Full => close_code::AGAIN,
    }
}

/// Sends a close frame and waits a little for the client's, so that ours is not lost to a reset.
async fn say_goodbye(socket: &mut WebSocket, code: u16, words: &'static str) {
    let frame = Message::Close(Some(CloseFrame {
        code,
        reason: words.into(),
    }));
    let farewell = async {
        if socket.send(frame).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    // The client may be gone or mute: then the socket is simply dropped.
    let _ = timeout(CLOSING, farewell).await;
}
