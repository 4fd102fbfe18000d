//! Trackers: sockets, announces, offers and answers (the WebTorrent tracker protocol).
//!
//! The first announce carries offers, because stock trackers take `numwant` from their count; later ones
//! too while links are wanted. Offers are made at the start, beside everything else, so that an announce
//! waits for nothing but the swarm's name. Invariant: an offer is sent to one tracker once.

use super::config::signaling::{INTERVAL, OFFERS_PATIENCE, PATIENCE, REPEAT_MIN};
use super::introductions::{Carrier, Introductions};
use super::offers::PendingOffer;
use super::{Config, Engine, Output, TrackerStats};
use crate::base::{Duration, InfoHash, Instant, LinkId, PeerId, SortedMap, TrackerId};
use crate::wire::{Extensions, ToTracker, info_hash_of};

/// What is said of ourselves, by what we send: an [`upload class`](crate::wire::Hints::upload), and nothing else.
const HINTS: [&str; 4] = [
    r#"{"upload":0}"#,
    r#"{"upload":1}"#,
    r#"{"upload":2}"#,
    r#"{"upload":3}"#,
];

/// Everything about trackers.
#[derive(Debug)]
pub(super) struct Signaling {
    pub(super) info_hash: Option<InfoHash>,
    /// Peers in the swarm, ourselves included; 0 while unknown.
    pub(super) swarm_size: u32,
    pub(super) trackers: Vec<Tracker>,
    pub(super) offers: SortedMap<LinkId, PendingOffer>,
    /// Answers being made: who brought the offer, and whose it is.
    pub(super) answers: SortedMap<LinkId, (Carrier, PeerId)>,
    pub(super) introductions: Introductions,
    pub(super) started: Option<Instant>,
    /// Whose offer was taken although all places are: it gets one when its link opens.
    pub(super) guest: Option<LinkId>,
    /// When the next guest may come.
    pub(super) guests_from: Instant,
    /// Links of this number on were made when a TURN server of a tracker's was known.
    pub(super) relayed_from: Option<LinkId>,
    /// Links and bytes a second that the user allows; what trackers allow is in the engine's config.
    pub(super) wish: (u32, Option<u64>),
}

#[derive(Debug)]
pub(super) struct Tracker {
    pub(super) url: String,
    pub(super) state: State,
    /// When to reconnect (closed) or to announce (open).
    pub(super) next: Instant,
    /// Since when it has not answered: to open, or an announce.
    pub(super) awaited_from: Option<Instant>,
    pub(super) interval: Duration,
    pub(super) repeat: Duration,
    pub(super) failures: u32,
    pub(super) announces: u32,
    pub(super) greeted: bool,
    pub(super) warned: bool,
    /// It said so when it last answered an announce.
    pub(super) takes_votes: bool,
    /// Likewise of late candidates.
    pub(super) takes_candidates: bool,
    /// By which it knows us again on another connection; empty for none.
    pub(super) ticket: String,
    /// What it signed of us, and what it takes to read what it signed of others; empty for none.
    pub(super) proof: String,
    /// What it last gave us to sign receipts with, on this connection.
    pub(super) receipt_key: Option<String>,
    /// Links and bytes a second it last allowed; what it said holds when it is gone.
    pub(super) caps: (Option<u32>, Option<u64>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Closed,
    Connecting,
    Open,
}

impl Signaling {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            info_hash: config.swarm_id.as_deref().map(info_hash_of),
            swarm_size: 0,
            trackers: config
                .tracker_urls
                .iter()
                .map(|url| Tracker::new(url.clone()))
                .collect(),
            offers: SortedMap::new(),
            answers: SortedMap::new(),
            introductions: Introductions::default(),
            started: None,
            guest: None,
            guests_from: Instant::ZERO,
            relayed_from: None,
            wish: (config.max_peers, config.upload_limit),
        }
    }

    /// Since when the engine looks for peers; `None` if it does not, or if no tracker can be reached.
    pub(super) fn joining_since(&self) -> Option<Instant> {
        let hopeful = self
            .trackers
            .iter()
            .any(|tracker| tracker.state != State::Closed || tracker.failures == 0);
        self.started.filter(|_| hopeful)
    }

    pub(super) fn forget_link(&mut self, link: LinkId) {
        self.offers.remove(&link);
        self.answers.remove(&link);
        self.guest = self.guest.filter(|guest| *guest != link);
    }

    pub(super) fn tracker_stats(&self) -> Vec<TrackerStats> {
        self.trackers
            .iter()
            .map(|tracker| TrackerStats {
                url: tracker.url.clone(),
                state: match tracker.state {
                    State::Closed => "closed",
                    State::Connecting => "connecting",
                    State::Open => "open",
                },
                announces: tracker.announces,
            })
            .collect()
    }
}

