//! A viewer's socket to the tracker.
//!
//! Invariant: nothing is heard on a socket that is closed.

use super::crowd::Crowd;
use super::office::{Letter, connection};
use crate::base::TrackerId;
use crate::engine::Input;
use crate::tracker::ConnectionId;

/// The tracker of every engine.
pub(super) const TRACKER: TrackerId = TrackerId(0);
/// A socket's TCP, TLS and WebSocket handshakes, round trips. The tracker has it open half of one before
/// the viewer does.
const SOCKET_ROUND_TRIPS: u32 = 3;

impl Crowd {
    pub(super) fn open_socket(&mut self, viewer: usize) {
        let it = &mut self.viewers[viewer];
        it.sockets += 1;
        let connection = connection(viewer, it.sockets);
        it.connection = Some(connection);
        let span = it.latency * (2 * SOCKET_ROUND_TRIPS - 1);
        self.write(span, Letter::Opens(connection));
    }

    /// A socket's handshakes are over, or it closed.
    pub(super) fn on_socket(&mut self, viewer: usize, connection: ConnectionId, open: bool) {
        if self.viewers[viewer].connection != Some(connection) {
            return;
        }
        let tracker = TRACKER;
        if open {
            self.tell(viewer, Input::TrackerOpened { tracker });
        } else {
            self.viewers[viewer].connection = None;
            self.tell(viewer, Input::TrackerClosed { tracker });
        }
    }

    pub(super) fn send_tracker(&mut self, viewer: usize, text: String) {
        let it = &self.viewers[viewer];
        if let Some(connection) = it.connection {
            self.write(it.latency, Letter::Says(connection, text));
        }
    }

    pub(super) fn close_socket(&mut self, viewer: usize) {
        let it = &mut self.viewers[viewer];
        if let Some(connection) = it.connection.take() {
            let span = it.latency;
            self.write(span, Letter::Closes(connection));
        }
    }
}
