//! What pages and dashboards may ask: rooms, sums, contributions, the leaderboard; and receipts by HTTP.
//!
//! Invariant: `openapi.json` beside it says what there is, and a test holds each answer to it. Answers are JSON, errors
//! problem+json (RFC 9457), lists have pages of bounded length. It names accounts (subjects) only: nothing here
//! leads from a peer id to an address. Requests of an address draw on the same bucket as its messages.

mod cors;
mod views;

use super::State;
use super::admin::problem;
use super::store::{Page, Standing, Store, Write};
use crate::base::{PeerId, unhex};
use crate::tracker::{ReceiptFault, Taken};
use crate::wire::{Receipt, SUBJECT_BYTES_MAX, room_of};
use axum::body::Bytes;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{
    ConnectInfo, DefaultBodyLimit, FromRef, Path, Query, Request, State as Shared,
};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use core::net::SocketAddr;
use core::time::Duration;
pub(super) use cors::Cors;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::time::timeout;
use views::{ContributionView, SessionView};
pub(super) use views::{ReportedView, StandingView};

/// Rows of a page, unless asked otherwise, and at most.
const LIMIT: u64 = 50;
const LIMIT_MAX: u64 = 500;
/// How far into a list one may ask: each row before is read over.
const OFFSET_MAX: u64 = 100_000;
/// How long a request may take, its body as well. 10 s, as its head may.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest receipt, in bytes.
const BODY_BYTES_MAX: usize = 4 * 1024;

const OPENAPI: &str = include_str!("openapi.json");

/// What the routes share.
#[derive(Clone, Debug)]
pub(super) struct Api {
    pub(super) state: Arc<State>,
    pub(super) store: Option<Arc<Store>>,
    pub(super) cors: Cors,
}

impl FromRef<Api> for Arc<State> {
    fn from_ref(api: &Api) -> Self {
        api.state.clone()
    }
}

/// The routes below `/api/p2p`.
pub(super) fn api(api: Api) -> Router {
    let routes = Router::new()
        .route("/rooms/{videoCid}", get(show_room))
        .route("/rooms/{videoCid}/sessions", get(show_sessions))
        .route("/stats", get(show_stats))
        .route("/contribution", post(post_contribution))
        .route("/contributions/{peerId}", get(show_contributions))
        .route("/leaderboard", get(show_leaderboard))
        .route("/openapi.json", get(show_openapi))
        .fallback(|| async { problem(StatusCode::NOT_FOUND, "there is nothing here") })
        .method_not_allowed_fallback(|| async {
            problem(StatusCode::METHOD_NOT_ALLOWED, "not by this method")
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(api.clone(), bound))
        .layer(from_fn_with_state(api.clone(), cors::allow))
        .with_state(api);
    Router::new().nest("/api/p2p", routes)
}

/// Who asks too much, or may not connect either, is told so.
async fn bound(Shared(api): Shared<Api>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(address)| address.ip());
    let state = &api.state;
    let visitor = peer.and_then(|peer| state.proxies().client(peer, request.headers()));
    match state.may_ask(visitor) {
        Ok(()) => {
            let slow = |_| problem(StatusCode::REQUEST_TIMEOUT, "the request took too long");
            timeout(PATIENCE, next.run(request))
                .await
                .unwrap_or_else(slow)
        }
        Err(refused) => {
            let (status, words) = refused.words();
            problem(status, words.trim_end())
        }
    }
}

/// What it takes to know anything of earlier.
#[allow(
    clippy::result_large_err,
    reason = "a response either way, once a request"
)]
fn stored(api: &Api) -> Result<&Arc<Store>, Response> {
    let words = "this tracker keeps no records (store.path is not set)";
    let none = || problem(StatusCode::SERVICE_UNAVAILABLE, words);
    api.store.as_ref().ok_or_else(none)
}

fn unread(why: &str) -> Response {
    tracing::error!(%why, "the store cannot be read");
    problem(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the store cannot be read",
    )
}

/// A room now.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RoomView {
    video_cid: String,
    room_id: String,
    peers: u32,
    seeders: u32,
    reported: ReportedView,
}

