//! The loop: give one input; take outputs until none; arm one timer; wait. Owns the engine and the
//! maps from id to browser object.
//!
//! Invariant: the engine is never entered twice. What happens while outputs are being carried out (a
//! player that aborts inside a callback of ours) queues behind them; no host is called while anything
//! is borrowed.

use super::callback::{Callback, Wake};
use super::clock::{Clock, Timer};
use super::hash::Hashes;
use super::host::Host;
use super::http::Fetches;
use super::rtc::Links;
use super::socket::{MESSAGE_MAX, Sockets};
use super::store::Store;
use super::{convert, panic};
#[cfg(feature = "disk")]
use crate::base::SegmentId;
use crate::base::{ByteRange, FetchId, HashId, Instant, LinkId, TrackerId};
use crate::engine::{Engine, Input, Output};
use js_sys::{JsString, Reflect, Uint8Array};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use wasm_bindgen::prelude::{JsCast, JsValue, wasm_bindgen};
use web_sys::MessageEvent;

/// A timer that is due already still lets the page breathe, ms.
const BREATH_MS: f64 = 4.0;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn fill_random(bytes: &Uint8Array) -> JsValue;
}

/// One engine and everything it drives.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) host: Host,
    pub(super) clock: Clock,
    pub(super) callback: Callback,
    /// Gone when everything is over: a page may open and close any number of streams, and what JavaScript's
    /// collector lets go of, it lets go of late.
    engine: RefCell<Option<Engine>>,
    pub(super) inbox: RefCell<Vec<Input>>,
    turning: Cell<bool>,
    leaving: Cell<bool>,
    over: Cell<bool>,
    timer: RefCell<Option<(Instant, Timer)>>,
    /// Borrowed as one: whoever touches an object of the browser's calls nobody who would touch another.
    pub(super) objects: RefCell<Objects>,
}

/// The maps from id to browser object.
#[derive(Debug)]
pub(super) struct Objects {
    pub(super) store: Store,
    pub(super) fetches: Fetches,
    pub(super) links: Links,
    pub(super) sockets: Sockets,
    pub(super) hashes: Hashes,
}

impl Driver {
    /// A driver for the settings in `config`.
    pub(super) fn new(config: JsValue, host: Host) -> Result<Rc<Self>, JsValue> {
        let connection = Reflect::get(&config, &"connection".into())?;
        let random = Uint8Array::new_with_length(8);
        fill_random(&random);
        let seed = random.to_vec().try_into().map_or(0, u64::from_le_bytes);
        let engine = Engine::new(convert::config(config, &host)?, seed);
        Ok(Rc::new_cyclic(|driver: &Weak<Self>| {
            let driver = driver.clone();
            let heard = move |wake, id, value: JsValue| {
                if let Some(driver) = driver.upgrade() {
                    driver.on_wake(wake, id, &value);
                }
            };
            Self {
                host,
                clock: Clock::start(),
                callback: Callback::new(heard),
                engine: RefCell::new(Some(engine)),
                inbox: RefCell::default(),
                turning: Cell::new(false),
                leaving: Cell::new(false),
                over: Cell::new(false),
                timer: RefCell::default(),
                objects: RefCell::new(Objects {
                    store: Store::default(),
                    fetches: Fetches::default(),
                    links: Links::new(connection),
                    sockets: Sockets::default(),
                    hashes: Hashes::new(),
                }),
            }
        }))
    }

    fn is_silent(&self) -> bool {
        self.over.get() || panic::is_dead()
    }

    /// Gives the engine one input and carries out what it answers. While that is going on, inputs
    /// queue.
    pub(super) fn give(&self, input: Input) {
        if self.is_silent() {
            return;
        }
        self.inbox.borrow_mut().push(input);
        if self.turning.replace(true) {
            return;
        }
        loop {
            let input = {
                let mut inbox = self.inbox.borrow_mut();
                if inbox.is_empty() {
                    break;
                }
                inbox.remove(0)
            };
            let timeout = matches!(input, Input::Timeout);
            if let Some(engine) = self.engine.borrow_mut().as_mut() {
                engine.handle_input(self.clock.now(), input);
            }
            while let Some(output) = self.poll() {
                self.carry_out(output);
            }
            if self.inbox.borrow().is_empty() {
                self.arm(if timeout { BREATH_MS } else { 0.0 });
            }
        }
        self.turning.set(false);
        if self.leaving.get() {
            self.close();
        }
    }

