//! One HTTP answer: ranges (RFC 9110 §14), preflights, and a body that can be paced, damaged, cut or
//! held, and is counted as it goes.

use super::Origin;
use super::connection::Cut;
use super::counters::{Count, Counters};
use super::fault::FaultKind;
use super::shape::Links;
use super::site::{Found, Kind, mime_of};
use crate::base::ByteRange;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use core::time::Duration;
use futures_util::stream;
use std::io;
use std::sync::Arc;
use tokio::time::{Instant, sleep, sleep_until};

/// Most bytes handed over at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Time for the first half of a truncated body to leave.
const FLUSH: Duration = Duration::from_millis(50);

/// Answers everything outside the control API.
pub(super) async fn answer(State(origin): State<Arc<Origin>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let kind = Kind::of(&path);
    let is_head = match *request.method() {
        Method::GET => false,
        Method::HEAD => true,
        Method::OPTIONS => return preflight(request.headers()),
        _ => return StatusCode::METHOD_NOT_ALLOWED.into_response(),
    };
    let asked = Count {
        requests: u64::from(!is_head),
        ..Count::default()
    };
    origin.counters.add(&path, kind, asked);
    let latency = origin.links.latency();
    if !latency.is_zero() {
        sleep(latency).await;
    }
    let fault = origin.faults.of(&path, kind);
    let fault_kind = fault.map_or(FaultKind::None, |fault| fault.kind);
    match fault_kind {
        FaultKind::Down => {
            let cut = request.extensions().get::<ConnectInfo<Cut>>();
            cut.iter().for_each(|ConnectInfo(cut)| cut.cut());
            return StatusCode::SERVICE_UNAVAILABLE.into_response(); // which nobody will see
        }
        FaultKind::Unavailable => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        FaultKind::NotFound => return StatusCode::NOT_FOUND.into_response(),
        FaultKind::Redirect if request.uri().query().is_none() => {
            return Redirect::to(&format!("{path}?redirected")).into_response();
        }
        FaultKind::None
        | FaultKind::Slow
        | FaultKind::Corrupt
        | FaultKind::Truncate
        | FaultKind::NoRange
        | FaultKind::Stall
        | FaultKind::Redirect => {}
    }
    let range = request.headers().get(header::RANGE).cloned();
    let range = range.filter(|_| fault_kind != FaultKind::NoRange);
    let is_packed = kind == Kind::Page && range.is_none() && takes_brotli(request.headers());
    let part = match part_of(origin.clone(), path.clone(), range, is_packed).await {
        Ok(part) => part,
        Err(status) => return (status, format!("{path}: {status}\n")).into_response(),
    };
    let sending = Sending {
        rate_bytes_per_s: fault
            .filter(|fault| fault.kind == FaultKind::Slow)
            .map(|fault| fault.rate_bytes_per_s.max(1))
            .or(origin.rate_bytes_per_s),
        fault: fault_kind,
        counters: origin.counters.clone(),
        links: origin.links.clone(),
        visitor: Links::visitor(request.headers()),
        path,
        kind,
        start: Instant::now(),
        offset: part.range.start,
        len: part.bytes.len(),
        bytes: part.bytes,
        sent: 0,
    };
    let mut response = respond(is_head, part.mime, part.total, part.status, sending);
    if let Some(coding) = part.coding {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

/// Whether a client says that it takes brotli (RFC 9110 §12.5.3, RFC 7932).
fn takes_brotli(headers: &HeaderMap) -> bool {
    let asked = headers.get(header::ACCEPT_ENCODING);
    let asked = asked.and_then(|value| value.to_str().ok()).unwrap_or("");
    asked.split(',').any(|coding| coding.trim() == "br")
}

/// What is to be sent of a file.
struct Part {
    status: StatusCode,
    mime: &'static str,
    /// Bytes of the whole.
    total: u64,
    range: ByteRange,
    bytes: Bytes,
    /// How the bytes are compressed (RFC 9110 §8.4).
    coding: Option<&'static str>,
}

/// What lies compressed beside a page's file (`engine.wasm.br`), as web servers have it, or the file.
fn read_packed(origin: &Origin, path: &str) -> Result<Part, StatusCode> {
    match read(origin, &format!("{path}.br"), None) {
        Ok(part) => Ok(Part {
            mime: mime_of(path),
            coding: Some("br"),
            ..part
        }),
        Err(_) => read(origin, path, None),
    }
}

/// Reading, hashing and looping are blocking work.
async fn part_of(
    origin: Arc<Origin>,
    path: String,
    range: Option<HeaderValue>,
    is_packed: bool,
) -> Result<Part, StatusCode> {
    let found = tokio::task::spawn_blocking(move || match is_packed {
        true => read_packed(&origin, &path),
        false => read(&origin, &path, range.as_ref()),
    });
    found
        .await
        .unwrap_or(Err(StatusCode::INTERNAL_SERVER_ERROR))
}

fn read(origin: &Origin, path: &str, range: Option<&HeaderValue>) -> Result<Part, StatusCode> {
    let Found { mime, content } = origin.site.find(path, origin.start.elapsed())?;
    let total = content.len();
    let whole = ByteRange {
        start: 0,
        end: total,
    };
    let (status, range) = match range.map_or(Wanted::Whole, |range| Wanted::read(range, total)) {
        Wanted::Whole => (StatusCode::OK, whole),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::Nothing => (
            StatusCode::RANGE_NOT_SATISFIABLE,
            ByteRange { start: 0, end: 0 },
        ),
    };
    let bytes = content.read(range).map_err(|_| StatusCode::NOT_FOUND)?;
    Ok(Part {
        status,
        mime,
        total,
        range,
        bytes,
        coding: None,
    })
}

/// What a Range header asks for.
enum Wanted {
    /// Everything: no range, one that cannot be read, or several.
    Whole,
    Part(ByteRange),
    /// Bytes that are not there: 416.
    Nothing,
}

impl Wanted {
    fn read(header: &HeaderValue, total: u64) -> Self {
        let spec = header
            .to_str()
            .ok()
            .and_then(|text| text.strip_prefix("bytes="));
        let Some((first, last)) = spec.and_then(|spec| spec.trim().split_once('-')) else {
            return Self::Whole;
        };
        let (start, end) = match (first.parse::<u64>(), last.parse::<u64>()) {
            (Ok(start), Ok(last)) if start <= last => (start, last.saturating_add(1).min(total)),
            (Ok(start), _) if last.is_empty() => (start, total),
            (_, Ok(count)) if first.is_empty() => (total.saturating_sub(count), total),
            _ => return Self::Whole,
        };
        if start < end {
            Self::Part(ByteRange { start, end })
        } else {
            Self::Nothing
        }
    }
}

fn respond(
    is_head: bool,
    mime: &'static str,
    total: u64,
    status: StatusCode,
    sending: Sending,
) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(mime));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(sending.len));
    if sending.fault != FaultKind::NoRange {
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }
    let content_range = match status {
        StatusCode::PARTIAL_CONTENT => {
            let last = sending.offset + u64::try_from(sending.len).unwrap_or(u64::MAX) - 1;
            Some(format!("bytes {}-{last}/{total}", sending.offset))
        }
        StatusCode::RANGE_NOT_SATISFIABLE => Some(format!("bytes */{total}")),
        _ => None,
    };
    if let Some(value) = content_range.and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.insert(header::CONTENT_RANGE, value);
    }
    if is_head {
        return (status, headers).into_response();
    }
    if status == StatusCode::PARTIAL_CONTENT {
        let part = Count {
            ranges: 1,
            ..Count::default()
        };
        sending.counters.add(&sending.path, sending.kind, part);
    }
    let body = Body::from_stream(stream::unfold(sending, Sending::next));
    (status, headers, body).into_response()
}

