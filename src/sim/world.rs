//! The world: one queue of things to come, one clock, and what each of them does.
//!
//! Invariant: equal scenarios and seeds give equal runs, event by event; the trace's hash says so. It has
//! no opinion on what an engine should do; what engines ask for is carried out by `shell`.

use super::fault::Weather;
use super::link::{BlockMessage, CHANNEL_FULL};
use super::oracle::{Oracle, Promise};
use super::origin::Origin;
use super::player::Step;
use super::queue::Queue;
use super::scenario::{Fault, Scenario};
use super::store::Taint;
use super::trace::Trace;
use super::viewer::{Fetch, Loader, NEVER, Viewer, Wish};
use crate::base::{Duration, HashId, Instant, LinkId, RequestId, Rng, TrackerId};
use crate::engine::{Input, LoadKind, ManifestBody};
use crate::integrity::{BLOCK_LEN, Digest};
use crate::tracker::{self, ConnectionId, Tracker};
use crate::wire::PeerMessage;

/// The tracker of every engine.
pub(super) const TRACKER: TrackerId = TrackerId(0);
/// Bytes of one piece of a response: a few of TCP's windows.
const CHUNK: u64 = 4 * BLOCK_LEN;
/// From the last byte to the buffer: demuxing and appending.
pub(super) const APPEND: Duration = Duration::from_millis(15);
/// SHA-256 of one message's blocks, there and back.
pub(super) const HASH: Duration = Duration::from_millis(1);
/// A peer whose process died is noticed after so long (ICE consent, RFC 7675).
const LOST: Duration = Duration::from_secs(8);
/// A wish that is open so long while the CDN works was forgotten.
const FORGOTTEN: Duration = Duration::from_secs(60);
/// Longest message either channel takes.
const MESSAGE_MAX: u32 = 256 << 10;

/// Something that happens.
#[derive(Debug)]
pub(super) enum Event {
    Comes(usize),
    Leaves(usize),
    /// An alarm of the engine; it counts if it is still set for this moment.
    Wake(usize),
    /// An alarm of the player.
    Look(usize),
    /// The player tries again what failed.
    Again(usize),
    Seek(usize),
    /// The player has the segment of this wish in its buffer.
    Appended(usize, RequestId, Wish),
    Playlist {
        viewer: usize,
        level: usize,
        listed: Option<(u64, u64)>,
    },
    /// The CDN begins to answer.
    Answer(usize, Loader),
    Chunk {
        viewer: usize,
        loader: Loader,
        len: u64,
    },
    /// A control message is there.
    Control {
        to: usize,
        link: LinkId,
        bytes: Vec<u8>,
    },
    /// The last bit of a block message stands before the downlink, or (`passed`) is through it.
    Block {
        to: usize,
        link: LinkId,
        message: Box<BlockMessage>,
        passed: bool,
    },
    UplinkFree(usize),
    Opened(usize, LinkId),
    Closed(usize, LinkId),
    Hashed {
        viewer: usize,
        hash: HashId,
        digests: Vec<Digest>,
    },
    ToTracker(ConnectionId, String),
    FromTracker(usize, ConnectionId, String),
    /// A socket opened, or closed or never opened.
    Socket(usize, ConnectionId, bool),
    Offer(usize, LinkId, bool),
    TrackerWakes,
    Weather,
}

