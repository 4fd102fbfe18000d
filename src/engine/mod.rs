//! The engine: decides where each segment comes from and who gets it. This file only dispatches.
//!
//! It is told ([`Engine::handle_input`]), it answers ([`Engine::poll_output`]), it says when to wake it
//! and why ([`Engine::next_timeout`]). It never waits, never fails, never asks the time, and never holds
//! payload bytes: they stay in the shell, and a place under hash or verified is never written.

mod ahead;
mod authority;
mod cache;
mod config;
#[cfg(any(feature = "disk", not(target_arch = "wasm32")))]
mod disk;
#[cfg(all(target_arch = "wasm32", not(feature = "disk")))]
#[path = "diskless.rs"]
mod disk;
mod download;
mod election;
mod event;
mod exchange;
mod fetch;
mod input;
mod introductions;
mod offers;
mod outage;
mod output;
mod peer;
mod picker;
mod playback;
mod pulse;
mod receipts;
mod recheck;
mod request;
mod segment;
mod signaling;
mod source;
mod stats;
mod swarm;
mod texts;
mod tracker;
mod trust;
mod upload;
mod verify;
mod vouch;
mod whole;
mod why;

pub use config::{Config, ConfigUpdate, IntegrityMode};
pub use event::{CloseReason, Event, WarningCode};
pub use input::{Input, LoadKind, ManifestBody};
pub use output::{Output, Part, Source, Timing};
pub use stats::{PeerStats, SegmentCounts, Stats, TrackerStats};
pub use why::Why;

use crate::base::{
    FetchId, HashId, Instant, LinkId, PeerId, RateMeter, RequestId, Rng, SegmentId, SortedMap,
    SortedSet, TrackId,
};
use crate::manifest::Timeline;
use crate::wire::SegmentKey;
use peer::Link;
use playback::Playback;
use receipts::Ledger;
use segment::Segment;
use signaling::Signaling;
use stats::Totals;
use upload::Uploads;

/// The engine of one viewer of one stream.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    rng: Rng,
    peer_id: PeerId,
    outputs: Vec<Output>,
    timeline: Timeline,
    /// The wall clock at our own clock's start, milliseconds since 1970, if a manifest goes by it.
    #[cfg(any(feature = "dash", not(target_arch = "wasm32")))]
    wall_start_ms: Option<u64>,
    playback: Playback,
    segments: SortedMap<SegmentId, Segment>,
    by_number: SortedMap<(TrackId, u64), SegmentId>,
    /// Contents the CDN itself contradicts: never shared again.
    quarantine: SortedSet<SegmentKey>,
    requests: SortedMap<RequestId, SegmentId>,
    fetches: SortedMap<FetchId, SegmentId>,
    hashes: SortedMap<HashId, verify::Batch>,
    /// Boxed, because a map moves and steps over what it holds.
    links: SortedMap<LinkId, Box<Link>>,
    authority: authority::Authority,
    texts: texts::Texts,
    #[cfg(any(feature = "disk", not(target_arch = "wasm32")))]
    disk: disk::Disk,
    outcasts: trust::Outcasts,
    signaling: Signaling,
    uploads: Uploads,
    vouching: vouch::Vouching,
    recheck: recheck::Recheck,
    ahead: ahead::Ahead,
    cdn: fetch::CdnRate,
    /// What all peers together bring while anything is asked of them, and up to when that was counted.
    intake: RateMeter,
    intake_at: Instant,
    /// Share of the last segments that peers were asked for and the CDN had to bring.
    cdn_share: f64,
    haves_at: Instant,
    totals: Totals,
    ledger: Ledger,
    next_id: u32,
    down: bool,
    why: Why,
}

/// Why the engine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// A download's race: a peer's silence, an election, a deadline.
    Race,
    /// The upload bucket has filled.
    Upload,
    /// Meeting others: a tracker to reconnect or announce to, a neighbour to ask, offers never answered.
    Tracker,
    /// A sidecar to be fetched.
    Text,
    /// A link that does not open, or that says nothing.
    Connect,
    /// The periodic digest of haves.
    Haves,
}

impl Engine {
    /// An engine that has done nothing yet; time starts at [`Instant::ZERO`]. It begins to speak with
    /// its first input. `seed` is its chance, from the platform's cryptographic source.
    #[must_use]
    pub fn new(config: Config, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let peer_id = swarm::random_peer_id(&mut rng);
        Self {
            signaling: Signaling::new(&config),
            authority: authority::Authority::new(config.public_key.clone()),
            texts: texts::Texts::new(config.manifest_url.as_ref()),
            config,
            rng,
            peer_id,
            outputs: Vec::new(),
            timeline: Timeline::default(),
            #[cfg(any(feature = "dash", not(target_arch = "wasm32")))]
            wall_start_ms: None,
            playback: Playback::new(),
            segments: SortedMap::new(),
            by_number: SortedMap::new(),
            quarantine: SortedSet::new(),
            requests: SortedMap::new(),
            fetches: SortedMap::new(),
            hashes: SortedMap::new(),
            links: SortedMap::new(),
            #[cfg(any(feature = "disk", not(target_arch = "wasm32")))]
            disk: disk::Disk::default(),
            outcasts: trust::Outcasts::default(),
            uploads: Uploads::default(),
            vouching: vouch::Vouching::default(),
            recheck: recheck::Recheck::default(),
            ahead: ahead::Ahead::default(),
            cdn: fetch::CdnRate::default(),
            intake: RateMeter::default(),
            intake_at: Instant::ZERO,
            cdn_share: 0.0,
            haves_at: Instant::ZERO,
            totals: Totals::default(),
            ledger: Ledger::default(),
            next_id: 0,
            down: false,
            why: Why::default(),
        }
    }

