//! Carries out what engines ask for: answers, fetches, sockets, links, the store of marks.
//!
//! Invariant: it obeys at once and in order, decides nothing, and tells the oracle where an engine breaks
//! its face.

use super::link::{BlockMessage, Link};
use super::oracle::Promise;
use super::scenario::Vice;
use super::viewer::{Fetch, Loader};
use super::world::{APPEND, Event, HASH, TRACKER, World};
use crate::base::{Duration, Instant, LinkId, RequestId, SegmentId};
use crate::engine::{Input, Output, Source, Timing};
use crate::tracker::{self, ConnectionId};

/// Gathering candidates for an offer or an answer.
const GATHER: Duration = Duration::from_millis(150);
/// Round trips of ICE, DTLS, SCTP and the channels' opening.
const CONNECT_ROUND_TRIPS: u32 = 6;
/// Longest control message.
const CONTROL_MAX: usize = 256 << 10;
/// A socket's TCP, TLS and WebSocket handshakes, round trips.
const SOCKET_ROUND_TRIPS: u32 = 3;

impl World<'_> {
    fn broken(&mut self, viewer: usize, promise: Promise, what: &str) {
        self.oracle.broken(self.now, viewer, promise, what);
    }

    /// What concerns the player and HTTP; the rest goes on.
    pub(super) fn act(&mut self, viewer: usize, output: Output) {
        match output {
            Output::Progress { loaded, total, .. } => {
                if total > 0 && loaded > total {
                    self.broken(viewer, Promise::OneOutcome, "more progress than there is");
                }
            }
            Output::Ready {
                request,
                segment,
                len,
                timing,
                source,
            } => {
                self.ready(viewer, request, (segment, len), timing, source);
            }
            Output::Failed { request, .. } => self.fail(viewer, request),
            Output::Pass { request } => {
                if self.viewers[viewer].wishes.get(&request).is_none() {
                    return self.broken(
                        viewer,
                        Promise::OneOutcome,
                        "passed what nobody waits for",
                    );
                }
                self.fetch_own(viewer, request);
            }
            Output::StartFetch {
                fetch,
                request,
                range,
                offset,
                ..
            } => {
                let Some(wish) = self.viewers[viewer].wishes.get(&request).copied() else {
                    let what = "fetched for a wish that is not open";
                    return self.broken(viewer, Promise::OneOutcome, what);
                };
                let Some(title) = self.origin.title(wish.level, wish.number) else {
                    return;
                };
                let fetch_now = Fetch {
                    content: title.content,
                    position: offset,
                    end: range.map_or(title.size, |range| range.end.min(title.size)),
                    partial: range.is_some(),
                    asked: self.now,
                    first_byte: None,
                    first: wish.first,
                };
                self.begin_fetch(viewer, Loader::Engine(fetch), fetch_now);
            }
            Output::StopFetch { fetch } => {
                self.viewers[viewer].fetches.remove(&Loader::Engine(fetch));
            }
            Output::Event(event) => self.trace.tell(self.now, viewer, &event),
            Output::OpenTracker { .. }
            | Output::SendTracker { .. }
            | Output::CloseTracker { .. }
            | Output::CreateOffer { .. }
            | Output::AcceptOffer { .. }
            | Output::AcceptAnswer { .. }
            | Output::AddCandidate { .. } => self.act_on_signals(viewer, output),
            Output::Send { .. }
            | Output::SendBlock { .. }
            | Output::CloseLink { .. }
            | Output::Reserve { .. }
            | Output::Place { .. }
            | Output::Drop { .. }
            | Output::Hash { .. }
            | Output::Evict { .. } => self.act_on_data(viewer, output),
        }
    }

    fn act_on_signals(&mut self, viewer: usize, output: Output) {
        match output {
            Output::OpenTracker { .. } => self.open_socket(viewer),
            Output::SendTracker { text, .. } => {
                if let Some(connection) = self.viewers[viewer].connection {
                    let span = self.viewers[viewer].latency;
                    self.later(span, Event::ToTracker(connection, text));
                }
            }
            Output::CloseTracker { .. } => self.close_socket(viewer),
            Output::CreateOffer { link } => self.later(GATHER, Event::Offer(viewer, link, true)),
            Output::AcceptOffer { link, sdp } => {
                if let Some(other) = self.read_description(&sdp) {
                    self.viewers[viewer]
                        .links
                        .all
                        .insert(link, Link::new(other));
                    self.later(GATHER, Event::Offer(viewer, link, false));
                }
            }
            Output::AcceptAnswer { link, sdp } => self.connect(viewer, link, &sdp),
            _ => {}
        }
    }

    fn act_on_data(&mut self, viewer: usize, output: Output) {
        let it = &mut self.viewers[viewer];
        let done = match output {
            Output::Send { link, bytes } => return self.send(viewer, link, bytes),
            Output::SendBlock {
                link,
                header,
                segment,
                offset,
                len,
            } => {
                return self.send_block(viewer, link, header, (segment, offset, len));
            }
            Output::CloseLink { link } => {
                if let Some(gone) = it.links.remove(link) {
                    let (other, theirs) = gone.other;
                    let span = it.latency + self.viewers[other].latency;
                    self.later(span, Event::Closed(other, theirs));
                }
                return;
            }
            Output::Hash {
                hash,
                segment,
                blocks,
            } => match it.store.hash(hash, segment, blocks, &self.origin) {
                Ok(digests) => {
                    self.later(
                        HASH,
                        Event::Hashed {
                            viewer,
                            hash,
                            digests,
                        },
                    );
                    Ok(())
                }
                Err(what) => Err(what),
            },
            Output::Reserve { segment, len } => it.store.reserve(segment, len),
            Output::Place {
                payload,
                segment,
                parts,
            } => it.store.place(payload, segment, &parts),
            Output::Drop { payload } => it.store.drop_payload(payload),
            Output::Evict { segment } => {
                it.store.evict(segment);
                Ok(())
            }
            _ => Ok(()),
        };
        if let Err(what) = done {
            self.broken(viewer, Promise::Store, what);
        }
    }

    // --- the player ---

    fn ready(
        &mut self,
        viewer: usize,
        request: RequestId,
        (segment, len): (SegmentId, u64),
        timing: Timing,
        source: Source,
    ) {
        let it = &self.viewers[viewer];
        let Some(wish) = it.wishes.get(&request) else {
            return self.broken(
                viewer,
                Promise::OneOutcome,
                "answered what nobody waits for",
            );
        };
        if let Some(title) = self.origin.title(wish.level, wish.number)
            && (len != title.size || !it.store.is_all(segment, len, title.content))
        {
            self.broken(viewer, Promise::RightBytes, "the player got other bytes");
        }
        self.trace.mix(len ^ (source as u64) << 60);
        let seconds = (timing.first_byte_ms + timing.transfer_ms) / 1e3;
        self.deliver(viewer, request, len, seconds);
    }

    /// The player takes a segment that came in `seconds`.
    pub(super) fn deliver(&mut self, viewer: usize, request: RequestId, len: u64, seconds: f64) {
        let it = &mut self.viewers[viewer];
        let Some(wish) = it.wishes.remove(&request) else {
            return;
        };
        it.player.on_sample(len, seconds);
        it.delivered += len;
        if let Some(title) = self.origin.title(wish.level, wish.number) {
            self.got[title.content.index()] += 1;
        }
        self.later(APPEND, Event::Appended(viewer, request, wish));
    }

    /// Neither peers nor the CDN had it.
    pub(super) fn fail(&mut self, viewer: usize, request: RequestId) {
        let it = &mut self.viewers[viewer];
        if it.wishes.remove(&request).is_none() {
            return self.broken(viewer, Promise::OneOutcome, "failed what nobody waits for");
        }
        it.current = None;
        it.player.on_failed(self.now);
        self.later(Duration::from_secs(1), Event::Again(viewer));
    }

    // --- trackers and links ---

    fn open_socket(&mut self, viewer: usize) {
        let connection = ConnectionId(self.sockets.len() as u64);
        self.sockets.push(None);
        let it = &mut self.viewers[viewer];
        it.connection = Some(connection);
        let span = it.latency * 2 * SOCKET_ROUND_TRIPS;
        self.later(span, Event::Socket(viewer, connection, true));
    }

    /// A socket's handshakes are over, or it closed.
    pub(super) fn on_socket(&mut self, viewer: usize, connection: ConnectionId, open: bool) {
        if self.viewers[viewer].connection != Some(connection) {
            return;
        }
        let tracker = TRACKER;
        if open && self.weather.tracker_up {
            self.set_socket(connection, Some(viewer));
            self.tell_tracker(tracker::Input::Opened { connection });
            self.tell(viewer, Input::TrackerOpened { tracker });
        } else {
            self.viewers[viewer].connection = None;
            self.tell(viewer, Input::TrackerClosed { tracker });
        }
    }

    pub(super) fn close_socket(&mut self, viewer: usize) {
        if let Some(connection) = self.viewers[viewer].connection.take()
            && self.socket_owner(connection).is_some()
        {
            self.set_socket(connection, None);
            self.tell_tracker(tracker::Input::Closed { connection });
        }
    }

    pub(super) fn socket_owner(&self, connection: ConnectionId) -> Option<usize> {
        let index = usize::try_from(connection.0).ok()?;
        self.sockets.get(index).copied().flatten()
    }

    pub(super) fn set_socket(&mut self, connection: ConnectionId, owner: Option<usize>) {
        let index = usize::try_from(connection.0).unwrap_or(usize::MAX);
        if let Some(socket) = self.sockets.get_mut(index) {
            *socket = owner;
        }
    }

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
    fn connect(&mut self, viewer: usize, link: LinkId, sdp: &str) {
        let Some((other, theirs)) = self.read_description(sdp) else {
            return;
        };
        self.viewers[viewer]
            .links
            .all
            .insert(link, Link::new((other, theirs)));
        let (this, that) = (&self.viewers[viewer], &self.viewers[other]);
        if !this.kind.nat.reaches(that.kind.nat) || that.links.all.get(&theirs).is_none() {
            return;
        }
        let span = (this.latency + that.latency) * 2 * CONNECT_ROUND_TRIPS;
        self.later(span, Event::Opened(viewer, link));
        self.later(span, Event::Opened(other, theirs));
    }

    fn send(&mut self, viewer: usize, link: LinkId, bytes: Vec<u8>) {
        let it = &mut self.viewers[viewer];
        let Some((to, theirs)) = it.links.all.get(&link).filter(|l| l.open).map(|l| l.other) else {
            return;
        };
        self.control_bytes += bytes.len() as u64;
        let left = it.links.send_control(self.now, bytes.len());
        let there: Instant = left + it.latency + self.viewers[to].latency;
        if bytes.len() > CONTROL_MAX {
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

    fn send_block(
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
}
