//! The race: for a segment the player waits for, which source does what now, and when to look again.
//!
//! Order: what is here → peers that hold it → a neighbour's promise → the CDN. `cdnFallbackDelay` runs
//! while a peer was asked and is silent; election and promises (`election.rs`) run while nobody holds
//! it; the deadline overrules both. Invariant: the CDN is asked in time, or has failed already.

use super::Engine;
use super::authority::Standing;
use super::download::Failure;
use super::segment::{Block, block_of};
use super::trust::Fault;
use crate::base::{Duration, Instant, LinkId, SegmentId};
use crate::integrity::BLOCK_LEN;

/// With less slack than this the player is starting, or about to stall: the CDN at once.
const NO_SLACK: Duration = Duration::from_millis(500);
/// The CDN's estimated time is taken times this, in percent, before it counts as safe.
const CDN_MARGIN_PERCENT: u32 = 150;
/// And at least this much earlier, because the first estimate is a guess.
const CDN_MARGIN_MIN: Duration = Duration::from_millis(200);

/// What the race looks at, gathered once.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) started: Instant,
    /// When the CDN must be asked at the latest.
    pub(super) latest: Instant,
    pub(super) holders: Vec<LinkId>,
}

impl Engine {
    /// Whether segment `id` may come from or go to peers at all.
    pub(super) fn is_shareable(&self, id: SegmentId) -> bool {
        let Some(segment) = self.segments.get(&id) else {
            return false;
        };
        let stands = match segment.standing {
            Standing::Proven => true,
            Standing::Silent => self.config.integrity != super::IntegrityMode::Require,
            Standing::Waiting | Standing::Refused => false,
        };
        self.config.enabled && !segment.private && !self.quarantine.contains(&segment.key) && stands
    }

    /// Looks at one download afresh: hands it over, asks sources, or sets the next look. May be called
    /// at any time, any number of times.
    pub(super) fn drive(&mut self, now: Instant, id: SegmentId) {
        if self.finish_if_complete(now, id) {
            return;
        }
        let slack = self.playback.slack(now);
        let wake = if !self.is_shareable(id) || self.config.cdn_fallback_delay == 0 {
            self.take_from_cdn(now, id)
        } else {
            self.race(now, id, slack)
        };
        if let Some(download) = self.segments.get_mut(&id).and_then(|s| s.download.as_mut()) {
            let soonest = now + Duration::from_millis(1);
            download.wake = wake.map(|at| at.max(soonest));
        }
    }

    fn race(&mut self, now: Instant, id: SegmentId, slack: Duration) -> Option<Instant> {
        let scene = self.scene(now, id)?;
        let download = self.segments.get(&id)?.download.as_ref()?;
        let fresh = download.first_asked.is_none();
        if download.cdn_only {
            return self.take_from_cdn(now, id);
        }
        if fresh && slack < NO_SLACK && download.failure.is_none() {
            self.take_from_cdn(now, id);
            return self.next_look(now, id, &scene);
        }
        if download.leg.is_none() && download.failure.is_none() {
            let timeout = scene.started + Duration::from_millis(self.config.segment_timeout);
            if now >= scene.latest.min(timeout) && self.wants_more(id) {
                let silent = self.silent_for(now, id, self.config.fallback_delay() / 4);
                self.split_with_cdn(now, id, &scene);
                self.judge_overtaken(now, id, &silent);
            }
        }
        if scene.holders.is_empty() && !self.is_asked(id) {
            return self.await_holder(now, id, &scene);
        }
        self.relieve_silent(now, id, &scene);
        self.relieve_stuck_leg(now, id);
        self.ask_leaves(now, id, &scene.holders);
        self.pick_blocks(now, id, &scene.holders);
        self.promise_first_blocks(now, id);
        self.next_look(now, id, &scene)
    }

    pub(super) fn scene(&self, now: Instant, id: SegmentId) -> Option<Scene> {
        let segment = self.segments.get(&id)?;
        let download = segment.download.as_ref()?;
        let deadline = self.playback.deadline().max(download.started);
        let left = segment.size.unwrap_or(0).saturating_sub(segment.loaded());
        let cdn_time = self.cdn.estimate(left);
        let margin = (cdn_time * CDN_MARGIN_PERCENT / 100).max(cdn_time + CDN_MARGIN_MIN);
        let holders = self
            .links
            .iter()
            .filter(|(link, peer)| {
                peer.is_greeted()
                    && !peer.choked
                    // While the CDN fails, nobody who may have it rests.
                    && (!peer.conduct.is_resting(now) || download.failure.is_some())
                    && !download.shunned.contains(link)
                    && peer
                        .haves
                        .held(&segment.key)
                        .is_some_and(|held| held.has_any(segment.blocks.len().max(1)))
            })
            .map(|(link, _)| *link)
            .collect();
        Some(Scene {
            started: download.started,
            latest: deadline - margin,
            holders,
        })
    }

