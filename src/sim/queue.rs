//! What is yet to happen, in pages of time; a page is in order of viewer, then of time, then of who said it.
//!
//! Invariant: the order of a page depends on nothing but what is in it, never on who wrote first, so
//! runs repeat however their viewers are divided among threads.

use crate::base::{Duration, Instant};
use std::collections::BTreeMap;

/// A thing to come.
#[derive(Debug, PartialEq)]
pub(super) struct Entry<T> {
    pub(super) at: Instant,
    /// Whom it happens to.
    pub(super) to: u32,
    /// Who said so, and which of its words it was.
    pub(super) from: u32,
    pub(super) number: u32,
    pub(super) thing: T,
}

impl<T> Entry<T> {
    const fn order(&self) -> (u32, u64, u32, u32) {
        (self.to, self.at.0, self.from, self.number)
    }
}

/// Things to come.
#[derive(Debug)]
pub(super) struct Calendar<T> {
    /// Microseconds of a page.
    width: u64,
    pages: BTreeMap<u64, Vec<Entry<T>>>,
}

impl<T> Calendar<T> {
    pub(super) fn new(width: Duration) -> Self {
        Self {
            width: u64::try_from(width.as_micros()).unwrap_or(u64::MAX).max(1),
            pages: BTreeMap::new(),
        }
    }

    pub(super) const fn page_of(&self, at: Instant) -> u64 {
        at.0 / self.width
    }

    /// When a page begins.
    pub(super) const fn start_of(&self, page: u64) -> Instant {
        Instant(page.saturating_mul(self.width))
    }

    /// The first page on which anything stands.
    pub(super) fn first(&self) -> Option<u64> {
        self.pages.keys().next().copied()
    }

    pub(super) fn put(&mut self, entry: Entry<T>) {
        let page = self.page_of(entry.at);
        self.pages.entry(page).or_default().push(entry);
    }

    /// Takes a page out, the last thing first: so the next one is popped, and what is added to it is at
    /// its end as a rule.
    pub(super) fn tear(&mut self, page: u64) -> Vec<Entry<T>> {
        let mut entries = self.pages.remove(&page).unwrap_or_default();
        entries.sort_unstable_by_key(|entry| core::cmp::Reverse(entry.order()));
        entries
    }
}

/// Adds to a page that was torn out.
pub(super) fn insert<T>(page: &mut Vec<Entry<T>>, entry: Entry<T>) {
    let later = |other: &Entry<T>| other.order() > entry.order();
    let at = page.iter().rposition(later).map_or(0, |index| index + 1);
    page.insert(at, entry);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(to: u32, at: u64, from: u32, thing: char) -> Entry<char> {
        let (at, number) = (Instant(at), 0);
        Entry {
            at,
            to,
            from,
            number,
            thing,
        }
    }

    #[test]
    fn a_page_is_in_order_of_viewer_and_time_whoever_wrote_first() {
        let all = [
            (7, 1, 2, 'd'),
            (2, 5, 1, 'a'),
            (2, 7, 0, 'b'),
            (2, 7, 1, 'c'),
            (1, 12, 0, 'e'),
        ];
        for turn in 0..all.len() {
            let mut calendar = Calendar::new(Duration::from_micros(10));
            for index in 0..all.len() {
                let (to, at, from, thing) = all[(index + turn) % all.len()];
                calendar.put(entry(to, at, from, thing));
            }
            assert_eq!(calendar.first(), Some(0));
            let mut page = calendar.tear(0);
            insert(&mut page, entry(2, 6, 2, 'x'));
            let mut order = String::new();
            while let Some(entry) = page.pop() {
                order.push(entry.thing);
            }
            assert_eq!(order, "axbcd");
            assert_eq!(calendar.first(), Some(1));
            assert_eq!(calendar.tear(1).len(), 1);
        }
    }
}
