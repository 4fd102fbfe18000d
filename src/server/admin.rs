//! The operator's listener: policy, bans, drain, metrics, health.
//!
//! Everything but health and the page of `overview`, which is empty without it, needs the token (`Authorization: Bearer`). Invariant: what is answered with a
//! success is in force; errors are problem+json (RFC 9457) and say what to do. What is ruled here is in
//! the store and known to Redis before it is answered, if there are such, else it ends with the tracker. It stands on a listener of its own, so that a
//! firewall can tell operators from viewers.

use super::nodes::Nodes;
use super::overview::{show_overview, show_page};
use super::run::Beside;
use super::settings::{Rule, TOKEN_CHARS_MIN};
use super::store::{Ruled, Store, Write, now_ms};
use super::{Prefix, State, alive, metrics, ready};
use crate::base::{InfoHash, is_secret};
use crate::tracker::Policy;
use crate::wire::room_of;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{FromRef, Path, Request, State as Shared};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Longest ban. Ten years: for ever, as far as addresses go.
const BAN_S_MAX: u64 = 10 * 365 * 24 * 3_600;
/// Longest time over which connections are drained. A day.
const DRAIN_S_MAX: u64 = 24 * 3_600;

/// What an operator's requests carry.
#[derive(Clone)]
pub(super) struct Token(String);

impl core::fmt::Debug for Token {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.write_str("Token") // never its text: it might be logged
    }
}

impl Token {
    /// Takes the text of a token file.
    ///
    /// # Errors
    /// When it is too short to be a secret, in words for a person.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.chars().count() < TOKEN_CHARS_MIN {
            return Err(format!(
                "it holds fewer than {TOKEN_CHARS_MIN} characters; make one with: openssl rand -hex 32"
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether a request's header carries it.
    fn is(&self, header: &[u8]) -> bool {
        let given = header.strip_prefix(b"Bearer ").unwrap_or_default();
        is_secret(self.0.as_bytes(), given)
    }
}

/// What the operator's routes share.
#[derive(Clone, Debug)]
pub(super) struct Operated {
    pub(super) state: Arc<State>,
    pub(super) store: Option<Arc<Store>>,
    pub(super) nodes: Option<Arc<Nodes>>,
    pub(super) beside: Beside,
}

impl FromRef<Operated> for Arc<State> {
    fn from_ref(operated: &Operated) -> Self {
        operated.state.clone()
    }
}

impl Operated {
    /// Keeps what is in force already, beyond a restart and for all nodes.
    async fn keep(&self, write: Write) -> Result<(), Response> {
        if let Some(store) = &self.store {
            let kept = store.keep(write.clone()).await;
            kept.map_err(|why| {
                let words = format!("it is in force, but would not outlive a restart: {why}");
                problem(StatusCode::INSUFFICIENT_STORAGE, &words)
            })?;
        }
        if let Some(nodes) = &self.nodes {
            let shared = nodes.share(&write).await;
            shared.map_err(|why| {
                let words = format!("it is in force at this node and not yet at others: {why}");
                problem(StatusCode::SERVICE_UNAVAILABLE, &words)
            })?;
        }
        Ok(())
    }
}

/// The operator's routes.
pub(super) fn admin(operated: Operated, token: Token) -> Router {
    let guarded = Router::new()
        .route("/overview", get(show_overview))
        .route("/metrics", get(show_metrics))
        .route("/policy", get(show_policy).put(put_policy))
        .route("/policy/rooms", get(show_rooms))
        .route(
            "/policy/rooms/{room}",
            put(put_room).get(show_room).delete(delete_room),
        )
        .route("/bans", get(show_bans).post(post_ban))
        .route("/bans/{address}", delete(delete_ban))
        .route("/bans/{address}/{length}", delete(delete_network_ban))
        .route("/drain", post(post_drain).delete(delete_drain))
        .fallback(|| async { problem(StatusCode::NOT_FOUND, "there is nothing here") })
        .method_not_allowed_fallback(|| async {
            problem(StatusCode::METHOD_NOT_ALLOWED, "not by this method")
        })
        .layer(from_fn_with_state(token, guard));
    Router::new()
        .route("/", get(show_page))
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .merge(guarded)
        .with_state(operated)
}

async fn guard(Shared(token): Shared<Token>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION);
    if given.is_some_and(|given| token.is(given.as_bytes())) {
        return next.run(request).await;
    }
    let words = "send the admin token: Authorization: Bearer ...";
    let mut response = problem(StatusCode::UNAUTHORIZED, words);
    let challenge = header::HeaderValue::from_static("Bearer");
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    response
}

/// An error for a program and its person (RFC 9457).
pub(super) fn problem(status: StatusCode, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or_default();
    let body = serde_json::json!({ "title": title, "status": status.as_u16(), "detail": detail });
    let kind = [(header::CONTENT_TYPE, "application/problem+json")];
    (status, kind, body.to_string()).into_response()
}

/// A body that could not be read.
fn unreadable(rejection: &JsonRejection) -> Response {
    problem(rejection.status(), &rejection.body_text())
}

async fn show_metrics(Shared(operated): Shared<Operated>) -> Response {
    match metrics::text(&operated) {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(why) => problem(StatusCode::INTERNAL_SERVER_ERROR, &why.to_string()),
    }
}

/// A rule and where it holds.
#[derive(Debug, Serialize)]
struct RoomRule {
    room: String,
    #[serde(flatten)]
    rule: Rule,
}

impl RoomRule {
    fn of(room: InfoHash, policy: Policy) -> Self {
        Self {
            room: room.to_hex(),
            rule: Rule::of(policy),
        }
    }

