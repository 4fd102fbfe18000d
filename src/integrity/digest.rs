//! A SHA-256 digest, and its text forms.

use super::base64::{from_base64, to_base64};
use core::fmt;

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

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Digest(")?;
        for byte in &self.0[..4] {
            write!(out, "{byte:02x}")?;
        }
        write!(out, "…)")
    }
}
