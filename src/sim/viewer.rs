//! One viewer: a model player, and beside it an engine with a shell of marks, or nothing at all.
//!
//! Invariant: the shell keeps maps from id to thing and decides nothing. Everything random about a viewer
//! is drawn before the run, so a run without engines has the same viewers.

use super::link::{Links, Pipe};
use super::modem::Modem;
use super::oracle::Wakes;
use super::origin::Content;
use super::player::{Player, Show};
use super::scenario::{Scenario, StreamKind, ViewerKind};
use super::store::Store;
use super::trace::Trace;
use crate::base::{Duration, FetchId, Instant, RequestId, Rng, SortedMap};
use crate::engine::{Config, Engine, Stats, Why};
use crate::tracker::ConnectionId;

/// Who asked the CDN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Loader {
    Engine(FetchId),
    /// The player's own.
    Own(RequestId),
}

/// An HTTP transfer under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fetch {
    pub(super) content: Content,
    /// Bytes of the segment: what has come, and the end.
    pub(super) position: u64,
    pub(super) end: u64,
    pub(super) partial: bool,
    pub(super) asked: Instant,
    pub(super) first_byte: Option<Instant>,
    /// For a player with an empty buffer.
    pub(super) first: bool,
    /// Why the engine asked for it.
    pub(super) why: Why,
}

/// What the player waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) level: usize,
    pub(super) number: u64,
    pub(super) first: bool,
    pub(super) asked: Instant,
}

/// One viewer.
#[derive(Debug)]
pub(super) struct Viewer {
    pub(super) kind: ViewerKind,
    /// Its wave and group, as one number.
    pub(super) cohort: usize,
    pub(super) latency: Duration,
    pub(super) comes: Instant,
    pub(super) leaves: Option<Instant>,
    /// Closes everything properly when it leaves; else its process is gone.
    pub(super) polite: bool,
    /// Where in a second a hidden tab's timers fire.
    phase: u64,
    seed: u64,
    pub(super) rng: Rng,
    /// For what happens only to viewers with engines, or more often.
    pub(super) luck: Rng,
    pub(super) here: bool,
    pub(super) engine: Option<Box<Engine>>,
    pub(super) player: Player,
    pub(super) store: Store,
    pub(super) links: Links,
    pub(super) connection: Option<ConnectionId>,
    /// Sockets it has opened.
    pub(super) sockets: u32,
    /// Things it has said to happen.
    pub(super) said: u32,
    pub(super) trace: Trace,
    pub(super) fetches: SortedMap<Loader, Fetch>,
    pub(super) wishes: SortedMap<RequestId, Wish>,
    /// The wish whose segment the player will take.
    pub(super) current: Option<RequestId>,
    pub(super) last_request: u32,
    /// The engine's and the player's next alarms.
    pub(super) wake_at: Instant,
    pub(super) look_at: Instant,
    pub(super) wakes: Wakes,
    /// The engine's own counters when the viewer left.
    pub(super) stats: Option<Stats>,
    pub(super) left_at: Option<Instant>,
    pub(super) delivered: u64,
    pub(super) uploaded: u64,
    pub(super) cdn_bytes: u64,
    /// It has, or had, an engine.
    pub(super) engine_ran: bool,
}

/// Never.
pub(super) const NEVER: Instant = Instant(u64::MAX);

