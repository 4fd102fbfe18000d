//! Links between viewers: how they open and close, and what travels on them.
//!
//! Invariant: what is sent arrives once, in the order of its channel, unless the weather or the sender's
//! vice says otherwise.

use super::event::Event;
use super::link::{BlockMessage, Link};
use super::oracle::Promise;
use super::scenario::Vice;
use super::world::World;
use crate::base::{Duration, Instant, LinkId, SegmentId};
use crate::engine::Input;
use crate::wire::PeerMessage;

/// Gathering candidates for an offer or an answer.
pub(super) const GATHER: Duration = Duration::from_millis(150);
/// Round trips of ICE, DTLS, SCTP and the channels' opening.
const CONNECT_ROUND_TRIPS: u32 = 6;
/// Longest message either channel takes.
const MESSAGE_MAX: u32 = 256 << 10;

impl World<'_> {
    /// A description is complete: an offer of ours, or an answer.
    pub(super) fn on_offer(&mut self, viewer: usize, link: LinkId, ours: bool) {
        let sdp = format!("{viewer} {}", link.0);
        let input = match ours {
            true => Input::OfferReady { link, sdp },
            false => Input::AnswerReady { link, sdp },
        };
        self.tell(viewer, input);
    }

    /// Who stands behind a description.
    fn read_description(&self, sdp: &str) -> Option<(usize, LinkId)> {
        let (viewer, link) = sdp.split_once(' ')?;
        let viewer: usize = viewer.parse().ok()?;
        (viewer < self.viewers.len()).then_some((viewer, LinkId(link.parse().ok()?)))
    }

    /// Both sides know each other; the channels open if their NATs let them.
    pub(super) fn connect(&mut self, viewer: usize, link: LinkId, sdp: &str) {
        let Some((other, theirs)) = self.read_description(sdp) else {
            return;
        };
        self.viewers[viewer]
            .links
            .all
            .insert(link, Box::new(Link::new((other, theirs))));
        let (this, that) = (&self.viewers[viewer], &self.viewers[other]);
        if !this.kind.nat.reaches(that.kind.nat) || that.links.all.get(&theirs).is_none() {
            return;
        }
        let span = (this.latency + that.latency) * 2 * CONNECT_ROUND_TRIPS;
        self.later(span, Event::Opened(viewer, link));
        self.later(span, Event::Opened(other, theirs));
    }

    pub(super) fn accept_offer(&mut self, viewer: usize, link: LinkId, sdp: &str) {
        if let Some(other) = self.read_description(sdp) {
            let links = &mut self.viewers[viewer].links.all;
            links.insert(link, Box::new(Link::new(other)));
            self.later(GATHER, Event::Offer(viewer, link, false));
        }
    }

    pub(super) fn close_link(&mut self, viewer: usize, link: LinkId) {
        let it = &mut self.viewers[viewer];
        if let Some(gone) = it.links.remove(link) {
            let (other, theirs) = gone.other;
            let span = it.latency + self.viewers[other].latency;
            self.later(span, Event::Closed(other, theirs));
        }
    }

    pub(super) fn send(&mut self, viewer: usize, link: LinkId, bytes: Vec<u8>) {
        let it = &mut self.viewers[viewer];
        let Some((to, theirs)) = it.links.all.get(&link).filter(|l| l.open).map(|l| l.other) else {
            return;
        };
        self.control_bytes += bytes.len() as u64;
        self.control_messages += 1;
        let left = it.links.send_control(self.now, bytes.len());
        let there: Instant = left + it.latency + self.viewers[to].latency;
        if bytes.len() > MESSAGE_MAX as usize {
            self.broken(viewer, Promise::Caps, "a control message is too long");
        }
        if !self.loses(&bytes) {
            let event = Event::Control {
                to,
                link: theirs,
                bytes,
            };
            self.queue.push(there, event);
        }
    }

    pub(super) fn send_block(
        &mut self,
        viewer: usize,
        link: LinkId,
        header: Vec<u8>,
        (segment, start, len): (SegmentId, u64, u64),
    ) {
        let it = &mut self.viewers[viewer];
        let mut taint = match it.store.serve(segment, start, len) {
            Ok(taint) => taint,
            Err(what) => return self.broken(viewer, Promise::Store, what),
        };
        if taint.content.is_wrong() {
            self.broken(viewer, Promise::VerifiedUploads, "serves wrong bytes");
        }
        let it = &mut self.viewers[viewer];
        if !it.kind.upload {
            self.broken(viewer, Promise::Caps, "uploads although uploadLimit is 0");
        }
        let it = &mut self.viewers[viewer];
        match it.kind.vice {
            Vice::None => {}
            Vice::Poison => taint.content = taint.content.wrong(),
            Vice::Stall => return,
        }
        it.uploaded += len;
        let message = BlockMessage {
            header,
            taint,
            len,
            sent: self.now,
        };
        if !it.links.queue(link, message) {
            self.broken(viewer, Promise::Caps, "sends into a channel that is full");
        }
        self.begin_upload(viewer);
    }

    pub(super) fn on_block(
        &mut self,
        to: usize,
        link: LinkId,
        message: Box<BlockMessage>,
        passed: bool,
    ) {
        if !self.is_open(to, link) {
            return;
        }
        let bytes = message.len + message.header.len() as u64;
        if !passed {
            let through = self.viewers[to]
                .links
                .down
                .pass(message.sent, self.now, bytes);
            if through > self.now {
                let event = Event::Block {
                    to,
                    link,
                    message,
                    passed: true,
                };
                return self.queue.push(through, event);
            }
        }
        self.peer_bytes += message.len;
        let BlockMessage {
            header, taint, len, ..
        } = *message;
        let payload = self.viewers[to].store.wait(taint);
        self.tell(
            to,
            Input::LinkBlock {
                link,
                payload,
                header,
                len,
            },
        );
        self.check_payload(to);
    }

    pub(super) fn check_payload(&mut self, viewer: usize) {
        let it = &mut self.viewers[viewer];
        if it.engine.is_some() && it.store.is_waiting() {
            let what = "a payload is neither placed nor dropped";
            self.oracle.broken(self.now, viewer, Promise::Store, what);
        }
    }

    pub(super) fn on_uplink_free(&mut self, viewer: usize) {
        if let Some(sent) = self.viewers[viewer].links.end() {
            let (link, (to, theirs)) = (sent.link, sent.to);
            let span = self.viewers[viewer].latency + self.viewers[to].latency;
            let mut message = Box::new(sent.message);
            message.sent = message.sent + span;
            let passed = false;
            let there = Event::Block {
                to,
                link: theirs,
                message,
                passed,
            };
            self.later(span, there);
            if let Some(queued) = sent.queued {
                self.tell(viewer, Input::LinkWritable { link, queued });
            }
        }
        self.begin_upload(viewer);
    }

    /// Begins the next message of an uplink that is free.
    pub(super) fn begin_upload(&mut self, viewer: usize) {
        if let Some(at) = self.viewers[viewer].links.begin(self.now) {
            self.queue.push(at, Event::UplinkFree(viewer));
        }
    }

    pub(super) fn on_opened(&mut self, viewer: usize, link: LinkId) {
        if !self.viewers[viewer].links.set_open(link) {
            return;
        }
        let max_message = MESSAGE_MAX;
        self.tell(viewer, Input::LinkOpened { link, max_message });
        let it = &self.viewers[viewer];
        if it.links.open > it.kind.max_peers as usize {
            self.oracle
                .broken(self.now, viewer, Promise::Caps, "more links than maxPeers");
        }
    }

    /// Whether a control message is lost on the way.
    pub(super) fn loses(&mut self, bytes: &[u8]) -> bool {
        self.weather.haves_lost > 0.0
            && matches!(PeerMessage::decode(bytes), Ok(PeerMessage::Have(_)))
            && self.rng.unit() < self.weather.haves_lost
    }

    pub(super) fn is_open(&self, viewer: usize, link: LinkId) -> bool {
        let links = &self.viewers[viewer].links.all;
        links.get(&link).is_some_and(|link| link.open)
    }
}