fn preflight(request: &HeaderMap) -> Response {
    let asked = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let headers = [
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, HEAD, OPTIONS"),
        ),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            asked.unwrap_or(HeaderValue::from_static("Range")),
        ),
        (
            header::ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from_static("600"),
        ),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// A body on its way.
struct Sending {
    bytes: Bytes,
    len: usize,
    sent: usize,
    /// Where it stands in the whole file.
    offset: u64,
    rate_bytes_per_s: Option<u64>,
    fault: FaultKind,
    counters: Arc<Counters>,
    links: Arc<Links>,
    visitor: String,
    path: String,
    kind: Kind,
    start: Instant,
}

impl Sending {
    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        let is_halved = matches!(self.fault, FaultKind::Truncate | FaultKind::Stall);
        let end = if is_halved { self.len / 2 } else { self.len };
        if self.sent >= end {
            if self.fault == FaultKind::Stall {
                core::future::pending::<()>().await;
            }
            if self.fault == FaultKind::Truncate {
                // A body that fails at once takes what the connection has not yet written with it.
                sleep(FLUSH).await;
                return Some((Err(io::ErrorKind::ConnectionReset.into()), self));
            }
            return None;
        }
        let mut len = (end - self.sent).min(CHUNK_BYTES);
        if let Some(rate) = self.rate_bytes_per_s {
            // Twenty portions a second, each sent when its last byte is due.
            len = len.min(usize::try_from(rate / 20).unwrap_or(CHUNK_BYTES).max(1));
            let due = u64::try_from(self.sent + len).unwrap_or(u64::MAX);
            let micros = due.saturating_mul(1_000_000) / rate.max(1);
            sleep_until(self.start + Duration::from_micros(micros)).await;
        }
        if let Some((part, due)) = self.links.take(&self.visitor, len, Instant::now()) {
            len = part;
            sleep_until(due).await;
        }
        let mut chunk = self.bytes.slice(self.sent..self.sent + len);
        if self.fault == FaultKind::Corrupt && self.kind == Kind::Media {
            chunk = corrupt(&chunk, self.offset + u64::try_from(self.sent).unwrap_or(0));
        }
        self.sent += len;
        let handed = Count {
            bytes: u64::try_from(len).unwrap_or(u64::MAX),
            ..Count::default()
        };
        self.counters.add(&self.path, self.kind, handed);
        Some((Ok(chunk), self))
    }
}

/// Flips a bit of each 16 KiB of the file, whichever part of it is asked for.
fn corrupt(bytes: &[u8], offset: u64) -> Bytes {
    let flipped = bytes.iter().zip(offset..).map(|(byte, at)| {
        if at % 16_384 == 8_192 || at == 100 {
            byte ^ 1
        } else {
            *byte
        }
    });
    flipped.collect::<Vec<u8>>().into()
}
