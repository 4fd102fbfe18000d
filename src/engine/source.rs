//! The race: for a segment the player waits for, which source does what now, and when to look again.
//!
//! Order: what is here → the viewer's disk → peers that hold it → a neighbour's promise → the CDN. `cdnFallbackDelay` runs
//! while a peer was asked and is silent; election and promises (`election.rs`) run while nobody holds
//! it; the deadline overrules both. Invariant: the CDN is asked in time, or has failed already.

use super::authority::Standing;
use super::config::source::{
    HOLES_MAX, NO_SLACK, PATIENCE, PATIENCE_MAX, SHARE_KEPT_BACK, SHARE_MIN, SLICE, SLICED_COPIES,
};
use super::download::Failure;
use super::segment::{Block, block_of};
use super::trust::Fault;
use super::{Engine, Why};
use crate::base::{Duration, Instant, LinkId, SegmentId, seconds};
use crate::integrity::BLOCK_LEN;

/// What the race looks at, gathered once.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) started: Instant,
    /// When the CDN must be asked at the latest.
    pub(super) latest: Instant,
    pub(super) holders: Vec<LinkId>,
}

impl Scene {
    /// Not all of it hangs on one peer: then a slow one may be waited for.
    fn is_shared(&self) -> bool {
        self.holders.len() > 1
    }
}

