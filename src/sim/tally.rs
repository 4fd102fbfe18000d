//! What is counted as it happens.
//!
//! Invariant: all of it is sums, so the tallies of parts of the viewers add up to the whole's.

use super::oracle::Oracle;
use crate::base::SortedMap;
use crate::engine::Why;

/// Counts of a run, or of a part of its viewers.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) events: u64,
    /// By content: bytes from the CDN, those for empty buffers, and viewers that got it.
    pub(super) cdn: Vec<u64>,
    pub(super) cdn_first: Vec<u64>,
    pub(super) got: Vec<u32>,
    pub(super) cdn_requests: u64,
    /// Requests and bytes by reason.
    pub(super) asks: SortedMap<Why, (u64, u64)>,
    pub(super) playlist_bytes: u64,
    pub(super) peer_bytes: u64,
    pub(super) control_bytes: u64,
    pub(super) control_messages: u64,
    pub(super) tracker_messages: u64,
    /// Links that opened, each counted at both ends.
    pub(super) opened: u64,
    pub(super) oracle: Oracle,
}

impl Tally {
    /// Nothing, of so many contents.
    pub(super) fn new(contents: usize) -> Self {
        Self {
            cdn: vec![0; contents],
            cdn_first: vec![0; contents],
            got: vec![0; contents],
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        let sums = self.cdn.iter_mut().zip(&other.cdn);
        sums.for_each(|(sum, more)| *sum += more);
        let sums = self.cdn_first.iter_mut().zip(&other.cdn_first);
        sums.for_each(|(sum, more)| *sum += more);
        let sums = self.got.iter_mut().zip(&other.got);
        sums.for_each(|(sum, more)| *sum += more);
        for (why, (requests, bytes)) in other.asks.iter() {
            let sum = self.asks.or_default(*why);
            *sum = (sum.0 + requests, sum.1 + bytes);
        }
        self.events += other.events;
        self.cdn_requests += other.cdn_requests;
        self.playlist_bytes += other.playlist_bytes;
        self.peer_bytes += other.peer_bytes;
        self.control_bytes += other.control_bytes;
        self.control_messages += other.control_messages;
        self.tracker_messages += other.tracker_messages;
        self.opened += other.opened;
        self.oracle.add(&other.oracle);
    }
}
