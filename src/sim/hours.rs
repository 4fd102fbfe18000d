//! What viewers that stay hold as hours go by: their engines, shells and the tracker, looked at every minute.
//!
//! Invariant: it looks and changes nothing. An engine's size is the length of what its own `Debug` writes, so no
//! map, list or string of it is left out, today's or tomorrow's; a run of digits counts as one, because clocks and
//! counters may grow. Spare capacity is not seen. It looks only where a floor asks for it: it costs as much as the run.

use super::viewer::Viewer;
use crate::base::{Duration, Instant};
use core::fmt::{self, Write};
use serde::Serialize;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(60);
/// A run is told in so many spans: of twelve hours, half an hour each.
const SPANS: u64 = 24;
/// Whatever fills has filled by then, in a run that is long enough.
const WARM: Duration = Duration::from_secs(1_800);

/// What was held in one span of a run, the mean of all looks at all who stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Held {
    /// When the span begins, hours.
    pub from_h: f64,
    /// Looks at viewers.
    pub looks: u64,
    /// Letters of an engine as it writes itself, its account left out.
    pub engine: f64,
    /// Letters of its account of who brought what: a row for each who ever did, up to a bound.
    pub account: f64,
    /// Letters of the largest one that was seen.
    pub engine_max: f64,
    /// Bytes of segments in the shell's store.
    pub store_bytes: f64,
    /// Links, open or not.
    pub links: f64,
    /// The shell's other handles: loads, wishes, hashes under way.
    pub handles: f64,
    /// Things a viewer says to happen a second: timers, messages, answers.
    pub events_per_s: f64,
    /// Letters of the tracker as it writes itself, a viewer that is here.
    pub tracker: f64,
}

impl fmt::Display for Held {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (engine, largest) = (self.engine / 1e3, self.engine_max / 1e3);
        let account = self.account / 1e3;
        let (store, tracker) = (self.store_bytes / 1e6, self.tracker / 1e3);
        let (links, handles, events) = (self.links, self.handles, self.events_per_s);
        write!(
            out,
            "from {:.2} h: engine {engine:.1} kB as it writes itself ({largest:.1} at most), account {account:.1} kB, segments {store:.1} MB, \
             links {links:.1}, handles {handles:.2}, {events:.1} events/s, tracker {tracker:.2} kB a viewer",
            self.from_h
        )
    }
}

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Hours {
    /// Length of a span; nobody looks where there is none.
    span: Duration,
    next: Instant,
    /// Sums.
    spans: Vec<Held>,
    /// What each viewer had said at the last look.
    said: Vec<u32>,
}

impl Hours {
    /// For a run of so many seconds.
    pub(super) fn of(seconds: f64) -> Self {
        let span = Duration::from_secs_f64(seconds / SPANS as f64);
        Self {
            span,
            ..Self::default()
        }
    }

    /// Whether it is time to look.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.span > Duration::ZERO && now >= self.next
    }

    /// Looks at all who stay to the end, and at the tracker.
    pub(super) fn look(&mut self, viewers: &[&Viewer], tracker: &impl fmt::Debug, now: Instant) {
        self.next = now + EVERY;
        let since = now.since(Instant::ZERO);
        let index = usize::try_from(since.as_micros() / self.span.as_micros().max(1)).unwrap_or(0);
        if self.spans.len() <= index {
            self.spans.resize(index + 1, Held::default());
        }
        self.said.resize(viewers.len(), 0);
        let here = viewers.iter().filter(|viewer| viewer.here).count();
        let tracker = letters(tracker) / here.max(1) as f64;
        let span = &mut self.spans[index];
        for (viewer, said) in viewers.iter().zip(&mut self.said) {
            let Some(engine) = viewer.engine.as_ref().filter(|_| viewer.leaves.is_none()) else {
                continue;
            };
            let account = letters(engine.account());
            let engine = letters(engine) - account;
            let handles = viewer.fetches.len() + viewer.wishes.len() + viewer.store.under_hash();
            span.looks += 1;
            span.engine += engine;
            span.account += account;
            span.engine_max = span.engine_max.max(engine);
            span.store_bytes += viewer.store.bytes as f64;
            span.links += viewer.links.all.len() as f64;
            span.handles += handles as f64;
            span.events_per_s += f64::from(viewer.said - *said) / EVERY.as_secs_f64();
            span.tracker += tracker;
            *said = viewer.said;
        }
    }

    /// The means, span by span.
    pub(super) fn held(&self) -> Vec<Held> {
        let spans = self.spans.iter().enumerate();
        spans
            .map(|(index, sum)| {
                let each = |of: f64| of / (sum.looks.max(1)) as f64;
                Held {
                    from_h: self.span.as_secs_f64() * index as f64 / 3_600.0,
                    looks: sum.looks,
                    engine: each(sum.engine),
                    account: each(sum.account),
                    engine_max: sum.engine_max,
                    store_bytes: each(sum.store_bytes),
                    links: each(sum.links),
                    handles: each(sum.handles),
                    events_per_s: each(sum.events_per_s),
                    tracker: each(sum.tracker),
                }
            })
            .collect()
    }
}