async fn show_room(
    Shared(api): Shared<Api>,
    name: Result<Path<String>, PathRejection>,
) -> Response {
    let name = match name {
        Ok(Path(name)) => name,
        Err(rejection) => return problem(rejection.status(), &rejection.body_text()),
    };
    let room = room_of(&name);
    let figures = api.state.figures(room);
    let view = RoomView {
        video_cid: name,
        room_id: room.to_hex(),
        peers: figures.peers,
        seeders: figures.complete,
        reported: ReportedView::of(&figures.reported),
    };
    Json(view).into_response()
}

/// Everything now, and what was earned ever.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StatsView {
    peers: usize,
    rooms: usize,
    connections: usize,
    reported: ReportedView,
    receipts: u64,
    credited_bytes: Option<u64>,
    subjects: Option<u64>,
}

async fn show_stats(Shared(api): Shared<Api>) -> Response {
    let stats = api.state.stats();
    let sums = match &api.store {
        Some(store) => match store.sums().await {
            Ok(sums) => Some(sums),
            Err(why) => return unread(&why),
        },
        None => None,
    };
    let view = StatsView {
        peers: stats.peers,
        rooms: stats.swarms,
        connections: stats.connections,
        reported: ReportedView::of(&stats.reported),
        receipts: stats.totals.receipts,
        credited_bytes: sums.map(|(bytes, _)| bytes),
        subjects: sums.map(|(_, subjects)| subjects),
    };
    Json(view).into_response()
}

/// Which part of a list, as it is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PageAsked {
    offset: u64,
    limit: Option<u64>,
    #[serde(alias = "hiveUsername")]
    subject: Option<String>,
}

impl PageAsked {
    #[allow(
        clippy::result_large_err,
        reason = "a response either way, once a request"
    )]
    fn read(asked: Result<Query<Self>, QueryRejection>) -> Result<(Self, Page), Response> {
        let Query(asked) = asked.map_err(|why| problem(why.status(), &why.body_text()))?;
        let limit = asked.limit.unwrap_or(LIMIT);
        if !(1..=LIMIT_MAX).contains(&limit) || asked.offset > OFFSET_MAX {
            let words = format!("limit is 1 to {LIMIT_MAX}, offset 0 to {OFFSET_MAX}");
            return Err(problem(StatusCode::BAD_REQUEST, &words));
        }
        let page = Page {
            offset: asked.offset,
            limit,
        };
        Ok((asked, page))
    }

    /// The same for a list that is of peers.
    #[allow(clippy::result_large_err, reason = "as above")]
    fn page_alone(asked: Result<Query<Self>, QueryRejection>) -> Result<Page, Response> {
        let (asked, page) = Self::read(asked)?;
        if asked.subject.is_some() {
            let words = "this is of peers; ask the leaderboard for a subject";
            return Err(problem(StatusCode::BAD_REQUEST, words));
        }
        Ok(page)
    }
}

/// A part of a list, and how long it is in all.
#[derive(Debug, Serialize)]
struct Listed<T> {
    items: Vec<T>,
    total: u64,
    offset: u64,
    limit: u64,
}

impl<T> Listed<T> {
    fn answer<F>(rows: Vec<F>, total: u64, page: Page, view: impl Fn(F) -> T) -> Response
    where
        T: Serialize,
    {
        let listed = Self {
            items: rows.into_iter().map(view).collect(),
            total,
            offset: page.offset,
            limit: page.limit,
        };
        Json(listed).into_response()
    }
}

async fn show_contributions(
    Shared(api): Shared<Api>,
    peer: Result<Path<String>, PathRejection>,
    asked: Result<Query<PageAsked>, QueryRejection>,
) -> Response {
    let answer = async {
        let store = stored(&api)?;
        let Path(peer) = peer.map_err(|why| problem(why.status(), &why.body_text()))?;
        let peer = unhex(&peer).map(PeerId).ok_or_else(|| {
            let words = "a peer id is 40 hexadecimal digits";
            problem(StatusCode::BAD_REQUEST, words)
        })?;
        let page = PageAsked::page_alone(asked)?;
        let found = store.contributions(peer, page).await;
        let (rows, total) = found.map_err(|why| unread(&why))?;
        Ok(Listed::answer(rows, total, page, ContributionView::of))
    };
    answer.await.unwrap_or_else(|refused: Response| refused)
}

