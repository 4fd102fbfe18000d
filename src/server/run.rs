//! A tracker as its settings have it: two listeners, TLS, rules, what is read again, the end.
//!
//! Invariant: everything that can be wrong is tried before the first connection is taken, and a reload that
//! is wrong changes nothing. What a reload does not change (ports, limits) it says so in the log.

use super::admin::{Operated, Token, admin};
use super::api::{Api, Cors, api};
use super::app;
use super::listener::{Door, accept_all};
use super::nodes::{Membership, Nodes, Seal, Server};
use super::places::Places;
use super::proxies::Proxies;
use super::settings::{Matching, Rule, Settings, TlsFiles, read_secret};
use super::shutdown::serve_through;
use super::state::State;
use super::store::{Store, Write, now_ms};
use super::tls::Tls;
use crate::tracker::{Config, Receipts, Secret};
use crate::wire::NodeId;
use axum::Router;
use core::future::Future;
use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;

/// Shortest secret for receipts, in characters.
const SECRET_CHARS_MIN: usize = 32;

const DAY_S: u64 = 24 * 3_600;

/// A tracker whose ports are bound and which takes no connection yet.
#[derive(Debug)]
pub struct Running {
    settings: Settings,
    state: Arc<State>,
    tls: Option<Tls>,
    listener: TcpListener,
    admin: Option<(TcpListener, Token)>,
    store: Option<Arc<Store>>,
    /// The nodes' Redis.
    redis: Option<(Server, String)>,
    /// What was ruled before this start.
    recalled: Vec<Write>,
    /// What others know it by.
    node_id: [u8; 32],
    beside: Beside,
    hang_up: HangUp,
    /// Of tickets, where no file has one.
    own_secret: [u8; 32],
}

/// Everything but the ports: reads the files that settings name.
///
/// # Errors
/// One line for a person.
fn read_files(settings: &Settings) -> Result<(Option<Tls>, Option<Token>), String> {
    let tls = match &settings.tls {
        TlsFiles {
            certificate: Some(certificate),
            key: Some(key),
        } => Some(Tls::read(certificate, key)?),
        TlsFiles { .. } => None,
    };
    let token = settings.admin.token_file.as_deref().map(read_token);
    Ok((tls, token.transpose()?))
}

fn read_token(path: &Path) -> Result<Token, String> {
    let text = std::fs::read_to_string(path);
    let token = text.map_err(|why| why.to_string());
    let token = token.and_then(|text| Token::new(&text));
    token.map_err(|why| format!("the token file {}: {why}", path.display()))
}

impl Settings {
    /// Whether the files that are named can be used; for `--check-config`.
    ///
    /// # Errors
    /// One line for a person.
    pub fn check_files(&self) -> Result<(), String> {
        self.turn.read()?;
        self.access.tickets(&[])?;
        self.access.proofs()?;
        Places::read(&self.matching.geoip)?;
        read_files(self)?;
        receipts(self)?;
        self.redis.read()?;
        if self.has_store() {
            Store::check(&self.store.path)?;
        }
        Ok(())
    }
}

/// Reads the files that settings name and binds the ports.
///
/// # Errors
/// One line for a person: a file that cannot be read, a port that is taken.
pub async fn run(settings: Settings) -> Result<Running, String> {
    settings.check()?;
    let (tls, token) = read_files(&settings)?;
    let listener = bind(settings.listen, "listen")?;
    let admin = match (settings.admin.listen, token) {
        (Some(address), Some(token)) => Some((bind(address, "admin.listen")?, token)),
        (_, _) => None,
    };
    let proxies = Proxies(settings.trusted_proxies.clone());
    let log_addresses = settings.log.addresses;
    let store = open_store(&settings)?;
    let config = Config {
        receipts: store.as_ref().map(|_| receipts(&settings)).transpose()?,
        ..settings.config()
    };
    let state = State::behind(config, settings.limits(), proxies, log_addresses);
    let mut running = Running {
        redis: settings.redis.read()?,
        recalled: Vec::new(),
        node_id: random()?,
        beside: Beside::new(&settings.policy),
        settings,
        state,
        tls,
        listener,
        admin,
        store,
        hang_up: HangUp::new()?,
        own_secret: random()?,
    };
    running.rule(&running.settings)?;
    running.recalled = running.recall()?;
    if settings_differ_by_node(&running.settings) {
        tracing::warn!(
            "with several nodes, set receipts.secret_file and access.ticket_secret_file: without, what one node gave \
             a viewer counts at no other"
        );
    }
    Ok(running)
}

