//! What is kept is there again, sums once; files that cannot be used are said and left alone.

use super::*;
use crate::base::PeerId;
use crate::wire::SessionId;
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;

/// A folder that is gone with its test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("swarmline-store-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("tracker.db")
    }

    fn open(&self) -> Store {
        Store::open(&self.file(), Duration::ZERO).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn earned(session: u64, subject: Option<&str>, bytes: u64) -> Earned {
    Earned {
        session: SessionId(session),
        room: InfoHash([1; 20]),
        peer: PeerId([2; 20]),
        subject: subject.map(Into::into),
        bytes,
        segments: bytes / 10,
        span: Duration::from_secs(60),
    }
}

const ALL: Page = Page {
    offset: 0,
    limit: 100,
};

#[tokio::test]
async fn what_was_kept_is_there_when_it_is_opened_again() {
    let folder = Folder::new();
    let store = folder.open();
    store
        .keep(Write::Earned(earned(7, None, 100)))
        .await
        .unwrap();
    let ruled = Ruled {
        rule: "{}".into(),
        beside: "{}".into(),
    };
    let room = Some(InfoHash([3; 20]));
    for write in [
        Write::Rule(None, Some(ruled.clone())),
        Write::Rule(room, Some(ruled.clone())),
        Write::Ban("192.0.2.0/24".into(), 5_000),
        Write::Ban("198.51.100.1".into(), 1_000),
    ] {
        store.keep(write).await.unwrap();
    }
    drop(store);
    let store = folder.open();
    let (rows, all) = store.contributions(PeerId([2; 20]), ALL).await.unwrap();
    assert_eq!((all, rows.len()), (1, 1));
    assert_eq!((rows[0].session, rows[0].bytes), (7, 100));
    assert_eq!((rows[0].segments, rows[0].span_ms), (10, 60_000));
    let rulings = store.rulings(2_000).unwrap();
    assert_eq!(rulings.rules, [(None, ruled.clone()), (room, ruled)]);
    assert_eq!(rulings.bans, [("192.0.2.0/24".to_owned(), 5_000)]);
    store.keep(Write::Rule(room, None)).await.unwrap();
    store
        .keep(Write::Pardon("192.0.2.0/24".into()))
        .await
        .unwrap();
    let rulings = store.rulings(2_000).unwrap();
    assert_eq!((rulings.rules.len(), rulings.bans.len()), (1, 0));
}

#[tokio::test]
async fn sums_of_a_stay_count_once_and_for_its_account() {
    let folder = Folder::new();
    let store = folder.open();
    for write in [
        earned(1, None, 100), // named only later: all of it is hers
        earned(1, Some("anna"), 300),
        earned(1, Some("anna"), 200), // late
        earned(1, Some("anna"), 300), // again
        earned(2, Some("anna"), 50),
        earned(3, Some("ben"), 350),
        earned(4, None, 1_000),
    ] {
        store.keep(Write::Earned(write)).await.unwrap();
    }
    let (leaders, all) = store.leaders(ALL).await.unwrap();
    let row = |at: usize| {
        let it = &leaders[at];
        (
            it.rank,
            it.subject.as_str(),
            it.bytes,
            it.segments,
            it.sessions,
        )
    };
    assert_eq!((all, leaders.len()), (2, 2));
    assert_eq!(row(0), (1, "anna", 350, 35, 2));
    assert_eq!(row(1), (2, "ben", 350, 35, 1));
    for leader in &leaders {
        let one = store.leader(leader.subject.clone()).await.unwrap();
        assert_eq!(one.as_ref(), Some(leader));
    }
    assert_eq!(store.leader("nobody".into()).await.unwrap(), None);
    assert_eq!(store.sums().await.unwrap(), (700, 2));
    let second = Page {
        offset: 1,
        limit: 1,
    };
    let (page, _) = store.leaders(second).await.unwrap();
    assert_eq!(page.as_slice(), &leaders[1..]);
}

#[tokio::test]
async fn stays_are_written_and_those_that_a_crash_cut_short_are_lost() {
    let folder = Folder::new();
    let store = folder.open();
    let joined = |session| Record::Joined {
        session: SessionId(session),
        room: InfoHash([1; 20]),
        peer: PeerId([2; 20]),
    };
    let left = Record::Left {
        session: SessionId(1),
        uploaded: 10,
        downloaded: 20,
        peers_connected: 3,
    };
    for record in [joined(1), joined(2), left] {
        store.keep(Write::Stay(record)).await.unwrap();
    }
    let rows = |store: &Store| {
        let db = store.reader.lock().unwrap();
        let text =
            "SELECT status, uploaded, downloaded, peers, left_ms IS NULL FROM sessions ORDER BY id";
        let mut rows = db.prepare(text).unwrap();
        let row = |row: &rusqlite::Row<'_>| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
            ))
        };
        let rows = rows.query_map([], row).unwrap();
        rows.map(Result::unwrap)
            .collect::<Vec<(String, i64, i64, i64, bool)>>()
    };
    let whole = ("ended".to_owned(), 10, 20, 3, false);
    let open = |status: &str| (status.to_owned(), 0, 0, 0, true);
    assert_eq!(rows(&store), [whole.clone(), open("active")]);
    drop(store);
    assert_eq!(rows(&folder.open()), [whole, open("lost")]);
}

