//! `[access]`: whose pages, which rooms, which join tokens.
//!
//! Invariant: a key that was read is an Ed25519 key that verifies only what it signed, under a name that a token can carry.
//! Which tokens count is the tracker's.

use super::{TOKEN_CHARS_MIN, read_secret};
use crate::integrity::{PROOF_KEYS_MAX, PublicKey, SecretKey};
use crate::server::Origin;
use crate::tracker::{Proofs, Rooms, Tickets, TokenKey, Tokens};
use crate::wire::room_of;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Longest name, in bytes: as long as tokens may name keys.
const NAME_BYTES_MAX: usize = 128;

/// Proofs are renewed when half of that is over, with an announce: these come every two minutes.
const PROOF_LIFE_S_MIN: u64 = 600;

/// Who may connect, and for which streams.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "default.toml says what each setting means")]
pub struct AccessLists {
    pub origins: Vec<Origin>,
    pub rooms_allow: Vec<String>,
    pub rooms_deny: Vec<String>,
    pub tokens: TokenUse,
    pub token_keys: Vec<NamedKey>,
    pub token_skew_s: u64,
    pub token_life_max_s: u64,
    pub ticket_life_s: u64,
    pub ticket_secret_file: Option<PathBuf>,
    pub proof_key_files: Vec<PathBuf>,
    pub proof_life_s: u64,
}

/// Whether join tokens are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenUse {
    /// Who shows none is let in.
    Open,
    /// Only who shows one that counts.
    Required,
}

impl Default for AccessLists {
    fn default() -> Self {
        let tokens = Tokens::default();
        Self {
            origins: Vec::new(),
            rooms_allow: Vec::new(),
            rooms_deny: Vec::new(),
            tokens: TokenUse::Open,
            token_keys: Vec::new(),
            token_skew_s: tokens.skew.as_secs(),
            token_life_max_s: tokens.life_max.as_secs(),
            ticket_life_s: 6 * 3_600,
            ticket_secret_file: None,
            proof_key_files: Vec::new(),
            proof_life_s: 3_600,
        }
    }
}

impl AccessLists {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.tokens == TokenUse::Required && self.token_keys.is_empty() {
            return Err(
                "access.tokens is \"required\", but access.token_keys is empty: nobody could join"
                    .into(),
            );
        }
        if self.proof_key_files.len() > PROOF_KEYS_MAX {
            return Err(format!(
                "access.proof_key_files names more than {PROOF_KEYS_MAX} files; take out those that have not signed for an hour"
            ));
        }
        if self.proof_life_s < PROOF_LIFE_S_MIN {
            return Err(format!(
                "access.proof_life_s is less than {PROOF_LIFE_S_MIN}; to sign nothing, leave proof_key_files empty"
            ));
        }
        for (at, key) in self.token_keys.iter().enumerate() {
            let mut before = self.token_keys.iter().take(at);
            if before.any(|other| other.id() == key.id()) {
                let id = key.id();
                return Err(format!(
                    "access.token_keys has two keys with the name {id:?}"
                ));
            }
        }
        Ok(())
    }

    /// The rooms that there may be.
    pub(in crate::server) fn rooms(&self) -> Rooms {
        let hashes = |names: &[String]| names.iter().map(|name| room_of(name)).collect();
        Rooms {
            allow: hashes(&self.rooms_allow),
            deny: hashes(&self.rooms_deny),
        }
    }

    /// How tickets are made: with the file's secret, else with `own`, which nobody else has.
    ///
    /// # Errors
    /// One line for a person, with the file.
    pub(in crate::server) fn tickets(&self, own: &[u8]) -> Result<Option<Tickets>, String> {
        let file = self.ticket_secret_file.as_deref();
        let secret = file
            .map(|path| read_secret("ticket", path, TOKEN_CHARS_MIN))
            .transpose()?;
        let tickets = Tickets {
            secret: secret.map_or_else(|| own.to_vec(), String::into_bytes),
            life: Duration::from_secs(self.ticket_life_s),
        };
        Ok(Some(tickets).filter(|_| self.ticket_life_s > 0))
    }

    /// How proofs are made; `None` for not at all.
    ///
    /// # Errors
    /// One line for a person, with the file.
    pub(in crate::server) fn proofs(&self) -> Result<Option<Proofs>, String> {
        let files = self.proof_key_files.iter();
        let keys = files.map(|path| {
            let line = std::fs::read_to_string(path).map_err(|why| why.to_string());
            let key = line.and_then(|line| {
                SecretKey::from_line(&line)
                    .ok_or_else(|| "it is no secret key; swarmline keygen makes one".to_owned())
            });
            key.map_err(|why| format!("the proof key {}: {why}", path.display()))
        });
        let proofs = Proofs {
            keys: keys.collect::<Result<_, String>>()?,
            life: Duration::from_secs(self.proof_life_s),
        };
        Ok(Some(proofs).filter(|proofs| !proofs.keys.is_empty()))
    }

    /// What is asked of who joins.
    pub(in crate::server) fn tokens(&self) -> Tokens {
        Tokens {
            are_required: self.tokens == TokenUse::Required,
            keys: self.token_keys.iter().map(NamedKey::key).collect(),
            skew: Duration::from_secs(self.token_skew_s),
            life_max: Duration::from_secs(self.token_life_max_s),
        }
    }
}

/// A public key with the name that tokens call it by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct NamedKey(TokenKey);

impl NamedKey {
    fn id(&self) -> &str {
        &self.0.id
    }

    fn key(&self) -> TokenKey {
        self.0.clone()
    }
}

impl TryFrom<String> for NamedKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts = text.split_once(':');
        let named = parts.filter(|(id, _)| !id.is_empty() && id.len() <= NAME_BYTES_MAX);
        let key = named.and_then(|(id, key)| {
            let (id, key) = (id.to_owned(), PublicKey::from_base64(key)?);
            Some(Self(TokenKey { id, key }))
        });
        key.ok_or_else(|| {
            format!("{text:?} is no key; write name:BASE64, the public key as swarmline keygen prints it")
        })
    }
}

impl From<NamedKey> for String {
    fn from(key: NamedKey) -> Self {
        let TokenKey { id, key } = key.0;
        format!("{id}:{}", key.to_base64())
    }
}
