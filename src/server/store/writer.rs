//! The one thread that writes. Decides what goes into one transaction and when old rows go.
//!
//! Invariant: whoever waits for a write hears of it behind the commit that has it, and only then. What comes while
//! the disk is busy goes together into the next, so a slow disk means larger transactions and not a queue.

use super::{Done, Job, Tallies, Write, now_ms, sql};
use crate::tracker::{Earned, Record};
use core::sync::atomic::Ordering;
use core::time::Duration;
use rusqlite::{Connection, Transaction, params};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};

/// Writes of one transaction at most.
const BATCH_MAX: usize = 4_096;
/// How often old rows are looked for.
const SWEEP: Duration = Duration::from_secs(60);
/// Old rows of a table that go at a time: some milliseconds' worth.
const SWEPT_MAX: u32 = 10_000;

/// What goes with time. A stay that goes on keeps its sums: another row would count them again.
const OLD: [&str; 2] = [
    "DELETE FROM contributions WHERE session IN (SELECT session FROM contributions WHERE at_ms < ? \
     AND session NOT IN (SELECT id FROM sessions WHERE status = 'active') LIMIT ?)",
    "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE joined_ms < ? \
     AND status <> 'active' LIMIT ?)",
];

pub(super) struct Writer {
    db: Connection,
    retention: Duration,
    tallies: Arc<Tallies>,
    is_failing: bool,
}

impl Writer {
    pub(super) fn new(db: Connection, retention: Duration, tallies: Arc<Tallies>) -> Self {
        Self {
            db,
            retention,
            tallies,
            is_failing: false,
        }
    }

    /// Until it is told to stop; then nothing waits any more.
    pub(super) fn run(mut self, waiting: &Receiver<Job>) {
        let mut swept = 0;
        let mut goes_on = true;
        while goes_on {
            let mut batch = Vec::new();
            let mut take = |job| match job {
                Job::Write(write, at_ms, done) => batch.push((write, at_ms, done)),
                Job::Stop => goes_on = false,
            };
            match waiting.recv_timeout(SWEEP) {
                Ok(job) => take(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => take(Job::Stop),
            }
            for job in waiting.try_iter().take(BATCH_MAX - 1) {
                take(job);
            }
            self.commit(batch);
            let now = now_ms();
            if now.saturating_sub(swept) >= u64::try_from(SWEEP.as_millis()).unwrap_or(u64::MAX) {
                swept = now;
                self.sweep(now);
            }
        }
    }

    fn commit(&mut self, batch: Vec<(Write, u64, Option<Done>)>) {
        if batch.is_empty() {
            return;
        }
        let (mut writes, mut waiting) = (Vec::new(), Vec::new());
        for (write, at_ms, done) in batch {
            writes.push((write, at_ms));
            waiting.extend(done);
        }
        let count = u64::try_from(writes.len()).unwrap_or(u64::MAX);
        let outcome = self.transact(|change| {
            writes
                .iter()
                .try_for_each(|(write, at_ms)| put(change, write, *at_ms))
        });
        match &outcome {
            Ok(()) => {
                self.tallies.transactions.fetch_add(1, Ordering::Relaxed);
                self.tallies.written.fetch_add(count, Ordering::Relaxed);
            }
            Err(_) => {
                self.tallies.lost.fetch_add(count, Ordering::Relaxed);
            }
        }
        for done in waiting {
            done(outcome.clone());
        }
    }

    fn sweep(&mut self, now: u64) {
        let span = u64::try_from(self.retention.as_millis()).unwrap_or(u64::MAX);
        let before = if span == 0 {
            0
        } else {
            sql(now.saturating_sub(span))
        };
        // What failed is said and counted already.
        let _ = self.transact(|change| {
            change.execute("DELETE FROM bans WHERE until_ms <= ?", [sql(now)])?;
            for old in OLD {
                change
                    .prepare_cached(old)?
                    .execute(params![before, SWEPT_MAX])?;
            }
            Ok(())
        });
    }

    fn transact(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), String> {
        let all = || {
            let change = self.db.transaction()?;
            work(&change)?;
            change.commit()
        };
        let outcome = all().map_err(|why: rusqlite::Error| why.to_string());
        match &outcome {
            Ok(()) => self.is_failing = false,
            // Once, and again when it worked in between: a full disk would fill the log.
            Err(why) if !self.is_failing => {
                self.is_failing = true;
                tracing::error!(%why, "the store cannot be written");
            }
            Err(_) => {}
        }
        outcome
    }
}

fn put(change: &Transaction<'_>, write: &Write, at_ms: u64) -> rusqlite::Result<()> {
    match write {
        Write::Stay(record) => stay(change, record, at_ms),
        Write::Earned(earned) => contribution(change, earned, at_ms),
        Write::Rule(room, ruled) => {
            let room = room.map_or(Vec::new(), |room| room.0.to_vec());
            match ruled {
                Some(ruled) => {
                    let text = "INSERT OR REPLACE INTO rules VALUES (?, ?, ?)";
                    change.execute(text, params![room, ruled.rule, ruled.beside])
                }
                None => change.execute("DELETE FROM rules WHERE room = ?", params![room]),
            }
            .map(drop)
        }
        Write::Ban(prefix, until_ms) => {
            let text = "INSERT OR REPLACE INTO bans VALUES (?, ?)";
            change
                .execute(text, params![prefix, sql(*until_ms)])
                .map(drop)
        }
        Write::Pardon(prefix) => {
            let text = "DELETE FROM bans WHERE prefix = ?";
            change.execute(text, params![prefix]).map(drop)
        }
    }
}

fn stay(change: &Transaction<'_>, record: &Record, at_ms: u64) -> rusqlite::Result<()> {
    match record {
        Record::Joined {
            session,
            room,
            peer,
        } => {
            let text =
                "INSERT OR IGNORE INTO sessions (id, room, peer, joined_ms) VALUES (?, ?, ?, ?)";
            let mut statement = change.prepare_cached(text)?;
            statement.execute(params![sql(session.0), room.0, peer.0, sql(at_ms)])
        }
        Record::Left {
            session,
            uploaded,
            downloaded,
            peers_connected,
        } => {
            let text = "UPDATE sessions SET left_ms = ?, uploaded = ?, downloaded = ?, peers = ?, \
                        status = 'ended' WHERE id = ?";
            let (uploaded, downloaded) = (sql(*uploaded), sql(*downloaded));
            let mut statement = change.prepare_cached(text)?;
            statement.execute(params![
                sql(at_ms),
                uploaded,
                downloaded,
                peers_connected,
                sql(session.0)
            ])
        }
    }
    .map(drop)
}

/// Sums of a stay only rise, so an older one changes nothing.
fn contribution(change: &Transaction<'_>, earned: &Earned, at_ms: u64) -> rusqlite::Result<()> {
    let text = "INSERT INTO contributions VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET \
                subject = coalesce(subject, excluded.subject), bytes = excluded.bytes, \
                segments = excluded.segments, span_ms = excluded.span_ms, at_ms = excluded.at_ms \
                WHERE excluded.bytes > bytes";
    let span_ms = u64::try_from(earned.span.as_millis()).unwrap_or(u64::MAX);
    let mut statement = change.prepare_cached(text)?;
    let row = params![
        sql(earned.session.0),
        earned.room.0,
        earned.peer.0,
        earned.subject,
        sql(earned.bytes),
        sql(earned.segments),
        sql(span_ms),
        sql(at_ms)
    ];
    statement.execute(row).map(drop)
}
