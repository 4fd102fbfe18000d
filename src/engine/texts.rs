//! Texts beside the playlist: which sidecars there are, when each is fetched, what it says of a segment.
//!
//! Invariant: nothing waits for a text but sharing, and, where there is time, the CDN's turn for a moment. One that cannot be had or read is asked for again
//! with back-off and told once; what it might have proved comes from the CDN alone meanwhile. A live
//! segment that a text does not know is a reason to fetch it again, two seconds apart at the most
//! often after the first, and not for ever.

use super::authority::Standing;
use super::config::texts::{AGAIN, AGAIN_FAILED_MAX, AGAIN_LIVE_MAX, HELD, PATIENCE, SOURCES_MAX};
use super::{Engine, IntegrityMode, Output, WarningCode};
use crate::base::{Duration, Instant, SegmentId, TextId, TrackId, cut};
use crate::integrity::tag::SegmentDigest;
use crate::integrity::{Digest, Seal, Sidecar, SidecarSegment, SidecarTrack, root_of};
use crate::manifest::{self, path_of};

/// The sidecars of a stream.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// The page's own stands first.
    sources: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    url: String,
    /// The page named it: it speaks of every track.
    of_page: bool,
    /// Tracks whose playlists name it.
    tracks: Vec<TrackId>,
    sidecar: Option<Sidecar>,
    running: Option<TextId>,
    asked: Instant,
    next: Option<Instant>,
    /// Fetches in a row that failed, or brought nothing that was waited for.
    in_vain: u32,
    /// Fetches that may still be made for segments that are not in it.
    patience: u32,
    told: bool,
}

/// What a sidecar says of a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    sidecar: &'a Sidecar,
    track: &'a SidecarTrack,
    pub(super) segment: &'a SidecarSegment,
}

impl Found<'_> {
    pub(super) fn seal(&self) -> Option<Seal> {
        self.sidecar.seal(self.track, self.segment)
    }

    /// Its leaf list, if `digest` proves it.
    pub(super) fn leaves(&self, digest: &SegmentDigest) -> Vec<Digest> {
        let leaves = &self.segment.leaves;
        if self.segment.size == Some(digest.size) && root_of(leaves) == digest.root {
            leaves.clone()
        } else {
            Vec::new()
        }
    }
}

impl Source {
    fn new(url: String, of_page: bool) -> Self {
        Self {
            url,
            of_page,
            tracks: Vec::new(),
            sidecar: None,
            running: None,
            asked: Instant::ZERO,
            next: None,
            in_vain: 0,
            patience: PATIENCE,
            told: false,
        }
    }

    fn speaks_of(&self, track: TrackId) -> bool {
        self.of_page || self.tracks.contains(&track)
    }

    fn is_idle(&self) -> bool {
        self.running.is_none() && self.next.is_none()
    }

    fn gap(in_vain: u32, most: Duration) -> Duration {
        (AGAIN * (1 << in_vain.min(8))).min(most)
    }

    /// A live segment is not in it: whether it is worth another look.
    fn ask_again(&mut self, now: Instant) -> bool {
        if !self.is_idle() {
            return true;
        }
        if self.patience == 0 {
            return false;
        }
        // The first look is made at once, and not yet in vain.
        let gap = Self::gap(self.in_vain.saturating_sub(1), AGAIN_LIVE_MAX);
        self.next = Some(now.max(self.asked + gap));
        self.patience -= 1;
        self.in_vain += 1;
        true
    }
}

impl Texts {
    pub(super) fn new(of_page: Option<&String>) -> Self {
        let source = of_page.map(|url| Source::new(url.clone(), true));
        Self {
            sources: source.into_iter().collect(),
        }
    }

    /// What sidecars that were read say of a segment, the page's first.
    pub(super) fn find<'a>(&'a self, track: TrackId, entry: &manifest::Segment) -> Vec<Found<'a>> {
        let path = path_of(&entry.url, &entry.url).unwrap_or_default();
        let range = entry.range;
        let found = self.sources.iter().filter_map(|source| {
            let sidecar = source.sidecar.as_ref()?;
            let found = sidecar.find(&path, range);
            let (track, segment) = found.filter(|_| source.speaks_of(track))?;
            Some(Found {
                sidecar,
                track,
                segment,
            })
        });
        found.collect()
    }

    /// Whether a text that is on its way, or worth another look, may speak of a segment.
    pub(super) fn are_awaited(
        &mut self,
        now: Instant,
        track: &manifest::Track,
        entry: &manifest::Segment,
    ) -> bool {
        let path = path_of(&entry.url, &entry.url).unwrap_or_default();
        let mut awaited = false;
        for source in &mut self.sources {
            if !source.speaks_of(track.id) {
                continue;
            }
            awaited |= match &source.sidecar {
                None => true,
                Some(sidecar) if sidecar.find(&path, entry.range).is_some() => false,
                Some(_) => track.live && source.ask_again(now),
            };
        }
        awaited
    }

    /// When a text is to be fetched.
    pub(super) fn wake(&self) -> Option<Instant> {
        self.sources.iter().filter_map(|source| source.next).min()
    }

    /// Whether a text is on its way, or one that was read before is read again by then.
    fn come_by(&self, at: Instant) -> bool {
        let comes = |source: &Source| {
            let soon = source.next.is_some_and(|next| next <= at);
            source.running.is_some() || (soon && source.sidecar.is_some())
        };
        self.sources.iter().any(comes)
    }

    /// A track's playlist names a sidecar; a new query (a token) makes it no other one.
    fn name(&mut self, track: TrackId, url: &str) {
        let bare = |url: &str| url.find('?').unwrap_or(url.len());
        let wanted = cut(url, bare(url)).0;
        let same = |source: &Source| cut(&source.url, bare(&source.url)).0 == wanted;
        let index = match self.sources.iter().position(same) {
            Some(index) => index,
            None if self.sources.len() < SOURCES_MAX => {
                self.sources.push(Source::new(url.to_owned(), false));
                self.sources.len() - 1
            }
            None => return,
        };
        for (at, source) in self.sources.iter_mut().enumerate() {
            source.tracks.retain(|known| *known != track);
            if at == index {
                source.tracks.push(track);
                if !source.of_page {
                    url.clone_into(&mut source.url);
                }
            }
        }
    }
}