    fn now(state: &State, room: InfoHash) -> Self {
        Self::of(room, state.policy(Some(room)))
    }
}

async fn show_policy(Shared(state): Shared<Arc<State>>) -> Json<Rule> {
    Json(Rule::of(state.policy(None)))
}

async fn put_policy(
    Shared(operated): Shared<Operated>,
    rule: Result<Json<Rule>, JsonRejection>,
) -> Response {
    match put_rule(&operated, None, rule).await {
        Ok(()) => Json(Rule::of(operated.state.policy(None))).into_response(),
        Err(refused) => refused,
    }
}

async fn put_rule(
    operated: &Operated,
    room: Option<InfoHash>,
    rule: Result<Json<Rule>, JsonRejection>,
) -> Result<(), Response> {
    let Json(rule) = rule.map_err(|rejection| unreadable(&rejection))?;
    let policy = rule.policy();
    let policy = policy.map_err(|why| problem(StatusCode::UNPROCESSABLE_ENTITY, &why))?;
    operated.state.rule(room, policy);
    let name = room.map(|room| room.to_hex());
    tracing::info!(room = name, ?policy, "policy ruled");
    let ruled = Ruled {
        rule: serde_json::to_string(&rule).unwrap_or_default(),
        beside: operated.beside.text(),
    };
    operated.keep(Write::Rule(room, Some(ruled))).await
}

async fn show_rooms(Shared(state): Shared<Arc<State>>) -> Json<Vec<RoomRule>> {
    let rooms = state.ruled_rooms().into_iter();
    let rule = |(room, policy)| RoomRule::of(room, policy);
    Json(rooms.map(rule).collect())
}

async fn show_room(
    Shared(state): Shared<Arc<State>>,
    room: Result<Path<String>, PathRejection>,
) -> Response {
    match room {
        Ok(Path(room)) => Json(RoomRule::now(&state, room_of(&room))).into_response(),
        Err(rejection) => problem(rejection.status(), &rejection.body_text()),
    }
}

async fn put_room(
    Shared(operated): Shared<Operated>,
    Path(room): Path<String>,
    rule: Result<Json<Rule>, JsonRejection>,
) -> Response {
    let room = room_of(&room);
    match put_rule(&operated, Some(room), rule).await {
        Ok(()) => Json(RoomRule::now(&operated.state, room)).into_response(),
        Err(refused) => refused,
    }
}

async fn delete_room(Shared(operated): Shared<Operated>, Path(room): Path<String>) -> Response {
    let room = room_of(&room);
    operated.state.rule(Some(room), Policy::default());
    tracing::info!(room = room.to_hex(), "policy of the room ended");
    match operated.keep(Write::Rule(Some(room), None)).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => refused,
    }
}

