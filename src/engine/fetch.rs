//! Legs: fetches of a run of a segment's bytes from the CDN, and what they tell of its speed.
//!
//! Invariant: a leg owns the blocks in state `Filling`; bytes for any other block are dropped. A CDN
//! copy that contradicts the playlist is the player's alone and never shared.

use super::config::fetch::{
    FAILURE_COST, FAILURE_FADES, FIRST_BYTE_GUESS, OUTAGE, RATE_GUESS, SEGMENT_BYTES_MAX,
    SIZE_GUESS,
};
use super::download::{Failure, Leg};
use super::output::{Output, Part, Timing};
use super::segment::{Block, Sender, block_of};
use super::{Engine, WarningCode, Why};
use crate::base::{
    ByteRange, Duration, FetchId, Instant, PayloadId, RateMeter, SegmentId, seconds,
};
use crate::integrity::BLOCK_LEN;
use core::ops::Range;

/// How fast the CDN is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CdnRate {
    meter: RateMeter,
    first_byte: Option<Duration>,
    /// When a fetch last failed.
    failed_at: Option<Instant>,
    /// No answer at all came to the last fetch: the network may be gone.
    pub(super) is_out: bool,
    /// The origin does not answer byte ranges.
    pub(super) no_ranges: bool,
}

impl CdnRate {
    /// Bytes a second, once a fetch has shown it.
    pub(super) fn measured(&self) -> Option<f64> {
        self.meter.bytes_per_s()
    }

    pub(super) fn bytes_per_s(&self) -> f64 {
        self.meter.bytes_per_s().unwrap_or(RATE_GUESS).max(1_000.0)
    }

    /// Time to fetch `bytes` (0: unknown).
    pub(super) fn estimate(&self, bytes: u64) -> Duration {
        let bytes = if bytes == 0 { SIZE_GUESS } else { bytes };
        let transfer = seconds((bytes as f64 / self.bytes_per_s()).min(600.0));
        self.first_byte.unwrap_or(FIRST_BYTE_GUESS) + transfer
    }

    /// A fetch failed for good.
    pub(super) fn note_failure(&mut self, now: Instant) {
        self.failed_at = Some(now);
    }

    /// What another failure would cost, while failures are fresh.
    pub(super) fn doubt(&self, now: Instant) -> Duration {
        match self.failed_at {
            Some(at) if now.since(at) < FAILURE_FADES => FAILURE_COST,
            Some(_) | None => Duration::ZERO,
        }
    }

    /// Learns from a leg that brought all it was asked for. Its bytes may complete the segment before
    /// HTTP says that it is done.
    /// `received` bytes have come from anywhere by now: what peers sent meanwhile used the same downlink.
    pub(super) fn note(&mut self, now: Instant, leg: &Leg, received: u64) {
        let Some(first) = leg.first_byte else { return };
        let wait = first.since(leg.started);
        // Slower counts at once, faster bit by bit: who believes in an old first byte asks too late.
        self.first_byte = Some(
            self.first_byte
                .map_or(wait, |old| ((old * 3 + wait) / 4).max(wait)),
        );
        // A clock of whole milliseconds cannot tell less than one.
        let span = leg.last_byte.since(first).max(Duration::from_millis(1));
        self.meter
            .add(now, received.saturating_sub(leg.before), span);
    }

    /// What the player is told of `bytes` that HTTP had no part in: what a fetch would have taken, or is guessed to.
    pub(super) fn timing_of(&self, bytes: u64) -> Timing {
        let guess = seconds(bytes as f64 / RATE_GUESS);
        let (wait, transfer) = self.would_take(bytes).unwrap_or((FIRST_BYTE_GUESS, guess));
        Timing {
            first_byte_ms: wait.as_secs_f64() * 1e3,
            transfer_ms: transfer.as_secs_f64() * 1e3,
        }
    }

    /// What a fetch of `bytes` would take: to its first byte, and from there. `None` before the first.
    pub(super) fn would_take(&self, bytes: u64) -> Option<(Duration, Duration)> {
        let rate = self.meter.bytes_per_s()?;
        let transfer = seconds((bytes as f64 / rate).min(600.0));
        Some((self.first_byte?, transfer))
    }
}

impl Engine {
    /// Fetches what is owed of a run of blocks; the whole segment where ranges are refused.
    pub(super) fn start_leg(&mut self, now: Instant, id: SegmentId, run: Range<usize>) {
        let fetch = FetchId(self.mint());
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let Some(download) = &segment.download else {
            return;
        };
        let no_ranges = self.cdn.no_ranges || download.whole_only;
        let from = if no_ranges && segment.range.is_none() {
            0
        } else {
            run.start
        };
        let Some(size) = segment.size else {
            return self.start_whole(now, id, fetch);
        };
        let to = match segment.owed_until(from) {
            Some(last) if !no_ranges => segment.block_bytes(last.min(run.end - 1)).end,
            Some(_) | None => size,
        };
        let start = from as u64 * BLOCK_LEN;
        if start == 0 && to == size {
            return self.start_whole(now, id, fetch);
        }
        let base = segment.range.map_or(0, |range| range.start);
        let range = ByteRange {
            start: base + start,
            end: base + to,
        };
        self.claim(id, from, block_of(to - 1));
        self.begin(now, id, fetch, Some(range), start, Some(to));
    }

