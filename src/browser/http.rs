//! The bridge to HTTP: TypeScript fetches, because only it has the player's headers, policy and
//! loader classes; this file knows where each chunk stands.
//!
//! Invariant: what the engine hears are always offsets from the start of the *segment*. An origin that
//! ignores `Range` answers with the whole resource; then the bytes before the segment are cut off here,
//! and those behind it are the engine's to leave out, since only it knows the segment's length.

use crate::base::{ByteRange, FetchId, SortedMap};
use js_sys::Uint8Array;

/// Fetches under way.
#[derive(Debug, Default)]
pub(super) struct Fetches {
    running: SortedMap<FetchId, Fetch>,
}

#[derive(Debug)]
struct Fetch {
    /// Where the first byte asked for stands in the resource.
    asked_at: u64,
    /// Where it stands in the segment.
    offset: u64,
    /// Bytes received so far.
    received: u64,
    /// The response carries what was asked for, not the whole resource.
    partial: bool,
}

impl Fetches {
    /// A fetch begins.
    pub(super) fn start(&mut self, fetch: FetchId, range: Option<ByteRange>, offset: u64) {
        let asked_at = range.map_or(0, |range| range.start);
        self.running.insert(
            fetch,
            Fetch {
                asked_at,
                offset,
                received: 0,
                partial: false,
            },
        );
    }

    /// Its head came; whether it is still wanted.
    pub(super) fn head(&mut self, fetch: FetchId, partial: bool) -> bool {
        match self.running.get_mut(&fetch) {
            Some(running) => {
                running.partial = partial;
                true
            }
            None => false,
        }
    }

    /// Its next bytes came: those of the segment, and their offset in it.
    pub(super) fn body(&mut self, fetch: FetchId, bytes: Uint8Array) -> Option<(u64, Uint8Array)> {
        let running = self.running.get_mut(&fetch)?;
        let length = bytes.length();
        let position = running.received;
        running.received = position.saturating_add(u64::from(length));
        if running.partial {
            return Some((running.offset.saturating_add(position), bytes));
        }
        let segment_at = running.asked_at.saturating_sub(running.offset);
        let before = segment_at.saturating_sub(position);
        let Ok(cut) = u32::try_from(before) else {
            return None;
        };
        if cut >= length && length > 0 {
            return None;
        }
        let rest = if cut == 0 {
            bytes
        } else {
            bytes.subarray(cut, length)
        };
        Some((position.saturating_add(before) - segment_at, rest))
    }

    /// It ended or was stopped; whether it was still wanted.
    pub(super) fn end(&mut self, fetch: FetchId) -> bool {
        self.running.remove(&fetch).is_some()
    }

    /// Forgets all and names them.
    pub(super) fn clear(&mut self) -> Vec<FetchId> {
        let running = core::mem::take(&mut self.running);
        running.into_iter().map(|(fetch, _)| fetch).collect()
    }
}