/// A ban: whom, and how long from now.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BanOf {
    address: Prefix,
    seconds: u64,
}

async fn show_bans(Shared(state): Shared<Arc<State>>) -> Json<Vec<BanOf>> {
    let bans = state.bans().into_iter();
    let ban = |(address, left): (Prefix, Duration)| BanOf {
        address,
        seconds: left.as_secs(),
    };
    Json(bans.map(ban).collect())
}

async fn post_ban(
    Shared(operated): Shared<Operated>,
    ban: Result<Json<BanOf>, JsonRejection>,
) -> Response {
    let ban = match ban {
        Ok(Json(ban)) => ban,
        Err(rejection) => return unreadable(&rejection),
    };
    if !(1..=BAN_S_MAX).contains(&ban.seconds) {
        let words = format!("seconds is {}, not 1 to {BAN_S_MAX}", ban.seconds);
        return problem(StatusCode::UNPROCESSABLE_ENTITY, &words);
    }
    let span = Duration::from_secs(ban.seconds);
    if !operated.state.ban(ban.address, span) {
        let words = "there are too many bans; ban networks, or end some";
        return problem(StatusCode::INSUFFICIENT_STORAGE, words);
    }
    tracing::info!(seconds = ban.seconds, "ban ruled");
    let until_ms = now_ms().saturating_add(ban.seconds.saturating_mul(1_000));
    let write = Write::Ban(ban.address.to_string(), until_ms);
    match operated.keep(write).await {
        Ok(()) => (StatusCode::CREATED, Json(ban)).into_response(),
        Err(refused) => refused,
    }
}

async fn delete_ban(Shared(operated): Shared<Operated>, Path(address): Path<String>) -> Response {
    pardon(&operated, &address).await
}

async fn delete_network_ban(
    Shared(operated): Shared<Operated>,
    Path((address, length)): Path<(String, String)>,
) -> Response {
    pardon(&operated, &format!("{address}/{length}")).await
}

async fn pardon(operated: &Operated, address: &str) -> Response {
    match address.parse::<Prefix>() {
        Ok(prefix) if operated.state.pardon(prefix) => {
            match operated.keep(Write::Pardon(prefix.to_string())).await {
                Ok(()) => StatusCode::NO_CONTENT.into_response(),
                Err(refused) => refused,
            }
        }
        Ok(prefix) => problem(StatusCode::NOT_FOUND, &format!("no ban of {prefix}")),
        Err(why) => problem(StatusCode::BAD_REQUEST, &why),
    }
}

/// Over how many seconds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Drain {
    seconds: u64,
}

async fn post_drain(
    Shared(state): Shared<Arc<State>>,
    drain: Result<Json<Drain>, JsonRejection>,
) -> Response {
    let seconds = match drain {
        Ok(Json(drain)) if drain.seconds <= DRAIN_S_MAX => drain.seconds,
        Ok(Json(drain)) => {
            let words = format!("seconds is {}, more than {DRAIN_S_MAX}", drain.seconds);
            return problem(StatusCode::UNPROCESSABLE_ENTITY, &words);
        }
        Err(rejection) => return unreadable(&rejection),
    };
    let connections = state.stats().connections;
    tokio::spawn(state.drain(Duration::from_secs(seconds)));
    let body = serde_json::json!({ "connections": connections, "seconds": seconds });
    (StatusCode::ACCEPTED, Json(body)).into_response()
}

/// Takes connections again.
async fn delete_drain(Shared(state): Shared<Arc<State>>) -> StatusCode {
    state.set_open(true);
    tracing::info!("takes connections again");
    StatusCode::NO_CONTENT
}