/// Nobody has brought it, and no leg is about to.
fn is_owed(block: &Block) -> bool {
    matches!(block, Block::Missing | Block::Asked { .. })
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
        let is_ahead = self.is_ahead(id);
        let held = self.awaits_text(now, id, slack);
        let disk = self.await_disk(now, id);
        let wake = if disk.is_some() {
            disk
        } else if is_ahead {
            self.race_ahead(now, id)
        } else if held.is_some() && self.config.cdn_fallback_delay > 0 {
            held
        } else if !self.is_shareable(id) || self.config.cdn_fallback_delay == 0 {
            self.because(Why::Alone);
            self.take_from_cdn(now, id)
        } else {
            self.race(now, id, slack)
        };
        if let Some(download) = self.segments.get_mut(&id).and_then(|s| s.download.as_mut()) {
            let soonest = now + Duration::from_millis(1);
            download.wake = wake.map(|at| at.max(soonest));
        }
        if !is_ahead {
            self.bring_ahead(now, id);
        }
    }

    fn race(&mut self, now: Instant, id: SegmentId, slack: Duration) -> Option<Instant> {
        let scene = self.scene(now, id)?;
        let download = self.segments.get(&id)?.download.as_ref()?;
        let fresh = download.first_asked.is_none();
        if download.cdn_only {
            self.because(Why::Alone);
            return self.take_from_cdn(now, id);
        }
        if fresh && slack < NO_SLACK && download.failure.is_none() {
            self.because(Why::NoSlack);
            self.take_from_cdn(now, id);
            return self.next_look(now, id, &scene);
        }
        if download.leg.is_none() && !download.is_failed(now) {
            let timeout = scene.started + Duration::from_millis(self.config.segment_timeout);
            if now >= scene.latest.min(timeout) && self.wants_more(id) {
                let span = self.config.fallback_delay() / 4;
                let asked = self.silent_for(now, id, Duration::ZERO, false);
                let silent = self.silent_for(now, id, span, scene.is_shared());
                self.because(Why::Deadline);
                self.split_with_cdn(now, id, &scene);
                self.judge_overtaken(now, id, &asked, &silent);
            }
        }
        if scene.holders.is_empty() && !self.is_asked(id) {
            return self.await_holder(now, id, &scene);
        }
        let turn = self.second_copy_at(now, id, &scene);
        match turn {
            Some(turn) if now >= turn => {
                self.because(Why::Election);
                self.promise(now, id);
                self.take_from_cdn(now, id);
            }
            Some(_) => {}
            None => self.take_share(now, id, &scene),
        }
        self.relieve_silent(now, id, &scene);
        self.relieve_stuck_leg(now, id);
        self.ask_leaves(now, id, &scene.holders);
        let able = self.in_time(now, id, &scene);
        self.pick_blocks(now, id, &able);
        self.promise_first_blocks(now, id);
        let look = self.next_look(now, id, &scene);
        let turn = turn.filter(|turn| *turn > now);
        look.into_iter().chain(turn).min()
    }

    /// Holders that may still be asked: those that bring another block before the CDN takes over. From others
    /// it would come in vain, and who never sent anything could not even be called silent for it.
    fn in_time(&self, now: Instant, id: SegmentId, scene: &Scene) -> Vec<LinkId> {
        let mut able = scene.holders.clone();
        let download = self.segments.get(&id).and_then(|s| s.download.as_ref());
        if download.is_none_or(|d| d.leg.is_some() || d.failure.is_some()) {
            return able;
        }
        let left = scene.latest.since(now);
        let unknown = left >= self.config.fallback_delay() / 4;
        able.retain(|link| {
            self.links
                .get(link)
                .is_some_and(|link| match link.rate.bytes_per_s() {
                    Some(rate) => {
                        let blocks = f64::from(link.outstanding + 1);
                        blocks * BLOCK_LEN as f64 <= rate * left.as_secs_f64()
                    }
                    None => unknown,
                })
        });
        able
    }

    pub(super) fn scene(&self, now: Instant, id: SegmentId) -> Option<Scene> {
        let segment = self.segments.get(&id)?;
        let download = segment.download.as_ref()?;
        let left = segment.size.unwrap_or(0).saturating_sub(segment.loaded());
        // What is scattered takes one leg after the other.
        let ends = segment.blocks.windows(2);
        let holes = ends.filter(|pair| is_owed(&pair[0]) && !is_owed(&pair[1]));
        let holes = u32::try_from(holes.take(HOLES_MAX).count()).unwrap_or(0);
        let cdn_time = self.cdn.estimate(left) + self.cdn.estimate(1) * holes;
        let latest = self
            .playback
            .latest(
                download.started,
                cdn_time + self.cdn.doubt(now),
                download.is_film.then_some(download.length),
            )
            .max(download.failure.map_or(Instant::ZERO, |f| f.until));
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
            latest,
            holders,
        })
    }

    /// Blocks are left that no source owns, or that peers owe.
    fn wants_more(&self, id: SegmentId) -> bool {
        self.segments
            .get(&id)
            .is_some_and(|segment| segment.size.is_none() || segment.blocks.iter().any(is_owed))
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
    /// With `patient` ones that are slow by their rate have longer.
    pub(super) fn silent_for(
        &self,
        now: Instant,
        id: SegmentId,
        span: Duration,
        patient: bool,
    ) -> Vec<LinkId> {
        let mut silent: Vec<LinkId> = Vec::new();
        let Some(segment) = self.segments.get(&id) else {
            return silent;
        };
        for block in &segment.blocks {
            if let Block::Asked { link, at } = block
                && now >= self.silent_at(*link, *at, span, patient)
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

    /// When a peer that was asked at `asked` is silent: after `span`, or with `patient` after twice what it
    /// needs for all it was asked, by its rate. A busy uplink serves its neighbours in turn; who takes a
    /// request back has lost its place, and what was under way comes in vain.
    fn silent_at(&self, link: LinkId, asked: Instant, span: Duration, patient: bool) -> Instant {
        let Some(link) = self.links.get(&link) else {
            return asked + span;
        };
        let needs = link.rate.bytes_per_s().filter(|_| patient).map(|rate| {
            let asked = f64::from(link.outstanding.max(1)) * BLOCK_LEN as f64;
            seconds(PATIENCE * asked / rate.max(1.0)).min(PATIENCE_MAX)
        });
        link.progress_at.max(asked) + needs.map_or(span, |needs| needs.max(span))
    }

    /// Where peers could not bring the last segments in time, the CDN brings its part of this one at once:
    /// a run that is another one for each viewer, so that neighbours have something to give each other.
    /// The same bytes at the deadline would help nobody. Where they can, a few viewers bring a slice of it
    /// all the same: one uplink takes most of a live segment's time to give away one copy, many are faster.
    fn take_share(&mut self, now: Instant, id: SegmentId, scene: &Scene) {
        let mut share = self.cdn_share - SHARE_KEPT_BACK;
        if share < SHARE_MIN && self.brings_slice(now, id, scene) {
            share = SLICE;
        }
        if share < SHARE_MIN || self.cdn.no_ranges {
            return;
        }
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        // A size that a neighbour told may be beyond the end.
        let told = segment.size.is_none() || segment.voucher().is_some();
        let Some(download) = &mut segment.download else {
            return;
        };
        let taken = download.share_taken || download.leg.is_some() || download.failure.is_some();
        if taken || told {
            return;
        }
        download.share_taken = true;
        let (key, blocks) = (segment.key, segment.blocks.len());
        let count = (0..blocks)
            .filter(|n| (*n as f64) < share * blocks as f64)
            .count();
        if count > 0 && count < blocks {
            let from = self.lot(&key) as usize % (blocks - count + 1);
            let owed = |index: &usize| self.is_owed_at(id, *index);
            if let Some(first) = (from..from + count).find(owed) {
                self.because(Why::Share);
                self.start_leg(now, id, first..from + count);
            }
        }
    }

    fn is_owed_at(&self, id: SegmentId, index: usize) -> bool {
        let block = self.segments.get(&id).and_then(|s| s.blocks.get(index));
        block.is_some_and(is_owed)
    }

    /// Whether this viewer is one of those that bring a slice: so many of the swarm as make [`SLICED_COPIES`]
    /// copies, of those whose CDN is fast; nobody where all are linked to all, for there one uplink feeds everybody.
    fn brings_slice(&self, now: Instant, id: SegmentId, scene: &Scene) -> bool {
        let Some(segment) = self.segments.get(&id) else {
            return false;
        };
        let is_film = segment.download.as_ref().is_none_or(|d| d.is_film);
        let hurried = self.cdn.estimate(segment.size.unwrap_or(0)) * 4 > scene.latest.since(now);
        let size = f64::from(self.signaling.swarm_size.max(1));
        let chance = SLICED_COPIES / (SLICE * size);
        let is_drawn = self.draw(&segment.key) < chance;
        !is_film && !hurried && is_drawn && !self.is_linked_to_all()
    }

    /// Time ran out and the CDN took over: who had been silent and has nothing left to send has wasted
    /// that time, even if it was less than `cdnFallbackDelay`. Else silent peers would hold the slack of a
    /// viewer behind a slow CDN at its least for ever. Who was `asked` a moment ago has had no time; but that is
    /// counted as well.
    fn judge_overtaken(
        &mut self,
        now: Instant,
        id: SegmentId,
        asked: &[LinkId],
        silent: &[LinkId],
    ) {
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let owes = |id: &LinkId| {
            let asked = |block: &Block| matches!(block, Block::Asked { link, .. } if link == id);
            segment.blocks.iter().any(asked)
        };
        let overtaken: Vec<LinkId> = asked.iter().copied().filter(|id| !owes(id)).collect();
        if let Some(download) = &mut segment.download
            && download
                .leaves_asked
                .is_some_and(|(link, _)| overtaken.contains(&link))
        {
            download.leaves_asked = None;
        }
        for link in overtaken {
            let fault = if silent.contains(&link) {
                Fault::Silent
            } else {
                Fault::Overtaken
            };
            self.note_fault(now, link, fault);
        }
    }

    /// Peers that were asked and are silent for `cdnFallbackDelay` lose
    /// their blocks: to the CDN when nobody else holds it, else to peers that have room. So do those that drip.
    fn relieve_silent(&mut self, now: Instant, id: SegmentId, scene: &Scene) {
        let delay = self.config.fallback_delay();
        let mut silent = self.silent_for(now, id, delay, scene.is_shared());
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
        let mut others = scene.holders.iter().filter(|link| !silent.contains(link));
        let lonely = others.clone().next().is_none();
        let list = self.segments.get(&id).is_some_and(|s| s.leaves.is_none());
        let able = |link: &LinkId| {
            self.links
                .get(link)
                .is_some_and(|l| super::picker::has_room(l))
        };
        if !lonely && !list && !others.any(able) {
            // Who has sent something would only lose a place in its queue: the deadline decides.
            let links = &self.links;
            silent.retain(|link| links.get(link).is_none_or(|l| !l.conduct.is_useful));
            faults.retain(|(link, _)| silent.contains(link));
        }
        if silent.is_empty() {
            return;
        }
        for (link, fault) in faults {
            self.note_fault(now, link, fault);
            self.feel_pulse(now, link);
        }
        if let Some(download) = self.segments.get_mut(&id).and_then(|s| s.download.as_mut()) {
            download.shunned.extend(silent.iter().copied());
            let list_late = |(link, _): (LinkId, Instant)| silent.contains(&link);
            if download.leaves_asked.is_some_and(list_late) {
                download.leaves_asked = None;
            }
        }
        self.cancel_asked(id, |link, _| silent.contains(&link));
        if lonely {
            self.because(Why::Silence);
            self.split_with_cdn(now, id, scene);
        }
    }

    /// How long a leg may be silent: `cdnFallbackDelay`, or on a short downlink twice what a piece of the
    /// answer takes; else peers would be asked for what is in front of it already (`ladder`).
    fn leg_delay(&self) -> Duration {
        let piece = self.cdn.estimate(4 * BLOCK_LEN) * 2;
        self.config.fallback_delay().max(piece)
    }

    /// A CDN leg that has been silent for so long gives what it has not reached to peers that
    /// hold it; what it brings before them still counts.
    fn relieve_stuck_leg(&mut self, now: Instant, id: SegmentId) {
        let delay = self.leg_delay();
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
        if let Some(failure) = download.failure.filter(|f| now < f.until) {
            if scene
                .holders
                .iter()
                .all(|link| download.shunned.contains(link))
            {
                self.fail(id, failure);
            }
            return;
        }
        let Some(first) = segment.blocks.iter().position(is_owed) else {
            if segment.size.is_none() {
                self.start_leg(now, id, 0..usize::MAX);
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
        let left = segment.blocks.iter().filter(|block| is_owed(block)).count();
        let share = moving / (moving + self.cdn.bytes_per_s());
        // In percent, so that no float becomes an index; a fifth is left to the CDN for safety.
        let percent = (0..100).filter(|p| f64::from(*p) < share * 80.0).count();
        let keep = left * percent / 100;
        let owed = segment.blocks.iter().enumerate();
        let mut owed = owed.filter(|(_, block)| is_owed(block));
        let from = owed.nth(keep).map_or(first, |(index, _)| index);
        self.start_leg(now, id, from..usize::MAX);
    }

    /// Everything that is missing from the CDN, one leg after the other.
    pub(super) fn take_from_cdn(&mut self, now: Instant, id: SegmentId) -> Option<Instant> {
        // Who was in vain the last time, and is again, is not asked on and on beside the CDN.
        for link in self.silent_for(now, id, Duration::ZERO, false) {
            let conduct = self.links.get(&link).map(|link| &link.conduct);
            if conduct.is_some_and(|conduct| conduct.in_vain > 0) {
                self.note_fault(now, link, Fault::Overtaken);
            }
        }
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
            self.start_leg(now, id, from.unwrap_or(0)..usize::MAX);
        }
        None
    }

    /// HTTP failed for good: peers may still have it.
    pub(super) fn after_failure(&mut self, now: Instant, id: SegmentId, mut failure: Failure) {
        let Some(download) = self.segments.get_mut(&id).and_then(|s| s.download.as_mut()) else {
            return;
        };
        failure.until = again_at(now, failure.status, download.failures);
        download.failure = Some(failure);
        download.failures += 1;
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
                let silent = self.silent_at(*link, *at, delay, scene.is_shared());
                let look = silent.min(*at + self.drip_delay());
                Some(look).filter(|look| *look > now)
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
            .map(|(_, at)| at + delay)
            .filter(|look| *look > now);
        let stuck = download
            .leg
            .filter(|_| segment.size.is_none() || segment.blocks.contains(&Block::Filling))
            .map(|leg| leg.last_byte + self.leg_delay())
            .filter(|at| *at > now);
        let timeout = scene.started + Duration::from_millis(self.config.segment_timeout);
        let failed_until = download.failure.map_or(Instant::ZERO, |f| f.until);
        let cdn = (download.leg.is_none() && self.wants_more(id))
            .then(|| scene.latest.min(timeout).max(failed_until))
            .filter(|at| *at < Instant(u64::MAX));
        silence
            .chain(leaves)
            .chain(stuck)
            .chain(cdn)
            .min()
            .map(|at| at.max(now))
    }
}

/// When the CDN may be asked again that has failed so often: a second later, as players do, then two,
/// then four. What it says it has not got (4xx) is not asked for again.
fn again_at(now: Instant, status: u16, failures: u32) -> Instant {
    if (400..500).contains(&status) && !matches!(status, 408 | 429) {
        return Instant(u64::MAX);
    }
    now + Duration::from_secs(1 << failures.min(2))
}