/// Whether secrets are made at each start that several nodes should share.
fn settings_differ_by_node(settings: &Settings) -> bool {
    let (receipts, access) = (&settings.receipts, &settings.access);
    settings.redis.is_set()
        && (receipts.secret_file.is_none() || access.ticket_secret_file.is_none())
}

fn random() -> Result<[u8; 32], String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|why| format!("no randomness for a secret: {why}"))?;
    Ok(bytes)
}

/// Writes what waits still.
async fn close(store: Arc<Store>) {
    let closed = tokio::task::spawn_blocking(move || store.close()).await;
    if let Err(why) = closed {
        tracing::error!(%why, "the store was not closed");
    }
}

fn open_store(settings: &Settings) -> Result<Option<Arc<Store>>, String> {
    if !settings.has_store() {
        return Ok(None);
    }
    let retention = Duration::from_secs(settings.store.retention_days.saturating_mul(DAY_S));
    Store::open(&settings.store.path, retention).map(|store| Some(Arc::new(store)))
}

/// How receipts are judged: with the secret of a file, else with one of this start.
fn receipts(settings: &Settings) -> Result<Receipts, String> {
    let numbers = &settings.receipts;
    let secret = match &numbers.secret_file {
        Some(path) => Secret::of(&read_secret("receipts", path, SECRET_CHARS_MIN)?),
        None => Secret(random()?),
    };
    Ok(Receipts {
        secret,
        rate_bytes_per_s_max: numbers.rate_bytes_per_s,
    })
}

/// Connections that may wait to be accepted, as far as the kernel lets it (`net.core.somaxconn`). With the usual 128 a crowd
/// that comes back at once waits for its own repeated SYNs, a second and more each.
const WAITING_MAX: u32 = 4_096;

fn bind(address: SocketAddr, name: &str) -> Result<TcpListener, String> {
    let bound = (|| {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        // A port that was in use a moment ago may be taken again, as after a restart.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(WAITING_MAX)
    })();
    bound.map_err(|why| match why.kind() == io::ErrorKind::AddrInUse {
        true => format!("{address} is taken; choose another port with {name}"),
        false => format!("cannot listen on {address}: {why}"),
    })
}

