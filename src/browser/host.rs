//! The adapter's side of the boundary: the methods of the one JavaScript object the driver calls.
//!
//! Invariant: every call catches. An exception of a page's own callback must not unwind through wasm
//! frames, where it would skip our clean-up; the adapter reports it to the page itself.

use super::hash::Thenable;
use crate::integrity::Verifier;
use js_sys::ArrayBuffer;
#[cfg(feature = "disk")]
use js_sys::Uint8Array;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    /// What the adapter implements.
    #[derive(Clone, Debug)]
    pub type Host;

    /// The request's bytes, the player's to keep; how long they took, from where.
    #[wasm_bindgen(method, catch)]
    pub(super) fn ready(
        this: &Host,
        request: u32,
        bytes: ArrayBuffer,
        first_byte_ms: f64,
        transfer_ms: f64,
        source: &str,
    ) -> Result<(), JsValue>;

    /// The request failed as HTTP says.
    #[wasm_bindgen(method, catch)]
    pub(super) fn failed(
        this: &Host,
        request: u32,
        status: u16,
        timed_out: bool,
    ) -> Result<(), JsValue>;

    /// The request is for the player's own loader.
    #[wasm_bindgen(method, catch)]
    pub(super) fn pass(this: &Host, request: u32) -> Result<(), JsValue>;

    /// Bytes of the request that are here.
    #[wasm_bindgen(method, catch)]
    pub(super) fn progress(
        this: &Host,
        request: u32,
        loaded: f64,
        total: f64,
    ) -> Result<(), JsValue>;

    /// Fetch over HTTP with the headers and the policy of the request.
    #[wasm_bindgen(method, catch, js_name = startFetch)]
    pub(super) fn start_fetch(
        this: &Host,
        fetch: u32,
        request: u32,
        url: &str,
        start: f64,
        end: f64,
        offset: f64,
    ) -> Result<(), JsValue>;

    /// Stop a fetch.
    #[wasm_bindgen(method, catch, js_name = stopFetch)]
    pub(super) fn stop_fetch(this: &Host, fetch: u32) -> Result<(), JsValue>;

    /// Fetch a text; answered by `textReady` or `textFailed`.
    #[wasm_bindgen(method, catch, js_name = fetchText)]
    pub(super) fn fetch_text(this: &Host, text: u32, url: &str) -> Result<(), JsValue>;

    /// Write a segment to the disk under its ROOT. The view is the cache's own: it is read, and left as it is.
    #[cfg(feature = "disk")]
    #[wasm_bindgen(method, catch)]
    pub(super) fn keep(this: &Host, root: &[u8], bytes: Uint8Array) -> Result<(), JsValue>;

    /// Read from the disk; answered by `keptRead`.
    #[cfg(feature = "disk")]
    #[wasm_bindgen(method, catch, js_name = readKept)]
    pub(super) fn read_kept(
        this: &Host,
        segment: u32,
        root: &[u8],
        at_leisure: bool,
    ) -> Result<(), JsValue>;

    /// Whether a signature is the pinned key's; another module of ours knows.
    #[wasm_bindgen(method, catch)]
    fn verifies(this: &Host, message: &[u8], signature: &[u8]) -> Result<bool, JsValue>;

    /// Hold a `Signal` against its proof, in a room; another module of ours can. Resolves to the `Signal` if that counts.
    #[wasm_bindgen(method, catch)]
    pub(super) fn prove(
        this: &Host,
        proof: &str,
        room: &[u8],
        message: &[u8],
    ) -> Result<Thenable, JsValue>;

    /// Something for observers.
    #[wasm_bindgen(method, catch)]
    pub(super) fn event(this: &Host, event: &JsValue) -> Result<(), JsValue>;
}

impl Verifier for Host {
    fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        Self::verifies(self, message, signature).unwrap_or(false)
    }
}
