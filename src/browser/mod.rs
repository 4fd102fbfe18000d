//! The browser shell: carries out the engine's outputs with browser objects. This file holds the one
//! class JavaScript sees; it translates numbers and hands everything to [`driver`].
//!
//! Invariant: nothing here decides about peers, segments or sources. Every file is named after the
//! browser object it owns. Payload bytes stay in `ArrayBuffer`s; wasm memory sees ids, offsets and
//! headers. After a panic every call is a no-op, so the adapters turn into plain loaders.
//!
//! JavaScript has no 64-bit integers: sizes and offsets cross as `f64`, exact up to 2^53. A range
//! crosses as (start, end) with `end <= 0` for the whole resource and `Infinity` for an open end.

mod callback;
mod clock;
mod convert;
mod driver;
mod hash;
mod host;
mod http;
mod outputs;
mod panic;
mod rtc;
mod socket;
mod store;
#[cfg(feature = "dash")]
mod xml;

#[cfg(feature = "disk")]
use crate::base::SegmentId;
use crate::base::{FetchId, RequestId, TextId};
use crate::engine::{Input, LoadKind, ManifestBody};
use driver::Driver;
use host::Host;
use js_sys::Uint8Array;
use std::rc::Rc;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

/// One engine with its browser objects: one viewer of one stream. Internal to the npm package.
#[wasm_bindgen]
#[derive(Debug)]
pub struct SwarmEngine {
    driver: Rc<Driver>,
}

#[wasm_bindgen]
impl SwarmEngine {
    /// An engine for `config` (the engine's settings in camel case, and in `connection` what each
    /// `RTCPeerConnection` is given) that calls `host`.
    ///
    /// # Errors
    /// When `config` is not of that shape.
    #[wasm_bindgen(constructor)]
    pub fn new(config: JsValue, host: Host) -> Result<Self, JsValue> {
        panic::watch(&host);
        Ok(Self {
            driver: Driver::new(config, host)?,
        })
    }

    /// The player wants bytes; `media` tells segments from everything else.
    pub fn load(&self, request: u32, url: String, start: f64, end: f64, media: bool) {
        self.driver.give(Input::Load {
            request: RequestId(request),
            url,
            range: convert::range(start, end),
            kind: if media {
                LoadKind::Media
            } else {
                LoadKind::Other
            },
        });
    }

    /// The player no longer wants them.
    pub fn abort(&self, request: u32) {
        self.driver.give(Input::Abort {
            request: RequestId(request),
        });
    }

    /// Bytes that the player's own loader fetched; the caller gives them away.
    pub fn adopt(&self, url: String, start: f64, end: f64, bytes: Uint8Array) {
        self.driver.adopt(url, convert::range(start, end), bytes);
    }

    /// Milliseconds buffered ahead of the playhead, the playback rate, whether it advances.
    pub fn playback(&self, ahead_ms: f64, rate: f64, moving: bool) {
        self.driver.give(Input::Playback {
            ahead_ms,
            rate,
            moving,
        });
    }

    /// An HLS playlist as received from `url` (after redirects).
    pub fn manifest(&self, url: String, text: String) {
        self.driver.give(Input::Manifest {
            url,
            body: ManifestBody::Hls(text),
        });
    }

    /// An MPD as received from `url` (after redirects), now: `now_ms` is the wall clock, milliseconds since 1970.
    #[cfg(feature = "dash")]
    pub fn mpd(&self, url: String, text: &str, now_ms: f64) {
        let root = xml::read(text);
        let now_ms = convert::whole(now_ms);
        let body = ManifestBody::Mpd { root, now_ms };
        self.driver.give(Input::Manifest { url, body });
    }

    /// Bytes that may be an MPD track's index, as the player loaded them from byte `first` of `url` on.
    #[cfg(feature = "dash")]
    pub fn index(&self, url: String, first: f64, bytes: Vec<u8>) {
        let first = convert::whole(first);
        let body = ManifestBody::Index { first, bytes };
        self.driver.give(Input::Manifest { url, body });
    }

    /// Changed settings; members that are absent stay as they are.
    ///
    /// # Errors
    /// When `config` is not of the engine's shape.
    pub fn update(&self, config: JsValue) -> Result<(), JsValue> {
        self.driver.give(Input::Config(convert::update(config)?));
        Ok(())
    }

    /// Status and headers of a fetch; `length` below 0 is unknown.
    #[wasm_bindgen(js_name = fetchHead)]
    pub fn fetch_head(&self, fetch: u32, status: u16, length: f64, partial: bool) {
        self.driver.fetch_head(
            FetchId(fetch),
            status,
            (length >= 0.0).then(|| convert::whole(length)),
            partial,
        );
    }

    /// The next bytes of a fetch; the caller gives them away.
    #[wasm_bindgen(js_name = fetchBody)]
    pub fn fetch_body(&self, fetch: u32, bytes: Uint8Array) {
        self.driver.fetch_body(FetchId(fetch), bytes);
    }

    /// The fetch is complete.
    #[wasm_bindgen(js_name = fetchDone)]
    pub fn fetch_done(&self, fetch: u32) {
        self.driver.fetch_done(FetchId(fetch));
    }

    /// The fetch will not be complete; status 0 when there was none.
    #[wasm_bindgen(js_name = fetchFailed)]
    pub fn fetch_failed(&self, fetch: u32, status: u16, timed_out: bool) {
        self.driver.fetch_failed(FetchId(fetch), status, timed_out);
    }

    /// A text is here, from `url` after redirects.
    #[wasm_bindgen(js_name = textReady)]
    pub fn text_ready(&self, text: u32, url: String, body: String) {
        let text = TextId(text);
        self.driver.give(Input::TextReady { text, url, body });
    }

    /// A text will not come; status 0 when HTTP had no part in it.
    #[wasm_bindgen(js_name = textFailed)]
    pub fn text_failed(&self, text: u32, status: u16) {
        let text = TextId(text);
        self.driver.give(Input::TextFailed { text, status });
    }

    /// There is a disk for segments; `roots` are 32 bytes each of what is on it.
    #[cfg(feature = "disk")]
    pub fn kept(&self, roots: &[u8]) {
        let roots = convert::digests(roots);
        self.driver.give(Input::Kept { roots });
    }

    /// What the disk had of a segment; the caller gives the bytes away.
    #[cfg(feature = "disk")]
    #[wasm_bindgen(js_name = keptRead)]
    pub fn kept_read(&self, segment: u32, bytes: Option<Uint8Array>) {
        self.driver.kept_read(SegmentId(segment), bytes);
    }

    /// The engine's counters as a plain object; `undefined` after a panic.
    pub fn stats(&self) -> JsValue {
        self.driver.stats()
    }

    /// Leaves the swarm and closes everything. Nothing is heard of this engine afterwards.
    pub fn shutdown(&self) {
        self.driver.shutdown();
    }
}
