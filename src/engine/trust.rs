//! Trust in the peer behind one link: faults add up and fade, and cost it rank, then requests, then the
//! link. Thresholds and their reasons: `config::trust`.
//!
//! Two kinds. A *lapse* may come from a weak uplink, a busy phone or bad luck: it only ever costs rank
//! and rests, and ends the link of a peer that has rested often and never sent anything. A *lie* is what
//! no honest engine does, whatever its network; a few of them close the link. Wrong blocks are neither:
//! they are `verify`'s, and end a link at once. Invariant: whatever its network does to it, a peer that
//! keeps the protocol and sends anything at all is never closed for a fault.

use super::config::trust::{
    CREDIT, DRIP, FAULT, IN_VAIN, LIMIT, MESSAGE, OUTCAST, OUTCASTS_MAX, QUESTION, REST,
    REST_DOUBLINGS, USELESS_RESTS, WORK, WORK_LEN, WORK_MAX,
};
use super::peer::{Held, Link};
use super::segment::Segment;
use super::{CloseReason, Engine};
use crate::base::{Duration, Instant, LinkId, PeerId};
use crate::wire::{PeerMessage, RejectReason, SegmentKey};

/// What a peer did, and nobody else is to blame for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Lapse: silent for `cdnFallbackDelay` about something it holds.
    Silent,
    /// No lapse by itself: the CDN took over before it had the time to say anything. But a third request in a
    /// row that brings nothing is one too many, whatever the reason.
    Overtaken,
    /// Lapse: a block is not here after [`DRIP`].
    Drip,
    /// Lapse: refused for want of a slot. Honest peers do it when many ask; half a minute's worth.
    Busy,
    /// Lapse: what it promised did not come; a slow CDN does that, and its promises are muted anyway.
    BrokenPromise,
    /// Lie: says that it does not hold what it says it holds. An eviction is told before it, on the
    /// same ordered channel, so no race looks like this.
    FakeHave,
    /// Lie: sent what was never asked of it, beyond everything that was asked and taken back; or more
    /// questions, claims and commands than time and the blocks between us have paid for.
    Flood,
}

impl Fault {
    fn is_lie(self) -> bool {
        match self {
            Self::FakeHave | Self::Flood => true,
            Self::Silent | Self::Overtaken | Self::Drip | Self::Busy | Self::BrokenPromise => false,
        }
    }

    /// How long it counts.
    fn weight(self) -> Duration {
        match self {
            Self::Silent | Self::FakeHave | Self::Flood => FAULT,
            // A measure, not a suspicion: the slot is lost at once.
            Self::Drip => LIMIT,
            Self::Overtaken => Duration::ZERO,
            Self::Busy => FAULT / 4,
            Self::BrokenPromise => FAULT / 2,
        }
    }
}

/// How a peer has behaved.
#[derive(Debug, Default)]
#[cfg_attr(not(target_arch = "wasm32"), repr(C))]
pub(super) struct Conduct {
    rests_until: Instant,
    /// When its lapses will be forgotten.
    lapses: Instant,
    /// When its lies will be.
    lies: Instant,
    rests: u32,
    /// Requests in a row that have brought no block while it was wanted.
    pub(super) in_vain: u32,
    /// Blocks that were asked of it and have not come, taken back ones too: so many may come.
    pub(super) owed_blocks: u32,
    /// Leaf lists likewise.
    pub(super) owed_lists: u32,
    /// Something that was asked of it has come, in time or late.
    pub(super) is_useful: bool,
    /// When its control messages will be paid for.
    paid_at: Instant,
}

impl Conduct {
    /// Whether nothing is asked of it now.
    pub(super) fn is_resting(&self, now: Instant) -> bool {
        now < self.rests_until
    }

    /// What its rate is multiplied with when peers are ranked: 1 without faults, a quarter at the limit.
    pub(super) fn rank(&self, now: Instant) -> f64 {
        let faults = self.lapses.since(now) + self.lies.since(now);
        1.0 / (1.0 + faults.as_secs_f64() / 100.0)
    }

