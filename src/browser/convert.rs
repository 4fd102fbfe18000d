//! Values across the boundary: config in, stats and events out, numbers both ways. Decides nothing.
//! Member by member: derived code for these few shapes would weigh ten times as much.
//!
//! Invariant: a number from outside is never cast blindly; sizes are exact up to 2^53.

use super::host::Host;
use crate::base::ByteRange;
use crate::engine::{
    CloseReason, Config, ConfigUpdate, Event, IntegrityMode, PeerStats, Source, Stats,
    TrackerStats, WarningCode, Why,
};
#[cfg(feature = "disk")]
use crate::integrity::Digest;
use crate::integrity::SharedVerifier;
use js_sys::{Array, Object, Reflect};
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::JsValue;

/// The largest integer a JavaScript number holds exactly.
const MAX_SAFE: f64 = 9_007_199_254_740_991.0;

/// The engine's settings; an endless `uploadLimit` is none.
///
/// # Errors
/// When a member has not the type it should have.
pub(super) fn config(value: JsValue, host: &Host) -> Result<Config, JsValue> {
    let given = Settings(value);
    let default = Config::default();
    let integrity = match given.text("integrity")?.as_deref() {
        None => default.integrity,
        Some("require") => IntegrityMode::Require,
        Some("prefer") => IntegrityMode::Prefer,
        Some("off") => IntegrityMode::Off,
        Some(_) => return Err(unlike("integrity")),
    };
    // Which key it is only the module knows that checks signatures, and the host asks it.
    let pinned = given.text("publicKey")?;
    let public_key = pinned.map(|_| Rc::new(host.clone()) as SharedVerifier);
    Ok(Config {
        enabled: given.flag("enabled")?.unwrap_or(default.enabled),
        max_peers: given.count("maxPeers")?.unwrap_or(default.max_peers),
        segment_timeout: given
            .size("segmentTimeout")?
            .unwrap_or(default.segment_timeout),
        cdn_fallback_delay: given
            .size("cdnFallbackDelay")?
            .unwrap_or(default.cdn_fallback_delay),
        upload_limit: given.size("uploadLimit")?.filter(|limit| *limit < u64::MAX),
        tracker_urls: given.texts("trackerUrls")?,
        join_token: given.text("joinToken")?,
        swarm_id: given.text("swarmId")?,
        integrity,
        manifest_url: given.text("manifestUrl")?,
        public_key,
        memory_limit_bytes: given
            .size("memoryLimitBytes")?
            .unwrap_or(default.memory_limit_bytes),
        web_rtc: given.flag("webRtc")?.unwrap_or(default.web_rtc),
    })
}

/// Changed settings.
///
/// # Errors
/// As for [`config`].
pub(super) fn update(value: JsValue) -> Result<ConfigUpdate, JsValue> {
    let given = Settings(value);
    Ok(ConfigUpdate {
        enabled: given.flag("enabled")?,
        max_peers: given.count("maxPeers")?,
        segment_timeout: given.size("segmentTimeout")?,
        cdn_fallback_delay: given.size("cdnFallbackDelay")?,
        upload_limit: given.size("uploadLimit")?,
        memory_limit_bytes: given.size("memoryLimitBytes")?,
    })
}

/// A page's settings; `undefined` and `null` stand for absent ones.
struct Settings(JsValue);

