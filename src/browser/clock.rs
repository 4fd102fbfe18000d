//! The page's clock and its timers. Decides nothing.
//!
//! Invariant: a dropped [`Timer`] never fires.

use crate::base::Instant;
use js_sys::Function;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(handler: &Function, delay_ms: f64) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// Milliseconds of the page's monotonic clock.
pub(super) fn now_ms() -> f64 {
    performance_now()
}

/// The engine's time: starts when it was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    started_ms: f64,
}

impl Clock {
    /// A clock that stands at zero.
    pub(super) fn start() -> Self {
        Self {
            started_ms: now_ms(),
        }
    }

    /// The engine's now.
    pub(super) fn now(self) -> Instant {
        Instant(super::convert::whole(
            (now_ms() - self.started_ms) * 1_000.0,
        ))
    }
}

/// A running timer; dropping it stops it.
#[derive(Debug)]
pub(super) struct Timer(JsValue);

impl Timer {
    /// Calls `handler` once, `delay_ms` from now.
    pub(super) fn after(delay_ms: f64, handler: &Function) -> Self {
        Self(set_timeout(handler, delay_ms))
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        clear_timeout(&self.0);
    }
}
