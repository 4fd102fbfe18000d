//! What follows from an announce: whether the peer is in, what it is told, and whom its offers go to.
//!
//! Invariant: a peer id belongs to the connection that announced it, and a refused announce changes nothing but, where a
//! token was refused, that its peer is out. Who is picked for an offer is `relay`'s.

use super::limits::Refusal;
use super::policy::Caps;
use super::registry::Presence;
use super::{ConnectionId, Tracker, relay};
use crate::base::{InfoHash, Instant, PeerId};
use crate::wire::{Extensions, FromTracker, Grants, Offer};

/// What an announce says beside who is there.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) event: Option<String>,
    pub(super) offers: Vec<Offer>,
    pub(super) extensions: Extensions,
}

/// What an announce is answered beside counts.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) caps: Caps,
    pub(super) warning: Option<String>,
    pub(super) grants: Grants,
}

impl Tracker {
    pub(super) fn on_announce(
        &mut self,
        now: Instant,
        info_hash: InfoHash,
        presence: Presence,
        said: Said,
    ) -> Result<(), Refusal> {
        let Said {
            event,
            offers,
            extensions,
        } = said;
        self.totals.announces += 1;
        let Presence { id, connection, .. } = presence;
        let caps = Some(presence.caps).filter(|_| presence.takes_policy);
        let caps = caps.unwrap_or_default();
        self.check_owner(info_hash, presence)?;
        if event.as_deref() == Some("stopped") {
            self.registry.note_moved(info_hash, presence);
            self.leave(connection, info_hash);
            let goodbye = Reply {
                caps,
                ..Reply::default()
            };
            self.reply(connection, info_hash, goodbye);
            return Ok(());
        }
        self.policies.check_room(info_hash)?;
        let token = extensions.token.as_deref();
        let (admission, warning) = self.admit(now, connection, info_hash, token)?;
        self.join(now, info_hash, presence)?;
        self.admissions.keep(connection, info_hash, admission);
        self.name_account(connection, info_hash, id);
        let reply = Reply {
            caps,
            warning,
            grants: self.grant(now, (info_hash, id), &extensions),
        };
        self.reply(connection, info_hash, reply);
        self.relay_offers(now, info_hash, (id, offers));
        Ok(())
    }

    /// Peers know each other's ids, so nobody may speak under an id that another connection announced.
    fn check_owner(&mut self, info_hash: InfoHash, presence: Presence) -> Result<(), Refusal> {
        match self.registry.peer(info_hash, presence.id) {
            Some(peer) if peer.connection != presence.connection => Err(Refusal::PeerTaken),
            Some(_) | None => Ok(()),
        }
    }

    fn join(
        &mut self,
        now: Instant,
        info_hash: InfoHash,
        presence: Presence,
    ) -> Result<(), Refusal> {
        let Some(connection) = self.connections.get_mut(&presence.connection) else {
            return Ok(());
        };
        match connection.swarms.get(&info_hash).copied() {
            Some(known) if known == presence.id => {}
            // A page that starts anew on a shared socket without having stopped. Offers carry no
            // receiver, so two peers of a swarm on one socket could not be told apart.
            Some(former) => self.registry.leave(info_hash, former),
            None => {
                let max = self.config.swarms_per_connection_max;
                if connection.swarms.len() >= max {
                    return Err(Refusal::Swarms { max });
                }
                let max = self.config.peers_max;
                if self.registry.len() >= max {
                    return Err(Refusal::Full { max });
                }
            }
        }
        connection.swarms.insert(info_hash, presence.id);
        self.registry.join(now, info_hash, presence);
        Ok(())
    }

    fn relay_offers(&mut self, now: Instant, info_hash: InfoHash, from: (PeerId, Vec<Offer>)) {
        let peer = from.0;
        let Some(swarm) = self.registry.swarm(info_hash) else {
            return;
        };
        for (to, offer) in relay::hand_out(swarm, &mut self.rng, (now, &self.config), from) {
            let offered = FromTracker::Offered {
                info_hash,
                peer,
                offer_id: offer.offer_id,
                sdp: offer.sdp,
            };
            self.totals.offers_relayed += 1;
            self.send(to, &offered);
        }
    }

    /// What a peer is given of what it takes.
    fn grant(
        &mut self,
        now: Instant,
        (room, peer): (InfoHash, PeerId),
        takes: &Extensions,
    ) -> Grants {
        let asks = takes.asks_receipts;
        let receipt_key = asks.then(|| self.receipt_key(room, peer)).flatten();
        let turn = self.turn.as_ref().filter(|_| takes.takes_turn);
        Grants {
            receipt_key,
            turn: turn
                .zip(self.unix_s(now))
                .map(|(turn, unix_s)| turn.server(unix_s, peer)),
        }
    }

    pub(super) fn reply(&mut self, connection: ConnectionId, info_hash: InfoHash, reply: Reply) {
        let Reply {
            caps,
            warning,
            grants,
        } = reply;
        let counts = self.registry.counts(info_hash);
        let announced = FromTracker::Announced {
            info_hash,
            interval_s: self.config.interval_s,
            complete: counts.complete,
            incomplete: counts.incomplete,
            warning,
            takes_votes: true,
            max_peers: caps.max_peers,
            upload_limit: caps.upload_limit,
            grants,
        };
        self.send(connection, &announced);
    }
}
