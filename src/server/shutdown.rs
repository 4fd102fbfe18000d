//! Serving until told to stop, and stopping within a bounded time: sockets get a close frame (1001),
//! requests in flight may finish, then the listener is gone.

use super::{State, app};
use axum::serve::ListenerExt;
use core::future::Future;
use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

/// How long connections may take to end after the signal.
const GRACE: Duration = Duration::from_secs(5);

/// Serves the tracker on `listener` until `stop` is ready and the sockets are closed, at most some
/// seconds later.
///
/// # Errors
/// When the listener cannot be served.
pub async fn serve(
    listener: TcpListener,
    state: Arc<State>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    // Small messages that somebody waits for: never held back to be joined with later ones.
    let listener = listener.tap_io(|socket| {
        if let Err(why) = socket.set_nodelay(true) {
            tracing::debug!(%why, "TCP_NODELAY not set");
        }
    });
    let service = app(state.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let (stopping, stopped) = oneshot::channel();
    let closing = state.clone();
    let server = axum::serve(listener, service).with_graceful_shutdown(async move {
        stop.await;
        tracing::info!("stopping");
        closing.set_open(false);
        let _ = stopping.send(()); // nobody listens once the server has ended
    });
    let too_late = async {
        let _ = stopped.await; // an error is the server's own end
        sleep(GRACE).await;
    };
    tokio::select! {
        served = server => served?,
        () = too_late => tracing::debug!("some connections did not end in time"),
    }
    // Upgraded sockets are no longer the HTTP server's.
    let emptied = async {
        while state.counts().connections > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let _ = timeout(GRACE, emptied).await; // bounded either way
    Ok(())
}

/// Ready on ctrl-c or SIGTERM.
pub async fn stop_signal() {
    tokio::select! {
        () = interrupt() => {}
        () = terminate() => {}
    }
}

async fn interrupt() {
    if let Err(why) = tokio::signal::ctrl_c().await {
        tracing::warn!(%why, "cannot listen for ctrl-c");
        core::future::pending::<()>().await;
    }
}

#[cfg(unix)]
async fn terminate() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signals) => {
            signals.recv().await;
        }
        Err(why) => {
            tracing::warn!(%why, "cannot listen for SIGTERM");
            core::future::pending::<()>().await;
        }
    }
}

#[cfg(not(unix))]
async fn terminate() {
    core::future::pending::<()>().await;
}
