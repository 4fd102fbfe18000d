//! Links through a neighbour in common: whom one asks, whom one offers a link, what one carries for others. So a
//! swarm heals without its tracker, and grows where a tracker has brought nobody new.
//!
//! Who wants links asks a neighbour for its neighbours and hands it an offer for one of them; the answer comes back
//! the same way. Nothing is said where nobody asks. Invariant: what is carried goes one hop, from one greeted link to
//! another, within the budgets of both, and nothing of it is kept; a neighbour that makes things up costs few places, and
//! takes none from others. Whether an offer or an answer is taken is `tracker.rs`, whoever brought it.

use super::config::introductions::{
    BROUGHT_MAX, CARRIED_CREDIT, CARRIED_EVERY, PAUSE_MAX, PAUSE_MIN, TRACKER_FIRST, TRIED,
    TRIED_DOUBLINGS, TRIED_MAX, UNDER_WAY_MAX,
};
use super::{Engine, Output};
use crate::base::{Duration, Instant, LinkId, PeerId, TrackerId};
use crate::wire::{PeerMessage, Signal, limit};

/// Who carried an offer, and what it is called there.
#[derive(Debug)]
pub(super) enum Carrier {
    Tracker(TrackerId, String),
    Link(LinkId, u32),
}

impl Carrier {
    pub(super) fn link(&self) -> Option<LinkId> {
        match self {
            Self::Tracker(..) => None,
            Self::Link(link, _) => Some(*link),
        }
    }
}

/// What was tried to be introduced to others.
#[derive(Debug, Default)]
pub(super) struct Introductions {
    /// When a neighbour is asked next, if links are wanted then.
    next: Instant,
    pause: Duration,
    /// Who was asked last and has not answered.
    asked: Option<LinkId>,
    /// Who was offered a link, and until when it is left alone.
    tried: Vec<Try>,
}

/// Somebody who was offered a link.
#[derive(Debug)]
struct Try {
    peer: PeerId,
    /// Until then it is left alone; twice as long each time.
    until: Instant,
    times: u32,
}

impl Introductions {
    /// Trackers come first.
    pub(super) fn begin(&mut self, now: Instant) {
        self.pause = PAUSE_MIN;
        self.next = now + TRACKER_FIRST;
    }
}

impl Engine {
    /// A link was lost: neighbours are asked, if there is a tracker after it had its chance.
    pub(super) fn seek_soon(&mut self, now: Instant) {
        let patience = match self.has_tracker() {
            true => TRACKER_FIRST,
            false => PAUSE_MIN,
        };
        let it = &mut self.signaling.introductions;
        it.pause = PAUSE_MIN;
        // One loss after the other puts nothing off.
        if it.next <= now || it.next > now + patience {
            it.next = now + patience;
        }
    }

    /// Neighbours may bring more links. They know one corner of the swarm, a tracker all of it: where one hears us,
    /// neighbours are asked only if it has not brought half.
    fn seeks(&self) -> bool {
        let half = self.link_count() * 2 >= self.config.enough_links();
        !(half && self.has_tracker()) && self.carried_offers() < UNDER_WAY_MAX && self.wants_links()
    }

    fn carried_offers(&self) -> usize {
        let offers = self.signaling.offers.values();
        offers.filter(|offer| offer.to.is_some()).count()
    }

    pub(super) fn introductions_wake(&self) -> Option<Instant> {
        let asks = self.greeted().next().is_some() && self.seeks();
        asks.then_some(self.signaling.introductions.next)
    }

    /// Asks a neighbour whom it knows, when it is time.
    pub(super) fn tend_introductions(&mut self, now: Instant) {
        if self.introductions_wake().is_none_or(|at| now < at) {
            return;
        }
        let pick = self
            .rng
            .below(u32::try_from(self.greeted().count()).unwrap_or(0));
        let greeted = self.links.iter().filter(|(_, link)| link.is_greeted());
        let asked = greeted.map(|(id, _)| *id).nth(pick as usize);
        let it = &mut self.signaling.introductions;
        it.asked = asked;
        it.next = now + it.pause;
        it.pause = (it.pause * 2).min(PAUSE_MAX);
        if let Some(asked) = asked {
            self.send(asked, &PeerMessage::Neighbours(Vec::new()));
        }
    }

    /// A neighbour asks whom we know, or answers.
    pub(super) fn on_neighbours(&mut self, now: Instant, link: LinkId, peers: &[PeerId]) {
        if peers.is_empty() {
            return self.tell_neighbours(link);
        }
        if self.signaling.introductions.asked.take() != Some(link) || !self.seeks() {
            return;
        }
        let from = self.rng.below(u32::try_from(peers.len()).unwrap_or(0)) as usize;
        for peer in peers.iter().cycle().skip(from).take(peers.len()) {
            if self.carried_offers() < UNDER_WAY_MAX
                && self.may_introduce(link)
                && self.is_worth_a_try(now, *peer)
            {
                self.note_try(now, *peer);
                self.make_offer(now, Some(link), Some(*peer));
            }
        }
    }

    fn is_worth_a_try(&self, now: Instant, peer: PeerId) -> bool {
        let mut tried = self.signaling.introductions.tried.iter();
        !tried.any(|it| it.peer == peer && now < it.until)
            && self.is_welcome(now, peer)
            && !self.is_linked(peer)
    }

    fn note_try(&mut self, now: Instant, peer: PeerId) {
        let tried = &mut self.signaling.introductions.tried;
        let known = tried.iter().position(|it| it.peer == peer);
        let times = known.map_or(0, |at| tried.remove(at).times);
        let until = now + TRIED * (1 << times.min(TRIED_DOUBLINGS));
        let times = times.saturating_add(1);
        tried.push(Try { peer, until, times });
        if tried.len() > TRIED_MAX {
            tried.remove(0);
        }
    }

