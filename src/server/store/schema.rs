//! A database file: whether it is one of ours and whole, and how an older one becomes today's.
//!
//! Invariant: a file that is damaged, somebody else's or from a later version is left as it is. Migrations are
//! a list to which lines are only ever added; each runs once, all in one transaction.

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

/// Says whose file it is (SQLite's `application_id`): "swml".
const APPLICATION: i64 = 0x7377_6d6c;

/// How long a reader waits for a lock of somebody's backup.
const BUSY: core::time::Duration = core::time::Duration::from_secs(5);

/// What made each version of the one before; `user_version` counts them.
const MIGRATIONS: [&str; 2] = [
    "
CREATE TABLE sessions (
  id INTEGER PRIMARY KEY,
  room BLOB NOT NULL,
  peer BLOB NOT NULL,
  joined_ms INTEGER NOT NULL,
  left_ms INTEGER,
  uploaded INTEGER NOT NULL DEFAULT 0,
  downloaded INTEGER NOT NULL DEFAULT 0,
  peers INTEGER NOT NULL DEFAULT 0,
  status TEXT NOT NULL DEFAULT 'active'
) STRICT;
CREATE INDEX sessions_joined ON sessions (joined_ms);
CREATE INDEX sessions_active ON sessions (id) WHERE status = 'active';
CREATE TABLE contributions (
  session INTEGER PRIMARY KEY,
  room BLOB NOT NULL,
  peer BLOB NOT NULL,
  subject TEXT,
  bytes INTEGER NOT NULL,
  segments INTEGER NOT NULL,
  span_ms INTEGER NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX contributions_peer ON contributions (peer, at_ms);
CREATE INDEX contributions_at ON contributions (at_ms);
CREATE TABLE subjects (
  subject TEXT PRIMARY KEY,
  bytes INTEGER NOT NULL,
  segments INTEGER NOT NULL,
  sessions INTEGER NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX subjects_bytes ON subjects (bytes DESC, subject);
CREATE TRIGGER contribution_made AFTER INSERT ON contributions WHEN new.subject IS NOT NULL BEGIN
  INSERT INTO subjects VALUES (new.subject, new.bytes, new.segments, 1, new.at_ms)
  ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes, segments = segments + excluded.segments,
    sessions = sessions + 1, at_ms = excluded.at_ms;
END;
CREATE TRIGGER contribution_grown AFTER UPDATE ON contributions WHEN new.subject IS NOT NULL BEGIN
  INSERT INTO subjects VALUES (new.subject,
    new.bytes - iif(old.subject IS new.subject, old.bytes, 0),
    new.segments - iif(old.subject IS new.subject, old.segments, 0),
    old.subject IS NOT new.subject, new.at_ms)
  ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes, segments = segments + excluded.segments,
    sessions = sessions + excluded.sessions, at_ms = excluded.at_ms;
END;
CREATE TABLE rules (
  room BLOB PRIMARY KEY,
  rule TEXT NOT NULL,
  beside TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE bans (
  prefix TEXT PRIMARY KEY,
  until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
",
    "
CREATE INDEX sessions_room ON sessions (room, joined_ms);
",
];

/// Held while a tracker uses a database; the system lets go of it when the process ends.
#[derive(Debug)]
pub(super) struct Lock(#[allow(dead_code, reason = "dropped with the store")] File);

/// Opens a database to write, after a look at it, and makes it today's.
///
/// # Errors
/// What is wrong, in words for a person.
pub(super) fn open(path: &Path) -> Result<(Connection, Lock), String> {
    let lock = lock(path)?;
    let is_there = path.metadata().is_ok_and(|file| file.len() > 0);
    if is_there {
        inspect(path)?;
    }
    let mut db = Connection::open(path).map_err(in_words)?;
    prepare(&mut db).map_err(in_words)?;
    Ok((db, lock))
}

/// Opens one that [`open`] has opened already.
///
/// # Errors
/// What is wrong, in words for a person.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, String> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let db = db.map_err(in_words)?;
    db.busy_timeout(BUSY).map_err(in_words)?;
    Ok(db)
}

/// Whether a database could be opened; changes nothing.
///
/// # Errors
/// What is wrong, in words for a person.
pub(super) fn check(path: &Path) -> Result<(), String> {
    match path.metadata() {
        Ok(file) if file.len() > 0 => inspect(path),
        Ok(_) | Err(_) => {
            let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
            let is_there = folder.is_none_or(Path::is_dir);
            is_there
                .then_some(())
                .ok_or_else(|| "there is no such folder".into())
        }
    }
}

/// One tracker a file: two would each know half of what counts.
fn lock(path: &Path) -> Result<Lock, String> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(name);
    let file = file.map_err(|why| format!("cannot be written: {why}"))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err("another tracker uses it".into()),
        Err(TryLockError::Error(why)) => Err(format!("cannot be locked: {why}")),
    }
}

fn inspect(path: &Path) -> Result<(), String> {
    let db = open_to_read(path)?;
    let number = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, version) = (number("application_id"), number("user_version"));
    let (application, version) = (application.map_err(in_words)?, version.map_err(in_words)?);
    if application != APPLICATION {
        return Err("is a database of something else; nothing was changed".into());
    }
    let newest = newest();
    if version > newest {
        return Err(format!(
            "was made by a later version (schema {version}, this one knows {newest}); nothing was changed"
        ));
    }
    let sound = db.pragma_query_value(None, "quick_check", |row| row.get::<_, String>(0));
    match sound.map_err(in_words)?.as_str() {
        "ok" => Ok(()),
        why => Err(damaged(why)),
    }
}

/// The version that the migrations lead to.
fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

fn damaged(why: &str) -> String {
    let why = why.replace('\n', ", ");
    format!("is damaged ({why}); nothing was changed, restore a copy or move it away")
}

fn prepare(db: &mut Connection) -> rusqlite::Result<()> {
    db.busy_timeout(BUSY)?;
    db.pragma_update(None, "journal_mode", "wal")?;
    db.pragma_update(None, "synchronous", "full")?;
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = change.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))?;
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    for migration in MIGRATIONS.iter().skip(done) {
        change.execute_batch(migration)?;
    }
    change.pragma_update(None, "application_id", APPLICATION)?;
    change.pragma_update(None, "user_version", newest())?;
    // Who was there when the process ended is not any more.
    change.execute(
        "UPDATE sessions SET status = 'lost' WHERE status = 'active'",
        [],
    )?;
    change.commit()
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn in_words(error: rusqlite::Error) -> String {
    use rusqlite::ErrorCode::{
        CannotOpen, DatabaseCorrupt, NotADatabase, PermissionDenied, ReadOnly,
    };
    let code = error.sqlite_error_code();
    let why = error.to_string();
    match code {
        Some(DatabaseCorrupt | NotADatabase) => damaged(&why),
        Some(CannotOpen | PermissionDenied | ReadOnly) => {
            format!("cannot be written: {}", why.replace('\n', ", "))
        }
        Some(_) | None => why.replace('\n', ", "),
    }
}
