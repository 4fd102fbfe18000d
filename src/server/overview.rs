//! What an operator sees at a glance: a page, and what it shows as JSON.
//!
//! Invariant: the page is the same for all and holds nothing of viewers, so it needs no token; what it shows does. It
//! loads nothing from elsewhere and may run no script but its own (its Content-Security-Policy). Lists are short.

use super::State;
use super::admin::{Operated, problem};
use super::api::{ReportedView, StandingView};
use super::refused::Refused;
use super::store::Page;
use crate::base::InfoHash;
use crate::tracker::Figures;
use axum::Json;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use core::sync::atomic::Ordering;
use serde::Serialize;

/// Rooms and accounts that are shown.
const ROOMS: usize = 20;
const LEADERS: Page = Page {
    offset: 0,
    limit: 10,
};

const PAGE: &str = include_str!("dashboard.html");

const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) async fn show_page() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, PAGE)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Overview {
    ready: bool,
    connections: usize,
    peers: usize,
    rooms: usize,
    reported: ReportedView,
    largest: Vec<RoomRow>,
    leaders: Vec<StandingView>,
    failures: Vec<Failure>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RoomRow {
    room_id: String,
    peers: u32,
    seeders: u32,
    reported: ReportedView,
}

impl RoomRow {
    fn of((room, figures): (InfoHash, Figures)) -> Self {
        Self {
            room_id: room.to_hex(),
            peers: figures.peers,
            seeders: figures.complete,
            reported: ReportedView::of(&figures.reported),
        }
    }
}

#[derive(Debug, Serialize)]
struct Failure {
    what: &'static str,
    times: u64,
}

/// A connection that was not taken, in a table's words.
fn not_taken(why: Refused) -> &'static str {
    match why {
        Refused::Closed => "Not taken: draining or closed",
        Refused::Full => "Not taken: full",
        Refused::Address => "Not taken: too many of one address",
        Refused::Origin => "Not taken: origin",
        Refused::Banned => "Not taken: banned",
    }
}

/// What went wrong since the start, and did.
fn failures(state: &State) -> Vec<Failure> {
    let (tallies, totals) = (state.tallies(), state.stats().totals);
    let refused = Refused::ALL.iter().zip(&tallies.refused);
    let refused = refused.map(|(why, tally)| (not_taken(*why), tally.load(Ordering::Relaxed)));
    let others = [
        (
            "Dropped: reads too slowly",
            tallies.slow.load(Ordering::Relaxed),
        ),
        ("Ended by the tracker", totals.closed),
        ("Messages refused", totals.refusals),
        ("Messages that could not be read", totals.nonsense),
        ("Receipts refused", totals.receipts_refused),
    ];
    let all = refused.chain(others);
    all.filter(|(_, times)| *times > 0)
        .map(|(what, times)| Failure { what, times })
        .collect()
}

pub(super) async fn show_overview(Shared(operated): Shared<Operated>) -> Response {
    let state = &operated.state;
    let leaders = match &operated.store {
        Some(store) => match store.leaders(LEADERS).await {
            Ok((leaders, _)) => leaders,
            Err(why) => return problem(StatusCode::INTERNAL_SERVER_ERROR, &why),
        },
        None => Vec::new(),
    };
    let stats = state.stats();
    let overview = Overview {
        ready: state.is_ready(),
        connections: stats.connections,
        peers: stats.peers,
        rooms: stats.swarms,
        reported: ReportedView::of(&stats.reported),
        largest: state.largest(ROOMS).into_iter().map(RoomRow::of).collect(),
        leaders: leaders.into_iter().map(StandingView::of).collect(),
        failures: failures(state),
    };
    Json(overview).into_response()
}
