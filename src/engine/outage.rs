//! Trackers that are gone: when they count as such, when they are tried again, and under which name we come back.
//!
//! A browser says that a socket is closed minutes after its network went away, if at all. So silence counts:
//! of a socket that does not open, of an announce that is not answered. Invariant: a tracker that is down is
//! tried less and less often, but for one try when the network shows that it is back.

use super::config::signaling::{ANSWER, DOUBT, PATIENCE, RECONNECT_MAX, RECONNECT_MIN};
use super::peer::LinkState;
use super::signaling::{State, Tracker};
use super::swarm::random_peer_id;
use super::{Engine, Output, WarningCode};
use crate::base::{Instant, TrackerId};

impl Tracker {
    /// It has not answered for too long.
    pub(super) fn is_lost(&self, now: Instant) -> bool {
        self.awaited_from.is_some_and(|from| now >= from + PATIENCE)
    }
}

impl Engine {
    pub(super) fn on_tracker_closed(&mut self, now: Instant, id: TrackerId) {
        let jitter = 75 + self.rng.below(51);
        let Some(tracker) = self.signaling.trackers.get_mut(id.0 as usize) else {
            return;
        };
        if tracker.state == State::Closed {
            return;
        }
        tracker.state = State::Closed;
        tracker.awaited_from = None;
        let back_off = (RECONNECT_MIN * (1 << tracker.failures.min(6))).min(RECONNECT_MAX);
        tracker.next = now + back_off * jitter / 100;
        tracker.failures = tracker.failures.saturating_add(1);
        let (tell, url) = (
            !tracker.warned && tracker.failures == 2,
            tracker.url.clone(),
        );
        tracker.warned |= tell;
        if tell {
            let message = format!("the tracker {url} cannot be reached; links that are open stay");
            self.warn(WarningCode::Tracker, message);
        }
        self.drive_all(now);
    }

    /// Who has lost all that knew it comes back as somebody else: a tracker that has not noticed would refuse the id
    /// to another connection for minutes. With a ticket it knows us again, and admits us by it.
    pub(super) fn take_new_id(&mut self) {
        let trackers = &self.signaling.trackers;
        let was_there = trackers.iter().any(|tracker| tracker.announces > 0);
        let is_known =
            |tracker: &Tracker| tracker.state != State::Closed || !tracker.ticket.is_empty();
        let is_alone = self
            .links
            .values()
            .all(|link| link.state == LinkState::Offering);
        if was_there && is_alone && !trackers.iter().any(is_known) {
            self.peer_id = random_peer_id(&mut self.rng);
        }
    }

    /// The network is back: trackers that were lost are tried now, not when it is their turn, and those that leave us
    /// waiting have little time left, for what was sent into nothing is resent late.
    pub(super) fn retry_trackers(&mut self, now: Instant) {
        for tracker in &mut self.signaling.trackers {
            let awaited_from = tracker.awaited_from;
            tracker.awaited_from = awaited_from.map(|from| from.min(now + ANSWER - PATIENCE));
            if tracker.state == State::Closed && tracker.failures > 0 {
                tracker.next = now;
            }
            tracker.failures = 0;
        }
        self.tend_signaling(now);
    }

    /// The last link has gone: trackers, which are asked for others within a second, have little time to show that it was
    /// the peer who left, and not the network.
    pub(super) fn doubt_trackers(&mut self, now: Instant) {
        if !self.config.enabled
            || !self.wants_links()
            || self.links.values().any(|link| link.is_greeted())
        {
            return;
        }
        for tracker in &mut self.signaling.trackers {
            if tracker.state == State::Open {
                let asked = now + DOUBT - PATIENCE;
                tracker.awaited_from = Some(tracker.awaited_from.unwrap_or(asked).min(asked));
            }
        }
    }

    /// Gives up a connection that says nothing.
    pub(super) fn lose_tracker(&mut self, now: Instant, tracker: TrackerId) {
        self.out(Output::CloseTracker { tracker });
        self.on_tracker_closed(now, tracker);
    }
}
