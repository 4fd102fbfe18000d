//! What is kept in memory and what goes: the past of a live stream, then the oldest use; neighbours
//! hear of it.
//!
//! Invariant: held bytes stay under `memoryLimitBytes`, but for downloads under way.

use super::config::cache::{IDLE_SEGMENTS, PAST_SEGMENTS, REWOUND_SEGMENTS_MIN};
use super::{Engine, Output};
use crate::base::{Instant, SegmentId};
use crate::wire::{HaveEntry, Holding, PeerMessage};

impl Engine {
    /// Bytes the shell holds for us.
    pub(super) fn cache_bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.reserved).sum()
    }

    /// Evicts until the limit holds.
    pub(super) fn trim_cache(&mut self) {
        let mut held = self.cache_bytes();
        while held > self.config.memory_limit_bytes {
            let oldest: Option<(Instant, SegmentId)> = self
                .segments
                .iter()
                .filter(|(_, segment)| segment.download.is_none() && segment.reserved > 0)
                .map(|(id, segment)| (segment.used, *id))
                .min();
            let Some((_, id)) = oldest else { return };
            held -= self.segments.get(&id).map_or(0, |segment| segment.reserved);
            self.evict(id);
        }
    }

    /// What left a live playlist a while ago, nobody can ask for any more; and where there is nothing to rewind in, nobody
    /// asks for what everybody has long had.
    pub(super) fn forget_past(&mut self, now: Instant, track: usize) {
        let Some(track) = self.timeline.tracks().get(track).filter(|track| track.live) else {
            return;
        };
        let oldest = track.first_number.saturating_sub(PAST_SEGMENTS);
        let length_ms = u64::from(track.target_duration_ms);
        let since = if track.segments.len() < REWOUND_SEGMENTS_MIN {
            now.as_millis().saturating_sub(length_ms * IDLE_SEGMENTS)
        } else {
            0
        };
        let since = Instant::from_millis(since);
        let id = track.id;
        let past: Vec<SegmentId> = self
            .segments
            .iter()
            .filter(|(_, s)| s.key.track == id && s.download.is_none())
            .filter(|(_, s)| s.key.number < oldest || s.used < since)
            .map(|(segment, _)| *segment)
            .collect();
        for segment in past {
            self.evict(segment);
        }
    }

    /// Forgets a segment and its bytes.
    pub(super) fn evict(&mut self, id: SegmentId) {
        self.cancel_asked(id, |_, _| true);
        self.forget_hashes(id);
        self.retract(id);
        self.cancel_uploads_of(id);
        let Some(segment) = self.segments.remove(&id) else {
            return;
        };
        let number = (segment.key.track, segment.key.number);
        if self.by_number.get(&number) == Some(&id) {
            self.by_number.remove(&number);
        }
        if segment.reserved > 0 {
            self.out(Output::Evict { segment: id });
        }
    }

    /// Tells neighbours that nothing is left of a segment of which they may have been told something. Who
    /// is asked for it and has not said so would pass for a liar.
    pub(super) fn retract(&mut self, id: SegmentId) {
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let told = segment.promised.take().is_some() || segment.verified() > 0;
        segment.announced = 0;
        if told {
            let entry = HaveEntry {
                key: segment.key,
                holding: Holding::Gone,
            };
            self.broadcast(&PeerMessage::Have(vec![entry]));
        }
    }
}
