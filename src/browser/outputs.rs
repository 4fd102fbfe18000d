//! What each of the engine's outputs does, object by object. The loop that calls it is `driver`'s.
//!
//! Invariant: outputs are carried out in order and at once; an answer that is known at once (a socket
//! the browser refuses, room in a queue) goes to the end of the inbox. No host is called while anything
//! is borrowed.

use super::callback::Wake;
use super::convert;
use super::driver::{Driver, Objects};
use crate::base::{ByteRange, FetchId, InfoHash, LinkId, RequestId};
use crate::engine::{Input, Output};

impl Driver {
    /// Carries out one output. Three functions share them; the last one names all.
    pub(super) fn carry_out(&self, output: Output) {
        match output {
            Output::Progress {
                request,
                loaded,
                total,
            } => {
                let (loaded, total) = (convert::number(loaded), convert::number(total));
                let _ = self.host.progress(request.0, loaded, total);
            }
            Output::Ready {
                request,
                segment,
                len,
                timing,
                source,
            } => {
                let bytes = self.objects.borrow().store.copy(segment, len);
                let source = convert::source(source);
                let _ = match bytes {
                    Some(bytes) => self.host.ready(
                        request.0,
                        bytes,
                        timing.first_byte_ms,
                        timing.transfer_ms,
                        source,
                    ),
                    // Never so, if the engine keeps its word; the viewer must not pay for it.
                    None => self.host.pass(request.0),
                };
            }
            Output::Failed {
                request,
                status,
                timed_out,
            } => {
                let _ = self.host.failed(request.0, status, timed_out);
            }
            Output::Pass { request } => {
                let _ = self.host.pass(request.0);
            }
            Output::StartFetch {
                fetch,
                request,
                url,
                range,
                offset,
            } => self.start_fetch((fetch, request), &url, range, offset),
            Output::StopFetch { fetch } => {
                if self.objects.borrow_mut().fetches.end(fetch) {
                    let _ = self.host.stop_fetch(fetch.0);
                }
            }
            Output::FetchText { text, url } => {
                let _ = self.host.fetch_text(text.0, &url);
            }
            Output::Prove {
                link,
                proof,
                room,
                message,
            } => self.prove(link, &proof, room, &message),
            #[cfg(feature = "disk")]
            Output::Keep { .. } | Output::ReadKept { .. } => self.carry_out_disk(&output),
            Output::Event(event) => {
                let event = convert::event(&event, self.clock.now().as_millis());
                let _ = self.host.event(&event);
            }
            other => self.carry_out_network(other),
        }
    }

    /// Carries out what concerns the disk.
    #[cfg(feature = "disk")]
    fn carry_out_disk(&self, output: &Output) {
        if let Output::Keep { segment, root, len } = output {
            let bytes = self.objects.borrow().store.view(*segment, run(0, *len));
            if let Some(bytes) = bytes {
                let _ = self.host.keep(&root.0, bytes);
            }
        } else if let Output::ReadKept {
            segment,
            root,
            at_leisure,
        } = output
        {
            let _ = self.host.read_kept(segment.0, &root.0, *at_leisure);
        }
    }

    fn prove(&self, link: LinkId, proof: &str, room: InfoHash, message: &[u8]) {
        if let Ok(answer) = self.host.prove(proof, &room.0, message) {
            let proven = self.callback.on(Wake::Proven, link.0);
            answer.then(&proven, &self.callback.on(Wake::Ignored, link.0));
        }
    }

    fn start_fetch(
        &self,
        (fetch, request): (FetchId, RequestId),
        url: &str,
        range: Option<ByteRange>,
        offset: u64,
    ) {
        let mut objects = self.objects.borrow_mut();
        objects.fetches.start(fetch, range, offset);
        drop(objects);
        let (start, end) = convert::bounds(range);
        let offset = convert::number(offset);
        let (fetch, request) = (fetch.0, request.0);
        let _ = self
            .host
            .start_fetch(fetch, request, url, start, end, offset);
    }

    /// Carries out what concerns trackers and links.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "three functions share the outputs; the last one names all of them"
    )]
    fn carry_out_network(&self, output: Output) {
        let mut objects = self.objects.borrow_mut();
        let Objects {
            links,
            sockets,
            store,
            ..
        } = &mut *objects;
        let answer = match output {
            Output::OpenTracker { tracker, url } => {
                let opened = sockets.open(tracker, &url, &self.callback);
                (!opened).then_some(Input::TrackerClosed { tracker })
            }
            Output::SendTracker { tracker, text } => {
                sockets.send(tracker, &text);
                None
            }
            Output::CloseTracker { tracker } => {
                sockets.close(tracker);
                None
            }
            Output::CreateOffer { link } => links.offer(link, &self.callback),
            Output::AcceptOffer { link, sdp } => links.answer(link, &sdp, &self.callback),
            Output::AcceptAnswer { link, sdp } => {
                links.answered(link, &sdp, &self.callback);
                None
            }
            Output::AddCandidate { link, candidate } => {
                links.add_candidate(link, &candidate, &self.callback);
                None
            }
            Output::UseRelay { server } => {
                links.relay_by(&server);
                None
            }
            Output::Send { link, bytes } => links.send(link, &bytes),
            Output::SendBlock {
                link,
                header,
                segment,
                offset,
                len,
            } => {
                let range = run(offset, len);
                let body = store.view(segment, range);
                body.and_then(|body| links.send_block(link, &header, &body))
            }
            Output::CloseLink { link } => {
                links.close(link);
                None
            }
            other => {
                self.carry_out_store(&mut objects, other);
                None
            }
        };
        self.inbox.borrow_mut().extend(answer);
    }

    /// Carries out what concerns bytes.
    fn carry_out_store(&self, objects: &mut Objects, output: Output) {
        let Objects { store, hashes, .. } = objects;
        match output {
            Output::Reserve { segment, len } => store.reserve(segment, len),
            Output::Place {
                payload,
                segment,
                parts,
            } => store.place(payload, segment, &parts),
            Output::Drop { payload } => store.drop_payload(payload),
            Output::Hash {
                hash,
                segment,
                blocks,
            } => {
                let views = blocks
                    .iter()
                    .filter_map(|range| store.view(segment, *range));
                hashes.start(hash, segment, views.collect(), &self.callback);
            }
            Output::Evict { segment } => {
                store.evict(segment);
                hashes.evict(segment);
            }
            // Carried out above; named so that a new output cannot be forgotten.
            Output::Progress { .. }
            | Output::Ready { .. }
            | Output::Failed { .. }
            | Output::Pass { .. }
            | Output::StartFetch { .. }
            | Output::StopFetch { .. }
            | Output::FetchText { .. }
            | Output::Prove { .. }
            | Output::OpenTracker { .. }
            | Output::SendTracker { .. }
            | Output::CloseTracker { .. }
            | Output::CreateOffer { .. }
            | Output::AcceptOffer { .. }
            | Output::AcceptAnswer { .. }
            | Output::AddCandidate { .. }
            | Output::UseRelay { .. }
            | Output::Send { .. }
            | Output::SendBlock { .. }
            | Output::CloseLink { .. }
            | Output::Event(_) => {}
            #[cfg(feature = "disk")]
            Output::Keep { .. } | Output::ReadKept { .. } => {}
        }
    }
}

fn run(start: u64, len: u64) -> ByteRange {
    ByteRange {
        start,
        end: start.saturating_add(len),
    }
}