async fn show_sessions(
    Shared(api): Shared<Api>,
    name: Result<Path<String>, PathRejection>,
    asked: Result<Query<PageAsked>, QueryRejection>,
) -> Response {
    let answer = async {
        let store = stored(&api)?;
        let Path(name) = name.map_err(|why| problem(why.status(), &why.body_text()))?;
        let page = PageAsked::page_alone(asked)?;
        let found = store.sessions(room_of(&name), page).await;
        let (rows, total) = found.map_err(|why| unread(&why))?;
        let view = |row| SessionView::of(row, &name);
        Ok(Listed::answer(rows, total, page, view))
    };
    answer.await.unwrap_or_else(|refused: Response| refused)
}

async fn show_leaderboard(
    Shared(api): Shared<Api>,
    asked: Result<Query<PageAsked>, QueryRejection>,
) -> Response {
    let answer = async {
        let store = stored(&api)?;
        let (asked, page) = PageAsked::read(asked)?;
        let found = match asked.subject {
            None => store.leaders(page).await,
            Some(subject) => store.leader(subject).await.map(|leader| {
                let rows: Vec<Standing> = leader.into_iter().collect();
                let total = u64::from(!rows.is_empty());
                (rows, total)
            }),
        };
        let (rows, total) = found.map_err(|why| unread(&why))?;
        Ok(Listed::answer(rows, total, page, StandingView::of))
    };
    answer.await.unwrap_or_else(|refused: Response| refused)
}

/// A receipt as HTTP carries it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReceiptBody {
    video_cid: String,
    peer_id: String,
    from: String,
    bytes_shared: u64,
    segments_shared: u64,
    #[serde(alias = "hiveUsername")]
    subject: Option<String>,
    mac: String,
}

impl ReceiptBody {
    fn receipt(self) -> Result<Receipt, &'static str> {
        let ids = unhex(&self.peer_id).zip(unhex(&self.from));
        let (peer, from) = ids.ok_or("peerId and from are 40 hexadecimal digits each")?;
        let subject = self.subject.filter(|subject| !subject.is_empty());
        if subject
            .as_ref()
            .is_some_and(|it| it.len() > SUBJECT_BYTES_MAX)
        {
            return Err("subject is longer than 64 bytes");
        }
        Ok(Receipt {
            info_hash: room_of(&self.video_cid),
            peer: PeerId(peer),
            from: PeerId(from),
            bytes: self.bytes_shared,
            segments: self.segments_shared,
            subject,
            mac: self.mac,
        })
    }
}

/// What was credited.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Credited {
    /// The sender's stay.
    id: String,
    bytes_shared: u64,
    segments_shared: u64,
}

/// Any content type: a page that ends sends it with `navigator.sendBeacon`, as text.
async fn post_contribution(Shared(api): Shared<Api>, body: Bytes) -> Response {
    let answer = async {
        let store = stored(&api)?;
        let body: ReceiptBody = serde_json::from_slice(&body)
            .map_err(|why| problem(StatusCode::BAD_REQUEST, &why.to_string()))?;
        let receipt = body.receipt();
        let receipt = receipt.map_err(|why| problem(StatusCode::UNPROCESSABLE_ENTITY, why))?;
        let credit = api.state.take_receipt(&receipt);
        let credit = match credit.map_err(|why| problem(status_of(why), &why.to_string()))? {
            Taken::Counts(credit) => credit,
            Taken::Passed => return Ok(StatusCode::ACCEPTED.into_response()),
        };
        let view = Credited {
            id: credit.earned.session.to_hex(),
            bytes_shared: credit.earned.bytes,
            segments_shared: credit.earned.segments,
        };
        let kept = store.keep(Write::Earned(credit.earned)).await;
        kept.map_err(|why| problem(StatusCode::SERVICE_UNAVAILABLE, &why))?;
        Ok((StatusCode::CREATED, Json(view)).into_response())
    };
    answer.await.unwrap_or_else(|refused: Response| refused)
}

fn status_of(fault: ReceiptFault) -> StatusCode {
    match fault {
        ReceiptFault::Forged => StatusCode::UNAUTHORIZED,
        ReceiptFault::NotAnnounced | ReceiptFault::NoSuchSender => StatusCode::NOT_FOUND,
        ReceiptFault::Replayed | ReceiptFault::OtherSubject => StatusCode::CONFLICT,
        ReceiptFault::NoReceipts => StatusCode::SERVICE_UNAVAILABLE,
        ReceiptFault::Together | ReceiptFault::Impossible | ReceiptFault::TooManySenders => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
    }
}

async fn show_openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI)
}