    /// A control message came. Whether it is one too many; the next credit begins then.
    fn charge(&mut self, now: Instant, price: Duration) -> bool {
        self.paid_at = self.paid_at.max(now) + price;
        let is_over = self.paid_at > now + CREDIT;
        if is_over {
            self.paid_at = now;
        }
        is_over
    }

    /// Blocks moved, whichever way: the messages about them are paid for.
    pub(super) fn earn(&mut self, blocks: u32) {
        self.paid_at = self.paid_at - MESSAGE * blocks;
    }

    /// Counts a fault; whether it is the last one.
    fn note(&mut self, now: Instant, fault: Fault) -> bool {
        let more = |sum: Instant| (sum.since(now) + fault.weight()).min(LIMIT);
        // A lie is in vain too: else three vain requests of two kinds would have no consequence.
        let counted = more(self.lapses);
        self.lapses = now + counted;
        if fault.is_lie() {
            let lied = more(self.lies);
            self.lies = now + lied;
            if lied >= LIMIT {
                return true;
            }
        }
        if matches!(fault, Fault::Silent | Fault::Overtaken) {
            self.in_vain = self.in_vain.saturating_add(1);
        }
        let is_enough = counted >= LIMIT || self.in_vain >= IN_VAIN;
        if !is_enough || self.is_resting(now) {
            return false;
        }
        self.rests_until = now + REST * (1 << self.rests.min(REST_DOUBLINGS));
        self.rests = self.rests.saturating_add(1);
        self.rests >= USELESS_RESTS && !self.is_useful
    }
}

/// Peers that are not linked again, until when.
#[derive(Debug, Default)]
pub(super) struct Outcasts(Vec<(PeerId, Instant)>);

impl Outcasts {
    pub(super) fn contains(&self, now: Instant, peer: PeerId) -> bool {
        self.0.iter().any(|(id, until)| *id == peer && now < *until)
    }

    /// Notes why `peer` was closed, if that keeps it out.
    pub(super) fn note(&mut self, now: Instant, peer: PeerId, reason: CloseReason) {
        let until = match reason {
            CloseReason::WrongBlock => Instant(u64::MAX),
            CloseReason::Unreliable | CloseReason::Protocol => now + OUTCAST,
            // It may come again when the swarm has changed.
            CloseReason::SameNetwork => now + OUTCAST / 2,
            CloseReason::Gone
            | CloseReason::ConnectTimeout
            | CloseReason::Duplicate
            | CloseReason::NotNeeded => return,
        };
        self.0.push((peer, until));
        if self.0.len() > OUTCASTS_MAX {
            self.0.remove(0);
        }
    }
}

