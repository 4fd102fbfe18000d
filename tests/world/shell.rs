//! Carries out what engines ask for: the store, HTTP, links and trackers of the small world. It holds
//! engines to their face by assertions and decides nothing.

use super::oracle::HASHING;
use super::{Delivery, Fault, Frame, Outcome, Shell, Viewer, World};
use core::net::IpAddr;
use swarmline::base::{
    ByteRange, Duration, FetchId, HashId, InfoHash, LinkId, Network, PayloadId, RequestId,
    SegmentId, TextId, TrackerId,
};
use swarmline::engine::{Input, Output, Part};
use swarmline::integrity::sha256;
use swarmline::tracker::{self, ConnectionId};
use swarmline::wire::Signal;

impl World {
    /// What concerns the player, HTTP and trackers; the rest goes on.
    pub(super) fn act(&mut self, viewer: Viewer, output: Output) {
        let at = self.now;
        match output {
            Output::Progress { loaded, total, .. } => {
                assert!(total == 0 || loaded <= total, "{loaded} of {total}");
            }
            Output::Ready {
                request,
                segment,
                len,
                source,
                timing,
            } => {
                let held = &self.viewers[viewer].store;
                let bytes = held.get(&segment).expect("Ready names held bytes");
                let bytes = bytes[..len as usize].to_vec();
                let outcome = Outcome::Ready {
                    bytes,
                    source,
                    timing,
                    at,
                };
                self.answer(viewer, request, outcome);
            }
            Output::Failed {
                request, status, ..
            } => {
                self.answer(viewer, request, Outcome::Failed { status, at });
            }
            Output::Pass { request } => self.answer(viewer, request, Outcome::Passed),
            Output::StartFetch {
                fetch,
                url,
                range,
                offset,
                ..
            } => {
                self.start_fetch(viewer, fetch, &url, range, offset);
            }
            Output::StopFetch { fetch } => {
                self.viewers[viewer].in_fetch.remove(&fetch);
            }
            Output::FetchText { text, url } => self.fetch_text(viewer, text, url),
            Output::OpenTracker { tracker, .. } => self.open_tracker(viewer, tracker),
            Output::SendTracker { tracker, text } => {
                self.viewers[viewer].told_trackers.push(text.clone());
                if let Some(connection) = self.viewers[viewer].trackers.get(&tracker).copied() {
                    self.later(self.link_latency, Delivery::ToTracker(connection, text));
                }
            }
            Output::CloseTracker { tracker } => self.close_tracker(viewer, tracker),
            Output::Event(event) => {
                self.witness_event(viewer, &event);
                self.viewers[viewer].events.push(event);
            }
            Output::Keep { .. } | Output::ReadKept { .. } => self.act_on_disk(viewer, output),
            Output::Prove {
                link,
                proof,
                room,
                message,
            } => self.prove(viewer, link, (&proof, room), message),
            other => self.act_on_links(viewer, other),
        }
    }

    fn prove(
        &mut self,
        viewer: Viewer,
        link: LinkId,
        (proof, room): (&str, InfoHash),
        message: Vec<u8>,
    ) {
        self.viewers[viewer].asked_proofs += 1;
        let signal = Signal::decode(&message).expect("a signal as it came");
        if signal.is_proven(proof, room) {
            let input = Input::Proven { link, message };
            self.later(Duration::from_millis(2), Delivery::To(viewer, input));
        }
    }

