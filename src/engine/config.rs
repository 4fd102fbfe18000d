//! Every knob of the engine: default, unit, range, reason. Users' names are the camel-case ones.
//!
//! Validation for people (codes, field names) is TypeScript's; here a value out of range is clamped.

use crate::base::Duration;
use crate::integrity::PublicKey;

/// What a user may set. Durations in milliseconds, rates in bytes a second.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// False is CDN-only. Default true; can change while playing.
    pub enabled: bool,
    /// Simultaneous links. Default 10, 0–100; can change while playing.
    pub max_peers: u32,
    /// Longest one segment may depend on peers before the CDN gets the rest, ms. Default 10,000.
    pub segment_timeout: u64,
    /// How long a peer may be silent about a block it was asked for before another source takes
    /// over, ms. Default 800; 0 means CDN at once.
    pub cdn_fallback_delay: u64,
    /// Bytes a second sent to all peers together; `None` is unlimited, 0 is none.
    pub upload_limit: Option<u64>,
    /// WebTorrent trackers.
    pub tracker_urls: Vec<String>,
    /// The swarm's name; `None` takes the manifest's URL without query.
    pub swarm_id: Option<String>,
    /// What to do about digests. Default prefer.
    pub integrity: IntegrityMode,
    /// A sidecar, ours or PeerTube's, that speaks of every track: absolute URL.
    pub manifest_url: Option<String>,
    /// The publisher's key: with it only signed digests count.
    pub public_key: Option<PublicKey>,
    /// Bytes of segments held in memory. Default 256 MiB.
    pub memory_limit_bytes: u64,
    /// The host can make WebRTC connections; the shell says so.
    pub web_rtc: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: true,
            max_peers: 10,
            segment_timeout: 10_000,
            cdn_fallback_delay: 800,
            upload_limit: None,
            tracker_urls: Vec::new(),
            swarm_id: None,
            integrity: IntegrityMode::Prefer,
            manifest_url: None,
            public_key: None,
            memory_limit_bytes: 256 << 20,
            web_rtc: true,
        }
    }
}

/// What may change while playing; `None` leaves a setting as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfigUpdate {
    /// See [`Config::enabled`].
    pub enabled: Option<bool>,
    /// See [`Config::max_peers`].
    pub max_peers: Option<u32>,
    /// See [`Config::segment_timeout`].
    pub segment_timeout: Option<u64>,
    /// See [`Config::cdn_fallback_delay`].
    pub cdn_fallback_delay: Option<u64>,
    /// See [`Config::upload_limit`]; `u64::MAX` is unlimited.
    pub upload_limit: Option<u64>,
    /// See [`Config::memory_limit_bytes`].
    pub memory_limit_bytes: Option<u64>,
}

/// Which segments may be shared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IntegrityMode {
    /// Only those with a digest in the playlist or a sidecar.
    Require,
    /// All; those with a digest are verified against it, the others against the tree that their CDN
    /// fetcher computed.
    #[default]
    Prefer,
    /// All, without regard to digests in the playlist.
    Off,
}

impl Config {
    /// [`Config::cdn_fallback_delay`] as a span.
    #[must_use]
    pub fn fallback_delay(&self) -> Duration {
        Duration::from_millis(self.cdn_fallback_delay)
    }

    /// Applies what is set in `update`.
    pub fn apply(&mut self, update: &ConfigUpdate) {
        self.enabled = update.enabled.unwrap_or(self.enabled);
        self.max_peers = update.max_peers.unwrap_or(self.max_peers).min(100);
        self.segment_timeout = update.segment_timeout.unwrap_or(self.segment_timeout);
        self.cdn_fallback_delay = update.cdn_fallback_delay.unwrap_or(self.cdn_fallback_delay);
        self.memory_limit_bytes = update.memory_limit_bytes.unwrap_or(self.memory_limit_bytes);
        if let Some(limit) = update.upload_limit {
            self.upload_limit = (limit != u64::MAX).then_some(limit);
        }
    }
}

/// Knobs of the race (`source.rs`).
pub(super) mod source {
    use crate::base::Duration;

    /// With less slack than this the player is starting, or about to stall: the CDN at once.
    pub(crate) const NO_SLACK: Duration = Duration::from_millis(500);
    /// The CDN's estimated time is taken times this, in percent, before it counts as safe.
    pub(crate) const CDN_MARGIN_PERCENT: u32 = 150;
    /// And at least this much earlier, because the first estimate is a guess.
    pub(crate) const CDN_MARGIN_MIN: Duration = Duration::from_millis(200);
    /// Holes for which the CDN is asked earlier, a first byte each. Without it «poor uplinks» stalled for
    /// 0.1 s here and there once its legs were many.
    pub(crate) const HOLES_MAX: usize = 6;
    /// Of the CDN's share of the last segments so much is not fetched first, so that it shrinks when peers
    /// can bring more. «Poor uplinks», 100 viewers, 120 s: 54 % of the limit, 36 % before.
    pub(crate) const SHARE_KEPT_BACK: f64 = 0.12;
    /// Less is not worth a request.
    pub(crate) const SHARE_MIN: f64 = 0.08;
}

/// Knobs of the election (`election.rs`).
pub(super) mod election {
    use crate::base::Duration;

    /// The window grows by this for each peer of the swarm.
    pub(crate) const WINDOW_PER_PEER: Duration = Duration::from_millis(100);
    /// A fresh viewer gives its first links this long, once, before it counts as alone.
    pub(crate) const FIRST_LINKS: Duration = Duration::from_millis(1_500);
    /// A promise is late by this much before it is broken.
    pub(crate) const PROMISE_GRACE: Duration = Duration::from_millis(500);
    /// What a promise adds to the CDN's estimated time.
    pub(crate) const PROMISE_MARGIN: Duration = Duration::from_millis(100);
    /// How much later than its neighbour a peer that relies on one has the segment: half a round trip for
    /// the word, and a cut-through transfer.
    pub(crate) const HOP: Duration = Duration::from_millis(200);
    /// Who asks a peer for blocks has the first of them, and can tell of it, by then.
    pub(crate) const FIRST_BLOCK: Duration = Duration::from_secs(1);
    /// Hops a promise may travel: a mesh of ten links each reaches a million peers in six.
    pub(crate) const HOPS_MAX: u8 = 8;
    /// Segments for which a neighbour's promises are disregarded after a broken one.
    pub(crate) const MUTED_SEGMENTS: u32 = 20;
}
