//! What goes to peers: queues of asked-for blocks, slots, and the `uploadLimit` as a token bucket.
//!
//! Invariant: only verified places leave, never more than the bucket holds, and no more waits in all
//! channels together than the uplink sends in a tenth of a second: what waits cannot be taken back, and
//! delays everybody behind it. Upload is a guest: nothing here may delay a download.

use super::segment::Block;
use super::{Engine, Event, Output};
use crate::base::{Duration, Instant, LinkId, PeerId, RateMeter, SegmentId};
use crate::integrity::BLOCK_LEN;
use crate::wire::{BLOCK_HEADER_LEN, BlockHeader, PeerMessage, RejectReason, SegmentKey};
use std::collections::VecDeque;

/// Links served at a time; more would only divide the uplink (no gain above four children a segment,
/// Bianchi et al.; two more for the other segments of a ladder).
const SLOTS: usize = 6;
/// Blocks one link may have queued with us: two segments of 1.3 Mbit/s at 4 s.
pub(super) const QUEUE_BLOCKS_MAX: u16 = 128;
/// Blocks in one message: 64 KiB messages cost a third less CPU than 16 KiB ones.
const MESSAGE_BLOCKS_MAX: u32 = 4;
/// A message takes no more of the uplink's time than this, if a block does not: all slots get their turn
/// before anybody's `cdnFallbackDelay` is over.
const MESSAGE_SECONDS: f64 = 0.04;
/// All channels together hold what the uplink sends in this time,
const QUEUE_SECONDS: f64 = 0.1;
/// and never more blocks than this: deeper queues halve Chromium's rate.
const QUEUE_BLOCKS: u32 = 16;
/// A channel from which nothing left for so long is stuck: it gets nothing more, and what waits in it
/// does not count.
const STUCK: Duration = Duration::from_secs(1);

/// What one link has asked for.
#[derive(Debug, Default)]
pub(super) struct Queue {
    runs: VecDeque<Run>,
    /// Bytes in the block channel that have not left.
    queued: u64,
    /// When the channel was last empty, or something left.
    drained_at: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    segment: SegmentId,
    first: u32,
    count: u32,
}

impl Queue {
    fn blocks(&self) -> u32 {
        self.runs.iter().map(|run| run.count).sum()
    }

    fn cancel(&mut self, segment: SegmentId, first: u32, count: u32) {
        let end = first.saturating_add(count);
        let mut kept = VecDeque::new();
        for run in self.runs.drain(..) {
            let run_end = run.first + run.count;
            if run.segment != segment || run_end <= first || run.first >= end {
                kept.push_back(run);
                continue;
            }
            if run.first < first {
                kept.push_back(Run {
                    count: first - run.first,
                    ..run
                });
            }
            if run_end > end {
                kept.push_back(Run {
                    first: end,
                    count: run_end - end,
                    ..run
                });
            }
        }
        self.runs = kept;
    }

    pub(super) fn clear(&mut self) {
        self.runs.clear();
    }

    fn is_stuck(&self, now: Instant) -> bool {
        self.queued > 0 && now >= self.drained_at + STUCK
    }

    /// The segment that is sent next.
    pub(super) fn next(&self) -> Option<SegmentId> {
        self.runs.front().map(|run| run.segment)
    }
}

/// The bucket and who holds a slot.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    tokens: f64,
    filled_at: Instant,
    slots: Vec<LinkId>,
    turn: usize,
    /// What the uplink sends while something waits.
    rate: RateMeter,
    /// Up to when that was counted.
    counted_at: Instant,
    pub(super) wake: Option<Instant>,
}

impl Uploads {
    /// The most blocks up to `most` that the uplink sends in `seconds`, at least one.
    fn blocks_within(&self, seconds: f64, most: u32) -> u32 {
        let Some(rate) = self.rate.bytes_per_s() else {
            return most;
        };
        let fits = |blocks: &u32| (u64::from(*blocks) * BLOCK_LEN) as f64 <= rate * seconds;
        (1..=most).rev().find(fits).unwrap_or(1)
    }

    /// Bytes that may wait in all channels together.
    fn queue_max(&self) -> u64 {
        u64::from(self.blocks_within(QUEUE_SECONDS, QUEUE_BLOCKS)) * BLOCK_LEN
    }

