//! Other nodes of the same tracker: how many peers each has where, and what peers say to peers of another node.
//!
//! Nodes tell each other counts and never who is there. An announce's offers are dealt to the nodes as their peers are many,
//! and each node picks among its own. So what a node knows of the others is small and may be late: an offer that finds
//! nobody is lost like one to a peer that has just gone. Invariant: what is remembered of others is bounded, they are
//! forgotten when they are silent for [`AGE`], and alone this node is a whole tracker. How messages travel, and whether they
//! do, is the shell's; what operators rule is not passed here.

use super::limits::Refusal;
use super::matching::{Place, Traits};
use super::registry::Registry;
use super::{ConnectionId, Output, Tracker, matching, relay, votes};
use crate::base::json::Quoted;
use crate::base::{Duration, InfoHash, Instant, PeerId, Rng};
use crate::wire::{
    FromNode, FromTracker, Hints, NODE_ROOMS_MAX, NodeId, NodeSaid, Offer, Part, Seat, ToTracker,
};
use std::collections::BTreeMap;

/// How long a node is taken to be there without a word from it: five beats.
const AGE: Duration = Duration::from_secs(5);

/// Other nodes that are heeded.
const NODES_MAX: usize = 64;

/// Rooms of all others together that are remembered, about 25 MB.
const ROOMS_MAX: usize = 250_000;

/// Those who hold everything, and the others.
type Counts = (u32, u32);

/// What is known of the others.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    /// `None` while this node is alone.
    own: Option<NodeId>,
    others: BTreeMap<NodeId, Node>,
    /// Rooms of all of them.
    rooms: usize,
    /// What this node has told, and the number of its last changes.
    told: BTreeMap<InfoHash, Counts>,
    number: u64,
}

#[derive(Debug)]
struct Node {
    heard: Instant,
    /// The number of its last changes; `None` while some are missing.
    number: Option<u64>,
    rooms: BTreeMap<InfoHash, Counts>,
}

impl Nodes {
    /// Others that are there.
    pub(super) fn len(&self) -> usize {
        self.others.len()
    }

    /// Peers of others in a room.
    pub(super) fn counts(&self, room: InfoHash) -> Counts {
        let counts = self
            .others
            .values()
            .filter_map(|node| node.rooms.get(&room));
        counts.fold((0, 0), |sum: Counts, (complete, incomplete)| {
            let complete = sum.0.saturating_add(*complete);
            (complete, sum.1.saturating_add(*incomplete))
        })
    }

    /// Deals `count` offers to `own` peers here and those of others, each peer as likely as any other and none twice.
    /// Returns how many stay, and how many go where.
    pub(super) fn deal(
        &self,
        rng: &mut Rng,
        room: InfoHash,
        (own, count): (usize, usize),
    ) -> (usize, Vec<(NodeId, usize)>) {
        let mut left: Vec<(Option<NodeId>, u64, usize)> = vec![(None, own as u64, 0)];
        for (id, node) in &self.others {
            if let Some((complete, incomplete)) = node.rooms.get(&room) {
                let peers = u64::from(*complete) + u64::from(*incomplete);
                left.push((Some(*id), peers, 0));
            }
        }
        if left.len() == 1 {
            return (count, Vec::new());
        }
        for _ in 0..count {
            let all: u64 = left.iter().map(|(_, peers, _)| peers).sum();
            let bound = u32::try_from(all).unwrap_or(u32::MAX);
            let mut draw = if bound == 0 {
                0
            } else {
                u64::from(rng.below(bound))
            };
            for (_, peers, given) in &mut left {
                if draw < *peers {
                    (*peers, *given) = (*peers - 1, *given + 1);
                    break;
                }
                draw -= *peers;
            }
        }
        let stay = left.first().map_or(0, |(_, _, given)| *given);
        let gone = left.into_iter().filter(|(_, _, given)| *given > 0);
        (
            stay,
            gone.filter_map(|(id, _, given)| Some((id?, given)))
                .collect(),
        )
    }

    fn forget(&mut self, id: NodeId) {
        if let Some(gone) = self.others.remove(&id) {
            self.rooms -= gone.rooms.len();
        }
    }

    /// Notes that a node is there; `None` for one too many.
    fn hear(&mut self, now: Instant, id: NodeId) -> Option<&mut Node> {
        if self.others.len() >= NODES_MAX && !self.others.contains_key(&id) {
            return None;
        }
        let node = self.others.entry(id).or_insert_with(|| Node {
            heard: now,
            number: None,
            rooms: BTreeMap::new(),
        });
        node.heard = now;
        Some(node)
    }

    fn on_here(
        &mut self,
        now: Instant,
        id: NodeId,
        (number, part): (u64, Part),
        rooms: Vec<(InfoHash, u32, u32)>,
    ) {
        let mut sum = self.rooms;
        let Some(node) = self.hear(now, id) else {
            return;
        };
        match part {
            Part::Whole => {
                sum -= node.rooms.len();
                node.rooms.clear();
                node.number = Some(number);
            }
            Part::More if node.number == Some(number) => {}
            Part::Changes if node.number.and_then(|it| it.checked_add(1)) == Some(number) => {
                node.number = Some(number);
            }
            Part::More | Part::Changes => {
                node.number = None;
                return;
            }
        }
        for (room, complete, incomplete) in rooms {
            sum -= node.rooms.len();
            if complete == 0 && incomplete == 0 {
                node.rooms.remove(&room);
            } else if sum + node.rooms.len() < ROOMS_MAX || node.rooms.contains_key(&room) {
                node.rooms.insert(room, (complete, incomplete));
            }
            sum += node.rooms.len();
        }
        self.rooms = sum;
    }