    fn poll(&self) -> Option<Output> {
        self.engine.borrow_mut().as_mut()?.poll_output()
    }

    /// When the engine wants to be woken.
    fn next_timeout(&self) -> Option<Instant> {
        let (at, _) = self.engine.borrow().as_ref()?.next_timeout()?;
        Some(at)
    }

    /// Arms the one timer for the moment the engine names.
    fn arm(&self, least_ms: f64) {
        let next = self.next_timeout();
        let mut timer = self.timer.borrow_mut();
        let Some(at) = next else {
            *timer = None;
            return;
        };
        // Most inputs put the moment off: a timer that is early looks again when it fires, which is
        // cheaper than a new one for each message.
        if timer.as_ref().is_some_and(|(armed, _)| *armed <= at) {
            return;
        }
        let wait = at.since(self.clock.now());
        // Rounded up: a wake-up before the moment would be one too many.
        let wait_ms = (wait.as_secs_f64() * 1_000.0).ceil().max(least_ms);
        let handler = self.callback.on(Wake::Timeout, 0);
        *timer = Some((at, Timer::after(wait_ms, &handler)));
    }

    /// Something a browser object said.
    fn on_wake(&self, wake: Wake, id: u32, value: &JsValue) {
        if self.is_silent() {
            return;
        }
        match wake {
            Wake::Timeout => {
                *self.timer.borrow_mut() = None;
                if self.next_timeout().is_some_and(|at| at <= self.clock.now()) {
                    self.give(Input::Timeout);
                } else {
                    self.arm(0.0);
                }
            }
            Wake::TrackerOpened | Wake::TrackerMessage | Wake::TrackerClosed => {
                self.on_tracker(wake, TrackerId(id), value);
            }
            Wake::ControlMessage | Wake::BlockMessage => {
                let input = {
                    let Objects { links, store, .. } = &mut *self.objects.borrow_mut();
                    links.on_message(wake, LinkId(id), value, store)
                };
                self.give_some(input);
            }
            Wake::Hashed | Wake::HashRefused | Wake::HashSlice => {
                self.on_hash(wake, HashId(id), value);
            }
            Wake::Proven => {
                let message = Uint8Array::new(value).to_vec();
                let link = LinkId(id);
                self.give(Input::Proven { link, message });
            }
            Wake::Ignored => {}
            Wake::Candidate
            | Wake::Gathering
            | Wake::GatherCut
            | Wake::Connection
            | Wake::Refused
            | Wake::Statistics
            | Wake::ChannelOpened
            | Wake::ChannelClosed
            | Wake::BlocksLow => {
                let mut objects = self.objects.borrow_mut();
                let inputs = objects
                    .links
                    .on_wake(wake, LinkId(id), value, &self.callback);
                drop(objects);
                self.give_some(inputs);
            }
        }
    }

    fn on_tracker(&self, wake: Wake, tracker: TrackerId, event: &JsValue) {
        if wake == Wake::TrackerOpened {
            self.give(Input::TrackerOpened { tracker });
        } else if wake == Wake::TrackerClosed {
            let ours = self.objects.borrow_mut().sockets.closed(tracker);
            self.give_some(ours.then_some(Input::TrackerClosed { tracker }));
        } else {
            let data = event.unchecked_ref::<MessageEvent>().data();
            if let Some(text) = data.dyn_ref::<JsString>()
                && text.length() <= MESSAGE_MAX
            {
                let text = String::from(text);
                self.give(Input::TrackerMessage { tracker, text });
            }
        }
    }

    fn on_hash(&self, wake: Wake, hash: HashId, value: &JsValue) {
        let mut objects = self.objects.borrow_mut();
        let hashes = &mut objects.hashes;
        let done = if wake == Wake::Hashed {
            hashes.hashed(hash, value).map(|digests| (hash, digests))
        } else if wake == Wake::HashSlice {
            hashes.slice(&self.callback)
        } else {
            hashes.refused(hash, &self.callback);
            None
        };
        drop(objects);
        self.give_some(done.map(|(hash, digests)| Input::Hashed { hash, digests }));
    }

