//! Whose offer goes to whom, which answers are awaited, and whose late candidates pass.
//!
//! Invariant: an answer passes once, from the peer that got the offer to the peer that made it, within
//! `offer_age`, and in that time a few candidates either way; nothing else can be sent to a stranger through the
//! tracker. Texts are opaque.

use super::registry::{Peer, Swarm};
use super::{Config, ConnectionId, matching};
use crate::base::{Instant, PeerId, Rng};
use crate::wire::Offer;

/// An offer that was handed out.
#[derive(Debug)]
pub(super) struct Awaited {
    to: PeerId,
    offer_id: String,
    since: Instant,
    /// Its answer has passed.
    is_answered: bool,
    /// Candidates that have passed, either way.
    candidates: u8,
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
    ((from, is_newcomer), mut offers): ((PeerId, bool), Vec<Offer>),
) -> Vec<(ConnectionId, Offer)> {
    offers.truncate(config.offers_per_announce_max);
    let others = matching::pick(swarm, rng, (now, config), (from, is_newcomer), offers.len());
    let Some(peer) = swarm.peer(from) else {
        return Vec::new();
    };
    if peer.is_shunned(now, config) {
        return Vec::new();
    }
    forget_old(peer, now, config);
    let pairs = others.into_iter().zip(offers);
    pairs
        .map(|((to, connection), offer)| {
            peer.awaited.push_back(Awaited {
                to,
                offer_id: offer.offer_id.clone(),
                since: now,
                is_answered: false,
                candidates: 0,
            });
            if peer.awaited.len() > config.offers_awaited_max {
                peer.awaited.pop_front();
            }
            (connection, offer)
        })
        .collect()
}

/// The connection that awaits this answer, which is thereby no longer awaited.
pub(super) fn take_awaited(
    offerer: &mut Peer,
    (now, config): (Instant, &Config),
    (from, offer_id): (PeerId, &str),
) -> Option<ConnectionId> {
    forget_old(offerer, now, config);
    let mut awaited = offerer.awaited.iter_mut();
    let is_it =
        |offer: &&mut Awaited| offer.to == from && offer.offer_id == offer_id && !offer.is_answered;
    awaited.find(is_it)?.is_answered = true;
    offerer.standing.note_meeting(from);
    Some(offerer.connection)
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
        let mut awaited = offerer.awaited.iter_mut();
        let offer =
            awaited.rfind(|offer| offer.to == other && offer.candidates < CANDIDATES_MAX)?;
        offer.candidates += 1;
        Some(())
    };
    counts(from, to).or_else(|| counts(to, from))?;
    let receiver = swarm.peer(to).filter(|peer| peer.takes_candidates)?;
    Some(receiver.connection)
}

/// Drops what has waited too long; also called when sweeping, so that quiet peers hold nothing.
pub(super) fn forget_old(peer: &mut Peer, now: Instant, config: &Config) {
    while let Some(oldest) = peer.awaited.front() {
        if now.since(oldest.since) < config.offer_age {
            break;
        }
        peer.awaited.pop_front();
    }
}
