//! What all connections share: the tracker, their sessions, limits, rules; who is let in; and the one timer.
//!
//! Invariant: a connection the tracker knows has exactly one session here, and both end together; nothing is
//! awaited while the tracker is held. It moves text and decides nothing about swarms.

mod delivery;
#[cfg(feature = "operate")]
mod operated;
mod orders;

use super::access::Access;
use super::around::Locate;
use super::backlog::Backlog;
use super::limits::{self, Addresses, Limits};
use super::proxies::Proxies;
use super::refused::Refused;
use super::session::{Admitted, Session};
use crate::base::{Instant, Network};
use crate::tracker::{Config, ConnectionId, Input, Place, Stats, Tracker, Visitor};
use axum::extract::ws::close_code;
use axum::http::HeaderValue;
use core::net::IpAddr;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use delivery::Core;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tokio::sync::watch;

/// Longest name of an origin that is kept: a host's has 253 bytes at most.
const ORIGIN_BYTES_MAX: usize = 300;

/// Everything the routes share.
#[derive(Debug)]
pub struct State {
    core: Mutex<Core>,
    limits: Limits,
    message_bytes_max: usize,
    addresses: Option<Addresses>,
    proxies: Proxies,
    access: RwLock<Access>,
    places: RwLock<Option<Box<dyn Locate>>>,
    /// Whether sockets are taken; every change ends those that are open.
    gate: watch::Sender<bool>,
    is_draining: AtomicBool,
    log_addresses: bool,
    tallies: Tallies,
    start: std::time::Instant,
}

/// What happened to sockets since the start.
#[derive(Debug, Default)]
pub(in crate::server) struct Tallies {
    pub(in crate::server) opened: AtomicU64,
    pub(in crate::server) slow: AtomicU64,
    pub(in crate::server) refused: [AtomicU64; Refused::ALL.len()],
}

impl State {
    /// A tracker that takes connections as soon as it is mounted.
    #[must_use]
    pub fn new(config: Config, limits: Limits) -> Arc<Self> {
        Self::behind(config, limits, Proxies::default(), false)
    }

    /// The same behind proxies that are believed; visitors' addresses are logged only if that is asked for.
    #[must_use]
    pub fn behind(
        config: Config,
        limits: Limits,
        proxies: Proxies,
        log_addresses: bool,
    ) -> Arc<Self> {
        // The standard library's hash keys are random: a seed without a dependency.
        let seed = RandomState::new().build_hasher().finish();
        Arc::new(Self {
            message_bytes_max: config.message_bytes_max,
            core: Mutex::new(Core {
                tracker: Tracker::new(config, seed),
                ledger: None,
                carrier: None,
                sessions: HashMap::new(),
                backlog: Backlog::new(limits.backlog_bytes),
                sockets: HashMap::new(),
                next_connection: 0,
                has_timer: false,
            }),
            addresses: limits.address.map(Addresses::new),
            limits,
            proxies,
            access: RwLock::default(),
            places: RwLock::default(),
            gate: watch::Sender::new(true),
            is_draining: AtomicBool::new(false),
            log_addresses,
            tallies: Tallies::default(),
            start: std::time::Instant::now(),
        })
    }

    /// Closed, the tracker ends every socket (code 1001) and refuses new ones with 503 until it is
    /// opened again. For tests of its loss, and for shutting down.
    pub fn set_open(&self, is_open: bool) {
        self.is_draining.store(false, Ordering::Relaxed);
        self.gate.send_if_modified(|gate| {
            let is_new = *gate != is_open;
            *gate = is_open;
            is_new
        });
    }

    /// Takes nobody in from now on, and sends those who are here elsewhere (code 1012), evenly over `spread`,
    /// so that other trackers are not overrun. Done when the last was told.
    pub fn drain(self: Arc<Self>, spread: Duration) -> impl Future<Output = ()> + Send {
        self.is_draining.store(true, Ordering::Relaxed);
        async move { self.send_away(spread).await }
    }

    async fn send_away(&self, spread: Duration) {
        let mut sessions: Vec<ConnectionId> = self.core().sessions.keys().copied().collect();
        sessions.sort_unstable();
        let each = spread / u32::try_from(sessions.len().max(1)).unwrap_or(u32::MAX);
        let began = tokio::time::Instant::now();
        tracing::info!(connections = sessions.len(), ?spread, "draining");
        for (at, session) in (1..).zip(sessions) {
            tokio::time::sleep_until(began + each * at).await;
            if !self.is_draining.load(Ordering::Relaxed) {
                return; // opened or closed in the meantime
            }
            let words = "this tracker is going away, connect elsewhere";
            self.core().end(session, close_code::RESTART, words);
        }
    }

