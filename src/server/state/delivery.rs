//! The tracker and who is connected to it, under one lock: what it says goes to whom it is for.
//!
//! Invariant: who does not read as fast as it is written to is dropped, and so are the newest of those whom most waits for
//! when too much waits for all; nothing here waits.

use crate::base::Instant;
use crate::server::around::{Carry, Ledger};
use crate::server::backlog::Backlog;
use crate::server::session::{Command, Session, code_of};
use crate::tracker::{ConnectionId, Credit, Input, Output, Tracker, Writer};
use core::net::IpAddr;
use core::sync::atomic::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Core {
    pub(super) tracker: Tracker,
    pub(super) ledger: Option<Arc<dyn Ledger>>,
    pub(super) carrier: Option<Arc<dyn Carry>>,
    pub(super) sessions: HashMap<ConnectionId, Session>,
    pub(super) backlog: Arc<Backlog>,
    pub(super) sockets: HashMap<IpAddr, usize>,
    pub(super) next_connection: u64,
    pub(super) has_timer: bool,
}

impl Core {
    /// Hands the tracker's outputs to the sessions. Who does not read as fast as it is written to is
    /// dropped: its queue is full. Returns how many were.
    pub(super) fn deliver(&mut self, now: Instant) -> u64 {
        let mut slow = 0;
        while let Some(output) = self.tracker.poll_output() {
            let (connection, command, is_last) = match output {
                Output::Send { connection, text } => (connection, Command::Text(text), false),
                Output::Close { connection, reason } => {
                    let command = Command::Close(code_of(reason), reason.words());
                    (connection, command, true)
                }
                Output::Tell { to, text } => {
                    if let Some(carrier) = &self.carrier {
                        carrier.carry(to, text);
                    }
                    continue;
                }
                Output::Record(record) => {
                    if let Some(ledger) = &self.ledger {
                        ledger.record(record);
                    }
                    continue;
                }
                Output::Earned { writer, credit } => {
                    self.keep(writer, credit);
                    continue;
                }
            };
            let Some(session) = self.sessions.get(&connection) else {
                continue;
            };
            if let Command::Text(text) = &command {
                session.share.add(text.len());
            }
            let is_slow = session.queue.try_send(command).is_err();
            if is_slow {
                tracing::debug!(connection = connection.0, "reads too slowly, dropped");
                slow += 1;
                session.dropped.notify_one();
                self.tracker.handle_input(now, Input::Closed { connection });
            }
            if is_slow || is_last {
                self.sessions.remove(&connection);
            }
        }
        if self.backlog.is_over() {
            self.shed(now);
        }
        slow
    }

    /// More waits for readers than memory is there for.
    fn shed(&mut self, now: Instant) {
        let holders = self.sessions.iter();
        let holders = holders.map(|(connection, session)| (*connection, session.share.bytes()));
        for connection in self.backlog.pick(holders) {
            if let Some(session) = self.sessions.remove(&connection) {
                tracing::debug!(connection = connection.0, "too much waits for all, dropped");
                session.share.give_up();
                session.dropped.notify_one();
                self.backlog.shed.fetch_add(1, Ordering::Relaxed);
                self.tracker.handle_input(now, Input::Closed { connection });
            }
        }
    }

    /// Acknowledges a receipt when what it says is kept.
    fn keep(&self, writer: Writer, credit: Credit) {
        let Some(ledger) = &self.ledger else { return };
        let text = credit.acknowledgement;
        let kept: Box<dyn FnOnce() + Send> = match writer {
            Writer::Here(connection) => {
                let Some(session) = self.sessions.get(&connection) else {
                    return;
                };
                let (queue, share) = (session.queue.downgrade(), session.share.clone());
                Box::new(move || {
                    if let Some(queue) = queue.upgrade() {
                        share.add(text.len());
                        // One that is lost in a full queue is like one that was never written: said again later.
                        let _ = queue.try_send(Command::Text(text));
                    }
                })
            }
            Writer::There(node) => {
                let carrier = self.carrier.clone();
                Box::new(move || {
                    if let Some(carrier) = carrier {
                        carrier.carry(Some(node), text);
                    }
                })
            }
        };
        ledger.earn(credit.earned, kept);
    }

    /// Ends a session; the tracker hears of it when its socket is gone.
    pub(super) fn end(&mut self, connection: ConnectionId, code: u16, words: &'static str) {
        if let Some(session) = self.sessions.remove(&connection)
            && session.queue.try_send(Command::Close(code, words)).is_err()
        {
            session.dropped.notify_one();
        }
    }
}
