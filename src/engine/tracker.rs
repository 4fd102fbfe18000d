//! What trackers say: counts, somebody's offer, somebody's answer, trouble.
//!
//! Invariant: of two links to one peer both sides keep the one that the lower peer id offered. What we
//! say to trackers is `signaling.rs`.

use super::config::signaling::{RECONNECT_MAX, RECONNECT_MIN};
use super::config::swarm::{GUEST_EVERY, STALE};
use super::introductions::Carrier;
use super::peer::LinkState;
use super::{CloseReason, ConfigUpdate, Engine, Output, WarningCode};
use crate::base::{Duration, Instant, LinkId, PeerId, TrackerId};
use crate::wire::FromTracker;

impl Engine {
    pub(super) fn on_tracker_message(&mut self, now: Instant, id: TrackerId, text: &str) {
        let known = self.signaling.info_hash;
        if let Some(tracker) = self.signaling.trackers.get_mut(id.0 as usize) {
            tracker.awaited_from = None;
        }
        match FromTracker::decode(text) {
            Ok(FromTracker::Announced {
                info_hash,
                interval_s,
                complete,
                incomplete,
                takes_votes,
                max_peers,
                upload_limit,
                grants,
                ..
            }) if Some(info_hash) == known => {
                let Some(tracker) = self.signaling.trackers.get_mut(id.0 as usize) else {
                    return;
                };
                tracker.takes_votes = takes_votes;
                // One that nobody asked for says nothing of these.
                tracker.takes_candidates |= grants.takes_candidates;
                tracker.receipt_key = grants.receipt_key.or(tracker.receipt_key.take());
                renew(&mut tracker.ticket, grants.ticket);
                renew(&mut tracker.proof, grants.proof);
                let changed = tracker.caps != (max_peers, upload_limit);
                tracker.caps = (max_peers, upload_limit);
                if let Some(server) = grants.turn {
                    self.use_relay(server);
                }
                // Who may have no links is alone.
                let size = complete.saturating_add(incomplete);
                let size = if max_peers == Some(0) { 1 } else { size };
                self.on_announced(now, id, interval_s, size);
                if changed {
                    self.heed_trackers(now);
                }
            }
            Ok(FromTracker::Offered {
                info_hash,
                peer,
                offer_id,
                sdp,
            }) if Some(info_hash) == known => {
                self.on_offered(now, Carrier::Tracker(id, offer_id), peer, sdp.text());
            }
            Ok(FromTracker::Answered {
                info_hash,
                peer,
                offer_id,
                sdp,
            }) if Some(info_hash) == known => {
                self.on_answered(now, peer, self.offered_as(&offer_id), sdp.text());
            }
            Ok(FromTracker::Candidate {
                info_hash,
                peer,
                candidate,
            }) if Some(info_hash) == known => {
                self.on_candidate(peer, candidate.text());
            }
            Ok(FromTracker::Failure { reason, .. }) => self.on_tracker_trouble(now, id, &reason),
            Ok(
                FromTracker::Announced { .. }
                | FromTracker::Offered { .. }
                | FromTracker::Answered { .. }
                | FromTracker::Candidate { .. }
                | FromTracker::Receipted { .. },
            ) => {}
            Err(error) => self.on_tracker_trouble(now, id, &error.0),
        }
    }

    /// Connections made from now on have a TURN server. The first time, offers that nobody has yet are made anew;
    /// others have less time to open (`swarm.rs`).
    fn use_relay(&mut self, server: String) {
        self.out(Output::UseRelay { server });
        if self.signaling.relayed_from.is_some() {
            return;
        }
        self.signaling.relayed_from = Some(LinkId(self.mint()));
        let offers = self.signaling.offers.iter();
        let unsent = offers.filter(|(_, offer)| !offer.sent);
        let unsent: Vec<LinkId> = unsent.map(|(link, _)| *link).collect();
        for link in unsent {
            self.drop_offer(link);
        }
    }

    /// A candidate that somebody found late, for the link that leads there.
    fn on_candidate(&mut self, peer: PeerId, candidate: String) {
        let found = self.links.iter().find(|(_, link)| link.peer == Some(peer));
        if let Some(link) = found.map(|(link, _)| *link) {
            self.out(Output::AddCandidate { link, candidate });
        }
    }

    /// A tracker allows more or less than before.
    fn heed_trackers(&mut self, now: Instant) {
        let (max_peers, upload_limit) = self.signaling.wish;
        let update = ConfigUpdate {
            max_peers: Some(max_peers),
            upload_limit: Some(upload_limit.unwrap_or(u64::MAX)),
            ..ConfigUpdate::default()
        };
        self.on_config(now, &update);
    }

