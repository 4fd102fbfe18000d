//! Tells a person how far long work is: a bar on a terminal, else a line now and then. Short work says
//! nothing.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Between two words on a terminal, and before the first.
const ON_TERMINAL: Duration = Duration::from_millis(500);
/// The same where lines stay, as in a log.
const IN_LOG: Duration = Duration::from_secs(10);

/// Progress of hashing, on standard error.
#[derive(Debug)]
pub struct Progress {
    pause: Option<Duration>,
    start: Instant,
    last: Instant,
    work: Work,
    shown: bool,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default)]
struct Work {
    done: usize,
    total: usize,
    bytes: u64,
}

impl Progress {
    /// Speaks on standard error: a bar on a terminal, else a line now and then.
    #[must_use]
    pub fn stderr() -> Self {
        let pause = if std::io::stderr().is_terminal() {
            ON_TERMINAL
        } else {
            IN_LOG
        };
        Self::new(Some(pause))
    }

    /// Says nothing.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(None)
    }

    fn new(pause: Option<Duration>) -> Self {
        Self {
            pause,
            start: Instant::now(),
            last: Instant::now(),
            work: Work::default(),
            shown: false,
        }
    }

    /// There are `segments` more to do.
    pub(super) fn expect(&mut self, segments: usize) {
        self.work.total += segments;
    }

    /// One segment of `bytes` bytes is done; `what` it belongs to.
    pub(super) fn step(&mut self, what: impl fmt::Display, bytes: u64) {
        self.work.done += 1;
        self.work.bytes += bytes;
        let Some(pause) = self.pause.filter(|pause| self.last.elapsed() >= *pause) else {
            return;
        };
        self.last = Instant::now();
        let work = self.work;
        let mut out = std::io::stderr().lock();
        // A person who closed standard error does not want to know.
        let _ = if pause == ON_TERMINAL {
            self.shown = true;
            let (bar, left) = (work.bar(), work.left(self.start.elapsed()));
            write!(out, "\r\x1b[2K{bar} {work}{left}").and_then(|()| out.flush())
        } else {
            writeln!(out, "{what}: {work}")
        };
    }

    /// Takes the bar off the terminal.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}

impl Work {
    fn bar(self) -> String {
        const WIDTH: usize = 24;
        let full = (self.done * WIDTH / self.total.max(1)).min(WIDTH);
        format!("[{}{}]", "#".repeat(full), "-".repeat(WIDTH - full))
    }

    /// The time that the rest will take, if it goes on like this.
    fn left(self, spent: Duration) -> String {
        let rest = self.total.saturating_sub(self.done);
        let seconds = spent.as_secs() * rest as u64 / (self.done.max(1) as u64);
        match (seconds / 60, seconds % 60) {
            (0, seconds) => format!(", {seconds} s left"),
            (minutes, seconds) => format!(", {minutes} min {seconds} s left"),
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { done, total, bytes } = self;
        let megabytes = bytes / 1_000_000;
        write!(out, "{done} of {total} segments, {megabytes} MB")
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_and_says_what_is_left() {
        let mut work = Work::default();
        assert_eq!(work.bar(), "[------------------------]");
        (work.done, work.total, work.bytes) = (100, 400, 2_500_000);
        assert_eq!(work.bar(), "[######------------------]");
        assert_eq!(work.to_string(), "100 of 400 segments, 2 MB");
        assert_eq!(work.left(Duration::from_secs(50)), ", 2 min 30 s left");
        work.done = 500;
        assert_eq!(work.bar(), "[########################]");
        assert_eq!(work.left(Duration::from_secs(50)), ", 0 s left");
    }
}
