//! Links between viewers: how they open and close, and what travels on them.
//!
//! Invariant: what is sent arrives once, in the order of its channel, unless the weather or the sender's
//! vice says otherwise.

use super::crowd::Crowd;
use super::event::Event;
use super::link::{BlockMessage, Link};
use super::oracle::Promise;
use super::scenario::Vice;
use crate::base::{Duration, Instant, LinkId, SegmentId};
use crate::engine::Input;
use crate::wire::PeerMessage;

/// Gathering candidates for an offer or an answer.
pub(super) const GATHER: Duration = Duration::from_millis(150);
/// Round trips of ICE, DTLS, SCTP and the channels' opening.
const CONNECT_ROUND_TRIPS: u32 = 6;
/// Longest message either channel takes.
const MESSAGE_MAX: u32 = 256 << 10;

impl Crowd {
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
        (viewer < self.stage.latencies.len()).then_some((viewer, LinkId(link.parse().ok()?)))
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
        if self.stage.nats[viewer].reaches(self.stage.nats[other]) {
            let from = (viewer, link);
            let knock = Event::Knock { link: theirs, from };
            self.later(other, self.way(viewer, other), knock);
        }
    }

    /// From one viewer to another.
    fn way(&self, from: usize, to: usize) -> Duration {
        self.stage.latencies[from] + self.stage.latencies[to]
    }

    /// The other side of a link looks for us.
    pub(super) fn on_knock(&mut self, viewer: usize, link: LinkId, from: (usize, LinkId)) {
        if self.viewers[viewer].links.all.contains_key(&link) {
            let (other, theirs) = from;
            let span = self.way(viewer, other) * (2 * CONNECT_ROUND_TRIPS - 1);
            self.later(other, span, Event::Opened(theirs));
            self.later(viewer, span, Event::Opened(link));
        }
    }

    pub(super) fn accept_offer(&mut self, viewer: usize, link: LinkId, sdp: &str) {
        if let Some(other) = self.read_description(sdp) {
            let links = &mut self.viewers[viewer].links.all;
            links.insert(link, Box::new(Link::new(other)));
            self.later(viewer, GATHER, Event::Offer(link, false));
        }
    }

    pub(super) fn close_link(&mut self, viewer: usize, link: LinkId) {
        let it = &mut self.viewers[viewer];
        if let Some(gone) = it.links.remove(link) {
            let (other, theirs) = gone.other;
            self.later(other, self.way(viewer, other), Event::Closed(theirs));
        }
    }

    pub(super) fn send(&mut self, viewer: usize, link: LinkId, bytes: Vec<u8>) {
        let it = &mut self.viewers[viewer];
        let Some((to, theirs)) = it.links.all.get(&link).filter(|l| l.open).map(|l| l.other) else {
            return;
        };
        self.tally.control_bytes += bytes.len() as u64;
        self.tally.control_messages += 1;
        let left = it.links.send_control(self.now, bytes.len());
        let there: Instant = left + self.way(viewer, to);
        if bytes.len() > MESSAGE_MAX as usize {
            self.broken(viewer, Promise::Caps, "a control message is too long");
        }
        if !self.loses(viewer, &bytes) {
            let link = theirs;
            let passed = false;
            let event = Event::Control {
                link,
                bytes,
                passed,
            };
            self.push(to, there, event);
        }
    }

    /// A control message stands before the downlink, or is through it. Where no modem queues it waits for nothing there.
    pub(super) fn on_control(&mut self, to: usize, link: LinkId, bytes: Vec<u8>, passed: bool) {
        if !self.is_open(to, link) {
            return;
        }
        let links = &mut self.viewers[to].links;
        if !passed && links.modem.is_some() {
            let at = links.down.pass(self.now, self.now, bytes.len() as u64);
            let passed = true;
            let event = Event::Control {
                link,
                bytes,
                passed,
            };
            return self.push(to, at, event);
        }
        self.tell(to, Input::LinkMessage { link, bytes });
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
                let passed = true;
                let event = Event::Block {
                    link,
                    message,
                    passed,
                };
                return self.push(to, through, event);
            }
        }
        self.tally.peer_bytes += message.len;
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
            self.tally
                .oracle
                .broken(self.now, viewer, Promise::Store, what);
        }
    }

    pub(super) fn on_uplink_free(&mut self, viewer: usize) {
        if let Some(sent) = self.viewers[viewer].links.end(self.now) {
            let (link, (to, theirs)) = (sent.link, sent.to);
            let span = self.way(viewer, to);
            let mut message = Box::new(sent.message);
            message.sent = message.sent + span;
            let passed = false;
            let there = Event::Block {
                link: theirs,
                message,
                passed,
            };
            self.push(to, sent.left + span, there);
            if let Some(queued) = sent.queued {
                self.tell(viewer, Input::LinkWritable { link, queued });
            }
        }
        self.begin_upload(viewer);
    }

    /// Begins the next message of an uplink that is free.
    pub(super) fn begin_upload(&mut self, viewer: usize) {
        if let Some(at) = self.viewers[viewer].links.begin(self.now) {
            self.push(viewer, at, Event::UplinkFree);
        }
    }

    pub(super) fn on_opened(&mut self, viewer: usize, link: LinkId) {
        if !self.viewers[viewer].links.set_open(link) {
            return;
        }
        self.tally.opened += 1;
        let max_message = MESSAGE_MAX;
        self.tell(viewer, Input::LinkOpened { link, max_message });
        let it = &self.viewers[viewer];
        if it.links.open > it.kind.max_peers as usize {
            self.tally
                .oracle
                .broken(self.now, viewer, Promise::Caps, "more links than maxPeers");
        }
    }

    /// Whether a control message is lost on the way.
    pub(super) fn loses(&mut self, viewer: usize, bytes: &[u8]) -> bool {
        let share = self.weather().haves_lost;
        share > 0.0
            && matches!(PeerMessage::decode(bytes), Ok(PeerMessage::Have(_)))
            && self.viewers[viewer].luck.unit() < share
    }

    pub(super) fn is_open(&self, viewer: usize, link: LinkId) -> bool {
        let links = &self.viewers[viewer].links.all;
        links.get(&link).is_some_and(|link| link.open)
    }
}
