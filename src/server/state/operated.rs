//! What the rest of an operated tracker (its accounts, API, metrics, nodes) tells the state and asks of it. Decides nothing.
//!
//! Invariant: as with an operator's orders, what is told is in force when its call returns.

use super::{State, Tallies};
use crate::base::InfoHash;
use crate::server::around::{Carry, Ledger, Locate};
use crate::server::backlog::Backlog;
use crate::server::limits;
use crate::server::refused::Refused;
use crate::tracker::{Figures, Input, Policy, ReceiptFault, Scope, Taken};
use crate::wire::Receipt;
use core::net::IpAddr;
use std::sync::{Arc, PoisonError};

impl State {
    /// Rules what some viewers may do, in place of all earlier rules of that kind; in force at once.
    pub(in crate::server) fn set_rules(&self, rules: Vec<(Scope, Policy)>) {
        self.tell(Input::Rules(rules));
    }

    /// Says who knows where addresses are; those who are connected stay where they were.
    pub(in crate::server) fn set_places(&self, places: Option<Box<dyn Locate>>) {
        *self.places.write().unwrap_or_else(PoisonError::into_inner) = places;
    }

    /// Keeps accounts from now on.
    pub(in crate::server) fn set_ledger(&self, ledger: Arc<dyn Ledger>) {
        self.core().ledger = Some(ledger);
    }

    /// Tells others what is for them from now on.
    pub(in crate::server) fn set_carrier(&self, carrier: Arc<dyn Carry>) {
        self.core().carrier = Some(carrier);
    }

    /// Says whether others can be reached, and as whom; what one of them said; that a second has passed.
    pub(in crate::server) fn tell_of_nodes(&self, input: Input) {
        self.tell(input);
    }

    /// How much is going on in a room.
    pub(in crate::server) fn figures(&self, room: InfoHash) -> Figures {
        self.core().tracker.figures(room)
    }

    /// The largest rooms, and how much is going on in them.
    pub(in crate::server) fn largest(&self, most: usize) -> Vec<(InfoHash, Figures)> {
        self.core().tracker.largest(most)
    }

    /// Whether a visitor's request is answered: it may connect, and has asked no more than it may send.
    pub(in crate::server) fn may_ask(&self, visitor: Option<IpAddr>) -> Result<(), Refused> {
        let access = self.access.read().unwrap_or_else(PoisonError::into_inner);
        let now = std::time::Instant::now();
        if visitor.is_some_and(|visitor| access.is_banned(visitor, now)) {
            return Err(Refused::Banned);
        }
        let may = self.may_send(visitor.map(limits::key));
        may.then_some(()).ok_or(Refused::Address)
    }

    /// Judges a receipt that came on another way than its writer's connection.
    pub(in crate::server) fn take_receipt(&self, receipt: &Receipt) -> Result<Taken, ReceiptFault> {
        self.with_tracker(|tracker, now| tracker.take_receipt(now, receipt))
    }

    /// What waits to be written.
    pub(in crate::server) fn backlog(&self) -> Arc<Backlog> {
        self.core().backlog.clone()
    }

    pub(in crate::server) fn tallies(&self) -> &Tallies {
        &self.tallies
    }
}
