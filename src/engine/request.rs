//! The player's wishes: from `Load` to exactly one of `Ready`, `Failed`, `Pass`, or silence after `Abort`.
//!
//! Invariant: a wish is in `requests` until it is answered, and is answered once.

use super::authority::Standing;
use super::download::{Download, Failure};
use super::output::{Output, Source};
use super::segment::{Block, Segment};
use super::{Engine, Event, LoadKind, ManifestBody, WarningCode};
use crate::base::{ByteRange, Duration, Instant, PayloadId, RequestId, SegmentId};
use crate::manifest::MpdUpdate;
use crate::wire::SegmentKey;

impl Engine {
    pub(super) fn on_load(
        &mut self,
        now: Instant,
        request: RequestId,
        url: &str,
        range: Option<ByteRange>,
        kind: LoadKind,
    ) {
        let found = match kind {
            LoadKind::Media if self.config.enabled => self.find(now, url, range),
            LoadKind::Media | LoadKind::Other => None,
        };
        let Some(id) = found else {
            return self.out(Output::Pass { request });
        };
        self.requests.insert(request, id);
        self.turn_to(id);
        let (length, live) = self.length(id).unwrap_or((Duration::ZERO, true));
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        segment.used = now;
        if segment.is_whole() && segment.download.is_none() {
            self.answer_from_cache(now, request, id);
            self.bring_ahead(now, id);
            return self.offer_kept(now);
        }
        let download = segment.download.get_or_insert_with(|| Download::new(now));
        if download.requests.is_empty() {
            download.wish(now);
        }
        (download.length, download.is_film) = (length, !live);
        download.requests.push(request);
        self.drive(now, id);
        self.bring_ahead(now, id);
        self.offer_kept(now);
    }

    /// How long the segments of its track are, and whether that is live.
    pub(super) fn length(&self, id: SegmentId) -> Option<(Duration, bool)> {
        let track = self.segments.get(&id)?.key.track;
        let track = self
            .timeline
            .tracks()
            .get(self.timeline.track_index(track)?)?;
        let length = Duration::from_millis(u64::from(track.target_duration_ms));
        Some((length, track.live))
    }

    pub(super) fn on_abort(&mut self, request: RequestId) {
        let Some(id) = self.requests.remove(&request) else {
            return;
        };
        let Some(download) = self.segments.get_mut(&id).and_then(|s| s.download.as_mut()) else {
            return;
        };
        download.requests.retain(|waiting| *waiting != request);
        if download.requests.is_empty() {
            self.abandon(id);
        }
    }

    /// Bytes that the player's own loader fetched: as good as a CDN fetch of ours.
    pub(super) fn on_adopt(
        &mut self,
        now: Instant,
        url: &str,
        range: Option<ByteRange>,
        payload: PayloadId,
        len: u64,
    ) {
        let fresh = self.find(now, url, range).filter(|id| {
            self.segments.get(id).is_some_and(|s| {
                s.download.is_none()
                    && s.size.is_none_or(|size| size == len)
                    && s.blocks.iter().all(|block| *block == Block::Missing)
            })
        });
        let Some(id) = fresh.filter(|_| len > 0) else {
            return self.out(Output::Drop { payload });
        };
        self.totals.cdn += len;
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        segment.used = now;
        segment.set_size(len);
        segment.blocks.fill(Block::Filling);
        self.reserve(id, len);
        let part = super::Part {
            from: 0,
            len,
            at: 0,
        };
        self.out(Output::Place {
            payload,
            segment: id,
            parts: vec![part],
        });
        self.hash_filled(id, 0, len);
        self.totals.counts.cdn += 1;
    }

    /// The engine's segment for what the player asks, made on first sight.
    fn find(&mut self, now: Instant, url: &str, range: Option<ByteRange>) -> Option<SegmentId> {
        let known = self.timeline.find(url, range);
        let (track, number) = known.or_else(|| {
            self.pass_time(now)?;
            self.timeline.find(url, range)
        })?;
        let id = self.segment_at(now, track, number)?;
        if let Some(segment) = self.segments.get_mut(&id) {
            url.clone_into(&mut segment.url); // with the player's own parameters
        }
        Some(id)
    }

