//! Networks that go away and come back: nothing passes, and nobody is told.
//!
//! Invariant: what was lost is not resent, and a connection to a tracker that the network broke stays open in the
//! eyes of both its ends. Links are dead for good.

use super::{Delivery, Viewer, World};
use swarmline::base::{Duration, FetchId, Instant, LinkId};
use swarmline::engine::Input;

/// After so long a tracker gives up a connection that answers no ping.
const UNANSWERED: Duration = Duration::from_secs(90);

impl World {
    /// The viewer's network is gone. Fetches fail, as a browser's do; nothing else is heard of it.
    pub fn unplug(&mut self, viewer: Viewer) {
        self.unplugged.insert(viewer);
        let of_viewer = self.connections.iter().filter(|(_, it)| it.0 == viewer);
        let dead: Vec<_> = of_viewer.map(|(connection, _)| *connection).collect();
        for connection in dead {
            self.connections.remove(&connection);
            self.later(UNANSWERED, Delivery::HungUp(connection));
        }
        let fetches = std::mem::take(&mut self.viewers[viewer].in_fetch);
        for fetch in fetches.into_keys() {
            self.fail_fetch(viewer, fetch);
        }
    }

    /// It is back. Links that it had are dead on both sides, and browsers have not noticed.
    pub fn plug(&mut self, viewer: Viewer) {
        self.unplugged.remove(&viewer);
        let links = std::mem::take(&mut self.viewers[viewer].links);
        for (other, theirs) in links.into_values() {
            self.viewers[other].links.remove(&theirs);
        }
    }

    /// The viewer's browser notices that its links are dead, as it does after six seconds.
    pub fn notice_dead(&mut self, viewer: Viewer) {
        let links: Vec<LinkId> = self.viewers[viewer].links.keys().copied().collect();
        for link in links {
            self.lose_link(viewer, link);
        }
    }

    /// It notices that of one.
    pub fn lose_link(&mut self, viewer: Viewer, link: LinkId) {
        self.viewers[viewer].links.remove(&link);
        self.tell(viewer, Input::LinkClosed { link });
    }

    /// The viewer's page stands still for so long, then hears its timers before all that has come meanwhile.
    pub fn sleep(&mut self, viewer: Viewer, span: Duration) {
        self.fall_asleep(viewer, span);
        self.run_for(span);
    }

    /// The same, while a test lets others play on.
    pub fn fall_asleep(&mut self, viewer: Viewer, span: Duration) {
        self.asleep = Some((viewer, self.now + span));
    }

    /// Its network is back, and its browser notices after six seconds which links are dead.
    pub fn resume(&mut self, viewer: Viewer) {
        let dead: Vec<LinkId> = self.viewers[viewer].links.keys().copied().collect();
        self.plug(viewer);
        for link in dead {
            let input = Input::LinkClosed { link };
            self.later(Duration::from_secs(6), Delivery::To(viewer, input));
        }
    }

    /// The viewer's clock stood still for so long, as a machine's may that slept.
    pub fn stop_clock(&mut self, viewer: Viewer, span: Duration) {
        self.viewers[viewer].born = self.viewers[viewer].born + span;
    }

    /// The viewer's timers fire on whole multiples of `grain` from here on, as a hidden tab's.
    pub fn throttle(&mut self, viewer: Viewer, grain: Duration) {
        self.throttled.insert(viewer, grain);
    }

    /// When a timer that is set for `at` fires.
    pub(super) fn fires(&self, viewer: Viewer, at: Instant) -> Instant {
        let Some(grain) = self.throttled.get(&viewer) else {
            return at.max(self.awake_at(viewer));
        };
        let grain = grain.as_micros() as u64;
        Instant(at.0.div_ceil(grain) * grain).max(self.awake_at(viewer))
    }

    fn awake_at(&self, viewer: Viewer) -> Instant {
        let asleep = self.asleep.filter(|(whose, _)| *whose == viewer);
        asleep.map_or(Instant::ZERO, |(_, until)| until)
    }

    /// What comes for a page that sleeps waits.
    pub(super) fn unless_asleep(&mut self, delivery: Delivery) -> Option<Delivery> {
        let viewer = match &delivery {
            Delivery::To(viewer, ..)
            | Delivery::Frame(viewer, ..)
            | Delivery::Heard(viewer, ..)
            | Delivery::Sent(viewer, ..)
            | Delivery::Body(viewer, ..)
            | Delivery::FromTracker(viewer, ..)
            | Delivery::Hashed(viewer, ..)
            | Delivery::Kept(viewer, ..) => *viewer,
            Delivery::ToTracker(..) | Delivery::HungUp(..) => return Some(delivery),
        };
        let until = self.awake_at(viewer);
        if until < self.now || until == Instant::ZERO {
            return Some(delivery);
        }
        let span = until.since(self.now) + Duration::from_micros(1);
        self.later(span, delivery);
        None
    }

    /// Whether nothing passes between the two, or between a viewer and the world.
    pub(super) fn is_cut(&self, viewer: Viewer, other: Viewer) -> bool {
        self.unplugged.contains(&viewer) || self.unplugged.contains(&other)
    }

    pub(super) fn fail_fetch(&mut self, viewer: Viewer, fetch: FetchId) {
        let (status, timed_out) = (0, false);
        let input = Input::FetchFailed {
            fetch,
            status,
            timed_out,
        };
        self.later(Duration::from_millis(500), Delivery::To(viewer, input));
    }

    /// What connections are made with from now on.
    pub(super) fn note_relayed(&mut self, viewer: Viewer, link: LinkId) {
        let shell = &mut self.viewers[viewer];
        if shell.relay.is_some() {
            shell.relayed.insert(link);
        }
    }

    /// Whether the two ends can meet, as far as relays matter.
    pub(super) fn may_open(&self, one: (Viewer, LinkId), other: (Viewer, LinkId)) -> bool {
        let is_relayed =
            |(viewer, link): (Viewer, LinkId)| self.viewers[viewer].relayed.contains(&link);
        !self.relays_only || (is_relayed(one) && is_relayed(other))
    }
}