impl Tracker {
    fn new(url: String) -> Self {
        Self {
            url,
            state: State::Closed,
            next: Instant::ZERO,
            awaited_from: None,
            interval: INTERVAL,
            repeat: REPEAT_MIN,
            failures: 0,
            announces: 0,
            greeted: false,
            warned: false,
            takes_votes: false,
            takes_candidates: false,
            ticket: String::new(),
            proof: String::new(),
            receipt_key: None,
            caps: (None, None),
        }
    }
}

impl Engine {
    /// Opens trackers and makes offers, once, if the swarm is wanted at all.
    pub(super) fn start(&mut self, now: Instant) {
        let wanted = self.config.enabled && self.config.web_rtc && self.config.max_peers > 0;
        if self.signaling.started.is_some() || !wanted {
            return;
        }
        self.signaling.started = Some(now);
        self.signaling.introductions.begin(now);
        if self.signaling.trackers.is_empty() {
            return;
        }
        self.make_offers(now);
        for index in 0..self.signaling.trackers.len() {
            if let Some(tracker) = self.signaling.trackers.get_mut(index) {
                tracker.failures = 0;
            }
            self.open_tracker(now, index);
        }
    }

    fn open_tracker(&mut self, now: Instant, index: usize) {
        self.take_new_id();
        let Some(tracker) = self.signaling.trackers.get_mut(index) else {
            return;
        };
        tracker.state = State::Connecting;
        tracker.awaited_from = Some(now);
        tracker.greeted = false;
        tracker.takes_votes = false;
        tracker.takes_candidates = false;
        tracker.receipt_key = None;
        let url = tracker.url.clone();
        self.out(Output::OpenTracker {
            tracker: tracker_id(index),
            url,
        });
    }

    /// The first manifest names the swarm, unless `swarmId` did.
    pub(super) fn name_swarm(&mut self, now: Instant, url: &str) {
        if self.signaling.info_hash.is_none() {
            let name = url.split(['?', '#']).next().unwrap_or(url);
            self.signaling.info_hash = Some(info_hash_of(name));
            self.tend_signaling(now);
        }
    }

    pub(super) fn on_answer_ready(&mut self, now: Instant, link: LinkId, sdp: &str) {
        let Some((carrier, to_peer)) = self.signaling.answers.remove(&link) else {
            return;
        };
        let Some(info_hash) = self.signaling.info_hash else {
            return;
        };
        if let Some(link) = self.links.get_mut(&link) {
            link.since = now;
        }
        let (tracker, offer_id) = match carrier {
            Carrier::Tracker(tracker, offer_id) => (tracker, offer_id),
            Carrier::Link(by, offer) => {
                return self.hand_over(by, to_peer, (offer, true), sdp.into());
            }
        };
        let peer = self.peer_id;
        let answer = ToTracker::Answer {
            info_hash,
            peer,
            to_peer,
            offer_id,
            sdp: sdp.into(),
        };
        self.out(Output::SendTracker {
            tracker,
            text: answer.encode(),
        });
    }

    pub(super) fn on_tracker_opened(&mut self, now: Instant, id: TrackerId) {
        let Some(tracker) = self.signaling.trackers.get_mut(id.0 as usize) else {
            return;
        };
        tracker.state = State::Open;
        tracker.awaited_from = None;
        tracker.next = now;
        self.tend_signaling(now);
    }