impl Event {
    /// A number for its kind, its viewer, and something of what it carries.
    pub(super) fn summary(&self) -> (u8, usize, u64) {
        match self {
            Self::Comes(viewer) => (0, *viewer, 0),
            Self::Leaves(viewer) => (1, *viewer, 0),
            Self::Wake(viewer) => (2, *viewer, 0),
            Self::Look(viewer) => (3, *viewer, 0),
            Self::Again(viewer) => (4, *viewer, 0),
            Self::Seek(viewer) => (5, *viewer, 0),
            Self::Appended(viewer, _, wish) => (6, *viewer, wish.number),
            Self::Playlist { viewer, listed, .. } => (7, *viewer, listed.map_or(0, |l| l.1)),
            Self::Answer(viewer, _) => (8, *viewer, 0),
            Self::Chunk { viewer, len, .. } => (9, *viewer, *len),
            Self::Control { to, bytes, .. } => (10, *to, bytes.len() as u64),
            Self::Block { to, message, .. } => (11, *to, message.len),
            Self::UplinkFree(viewer) => (12, *viewer, 0),
            Self::Opened(viewer, link) => (13, *viewer, u64::from(link.0)),
            Self::Closed(viewer, link) => (14, *viewer, u64::from(link.0)),
            Self::Hashed {
                viewer, digests, ..
            } => (15, *viewer, digests.len() as u64),
            Self::ToTracker(connection, text) => (16, 0, connection.0 << 32 | text.len() as u64),
            Self::FromTracker(viewer, _, text) => (17, *viewer, text.len() as u64),
            Self::Socket(viewer, _, open) => (18, *viewer, u64::from(*open)),
            Self::Offer(viewer, link, _) => (19, *viewer, u64::from(link.0)),
            Self::TrackerWakes => (20, 0, 0),
            Self::Weather => (21, 0, 0),
        }
    }
}

/// Everything.
pub(super) struct World<'a> {
    pub(super) now: Instant,
    pub(super) origin: Origin,
    pub(super) viewers: Vec<Viewer>,
    pub(super) tracker: Tracker,
    tracker_armed: bool,
    /// By connection: whose it is, `None` once closed.
    pub(super) sockets: Vec<Option<usize>>,
    pub(super) queue: Queue<Event>,
    pub(super) weather: Weather,
    faults: Vec<Fault>,
    pub(super) rng: Rng,
    pub(super) oracle: Oracle,
    pub(super) trace: Trace<'a>,
    with_engines: bool,
    pub(super) events: u64,
    /// By content: bytes from the CDN, those for empty buffers, and viewers that got it.
    pub(super) cdn: Vec<u64>,
    pub(super) cdn_first: Vec<u64>,
    pub(super) got: Vec<u32>,
    pub(super) cdn_requests: u64,
    pub(super) playlist_bytes: u64,
    pub(super) peer_bytes: u64,
    pub(super) control_bytes: u64,
    pub(super) tracker_messages: u64,
}

impl<'a> World<'a> {
    /// A world in which nothing has happened. Without engines it is the control: the same viewers with
    /// players alone.
    pub(super) fn new(
        scenario: &Scenario,
        seed: u64,
        with_engines: bool,
        trace: Trace<'a>,
    ) -> Self {
        let mut rng = Rng::new(seed);
        let viewers = Viewer::all(scenario, &mut rng.fork());
        let origin = Origin::new(scenario);
        let titles = origin.titles().count();
        let mut queue = Queue::new();
        for (index, viewer) in viewers.iter().enumerate() {
            queue.push(viewer.comes, Event::Comes(index));
        }
        for change in Weather::changes(&scenario.fault) {
            queue.push(change, Event::Weather);
        }
        Self {
            now: Instant::ZERO,
            origin,
            viewers,
            tracker: Tracker::new(tracker::Config::default(), u64::from(rng.next_u32())),
            tracker_armed: false,
            sockets: Vec::new(),
            queue,
            weather: Weather::at(Instant::ZERO, &scenario.fault),
            faults: scenario.fault.clone(),
            rng: rng.fork(),
            oracle: Oracle::default(),
            trace,
            with_engines,
            events: 0,
            cdn: vec![0; titles],
            cdn_first: vec![0; titles],
            got: vec![0; titles],
            cdn_requests: 0,
            playlist_bytes: 0,
            peer_bytes: 0,
            control_bytes: 0,
            tracker_messages: 0,
        }
    }

    /// Lets everything happen up to `end`.
    pub(super) fn run_until(&mut self, end: Instant) {
        while let Some((at, event)) = self.queue.pop_until(end) {
            self.now = at;
            self.events += 1;
            self.happen(event);
        }
        self.now = end;
        for viewer in 0..self.viewers.len() {
            if self.viewers[viewer].here {
                self.check_forgotten(viewer);
                self.viewers[viewer].player.finish(end, false);
                let stats = self.viewers[viewer]
                    .engine
                    .as_ref()
                    .map(|engine| engine.stats());
                self.viewers[viewer].stats = stats;
            }
        }
    }

