//! What all connections share: the tracker, their sessions, limits, rules; and the one timer.
//!
//! Invariant: a connection the tracker knows has exactly one session here, and both end together; nothing is
//! awaited while the tracker is held. It moves text and decides nothing about swarms.

use super::access::{Access, Ban, Origin, Prefix};
use super::around::{Carry, Ledger, Locate};
use super::backlog::Backlog;
use super::limits::{self, Addresses, Limits};
use super::proxies::Proxies;
use super::refused::Refused;
use super::session::{Admitted, Command, Session, code_of};
use crate::base::{InfoHash, Instant, Network};
use crate::tracker::{
    Config, ConnectionId, Credit, Input, Output, Place, Policy, Rooms, Stats, Tickets, Tokens,
    Tracker, Turn, Visitor,
};
#[cfg(feature = "operate")]
use crate::tracker::{Figures, ReceiptFault, Scope};
#[cfg(feature = "operate")]
use crate::wire::Receipt;
use axum::extract::ws::close_code;
use axum::http::HeaderValue;
use core::net::IpAddr;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
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
pub(super) struct Tallies {
    pub(super) opened: AtomicU64,
    pub(super) slow: AtomicU64,
    pub(super) refused: [AtomicU64; Refused::ALL.len()],
}

#[derive(Debug)]
struct Core {
    tracker: Tracker,
    ledger: Option<Arc<dyn Ledger>>,
    carrier: Option<Arc<dyn Carry>>,
    sessions: HashMap<ConnectionId, Session>,
    backlog: Arc<Backlog>,
    sockets: HashMap<IpAddr, usize>,
    next_connection: u64,
    has_timer: bool,
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

    /// Rules what peers may do, in a room or everywhere; in force at once.
    pub fn rule(&self, room: Option<InfoHash>, policy: Policy) {
        self.tell(Input::Policy { room, policy });
    }

    /// The rule of a room alone, or the one for all.
    #[must_use]
    pub fn policy(&self, room: Option<InfoHash>) -> Policy {
        self.core().tracker.policy(room)
    }

    /// Rooms with a rule of their own.
    #[must_use]
    pub fn ruled_rooms(&self) -> Vec<(InfoHash, Policy)> {
        self.core().tracker.ruled_rooms().collect()
    }

    /// Rules what some viewers may do, in place of all earlier rules of that kind; in force at once.
    #[cfg(feature = "operate")]
    pub(super) fn set_rules(&self, rules: Vec<(Scope, Policy)>) {
        self.tell(Input::Rules(rules));
    }

    /// Says which rooms there may be; in force at once.
    pub fn set_rooms(&self, rooms: Rooms) {
        self.tell(Input::Rooms(rooms));
    }

    /// Says what is asked of who joins a room; in force at once.
    pub fn set_tokens(&self, tokens: Tokens) {
        self.tell_time();
        self.tell(Input::Tokens(tokens));
    }

    /// Says where viewers are relayed who cannot reach each other; credentials are handed out from now on.
    pub fn set_turn(&self, turn: Option<Turn>) {
        self.tell_time();
        self.tell(Input::Turn(turn));
    }

    /// Says who knows where addresses are; those who are connected stay where they were.
    #[cfg(feature = "operate")]
    pub(super) fn set_places(&self, places: Option<Box<dyn Locate>>) {
        *self.places.write().unwrap_or_else(PoisonError::into_inner) = places;
    }

    fn find(&self, visitor: IpAddr) -> Option<Place> {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        places.as_ref().map(|places| places.find(visitor))
    }

    /// Says with what viewers are known again on another connection.
    pub fn set_tickets(&self, tickets: Option<Tickets>) {
        self.tell_time();
        self.tell(Input::Tickets(tickets));
    }

    fn tell_time(&self) {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        self.tell(Input::Clock {
            unix_s: since.as_secs(),
        });
    }

