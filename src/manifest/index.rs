//! From a URL and range, as a player asks, to a segment. Keys are 64-bit hashes of the URL, so that
//! addresses stand in memory once; the caller checks the hit against the segment's own URL, and two
//! URLs with one hash only cost the older one its entry.

use super::model::Segment;
use crate::base::ByteRange;
use std::collections::BTreeMap;

/// Where a segment stands: index of the track, number.
pub(super) type Place = (usize, u64);

/// The index of all segments that can be shared.
#[derive(Clone, Debug, Default)]
pub(super) struct AddressIndex(BTreeMap<(u64, Option<ByteRange>), Place>);

impl AddressIndex {
    /// What may stand under this address.
    pub(super) fn get(&self, url: &str, range: Option<ByteRange>) -> Option<Place> {
        self.0.get(&(hash(url), range)).copied()
    }

    /// Adds a segment. An address listed twice names its newest number: that is the same for all
    /// viewers of a window, and older ones leave first.
    pub(super) fn insert(&mut self, track: usize, segment: &Segment) {
        if segment.shareable {
            let key = (hash(&segment.url), segment.range);
            self.0.insert(key, (track, segment.number));
        }
    }

    /// Removes a segment, unless its address names another one by now.
    pub(super) fn remove(&mut self, track: usize, segment: &Segment) {
        let key = (hash(&segment.url), segment.range);
        if self.0.get(&key) == Some(&(track, segment.number)) {
            self.0.remove(&key);
        }
    }
}

/// FNV-1a, 64 bits.
fn hash(url: &str) -> u64 {
    url.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
