//! From a listening socket to a request: PROXY header, TLS, HTTP, each within its time.
//!
//! Invariant: what has not become a WebSocket is bounded in number (all together, and a quarter of it an
//! address) and in time (a header that trickles in ends the connection), so neither half-open sockets
//! nor slow requests cost more than their bound. Who comes beyond it is turned away, the newest first.
//! It knows no routes and decides nothing about visitors.

use super::limits;
use super::proxies::{Proxies, read_header};
#[cfg(feature = "operate")]
use super::tls::Tls;
use axum::Router;
use axum::extract::ConnectInfo;
use core::net::{IpAddr, SocketAddr};
use core::pin::pin;
use core::time::Duration;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tower_service::Service;

/// How long a PROXY header, TLS, and the head of a request may take, each. 10 s, as usual.
const OPENING: Duration = Duration::from_secs(10);

/// Longest head of a request. 16 KiB: browsers send one or two.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Rest after an accept that failed: as a rule there are no file descriptors left.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// How connections are opened.
#[derive(Clone, Debug, Default)]
pub struct Door {
    /// Whose word about a visitor's address is believed.
    pub proxies: Proxies,
    /// Those begin with a PROXY header.
    pub proxy_protocol: bool,
    /// Speaks TLS.
    #[cfg(feature = "operate")]
    pub tls: Option<Tls>,
    /// Connections that have not become WebSockets yet; 0 is no limit.
    pub half_open: usize,
}

/// Connections that have not become WebSockets, counted.
#[derive(Debug, Default)]
struct HalfOpen {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A place among them.
struct Place {
    half_open: Arc<Mutex<HalfOpen>>,
    address: Option<IpAddr>,
}

impl Place {
    /// `None` when there is no place left, or when the address has had its quarter.
    fn take(
        half_open: &Arc<Mutex<HalfOpen>>,
        door: &Door,
        address: Option<IpAddr>,
    ) -> Option<Self> {
        let mut counts = half_open.lock().unwrap_or_else(PoisonError::into_inner);
        let most = if door.half_open == 0 {
            usize::MAX
        } else {
            door.half_open
        };
        let own = address.and_then(|address| counts.by_address.get(&address));
        if counts.all >= most || own.is_some_and(|own| *own >= most.div_ceil(4)) {
            return None;
        }
        counts.all += 1;
        if let Some(address) = address {
            *counts.by_address.entry(address).or_default() += 1;
        }
        drop(counts);
        let half_open = half_open.clone();
        Some(Self { half_open, address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let counts = self.half_open.lock();
        let mut counts = counts.unwrap_or_else(PoisonError::into_inner);
        counts.all -= 1;
        if let Some(address) = self.address
            && let Some(own) = counts.by_address.get_mut(&address)
        {
            *own -= 1;
            if *own == 0 {
                counts.by_address.remove(&address);
            }
        }
    }
}

/// Accepts until `stop` is true; requests that are on their way then may finish. Ends with the last
/// connection that is no WebSocket.
pub(super) async fn accept_all(
    listener: TcpListener,
    door: Door,
    app: Router,
    mut stop: watch::Receiver<bool>,
) {
    let half_open = Arc::new(Mutex::new(HalfOpen::default()));
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = told_to_stop(&mut stop) => break,
            Some(_) = tasks.join_next() => continue,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(why) => {
                tracing::warn!(%why, "cannot accept");
                sleep(ACCEPT_REST).await;
                continue;
            }
        };
        // A proxy brings everybody, so it has no share of its own.
        let address = (!door.proxies.trust(peer.ip())).then(|| limits::key(peer.ip()));
        if let Some(place) = Place::take(&half_open, &door, address) {
            tasks.spawn(open(
                socket,
                peer,
                door.clone(),
                app.clone(),
                stop.clone(),
                place,
            ));
        } else {
            tracing::debug!("too many half-open connections, one turned away");
        }
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

async fn open(
    mut socket: TcpStream,
    mut peer: SocketAddr,
    door: Door,
    app: Router,
    stop: watch::Receiver<bool>,
    _place: Place,
) {
    // Small messages that somebody waits for: never held back to be joined with later ones.
    if let Err(why) = socket.set_nodelay(true) {
        tracing::debug!(%why, "TCP_NODELAY not set");
    }
    if door.proxy_protocol && door.proxies.trust(peer.ip()) {
        match timeout(OPENING, read_header(&mut socket)).await {
            Ok(Ok(named)) => peer.set_ip(named.unwrap_or(peer.ip())),
            Ok(Err(why)) => return tracing::debug!(%why, "turned away"),
            Err(_) => return,
        }
    }
    #[cfg(feature = "operate")]
    if let Some(tls) = &door.tls {
        match timeout(OPENING, tls.accept(socket)).await {
            Ok(Ok(socket)) => exchange(socket, peer, app, stop).await,
            Ok(Err(why)) => tracing::debug!(%why, "no TLS"),
            Err(_) => {}
        }
        return;
    }
    exchange(socket, peer, app, stop).await;
}

/// Ready when the listener is to end, or whoever would say so is gone.
async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// HTTP/1.1 until it ends or becomes a WebSocket.
async fn exchange(
    socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    app: Router,
    mut stop: watch::Receiver<bool>,
) {
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        app.clone().call(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(OPENING)
        .max_buf_size(HEAD_BYTES_MAX);
    let connection = http.serve_connection(TokioIo::new(socket), service);
    let mut connection = pin!(connection.with_upgrades());
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told_to_stop(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(why) = ended {
        tracing::debug!(%why, "a request ended early");
    }
}