    fn start_whole(&mut self, now: Instant, id: SegmentId, fetch: FetchId) {
        let Some(segment) = self.segments.get(&id) else {
            return;
        };
        let (range, size, last) = (segment.range, segment.size, segment.blocks.len());
        self.claim(id, 0, last.saturating_sub(1));
        self.promise(now, id);
        self.begin(now, id, fetch, range, 0, size);
    }

    /// The leg becomes the owner of blocks `first..=last` that nobody has brought.
    fn claim(&mut self, id: SegmentId, first: usize, last: usize) {
        let in_leg = |index: usize| (first..=last).contains(&index);
        self.cancel_asked(id, |_, index| in_leg(index));
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        for (index, block) in segment.blocks.iter_mut().enumerate() {
            if in_leg(index) && *block == Block::Missing {
                *block = Block::Filling;
            }
        }
    }

    fn begin(
        &mut self,
        now: Instant,
        id: SegmentId,
        fetch: FetchId,
        range: Option<ByteRange>,
        start: u64,
        end: Option<u64>,
    ) {
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let url = segment.url.clone();
        let size = segment.size;
        let Some(download) = &mut segment.download else {
            return;
        };
        let Some(request) = download.requests.first().copied() else {
            return;
        };
        download.note_asked(now);
        download.leg = Some(Leg {
            fetch,
            started: now,
            start,
            end,
            position: start,
            partial: true,
            first_byte: None,
            last_byte: now,
            before: 0,
        });
        download.why = Some(self.why);
        self.fetches.insert(fetch, id);
        if let Some(size) = size {
            self.reserve(id, size);
        }
        self.out(Output::StartFetch {
            fetch,
            request,
            url,
            range,
            offset: start,
        });
    }

    pub(super) fn on_fetch_head(
        &mut self,
        now: Instant,
        fetch: FetchId,
        length: Option<u64>,
        partial: bool,
    ) {
        if self.sample_head(fetch, partial) {
            return;
        }
        let Some((id, mut leg)) = self.leg(fetch) else {
            return;
        };
        leg.begin(now, self.totals.received());
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        if let Some(download) = &mut segment.download {
            download.first_byte.get_or_insert(now);
        }
        leg.partial = partial || (leg.start == 0 && segment.range.is_none());
        if !leg.partial {
            // A 200 to a range is the whole resource: its bytes are cut where they are placed.
            leg.start = 0;
            leg.position = 0;
            self.note_no_ranges();
        } else if let Some(length) = length.filter(|length| *length <= SEGMENT_BYTES_MAX) {
            let told = leg.start + length;
            match (segment.size, leg.start) {
                (Some(size), 0) if leg.end == Some(size) && told != size => {
                    return self.contradicted(now, id, Some(leg));
                }
                (None, 0) => {
                    segment.set_size(told);
                    segment.blocks.fill(Block::Filling);
                    leg.end = Some(told);
                }
                (Some(_) | None, _) => {}
            }
        }
        self.set_leg(id, leg);
        if let Some(size) = self.segments.get(&id).and_then(|s| s.size) {
            self.reserve(id, size);
        }
    }

    /// Said once: this origin answers no byte ranges.
    pub(super) fn note_no_ranges(&mut self) {
        if !core::mem::replace(&mut self.cdn.no_ranges, true) {
            let message = "the origin answers no byte ranges; whole segments are fetched where a \
                           tail would do";
            self.warn(WarningCode::NoRanges, message.to_owned());
        }
    }

    pub(super) fn on_fetch_body(
        &mut self,
        now: Instant,
        fetch: FetchId,
        payload: PayloadId,
        offset: u64,
        len: u64,
    ) {
        if self.sample_body(fetch, payload, offset, len) {
            return;
        }
        let before = self.totals.received();
        self.totals.cdn += len;
        let Some((id, mut leg)) = self.leg(fetch) else {
            self.totals.discarded += len;
            return self.out(Output::Drop { payload });
        };
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        leg.begin(now, before);
        let was_out = core::mem::take(&mut self.cdn.is_out) || now.since(leg.last_byte) >= OUTAGE;
        leg.last_byte = now;
        if let Some(download) = &mut segment.download {
            download.note_bytes(now);
            download.cdn_bytes += len;
        }
        let (begin, end) = (offset, offset.saturating_add(len));
        if end > SEGMENT_BYTES_MAX {
            self.out(Output::Drop { payload });
            return self.on_fetch_failed(now, fetch, 0, false);
        }
        let over = segment.size.is_some_and(|size| end > size);
        if over && !segment.private && (leg.partial || segment.range.is_none()) {
            self.out(Output::Drop { payload });
            return self.contradicted(now, id, None);
        }
        leg.position = leg.position.max(end);
        self.set_leg(id, leg);
        self.place_fetched(id, payload, ByteRange { start: begin, end });
        self.report_progress(id);
        if was_out {
            self.retry_trackers(now);
        }
        self.hash_filled(id, begin, leg.position);
        self.drive(now, id);
    }