    /// Blocks are left that no source owns, or that peers owe.
    fn wants_more(&self, id: SegmentId) -> bool {
        self.segments.get(&id).is_some_and(|segment| {
            segment.size.is_none()
                || segment
                    .blocks
                    .iter()
                    .any(|block| matches!(block, Block::Missing | Block::Asked { .. }))
        })
    }

    pub(super) fn is_asked(&self, id: SegmentId) -> bool {
        self.segments.get(&id).is_some_and(|segment| {
            segment
                .blocks
                .iter()
                .any(|block| matches!(block, Block::Asked { .. }))
        })
    }

    /// Peers that were asked so long ago, for blocks or the leaf list, and have sent nothing since.
    fn silent_for(&self, now: Instant, id: SegmentId, span: Duration) -> Vec<LinkId> {
        let mut silent: Vec<LinkId> = Vec::new();
        let Some(segment) = self.segments.get(&id) else {
            return silent;
        };
        for block in &segment.blocks {
            if let Block::Asked { link, at } = block
                && now >= self.links.get(link).map_or(*at, |l| l.progress_at.max(*at)) + span
                && !silent.contains(link)
            {
                silent.push(*link);
            }
        }
        let list = segment.download.as_ref().and_then(|d| d.leaves_asked);
        if let Some((link, at)) = list
            && segment.leaves.is_none()
            && now >= at + span
            && !silent.contains(&link)
        {
            silent.push(link);
        }
        silent
    }

    /// Time ran out and the CDN took over: who had been silent and has nothing left to send has wasted
    /// that time, even if it was less than `cdnFallbackDelay`. Else silent peers would hold the slack of a
    /// viewer behind a slow CDN at its least for ever.
    fn judge_overtaken(&mut self, now: Instant, id: SegmentId, silent: &[LinkId]) {
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let owes = |id: &LinkId| {
            let asked = |block: &Block| matches!(block, Block::Asked { link, .. } if link == id);
            segment.blocks.iter().any(asked)
        };
        let overtaken: Vec<LinkId> = silent.iter().copied().filter(|id| !owes(id)).collect();
        if let Some(download) = &mut segment.download
            && download
                .leaves_asked
                .is_some_and(|(link, _)| overtaken.contains(&link))
        {
            download.leaves_asked = None;
        }
        for link in overtaken {
            self.note_fault(now, link, Fault::Silent);
        }
    }

    /// Peers that were asked and are silent for `cdnFallbackDelay` lose their blocks: to the CDN when
    /// time is short or nobody else has them, else to other peers. So do those that drip.
    fn relieve_silent(&mut self, now: Instant, id: SegmentId, scene: &Scene) {
        let delay = self.config.fallback_delay();
        let mut silent = self.silent_for(now, id, delay);
        let mut faults: Vec<(LinkId, Fault)> =
            silent.iter().map(|link| (*link, Fault::Silent)).collect();
        let blocks = self.segments.get(&id).map_or(&[][..], |s| &s.blocks);
        for block in blocks {
            if let Block::Asked { link, at } = block
                && now >= *at + self.drip_delay()
                && !silent.contains(link)
            {
                silent.push(*link);
                faults.push((*link, Fault::Drip));
            }
        }
        if silent.is_empty() {
            return;
        }
        for (link, fault) in faults {
            self.note_fault(now, link, fault);
        }
        let others = scene.holders.iter().any(|link| !silent.contains(link));
        let urgent = now + delay >= scene.latest;
        if let Some(download) = self.segments.get_mut(&id).and_then(|s| s.download.as_mut()) {
            download.shunned.extend(silent.iter().copied());
            let list_late = |(link, _): (LinkId, Instant)| silent.contains(&link);
            if download.leaves_asked.is_some_and(list_late) {
                download.leaves_asked = None;
            }
        }
        self.cancel_asked(id, |link, _| silent.contains(&link));
        if urgent || !others {
            self.split_with_cdn(now, id, scene);
        }
    }

    /// A CDN leg that has been silent for `cdnFallbackDelay` gives what it has not reached to peers that
    /// hold it; what it brings before them still counts.
    fn relieve_stuck_leg(&mut self, now: Instant, id: SegmentId) {
        let delay = self.config.fallback_delay();
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let Some(leg) = segment.download.as_ref().and_then(|d| d.leg) else {
            return;
        };
        if now < leg.last_byte + delay || segment.private {
            return;
        }
        let reached = block_of(leg.position + BLOCK_LEN - 1);
        for block in segment.blocks.iter_mut().skip(reached) {
            if *block == Block::Filling {
                *block = Block::Missing;
            }
        }
    }