    /// Says which pages may connect from now on; empty for all.
    pub fn set_origins(&self, origins: Vec<Origin>) {
        self.access_mut().set_origins(origins);
    }

    /// Ends the connections of an address or network and takes no more of it for a while. False when there
    /// are too many bans.
    pub fn ban(&self, prefix: Prefix, span: Duration) -> bool {
        if !self
            .access_mut()
            .ban(prefix, std::time::Instant::now(), span)
        {
            return false;
        }
        let mut core = self.core();
        let of_it = core.sessions.iter().filter(|(_, session)| {
            let address = session.address;
            address.is_some_and(|address| prefix.contains(address))
        });
        let gone: Vec<ConnectionId> = of_it.map(|(connection, _)| *connection).collect();
        for connection in gone {
            core.end(connection, close_code::POLICY, "your address is banned");
        }
        true
    }

    /// Ends a ban; false if there was none of exactly this prefix.
    pub fn pardon(&self, prefix: Prefix) -> bool {
        self.access_mut().pardon(prefix)
    }

    /// The bans in force, with the time that is left of each.
    #[must_use]
    pub fn bans(&self) -> Vec<(Prefix, Duration)> {
        let now = std::time::Instant::now();
        let access = self.access.read().unwrap_or_else(PoisonError::into_inner);
        let with_rest = |ban: Ban| (ban.prefix, ban.left(now));
        access.bans(now).map(with_rest).collect()
    }

    /// Keeps accounts from now on.
    #[cfg(feature = "operate")]
    pub(super) fn set_ledger(&self, ledger: Arc<dyn Ledger>) {
        self.core().ledger = Some(ledger);
    }

    /// Tells others what is for them from now on.
    #[cfg(feature = "operate")]
    pub(super) fn set_carrier(&self, carrier: Arc<dyn Carry>) {
        self.core().carrier = Some(carrier);
    }

    /// Says whether others can be reached, and as whom; what one of them said; that a second has passed.
    #[cfg(feature = "operate")]
    pub(super) fn tell_of_nodes(&self, input: Input) {
        self.tell(input);
    }

    /// How much is going on in a room.
    #[cfg(feature = "operate")]
    pub(super) fn figures(&self, room: InfoHash) -> Figures {
        self.core().tracker.figures(room)
    }

    /// Whether a visitor's request is answered: it may connect, and has asked no more than it may send.
    #[cfg(feature = "operate")]
    pub(super) fn may_ask(&self, visitor: Option<IpAddr>) -> Result<(), Refused> {
        let access = self.access.read().unwrap_or_else(PoisonError::into_inner);
        let now = std::time::Instant::now();
        if visitor.is_some_and(|visitor| access.is_banned(visitor, now)) {
            return Err(Refused::Banned);
        }
        let may = self.may_send(visitor.map(limits::key));
        may.then_some(()).ok_or(Refused::Address)
    }