    fn check_forgotten(&mut self, viewer: usize) {
        let now = self.now;
        let wishes = &self.viewers[viewer].wishes;
        if wishes
            .iter()
            .any(|(_, wish)| now.since(wish.asked) > FORGOTTEN)
        {
            let what = "a wish was open for more than a minute";
            self.oracle.broken(now, viewer, Promise::OneOutcome, what);
        }
    }

    pub(super) fn later(&mut self, span: Duration, event: Event) {
        self.queue.push(self.now + span, event);
    }

    fn happen(&mut self, event: Event) {
        self.trace.note(self.now, &event);
        match event {
            Event::Comes(viewer) => self.on_comes(viewer),
            Event::Leaves(viewer) => self.on_leaves(viewer, true),
            Event::Wake(viewer) => self.on_wake(viewer),
            Event::Look(viewer) => {
                if self.viewers[viewer].look_at == self.now {
                    self.viewers[viewer].look_at = NEVER;
                    self.look(viewer);
                }
            }
            Event::Again(viewer) => self.look(viewer),
            Event::Seek(viewer) => self.on_seek(viewer),
            Event::Appended(viewer, request, wish) => self.on_appended(viewer, request, wish),
            Event::Playlist {
                viewer,
                level,
                listed,
            } => self.on_playlist(viewer, level, listed),
            Event::Answer(viewer, loader) => self.on_answer(viewer, loader),
            Event::Chunk {
                viewer,
                loader,
                len,
            } => self.on_chunk(viewer, loader, len),
            Event::Control { to, link, bytes } => {
                if self.is_open(to, link) {
                    self.tell(to, Input::LinkMessage { link, bytes });
                }
            }
            Event::Block {
                to,
                link,
                message,
                passed,
            } => self.on_block(to, link, message, passed),
            Event::UplinkFree(viewer) => self.on_uplink_free(viewer),
            Event::Opened(viewer, link) => self.on_opened(viewer, link),
            Event::Closed(viewer, link) => {
                if self.viewers[viewer].links.remove(link).is_some() {
                    self.tell(viewer, Input::LinkClosed { link });
                }
            }
            Event::Hashed {
                viewer,
                hash,
                digests,
            } => {
                if self.viewers[viewer].store.hashed(hash) {
                    self.tell(viewer, Input::Hashed { hash, digests });
                }
            }
            Event::ToTracker(connection, text) => self.on_to_tracker(connection, text),
            Event::FromTracker(viewer, connection, text) => {
                if self.viewers[viewer].connection == Some(connection) {
                    self.tell(
                        viewer,
                        Input::TrackerMessage {
                            tracker: TRACKER,
                            text,
                        },
                    );
                }
            }
            Event::Socket(viewer, connection, open) => self.on_socket(viewer, connection, open),
            Event::Offer(viewer, link, ours) => self.on_offer(viewer, link, ours),
            Event::TrackerWakes => {
                self.tracker_armed = false;
                self.tell_tracker(tracker::Input::Timeout);
            }
            Event::Weather => self.on_weather(),
        }
    }

    fn is_open(&self, viewer: usize, link: LinkId) -> bool {
        let links = &self.viewers[viewer].links.all;
        links.get(&link).is_some_and(|link| link.open)
    }

    // --- viewers ---

    fn on_comes(&mut self, viewer: usize) {
        let it = &mut self.viewers[viewer];
        it.here = true;
        if self.with_engines {
            it.start_engine();
        }
        if let Some(at) = it.leaves {
            self.queue.push(at, Event::Leaves(viewer));
        }
        self.plan_seek(viewer);
        if let Some((url, text)) = self.origin.master() {
            self.playlist_bytes += text.len() as u64;
            let body = ManifestBody::Hls(text);
            self.tell(viewer, Input::Manifest { url, body });
        }
        self.look(viewer);
    }

