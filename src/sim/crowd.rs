//! Some of the viewers, and what happens to them while a page of time goes by: viewer by viewer, and to
//! each of them in order.
//!
//! Invariant: nothing that one viewer does reaches another one, or the tracker, on the same page, because
//! it travels longer than that. So the viewers of a page are independent, and who they share a crowd with
//! makes no difference. It has no opinion on what an engine should do; what engines ask for is carried
//! out by `shell`.

use super::event::Event;
use super::fault::Weather;
use super::nat::Nat;
use super::office::Letter;
use super::origin::Origin;
use super::queue::{Calendar, Entry, insert};
use super::scenario::Fault;
use super::signals::TRACKER;
use super::tally::Tally;
use super::viewer::{NEVER, Viewer};
use crate::base::{Duration, Instant};
use crate::engine::Input;
use core::ops::{Index, IndexMut};
use std::sync::Arc;

/// From the last byte to the buffer: demuxing and appending.
pub(super) const APPEND: Duration = Duration::from_millis(15);
/// SHA-256 of one message's blocks, there and back.
pub(super) const HASH: Duration = Duration::from_millis(1);

/// What does not change: all crowds look at the same.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) origin: Origin,
    pub(super) faults: Vec<Fault>,
    /// By viewer: what others must know of it.
    pub(super) latencies: Vec<Duration>,
    pub(super) nats: Vec<Nat>,
    pub(super) with_engines: bool,
    /// Somebody reads what engines tell of.
    pub(super) is_read: bool,
}

/// The viewers of a crowd: each `step`th of all, by their numbers among all.
#[derive(Debug)]
pub(super) struct Members {
    list: Vec<Viewer>,
    step: usize,
}

impl Members {
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }
}

impl Index<usize> for Members {
    type Output = Viewer;

    fn index(&self, viewer: usize) -> &Viewer {
        &self.list[viewer / self.step]
    }
}

impl IndexMut<usize> for Members {
    fn index_mut(&mut self, viewer: usize) -> &mut Viewer {
        &mut self.list[viewer / self.step]
    }
}

/// Some of the viewers.
#[derive(Debug)]
pub(super) struct Crowd {
    pub(super) now: Instant,
    pub(super) stage: Arc<Stage>,
    pub(super) viewers: Members,
    first: usize,
    calendar: Calendar<Event>,
    /// The page that is being lived, and what is left of it.
    page: Option<u64>,
    left: Vec<Entry<Event>>,
    /// To whom things happen.
    acting: usize,
    /// What happens to viewers of other crowds, and what the tracker gets.
    pub(super) abroad: Vec<Entry<Event>>,
    pub(super) letters: Vec<(Instant, u32, Letter)>,
    /// When the CDN's egress, where it is limited, has sent all that it was given on this page.
    pub(super) egress_free: Instant,
    pub(super) tally: Tally,
    /// What engines told of on this page: when, who, what.
    pub(super) lines: Vec<(Instant, usize, String)>,
}

impl Crowd {
    /// The viewers `first`, `first + step` … of all.
    pub(super) fn new(
        stage: &Arc<Stage>,
        list: Vec<Viewer>,
        (first, step): (usize, usize),
        width: Duration,
    ) -> Self {
        let mut crowd = Self {
            now: Instant::ZERO,
            stage: Arc::clone(stage),
            viewers: Members { list, step },
            first,
            calendar: Calendar::new(width),
            page: None,
            left: Vec::new(),
            acting: first,
            abroad: Vec::new(),
            letters: Vec::new(),
            egress_free: Instant::ZERO,
            tally: Tally::new(stage.origin.titles().count()),
            lines: Vec::new(),
        };
        for viewer in crowd.names() {
            crowd.acting = viewer;
            crowd.push(viewer, crowd.viewers[viewer].comes, Event::Comes);
        }
        crowd
    }

    /// The numbers of its viewers.
    pub(super) fn names(&self) -> impl Iterator<Item = usize> + use<> {
        let step = self.viewers.step;
        (0..self.viewers.len()).scan(self.first, move |next, _| {
            let viewer = *next;
            *next += step;
            Some(viewer)
        })
    }

    fn has(&self, viewer: usize) -> bool {
        viewer % self.viewers.step == self.first
    }

    /// The first page on which anything happens.
    pub(super) fn first_page(&self) -> Option<u64> {
        self.calendar.first()
    }