    /// Those with a link that is not its own. Who sends nothing carries nothing either.
    fn tell_neighbours(&mut self, link: LinkId) {
        let others = self.links.iter().rev().filter(|(id, _)| **id != link);
        let others = others.filter(|(_, other)| other.is_greeted());
        let others = others.filter_map(|(_, other)| other.peer);
        let others: Vec<PeerId> = others.take(limit::NEIGHBOURS).collect();
        if self.may_upload() && !others.is_empty() {
            self.send(link, &PeerMessage::Neighbours(others));
        }
    }

    pub(super) fn is_linked(&self, peer: PeerId) -> bool {
        self.links.values().any(|link| link.peer == Some(peer))
    }

    /// Whether another link may come by this one.
    pub(super) fn may_introduce(&self, via: LinkId) -> bool {
        let brought = self.links.values().filter(|link| link.via == Some(via));
        brought.count() < BROUGHT_MAX
    }

    /// An offer for a neighbour's neighbour is described.
    pub(super) fn hand_over_offer(&mut self, link: LinkId, to: PeerId, sdp: String) {
        let via = self.links.get(&link).and_then(|link| link.via);
        match via.filter(|_| !self.is_linked(to)) {
            Some(via) => self.hand_over(via, to, (link.0, false), sdp),
            None => self.drop_offer(link),
        }
    }

    /// Hands a description to the neighbour that is to carry it, if it is still there.
    pub(super) fn hand_over(
        &mut self,
        via: LinkId,
        peer: PeerId,
        (offer, is_answer): (u32, bool),
        sdp: String,
    ) {
        if self.links.get(&via).is_some_and(|link| link.is_greeted()) {
            let signal = Signal {
                is_answer,
                is_carried: false,
                peer,
                offer,
                ticket: self.proof().split(' ').next().unwrap_or_default().into(),
                sdp: sdp.into_bytes(),
            };
            self.send(via, &PeerMessage::Signal(signal));
        }
    }

    /// What the first tracker that signs for its peers gave us; empty where none does.
    fn proof(&self) -> &str {
        let trackers = self.signaling.trackers.iter();
        let mut proofs = trackers.map(|tracker| tracker.proof.as_str());
        proofs.find(|proof| !proof.is_empty()).unwrap_or_default()
    }

    /// A description that is to be carried, or was. Where a tracker signs for its peers, it counts with a proof only: a
    /// neighbour that puts its own certificate there could as well leave the proof out.
    pub(super) fn on_signal(&mut self, now: Instant, link: LinkId, signal: Signal) {
        if !signal.is_carried {
            return self.carry(now, link, signal);
        }
        let proof = self.proof().to_owned();
        let Some(room) = self.signaling.info_hash.filter(|_| !proof.is_empty()) else {
            return self.on_described(now, link, signal);
        };
        if self.may_carry(now, &[link]) {
            let message = PeerMessage::Signal(signal).encode();
            self.out(Output::Prove {
                link,
                proof,
                room,
                message,
            });
        }
    }

    /// A description has a proof that counts.
    pub(super) fn on_proven(&mut self, now: Instant, link: LinkId, message: &[u8]) {
        if let Ok(PeerMessage::Signal(signal)) = PeerMessage::decode(message) {
            self.on_described(now, link, signal);
        }
    }

    fn on_described(&mut self, now: Instant, link: LinkId, signal: Signal) {
        let Ok(sdp) = String::from_utf8(signal.sdp) else {
            return;
        };
        let peer = signal.peer;
        if !signal.is_answer {
            return self.on_offered(now, Carrier::Link(link, signal.offer), peer, sdp);
        }
        // Only by the way that the offer went, and only from whom it was for.
        let id = LinkId(signal.offer);
        let via = self.links.get(&id).and_then(|link| link.via);
        let offer = self.signaling.offers.get(&id);
        if via == Some(link) && offer.is_some_and(|offer| offer.to == Some(peer)) {
            let it = &mut self.signaling.introductions;
            it.pause = PAUSE_MIN;
            it.next = it.next.min(now + PAUSE_MIN);
            self.on_answered(now, peer, Some(id), sdp);
        }
    }

    /// One hop, under the sender's own name, and only between two who greeted.
    fn carry(&mut self, now: Instant, from: LinkId, mut signal: Signal) {
        let to = self
            .links
            .iter()
            .find(|(id, link)| **id != from && link.is_greeted() && link.peer == Some(signal.peer));
        let (Some(to), true) = (to.map(|(id, _)| *id), self.may_upload()) else {
            return;
        };
        if !self.may_carry(now, &[from, to]) {
            return;
        }
        let Some(sender) = self.links.get(&from).and_then(|link| link.peer) else {
            return;
        };
        signal.peer = sender;
        signal.is_carried = true;
        self.send(to, &PeerMessage::Signal(signal));
    }

    /// Whether these links have room for one description more; it is theirs then.
    fn may_carry(&mut self, now: Instant, ends: &[LinkId]) -> bool {
        let carried = |id: &LinkId| self.links.get(id).map(|link| link.carried);
        if ends
            .iter()
            .filter_map(carried)
            .any(|at| at > now + CARRIED_CREDIT)
        {
            return false;
        }
        for id in ends {
            if let Some(link) = self.links.get_mut(id) {
                link.carried = link.carried.max(now) + CARRIED_EVERY;
            }
        }
        true
    }
}