    /// The viewer goes: `watched` a part, or (by the player's word) all of it.
    fn on_leaves(&mut self, viewer: usize, in_the_middle: bool) {
        if !core::mem::take(&mut self.viewers[viewer].here) {
            return;
        }
        self.check_forgotten(viewer);
        let it = &mut self.viewers[viewer];
        it.left_at = Some(self.now);
        it.player.finish(self.now, !in_the_middle);
        it.stats = it.engine.as_ref().map(|engine| engine.stats());
        if it.polite {
            self.tell(viewer, Input::Shutdown);
        }
        let it = &mut self.viewers[viewer];
        it.engine = None;
        it.fetches.clear();
        it.wishes.clear();
        it.store.clear();
        let links: Vec<LinkId> = it.links.all.keys().copied().collect();
        for link in links {
            if let Some(gone) = self.viewers[viewer].links.remove(link) {
                let (other, theirs) = gone.other;
                self.later(LOST, Event::Closed(other, theirs));
            }
        }
        self.close_socket(viewer);
    }

    fn plan_seek(&mut self, viewer: usize) {
        let it = &mut self.viewers[viewer];
        if it.kind.seeks_per_minute > 0.0 {
            let span = -(1.0 - it.rng.unit()).ln() * 60.0 / it.kind.seeks_per_minute;
            self.later(Duration::from_secs_f64(span), Event::Seek(viewer));
        }
    }

    fn on_seek(&mut self, viewer: usize) {
        if !self.viewers[viewer].here {
            return;
        }
        let (first, last) = self.origin.listed(self.now);
        let it = &mut self.viewers[viewer];
        let span = u32::try_from(last - first + 1).unwrap_or(1);
        let number = first + u64::from(it.rng.below(span));
        if it.player.seek(self.now, number)
            && let Some(request) = it.current.take()
        {
            it.wishes.remove(&request);
            it.fetches.remove(&Loader::Own(request));
            self.tell(viewer, Input::Abort { request });
        }
        self.plan_seek(viewer);
        self.look(viewer);
    }

    /// Lets the player do what it does next.
    pub(super) fn look(&mut self, viewer: usize) {
        if !self.viewers[viewer].here {
            return;
        }
        loop {
            match self.viewers[viewer].player.step(self.now) {
                Step::Refresh(level) => self.ask_playlist(viewer, level),
                Step::Load {
                    level,
                    number,
                    first,
                } => self.load(viewer, level, number, first),
                Step::Wait(at) => {
                    let it = &mut self.viewers[viewer];
                    let at = it.fires(at);
                    if at < it.look_at {
                        it.look_at = at;
                        self.queue.push(at, Event::Look(viewer));
                    }
                    return;
                }
                Step::Idle => return,
                Step::End(at) if at <= self.now => return self.on_leaves(viewer, false),
                Step::End(at) => {
                    self.viewers[viewer].look_at = at;
                    return self.queue.push(at, Event::Look(viewer));
                }
            }
        }
    }

    fn ask_playlist(&mut self, viewer: usize, level: usize) {
        let latency = self.viewers[viewer].latency;
        let fails = self.rng.unit() < self.weather.cdn_errors;
        let served = self.now + latency;
        let listed = (!fails).then(|| self.origin.listed(served));
        let bytes = listed.map_or(0, |(first, last)| {
            self.origin.playlist(level, first, last).1.len() as u64
        });
        self.playlist_bytes += bytes;
        let sent = self.origin.send(served, bytes, &self.weather).since(served);
        let span = latency * 2 + self.origin.latency(&self.weather) + sent;
        self.later(
            span,
            Event::Playlist {
                viewer,
                level,
                listed,
            },
        );
    }