impl Running {
    /// Where viewers come.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn url(&self) -> io::Result<String> {
        let scheme = if self.tls.is_some() { "wss" } else { "ws" };
        Ok(format!("{scheme}://{}/", self.listener.local_addr()?))
    }

    /// Where operators come, if anywhere.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn admin_url(&self) -> io::Result<Option<String>> {
        let admin = self.admin.as_ref();
        let address = admin.map(|(listener, _)| listener.local_addr());
        Ok(address
            .transpose()?
            .map(|address| format!("http://{address}/")))
    }

    /// Serves until `stop` is ready; reads settings again whenever `again` says so.
    pub async fn serve(
        mut self,
        stop: impl Future<Output = ()> + Send + 'static,
        mut again: impl FnMut() -> Result<Settings, String> + Send + 'static,
    ) {
        let seal = self.seal();
        let (nodes, membership) = self.join_nodes().unzip();
        let (ending, ended) = watch::channel(false);
        let operators = self.admin.take().map(|(listener, token)| {
            let routes = admin(self.operated(nodes), token);
            let door = Door {
                half_open: 100,
                ..Door::default()
            };
            tokio::spawn(accept_all(listener, door, routes, ended))
        });
        let door = Door {
            proxies: self.state.proxies().clone(),
            proxy_protocol: self.settings.proxy_protocol,
            tls: self.tls.clone(),
            half_open: self.state.limits().half_open,
        };
        let routes = self.routes();
        let (state, spread) = (self.state.clone(), self.settings.drain_s);
        let stop = async move {
            stop.await;
            if spread > 0 {
                state.drain(Duration::from_secs(spread)).await;
            }
        };
        let state = self.state.clone();
        let Self {
            listener,
            settings,
            tls,
            store,
            beside,
            mut hang_up,
            own_secret,
            ..
        } = self;
        let mut reloads = Reloads {
            settings,
            tls,
            state: state.clone(),
            own_secret,
            beside,
            seal,
        };
        let reloading = async move {
            loop {
                hang_up.heard().await;
                match again().and_then(|settings| reloads.take(settings)) {
                    Ok(()) => tracing::info!("settings read again"),
                    Err(why) => tracing::error!(%why, "settings not read again, the former stay"),
                }
            }
        };
        tokio::select! {
            () = serve_through(listener, (door, routes), state, stop) => {}
            () = reloading => {}
        }
        let _ = ending.send(true); // without an admin listener nobody hears it
        if let Some(operators) = operators {
            operators.abort();
        }
        if let Some(membership) = membership {
            membership.end().await;
        }
        if let Some(store) = store {
            close(store).await;
        }
    }

    /// TLS to the nodes' Redis, until they are joined.
    fn seal(&self) -> Option<Seal> {
        let (server, _) = self.redis.as_ref()?;
        server.seal.clone()
    }

    fn operated(&self, nodes: Option<Arc<Nodes>>) -> Operated {
        Operated {
            state: self.state.clone(),
            store: self.store.clone(),
            nodes,
            beside: self.beside.clone(),
        }
    }

    /// Looks for other nodes, if there may be any.
    fn join_nodes(&mut self) -> Option<(Arc<Nodes>, Membership)> {
        let redis = self.redis.take()?;
        let [a, b, c, d, e, f, g, h, ..] = self.node_id;
        let id = NodeId(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
        let node = (self.state.clone(), self.store.clone());
        let recalled = core::mem::take(&mut self.recalled);
        Some(Nodes::join(
            id,
            redis,
            node,
            (self.beside.text(), &recalled),
        ))
    }

    /// What viewers may ask.
    fn routes(&self) -> Router {
        let api = api(Api {
            state: self.state.clone(),
            store: self.store.clone(),
            cors: Cors::new(&self.settings.api.cors),
        });
        app(self.state.clone()).merge(api)
    }

    /// What operators ruled before this start. Where the settings say something else than they did then, they count.
    fn recall(&self) -> Result<Vec<Write>, String> {
        let mut recalled = Vec::new();
        let Some(store) = &self.store else {
            return Ok(recalled);
        };
        self.state.set_ledger(store.clone());
        let now = now_ms();
        let rulings = store.rulings(now)?;
        let beside = beside_of(&self.settings.policy);
        for (room, ruled) in rulings.rules {
            let rule: Rule = serde_json::from_str(&ruled.rule)
                .map_err(|why| format!("the store holds a rule that cannot be read: {why}"))?;
            if room.is_some() || ruled.beside == beside {
                self.state.rule(room, rule.policy()?);
                recalled.push(Write::Rule(room, Some(ruled)));
            }
        }
        for (prefix, until) in rulings.bans {
            let span = Duration::from_millis(until.saturating_sub(now));
            self.state.ban(prefix.parse()?, span);
            recalled.push(Write::Ban(prefix, until));
        }
        Ok(recalled)
    }

    fn rule(&self, settings: &Settings) -> Result<(), String> {
        self.state.set_turn(settings.turn.read()?);
        self.state
            .set_tickets(settings.access.tickets(&self.own_secret)?);
        self.state.set_proofs(settings.access.proofs()?);
        self.state
            .set_places(Places::read(&settings.matching.geoip)?);
        self.state.rule(None, settings.policy.policy()?);
        self.state.set_rules(settings.rules()?);
        self.state.set_rooms(settings.access.rooms());
        self.state.set_tokens(settings.access.tokens());
        self.state.set_origins(settings.access.origins.clone());
        Ok(())
    }
}

