//! Messages between peers: greeting, haves and their repair, requests; what each does to us.
//!
//! Invariant: a message that cannot be read or breaks the order closes the link, and does nothing else.

use super::config::exchange::{DIGEST_EVERY, HAVE_ENTRY_LEN, MESSAGE_MAX};
use super::config::upload::QUEUE_BLOCKS_MAX;
use super::peer::{Link, LinkState, digest_of};
use super::pulse::NO_TRACK;
use super::{CloseReason, Engine, Event, Output};
use crate::base::{Instant, LinkId, SegmentId, SortedMap, TrackId};
use crate::wire::{HaveEntry, Hello, Holding, PeerMessage, RejectReason, SegmentKey, limit};

impl Engine {
    pub(super) fn greet(&mut self, link: LinkId) {
        let hello = Hello {
            peer: self.peer_id,
            features: 0,
            max_message: MESSAGE_MAX,
            max_requests: QUEUE_BLOCKS_MAX,
            ticket: Vec::new(),
            session_key: Vec::new(),
        };
        self.send(link, &PeerMessage::Hello(hello));
    }

    pub(super) fn on_link_message(&mut self, now: Instant, link: LinkId, bytes: &[u8]) {
        let Some(state) = self.links.get(&link).map(|l| l.state) else {
            return;
        };
        self.note_heard(now, link);
        let message = PeerMessage::decode(bytes);
        match (state, message) {
            (LinkState::Greeted, Ok(PeerMessage::Hello(_))) | (_, Err(_)) => {
                self.close_link(now, link, CloseReason::Protocol);
            }
            (_, Ok(PeerMessage::Hello(hello))) => self.on_hello(now, link, &hello),
            (LinkState::Greeted, Ok(message)) => {
                if self.is_heard(now, link, &message, bytes.len()) {
                    self.on_message(now, link, message);
                }
            }
            (LinkState::Offering | LinkState::Connecting | LinkState::Open, Ok(_)) => {
                self.close_link(now, link, CloseReason::Protocol);
            }
        }
    }

    fn on_message(&mut self, now: Instant, link: LinkId, message: PeerMessage) {
        match message {
            PeerMessage::Hello(_) | PeerMessage::Unknown(_) => {}
            // It is there, which is all that was asked.
            PeerMessage::HaveAll { track, .. } if track == NO_TRACK => {}
            PeerMessage::HaveAll { track, first, bits } => {
                if let Some(peer) = self.links.get_mut(&link) {
                    peer.haves.replace(track, first, bits);
                }
                self.drive_all(now);
            }
            PeerMessage::Have(entries) => self.on_have(now, link, entries),
            PeerMessage::HaveDigest { track, digest } => {
                let known = self.links.get(&link).map(|peer| peer.haves.digest(track));
                if known.is_some_and(|known| known != digest) {
                    self.send(link, &PeerMessage::HaveQuery { track });
                }
            }
            PeerMessage::HaveQuery { track } => {
                self.tell_track(link, track);
                if track != NO_TRACK {
                    self.tell_unfinished(now, link);
                }
            }
            PeerMessage::Request { key, first, count } => {
                self.on_request(now, link, key, first, count);
            }
            PeerMessage::Cancel { key, first, count } => self.on_cancel(link, key, first, count),
            PeerMessage::Reject {
                key,
                first,
                count,
                reason,
            } => {
                self.on_reject(now, link, key, first, count, reason);
            }
            PeerMessage::Choke => self.on_choke(now, link, true),
            PeerMessage::Unchoke => self.on_choke(now, link, false),
            PeerMessage::LeavesRequest { key } => self.on_leaves_request(link, key),
            PeerMessage::Leaves { key, size, leaves } => {
                self.on_leaves(now, link, &key, size, leaves);
            }
            PeerMessage::Neighbours(peers) => self.on_neighbours(now, link, &peers),
            PeerMessage::Signal(signal) => self.on_signal(now, link, signal),
        }
    }

