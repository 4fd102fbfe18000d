//! What happened, as one number and (where somebody reads it) as lines.
//!
//! Invariant: the number depends on every event's viewer, moment and kind, and on their order for each
//! viewer, so two runs with one number are one run; reading along changes nothing.

use super::crowd::Crowd;
use super::event::Event;
use crate::base::Instant;

/// Who reads along.
pub type Sink<'a> = &'a mut dyn FnMut(&str);

/// The trace of a viewer, or of all.
#[derive(Debug)]
pub(super) struct Trace(u64);

impl Default for Trace {
    fn default() -> Self {
        // FNV's offset basis; the multiplier below is its prime.
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Trace {
    pub(super) const fn hash(&self) -> u64 {
        self.0
    }

    pub(super) const fn mix(&mut self, word: u64) {
        self.0 = (self.0 ^ word)
            .wrapping_mul(0x0000_0100_0000_01b3)
            .rotate_left(23);
    }

    /// An event is about to happen.
    pub(super) fn note(&mut self, now: Instant, event: &Event) {
        let (kind, detail) = event.summary();
        self.mix(now.0);
        self.mix((kind as u64) << 56 ^ detail);
    }
}

impl Crowd {
    /// An engine tells something that is worth a line.
    pub(super) fn tell_of(&mut self, viewer: usize, what: &dyn core::fmt::Debug) {
        if self.stage.is_read {
            let seconds = self.now.since(Instant::ZERO).as_secs_f64();
            let line = format!("{seconds:.6} {viewer} {what:?}");
            self.lines.push((self.now, viewer, line));
        }
    }
}
