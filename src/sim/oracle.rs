//! Judges what engines do against what they promise, as it happens.
//!
//! Invariant: it never changes a run; a run with violations goes on and says so. What is compared
//! between runs (stalls beside the control) is `report`'s.

use crate::base::Instant;
use serde::Serialize;

/// Kept word by word; the rest is only counted.
const KEPT: usize = 20;
/// Wakes of one engine within a virtual second: a race looks a few times a block, a loop a thousand.
const WAKES_MAX: u32 = 800;

/// A promise that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Promise {
    /// The player gets the publisher's bytes, or what the CDN sent.
    RightBytes,
    /// What leaves a viewer was verified.
    VerifiedUploads,
    /// One answer a wish, none after an abort.
    OneOutcome,
    /// Links, memory, message sizes and uploads stay within their limits.
    Caps,
    /// A payload is placed or dropped at once, into places that are not frozen.
    Store,
    /// Nobody wakes for nothing.
    BusyLoop,
}

/// One violation.
#[derive(Clone, Debug, Serialize)]
pub struct Violation {
    /// What was broken.
    pub promise: Promise,
    /// When, virtual seconds.
    pub at_s: f64,
    /// Whose engine.
    pub viewer: usize,
    /// What happened.
    pub what: String,
}

/// The judge of one run.
#[derive(Clone, Debug, Default)]
pub(super) struct Oracle {
    pub(super) count: u64,
    pub(super) kept: Vec<Violation>,
}

/// How often one engine was woken in the present second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wakes {
    second: u64,
    count: u32,
}

impl Oracle {
    /// Takes what another one has found, of other viewers.
    pub(super) fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.kept.extend(other.kept.iter().cloned());
        self.kept
            .sort_by(|a, b| a.at_s.total_cmp(&b.at_s).then(a.viewer.cmp(&b.viewer)));
        self.kept.truncate(KEPT);
    }

    pub(super) fn broken(&mut self, now: Instant, viewer: usize, promise: Promise, what: &str) {
        self.count += 1;
        if self.kept.len() < KEPT {
            self.kept.push(Violation {
                promise,
                at_s: now.since(Instant::ZERO).as_secs_f64(),
                viewer,
                what: what.to_owned(),
            });
        }
    }

    /// An engine is woken and afterwards wants to be woken at `next`.
    pub(super) fn woken(
        &mut self,
        now: Instant,
        viewer: usize,
        wakes: &mut Wakes,
        next: Option<Instant>,
    ) {
        if next.is_some_and(|at| at <= now) {
            self.broken(
                now,
                viewer,
                Promise::BusyLoop,
                "wants to be woken in the past",
            );
        }
        let second = now.as_millis() / 1_000;
        if wakes.second != second {
            *wakes = Wakes { second, count: 0 };
        }
        wakes.count += 1;
        if wakes.count == WAKES_MAX {
            self.broken(
                now,
                viewer,
                Promise::BusyLoop,
                "wakes hundreds of times a second",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wakes_for_nothing_is_told_once_a_second() {
        let (mut oracle, mut wakes) = (Oracle::default(), Wakes::default());
        for ms in 0..1_999 {
            let now = Instant::from_millis(ms);
            oracle.woken(now, 0, &mut wakes, Some(Instant::from_millis(ms + 1)));
        }
        assert_eq!(oracle.count, 2);
        let now = Instant::from_millis(5_000);
        oracle.woken(now, 0, &mut wakes, None);
        assert_eq!(oracle.count, 2, "waking once is fine");
        oracle.woken(now, 0, &mut wakes, Some(now));
        assert_eq!(oracle.count, 3, "waking at once is not");
    }
}