    fn on_playlist(&mut self, viewer: usize, level: usize, listed: Option<(u64, u64)>) {
        if !self.viewers[viewer].here {
            return;
        }
        let Some((first, last)) = listed else {
            let at = self.viewers[viewer].player.on_no_playlist(self.now);
            return self.queue.push(at, Event::Again(viewer));
        };
        if self.viewers[viewer].engine.is_some() {
            let (url, text) = self.origin.playlist(level, first, last);
            let body = ManifestBody::Hls(text.to_owned());
            self.tell(viewer, Input::Manifest { url, body });
        }
        self.viewers[viewer]
            .player
            .on_playlist(self.now, level, first, last);
        self.look(viewer);
    }

    fn load(&mut self, viewer: usize, level: usize, number: u64, first: bool) {
        let Some(title) = self.origin.title(level, number) else {
            return;
        };
        let url = title.url.clone();
        let it = &mut self.viewers[viewer];
        it.last_request += 1;
        let request = RequestId(it.last_request);
        it.current = Some(request);
        let asked = self.now;
        it.wishes.insert(
            request,
            Wish {
                level,
                number,
                first,
                asked,
            },
        );
        if it.engine.is_none() {
            return self.fetch_own(viewer, request);
        }
        let (ahead_ms, moving) = (it.player.ahead_s(asked) * 1e3, it.player.is_moving());
        self.tell(
            viewer,
            Input::Playback {
                ahead_ms,
                rate: 1.0,
                moving,
            },
        );
        let kind = LoadKind::Media;
        self.tell(
            viewer,
            Input::Load {
                request,
                url,
                range: None,
                kind,
            },
        );
    }

    /// The player's own loader takes the segment from the CDN.
    pub(super) fn fetch_own(&mut self, viewer: usize, request: RequestId) {
        let Some(wish) = self.viewers[viewer].wishes.get(&request).copied() else {
            return;
        };
        let Some(title) = self.origin.title(wish.level, wish.number) else {
            return;
        };
        let fetch = Fetch {
            content: title.content,
            position: 0,
            end: title.size,
            partial: false,
            asked: self.now,
            first_byte: None,
            first: wish.first,
        };
        self.begin_fetch(viewer, Loader::Own(request), fetch);
    }

    fn on_appended(&mut self, viewer: usize, request: RequestId, wish: Wish) {
        let it = &mut self.viewers[viewer];
        if !it.here || it.current != Some(request) {
            return;
        }
        it.current = None;
        let edge = self.origin.edge_s(self.now);
        it.player
            .on_appended(self.now, wish.level, wish.number, edge);
        let (ahead_ms, moving) = (it.player.ahead_s(self.now) * 1e3, true);
        self.tell(
            viewer,
            Input::Playback {
                ahead_ms,
                rate: 1.0,
                moving,
            },
        );
        self.look(viewer);
    }

    // --- the CDN ---

    pub(super) fn begin_fetch(&mut self, viewer: usize, loader: Loader, fetch: Fetch) {
        self.viewers[viewer].fetches.insert(loader, fetch);
        self.cdn_requests += 1;
        let span = self.viewers[viewer].latency * 2 + self.origin.latency(&self.weather);
        self.later(span, Event::Answer(viewer, loader));
    }

    fn on_answer(&mut self, viewer: usize, loader: Loader) {
        let Some(fetch) = self.viewers[viewer].fetches.get(&loader).copied() else {
            return;
        };
        if self.rng.unit() < self.weather.cdn_errors {
            self.viewers[viewer].fetches.remove(&loader);
            return match loader {
                Loader::Engine(fetch) => {
                    let (status, timed_out) = (503, false);
                    self.tell(
                        viewer,
                        Input::FetchFailed {
                            fetch,
                            status,
                            timed_out,
                        },
                    );
                }
                Loader::Own(request) => self.fail(viewer, request),
            };
        }
        if let Loader::Engine(id) = loader {
            let status = if fetch.partial { 206 } else { 200 };
            let head = Input::FetchHead {
                fetch: id,
                status,
                length: Some(fetch.end - fetch.position),
                partial: fetch.partial,
            };
            self.tell(viewer, head);
        }
        self.send_chunk(viewer, loader);
    }

