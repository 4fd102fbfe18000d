//! Every knob of the engine: default, unit, range, reason. Users' names are the camel-case ones.
//!
//! Validation for people (codes, field names) is TypeScript's; here a value out of range is clamped.

use crate::base::Duration;
use crate::integrity::SharedVerifier;

/// What a user may set. Durations in milliseconds, rates in bytes a second.
#[derive(Clone, Debug)]
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
    /// What trackers that ask for one are shown; opaque here.
    pub join_token: Option<String>,
    /// The swarm's name; `None` takes the manifest's URL without query.
    pub swarm_id: Option<String>,
    /// What to do about digests. Default prefer.
    pub integrity: IntegrityMode,
    /// A sidecar, ours or PeerTube's, that speaks of every track: absolute URL.
    pub manifest_url: Option<String>,
    /// The publisher's key: with it only signed digests count.
    pub public_key: Option<SharedVerifier>,
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
            join_token: None,
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

    /// Links with which nobody asks for more: the rest of the places is for those who come later, so that
    /// the last finds somebody and nobody's lost link sets others looking.
    pub(super) fn enough_links(&self) -> usize {
        let max = self.max_peers as usize;
        (max - max.div_ceil(swarm::SPARE)).max(1)
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

/// Links: how many, and whose place a newcomer gets.
pub(super) mod swarm {
    use crate::base::Duration;

    /// A link that is not open so long after both descriptions were known never will be.
    pub(in crate::engine) const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
    /// Nor one that was made before a TURN server was known, which one made now would have: who can meet without
    /// one has met by then.
    pub(in crate::engine) const UNRELAYED_TIMEOUT: Duration = Duration::from_secs(3);
    /// A peer's next offer takes the place of a link to it that is no younger and has not opened: it has given that
    /// one up. Offers by two trackers come closer to each other.
    pub(in crate::engine) const STALE: Duration = Duration::from_secs(1);
    /// Links into one network that are always allowed, and that are kept from what hides its own.
    pub(in crate::engine) const ONE_NETWORK_MIN: usize = 2;
    /// One of so many places is not asked for, only given: 9 of 10. In live-growing (300 viewers) a late
    /// viewer's first link opens after 0.8 s (99 of 100 within 3.1 s), the mesh is in one part throughout, and
    /// at the end nobody has fewer than 9 links. With 8 of 10 live-steady fetched 21.6 copies, not 20.2.
    pub(in crate::engine) const SPARE: usize = 10;
    /// Where all places are taken, one newcomer in so long gets another one's.
    pub(in crate::engine) const GUEST_EVERY: Duration = Duration::from_secs(5);
    /// And never that of a link that is younger: it has had no chance yet.
    pub(in crate::engine) const LINK_AGE_MIN: Duration = Duration::from_secs(30);
    /// So many links that lead elsewhere than most are kept: whoever commands one network must not
    /// have all.
    pub(in crate::engine) const ELSEWHERE_MIN: usize = 2;
}

/// Trackers.
pub(super) mod signaling {
    use crate::base::Duration;

    /// Offers in one announce. Five find five peers; newcomers' offers bring the rest (stock clients: 5).
    pub(in crate::engine) const OFFERS_PER_ANNOUNCE: usize = 5;
    /// In the very first one: each offer is a connection to be made while the first frame is decoded, and
    /// one peer is enough to begin with.
    pub(in crate::engine) const OFFERS_FIRST: usize = 3;
    /// An offer that nobody answered is made anew (stock clients: 50 s).
    pub(in crate::engine) const OFFER_LIFE: Duration = Duration::from_secs(50);
    /// Offers that are late do not hold up an announce.
    pub(in crate::engine) const OFFERS_PATIENCE: Duration = Duration::from_millis(600);
    /// While links are wanted and the tracker knows of more peers: first repeat, doubled each time. The
    /// first frame is there by then.
    pub(in crate::engine) const REPEAT_MIN: Duration = Duration::from_secs(1);
    /// Until a tracker says otherwise.
    pub(in crate::engine) const INTERVAL: Duration = Duration::from_secs(120);
    /// A socket that does not open within this, or an announce that is not answered, and the connection is lost:
    /// browsers tell of a network that is gone only when their own resends end, minutes later.
    pub(in crate::engine) const PATIENCE: Duration = Duration::from_secs(10);
    /// When the network shows that it is back, who is still to answer has so long.
    pub(in crate::engine) const ANSWER: Duration = Duration::from_secs(1);
    /// And when the last link has gone: it may be the network, not the peer. Five who slept, or got another address, were
    /// linked again 5 to 7 s sooner than with all of `PATIENCE` (`tests/engine_sleep.rs`).
    pub(in crate::engine) const DOUBT: Duration = Duration::from_secs(3);
    /// A tracker that closed is tried again after this, doubled each time,
    pub(in crate::engine) const RECONNECT_MIN: Duration = Duration::from_secs(1);
    /// up to this.
    pub(in crate::engine) const RECONNECT_MAX: Duration = Duration::from_secs(60);
}

/// Links through neighbours (`introductions.rs`).
pub(super) mod introductions {
    use crate::base::Duration;

    /// A tracker that hears us has so long to find somebody: three announces. Where it had brought half of the links the
    /// rest by neighbours costs more than it gives, for theirs lead to one corner (150 viewers, 150 s, seeds 1 to 6:
    /// live-steady 9.5 copies instead of 9.1, churn 83.0 % of the limit instead of 83.4).
    pub(in crate::engine) const TRACKER_FIRST: Duration = Duration::from_secs(10);
    /// Between two questions at least; doubled with each,
    pub(in crate::engine) const PAUSE_MIN: Duration = Duration::from_secs(2);
    /// up to this, until somebody answers an offer or a link is lost.
    pub(in crate::engine) const PAUSE_MAX: Duration = Duration::from_secs(60);
    /// Offers that neighbours carry at the same time.
    pub(in crate::engine) const UNDER_WAY_MAX: usize = 2;
    /// Who was offered a link is not offered one again so soon, and twice as long each time: a page that sleeps would hear
    /// of all when it wakes.
    pub(in crate::engine) const TRIED: Duration = Duration::from_secs(60);
    pub(in crate::engine) const TRIED_DOUBLINGS: u32 = 6;
    /// Of so many that is remembered.
    pub(in crate::engine) const TRIED_MAX: usize = 128;
    /// An offer that was not answered by then was not taken: two messages there and two back, and gathering.
    pub(in crate::engine) const OFFER_LIFE: Duration = Duration::from_secs(8);
    /// Links, under way or open, that one neighbour has brought: it may have made them all up.
    pub(in crate::engine) const BROUGHT_MAX: usize = 3;
    /// What one link may have carried, from it and to it: a description in so long,
    pub(in crate::engine) const CARRIED_EVERY: Duration = Duration::from_secs(2);
    /// and so many at once. Honest ones have two offers under way and get an answer to each.
    pub(in crate::engine) const CARRIED_CREDIT: Duration = Duration::from_secs(20);
}

/// Links that say nothing (`pulse.rs`): found within 3.5 s of the last message where something was asked, within 5 s at
/// rest or in a hidden tab, whose timers come each second. Browsers need 5.3 to 6.4 s (docs/networks.md).
pub(super) mod pulse {
    use crate::base::Duration;

    /// Asked for something and quiet for so long, a peer is asked whether it is there.
    pub(in crate::engine) const QUIET: Duration = Duration::from_millis(800);
    /// At rest, and what the end that did not offer waits longer (else both ask): five seconds with [`PATIENCE`].
    pub(in crate::engine) const REST: Duration = Duration::from_millis(1_900);
    pub(in crate::engine) const SECOND: Duration = Duration::from_millis(300);
    /// Where timers come each second: this, a second until it fires, and three until the answer is missed.
    pub(in crate::engine) const REST_LATE: Duration = Duration::from_millis(1_000);
    /// And has so long to say so: the answer waits behind a block or two of a weak uplink.
    pub(in crate::engine) const PATIENCE: Duration = Duration::from_millis(2_700);
    /// A timer that is later than this says nothing about the link; once, so much is added.
    pub(in crate::engine) const LATE: Duration = Duration::from_millis(300);
}

/// What a tracker hears of who sent what (`receipts.rs`).
pub(super) mod receipts {
    use crate::base::Duration;

    /// Each time a peer has brought so much more: with a viewer that leaves without a word less is forgotten.
    pub(in crate::engine) const BYTES: u64 = 4 << 20;
    /// What is less, of all peers so often.
    pub(in crate::engine) const EVERY: Duration = Duration::from_secs(30);
    /// Peers of whom account is kept; a tracker takes no more from one viewer either.
    pub(in crate::engine) const SENDERS_MAX: usize = 256;
}

/// What peers tell each other.
pub(super) mod exchange {
    use crate::base::Duration;

    /// How often neighbours compare what one holds with what the other believes. What a lost change of
    /// haves costs until then is a request in vain, or a copy; a digest costs 17 bytes a track.
    pub(in crate::engine) const DIGEST_EVERY: Duration = Duration::from_secs(20);
    /// Longest message we take: four blocks and a header fit, Firefox and Chromium both carry it.
    pub(in crate::engine) const MESSAGE_MAX: u32 = 256 << 10;
    /// Bytes of a segment that is named alone: track, number, version, what is held.
    pub(in crate::engine) const HAVE_ENTRY_LEN: usize = 25;
}

/// What goes to peers. Slots by what was given, fewer on a short uplink, and the rules of `swarm`, all together:
/// in half-without-upload (150 viewers, 150 s) 13.8 copies beyond first segments instead of 19.2, in live-growing
/// (300 viewers, 240 s) 17.2 instead of 19.9; live-steady (150, 150) 20.2 instead of 19.5, poor-uplinks as before.
pub(super) mod upload {
    use crate::base::Duration;

    /// Links served at a time at most; more would only divide the uplink (no gain above four children a
    /// segment, Bianchi et al.; two more for the other segments of a ladder).
    pub(in crate::engine) const SLOTS: u32 = 6;
    /// One of rank and one that is lent.
    pub(in crate::engine) const SLOTS_MIN: u32 = 2;
    /// Streams that an uplink sends, from which on it is said to send about one,
    pub(in crate::engine) const ONE_STREAM: f64 = 0.75;
    /// and several.
    pub(in crate::engine) const SEVERAL_STREAMS: f64 = 2.0;
    /// Each slot gets a block in this time: well within `cdnFallbackDelay`. With six slots for all, an uplink
    /// of 0.65 Mbit/s served each only every 1.2 s.
    pub(in crate::engine) const SLOT_SECONDS: f64 = 0.5;
    /// A slot is lent for so long: enough for a segment over a short uplink, after which what came can be
    /// given on.
    pub(in crate::engine) const LENT: Duration = Duration::from_secs(10);
    /// Blocks one link may have queued with us: two segments of 1.3 Mbit/s at 4 s.
    pub(in crate::engine) const QUEUE_BLOCKS_MAX: u16 = 128;
    /// Blocks in one message: 64 KiB messages cost a third less CPU than 16 KiB ones.
    pub(in crate::engine) const MESSAGE_BLOCKS_MAX: u32 = 4;
    /// A message takes no more of the uplink's time than this, if a block does not: all slots get their
    /// turn before anybody's `cdnFallbackDelay` is over.
    pub(in crate::engine) const MESSAGE_SECONDS: f64 = 0.04;
    /// All channels together hold what the uplink sends in this time,
    pub(in crate::engine) const QUEUE_SECONDS: f64 = 0.1;
    /// and never more blocks than this: deeper queues halve Chromium's rate.
    pub(in crate::engine) const QUEUE_BLOCKS: u32 = 16;
    /// Packets' own bytes are this part of what they carry: SCTP's 28 and DTLS's 37 for each 1,160 in Chromium. What a
    /// connection says that it sent is then within 2 % of the limit (docs/networks.md).
    pub(in crate::engine) const PACKET_SHARE: u64 = 16;
    /// What a small message costs beside its own bytes: a packet, and the acknowledgement of one.
    pub(in crate::engine) const CONTROL_OVERHEAD: usize = 65;
    /// A channel from which nothing left for so long is stuck: it gets nothing more, and what waits in it
    /// does not count.
    pub(in crate::engine) const STUCK: Duration = Duration::from_secs(1);
}

/// How much time a download has (`playback.rs`). Figures: the scenarios of `scenarios/`, 100 viewers, as
/// docs/scheduling.md has them.
pub(super) mod playback {
    use crate::base::Duration;

    /// The CDN's estimated time is taken times this before it counts as safe,
    pub(in crate::engine) const MARGIN_PERCENT: u32 = 150;
    /// and at least this much more, because the first estimate is a guess.
    pub(in crate::engine) const MARGIN_MIN: Duration = Duration::from_millis(200);
    /// This part of the slack is kept for a CDN that has become slow since it was last asked (`cdn-brown-out`:
    /// its viewers wait 137 s in all without, 89 s with 1 s at most, 62 s with 2 s, and 35 s with 3 s, but
    /// then 15 % more requests go to the CDN),
    pub(in crate::engine) const RESERVE_PART: u32 = 4;
    /// and no more than this.
    pub(in crate::engine) const RESERVE_MAX: Duration = Duration::from_secs(2);
    /// A timer that is later than this was not late: the page slept.
    pub(in crate::engine) const LATE_MAX: Duration = Duration::from_secs(2);
    /// A film's viewer with no more slack than this may not lose any for peers' sake: its buffer grows
    /// (`vod-flash-crowd`: 11 s buffered on average without, 20 s with, at 4 points of the limit; alone it is 28 s).
    pub(in crate::engine) const COMFORT: Duration = Duration::from_secs(12);
    /// Peers then have this part of a segment's length (`vod-trickle`: 85.8 % of the limit with a half,
    /// because a fresh viewer's first links open too late for it, 87.6 % with three quarters).
    pub(in crate::engine) const PACE_PERCENT: u32 = 75;
}

/// What the CDN is taken for (`fetch.rs`).
pub(super) mod fetch {
    use crate::base::Duration;

    /// Bytes of one segment at the most: an hour of 4K would not fill it, a lying header must not.
    pub(in crate::engine) const SEGMENT_BYTES_MAX: u64 = 512 << 20;
    /// Bytes a second before the first fetch: any number does, for the first segment does not wait.
    pub(in crate::engine) const RATE_GUESS: f64 = 1_000_000.0;
    /// Time to first byte before the first fetch.
    pub(in crate::engine) const FIRST_BYTE_GUESS: Duration = Duration::from_millis(300);
    /// Fetched again rather than asked for in two ranges. Four, what a round trip costs at 8 Mbit/s, made half
    /// of what peers sent in «poor uplinks» vain: there it came scattered. None: 74.6 against 72.4 % there, at more requests.
    pub(in crate::engine) const BRIDGED_BLOCKS: usize = 1;
    /// A segment whose size nobody told yet.
    pub(in crate::engine) const SIZE_GUESS: u64 = 1 << 20;
    /// A fetch that said nothing for so long goes on: whatever else was lost with the network is tried again.
    pub(in crate::engine) const OUTAGE: Duration = Duration::from_secs(2);
    /// After a failure so much more time is kept for another one and the retry after it (`cdn-brown-out`:
    /// its viewers wait 62 s in all without, 2.9 s with 1.5 s, 0.5 s with this),
    pub(in crate::engine) const FAILURE_COST: Duration = Duration::from_millis(2_500);
    /// for so long.
    pub(in crate::engine) const FAILURE_FADES: Duration = Duration::from_secs(60);
}

/// Which blocks from whom (`picker.rs`).
pub(super) mod picker {
    /// Peers that send blocks of one segment at the same time: more than four buy almost nothing (Bianchi et al.);
    /// with ten live-short-segments falls from 72.3 to 68.4 % of the limit (docs/scheduling.md).
    pub(in crate::engine) const SOURCES_MAX: usize = 4;
    /// Blocks asked together: one 64 KiB message.
    pub(in crate::engine) const RUN_BLOCKS: usize = 4;
    /// Blocks on their way from one link: a quarter of a second at 8 Mbit/s. From a slow one fewer, as many as
    /// it brings in [`PIPELINE_MS`], so that none of them is late for the pipeline's sake; but two, or it
    /// would be idle for each round trip.
    pub(in crate::engine) const PIPELINE_BLOCKS: u32 = 16;
    pub(in crate::engine) const PIPELINE_BLOCKS_MIN: u32 = 2;
    /// From one that has sent nothing yet: it may be slow, and the first message tells.
    pub(in crate::engine) const PIPELINE_BLOCKS_FIRST: u32 = 8;
    /// `ladder` reaches 76.4 % of the limit with this, 71.8 with 1,250 (docs/scheduling.md).
    pub(in crate::engine) const PIPELINE_MS: f64 = 700.0;
    /// From a fast one more: what it brings while a request travels and is answered. With 16 a link through
    /// two pages of one machine, at 19 MB/s when it is only pumped, stood idle half of the time.
    pub(in crate::engine) const PIPELINE_BLOCKS_FAST: u32 = 64;
    pub(in crate::engine) const PIPELINE_FAST_MS: f64 = 100.0;
    /// Blocks on their way from all links together: what our own downlink brings in this time, half of
    /// `cdnFallbackDelay`. More would queue in front of it, the last of them would count as silent, and what was
    /// taken back would come in vain (`ladder`, 100 viewers, 120 s, seeds 1 to 3: 16 and 20 s of stalls without at seeds 1
    /// and 2; 6.7, 3.6 and 4.0 with 600 ms; 5.9, 3.2 and 2.4 with 400; 4.2, 3.2 and 2.2 with 300, at half a point of the limit).
    pub(in crate::engine) const INTAKE_MS: f64 = 400.0;
    pub(in crate::engine) const INTAKE_BLOCKS_MIN: u32 = 4;
    /// With so many neighbours what they can give each other matters more than playback's order, however short
    /// time is (`live-short-segments`: 72.7 % of the limit with playback's order below 4 s of slack, 79.8 without).
    pub(in crate::engine) const CROWD: usize = 3;
}

/// What peers bring before the player asks (`ahead.rs`).
pub(super) mod ahead {
    /// Tracks at a time: pictures and sound.
    pub(in crate::engine) const TRACKS_MAX: usize = 2;
    /// What is larger than this part of `memoryLimitBytes` waits for its wish.
    pub(in crate::engine) const MEMORY_PART: u64 = 4;
}

/// What earlier visits left on the disk (`disk.rs`).
#[cfg(any(feature = "disk", not(target_arch = "wasm32")))]
pub(super) mod disk {
    use crate::base::Duration;

    /// Longest that a segment waits for it: a read takes 3 to 20 ms (docs/benchmarks.md).
    pub(in crate::engine) const READ_MAX: Duration = Duration::from_millis(300);
    /// A disk that was late so often is not asked any more: it would cost each segment that time.
    pub(in crate::engine) const LATE_MAX: u32 = 3;
    /// So much of `memoryLimitBytes` may be filled with what nobody has asked for yet.
    pub(in crate::engine) const MEMORY_PART: u64 = 2;
}

/// What neighbours hear of a segment in the making (`verify.rs`).
pub(super) mod verify {
    use crate::base::Duration;

    /// A neighbour hears of a partial segment with its first block, and then each time so many are new: one
    /// message's worth. Of each two: live-steady +0.5 points, but 40 % more control messages (docs/scheduling.md).
    pub(in crate::engine) const ANNOUNCE_BLOCKS: usize = 4;
    /// Or this part of a long segment.
    pub(in crate::engine) const ANNOUNCE_PARTS: usize = 16;
    /// And no sooner than this after the last time: where blocks come faster, a message about each few would cost
    /// both pages more than the wait.
    pub(in crate::engine) const ANNOUNCE_EVERY: Duration = Duration::from_millis(50);
}

/// What a peer can make us remember (`peer.rs`): bounds, far above what an honest one tells.
pub(super) mod peer {
    use crate::base::Duration;

    /// Tracks a peer may tell of, and single entries of each.
    pub(in crate::engine) const TRACKS_MAX: usize = 64;
    pub(in crate::engine) const ENTRIES_MAX: usize = 8_192;
    /// Segments of a track of which it may tell parts: nobody has more in the making, and parts weigh the most.
    pub(in crate::engine) const PARTS_MAX: usize = 64;
    /// A promise for later than this is taken as one for then, so that it can be broken.
    pub(in crate::engine) const PROMISE_MAX: Duration = Duration::from_secs(30);
    /// Bytes a second expected of a link that has sent nothing yet: modest, but new links must be tried.
    pub(in crate::engine) const RATE_GUESS: f64 = 500_000.0;
}

/// Knobs of the race (`source.rs`).
pub(super) mod source {
    use crate::base::Duration;

    /// With less slack than this the player is starting, or about to stall: the CDN at once.
    pub(crate) const NO_SLACK: Duration = Duration::from_millis(500);
    /// Holes for which the CDN is asked earlier, a first byte each. Without it «poor uplinks» stalled for
    /// 0.1 s here and there once its legs were many.
    pub(crate) const HOLES_MAX: usize = 6;
    /// Where others hold it too a peer is silent after this many times what it needs by its rate: ones that share
    /// a busy uplink are served in turn. «Poor uplinks», 100 viewers, 120 s: 73 % of the limit, 57 % without. It made
    /// `ladder` stall as long as more was asked for than a downlink brings (`picker`).
    pub(crate) const PATIENCE: f64 = 2.0;
    /// And at the latest after this: what drips loses its place anyway.
    pub(crate) const PATIENCE_MAX: Duration = Duration::from_millis(2_500);
    /// Of the CDN's share of the last segments so much is not fetched first, so that it shrinks when peers
    /// can bring more. «Poor uplinks», 100 viewers, 120 s: 54 % of the limit, 36 % before.
    pub(crate) const SHARE_KEPT_BACK: f64 = 0.12;
    /// Less is not worth a request.
    pub(crate) const SHARE_MIN: f64 = 0.08;
    /// Slices of a live segment that a few viewers bring so that its first copy multiplies faster: this part of it each,
    pub(crate) const SLICE: f64 = 0.1;
    /// and of all of them together so many copies (seed 1, 100 viewers, 120 s: live-steady 85.8 % of the limit with
    /// none, 87.7 with 2, 85.5 with 5; live-short-segments 72.7, 77.2, 81.3; of a film they only cost).
    pub(crate) const SLICED_COPIES: f64 = 2.0;
}

/// Knobs of the election (`election.rs`).
pub(super) mod election {
    use crate::base::Duration;

    /// The window grows by this for each peer of the swarm.
    pub(crate) const WINDOW_PER_PEER: Duration = Duration::from_millis(100);
    /// What the first neighbour holds is known so much after its greeting: a message, there and back.
    pub(crate) const FIRST_HAVES: Duration = Duration::from_millis(200);
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
    /// Who sends so many times what all holders together send us fetches what they cannot bring in time.
    pub(crate) const SECOND_COPY: f64 = 8.0;
    /// Segments for which a neighbour's promises are disregarded after a broken one.
    pub(crate) const MUTED_SEGMENTS: u32 = 20;
}

/// Faults of a peer and what they cost, and the price of what it says (`trust.rs`). Held to three requests in vain or five
/// seconds by `tests/attacks/slots.rs`.
pub(super) mod trust {
    use crate::base::Duration;

    /// What one fault of full weight costs in time to be forgotten: an occasional one, every
    /// two minutes, never adds up.
    pub(in crate::engine) const FAULT: Duration = Duration::from_secs(120);
    /// So much, and there are consequences: the third request in vain within a minute and a half is the last
    /// one. More is not counted.
    pub(in crate::engine) const LIMIT: Duration = Duration::from_secs(270);
    /// So many requests in a row that bring nothing in time, and there are consequences too. Who is asked shortly
    /// before the CDN's turn is not silent for long enough to be at fault, and would be asked for ever.
    pub(in crate::engine) const IN_VAIN: u32 = 3;
    /// A block that was asked so long ago and is not here is dripping, even if others trickle in. The
    /// pipeline is cut to half of this by rate (`picker`), so a steady link, however slow, is not hit twice.
    pub(in crate::engine) const DRIP: Duration = Duration::from_millis(2_500);
    /// The first rest; each next one is twice as long, up to sixteen times. A phone that lost its uplink in
    /// a lift has it back by then; who only wastes requests gets one in three minutes.
    pub(in crate::engine) const REST: Duration = Duration::from_secs(10);
    pub(in crate::engine) const REST_DOUBLINGS: u32 = 4;
    /// Rests after which a peer that never sent anything is of no use: about six requests in a minute.
    pub(in crate::engine) const USELESS_RESTS: u32 = 3;
    /// Who was closed for lies is not linked again so long: peers change their ids for free, so longer would
    /// only hurt those who do not. A sender of wrong blocks is not linked again in the session.
    pub(in crate::engine) const OUTCAST: Duration = Duration::from_secs(600);
    /// Peers that are not linked again; ids are random, so a longer list helps nobody.
    pub(in crate::engine) const OUTCASTS_MAX: usize = 256;
    /// Each control message has a price in time, and time pays for it: a small one every fiftieth of a second for
    /// as long as the link lives. What moved a block is paid for by the block.
    pub(in crate::engine) const MESSAGE: Duration = Duration::from_millis(20);
    /// What makes us look at every download, or go through all that is held.
    pub(in crate::engine) const QUESTION: Duration = Duration::from_millis(100);
    /// On top, so much for every so many bytes that it makes us read, hash or send, up to so many times.
    pub(in crate::engine) const WORK: Duration = Duration::from_millis(1);
    pub(in crate::engine) const WORK_LEN: usize = 64;
    pub(in crate::engine) const WORK_MAX: u32 = 5_000;
    /// What may be unpaid; more is a lie. A thousand small messages at once. Honest peers owe 0.5 s at most: a film
    /// in three renditions at 100 Mbit/s with six jumps a minute; `ladder` 0.33 s, every other scenario less.
    pub(in crate::engine) const CREDIT: Duration = Duration::from_secs(20);
}

/// Doubts about trees that only neighbours vouch for (`vouch.rs`).
pub(super) mod vouch {
    use crate::base::Duration;

    /// One byte of so many is fetched again to see whether neighbours tell the truth.
    pub(in crate::engine) const SAMPLE_SHARE: u64 = 100;
    /// With less time than this until the CDN is needed anyway, nothing else is asked of it: a sample costs one
    /// first byte.
    pub(in crate::engine) const CALM: Duration = Duration::from_secs(1);
    /// After a sample that HTTP refused: a CDN that is failing has better things to do.
    pub(in crate::engine) const SAMPLE_BACK_OFF: Duration = Duration::from_secs(30);
    /// Refuted trees that are remembered: what one viewer meets in an hour under attack.
    pub(in crate::engine) const REMEMBERED_MAX: usize = 256;
    /// A sample that nobody has answered for so long never will be: its wish is gone, and its loader with it.
    pub(in crate::engine) const SAMPLE_PATIENCE: Duration = Duration::from_secs(15);
}

/// What lay long is hashed again (`recheck.rs`).
pub(super) mod recheck {
    use crate::base::Duration;

    /// Neither verified, played nor sent for so long. What a live window left is gone long before, so only films
    /// and DVR pay for it.
    pub(in crate::engine) const IDLE: Duration = Duration::from_secs(600);
    /// Between the beginnings of two checks, so that it never costs playback its processor.
    pub(in crate::engine) const PACE: Duration = Duration::from_millis(250);
    /// A shell that does not answer holds up nothing else for longer than this.
    pub(in crate::engine) const PATIENCE: Duration = Duration::from_secs(10);
}

/// Sidecars (`texts.rs`).
pub(super) mod texts {
    use crate::base::Duration;

    /// Between two fetches of one text at least; doubled with each in vain, up to the second for live
    /// segments, which are late by a packager's delay, and up to the third after failures.
    pub(in crate::engine) const AGAIN: Duration = Duration::from_millis(500);
    pub(in crate::engine) const AGAIN_LIVE_MAX: Duration = Duration::from_secs(2);
    pub(in crate::engine) const AGAIN_FAILED_MAX: Duration = Duration::from_secs(30);
    /// How long the CDN's turn waits for a text, where four times as long is buffered: [`AGAIN`], and what a
    /// text takes to come. Two viewers at the edge of a live stream shared nothing for 90 s without it.
    pub(in crate::engine) const HELD: Duration = Duration::from_millis(750);
    /// Fetches in vain before a live segment counts as one of which nothing is said (seven seconds).
    pub(in crate::engine) const PATIENCE: u32 = 6;
    /// Sidecars of one stream: no more than it may have playlists.
    pub(in crate::engine) const SOURCES_MAX: usize = 1_000;
}

/// The pinned key (`authority.rs`).
pub(super) mod authority {
    /// Counters remembered of a playlist, 64 kB of them: two hours of 2 s. Beyond, those trusted first are forgotten.
    pub(in crate::engine) const COUNTERS_MAX: usize = 4_096;
}

/// What is kept (`cache.rs`).
pub(super) mod cache {
    /// Segments that have left our copy of a live playlist, kept for those who are a refresh behind. With a whole window
    /// instead `cargo xtask bench browser --against p2p-media-loader --scenario live` showed 17.0 MB a page, theirs 9.6 to
    /// 11.9; nothing was gained by it (100 viewers, 120 s, six seeds: live-steady 7.12 copies with either, live-growing
    /// 1.53, churn 2.95).
    pub(in crate::engine) const PAST_SEGMENTS: u64 = 1;
    /// A live playlist of less than this is nothing to rewind in,
    pub(in crate::engine) const REWOUND_SEGMENTS_MIN: usize = 16;
    /// and what was neither fetched, wished for nor sent there for so many segments' length is not kept: a newcomer begins
    /// three behind the edge. 100 viewers, 120 s, seeds 1 and 2, beside keeping all of it: live-growing the same copies,
    /// churn 2.58 and 2.60, live-short-segments 14.18 and 14.36, live-steady 7.21 and 7.12.
    pub(in crate::engine) const IDLE_SEGMENTS: u64 = 5;
}
