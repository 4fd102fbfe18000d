//! How much time there is: slack from what the player has buffered ahead.
//!
//! Invariant: never more slack than the player's buffer really gives. Decides nothing about sources.

use crate::base::{Duration, Instant};

/// What the player last told of its buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Playback {
    at: Instant,
    ahead: Duration,
}

impl Playback {
    pub(super) const fn new() -> Self {
        Self {
            at: Instant::ZERO,
            ahead: Duration::ZERO,
        }
    }

    /// Takes the player's word. A paused player is treated as one that plays on in a moment.
    pub(super) fn update(&mut self, now: Instant, ahead_ms: f64, rate: f64) {
        let rate = if rate.is_finite() {
            rate.abs().clamp(0.25, 16.0)
        } else {
            1.0
        };
        let seconds = if ahead_ms.is_finite() {
            ahead_ms.max(0.0) / 1e3 / rate
        } else {
            0.0
        };
        self.at = now;
        self.ahead = Duration::from_secs_f64(seconds.min(86_400.0));
    }

    /// When the buffer runs dry: a segment that continues it must be here by then.
    pub(super) fn deadline(&self) -> Instant {
        self.at + self.ahead
    }

    /// Time left until the deadline.
    pub(super) fn slack(&self, now: Instant) -> Duration {
        self.deadline().since(now)
    }
}
