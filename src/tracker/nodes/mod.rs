//! Other nodes of the same tracker: how many peers each has where, and what peers say to peers of another node.
//!
//! Nodes tell each other counts and never who is there. An announce's offers are dealt to the nodes as their peers are many,
//! and each node picks among its own. So what a node knows of the others is small and may be late: an offer that finds
//! nobody is lost like one to a peer that has just gone. Invariant: what is remembered of others is bounded, they are
//! forgotten when they are silent for [`AGE`], and alone this node is a whole tracker. How messages travel, and whether they
//! do, is the shell's; what operators rule is not passed here, and what they say of receipts is `receipts`'.

mod passing;

use super::registry::Registry;
use super::{Output, Tracker};
use crate::base::{Duration, InfoHash, Instant, Rng};
use crate::wire::{FromNode, NODE_ROOMS_MAX, NodeId, NodeSaid, Part};
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

    /// What this node is called, unless it is alone.
    pub(super) fn own(&self) -> Option<NodeId> {
        self.own
    }

    /// Whether another is there.
    pub(super) fn has(&self, id: NodeId) -> bool {
        self.others.contains_key(&id)
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
        let mut changes = Vec::new();
        let mut rooms = 0;
        for (room, counts) in registry.all_counts() {
            rooms += 1;
            if self.told.get(&room) != Some(&counts) {
                self.told.insert(room, counts);
                changes.push((room, counts.0, counts.1));
            }
        }
        if self.told.len() > rooms {
            let gone = self.told.extract_if(.., |room, _| !registry.has(*room));
            changes.extend(gone.map(|(room, _)| (room, 0, 0)));
        }
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

    pub(super) fn tell_nodes(&mut self, to: Option<NodeId>, said: NodeSaid) {
        if let Some(from) = self.nodes.own {
            let text = FromNode { from, said }.encode();
            self.outputs.push_back(Output::Tell { to, text });
        }
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
            NodeSaid::Credit(sealed) => self.on_credit(now, from, &sealed),
        }
    }
}