    fn send_chunk(&mut self, viewer: usize, loader: Loader) {
        let it = &mut self.viewers[viewer];
        let Some(fetch) = it.fetches.get_mut(&loader) else {
            return;
        };
        fetch.first_byte.get_or_insert(self.now);
        let len = CHUNK.min(fetch.end - fetch.position);
        self.cdn[fetch.content.index()] += len;
        self.cdn_first[fetch.content.index()] += if fetch.first { len } else { 0 };
        it.cdn_bytes += len;
        let there = self.origin.send(self.now, len, &self.weather);
        let through = it.links.down.pass(self.now, there, len);
        self.queue.push(
            through,
            Event::Chunk {
                viewer,
                loader,
                len,
            },
        );
    }

    fn on_chunk(&mut self, viewer: usize, loader: Loader, len: u64) {
        let it = &mut self.viewers[viewer];
        let Some(fetch) = it.fetches.get_mut(&loader) else {
            return;
        };
        let (content, start) = (fetch.content, fetch.position);
        fetch.position += len;
        let (fetch, done) = (*fetch, fetch.position >= fetch.end);
        if done {
            it.fetches.remove(&loader);
        }
        match loader {
            Loader::Engine(id) => {
                let payload = it.store.wait(Taint {
                    content,
                    start,
                    len,
                });
                self.tell(
                    viewer,
                    Input::FetchBody {
                        fetch: id,
                        payload,
                        offset: start,
                        len,
                    },
                );
                self.check_payload(viewer);
                if done {
                    self.tell(viewer, Input::FetchDone { fetch: id });
                }
            }
            Loader::Own(request) if done => {
                let seconds = self
                    .now
                    .since(fetch.first_byte.unwrap_or(fetch.asked))
                    .as_secs_f64();
                self.deliver(viewer, request, fetch.end, seconds);
            }
            Loader::Own(_) => {}
        }
        if !done {
            self.send_chunk(viewer, loader);
        }
    }

    // --- links ---

    fn on_block(&mut self, to: usize, link: LinkId, message: Box<BlockMessage>, passed: bool) {
        if !self.is_open(to, link) {
            return;
        }
        let bytes = message.len + message.header.len() as u64;
        if !passed {
            let through = self.viewers[to]
                .links
                .down
                .pass(message.sent, self.now, bytes);
            if through > self.now {
                let event = Event::Block {
                    to,
                    link,
                    message,
                    passed: true,
                };
                return self.queue.push(through, event);
            }
        }
        self.peer_bytes += message.len;
        let BlockMessage {
            header, taint, len, ..
        } = *message;
        let payload = self.viewers[to].store.wait(taint);
        self.tell(
            to,
            Input::LinkBlock {
                link,
                payload,
                header,
                len,
            },
        );
        self.check_payload(to);
    }

    fn check_payload(&mut self, viewer: usize) {
        let it = &mut self.viewers[viewer];
        if it.engine.is_some() && it.store.is_waiting() {
            let what = "a payload is neither placed nor dropped";
            self.oracle.broken(self.now, viewer, Promise::Store, what);
        }
    }

    fn on_uplink_free(&mut self, viewer: usize) {
        if let Some((link, mut message, (to, theirs), room)) = self.viewers[viewer].links.end() {
            let span = self.viewers[viewer].latency + self.viewers[to].latency;
            message.sent = message.sent + span;
            let (link_there, passed) = (theirs, false);
            let message = Box::new(message);
            self.later(
                span,
                Event::Block {
                    to,
                    link: link_there,
                    message,
                    passed,
                },
            );
            if let Some(room) = room {
                self.tell(viewer, Input::LinkWritable { link, room });
            }
        }
        self.begin_upload(viewer);
    }

    /// Begins the next message of an uplink that is free.
    pub(super) fn begin_upload(&mut self, viewer: usize) {
        if let Some(at) = self.viewers[viewer].links.begin(self.now) {
            self.queue.push(at, Event::UplinkFree(viewer));
        }
    }

