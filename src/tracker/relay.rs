//! Whose offer goes to whom, and which answers are awaited.
//!
//! Invariant: an answer passes once, from the peer that got the offer to the peer that made it, within
//! `offer_age`; nothing else can be sent to a stranger through the tracker. An offer's text is opaque.

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
}

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
    let mut awaited = offerer.awaited.iter();
    let place = awaited.position(|offer| offer.to == from && offer.offer_id == offer_id)?;
    offerer.awaited.remove(place);
    offerer.standing.note_meeting(from);
    Some(offerer.connection)
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