#[tokio::test]
async fn old_rows_go_and_what_accounts_have_earned_stays() {
    let folder = Folder::new();
    let store = folder.open();
    store
        .keep(Write::Earned(earned(1, Some("anna"), 100)))
        .await
        .unwrap();
    drop(store);
    std::thread::sleep(Duration::from_millis(5));
    let store = Store::open(&folder.file(), Duration::from_millis(1)).unwrap();
    // The first thing it writes is followed by a look at what is old.
    while store.contributions(PeerId([2; 20]), ALL).await.unwrap().1 > 0 {
        store.keep(Write::Pardon("x".into())).await.unwrap();
    }
    assert_eq!(store.leaders(ALL).await.unwrap().0[0].bytes, 100);
}

/// What a file is refused with; it is the same afterwards.
fn refused(folder: &Folder) -> String {
    let before = std::fs::read(folder.file()).unwrap();
    let why = Store::open(&folder.file(), Duration::ZERO).unwrap_err();
    assert_eq!(std::fs::read(folder.file()).unwrap(), before, "{why}");
    assert!(schema::check(&folder.file()).is_err());
    assert!(!why.contains('\n'), "{why}");
    why
}

#[test]
fn a_file_that_cannot_be_used_is_said_and_left_as_it_is() {
    let folder = Folder::new();
    std::fs::write(folder.file(), "my diary\n".repeat(1_000)).unwrap();
    assert!(refused(&folder).contains("is damaged"));

    let folder = Folder::new();
    let other = Connection::open(folder.file()).unwrap();
    other.execute_batch("CREATE TABLE x (y)").unwrap();
    drop(other);
    assert!(refused(&folder).contains("something else"));

    let folder = Folder::new();
    drop(folder.open());
    let later = Connection::open(folder.file()).unwrap();
    later.pragma_update(None, "user_version", 99).unwrap();
    drop(later);
    assert!(refused(&folder).contains("later version (schema 99"));

    let folder = Folder::new();
    let store = folder.open();
    for session in 0..2_000 {
        store.put(Write::Earned(earned(session, Some("anna"), 10)), None);
    }
    drop(store);
    drop(folder.open());
    let mut bytes = std::fs::read(folder.file()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 9_000].fill(0xa5);
    std::fs::write(folder.file(), bytes).unwrap();
    let why = refused(&folder);
    assert!(why.contains("is damaged"), "{why}");

    let folder = Folder::new();
    let _first = folder.open();
    let second = Store::open(&folder.file(), Duration::ZERO).unwrap_err();
    assert!(second.contains("another tracker uses it"), "{second}");
    let nowhere = folder.0.join("nowhere/tracker.db");
    let why = Store::open(&nowhere, Duration::ZERO).unwrap_err();
    assert!(why.contains("cannot be written"), "{why}");
    assert!(schema::check(&nowhere).is_err());
}

#[test]
fn a_healthy_file_of_today_passes_the_look_and_keeps_its_version() {
    let folder = Folder::new();
    assert_eq!(schema::check(&folder.file()), Ok(()));
    drop(folder.open());
    assert_eq!(schema::check(&folder.file()), Ok(()));
    drop(folder.open());
    let db = Connection::open(folder.file()).unwrap();
    let version = db.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    assert_eq!(version.unwrap(), 2);
}