    fn act_on_links(&mut self, viewer: Viewer, output: Output) {
        match output {
            Output::CreateOffer { link } => {
                self.note_relayed(viewer, link);
                let sdp = format!("offer {viewer} {}\r\n{}", link.0, certificate(viewer));
                self.describe(viewer, link, Input::OfferReady { link, sdp });
            }
            Output::AcceptOffer { link, sdp } => {
                self.note_relayed(viewer, link);
                self.viewers[viewer]
                    .links
                    .insert(link, parse(&sdp, "offer"));
                let sdp = format!("answer {viewer} {}\r\n{}", link.0, certificate(viewer));
                self.describe(viewer, link, Input::AnswerReady { link, sdp });
            }
            Output::AcceptAnswer { link, sdp } => self.connect(viewer, link, &sdp),
            Output::AddCandidate { link, candidate } => {
                self.viewers[viewer].candidates.push((link, candidate));
            }
            Output::UseRelay { server } => self.viewers[viewer].relay = Some(server),
            Output::Send { link, bytes } => {
                self.witness_message(viewer, &bytes);
                self.send_frame(viewer, link, Frame::Control(bytes));
            }
            Output::SendBlock {
                link,
                header,
                segment,
                offset,
                len,
            } => {
                let run = ByteRange {
                    start: offset,
                    end: offset + len,
                };
                self.send_block(viewer, link, header, segment, run);
            }
            Output::CloseLink { link } => {
                if let Some((other, theirs)) = self.viewers[viewer].links.remove(&link)
                    && !self.is_cut(viewer, other)
                    && self.viewers[other].links.remove(&theirs).is_some()
                {
                    let input = Input::LinkClosed { link: theirs };
                    self.later(self.link_latency, Delivery::To(other, input));
                }
            }
            Output::Hash {
                hash,
                segment,
                blocks,
            } => {
                let shell = &mut self.viewers[viewer];
                shell.hashed_bytes += blocks.iter().map(|block| block.len()).sum::<u64>();
                let digests = shell.freeze(hash, segment, &blocks);
                self.later(HASHING, Delivery::Hashed(viewer, hash, digests));
            }
            Output::Place {
                payload,
                segment,
                parts,
            } => {
                self.witness_place(viewer, payload, &parts);
                self.viewers[viewer].place(payload, segment, &parts);
            }
            Output::Drop { payload } => {
                self.witness_drop(viewer, payload);
                let known = self.viewers[viewer].payloads.remove(&payload).is_some();
                assert!(known, "dropped payload waits");
            }
            other => self.viewers[viewer].act_on_store(other),
        }
    }

    fn answer(&mut self, viewer: Viewer, request: RequestId, outcome: Outcome) {
        self.witness_outcome(viewer, request, &outcome);
        let before = self.viewers[viewer].outcomes.insert(request, outcome);
        assert!(
            before.is_none(),
            "{request:?} of viewer {viewer} answered twice"
        );
    }

    fn describe(&mut self, viewer: Viewer, link: LinkId, ready: Input) {
        self.later(Duration::from_millis(10), Delivery::To(viewer, ready));
        if self.late_candidates {
            let candidate = format!("late {viewer}");
            let input = Input::Candidate { link, candidate };
            self.later(Duration::from_millis(20), Delivery::To(viewer, input));
        }
    }

    fn connect(&mut self, viewer: Viewer, link: LinkId, sdp: &str) {
        let (other, theirs) = parse(sdp, "answer");
        self.viewers[viewer].links.insert(link, (other, theirs));
        let known = self.viewers[other].links.contains_key(&theirs);
        if !known || !self.viewers[other].alive || !(self.reachable)(viewer, other) {
            return;
        }
        if self.is_cut(viewer, other) || !self.may_open((viewer, link), (other, theirs)) {
            return;
        }
        for (who, link, far) in [(viewer, link, other), (other, theirs, viewer)] {
            let span = self.link_latency * 4;
            let opened = Input::LinkOpened {
                link,
                max_message: 262_144,
            };
            self.later(span, Delivery::To(who, opened));
            let network = self.network_of(far);
            let located = Input::LinkNetwork { link, network };
            self.later(span + self.link_latency, Delivery::To(who, located));
        }
    }

    fn network_of(&self, viewer: Viewer) -> Option<Network> {
        let alone = Some(Network::V4([198, 51, viewer as u8]));
        self.networks.get(&viewer).copied().unwrap_or(alone)
    }

