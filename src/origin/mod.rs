//! The one test origin that demo, tests and benchmark share: folders over HTTP with ranges and CORS,
//! a VOD looped into a live stream, digests on the fly, counters of what was sent, faults and narrow
//! links on demand, and the tracker on the same port.
//!
//! Invariant: what the counters say was handed to a socket, and nothing a browser could cache poses as
//! sharing. Not for the public: whoever reaches it can make it fail.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a shell: it reads files and asks the clock"
)]

mod connection;
mod control;
mod counters;
mod fault;
mod live;
mod response;
mod shape;
mod site;

use crate::server;
use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{get, post};
use connection::CutListener;
use core::future::Future;
use core::time::Duration;
use counters::Counters;
use fault::Faults;
use live::LiveStream;
use shape::Links;
use site::Site;
use std::path::PathBuf;
use std::sync::Arc;
use std::{fmt, io};
use tokio::net::TcpListener;

/// How long answers in flight may take after the stop signal.
const GRACE: Duration = Duration::from_secs(2);

/// What is served, and how.
#[derive(Debug, Default)]
pub struct Config {
    /// Folders under path prefixes: `("/media", "demo/media")`. `"/"` is the rest.
    pub dirs: Vec<(String, PathBuf)>,
    /// Playlists looped into live streams under path prefixes: `("/live", "demo/media/media.m3u8")`.
    pub live: Vec<(String, PathBuf)>,
    /// Segments in a live playlist; 0 is taken for 1.
    pub live_window: usize,
    /// Playlists get digest lines; everything also stands under `/unsigned` without.
    pub sign: bool,
    /// Bytes a second of one response, at most.
    pub rate_bytes_per_s: Option<u64>,
    /// The tracker whose WebSockets are taken on the same port.
    pub tracker: Option<Arc<server::State>>,
}

/// Why an origin cannot be made: what, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginError(pub String);

impl fmt::Display for OriginError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for OriginError {}

/// Everything the routes share.
#[derive(Debug)]
pub struct Origin {
    site: Site,
    counters: Arc<Counters>,
    faults: Faults,
    links: Arc<Links>,
    rate_bytes_per_s: Option<u64>,
    tracker: Option<Arc<server::State>>,
    start: std::time::Instant,
}

impl Origin {
    /// Reads the live sources; live time begins now.
    ///
    /// # Errors
    /// When a folder does not exist or a playlist cannot be looped.
    pub fn new(config: Config) -> Result<Arc<Self>, OriginError> {
        let window = config.live_window.max(1);
        let mut live = Vec::new();
        for (prefix, playlist) in &config.live {
            live.push(LiveStream::new(prefix, playlist, window)?);
        }
        Ok(Arc::new(Self {
            site: Site::new(config.dirs, live, config.sign)?,
            counters: Arc::default(),
            faults: Faults::default(),
            links: Arc::default(),
            rate_bytes_per_s: config.rate_bytes_per_s,
            tracker: config.tracker,
            start: std::time::Instant::now(),
        }))
    }
}

/// Serves until `stop` is ready; answers in flight then have two seconds.
///
/// # Errors
/// When the listener cannot be served.
pub async fn serve(
    listener: TcpListener,
    origin: Arc<Origin>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let service = app(&origin).into_make_service_with_connect_info::<connection::Cut>();
    let (stopping, stopped) = tokio::sync::oneshot::channel();
    let server = axum::serve(CutListener(listener), service).with_graceful_shutdown(async move {
        stop.await;
        if let Some(tracker) = &origin.tracker {
            tracker.set_open(false);
        }
        let _ = stopping.send(()); // nobody listens once the server has ended
    });
    let too_late = async {
        let _ = stopped.await; // an error is the server's own end
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = server => served,
        () = too_late => Ok(()),
    }
}

fn app(origin: &Arc<Origin>) -> Router {
    let mut routes = Router::new()
        .route("/_origin/counters", get(control::counters))
        .route("/_origin/reset", post(control::reset))
        .route("/_origin/fault", post(control::fault))
        .route("/_origin/shape", post(control::shape))
        .route("/_origin/tracker", post(control::tracker))
        .fallback(response::answer)
        .with_state(origin.clone());
    if let Some(tracker) = &origin.tracker {
        routes = routes.layer(from_fn_with_state(tracker.clone(), server::upgrade));
    }
    routes.layer(map_response(allow_everybody))
}

/// Pages of other origins may read everything, lengths and ranges included; nothing is cached.
async fn allow_everybody(mut response: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 4] = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            "Accept-Ranges, Content-Length, Content-Range, Date",
        ),
        (HeaderName::from_static("timing-allow-origin"), "*"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}
