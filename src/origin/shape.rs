//! Access links of visitors: how long each answer waits, and how many bytes a second one visitor gets over
//! all its answers together. A visitor names itself in the header `x-visitor`; those without a name share one
//! link. It paces bodies only: not the control API, not the tracker.

use axum::http::HeaderMap;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// Visitors remembered at once; past them all links begin anew.
const VISITORS_MAX: usize = 1_000;

/// Portions of a second in which a shaped body leaves, so that answers of one visitor share its link.
const PORTIONS_PER_S: u64 = 20;

/// What every visitor's link is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// Until the first byte of an answer.
    pub(super) latency: Duration,
    /// All answers of one visitor together; `None` is no limit.
    pub(super) rate_bytes_per_s: Option<u64>,
}

#[derive(Debug, Default)]
struct State {
    shape: Shape,
    /// When a visitor's link is free again.
    free: BTreeMap<String, Instant>,
}

/// All visitors' links.
#[derive(Debug, Default)]
pub(super) struct Links(Mutex<State>);

impl Links {
    /// The name a visitor gives itself.
    pub(super) fn visitor(headers: &HeaderMap) -> String {
        let name = headers.get("x-visitor").and_then(|name| name.to_str().ok());
        name.unwrap_or_default().to_owned()
    }

    /// Shapes every link from now on.
    pub(super) fn set(&self, shape: Shape) {
        *self.lock() = State {
            shape,
            free: BTreeMap::new(),
        };
    }

    pub(super) fn latency(&self) -> Duration {
        self.lock().shape.latency
    }

    /// How much of `len` bytes a visitor's link takes next, and when the last of them has passed; `None`
    /// where nothing is limited.
    pub(super) fn take(&self, visitor: &str, len: usize, now: Instant) -> Option<(usize, Instant)> {
        let mut state = self.lock();
        let rate = state.shape.rate_bytes_per_s?.max(1);
        let portion = usize::try_from(rate / PORTIONS_PER_S).unwrap_or(usize::MAX);
        let len = len.min(portion.max(1));
        let micros = u64::try_from(len)
            .unwrap_or(u64::MAX)
            .saturating_mul(1_000_000)
            / rate;
        if state.free.len() >= VISITORS_MAX {
            state.free.clear();
        }
        let free = state.free.entry(visitor.to_owned()).or_insert(now);
        *free = now.max(*free) + Duration::from_micros(micros);
        Some((len, *free))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Links, Shape};
    use core::time::Duration;
    use tokio::time::Instant;

    #[test]
    fn answers_of_one_visitor_share_its_link_and_others_have_their_own() {
        let links = Links::default();
        let now = Instant::now();
        assert_eq!(links.take("a", 1_000, now), None, "nothing is limited yet");
        links.set(Shape {
            latency: Duration::ZERO,
            rate_bytes_per_s: Some(20_000),
        });
        let portion = Duration::from_millis(50);
        assert_eq!(links.take("a", 5_000, now), Some((1_000, now + portion)));
        assert_eq!(
            links.take("a", 5_000, now),
            Some((1_000, now + portion * 2))
        );
        assert_eq!(links.take("b", 5_000, now), Some((1_000, now + portion)));
        let later = now + Duration::from_secs(9);
        assert_eq!(
            links.take("a", 500, later),
            Some((500, later + portion / 2)),
            "an idle link saves nothing up"
        );
    }
}
