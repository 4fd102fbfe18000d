//! What is asked of a store: rulings at the start, contributions and sums for the API.
//!
//! Invariant: no answer is longer than its page, and each question has an index.

use super::{Ruled, Rulings, Store, sql};
use crate::base::{InfoHash, PeerId};
use rusqlite::{Connection, Row, params};

/// Which part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) struct Page {
    pub(in crate::server) offset: u64,
    pub(in crate::server) limit: u64,
}

/// What one stay has earned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct Contribution {
    pub(in crate::server) session: u64,
    pub(in crate::server) room: [u8; 20],
    pub(in crate::server) peer: [u8; 20],
    pub(in crate::server) subject: Option<String>,
    pub(in crate::server) bytes: u64,
    pub(in crate::server) segments: u64,
    pub(in crate::server) span_ms: u64,
    pub(in crate::server) at_ms: u64,
}

/// A peer's stay in a room. What it moved and whom it met is known when it has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct Stay {
    pub(in crate::server) session: u64,
    pub(in crate::server) room: [u8; 20],
    pub(in crate::server) peer: [u8; 20],
    pub(in crate::server) joined_ms: u64,
    pub(in crate::server) left_ms: Option<u64>,
    pub(in crate::server) uploaded: u64,
    pub(in crate::server) downloaded: u64,
    pub(in crate::server) peers: u64,
    /// `active`, `ended`, or `lost`: the tracker ended first.
    pub(in crate::server) status: String,
}

impl Stay {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let left: Option<i64> = row.get(4)?;
        Ok(Self {
            session: count(row, 0)?,
            room: row.get(1)?,
            peer: row.get(2)?,
            joined_ms: count(row, 3)?,
            left_ms: left.map(|ms| u64::try_from(ms).unwrap_or(0)),
            uploaded: count(row, 5)?,
            downloaded: count(row, 6)?,
            peers: count(row, 7)?,
            status: row.get(8)?,
        })
    }
}

/// What an account has earned, ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct Standing {
    /// From 1; equals share the order of their names.
    pub(in crate::server) rank: u64,
    pub(in crate::server) subject: String,
    pub(in crate::server) bytes: u64,
    pub(in crate::server) segments: u64,
    pub(in crate::server) sessions: u64,
    pub(in crate::server) at_ms: u64,
}

fn count(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(at)?;
    Ok(u64::try_from(number).unwrap_or(0))
}

impl Contribution {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            session: count(row, 0)?,
            room: row.get(1)?,
            peer: row.get(2)?,
            subject: row.get(3)?,
            bytes: count(row, 4)?,
            segments: count(row, 5)?,
            span_ms: count(row, 6)?,
            at_ms: count(row, 7)?,
        })
    }
}

impl Store {
    /// What was ruled and holds still; waits for the disk.
    ///
    /// # Errors
    /// In words for a person.
    pub(in crate::server) fn rulings(&self, now_ms: u64) -> Result<Rulings, String> {
        let read = || -> rusqlite::Result<Rulings> {
            let reader = self.reader.lock();
            let db = reader.unwrap_or_else(std::sync::PoisonError::into_inner);
            let mut rules = db.prepare("SELECT room, rule, beside FROM rules ORDER BY room")?;
            let rules = rules.query_map([], |row| {
                let room: Vec<u8> = row.get(0)?;
                let (rule, beside) = (row.get(1)?, row.get(2)?);
                let room = <[u8; 20]>::try_from(room).ok().map(InfoHash);
                Ok((room, Ruled { rule, beside }))
            })?;
            let mut bans = db.prepare("SELECT prefix, until_ms FROM bans WHERE until_ms > ?")?;
            let bans = bans.query_map([sql(now_ms)], |row| Ok((row.get(0)?, count(row, 1)?)))?;
            Ok(Rulings {
                rules: rules.collect::<rusqlite::Result<_>>()?,
                bans: bans.collect::<rusqlite::Result<_>>()?,
            })
        };
        read().map_err(|why| format!("the store cannot be read: {why}"))
    }

