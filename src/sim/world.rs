//! The world: one queue of things to come, one clock, and what each of them does.
//!
//! Invariant: equal scenarios and seeds give equal runs, event by event; the trace's hash says so. It has
//! no opinion on what an engine should do; what engines ask for is carried out by `shell`.

use super::census::Census;
use super::event::Event;
use super::fault::Weather;
use super::oracle::Oracle;
use super::origin::Origin;
use super::queue::Queue;
use super::scenario::{Fault, Scenario};
use super::signals::TRACKER;
use super::trace::Trace;
use super::viewer::{NEVER, Viewer};
use crate::base::{Duration, Instant, Rng, SortedMap};
use crate::engine::{Input, Why};
use crate::tracker::{self, Tracker};

/// From the last byte to the buffer: demuxing and appending.
pub(super) const APPEND: Duration = Duration::from_millis(15);
/// SHA-256 of one message's blocks, there and back.
pub(super) const HASH: Duration = Duration::from_millis(1);

/// Everything.
pub(super) struct World<'a> {
    pub(super) now: Instant,
    pub(super) origin: Origin,
    pub(super) viewers: Vec<Viewer>,
    pub(super) tracker: Tracker,
    pub(super) tracker_armed: bool,
    /// By connection: whose it is, `None` once closed.
    pub(super) sockets: Vec<Option<usize>>,
    pub(super) queue: Queue<Event>,
    pub(super) weather: Weather,
    pub(super) faults: Vec<Fault>,
    pub(super) rng: Rng,
    pub(super) oracle: Oracle,
    pub(super) trace: Trace<'a>,
    pub(super) with_engines: bool,
    pub(super) events: u64,
    /// By content: bytes from the CDN, those for empty buffers, and viewers that got it.
    pub(super) cdn: Vec<u64>,
    pub(super) cdn_first: Vec<u64>,
    pub(super) got: Vec<u32>,
    pub(super) cdn_requests: u64,
    /// Requests and bytes by reason.
    pub(super) asks: SortedMap<Why, (u64, u64)>,
    pub(super) playlist_bytes: u64,
    pub(super) peer_bytes: u64,
    pub(super) control_bytes: u64,
    pub(super) control_messages: u64,
    pub(super) tracker_messages: u64,
    pub(super) census: Census,
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
            asks: SortedMap::new(),
            playlist_bytes: 0,
            peer_bytes: 0,
            control_bytes: 0,
            control_messages: 0,
            tracker_messages: 0,
            census: Census::default(),
        }
    }

    /// Lets everything happen up to `end`.
    pub(super) fn run_until(&mut self, end: Instant) {
        while let Some((at, event)) = self.queue.pop_until(end) {
            self.now = at;
            self.look_around();
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

    pub(super) fn later(&mut self, span: Duration, event: Event) {
        self.queue.push(self.now + span, event);
    }

    fn happen(&mut self, event: Event) {
        self.trace.note(self.now, &event);
        match event {
            Event::Comes(viewer) => self.on_comes(viewer),
            Event::Leaves(viewer) => self.on_leaves(viewer, true),
            Event::Wake(viewer) => self.on_wake(viewer),
            Event::Look(viewer) => self.on_look(viewer),
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
