//! What stands before a viewer, and which two can reach each other without a relay.
//!
//! Invariant: the relation is symmetric. Source: RFC 4787's terms; Ford, Srisuresh, Kegel, USENIX ATC 2005.

use serde::Deserialize;

/// What stands before a viewer.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Nat {
    /// Nothing, or a NAT that lets everything back in.
    Open,
    /// One mapping for all; lets in who was sent to. Most homes.
    Cone,
    /// A mapping for each receiver: reaches who does not look at the sender's port. Some carriers.
    Symmetric,
    /// No UDP at all. Some offices.
    Blocked,
}

impl Nat {
    /// Whether a data channel between the two can open.
    #[must_use]
    pub const fn reaches(self, other: Self) -> bool {
        !matches!(
            (self, other),
            (Self::Blocked, _) | (_, Self::Blocked) | (Self::Symmetric, Self::Symmetric)
        )
    }
}