    /// Stays in a room, newest first, and how many there are.
    pub(in crate::server) async fn sessions(
        &self,
        room: InfoHash,
        page: Page,
    ) -> Result<(Vec<Stay>, u64), String> {
        let rows =
            "SELECT * FROM sessions WHERE room = ? ORDER BY joined_ms DESC, id LIMIT ? OFFSET ?";
        let all = "SELECT count(*) FROM sessions WHERE room = ?";
        self.read(move |db| some(db, (rows, all), room.0, page, Stay::of))
            .await
    }

    /// What a peer id has earned, newest first, and how many stays of it there are.
    pub(in crate::server) async fn contributions(
        &self,
        peer: PeerId,
        page: Page,
    ) -> Result<(Vec<Contribution>, u64), String> {
        let rows = "SELECT * FROM contributions WHERE peer = ? ORDER BY at_ms DESC, session LIMIT ? OFFSET ?";
        let all = "SELECT count(*) FROM contributions WHERE peer = ?";
        self.read(move |db| some(db, (rows, all), peer.0, page, Contribution::of))
            .await
    }

    /// Accounts by what they have earned, and how many there are.
    pub(in crate::server) async fn leaders(
        &self,
        page: Page,
    ) -> Result<(Vec<Standing>, u64), String> {
        self.read(move |db| {
            let text = "SELECT subject, bytes, segments, sessions, at_ms FROM subjects \
                        ORDER BY bytes DESC, subject LIMIT ? OFFSET ?";
            let mut rows = db.prepare_cached(text)?;
            let range = params![sql(page.limit), sql(page.offset)];
            let rows = rows.query_map(range, |row| standing(row, 0))?;
            let mut leaders = rows.collect::<rusqlite::Result<Vec<Standing>>>()?;
            for (rank, leader) in (page.offset + 1..).zip(&mut leaders) {
                leader.rank = rank;
            }
            let all = db.query_row("SELECT count(*) FROM subjects", [], |row| count(row, 0))?;
            Ok((leaders, all))
        })
        .await
    }

    /// One account, if it has earned anything.
    pub(in crate::server) async fn leader(
        &self,
        subject: String,
    ) -> Result<Option<Standing>, String> {
        self.read(move |db| {
            let text = "SELECT subject, bytes, segments, sessions, at_ms, (SELECT count(*) FROM subjects AS o \
                        WHERE o.bytes > s.bytes OR (o.bytes = s.bytes AND o.subject <= s.subject)) \
                        FROM subjects AS s WHERE subject = ?";
            let mut rows = db.prepare_cached(text)?;
            let mut rows = rows.query_map([subject], |row| {
                let rank = count(row, 5)?;
                standing(row, rank)
            })?;
            rows.next().transpose()
        })
        .await
    }

    /// Bytes and segments that all contributions have together, and how many accounts there are.
    pub(in crate::server) async fn sums(&self) -> Result<(u64, u64), String> {
        self.read(|db| {
            let text = "SELECT coalesce(sum(bytes), 0), count(*) FROM subjects";
            db.query_row(text, [], |row| Ok((count(row, 0)?, count(row, 1)?)))
        })
        .await
    }
}

/// The rows of a page, and how many there are in all, where both statements are about `id`.
fn some<T>(
    db: &Connection,
    (rows, all): (&str, &str),
    id: [u8; 20],
    page: Page,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<(Vec<T>, u64)> {
    let mut rows = db.prepare_cached(rows)?;
    let rows = rows.query_map(params![id, sql(page.limit), sql(page.offset)], read)?;
    let rows = rows.collect::<rusqlite::Result<_>>()?;
    let all = db.query_row(all, params![id], |row| count(row, 0))?;
    Ok((rows, all))
}

fn standing(row: &Row<'_>, rank: u64) -> rusqlite::Result<Standing> {
    Ok(Standing {
        rank,
        subject: row.get(0)?,
        bytes: count(row, 1)?,
        segments: count(row, 2)?,
        sessions: count(row, 3)?,
        at_ms: count(row, 4)?,
    })
}
