//! Whether a link is still there: browsers say so about six seconds after its last packet.
//!
//! A peer that says nothing is asked what it holds of no track, which each one answers at once, whatever its uplink has
//! to do. Who does not say even that is gone. Who was asked for something is asked soon, links at rest a little later:
//! nobody waits for them, but they keep a place. Invariant: any message on a link ends the suspicion, and a timer that
//! came late suspects nobody.

use super::config::pulse::{LATE, PATIENCE, QUIET, REST, REST_LATE, SECOND};
use super::peer::Link;
use super::{CloseReason, Engine};
use crate::base::{Instant, LinkId, TrackId};
use crate::wire::PeerMessage;

/// Of no track: the answer is the shortest there is.
pub(super) const NO_TRACK: TrackId = TrackId([0; 8]);

/// What a link has said lately.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    heard_at: Instant,
    /// It was asked whether it is there: when, and by when it has to say so.
    asked: Option<(Instant, Instant)>,
}

impl Engine {
    /// When a link that is open is to be looked at.
    pub(super) fn pulse_wake(&self, link: &Link) -> Option<Instant> {
        let wake = match link.pulse.asked {
            Some((_, due)) => due,
            None => self.quiet_at(link),
        };
        link.is_greeted().then_some(wake)
    }

    /// When it will have been quiet for long enough to be asked. Of a link at rest both ends may ask: who did not offer
    /// it gives the other one the time to.
    fn quiet_at(&self, link: &Link) -> Instant {
        let span = match (link.outstanding, self.playback.is_late()) {
            (0, true) => REST_LATE,
            (0, false) if link.offered_by_us => REST,
            (0, false) => REST + SECOND,
            (_, _) => QUIET,
        };
        link.pulse.heard_at.max(link.progress_at) + span
    }

    /// Something came, whatever it was.
    pub(super) fn note_heard(&mut self, now: Instant, link: LinkId) {
        if let Some(link) = self.links.get_mut(&link) {
            link.pulse.heard_at = now;
            link.pulse.asked = None;
        }
    }

    /// A peer does not do what was asked of it: if it says nothing at all, it is asked whether it is there.
    pub(super) fn feel_pulse(&mut self, now: Instant, id: LinkId) {
        let is_quiet = |link: &Link| {
            link.is_greeted() && link.pulse.asked.is_none() && now >= self.quiet_at(link)
        };
        if self.links.get(&id).is_some_and(|link| is_quiet(link))
            && let Some(link) = self.links.get_mut(&id)
        {
            link.pulse.asked = Some((now, now + PATIENCE));
            self.send(id, &PeerMessage::HaveQuery { track: NO_TRACK });
        }
    }

    /// Asks who is quiet, and closes who has not answered.
    pub(super) fn tend_pulses(&mut self, now: Instant) {
        let is_due = |link: &Link| self.pulse_wake(link).is_some_and(|at| at <= now);
        let due = self.links.iter().filter(|(_, link)| is_due(link));
        let due: Vec<LinkId> = due.map(|(id, _)| *id).collect();
        for id in due {
            let Some(link) = self.links.get_mut(&id) else {
                continue;
            };
            match link.pulse.asked {
                None => self.feel_pulse(now, id),
                // The page was busy or asleep: what came meanwhile has not been handed out yet.
                Some((at, due)) if now > due + LATE && due == at + PATIENCE => {
                    link.pulse.asked = Some((at, now + LATE));
                }
                Some(_) => {
                    // A fresh link would be a fresh chance: who never did anything of what it was asked does not get it.
                    let owes = link.outstanding > 0 && !link.conduct.is_useful;
                    if let Some(peer) = link.peer.filter(|_| owes) {
                        self.outcasts.note(now, peer, CloseReason::Unreliable);
                    }
                    self.close_link(now, id, CloseReason::Gone);
                }
            }
        }
    }
}
