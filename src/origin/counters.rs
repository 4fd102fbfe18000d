//! What was asked for and sent, by path: the verdict of tests and benchmark. Bytes count when they are
//! handed to the connection, whether or not the client stays to read them. Pages do not count.

use super::site::Kind;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Requests and bytes of response bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Count {
    pub(super) requests: u64,
    pub(super) bytes: u64,
    /// Requests that were answered with a part (206).
    pub(super) ranges: u64,
}

/// All counters; as JSON what `GET /_origin/counters` answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Totals {
    pub(super) requests: u64,
    pub(super) bytes: u64,
    pub(super) media: Count,
    pub(super) playlists: Count,
    /// By path, without query; media and playlists.
    pub(super) files: BTreeMap<String, Count>,
}

#[derive(Debug, Default)]
pub(super) struct Counters(Mutex<Totals>);

impl Counters {
    /// Adds to the counters of a path.
    pub(super) fn add(&self, path: &str, kind: Kind, more: Count) {
        let mut totals = self.lock();
        let Totals {
            requests,
            bytes,
            media,
            playlists,
            files,
        } = &mut *totals;
        let sum = match kind {
            Kind::Media => media,
            Kind::Playlist => playlists,
            Kind::Page => return,
        };
        *requests += more.requests;
        *bytes += more.bytes;
        if !files.contains_key(path) {
            files.insert(path.to_owned(), Count::default());
        }
        for count in [sum].into_iter().chain(files.get_mut(path)) {
            count.requests += more.requests;
            count.bytes += more.bytes;
            count.ranges += more.ranges;
        }
    }

    /// The counters now.
    pub(super) fn totals(&self) -> Totals {
        self.lock().clone()
    }

    /// Starts again at zero.
    pub(super) fn reset(&self) {
        *self.lock() = Totals::default();
    }

    fn lock(&self) -> MutexGuard<'_, Totals> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