    /// Judges a receipt that came on another way than its writer's connection.
    #[cfg(feature = "operate")]
    pub(super) fn take_receipt(&self, receipt: &Receipt) -> Result<Credit, ReceiptFault> {
        let mut core = self.core();
        core.tracker.take_receipt(self.now(), receipt)
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    pub(super) fn message_bytes_max(&self) -> usize {
        self.message_bytes_max
    }

    /// What waits to be written.
    #[cfg(feature = "operate")]
    pub(super) fn backlog(&self) -> Arc<Backlog> {
        self.core().backlog.clone()
    }

    #[cfg(feature = "operate")]
    pub(super) fn tallies(&self) -> &Tallies {
        &self.tallies
    }

    /// Whether an address has frames left, if addresses are limited.
    pub(super) fn may_send(&self, address: Option<IpAddr>) -> bool {
        let both = self.addresses.as_ref().zip(address);
        both.is_none_or(|(addresses, address)| addresses.may_send(address))
    }

    fn now(&self) -> Instant {
        Instant(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        // A panic while it was held left a whole tracker behind: it is a value, updated step by step,
        // and one lost message is better than no tracker.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn access_mut(&self) -> std::sync::RwLockWriteGuard<'_, Access> {
        self.access.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, input: Input) {
        let mut core = self.core();
        core.tracker.handle_input(self.now(), input);
        let slow = core.deliver(self.now());
        drop(core);
        if slow > 0 {
            self.tallies.slow.fetch_add(slow, Ordering::Relaxed);
        }
    }

    /// Takes one more connection, or says why not.
    pub(super) fn admit(
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

    pub(super) fn hear(&self, connection: ConnectionId, text: String) {
        self.tell(Input::Message { connection, text });
    }

    pub(super) fn leave(&self, connection: ConnectionId, address: Option<IpAddr>) {
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

impl Core {
    /// Hands the tracker's outputs to the sessions. Who does not read as fast as it is written to is
    /// dropped: its queue is full. Returns how many were.
    fn deliver(&mut self, now: Instant) -> u64 {
        let mut slow = 0;
        while let Some(output) = self.tracker.poll_output() {
            let (connection, command, is_last) = match output {
                Output::Send { connection, text } => (connection, Command::Text(text), false),
                Output::Close { connection, reason } => {
                    let command = Command::Close(code_of(reason), reason.words());
                    (connection, command, true)
                }
                Output::Tell { to, text } => {
                    if let Some(carrier) = &self.carrier {
                        carrier.carry(to, text);
                    }
                    continue;
                }
                Output::Record(record) => {
                    if let Some(ledger) = &self.ledger {
                        ledger.record(record);
                    }
                    continue;
                }
                Output::Earned { connection, credit } => {
                    self.keep(connection, credit);
                    continue;
                }
            };
            let Some(session) = self.sessions.get(&connection) else {
                continue;
            };
            if let Command::Text(text) = &command {
                session.share.add(text.len());
            }
            let is_slow = session.queue.try_send(command).is_err();
            if is_slow {
                tracing::debug!(connection = connection.0, "reads too slowly, dropped");
                slow += 1;
                session.dropped.notify_one();
                self.tracker.handle_input(now, Input::Closed { connection });
            }
            if is_slow || is_last {
                self.sessions.remove(&connection);
            }
        }
        if self.backlog.is_over() {
            self.shed(now);
        }
        slow
    }

    /// More waits for readers than memory is there for.
    fn shed(&mut self, now: Instant) {
        let holders = self.sessions.iter();
        let holders = holders.map(|(connection, session)| (*connection, session.share.bytes()));
        for connection in self.backlog.pick(holders) {
            if let Some(session) = self.sessions.remove(&connection) {
                tracing::debug!(connection = connection.0, "too much waits for all, dropped");
                session.share.give_up();
                session.dropped.notify_one();
                self.backlog.shed.fetch_add(1, Ordering::Relaxed);
                self.tracker.handle_input(now, Input::Closed { connection });
            }
        }
    }

    /// Acknowledges a receipt when what it says is kept.
    fn keep(&self, connection: ConnectionId, credit: Credit) {
        let session = self.sessions.get(&connection);
        if let (Some(ledger), Some(session)) = (&self.ledger, session) {
            let (queue, share) = (session.queue.downgrade(), session.share.clone());
            let text = credit.acknowledgement;
            let kept = move || {
                if let Some(queue) = queue.upgrade() {
                    share.add(text.len());
                    // One that is lost in a full queue is like one that was never written: said again later.
                    let _ = queue.try_send(Command::Text(text));
                }
            };
            ledger.earn(credit.earned, Box::new(kept));
        }
    }

    /// Ends a session; the tracker hears of it when its socket is gone.
    fn end(&mut self, connection: ConnectionId, code: u16, words: &'static str) {
        if let Some(session) = self.sessions.remove(&connection)
            && session.queue.try_send(Command::Close(code, words)).is_err()
        {
            session.dropped.notify_one();
        }
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
