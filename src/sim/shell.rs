//! Carries out what engines ask for: answers, fetches, sockets, links, the store of marks.
//!
//! Invariant: it obeys at once and in order, decides nothing, and tells the oracle where an engine breaks
//! its face.

use super::crowd::{APPEND, Crowd, HASH};
use super::event::Event;
use super::linking::GATHER;
use super::oracle::Promise;
use super::store::{Store, Wrong};
use super::viewer::{Fetch, Loader};
use crate::base::{ByteRange, Duration, FetchId, HashId, RequestId, SegmentId};
use crate::engine::{Input, Output, Source, Timing};

impl Crowd {
    pub(super) fn broken(&mut self, viewer: usize, promise: Promise, what: &str) {
        self.tally.oracle.broken(self.now, viewer, promise, what);
    }

    /// Carries out one output.
    pub(super) fn act(&mut self, viewer: usize, output: Output) {
        let it = &mut self.viewers[viewer];
        match output {
            Output::Progress { loaded, total, .. } => self.check_progress(viewer, loaded, total),
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
            Output::Pass { request } => self.pass(viewer, request),
            Output::StartFetch {
                fetch,
                request,
                range,
                offset,
                ..
            } => {
                self.start_fetch(viewer, fetch, request, (range, offset));
            }
            Output::StopFetch { fetch } => {
                it.fetches.remove(&Loader::Engine(fetch));
            }
            Output::Event(event) => self.tell_of(viewer, &event),
            // Nobody comes back: no viewer has a disk.
            Output::Keep { .. } | Output::ReadKept { .. } => {
                let what = "asked a disk that it was not told of";
                self.broken(viewer, Promise::OneOutcome, what);
            }
            // Scenarios have no sidecars: no playlist of theirs names one.
            Output::FetchText { text, .. } => {
                self.tell(viewer, Input::TextFailed { text, status: 404 });
            }
            Output::OpenTracker { .. } => self.open_socket(viewer),
            Output::SendTracker { text, .. } => self.send_tracker(viewer, text),
            Output::CloseTracker { .. } => self.close_socket(viewer),
            Output::CreateOffer { link } => self.later(viewer, GATHER, Event::Offer(link, true)),
            Output::AcceptOffer { link, sdp } => self.accept_offer(viewer, link, &sdp),
            Output::AcceptAnswer { link, sdp } => self.connect(viewer, link, &sdp),
            // Nor does the tracker hand out proofs.
            Output::AddCandidate { .. } | Output::UseRelay { .. } | Output::Prove { .. } => {}
            Output::Send { link, bytes } => self.send(viewer, link, bytes),
            Output::SendBlock {
                link,
                header,
                segment,
                offset,
                len,
            } => {
                self.send_block(viewer, link, header, (segment, offset, len));
            }
            Output::CloseLink { link } => self.close_link(viewer, link),
            Output::Hash {
                hash,
                segment,
                blocks,
            } => self.hash(viewer, hash, segment, blocks),
            Output::Reserve { segment, len } => {
                self.in_store(viewer, |store| store.reserve(segment, len));
            }
            Output::Place {
                payload,
                segment,
                parts,
            } => self.in_store(viewer, |store| store.place(payload, segment, &parts)),
            Output::Drop { payload } => self.in_store(viewer, |store| store.drop_payload(payload)),
            Output::Evict { segment } => it.store.evict(segment),
        }
    }

    fn in_store(&mut self, viewer: usize, act: impl FnOnce(&mut Store) -> Result<(), Wrong>) {
        if let Err(what) = act(&mut self.viewers[viewer].store) {
            self.broken(viewer, Promise::Store, what);
        }
    }

    fn hash(&mut self, viewer: usize, hash: HashId, segment: SegmentId, blocks: Vec<ByteRange>) {
        let store = &mut self.viewers[viewer].store;
        match store.hash(hash, segment, blocks, &self.stage.origin) {
            Ok(digests) => {
                self.later(viewer, HASH, Event::Hashed(hash, digests));
            }
            Err(what) => self.broken(viewer, Promise::Store, what),
        }
    }

    fn check_progress(&mut self, viewer: usize, loaded: u64, total: u64) {
        if total > 0 && loaded > total {
            self.broken(viewer, Promise::OneOutcome, "more progress than there is");
        }
    }

    // --- HTTP ---

    fn pass(&mut self, viewer: usize, request: RequestId) {
        if self.viewers[viewer].wishes.contains_key(&request) {
            self.fetch_own(viewer, request);
        } else {
            let what = "passed what nobody waits for";
            self.broken(viewer, Promise::OneOutcome, what);
        }
    }

    fn start_fetch(
        &mut self,
        viewer: usize,
        fetch: FetchId,
        request: RequestId,
        (range, offset): (Option<ByteRange>, u64),
    ) {
        let Some(wish) = self.viewers[viewer].wishes.get(&request).copied() else {
            let what = "fetched for a wish that is not open";
            return self.broken(viewer, Promise::OneOutcome, what);
        };
        let Some(title) = self.stage.origin.title(wish.level, wish.number) else {
            return;
        };
        let engine = self.viewers[viewer].engine.as_ref();
        let why = engine.and_then(|engine| engine.why(fetch));
        let why = why.unwrap_or_default();
        let begun = Fetch {
            content: title.content,
            position: offset,
            end: range.map_or(title.size, |range| range.end.min(title.size)),
            partial: range.is_some(),
            asked: self.now,
            first_byte: None,
            first: wish.first,
            why,
        };
        self.begin_fetch(viewer, Loader::Engine(fetch), begun);
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
        if let Some(title) = self.stage.origin.title(wish.level, wish.number)
            && (len != title.size || !it.store.is_all(segment, len, title.content))
        {
            self.broken(viewer, Promise::RightBytes, "the player got other bytes");
        }
        self.viewers[viewer].trace.mix(len ^ (source as u64) << 60);
        let took = (timing.first_byte_ms / 1e3, timing.transfer_ms / 1e3);
        self.deliver(viewer, request, len, took);
    }

    /// The player takes a segment; `took` is the wait for its first byte and the transfer, seconds.
    pub(super) fn deliver(
        &mut self,
        viewer: usize,
        request: RequestId,
        len: u64,
        took: (f64, f64),
    ) {
        let it = &mut self.viewers[viewer];
        let Some(wish) = it.wishes.remove(&request) else {
            return;
        };
        it.player.on_sample(len, took);
        it.delivered += len;
        if let Some(title) = self.stage.origin.title(wish.level, wish.number) {
            self.tally.got[title.content.index()] += 1;
        }
        self.later(viewer, APPEND, Event::Appended(request, wish));
    }

    /// Neither peers nor the CDN had it.
    pub(super) fn fail(&mut self, viewer: usize, request: RequestId) {
        let it = &mut self.viewers[viewer];
        if it.wishes.remove(&request).is_none() {
            return self.broken(viewer, Promise::OneOutcome, "failed what nobody waits for");
        }
        it.current = None;
        it.player.on_failed(self.now);
        self.later(viewer, Duration::from_secs(1), Event::Again);
    }
}