    /// Fills the bucket; holds at most a quarter of a second, but at least one message.
    fn refill(&mut self, now: Instant, limit: u64) {
        let depth = (limit as f64 / 4.0).max((u64::from(MESSAGE_BLOCKS_MAX) * BLOCK_LEN) as f64);
        let gained = now.since(self.filled_at).as_secs_f64() * limit as f64;
        self.tokens = (self.tokens + gained).min(depth);
        self.filled_at = now;
    }
}

impl Engine {
    /// Whether we serve anybody at all.
    pub(super) fn may_upload(&self) -> bool {
        self.config.enabled && self.config.upload_limit != Some(0)
    }

    /// A peer asks for blocks.
    pub(super) fn on_request(
        &mut self,
        now: Instant,
        link: LinkId,
        key: SegmentKey,
        first: u32,
        count: u16,
    ) {
        let refuse = |reason| PeerMessage::Reject {
            key,
            first,
            count,
            reason,
        };
        let id = match self.serveable(&key) {
            Ok(id) if self.may_upload() => id,
            Ok(_) => return self.send(link, &refuse(RejectReason::Busy)),
            Err(reason) => return self.send(link, &refuse(reason)),
        };
        let end = first as usize + usize::from(count);
        let held = self.segments.get(&id).is_some_and(|segment| {
            end <= segment.blocks.len()
                && segment.blocks[first as usize..end]
                    .iter()
                    .all(|b| *b == Block::Verified)
        });
        if !held {
            return self.send(link, &refuse(RejectReason::NotHeld));
        }
        let Some(peer) = self.links.get_mut(&link) else {
            return;
        };
        if peer.upload.blocks() + u32::from(count) > u32::from(QUEUE_BLOCKS_MAX) {
            return self.send(link, &refuse(RejectReason::Busy));
        }
        peer.upload.runs.push_back(Run {
            segment: id,
            first,
            count: u32::from(count),
        });
        self.pump_uploads(now);
    }

    /// A peer takes a request back.
    pub(super) fn on_cancel(&mut self, link: LinkId, key: SegmentKey, first: u32, count: u16) {
        if let Ok(id) = self.serveable(&key)
            && let Some(peer) = self.links.get_mut(&link)
        {
            peer.upload.cancel(id, first, u32::from(count));
        }
    }

    /// The segment behind `key`, or why it is not served.
    pub(super) fn serveable(&self, key: &SegmentKey) -> Result<SegmentId, RejectReason> {
        let Some(id) = self.by_number.get(&(key.track, key.number)).copied() else {
            return Err(RejectReason::NotHeld);
        };
        match self.segments.get(&id) {
            Some(segment) if segment.key.version != key.version => Err(RejectReason::Version),
            Some(_) if self.is_shareable(id) => Ok(id),
            Some(_) | None => Err(RejectReason::NotHeld),
        }
    }

    /// Refuses what anybody has asked of a segment that is gone; that it is gone has been said before.
    pub(super) fn cancel_uploads_of(&mut self, segment: SegmentId) {
        let Some(key) = self.segments.get(&segment).map(|segment| segment.key) else {
            return;
        };
        let mut refused: Vec<LinkId> = Vec::new();
        for (id, link) in self.links.iter_mut() {
            let before = link.upload.runs.len();
            link.upload.runs.retain(|run| run.segment != segment);
            if link.upload.runs.len() < before {
                refused.push(*id);
            }
        }
        // All of it at once.
        let refusal = PeerMessage::Reject {
            key,
            first: 0,
            count: u16::MAX,
            reason: RejectReason::NotHeld,
        };
        for link in refused {
            self.send(link, &refusal);
        }
    }

