//! Tells a person at a terminal how far long work is. Short work says nothing.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Between two words on a terminal, and before the first.
const ON_TERMINAL: Duration = Duration::from_millis(500);
/// The same where lines stay, as in a log.
const IN_LOG: Duration = Duration::from_secs(10);

/// Progress of hashing, on standard error.
#[derive(Debug)]
pub struct Progress {
    pause: Option<Duration>,
    last: Instant,
    bytes: u64,
    shown: bool,
}

impl Progress {
    /// Speaks on standard error: a line that changes on a terminal, else a line now and then.
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
            last: Instant::now(),
            bytes: 0,
            shown: false,
        }
    }

    /// Segment `done` of `total` of a playlist is hashed; it had `bytes` bytes.
    pub(super) fn step(&mut self, playlist: &Path, done: usize, total: usize, bytes: u64) {
        self.bytes += bytes;
        let Some(pause) = self.pause.filter(|pause| self.last.elapsed() >= *pause) else {
            return;
        };
        self.last = Instant::now();
        let megabytes = self.bytes / 1_000_000;
        let line = format!(
            "{}: {done} of {total} segments, {megabytes} MB in all",
            playlist.display()
        );
        let mut out = std::io::stderr().lock();
        // A person who closed standard error does not want to know.
        let _ = if pause == ON_TERMINAL {
            self.shown = true;
            write!(out, "\r\x1b[2K{line}").and_then(|()| out.flush())
        } else {
            writeln!(out, "{line}")
        };
    }

    /// Takes the changing line off the terminal.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
