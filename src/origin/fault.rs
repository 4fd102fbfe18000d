//! How the origin is told to fail, and where.

use super::site::Kind;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// One way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FaultKind {
    /// No fault.
    None,
    /// The connection is closed without an answer.
    Down,
    /// Status 503.
    #[serde(rename = "503")]
    Unavailable,
    /// Status 404.
    #[serde(rename = "404")]
    NotFound,
    /// So many bytes a second.
    Slow,
    /// One bit of each 16 KiB of a media file is another.
    Corrupt,
    /// The connection is closed after half of the body.
    Truncate,
    /// Ranges are answered with the whole, status 200.
    NoRange,
    /// Nothing comes after half of the body.
    Stall,
    /// Status 303, to the same path with a query, which is answered.
    Redirect,
}

/// A fault in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) kind: FaultKind,
    /// For `Slow`, bytes a second.
    pub(super) rate_bytes_per_s: u64,
}

/// Faults in force: part of a path → fault.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<BTreeMap<String, Fault>>);

impl Faults {
    /// Sets the fault of paths that contain `part`; without one, of all media and playlists. `None`
    /// without a part heals everything.
    pub(super) fn set(&self, part: String, fault: Fault) {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if fault.kind != FaultKind::None {
            faults.insert(part, fault);
        } else if part.is_empty() {
            faults.clear();
        } else {
            faults.remove(&part);
        }
    }

    /// The fault of a path: of the longest part that it contains. Pages fail only when named.
    pub(super) fn of(&self, path: &str, kind: Kind) -> Option<Fault> {
        let faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let meant = |part: &str| path.contains(part) && (kind != Kind::Page || !part.is_empty());
        let found = faults.iter().filter(|(part, _)| meant(part));
        found
            .max_by_key(|(part, _)| part.len())
            .map(|(_, fault)| *fault)
    }
}
