//! A model player, after hls.js: what it asks for next, how much it holds, when it waits.
//!
//! Invariant: it knows nothing of peers; with an engine and without it follows the same rules. The
//! playhead is computed, never stepped: a stall is found when the segment that ends it arrives.
//!
//! Sources: hls.js 1.6's defaults (one fragment at a time, 3 segments behind a live edge, playlists
//! again after a target duration or half of one, two averages of bandwidth of which the lower counts).

use crate::base::{Duration, Instant};

/// Segments a live player starts behind the end (`liveSyncDurationCount`).
const LIVE_SYNC: u64 = 3;
/// Shorter waits nobody sees: a frame at 25 a second.
const FRAME_S: f64 = 0.04;
/// What hls.js believes of the bandwidth before it has measured, bit/s.
const DEFAULT_ESTIMATE: f64 = 500_000.0;
/// `abrEwmaDefaultEstimate`'s companion: a first byte is expected after so long.
const DEFAULT_WAIT_S: f64 = 0.1;
/// `abrBandWidthFactor` and `abrBandWidthUpFactor`.
const STAY: f64 = 0.95;
const RISE: f64 = 0.7;

/// What the player does next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    /// Ask for the playlist of a rendition.
    Refresh(usize),
    /// Ask for a segment.
    Load {
        level: usize,
        number: u64,
        /// The buffer is empty: after the start or a seek.
        first: bool,
    },
    /// Look again then.
    Wait(Instant),
    /// Nothing before something arrives.
    Idle,
    /// The film is at its end then.
    End(Instant),
}

/// What the player is shown.
#[derive(Clone, Debug)]
pub(super) struct Show {
    pub(super) live: bool,
    pub(super) segment_s: f64,
    pub(super) buffer_s: f64,
    /// bit/s, ascending.
    pub(super) rates: Vec<f64>,
}

/// What a viewer lived through.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Watched {
    /// Seconds from joining to the first frame.
    pub(super) startup_s: Option<f64>,
    pub(super) stalls: u32,
    pub(super) stall_s: f64,
    /// Seconds played.
    pub(super) played_s: f64,
    /// Times it lost the live window.
    pub(super) jumps: u32,
    /// Sums over the moments at which a segment was asked for.
    pub(super) ahead_s: f64,
    pub(super) asked: u32,
    /// Sum over segments of seconds behind the live edge.
    pub(super) behind_s: f64,
    /// Segments appended, by rendition.
    pub(super) levels: Vec<u32>,
    /// Changes of rendition.
    pub(super) switches: u32,
}

/// The player.
#[derive(Debug)]
pub(super) struct Player {
    show: Show,
    born: Instant,
    level: usize,
    next: Option<u64>,
    /// First and last number listed, by rendition, and when it was listed.
    known: Vec<Option<(u64, u64)>>,
    refresh_at: Instant,
    refreshing: Option<Instant>,
    loading: bool,
    retry_at: Instant,
    starting: bool,
    /// Media seconds: the playhead at `at`, and the end of the buffer.
    position_s: f64,
    end_s: f64,
    at: Instant,
    moving: bool,
    bandwidth: Bandwidth,
    pub(super) watched: Watched,
}

impl Player {
    pub(super) fn new(show: Show, now: Instant) -> Self {
        let levels = show.rates.len();
        Self {
            show,
            born: now,
            level: 0,
            next: None,
            known: vec![None; levels],
            refresh_at: now,
            refreshing: None,
            loading: false,
            retry_at: now,
            starting: true,
            position_s: 0.0,
            end_s: 0.0,
            at: now,
            moving: false,
            bandwidth: Bandwidth::default(),
            watched: Watched {
                levels: vec![0; levels],
                ..Watched::default()
            },
        }
    }

    /// Media seconds buffered ahead of the playhead.
    pub(super) fn ahead_s(&self, now: Instant) -> f64 {
        let played = if self.moving {
            now.since(self.at).as_secs_f64()
        } else {
            0.0
        };
        (self.end_s - self.position_s - played).max(0.0)
    }

    pub(super) const fn is_moving(&self) -> bool {
        self.moving
    }

    /// What to do now. Ask again after each thing done.
    pub(super) fn step(&mut self, now: Instant) -> Step {
        if self.refreshing.is_some() {
            return Step::Idle;
        }
        let Some(listed) = self.known[self.level] else {
            return self.refresh(now, self.level);
        };
        if self.show.live && self.refresh_at <= now {
            return self.refresh(now, self.level);
        }
        let again = if self.show.live {
            Step::Wait(self.refresh_at)
        } else {
            Step::Idle
        };
        if self.loading {
            return again;
        }
        let (first, last) = listed;
        let sync = last.saturating_sub(LIVE_SYNC - 1).max(first);
        let mut number = self
            .next
            .unwrap_or(if self.show.live { sync } else { first });
        if self.show.live && number < first {
            number = sync;
            self.watched.jumps += 1;
            self.starting = true;
        }
        self.next = Some(number);
        if number > last {
            let dry = now + Duration::from_secs_f64(self.ahead_s(now));
            return if self.show.live {
                again
            } else {
                Step::End(dry)
            };
        }
        let full = (self.ahead_s(now) - self.show.buffer_s).max(0.0);
        let at = self.retry_at.max(now + Duration::from_secs_f64(full));
        if at > now {
            let at = at.max(now + Duration::from_millis(1));
            return Step::Wait(if self.show.live {
                at.min(self.refresh_at)
            } else {
                at
            });
        }
        self.load(now, number)
    }

