//! Which pages of other origins may read the API (CORS, as the Fetch standard has it).
//!
//! Invariant: without a setting none may, and credentials never travel: there is nothing here that a cookie would
//! open. It keeps nobody from asking; it only tells browsers whom to show the answer.

use super::Api;
use crate::server::Origin;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Pages that may read.
#[derive(Clone, Debug)]
pub(in crate::server) struct Cors(Arc<[Origin]>);

impl Cors {
    /// None if none are named.
    pub(in crate::server) fn new(origins: &[Origin]) -> Self {
        Self(origins.into())
    }

    fn lets(&self, origin: &HeaderValue) -> bool {
        let Ok(origin) = origin.to_str() else {
            return false;
        };
        !origin.is_empty() && self.0.iter().any(|allowed| allowed.is(origin))
    }
}

/// Answers preflights, and says with each answer who may read it.
pub(super) async fn allow(Shared(api): Shared<Api>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let origin = origin.filter(|origin| api.cors.lets(origin));
    let is_preflight = request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if is_preflight {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if is_preflight {
            name_methods(headers);
        }
    }
    response
}

fn name_methods(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, "3600"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
