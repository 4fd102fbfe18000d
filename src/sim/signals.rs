//! The tracker's sockets, and the weather that closes them.
//!
//! Invariant: nothing is heard on a socket that is closed.

use super::event::Event;
use super::fault::Weather;
use super::world::World;
use crate::base::{Duration, Network, TrackerId};
use crate::engine::Input;
use crate::tracker::{self, ConnectionId};

/// The tracker of every engine.
pub(super) const TRACKER: TrackerId = TrackerId(0);
/// A socket's TCP, TLS and WebSocket handshakes, round trips.
const SOCKET_ROUND_TRIPS: u32 = 3;

impl World<'_> {
    pub(super) fn open_socket(&mut self, viewer: usize) {
        let connection = ConnectionId(self.sockets.len() as u64);
        self.sockets.push(None);
        let it = &mut self.viewers[viewer];
        it.connection = Some(connection);
        let span = it.latency * 2 * SOCKET_ROUND_TRIPS;
        self.later(span, Event::Socket(viewer, connection, true));
    }

    /// A socket's handshakes are over, or it closed.
    pub(super) fn on_socket(&mut self, viewer: usize, connection: ConnectionId, open: bool) {
        if self.viewers[viewer].connection != Some(connection) {
            return;
        }
        let tracker = TRACKER;
        if open && self.weather.tracker_up {
            self.set_socket(connection, Some(viewer));
            // Every viewer lives in a network of its own.
            let [.., a, b, c] = (viewer as u64).to_be_bytes();
            let network = Some(Network::V4([a, b, c]));
            self.tell_tracker(tracker::Input::Opened {
                connection,
                network,
            });
            self.tell(viewer, Input::TrackerOpened { tracker });
        } else {
            self.viewers[viewer].connection = None;
            self.tell(viewer, Input::TrackerClosed { tracker });
        }
    }

    pub(super) fn send_tracker(&mut self, viewer: usize, text: String) {
        let it = &self.viewers[viewer];
        if let Some(connection) = it.connection {
            self.later(it.latency, Event::ToTracker(connection, text));
        }
    }

    pub(super) fn close_socket(&mut self, viewer: usize) {
        if let Some(connection) = self.viewers[viewer].connection.take()
            && self.socket_owner(connection).is_some()
        {
            self.set_socket(connection, None);
            self.tell_tracker(tracker::Input::Closed { connection });
        }
    }

    pub(super) fn socket_owner(&self, connection: ConnectionId) -> Option<usize> {
        let index = usize::try_from(connection.0).ok()?;
        self.sockets.get(index).copied().flatten()
    }

    pub(super) fn set_socket(&mut self, connection: ConnectionId, owner: Option<usize>) {
        let index = usize::try_from(connection.0).unwrap_or(usize::MAX);
        if let Some(socket) = self.sockets.get_mut(index) {
            *socket = owner;
        }
    }

    pub(super) fn on_to_tracker(&mut self, connection: ConnectionId, text: String) {
        if self.socket_owner(connection).is_some() {
            self.tracker_messages += 1;
            self.tell_tracker(tracker::Input::Message { connection, text });
        }
    }

    pub(super) fn tell_tracker(&mut self, input: tracker::Input) {
        self.tracker.handle_input(self.now, input);
        while let Some(output) = self.tracker.poll_output() {
            match output {
                tracker::Output::Send { connection, text } => {
                    if let Some(viewer) = self.socket_owner(connection) {
                        self.tracker_messages += 1;
                        let span = self.viewers[viewer].latency;
                        self.later(span, Event::FromTracker(viewer, connection, text));
                    }
                }
                tracker::Output::Close { connection, .. } => {
                    if let Some(viewer) = self.socket_owner(connection) {
                        self.set_socket(connection, None);
                        let span = self.viewers[viewer].latency;
                        self.later(span, Event::Socket(viewer, connection, false));
                    }
                }
            }
        }
        if !self.tracker_armed
            && let Some(at) = self.tracker.next_timeout()
        {
            self.tracker_armed = true;
            self.queue.push(at.max(self.now), Event::TrackerWakes);
        }
    }

    pub(super) fn on_weather(&mut self) {
        let was_up = self.weather.tracker_up;
        self.weather = Weather::at(self.now, &self.faults);
        if was_up && !self.weather.tracker_up {
            for index in 0..self.sockets.len() {
                if let Some(viewer) = self.sockets[index].take() {
                    let connection = ConnectionId(index as u64);
                    self.tell_tracker(tracker::Input::Closed { connection });
                    self.later(Duration::ZERO, Event::Socket(viewer, connection, false));
                }
            }
        }
    }
}
