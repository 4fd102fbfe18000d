//! Whether a link in use is still there: browsers say so about six seconds after its last packet.
//!
//! A peer that was asked for something and says nothing at all is asked what it holds, which each one
//! answers at once, whatever its uplink has to do. Who does not say even that is gone. Links at rest are
//! the browser's to watch: nobody waits for them. Invariant: any message on a link ends the suspicion, and a
//! timer that came late suspects nobody.

use super::config::pulse::{LATE, PATIENCE, QUIET};
use super::peer::Link;
use super::{CloseReason, Engine};
use crate::base::{Instant, LinkId, TrackId};
use crate::wire::PeerMessage;

/// What a link has said lately.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    heard_at: Instant,
    /// It was asked whether it is there: when, and by when it has to say so.
    asked: Option<(Instant, Instant)>,
}

impl Pulse {
    /// When a link that is open is to be looked at.
    pub(super) fn wake(link: &Link) -> Option<Instant> {
        match link.pulse.asked {
            Some((_, due)) => Some(due),
            None => (link.outstanding > 0).then(|| link.pulse.quiet_at(link)),
        }
    }

    /// When it will have been quiet for long enough to be asked.
    fn quiet_at(&self, link: &Link) -> Instant {
        self.heard_at.max(link.progress_at) + QUIET
    }
}

impl Engine {
    /// Something came, whatever it was.
    pub(super) fn note_heard(&mut self, now: Instant, link: LinkId) {
        if let Some(link) = self.links.get_mut(&link) {
            link.pulse.heard_at = now;
            link.pulse.asked = None;
        }
    }

    /// A peer does not do what was asked of it: if it says nothing at all, it is asked whether it is there.
    pub(super) fn feel_pulse(&mut self, now: Instant, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if link.is_greeted() && link.pulse.asked.is_none() && now >= link.pulse.quiet_at(link) {
            link.pulse.asked = Some((now, now + PATIENCE));
            // Of no track: the answer is the shortest there is.
            let track = TrackId([0; 8]);
            self.send(id, &PeerMessage::HaveQuery { track });
        }
    }

    /// Asks who is quiet, and closes who has not answered.
    pub(super) fn tend_pulses(&mut self, now: Instant) {
        let is_due = |link: &Link| Pulse::wake(link).is_some_and(|at| at <= now);
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
                    // A fresh link would be a fresh chance: who never did anything does not get it.
                    if let Some(peer) = link.peer.filter(|_| !link.conduct.is_useful) {
                        self.outcasts.note(now, peer, CloseReason::Unreliable);
                    }
                    self.close_link(now, id, CloseReason::Gone);
                }
            }
        }
    }
}
