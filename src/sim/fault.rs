//! What breaks when, and what of it holds now.
//!
//! Invariant: outside its span a fault changes nothing.

use super::scenario::{Fault, FaultKind};
use crate::base::{Duration, Instant};

/// What holds now.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weather {
    /// Share of the CDN's rate that is left.
    pub(super) cdn_rate: f64,
    /// Share of requests to the CDN that fail.
    pub(super) cdn_errors: f64,
    pub(super) tracker_up: bool,
    /// Share of changes of haves that are lost.
    pub(super) haves_lost: f64,
}

impl Weather {
    /// The weather at `now`.
    pub(super) fn at(now: Instant, faults: &[Fault]) -> Self {
        let mut weather = Self {
            cdn_rate: 1.0,
            cdn_errors: 0.0,
            tracker_up: true,
            haves_lost: 0.0,
        };
        let moment = now.since(Instant::ZERO).as_secs_f64();
        for fault in faults {
            if !(fault.from_s..fault.to_s).contains(&moment) {
                continue;
            }
            match fault.kind {
                FaultKind::CdnSlow => weather.cdn_rate *= fault.share,
                FaultKind::CdnErrors => weather.cdn_errors = weather.cdn_errors.max(fault.share),
                FaultKind::TrackerAway => weather.tracker_up = false,
                FaultKind::HavesLost => weather.haves_lost = weather.haves_lost.max(fault.share),
            }
        }
        weather
    }

    /// The moments at which it changes.
    pub(super) fn changes(faults: &[Fault]) -> impl Iterator<Item = Instant> {
        let moment = |seconds: f64| Instant::ZERO + Duration::from_secs_f64(seconds.max(0.0));
        faults
            .iter()
            .flat_map(move |fault| [moment(fault.from_s), moment(fault.to_s)])
    }
}
