//! What the viewers of a room, or of all, report of themselves, in sums.
//!
//! Invariant: sums are of those who are there now, each with its last word, and no viewer weighs more than
//! [`WAITS_MAX`] segments, [`BYTES_MAX`] bytes or [`LINKS_MAX`] links. Nobody checks any of it; it is for figures, and earns nothing.

use crate::wire::{Reported, WAITS, wait_bound};

/// Bytes one viewer may report, of peers and of the CDN each: 10 TB.
const BYTES_MAX: u64 = 10_000_000_000_000;
/// Segments one viewer may report; who reports more weighs as one that has so many. An hour of 4 s.
const WAITS_MAX: u64 = 900;
/// Links one viewer may report as opened, and as not: some hours of a swarm in which nothing lasts.
const LINKS_MAX: u64 = 1_000;

/// Sums of what viewers report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// Bytes from peers.
    pub from_peers: u64,
    /// Bytes from the CDN.
    pub from_cdn: u64,
    /// Links that opened.
    pub links_opened: u64,
    /// Links that were offered, answered and did not open.
    pub links_failed: u64,
    waits: [u64; WAITS],
}

impl Audience {
    /// What one viewer counts for.
    pub(super) fn of(from_peers: u64, reported: &Reported) -> Self {
        let waits = reported.waits.map(u64::from);
        let all = waits.iter().sum::<u64>();
        let scaled = |count: u64| {
            if all > WAITS_MAX {
                count * WAITS_MAX / all
            } else {
                count
            }
        };
        Self {
            from_peers: from_peers.min(BYTES_MAX),
            from_cdn: reported.cdn_bytes.min(BYTES_MAX),
            links_opened: u64::from(reported.links[0]).min(LINKS_MAX),
            links_failed: u64::from(reported.links[1]).min(LINKS_MAX),
            waits: waits.map(scaled),
        }
    }

    /// Counts a viewer anew: `was` is what it counted for.
    pub(super) fn exchange(&mut self, was: &Self, is: &Self) {
        let changed = |sum: &mut u64, was: u64, is: u64| *sum = (*sum - was).saturating_add(is);
        changed(&mut self.from_peers, was.from_peers, is.from_peers);
        changed(&mut self.from_cdn, was.from_cdn, is.from_cdn);
        changed(&mut self.links_opened, was.links_opened, is.links_opened);
        changed(&mut self.links_failed, was.links_failed, is.links_failed);
        for (sum, (was, is)) in self.waits.iter_mut().zip(was.waits.iter().zip(is.waits)) {
            changed(sum, *was, is);
        }
    }

    /// Bytes from peers ÷ bytes from anywhere; `None` where nobody had any.
    #[must_use]
    pub fn p2p_ratio(&self) -> Option<f64> {
        let all = self.from_peers.saturating_add(self.from_cdn);
        (all > 0).then(|| self.from_peers as f64 / all as f64)
    }

    /// Milliseconds that this part of the segments, in per mille, was waited for at most, evenly spread within a step;
    /// beyond the last step its beginning. `None` where nobody had any.
    #[must_use]
    pub fn wait_ms(&self, permille: u64) -> Option<u64> {
        let all = self.waits.iter().sum::<u64>();
        let wanted = (all * permille).div_ceil(1_000);
        let (mut before, mut from_us) = (0, 0);
        for (place, count) in self.waits.iter().enumerate() {
            let until_us = if place + 1 < WAITS {
                wait_bound(place).as_micros()
            } else {
                from_us
            };
            if *count > 0 && before + count >= wanted {
                let part = u128::from(wanted - before) * (until_us - from_us) / u128::from(*count);
                return u64::try_from((from_us + part) / 1_000).ok();
            }
            (before, from_us) = (before + count, until_us);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn waited(waits_us: &[u64]) -> Reported {
        let mut reported = Reported::default();
        for wait_us in waits_us {
            reported.note(*wait_us);
        }
        reported
    }

    #[test]
    fn percentiles_are_within_the_step_of_the_true_ones() {
        let waits: Vec<u64> = (1..=400).map(|n| n * 1_000).collect(); // 1 to 400 ms
        let sums = Audience::of(0, &waited(&waits));
        let near = |permille, true_ms: u64| {
            let ms = sums.wait_ms(permille).unwrap();
            assert!(
                ms * 4 >= true_ms * 3 && ms * 3 <= true_ms * 4,
                "{ms} for {true_ms}"
            );
        };
        near(500, 200);
        near(950, 380);
        assert_eq!(Audience::default().wait_ms(500), None);
        let slow = Audience::of(0, &waited(&[60_000_000]));
        assert_eq!(slow.wait_ms(500), Some(4_194));
        let quick = Audience::of(0, &waited(&[0]));
        assert_eq!(quick.wait_ms(950), Some(16));
    }

    #[test]
    fn who_goes_takes_its_figures_along_and_nobody_weighs_too_much() {
        let one = Audience::of(
            3,
            &Reported {
                cdn_bytes: 1,
                links: [5, 2],
                ..waited(&[10_000])
            },
        );
        let mut sums = Audience::default();
        sums.exchange(&Audience::default(), &one);
        assert_eq!(sums.p2p_ratio(), Some(0.75));
        let boast = Reported {
            cdn_bytes: u64::MAX,
            waits: [u32::MAX; WAITS],
            links: [u32::MAX; 2],
        };
        let boast = Audience::of(u64::MAX, &boast);
        sums.exchange(&Audience::default(), &boast);
        assert_eq!(sums.from_cdn, BYTES_MAX + 1);
        assert_eq!(sums.waits.iter().sum::<u64>(), WAITS_MAX + 1);
        let links = (sums.links_opened, sums.links_failed);
        assert_eq!(links, (LINKS_MAX + 5, LINKS_MAX + 2));
        sums.exchange(&boast, &Audience::default());
        assert_eq!(sums, one);
        sums.exchange(&one, &Audience::default());
        assert_eq!((sums, sums.p2p_ratio()), (Audience::default(), None));
    }
}
