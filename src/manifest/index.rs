//! From a URL and range, as a player asks, to a segment. Keys are 64-bit hashes of the URL as it is spelled on the wire, so that
//! addresses stand in memory once; the caller checks the hit against the segment's own URL, and two
//! URLs with one hash only cost the older one its entry.
//!
//! A stream may have 200,000 segments: they are spread over buckets by their hash, so that adding one
//! moves a few hundred entries; ranges of one URL share a bucket, and come in ascending order.

use super::address;
use super::model::Segment;
use crate::base::{ByteRange, SortedMap};

/// Where a segment stands: index of the track, number.
pub(super) type Place = (usize, u64);

/// Hash of the URL, range.
type Key = (u64, Option<ByteRange>);

const BUCKETS: usize = 256;

/// The index of all segments that can be shared. No buckets before the first segment.
#[derive(Clone, Debug, Default)]
pub(super) struct AddressIndex(Vec<SortedMap<Key, Place>>);

impl AddressIndex {
    /// What may stand under this address.
    pub(super) fn get(&self, url: &str, range: Option<ByteRange>) -> Option<Place> {
        let (bucket, key) = key(url, range);
        self.0.get(bucket)?.get(&key).copied()
    }

    /// Adds a segment. An address listed twice names its newest number: that is the same for all
    /// viewers of a window, and older ones leave first.
    pub(super) fn insert(&mut self, track: usize, segment: &Segment) {
        if segment.shareable {
            self.0.resize(BUCKETS, SortedMap::new());
            let (bucket, key) = key(&segment.url, segment.range);
            if let Some(bucket) = self.0.get_mut(bucket) {
                bucket.insert(key, (track, segment.number));
            }
        }
    }

    /// Removes a segment, unless its address names another one by now.
    pub(super) fn remove(&mut self, track: usize, segment: &Segment) {
        let (bucket, key) = key(&segment.url, segment.range);
        if let Some(bucket) = self.0.get_mut(bucket)
            && bucket.get(&key) == Some(&(track, segment.number))
        {
            bucket.remove(&key);
        }
    }
}

/// The bucket of an address, and its key there.
fn key(url: &str, range: Option<ByteRange>) -> (usize, Key) {
    // FNV-1a, 64 bits.
    let hash = address::spelled(url)
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    let [bucket, ..] = hash.to_le_bytes();
    (usize::from(bucket), (hash, range))
}
