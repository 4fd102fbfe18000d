//! The tracker's shell: axum. WebSockets at `/` and `/api/p2p/signal`, limits per address, shutdown.
//!
//! It is a loop around [`Tracker`]: give one input; take outputs until none; arm one timer. It moves
//! text and decides nothing about swarms. Invariant: a connection the tracker knows has exactly one
//! session here, and both end together. It does not terminate TLS and trusts no proxy's headers.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a shell: it asks the clock"
)]

mod limits;
mod session;
mod shutdown;

pub use limits::{AddressQuota, Limits, quota};
pub use shutdown::{serve, stop_signal};

use crate::base::{Instant, Network};
use crate::tracker::{Config, ConnectionId, Counts, Input, Output, Tracker};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State as Shared};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use limits::Addresses;
use session::{Admitted, Command, Session};
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Where WebSockets are taken.
const PATHS: [&str; 2] = ["/", "/api/p2p/signal"];

/// Read buffer of a socket, in bytes. axum's default of 128 KiB would be most of a connection's memory.
const READ_BUFFER_BYTES: usize = 2 * 1024;

const GREETING: &str = "This is a swarmline tracker. Put its address into a page's trackerUrls \
                        (with ws:// or wss://); it speaks the WebTorrent tracker protocol.\n";

/// Everything the routes share.
#[derive(Debug)]
pub struct State {
    core: Mutex<Core>,
    limits: Limits,
    message_bytes_max: usize,
    addresses: Option<Addresses>,
    /// Whether sockets are taken; every change ends those that are open.
    gate: watch::Sender<bool>,
    start: std::time::Instant,
}

#[derive(Debug)]
struct Core {
    tracker: Tracker,
    sessions: HashMap<ConnectionId, Session>,
    sockets: HashMap<IpAddr, usize>,
    next_connection: u64,
    has_timer: bool,
}

impl State {
    /// A tracker that takes connections as soon as it is mounted.
    #[must_use]
    pub fn new(config: Config, limits: Limits) -> Arc<Self> {
        // The standard library's hash keys are random: a seed without a dependency.
        let seed = RandomState::new().build_hasher().finish();
        Arc::new(Self {
            message_bytes_max: config.message_bytes_max,
            core: Mutex::new(Core {
                tracker: Tracker::new(config, seed),
                sessions: HashMap::new(),
                sockets: HashMap::new(),
                next_connection: 0,
                has_timer: false,
            }),
            addresses: limits.address.map(Addresses::new),
            limits,
            gate: watch::Sender::new(true),
            start: std::time::Instant::now(),
        })
    }

    /// Closed, the tracker ends every socket (code 1001) and refuses new ones with 503 until it is
    /// opened again. For tests of its loss, and for shutting down.
    pub fn set_open(&self, is_open: bool) {
        self.gate.send_if_modified(|gate| {
            let is_new = *gate != is_open;
            *gate = is_open;
            is_new
        });
    }

