//! The CDN answers: heads, and bodies in pieces, each sent when the one before is there.
//!
//! Invariant: every byte that left the CDN is counted, whether somebody still wants it or not.

use super::crowd::Crowd;
use super::event::Event;
use super::fault::Weather;
use super::store::Taint;
use super::viewer::{Fetch, Loader};
use crate::base::Duration;
use crate::engine::Input;
use crate::integrity::BLOCK_LEN;

/// Bytes of one piece of a response: a few of TCP's windows, and whole blocks.
const CHUNK: u64 = 4 * BLOCK_LEN;

impl Crowd {
    pub(super) fn begin_fetch(&mut self, viewer: usize, loader: Loader, fetch: Fetch) {
        self.viewers[viewer].fetches.insert(loader, fetch);
        self.tally.cdn_requests += 1;
        self.tally.asks.or_default(fetch.why).0 += 1;
        let it = &self.viewers[viewer];
        let modem = it.links.modem.as_ref();
        let wait = modem.map_or(Duration::ZERO, |modem| modem.delay(self.now));
        let span = wait + it.latency * 2 + self.stage.origin.latency(&self.weather());
        self.later(viewer, span, Event::Answer(loader));
    }

    pub(super) fn on_answer(&mut self, viewer: usize, loader: Loader) {
        let Some(fetch) = self.viewers[viewer].fetches.get(&loader).copied() else {
            return;
        };
        if self.is_refused(viewer) {
            self.viewers[viewer].fetches.remove(&loader);
            return match loader {
                Loader::Engine(fetch) => {
                    let (status, timed_out) = (503, false);
                    self.tell(
                        viewer,
                        Input::FetchFailed {
                            fetch,
                            status,
                            timed_out,
                        },
                    );
                }
                Loader::Own(request) => self.fail(viewer, request),
            };
        }
        if let Loader::Engine(id) = loader {
            let status = if fetch.partial { 206 } else { 200 };
            let head = Input::FetchHead {
                fetch: id,
                status,
                length: Some(fetch.end - fetch.position),
                partial: fetch.partial,
            };
            self.tell(viewer, head);
        }
        self.send_chunk(viewer, loader);
    }

    /// Whether the CDN answers a request with an error.
    pub(super) fn is_refused(&mut self, viewer: usize) -> bool {
        let share = self.weather().cdn_errors;
        share > 0.0 && self.viewers[viewer].luck.unit() < share
    }

    fn send_chunk(&mut self, viewer: usize, loader: Loader) {
        let it = &mut self.viewers[viewer];
        let Some(fetch) = it.fetches.get_mut(&loader) else {
            return;
        };
        fetch.first_byte.get_or_insert(self.now);
        let len = CHUNK.min(fetch.end - fetch.position);
        self.tally.cdn[fetch.content.index()] += len;
        self.tally.cdn_first[fetch.content.index()] += if fetch.first { len } else { 0 };
        it.cdn_bytes += len;
        self.tally.asks.or_default(fetch.why).1 += len;
        let weather = Weather::at(self.now, &self.stage.faults);
        let egress = &mut self.egress_free;
        let there = self.stage.origin.send(self.now, len, &weather, egress);
        let through = it.links.down.pass(self.now, there, len);
        self.push(viewer, through, Event::Chunk { loader, len });
    }

    pub(super) fn on_chunk(&mut self, viewer: usize, loader: Loader, len: u64) {
        let it = &mut self.viewers[viewer];
        let Some(fetch) = it.fetches.get_mut(&loader) else {
            return;
        };
        let (content, start) = (fetch.content, fetch.position);
        fetch.position += len;
        let (fetch, done) = (*fetch, fetch.position >= fetch.end);
        if done {
            it.fetches.remove(&loader);
        }
        match loader {
            Loader::Engine(id) => {
                let payload = it.store.wait(Taint {
                    content,
                    start,
                    len,
                });
                self.tell(
                    viewer,
                    Input::FetchBody {
                        fetch: id,
                        payload,
                        offset: start,
                        len,
                    },
                );
                self.check_payload(viewer);
                if done {
                    self.tell(viewer, Input::FetchDone { fetch: id });
                }
            }
            Loader::Own(request) if done => {
                let first = fetch.first_byte.unwrap_or(fetch.asked);
                let wait = first.since(fetch.asked).as_secs_f64();
                let took = (wait, self.now.since(first).as_secs_f64());
                self.deliver(viewer, request, fetch.end, took);
            }
            Loader::Own(_) => {}
        }
        if !done {
            self.send_chunk(viewer, loader);
        }
    }
}
