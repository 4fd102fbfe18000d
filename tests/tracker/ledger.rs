//! What is kept of viewers: receipts on both ways, the API that tells of them, and what a restart or a kill leaves.

use super::*;
use serde_json::{Value, json};
use swarmline::wire::Receipt;

/// Bytes of one receipt.
const PORTION: u64 = 1 << 20;

/// Settings with a store in a folder of the test's, behind a proxy so that viewers have addresses of their own.
pub(super) fn settings(folder: &Folder) -> String {
    let path = folder.0.join("tracker.db");
    format!("trusted_proxies = [\"127.0.0.1\"]\nstore.path = {path:?}\n")
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A viewer at an address of its own, with its key.
pub(super) async fn come(tracker: &Tracker, n: u8) -> (Client, String) {
    let address: &'static str = ["192.0.2.1", "192.0.2.2", "192.0.2.3"][usize::from(n - 1)];
    let from = [("x-forwarded-for", address)];
    let mut client = Client::connect(&tracker.address, &from).await.unwrap();
    client.announce(n).await;
    let heard = client.hear().await;
    let Some(FromTracker::Announced { grants, .. }) = heard else {
        panic!("{heard:?}");
    };
    (client, grants.receipt_key.unwrap())
}

/// Viewer `to` has had this from viewer `from`.
pub(super) fn receipt(key: &str, (to, from): (u8, u8), bytes: u64) -> Receipt {
    let mut receipt = Receipt {
        info_hash: room(),
        peer: PeerId([to; 20]),
        from: PeerId([from; 20]),
        bytes,
        segments: bytes / PORTION,
        subject: None,
        mac: String::new(),
    };
    receipt.sign(key);
    receipt
}

impl Client {
    pub(super) async fn confirm(&mut self, receipt: Receipt) {
        let text = ToTracker::Receipt(receipt).encode();
        self.0.send(Message::Text(text.into())).await.unwrap();
    }
}

/// A receipt as HTTP carries it.
fn body(receipt: &Receipt) -> Value {
    json!({
        "videoCid": "https://cdn.example/live.m3u8",
        "peerId": hex(&receipt.peer.0),
        "from": hex(&receipt.from.0),
        "bytesShared": receipt.bytes,
        "segmentsShared": receipt.segments,
        "subject": receipt.subject,
        "mac": receipt.mac,
    })
}

impl Tracker {
    /// A request of a page: status and JSON.
    pub(super) fn get(&self, line: &str, body: &str) -> (u16, Value) {
        let (status, text) = http(&self.address, line, "none", body);
        let json = serde_json::from_str(&text);
        (status, json.unwrap_or(Value::Null))
    }
}

pub(super) fn contributions(tracker: &Tracker, peer: u8) -> Value {
    let line = format!("GET /api/p2p/contributions/{}", hex(&[peer; 20]));
    let (status, body) = tracker.get(&line, "");
    assert_eq!(status, 200, "{body}");
    body
}

#[tokio::test]
async fn a_receipt_is_acknowledged_when_it_outlives_the_tracker() {
    let folder = Folder::new();
    let tracker = Tracker::start(&settings(&folder));
    let (mut anna, key) = come(&tracker, 1).await;
    let (_ben, _) = come(&tracker, 2).await;
    anna.confirm(receipt(&key, (1, 2), 4 * PORTION)).await;
    let kept = FromTracker::Receipted {
        info_hash: room(),
        from: PeerId([2; 20]),
        bytes: 4 * PORTION,
        refused: None,
    };
    assert_eq!(anna.hear().await, Some(kept));
    anna.confirm(receipt(&key, (1, 2), 4 * PORTION)).await;
    let heard = anna.hear().await;
    assert!(
        matches!(&heard, Some(FromTracker::Receipted { refused: Some(why), .. }) if why.contains("no more than")),
        "{heard:?}"
    );
    tracker.signal("KILL");
    tracker.ended();
    let tracker = Tracker::start(&settings(&folder));
    let listed = contributions(&tracker, 2);
    assert_eq!(listed["total"], 1);
    let row = &listed["items"][0];
    assert_eq!(row["bytesShared"], 4 * PORTION);
    assert_eq!(row["segmentsShared"], 4);
    assert_eq!(row["peerId"], hex(&[2; 20]));
    assert_eq!(row["videoCid"], hex(&room().0));
    assert_eq!(row["subject"], Value::Null);
    assert_eq!(contributions(&tracker, 1)["total"], 0);
    // The key of a former start is no key.
    let (mut anna, fresh) = come(&tracker, 1).await;
    let (_ben, _) = come(&tracker, 2).await;
    anna.confirm(receipt(&key, (1, 2), 8 * PORTION)).await;
    assert!(matches!(
        anna.hear().await,
        Some(FromTracker::Receipted {
            refused: Some(_),
            ..
        })
    ));
    anna.confirm(receipt(&fresh, (1, 2), PORTION)).await;
    assert!(matches!(
        anna.hear().await,
        Some(FromTracker::Receipted { refused: None, .. })
    ));
}

#[tokio::test]
async fn a_receipt_may_come_by_http_and_name_its_writers_account() {
    let folder = Folder::new();
    let tracker = Tracker::start(&settings(&folder));
    let (_anna, key) = come(&tracker, 1).await;
    let (_ben, bens) = come(&tracker, 2).await;
    let line = "POST /api/p2p/contribution";
    let post = |body: &Value| tracker.get(line, &body.to_string());
    // Ben names his account with a receipt of his own; then Anna's earns for it.
    let mut named = Receipt {
        subject: Some("ben".into()),
        ..receipt(&bens, (2, 1), PORTION)
    };
    named.sign(&bens);
    let mut alias = body(&named);
    alias.as_object_mut().unwrap().remove("subject");
    alias["hiveUsername"] = "ben".into();
    let (status, credited) = post(&alias);
    assert_eq!(status, 201, "{credited}");
    assert_eq!(credited["bytesShared"], PORTION);
    let good = receipt(&key, (1, 2), 3 * PORTION);
    let (status, credited) = post(&body(&good));
    assert_eq!(
        (status, &credited["bytesShared"]),
        (201, &json!(3 * PORTION))
    );
    for (change, status, word) in [
        (json!({"bytesShared": 4 * PORTION}), 401, "not signed"),
        (json!({}), 409, "no more than"),
        (json!({"from": hex(&[9; 20])}), 401, "not signed"),
        (json!({"peerId": hex(&[9; 20])}), 404, "announce"),
        (json!({"peerId": "xyz"}), 422, "40 hexadecimal"),
        (json!({"mac": "AAAA"}), 401, "not signed"),
        (json!({"extra": 1}), 400, "unknown field"),
    ] {
        let mut wrong = body(&good);
        for (name, value) in change.as_object().unwrap() {
            wrong[name] = value.clone();
        }
        let (given, problem) = post(&wrong);
        assert_eq!(given, status, "{change}: {problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains(word),
            "{problem}"
        );
    }
    let (_, board) = tracker.get("GET /api/p2p/leaderboard", "");
    assert_eq!(board["total"], 1);
    assert_eq!(board["items"][0]["subject"], "ben");
    assert_eq!(board["items"][0]["bytesShared"], 3 * PORTION);
    assert_eq!(board["items"][0]["rank"], 1);
    let (_, one) = tracker.get("GET /api/p2p/leaderboard?hiveUsername=ben", "");
    assert_eq!(one["items"], board["items"]);
    let (_, none) = tracker.get("GET /api/p2p/leaderboard?subject=nobody", "");
    assert_eq!(none["total"], 0);
    let (_, stats) = tracker.get("GET /api/p2p/stats", "");
    assert_eq!(
        (&stats["peers"], &stats["subjects"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(stats["creditedBytes"], 3 * PORTION);
    let (_, metrics) = tracker.ask("GET /metrics", "");
    for line in [
        "swarmline_tracker_receipts_total 2",
        "swarmline_tracker_receipts_refused_total 5",
        "swarmline_tracker_store_lost_total 0",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line}: {metrics}");
    }
}

/// Kills a tracker in the midst of writes, again and again; the count of rounds is small here and
/// `SWARMLINE_KILLS` asks for more.
#[tokio::test]
async fn a_kill_in_a_storm_of_writes_loses_nothing_that_was_acknowledged() {
    let rounds = std::env::var("SWARMLINE_KILLS").map_or(5, |text| text.parse().unwrap());
    let folder = Folder::new();
    let limits = "[limits]\nframes_per_s = 100000\nframes_burst = 100000\n\
                  address_frames_per_s = 100000\naddress_frames_burst = 100000\n\
                  [receipts]\nrate_bytes_per_s = 1000000000000\n";
    let settings = format!("{}{limits}", settings(&folder));
    let mut acknowledged: Vec<u64> = Vec::new();
    for round in 0..rounds {
        let tracker = Tracker::start(&settings);
        let (mut anna, key) = come(&tracker, 1).await;
        let (_ben, _) = come(&tracker, 2).await;
        // Killed after another number of acknowledgements each time, while more is on its way.
        let until = 1 + round * 7 % 60;
        let mut last = 0;
        for n in 1..=200 {
            anna.confirm(receipt(&key, (1, 2), n * PORTION)).await;
        }
        for _ in 0..until {
            match anna.hear().await {
                Some(FromTracker::Receipted { bytes, .. }) => last = bytes,
                other => panic!("{other:?}"),
            }
        }
        tracker.signal("KILL");
        // What was said before it died counts as well.
        while let Some(FromTracker::Receipted { bytes, .. }) = anna.hear().await {
            last = bytes;
        }
        tracker.ended();
        acknowledged.push(last);
    }
    let tracker = Tracker::start(&settings);
    let line = format!("GET /api/p2p/contributions/{}?limit=500", hex(&[2; 20]));
    let (_, listed) = tracker.get(&line, "");
    // One stay of Ben's each round, the newest first.
    let rows = listed["items"].as_array().unwrap().iter().rev();
    let kept: Vec<u64> = rows.filter_map(|row| row["bytesShared"].as_u64()).collect();
    assert_eq!(kept.len(), acknowledged.len());
    for (round, (kept, bytes)) in kept.iter().zip(&acknowledged).enumerate() {
        assert!(kept >= bytes, "{round}: {kept} of {bytes}");
    }
}

#[tokio::test]
async fn rulings_outlive_a_kill_and_the_file_counts_when_it_says_something_new() {
    let folder = Folder::new();
    let settings = settings(&folder);
    let tracker = Tracker::start(&settings);
    let room = "live";
    assert_eq!(tracker.ask("PUT /policy", "{\"p2p\": false}").0, 200);
    assert_eq!(
        tracker
            .ask(&format!("PUT /policy/rooms/{room}"), "{\"max_peers\": 3}")
            .0,
        200
    );
    assert_eq!(
        tracker
            .ask("PUT /policy/rooms/gone", "{\"max_peers\": 3}")
            .0,
        200
    );
    assert_eq!(tracker.ask("DELETE /policy/rooms/gone", "").0, 204);
    for address in ["192.0.2.0/24", "198.51.100.1"] {
        let ban = format!("{{\"address\": \"{address}\", \"seconds\": 3600}}");
        assert_eq!(tracker.ask("POST /bans", &ban).0, 201);
    }
    assert_eq!(tracker.ask("DELETE /bans/198.51.100.1", "").0, 204);
    tracker.signal("KILL");
    tracker.ended();

    let tracker = Tracker::start(&settings);
    assert!(tracker.ask("GET /policy", "").1.contains("\"p2p\":false"));
    let (_, rooms) = tracker.ask("GET /policy/rooms", "");
    let rooms: Value = serde_json::from_str(&rooms).unwrap();
    assert_eq!(rooms.as_array().unwrap().len(), 1, "{rooms}");
    assert_eq!(rooms[0]["room"], hex(&info_hash_of(room).0));
    assert_eq!(rooms[0]["max_peers"], 3);
    let (_, bans) = tracker.ask("GET /bans", "");
    let bans: Value = serde_json::from_str(&bans).unwrap();
    assert_eq!(bans.as_array().unwrap().len(), 1, "{bans}");
    assert_eq!(bans[0]["address"], "192.0.2.0/24");
    let left = bans[0]["seconds"].as_u64().unwrap();
    assert!((1..=3_600).contains(&left), "{left}");
    assert_eq!(
        tracker.status(&[("x-forwarded-for", "192.0.2.9")]).await,
        403
    );
    tracker.signal("TERM");
    assert_eq!(tracker.ended().0, Some(0));

    let tracker = Tracker::start(&format!("policy.max_peers = 9\n{settings}"));
    let (_, policy) = tracker.ask("GET /policy", "");
    assert!(
        policy.contains("\"p2p\":true") && policy.contains("\"max_peers\":9"),
        "{policy}"
    );
}

#[test]
fn a_store_that_cannot_be_used_is_one_line_and_left_as_it_is() {
    let folder = Folder::new();
    let file = folder.write("tracker.db", &"my diary\n".repeat(1_000));
    let before = std::fs::read(&file).unwrap();
    for path in [file.as_str(), "/nowhere/tracker.db", "/proc/tracker.db"] {
        let set = format!("store.path={path}");
        let done = command()
            .args(["--listen", "127.0.0.1:0", "--set", &set])
            .output();
        let done = done.unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(path), "{said}");
    }
    assert_eq!(std::fs::read(&file).unwrap(), before);
    let set = format!("store.path={file}");
    let done = command()
        .args(["--check-config", "--set", &set])
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(1));
}

#[tokio::test]
async fn without_a_store_there_are_no_keys_and_the_api_says_so() {
    let tracker = Tracker::start("");
    let mut viewer = tracker.client().await;
    viewer.announce(1).await;
    let heard = viewer.hear().await;
    assert!(
        matches!(&heard, Some(FromTracker::Announced { grants, .. }) if grants.receipt_key.is_none()),
        "{heard:?}"
    );
    let line = format!("GET /api/p2p/contributions/{}", hex(&[1; 20]));
    let (status, problem) = tracker.get(&line, "");
    assert_eq!(status, 503, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("store.path"));
    assert_eq!(tracker.get("GET /api/p2p/stats", "").0, 200);
}
