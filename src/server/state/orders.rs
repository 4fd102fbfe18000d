//! What an operator orders and asks. Decides nothing.
//!
//! Invariant: an order is in force when its call returns.

use super::State;
use crate::base::InfoHash;
use crate::server::access::{Access, Ban, Origin, Prefix};
#[cfg(feature = "operate")]
use crate::server::around::{Carry, Ledger, Locate};
#[cfg(feature = "operate")]
use crate::server::limits;
#[cfg(feature = "operate")]
use crate::server::refused::Refused;
use crate::tracker::{ConnectionId, Input, Policy, Rooms, Tickets, Tokens, Turn};
#[cfg(feature = "operate")]
use crate::tracker::{Credit, Figures, ReceiptFault, Scope};
#[cfg(feature = "operate")]
use crate::wire::Receipt;
use axum::extract::ws::close_code;
#[cfg(feature = "operate")]
use core::net::IpAddr;
use core::time::Duration;
#[cfg(feature = "operate")]
use std::sync::Arc;
use std::sync::{PoisonError, RwLockWriteGuard};

impl State {
    /// Rules what peers may do, in a room or everywhere; in force at once.
    pub fn rule(&self, room: Option<InfoHash>, policy: Policy) {
        self.tell(Input::Policy { room, policy });
    }

    /// The rule of a room alone, or the one for all.
    #[must_use]
    pub fn policy(&self, room: Option<InfoHash>) -> Policy {
        self.core().tracker.policy(room)
    }

    /// Rooms with a rule of their own.
    #[must_use]
    pub fn ruled_rooms(&self) -> Vec<(InfoHash, Policy)> {
        self.core().tracker.ruled_rooms().collect()
    }

    /// Rules what some viewers may do, in place of all earlier rules of that kind; in force at once.
    #[cfg(feature = "operate")]
    pub(in crate::server) fn set_rules(&self, rules: Vec<(Scope, Policy)>) {
        self.tell(Input::Rules(rules));
    }

    /// Says which rooms there may be; in force at once.
    pub fn set_rooms(&self, rooms: Rooms) {
        self.tell(Input::Rooms(rooms));
    }

    /// Says what is asked of who joins a room; in force at once.
    pub fn set_tokens(&self, tokens: Tokens) {
        self.tell_time();
        self.tell(Input::Tokens(tokens));
    }

    /// Says where viewers are relayed who cannot reach each other; credentials are handed out from now on.
    pub fn set_turn(&self, turn: Option<Turn>) {
        self.tell_time();
        self.tell(Input::Turn(turn));
    }

    /// Says who knows where addresses are; those who are connected stay where they were.
    #[cfg(feature = "operate")]
    pub(in crate::server) fn set_places(&self, places: Option<Box<dyn Locate>>) {
        *self.places.write().unwrap_or_else(PoisonError::into_inner) = places;
    }

    /// Says with what viewers are known again on another connection.
    pub fn set_tickets(&self, tickets: Option<Tickets>) {
        self.tell_time();
        self.tell(Input::Tickets(tickets));
    }

    /// Says which pages may connect from now on; empty for all.
    pub fn set_origins(&self, origins: Vec<Origin>) {
        self.access_mut().set_origins(origins);
    }

    /// Ends the connections of an address or network and takes no more of it for a while. False when there
    /// are too many bans.
    pub fn ban(&self, prefix: Prefix, span: Duration) -> bool {
        if !self
            .access_mut()
            .ban(prefix, std::time::Instant::now(), span)
        {
            return false;
        }
        let mut core = self.core();
        let of_it = core.sessions.iter().filter(|(_, session)| {
            let address = session.address;
            address.is_some_and(|address| prefix.contains(address))
        });
        let gone: Vec<ConnectionId> = of_it.map(|(connection, _)| *connection).collect();
        for connection in gone {
            core.end(connection, close_code::POLICY, "your address is banned");
        }
        true
    }

    /// Ends a ban; false if there was none of exactly this prefix.
    pub fn pardon(&self, prefix: Prefix) -> bool {
        self.access_mut().pardon(prefix)
    }

    /// The bans in force, with the time that is left of each.
    #[must_use]
    pub fn bans(&self) -> Vec<(Prefix, Duration)> {
        let now = std::time::Instant::now();
        let access = self.access.read().unwrap_or_else(PoisonError::into_inner);
        let with_rest = |ban: Ban| (ban.prefix, ban.left(now));
        access.bans(now).map(with_rest).collect()
    }

    /// Keeps accounts from now on.
    #[cfg(feature = "operate")]
    pub(in crate::server) fn set_ledger(&self, ledger: Arc<dyn Ledger>) {
        self.core().ledger = Some(ledger);
    }

    /// Tells others what is for them from now on.
    #[cfg(feature = "operate")]
    pub(in crate::server) fn set_carrier(&self, carrier: Arc<dyn Carry>) {
        self.core().carrier = Some(carrier);
    }

    /// Says whether others can be reached, and as whom; what one of them said; that a second has passed.
    #[cfg(feature = "operate")]
    pub(in crate::server) fn tell_of_nodes(&self, input: Input) {
        self.tell(input);
    }

    /// How much is going on in a room.
    #[cfg(feature = "operate")]
    pub(in crate::server) fn figures(&self, room: InfoHash) -> Figures {
        self.core().tracker.figures(room)
    }

    /// The largest rooms, and how much is going on in them.
    #[cfg(feature = "operate")]
    pub(in crate::server) fn largest(&self, most: usize) -> Vec<(InfoHash, Figures)> {
        self.core().tracker.largest(most)
    }

    /// Whether a visitor's request is answered: it may connect, and has asked no more than it may send.
    #[cfg(feature = "operate")]
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
    #[cfg(feature = "operate")]
    pub(in crate::server) fn take_receipt(
        &self,
        receipt: &Receipt,
    ) -> Result<Credit, ReceiptFault> {
        let mut core = self.core();
        core.tracker.take_receipt(self.now(), receipt)
    }

    fn access_mut(&self) -> RwLockWriteGuard<'_, Access> {
        self.access.write().unwrap_or_else(PoisonError::into_inner)
    }
}