    fn open_tracker(&mut self, viewer: Viewer, tracker: TrackerId) {
        if self.is_cut(viewer, viewer) {
            return;
        }
        if !self.tracker_up {
            let input = Input::TrackerClosed { tracker };
            return self.later(self.link_latency, Delivery::To(viewer, input));
        }
        self.next_connection += 1;
        let connection = ConnectionId(self.next_connection);
        self.connections.insert(connection, (viewer, tracker));
        self.viewers[viewer].trackers.insert(tracker, connection);
        let network = self.network_of(viewer);
        let opened = tracker::Input::Opened {
            connection,
            visitor: tracker::Visitor {
                network,
                address: network.and_then(address_in),
                ..tracker::Visitor::default()
            },
        };
        self.tracker.handle_input(self.now, opened);
        self.later(
            self.link_latency,
            Delivery::To(viewer, Input::TrackerOpened { tracker }),
        );
    }

    fn close_tracker(&mut self, viewer: Viewer, tracker: TrackerId) {
        if let Some(connection) = self.viewers[viewer].trackers.remove(&tracker)
            && self.connections.contains_key(&connection)
        {
            // Behind what was said before.
            self.later(self.link_latency, Delivery::HungUp(connection));
        }
    }

    fn send_block(
        &mut self,
        viewer: Viewer,
        link: LinkId,
        header: Vec<u8>,
        segment: SegmentId,
        run: ByteRange,
    ) {
        if !self.viewers[viewer].links.contains_key(&link) {
            return;
        }
        let shell = &mut self.viewers[viewer];
        let mut message = header;
        let held = &shell.store[&segment];
        message.extend_from_slice(&held[run.start as usize..run.end as usize]);
        shell.served.push((segment, run));
        let cost = message.len() as u64;
        self.witness_block(viewer, &message);
        self.send_frame(viewer, link, Frame::Block(message));
        let transfer = self.viewers[viewer].uplink_free_at.since(self.now);
        *self.viewers[viewer].queued.entry(link).or_default() += cost;
        self.later(transfer, Delivery::Sent(viewer, link, cost));
    }

    fn start_fetch(
        &mut self,
        viewer: Viewer,
        fetch: FetchId,
        url: &str,
        range: Option<ByteRange>,
        offset: u64,
    ) {
        if self.is_cut(viewer, viewer) {
            return self.fail_fetch(viewer, fetch);
        }
        self.viewers[viewer].in_fetch.insert(fetch, ());
        self.cdn.requests.push((viewer, url.to_owned(), range));
        let fault = self.cdn.faults.iter().find(|(word, _)| url.contains(word));
        let fault = fault.map(|(_, fault)| fault.clone());
        let wait = self.cdn.latency;
        let status = match (&fault, self.cdn.files.get(url)) {
            (Some(Fault::Silent), _) => return,
            (Some(Fault::Status(status)), _) => Some(*status),
            (_, None) => Some(404),
            (_, Some(_)) => None,
        };
        if let Some(status) = status {
            let input = Input::FetchFailed {
                fetch,
                status,
                timed_out: false,
            };
            return self.later(wait, Delivery::To(viewer, input));
        }
        let partial = range.is_some() && fault != Some(Fault::NoRanges);
        let file = &self.cdn.files[url];
        let whole = ByteRange {
            start: 0,
            end: file.len() as u64,
        };
        let run = range.filter(|_| partial).unwrap_or(whole);
        let mut bytes = file[run.start as usize..(run.end as usize).min(file.len())].to_vec();
        if fault == Some(Fault::Corrupt) {
            bytes.iter_mut().for_each(|byte| *byte ^= 0xff);
        }
        let served = match fault {
            Some(Fault::Corrupt) => file.iter().map(|byte| byte ^ 0xff).collect(),
            _ => file.clone(),
        };
        self.oracle.note_served(url, &served);
        *self.cdn.sent.entry(url.to_owned()).or_default() += bytes.len() as u64;
        let (length, status) = (Some(bytes.len() as u64), if partial { 206 } else { 200 });
        let head = Input::FetchHead {
            fetch,
            status,
            length,
            partial,
        };
        self.later(wait, Delivery::To(viewer, head));
        let start = if partial { offset } else { 0 };
        self.send_body(viewer, fetch, start, &bytes);
    }