    fn on_hello(&mut self, now: Instant, id: LinkId, hello: &Hello) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let expected = link.peer.is_none_or(|peer| peer == hello.peer);
        if link.state != LinkState::Open || !expected || hello.peer == self.peer_id {
            return self.close_link(now, id, CloseReason::Protocol);
        }
        link.peer = Some(hello.peer);
        link.state = LinkState::Greeted;
        link.max_message = link.max_message.min(u64::from(hello.max_message));
        link.progress_at = now;
        if self.is_duplicate(id, hello.peer) {
            return self.close_link(now, id, CloseReason::Duplicate);
        }
        let at_ms = now.as_millis();
        self.totals.first_peer_ms.get_or_insert(at_ms);
        self.event(Event::PeerOpened {
            peer: hello.peer,
            at_ms,
        });
        if self.haves_at <= now {
            self.haves_at = now + DIGEST_EVERY;
        }
        if !self.may_upload() {
            self.choke(id);
            return self.drive_all(now);
        }
        for track in self.held_tracks() {
            self.tell_track(id, track);
        }
        self.tell_unfinished(now, id);
        self.drive_all(now);
        self.offer_kept(now);
    }

    fn on_have(&mut self, now: Instant, link: LinkId, entries: Vec<HaveEntry>) {
        let mut touched: Vec<SegmentId> = Vec::new();
        let Some(peer) = self.links.get_mut(&link) else {
            return;
        };
        for entry in entries {
            let number = (entry.key.track, entry.key.number);
            touched.extend(self.by_number.get(&number).copied());
            peer.haves.change(now, entry);
        }
        touched.retain(|id| self.segments.get(id).is_some_and(|s| s.download.is_some()));
        for id in touched {
            self.drive(now, id);
        }
    }

    fn on_reject(
        &mut self,
        now: Instant,
        link: LinkId,
        key: SegmentKey,
        first: u32,
        count: u16,
        reason: RejectReason,
    ) {
        self.judge_reject(now, link, &key, count, reason);
        if let Some(peer) = self.links.get_mut(&link) {
            if count == 0 {
                peer.opinion = None;
            }
            if reason != RejectReason::Busy {
                peer.haves.forget(&key);
            }
        }
        let Some(id) = self.by_number.get(&(key.track, key.number)).copied() else {
            return;
        };
        let run = first as usize..first as usize + usize::from(count);
        self.cancel_asked(id, |owner, index| owner == link && run.contains(&index));
        let download = self.segments.get_mut(&id).and_then(|s| s.download.as_mut());
        if let Some(download) = download {
            if download
                .leaves_asked
                .is_some_and(|(asked, _)| asked == link)
                && count == 0
            {
                download.leaves_asked = None;
            }
            download.shunned.insert(link);
            self.drive(now, id);
        }
    }

    fn on_choke(&mut self, now: Instant, link: LinkId, choked: bool) {
        let Some(peer) = self.links.get_mut(&link) else {
            return;
        };
        peer.choked = choked;
        if choked {
            let ids: Vec<SegmentId> = self.segments.keys().copied().collect();
            for id in ids {
                self.cancel_asked(id, |owner, _| owner == link);
            }
        }
        self.drive_all(now);
    }

    fn on_leaves_request(&mut self, link: LinkId, key: SegmentKey) {
        let refuse = |reason| PeerMessage::Reject {
            key,
            first: 0,
            count: 0,
            reason,
        };
        let answer = match self.serveable(&key) {
            Err(reason) => refuse(reason),
            Ok(_) if !self.may_upload() => refuse(RejectReason::Busy),
            Ok(id) => match self.segments.get(&id) {
                Some(segment) => match (&segment.leaves, segment.size) {
                    (Some(list), Some(size)) if segment.may_vouch() => PeerMessage::Leaves {
                        key,
                        size,
                        leaves: list.leaves.clone(),
                    },
                    (_, _) => refuse(RejectReason::NotHeld),
                },
                None => refuse(RejectReason::NotHeld),
            },
        };
        self.send(link, &answer);
    }

    /// What we hold whole, by track.
    fn held_whole(&self) -> SortedMap<TrackId, Vec<u64>> {
        let mut held: SortedMap<TrackId, Vec<u64>> = SortedMap::new();
        for ((track, number), id) in self.by_number.iter() {
            if self.segments.get(id).is_some_and(|s| s.is_whole()) && self.is_shareable(*id) {
                held.or_default(*track).push(*number);
            }
        }
        held
    }

    /// What neighbours are told is held whole, track and number: for who judges engines.
    #[must_use]
    pub fn offered(&self) -> Vec<(TrackId, u64)> {
        let held = self.held_whole();
        let all = held.iter().filter(|_| self.may_upload());
        all.flat_map(|(track, numbers)| numbers.iter().map(|number| (*track, *number)))
            .collect()
    }

    /// What the peer behind `link` is believed to hold whole, likewise.
    #[must_use]
    pub fn believed(&self, link: LinkId) -> Vec<(TrackId, u64)> {
        let link = self.links.get(&link);
        link.map_or_else(Vec::new, |link| link.haves.whole_all())
    }

    fn held_tracks(&self) -> Vec<TrackId> {
        self.held_whole().keys().copied().collect()
    }

    fn tell_track(&mut self, link: LinkId, track: TrackId) {
        let numbers = self.held_whole().remove(&track).unwrap_or_default();
        let first = numbers.first().copied().unwrap_or(0);
        let span = numbers.last().map_or(0, |last| last - first + 1);
        let len = usize::try_from(span.div_ceil(8)).unwrap_or(usize::MAX);
        if len > limit::HAVE_ALL_LEN.min(numbers.len() * HAVE_ENTRY_LEN) {
            let bits = Vec::new();
            self.send(link, &PeerMessage::HaveAll { track, first, bits });
            return self.tell_one_by_one(link, track, &numbers);
        }
        let mut bits = vec![0_u8; len];
        for number in numbers {
            let index = usize::try_from(number - first).unwrap_or(usize::MAX);
            if let Some(byte) = bits.get_mut(index / 8) {
                *byte |= 1 << (index % 8);
            }
        }
        self.send(link, &PeerMessage::HaveAll { track, first, bits });
    }

    /// Start times (DASH) are far apart: as bits they would cost more than each does alone.
    fn tell_one_by_one(&mut self, link: LinkId, track: TrackId, numbers: &[u64]) {
        for numbers in numbers.chunks(limit::HAVE_ENTRIES) {
            let named = numbers.iter().filter_map(|number| {
                let id = self.by_number.get(&(track, *number))?;
                Some(HaveEntry {
                    key: self.segments.get(id)?.key,
                    holding: Holding::Whole,
                })
            });
            let entries = named.collect();
            self.send(link, &PeerMessage::Have(entries));
        }
    }

    /// Partials and promises, for a link that has just greeted.
    fn tell_unfinished(&mut self, now: Instant, link: LinkId) {
        let mut entries = Vec::new();
        for (id, segment) in self.segments.iter() {
            if segment.is_whole() || !self.is_shareable(*id) {
                continue;
            }
            if segment.verified() > 0 {
                let holding = Holding::Partial(segment.verified_bits());
                entries.push(HaveEntry {
                    key: segment.key,
                    holding,
                });
            } else if let Some(promise) = segment.promised {
                entries.push(HaveEntry {
                    key: segment.key,
                    holding: promise.holding(now),
                });
            }
        }
        if !entries.is_empty() {
            self.send(link, &PeerMessage::Have(entries));
        }
    }

    /// Periodic repair: what we hold, as a digest a track.
    pub(super) fn announce_digests(&mut self, now: Instant) {
        self.haves_at = now + DIGEST_EVERY;
        for link in self.links.values_mut() {
            link.credit /= 2;
            link.given /= 2;
        }
        if !self.may_upload() {
            return;
        }
        for (track, numbers) in self.held_whole() {
            let digest = digest_of(numbers.into_iter());
            self.broadcast(&PeerMessage::HaveDigest { track, digest });
        }
    }

    fn choke(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.choking = true;
            link.upload.clear();
        }
        self.send(id, &PeerMessage::Choke);
    }

    /// After a change of `uploadLimit`.
    pub(super) fn announce_choke(&mut self, now: Instant) {
        let serve = self.may_upload();
        let greeted: Vec<(LinkId, bool)> = self
            .links
            .iter()
            .filter(|(_, link)| link.is_greeted())
            .map(|(id, link)| (*id, link.choking))
            .collect();
        for (id, choking) in greeted {
            if !serve && !choking {
                self.choke(id);
            } else if serve && choking {
                if let Some(link) = self.links.get_mut(&id) {
                    link.choking = false;
                }
                self.send(id, &PeerMessage::Unchoke);
                for track in self.held_tracks() {
                    self.tell_track(id, track);
                }
                self.tell_unfinished(now, id);
            }
        }
    }

    pub(super) fn send(&mut self, link: LinkId, message: &PeerMessage) {
        self.say(link, message.encode());
    }

    fn say(&mut self, link: LinkId, bytes: Vec<u8>) {
        self.pay_for_control(bytes.len());
        self.out(Output::Send { link, bytes });
    }

    pub(super) fn broadcast(&mut self, message: &PeerMessage) {
        self.tell(message, |_| true);
    }

    /// Sends to all neighbours that have greeted and are among `whom`.
    pub(super) fn tell(&mut self, message: &PeerMessage, whom: impl Fn(&Link) -> bool) {
        let bytes = message.encode();
        let greeted: Vec<LinkId> = self
            .links
            .iter()
            .filter(|(_, l)| l.is_greeted() && whom(l))
            .map(|(id, _)| *id)
            .collect();
        for link in greeted {
            self.say(link, bytes.clone());
        }
    }
}
