//! Offers of ours that nobody has answered: how many are made, for whom, and when they are given up.
//!
//! Invariant: an offer goes to one tracker or to one neighbour, once. When trackers get theirs is `signaling.rs`, whom
//! neighbours get theirs for `introductions.rs`.

use super::config::introductions::OFFER_LIFE as CARRIED_OFFER_LIFE;
use super::config::signaling::{OFFER_LIFE, OFFERS_FIRST, OFFERS_PER_ANNOUNCE};
use super::{Engine, Output};
use crate::base::{Instant, LinkId, PeerId};
use crate::wire::Offer;

#[derive(Debug)]
pub(super) struct PendingOffer {
    pub(super) offer_id: String,
    pub(super) sdp: Option<String>,
    /// Sent to a tracker, or not for one.
    pub(super) sent: bool,
    pub(super) made_at: Instant,
    /// Candidates that were found after it was described: nobody has it yet to whom they could go.
    pub(super) late: Vec<String>,
    /// Whom it is for, if a neighbour carries it and not a tracker.
    pub(super) to: Option<PeerId>,
}

impl PendingOffer {
    /// When nobody will answer it any more.
    pub(super) fn ends(&self) -> Instant {
        let life = self.to.map_or(OFFER_LIFE, |_| CARRIED_OFFER_LIFE);
        self.made_at + life
    }

    /// An announce waits for it.
    pub(super) fn is_in_the_making(&self) -> bool {
        self.sdp.is_none() && !self.sent
    }
}

impl Engine {
    /// Offers up to what one announce carries and `maxPeers` leaves room for.
    pub(super) fn make_offers(&mut self, now: Instant) {
        let room = (self.config.max_peers as usize).saturating_sub(self.link_count());
        let fresh = self
            .signaling
            .offers
            .values()
            .filter(|offer| !offer.sent)
            .count();
        let first = self
            .signaling
            .trackers
            .iter()
            .all(|tracker| tracker.announces == 0);
        let wanted = if first {
            OFFERS_FIRST
        } else {
            OFFERS_PER_ANNOUNCE
        };
        for _ in fresh..wanted.min(room) {
            self.make_offer(now, None, None);
        }
    }

    /// One for trackers, or one that a neighbour is to carry to somebody.
    pub(super) fn make_offer(&mut self, now: Instant, via: Option<LinkId>, to: Option<PeerId>) {
        let link = self.add_link(now, None, via, true);
        let mut id = [0_u8; 20];
        self.rng.fill(&mut id);
        let offer_id = id.iter().map(|byte| char::from(*byte)).collect();
        let offer = PendingOffer {
            offer_id,
            sdp: None,
            sent: to.is_some(),
            made_at: now,
            late: Vec::new(),
            to,
        };
        self.signaling.offers.insert(link, offer);
        self.out(Output::CreateOffer { link });
    }

    pub(super) fn on_offer_ready(&mut self, now: Instant, link: LinkId, sdp: String) {
        let Some(offer) = self.signaling.offers.get_mut(&link) else {
            return;
        };
        if let Some(to) = offer.to {
            return self.hand_over_offer(link, to, sdp);
        }
        offer.sdp = Some(sdp);
        self.tend_signaling(now);
    }

    /// Offers that no tracker has, which one gets now.
    pub(super) fn take_offers(&mut self) -> Vec<Offer> {
        let mut offers = Vec::new();
        for offer in self
            .signaling
            .offers
            .values_mut()
            .filter(|offer| !offer.sent)
        {
            if let Some(sdp) = &offer.sdp {
                offer.sent = true;
                offers.push(Offer {
                    offer_id: offer.offer_id.clone(),
                    sdp: sdp.as_str().into(),
                });
            }
        }
        offers
    }

    /// The link of an offer that trackers know by this name.
    pub(super) fn offered_as(&self, offer_id: &str) -> Option<LinkId> {
        let mut offers = self.signaling.offers.iter();
        let found = offers.find(|(_, offer)| offer.to.is_none() && offer.offer_id == offer_id);
        found.map(|(link, _)| *link)
    }

    pub(super) fn expire_offers(&mut self, now: Instant) {
        let old: Vec<LinkId> = self
            .signaling
            .offers
            .iter()
            .filter(|(_, offer)| now >= offer.ends())
            .map(|(link, _)| *link)
            .collect();
        for link in old {
            self.drop_offer(link);
        }
    }

    /// Forgets an offer that nobody has answered.
    pub(super) fn drop_offer(&mut self, link: LinkId) {
        self.signaling.offers.remove(&link);
        self.links.remove(&link);
        self.out(Output::CloseLink { link });
    }
}
