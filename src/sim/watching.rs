//! Viewers come, watch and go: what their players ask for, and what becomes of it.
//!
//! Invariant: with an engine and without one the same things are asked in the same way.

use super::crowd::Crowd;
use super::event::Event;
use super::oracle::Promise;
use super::player::Step;
use super::viewer::{Fetch, Loader, NEVER, Wish};
use crate::base::{Duration, LinkId, RequestId};
use crate::engine::{Input, LoadKind, ManifestBody, Why};

/// A peer whose process died is noticed after so long (ICE consent, RFC 7675).
const LOST: Duration = Duration::from_secs(8);
/// A wish that is open so long while the CDN works was forgotten.
const FORGOTTEN: Duration = Duration::from_secs(60);

impl Crowd {
    pub(super) fn on_comes(&mut self, viewer: usize) {
        let it = &mut self.viewers[viewer];
        it.here = true;
        if self.stage.with_engines {
            it.start_engine();
        }
        if let Some(at) = it.leaves {
            self.push(viewer, at, Event::Leaves);
        }
        self.plan_seek(viewer);
        if let Some((url, text)) = self.stage.origin.master() {
            self.tally.playlist_bytes += text.len() as u64;
            let body = ManifestBody::Hls(text);
            self.tell(viewer, Input::Manifest { url, body });
        }
        self.look(viewer);
    }

    /// The viewer goes: `watched` a part, or (by the player's word) all of it.
    pub(super) fn on_leaves(&mut self, viewer: usize, in_the_middle: bool) {
        if !core::mem::take(&mut self.viewers[viewer].here) {
            return;
        }
        self.check_forgotten(viewer);
        let it = &mut self.viewers[viewer];
        it.left_at = Some(self.now);
        it.player.finish(self.now, !in_the_middle);
        it.stats = it.engine.as_ref().map(|engine| engine.stats());
        if it.polite {
            self.tell(viewer, Input::Shutdown);
        }
        let it = &mut self.viewers[viewer];
        it.engine = None;
        it.fetches.clear();
        it.wishes.clear();
        it.store.clear();
        let links: Vec<LinkId> = it.links.all.keys().copied().collect();
        for link in links {
            if let Some(gone) = self.viewers[viewer].links.remove(link) {
                let (other, theirs) = gone.other;
                self.later(other, LOST, Event::Closed(theirs));
            }
        }
        self.close_socket(viewer);
    }

    pub(super) fn on_look(&mut self, viewer: usize) {
        if self.viewers[viewer].look_at == self.now {
            self.viewers[viewer].look_at = NEVER;
            self.look(viewer);
        }
    }

    fn plan_seek(&mut self, viewer: usize) {
        let it = &mut self.viewers[viewer];
        if it.kind.seeks_per_minute > 0.0 {
            let span = -(1.0 - it.rng.unit()).ln() * 60.0 / it.kind.seeks_per_minute;
            self.later(viewer, Duration::from_secs_f64(span), Event::Seek);
        }
    }

    pub(super) fn on_seek(&mut self, viewer: usize) {
        if !self.viewers[viewer].here {
            return;
        }
        let (first, last) = self.stage.origin.listed(self.now);
        let it = &mut self.viewers[viewer];
        let span = u32::try_from(last - first + 1).unwrap_or(1);
        let number = first + u64::from(it.rng.below(span));
        if it.player.seek(self.now, number)
            && let Some(request) = it.current.take()
        {
            it.wishes.remove(&request);
            it.fetches.remove(&Loader::Own(request));
            self.tell(viewer, Input::Abort { request });
        }
        self.plan_seek(viewer);
        self.look(viewer);
    }

    /// Lets the player do what it does next.
    pub(super) fn look(&mut self, viewer: usize) {
        if !self.viewers[viewer].here {
            return;
        }
        loop {
            match self.viewers[viewer].player.step(self.now) {
                Step::Refresh(level) => self.ask_playlist(viewer, level),
                Step::Load {
                    level,
                    number,
                    first,
                } => self.load(viewer, level, number, first),
                Step::Wait(at) => {
                    let it = &mut self.viewers[viewer];
                    let at = it.fires(at);
                    if at < it.look_at {
                        it.look_at = at;
                        self.push(viewer, at, Event::Look);
                    }
                    return;
                }
                Step::Idle => return,
                Step::End(at) if at <= self.now => return self.on_leaves(viewer, false),
                Step::End(at) => {
                    self.viewers[viewer].look_at = at;
                    return self.push(viewer, at, Event::Look);
                }
            }
        }
    }