    /// The engine's segment for what is listed there, made on first sight.
    pub(super) fn segment_at(
        &mut self,
        now: Instant,
        track: usize,
        number: u64,
    ) -> Option<SegmentId> {
        let entry = self.timeline.segment(track, number)?;
        let key = SegmentKey {
            track: self.timeline.tracks().get(track)?.id,
            number,
            version: entry.version,
        };
        let (url, range) = (entry.url.clone(), entry.range);
        if let Some(id) = self.by_number.get(&(key.track, number)).copied() {
            if self
                .segments
                .get(&id)
                .is_some_and(|segment| segment.listed == key.version)
            {
                return Some(id);
            }
            self.supersede(id);
        }
        let (standing, proof) = self.judge(now, track, number);
        let mut segment = Segment::new(key, url, range, standing);
        if proof.is_some_and(|proof| !segment.take_proof(proof)) {
            // Its byte range is not as long as its digest says.
            segment.standing = Standing::Refused;
        }
        let id = SegmentId(self.mint());
        self.by_number.insert((key.track, number), id);
        self.segments.insert(id, segment);
        Some(id)
    }

    /// The number names another content now: who waits for the old one fetches it without us.
    fn supersede(&mut self, id: SegmentId) {
        let download = self.segments.get_mut(&id).and_then(|s| s.download.take());
        for request in download.iter().flat_map(|d| &d.requests) {
            self.requests.remove(request);
            self.out(Output::Pass { request: *request });
        }
        if let Some(leg) = download.and_then(|d| d.leg) {
            self.fetches.remove(&leg.fetch);
            self.out(Output::StopFetch { fetch: leg.fetch });
        }
        self.evict(id);
    }

    fn answer_from_cache(&mut self, now: Instant, request: RequestId, id: SegmentId) {
        let Some(segment) = self.segments.get(&id) else {
            return;
        };
        let (timing, len) = (segment.timing, segment.size.unwrap_or(0));
        self.requests.remove(&request);
        self.totals.counts.cache += 1;
        self.totals.reported.note(0);
        self.out(Output::Ready {
            request,
            segment: id,
            len,
            timing,
            source: Source::Cache,
        });
        self.tell_segment(now, id, &Download::new(now), Source::Cache);
    }

    /// Hands the segment over if it may be, and ends the download. Whether it did.
    pub(super) fn finish_if_complete(&mut self, now: Instant, id: SegmentId) -> bool {
        let Some(segment) = self.segments.get_mut(&id) else {
            return true;
        };
        let Some(download) = &segment.download else {
            return true;
        };
        if download.requests.is_empty() {
            return false; // it waits for its wish
        }
        let from_peers = download.peer_bytes();
        let private_done = segment.private && download.leg.is_none() && segment.size.is_some();
        let cdn_alone = from_peers == 0 && !segment.private && segment.is_here_from_cdn();
        if !(private_done || segment.is_whole() || cdn_alone) {
            return false;
        }
        let Some(download) = segment.download.take() else {
            return true;
        };
        segment.used = now;
        let len = segment.size.unwrap_or(0);
        segment.timing = if segment.from_disk {
            self.cdn.timing_of(len)
        } else {
            download.timing(len, &self.cdn)
        };
        let source = match (download.cdn_bytes, from_peers) {
            (0, 0) => Source::Cache,
            (0, _) => Source::Peers,
            (_, 0) => Source::Cdn,
            (_, _) => Source::Mixed,
        };
        let timing = segment.timing;
        let private = segment.private;
        self.totals.counts.add(source);
        let waited = now.0.saturating_sub(download.started.0);
        self.totals.reported.note(waited);
        if let Some(size) = segment.size
            && (from_peers > 0 || download.share_taken)
        {
            let share = download.cdn_bytes as f64 / size.max(1) as f64;
            self.cdn_share = (self.cdn_share + share.min(1.0)) / 2.0;
        }
        if let Some(leg) = download.leg {
            if leg.end.is_some_and(|end| leg.position >= end) {
                self.cdn.note(now, &leg, self.totals.received());
            }
            self.fetches.remove(&leg.fetch);
            self.out(Output::StopFetch { fetch: leg.fetch });
        }
        for request in &download.requests {
            self.requests.remove(request);
            self.out(Output::Ready {
                request: *request,
                segment: id,
                len,
                timing,
                source,
            });
        }
        self.tell_segment(now, id, &download, source);
        if private {
            self.evict(id);
        }
        self.trim_cache();
        true
    }