    fn give_some(&self, inputs: impl IntoIterator<Item = Input>) {
        for input in inputs {
            self.give(input);
        }
    }

    /// Takes over bytes that the player's own loader fetched.
    pub(super) fn adopt(&self, url: String, range: Option<ByteRange>, bytes: Uint8Array) {
        let len = u64::from(bytes.length());
        if self.is_silent() {
            return;
        }
        let payload = self.objects.borrow_mut().store.wait(bytes);
        self.give(Input::Adopt {
            url,
            range,
            payload,
            len,
        });
    }

    /// What the disk had of a segment.
    #[cfg(feature = "disk")]
    pub(super) fn kept_read(&self, segment: SegmentId, bytes: Option<Uint8Array>) {
        if self.is_silent() {
            return;
        }
        let read = bytes.map(|bytes| {
            let len = u64::from(bytes.length());
            (self.objects.borrow_mut().store.wait(bytes), len)
        });
        self.give(Input::KeptRead { segment, read });
    }

    /// A response began.
    pub(super) fn fetch_head(&self, fetch: FetchId, status: u16, len: Option<u64>, partial: bool) {
        if !self.is_silent() && self.objects.borrow_mut().fetches.head(fetch, partial) {
            self.give(Input::FetchHead {
                fetch,
                status,
                length: len,
                partial,
            });
        }
    }

    /// Bytes of a response.
    pub(super) fn fetch_body(&self, fetch: FetchId, bytes: Uint8Array) {
        if self.is_silent() {
            return;
        }
        let mut objects = self.objects.borrow_mut();
        if let Some((offset, bytes)) = objects.fetches.body(fetch, bytes) {
            let len = u64::from(bytes.length());
            let payload = objects.store.wait(bytes);
            drop(objects);
            self.give(Input::FetchBody {
                fetch,
                payload,
                offset,
                len,
            });
        }
    }

    /// A response is complete.
    pub(super) fn fetch_done(&self, fetch: FetchId) {
        if !self.is_silent() && self.objects.borrow_mut().fetches.end(fetch) {
            self.give(Input::FetchDone { fetch });
        }
    }

    /// A response will not be complete.
    pub(super) fn fetch_failed(&self, fetch: FetchId, status: u16, timed_out: bool) {
        if !self.is_silent() && self.objects.borrow_mut().fetches.end(fetch) {
            self.give(Input::FetchFailed {
                fetch,
                status,
                timed_out,
            });
        }
    }

    /// The counters; `undefined` when there is nobody to ask.
    pub(super) fn stats(&self) -> JsValue {
        match self.engine.try_borrow().as_deref() {
            Ok(Some(engine)) if !panic::is_dead() => convert::stats(&engine.stats()),
            _ => JsValue::UNDEFINED,
        }
    }

    /// Leaves the swarm and lets every browser object go.
    pub(super) fn shutdown(&self) {
        self.leaving.set(true);
        if self.is_silent() {
            self.close();
        } else {
            // The engine says its goodbyes; the end of the turn closes the rest.
            self.give(Input::Shutdown);
        }
    }

    /// Closes everything that can be reached: after a panic in the middle of a turn, some cannot.
    fn close(&self) {
        self.over.set(true);
        panic::unwatch(&self.host);
        if let Ok(mut timer) = self.timer.try_borrow_mut() {
            *timer = None;
        }
        if let Ok(mut objects) = self.objects.try_borrow_mut() {
            objects.links.clear();
            objects.sockets.clear();
            objects.hashes.clear();
            objects.store.clear();
            let running = objects.fetches.clear();
            drop(objects);
            for fetch in running {
                let _ = self.host.stop_fetch(fetch.0);
            }
        }
        // What a panic left half done is not to be touched again.
        if let (false, Ok(mut engine)) = (panic::is_dead(), self.engine.try_borrow_mut()) {
            *engine = None;
        }
    }
}
