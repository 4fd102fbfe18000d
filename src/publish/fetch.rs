//! Playlists and segments over HTTP(S), for those who check a stream where viewers get it.
//!
//! Invariant: no answer is read further than what it should be, nor waited for without end.

use super::PublishError;
use super::hash::{Hashed, Wanted, hash_run};
use crate::base::ByteRange;
use crate::integrity::{MAX_SEGMENT_LEN, SIDECAR_BYTES_MAX};
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, ResponseExt};

/// Until a connection stands, and until it answers.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// Until an answer is read to its end.
const BODY_MAX: Duration = Duration::from_secs(300);

/// Gets things by URL; connections are kept.
#[derive(Debug)]
pub(super) struct Fetcher(Agent);

impl Fetcher {
    /// `authorities`: a PEM file of those whose certificates count, in the place of the public ones.
    pub(super) fn new(authorities: Option<&Path>) -> Result<Self, PublishError> {
        let roots = match authorities {
            Some(path) => RootCerts::Specific(Arc::new(certificates(path)?)),
            None => RootCerts::WebPki,
        };
        let config = Agent::config_builder()
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .timeout_connect(Some(ANSWER_MAX))
            .timeout_recv_response(Some(ANSWER_MAX))
            .timeout_recv_body(Some(BODY_MAX))
            .http_status_as_error(false)
            .user_agent(concat!("swarmline/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self(config.into()))
    }

    /// A text, and the URL it came from after redirects.
    pub(super) fn text(&self, url: &str) -> Result<(String, String), String> {
        let mut response = self.get(url, None)?;
        let url = response.get_uri().to_string();
        let mut bytes = Vec::new();
        let limit = SIDECAR_BYTES_MAX as u64;
        let mut body = response.body_mut().as_reader().take(limit + 1);
        body.read_to_end(&mut bytes)
            .map_err(|error| error.to_string())?;
        if bytes.len() as u64 > limit {
            return Err("longer than 32 MiB".to_owned());
        }
        let text = String::from_utf8(bytes).map_err(|_| "not UTF-8, so no playlist".to_owned())?;
        Ok((url, text))
    }

    /// What a segment's bytes hash to; one byte more than `expected` is enough to know.
    pub(super) fn hash(
        &self,
        url: &str,
        range: Option<ByteRange>,
        expected: Option<u64>,
        wanted: Wanted,
    ) -> Result<Hashed, String> {
        let mut response = self.get(url, range)?;
        let start = range.map_or(0, |range| range.start);
        let is_part = response.status() == StatusCode::PARTIAL_CONTENT;
        let content_range = response.headers().get(header::CONTENT_RANGE);
        let content_range = content_range.and_then(|value| value.to_str().ok());
        if is_part && content_range.is_some_and(|range| !begins_at(range, start)) {
            return Err("the server gave another range than it was asked for".to_owned());
        }
        let mut body = response.body_mut().as_reader();
        if !is_part {
            // A server without ranges gives the whole.
            let skipped = io::copy(&mut body.by_ref().take(start), &mut io::sink());
            skipped.map_err(|error| error.to_string())?;
        }
        let limit = match (range, expected) {
            (Some(range), _) => range.len(),
            (None, Some(expected)) => expected.saturating_add(1),
            (None, None) => MAX_SEGMENT_LEN,
        };
        hash_run(body.take(limit), wanted).map_err(|error| error.to_string())
    }

    fn get(&self, url: &str, range: Option<ByteRange>) -> Result<Response<Body>, String> {
        let mut request = self.0.get(url);
        if let Some(ByteRange { start, end }) = range {
            let last = end.saturating_sub(1);
            request = request.header(header::RANGE, format!("bytes={start}-{last}"));
        }
        let response = request.call().map_err(|error| unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            Ok(response)
        } else {
            Err(format!("the server answered {status}"))
        }
    }
}

/// The certificates of a PEM file.
fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, PublishError> {
    let pem = fs::read(path).map_err(|error| PublishError::io(path, &error))?;
    let mut found = Vec::new();
    for item in parse_pem(&pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => found.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(PublishError::new(path, error)),
        }
    }
    if found.is_empty() {
        return Err(PublishError::new(path, "no certificate in PEM form in it"));
    }
    Ok(found)
}

/// Why, without the library's word for the kind of it.
fn unreachable(error: &ureq::Error) -> String {
    let said = error.to_string();
    let said = said.trim_start_matches("io: ");
    if said.contains("UnknownIssuer") {
        return "cannot be fetched: no authority that is trusted here signed its certificate; name your own \
                with --ca FILE"
            .to_owned();
    }
    format!("cannot be fetched: {said}")
}

/// Whether `bytes first-last/all` begins there.
fn begins_at(content_range: &str, start: u64) -> bool {
    let first = content_range.trim().strip_prefix("bytes ");
    let first = first.and_then(|range| range.split('-').next());
    first.and_then(|first| first.trim().parse().ok()) == Some(start)
}