    /// Neither peers nor the CDN can supply it: the player hears what HTTP said.
    pub(super) fn fail(&mut self, id: SegmentId, failure: Failure) {
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let requests = segment
            .download
            .as_mut()
            .map(|d| core::mem::take(&mut d.requests));
        self.abandon(id);
        for request in requests.unwrap_or_default() {
            self.requests.remove(&request);
            let Failure {
                status, timed_out, ..
            } = failure;
            self.out(Output::Failed {
                request,
                status,
                timed_out,
            });
        }
    }

    /// Ends a download without a result; verified blocks stay.
    pub(super) fn abandon(&mut self, id: SegmentId) {
        self.cancel_asked(id, |_, _| true);
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let Some(download) = segment.download.take() else {
            return;
        };
        for block in &mut segment.blocks {
            if *block == Block::Filling {
                *block = Block::Missing;
            }
        }
        let empty = segment.private || segment.blocks.iter().all(|b| *b == Block::Missing);
        if let Some(leg) = download.leg {
            self.fetches.remove(&leg.fetch);
            self.out(Output::StopFetch { fetch: leg.fetch });
        }
        if empty {
            self.evict(id);
        } else {
            self.withdraw(id);
        }
    }

    fn tell_segment(&mut self, now: Instant, id: SegmentId, done: &Download, source: Source) {
        let Some(segment) = self.segments.get(&id) else {
            return;
        };
        let event = Event::Segment {
            track: segment.key.track,
            number: segment.key.number,
            url: segment.url.clone(),
            source,
            bytes: segment.size.unwrap_or(0),
            peer_bytes: done.peer_bytes(),
            elapsed_ms: now.as_millis().saturating_sub(done.started.as_millis()),
            why: done.why,
            proven: segment.standing == Standing::Proven,
            senders: done
                .senders
                .iter()
                .map(|(peer, bytes)| (*peer, *bytes))
                .collect(),
        };
        self.event(event);
    }

    /// A playlist as the player received it: names the swarm if nothing else did, and may name new
    /// segments that neighbours already hold.
    pub(super) fn on_manifest(&mut self, now: Instant, url: &str, body: &ManifestBody) {
        let read = match body {
            ManifestBody::Hls(text) => {
                self.timeline.update_hls(url, text).map(|update| MpdUpdate {
                    updates: vec![update],
                    ..MpdUpdate::default()
                })
            }
            #[cfg(any(feature = "dash", not(target_arch = "wasm32")))]
            ManifestBody::Mpd { root, now_ms } => {
                self.wall_start_ms = Some(now_ms.saturating_sub(now.as_millis()));
                match root {
                    Ok(root) => self.timeline.update_mpd(url, root, *now_ms),
                    Err(error) => Err(error.clone()),
                }
            }
            #[cfg(any(feature = "dash", not(target_arch = "wasm32")))]
            ManifestBody::Index { first, bytes } => {
                if let Some(read) = self.timeline.update_index(url, *first, bytes) {
                    self.follow(now, url, &read);
                }
                return;
            }
        };
        match read {
            Ok(read) => {
                self.name_swarm(now, url);
                self.follow(now, url, &read);
            }
            Err(error) => {
                let message = format!(
                    "no P2P for the playlist {url}: {} (`swarmline verify` says more); the player loads it as usual",
                    error.0
                );
                self.warn(WarningCode::ManifestUnreadable, message);
            }
        }
    }

    #[cfg(all(target_arch = "wasm32", not(feature = "dash")))]
    fn pass_time(&mut self, _: Instant) -> Option<()> {
        None
    }

    /// Some live MPDs list no segments: what they have is told by the clock.
    #[cfg(any(feature = "dash", not(target_arch = "wasm32")))]
    fn pass_time(&mut self, now: Instant) -> Option<()> {
        let wall_ms = self.wall_start_ms?.saturating_add(now.as_millis());
        let passed = self.timeline.advance(wall_ms)?;
        self.follow(now, "", &passed);
        Some(())
    }

    fn follow(&mut self, now: Instant, url: &str, read: &MpdUpdate) {
        let mut changed = 0;
        for update in &read.updates {
            if let Some(track) = update.track {
                self.forget_past(now, track);
                let named = update.sidecar.as_ref().or(read.sidecar.as_ref());
                self.look_for_texts(now, track, named.map(String::as_str));
            }
            changed += update.changed.len();
        }
        if changed > 0 {
            let message =
                format!("the playlist {url} now names another content for {changed} segment(s)");
            self.warn(WarningCode::DigestChanged, message);
        }
        for warning in &read.warnings {
            self.warn(WarningCode::ManifestUnreadable, warning.clone());
        }
    }
}
