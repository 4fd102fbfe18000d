//! The attack suite: real engines, and beside them viewers that flip, cut, swap, replay, overpromise,
//! flood and lie. Each attack runs over many seeds and casts, next to its twin in which the same viewers
//! are honest, and to the same players without peers.
//!
//! What every run holds, by `world::Oracle`: no wrong byte reaches a player or leaves an honest engine,
//! a sender of wrong bytes is out within one block, nobody honest is dropped. What `stage` adds: every
//! honest player plays to the end, and stands still no longer than it would have alone.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::cast_possible_truncation,
    clippy::wildcard_enum_match_arm,
    reason = "a test's own numbers are small; a vice looks at the few messages it is about"
)]

#[path = "../world/mod.rs"]
mod world;

mod bytes;
mod crowds;
mod floods;
mod introductions;
mod promises;
mod proofs;
mod reports;
mod restart;
mod slots;
mod stage;
mod talk;
mod threat_model;
mod unsigned;
mod vices;
