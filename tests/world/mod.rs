//! A small world for engine tests: viewers (an engine and a shell of vectors), links with latency and
//! rate, one CDN, the real tracker, virtual time. It lies where a test tells it to.
//!
//! Invariant: equal calls give equal runs. It has no opinion on what an engine should do, but holds it
//! to its face: one answer a wish, payloads placed or dropped at once, no write under a hash or into what
//! was served, no busy loop. `oracle` holds it to the truth about every byte, `hostile` lies on links,
//! `player` watches.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "each test binary uses a part of it; a test's numbers are small, its expectations assertions"
)]

mod disk;
mod hostile;
mod oracle;
mod outage;
mod player;
mod shell;
mod show;

pub use disk::Disk;
pub use hostile::{Frame, Passed, Passing, Vice, Way, poison, stall};
pub use oracle::Oracle;
pub use player::{Player, play_for, play_out};
pub use shell::certificate;
pub use show::{
    LEN, asked, bytes_of, content, digest_line, fetch, leaves_of, playlist, root, second_joins,
    source_of, url, vod,
};

use std::collections::{BTreeMap, BTreeSet};
use swarmline::base::{
    ByteRange, Duration, FetchId, HashId, InfoHash, Instant, LinkId, Network, PayloadId, RequestId,
    SegmentId, TrackerId,
};
use swarmline::engine::{
    Config, Engine, Event, Input, LoadKind, ManifestBody, Source, Timing, WarningCode,
};
use swarmline::integrity::Digest;
use swarmline::tracker::{self, ConnectionId, Earned, Tracker};

pub type Viewer = usize;

/// What became of a wish.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Ready {
        bytes: Vec<u8>,
        source: Source,
        timing: Timing,
        at: Instant,
    },
    Failed {
        status: u16,
        at: Instant,
    },
    Passed,
}

/// How the CDN treats requests whose URL contains a word.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    Status(u16),
    /// Every byte is flipped.
    Corrupt,
    NoRanges,
    Silent,
}

pub struct Cdn {
    pub files: BTreeMap<String, Vec<u8>>,
    pub latency: Duration,
    pub bytes_per_s: u64,
    pub faults: Vec<(String, Fault)>,
    /// Bytes sent, by URL.
    pub sent: BTreeMap<String, u64>,
    pub requests: Vec<(Viewer, String, Option<ByteRange>)>,
}

pub struct Shell {
    pub engine: Engine,
    pub store: BTreeMap<SegmentId, Vec<u8>>,
    payloads: BTreeMap<PayloadId, Vec<u8>>,
    /// Places under a hash.
    frozen: Vec<(HashId, SegmentId, ByteRange)>,
    /// Places that were served.
    served: Vec<(SegmentId, ByteRange)>,
    uplink_free_at: Instant,
    /// Bytes waiting in each block channel.
    queued: BTreeMap<LinkId, u64>,
    next_payload: u32,
    next_request: u32,
    pub outcomes: BTreeMap<RequestId, Outcome>,
    pub events: Vec<Event>,
    /// Link → (the other viewer, its link) once both know.
    links: BTreeMap<LinkId, (Viewer, LinkId)>,
    /// What its shell does to messages; `None` is honest.
    pub vice: Option<Vice>,
    /// The TURN server its connections were last told to use.
    pub relay: Option<String>,
    /// Links that were made with it.
    relayed: BTreeSet<LinkId>,
    /// Late candidates of others that its connections were given.
    pub candidates: Vec<(LinkId, String)>,
    /// What earlier visits left.
    pub disk: Disk,
    /// Bytes it was told to hash.
    pub hashed_bytes: u64,
    /// Descriptions it was told to hold against their proofs.
    pub asked_proofs: u32,
    /// What it has said to trackers.
    pub told_trackers: Vec<String>,
    pub alive: bool,
    trackers: BTreeMap<TrackerId, ConnectionId>,
    in_fetch: BTreeMap<FetchId, ()>,
    pub born: Instant,
}

