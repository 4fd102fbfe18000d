//! What goes to peers: queues of asked-for blocks, slots, and the `uploadLimit` as a token bucket.
//!
//! Slots go to who has given us most lately; one is lent for a while to who waits longest, newcomers
//! first. A slot that nobody of rank wants serves whoever waits: who cannot give is not left out.
//!
//! Invariant: only verified places leave, never more than the bucket holds, and no more waits in all
//! channels together than the uplink sends in a tenth of a second: what waits cannot be taken back, and
//! delays everybody behind it. Upload is a guest: nothing here may delay a download.
//!
//! The limit is one on what leaves the machine: packets' own bytes and control messages count. What WebRTC says to
//! acknowledge what comes in does not, for nobody here sees it.

use super::config::upload::{
    CONTROL_OVERHEAD, LENT, MESSAGE_BLOCKS_MAX, MESSAGE_SECONDS, ONE_STREAM, PACKET_SHARE,
    QUEUE_BLOCKS, QUEUE_BLOCKS_MAX, QUEUE_SECONDS, SEVERAL_STREAMS, SLOT_SECONDS, SLOTS, SLOTS_MIN,
    STUCK,
};
use super::peer::Link;
use super::segment::Block;
use super::{Engine, Event, Output};
use crate::base::{Duration, Instant, LinkId, PeerId, RateMeter, SegmentId, seconds};
use crate::integrity::BLOCK_LEN;
use crate::wire::{BLOCK_HEADER_LEN, BlockHeader, PeerMessage, RejectReason, SegmentKey};