    /// Reconnects, announces, renews offers: whatever is due.
    pub(super) fn tend_signaling(&mut self, now: Instant) {
        if self.signaling.started.is_none() {
            return;
        }
        self.expire_offers(now);
        self.write_receipts(now, false);
        for index in 0..self.signaling.trackers.len() {
            let Some(tracker) = self.signaling.trackers.get(index) else {
                return;
            };
            if tracker.is_lost(now) {
                self.lose_tracker(now, tracker_id(index));
                continue;
            }
            match tracker.state {
                State::Closed if tracker.next <= now => self.open_tracker(now, index),
                State::Open if tracker.next <= now => self.announce_when_ready(now, index),
                State::Closed | State::Connecting | State::Open => {}
            }
        }
    }

    fn announce_when_ready(&mut self, now: Instant, index: usize) {
        let Some(info_hash) = self.signaling.info_hash else {
            return;
        };
        if self.wants_links() {
            self.make_offers(now);
        }
        let (waiting, oldest) = self
            .signaling
            .offers
            .values()
            .filter(|offer| offer.is_in_the_making())
            .fold((0, now), |(count, oldest), offer| {
                (count + 1, oldest.min(offer.made_at))
            });
        if waiting > 0 && now < oldest + OFFERS_PATIENCE {
            return;
        }
        let offers = self.take_offers();
        let wants = self.wants_links();
        let (uploaded, downloaded) = (self.totals.uploaded, self.totals.peers);
        let peer = self.peer_id;
        self.totals.reported.cdn_bytes = self.totals.cdn;
        let reported = self.totals.reported;
        let hints = self.upload_class().map(|class| HINTS[class].to_owned());
        let Some(tracker) = self.signaling.trackers.get_mut(index) else {
            return;
        };
        tracker.next = now
            + if wants {
                tracker.repeat
            } else {
                tracker.interval
            };
        tracker.repeat = (tracker.repeat * 2).min(tracker.interval);
        tracker.announces = tracker.announces.saturating_add(1);
        tracker.awaited_from = tracker.awaited_from.or(Some(now));
        let event = (!tracker.greeted).then(|| "started".to_owned());
        tracker.greeted = true;
        let ticket = Some(tracker.ticket.clone());
        let numwant = u32::try_from(offers.len()).unwrap_or(0);
        let announce = ToTracker::Announce {
            info_hash,
            peer,
            event,
            uploaded,
            downloaded,
            left: None,
            offers,
            numwant,
            takes_policy: true,
            extensions: Extensions {
                token: self.config.join_token.clone(),
                asks_receipts: true,
                takes_turn: true,
                takes_candidates: true,
                ticket,
                hints,
                // Others would not know what to do with it.
                reported: tracker.receipt_key.is_some().then_some(reported),
            },
        };
        let text = announce.encode();
        self.out(Output::SendTracker {
            tracker: tracker_id(index),
            text,
        });
    }

    /// Fewer links than enough, and the swarm may have more peers than we have links.
    pub(super) fn wants_links(&self) -> bool {
        let links = self.link_count();
        let others = self.signaling.swarm_size.saturating_sub(1) as usize;
        // A tracker that is gone knew how many there were.
        let unknown = self.signaling.swarm_size == 0 || !self.has_tracker();
        links < self.config.enough_links() && (unknown || links < others)
    }

    /// Some tracker hears us.
    pub(super) fn has_tracker(&self) -> bool {
        let mut trackers = self.signaling.trackers.iter();
        trackers.any(|tracker| tracker.state == State::Open)
    }

    /// More links are allowed: look for them now.
    pub(super) fn announce_soon(&mut self, now: Instant) {
        self.start(now);
        if self.config.enabled && self.wants_links() {
            for tracker in &mut self.signaling.trackers {
                if tracker.state == State::Open {
                    tracker.next = now;
                }
            }
            self.tend_signaling(now);
        }
    }

