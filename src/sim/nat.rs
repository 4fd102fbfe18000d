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

#[cfg(test)]
mod tests {
    use super::Nat::{Blocked, Cone, Open, Symmetric};

    #[test]
    fn reaching_is_mutual() {
        let all = [Open, Cone, Symmetric, Blocked];
        for (a, b) in all.iter().flat_map(|a| all.iter().map(move |b| (*a, *b))) {
            assert_eq!(a.reaches(b), b.reaches(a), "{a:?} {b:?}");
        }
        assert!(Cone.reaches(Symmetric) && Cone.reaches(Cone));
        assert!(!Symmetric.reaches(Symmetric) && !Open.reaches(Blocked));
    }
}