impl Engine {
    /// Counts a fault of a peer and draws the consequence. What was asked of it is the caller's to take
    /// back; a closed link gives back what it owed by itself.
    pub(super) fn note_fault(&mut self, now: Instant, id: LinkId, fault: Fault) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if link.conduct.note(now, fault) {
            self.close_link(now, id, CloseReason::Unreliable);
        }
    }

    /// A control message of `len` bytes came: whether it may be acted on. Who talks on and on is closed.
    pub(super) fn is_heard(
        &mut self,
        now: Instant,
        id: LinkId,
        message: &PeerMessage,
        len: usize,
    ) -> bool {
        let price = self.price_of(id, message, len);
        let Some(link) = self.links.get_mut(&id) else {
            return false;
        };
        if link.conduct.charge(now, price) {
            self.note_fault(now, id, Fault::Flood);
        }
        self.links.contains_key(&id)
    }

    fn price_of(&self, id: LinkId, message: &PeerMessage, len: usize) -> Duration {
        let (base, work) = match message {
            PeerMessage::HaveAll { .. }
            | PeerMessage::Choke
            | PeerMessage::Unchoke
            | PeerMessage::Neighbours(_) => (QUESTION, 0),
            PeerMessage::HaveDigest { track, .. } => {
                let told = self.links.get(&id).map(|link| link.haves.span(*track));
                (QUESTION, told.unwrap_or(0) * 8)
            }
            PeerMessage::HaveQuery { .. } => (QUESTION, self.by_number.len() * 8),
            PeerMessage::LeavesRequest { key } => {
                let blocks = self.segment_of(key).map(|segment| segment.blocks.len());
                (MESSAGE, blocks.unwrap_or(0) * 32)
            }
            PeerMessage::Hello(_)
            | PeerMessage::Unknown(_)
            | PeerMessage::Have(_)
            | PeerMessage::Request { .. }
            | PeerMessage::Cancel { .. }
            | PeerMessage::Reject { .. }
            | PeerMessage::Leaves { .. }
            | PeerMessage::Signal(_) => (MESSAGE, 0),
        };
        let units = u32::try_from((len + work) / WORK_LEN).unwrap_or(u32::MAX);
        base + (WORK * units.min(WORK_MAX))
    }

    /// How long a block may be on its way from a peer before it is dripping.
    pub(super) fn drip_delay(&self) -> Duration {
        DRIP.max(self.config.fallback_delay() * 2)
    }

    /// A peer refuses what it was asked for. Called before its haves are corrected.
    pub(super) fn judge_reject(
        &mut self,
        now: Instant,
        link: LinkId,
        key: &SegmentKey,
        count: u16,
        reason: RejectReason,
    ) {
        let Some(peer) = self.links.get_mut(&link) else {
            return;
        };
        if count == 0 {
            peer.conduct.owed_lists = peer.conduct.owed_lists.saturating_sub(1);
        }
        let claims = match peer.haves.held(key) {
            Some(Held::Whole | Held::Partial(_)) => true,
            Some(Held::Promised(_)) | None => false,
        };
        let fault = match reason {
            RejectReason::NotHeld if claims && self.is_fairly_asked(link, key, count) => {
                Fault::FakeHave
            }
            RejectReason::Busy if !self.is_shunned(link, key) => Fault::Busy,
            RejectReason::NotHeld | RejectReason::Busy | RejectReason::Version => return,
        };
        self.note_fault(now, link, fault);
    }

    /// Whether what was asked of `link` exists by the publisher's word or its own: by a third peer's
    /// leaf list it may have been asked for a block that its segment never had.
    fn is_fairly_asked(&self, link: LinkId, key: &SegmentKey, count: u16) -> bool {
        self.segment_of(key).is_some_and(|segment| {
            let list = segment.leaves.as_ref();
            count == 0 || list.is_some_and(|l| l.voucher.is_none_or(|v| v == link))
        })
    }

    /// One request may be refused run by run: that is one refusal.
    fn is_shunned(&self, link: LinkId, key: &SegmentKey) -> bool {
        let download = self.segment_of(key).and_then(|s| s.download.as_ref());
        download.is_none_or(|download| download.shunned.contains(&link))
    }

    fn segment_of(&self, key: &SegmentKey) -> Option<&Segment> {
        let id = self.by_number.get(&(key.track, key.number))?;
        self.segments.get(id).filter(|segment| segment.key == *key)
    }

    /// Blocks came from a link. Whether it owed so many; if not, that is counted against it.
    pub(super) fn settle_debt(&mut self, now: Instant, id: LinkId, blocks: u16) -> bool {
        self.note_heard(now, id);
        let Some(conduct) = self.links.get_mut(&id).map(|link| &mut link.conduct) else {
            return false;
        };
        if let Some(left) = conduct.owed_blocks.checked_sub(u32::from(blocks)) {
            conduct.owed_blocks = left;
            conduct.is_useful = true;
            conduct.earn(u32::from(blocks));
            return true;
        }
        conduct.owed_blocks = 0;
        self.note_fault(now, id, Fault::Flood);
        false
    }

    /// A leaf list came from a link, likewise.
    pub(super) fn settle_list(&mut self, now: Instant, id: LinkId) -> bool {
        let Some(conduct) = self.links.get_mut(&id).map(|link| &mut link.conduct) else {
            return false;
        };
        if let Some(left) = conduct.owed_lists.checked_sub(1) {
            conduct.owed_lists = left;
            return true;
        }
        self.note_fault(now, id, Fault::Flood);
        false
    }
}

impl Link {
    /// How much is expected of it, for choosing among peers: bytes a second, less with faults.
    pub(super) fn worth(&self, now: Instant) -> f64 {
        self.rate_or_guess() * self.conduct.rank(now)
    }
}