    fn load(&mut self, now: Instant, number: u64) -> Step {
        let level = self.bandwidth.level(&self.show.rates, self.level);
        let listed =
            self.known[level].is_some_and(|(first, last)| (first..=last).contains(&number));
        if level != self.level {
            self.watched.switches += 1;
            self.level = level;
        }
        if !listed {
            return self.refresh(now, level);
        }
        self.loading = true;
        self.watched.asked += 1;
        self.watched.ahead_s += self.ahead_s(now);
        Step::Load {
            level,
            number,
            first: self.starting,
        }
    }

    fn refresh(&mut self, now: Instant, level: usize) -> Step {
        self.refreshing = Some(now);
        Step::Refresh(level)
    }

    /// A playlist of `level` is here: numbers `first..=last`.
    pub(super) fn on_playlist(&mut self, now: Instant, level: usize, first: u64, last: u64) {
        let asked = self.refreshing.take().unwrap_or(now);
        let changed = self.known[level] != Some((first, last));
        self.known[level] = Some((first, last));
        let target = Duration::from_secs_f64(self.show.segment_s);
        let pause = if changed { target } else { target / 2 };
        self.refresh_at = (asked + pause).max(now + Duration::from_millis(1));
    }

    /// The playlist did not come: again in a second.
    pub(super) fn on_no_playlist(&mut self, now: Instant) -> Instant {
        self.refreshing = None;
        self.refresh_at = now + Duration::from_secs(1);
        self.refresh_at
    }

    /// The segment asked for is in the buffer.
    pub(super) fn on_appended(&mut self, now: Instant, level: usize, number: u64, edge_s: f64) {
        self.loading = false;
        self.settle(now);
        let starts = number as f64 * self.show.segment_s;
        if self.starting {
            self.starting = false;
            self.position_s = starts;
            self.watched
                .startup_s
                .get_or_insert(now.since(self.born).as_secs_f64());
        }
        self.moving = true;
        self.end_s = starts + self.show.segment_s;
        self.next = Some(number + 1);
        self.watched.levels[level] += 1;
        if self.show.live {
            self.watched.behind_s += edge_s - self.position_s;
        }
    }

    /// The segment did not come; it is asked for again in a second (`errorRetry`'s first delay).
    pub(super) fn on_failed(&mut self, now: Instant) {
        self.loading = false;
        self.retry_at = now + Duration::from_secs(1);
    }

    /// What a load took: to its first byte, and from there to its last. Of the wait an estimate of it is
    /// left out, as hls.js does.
    pub(super) fn on_sample(&mut self, bytes: u64, (wait_s, transfer_s): (f64, f64)) {
        let seconds = transfer_s + (wait_s - DEFAULT_WAIT_S).max(0.0);
        self.bandwidth.add(bytes as f64 * 8.0, seconds);
    }

    /// Jumps to segment `number`. Whether that is outside the buffer.
    pub(super) fn seek(&mut self, now: Instant, number: u64) -> bool {
        self.settle(now);
        let to = number as f64 * self.show.segment_s;
        if (self.position_s..self.end_s).contains(&to) {
            self.position_s = to;
            return false;
        }
        (self.position_s, self.end_s) = (to, to);
        self.next = Some(number);
        self.loading = false;
        self.starting = true;
        self.moving = false;
        true
    }

    /// Moves the playhead to `now`; what it waited since the buffer ran dry is a stall.
    pub(super) fn settle(&mut self, now: Instant) {
        let elapsed = now.since(self.at).as_secs_f64();
        self.at = now;
        if !self.moving {
            return;
        }
        let left = self.end_s - self.position_s;
        let played = elapsed.min(left);
        self.watched.played_s += played;
        self.position_s += played;
        let waited = elapsed - played;
        if waited > FRAME_S {
            self.watched.stall_s += waited;
            self.watched.stalls += 1;
        }
    }

    /// The viewer leaves or the run ends. A film that was watched to its end does not stall there.
    pub(super) fn finish(&mut self, now: Instant, at_end: bool) {
        let (stalls, stall_s) = (self.watched.stalls, self.watched.stall_s);
        self.settle(now);
        if at_end {
            (self.watched.stalls, self.watched.stall_s) = (stalls, stall_s);
        }
    }
}

/// Two averages of bandwidth, weighted by time (hls.js's `EwmaBandWidthEstimator`).
#[derive(Clone, Copy, Debug)]
struct Bandwidth {
    fast: Average,
    slow: Average,
}

#[derive(Clone, Copy, Debug)]
struct Average {
    half_life_s: f64,
    sum: f64,
    weight_s: f64,
}