    /// Notes what the user wants, and holds it to the least that a tracker allows.
    pub(super) fn cap_by_trackers(&mut self) {
        let config = &mut self.config;
        self.signaling.wish = (config.max_peers, config.upload_limit);
        for tracker in &self.signaling.trackers {
            let (peers, upload) = tracker.caps;
            config.max_peers = config.max_peers.min(peers.unwrap_or(u32::MAX));
            let limits = config.upload_limit.into_iter().chain(upload);
            config.upload_limit = limits.min();
        }
    }

    fn on_announced(&mut self, now: Instant, id: TrackerId, interval_s: u32, size: u32) {
        let first = self.signaling.swarm_size == 0;
        self.signaling.swarm_size = size.max(1);
        let wants = self.wants_links();
        let Some(tracker) = self.signaling.trackers.get_mut(id.0 as usize) else {
            return;
        };
        tracker.failures = 0;
        tracker.interval = Duration::from_secs(u64::from(interval_s.clamp(10, 3_600)));
        tracker.next = now
            + if wants {
                tracker.repeat
            } else {
                tracker.interval
            };
        if first {
            self.drive_all(now);
        }
        self.spread_links(now);
    }

    /// A tracker that talks nonsense or refuses is left alone for a while.
    fn on_tracker_trouble(&mut self, now: Instant, id: TrackerId, what: &str) {
        let Some(tracker) = self.signaling.trackers.get_mut(id.0 as usize) else {
            return;
        };
        tracker.failures = tracker.failures.saturating_add(1);
        let back_off = (RECONNECT_MIN * (1 << tracker.failures.min(6))).min(RECONNECT_MAX);
        tracker.next = tracker.next.max(now + back_off);
        let (tell, url) = (!tracker.warned, tracker.url.clone());
        tracker.warned = true;
        if tell {
            self.warn(
                WarningCode::Tracker,
                format!("the tracker {url} says: {what}"),
            );
        }
    }

    /// Somebody's offer: answered unless all places are taken and none can be given up, or a link to this
    /// peer stays. Who carries one could have made it up: it takes no link's place at that peer, and few places.
    pub(super) fn on_offered(&mut self, now: Instant, carrier: Carrier, peer: PeerId, sdp: String) {
        let full = self.link_count() >= self.config.max_peers as usize;
        let place = !full || self.takes_guests(now);
        if !self.config.enabled || !place || !self.is_welcome(now, peer) {
            return;
        }
        let via = carrier.link();
        if via.is_some_and(|via| self.is_linked(peer) || !self.may_introduce(via)) {
            return;
        }
        let rival = self.links.iter().find(|(_, link)| link.peer == Some(peer));
        if let Some((id, link)) = rival.map(|(id, link)| (*id, link)) {
            let keep_ours = link.is_greeted() || (link.offered_by_us && self.peer_id < peer);
            let is_stale = link.state == LinkState::Connecting && now >= link.since + STALE;
            if keep_ours || !(link.offered_by_us || is_stale) {
                return;
            }
            self.close_link(now, id, CloseReason::Duplicate);
        }
        let link = self.add_link(now, Some(peer), via, false);
        if full {
            self.signaling.guest = Some(link);
            self.signaling.guests_from = now + GUEST_EVERY;
        }
        self.signaling.answers.insert(link, (carrier, peer));
        self.out(Output::AcceptOffer { link, sdp });
    }

    /// Not ourselves, and not closed for what it did.
    pub(super) fn is_welcome(&self, now: Instant, peer: PeerId) -> bool {
        peer != self.peer_id && !self.outcasts.contains(now, peer)
    }

    /// Somebody's answer to an offer of ours.
    pub(super) fn on_answered(
        &mut self,
        now: Instant,
        peer: PeerId,
        link: Option<LinkId>,
        sdp: String,
    ) {
        let Some(id) = link else {
            return;
        };
        let late = self.signaling.offers.remove(&id).map(|offer| offer.late);
        let rival = self.links.iter().find(|(_, link)| link.peer == Some(peer));
        if let Some((other, link)) = rival.map(|(other, link)| (*other, link)) {
            let keep_other = link.is_greeted() || self.peer_id > peer;
            let loser = if keep_other { id } else { other };
            self.close_link(now, loser, CloseReason::Duplicate);
            if keep_other {
                return;
            }
        }
        if self.link_count() >= self.config.max_peers as usize || !self.is_welcome(now, peer) {
            return self.close_link(now, id, CloseReason::NotNeeded);
        }
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        link.peer = Some(peer);
        link.state = LinkState::Connecting;
        link.since = now;
        self.out(Output::AcceptAnswer { link: id, sdp });
        for candidate in late.into_iter().flatten() {
            self.on_late_candidate(id, candidate);
        }
    }
}

/// What a tracker told before stays where it tells nothing.
fn renew(known: &mut String, told: Option<String>) {
    if let Some(told) = told {
        *known = told;
    }
}
