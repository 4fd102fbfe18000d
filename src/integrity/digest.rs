//! A SHA-256 digest, and its text forms.

use super::base64::{from_base64, to_base64};
use core::fmt;
use sha2::{Digest as _, Sha256};

/// 32 bytes of SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Standard base64 with padding (RFC 4648 §4), 44 characters.
    #[must_use]
    pub fn to_base64(self) -> String {
        to_base64(&self.0)
    }

    /// Reads what [`Digest::to_base64`] wrote; `None` for anything else.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        from_base64(text).map(Self)
    }
}

/// SHA-256 of bytes that come in runs.
#[derive(Clone, Debug, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all of them.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Digest(")?;
        for byte in &self.0[..4] {
            write!(out, "{byte:02x}")?;
        }
        write!(out, "…)")
    }
}
