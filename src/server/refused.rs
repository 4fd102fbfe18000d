//! Why a connection is not taken, in a word for metrics and in a sentence for its client. Decides nothing.

use axum::http::StatusCode;

/// Why a connection is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Closed,
    Full,
    Address,
    Origin,
    Banned,
}

impl Refused {
    pub(super) const ALL: [Self; 5] = [
        Self::Closed,
        Self::Full,
        Self::Address,
        Self::Origin,
        Self::Banned,
    ];

    /// Its name in metrics.
    #[cfg(feature = "operate")]
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Full => "full",
            Self::Address => "address",
            Self::Origin => "origin",
            Self::Banned => "banned",
        }
    }

    /// The status and words that a client gets.
    pub(super) const fn words(self) -> (StatusCode, &'static str) {
        match self {
            Self::Closed | Self::Full => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the tracker takes no connections now\n",
            ),
            Self::Address => (
                StatusCode::TOO_MANY_REQUESTS,
                "too many connections from your address; try again later\n",
            ),
            Self::Origin => (
                StatusCode::FORBIDDEN,
                "this tracker is not for pages of this origin\n",
            ),
            Self::Banned => (StatusCode::FORBIDDEN, "your address is banned\n"),
        }
    }
}
