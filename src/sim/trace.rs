//! What happened, as one number and (where somebody reads it) as lines.
//!
//! Invariant: the number depends on every event's moment, kind and viewer, so two runs with one number
//! are one run; reading along changes nothing.

use super::event::Event;
use crate::base::Instant;

/// Who reads along.
pub type Sink<'a> = &'a mut dyn FnMut(&str);

/// The trace of a run.
pub(super) struct Trace<'a> {
    hash: u64,
    sink: Option<Sink<'a>>,
}

impl<'a> Trace<'a> {
    pub(super) const fn new(sink: Option<Sink<'a>>) -> Self {
        // FNV's offset basis; the multiplier below is its prime.
        Self {
            hash: 0xcbf2_9ce4_8422_2325,
            sink,
        }
    }

    pub(super) const fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) const fn mix(&mut self, word: u64) {
        self.hash = (self.hash ^ word)
            .wrapping_mul(0x0000_0100_0000_01b3)
            .rotate_left(23);
    }

    /// An event is about to happen.
    pub(super) fn note(&mut self, now: Instant, event: &Event) {
        let (kind, viewer, detail) = event.summary();
        self.mix(now.0);
        self.mix((kind as u64) << 32 | viewer as u64);
        self.mix(detail);
    }

    /// Something worth a line.
    pub(super) fn tell(&mut self, now: Instant, viewer: usize, what: &dyn core::fmt::Debug) {
        if let Some(sink) = &mut self.sink {
            let seconds = now.since(Instant::ZERO).as_secs_f64();
            sink(&format!("{seconds:.6} {viewer} {what:?}"));
        }
    }
}
