//! A SHA-256 digest, and its text forms.

use core::fmt;

/// 32 bytes of SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Digest(")?;
        for byte in &self.0[..4] {
            write!(out, "{byte:02x}")?;
        }
        write!(out, "…)")
    }
}
