//! Why the CDN was asked, for who looks for what is left to save, or asks why there is no P2P: a word on each
//! leg, and no decision.
//!
//! Invariant: it changes nothing.

use super::Engine;
use crate::base::FetchId;

/// Why a leg was begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Peers are out of it: not shared, switched off, contradicted, or refused as a range.
    #[default]
    Alone,
    /// The buffer was empty, or as good as empty.
    NoSlack,
    /// Nobody held it and no link was open.
    NoLinks,
    /// Nobody held or promised it, and it was this viewer's turn.
    Election,
    /// It was promised, and did not come.
    Promise,
    /// The CDN's part of it, taken first.
    Share,
    /// Time ran out for what peers owed.
    Deadline,
    /// The only one who held it was silent.
    Silence,
}

impl Why {
    /// Every reason, in the order of reports.
    pub const ALL: [Self; 8] = [
        Self::NoSlack,
        Self::NoLinks,
        Self::Election,
        Self::Promise,
        Self::Share,
        Self::Deadline,
        Self::Silence,
        Self::Alone,
    ];

    /// As a report calls it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoSlack => "no slack",
            Self::NoLinks => "no links",
            Self::Election => "elected",
            Self::Promise => "promise not kept",
            Self::Share => "its share first",
            Self::Deadline => "deadline",
            Self::Silence => "silent peer",
            Self::Alone => "not shared",
        }
    }
}

impl Engine {
    /// Why the leg under way as `fetch` was begun; `None` if it is not under way.
    #[must_use]
    pub fn why(&self, fetch: FetchId) -> Option<Why> {
        let (id, _) = self.leg(fetch)?;
        self.segments.get(&id)?.download.as_ref()?.why
    }

    /// The next leg is begun for this.
    pub(super) fn because(&mut self, why: Why) {
        self.why = why;
    }
}
