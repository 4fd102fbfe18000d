//! A small world for engine tests: viewers (an engine and a shell of vectors), links with latency and
//! rate, one CDN, the real tracker, virtual time. It lies where a test tells it to.
//!
//! Invariant: equal calls give equal runs. It has no opinion on what an engine should do, but holds it
//! to its face: one answer a wish, payloads placed or dropped at once, no write under a hash or into what
//! was served, no busy loop.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    reason = "each test binary uses a part of it; a test's numbers are small, its expectations assertions"
)]

use std::collections::BTreeMap;
use swarmline::base::{
    ByteRange, Duration, FetchId, HashId, Instant, LinkId, PayloadId, RequestId, SegmentId,
    TrackerId,
};
use swarmline::engine::{
    Config, Engine, Event, Input, LoadKind, ManifestBody, Output, Seed, Source,
};
use swarmline::integrity::{BLOCK_LEN, Digest, root_of, sha256};
use swarmline::tracker::{self, ConnectionId, Tracker};
use swarmline::wire::BLOCK_HEADER_LEN;

pub type Viewer = usize;

/// What became of a wish.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Ready {
        bytes: Vec<u8>,
        source: Source,
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

/// What a viewer's shell does to what it sends.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vice {
    /// Flips a bit in every block sent.
    pub poison: bool,
    /// Never sends a block.
    pub stall: bool,
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
    next_payload: u32,
    next_request: u32,
    pub outcomes: BTreeMap<RequestId, Outcome>,
    pub events: Vec<Event>,
    /// Link → (the other viewer, its link) once both know.
    links: BTreeMap<LinkId, (Viewer, LinkId)>,
    pub vice: Vice,
    pub alive: bool,
    trackers: BTreeMap<TrackerId, ConnectionId>,
    in_fetch: BTreeMap<FetchId, ()>,
    pub born: Instant,
}

enum Delivery {
    To(Viewer, Input),
    Message(Viewer, LinkId, Vec<u8>),
    Block(Viewer, LinkId, Vec<u8>),
    Body(Viewer, FetchId, u64, Vec<u8>),
    FromTracker(Viewer, TrackerId, String),
    ToTracker(ConnectionId, String),
    Hashed(Viewer, HashId, Vec<Digest>),
}

pub struct World {
    pub now: Instant,
    pub cdn: Cdn,
    pub viewers: Vec<Shell>,
    pub tracker: Tracker,
    pub tracker_up: bool,
    connections: BTreeMap<ConnectionId, (Viewer, TrackerId)>,
    queue: BTreeMap<(Instant, u64), Delivery>,
    sequence: u64,
    next_connection: u64,
    pub link_latency: Duration,
    pub link_bytes_per_s: u64,
    wakes: u64,
}

impl World {
    pub fn new() -> Self {
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
            tracker: Tracker::new(tracker::Config::default(), 1),
            tracker_up: true,
            connections: BTreeMap::new(),
            queue: BTreeMap::new(),
            sequence: 0,
            next_connection: 0,
            link_latency: Duration::from_millis(5),
            link_bytes_per_s: 10_000_000,
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
        let seed = Seed {
            random: 1_000 + viewer as u64,
            info_hash: None,
        };
        self.viewers.push(Shell {
            engine: Engine::new(config, seed),
            store: BTreeMap::new(),
            payloads: BTreeMap::new(),
            frozen: Vec::new(),
            served: Vec::new(),
            uplink_free_at: Instant::ZERO,
            next_payload: 0,
            next_request: 0,
            outcomes: BTreeMap::new(),
            events: Vec::new(),
            links: BTreeMap::new(),
            vice: Vice::default(),
            alive: true,
            trackers: BTreeMap::new(),
            in_fetch: BTreeMap::new(),
            born: self.now,
        });
        let body = ManifestBody::Hls(text.to_owned());
        self.tell(
            viewer,
            Input::Manifest {
                url: playlist.to_owned(),
                body,
            },
        );
        viewer
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
        let links: Vec<(Viewer, LinkId)> = self.viewers[viewer].links.values().copied().collect();
        for (other, link) in links {
            self.viewers[other].links.remove(&link);
            self.tell(other, Input::LinkClosed { link });
        }
    }

