//! Who fetches what nobody holds yet: a random wait by peer and segment, promises, and patience.
//!
//! A peer that learns of a segment which nobody holds or promises waits its turn of a window, fires, fetches and
//! promises; who hears a promise waits for it, for at most half of its slack, and promises in its turn,
//! a hop later; after that fetches are spread by `u` over the rest. A promise that is gone begins
//! another round. Invariant: a promise is about oneself and is kept, or taken back; nobody relies on
//! one that may rely on its own.

use super::config::election::{
    FIRST_BLOCK, FIRST_HAVES, FIRST_LINKS, HOP, HOPS_MAX, MUTED_SEGMENTS, PROMISE_GRACE,
    PROMISE_MARGIN, SECOND_COPY, WINDOW_PER_PEER,
};
use super::config::playback::COMFORT;
use super::peer::{Held, Promise};
use super::segment::Segment;
use super::source::Scene;
use super::trust::Fault;
use super::{Engine, Why};
use crate::base::{Duration, Instant, LinkId, SegmentId};
use crate::integrity::sha256;
use crate::wire::{HaveEntry, Holding, PeerMessage, SegmentKey};

/// Turns of a round; a power of two.
const TURNS: u32 = 1_024;

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
        let promise = self.best_promise(id, now);
        if let (Some(failure), None) = (download.failure, promise) {
            self.fail(id, failure);
            return None;
        }
        let round_at = self.turn_round(now, id, promise);
        let (u, turn) = (self.lot(&key) & (TURNS - 1), self.turn(&key));
        let half = scene.started + scene.latest.since(scene.started) / 2;
        let fire = match promise {
            Some(promise) if now < half => (promise.at + PROMISE_GRACE).min(half),
            Some(_) => half + scene.latest.since(half) * u / TURNS,
            None => match self.first_links_until(scene.started) {
                Some(until) if now < until => until.min(half),
                Some(_) | None => {
                    let round_at = round_at.max(self.first_haves_at());
                    round_at
                        + self.window(scene.latest.since(round_at)) * turn / TURNS
                        + self.courtesy(id, scene)
                }
            },
        };
        let fire = fire.min(scene.latest);
        if now < fire {
            if let Some(promise) = promise {
                self.relay(now, id, promise);
            }
            return Some(fire);
        }
        let open = self.greeted().next().is_some();
        self.because(match (promise, open) {
            (Some(_), _) => Why::Promise,
            (None, true) => Why::Election,
            (None, false) => Why::NoLinks,
        });
        self.mute_promisers(now);
        self.promise(now, id);
        self.take_from_cdn(now, id)
    }

    /// Who sends less than the stream has lets others go first, where there is time: what it alone holds,
    /// all others wait for. In a film others come to want it later; live they do within a segment's length, and
    /// there it goes by what one neighbour alone sends, or all would wait for each other.
    fn courtesy(&self, id: SegmentId, scene: &Scene) -> Duration {
        let download = self.segments.get(&id).and_then(|s| s.download.as_ref());
        let Some(download) = download.filter(|d| d.length > Duration::ZERO) else {
            return Duration::ZERO;
        };
        let own = self.uplink_bytes_per_s();
        let size = self.segments.values().filter_map(|s| s.size).max();
        let (Some(own), Some(size)) = (own, size) else {
            return Duration::ZERO;
        };
        let best = self.greeted().filter_map(|link| link.rate.bytes_per_s());
        let needs = size as f64 / download.length.as_secs_f64();
        if own >= needs {
            Duration::ZERO
        } else if download.is_film {
            self.playback.slack(scene.started).saturating_sub(COMFORT) / 2
        } else if best.fold(0.0, f64::max) > 2.0 * own {
            let slack = scene.latest.since(scene.started);
            (slack / 4).min(download.length)
        } else {
            Duration::ZERO
        }
    }

    /// When it is our turn to fetch what others hold and cannot bring in time, because they send little: in a
    /// swarm in which everybody is linked to everybody, those who send a multiple of it elect one of them.
    pub(super) fn second_copy_at(
        &self,
        now: Instant,
        id: SegmentId,
        scene: &Scene,
    ) -> Option<Instant> {
        let segment = self.segments.get(&id)?;
        let download = segment.download.as_ref()?;
        let own = self.uplink_bytes_per_s()?;
        let busy = download.leg.is_some() || download.failure.is_some();
        if busy || !self.may_upload() || !self.is_linked_to_all() {
            return None;
        }
        let holders = scene.holders.iter().filter_map(|link| self.links.get(link));
        let rate: f64 = holders.map(|link| link.rate_or_guess()).sum();
        let left = segment.size?.saturating_sub(segment.loaded());
        let in_time = rate * scene.latest.since(now).as_secs_f64() >= left as f64;
        if in_time || own < SECOND_COPY * rate || self.best_promise(id, now).is_some() {
            return None;
        }
        let round_at = download.round_at;
        let window = self.window(scene.latest.since(round_at));
        Some(round_at + window * self.turn(&segment.key) / TURNS)
    }

    /// When this round of the election began. A promise that was relied on and is gone begins another
    /// one: else everybody who had waited for it would be past its turn, and fetch at once.
    fn turn_round(&mut self, now: Instant, id: SegmentId, promise: Option<Promise>) -> Instant {
        let Some(download) = self.segments.get_mut(&id).and_then(|s| s.download.as_mut()) else {
            return now;
        };
        let relied = core::mem::replace(&mut download.relies, promise.is_some());
        let round_at = download.round_at;
        let relayed = self
            .segments
            .get(&id)
            .and_then(|s| s.promised)
            .is_some_and(|p| p.hops > 0);
        if promise.is_some() || !(relied || relayed) {
            return round_at;
        }
        self.withdraw(id);
        if let Some(download) = self.segments.get_mut(&id).and_then(|s| s.download.as_mut()) {
            download.round_at = now;
        }
        now
    }

    /// `u = hash(peer, segment) ∈ [0, 1)`: the same at each look, different for each peer.
    pub(super) fn draw(&self, key: &SegmentKey) -> f64 {
        f64::from(self.lot(key)) / (f64::from(u32::MAX) + 1.0)
    }

    /// When it is this peer's turn, in [`TURNS`] of the window: the latest of three draws. Those who learn
    /// of a live segment first are few and hardly linked to each other, so an early promise reaches nobody.
    /// Where everybody is linked to everybody it reaches all, and one draw brings the segment sooner.
    fn turn(&self, key: &SegmentKey) -> u32 {
        let lot = self.lot(key);
        let (first, second, third) = (lot & 0x3ff, lot >> 10 & 0x3ff, lot >> 20 & 0x3ff);
        if self.is_linked_to_all() {
            first
        } else {
            first.max(second).max(third)
        }
    }

    /// Whether a word of ours reaches the whole swarm at once, as far as a tracker has told its size.
    pub(super) fn is_linked_to_all(&self) -> bool {
        let size = self.signaling.swarm_size as usize;
        size > 0 && self.greeted().count() + 1 >= size
    }

    /// The hash of peer and segment, as a number.
    pub(super) fn lot(&self, key: &SegmentKey) -> u32 {
        let mut bytes = Vec::with_capacity(44);
        bytes.extend_from_slice(&self.peer_id.0);
        bytes.extend_from_slice(&key.track.0);
        bytes.extend_from_slice(&key.number.to_le_bytes());
        bytes.extend_from_slice(&key.version.0);
        let hash = sha256(&bytes);
        u32::from_le_bytes([hash.0[0], hash.0[1], hash.0[2], hash.0[3]])
    }

    /// `W = min(half the slack, N · 0.1 s)`; nothing when alone.
    fn window(&self, rest: Duration) -> Duration {
        let links = self.greeted().count();
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
        let open = self.greeted().next().is_some();
        let since = self.signaling.joining_since()?;
        let alone = self.signaling.swarm_size == 1;
        (!open && !alone && started < since + FIRST_LINKS).then(|| since + FIRST_LINKS)
    }

    /// When what the first neighbour holds is known. Its greeting is not the moment to turn to the CDN: it may hold
    /// what is waited for.
    fn first_haves_at(&self) -> Instant {
        let greeted = self.totals.first_peer_ms;
        greeted.map_or(Instant::ZERO, |ms| Instant::from_millis(ms) + FIRST_HAVES)
    }

    /// The soonest promise that counts. One of as many hops as ours, or more, may rely on us.
    fn best_promise(&self, id: SegmentId, now: Instant) -> Option<Promise> {
        let segment = self.segments.get(&id)?;
        let hops_max = segment.promised.map_or(HOPS_MAX, |ours| ours.hops);
        let mut best: Option<Promise> = None;
        for link in self.links.values() {
            let Some(Held::Promised(promise)) = link.haves.held(&segment.key) else {
                continue;
            };
            let counts = link.is_greeted()
                && link.mute == 0
                && now < promise.at + PROMISE_GRACE
                && promise.hops < hops_max;
            if counts && best.is_none_or(|best| promise.at < best.at) {
                best = Some(*promise);
            }
        }
        best
    }

    /// Neighbours with an overdue promise, of any segment, are not believed for a while. Who relied on
    /// somebody else's is not to blame.
    fn mute_promisers(&mut self, now: Instant) {
        let mut broken: Vec<LinkId> = Vec::new();
        for (id, link) in self.links.iter_mut() {
            link.mute = link.mute.saturating_sub(1);
            if let Some(hops) = link.haves.forget_promises_due(now - PROMISE_GRACE) {
                link.mute = MUTED_SEGMENTS;
                if hops == 0 {
                    broken.push(*id);
                }
            }
        }
        for id in broken {
            self.note_fault(now, id, Fault::BrokenPromise);
        }
    }

    /// Tells neighbours that we fetch it now.
    pub(super) fn promise(&mut self, now: Instant, id: SegmentId) {
        let size = self.segments.get(&id).and_then(|segment| segment.size);
        let at = now + self.cdn.estimate(size.unwrap_or(0)) + PROMISE_MARGIN;
        self.announce_promise(now, id, Promise { at, hops: 0 });
    }

    /// Blocks were asked of peers: neighbours who see nobody that holds it can wait for ours.
    pub(super) fn promise_first_blocks(&mut self, now: Instant, id: SegmentId) {
        let untold = |s: &Segment| s.promised.is_none() && s.verified() == 0;
        if self.segments.get(&id).is_some_and(untold) && self.is_asked(id) {
            let at = now + FIRST_BLOCK;
            self.announce_promise(now, id, Promise { at, hops: 1 });
        }
    }

    /// Tells neighbours that we shall have it a hop later than who promised it to us: so promises
    /// cross a sparse mesh, and each stays a word about oneself.
    fn relay(&mut self, now: Instant, id: SegmentId, relied: Promise) {
        let told = self.segments.get(&id).is_some_and(|s| s.promised.is_some());
        if !told {
            let (at, hops) = (relied.at + HOP, relied.hops + 1);
            self.announce_promise(now, id, Promise { at, hops });
        }
    }

    fn announce_promise(&mut self, now: Instant, id: SegmentId, promise: Promise) {
        if !self.may_upload() || !self.is_shareable(id) {
            return;
        }
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        if segment
            .promised
            .is_some_and(|told| told.hops <= promise.hops)
        {
            return;
        }
        segment.promised = Some(promise);
        let entry = HaveEntry {
            key: segment.key,
            holding: promise.holding(now),
        };
        self.broadcast(&PeerMessage::Have(vec![entry]));
    }

    /// Takes a promise back, if one was made.
    pub(super) fn withdraw(&mut self, id: SegmentId) {
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        if segment.promised.take().is_none() {
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
