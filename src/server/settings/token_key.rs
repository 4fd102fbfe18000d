//! A key of join tokens as an operator writes it: `name:BASE64`.
//!
//! Invariant: what was read is an Ed25519 key that verifies only what it signed, under a name that a token
//! can carry. Which tokens count is the tracker's.

use crate::integrity::PublicKey;
use crate::tracker::TokenKey;
use serde::{Deserialize, Serialize};

/// Longest name, in bytes: as long as tokens may name keys.
const NAME_BYTES_MAX: usize = 128;

/// A public key with the name that tokens call it by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct NamedKey(TokenKey);

impl NamedKey {
    pub(super) fn id(&self) -> &str {
        &self.0.id
    }

    pub(super) fn key(&self) -> TokenKey {
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