    /// A link was lost: look for others before the next periodic announce.
    pub(super) fn want_links_soon(&mut self, now: Instant) {
        if self.config.enabled && self.wants_links() {
            for tracker in &mut self.signaling.trackers {
                if tracker.state == State::Open {
                    tracker.repeat = REPEAT_MIN;
                    tracker.next = tracker.next.min(now + REPEAT_MIN);
                }
            }
        }
    }

    pub(super) fn signaling_wake(&self) -> Option<Instant> {
        self.signaling.started?;
        let waiting = self
            .signaling
            .offers
            .values()
            .filter(|offer| offer.is_in_the_making());
        let patience = waiting.map(|offer| offer.made_at + OFFERS_PATIENCE).min();
        let named = self.signaling.info_hash.is_some();
        let trackers = self
            .signaling
            .trackers
            .iter()
            .filter_map(|tracker| match tracker.state {
                State::Closed => Some(tracker.next),
                State::Open if named => match patience {
                    Some(until) if tracker.next <= until => Some(until),
                    Some(_) | None => Some(tracker.next),
                },
                State::Connecting | State::Open => None,
            });
        let expiry = self.signaling.offers.values().map(PendingOffer::ends);
        let awaited = self.signaling.trackers.iter();
        let lost = awaited.filter_map(|tracker| Some(tracker.awaited_from? + PATIENCE));
        trackers.chain(expiry).chain(lost).min()
    }

    /// Tells trackers that take votes about a peer that was closed for what it did.
    pub(super) fn vote_against(&mut self, against: PeerId) {
        let Some(info_hash) = self.signaling.info_hash else {
            return;
        };
        let peer = self.peer_id;
        let vote = ToTracker::Vote {
            info_hash,
            peer,
            against,
        };
        self.tell_trackers(&vote, |tracker| tracker.takes_votes);
    }

    /// A candidate of ours that its description came too early for. A tracker that did not introduce the two
    /// lets it go nowhere.
    pub(super) fn on_late_candidate(&mut self, link: LinkId, candidate: String) {
        if let Some(offer) = self.signaling.offers.get_mut(&link) {
            offer.late.push(candidate);
            return;
        }
        let to_peer = self.links.get(&link).and_then(|link| link.peer);
        if let (Some(info_hash), Some(to_peer)) = (self.signaling.info_hash, to_peer) {
            let message = ToTracker::Candidate {
                info_hash,
                peer: self.peer_id,
                to_peer,
                candidate: candidate.as_str().into(),
            };
            self.tell_trackers(&message, |tracker| tracker.takes_candidates);
        }
    }

    /// Tells open trackers that know what to do with it.
    fn tell_trackers(&mut self, message: &ToTracker, takes: fn(&Tracker) -> bool) {
        for (index, tracker) in self.signaling.trackers.iter().enumerate() {
            if tracker.state == State::Open && takes(tracker) {
                let (tracker, text) = (tracker_id(index), message.encode());
                self.outputs.push(Output::SendTracker { tracker, text });
            }
        }
    }

    /// Tells open trackers that we leave.
    pub(super) fn say_stopped(&mut self) {
        let Some(info_hash) = self.signaling.info_hash else {
            return;
        };
        let goodbye = ToTracker::Announce {
            info_hash,
            peer: self.peer_id,
            event: Some("stopped".to_owned()),
            uploaded: self.totals.uploaded,
            downloaded: self.totals.peers,
            left: None,
            offers: Vec::new(),
            numwant: 0,
            takes_policy: false,
            extensions: Extensions::default(),
        };
        self.tell_trackers(&goodbye, |tracker| tracker.greeted);
    }

    pub(super) fn close_trackers(&mut self) {
        for (index, tracker) in self.signaling.trackers.iter_mut().enumerate() {
            if tracker.state != State::Closed {
                tracker.state = State::Closed;
                tracker.awaited_from = None;
                let tracker = tracker_id(index);
                self.outputs.push(Output::CloseTracker { tracker });
            }
        }
        self.signaling.started = None;
        self.signaling.swarm_size = 0;
    }
}

pub(super) fn tracker_id(index: usize) -> TrackerId {
    TrackerId(u32::try_from(index).unwrap_or(u32::MAX))
}
