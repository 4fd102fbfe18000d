//! Whose offer goes to whom, which answers are awaited, and whose late candidates pass.
//!
//! Invariant: an answer passes once, from the peer that got the offer to the peer that made it, within
//! `offer_age`, and in that time a few candidates either way; nothing else can be sent to a stranger through the
//! tracker, nor through two nodes of it. Texts are opaque.

use super::registry::{Peer, Swarm};
use super::{Config, ConnectionId, matching};
use crate::base::{Instant, PeerId, Rng};
use crate::wire::{NodeId, Offer};
use std::collections::VecDeque;

/// An offer that was handed out, or that one of another node was handed.
#[derive(Debug)]
pub(super) struct Awaited {
    other: Party,
    offer_id: String,
    since: Instant,
    /// Its answer has passed.
    is_answered: bool,
    /// Candidates that have passed, either way.
    candidates: u8,
}

/// The other side of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Party {
    /// A peer of this node.
    Here(PeerId),
    /// One of another: of our offers who it is shows with its answer.
    There(NodeId, Option<PeerId>),
}

/// Candidates of both sides of one introduction together: a host with some networks, each over IPv4 and IPv6, found by
/// a few servers, has about twenty.
const CANDIDATES_MAX: u8 = 60;

/// Gives each offer of `from` to a different other peer, as far as there are peers, and notes whose
/// answer is awaited. Returns who gets what.
pub(super) fn hand_out(
    swarm: &mut Swarm,
    rng: &mut Rng,
    (now, config): (Instant, &Config),
    ((from, is_newcomer), offers): ((PeerId, bool), Vec<Offer>),
) -> Vec<(ConnectionId, Offer)> {
    let who = (from, is_newcomer, swarm.traits(from));
    let others = matching::pick(swarm, rng, (now, config), who, offers.len());
    let Some(peer) = swarm.peer(from) else {
        return Vec::new();
    };
    let pairs = others.into_iter().zip(offers);
    pairs
        .map(|((to, connection), offer)| {
            let other = Party::Here(to);
            note(&mut peer.awaited, (now, config), (other, &offer.offer_id));
            (connection, offer)
        })
        .collect()
}

/// Notes that an offer went to another node.
pub(super) fn note_sent(
    offerer: &mut Peer,
    at: (Instant, &Config),
    (node, offer_id): (NodeId, &str),
) {
    let other = Party::There(node, None);
    note(&mut offerer.awaited, at, (other, offer_id));
}

/// Notes that a peer was handed an offer of another node's.
pub(super) fn note_handed(
    receiver: &mut Peer,
    at: (Instant, &Config),
    (node, from, offer_id): (NodeId, PeerId, &str),
) {
    let other = Party::There(node, Some(from));
    note(&mut receiver.handed, at, (other, offer_id));
}

fn note(
    offers: &mut VecDeque<Awaited>,
    (now, config): (Instant, &Config),
    (other, offer_id): (Party, &str),
) {
    drop_old(offers, now, config);
    offers.push_back(Awaited {
        other,
        offer_id: offer_id.into(),
        since: now,
        is_answered: false,
        candidates: 0,
    });
    if offers.len() > config.offers_awaited_max {
        offers.pop_front();
    }
}

/// The offer of this id to or from `other`, if it is open still.
fn find_open<'a>(
    offers: &'a mut VecDeque<Awaited>,
    (now, config): (Instant, &Config),
    (is_other, offer_id): (impl Fn(Party) -> bool, &str),
) -> Option<&'a mut Awaited> {
    drop_old(offers, now, config);
    let is_it =
        |it: &&mut Awaited| is_other(it.other) && it.offer_id == offer_id && !it.is_answered;
    offers.iter_mut().find(is_it)
}

/// The connection that awaits this answer, which is thereby no longer awaited.
pub(super) fn take_awaited(
    offerer: &mut Peer,
    at: (Instant, &Config),
    (from, offer_id): (PeerId, &str),
) -> Option<ConnectionId> {
    let is_it = |other| other == Party::Here(from);
    find_open(&mut offerer.awaited, at, (is_it, offer_id))?.is_answered = true;
    offerer.standing.note_meeting(from);
    Some(offerer.connection)
}

/// The same for an answer that comes from another node.
pub(super) fn take_awaited_there(
    offerer: &mut Peer,
    at: (Instant, &Config),
    (node, from, offer_id): (NodeId, PeerId, &str),
) -> Option<ConnectionId> {
    let is_it = |other| other == Party::There(node, None);
    let offer = find_open(&mut offerer.awaited, at, (is_it, offer_id))?;
    offer.is_answered = true;
    offer.other = Party::There(node, Some(from));
    offerer.standing.note_meeting(from);
    Some(offerer.connection)
}

/// The node whose peer's offer a peer here answers, once.
pub(super) fn take_handed(
    answerer: &mut Peer,
    at: (Instant, &Config),
    (offerer, offer_id): (PeerId, &str),
) -> Option<NodeId> {
    let is_it = |other| matches!(other, Party::There(_, Some(peer)) if peer == offerer);
    let offer = find_open(&mut answerer.handed, at, (is_it, offer_id))?;
    offer.is_answered = true;
    let Party::There(node, _) = offer.other else {
        return None;
    };
    answerer.standing.note_meeting(offerer);
    Some(node)
}

/// Whom a candidate of `from` for `to` goes to: `None` unless they were introduced, and not too often.
pub(super) fn pass_candidate(
    swarm: &mut Swarm,
    (now, config): (Instant, &Config),
    (from, to): (PeerId, PeerId),
) -> Option<ConnectionId> {
    let mut counts = |offerer: PeerId, other: PeerId| {
        let offerer = swarm.peer(offerer)?;
        forget_old(offerer, now, config);
        count_candidate(offerer.awaited.iter_mut().rev(), |it| {
            it == Party::Here(other)
        })
    };
    counts(from, to).or_else(|| counts(to, from))?;
    let receiver = swarm.peer(to).filter(|peer| peer.takes_candidates)?;
    Some(receiver.connection)
}

/// At which node a peer is that was introduced to one here, for a candidate of either; not too often.
pub(super) fn node_of(
    peer: &mut Peer,
    (now, config): (Instant, &Config),
    other: PeerId,
) -> Option<NodeId> {
    forget_old(peer, now, config);
    let offers = peer.awaited.iter_mut().chain(&mut peer.handed);
    let is_it = |party| matches!(party, Party::There(_, Some(peer)) if peer == other);
    match count_candidate(offers, is_it)? {
        Party::There(node, _) => Some(node),
        Party::Here(_) => None,
    }
}

/// Counts a candidate between the two sides of an offer, if there is such an offer and it has not had too many.
fn count_candidate<'a>(
    mut offers: impl Iterator<Item = &'a mut Awaited>,
    is_other: impl Fn(Party) -> bool,
) -> Option<Party> {
    let offer = offers.find(|offer| is_other(offer.other) && offer.candidates < CANDIDATES_MAX)?;
    offer.candidates += 1;
    Some(offer.other)
}

/// Drops what has waited too long; also called when sweeping, so that quiet peers hold nothing.
pub(super) fn forget_old(peer: &mut Peer, now: Instant, config: &Config) {
    drop_old(&mut peer.awaited, now, config);
    drop_old(&mut peer.handed, now, config);
}

fn drop_old(offers: &mut VecDeque<Awaited>, now: Instant, config: &Config) {
    while let Some(oldest) = offers.front() {
        if now.since(oldest.since) < config.offer_age {
            break;
        }
        offers.pop_front();
    }
}
