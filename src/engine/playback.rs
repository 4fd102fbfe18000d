//! How much time there is: slack from what the player has buffered ahead, and when the CDN must be asked.
//!
//! Invariant: never more slack than the player's buffer really gives, less what timers are late by.
//! Decides nothing about sources.

use super::config::playback::{
    COMFORT, LATE_MAX, MARGIN_MIN, MARGIN_PERCENT, PACE_PERCENT, RESERVE_MAX, RESERVE_PART,
};
use crate::base::{Duration, Instant};

/// What the player last told of its buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Playback {
    at: Instant,
    ahead: Duration,
    /// How late the shell's timers have been lately.
    late: Duration,
}

impl Playback {
    pub(super) const fn new() -> Self {
        Self {
            at: Instant::ZERO,
            ahead: Duration::ZERO,
            late: Duration::ZERO,
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

    /// A timer that was to fire `late` ago has fired. A hidden tab's fire on whole seconds, a busy page's
    /// when it has time: the worst of them counts, and fades.
    pub(super) fn note_timer(&mut self, late: Duration) {
        self.late = (self.late * 7 / 8).max(late.min(LATE_MAX));
    }

    /// When the CDN, which needs `cdn_time` for what is left, must be asked at the latest for a segment
    /// that was wished for at `started`. Of a film (`pace` is the length of its segments) the buffer is
    /// to grow as well: the player alone would have it full in no time.
    pub(super) fn latest(
        &self,
        started: Instant,
        cdn_time: Duration,
        pace: Option<Duration>,
    ) -> Instant {
        let deadline = self.deadline().max(started);
        let slack = deadline.since(started);
        let margin = (cdn_time * MARGIN_PERCENT / 100).max(cdn_time + MARGIN_MIN);
        let reserve = (slack / RESERVE_PART).min(RESERVE_MAX);
        let dry = deadline - (margin.max(reserve) + self.late);
        pace.map_or(dry, |length| {
            let spare = slack.saturating_sub(COMFORT);
            dry.min(started + spare.max(length * PACE_PERCENT / 100))
        })
    }
}
