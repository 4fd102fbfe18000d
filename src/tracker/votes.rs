//! Votes against peers: who may cast them, how long they count, and when they isolate.
//!
//! A reporter could have made up what it reports, so a report is a vote and never a proof. It counts
//! only from a peer that this tracker introduced to the accused (an offer of one was answered by the
//! other), once a network, less every minute. Three networks at least isolate a peer: it is offered to
//! nobody and its own offers go nowhere, until their votes have faded. Nobody is banned: its links, its
//! place in the swarm and its counts stay. Invariant: what is remembered of a peer is bounded.
//!
//! It does not stop who comes back under another id, or who commands three networks.

use super::Config;
use super::registry::{Peer, Swarm};
use crate::base::{Instant, Network, PeerId};
use std::collections::VecDeque;

/// Peers that one is remembered to have met: more than the links a client has by default (10).
const MET_MAX: usize = 16;
/// Networks that vote against one peer; more add nothing.
const VOTES_MAX: usize = 16;
/// Votes of one peer that count at a time: who meets more liars than that is more likely one itself.
const CAST_MAX: usize = 4;
/// Fresh votes in thousandths that isolate, when exceeded: two networks never do.
const ISOLATES: u128 = 2_000;

/// What is known of one peer by hearsay.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// Who answered its offers, newest last.
    met: VecDeque<PeerId>,
    /// Who voted against it: from where, and when last.
    against: Vec<(Option<Network>, Instant)>,
    /// When it voted itself, and against whom.
    cast: VecDeque<(PeerId, Instant)>,
}

impl Standing {
    /// Notes that it and `peer` have each other's descriptions.
    pub(super) fn note_meeting(&mut self, peer: PeerId) {
        if !self.met.contains(&peer) {
            self.met.push_back(peer);
        }
        if self.met.len() > MET_MAX {
            self.met.pop_front();
        }
    }

    /// Whether it is introduced to nobody now.
    pub(super) fn is_isolated(&self, now: Instant, config: &Config) -> bool {
        let life = config.vote_life;
        let weight = |at: &Instant| {
            let left = life.saturating_sub(now.since(*at));
            left.as_millis() * 1_000 / life.as_millis().max(1)
        };
        let sum: u128 = self.against.iter().map(|(_, at)| weight(at)).sum();
        sum > ISOLATES
    }

    /// Whether it may vote against `accused`; notes that it did.
    fn may_cast(&mut self, now: Instant, config: &Config, accused: PeerId) -> bool {
        self.cast
            .retain(|(_, at)| now.since(*at) < config.vote_life);
        let is_new = self.cast.iter().all(|(peer, _)| *peer != accused);
        if is_new && self.cast.len() < CAST_MAX {
            self.cast.push_back((accused, now));
        }
        // Once is enough: a vote is renewed by another meeting, not by repeating it.
        is_new && self.cast.back().is_some_and(|(peer, _)| *peer == accused)
    }

    fn count(&mut self, now: Instant, config: &Config, network: Option<Network>) {
        self.against
            .retain(|(from, at)| *from != network && now.since(*at) < config.vote_life);
        self.against.push((network, now));
        if self.against.len() > VOTES_MAX {
            self.against.remove(0);
        }
    }
}

/// Counts the vote of `voter` in `network` against `accused`, if they have met.
pub(super) fn cast(
    swarm: &mut Swarm,
    (now, config): (Instant, &Config),
    (voter, network): (PeerId, Option<Network>),
    accused: PeerId,
) {
    let mut has_met = |one: PeerId, other: PeerId| {
        let peer = swarm.peer(one);
        peer.is_some_and(|peer| peer.standing.met.contains(&other))
    };
    if voter == accused || !(has_met(voter, accused) || has_met(accused, voter)) {
        return;
    }
    let may = swarm
        .peer(voter)
        .is_some_and(|peer| peer.standing.may_cast(now, config, accused));
    if may && let Some(peer) = swarm.peer(accused) {
        peer.standing.count(now, config, network);
    }
}

/// Whether a peer may vote against one of another node; notes that it did. Both nodes know that they have met.
pub(super) fn may_cast_there(
    voter: &mut Peer,
    (now, config): (Instant, &Config),
    accused: PeerId,
) -> bool {
    let standing = &mut voter.standing;
    standing.met.contains(&accused) && standing.may_cast(now, config, accused)
}

/// Counts the vote of a peer of another node, if the accused has met it.
pub(super) fn count_there(
    accused: &mut Peer,
    (now, config): (Instant, &Config),
    (voter, network): (PeerId, Option<Network>),
) {
    let standing = &mut accused.standing;
    if standing.met.contains(&voter) {
        standing.count(now, config, network);
    }
}