impl Average {
    const fn new(half_life_s: f64) -> Self {
        Self {
            half_life_s,
            sum: 0.0,
            weight_s: 0.0,
        }
    }

    fn kept(&self, seconds: f64) -> f64 {
        0.5_f64.powf(seconds / self.half_life_s)
    }

    fn add(&mut self, value: f64, seconds: f64) {
        let kept = self.kept(seconds);
        self.sum = self.sum * kept + value * (1.0 - kept);
        self.weight_s += seconds;
    }

    fn value(&self) -> Option<f64> {
        (self.weight_s > 0.0).then(|| self.sum / (1.0 - self.kept(self.weight_s)))
    }
}

impl Default for Bandwidth {
    fn default() -> Self {
        Self {
            fast: Average::new(3.0),
            slow: Average::new(9.0),
        }
    }
}

impl Bandwidth {
    fn add(&mut self, bits: f64, seconds: f64) {
        let seconds = seconds.max(0.05);
        self.fast.add(bits / seconds, seconds);
        self.slow.add(bits / seconds, seconds);
    }

    fn estimate(&self) -> f64 {
        match (self.fast.value(), self.slow.value()) {
            (Some(fast), Some(slow)) => fast.min(slow),
            _ => DEFAULT_ESTIMATE,
        }
    }

    /// The highest rendition the estimate carries, with a margin that is wider on the way up.
    fn level(&self, rates: &[f64], current: usize) -> usize {
        let estimate = self.estimate();
        let carried = |(level, rate): &(usize, &f64)| {
            let factor = if *level > current { RISE } else { STAY };
            **rate <= estimate * factor
        };
        rates
            .iter()
            .enumerate()
            .rev()
            .find(carried)
            .map_or(0, |(level, _)| level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn player(live: bool) -> Player {
        let show = Show {
            live,
            segment_s: 4.0,
            buffer_s: 30.0,
            rates: vec![400e3, 1_300e3, 4_000e3],
        };
        Player::new(show, Instant::ZERO)
    }

    fn at(seconds: f64) -> Instant {
        Instant::ZERO + Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_film_is_read_ahead_and_then_as_it_plays() {
        let mut player = player(false);
        assert_eq!(player.step(at(0.0)), Step::Refresh(0));
        player.on_playlist(at(0.1), 0, 0, 149);
        for number in 0..8 {
            let step = player.step(at(0.2));
            assert_eq!(
                step,
                Step::Load {
                    level: 0,
                    number,
                    first: number == 0
                }
            );
            player.on_appended(at(0.2), 0, number, 0.0);
        }
        assert_eq!(player.step(at(0.2)), Step::Wait(at(2.2)));
        assert!(matches!(player.step(at(2.2)), Step::Load { number: 8, .. }));
        assert_eq!(player.watched.stalls, 0);
    }

    #[test]
    fn what_is_waited_for_after_the_buffer_is_a_stall() {
        let mut player = player(false);
        player.step(at(0.0));
        player.on_playlist(at(0.0), 0, 0, 149);
        player.step(at(0.0));
        player.on_appended(at(0.5), 0, 0, 0.0);
        player.step(at(0.5));
        player.on_appended(at(6.0), 0, 1, 0.0);
        assert_eq!(player.watched.startup_s, Some(0.5));
        assert_eq!((player.watched.stalls, player.watched.stall_s), (1, 1.5));
        player.finish(at(11.0), false);
        assert_eq!(player.watched.stall_s, 2.5);
    }

    #[test]
    fn a_live_player_starts_three_segments_behind_and_asks_again() {
        let mut player = player(true);
        player.step(at(0.0));
        player.on_playlist(at(0.0), 0, 994, 999);
        let first = Step::Load {
            level: 0,
            number: 997,
            first: true,
        };
        assert_eq!(player.step(at(0.0)), first);
        player.on_appended(at(0.2), 0, 997, 4_000.2);
        assert_eq!(player.watched.behind_s, 4_000.2 - 997.0 * 4.0);
        for number in 998..1_000 {
            player.step(at(0.2));
            player.on_appended(at(0.2), 0, number, 4_000.2);
        }
        assert_eq!(player.step(at(0.2)), Step::Wait(at(4.0)));
        assert_eq!(player.step(at(4.0)), Step::Refresh(0));
        player.on_playlist(at(4.1), 0, 994, 999);
        assert_eq!(
            player.step(at(4.1)),
            Step::Wait(at(6.0)),
            "unchanged: half the time"
        );
    }

    #[test]
    fn the_estimate_rises_with_a_wider_margin() {
        let mut bandwidth = Bandwidth::default();
        let rates = [400e3, 1_300e3, 4_000e3];
        assert_eq!(bandwidth.level(&rates, 0), 0);
        bandwidth.add(1_500e3 * 4.0, 4.0);
        assert_eq!(
            bandwidth.level(&rates, 0),
            0,
            "1.3 of 1.5 is too much to rise to"
        );
        assert_eq!(
            bandwidth.level(&rates, 1),
            1,
            "and little enough to stay at"
        );
    }
}
