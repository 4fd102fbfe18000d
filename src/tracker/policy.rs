//! What an operator allows: everywhere, in a room, to whom a rule is for (`scope`), and to which share of them; and what
//! peers are told of it.
//!
//! A peer is in a cohort by the hash of its id, so that it stays in while the share grows. Invariant: of two
//! rules that speak of a peer the stricter counts, and a peer that may have no links is introduced to nobody,
//! whether it takes a policy or not. Who takes one is told at once (and again with every announce); its links
//! are its own to close. Not here: who may connect at all (the server's).

use super::announce::Reply;
use super::limits::Refusal;
use super::{ConnectionId, Scope, Tracker, Visitor};
use crate::base::{InfoHash, PeerId};
use std::collections::{BTreeMap, BTreeSet};

/// The whole of a share.
pub const WHOLE_PERMILLE: u16 = 1_000;

/// What peers may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// False is the kill switch: everybody plays from the CDN alone.
    pub p2p: bool,
    /// Thousandths of the peers that may have links; the others play from the CDN alone.
    pub share_permille: u16,
    /// Links of one peer at most.
    pub max_peers: Option<u32>,
    /// Bytes a second that one peer may send to all others together; 0 is no upload.
    pub upload_limit: Option<u64>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            p2p: true,
            share_permille: WHOLE_PERMILLE,
            max_peers: None,
            upload_limit: None,
        }
    }
}

/// Which rooms there may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rooms {
    /// Only these, if any are named.
    pub allow: BTreeSet<InfoHash>,
    /// Never these.
    pub deny: BTreeSet<InfoHash>,
}

/// What one peer is held to; `None` is as much as it likes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Caps {
    pub(super) max_peers: Option<u32>,
    pub(super) upload_limit: Option<u64>,
}

impl Caps {
    /// Whether it is introduced to others.
    pub(super) fn bar(self) -> bool {
        self.max_peers == Some(0)
    }
}

impl Policy {
    /// The stricter of both in each respect.
    fn and(self, other: Self) -> Self {
        Self {
            p2p: self.p2p && other.p2p,
            share_permille: self.share_permille.min(other.share_permille),
            max_peers: least(self.max_peers, other.max_peers),
            upload_limit: least(self.upload_limit, other.upload_limit),
        }
    }

    fn caps(self, peer: PeerId) -> Caps {
        let is_in = self.p2p && place_permille(peer) < self.share_permille;
        Caps {
            max_peers: if is_in { self.max_peers } else { Some(0) },
            upload_limit: self.upload_limit,
        }
    }
}

fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    one.into_iter().chain(other).min()
}

/// Where a peer stands among thousand: FNV-1a of its id, whose random part differs from session to session.
fn place_permille(peer: PeerId) -> u16 {
    let hash = peer.0.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let place = (hash >> 32) % u64::from(WHOLE_PERMILLE);
    u16::try_from(place).unwrap_or(0)
}

/// All rules.
#[derive(Debug, Default)]
pub(super) struct Policies {
    everywhere: Policy,
    by_room: BTreeMap<InfoHash, Policy>,
    scoped: Vec<(Scope, Policy)>,
    rooms: Rooms,
}

impl Policies {
    pub(super) fn caps(&self, room: InfoHash, visitor: Option<&Visitor>, peer: PeerId) -> Caps {
        let scoped = self.scoped.iter();
        let scoped = scoped.filter(|(scope, _)| scope.covers(room, visitor));
        let policies = scoped.map(|(_, policy)| policy);
        let policy = policies
            .chain(self.by_room.get(&room))
            .fold(self.everywhere, |all, policy| all.and(*policy));
        policy.caps(peer)
    }

    pub(super) fn check_room(&self, room: InfoHash) -> Result<(), Refusal> {
        let Rooms { allow, deny } = &self.rooms;
        let is_let = (allow.is_empty() || allow.contains(&room)) && !deny.contains(&room);
        is_let.then_some(()).ok_or(Refusal::Room)
    }
}

impl Tracker {
    /// The rule of a room alone, or the one for all.
    #[must_use]
    pub fn policy(&self, room: Option<InfoHash>) -> Policy {
        match room {
            Some(room) => self.policies.by_room.get(&room).copied(),
            None => Some(self.policies.everywhere),
        }
        .unwrap_or_default()
    }

    /// Rooms with a rule of their own.
    pub fn ruled_rooms(&self) -> impl Iterator<Item = (InfoHash, Policy)> {
        let rooms = self.policies.by_room.iter();
        rooms.map(|(room, policy)| (*room, *policy))
    }

    pub(super) fn on_policy(&mut self, room: Option<InfoHash>, policy: Policy) {
        match room {
            None => self.policies.everywhere = policy,
            Some(room) if policy == Policy::default() => {
                self.policies.by_room.remove(&room);
            }
            Some(room) => {
                self.policies.by_room.insert(room, policy);
            }
        }
        let rooms = room.map_or_else(|| self.registry.rooms(), |room| vec![room]);
        for room in rooms {
            self.tell_policy(room);
        }
    }

    pub(super) fn on_rules(&mut self, rules: Vec<(Scope, Policy)>) {
        self.policies.scoped = rules;
        for room in self.registry.rooms() {
            self.tell_policy(room);
        }
    }

    /// Tells those of a room who are held to something else than before.
    fn tell_policy(&mut self, room: InfoHash) {
        let Some(swarm) = self.registry.swarm(room) else {
            return;
        };
        let mut to_tell = Vec::new();
        for peer in swarm.peers_mut() {
            let speaker = self.connections.get(&peer.connection);
            let visitor = speaker.map(|speaker| &speaker.visitor);
            let caps = self.policies.caps(room, visitor, peer.id);
            if core::mem::replace(&mut peer.caps, caps) != caps && peer.takes_policy {
                to_tell.push((peer.connection, caps));
            }
        }
        for (connection, caps) in to_tell {
            let reply = Reply {
                caps,
                ..Reply::default()
            };
            self.reply(connection, room, reply);
        }
    }

    /// Who is in a room that there may no longer be is told so and taken out of it.
    pub(super) fn on_rooms(&mut self, rooms: Rooms) {
        self.policies.rooms = rooms;
        for room in self.registry.rooms() {
            let Err(refusal) = self.policies.check_room(room) else {
                continue;
            };
            let Some(swarm) = self.registry.swarm(room) else {
                continue;
            };
            let peers = swarm.peers_mut();
            let gone: Vec<(ConnectionId, bool)> = peers
                .map(|peer| (peer.connection, peer.takes_policy))
                .collect();
            for (connection, takes_policy) in gone {
                self.leave(connection, room);
                if takes_policy {
                    let caps = Caps {
                        max_peers: Some(0),
                        ..Caps::default()
                    };
                    let reply = Reply {
                        caps,
                        ..Reply::default()
                    };
                    self.reply(connection, room, reply);
                }
                self.fail(connection, Some(room), &refusal);
            }
        }
    }
}
