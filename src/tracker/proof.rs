//! Proofs: for whom this tracker signs, and when anew. A peer shows its own to whom a neighbour brings its description, and
//! reads theirs by the keys that come with it (`integrity`'s proofs). So nobody is brought in through neighbours whom no
//! tracker has let in, and no neighbour stands in between.
//!
//! Signed is the certificate that an announce's first offer names: who names another one's has no use of it, since the
//! connection would not open. Invariant: one signature a peer and half a life of a proof, or a change of certificate; none
//! for who may have no peers or is isolated. Several trackers with the same keys take each other's.

use super::Tracker;
use super::registry::Presence;
use crate::base::{Duration, InfoHash, Instant};
use crate::integrity::{Claim, Fingerprint, SecretKey};
use crate::wire::Offer;

/// How proofs are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proofs {
    /// The first one signs, the public ones of all are told.
    pub keys: Vec<SecretKey>,
    /// How long a proof counts.
    pub life: Duration,
}

/// What a peer was last given.
#[derive(Debug)]
pub(super) struct Proven {
    fingerprint: Fingerprint,
    /// From then on there is a new one, in seconds of Unix time.
    renew_s: u64,
}

impl Tracker {
    /// What an announce is answered of it, if there is anything new.
    pub(super) fn proof(
        &mut self,
        now: Instant,
        presence: Presence,
        room: InfoHash,
        offers: &[Offer],
    ) -> Option<String> {
        let now_s = self.unix_s(now)?;
        let proofs = self.proofs.as_ref()?;
        let peer = self.registry.peer(room, presence.id)?;
        if peer.is_shunned(now, &self.config) {
            return None;
        }
        let offer = offers.first().map(|offer| offer.sdp.text());
        let shown = offer.as_deref().and_then(Fingerprint::of);
        let known = peer.proven.as_deref();
        let fingerprint = shown.or_else(|| known.map(|known| known.fingerprint))?;
        if known.is_some_and(|it| it.fingerprint == fingerprint && now_s < it.renew_s) {
            return None;
        }
        let life_s = proofs.life.as_secs();
        let renew_s = now_s.saturating_add(life_s / 2);
        peer.proven = Some(Box::new(Proven {
            fingerprint,
            renew_s,
        }));
        let claim = Claim {
            room,
            peer: presence.id,
            fingerprint,
        };
        claim.prove(&proofs.keys, (now_s, now_s.saturating_add(life_s)))
    }
}
