//! What is yet to happen, in order of time and then of saying so.
//!
//! Invariant: of two things at one moment the one that was put in first comes out first, so runs repeat.

use crate::base::Instant;
use core::cmp::Reverse;
use std::collections::BinaryHeap;

/// Things to come. Keys are small and the things lie aside, because a heap moves what it holds.
#[derive(Debug)]
pub(super) struct Queue<T> {
    heap: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    slots: Vec<Option<T>>,
    free: Vec<usize>,
    sequence: u64,
}

impl<T> Queue<T> {
    pub(super) const fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            sequence: 0,
        }
    }

    pub(super) fn push(&mut self, at: Instant, thing: T) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[slot] = Some(thing);
        self.sequence += 1;
        self.heap.push(Reverse((at, self.sequence, slot)));
    }

    /// The next thing that happens not after `end`.
    pub(super) fn pop_until(&mut self, end: Instant) -> Option<(Instant, T)> {
        if self.heap.peek()?.0.0 > end {
            return None;
        }
        let Reverse((at, _, slot)) = self.heap.pop()?;
        self.free.push(slot);
        Some((at, self.slots[slot].take()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_in_order_of_time_then_of_putting_in() {
        let mut queue = Queue::new();
        for (at, name) in [(5, 'a'), (3, 'b'), (5, 'c'), (3, 'd'), (9, 'e')] {
            queue.push(Instant(at), name);
        }
        let order: String =
            core::iter::from_fn(|| queue.pop_until(Instant(5)).map(|(_, name)| name)).collect();
        assert_eq!(order, "bdac");
        assert_eq!(queue.pop_until(Instant(9)), Some((Instant(9), 'e')));
    }
}