/// What one link has asked for.
#[derive(Debug, Default)]
pub(super) struct Queue {
    runs: Vec<Run>,
    /// Bytes in the block channel that have not left.
    queued: u64,
    /// When the channel was last empty, or something left.
    drained_at: Instant,
    /// The message that was last sent to it, by number: who was served last is served on.
    served: u32,
    /// When it was last lent the slot of newcomers.
    lent_at: Instant,
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
        let mut kept = Vec::new();
        for run in core::mem::take(&mut self.runs) {
            let run_end = run.first + run.count;
            if run.segment != segment || run_end <= first || run.first >= end {
                kept.push(run);
                continue;
            }
            if run.first < first {
                kept.push(Run {
                    count: first - run.first,
                    ..run
                });
            }
            if run_end > end {
                kept.push(Run {
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

    /// Nothing is asked for, and nothing waits in the channel.
    pub(super) fn is_at_rest(&self) -> bool {
        self.runs.is_empty() && self.queued == 0
    }

    fn is_waiting(&self, now: Instant) -> bool {
        !self.runs.is_empty() && !self.is_stuck(now)
    }

    /// The segment that is sent next.
    pub(super) fn next(&self) -> Option<SegmentId> {
        self.runs.first().map(|run| run.segment)
    }
}

/// The bucket and the slots.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    tokens: f64,
    filled_at: Instant,
    /// Messages sent.
    sent: u32,
    /// Who is lent a slot, whatever it gave.
    lent: Option<LinkId>,
    round_until: Instant,
    /// What the uplink sends while something waits.
    rate: RateMeter,
    /// Up to when that was counted.
    counted_at: Instant,
    pub(super) wake: Option<Instant>,
}

impl Uploads {
    /// Fills the bucket; holds at most a quarter of a second, but at least one message.
    fn refill(&mut self, now: Instant, limit: u64) {
        let message = u64::from(MESSAGE_BLOCKS_MAX + 1) * BLOCK_LEN;
        let depth = (limit as f64 / 4.0).max(message as f64);
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

    /// What the uplink was seen to send, or may: the less of the two.
    pub(super) fn uplink_bytes_per_s(&self) -> Option<f64> {
        let limit = self.config.upload_limit.map(|limit| limit as f64);
        let rates = self.uploads.rate.bytes_per_s().into_iter().chain(limit);
        rates.reduce(f64::min)
    }

    /// How much of the stream we send: 0 nothing, 1 less than one, 2 about one, 3 several; `None` while that is
    /// unknown, because nothing was sent yet and no limit says it.
    pub(super) fn upload_class(&self) -> Option<usize> {
        if !self.may_upload() {
            return Some(0);
        }
        let own = self.uplink_bytes_per_s()?;
        let size = self.segments.values().filter_map(|s| s.size).max()?;
        let (length, _) = self.length(*self.segments.keys().next()?)?;
        let streams = own * length.as_secs_f64() / size as f64;
        Some(1 + usize::from(streams >= ONE_STREAM) + usize::from(streams >= SEVERAL_STREAMS))
    }

    /// The most blocks up to `most` that the uplink sends in `seconds`, at least one.
    fn blocks_within(&self, seconds: f64, most: u32) -> u32 {
        let Some(rate) = self.uplink_bytes_per_s() else {
            return most;
        };
        let fits = |blocks: &u32| (u64::from(*blocks) * BLOCK_LEN) as f64 <= rate * seconds;
        (1..=most).rev().find(fits).unwrap_or(1)
    }

    /// Bytes that may wait in all channels together.
    fn queue_max(&self) -> u64 {
        u64::from(self.blocks_within(QUEUE_SECONDS, QUEUE_BLOCKS)) * BLOCK_LEN
    }

    /// Links served at a time: as many as get a block each before they take us for silent.
    fn slots(&self) -> usize {
        self.blocks_within(SLOT_SECONDS, SLOTS).max(SLOTS_MIN) as usize
    }

    /// A control message leaves at once, and blocks make room for it.
    pub(super) fn pay_for_control(&mut self, len: usize) {
        if self.config.upload_limit.is_some() {
            self.uploads.tokens -= (len + CONTROL_OVERHEAD) as f64;
        }
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
            let run = segment.blocks.get(first as usize..end);
            run.is_some_and(|run| run.iter().all(|b| *b == Block::Verified))
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
        peer.upload.runs.push(Run {
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
            if self.queued(now) >= self.queue_max() {
                self.uploads.wake = self.stuck_at(now);
                return;
            }
            self.lend_slot(now);
            let Some(link) = self.next_served(now) else {
                return;
            };
            if !self.send_one(now, link) {
                return;
            }
        }
    }

    /// Lends one slot to who has waited longest for that, newcomers first, for a while or until it wants
    /// nothing more.
    fn lend_slot(&mut self, now: Instant) {
        let round_over = now >= self.uploads.round_until;
        if round_over {
            self.uploads.round_until = now + LENT;
        }
        let lent = self.uploads.lent.and_then(|id| self.links.get(&id));
        if !round_over && lent.is_some_and(|link| link.upload.is_waiting(now)) {
            return;
        }
        let waiting = self.links.iter_mut().rev();
        let waiting = waiting.filter(|(_, link)| link.upload.is_waiting(now));
        let next = waiting.min_by_key(|(_, link)| link.upload.lent_at);
        self.uploads.lent = next.map(|(id, link)| {
            link.upload.lent_at = now;
            *id
        });
    }

    /// Of those who hold a slot, who was served least lately and has something that may leave.
    fn next_served(&self, now: Instant) -> Option<LinkId> {
        let waiting = || {
            self.links
                .iter()
                .filter(|(_, link)| link.upload.is_waiting(now))
        };
        let lent = waiting().any(|(id, _)| Some(*id) == self.uploads.lent);
        let ranked = self.slots() - usize::from(lent);
        let rank = |link: &Link| (link.credit, link.upload.served);
        let ready = |link: &Link| link.upload.next().is_some_and(|id| !self.is_idle(now, id));
        waiting()
            .filter(|(id, link)| {
                let better = waiting().filter(|(other, it)| {
                    Some(**other) != self.uploads.lent && (rank(it), *id) > (rank(link), *other)
                });
                ready(link) && (Some(**id) == self.uploads.lent || better.count() < ranked)
            })
            .min_by_key(|(_, link)| link.upload.served)
            .map(|(id, _)| *id)
    }

    /// Sends one message from the front of a link's queue; false when the bucket is too empty.
    fn send_one(&mut self, now: Instant, id: LinkId) -> bool {
        let idle = self.queued(now) == 0;
        let most = self.blocks_within(MESSAGE_SECONDS, MESSAGE_BLOCKS_MAX);
        let Some(link) = self.links.get_mut(&id) else {
            return true;
        };
        let Some(run) = link.upload.runs.first().copied() else {
            return true;
        };
        let Some(segment) = self.segments.get_mut(&run.segment) else {
            link.upload.runs.remove(0);
            return true;
        };
        let fit = link.max_message.saturating_sub(BLOCK_HEADER_LEN as u64) / BLOCK_LEN;
        let fit = u32::try_from(fit).unwrap_or(u32::MAX).max(1);
        let count = u16::try_from(run.count.min(most).min(fit)).unwrap_or(1);
        let start = segment.block_bytes(run.first as usize).start;
        let end = segment
            .block_bytes((run.first + u32::from(count) - 1) as usize)
            .end;
        let len = end - start;
        if let Some(limit) = self.config.upload_limit {
            let cost = (len + len / PACKET_SHARE) as f64;
            let missing = cost - self.uploads.tokens;
            if missing > 0.0 {
                let wait = seconds(missing / limit.max(1) as f64);
                self.uploads.wake = Some(now + wait + Duration::from_millis(1));
                return false;
            }
            self.uploads.tokens -= cost;
        }
        if idle {
            self.uploads.counted_at = now;
        }
        if let Some(front) = link.upload.runs.first_mut() {
            front.first += u32::from(count);
            front.count -= u32::from(count);
            if front.count == 0 {
                link.upload.runs.remove(0);
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
        self.uploads.sent += 1;
        link.upload.served = self.uploads.sent;
        link.sent_bytes += len;
        link.conduct.earn(u32::from(count));
        link.given += len;
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
