//! Revalidation: what has lain in memory for long is hashed again before it is sent to anybody.
//!
//! A page lives for hours and a block is verified once; a bit that flips meanwhile would make an honest
//! viewer a liar to its neighbours, who drop those at the first wrong block. Invariant: at most one
//! segment is being hashed again at a time and four a second begin, so that it never costs playback
//! its processor; what waits for it waits in its link's queue.

use super::config::recheck::{IDLE, PACE, PATIENCE};
use super::segment::Block;
use super::{Engine, Output, WarningCode};
use crate::base::{HashId, Instant, SegmentId};
use crate::integrity::Digest;

/// The check under way.
#[derive(Debug, Default)]
pub(super) struct Recheck {
    running: Option<(HashId, SegmentId, Vec<usize>)>,
    began: Option<Instant>,
}

impl Engine {
    /// Whether a segment must be hashed again before it is sent.
    pub(super) fn is_idle(&self, now: Instant, id: SegmentId) -> bool {
        let segment = self.segments.get(&id);
        segment.is_some_and(|segment| now.since(segment.used) > IDLE)
    }

    /// Begins with the next segment that a link waits for, if it may.
    pub(super) fn recheck_idle(&mut self, now: Instant) {
        let next = self.links.values().filter_map(|link| link.upload.next());
        let Some(id) = next.filter(|id| self.is_idle(now, *id)).min() else {
            return;
        };
        let pause = if self.recheck.running.is_some() {
            PATIENCE
        } else {
            PACE
        };
        if let Some(until) = self.recheck.began.map(|began| began + pause)
            && now < until
        {
            self.uploads.wake = Some(until);
            return;
        }
        let Some(segment) = self.segments.get(&id) else {
            return;
        };
        let verified = |index: &usize| segment.blocks.get(*index) == Some(&Block::Verified);
        let blocks: Vec<usize> = (0..segment.blocks.len()).filter(verified).collect();
        let ranges = blocks.iter().map(|index| segment.block_bytes(*index));
        let ranges = ranges.collect();
        let hash = HashId(self.mint());
        self.recheck.running = Some((hash, id, blocks));
        self.recheck.began = Some(now);
        self.out(Output::Hash {
            hash,
            segment: id,
            blocks: ranges,
        });
    }

    /// Hashes came. Whether they were these; then the segment is served, or forgotten.
    pub(super) fn rechecked(&mut self, now: Instant, hash: HashId, digests: &[Digest]) -> bool {
        let Some((_, id, blocks)) = self
            .recheck
            .running
            .take_if(|(running, _, _)| *running == hash)
        else {
            return false;
        };
        if let Some(segment) = self.segments.get_mut(&id) {
            let mut pairs = blocks.iter().zip(digests);
            let whole = digests.len() == blocks.len()
                && pairs.all(|(index, digest)| segment.leaf(*index) == Some(*digest));
            if whole {
                segment.used = now;
            } else {
                let message = format!(
                    "the bytes of {} changed in memory; they are forgotten",
                    segment.url
                );
                self.warn(WarningCode::CacheDamaged, message);
                // Evicts it, if no player waits for the rest.
                self.restart(now, id);
            }
        }
        self.pump_uploads(now);
        true
    }
}
