//! The control API of tests: `/_origin/…`.

use super::Origin;
use super::fault::{Fault, FaultKind};
use super::shape::Shape;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use core::time::Duration;
use serde::Deserialize;
use std::sync::Arc;

/// Bytes a second of the fault «slow» when it names no rate: a 1 Mbit/s stream stalls.
const SLOW_BYTES_PER_S: u64 = 50_000;

/// `GET /_origin/counters`
pub(super) async fn counters(State(origin): State<Arc<Origin>>) -> Response {
    Json(origin.counters.totals()).into_response()
}

/// `POST /_origin/reset`: counters at zero; faults stay.
pub(super) async fn reset(State(origin): State<Arc<Origin>>) -> StatusCode {
    origin.counters.reset();
    StatusCode::NO_CONTENT
}

#[derive(Debug, Deserialize)]
pub(super) struct FaultOrder {
    kind: FaultKind,
    #[serde(default, rename = "match")]
    part: String,
    rate: Option<u64>,
}

/// `POST /_origin/fault?kind=none|down|503|404|slow|corrupt|truncate|no-range|stall|redirect[&match=PART][&rate=N]`
pub(super) async fn fault(
    State(origin): State<Arc<Origin>>,
    Query(order): Query<FaultOrder>,
) -> StatusCode {
    let fault = Fault {
        kind: order.kind,
        rate_bytes_per_s: order.rate.unwrap_or(SLOW_BYTES_PER_S),
    };
    origin.faults.set(order.part, fault);
    StatusCode::NO_CONTENT
}

#[derive(Debug, Deserialize)]
pub(super) struct ShapeOrder {
    #[serde(default)]
    latency_ms: u64,
    rate: Option<u64>,
}

/// `POST /_origin/shape[?latency_ms=N][&rate=N]`: every visitor's link (header `x-visitor`), bytes a second;
/// without either, as fast as it goes.
pub(super) async fn shape(
    State(origin): State<Arc<Origin>>,
    Query(order): Query<ShapeOrder>,
) -> StatusCode {
    origin.links.set(Shape {
        latency: Duration::from_millis(order.latency_ms),
        rate_bytes_per_s: order.rate,
    });
    StatusCode::NO_CONTENT
}

#[derive(Debug, Deserialize)]
pub(super) struct TrackerOrder {
    on: bool,
}

/// `POST /_origin/tracker?on=true|false`: off, its sockets are closed and new ones refused.
pub(super) async fn tracker(
    State(origin): State<Arc<Origin>>,
    Query(order): Query<TrackerOrder>,
) -> Response {
    let Some(tracker) = &origin.tracker else {
        return (StatusCode::NOT_FOUND, "this origin has no tracker\n").into_response();
    };
    tracker.set_open(order.on);
    StatusCode::NO_CONTENT.into_response()
}
