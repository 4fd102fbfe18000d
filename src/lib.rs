//! swarmline: video segments over WebRTC, beside the CDN, for players that already work.
//!
//! > One engine decides; two shells obey; thin adapters translate; one simulator judges.
//!
//! ```text
//!  hls.js · Shaka · dash.js                       CDN · trackers · peers
//!      │   js-adapters/ (TypeScript: translate)         │
//!      ▼                                                ▼
//!  browser/ (wasm32) ──Input──►  engine/  ◄──Input──  native shells
//!                    ◄─Output──     │      ──Output─►
//!                     manifest/  integrity/  wire/  base/      pure, both targets
//!                                   │
//!  server/ (axum)    ──Input──►  tracker/                      pure, both targets
//! ```
//!
//! The engine is a value: it never waits, never fails, never asks the time and never holds payload
//! bytes. It is told ([`engine::Engine::handle_input`]), it answers
//! ([`engine::Engine::poll_output`]) and it says when to wake it
//! ([`engine::Engine::next_timeout`]). A shell is a loop: give one input; take outputs until none;
//! arm one timer; wait. Which room may use which is held by `tests/architecture.rs`.

pub mod base;
pub mod engine;
pub mod integrity;
pub mod manifest;
pub mod tracker;
pub mod wire;

#[cfg(all(target_arch = "wasm32", feature = "engine"))]
pub mod browser;
#[cfg(all(target_arch = "wasm32", feature = "keys"))]
pub mod keys;

#[cfg(not(target_arch = "wasm32"))]
pub mod cli;
#[cfg(all(not(target_arch = "wasm32"), feature = "serve"))]
pub mod origin;
#[cfg(not(target_arch = "wasm32"))]
pub mod publish;
#[cfg(all(not(target_arch = "wasm32"), feature = "serve"))]
pub mod server;
#[cfg(not(target_arch = "wasm32"))]
pub mod sim;

/// Of a page's modules: std's own weighs two kilobytes more (docs/size.md).
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();
