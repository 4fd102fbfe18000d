//! Values across the boundary: config in, stats and events out, numbers both ways. Decides nothing.
//!
//! Invariant: a number from outside is never cast blindly; sizes are exact up to 2^53.

use crate::base::ByteRange;
use crate::engine::{CloseReason, Config, ConfigUpdate, Event, Source, Stats, WarningCode};
use js_sys::{Array, Object, Reflect};
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::prelude::JsValue;

/// The largest integer a JavaScript number holds exactly.
const MAX_SAFE: f64 = 9_007_199_254_740_991.0;

/// The engine's settings.
pub(super) fn config(value: JsValue) -> Result<Config, JsValue> {
    Ok(serde_wasm_bindgen::from_value(value)?)
}

/// Changed settings.
pub(super) fn update(value: JsValue) -> Result<ConfigUpdate, JsValue> {
    Ok(serde_wasm_bindgen::from_value(value)?)
}

/// The counters as a plain object, absent values as `null`.
pub(super) fn stats(stats: &Stats) -> JsValue {
    let serializer = Serializer::new().serialize_missing_as_null(true);
    stats.serialize(&serializer).unwrap_or(JsValue::UNDEFINED)
}

/// A number as a whole one: below zero and not-a-number are 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=2^53 first; a float cast saturates and not-a-number is 0"
)]
pub(super) fn whole(number: f64) -> u64 {
    number.clamp(0.0, MAX_SAFE) as u64
}

/// A size for JavaScript.
pub(super) fn number(value: u64) -> f64 {
    value as f64
}

/// A size for `TypedArray` positions, which web-sys takes as `u32`; a larger one stays out of reach.
pub(super) fn position(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// A range from (start, end): `end <= 0` is none, an infinite end is open.
pub(super) fn range(start: f64, end: f64) -> Option<ByteRange> {
    (end > 0.0).then(|| ByteRange {
        start: whole(start),
        end: if end > MAX_SAFE { u64::MAX } else { whole(end) },
    })
}

/// A range as (start, end).
pub(super) fn bounds(range: Option<ByteRange>) -> (f64, f64) {
    match range {
        None => (0.0, 0.0),
        Some(range) if range.end > whole(MAX_SAFE) => (number(range.start), f64::INFINITY),
        Some(range) => (number(range.start), number(range.end)),
    }
}

/// A plain object with these members.
pub(super) fn object(members: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in members {
        // Setting a member of a fresh plain object cannot be refused.
        let _ = Reflect::set(&object, &JsValue::from_str(name), value);
    }
    object.into()
}

/// A source's word.
pub(super) fn source(source: Source) -> &'static str {
    match source {
        Source::Cache => "cache",
        Source::Peers => "peers",
        Source::Cdn => "cdn",
        Source::Mixed => "mixed",
    }
}

/// An event as the adapters know it, at `now_ms` from the engine's start.
pub(super) fn event(event: &Event, now_ms: u64) -> JsValue {
    match event {
        Event::PeerOpened { peer, at_ms } => object(&[
            ("type", "peer".into()),
            ("id", peer.to_hex().into()),
            ("state", "open".into()),
            ("atMs", number(*at_ms).into()),
        ]),
        Event::PeerClosed { peer, reason } => object(&[
            ("type", "peer".into()),
            ("id", peer.to_hex().into()),
            ("state", "closed".into()),
            ("reason", close_reason(*reason).into()),
            ("atMs", number(now_ms).into()),
        ]),
        Event::Segment {
            track,
            number: segment,
            url,
            source: from,
            bytes,
            peer_bytes,
            elapsed_ms,
            senders,
        } => {
            let list = Array::new();
            for (peer, bytes) in senders {
                list.push(&object(&[
                    ("peer", peer.to_hex().into()),
                    ("bytes", number(*bytes).into()),
                ]));
            }
            object(&[
                ("type", "segment".into()),
                ("track", track.to_hex().into()),
                ("number", number(*segment).into()),
                ("url", url.as_str().into()),
                ("source", source(*from).into()),
                ("bytes", number(*bytes).into()),
                ("peerBytes", number(*peer_bytes).into()),
                ("elapsedMs", number(*elapsed_ms).into()),
                ("senders", list.into()),
            ])
        }
        Event::Uploaded {
            peer,
            track,
            number: segment,
            bytes,
        } => object(&[
            ("type", "upload".into()),
            ("peer", peer.to_hex().into()),
            ("track", track.to_hex().into()),
            ("number", number(*segment).into()),
            ("bytes", number(*bytes).into()),
        ]),
        Event::Warning { code, message } => object(&[
            ("type", "warning".into()),
            ("code", warning_code(*code).into()),
            ("message", message.as_str().into()),
        ]),
    }
}

fn close_reason(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Gone => "gone",
        CloseReason::ConnectTimeout => "connect-timeout",
        CloseReason::Protocol => "protocol",
        CloseReason::WrongBlock => "wrong-block",
        CloseReason::Duplicate => "duplicate",
        CloseReason::NotNeeded => "not-needed",
    }
}

fn warning_code(code: WarningCode) -> &'static str {
    match code {
        WarningCode::ManifestUnreadable => "manifest-unreadable",
        WarningCode::CdnMismatch => "cdn-mismatch",
        WarningCode::WrongBlock => "wrong-block",
        WarningCode::Tracker => "tracker",
        WarningCode::NoRanges => "no-ranges",
        WarningCode::DigestChanged => "digest-changed",
        WarningCode::NoWebRtc => "no-webrtc",
    }
}
