//! The tracker and its sockets: a clock of its own, half a page ahead of the viewers'.
//!
//! Invariant: what viewers write arrives in one order, whoever wrote first, and nothing is heard on a
//! socket that is closed.

use super::event::Event;
use super::fault::Weather;
use super::queue::Entry;
use super::scenario::Fault;
use crate::base::{Duration, Instant, Network};
use crate::tracker::{self, ConnectionId, Tracker};
use std::collections::BTreeMap;

/// Who speaks when it is the tracker: none of the viewers.
const NOBODY: u32 = u32::MAX;

/// What reaches the tracker.
#[derive(Debug)]
pub(super) enum Letter {
    Opens(ConnectionId),
    Says(ConnectionId, String),
    Closes(ConnectionId),
    /// Its own alarm.
    Wake,
    /// It may have gone away, or come back.
    Weather,
}

/// A viewer's socket as the tracker has it.
#[derive(Clone, Copy, Debug, Default)]
struct Socket {
    open: Option<ConnectionId>,
    /// It was closed by the viewer, and so were those before it.
    closed: Option<ConnectionId>,
}

/// The tracker and its sockets.
#[derive(Debug)]
pub(super) struct Office {
    tracker: Tracker,
    /// By moment, writer, and which of its words.
    letters: BTreeMap<(Instant, u32, u32), Letter>,
    sockets: Vec<Socket>,
    latencies: Vec<Duration>,
    faults: Vec<Fault>,
    was_up: bool,
    armed: bool,
    now: Instant,
    said: u32,
    /// What happens to viewers because of it.
    pub(super) out: Vec<Entry<Event>>,
    /// Messages to and from it.
    pub(super) messages: u64,
}

/// A viewer's socket, by how many it has opened.
pub(super) fn connection(viewer: usize, opened: u32) -> ConnectionId {
    ConnectionId(u64::from(opened) << 32 | viewer as u64)
}

fn owner(connection: ConnectionId) -> u32 {
    u32::try_from(connection.0 & u64::from(u32::MAX)).unwrap_or(NOBODY)
}

impl Office {
    /// To be looked at.
    pub(super) const fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    pub(super) fn new(seed: u64, latencies: &[Duration], faults: &[Fault]) -> Self {
        let mut office = Self {
            tracker: Tracker::new(tracker::Config::default(), seed),
            letters: BTreeMap::new(),
            sockets: vec![Socket::default(); latencies.len()],
            latencies: latencies.to_vec(),
            faults: faults.to_vec(),
            was_up: true,
            armed: false,
            now: Instant::ZERO,
            said: 0,
            out: Vec::new(),
            messages: 0,
        };
        for change in Weather::changes(faults) {
            office.said += 1;
            let key = (change, NOBODY, office.said);
            office.letters.insert(key, Letter::Weather);
        }
        office
    }

    /// The next moment at which anything reaches it.
    pub(super) fn next(&self) -> Option<Instant> {
        self.letters.keys().next().map(|(at, ..)| *at)
    }

    /// A letter is on its way.
    pub(super) fn take(&mut self, at: Instant, number: u32, letter: Letter) {
        let from = match &letter {
            Letter::Opens(from) | Letter::Says(from, _) | Letter::Closes(from) => owner(*from),
            Letter::Wake | Letter::Weather => NOBODY,
        };
        self.letters.insert((at, from, number), letter);
    }

    /// Reads what arrives before `end`.
    pub(super) fn live(&mut self, end: Instant) {
        while let Some(entry) = self.letters.first_entry()
            && entry.key().0 < end
        {
            let ((at, ..), letter) = entry.remove_entry();
            self.now = at;
            self.read(letter);
        }
    }

    fn read(&mut self, letter: Letter) {
        match letter {
            Letter::Opens(connection) => self.open(connection),
            Letter::Says(connection, text) => {
                if self.socket(connection).open == Some(connection) {
                    self.messages += 1;
                    self.tell(tracker::Input::Message { connection, text });
                }
            }
            Letter::Closes(connection) => {
                let socket = self.socket(connection);
                socket.closed = socket.closed.max(Some(connection));
                if socket.open == Some(connection) {
                    socket.open = None;
                    self.tell(tracker::Input::Closed { connection });
                }
            }
            Letter::Wake => {
                self.armed = false;
                self.tell(tracker::Input::Timeout);
            }
            Letter::Weather => self.on_weather(),
        }
    }

    fn socket(&mut self, connection: ConnectionId) -> &mut Socket {
        &mut self.sockets[owner(connection) as usize]
    }

    fn open(&mut self, connection: ConnectionId) {
        let is_up = Weather::at(self.now, &self.faults).tracker_up;
        let socket = self.socket(connection);
        if socket.closed >= Some(connection) {
            return;
        }
        if is_up {
            socket.open = Some(connection);
            // Every viewer lives in a network of its own.
            let [_, a, b, c] = owner(connection).to_be_bytes();
            let network = Some(Network::V4([a, b, c]));
            self.tell(tracker::Input::Opened {
                connection,
                visitor: tracker::Visitor {
                    network,
                    ..tracker::Visitor::default()
                },
            });
        }
        self.answer(connection, Event::Socket(connection, is_up));
    }

    /// What reaches a socket's viewer a moment later.
    fn answer(&mut self, connection: ConnectionId, thing: Event) {
        let to = owner(connection);
        self.said += 1;
        self.out.push(Entry {
            at: self.now + self.latencies[to as usize],
            to,
            from: NOBODY,
            number: self.said,
            thing,
        });
    }

    fn tell(&mut self, input: tracker::Input) {
        self.tracker.handle_input(self.now, input);
        while let Some(output) = self.tracker.poll_output() {
            match output {
                tracker::Output::Send { connection, text } => {
                    if self.socket(connection).open == Some(connection) {
                        self.messages += 1;
                        self.answer(connection, Event::FromTracker(connection, text));
                    }
                }
                tracker::Output::Record(_)
                | tracker::Output::Earned { .. }
                | tracker::Output::Tell { .. } => {}
                tracker::Output::Close { connection, .. } => {
                    if self
                        .socket(connection)
                        .open
                        .take_if(|it| *it == connection)
                        .is_some()
                    {
                        self.answer(connection, Event::Socket(connection, false));
                    }
                }
            }
        }
        if !self.armed
            && let Some(at) = self.tracker.next_timeout()
        {
            self.armed = true;
            self.said += 1;
            self.take(at.max(self.now), self.said, Letter::Wake);
        }
    }

    fn on_weather(&mut self) {
        let is_up = Weather::at(self.now, &self.faults).tracker_up;
        if core::mem::replace(&mut self.was_up, is_up) && !is_up {
            for index in 0..self.sockets.len() {
                if let Some(connection) = self.sockets[index].open.take() {
                    self.tell(tracker::Input::Closed { connection });
                    self.answer(connection, Event::Socket(connection, false));
                }
            }
        }
    }
}
