//! What follows from an announce: whether the peer is in, what it is told, and whom its offers go to.
//!
//! Invariant: a peer id belongs to the connection that announced it, and a refused announce changes nothing but, where a
//! token was refused, that its peer is out. Who is picked for an offer is `relay`'s.

use super::limits::Refusal;
use super::matching::Traits;
use super::policy::Caps;
use super::registry::Presence;
use super::{ConnectionId, Tracker};
use crate::base::{InfoHash, Instant, PeerId};
use crate::wire::{Extensions, FromTracker, Grants, Hints, Offer};

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
        let known = self.recognise(now, (info_hash, id), extensions.ticket.as_deref());
        self.check_owner(info_hash, presence, known.is_some())?;
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
        let (admission, warning) = self.admit(now, connection, info_hash, (token, known))?;
        self.join(now, info_hash, presence)?;
        self.admissions.keep(connection, info_hash, admission);
        self.name_account(connection, info_hash, id);
        let reply = Reply {
            caps,
            warning,
            grants: self.grant(now, presence, info_hash, (&extensions, &offers)),
        };
        self.reply(connection, info_hash, reply);
        let is_newcomer = event.as_deref() == Some("started");
        let who = (id, is_newcomer, extensions.hints.as_deref());
        self.relay_offers(now, info_hash, who, offers);
        Ok(())
    }

    /// What tells a peer apart, of what is known of its connection and of what it says, if that is heard.
    pub(super) fn traits(&self, connection: ConnectionId, hints: Option<&str>) -> Traits {
        let speaker = self.connections.get(&connection);
        let visitor = speaker.map(|speaker| &speaker.visitor);
        let hints = hints.filter(|_| self.config.heeds_hints);
        let hints = hints.map(Hints::decode).unwrap_or_default();
        let network = visitor.and_then(|visitor| visitor.network);
        let place = visitor.map(|visitor| visitor.place).unwrap_or_default();
        Traits::new(network, place, &hints)
    }

    /// Nobody speaks for a peer but the connection that announced it.
    pub(super) fn check_speaker(
        &mut self,
        connection: ConnectionId,
        info_hash: InfoHash,
        peer: PeerId,
    ) -> Result<(), Refusal> {
        match self.registry.peer(info_hash, peer) {
            Some(speaker) if speaker.connection == connection => Ok(()),
            Some(_) | None => Err(Refusal::NotAnnounced),
        }
    }

    /// Whom a ticket names, if it is one that counts.
    fn recognise(
        &self,
        now: Instant,
        whose: (InfoHash, PeerId),
        ticket: Option<&str>,
    ) -> Option<Option<Box<str>>> {
        let tickets = self.tickets.as_ref()?;
        tickets.read(self.unix_s(now)?, whose, ticket?)
    }

    /// Peers know each other's ids, so nobody may speak under an id that another connection announced, but who is
    /// known by a ticket: its other connection is lost, whether that has been noticed or not.
    fn check_owner(
        &mut self,
        info_hash: InfoHash,
        presence: Presence,
        is_known: bool,
    ) -> Result<(), Refusal> {
        match self.registry.peer(info_hash, presence.id) {
            Some(peer) if peer.connection != presence.connection => {
                let other = peer.connection;
                is_known.then_some(()).ok_or(Refusal::PeerTaken)?;
                self.leave(other, info_hash);
                Ok(())
            }
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
                let max = self.config.peers_per_swarm_max;
                let counts = self.registry.counts(info_hash);
                let peers = counts.complete.saturating_add(counts.incomplete);
                if usize::try_from(peers).is_ok_and(|peers| peers >= max) {
                    return Err(Refusal::SwarmFull { max });
                }
            }
        }
        connection.swarms.insert(info_hash, presence.id);
        self.registry.join(now, info_hash, presence);
        Ok(())
    }

    /// What a peer is given of what it takes.
    fn grant(
        &mut self,
        now: Instant,
        presence: Presence,
        info_hash: InfoHash,
        (takes, offers): (&Extensions, &[Offer]),
    ) -> Grants {
        let Presence { id, connection, .. } = presence;
        // Who takes a ticket takes what its neighbours are shown, too.
        let is_shown = takes.ticket.is_some();
        let proof = is_shown.then(|| self.proof(now, presence, info_hash, offers));
        let asks = takes.asks_receipts;
        let receipt_key = asks.then(|| self.receipt_key(info_hash, id)).flatten();
        let now_s = self.unix_s(now);
        let turn = self.turn.as_ref().filter(|_| takes.takes_turn);
        let tickets = self.tickets.as_ref().filter(|_| takes.ticket.is_some());
        let subject = self.subject(connection, info_hash);
        Grants {
            receipt_key,
            proof: proof.flatten(),
            turn: turn.zip(now_s).map(|(turn, now_s)| turn.server(now_s, id)),
            takes_candidates: takes.takes_candidates,
            ticket: tickets
                .zip(now_s)
                .and_then(|(tickets, now_s)| tickets.write(now_s, (info_hash, id), subject)),
        }
    }

    pub(super) fn reply(&mut self, connection: ConnectionId, info_hash: InfoHash, reply: Reply) {
        let Reply {
            caps,
            warning,
            grants,
        } = reply;
        let counts = self.counts(info_hash);
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
