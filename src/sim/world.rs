//! The world: all viewers and the tracker, a page of time after the other.
//!
//! A page is as long as the shortest way from one viewer to another. What happens to a viewer on a page
//! was said before it began, or by itself: so viewers are taken one after the other, each with all that
//! happens to it, and finds its memory in the processor's cache; and crowds of them on several cores.
//! The tracker is half as far: it lives half a page ahead.
//!
//! Invariant: equal scenarios and seeds give equal runs, event by event, however many crowds there are;
//! the trace's hash says so.

use super::census::Census;
use super::crowd::{Crowd, Stage};
use super::hearsay::Hearsay;
use super::hours::Hours;
use super::office::Office;
use super::origin::Origin;
use super::scenario::Scenario;
use super::tally::Tally;
use super::trace::{Sink, Trace};
use super::viewer::Viewer;
use crate::base::{Duration, Instant, Rng};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// Everything.
pub(super) struct World<'a> {
    pub(super) now: Instant,
    pub(super) stage: Arc<Stage>,
    pub(super) crowds: Vec<Crowd>,
    office: Office,
    pub(super) census: Census,
    pub(super) hearsay: Hearsay,
    pub(super) hours: Hours,
    sink: Option<Sink<'a>>,
    width: u64,
}

/// A crowd that lives through a page, as far as a moment, elsewhere.
type Work = (Crowd, u64, Instant);

impl<'a> World<'a> {
    /// A world in which nothing has happened. Without engines it is the control: the same viewers with
    /// players alone.
    pub(super) fn new(
        scenario: &Scenario,
        seed: u64,
        with_engines: bool,
        crowds: usize,
        sink: Option<Sink<'a>>,
    ) -> Self {
        let mut rng = Rng::new(seed);
        let viewers = Viewer::all(scenario, &mut rng.fork());
        let latencies: Vec<Duration> = viewers.iter().map(|viewer| viewer.latency).collect();
        let nearest = latencies.iter().min().copied().unwrap_or_default();
        let width = nearest * 2;
        let seed = u64::from(rng.next_u32());
        let stage = Arc::new(Stage {
            origin: Origin::new(scenario),
            faults: scenario.fault.clone(),
            nats: viewers.iter().map(|viewer| viewer.kind.nat).collect(),
            latencies,
            with_engines,
            is_read: sink.is_some(),
        });
        // What leaves a CDN of limited egress is in one line.
        let crowds = if scenario.cdn.total_mbit_s.is_some() {
            1
        } else {
            crowds
        };
        let mut lists: Vec<Vec<Viewer>> = (0..crowds).map(|_| Vec::new()).collect();
        for (index, viewer) in viewers.into_iter().enumerate() {
            lists[index % crowds].push(viewer);
        }
        let lists = lists.into_iter().enumerate();
        Self {
            now: Instant::ZERO,
            office: Office::new(seed, &stage.latencies, &stage.faults),
            crowds: lists
                .map(|(first, list)| Crowd::new(&stage, list, (first, crowds), width))
                .collect(),
            stage,
            census: Census::default(),
            hearsay: Hearsay::default(),
            hours: match scenario.floor.growth {
                Some(_) => Hours::of(scenario.seconds),
                None => Hours::default(),
            },
            sink,
            width: u64::try_from(width.as_micros()).unwrap_or(u64::MAX),
        }
    }

    /// Lets everything happen up to `end`.
    pub(super) fn run_until(&mut self, end: Instant) {
        thread::scope(|scope| {
            let elsewhere = self.crowds.len().saturating_sub(1);
            let helpers: Vec<(Sender<Work>, Receiver<Crowd>)> = (0..elsewhere)
                .map(|_| {
                    let (give, work) = channel::<Work>();
                    let (done, take) = channel();
                    scope.spawn(move || {
                        for (mut crowd, page, end) in work {
                            crowd.live(page, end);
                            if done.send(crowd).is_err() {
                                return;
                            }
                        }
                    });
                    (give, take)
                })
                .collect();
            while let Some(page) = self.next_page().filter(|page| self.start_of(*page) <= end) {
                self.look_around(self.start_of(page));
                self.office
                    .live(Instant(self.start_of(page).0 + half(self.width)));
                self.deliver();
                self.live(page, end, &helpers);
                self.deliver();
                self.read_along();
                // What is left of it happens after `end`.
                if self.start_of(page + 1) > end {
                    break;
                }
            }
        });
        self.now = end;
        self.crowds.iter_mut().for_each(|crowd| crowd.finish(end));
    }