    /// Lives through a page, as far as `end`.
    pub(super) fn live(&mut self, page: u64, end: Instant) {
        self.left = self.calendar.tear(page);
        self.page = Some(page);
        self.egress_free = self.egress_free.max(self.calendar.start_of(page));
        let mut after = Vec::new();
        while let Some(entry) = self.left.pop() {
            if entry.at > end {
                after.push(entry);
                continue;
            }
            self.now = entry.at;
            self.acting = entry.to as usize;
            self.tally.events += 1;
            self.happen(self.acting, entry.thing);
        }
        self.page = None;
        after.into_iter().for_each(|entry| self.calendar.put(entry));
    }

    /// The run is over.
    pub(super) fn finish(&mut self, end: Instant) {
        self.now = end;
        for viewer in self.names() {
            if self.viewers[viewer].here {
                self.check_forgotten(viewer);
                let it = &mut self.viewers[viewer];
                it.player.finish(end, false);
                it.stats = it.engine.as_ref().map(|engine| engine.stats());
            }
        }
    }

    /// What breaks now.
    pub(super) fn weather(&self) -> Weather {
        Weather::at(self.now, &self.stage.faults)
    }

    /// What happens to `viewer` after a while.
    pub(super) fn later(&mut self, viewer: usize, span: Duration, event: Event) {
        self.push(viewer, self.now + span, event);
    }

    /// What happens to `viewer` at a moment.
    pub(super) fn push(&mut self, viewer: usize, at: Instant, thing: Event) {
        let (from, number) = self.sign();
        let to = u32::try_from(viewer).unwrap_or(u32::MAX);
        let entry = Entry {
            at,
            to,
            from,
            number,
            thing,
        };
        self.take(entry);
    }

    /// Something is said to happen, by a viewer of this crowd or by somebody else.
    pub(super) fn take(&mut self, entry: Entry<Event>) {
        if !self.has(entry.to as usize) {
            self.abroad.push(entry);
        } else if self
            .page
            .is_some_and(|page| self.calendar.page_of(entry.at) <= page)
        {
            insert(&mut self.left, entry);
        } else {
            self.calendar.put(entry);
        }
    }

    /// What the tracker hears of who is acting, after a while.
    pub(super) fn write(&mut self, span: Duration, letter: Letter) {
        let (_, number) = self.sign();
        self.letters.push((self.now + span, number, letter));
    }

    /// Who says something, and which of its words it is.
    fn sign(&mut self) -> (u32, u32) {
        let from = u32::try_from(self.acting).unwrap_or(u32::MAX);
        let said = &mut self.viewers[self.acting].said;
        *said += 1;
        (from, *said)
    }

    fn happen(&mut self, viewer: usize, event: Event) {
        self.viewers[viewer].trace.note(self.now, &event);
        match event {
            Event::Comes => self.on_comes(viewer),
            Event::Leaves => self.on_leaves(viewer, true),
            Event::Wake => self.on_wake(viewer),
            Event::Look => self.on_look(viewer),
            Event::Again => self.look(viewer),
            Event::Seek => self.on_seek(viewer),
            Event::Appended(request, wish) => self.on_appended(viewer, request, wish),
            Event::Playlist { level, listed } => self.on_playlist(viewer, level, listed),
            Event::Answer(loader) => self.on_answer(viewer, loader),
            Event::Chunk { loader, len } => self.on_chunk(viewer, loader, len),
            Event::Control {
                link,
                bytes,
                passed,
            } => self.on_control(viewer, link, bytes, passed),
            Event::Block {
                link,
                message,
                passed,
            } => self.on_block(viewer, link, message, passed),
            Event::UplinkFree => self.on_uplink_free(viewer),
            Event::Knock { link, from } => self.on_knock(viewer, link, from),
            Event::Opened(link) => self.on_opened(viewer, link),
            Event::Closed(link) => {
                if self.viewers[viewer].links.remove(link).is_some() {
                    self.tell(viewer, Input::LinkClosed { link });
                }
            }
            Event::Hashed(hash, digests) => {
                if self.viewers[viewer].store.hashed(hash) {
                    self.tell(viewer, Input::Hashed { hash, digests });
                }
            }
            Event::FromTracker(connection, text) => {
                if self.viewers[viewer].connection == Some(connection) {
                    let tracker = TRACKER;
                    self.tell(viewer, Input::TrackerMessage { tracker, text });
                }
            }
            Event::Socket(connection, open) => self.on_socket(viewer, connection, open),
            Event::Offer(link, ours) => self.on_offer(viewer, link, ours),
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
            let oracle = &mut self.tally.oracle;
            oracle.woken(self.now, viewer, &mut it.wakes, next);
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
            self.push(viewer, at, Event::Wake);
        }
    }
}