    /// How much is going on.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.core().tracker.counts()
    }

    fn now(&self) -> Instant {
        Instant(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        // A panic while it was held left a whole tracker behind: it is a value, updated step by step,
        // and one lost message is better than no tracker.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one more connection, or says with which status it is refused.
    fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Admitted, StatusCode> {
        let network = address.and_then(|address| Network::of(&address.to_canonical().to_string()));
        let address = address.map(limits::key);
        let mut gate = self.gate.subscribe();
        if !*gate.borrow_and_update() {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        if let (Some(addresses), Some(address)) = (&self.addresses, address)
            && !addresses.may_connect(address)
        {
            return Err(StatusCode::TOO_MANY_REQUESTS);
        }
        let mut core = self.core();
        if !core.tracker.has_room() {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        if let (Some(addresses), Some(address)) = (&self.addresses, address) {
            let sockets = core.sockets.entry(address).or_default();
            if *sockets >= addresses.sockets {
                return Err(StatusCode::TOO_MANY_REQUESTS);
            }
            *sockets += 1;
        }
        core.next_connection += 1;
        let connection = ConnectionId(core.next_connection);
        let (session, queue) = Session::new(&self.limits);
        let dropped = session.dropped.clone();
        core.sessions.insert(connection, session);
        core.tracker.handle_input(
            self.now(),
            Input::Opened {
                connection,
                network,
            },
        );
        core.deliver(self.now());
        if !core.has_timer {
            core.has_timer = true;
            tokio::spawn(wake(self.clone()));
        }
        drop(core);
        tracing::debug!(connection = connection.0, "opened");
        Ok(Admitted {
            state: self.clone(),
            connection,
            address,
            queue,
            dropped,
            gate,
        })
    }

    fn hear(&self, connection: ConnectionId, text: String) {
        let mut core = self.core();
        let input = Input::Message { connection, text };
        core.tracker.handle_input(self.now(), input);
        core.deliver(self.now());
    }

    fn leave(&self, connection: ConnectionId, address: Option<IpAddr>) {
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
    /// dropped: its queue is full.
    fn deliver(&mut self, now: Instant) {
        while let Some(output) = self.tracker.poll_output() {
            let (connection, command, is_last) = match output {
                Output::Send { connection, text } => (connection, Command::Text(text), false),
                Output::Close { connection, reason } => (connection, Command::Close(reason), true),
            };
            let Some(session) = self.sessions.get(&connection) else {
                continue;
            };
            let is_slow = session.queue.try_send(command).is_err();
            if is_slow {
                tracing::debug!(connection = connection.0, "reads too slowly, dropped");
                session.dropped.notify_one();
                self.tracker.handle_input(now, Input::Closed { connection });
            }
            if is_slow || is_last {
                self.sessions.remove(&connection);
            }
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
        let mut core = state.core();
        core.tracker.handle_input(state.now(), Input::Timeout);
        core.deliver(state.now());
        drop(core);
        if let Some(addresses) = &state.addresses {
            addresses.sweep();
        }
    }
}

/// The tracker's routes. Serve them with [`serve`], or with connect info of [`SocketAddr`] (without
/// it there are no limits per address).
pub fn app(state: Arc<State>) -> Router {
    let hint = || async { (StatusCode::UPGRADE_REQUIRED, GREETING) };
    Router::new()
        .route("/", get(|| async { GREETING }))
        .route("/api/p2p/signal", get(hint))
        .route("/health", get(health))
        .layer(from_fn_with_state(state.clone(), upgrade))
        .with_state(state)
}

/// A middleware that takes WebSockets at the tracker's paths and lets every other request pass: an
/// origin mounts it over its own routes with `from_fn_with_state(state, server::upgrade)`.
pub async fn upgrade(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    let is_ours = PATHS.contains(&request.uri().path());
    if !is_ours || request.method() != Method::GET || !asks_for_websocket(request.headers()) {
        return next.run(request).await;
    }
    let (mut parts, _) = request.into_parts();
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let address = peer.map(|ConnectInfo(address)| address.ip());
    let socket = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(socket) => socket,
        Err(rejection) => return rejection.into_response(),
    };
    match state.admit(address) {
        // Frames may be as long as messages: a client sends its announce in one frame. Twice the
        // tracker's limit, so that the tracker can say why before it closes.
        Ok(admitted) => socket
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_frame_size(2 * state.message_bytes_max)
            .max_message_size(2 * state.message_bytes_max)
            .on_upgrade(|socket| admitted.run(socket)),
        Err(StatusCode::TOO_MANY_REQUESTS) => {
            let words = "too many connections from your address; try again later\n";
            (StatusCode::TOO_MANY_REQUESTS, words).into_response()
        }
        Err(status) => (status, "the tracker takes no connections now\n").into_response(),
    }
}

fn asks_for_websocket(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE);
    upgrade.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

async fn health(Shared(state): Shared<Arc<State>>) -> Response {
    let is_open = *state.gate.borrow();
    let counts = state.counts();
    let body = Json(serde_json::json!({
        "status": if is_open { "ok" } else { "closed" },
        "connections": counts.connections,
        "swarms": counts.swarms,
        "peers": counts.peers,
    }));
    let status = if is_open {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, body).into_response()
}