enum Delivery {
    To(Viewer, Input),
    Frame(Viewer, LinkId, Frame),
    /// What a vice lets its own engine hear, from whom.
    Heard(Viewer, LinkId, Viewer, Frame),
    /// So much of a viewer's block channel has left.
    Sent(Viewer, LinkId, u64),
    Body(Viewer, FetchId, u64, Vec<u8>),
    FromTracker(Viewer, TrackerId, String),
    ToTracker(ConnectionId, String),
    HungUp(ConnectionId),
    Hashed(Viewer, HashId, Vec<Digest>),
    /// What a disk had of a segment.
    Kept(Viewer, SegmentId, Option<Vec<u8>>),
}

pub struct World {
    pub now: Instant,
    pub cdn: Cdn,
    pub viewers: Vec<Shell>,
    pub tracker: Tracker,
    pub tracker_up: bool,
    /// What the tracker has credited, as it kept account of it.
    pub earned: Vec<Earned>,
    pub oracle: Oracle,
    seed: u64,
    connections: BTreeMap<ConnectionId, (Viewer, TrackerId)>,
    queue: BTreeMap<(Instant, u64), Delivery>,
    sequence: u64,
    next_connection: u64,
    pub link_latency: Duration,
    pub link_bytes_per_s: u64,
    /// Whether a network lets two viewers find each other.
    pub reachable: fn(Viewer, Viewer) -> bool,
    /// Connections open only if both ends were made with a TURN server.
    pub relays_only: bool,
    /// Viewers whose network is gone, which nobody is told.
    unplugged: BTreeSet<Viewer>,
    /// Whose page sleeps, and until when.
    asleep: Option<(Viewer, Instant)>,
    /// Whose timers fire on whole multiples of what.
    throttled: BTreeMap<Viewer, Duration>,
    /// Connections find a candidate more after they were described.
    pub late_candidates: bool,
    /// Where viewers are; who is not named is in a network of its own.
    pub networks: BTreeMap<Viewer, Option<Network>>,
    wakes: u64,
}

impl World {
    pub fn new() -> Self {
        Self::seeded(0)
    }

    /// A world of its own chance.
    pub fn seeded(seed: u64) -> Self {
        Self {
            now: Instant::from_millis(1),
            cdn: Cdn {
                files: BTreeMap::new(),
                latency: Duration::from_millis(20),
                bytes_per_s: 10_000_000,
                faults: Vec::new(),
                sent: BTreeMap::new(),
                requests: Vec::new(),
            },
            viewers: Vec::new(),
            tracker: Tracker::new(tracker::Config::default(), 1 + seed),
            tracker_up: true,
            earned: Vec::new(),
            oracle: Oracle::new(),
            seed,
            connections: BTreeMap::new(),
            queue: BTreeMap::new(),
            sequence: 0,
            next_connection: 0,
            link_latency: Duration::from_millis(5),
            link_bytes_per_s: 10_000_000,
            reachable: |_, _| true,
            relays_only: false,
            unplugged: BTreeSet::new(),
            asleep: None,
            throttled: BTreeMap::new(),
            late_candidates: false,
            networks: BTreeMap::new(),
            wakes: 0,
        }
    }

    pub fn config() -> Config {
        Config {
            tracker_urls: vec!["ws://tracker".to_owned()],
            ..Config::default()
        }
    }

    /// A viewer of `playlist`, joined now.
    pub fn join(&mut self, config: Config, playlist: &str, text: &str) -> Viewer {
        let viewer = self.viewers.len();
        let seed = 1_000 + self.seed * 100_003 + viewer as u64;
        self.viewers.push(Shell {
            engine: Engine::new(config, seed),
            store: BTreeMap::new(),
            payloads: BTreeMap::new(),
            frozen: Vec::new(),
            served: Vec::new(),
            uplink_free_at: Instant::ZERO,
            queued: BTreeMap::new(),
            next_payload: 0,
            next_request: 0,
            outcomes: BTreeMap::new(),
            events: Vec::new(),
            links: BTreeMap::new(),
            vice: None,
            relay: None,
            asked_proofs: 0,
            relayed: BTreeSet::new(),
            candidates: Vec::new(),
            disk: Disk::default(),
            hashed_bytes: 0,
            told_trackers: Vec::new(),
            alive: true,
            trackers: BTreeMap::new(),
            in_fetch: BTreeMap::new(),
            born: self.now,
        });
        self.refresh(viewer, playlist, text);
        viewer
    }