    fn look_around(&mut self, now: Instant) {
        if self.stage.with_engines && self.census.is_due(now) {
            let viewers: Vec<&Viewer> = viewers(&self.crowds).collect();
            self.census.count(&viewers, now);
            self.hearsay.look(&viewers, now);
            if self.hours.is_due(now) {
                self.hours.look(&viewers, self.office.tracker(), now);
            }
        }
    }

    fn start_of(&self, page: u64) -> Instant {
        Instant(page.saturating_mul(self.width))
    }

    /// The next page on which anything can happen: to a viewer, or because of the tracker half a page on.
    fn next_page(&self) -> Option<u64> {
        let viewers = self.crowds.iter().filter_map(|crowd| crowd.first_page());
        let tracker = self.office.next();
        let tracker = tracker.map(|at| page_read(at, self.width));
        viewers.chain(tracker).min()
    }

    /// All crowds live through a page, the first one here.
    fn live(&mut self, page: u64, end: Instant, helpers: &[(Sender<Work>, Receiver<Crowd>)]) {
        let mut given = 0;
        for (give, _) in helpers {
            if let Some(crowd) = self.crowds.pop() {
                // A helper is gone only if it panicked, and then so does the scope.
                given += usize::from(give.send((crowd, page, end)).is_ok());
            }
        }
        for crowd in &mut self.crowds {
            crowd.live(page, end);
        }
        let back = helpers.iter().take(given).map(|(_, take)| take.recv());
        let back: Vec<Crowd> = back.flatten().collect();
        self.crowds.extend(back.into_iter().rev());
    }

    /// Hands over what crowds and the tracker have for each other.
    fn deliver(&mut self) {
        let mut entries = core::mem::take(&mut self.office.out);
        for crowd in &mut self.crowds {
            entries.append(&mut crowd.abroad);
            for (at, number, letter) in crowd.letters.drain(..) {
                self.office.take(at, number, letter);
            }
        }
        let crowds = self.crowds.len();
        for entry in entries {
            self.crowds[entry.to as usize % crowds].take(entry);
        }
    }

    /// Gives what engines told of to who reads it, in order of time.
    fn read_along(&mut self) {
        let Some(sink) = &mut self.sink else {
            return;
        };
        let mut lines: Vec<(Instant, usize, String)> = Vec::new();
        for crowd in &mut self.crowds {
            lines.append(&mut crowd.lines);
        }
        lines.sort_by_key(|(at, viewer, _)| (*at, *viewer));
        lines.iter().for_each(|(_, _, line)| sink(line));
    }

    /// All viewers, in the order in which they came.
    pub(super) fn viewers(&self) -> impl Iterator<Item = &Viewer> {
        viewers(&self.crowds)
    }

    /// What all of them come to.
    pub(super) fn tally(&self) -> Tally {
        let mut tally = Tally::new(self.stage.origin.titles().count());
        self.crowds.iter().for_each(|crowd| tally.add(&crowd.tally));
        tally.tracker_messages += self.office.messages;
        tally
    }

    /// The hash of all that happened.
    pub(super) fn trace(&self) -> u64 {
        let mut trace = Trace::default();
        self.viewers()
            .for_each(|viewer| trace.mix(viewer.trace.hash()));
        trace.hash()
    }
}

/// How far the tracker is ahead of the viewers.
const fn half(width: u64) -> u64 {
    width / 2
}

/// The page on which the tracker reads what reaches it at `at`: before the middle of a page, that one.
const fn page_read(at: Instant, width: u64) -> u64 {
    (at.0 + width - half(width)) / width
}

/// All viewers, in the order in which they came.
fn viewers(crowds: &[Crowd]) -> impl Iterator<Item = &Viewer> {
    let count: usize = crowds.iter().map(|crowd| crowd.viewers.len()).sum();
    (0..count).map(|viewer| &crowds[viewer % crowds.len()].viewers[viewer])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Else a letter would call for a page for ever, and never be read on it.
    #[test]
    fn the_tracker_reads_each_letter_on_the_page_that_it_calls_for() {
        for width in [20, 21] {
            for at in 0..200 {
                let page = page_read(Instant(at), width);
                assert!(at < page * width + half(width), "{at} of {width}");
                assert!(at + width >= page * width + half(width), "{at} of {width}");
            }
        }
    }
}
