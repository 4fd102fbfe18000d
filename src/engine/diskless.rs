//! The twin of `disk` in modules of pages that keep nothing: a kilobyte and a half less for each of them. Decides nothing.
//!
//! Invariant: the same face, and nothing behind it: no input of a shell reaches it.
#![expect(
    clippy::unused_self,
    clippy::needless_pass_by_ref_mut,
    reason = "its face is its twin's"
)]

use super::Engine;
use crate::base::{Instant, SegmentId};

impl Engine {
    pub(super) const fn keep(&mut self, _: SegmentId) {}

    pub(super) const fn await_disk(&mut self, _: Instant, _: SegmentId) -> Option<Instant> {
        None
    }

    pub(super) const fn refuse_kept(&mut self, _: SegmentId) {}

    pub(super) const fn offer_kept(&mut self, _: Instant) {}
}
