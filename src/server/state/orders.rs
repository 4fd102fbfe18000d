//! What an operator orders and asks. Decides nothing.
//!
//! Invariant: an order is in force when its call returns.

use super::State;
use crate::base::InfoHash;
use crate::server::access::{Access, Ban, Origin, Prefix};
use crate::tracker::{ConnectionId, Input, Policy, Proofs, Rooms, Tickets, Tokens, Turn};
use axum::extract::ws::close_code;
use core::time::Duration;
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

    /// Says with what viewers are known again on another connection.
    pub fn set_tickets(&self, tickets: Option<Tickets>) {
        self.tell_time();
        self.tell(Input::Tickets(tickets));
    }

    /// Says with what peers are signed for.
    pub fn set_proofs(&self, proofs: Option<Proofs>) {
        self.tell_time();
        self.tell(Input::Proofs(proofs));
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

    fn access_mut(&self) -> RwLockWriteGuard<'_, Access> {
        self.access.write().unwrap_or_else(PoisonError::into_inner)
    }
}
