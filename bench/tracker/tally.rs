//! What viewers sent and got while it was counted. Decides nothing.

use std::cell::{Cell, RefCell};
use std::time::Instant;

/// Of all viewers together.
#[derive(Debug)]
pub(crate) struct Tally {
    began: Instant,
    counts: Cell<bool>,
    counted: RefCell<Counted>,
    dropped: Cell<u64>,
    announced: Cell<usize>,
}

/// Within the measured window.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) announces: u64,
    pub(crate) replies: u64,
    pub(crate) offers: u64,
    pub(crate) answers: u64,
    pub(crate) failures: u64,
    relay_micros: Vec<u64>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            counts: Cell::new(false),
            counted: RefCell::default(),
            dropped: Cell::new(0),
            announced: Cell::new(0),
        }
    }

    pub(crate) fn start(&self) {
        self.counts.set(true);
    }

    pub(crate) fn stop(&self) -> Counted {
        self.counts.set(false);
        self.counted.take()
    }

    /// Counts, while it is counted.
    pub(crate) fn count(&self, one: impl FnOnce(&mut Counted)) {
        if self.counts.get() {
            one(&mut self.counted.borrow_mut());
        }
    }

    /// Microseconds since the beginning.
    pub(crate) fn micros(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// An offer has come that was sent at `sent`.
    pub(crate) fn relayed(&self, sent: u64) {
        let took = self.micros().saturating_sub(sent);
        self.count(|counted| {
            counted.offers += 1;
            counted.relay_micros.push(took);
        });
    }

    /// A tracker ended a connection.
    pub(crate) fn drop_one(&self) {
        self.dropped.set(self.dropped.get() + 1);
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.get()
    }

    /// A viewer's first announce has been answered.
    pub(crate) fn is_in(&self) {
        self.announced.set(self.announced.get() + 1);
    }

    pub(crate) fn joined(&self) -> usize {
        self.announced.get()
    }

    pub(crate) fn nobody_is_in(&self) {
        self.announced.set(0);
    }
}

impl Counted {
    /// That share of relayed offers took no longer, from one viewer to the other, in milliseconds.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count"
    )]
    pub(crate) fn relay_ms(&self, share: f64) -> Option<f64> {
        let mut micros = self.relay_micros.clone();
        micros.sort_unstable();
        let last = micros.len().checked_sub(1)?;
        let at = (last as f64 * share).round() as usize;
        micros.get(at).map(|micros| *micros as f64 / 1e3)
    }
}
