//! Who fetches what nobody holds yet: a random wait by peer and segment, promises, and patience.
//!
//! A peer that learns of a segment which nobody holds or promises waits `u · W`, fires, fetches and
//! promises; who hears a promise waits for it, for at most half of its slack; after that fetches are
//! spread by `u` over the rest. Invariant: a promise is about oneself and is kept, or taken back.

use super::source::Scene;
use super::trust::Fault;
use super::{Engine, peer::Held};
use crate::base::{Duration, Instant, LinkId, SegmentId};
use crate::integrity::sha256;
use crate::wire::{HaveEntry, Holding, PeerMessage, SegmentKey};

/// The window grows by this for each peer of the swarm.
const WINDOW_PER_PEER: Duration = Duration::from_millis(100);
/// A fresh viewer gives its first links this long, once, before it counts as alone.
const FIRST_LINKS: Duration = Duration::from_millis(1_500);
/// A promise is late by this much before it is broken.
const PROMISE_GRACE: Duration = Duration::from_millis(500);
/// Segments for which a neighbour's promises are disregarded after a broken one.
const MUTED_SEGMENTS: u32 = 20;

impl Engine {
    /// Nobody who can be asked holds it: wait for the election, a promise or the first links, or fetch.
    pub(super) fn await_holder(
        &mut self,
        now: Instant,
        id: SegmentId,
        scene: &Scene,
    ) -> Option<Instant> {
        let segment = self.segments.get(&id)?;
        let download = segment.download.as_ref()?;
        if download.leg.is_some() {
            return None;
        }
        let key = segment.key;
        let rest = scene.latest.since(scene.started);
        let half = scene.started + rest / 2;
        let u = self.draw(&key);
        let promise = self.best_promise(&key, now, scene.latest);
        if let (Some(failure), None) = (download.failure, promise) {
            self.fail(id, failure);
            return None;
        }
        let fire = match promise {
            Some(at) if now < half => (at + PROMISE_GRACE).min(half),
            Some(_) => half + scene.latest.since(half).mul_f64(u),
            None if download.patience_end.is_some_and(|end| end <= now) => {
                half.max(scene.started) + scene.latest.since(half).mul_f64(u * 0.5)
            }
            None => match self.first_links_until(scene.started) {
                Some(until) if now < until => until.min(half),
                Some(_) | None => scene.started + self.window(rest).mul_f64(u),
            },
        };
        let fire = fire.min(scene.latest);
        if promise.is_some()
            && let Some(download) = self.segments.get_mut(&id).and_then(|s| s.download.as_mut())
        {
            download.patience_end = Some(half);
        }
        if now < fire {
            return Some(fire);
        }
        self.mute_promisers(now);
        self.promise(id);
        self.take_from_cdn(now, id)
    }

    /// `u = hash(peer, segment) ∈ [0, 1)`: the same at each look, different for each peer.
    fn draw(&self, key: &SegmentKey) -> f64 {
        let mut bytes = Vec::with_capacity(44);
        bytes.extend_from_slice(&self.peer_id.0);
        bytes.extend_from_slice(&key.track.0);
        bytes.extend_from_slice(&key.number.to_le_bytes());
        bytes.extend_from_slice(&key.version.0);
        let hash = sha256(&bytes);
        let word = u32::from_le_bytes([hash.0[0], hash.0[1], hash.0[2], hash.0[3]]);
        f64::from(word) / (f64::from(u32::MAX) + 1.0)
    }

    /// `W = min(half the slack, N · 0.1 s)`; nothing when alone.
    fn window(&self, rest: Duration) -> Duration {
        let links = self.links.values().filter(|link| link.is_greeted()).count();
        if links == 0 {
            return Duration::ZERO;
        }
        let peers = self
            .signaling
            .swarm_size
            .max(u32::try_from(links).unwrap_or(u32::MAX) + 1);
        (WINDOW_PER_PEER * peers.min(10_000)).min(rest / 2)
    }

    /// Until when a fresh viewer waits for its first links: while the tracker has not said that it is
    /// alone, and only once.
    fn first_links_until(&self, started: Instant) -> Option<Instant> {
        let open = self.links.values().any(|link| link.is_greeted());
        let since = self.signaling.joining_since()?;
        let alone = self.signaling.swarm_size == 1;
        (!open && !alone && started < since + FIRST_LINKS).then(|| since + FIRST_LINKS)
    }

    /// The soonest promise that counts; one that comes too late is not worth any wait.
    fn best_promise(&self, key: &SegmentKey, now: Instant, latest: Instant) -> Option<Instant> {
        self.links
            .values()
            .filter(|link| link.is_greeted() && link.mute == 0)
            .filter_map(|link| match link.haves.held(key) {
                Some(Held::Promised(at)) => Some(at),
                Some(Held::Whole | Held::Partial(_)) | None => None,
            })
            .filter(|at| now < *at + PROMISE_GRACE && *at <= latest)
            .min()
    }

    /// Neighbours with an overdue promise, of any segment, are not believed for a while.
    fn mute_promisers(&mut self, now: Instant) {
        let mut broken: Vec<LinkId> = Vec::new();
        for (id, link) in self.links.iter_mut() {
            link.mute = link.mute.saturating_sub(1);
            if link.haves.forget_promises_due(now - PROMISE_GRACE) {
                link.mute = MUTED_SEGMENTS;
                broken.push(*id);
            }
        }
        for id in broken {
            self.note_fault(now, id, Fault::BrokenPromise);
        }
    }

    /// Tells neighbours that we fetch it now.
    pub(super) fn promise(&mut self, id: SegmentId) {
        if !self.may_upload() || !self.is_shareable(id) {
            return;
        }
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        if core::mem::replace(&mut segment.promised, true) {
            return;
        }
        let estimate = self.cdn.estimate(segment.size.unwrap_or(0)) + Duration::from_millis(100);
        let in_ms = u32::try_from(estimate.as_millis()).unwrap_or(u32::MAX);
        let entry = HaveEntry {
            key: segment.key,
            holding: Holding::Promised { in_ms },
        };
        self.broadcast(&PeerMessage::Have(vec![entry]));
    }

    /// Takes a promise back, if one was made.
    pub(super) fn withdraw(&mut self, id: SegmentId) {
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        if !core::mem::take(&mut segment.promised) {
            return;
        }
        let holding = match segment.verified() {
            0 => Holding::Gone,
            _ => Holding::Partial(segment.verified_bits()),
        };
        let entry = HaveEntry {
            key: segment.key,
            holding,
        };
        self.broadcast(&PeerMessage::Have(vec![entry]));
    }
}