/// How much more is held in the last quarter of a run than in the first one that is warm, of what grew most; accounts
/// have their bound, and the tracker's part that is nobody's weighs more the fewer are here. Links, handles and events are small numbers that follow who is there: they count from one up.
pub(super) fn growth(held: &[Held]) -> f64 {
    let quarter = held.len() / 4;
    let warm = held
        .iter()
        .position(|it| it.from_h + 1e-9 >= WARM.as_secs_f64() / 3_600.0)
        .unwrap_or(quarter)
        .min(quarter);
    // The end of the run begins a span of its own, with one look or none.
    let whole = held.len().min(usize::try_from(SPANS).unwrap_or(0));
    let (before, after) = (&held[warm..warm + quarter], &held[whole - quarter..whole]);
    let mean = |spans: &[Held], of: fn(&Held) -> f64| {
        spans.iter().map(of).sum::<f64>() / spans.len().max(1) as f64
    };
    let large: [fn(&Held) -> f64; 3] = [|it| it.engine, |it| it.engine_max, |it| it.store_bytes];
    let small: [fn(&Held) -> f64; 3] = [|it| it.links, |it| it.handles, |it| it.events_per_s];
    let large = large.map(|of| mean(after, of) / mean(before, of).max(1.0) - 1.0);
    let small = small.map(|of| (mean(after, of) + 1.0) / (mean(before, of) + 1.0) - 1.0);
    large.into_iter().chain(small).fold(f64::MIN, f64::max)
}

/// The length of what `thing` writes of itself, a run of digits counted as one letter.
fn letters(thing: &impl fmt::Debug) -> f64 {
    let mut counter = Letters::default();
    // Counting never fails.
    let _ = write!(counter, "{thing:?}");
    counter.count as f64
}

#[derive(Default)]
struct Letters {
    count: u64,
    in_number: bool,
}

impl Write for Letters {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            let is_digit = byte.is_ascii_digit();
            self.count += u64::from(!(is_digit && self.in_number));
            self.in_number = is_digit;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_numbers_are_no_growth_and_more_of_them_are() {
        assert_eq!(letters(&[1, 2]), letters(&[1_000_000, 23]));
        assert!(letters(&[1, 2, 3]) > letters(&[1, 2]));
    }

    #[test]
    fn what_grows_by_a_hundredth_an_hour_is_seen_and_what_is_flat_is_not() {
        let run = |slope: f64| -> Vec<Held> {
            let each = |index: u32| Held {
                from_h: f64::from(index) / 2.0,
                engine: 1e5 * (1.0 + slope * f64::from(index) / 2.0),
                ..Held::default()
            };
            (0..24).map(each).collect()
        };
        assert!(growth(&run(0.0)).abs() < 1e-9);
        assert!(growth(&run(0.01)) > 0.05);
        // What is held less and less did not grow.
        assert!(growth(&run(-0.01)) <= 0.0);
    }
}