/// What settings that are read again are put into.
struct Reloads {
    settings: Settings,
    state: Arc<State>,
    tls: Option<Tls>,
    own_secret: [u8; 32],
    beside: Beside,
    /// TLS to the nodes' Redis.
    seal: Option<Seal>,
}

impl Reloads {
    fn take(&mut self, settings: Settings) -> Result<(), String> {
        let policy = settings.policy.policy()?;
        let rules = settings.rules()?;
        let turn = settings.turn.read()?;
        let places = Places::read(&settings.matching.geoip)?;
        let tickets = settings.access.tickets(&self.own_secret)?;
        let proofs = settings.access.proofs()?;
        let has_moved = settings.redis.url != self.settings.redis.url;
        let seal = self.seal.as_ref().filter(|_| !has_moved);
        let renewed = seal.map(|seal| seal.reread(settings.redis.files()));
        let renewed = renewed.transpose()?;
        if let (
            Some(tls),
            TlsFiles {
                certificate: Some(certificate),
                key: Some(key),
            },
        ) = (&self.tls, &settings.tls)
        {
            tls.reread(certificate, key)?;
        }
        if let Some(renew) = renewed {
            renew();
        }
        self.state.set_turn(turn);
        self.state.set_tickets(tickets);
        self.state.set_proofs(proofs);
        self.state.set_places(places);
        // What an operator ruled in the meantime stays, unless the file says something new.
        if settings.policy != self.settings.policy {
            self.state.rule(None, policy);
            self.beside.set(&settings.policy);
        }
        self.state.set_rules(rules);
        self.state.set_rooms(settings.access.rooms());
        self.state.set_tokens(settings.access.tokens());
        self.state.set_origins(settings.access.origins.clone());
        let lasting = |settings: &Settings| Settings {
            access: Default::default(),
            policy: Default::default(),
            rules: Default::default(),
            turn: Default::default(),
            matching: Matching {
                geoip: Vec::new(),
                ..settings.matching.clone()
            },
            ..settings.clone()
        };
        if lasting(&settings) != lasting(&self.settings) {
            tracing::warn!(
                "only access, turn, policy, rules, databases and TLS files change while it runs; restart for the rest"
            );
        }
        self.settings = settings;
        Ok(())
    }
}

/// What the settings say of everywhere, now: an operator's rule stands beside it.
#[derive(Clone, Debug)]
pub(super) struct Beside(Arc<Mutex<String>>);

impl Beside {
    fn new(rule: &Rule) -> Self {
        Self(Arc::new(Mutex::new(beside_of(rule))))
    }

    fn set(&self, rule: &Rule) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = beside_of(rule);
    }

    pub(super) fn text(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn beside_of(rule: &Rule) -> String {
    serde_json::to_string(rule).unwrap_or_default()
}

/// SIGHUP, caught from the moment it is made: uncaught it would end the process.
#[derive(Debug)]
struct HangUp(#[cfg(unix)] tokio::signal::unix::Signal);

impl HangUp {
    #[cfg(unix)]
    fn new() -> Result<Self, String> {
        use tokio::signal::unix::{SignalKind, signal};
        let signal = signal(SignalKind::hangup()).map(Self);
        signal.map_err(|why| format!("cannot listen for SIGHUP: {why}"))
    }

    #[cfg(not(unix))]
    fn new() -> Result<Self, String> {
        Ok(Self())
    }

    async fn heard(&mut self) {
        #[cfg(unix)]
        self.0.recv().await;
        #[cfg(not(unix))]
        core::future::pending::<()>().await;
    }
}
