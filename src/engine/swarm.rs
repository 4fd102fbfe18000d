//! Links: how they are born, how many there are, how they end.
//!
//! Who has enough links asks for no more, and takes offers up to `maxPeers`. Where all places are taken,
//! a newcomer gets that of the link that carried least, at most one in a while: else the last to come
//! would find nobody, and the first would stay among themselves.
//!
//! Invariant: at most one greeted link to a peer, at most `maxPeers` links. Signalling is
//! `signaling.rs`; what is said on a link is `exchange.rs`.

use super::config::swarm::{
    CONNECT_TIMEOUT, ELSEWHERE_MIN, LINK_AGE_MIN, ONE_NETWORK_MIN, UNRELAYED_TIMEOUT,
};
use super::peer::{Link, LinkState};
use super::{CloseReason, Engine, Event, Output};
use crate::base::{Instant, LinkId, Network, PeerId, Rng, SegmentId};

/// A peer id: client and version as BEP 20 has them, the rest random.
pub(super) fn random_peer_id(rng: &mut Rng) -> PeerId {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut id = *b"-SL0010-000000000000";
    for byte in &mut id[8..] {
        *byte = ALPHABET[rng.below(62) as usize];
    }
    PeerId(id)
}

impl Engine {
    /// Links that are open or opening, our unanswered offers and a guest not counted.
    pub(super) fn link_count(&self) -> usize {
        self.placed().count()
    }

    /// Links whose peers have said who they are: those that count.
    pub(super) fn greeted(&self) -> impl Iterator<Item = &Link> {
        let all = self.links.values().map(|link| &**link);
        all.filter(|link| link.is_greeted())
    }

    fn placed(&self) -> impl DoubleEndedIterator<Item = LinkId> {
        let guest = self.signaling.guest;
        let all = self.links.iter();
        let placed = all.filter(|(_, link)| link.state != LinkState::Offering);
        placed
            .map(|(id, _)| *id)
            .filter(move |id| Some(*id) != guest)
    }

    /// Whether a newcomer is taken although all places are.
    pub(super) fn takes_guests(&self, now: Instant) -> bool {
        let max = self.config.max_peers as usize;
        self.config.enough_links() < max
            && self.signaling.guest.is_none()
            && now >= self.signaling.guests_from
            && self.least_used(now).is_some()
    }

    /// The link that a newcomer may have: not young, at rest, and of those the one that carried least
    /// lately. The last links that lead elsewhere than most stay.
    fn least_used(&self, now: Instant) -> Option<LinkId> {
        let alike = |link: &Link| {
            let others = self.greeted();
            others.filter(|other| other.network == link.network).count()
        };
        let greeted = || self.links.iter().filter(|(_, link)| link.is_greeted());
        let most = greeted().map(|(_, link)| alike(link)).max()?;
        let crowded = greeted().count() < most + ELSEWHERE_MIN + 1;
        greeted()
            .filter(|(_, link)| now >= link.since + LINK_AGE_MIN && link.is_at_rest())
            .filter(|(_, link)| !crowded || alike(link) == most)
            .min_by_key(|(_, link)| link.credit + link.given)
            .map(|(id, _)| *id)
    }

    /// A guest's link is open: it gets a place, if need be another one's. False if there is none after all.
    fn seat_guest(&mut self, now: Instant, guest: LinkId) -> bool {
        if self.signaling.guest != Some(guest) {
            return true;
        }
        self.signaling.guest = None;
        if self.link_count() <= self.config.max_peers as usize {
            return true;
        }
        let leaver = self.least_used(now);
        self.close_link(now, leaver.unwrap_or(guest), CloseReason::NotNeeded);
        leaver.is_some()
    }

