//! The simulator: real engines and the real tracker in virtual time, in a world that lies about nothing
//! but the bytes, which are marks.
//!
//! `world` (the queue and what happens) drives `viewer`s (`player` and engine), whose wishes `shell`
//! carries out: `store`, `link`, `nat`, `origin`, `fault`. `oracle` judges as it happens, `report`
//! afterwards, beside a control: the same viewers of the same seed with players alone.
//!
//! Invariant: one seed forks every generator, nothing is asked of the machine, so equal scenarios and
//! seeds give equal runs (their traces have one hash). What it leaves out: congestion control inside a
//! link, loss, disks, and the time the engine itself takes.

mod census;
mod crowd;
mod event;
mod fault;
mod figures;
mod hearsay;
mod hours;
mod link;
mod linking;
mod modem;
mod nat;
mod office;
mod oracle;
mod origin;
mod player;
mod queue;
mod report;
mod scenario;
mod serving;
mod shell;
mod signals;
mod store;
mod tally;
#[cfg(test)]
mod tests;
mod trace;
mod viewer;
mod watching;
mod world;

pub use census::Cohort;
pub use figures::{Asks, Copies, Figures, Spread, Stalls};
pub use hours::Held;
pub use nat::Nat;
pub use oracle::{Promise, Violation};
pub use report::{Cost, Report, Verdict};
pub use scenario::{
    Arrivals, Cdn, Fault, FaultKind, Floor, Group, Scenario, Stream, StreamKind, Vice, ViewerKind,
};
pub use trace::Sink;

use crate::base::{Duration, Instant};
use std::thread::available_parallelism;

/// Fewer viewers have less to do on a page than it takes to divide it.
const FEW: u32 = 256;

/// Runs a scenario once: with engines, or (the control) with players alone.
#[must_use]
pub fn run(scenario: &Scenario, seed: u64, with_engines: bool, sink: Option<Sink<'_>>) -> Figures {
    let crowds = match scenario.viewers() {
        0..FEW => 1,
        _ => available_parallelism().map_or(1, usize::from),
    };
    run_in(scenario, seed, with_engines, crowds, sink)
}

/// The same with so many crowds, each on a core of its own.
fn run_in(
    scenario: &Scenario,
    seed: u64,
    with_engines: bool,
    crowds: usize,
    sink: Option<Sink<'_>>,
) -> Figures {
    let mut world = world::World::new(scenario, seed, with_engines, crowds, sink);
    world.run_until(Instant::ZERO + Duration::from_secs_f64(scenario.seconds));
    let cohorts = census::cohorts(scenario, &world);
    Figures {
        cohorts,
        ..Figures::of(&world)
    }
}

/// The whole part of a number that is no larger than what a counter holds.
#[allow(
    clippy::cast_possible_truncation,
    reason = "a cast from float to integer saturates, and fractions are meant to go"
)]
fn whole(number: f64) -> u64 {
    number as u64
}
