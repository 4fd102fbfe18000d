//! The assembly of one segment that the player waits for: who was asked, what came, how long it took.
//!
//! Invariant: at most one CDN leg at a time. Decides nothing; `source.rs` does.

use super::Why;
#[cfg(any(feature = "disk", not(target_arch = "wasm32")))]
use super::disk::Shelf;
use super::fetch::CdnRate;
use super::output::Timing;
use crate::base::{Duration, FetchId, Instant, LinkId, PeerId, RequestId, SortedMap, SortedSet};

/// One download under way.
#[derive(Debug)]
pub(super) struct Download {
    /// The player's wishes it answers; the first one's headers are used.
    pub(super) requests: Vec<RequestId>,
    pub(super) started: Instant,
    /// The CDN leg under way.
    pub(super) leg: Option<Leg>,
    /// Why the last leg was begun.
    pub(super) why: Option<Why>,
    /// Whether the disk has had its turn.
    #[cfg(any(feature = "disk", not(target_arch = "wasm32")))]
    pub(super) shelf: Shelf,
    /// Peers are out of the race for this one.
    pub(super) cdn_only: bool,
    /// A range of it was refused: only the whole is asked for.
    pub(super) whole_only: bool,
    /// The CDN's part of it was fetched first.
    pub(super) share_taken: bool,
    /// Since when nobody holds or promises it: the election's round.
    pub(super) round_at: Instant,
    /// It waits for somebody's promise, so far.
    pub(super) relies: bool,
    /// Asked for its leaf list.
    pub(super) leaves_asked: Option<(LinkId, Instant)>,
    /// Silent or refusing for this segment.
    pub(super) shunned: SortedSet<LinkId>,
    /// What HTTP said when it failed, and how often it has.
    pub(super) failure: Option<Failure>,
    pub(super) failures: u32,
    /// How long the segment is, as far as its playlist says.
    pub(super) length: Duration,
    /// It is a film's: the buffer is to grow.
    pub(super) is_film: bool,
    /// When a source was first really asked.
    pub(super) first_asked: Option<Instant>,
    pub(super) first_byte: Option<Instant>,
    pub(super) last_byte: Instant,
    pub(super) cdn_bytes: u64,
    pub(super) senders: SortedMap<PeerId, u64>,
    /// When to look again.
    pub(super) wake: Option<Instant>,
}

/// One fetch of a run of the segment's bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leg {
    pub(super) fetch: FetchId,
    pub(super) started: Instant,
    /// First byte asked for, in the segment.
    pub(super) start: u64,
    /// One past the last; `None` is the end.
    pub(super) end: Option<u64>,
    /// Bytes of the segment up to here have come.
    pub(super) position: u64,
    /// The answer carries just what was asked for.
    pub(super) partial: bool,
    pub(super) first_byte: Option<Instant>,
    pub(super) last_byte: Instant,
    /// Bytes taken from anywhere before its first one.
    pub(super) before: u64,
}

/// What HTTP said when it failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failure {
    /// The CDN is not asked again before.
    pub(super) until: Instant,
    pub(super) status: u16,
    pub(super) timed_out: bool,
}

impl Leg {
    /// Its first byte, or its head, is here; `before` bytes had come from anywhere.
    pub(super) fn begin(&mut self, now: Instant, before: u64) {
        if self.first_byte.is_none() {
            (self.first_byte, self.before) = (Some(now), before);
        }
    }
}

impl Download {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            requests: Vec::new(),
            started: now,
            leg: None,
            why: None,
            #[cfg(any(feature = "disk", not(target_arch = "wasm32")))]
            shelf: Shelf::Unasked,
            cdn_only: false,
            whole_only: false,
            share_taken: false,
            round_at: now,
            relies: false,
            leaves_asked: None,
            shunned: SortedSet::new(),
            failure: None,
            failures: 0,
            length: Duration::ZERO,
            is_film: false,
            first_asked: None,
            first_byte: None,
            last_byte: now,
            cdn_bytes: 0,
            senders: SortedMap::new(),
            wake: None,
        }
    }

    /// Its first wish is here: what came ahead of that is kept, and its race begins.
    pub(super) fn wish(&mut self, now: Instant) {
        (self.started, self.round_at, self.first_asked) = (now, now, None);
        self.shunned = SortedSet::new();
    }

    /// Notes that a source was really asked: waiting before it is not slowness.
    pub(super) fn note_asked(&mut self, now: Instant) {
        self.first_asked.get_or_insert(now);
    }

    /// Notes that bytes came.
    pub(super) fn note_bytes(&mut self, now: Instant) {
        self.first_byte.get_or_insert(now);
        self.last_byte = now;
    }

    pub(super) fn peer_bytes(&self) -> u64 {
        self.senders.values().sum()
    }

    /// The CDN has failed, and is not asked again yet.
    pub(super) fn is_failed(&self, now: Instant) -> bool {
        self.failure.is_some_and(|failure| now < failure.until)
    }

    /// What the player's ABR should believe of `bytes`: what the CDN's fetch took where it brought all
    /// of them. Where peers brought some it is what the CDN would have taken, as far as that is known:
    /// the player alone would have got that, the engine falls back to it in time, and waiting for an
    /// election, a promise or a weak uplink says nothing about this viewer's own link.
    pub(super) fn timing(&self, bytes: u64, cdn: &CdnRate) -> Timing {
        let ms = |span: Duration| span.as_secs_f64() * 1e3;
        if self.peer_bytes() > 0
            && let Some((wait, transfer)) = cdn.would_take(bytes)
        {
            return Timing {
                first_byte_ms: ms(wait),
                transfer_ms: ms(transfer),
            };
        }
        let asked = self.first_asked.unwrap_or(self.started);
        let first = self.first_byte.unwrap_or(asked);
        Timing {
            first_byte_ms: ms(first.since(asked)),
            transfer_ms: ms(self.last_byte.since(first)),
        }
    }
}