    /// A channel has less to send.
    pub(super) fn on_link_writable(&mut self, now: Instant, id: LinkId, queued: u64) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let left = link.upload.queued.saturating_sub(queued);
        link.upload.queued = queued;
        link.upload.drained_at = now;
        if left > 0 {
            let span = now
                .since(self.uploads.counted_at)
                .max(Duration::from_micros(100));
            self.uploads.rate.add(now, left, span);
            self.uploads.counted_at = now;
        }
        self.pump_uploads(now);
    }

    /// Bytes waiting in channels that move.
    fn queued(&self, now: Instant) -> u64 {
        let moving = self
            .links
            .values()
            .filter(|link| !link.upload.is_stuck(now));
        moving.map(|link| link.upload.queued).sum()
    }

    /// When the first channel that has something waiting counts as stuck.
    fn stuck_at(&self, now: Instant) -> Option<Instant> {
        let waiting = self.links.values().filter(|link| link.upload.queued > 0);
        let at = waiting.map(|link| link.upload.drained_at + STUCK);
        at.filter(|at| *at > now).min()
    }

    /// Sends what may be sent now: slot holders in turn, one message each.
    pub(super) fn pump_uploads(&mut self, now: Instant) {
        self.uploads.wake = None;
        self.recheck_idle(now);
        if let Some(limit) = self.config.upload_limit {
            self.uploads.refill(now, limit);
        }
        loop {
            self.grant_slots(now);
            if self.uploads.slots.is_empty() {
                return;
            }
            if self.queued(now) >= self.uploads.queue_max() {
                self.uploads.wake = self.stuck_at(now);
                return;
            }
            let ready = |link: &LinkId| {
                self.links.get(link).is_some_and(|l| {
                    let next = l.upload.next();
                    next.is_some_and(|segment| !self.is_idle(now, segment))
                })
            };
            let slots = &self.uploads.slots;
            let turn = self.uploads.turn;
            let next = (0..slots.len())
                .map(|step| slots[(turn + step) % slots.len()])
                .find(|link| ready(link));
            let Some(link) = next else { return };
            if !self.send_one(now, link) {
                return;
            }
            self.uploads.turn = self.uploads.turn.wrapping_add(1);
        }
    }

    /// Slots go to links with work, first come first served; who has none left gives its slot back.
    fn grant_slots(&mut self, now: Instant) {
        let links = &self.links;
        let busy = |link: &LinkId| {
            links
                .get(link)
                .is_some_and(|l| l.upload.runs.front().is_some() && !l.upload.is_stuck(now))
        };
        self.uploads.slots.retain(busy);
        for id in links.keys() {
            if self.uploads.slots.len() >= SLOTS {
                break;
            }
            if busy(id) && !self.uploads.slots.contains(id) {
                self.uploads.slots.push(*id);
            }
        }
    }

    /// Sends one message from the front of a link's queue; false when the bucket is too empty.
    fn send_one(&mut self, now: Instant, id: LinkId) -> bool {
        let idle = self.queued(now) == 0;
        let Some(link) = self.links.get_mut(&id) else {
            return true;
        };
        let Some(run) = link.upload.runs.front().copied() else {
            return true;
        };
        let Some(segment) = self.segments.get_mut(&run.segment) else {
            link.upload.runs.pop_front();
            return true;
        };
        let fit = link.max_message.saturating_sub(BLOCK_HEADER_LEN as u64) / BLOCK_LEN;
        let fit = u32::try_from(fit).unwrap_or(u32::MAX).max(1);
        let most = self
            .uploads
            .blocks_within(MESSAGE_SECONDS, MESSAGE_BLOCKS_MAX);
        let count = u16::try_from(run.count.min(most).min(fit)).unwrap_or(1);
        let start = segment.block_bytes(run.first as usize).start;
        let end = segment
            .block_bytes((run.first + u32::from(count) - 1) as usize)
            .end;
        let len = end - start;
        if let Some(limit) = self.config.upload_limit {
            let missing = len as f64 - self.uploads.tokens;
            if missing > 0.0 {
                let wait = Duration::from_secs_f64(missing / limit.max(1) as f64);
                self.uploads.wake = Some(now + wait + Duration::from_millis(1));
                return false;
            }
            self.uploads.tokens -= len as f64;
        }
        if idle {
            self.uploads.counted_at = now;
        }
        if let Some(front) = link.upload.runs.front_mut() {
            front.first += u32::from(count);
            front.count -= u32::from(count);
            if front.count == 0 {
                link.upload.runs.pop_front();
            }
        }
        segment.used = now;
        let key = segment.key;
        let header = BlockHeader {
            key,
            first: run.first,
            count,
        };
        if link.upload.queued == 0 {
            link.upload.drained_at = now;
        }
        link.upload.queued += len + BLOCK_HEADER_LEN as u64;
        link.sent_bytes += len;
        link.conduct.earn(u32::from(count));
        self.totals.uploaded += len;
        let peer = link.peer;
        self.out(Output::SendBlock {
            link: id,
            header: header.encode().to_vec(),
            segment: run.segment,
            offset: start,
            len,
        });
        self.tell_uploaded(peer, key, len);
        true
    }

    fn tell_uploaded(&mut self, peer: Option<PeerId>, key: SegmentKey, bytes: u64) {
        if let Some(peer) = peer {
            let (track, number) = (key.track, key.number);
            self.event(Event::Uploaded {
                peer,
                track,
                number,
                bytes,
            });
        }
    }
}