    fn fetch_text(&mut self, viewer: Viewer, text: TextId, url: String) {
        let fault = self.cdn.faults.iter().find(|(word, _)| url.contains(word));
        let file = self.cdn.files.get(&url).cloned();
        self.cdn.requests.push((viewer, url.clone(), None));
        let input = match (fault, file) {
            (Some((_, Fault::Silent)), _) => return,
            (Some((_, Fault::Status(status))), _) => Input::TextFailed {
                text,
                status: *status,
            },
            (_, None) => Input::TextFailed { text, status: 404 },
            (_, Some(bytes)) => {
                *self.cdn.sent.entry(url.clone()).or_default() += bytes.len() as u64;
                let body = String::from_utf8(bytes).expect("a text");
                Input::TextReady { text, url, body }
            }
        };
        self.later(self.cdn.latency, Delivery::To(viewer, input));
    }

    /// In chunks of an odd size, so that they never fall on block borders.
    fn send_body(&mut self, viewer: Viewer, fetch: FetchId, start: u64, bytes: &[u8]) {
        let rate = self.cdn.bytes_per_s;
        let wait = self.cdn.latency;
        let span = |at: u64| wait + Duration::from_micros(at * 1_000_000 / rate);
        let mut at = 0;
        for chunk in bytes.chunks(30_011) {
            let body = Delivery::Body(viewer, fetch, start + at, chunk.to_vec());
            at += chunk.len() as u64;
            self.later(span(at), body);
        }
        self.later(span(at), Delivery::To(viewer, Input::FetchDone { fetch }));
    }
}

impl Shell {
    fn act_on_store(&mut self, output: Output) {
        match output {
            Output::Reserve { segment, len } => {
                let buffer = self.store.entry(segment).or_default();
                assert!(len as usize >= buffer.len(), "a buffer never shrinks");
                buffer.resize(len as usize, 0);
            }
            Output::Evict { segment } => {
                self.store.remove(&segment);
                self.frozen.retain(|(_, id, _)| *id != segment);
                self.served.retain(|(id, _)| *id != segment);
            }
            other => panic!("nobody carries out {other:?}"),
        }
    }

    fn place(&mut self, payload: PayloadId, segment: SegmentId, parts: &[Part]) {
        let bytes = self
            .payloads
            .remove(&payload)
            .expect("placed payload waits");
        let buffer = self
            .store
            .get_mut(&segment)
            .expect("placed into a reserved buffer");
        for part in parts {
            let place = ByteRange {
                start: part.at,
                end: part.at + part.len,
            };
            let frozen = self.frozen.iter().map(|(_, id, run)| (id, run));
            for (id, run) in frozen.chain(self.served.iter().map(|(id, run)| (id, run))) {
                let apart = run.end <= place.start || place.end <= run.start;
                assert!(
                    *id != segment || apart,
                    "a frozen place is written: {place:?}"
                );
            }
            let from = part.from as usize..(part.from + part.len) as usize;
            buffer[place.start as usize..place.end as usize].copy_from_slice(&bytes[from]);
        }
    }

    fn freeze(
        &mut self,
        hash: HashId,
        segment: SegmentId,
        blocks: &[ByteRange],
    ) -> Vec<swarmline::integrity::Digest> {
        let buffer = self.store.get(&segment).expect("hashed bytes are held");
        self.frozen
            .extend(blocks.iter().map(|run| (hash, segment, *run)));
        blocks
            .iter()
            .map(|run| sha256(&buffer[run.start as usize..run.end as usize]))
            .collect()
    }
}

/// The one address of a network.
fn address_in(network: Network) -> Option<IpAddr> {
    match network {
        Network::V4([a, b, c]) => Some(IpAddr::from([a, b, c, 1])),
        Network::V6(_) | Network::Near => None,
    }
}

fn parse(sdp: &str, kind: &str) -> (Viewer, LinkId) {
    let words: Vec<&str> = sdp.split_whitespace().collect();
    assert_eq!(words[0], kind);
    (
        words[1].parse().expect("viewer"),
        LinkId(words[2].parse().expect("link")),
    )
}

/// The line of a description that names a viewer's certificate.
pub fn certificate(viewer: Viewer) -> String {
    let hash = vec![format!("{viewer:02X}"); 32].join(":");
    format!("a=fingerprint:sha-256 {hash}\r\n")
}
