//! What outlives the process: stays, contributions, what an operator ruled. SQLite, inside the binary.
//!
//! Invariant: what was acknowledged is on the disk (WAL, a sync each commit), whatever ends the process then.
//! One thread writes, all that waits for it in one transaction; readers have a connection of their own and
//! never wait for it. Rows carry sums and not changes, so one that was lost is made good by the next.
//! `schema` opens a file and says what is wrong with it, `writer` is that thread, `read` what is asked. It decides nothing
//! about what counts: that is the tracker's.

mod read;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

pub(super) use read::{Contribution, Page, Standing, Stay};

use super::around::Ledger;
use crate::base::InfoHash;
use crate::tracker::{Earned, Record};
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use rusqlite::Connection;
use std::path::Path;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;

/// Writes that may wait. 64 Ki, about 20 MB: some seconds of a reconnect storm.
const WAITING_MAX: usize = 64 * 1024;

/// What is written. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Write {
    /// Somebody has come or gone.
    Stay(Record),
    /// Somebody has earned something.
    Earned(Earned),
    /// What peers may do, in a room or everywhere; `None` ends the rule.
    Rule(Option<InfoHash>, Option<Ruled>),
    /// A network that may not connect until then.
    Ban(String, u64),
    /// It may again.
    Pardon(String),
}

/// A rule as an operator gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ruled {
    /// The rule, in JSON.
    pub(super) rule: String,
    /// What the settings said then: they count again once they say something else.
    pub(super) beside: String,
}

/// What was ruled before this start.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rulings {
    /// By room; `None` is everywhere.
    pub(super) rules: Vec<(Option<InfoHash>, Ruled)>,
    /// Networks, and until when.
    pub(super) bans: Vec<(String, u64)>,
}

/// Told, on the writer's thread, whether a write is on the disk.
type Done = Box<dyn FnOnce(Result<(), String>) + Send>;

enum Job {
    Write(Write, u64, Option<Done>),
    Stop,
}

/// What happened to writes since the start.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    pub(super) written: AtomicU64,
    pub(super) transactions: AtomicU64,
    pub(super) lost: AtomicU64,
}

/// An open database.
#[derive(Debug)]
pub(super) struct Store {
    jobs: SyncSender<Job>,
    reader: Arc<Mutex<Connection>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    tallies: Arc<Tallies>,
    _lock: schema::Lock,
}

impl core::fmt::Debug for Job {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.write_str("Job")
    }
}

impl Store {
    /// Whether a database could be opened; changes nothing.
    ///
    /// # Errors
    /// One line for a person.
    pub(super) fn check(path: &Path) -> Result<(), String> {
        schema::check(path).map_err(|why| format!("the store {}: {why}", path.display()))
    }

    /// Opens the database, or makes it. What is older than `retention` goes by and by; zero keeps all.
    ///
    /// # Errors
    /// One line for a person; the file is as it was then.
    pub(super) fn open(path: &Path, retention: Duration) -> Result<Self, String> {
        let what = |why: String| format!("the store {}: {why}", path.display());
        let (db, lock) = schema::open(path).map_err(what)?;
        let reader = schema::open_to_read(path).map_err(what)?;
        let (jobs, waiting) = sync_channel(WAITING_MAX);
        let tallies = Arc::new(Tallies::default());
        let writer = writer::Writer::new(db, retention, tallies.clone());
        let thread = std::thread::Builder::new().name("store".into());
        let thread = thread.spawn(move || writer.run(&waiting));
        let thread = thread.map_err(|why| what(why.to_string()))?;
        Ok(Self {
            jobs,
            reader: Arc::new(Mutex::new(reader)),
            writer: Mutex::new(Some(thread)),
            tallies,
            _lock: lock,
        })
    }

    pub(super) fn tallies(&self) -> &Tallies {
        &self.tallies
    }

    fn put(&self, write: Write, done: Option<Done>) {
        let job = Job::Write(write, now_ms(), done);
        if let Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) =
            self.jobs.try_send(job)
        {
            self.tallies.lost.fetch_add(1, Ordering::Relaxed);
            if let Job::Write(_, _, Some(done)) = job {
                done(Err("too much waits to be written; try again".into()));
            }
        }
    }

    /// Writes it; ready when it is on the disk.
    ///
    /// # Errors
    /// Why it is not, in words for a person.
    pub(super) async fn keep(&self, write: Write) -> Result<(), String> {
        let (said, heard) = oneshot::channel();
        let done = Box::new(move |outcome| {
            let _ = said.send(outcome); // who asked may be gone
        });
        self.put(write, Some(done));
        let closed = || Err("the store is closed".to_owned());
        heard.await.unwrap_or_else(|_| closed())
    }

    /// Reads on a thread that may wait for the disk.
    async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, String> {
        let reader = self.reader.clone();
        let answer = tokio::task::spawn_blocking(move || {
            let reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            question(&reader)
        });
        let answer = answer.await.map_err(|why| why.to_string())?;
        answer.map_err(|why| why.to_string())
    }

    /// Writes what waits and ends the thread.
    pub(super) fn close(&self) {
        let mut thread = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let thread = thread.take();
        if let Some(thread) = thread
            && self.jobs.send(Job::Stop).is_ok()
            && thread.join().is_err()
        {
            tracing::error!("the store's thread has panicked");
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

impl Ledger for Store {
    fn record(&self, record: Record) {
        self.put(Write::Stay(record), None);
    }

    fn earn(&self, earned: Earned, kept: Box<dyn FnOnce() + Send>) {
        let done = move |outcome: Result<(), String>| {
            if outcome.is_ok() {
                kept();
            }
        };
        self.put(Write::Earned(earned), Some(Box::new(done)));
    }
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.unwrap_or_default().as_millis();
    u64::try_from(since).unwrap_or(u64::MAX)
}

/// A count as a database has it: with a sign.
fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
