//! What peers bring before the player asks: the next listed segment of a track, while the last blocks of
//! the one it waits for are on their way. Else all viewers load the same one at the same time, and uplinks
//! are idle at its end.
//!
//! Invariant: a download without a wish is peers' alone. Nothing here asks the CDN, promises anything or takes part
//! in an election, and what the player turned away from is given up. Decides not what is asked of whom: `picker`.

use super::Engine;
use super::config::ahead::{MEMORY_PART, TRACKS_MAX};
use super::config::source::PATIENCE_MAX;
use super::download::Download;
use super::trust::Fault;
use crate::base::{Instant, LinkId, SegmentId, TrackId};

/// What is on its way before anybody waits for it.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Tracks that the player asked for last, the latest at the end.
    tracks: Vec<TrackId>,
    /// Downloads without a wish; some may have got one or be gone by now.
    pub(super) segments: Vec<SegmentId>,
}

impl Engine {
    /// The player asks for a segment: what was fetched ahead of something else is given up.
    pub(super) fn turn_to(&mut self, id: SegmentId) {
        let Some(key) = self.segments.get(&id).map(|segment| segment.key) else {
            return;
        };
        let tracks = &mut self.ahead.tracks;
        let is_known = tracks.contains(&key.track);
        tracks.retain(|track| *track != key.track);
        tracks.push(key.track);
        if tracks.len() > TRACKS_MAX {
            tracks.remove(0);
        }
        let next = self.listed_after(id);
        let mut kept = core::mem::take(&mut self.ahead.segments);
        kept.retain(|ahead| *ahead != id && self.is_ahead(*ahead));
        for ahead in kept {
            let told = self.segments.get(&ahead).map(|segment| segment.key);
            let is_next =
                told.is_some_and(|told| told.track != key.track || Some(told.number) == next);
            if is_known && is_next {
                self.ahead.segments.push(ahead);
            } else {
                self.abandon(ahead);
            }
        }
    }

    /// Whether nobody has asked for it yet, and peers are.
    pub(super) fn is_ahead(&self, id: SegmentId) -> bool {
        let download = self.segments.get(&id).and_then(|s| s.download.as_ref());
        download.is_some_and(|download| download.requests.is_empty())
    }

    /// The number that is listed behind segment `id`.
    fn listed_after(&self, id: SegmentId) -> Option<u64> {
        let key = self.segments.get(&id)?.key;
        let track = self.timeline.track_index(key.track)?;
        let next = self.timeline.tracks().get(track)?.after(key.number)?;
        Some(next.number)
    }

    /// While the player plays, and waits for segment `id` or has it, peers may bring the next.
    pub(super) fn bring_ahead(&mut self, now: Instant, id: SegmentId) {
        if self.playback.is_moving()
            && let Some(next) = self.begin_ahead(now, id)
        {
            self.drive(now, next);
        }
    }

    fn begin_ahead(&mut self, now: Instant, id: SegmentId) -> Option<SegmentId> {
        let key = self.segments.get(&id)?.key;
        let number = self.listed_after(id)?;
        let known = self.by_number.get(&(key.track, number));
        let known = known.and_then(|known| self.segments.get(known));
        if known.is_some_and(|known| known.download.is_some() || known.is_whole()) {
            return None;
        }
        let track = self.timeline.track_index(key.track)?;
        let next = self.segment_at(now, track, number)?;
        let fits = self.config.memory_limit_bytes / MEMORY_PART;
        let is_allowed = self.is_shareable(next) && self.config.cdn_fallback_delay > 0;
        let segment = self.segments.get_mut(&next)?;
        // What only a neighbour vouches for is doubted with the CDN's bytes, at its wish.
        let is_fit = segment.digest.is_some_and(|digest| digest.size <= fits);
        if !is_allowed || !is_fit {
            return None;
        }
        segment.download = Some(Download::new(now));
        self.ahead.segments.push(next);
        Some(next)
    }

    /// Looks afresh at a segment that nobody waits for.
    pub(super) fn race_ahead(&mut self, now: Instant, id: SegmentId) -> Option<Instant> {
        if !self.is_shareable(id) {
            self.abandon(id);
            return None;
        }
        // Nobody is hurried for it, but what is owed takes room.
        let silent = self.silent_for(now, id, PATIENCE_MAX, true);
        if !silent.is_empty() {
            for link in silent {
                self.note_fault(now, link, Fault::Silent);
            }
            self.abandon(id);
            return None;
        }
        let delay = self.config.fallback_delay();
        // What peers bring beside a leg would be taken for the CDN's speed, and stand in its way.
        if !self.fetches.is_empty() {
            return Some(now + delay);
        }
        let mut holders = self.scene(now, id)?.holders;
        // Who has sent nothing yet may show itself, one at a time and first: else a fast neighbour that takes all there
        // is leaves the others unknown until they are needed.
        let mut stranger = None;
        holders.retain(|id| {
            let Some(link) = self.links.get(id).filter(|link| link.conduct.in_vain == 0) else {
                return false;
            };
            if !link.conduct.is_useful && link.outstanding == 0 {
                stranger = stranger.or(Some(*id));
            }
            link.conduct.is_useful
        });
        let stranger: Vec<LinkId> = stranger.into_iter().collect();
        self.ask_leaves(
            now,
            id,
            if holders.is_empty() {
                &stranger
            } else {
                &holders
            },
        );
        self.pick_blocks(now, id, &stranger);
        self.pick_blocks(now, id, &holders);
        let list = self.segments.get(&id)?.download.as_ref()?.leaves_asked;
        let is_owed = list.is_some() || self.is_asked(id);
        is_owed.then(|| now + delay)
    }
}
