//! What waits to be written, of all connections together: with what a crowd that does not read could fill memory. Everything
//! else a tracker holds is bounded by counts (connections, peers, half-open ones), this by bytes.
//!
//! Invariant: a text counts from when it is handed to a session until it was written or its session is gone, once.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;

/// The bytes of all connections.
#[derive(Debug)]
pub(super) struct Backlog {
    bytes: AtomicUsize,
    max: usize,
    /// Connections that were dropped for it.
    pub(super) shed: AtomicU64,
}

/// The bytes of one connection.
#[derive(Debug)]
pub(super) struct Share {
    bytes: AtomicUsize,
    all: Arc<Backlog>,
}

impl Backlog {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            bytes: AtomicUsize::new(0),
            max,
            shed: AtomicU64::new(0),
        })
    }

    pub(super) fn share(self: &Arc<Self>) -> Arc<Share> {
        Arc::new(Share {
            bytes: AtomicUsize::new(0),
            all: self.clone(),
        })
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// More waits than may.
    pub(super) fn is_over(&self) -> bool {
        self.bytes() > self.max
    }

    /// Who is dropped to get below the most: the newest of those who hold more than one of so many connections may, the
    /// first to go first. Who has just come and reads stays, and so does who was there before a flood.
    pub(super) fn pick<K: Ord>(
        &self,
        holders: impl ExactSizeIterator<Item = (K, usize)>,
    ) -> Vec<K> {
        let fair = self.max / holders.len().max(1);
        let mut holders: Vec<(K, usize)> = holders.filter(|(_, bytes)| *bytes > fair).collect();
        holders.sort_unstable_by(|(one, _), (other, _)| other.cmp(one));
        let mut over = self.bytes().saturating_sub(self.max);
        let needed = |(_, bytes): &(K, usize)| {
            let is_needed = over > 0;
            over = over.saturating_sub(*bytes);
            is_needed
        };
        let picked = holders.into_iter().take_while(needed);
        picked.map(|(connection, _)| connection).collect()
    }
}

impl Share {
    /// A text waits.
    pub(super) fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.all.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// It was written.
    pub(super) fn take(&self, bytes: usize) {
        let left = |held: usize| held.checked_sub(bytes);
        let order = Ordering::Relaxed;
        if self.bytes.fetch_update(order, order, left).is_ok() {
            self.all.bytes.fetch_sub(bytes, order);
        }
    }

    /// Nothing waits any more: its session ends, which takes a moment.
    pub(super) fn give_up(&self) {
        let bytes = self.bytes.swap(0, Ordering::Relaxed);
        self.all.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_counts_once_however_its_session_ends() {
        let all = Backlog::new(100);
        let [one, other] = [all.share(), all.share()];
        one.add(30);
        other.add(50);
        one.take(10);
        assert_eq!((all.bytes(), one.bytes(), other.bytes()), (70, 20, 50));
        one.give_up();
        one.take(20); // written after all
        assert_eq!(all.bytes(), 50);
        drop(other);
        assert_eq!(all.bytes(), 0);
    }

    #[test]
    fn the_newest_of_those_who_hold_most_go_until_it_is_enough() {
        let all = Backlog::new(100);
        let held = [(1, 60), (2, 5), (3, 40), (4, 0), (5, 41), (6, 3)];
        let shares: Vec<Arc<Share>> = held.iter().map(|_| all.share()).collect();
        for (share, (_, bytes)) in shares.iter().zip(held) {
            share.add(bytes);
        }
        assert!(all.is_over());
        assert_eq!(all.pick(held.into_iter()), [5, 3]);
        shares[4].give_up();
        assert_eq!(all.bytes(), 108);
        shares[2].take(8);
        assert!(!all.is_over(), "as many as may");
        assert_eq!(all.pick(held.into_iter()), [0_i32; 0]);
    }
}