    /// What `viewer` received as its playlist.
    pub fn refresh(&mut self, viewer: Viewer, playlist: &str, text: &str) {
        let url = playlist.to_owned();
        let body = ManifestBody::Hls(text.to_owned());
        self.tell(viewer, Input::Manifest { url, body });
    }

    pub fn ahead(&mut self, viewer: Viewer, ahead_ms: f64) {
        self.tell(
            viewer,
            Input::Playback {
                ahead_ms,
                rate: 1.0,
                moving: true,
            },
        );
    }

    pub fn load(&mut self, viewer: Viewer, url: &str, range: Option<ByteRange>) -> RequestId {
        let shell = &mut self.viewers[viewer];
        shell.next_request += 1;
        let request = RequestId(shell.next_request);
        let url = url.to_owned();
        self.tell(
            viewer,
            Input::Load {
                request,
                url,
                range,
                kind: LoadKind::Media,
            },
        );
        request
    }

    /// Loads and runs until it is answered.
    pub fn fetch(&mut self, viewer: Viewer, url: &str) -> Outcome {
        let request = self.load(viewer, url, None);
        self.settle(viewer, request)
    }

    pub fn settle(&mut self, viewer: Viewer, request: RequestId) -> Outcome {
        for _ in 0..200_000 {
            if let Some(outcome) = self.viewers[viewer].outcomes.get(&request) {
                return outcome.clone();
            }
            assert!(
                self.step(),
                "nothing left to happen, {request:?} of viewer {viewer} open"
            );
        }
        panic!("{request:?} of viewer {viewer} never settled");
    }

