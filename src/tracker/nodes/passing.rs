//! What peers say to peers of another node.
//!
//! Invariant: as in one node, an answer or a candidate passes only between two who were introduced: each node has noted it of
//! its own.

use super::super::limits::Refusal;
use super::super::matching::{Place, Traits};
use super::super::{ConnectionId, Tracker, matching, relay, votes};
use crate::base::json::Quoted;
use crate::base::{InfoHash, Instant, PeerId};
use crate::wire::{Hints, NodeId, NodeSaid, Offer, Seat, ToTracker};

impl Tracker {
    /// Hands on what a peer here says to one of another node.
    fn pass(&mut self, connection: ConnectionId, to: Option<NodeId>, message: ToTracker) {
        if self.nodes.own.is_none() {
            return;
        }
        let speaker = self.connections.get(&connection);
        let seat = speaker.map_or_else(Seat::default, |speaker| Seat {
            network: speaker.visitor.network,
            asn: speaker.visitor.place.asn,
            country: speaker.visitor.place.country,
        });
        self.totals.passed += 1;
        self.tell_nodes(to, NodeSaid::Peer { seat, message });
    }

    pub(super) fn on_passed(&mut self, now: Instant, from: NodeId, seat: Seat, message: ToTracker) {
        match message {
            ToTracker::Announce {
                info_hash,
                peer,
                event,
                offers,
                extensions,
                ..
            } => {
                let hints = extensions.hints.filter(|_| self.config.heeds_hints);
                let hints = hints.as_deref().map(Hints::decode).unwrap_or_default();
                let (asn, country) = (seat.asn, seat.country);
                let traits = Traits::new(seat.network, Place { asn, country }, &hints);
                let is_newcomer = event.as_deref() == Some("started");
                let who = (peer, is_newcomer, traits);
                self.take_offers(now, info_hash, (from, who), offers);
            }
            ToTracker::Answer {
                info_hash,
                peer,
                to_peer,
                offer_id,
                sdp,
            } => {
                let config = &self.config;
                let offerer = self.registry.peer(info_hash, to_peer);
                let between = (from, peer, offer_id.as_str());
                let found =
                    offerer.and_then(|it| relay::take_awaited_there(it, (now, config), between));
                if let Some(connection) = found {
                    self.registry.note_meeting(info_hash, &[to_peer]);
                    self.relay_answer(connection, (info_hash, peer), (offer_id, sdp));
                }
            }
            ToTracker::Candidate {
                info_hash,
                peer,
                to_peer,
                candidate,
            } => {
                let config = &self.config;
                let Some(receiver) = self.registry.peer(info_hash, to_peer) else {
                    return;
                };
                let node = relay::node_of(receiver, (now, config), peer);
                if node == Some(from) && receiver.takes_candidates {
                    let connection = receiver.connection;
                    self.send_candidate(connection, (info_hash, peer), candidate);
                }
            }
            ToTracker::Vote {
                info_hash,
                peer,
                against,
            } => {
                if let Some(accused) = self.registry.peer(info_hash, against) {
                    votes::count_there(accused, (now, &self.config), (peer, seat.network));
                }
            }
            // Nobody passes these.
            ToTracker::Receipt(_) | ToTracker::Scrape { .. } => {}
        }
    }

    /// Hands out what a peer of another node offers.
    fn take_offers(
        &mut self,
        now: Instant,
        info_hash: InfoHash,
        (from, (peer, is_newcomer, traits)): (NodeId, (PeerId, bool, Traits)),
        offers: Vec<Offer>,
    ) {
        let config = &self.config;
        let Some(swarm) = self.registry.swarm(info_hash) else {
            return;
        };
        let wanted = offers.len().min(config.offers_per_announce_max);
        let who = (peer, is_newcomer, traits);
        let others = matching::pick(swarm, &mut self.rng, (now, config), who, wanted);
        let handed: Vec<_> = others.into_iter().zip(offers).collect();
        for ((to, _), offer) in &handed {
            if let Some(receiver) = swarm.peer(*to) {
                relay::note_handed(receiver, (now, config), (from, peer, &offer.offer_id));
            }
        }
        for ((_, connection), offer) in handed {
            self.relay_offer(connection, (info_hash, peer), offer);
        }
    }

    /// Sends some of an announce's offers to another node, and notes that answers may come from there.
    pub(in crate::tracker) fn pass_offers(
        &mut self,
        now: Instant,
        (info_hash, to): (InfoHash, NodeId),
        (peer, is_newcomer, hints): (PeerId, bool, Option<&str>),
        offers: Vec<Offer>,
    ) {
        let config = &self.config;
        let Some(speaker) = self.registry.peer(info_hash, peer) else {
            return;
        };
        for offer in &offers {
            relay::note_sent(speaker, (now, config), (to, &offer.offer_id));
        }
        let connection = speaker.connection;
        let message = ToTracker::Announce {
            info_hash,
            peer,
            event: is_newcomer.then(|| "started".into()),
            uploaded: 0,
            downloaded: 0,
            left: None,
            numwant: 0,
            takes_policy: false,
            offers,
            extensions: crate::wire::Extensions {
                hints: hints.map(str::to_owned),
                ..Default::default()
            },
        };
        self.pass(connection, Some(to), message);
    }

    /// Passes an answer to the node whose peer's offer was handed to this one.
    pub(in crate::tracker) fn pass_answer(
        &mut self,
        now: Instant,
        info_hash: InfoHash,
        (peer, to_peer): (PeerId, PeerId),
        (offer_id, sdp): (String, Quoted),
    ) -> Result<(), Refusal> {
        let config = &self.config;
        let speaker = self.registry.peer(info_hash, peer);
        let speaker = speaker.ok_or(Refusal::NotAnnounced)?;
        let node = relay::take_handed(speaker, (now, config), (to_peer, &offer_id));
        let node = node.ok_or(Refusal::NoSuchOffer)?;
        let connection = speaker.connection;
        self.registry.note_meeting(info_hash, &[peer]);
        let message = ToTracker::Answer {
            info_hash,
            peer,
            to_peer,
            offer_id,
            sdp,
        };
        self.pass(connection, Some(node), message);
        Ok(())
    }

    /// Passes a candidate to the node of a peer that was introduced to this one.
    pub(in crate::tracker) fn pass_candidate(
        &mut self,
        now: Instant,
        info_hash: InfoHash,
        (peer, to_peer): (PeerId, PeerId),
        candidate: Quoted,
    ) {
        let config = &self.config;
        let Some(speaker) = self.registry.peer(info_hash, peer) else {
            return;
        };
        if let Some(node) = relay::node_of(speaker, (now, config), to_peer) {
            let connection = speaker.connection;
            let message = ToTracker::Candidate {
                info_hash,
                peer,
                to_peer,
                candidate,
            };
            self.pass(connection, Some(node), message);
        }
    }

    /// Passes a vote on to whichever node the accused is at: it may have moved.
    pub(in crate::tracker) fn pass_vote(
        &mut self,
        now: Instant,
        info_hash: InfoHash,
        (peer, against): (PeerId, PeerId),
    ) {
        let config = &self.config;
        let Some(speaker) = self.registry.peer(info_hash, peer) else {
            return;
        };
        if votes::may_cast_there(speaker, (now, config), against) {
            let connection = speaker.connection;
            let message = ToTracker::Vote {
                info_hash,
                peer,
                against,
            };
            self.pass(connection, None, message);
        }
    }
}
