//! `[turn]`: a relay for viewers who cannot reach each other, and its secret.
//!
//! Invariant: the secret is read from a file of its own, so that no printed setting has it.

use super::{TOKEN_CHARS_MIN, read_secret};
use crate::tracker::Turn;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Shortest life of a TURN server's credentials, in seconds: a viewer hears of new ones with each announce.
const TURN_LIFE_S_MIN: u64 = 300;

/// Where viewers are relayed who cannot reach each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "default.toml says what each setting means")]
pub struct TurnServer {
    pub urls: Vec<String>,
    pub secret_file: Option<PathBuf>,
    pub life_s: u64,
}

impl Default for TurnServer {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            secret_file: None,
            life_s: 6 * 3_600,
        }
    }
}

impl TurnServer {
    pub(super) fn check(&self) -> Result<(), String> {
        for url in &self.urls {
            let host = url
                .strip_prefix("turn:")
                .or_else(|| url.strip_prefix("turns:"));
            if host.is_none_or(|host| host.is_empty() || host.starts_with('/')) {
                return Err(format!(
                    "turn.urls: {url:?} is no TURN server; write turn:turn.example.com:3478"
                ));
            }
        }
        if self.urls.is_empty() != self.secret_file.is_none() {
            return Err("turn.urls and turn.secret_file go together: set both or neither".into());
        }
        if self.life_s < TURN_LIFE_S_MIN {
            let life_s = self.life_s;
            return Err(format!(
                "turn.life_s is {life_s}; {TURN_LIFE_S_MIN} is the least"
            ));
        }
        Ok(())
    }

    /// The server with its secret, if there is one.
    ///
    /// # Errors
    /// One line for a person, with the file.
    pub(in crate::server) fn read(&self) -> Result<Option<Turn>, String> {
        let Some(path) = &self.secret_file else {
            return Ok(None);
        };
        let secret = read_secret("TURN", path, TOKEN_CHARS_MIN)?;
        Ok(Some(Turn {
            urls: self.urls.clone(),
            secret,
            life: Duration::from_secs(self.life_s),
        }))
    }
}
