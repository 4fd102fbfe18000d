//! The buffer behind an uplink that no engine sees: what a connection has sent, and the line has not yet. SCTP fills it
//! as TCP does, since only loss slows it down; whoever shares the line waits behind it.
//!
//! Invariant: one queue, first in, first out; it takes nothing from a channel while it is full. Losses, and how a
//! window grows to fill it, are left out: what is offered is there at once, which is the worst case.

use super::figures::Spread;
use super::link::Pipe;
use crate::base::{Duration, Instant};

/// How finely delays are told apart.
const STEP: Duration = Duration::from_millis(10);
/// What is longer counts as this long.
const STEPS: usize = 200;

/// One viewer's.
#[derive(Clone, Debug)]
pub(super) struct Modem {
    depth: Duration,
    /// What came last has left by then.
    empty_at: Instant,
    /// Up to when delays were counted.
    seen_at: Option<Instant>,
    pub(super) waits: Waits,
}

/// For how long a packet that came would have waited how long, µs by steps.
#[derive(Clone, Debug, Default)]
pub(super) struct Waits(Vec<u64>);

impl Modem {
    pub(super) fn new(depth: Duration) -> Self {
        Self {
            depth,
            empty_at: Instant::ZERO,
            seen_at: None,
            waits: Waits::default(),
        }
    }

    /// How long a packet waits that comes now: of whoever uses the line.
    pub(super) fn delay(&self, now: Instant) -> Duration {
        self.empty_at.since(now)
    }

    /// When it takes more from a channel.
    pub(super) fn has_room_at(&self, now: Instant) -> Instant {
        now.max(self.empty_at - self.depth)
    }

    /// Takes `bytes` now; when their first and last bits leave.
    pub(super) fn take(&mut self, now: Instant, bytes: u64, line: &Pipe) -> (Instant, Instant) {
        self.look(now);
        let first = self.empty_at.max(now);
        self.empty_at = first + line.span(bytes);
        (first, self.empty_at)
    }

    /// Counts the delays since it was looked at last.
    pub(super) fn look(&mut self, now: Instant) {
        let mut at = self.seen_at.replace(now).unwrap_or(now);
        while at < now {
            let delay = self.delay(at);
            let step = usize::try_from(delay.as_micros() / STEP.as_micros()).unwrap_or(STEPS);
            let below = STEP * u32::try_from(step).unwrap_or(0);
            // Each moment that passes is one less to wait, as far as the next step down.
            let span = match step {
                0 => now.since(at),
                _ => (delay - below + Duration::from_micros(1)).min(now.since(at)),
            };
            self.waits.add(step, span);
            at = at + span;
        }
    }
}

impl Waits {
    fn add(&mut self, step: usize, span: Duration) {
        self.0.resize(STEPS + 1, 0);
        self.0[step.min(STEPS)] += u64::try_from(span.as_micros()).unwrap_or(0);
    }

    pub(super) fn join(&mut self, other: &Self) {
        for (step, micros) in other.0.iter().enumerate() {
            self.add(step, Duration::from_micros(*micros));
        }
    }

    /// Seconds of waiting, over all the time.
    pub(super) fn spread(&self) -> Spread {
        let all: u64 = self.0.iter().sum();
        let seconds = |step: usize| step as f64 * STEP.as_secs_f64();
        let at = |percent: u64| {
            let mut left = all * percent / 100;
            let found = self.0.iter().position(|micros| {
                let is_here = *micros > left;
                left = left.saturating_sub(*micros);
                is_here
            });
            found.map_or(0.0, seconds)
        };
        let steps = self.0.iter().enumerate();
        let sum: f64 = steps
            .map(|(step, micros)| seconds(step) * *micros as f64)
            .sum();
        Spread {
            mean: sum / all.max(1) as f64,
            p50: at(50),
            p95: at(95),
            p99: at(99),
            max: self
                .0
                .iter()
                .rposition(|micros| *micros > 0)
                .map_or(0.0, seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_what_fits_and_counts_how_long_others_wait() {
        let line = Pipe::new(8.0 * 1.08);
        let mut modem = Modem::new(Duration::from_millis(500));
        let start = Instant::from_millis(10);
        let (first, last) = modem.take(start, 800_000, &line);
        assert_eq!((first, last), (start, start + Duration::from_millis(800)));
        let room = start + Duration::from_millis(300);
        assert_eq!(modem.has_room_at(start), room);
        assert_eq!(modem.has_room_at(last), last);
        modem.look(start + Duration::from_millis(1_600));
        let waits = modem.waits.spread();
        // Half of the time nobody waited, then evenly up to 800 ms.
        assert!((0.19..=0.21).contains(&waits.mean), "{waits:?}");
        assert!((0.71..=0.73).contains(&waits.p95), "{waits:?}");
        assert!((0.79..=0.81).contains(&waits.max), "{waits:?}");
    }
}