    /// Takes one thing from the world. Never fails.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        if self.down {
            return self.refuse(&input);
        }
        self.start(now);
        self.dispatch(now, input);
        // A hidden tab's timer comes when it comes: what is due is looked at on any occasion.
        if self.race_wake().is_some_and(|at| at <= now) {
            self.look_at_due(now);
        }
    }

    fn dispatch(&mut self, now: Instant, input: Input) {
        match input {
            Input::Load {
                request,
                url,
                range,
                kind,
            } => {
                self.on_load(now, request, &url, range, kind);
            }
            Input::Abort { request } => self.on_abort(request),
            Input::Adopt {
                url,
                range,
                payload,
                len,
            } => {
                self.on_adopt(now, &url, range, payload, len);
            }
            Input::Playback { .. } => self.playback.hear(now, &input),
            Input::Manifest { url, body } => self.on_manifest(now, &url, &body),
            Input::Config(update) => self.on_config(now, &update),
            Input::Shutdown => self.on_shutdown(now),
            Input::FetchHead {
                fetch,
                length,
                partial,
                ..
            } => self.on_fetch_head(now, fetch, length, partial),
            Input::FetchBody {
                fetch,
                payload,
                offset,
                len,
            } => self.on_fetch_body(now, fetch, payload, offset, len),
            Input::FetchDone { fetch } => self.on_fetch_done(now, fetch),
            Input::FetchFailed {
                fetch,
                status,
                timed_out,
            } => {
                self.on_fetch_failed(now, fetch, status, timed_out);
            }
            Input::TextReady { text, url, body } => self.on_text_ready(now, text, &url, &body),
            Input::TextFailed { text, status } => self.on_text_failed(now, text, status),
            #[cfg(any(feature = "disk", not(target_arch = "wasm32")))]
            Input::Kept { roots } => self.on_kept(now, &roots),
            #[cfg(any(feature = "disk", not(target_arch = "wasm32")))]
            Input::KeptRead { segment, read } => self.on_kept_read(now, segment, read),
            Input::TrackerOpened { tracker } => self.on_tracker_opened(now, tracker),
            Input::TrackerMessage { tracker, text } => self.on_tracker_message(now, tracker, &text),
            Input::TrackerClosed { tracker } => self.on_tracker_closed(now, tracker),
            Input::OfferReady { link, sdp } => self.on_offer_ready(now, link, sdp),
            Input::AnswerReady { link, sdp } => self.on_answer_ready(now, link, &sdp),
            Input::Candidate { link, candidate } => self.on_late_candidate(link, candidate),
            Input::LinkOpened { link, max_message } => self.on_link_opened(now, link, max_message),
            Input::LinkNetwork { link, network } => self.on_link_network(now, link, network),
            Input::LinkMessage { link, bytes } => self.on_link_message(now, link, &bytes),
            Input::Proven { link, message } => self.on_proven(now, link, &message),
            Input::LinkBlock {
                link,
                payload,
                header,
                len,
            } => self.on_link_block(now, link, payload, &header, len),
            Input::LinkWritable { link, queued } => self.on_link_writable(now, link, queued),
            Input::LinkClosed { link } => self.on_link_closed(now, link),
            Input::Hashed { hash, digests } => self.on_hashed(now, hash, &digests),
            Input::Timeout => self.on_timeout(now),
        }
    }

    /// The next thing to carry out; call until `None` after each input.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        (!self.outputs.is_empty()).then(|| self.outputs.remove(0))
    }

    /// When to send `Input::Timeout`, and why. `None`: nothing is waited for.
    #[must_use]
    pub fn next_timeout(&self) -> Option<(Instant, Timer)> {
        if self.down {
            return None;
        }
        let haves = self.greeted().next().map(|_| self.haves_at);
        let texts = self.texts.wake().filter(|_| self.config.enabled);
        [
            (self.race_wake(), Timer::Race),
            (self.uploads.wake, Timer::Upload),
            (self.signaling_wake(), Timer::Tracker),
            (self.introductions_wake(), Timer::Tracker),
            (texts, Timer::Text),
            (self.connect_wake(), Timer::Connect),
            (haves, Timer::Haves),
        ]
        .into_iter()
        .filter_map(|(at, why)| Some((at?, why)))
        .min()
    }

    /// Every download is somebody's wish, or ahead of one; segments that are only held are not looked at.
    fn race_wake(&self) -> Option<Instant> {
        let downloads = self.requests.values();
        downloads
            .chain(&self.ahead.segments)
            .filter_map(|id| self.segments.get(id)?.download.as_ref()?.wake)
            .min()
    }

    /// The counters, now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.collect_stats()
    }

    fn on_timeout(&mut self, now: Instant) {
        let due = self.next_timeout().map_or(now, |(at, _)| at);
        self.playback.note_timer(now.since(due));
        self.tend_signaling(now);
        self.tend_links(now);
        self.tend_pulses(now);
        self.fetch_texts(now);
        if self.uploads.wake.is_some_and(|at| at <= now) {
            self.pump_uploads(now);
        }
        if self.haves_at <= now {
            self.announce_digests(now);
        }
        self.look_at_due(now);
        // Last: links that were lost on the way here are missed by now.
        self.tend_introductions(now);
    }

    fn look_at_due(&mut self, now: Instant) {
        let due: Vec<SegmentId> = self
            .segments
            .iter()
            .filter(|(_, s)| {
                s.download
                    .as_ref()
                    .is_some_and(|d| d.wake.is_some_and(|at| at <= now))
            })
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            self.drive(now, id);
        }
    }

    fn on_config(&mut self, now: Instant, update: &ConfigUpdate) {
        let was = self.config.enabled;
        (self.config.max_peers, self.config.upload_limit) = self.signaling.wish;
        self.config.apply(update);
        self.cap_by_trackers();
        match (was, self.config.enabled) {
            (true, false) => {
                self.leave_swarm(now);
                self.drive_all(now);
            }
            (false, true) => self.start(now),
            (true, true) | (false, false) => self.trim_links(now),
        }
        if update.upload_limit.is_some() {
            self.announce_choke(now);
        }
        if update.max_peers.is_some() {
            self.announce_soon(now);
        }
        self.trim_cache();
        self.pump_uploads(now);
    }

    /// Leaves for good: says goodbye, closes everything, answers nothing more.
    fn on_shutdown(&mut self, now: Instant) {
        self.leave_swarm(now);
        let fetches: Vec<FetchId> = self.fetches.keys().copied().collect();
        for fetch in fetches {
            self.out(Output::StopFetch { fetch });
        }
        let segments: Vec<SegmentId> = self.segments.keys().copied().collect();
        for segment in segments {
            self.out(Output::Evict { segment });
        }
        self.drop_sample(true);
        self.fetches.clear();
        self.segments.clear();
        self.requests.clear();
        self.down = true;
    }

    /// After shutdown a wish is passed on and a payload dropped; everything else is silence.
    fn refuse(&mut self, input: &Input) {
        match input {
            Input::Load { request, .. } => self.out(Output::Pass { request: *request }),
            Input::Adopt { payload, .. }
            | Input::FetchBody { payload, .. }
            | Input::LinkBlock { payload, .. } => self.out(Output::Drop { payload: *payload }),
            #[cfg(any(feature = "disk", not(target_arch = "wasm32")))]
            Input::KeptRead { read, .. } => self.drop_read(*read),
            #[cfg(any(feature = "disk", not(target_arch = "wasm32")))]
            Input::Kept { .. } => {}
            Input::Abort { .. }
            | Input::Playback { .. }
            | Input::Manifest { .. }
            | Input::Config(_)
            | Input::Shutdown
            | Input::FetchHead { .. }
            | Input::FetchDone { .. }
            | Input::FetchFailed { .. }
            | Input::TextReady { .. }
            | Input::TextFailed { .. }
            | Input::TrackerOpened { .. }
            | Input::TrackerMessage { .. }
            | Input::TrackerClosed { .. }
            | Input::OfferReady { .. }
            | Input::AnswerReady { .. }
            | Input::Candidate { .. }
            | Input::LinkOpened { .. }
            | Input::LinkNetwork { .. }
            | Input::LinkMessage { .. }
            | Input::Proven { .. }
            | Input::LinkWritable { .. }
            | Input::LinkClosed { .. }
            | Input::Hashed { .. }
            | Input::Timeout => {}
        }
    }

    fn drive_all(&mut self, now: Instant) {
        let active: Vec<SegmentId> = self
            .segments
            .iter()
            .filter(|(_, segment)| segment.download.is_some())
            .map(|(id, _)| *id)
            .collect();
        for id in active {
            self.drive(now, id);
        }
    }

    fn out(&mut self, output: Output) {
        self.outputs.push(output);
    }

    fn event(&mut self, event: Event) {
        self.outputs.push(Output::Event(event));
    }

    fn warn(&mut self, code: WarningCode, message: String) {
        self.event(Event::Warning { code, message });
    }

    fn mint(&mut self) -> u32 {
        self.next_id = self.next_id.wrapping_add(1);
        self.next_id
    }
}
