//! `WebSocket`s to trackers. Decides nothing: when to open, what to say and when to try again is the
//! engine's.
//!
//! Invariant: a socket that closed by itself is told once; one that we closed is not heard of again.

use super::callback::{Callback, Events, Wake, silence};
use crate::base::{SortedMap, TrackerId};
use web_sys::WebSocket;

/// Longest message from a tracker that is read at all, in UTF-16 units.
pub(super) const MESSAGE_MAX: u32 = 256 * 1024;

/// What a socket tells.
const SOCKET: &Events = &[
    ("onopen", Wake::TrackerOpened),
    ("onmessage", Wake::TrackerMessage),
    ("onclose", Wake::TrackerClosed),
];

/// Trackers' sockets by id.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    open: SortedMap<TrackerId, WebSocket>,
}

impl Sockets {
    /// Opens a socket; false if the URL is one the browser refuses outright.
    pub(super) fn open(&mut self, tracker: TrackerId, url: &str, callback: &Callback) -> bool {
        self.close(tracker);
        let Ok(socket) = WebSocket::new(url) else {
            return false;
        };
        callback.hear(&socket, SOCKET, tracker.0);
        self.open.insert(tracker, socket);
        true
    }

    /// Sends a text message; a socket that is not open drops it, its `close` follows.
    pub(super) fn send(&self, tracker: TrackerId, text: &str) {
        if let Some(socket) = self.open.get(&tracker) {
            let _ = socket.send_with_str(text);
        }
    }

    /// Closes a socket for good.
    pub(super) fn close(&mut self, tracker: TrackerId) {
        if let Some(socket) = self.open.remove(&tracker) {
            silence(&socket, SOCKET);
            let _ = socket.close();
        }
    }

    /// Whether the socket is still ours; forgets it if it just closed.
    pub(super) fn closed(&mut self, tracker: TrackerId) -> bool {
        match self.open.remove(&tracker) {
            Some(socket) => {
                silence(&socket, SOCKET);
                true
            }
            None => false,
        }
    }

    /// Closes all.
    pub(super) fn clear(&mut self) {
        for (_, socket) in core::mem::take(&mut self.open) {
            silence(&socket, SOCKET);
            let _ = socket.close();
        }
    }
}
