//! Where proof comes from, in the small world: sidecars, PeerTube's file, signed lines; and what follows
//! for the player, for neighbours and for whoever lies.

#![allow(
    clippy::cast_possible_truncation,
    reason = "a test's own numbers are small"
)]

mod keys;
mod live;
mod sidecars;
mod stage;
mod whole;
#[path = "../world/mod.rs"]
mod world;
