//! How much time there is: slack from what the player has buffered ahead, and when the CDN must be asked.
//!
//! Invariant: never more slack than the player's buffer really gives, less what timers are late by.
//! Decides nothing about sources.

use super::Input;
use super::config::playback::{
    COMFORT, LATE_MAX, MARGIN_MIN, MARGIN_PERCENT, PACE_PERCENT, RESERVE_MAX, RESERVE_PART,
};
use super::config::pulse::LATE;
use crate::base::{Duration, Instant};

/// What the player last told of its buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Playback {
    at: Instant,
    ahead: Duration,
    /// How late the shell's timers have been lately.
    late: Duration,
    is_moving: bool,
}

impl Playback {
    pub(super) const fn new() -> Self {
        Self {
            at: Instant::ZERO,
            ahead: Duration::ZERO,
            late: Duration::ZERO,
            is_moving: false,
        }
    }

    /// Takes the player's word, if it is one.
    pub(super) fn hear(&mut self, now: Instant, input: &Input) {
        if let Input::Playback {
            ahead_ms,
            rate,
            moving,
        } = *input
        {
            self.update(now, ahead_ms, rate, moving);
        }
    }

    /// What a paused player asks for is treated as if it played on in a moment. One that holds its playhead by a
    /// rate of 0 waits for bytes (Shaka with a `rebufferingGoal`): nothing that it has buffered is time.
    fn update(&mut self, now: Instant, ahead_ms: f64, rate: f64, is_moving: bool) {
        let holds = rate.abs() < f64::EPSILON;
        let rate = if rate.is_finite() {
            rate.abs().clamp(0.25, 16.0)
        } else {
            1.0
        };
        let seconds = if ahead_ms.is_finite() && !holds {
            ahead_ms.max(0.0) / 1e3 / rate
        } else {
            0.0
        };
        self.at = now;
        self.is_moving = is_moving;
        self.ahead = crate::base::seconds(seconds.min(86_400.0));
    }

    /// The player plays, as far as it has said.
    pub(super) const fn is_moving(&self) -> bool {
        self.is_moving
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

    /// Timers come as late as a hidden tab's.
    pub(super) fn is_late(&self) -> bool {
        self.late > LATE
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

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const NONE: Duration = Duration::ZERO;

    /// A player with ten seconds ahead, and when the CDN's turn is.
    fn turn(playback: &mut Playback, cdn_time: Duration) -> Instant {
        playback.update(Instant::ZERO, 10_000.0, 1.0, true);
        playback.latest(Instant::ZERO, cdn_time, None)
    }

    #[test]
    fn late_timers_bring_the_turn_of_the_cdn_forward_by_as_much_and_are_forgotten() {
        let mut playback = Playback::new();
        let punctual = turn(&mut playback, NONE);
        playback.note_timer(Duration::from_secs(1));
        let hidden = turn(&mut playback, NONE);
        assert_eq!(punctual.since(hidden), Duration::from_secs(1));
        playback.note_timer(Duration::from_secs(60));
        let slept = turn(&mut playback, NONE);
        assert_eq!(punctual.since(slept), LATE_MAX, "a page that slept");
        for _ in 0..60 {
            playback.note_timer(NONE);
        }
        let shown = turn(&mut playback, NONE);
        assert!(punctual.since(shown) < Duration::from_millis(2));
    }

    #[test]
    fn a_player_that_holds_its_playhead_has_no_time() {
        let mut playback = Playback::new();
        playback.update(Instant::ZERO, 10_000.0, 1.0, true);
        assert_eq!(playback.slack(Instant::ZERO), Duration::from_secs(10));
        playback.update(Instant::ZERO, 10_000.0, 0.0, true);
        assert_eq!(playback.slack(Instant::ZERO), Duration::ZERO);
    }

    #[test]
    fn a_slow_cdn_is_asked_by_so_much_earlier() {
        let mut playback = Playback::new();
        let fast = turn(&mut playback, Duration::from_millis(100));
        let slow = turn(&mut playback, Duration::from_secs(4));
        assert_eq!(fast, Instant::from_millis(8_000), "two seconds are kept");
        assert_eq!(slow, Instant::from_millis(4_000), "half as much again");
    }
}
