//! An exponentially weighted meter of bytes a second over active time. It decides nothing.

use super::{Duration, Instant};

/// A sample weighs an e-th part after this: half of it after five seconds.
const LIFE: Duration = Duration::from_millis(7_213);

/// Measures a rate from samples of bytes and the time they took.
#[derive(Clone, Copy, Debug, Default)]
pub struct RateMeter {
    bytes: f64,
    seconds: f64,
    last: Option<Instant>,
}

impl RateMeter {
    /// Adds `bytes` that took `span` of active time and ended at `now`.
    pub fn add(&mut self, now: Instant, bytes: u64, span: Duration) {
        if let Some(last) = self.last {
            let lives = now.since(last).as_secs_f64() / LIFE.as_secs_f64();
            // The first terms of e^-lives: exact between samples that follow each other, a little slow to
            // forget after a pause. The real function would bring its tables into the wasm module.
            let decay = 1.0 / (1.0 + lives + lives * lives / 2.0);
            self.bytes *= decay;
            self.seconds *= decay;
        }
        self.bytes += bytes as f64;
        self.seconds += span.as_secs_f64();
        self.last = Some(now);
    }

    /// Bytes a second, or `None` before the first useful sample.
    #[must_use]
    pub fn bytes_per_s(&self) -> Option<f64> {
        (self.seconds > 1e-6 && self.bytes > 0.0).then(|| self.bytes / self.seconds)
    }
}
