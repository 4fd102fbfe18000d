//! When segments begin: `SegmentTimeline` and `@duration` → runs of equal steps → slots in a window of time.
//! Numbers only, so that a refresh of thousands of segments costs little; URLs are made from slots.
//!
//! Invariant: slots come in strictly rising time, and no attribute makes more than [`SLOTS_MAX`] of them.

use super::super::element::Element;
use super::Reason;
use super::attributes::uint;

/// Segments of one representation: eleven hours of two seconds.
pub(super) const SLOTS_MAX: u64 = 20_000;

/// Where one segment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// Media time of its start, in the timescale.
    pub(super) time: u64,
    /// In the timescale.
    pub(super) duration: u64,
    /// How many segments come before it: its `$Number$` is `startNumber` more.
    pub(super) index: u64,
}

/// Segments of equal duration, one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) time: u64,
    pub(super) duration: u64,
    /// `None`: on and on.
    pub(super) count: Option<u64>,
    pub(super) index: u64,
    /// The MPD names each of them; else a rule does, and a live one goes by the clock.
    pub(super) is_listed: bool,
}

impl Run {
    fn last_time(&self) -> u64 {
        let steps = self.count.unwrap_or(1).saturating_sub(1);
        self.time
            .saturating_add(steps.saturating_mul(self.duration))
    }
}

/// Reads a `SegmentTimeline`; `end` is the media time at which the period ends, if it is known.
///
/// # Errors
/// When times do not rise, or a repetition has no end that can be told.
pub(super) fn read_timeline(timeline: &Element, end: Option<u64>) -> Result<Vec<Run>, Reason> {
    const LATE: Reason = "its SegmentTimeline has times beyond 64 bits";
    let mut runs: Vec<Run> = Vec::new();
    let (mut next_time, mut index) = (0_u64, 0_u64);
    let mut lines = timeline.children_named("S").peekable();
    while let Some(line) = lines.next() {
        let time = uint(line.attribute("t"))?.unwrap_or(next_time);
        let duration = uint(line.attribute("d"))?.filter(|d| *d > 0);
        let duration = duration.ok_or("its SegmentTimeline has a segment without duration")?;
        if uint(line.attribute("k"))?.is_some_and(|parts| parts > 1) {
            return Err("its SegmentTimeline has segment sequences");
        }
        if runs.last().is_some_and(|before| time <= before.last_time()) {
            return Err("its SegmentTimeline goes back");
        }
        let repeat = line.attribute("r").unwrap_or("0").trim();
        let is_open = repeat.starts_with('-');
        let count = if is_open {
            let until = match lines.peek() {
                Some(next) => Some(uint(next.attribute("t"))?.ok_or("a repetition has no end")?),
                None => end,
            };
            until.map(|until| until.saturating_sub(time).div_ceil(duration))
        } else {
            Some(
                uint(Some(repeat))?
                    .unwrap_or(0)
                    .checked_add(1)
                    .ok_or(LATE)?,
            )
        };
        let run = Run {
            time,
            duration,
            count,
            index,
            is_listed: !is_open || lines.peek().is_some(),
        };
        if count == Some(0) {
            continue;
        }
        let length = count.unwrap_or(1).checked_mul(duration).ok_or(LATE)?;
        next_time = time.checked_add(length).ok_or(LATE)?;
        index = index.checked_add(count.unwrap_or(1)).ok_or(LATE)?;
        runs.push(run);
    }
    Ok(runs)
}

/// Media times from and to, of what a live stream has now.
pub(super) type Window = Option<(u64, u64)>;

/// The slots of runs. What goes by the clock is laid out inside `window`. Of too many the newest stay if they come
/// one by one (`is_live`), else the first. `count_max` bounds them all.
pub(super) fn lay_out(
    runs: &[Run],
    window: Window,
    count_max: Option<u64>,
    is_live: bool,
) -> Result<Vec<Slot>, Reason> {
    let mut bounded = Vec::with_capacity(runs.len());
    for run in runs {
        let left = count_max.map_or(u64::MAX, |max| max.saturating_sub(run.index));
        let (skip, count) = match (run.count, window.filter(|_| !run.is_listed)) {
            (count, Some((from, to))) => {
                let skip = from.saturating_sub(run.time) / run.duration;
                let end = to.saturating_sub(run.time).div_ceil(run.duration);
                (skip, end.min(count.unwrap_or(u64::MAX)))
            }
            (Some(count), None) => (0, count),
            (None, None) => return Err("nothing tells when its last segment begins"),
        };
        bounded.push((run, skip, count.min(left)));
    }
    let total = bounded.iter().fold(0_u64, |total, (_, skip, count)| {
        total.saturating_add(count.saturating_sub(*skip))
    });
    let mut too_many = if is_live {
        total.saturating_sub(SLOTS_MAX)
    } else {
        0
    };
    let mut slots = Vec::new();
    for (run, skip, count) in bounded {
        let drop = too_many.min(count.saturating_sub(skip));
        too_many -= drop;
        for step in skip + drop..count {
            if slots.len() as u64 >= SLOTS_MAX {
                return Ok(slots);
            }
            let time = step.checked_mul(run.duration);
            let time = time.and_then(|time| time.checked_add(run.time));
            slots.push(Slot {
                time: time.ok_or("its times are beyond 64 bits")?,
                duration: run.duration,
                index: run.index.saturating_add(step),
            });
        }
    }
    Ok(slots)
}

/// Microseconds in ticks of a timescale, rounded up: so whatever begins before that moment is counted, however
/// coarse the timescale is.
pub(super) fn ticks(us: u64, timescale: u64) -> u64 {
    let whole = (us / 1_000_000).saturating_mul(timescale);
    let part = (us % 1_000_000).saturating_mul(timescale);
    whole.saturating_add(part.div_ceil(1_000_000))
}

/// Ticks of a timescale in milliseconds.
pub(super) fn to_ms(ticks: u64, timescale: u64) -> u32 {
    let whole = (ticks / timescale).saturating_mul(1_000);
    let ms = whole.saturating_add((ticks % timescale).saturating_mul(1_000) / timescale);
    u32::try_from(ms).unwrap_or(u32::MAX)
}
