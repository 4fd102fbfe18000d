//! An exponentially weighted meter of bytes a second over active time. It decides nothing.

use super::{Duration, Instant};

/// Half-life of a sample.
const HALF_LIFE: Duration = Duration::from_secs(5);

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
            // As a power of e: powf brings four kilobytes of tables into the wasm module.
            let half_lives = now.since(last).as_secs_f64() / HALF_LIFE.as_secs_f64();
            let decay = (-half_lives * core::f64::consts::LN_2).exp();
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