    /// Places what the leg owns of `run`; the rest was brought by somebody else meanwhile.
    fn place_fetched(&mut self, id: SegmentId, payload: PayloadId, run: ByteRange) {
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let limit = segment.size.unwrap_or(run.end).min(run.end);
        if segment.size.is_none() {
            let count = block_of(run.end.saturating_sub(1)) + 1;
            if count > segment.blocks.len() {
                segment.blocks.resize(count, Block::Filling);
            }
        }
        let mut parts: Vec<Part> = Vec::new();
        let mut at = run.start;
        while at < limit {
            let index = block_of(at);
            let end = limit.min((index as u64 + 1) * BLOCK_LEN);
            // A block that was given up to peers and that none has taken is the leg's again, if
            // the leg brings it from its first byte.
            let mut block = segment.blocks.get_mut(index);
            if let (Some(block @ Block::Missing), 0) = (block.as_deref_mut(), at % BLOCK_LEN) {
                *block = Block::Filling;
            }
            if segment.private || block == Some(&mut Block::Filling) {
                let from = at - run.start;
                match parts.last_mut() {
                    Some(last) if last.at + last.len == at => last.len += end - at,
                    Some(_) | None => parts.push(Part {
                        from,
                        len: end - at,
                        at,
                    }),
                }
            }
            at = end;
        }
        let placed: u64 = parts.iter().map(|part| part.len).sum();
        let known = segment.size.is_some();
        self.totals.discarded += run.len().saturating_sub(placed);
        if parts.is_empty() {
            return self.out(Output::Drop { payload });
        }
        if !known {
            // Doubling keeps the copies of a growing buffer few.
            self.reserve(id, run.end.next_power_of_two());
        }
        self.out(Output::Place {
            payload,
            segment: id,
            parts,
        });
    }

    /// Blocks of `from..to` that the leg has filled go to be hashed.
    pub(super) fn hash_filled(&mut self, id: SegmentId, from: u64, to: u64) {
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        if segment.private {
            return;
        }
        let mut filled = Vec::new();
        for index in block_of(from)..segment.blocks.len() {
            let bytes = segment.block_bytes(index);
            if bytes.end > to {
                break;
            }
            if let Some(block @ Block::Filling) = segment.blocks.get_mut(index) {
                *block = Block::Hashing { from: Sender::Cdn };
                filled.push(index);
            }
        }
        self.hash(id, filled);
    }

    pub(super) fn on_fetch_done(&mut self, now: Instant, fetch: FetchId) {
        if self.sample_done(fetch) {
            return;
        }
        let Some((id, leg)) = self.leg(fetch) else {
            return;
        };
        self.fetches.remove(&fetch);
        self.cdn.note(now, &leg, self.totals.received());
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let expected = leg.end.or(segment.size);
        if expected.is_some_and(|end| leg.position < end) {
            self.fetches.insert(fetch, id);
            // Shorter than the playlist or a neighbour says is a contradiction when it is the whole.
            let is_told = segment.digest.is_some() || segment.voucher().is_some();
            if leg.start == 0 && is_told && leg.end == segment.size {
                return self.contradicted(now, id, None);
            }
            return self.on_fetch_failed(now, fetch, 0, false);
        }
        if segment.size.is_none() || segment.private {
            let keep = segment.private;
            segment.size = Some(leg.position);
            if !keep {
                segment.set_size(leg.position);
            }
        }
        let mut refused = false;
        if let Some(download) = &mut segment.download {
            download.leg = None;
            refused = download.whole_only;
        }
        if refused {
            self.note_no_ranges();
        }
        self.hash_filled(id, leg.start, leg.position);
        self.drive(now, id);
    }