    pub fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        while self.next_at().is_some_and(|at| at <= end) {
            self.step();
        }
        self.now = end;
    }

    /// The viewer's process ends without a word.
    pub fn kill(&mut self, viewer: Viewer) {
        self.viewers[viewer].alive = false;
        self.viewers[viewer].in_fetch.clear();
        let links = std::mem::take(&mut self.viewers[viewer].links);
        for (other, link) in links.into_values() {
            self.viewers[other].links.remove(&link);
            self.tell(other, Input::LinkClosed { link });
        }
    }

    /// The link by which `viewer` reaches `other`.
    pub fn link_to(&self, viewer: Viewer, other: Viewer) -> Option<LinkId> {
        let links = &self.viewers[viewer].links;
        let found = links.iter().find(|(_, (peer, _))| *peer == other);
        found.map(|(link, _)| *link)
    }

    /// A message of the block channel that nobody sent reaches `viewer` as if `other` had.
    pub fn forge_block(&mut self, viewer: Viewer, other: Viewer, message: Vec<u8>) {
        self.impersonate(other);
        if let Some(link) = self.link_to(viewer, other) {
            self.deliver(Delivery::Frame(viewer, link, Frame::Block(message)));
        }
    }

    /// A message of the control channel likewise.
    pub fn forge_message(&mut self, viewer: Viewer, other: Viewer, bytes: Vec<u8>) {
        self.impersonate(other);
        if let Some(link) = self.link_to(viewer, other) {
            self.deliver(Delivery::Frame(viewer, link, Frame::Control(bytes)));
        }
    }

    /// Whoever's name is used counts as hostile from here on: it may be dropped.
    fn impersonate(&mut self, viewer: Viewer) {
        self.viewers[viewer]
            .vice
            .get_or_insert_with(|| Box::new(Passing::untouched));
    }

    /// Whether the viewer's engine has raised a warning.
    pub fn has_warned(&self, viewer: Viewer, wanted: WarningCode) -> bool {
        self.viewers[viewer]
            .events
            .iter()
            .any(|event| matches!(event, Event::Warning { code, .. } if *code == wanted))
    }

    /// Links of the viewer's shell that lead to somebody, open yet or not.
    pub fn open_links(&self, viewer: Viewer) -> usize {
        self.viewers[viewer].links.len()
    }

    pub fn cdn_bytes(&self) -> u64 {
        self.cdn.sent.values().sum()
    }

    /// The tracker's operator rules what peers may do.
    pub fn rule(&mut self, room: Option<InfoHash>, policy: tracker::Policy) {
        self.operate(tracker::Input::Policy { room, policy });
    }

    /// What an operator tells the tracker.
    pub fn operate(&mut self, input: tracker::Input) {
        self.tracker.handle_input(self.now, input);
        self.drain_tracker();
    }

    /// A viewer's sockets are gone, and their tracker has not noticed.
    pub fn lose_sockets(&mut self, viewer: Viewer) {
        for (tracker, connection) in std::mem::take(&mut self.viewers[viewer].trackers) {
            self.connections.remove(&connection);
            self.tell(viewer, Input::TrackerClosed { tracker });
        }
    }

    pub fn stop_tracker(&mut self) {
        self.tracker_up = false;
        let all: Vec<(Viewer, TrackerId)> = self.connections.values().copied().collect();
        self.connections.clear();
        for (viewer, tracker) in all {
            self.tell(viewer, Input::TrackerClosed { tracker });
        }
    }

    pub fn tell(&mut self, viewer: Viewer, input: Input) {
        if !self.viewers[viewer].alive {
            return;
        }
        self.witness_input(viewer, &input);
        let now = self.engine_time(viewer);
        self.viewers[viewer].engine.handle_input(now, input);
        self.carry_out(viewer);
    }

    /// Engines count from their own start.
    fn engine_time(&self, viewer: Viewer) -> Instant {
        Instant(self.now.since(self.viewers[viewer].born).as_micros() as u64 + 1)
    }

    fn next_at(&self) -> Option<Instant> {
        let delivery = self.queue.keys().next().map(|(at, _)| *at);
        let wake = self.wake().map(|(at, _)| at);
        [delivery, wake].into_iter().flatten().min()
    }

    fn wake(&self) -> Option<(Instant, Viewer)> {
        self.viewers
            .iter()
            .enumerate()
            .filter(|(_, shell)| shell.alive)
            .filter_map(|(viewer, shell)| {
                let (at, _) = shell.engine.next_timeout()?;
                let at = shell.born + Duration::from_micros(at.0.saturating_sub(1));
                Some((self.fires(viewer, at.max(self.now)), viewer))
            })
            .min()
    }

    /// One thing happens. False when nothing will.
    pub fn step(&mut self) -> bool {
        let delivery = self.queue.keys().next().copied();
        match (delivery, self.wake()) {
            (Some(key), Some((at, viewer))) if at < key.0 => self.fire(at, viewer),
            (None, Some((at, viewer))) => self.fire(at, viewer),
            (Some(key), _) => {
                self.now = self.now.max(key.0);
                if let Some(delivery) = self.queue.remove(&key) {
                    self.deliver(delivery);
                }
            }
            (None, None) => return false,
        }
        true
    }

    fn fire(&mut self, at: Instant, viewer: Viewer) {
        self.wakes = if at > self.now { 0 } else { self.wakes + 1 };
        assert!(
            self.wakes < 1_000,
            "busy loop: viewer {viewer} wakes and nothing moves"
        );
        self.now = self.now.max(at);
        self.tell(viewer, Input::Timeout);
        let now = self.engine_time(viewer);
        if let Some((next, why)) = self.viewers[viewer].engine.next_timeout() {
            assert!(
                next > now,
                "viewer {viewer} wants to be woken in the past: {why:?}"
            );
        }
    }

    fn later(&mut self, span: Duration, delivery: Delivery) {
        self.sequence += 1;
        self.queue
            .insert((self.now + span, self.sequence), delivery);
    }

    fn deliver(&mut self, delivery: Delivery) {
        let Some(delivery) = self.unless_asleep(delivery) else {
            return;
        };
        match delivery {
            Delivery::To(viewer, input) => self.tell(viewer, input),
            Delivery::Frame(viewer, link, frame) => self.receive_frame(viewer, link, frame),
            Delivery::Heard(viewer, link, from, frame) => {
                if self.viewers[viewer].links.contains_key(&link) {
                    self.hear_frame(viewer, link, from, frame);
                }
            }
            Delivery::Sent(viewer, link, len) => {
                let queued = self.viewers[viewer].queued.entry(link).or_default();
                *queued -= len;
                let queued = *queued;
                self.tell(viewer, Input::LinkWritable { link, queued });
            }
            Delivery::Body(viewer, fetch, offset, bytes) => {
                if self.viewers[viewer].in_fetch.contains_key(&fetch) {
                    let len = bytes.len() as u64;
                    let payload = self.payload(viewer, bytes);
                    self.tell(
                        viewer,
                        Input::FetchBody {
                            fetch,
                            payload,
                            offset,
                            len,
                        },
                    );
                    self.check_payload(viewer, payload);
                }
            }
            Delivery::Hashed(viewer, hash, digests) => {
                self.viewers[viewer].frozen.retain(|(id, _, _)| *id != hash);
                self.tell(viewer, Input::Hashed { hash, digests });
            }
            Delivery::Kept(viewer, segment, bytes) => self.deliver_kept(viewer, segment, bytes),
            Delivery::FromTracker(viewer, _, _) if self.unplugged.contains(&viewer) => {}
            Delivery::FromTracker(viewer, tracker, text) => {
                self.tell(viewer, Input::TrackerMessage { tracker, text });
            }
            Delivery::HungUp(connection) => {
                self.connections.remove(&connection);
                let input = tracker::Input::Closed { connection };
                self.tracker.handle_input(self.now, input);
                self.drain_tracker();
            }
            Delivery::ToTracker(connection, text) => {
                if self.connections.contains_key(&connection) {
                    let input = tracker::Input::Message { connection, text };
                    self.tracker.handle_input(self.now, input);
                    self.drain_tracker();
                }
            }
        }
    }

    fn payload(&mut self, viewer: Viewer, bytes: Vec<u8>) -> PayloadId {
        let shell = &mut self.viewers[viewer];
        shell.next_payload += 1;
        let payload = PayloadId(shell.next_payload);
        shell.payloads.insert(payload, bytes);
        payload
    }

    fn check_payload(&self, viewer: Viewer, payload: PayloadId) {
        let left = self.viewers[viewer].payloads.contains_key(&payload);
        assert!(!left, "payload neither placed nor dropped in the same turn");
    }

    fn drain_tracker(&mut self) {
        while let Some(output) = self.tracker.poll_output() {
            match output {
                tracker::Output::Send { connection, text } => {
                    self.word_of_tracker(connection, text);
                }
                tracker::Output::Record(_) | tracker::Output::Tell { .. } => {}
                tracker::Output::Earned { writer, credit } => {
                    self.earned.push(credit.earned);
                    // There is one node.
                    if let tracker::Writer::Here(connection) = writer {
                        self.word_of_tracker(connection, credit.acknowledgement);
                    }
                }
                tracker::Output::Close { connection, .. } => {
                    if let Some((viewer, tracker)) = self.connections.remove(&connection) {
                        self.later(
                            Duration::ZERO,
                            Delivery::To(viewer, Input::TrackerClosed { tracker }),
                        );
                    }
                }
            }
        }
    }

    fn word_of_tracker(&mut self, connection: ConnectionId, text: String) {
        if let Some((viewer, tracker)) = self.connections.get(&connection).copied()
            && self.viewers[viewer].trackers.get(&tracker) == Some(&connection)
        {
            let span = self.link_latency;
            self.later(span, Delivery::FromTracker(viewer, tracker, text));
        }
    }

    fn carry_out(&mut self, viewer: Viewer) {
        while let Some(output) = self.viewers[viewer].engine.poll_output() {
            self.act(viewer, output);
        }
    }
}