    /// Whether connections are taken.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        *self.gate.borrow() && !self.is_draining.load(Ordering::Relaxed)
    }

    /// How much is going on.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.core().tracker.stats()
    }

    pub(in crate::server) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(in crate::server) fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    pub(in crate::server) fn message_bytes_max(&self) -> usize {
        self.message_bytes_max
    }

    /// Whether an address has frames left, if addresses are limited.
    pub(in crate::server) fn may_send(&self, address: Option<IpAddr>) -> bool {
        let both = self.addresses.as_ref().zip(address);
        both.is_none_or(|(addresses, address)| addresses.may_send(address))
    }

    fn now(&self) -> Instant {
        Instant(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn find(&self, visitor: IpAddr) -> Option<Place> {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        places.as_ref().map(|places| places.find(visitor))
    }

    fn tell_time(&self) {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        self.tell(Input::Clock {
            unix_s: since.as_secs(),
        });
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        // A panic while it was held left a whole tracker behind: it is a value, updated step by step,
        // and one lost message is better than no tracker.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, input: Input) {
        self.with_tracker(|tracker, now| tracker.handle_input(now, input));
    }

    /// Has the tracker do something, and hands out what it says.
    fn with_tracker<T>(&self, act: impl FnOnce(&mut Tracker, Instant) -> T) -> T {
        let mut core = self.core();
        let done = act(&mut core.tracker, self.now());
        let slow = core.deliver(self.now());
        drop(core);
        if slow > 0 {
            self.tallies.slow.fetch_add(slow, Ordering::Relaxed);
        }
        done
    }

    /// Takes one more connection, or says why not.
    pub(in crate::server) fn admit(
        self: &Arc<Self>,
        visitor: Option<IpAddr>,
        origin: Option<&HeaderValue>,
    ) -> Result<Admitted, Refused> {
        let admitted = self.admit_one(visitor, origin);
        match &admitted {
            Ok(admitted) => {
                self.tallies.opened.fetch_add(1, Ordering::Relaxed);
                let address = visitor.filter(|_| self.log_addresses);
                let connection = admitted.connection.0;
                match address {
                    Some(address) => tracing::debug!(connection, %address, "opened"),
                    None => tracing::debug!(connection, "opened"),
                }
            }
            Err(refused) => {
                let at = Refused::ALL.iter().position(|one| one == refused);
                if let Some(tally) = at.and_then(|at| self.tallies.refused.get(at)) {
                    tally.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        admitted
    }

    fn admit_one(
        self: &Arc<Self>,
        visitor: Option<IpAddr>,
        origin: Option<&HeaderValue>,
    ) -> Result<Admitted, Refused> {
        let network = visitor.and_then(|it| Network::of(&it.to_canonical().to_string()));
        let address = visitor.map(limits::key);
        let mut gate = self.gate.subscribe();
        if !*gate.borrow_and_update() || !self.is_ready() {
            return Err(Refused::Closed);
        }
        {
            let access = self.access.read().unwrap_or_else(PoisonError::into_inner);
            let now = std::time::Instant::now();
            if visitor.is_some_and(|visitor| access.is_banned(visitor, now)) {
                return Err(Refused::Banned);
            }
            if !access.lets_in(origin) {
                return Err(Refused::Origin);
            }
        }
        if let (Some(addresses), Some(address)) = (&self.addresses, address)
            && !addresses.may_connect(address)
        {
            return Err(Refused::Address);
        }
        let place = visitor.and_then(|visitor| self.find(visitor));
        let origin = origin.and_then(|origin| origin.to_str().ok());
        let origin = origin
            .filter(|it| it.len() <= ORIGIN_BYTES_MAX)
            .map(str::to_owned);
        let mut core = self.core();
        if !core.tracker.has_room() {
            return Err(Refused::Full);
        }
        if let (Some(addresses), Some(address)) = (&self.addresses, address) {
            let sockets = core.sockets.entry(address).or_default();
            if *sockets >= addresses.sockets {
                return Err(Refused::Address);
            }
            *sockets += 1;
        }
        core.next_connection += 1;
        let connection = ConnectionId(core.next_connection);
        let (session, queue) = Session::new(&self.limits, core.backlog.share(), visitor);
        let (share, dropped) = (session.share.clone(), session.dropped.clone());
        core.sessions.insert(connection, session);
        let opened = Input::Opened {
            connection,
            visitor: Visitor {
                network,
                address,
                origin,
                place: place.unwrap_or_default(),
            },
        };
        core.tracker.handle_input(self.now(), opened);
        core.deliver(self.now());
        if !core.has_timer {
            core.has_timer = true;
            tokio::spawn(wake(self.clone()));
        }
        drop(core);
        Ok(Admitted {
            state: self.clone(),
            connection,
            address,
            queue,
            share,
            dropped,
            gate,
        })
    }

    pub(in crate::server) fn hear(&self, connection: ConnectionId, text: String) {
        self.tell(Input::Message { connection, text });
    }

    pub(in crate::server) fn leave(&self, connection: ConnectionId, address: Option<IpAddr>) {
        let mut core = self.core();
        core.sessions.remove(&connection);
        core.tracker
            .handle_input(self.now(), Input::Closed { connection });
        core.deliver(self.now());
        if let (Some(_), Some(address)) = (&self.addresses, address)
            && let Some(sockets) = core.sockets.get_mut(&address)
        {
            *sockets -= 1;
            if *sockets == 0 {
                core.sockets.remove(&address);
            }
        }
        drop(core);
        tracing::debug!(connection = connection.0, "closed");
    }
}
/// The one timer. It ends when nobody is connected; the next connection starts another.
async fn wake(state: Arc<State>) {
    loop {
        let at = {
            let mut core = state.core();
            let Some(at) = core.tracker.next_timeout() else {
                core.has_timer = false;
                break;
            };
            at
        };
        let wait = at.since(state.now());
        tokio::time::sleep(wait.max(Duration::from_millis(1))).await;
        state.tell_time();
        state.tell(Input::Timeout);
        if let Some(addresses) = &state.addresses {
            addresses.sweep();
        }
    }
}
