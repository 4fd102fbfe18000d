//! The tracker's shell: axum. WebSockets at `/` and `/api/p2p/signal`, limits per address, shutdown.
//!
//! It is a loop around [`Tracker`](crate::tracker::Tracker) (`state`): give one input; take outputs until
//! none; arm one timer. It moves text and decides nothing about swarms. `listener` brings connections, `proxies`
//! says whose they are, `access` who may stay, `session` is one of them; `settings` is what an operator sets,
//! `admin` and `metrics` what it sees and does, `store` what outlives the process, `nodes` what several of it share, `run` all of it together. Invariant: a connection the
//! tracker knows has exactly one session here, and both end together.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a shell: it asks the clock and reads files"
)]

mod access;
#[cfg(feature = "operate")]
mod admin;
#[cfg(feature = "operate")]
mod api;
mod around;
mod backlog;
mod limits;
mod listener;
#[cfg(feature = "operate")]
mod metrics;
#[cfg(feature = "operate")]
mod nodes;
#[cfg(feature = "operate")]
mod overview;
#[cfg(feature = "operate")]
mod places;
mod proxies;
mod refused;
#[cfg(feature = "operate")]
mod run;
mod session;
#[cfg(feature = "operate")]
mod settings;
mod shutdown;
mod state;
#[cfg(feature = "operate")]
mod store;
#[cfg(feature = "operate")]
mod tls;

pub use access::{Origin, Prefix};
pub use limits::{AddressQuota, Limits, quota};
pub use listener::Door;
pub use proxies::Proxies;
#[cfg(feature = "operate")]
pub use run::{Running, run};
#[cfg(feature = "operate")]
pub use settings::{Layers, Level, LogFormat, Settings};
pub use shutdown::{serve, serve_through, stop_signal};
pub use state::State;
#[cfg(feature = "operate")]
pub use tls::Tls;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State as Shared};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use core::net::SocketAddr;
use std::sync::Arc;

/// Where WebSockets are taken.
const PATHS: [&str; 2] = ["/", "/api/p2p/signal"];

/// Read buffer of a socket, in bytes. axum's default of 128 KiB would be most of a connection's memory.
const READ_BUFFER_BYTES: usize = 2 * 1024;

const GREETING: &str = "This is a swarmline tracker. Put its address into a page's trackerUrls \
                        (with ws:// or wss://); it speaks the WebTorrent tracker protocol.\n";

/// The tracker's routes. Serve them with [`serve`], or with connect info of [`SocketAddr`] (without
/// it there are no limits per address).
pub fn app(state: Arc<State>) -> Router {
    let hint = || async { (StatusCode::UPGRADE_REQUIRED, GREETING) };
    Router::new()
        .route("/", get(|| async { GREETING }))
        .route("/api/p2p/signal", get(hint))
        .route("/health", get(health))
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
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
    // A trusted proxy that does not name its visitor brings one without an address.
    let address = address.and_then(|peer| state.proxies().client(peer, &parts.headers));
    match state.admit(address, parts.headers.get(header::ORIGIN)) {
        // Frames may be as long as messages: a client sends its announce in one frame. Twice the
        // tracker's limit, so that the tracker can say why before it closes.
        Ok(admitted) => socket
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_frame_size(2 * state.message_bytes_max())
            .max_message_size(2 * state.message_bytes_max())
            .on_upgrade(|socket| admitted.run(socket)),
        Err(refused) => {
            let (status, words) = refused.words();
            (status, words).into_response()
        }
    }
}

fn asks_for_websocket(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE);
    upgrade.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

async fn health(Shared(state): Shared<Arc<State>>) -> Response {
    let (status, words) = match state.is_ready() {
        true => (StatusCode::OK, "ok"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "closed"),
    };
    let stats = state.stats();
    let body = Json(serde_json::json!({
        "status": words,
        "connections": stats.connections,
        "swarms": stats.swarms,
        "peers": stats.peers,
    }));
    (status, body).into_response()
}

/// The process lives.
async fn alive() -> &'static str {
    "ok\n"
}

/// Whether it takes connections: a balancer sends viewers elsewhere while it does not.
async fn ready(Shared(state): Shared<Arc<State>>) -> Response {
    match state.is_ready() {
        true => "ready\n".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "takes no connections\n").into_response(),
    }
}