    fn on_opened(&mut self, viewer: usize, link: LinkId) {
        if !self.viewers[viewer].links.set_open(link) {
            return;
        }
        let max_message = MESSAGE_MAX;
        self.tell(viewer, Input::LinkOpened { link, max_message });
        self.tell(
            viewer,
            Input::LinkWritable {
                link,
                room: CHANNEL_FULL,
            },
        );
        let it = &self.viewers[viewer];
        if it.links.open > it.kind.max_peers as usize {
            self.oracle
                .broken(self.now, viewer, Promise::Caps, "more links than maxPeers");
        }
    }

    /// Whether a control message is lost on the way.
    pub(super) fn loses(&mut self, bytes: &[u8]) -> bool {
        self.weather.haves_lost > 0.0
            && matches!(PeerMessage::decode(bytes), Ok(PeerMessage::Have(_)))
            && self.rng.unit() < self.weather.haves_lost
    }

    // --- the tracker and the weather ---

    fn on_to_tracker(&mut self, connection: ConnectionId, text: String) {
        if self.socket_owner(connection).is_some() {
            self.tracker_messages += 1;
            self.tell_tracker(tracker::Input::Message { connection, text });
        }
    }

    pub(super) fn tell_tracker(&mut self, input: tracker::Input) {
        self.tracker.handle_input(self.now, input);
        while let Some(output) = self.tracker.poll_output() {
            match output {
                tracker::Output::Send { connection, text } => {
                    if let Some(viewer) = self.socket_owner(connection) {
                        self.tracker_messages += 1;
                        let span = self.viewers[viewer].latency;
                        self.later(span, Event::FromTracker(viewer, connection, text));
                    }
                }
                tracker::Output::Close { connection, .. } => {
                    if let Some(viewer) = self.socket_owner(connection) {
                        self.set_socket(connection, None);
                        let span = self.viewers[viewer].latency;
                        self.later(span, Event::Socket(viewer, connection, false));
                    }
                }
            }
        }
        if !self.tracker_armed
            && let Some(at) = self.tracker.next_timeout()
        {
            self.tracker_armed = true;
            self.queue.push(at.max(self.now), Event::TrackerWakes);
        }
    }

    fn on_weather(&mut self) {
        let was_up = self.weather.tracker_up;
        self.weather = Weather::at(self.now, &self.faults);
        if was_up && !self.weather.tracker_up {
            for index in 0..self.sockets.len() {
                if let Some(viewer) = self.sockets[index].take() {
                    let connection = ConnectionId(index as u64);
                    self.tell_tracker(tracker::Input::Closed { connection });
                    self.later(Duration::ZERO, Event::Socket(viewer, connection, false));
                }
            }
        }
    }

    // --- engines ---

    fn on_wake(&mut self, viewer: usize) {
        let it = &mut self.viewers[viewer];
        if it.wake_at != self.now {
            return;
        }
        it.wake_at = NEVER;
        if it.next_wake().is_some_and(|at| at <= self.now) {
            self.tell(viewer, Input::Timeout);
            let it = &mut self.viewers[viewer];
            let next = it.next_wake();
            self.oracle.woken(self.now, viewer, &mut it.wakes, next);
        } else {
            self.arm(viewer);
        }
    }

    /// Gives an engine one input and carries out what follows.
    pub(super) fn tell(&mut self, viewer: usize, input: Input) {
        let it = &mut self.viewers[viewer];
        let now = it.engine_time(self.now);
        let Some(engine) = &mut it.engine else {
            return;
        };
        engine.handle_input(now, input);
        loop {
            let engine = self.viewers[viewer].engine.as_mut();
            let Some(output) = engine.and_then(|engine| engine.poll_output()) else {
                break;
            };
            self.act(viewer, output);
        }
        self.arm(viewer);
    }

    /// Sets the engine's alarm, if it is sooner than the one that is set; a later one is set when that
    /// fires.
    fn arm(&mut self, viewer: usize) {
        let it = &mut self.viewers[viewer];
        let Some(at) = it.next_wake() else {
            return;
        };
        let at = it.fires(at.max(self.now));
        if at < it.wake_at {
            it.wake_at = at;
            self.queue.push(at, Event::Wake(viewer));
        }
    }
}