    /// The CDN takes the tail that peers will not bring in time; what still moves keeps its head.
    fn split_with_cdn(&mut self, now: Instant, id: SegmentId, scene: &Scene) {
        let Some(segment) = self.segments.get(&id) else {
            return;
        };
        let Some(download) = &segment.download else {
            return;
        };
        if download.leg.is_some() {
            return;
        }
        if let Some(failure) = download.failure {
            if scene
                .holders
                .iter()
                .all(|link| download.shunned.contains(link))
            {
                self.fail(id, failure);
            }
            return;
        }
        let owed = |block: &Block| matches!(block, Block::Missing | Block::Asked { .. });
        let Some(first) = segment.blocks.iter().position(owed) else {
            if segment.size.is_none() {
                self.start_leg(now, id, 0);
            }
            return;
        };
        let moving: f64 = scene
            .holders
            .iter()
            .filter(|link| !download.shunned.contains(link))
            .filter_map(|link| self.links.get(link))
            .filter(|link| link.outstanding > 0)
            .filter_map(|link| link.rate.bytes_per_s())
            .sum();
        let left = segment.blocks.iter().filter(|block| owed(block)).count();
        let share = moving / (moving + self.cdn.bytes_per_s());
        // In percent, so that no float becomes an index; a fifth is left to the CDN for safety.
        let percent = (0..100).filter(|p| f64::from(*p) < share * 80.0).count();
        let keep = left * percent / 100;
        let from = (first + keep).min(segment.blocks.len().saturating_sub(1));
        self.start_leg(now, id, from);
    }

    /// Everything that is missing from the CDN, one leg after the other.
    pub(super) fn take_from_cdn(&mut self, now: Instant, id: SegmentId) -> Option<Instant> {
        self.cancel_asked(id, |_, _| true);
        let segment = self.segments.get(&id)?;
        let download = segment.download.as_ref()?;
        if download.leg.is_some() {
            return None;
        }
        if let Some(failure) = download.failure {
            self.fail(id, failure);
            return None;
        }
        let from = segment
            .blocks
            .iter()
            .position(|block| *block == Block::Missing);
        if from.is_some() || segment.size.is_none() {
            self.start_leg(now, id, from.unwrap_or(0));
        }
        None
    }

    /// HTTP failed for good: peers may still have it.
    pub(super) fn after_failure(&mut self, now: Instant, id: SegmentId, failure: Failure) {
        let Some(download) = self.segments.get_mut(&id).and_then(|s| s.download.as_mut()) else {
            return;
        };
        download.failure = Some(failure);
        let only = download.cdn_only;
        self.withdraw(id);
        let holders = self
            .scene(now, id)
            .map(|scene| scene.holders)
            .unwrap_or_default();
        if only || !self.is_shareable(id) || (holders.is_empty() && !self.is_asked(id)) {
            self.fail(id, failure);
        } else {
            self.drive(now, id);
        }
    }

    fn next_look(&self, now: Instant, id: SegmentId, scene: &Scene) -> Option<Instant> {
        let segment = self.segments.get(&id)?;
        let download = segment.download.as_ref()?;
        let delay = self.config.fallback_delay();
        let silence = segment.blocks.iter().filter_map(|block| match block {
            Block::Asked { link, at } => {
                let since = self.links.get(link).map_or(*at, |l| l.progress_at.max(*at));
                Some((since + delay).min(*at + self.drip_delay()))
            }
            Block::Missing
            | Block::Filling
            | Block::Hashing { .. }
            | Block::Hashed { .. }
            | Block::Verified => None,
        });
        let leaves = download
            .leaves_asked
            .filter(|_| segment.leaves.is_none())
            .map(|(_, at)| at + delay);
        let stuck = download
            .leg
            .filter(|_| segment.size.is_none() || segment.blocks.contains(&Block::Filling))
            .map(|leg| leg.last_byte + delay)
            .filter(|at| *at > now);
        let timeout = scene.started + Duration::from_millis(self.config.segment_timeout);
        let cdn = (download.leg.is_none() && download.failure.is_none() && self.wants_more(id))
            .then(|| scene.latest.min(timeout));
        silence
            .chain(leaves)
            .chain(stuck)
            .chain(cdn)
            .min()
            .map(|at| at.max(now))
    }
}