    fn ask_playlist(&mut self, viewer: usize, level: usize) {
        let latency = self.viewers[viewer].latency;
        let fails = self.is_refused(viewer);
        let served = self.now + latency;
        let listed = (!fails).then(|| self.stage.origin.listed(served));
        let bytes = listed.map_or(0, |(first, last)| {
            self.stage.origin.playlist(level, first, last).1.len() as u64
        });
        self.tally.playlist_bytes += bytes;
        let (weather, egress) = (self.weather(), &mut self.egress_free);
        let origin = &self.stage.origin;
        let sent = origin.send(served, bytes, &weather, egress).since(served);
        let span = latency * 2 + origin.latency(&weather) + sent;
        self.later(viewer, span, Event::Playlist { level, listed });
    }

    pub(super) fn on_playlist(&mut self, viewer: usize, level: usize, listed: Option<(u64, u64)>) {
        if !self.viewers[viewer].here {
            return;
        }
        let Some((first, last)) = listed else {
            let at = self.viewers[viewer].player.on_no_playlist(self.now);
            return self.push(viewer, at, Event::Again);
        };
        if self.viewers[viewer].engine.is_some() {
            let (url, text) = self.stage.origin.playlist(level, first, last);
            let body = ManifestBody::Hls(text);
            self.tell(viewer, Input::Manifest { url, body });
        }
        self.viewers[viewer]
            .player
            .on_playlist(self.now, level, first, last);
        self.look(viewer);
    }

    fn load(&mut self, viewer: usize, level: usize, number: u64, first: bool) {
        let Some(title) = self.stage.origin.title(level, number) else {
            return;
        };
        let url = title.url.clone();
        let it = &mut self.viewers[viewer];
        it.last_request += 1;
        let request = RequestId(it.last_request);
        it.current = Some(request);
        let asked = self.now;
        it.wishes.insert(
            request,
            Wish {
                level,
                number,
                first,
                asked,
            },
        );
        if it.engine.is_none() {
            return self.fetch_own(viewer, request);
        }
        let (ahead_ms, moving) = (it.player.ahead_s(asked) * 1e3, it.player.is_moving());
        self.tell(
            viewer,
            Input::Playback {
                ahead_ms,
                rate: 1.0,
                moving,
            },
        );
        let kind = LoadKind::Media;
        self.tell(
            viewer,
            Input::Load {
                request,
                url,
                range: None,
                kind,
            },
        );
    }

    /// The player's own loader takes the segment from the CDN.
    pub(super) fn fetch_own(&mut self, viewer: usize, request: RequestId) {
        let Some(wish) = self.viewers[viewer].wishes.get(&request).copied() else {
            return;
        };
        let Some(title) = self.stage.origin.title(wish.level, wish.number) else {
            return;
        };
        let fetch = Fetch {
            content: title.content,
            position: 0,
            end: title.size,
            partial: false,
            asked: self.now,
            first_byte: None,
            first: wish.first,
            why: Why::Alone,
        };
        self.begin_fetch(viewer, Loader::Own(request), fetch);
    }

    pub(super) fn on_appended(&mut self, viewer: usize, request: RequestId, wish: Wish) {
        let it = &mut self.viewers[viewer];
        if !it.here || it.current != Some(request) {
            return;
        }
        it.current = None;
        let edge = self.stage.origin.edge_s(self.now);
        it.player
            .on_appended(self.now, wish.level, wish.number, edge);
        if it.store.bytes > it.memory_limit() + 2 * self.stage.origin.longest() {
            self.tally.oracle.broken(
                self.now,
                viewer,
                Promise::Caps,
                "holds more than its memory limit",
            );
        }
        let (ahead_ms, moving) = (it.player.ahead_s(self.now) * 1e3, true);
        self.tell(
            viewer,
            Input::Playback {
                ahead_ms,
                rate: 1.0,
                moving,
            },
        );
        self.look(viewer);
    }

    pub(super) fn check_forgotten(&mut self, viewer: usize) {
        let now = self.now;
        let wishes = &self.viewers[viewer].wishes;
        if wishes
            .iter()
            .any(|(_, wish)| now.since(wish.asked) > FORGOTTEN)
        {
            let what = "a wish was open for more than a minute";
            self.tally
                .oracle
                .broken(now, viewer, Promise::OneOutcome, what);
        }
    }
}