impl Viewer {
    fn new(scenario: &Scenario, kind: ViewerKind, comes: Instant, mut rng: Rng) -> Self {
        let mut vary = |value: f64| value * (1.0 + kind.spread * (2.0 * rng.unit() - 1.0));
        let (up, down) = (vary(kind.up_mbit_s), vary(kind.down_mbit_s));
        let latency = Duration::from_secs_f64(vary(kind.latency_ms).max(0.1) / 1e3);
        let stay = kind.median_stay_s.map(|median| {
            let lives = -(1.0 - rng.unit()).ln() / core::f64::consts::LN_2;
            Duration::from_secs_f64((median * lives).max(0.5))
        });
        let modem =
            (kind.modem_ms > 0.0).then(|| Modem::new(Duration::from_secs_f64(kind.modem_ms / 1e3)));
        let show = Show {
            live: scenario.stream.kind == StreamKind::Live,
            segment_s: scenario.stream.segment_s,
            buffer_s: kind.buffer_s,
            rates: scenario
                .stream
                .rates_kbit_s
                .iter()
                .map(|rate| rate * 1e3)
                .collect(),
        };
        Self {
            latency,
            comes,
            leaves: stay.map(|stay| comes + stay),
            polite: rng.below(5) > 0,
            phase: u64::from(rng.below(1_000_000)),
            seed: u64::from(rng.next_u32()) << 32 | u64::from(rng.next_u32()),
            luck: rng.fork(),
            rng,
            here: false,
            engine: None,
            player: Player::new(show, comes),
            store: Store::default(),
            links: Links::new(Pipe::new(up), Pipe::new(down), modem),
            connection: None,
            sockets: 0,
            said: 0,
            trace: Trace::default(),
            fetches: SortedMap::new(),
            wishes: SortedMap::new(),
            current: None,
            last_request: 0,
            wake_at: NEVER,
            look_at: NEVER,
            wakes: Wakes::default(),
            stats: None,
            left_at: None,
            delivered: 0,
            uploaded: 0,
            cdn_bytes: 0,
            engine_ran: false,
            cohort: 0,
            kind,
        }
    }

    /// All viewers of a scenario, in the order in which they come.
    pub(super) fn all(scenario: &Scenario, rng: &mut Rng) -> Vec<Self> {
        let mut comings: Vec<(Instant, usize)> = Vec::new();
        for (index, wave) in scenario.arrivals.iter().enumerate() {
            for _ in 0..wave.viewers {
                let at = wave.at_s + wave.over_s * rng.unit();
                comings.push((Instant(1) + Duration::from_secs_f64(at), index));
            }
        }
        comings.sort_unstable();
        comings
            .into_iter()
            .map(|(comes, wave)| {
                let mut lot = rng.unit();
                let group = scenario.group.iter().position(|group| {
                    lot -= group.share;
                    lot < 0.0
                });
                let cohort = wave * (scenario.group.len() + 1) + group.map_or(0, |index| index + 1);
                let group = group.and_then(|index| scenario.group.get(index));
                let mut kind =
                    group.map_or_else(|| scenario.viewer.clone(), |g| scenario.viewer.with(g));
                let own = &scenario.arrivals[wave];
                kind.up_mbit_s = own.up_mbit_s.unwrap_or(kind.up_mbit_s);
                kind.median_stay_s = own.median_stay_s.or(kind.median_stay_s);
                Self {
                    cohort,
                    ..Self::new(scenario, kind, comes, rng.fork())
                }
            })
            .collect()
    }

    /// Its engine, new.
    pub(super) fn start_engine(&mut self) {
        let config = Config {
            tracker_urls: vec!["ws://tracker".to_owned()],
            max_peers: self.kind.max_peers,
            upload_limit: (!self.kind.upload).then_some(0),
            memory_limit_bytes: self.memory_limit(),
            ..Config::default()
        };
        self.engine_ran = true;
        self.engine = Some(Box::new(Engine::new(config, self.seed)));
    }

    /// Bytes of segments it may hold.
    pub(super) fn memory_limit(&self) -> u64 {
        u64::from(self.kind.memory_mb) * 1_000_000
    }

    /// The engine's time: it counts from its own start.
    pub(super) const fn engine_time(&self, now: Instant) -> Instant {
        Instant(now.0 - self.comes.0 + 1)
    }

    /// When the engine wants to be woken.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        let (at, _) = self.engine.as_ref()?.next_timeout()?;
        Some(Instant(at.0.saturating_add(self.comes.0) - 1))
    }

    /// When a timer set for `at` fires: a hidden tab's on a whole second of its own.
    pub(super) fn fires(&self, at: Instant) -> Instant {
        if !self.kind.hidden {
            return at;
        }
        let since = at.0.saturating_sub(self.phase);
        Instant(since.div_ceil(1_000_000) * 1_000_000 + self.phase)
    }

    /// Seconds it was or has been here.
    pub(super) fn stayed_s(&self, now: Instant) -> f64 {
        if !self.here && self.left_at.is_none() {
            return 0.0;
        }
        self.left_at.unwrap_or(now).since(self.comes).as_secs_f64()
    }

    /// Whether it could exchange bytes with peers at all.
    pub(super) fn is_able(&self) -> bool {
        self.kind.nat != super::nat::Nat::Blocked && self.kind.max_peers > 0
    }
}