impl Engine {
    /// After a playlist: the sidecars there are now.
    pub(super) fn look_for_texts(&mut self, now: Instant, track: usize, named: Option<&str>) {
        if self.config.integrity == IntegrityMode::Off {
            return;
        }
        let Some(track) = self.timeline.tracks().get(track) else {
            return;
        };
        if let Some(url) = named {
            self.texts.name(track.id, url);
        }
        for source in &mut self.texts.sources {
            if source.sidecar.is_none() && source.is_idle() {
                source.next = Some(now);
            }
            source.patience = source.patience.max(1);
        }
        self.look_ahead(now);
        self.fetch_texts(now);
    }

    /// Where the newest segment of a live playlist is in no text, one is worth another look before a
    /// player asks. Whether that of any is.
    fn look_ahead(&mut self, now: Instant) -> bool {
        let mut any = false;
        for track in self.timeline.tracks().iter().filter(|track| track.live) {
            if let Some(newest) = track.segments.last().filter(|s| s.digest.is_none()) {
                any |= !self.texts.find(track.id, newest).is_empty();
                self.texts.are_awaited(now, track, newest);
            }
        }
        any
    }

    /// Until when the CDN is not asked for a segment, because the text that proves it is about to come: it was asked
    /// for with the playlist, or its publisher writes it after that, and who asks at once would never share the
    /// newest one. Not where time is short, nor where nobody is there to share with.
    pub(super) fn awaits_text(
        &self,
        now: Instant,
        id: SegmentId,
        slack: Duration,
    ) -> Option<Instant> {
        let segment = self.segments.get(&id)?;
        let download = segment.download.as_ref()?;
        let until = download.started + HELD;
        let is_free = download.leg.is_none() && !self.links.is_empty() && slack >= HELD * 4;
        let is_awaited = segment.standing == Standing::Waiting && self.texts.come_by(until);
        (is_free && is_awaited && now < until).then_some(until)
    }

    /// Fetches what is due.
    pub(super) fn fetch_texts(&mut self, now: Instant) {
        if !self.config.enabled {
            return;
        }
        let is_due = |source: &Source| source.next.is_some_and(|at| at <= now);
        while self.texts.sources.iter().any(is_due) {
            let text = TextId(self.mint());
            let mut sources = self.texts.sources.iter_mut();
            let Some(source) = sources.find(|source| is_due(source)) else {
                return;
            };
            source.next = None;
            source.running = Some(text);
            source.asked = now;
            let url = source.url.clone();
            self.out(Output::FetchText { text, url });
        }
    }

    /// Whose text was on its way, which it is no more.
    fn text_came(&mut self, text: TextId) -> Option<usize> {
        let mut sources = self.texts.sources.iter_mut().enumerate();
        let (index, source) = sources.find(|(_, source)| source.running == Some(text))?;
        source.running = None;
        Some(index)
    }

    pub(super) fn on_text_ready(&mut self, now: Instant, text: TextId, url: &str, body: &str) {
        self.totals.cdn += body.len() as u64;
        let Some(index) = self.text_came(text) else {
            return;
        };
        let sidecar = match Sidecar::read(body, &|reference| path_of(url, reference)) {
            Ok(sidecar) => sidecar,
            Err(error) => return self.text_failed(now, index, &error.0),
        };
        if let Some(source) = self.texts.sources.get_mut(index)
            && source.sidecar.replace(sidecar).is_none()
        {
            source.in_vain = 0;
        }
        let brought = self.judge_waiting(now);
        if (self.look_ahead(now) || brought)
            && let Some(source) = self.texts.sources.get_mut(index)
        {
            source.in_vain = 0;
            source.patience = PATIENCE;
        }
    }

    pub(super) fn on_text_failed(&mut self, now: Instant, text: TextId, status: u16) {
        if let Some(index) = self.text_came(text) {
            let why = match status {
                0 => "it cannot be fetched".to_owned(),
                // Written as other numbers are: another width of them is more code in every page.
                status => format!("HTTP says {}", u32::from(status)),
            };
            self.text_failed(now, index, &why);
        }
    }

    /// A text cannot be used: the one before stays, if there is one.
    fn text_failed(&mut self, now: Instant, index: usize, why: &str) {
        let Some(source) = self.texts.sources.get_mut(index) else {
            return;
        };
        let told = core::mem::replace(&mut source.told, true);
        let url = source.url.clone();
        if source.sidecar.is_none() {
            source.next = Some(now + Source::gap(source.in_vain, AGAIN_FAILED_MAX));
            source.in_vain += 1;
        } else {
            self.judge_waiting(now);
        }
        if !told {
            let message = format!(
                "the digests at {url} cannot be used: {why} (`swarmline verify` says more); what they would \
                 prove is not shared until they can"
            );
            self.warn(WarningCode::SidecarUnreadable, message);
        }
    }
}