    pub(super) fn on_link_opened(&mut self, now: Instant, id: LinkId, max_message: u32) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if matches!(link.state, LinkState::Open | LinkState::Greeted) {
            return;
        }
        link.state = LinkState::Open;
        self.totals.reported.links[0] += u32::from(link.offered_by_us);
        link.since = now;
        link.max_message = u64::from(max_message);
        if self.seat_guest(now, id) {
            self.greet(id);
        }
    }

    /// The shell knows where a link leads, or that it cannot know.
    pub(super) fn on_link_network(&mut self, now: Instant, id: LinkId, network: Option<Network>) {
        if let Some(link) = self.links.get_mut(&id) {
            link.network = network;
            link.is_located = true;
            self.spread_links(now);
        }
    }

    /// Closes the newest link into a network that has too many, while the tracker knows of other peers.
    /// One at a time: each frees a place that may bring somebody else.
    pub(super) fn spread_links(&mut self, now: Instant) {
        let others = self.signaling.swarm_size.saturating_sub(1) as usize;
        if others <= self.link_count() {
            return;
        }
        let located = || self.links.values().filter(|link| link.is_located);
        let crowded = self.links.iter().rev().find(|(_, link)| {
            let alike = located().filter(|other| other.network == link.network);
            link.is_located && alike.count() > self.most_of(link.network)
        });
        if let Some(id) = crowded.map(|(id, _)| *id) {
            self.close_link(now, id, CloseReason::SameNetwork);
        }
    }

    /// Links that may lead into one network. One party may command all of it: it gets half. What is near
    /// (a LAN, where nobody far away can pretend to be) gets all; what the platform hides all but two,
    /// for most of it is a LAN under names of mDNS, but an attacker can hide as well.
    fn most_of(&self, network: Option<Network>) -> usize {
        let max = self.config.max_peers as usize;
        match network {
            Some(Network::Near) => max,
            Some(Network::V4(_) | Network::V6(_)) => (max / 2).max(ONE_NETWORK_MIN),
            None => max.saturating_sub(ONE_NETWORK_MIN).max(ONE_NETWORK_MIN),
        }
    }

    pub(super) fn on_link_closed(&mut self, now: Instant, id: LinkId) {
        self.forget_link(now, id, CloseReason::Gone);
    }

    /// Closes a link of our own accord.
    pub(super) fn close_link(&mut self, now: Instant, id: LinkId, reason: CloseReason) {
        if self.links.contains_key(&id) {
            self.out(Output::CloseLink { link: id });
            let peer = self.links.get(&id).and_then(|link| link.peer);
            if let Some(peer) = peer {
                self.outcasts.note(now, peer, reason);
                if matches!(reason, CloseReason::WrongBlock | CloseReason::Unreliable) {
                    self.vote_against(peer);
                }
            }
            self.forget_link(now, id, reason);
        }
    }

    fn forget_link(&mut self, now: Instant, id: LinkId, reason: CloseReason) {
        let Some(link) = self.links.remove(&id) else {
            return;
        };
        self.signaling.forget_link(id);
        // Only who offered knows that the other end answered; so each link is counted once.
        let was_to_open = link.offered_by_us && link.state == LinkState::Connecting;
        if was_to_open && matches!(reason, CloseReason::Gone | CloseReason::ConnectTimeout) {
            self.totals.reported.links[1] += 1;
        }
        let affected: Vec<SegmentId> = self
            .segments
            .iter()
            .filter(|(_, segment)| segment.download.is_some())
            .map(|(id, _)| *id)
            .collect();
        for segment in &affected {
            self.disown(*segment, id);
        }
        if let (LinkState::Greeted, Some(peer)) = (link.state, link.peer) {
            self.event(Event::PeerClosed { peer, reason });
            self.seek_soon(now);
        }
        // Asking again at once would bring the same ones.
        if reason != CloseReason::SameNetwork {
            self.want_links_soon(now);
        }
        if reason == CloseReason::Gone && link.peer.is_some() {
            self.doubt_trackers(now);
        }
        for segment in affected {
            self.drive(now, segment);
        }
    }

    /// What a lost link owed is missing again; nothing is sent to it any more.
    fn disown(&mut self, segment: SegmentId, lost: LinkId) {
        use super::segment::Block;
        let Some(segment) = self.segments.get_mut(&segment) else {
            return;
        };
        for block in &mut segment.blocks {
            if block.is_asked_of(lost) {
                *block = Block::Missing;
            }
        }
        if let Some(download) = &mut segment.download
            && download
                .leaves_asked
                .is_some_and(|(asked, _)| asked == lost)
        {
            download.leaves_asked = None;
        }
    }

    /// Whether another link leads to the same peer and is the one to keep: of two, both sides keep the
    /// one that the lower peer id offered.
    pub(super) fn is_duplicate(&mut self, id: LinkId, peer: PeerId) -> bool {
        let ours_is_lower = self.peer_id < peer;
        let Some(this) = self.links.get(&id) else {
            return false;
        };
        let keep_this = this.offered_by_us == ours_is_lower;
        self.links.iter().any(|(other, link)| {
            *other != id && link.peer == Some(peer) && link.is_greeted() && {
                let keep_other = link.offered_by_us == ours_is_lower;
                keep_other || !keep_this
            }
        })
    }

    /// Closes what does not open, and more links than `maxPeers` allows.
    pub(super) fn tend_links(&mut self, now: Instant) {
        let late: Vec<LinkId> = self
            .links
            .iter()
            .filter(|(id, link)| self.opens_by(**id, link).is_some_and(|at| now >= at))
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            self.close_link(now, id, CloseReason::ConnectTimeout);
        }
    }

    /// When a link that is to open is late.
    fn opens_by(&self, id: LinkId, link: &Link) -> Option<Instant> {
        let is_unrelayed = self.signaling.relayed_from.is_some_and(|from| id < from);
        let span = match link.state {
            LinkState::Offering | LinkState::Greeted => return None,
            LinkState::Connecting if is_unrelayed => UNRELAYED_TIMEOUT,
            LinkState::Connecting | LinkState::Open => CONNECT_TIMEOUT,
        };
        Some(link.since + span)
    }

    pub(super) fn connect_wake(&self) -> Option<Instant> {
        let links = self.links.iter();
        links
            .filter_map(|(id, link)| self.opens_by(*id, link).or_else(|| self.pulse_wake(link)))
            .min()
    }

    pub(super) fn trim_links(&mut self, now: Instant) {
        let over = self
            .link_count()
            .saturating_sub(self.config.max_peers as usize);
        let newest: Vec<LinkId> = self.placed().rev().take(over).collect();
        for id in newest {
            self.close_link(now, id, CloseReason::NotNeeded);
        }
    }

    /// Says goodbye to trackers and peers.
    pub(super) fn leave_swarm(&mut self, now: Instant) {
        self.write_receipts(now, true);
        self.say_stopped();
        let links: Vec<LinkId> = self.links.keys().copied().collect();
        for id in links {
            self.close_link(now, id, CloseReason::NotNeeded);
        }
        self.close_trackers();
    }

    pub(super) fn add_link(
        &mut self,
        now: Instant,
        peer: Option<PeerId>,
        via: Option<LinkId>,
        ours: bool,
    ) -> LinkId {
        let id = LinkId(self.mint());
        let mut link = Link::new(now, peer, ours);
        link.via = via;
        self.links.insert(id, Box::new(link));
        id
    }
}