    pub fn cdn_bytes(&self) -> u64 {
        self.cdn.sent.values().sum()
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
                Some((at.max(self.now), viewer))
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
        match delivery {
            Delivery::To(viewer, input) => self.tell(viewer, input),
            Delivery::Message(viewer, link, bytes) => {
                if self.viewers[viewer].links.contains_key(&link) {
                    self.tell(viewer, Input::LinkMessage { link, bytes });
                }
            }
            Delivery::Block(viewer, link, bytes) => {
                if self.viewers[viewer].links.contains_key(&link) {
                    let split = bytes.len().min(BLOCK_HEADER_LEN);
                    let (header, rest) = bytes.split_at(split);
                    let payload = self.payload(viewer, rest.to_vec());
                    let (header, len) = (header.to_vec(), rest.len() as u64);
                    self.tell(
                        viewer,
                        Input::LinkBlock {
                            link,
                            payload,
                            header,
                            len,
                        },
                    );
                    self.check_payload(viewer, payload);
                }
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
            Delivery::FromTracker(viewer, tracker, text) => {
                self.tell(viewer, Input::TrackerMessage { tracker, text });
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
                    if let Some((viewer, tracker)) = self.connections.get(&connection).copied() {
                        let span = self.link_latency;
                        self.later(span, Delivery::FromTracker(viewer, tracker, text));
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

    fn carry_out(&mut self, viewer: Viewer) {
        while let Some(output) = self.viewers[viewer].engine.poll_output() {
            self.act(viewer, output);
        }
    }

    #[allow(clippy::too_many_lines, reason = "one arm a variant")]
    fn act(&mut self, viewer: Viewer, output: Output) {
        let at = self.now;
        match output {
            Output::Progress { loaded, total, .. } => {
                assert!(
                    total == 0 || loaded <= total,
                    "progress {loaded} of {total}"
                );
            }
            Output::Ready {
                request,
                segment,
                len,
                source,
                ..
            } => {
                let shell = &mut self.viewers[viewer];
                let bytes = shell.store.get(&segment).expect("Ready names held bytes");
                let bytes = bytes[..len as usize].to_vec();
                let outcome = Outcome::Ready { bytes, source, at };
                assert!(
                    shell.outcomes.insert(request, outcome).is_none(),
                    "answered twice"
                );
            }
            Output::Failed {
                request, status, ..
            } => {
                let outcome = Outcome::Failed { status, at };
                let before = self.viewers[viewer].outcomes.insert(request, outcome);
                assert!(before.is_none(), "answered twice");
            }
            Output::Pass { request } => {
                let before = self.viewers[viewer]
                    .outcomes
                    .insert(request, Outcome::Passed);
                assert!(before.is_none(), "answered twice");
            }
            Output::StartFetch {
                fetch,
                url,
                range,
                offset,
                ..
            } => {
                self.start_fetch(viewer, fetch, &url, range, offset);
            }
            Output::StopFetch { fetch } => {
                self.viewers[viewer].in_fetch.remove(&fetch);
            }
            Output::OpenTracker { tracker, .. } => self.open_tracker(viewer, tracker),
            Output::SendTracker { tracker, text } => {
                if let Some(connection) = self.viewers[viewer].trackers.get(&tracker).copied() {
                    let span = self.link_latency;
                    self.later(span, Delivery::ToTracker(connection, text));
                }
            }
            Output::CloseTracker { tracker } => {
                if let Some(connection) = self.viewers[viewer].trackers.remove(&tracker) {
                    self.connections.remove(&connection);
                    self.tracker
                        .handle_input(at, tracker::Input::Closed { connection });
                    self.drain_tracker();
                }
            }
            Output::CreateOffer { link } => {
                let sdp = format!("offer {viewer} {}", link.0);
                let input = Input::OfferReady { link, sdp };
                self.later(Duration::from_millis(10), Delivery::To(viewer, input));
            }
            Output::AcceptOffer { link, sdp } => {
                let (other, theirs) = parse(&sdp, "offer");
                self.viewers[viewer].links.insert(link, (other, theirs));
                let sdp = format!("answer {viewer} {}", link.0);
                let input = Input::AnswerReady { link, sdp };
                self.later(Duration::from_millis(10), Delivery::To(viewer, input));
            }
            Output::AcceptAnswer { link, sdp } => {
                let (other, theirs) = parse(&sdp, "answer");
                self.viewers[viewer].links.insert(link, (other, theirs));
                let known = self.viewers[other].links.contains_key(&theirs);
                if known && self.viewers[other].alive {
                    for (who, link) in [(viewer, link), (other, theirs)] {
                        let span = self.link_latency * 4;
                        let opened = Input::LinkOpened {
                            link,
                            max_message: 262_144,
                        };
                        self.later(span, Delivery::To(who, opened));
                        let room = Input::LinkWritable {
                            link,
                            room: 262_144,
                        };
                        self.later(span, Delivery::To(who, room));
                    }
                }
            }
            Output::AddCandidate { .. } => {}
            Output::Send { link, bytes } => {
                if let Some((other, theirs)) = self.viewers[viewer].links.get(&link).copied() {
                    let span = self.link_latency;
                    self.later(span, Delivery::Message(other, theirs, bytes));
                }
            }
            Output::SendBlock {
                link,
                header,
                segment,
                offset,
                len,
            } => {
                self.send_block(viewer, link, header, segment, offset, len);
            }
            Output::CloseLink { link } => {
                if let Some((other, theirs)) = self.viewers[viewer].links.remove(&link)
                    && self.viewers[other].links.remove(&theirs).is_some()
                {
                    let input = Input::LinkClosed { link: theirs };
                    self.later(self.link_latency, Delivery::To(other, input));
                }
            }
            Output::Reserve { segment, len } => {
                let buffer = self.viewers[viewer].store.entry(segment).or_default();
                assert!(len as usize >= buffer.len(), "a buffer never shrinks");
                buffer.resize(len as usize, 0);
            }
            Output::Place {
                payload,
                segment,
                parts,
            } => {
                let shell = &mut self.viewers[viewer];
                let bytes = shell
                    .payloads
                    .remove(&payload)
                    .expect("placed payload waits");
                let buffer = shell
                    .store
                    .get_mut(&segment)
                    .expect("placed into a reserved buffer");
                for part in parts {
                    let place = ByteRange {
                        start: part.at,
                        end: part.at + part.len,
                    };
                    let frozen = shell.frozen.iter().map(|(_, id, run)| (id, run));
                    for (id, run) in frozen.chain(shell.served.iter().map(|(id, run)| (id, run))) {
                        let apart = run.end <= place.start || place.end <= run.start;
                        assert!(
                            *id != segment || apart,
                            "a frozen place is written: {place:?}"
                        );
                    }
                    buffer[part.at as usize..(part.at + part.len) as usize].copy_from_slice(
                        &bytes[part.from as usize..(part.from + part.len) as usize],
                    );
                }
            }
            Output::Drop { payload } => {
                let known = self.viewers[viewer].payloads.remove(&payload).is_some();
                assert!(known, "dropped payload waits");
            }
            Output::Hash {
                hash,
                segment,
                blocks,
            } => {
                let shell = &mut self.viewers[viewer];
                let buffer = shell.store.get(&segment).expect("hashed bytes are held");
                let digests = blocks
                    .iter()
                    .map(|run| sha256(&buffer[run.start as usize..run.end as usize]))
                    .collect();
                shell
                    .frozen
                    .extend(blocks.iter().map(|run| (hash, segment, *run)));
                self.later(
                    Duration::from_millis(2),
                    Delivery::Hashed(viewer, hash, digests),
                );
            }
            Output::Evict { segment } => {
                let shell = &mut self.viewers[viewer];
                shell.store.remove(&segment);
                shell.frozen.retain(|(_, id, _)| *id != segment);
                shell.served.retain(|(id, _)| *id != segment);
            }
            Output::Event(event) => self.viewers[viewer].events.push(event),
        }
    }

    fn open_tracker(&mut self, viewer: Viewer, tracker: TrackerId) {
        if !self.tracker_up {
            let input = Input::TrackerClosed { tracker };
            return self.later(self.link_latency, Delivery::To(viewer, input));
        }
        self.next_connection += 1;
        let connection = ConnectionId(self.next_connection);
        self.connections.insert(connection, (viewer, tracker));
        self.viewers[viewer].trackers.insert(tracker, connection);
        self.tracker
            .handle_input(self.now, tracker::Input::Opened { connection });
        self.later(
            self.link_latency,
            Delivery::To(viewer, Input::TrackerOpened { tracker }),
        );
    }

    fn send_block(
        &mut self,
        viewer: Viewer,
        link: LinkId,
        header: Vec<u8>,
        segment: SegmentId,
        offset: u64,
        len: u64,
    ) {
        let Some((other, theirs)) = self.viewers[viewer].links.get(&link).copied() else {
            return;
        };
        let vice = self.viewers[viewer].vice;
        let held = &self.viewers[viewer].store[&segment];
        let mut message = header;
        message.extend_from_slice(&held[offset as usize..(offset + len) as usize]);
        if vice.poison
            && let Some(last) = message.last_mut()
        {
            *last ^= 1;
        }
        let cost = message.len() as u64;
        let transfer = Duration::from_micros(cost * 1_000_000 / self.link_bytes_per_s);
        let shell = &mut self.viewers[viewer];
        shell.served.push((
            segment,
            ByteRange {
                start: offset,
                end: offset + len,
            },
        ));
        shell.uplink_free_at = shell.uplink_free_at.max(self.now) + transfer;
        let transfer = shell.uplink_free_at.since(self.now);
        if !vice.stall {
            let span = self.link_latency + transfer;
            self.later(span, Delivery::Block(other, theirs, message));
        }
        let room = Input::LinkWritable {
            link,
            room: 262_144,
        };
        self.later(transfer, Delivery::To(viewer, room));
    }

    fn start_fetch(
        &mut self,
        viewer: Viewer,
        fetch: FetchId,
        url: &str,
        range: Option<ByteRange>,
        offset: u64,
    ) {
        self.viewers[viewer].in_fetch.insert(fetch, ());
        self.cdn.requests.push((viewer, url.to_owned(), range));
        let fault = self
            .cdn
            .faults
            .iter()
            .find(|(word, _)| url.contains(word))
            .map(|(_, f)| f.clone());
        let wait = self.cdn.latency;
        let status = match (&fault, self.cdn.files.get(url)) {
            (Some(Fault::Silent), _) => return,
            (Some(Fault::Status(status)), _) => Some(*status),
            (_, None) => Some(404),
            (_, Some(_)) => None,
        };
        if let Some(status) = status {
            let input = Input::FetchFailed {
                fetch,
                status,
                timed_out: false,
            };
            return self.later(wait, Delivery::To(viewer, input));
        }
        let ranged = range.is_some() && fault != Some(Fault::NoRanges);
        let file = &self.cdn.files[url];
        let run = range.filter(|_| ranged).unwrap_or(ByteRange {
            start: 0,
            end: file.len() as u64,
        });
        let mut bytes = file[run.start as usize..(run.end as usize).min(file.len())].to_vec();
        if fault == Some(Fault::Corrupt) {
            bytes.iter_mut().for_each(|byte| *byte ^= 0xff);
        }
        *self.cdn.sent.entry(url.to_owned()).or_default() += bytes.len() as u64;
        let length = Some(bytes.len() as u64);
        let status = if ranged { 206 } else { 200 };
        let head = Input::FetchHead {
            fetch,
            status,
            length,
            partial: ranged,
        };
        self.later(wait, Delivery::To(viewer, head));
        let mut at = 0;
        let start = if ranged { offset } else { 0 };
        // Chunks of an odd size, so that they never fall on block borders.
        for chunk in bytes.chunks(30_011) {
            let span = Duration::from_micros(at * 1_000_000 / self.cdn.bytes_per_s);
            let body = Delivery::Body(viewer, fetch, start + at, chunk.to_vec());
            self.later(wait + span, body);
            at += chunk.len() as u64;
        }
        let span = Duration::from_micros(at * 1_000_000 / self.cdn.bytes_per_s);
        self.later(
            wait + span,
            Delivery::To(viewer, Input::FetchDone { fetch }),
        );
    }
}

fn parse(sdp: &str, kind: &str) -> (Viewer, LinkId) {
    let words: Vec<&str> = sdp.split(' ').collect();
    assert_eq!(words[0], kind);
    (
        words[1].parse().expect("viewer"),
        LinkId(words[2].parse().expect("link")),
    )
}

/// Bytes of a made-up segment, different for each number.
pub fn content(number: u64, len: usize) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect()
}

pub fn root(bytes: &[u8]) -> Digest {
    let leaves: Vec<Digest> = bytes.chunks(BLOCK_LEN as usize).map(sha256).collect();
    root_of(&leaves)
}

pub const BASE: &str = "http://cdn/show/";

pub fn url(number: u64) -> String {
    format!("{BASE}seg-{number}.m4s")
}

/// A VOD playlist of `count` segments of `len` bytes; its files are put on the CDN.
pub fn vod(world: &mut World, count: u64, len: usize, signed: bool) -> String {
    let mut text =
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-PLAYLIST-TYPE:VOD\n".to_owned();
    for number in 0..count {
        let bytes = content(number, len + number as usize);
        if signed {
            text.push_str(&digest_line(&bytes));
        }
        text.push_str(&format!("#EXTINF:4.0,\nseg-{number}.m4s\n"));
        world.cdn.files.insert(url(number), bytes);
    }
    text.push_str("#EXT-X-ENDLIST\n");
    text
}

/// The publisher's line for a segment.
pub fn digest_line(bytes: &[u8]) -> String {
    use base64::Engine as _;
    let root = base64::engine::general_purpose::STANDARD.encode(root(bytes).0);
    format!(
        "#EXT-X-SWARMLINE-DIGEST:SIZE={},ROOT=\"{root}\"\n",
        bytes.len()
    )
}

pub fn playlist() -> String {
    format!("{BASE}index.m3u8")
}

/// Which requests went to the CDN for segment `number`.
pub fn asked(world: &World, number: u64) -> usize {
    world
        .cdn
        .requests
        .iter()
        .filter(|(_, asked, _)| *asked == url(number))
        .count()
}