    /// What is other than it was told; told from now on.
    fn changes(&mut self, registry: &Registry) -> Vec<(InfoHash, u32, u32)> {
        let now: BTreeMap<InfoHash, Counts> = registry.all_counts().collect();
        let gone = self.told.keys().filter(|room| !now.contains_key(*room));
        let mut changes: Vec<_> = gone.map(|room| (*room, 0, 0)).collect();
        for (room, counts) in &now {
            if self.told.get(room) != Some(counts) {
                changes.push((*room, counts.0, counts.1));
            }
        }
        self.told = now;
        changes
    }
}

impl Tracker {
    /// The shell can reach others, as `own`, or cannot any more.
    pub(super) fn on_nodes(&mut self, own: Option<NodeId>) {
        if own.is_none() {
            self.tell_nodes(None, NodeSaid::Gone);
        }
        self.nodes = Nodes {
            own,
            ..Nodes::default()
        };
        if own.is_some() {
            self.tell_nodes(None, NodeSaid::Ask);
            self.nodes.changes(&self.registry);
            self.tell_whole(None);
        }
    }

    /// Says what has changed, forgets who is silent, and asks who was missed.
    pub(super) fn on_beat(&mut self, now: Instant) {
        if self.nodes.own.is_none() {
            return;
        }
        let others = self.nodes.others.iter();
        let silent = others.filter(|(_, node)| now.since(node.heard) >= AGE);
        let silent: Vec<NodeId> = silent.map(|(id, _)| *id).collect();
        for id in silent {
            self.nodes.forget(id);
        }
        let changes = self.nodes.changes(&self.registry);
        let mut chunks: Vec<_> = changes.chunks(NODE_ROOMS_MAX).map(<[_]>::to_vec).collect();
        if chunks.is_empty() {
            chunks.push(Vec::new());
        }
        for rooms in chunks {
            self.nodes.number += 1;
            let (number, part) = (self.nodes.number, Part::Changes);
            let said = NodeSaid::Here {
                number,
                part,
                rooms,
            };
            self.tell_nodes(None, said);
        }
        let others = self.nodes.others.iter();
        let missed = others.filter(|(_, node)| node.number.is_none());
        let missed: Vec<NodeId> = missed.map(|(id, _)| *id).collect();
        for id in missed {
            self.tell_nodes(Some(id), NodeSaid::Ask);
        }
    }

    /// All that was told so far, again.
    fn tell_whole(&mut self, to: Option<NodeId>) {
        let told = self.nodes.told.iter();
        let told: Vec<_> = told
            .map(|(room, counts)| (*room, counts.0, counts.1))
            .collect();
        let mut chunks = told.chunks(NODE_ROOMS_MAX);
        let number = self.nodes.number;
        let first = NodeSaid::Here {
            number,
            part: Part::Whole,
            rooms: chunks.next().unwrap_or_default().to_vec(),
        };
        self.tell_nodes(to, first);
        for rooms in chunks {
            let (part, rooms) = (Part::More, rooms.to_vec());
            let said = NodeSaid::Here {
                number,
                part,
                rooms,
            };
            self.tell_nodes(to, said);
        }
    }

    fn tell_nodes(&mut self, to: Option<NodeId>, said: NodeSaid) {
        if let Some(from) = self.nodes.own {
            let text = FromNode { from, said }.encode();
            self.outputs.push_back(Output::Tell { to, text });
        }
    }

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

    /// Another node has said something.
    pub(super) fn on_node(&mut self, now: Instant, text: &str) {
        if self.nodes.own.is_none() {
            return;
        }
        let Some(FromNode { from, said }) = FromNode::decode(text) else {
            self.totals.nodes_unreadable += 1;
            return;
        };
        if self.nodes.own == Some(from) {
            return;
        }
        match said {
            NodeSaid::Here {
                number,
                part,
                rooms,
            } => self.nodes.on_here(now, from, (number, part), rooms),
            NodeSaid::Ask => {
                self.nodes.hear(now, from);
                self.tell_whole(Some(from));
            }
            NodeSaid::Gone => self.nodes.forget(from),
            NodeSaid::Peer { seat, message } => self.on_passed(now, from, seat, message),
        }
    }

    fn on_passed(&mut self, now: Instant, from: NodeId, seat: Seat, message: ToTracker) {
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
        for ((to, connection), offer) in others.into_iter().zip(offers) {
            if let Some(receiver) = swarm.peer(to) {
                relay::note_handed(receiver, (now, config), (from, peer, &offer.offer_id));
            }
            let offered = FromTracker::Offered {
                info_hash,
                peer,
                offer_id: offer.offer_id,
                sdp: offer.sdp,
            };
            self.totals.offers_relayed += 1;
            let text = offered.encode();
            self.outputs.push_back(Output::Send { connection, text });
        }
    }

    /// Sends some of an announce's offers to another node, and notes that answers may come from there.
    pub(super) fn pass_offers(
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
    pub(super) fn pass_answer(
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
    pub(super) fn pass_candidate(
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
    pub(super) fn pass_vote(
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
