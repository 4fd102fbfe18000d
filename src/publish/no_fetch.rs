//! In the place of `fetch` where the binary is built without an HTTP client (feature `http`): says so.

use super::PublishError;
use super::hash::{Hashed, Wanted};
use crate::base::ByteRange;
use std::path::Path;

const WITHOUT: &str =
    "this swarmline was built without its HTTP client; build it with the feature http";

/// Gets nothing.
#[derive(Debug)]
pub(super) struct Fetcher;

impl Fetcher {
    pub(super) fn new(authorities: Option<&Path>) -> Result<Self, PublishError> {
        authorities.map_or(Ok(Self), |path| Err(PublishError::new(path, WITHOUT)))
    }

    pub(super) fn text(&self, _url: &str) -> Result<(String, String), String> {
        Err(WITHOUT.to_owned())
    }

    pub(super) fn hash(
        &self,
        _url: &str,
        _range: Option<ByteRange>,
        _expected: Option<u64>,
        _wanted: Wanted,
    ) -> Result<Hashed, String> {
        Err(WITHOUT.to_owned())
    }
}
