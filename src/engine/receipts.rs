//! Receipts: what came from whom, told to a tracker that keeps account of it and has given a key.
//!
//! Invariant: a receipt carries the sum of what its peer has brought in this session of ours, so that one that is lost costs nothing;
//! a byte is told in one session only. What a receipt is worth is the tracker's to judge: nobody here waits for its word.

use super::Engine;
use super::Output;
use super::config::receipts::{BYTES, EVERY, SENDERS_MAX};
use super::signaling::{State, tracker_id};
use crate::base::{Instant, PeerId};
use crate::wire::{Receipt, ToTracker};

/// What is to be told, of whom.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Of the session that sums are of.
    key: String,
    rows: Vec<Row>,
    /// When all that is not told yet is told.
    next: Instant,
}

/// What one peer has brought.
#[derive(Debug)]
struct Row {
    peer: PeerId,
    bytes: u64,
    segments: u64,
    /// Bytes and segments of the last receipt.
    said: (u64, u64),
}

impl Ledger {
    /// Notes verified bytes; the first ones of a segment from that peer, or more of it.
    pub(super) fn note(&mut self, peer: PeerId, bytes: u64, is_first: bool) {
        let mut at = self.rows.iter().position(|row| row.peer == peer);
        if at.is_none() && self.rows.len() < SENDERS_MAX {
            at = Some(self.rows.len());
            self.rows.push(Row {
                peer,
                bytes: 0,
                segments: 0,
                said: (0, 0),
            });
        }
        if let Some(row) = at.and_then(|at| self.rows.get_mut(at)) {
            row.bytes += bytes;
            row.segments += u64::from(is_first);
        }
    }

    /// Another session counts from nothing: what the former one heard is not told again.
    fn begin(&mut self, key: &str) {
        if self.key != key {
            key.clone_into(&mut self.key);
            for row in &mut self.rows {
                row.bytes -= row.said.0;
                row.segments -= row.said.1;
                row.said = (0, 0);
            }
        }
    }
}

impl Engine {
    /// The account as it writes itself: a row for each peer that ever brought something, 256 at most. It is what grows
    /// while a viewer stays; for who looks at what engines hold.
    #[cfg(not(target_arch = "wasm32"))]
    #[must_use]
    pub fn account(&self) -> &impl core::fmt::Debug {
        &self.ledger
    }

    /// Tells what is much, or of late; at the end all of it.
    pub(super) fn write_receipts(&mut self, now: Instant, is_end: bool) {
        let trackers = self.signaling.trackers.iter().enumerate();
        let mut open = trackers.filter(|(_, it)| it.state == State::Open);
        let first = open.find_map(|(index, it)| Some((index, it.receipt_key.as_deref()?)));
        let (Some((index, key)), Some(info_hash)) = (first, self.signaling.info_hash) else {
            return;
        };
        let ledger = &mut self.ledger;
        ledger.begin(key);
        let mut least = BYTES;
        if is_end || ledger.next <= now {
            ledger.next = now + EVERY;
            least = 1;
        }
        for row in &mut ledger.rows {
            if row.bytes < row.said.0 + least {
                continue;
            }
            row.said = (row.bytes, row.segments);
            let mut receipt = Receipt {
                info_hash,
                peer: self.peer_id,
                from: row.peer,
                bytes: row.bytes,
                segments: row.segments,
                subject: None,
                mac: String::new(),
            };
            receipt.sign(key);
            self.outputs.push(Output::SendTracker {
                tracker: tracker_id(index),
                text: ToTracker::Receipt(receipt).encode(),
            });
        }
    }
}