    pub(super) fn on_fetch_failed(
        &mut self,
        now: Instant,
        fetch: FetchId,
        status: u16,
        timed_out: bool,
    ) {
        if self.sample_failed(now, fetch) {
            return;
        }
        let Some((id, leg)) = self.leg(fetch) else {
            return;
        };
        self.fetches.remove(&fetch);
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        for block in &mut segment.blocks {
            if *block == Block::Filling {
                *block = Block::Missing;
            }
        }
        if let Some(download) = &mut segment.download {
            download.leg = None;
        }
        // A refused range is no failure of the segment: ask for the whole of it.
        let refused = leg.start > 0 && matches!(status, 0 | 400 | 403 | 416 | 501);
        if let Some(download) = &mut segment.download
            && refused
            && !download.whole_only
        {
            download.whole_only = true;
            self.because(Why::Alone);
            self.take_from_cdn(now, id);
            return;
        }
        self.cdn.note_failure(now);
        self.cdn.is_out = status == 0;
        let until = now;
        let failure = Failure {
            until,
            status,
            timed_out,
        };
        self.after_failure(now, id, failure);
    }

    /// The CDN's bytes are not what the playlist says: this segment is not shared, the player gets the
    /// CDN's whole copy as it would have alone. `running` is a leg that brings that copy already.
    pub(super) fn contradicted(&mut self, now: Instant, id: SegmentId, running: Option<Leg>) {
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        if segment.whole.is_some() && segment.leaves.as_ref().is_some_and(|l| l.voucher.is_some()) {
            return self.compare_later(now, id); // the size, at least, may be a neighbour's word
        }
        if segment.voucher().is_some() {
            // Only a neighbour said so: the playlist is not contradicted.
            return self.blame(now, id, Sender::Cdn);
        }
        let key = segment.key;
        let message = format!(
            "{} is not what the playlist says it is; it is played as the CDN sends it and not shared",
            segment.url
        );
        segment.private = true;
        let active = segment.is_wanted();
        self.quarantine.insert(key);
        if self.quarantine.len() > 10_000 {
            self.quarantine.pop_first();
        }
        self.warn(WarningCode::CdnMismatch, message);
        self.cancel_asked(id, |_, _| true);
        if !active {
            return self.evict(id);
        }
        match running {
            Some(leg) => {
                self.retract(id);
                self.unsize(id);
                self.set_leg(id, Leg { end: None, ..leg });
            }
            None => self.restart(now, id),
        }
    }

    /// Starts the segment over from the CDN, whole, forgetting what is here.
    pub(super) fn restart(&mut self, now: Instant, id: SegmentId) {
        self.cancel_asked(id, |_, _| true);
        self.forget_hashes(id);
        self.retract(id);
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        if !segment.is_wanted() {
            return self.evict(id); // nobody waits for it
        }
        segment.clear();
        let private = segment.private;
        let held = core::mem::take(&mut segment.reserved) > 0;
        let Some(download) = &mut segment.download else {
            return;
        };
        download.cdn_only = true;
        download.senders.clear();
        let leg = download.leg.take();
        if let Some(leg) = leg {
            self.fetches.remove(&leg.fetch);
            self.out(Output::StopFetch { fetch: leg.fetch });
        }
        if held {
            self.cancel_uploads_of(id);
            self.out(Output::Evict { segment: id });
        }
        if private {
            self.unsize(id);
        }
        let fetch = FetchId(self.mint());
        self.because(Why::Alone);
        self.start_whole(now, id, fetch);
    }

    fn unsize(&mut self, id: SegmentId) {
        self.forget_hashes(id);
        if let Some(segment) = self.segments.get_mut(&id) {
            segment.size = None;
            segment.blocks.clear();
        }
    }

    pub(super) fn report_progress(&mut self, id: SegmentId) {
        let Some(segment) = self.segments.get(&id) else {
            return;
        };
        let Some(download) = &segment.download else {
            return;
        };
        let leg = download.leg.map_or(0, |leg| leg.position % BLOCK_LEN);
        let total = segment.size.unwrap_or(0);
        let here = if segment.private {
            0
        } else {
            segment.loaded() + leg
        };
        let loaded = if total > 0 { here.min(total) } else { here };
        let requests = download.requests.clone();
        for request in requests {
            self.out(Output::Progress {
                request,
                loaded,
                total,
            });
        }
    }

    /// Makes room in the shell for `len` bytes of a segment.
    pub(super) fn reserve(&mut self, id: SegmentId, len: u64) {
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        if len > segment.reserved {
            segment.reserved = len;
            self.out(Output::Reserve { segment: id, len });
        }
    }

    pub(super) fn leg(&self, fetch: FetchId) -> Option<(SegmentId, Leg)> {
        let id = *self.fetches.get(&fetch)?;
        let leg = self.segments.get(&id)?.download.as_ref()?.leg?;
        (leg.fetch == fetch).then_some((id, leg))
    }

    fn set_leg(&mut self, id: SegmentId, leg: Leg) {
        if let Some(download) = self.segments.get_mut(&id).and_then(|s| s.download.as_mut()) {
            download.leg = Some(leg);
        }
    }
}
