//! What peers say to strangers through the tracker: offers, their answers, late candidates.
//!
//! Invariant: [`relay`] knows who may say it to whom; what it does not know goes to the other nodes or nowhere.

use super::{ConnectionId, Refusal, Tracker, relay};
use crate::base::json::Quoted;
use crate::base::{InfoHash, Instant, PeerId};
use crate::wire::{FromTracker, Offer};

impl Tracker {
    pub(super) fn relay_offers(
        &mut self,
        now: Instant,
        info_hash: InfoHash,
        (peer, is_newcomer, hints): (PeerId, bool, Option<&str>),
        mut offers: Vec<Offer>,
    ) {
        offers.truncate(self.config.offers_per_announce_max);
        let Some(swarm) = self.registry.swarm(info_hash) else {
            return;
        };
        let others = swarm.len().saturating_sub(1);
        if swarm
            .peer(peer)
            .is_none_or(|it| it.is_shunned(now, &self.config))
        {
            return;
        }
        let (stay, gone) = self
            .nodes
            .deal(&mut self.rng, info_hash, (others, offers.len()));
        let mut for_others = offers.split_off(stay.min(offers.len()));
        let from = ((peer, is_newcomer), offers);
        for (to, offer) in relay::hand_out(swarm, &mut self.rng, (now, &self.config), from) {
            self.relay_offer(to, (info_hash, peer), offer);
        }
        for (node, count) in gone {
            let rest = for_others.split_off(count.min(for_others.len()));
            let offers = core::mem::replace(&mut for_others, rest);
            self.pass_offers(now, (info_hash, node), (peer, is_newcomer, hints), offers);
        }
    }

    pub(super) fn relay_offer(
        &mut self,
        to: ConnectionId,
        (info_hash, peer): (InfoHash, PeerId),
        offer: Offer,
    ) {
        self.totals.offers_relayed += 1;
        let offered = FromTracker::Offered {
            info_hash,
            peer,
            offer_id: offer.offer_id,
            sdp: offer.sdp,
        };
        self.send(to, &offered);
    }

    /// Whom an answer goes to; `None` if the offer was none of a peer here.
    pub(super) fn find_offerer(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        info_hash: InfoHash,
        (from, to, offer_id): (PeerId, PeerId, &str),
    ) -> Result<Option<ConnectionId>, Refusal> {
        match self.registry.peer(info_hash, from) {
            Some(speaker) if speaker.connection == connection => speaker.heard = now,
            Some(_) | None => return Err(Refusal::NotAnnounced),
        }
        let offerer = self.registry.peer(info_hash, to);
        let at = (now, &self.config);
        let found = offerer.and_then(|it| relay::take_awaited(it, at, (from, offer_id)));
        if found.is_some() {
            self.registry.note_meeting(info_hash, &[from, to]);
        }
        Ok(found)
    }

    pub(super) fn relay_answer(
        &mut self,
        offerer: ConnectionId,
        (info_hash, peer): (InfoHash, PeerId),
        (offer_id, sdp): (String, Quoted),
    ) {
        self.totals.answers_relayed += 1;
        let answer = FromTracker::Answered {
            info_hash,
            peer,
            offer_id,
            sdp,
        };
        self.send(offerer, &answer);
    }

    /// Passes a candidate on, if its peers were introduced. The speaker does not hear whether.
    pub(super) fn on_candidate(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        info_hash: InfoHash,
        (peer, to, candidate): (PeerId, PeerId, Quoted),
    ) -> Result<(), Refusal> {
        self.check_speaker(connection, info_hash, peer)?;
        let Some(swarm) = self.registry.swarm(info_hash) else {
            return Ok(());
        };
        match relay::pass_candidate(swarm, (now, &self.config), (peer, to)) {
            Some(to) => self.send_candidate(to, (info_hash, peer), candidate),
            None => self.pass_candidate(now, info_hash, (peer, to), candidate),
        }
        Ok(())
    }

    pub(super) fn send_candidate(
        &mut self,
        to: ConnectionId,
        (info_hash, peer): (InfoHash, PeerId),
        candidate: Quoted,
    ) {
        self.totals.candidates_relayed += 1;
        let passed = FromTracker::Candidate {
            info_hash,
            peer,
            candidate,
        };
        self.send(to, &passed);
    }
}
