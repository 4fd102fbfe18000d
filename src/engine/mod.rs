//! The engine: decides where each segment comes from and who gets it. This file only dispatches.
//!
//! It is told ([`Engine::handle_input`]), it answers ([`Engine::poll_output`]), it says when to wake it
//! and why ([`Engine::next_timeout`]). It never waits, never fails, never asks the time, and never holds
//! payload bytes.

mod config;
mod event;
mod input;
mod output;
mod stats;

pub use config::{Config, ConfigUpdate, IntegrityMode};
pub use event::{CloseReason, Event, WarningCode};
pub use input::{Input, LoadKind, ManifestBody, Seed};
pub use output::{Output, Part, Source, Timing};
pub use stats::{PeerStats, SegmentCounts, Stats, TrackerStats};

use crate::base::Instant;
use std::collections::VecDeque;

/// The engine of one viewer of one stream.
#[derive(Debug)]
pub struct Engine {
    outputs: VecDeque<Output>,
}

/// Why the engine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// A download's race.
    Race,
}

impl Engine {
    /// An engine that has done nothing yet; time starts at [`Instant::ZERO`].
    #[must_use]
    pub fn new(_config: Config, _seed: Seed) -> Self {
        Self {
            outputs: VecDeque::new(),
        }
    }

    /// Takes one thing from the world. Never fails.
    pub fn handle_input(&mut self, _now: Instant, _input: Input) {}

    /// The next thing to carry out; call until `None` after each input.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to send `Input::Timeout`, and why.
    #[must_use]
    pub fn next_timeout(&self) -> Option<(Instant, Timer)> {
        None
    }

    /// The counters, now.
    #[must_use]
    pub fn stats(&self, _now: Instant) -> Stats {
        Stats {
            schema: 1,
            ..Stats::default()
        }
    }
}