impl Settings {
    fn read<T>(
        &self,
        name: &str,
        read: impl Fn(&JsValue) -> Option<T>,
    ) -> Result<Option<T>, JsValue> {
        let value = Reflect::get(&self.0, &JsValue::from_str(name))?;
        if value.is_undefined() || value.is_null() {
            return Ok(None);
        }
        read(&value).map(Some).ok_or_else(|| unlike(name))
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, JsValue> {
        self.read(name, JsValue::as_bool)
    }

    fn text(&self, name: &str) -> Result<Option<String>, JsValue> {
        self.read(name, JsValue::as_string)
    }

    /// A list of strings; empty if it is absent.
    fn texts(&self, name: &str) -> Result<Vec<String>, JsValue> {
        let texts = self.read(name, |value| {
            let list: &Array = value.dyn_ref()?;
            list.iter().map(|text| text.as_string()).collect()
        })?;
        Ok(texts.unwrap_or_default())
    }

    /// A whole number; an endless one is the largest.
    fn size(&self, name: &str) -> Result<Option<u64>, JsValue> {
        let number = self.read(name, JsValue::as_f64)?;
        Ok(number.map(|number| match number {
            f64::INFINITY => u64::MAX,
            _ => whole(number),
        }))
    }

    fn count(&self, name: &str) -> Result<Option<u32>, JsValue> {
        Ok(self.size(name)?.map(position))
    }
}

fn unlike(name: &str) -> JsValue {
    JsValue::from(format!("the engine's setting {name} has not its type"))
}

/// The counters as a plain object, absent values as `null`.
pub(super) fn stats(stats: &Stats) -> JsValue {
    let first_peer_ms = stats.first_peer_ms.map(number);
    object(&[
        ("schema", stats.schema.into()),
        ("cdnBytes", number(stats.cdn_bytes).into()),
        ("peerBytes", number(stats.peer_bytes).into()),
        ("uploadedBytes", number(stats.uploaded_bytes).into()),
        ("discardedBytes", number(stats.discarded_bytes).into()),
        ("offload", stats.offload.into()),
        (
            "segments",
            object(&[
                ("cache", stats.segments.cache.into()),
                ("peers", stats.segments.peers.into()),
                ("cdn", stats.segments.cdn.into()),
                ("mixed", stats.segments.mixed.into()),
            ]),
        ),
        ("peers", list(stats.peers.iter().map(peer_stats))),
        ("trackers", list(stats.trackers.iter().map(tracker_stats))),
        ("swarmSize", stats.swarm_size.into()),
        (
            "firstPeerMs",
            first_peer_ms.map_or(JsValue::NULL, Into::into),
        ),
        ("cacheBytes", number(stats.cache_bytes).into()),
        ("cacheSegments", stats.cache_segments.into()),
        ("peerId", stats.peer_id.as_str().into()),
        ("infoHash", stats.info_hash.as_str().into()),
    ])
}

fn peer_stats(peer: &PeerStats) -> JsValue {
    object(&[
        ("id", peer.id.as_str().into()),
        ("receivedBytes", number(peer.received_bytes).into()),
        ("sentBytes", number(peer.sent_bytes).into()),
        ("rateBytesPerS", peer.rate_bytes_per_s.into()),
        ("segments", peer.segments.into()),
        ("choked", peer.choked.into()),
    ])
}

fn tracker_stats(tracker: &TrackerStats) -> JsValue {
    object(&[
        ("url", tracker.url.as_str().into()),
        ("state", tracker.state.into()),
        ("announces", tracker.announces.into()),
    ])
}

fn list(values: impl Iterator<Item = JsValue>) -> JsValue {
    let list = Array::new();
    for value in values {
        list.push(&value);
    }
    list.into()
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

/// Digests that lie one behind the other.
#[cfg(feature = "disk")]
pub(super) fn digests(bytes: &[u8]) -> Vec<Digest> {
    let whole = bytes.as_chunks::<32>().0;
    whole.iter().map(|bytes| Digest(*bytes)).collect()
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
            why,
            proven,
            senders,
        } => {
            let senders = senders.iter().map(|(peer, bytes)| {
                object(&[
                    ("peer", peer.to_hex().into()),
                    ("bytes", number(*bytes).into()),
                ])
            });
            object(&[
                ("type", "segment".into()),
                ("track", track.to_hex().into()),
                ("number", number(*segment).into()),
                ("url", url.as_str().into()),
                ("source", source(*from).into()),
                ("bytes", number(*bytes).into()),
                ("peerBytes", number(*peer_bytes).into()),
                ("elapsedMs", number(*elapsed_ms).into()),
                ("why", why.map(Why::words).into()),
                ("proven", (*proven).into()),
                ("senders", list(senders)),
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
        CloseReason::Unreliable => "unreliable",
        CloseReason::SameNetwork => "same-network",
        CloseReason::Duplicate => "duplicate",
        CloseReason::NotNeeded => "not-needed",
    }
}

fn warning_code(code: WarningCode) -> &'static str {
    match code {
        WarningCode::ManifestUnreadable => "manifest-unreadable",
        WarningCode::CdnMismatch => "cdn-mismatch",
        WarningCode::WrongBlock => "wrong-block",
        WarningCode::CacheDamaged => "cache-damaged",
        WarningCode::Contradiction => "contradiction",
        WarningCode::Tracker => "tracker",
        WarningCode::NoRanges => "no-ranges",
        WarningCode::Signature => "signature",
        WarningCode::SidecarUnreadable => "sidecar-unreadable",
        WarningCode::DigestChanged => "digest-changed",
        #[cfg(feature = "disk")]
        WarningCode::DiskChanged => "disk-changed",
        WarningCode::NoWebRtc => "no-webrtc",
    }
}
