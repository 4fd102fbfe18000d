//! Serving until told to stop, and stopping within a bounded time: sockets get a close frame (1001),
//! requests in flight may finish, then the listener is gone.

use super::listener::{Door, accept_all};
use super::{State, app};
use axum::Router;
use core::future::Future;
use core::time::Duration;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How long connections may take to end after the signal.
const GRACE: Duration = Duration::from_secs(5);

/// Serves the tracker on `listener` until `stop` is ready and the sockets are closed, at most some
/// seconds later.
pub async fn serve(
    listener: TcpListener,
    state: Arc<State>,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let door = Door {
        proxies: state.proxies().clone(),
        half_open: state.limits().half_open,
        ..Door::default()
    };
    let routes = app(state.clone());
    serve_through(listener, (door, routes), state, stop).await;
}

/// The same through a door (PROXY headers, TLS), with routes of one's own.
pub async fn serve_through(
    listener: TcpListener,
    (door, routes): (Door, Router),
    state: Arc<State>,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let (stopping, stopped) = watch::channel(false);
    let closing = state.clone();
    let stop = async move {
        stop.await;
        tracing::info!("stopping");
        closing.set_open(false);
        let _ = stopping.send(true); // nobody listens once the server has ended
        sleep(GRACE).await;
    };
    tokio::select! {
        () = accept_all(listener, door, routes, stopped) => {}
        () = stop => tracing::debug!("some connections did not end in time"),
    }
    // Upgraded sockets are no longer the HTTP server's.
    let emptied = async {
        while state.stats().connections > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let _ = timeout(GRACE, emptied).await; // bounded either way
}

/// Ready on ctrl-c or SIGTERM.
pub fn stop_signal() -> impl Future<Output = ()> + Send {
    let (interrupt, terminate) = (interrupt(), terminate());
    async {
        tokio::select! {
            () = interrupt => {}
            () = terminate => {}
        }
    }
}

#[cfg(unix)]
fn interrupt() -> impl Future<Output = ()> + Send {
    heard(tokio::signal::unix::SignalKind::interrupt())
}

#[cfg(unix)]
fn terminate() -> impl Future<Output = ()> + Send {
    heard(tokio::signal::unix::SignalKind::terminate())
}

/// Listens from the call on, so that a signal right after it is not the end of the process.
#[cfg(unix)]
fn heard(kind: tokio::signal::unix::SignalKind) -> impl Future<Output = ()> + Send {
    let signals = tokio::signal::unix::signal(kind);
    async move {
        match signals {
            Ok(mut signals) => {
                signals.recv().await;
            }
            Err(why) => {
                tracing::warn!(%why, ?kind, "cannot listen for a signal");
                core::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(not(unix))]
async fn interrupt() {
    if let Err(why) = tokio::signal::ctrl_c().await {
        tracing::warn!(%why, "cannot listen for ctrl-c");
        core::future::pending::<()>().await;
    }
}

#[cfg(not(unix))]
async fn terminate() {
    core::future::pending::<()>().await;
}
