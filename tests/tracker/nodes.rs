//! Two nodes and the Redis between them, as operators run them: peers of both meet, rulings of one hold at the other, and
//! whichever of the three goes, viewers are served.

use super::ledger::{come, contributions, hex, receipt, settings};
use super::*;
use serde_json::json;
use swarmline::wire::{Offer, Scraped};

/// How long nodes may take to notice something. Some seconds, on a machine that does other things too.
const NOTICING: Duration = Duration::from_secs(60);

/// Redis on a port of its own that keeps nothing, ended with its test.
pub(crate) struct Redis {
    child: Child,
    port: u16,
    _folder: Folder,
}

impl Redis {
    fn start() -> Option<Self> {
        Self::start_with(&["--save", "", "--appendonly", "no"])
    }

    pub(crate) fn start_with(settings: &[&str]) -> Option<Self> {
        Self::start_by(|_| settings.iter().map(|&it| it.to_owned()).collect())
    }

    /// With settings that its port decides. `None`, with a word, where there is none.
    pub(crate) fn start_by(settings: impl Fn(u16) -> Vec<String>) -> Option<Self> {
        // Below the ports that the system gives to outgoing connections, which could take one while Redis is away.
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let next = COUNT.fetch_add(1, Ordering::Relaxed) + std::process::id() * 17;
            let port = u16::try_from(20_000 + next % 10_000).unwrap();
            match Self::start_on(port, &settings(port)) {
                Ok(Some(redis)) => return Some(redis),
                Ok(None) => {} // somebody else's port
                Err(why) => {
                    eprintln!(
                        "skipped: no redis-server here ({why}); Debian: apt-get install redis-server"
                    );
                    return None;
                }
            }
        }
    }

    /// `None` if the port is somebody else's.
    fn start_on(
        port: u16,
        settings: &[impl AsRef<std::ffi::OsStr>],
    ) -> std::io::Result<Option<Self>> {
        let folder = Folder::new();
        let mut command = Command::new("redis-server");
        let number = port.to_string();
        command.args(["--port", &number, "--bind", "127.0.0.1"]);
        command.args(settings).arg("--dir").arg(&folder.0);
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut redis = Self {
            child,
            port,
            _folder: folder,
        };
        Ok(redis.is_there().then_some(redis))
    }

    /// Waits until it listens; false if it has ended.
    fn is_there(&mut self) -> bool {
        let begun = std::time::Instant::now();
        let own = format!("process_id:{}\r", self.child.id());
        while self.child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE, "redis-server does not listen");
            let is_up = StdStream::connect(("127.0.0.1", self.port)).is_ok();
            if is_up && self.say(&[b"INFO", b"server"]).contains(&own) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn settings(&self) -> String {
        format!("[redis]\nurl = \"redis://127.0.0.1:{}/0\"\n", self.port)
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Sends a command as it stands; returns what comes back at once.
    pub(crate) fn say(&self, words: &[&[u8]]) -> String {
        let mut socket = StdStream::connect(("127.0.0.1", self.port)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut out = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            out.extend_from_slice(word);
            out.extend_from_slice(b"\r\n");
        }
        socket.write_all(&out).unwrap();
        let mut answer = [0; 4_096];
        let length = socket.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill(); // also one that was stopped
        let _ = self.child.wait();
    }
}

/// Waits until it is so.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let begun = tokio::time::Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < NOTICING, "never: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A metric of a node; `None` if it has none of this name.
pub(crate) fn metric(tracker: &Tracker, name: &str) -> Option<f64> {
    let (_, text) = tracker.ask("GET /metrics", "");
    let name = format!("swarmline_tracker_{name} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    line.map(|number| number.parse().unwrap())
}

async fn found(tracker: &Tracker, nodes: f64) {
    eventually("the nodes find each other", || async {
        metric(tracker, "nodes") == Some(nodes)
    })
    .await;
}

pub(crate) async fn pair(redis: &Redis) -> (Tracker, Tracker) {
    pair_by(&redis.settings()).await
}

/// Two nodes with these settings that have found each other.
pub(crate) async fn pair_by(settings: &str) -> (Tracker, Tracker) {
    let (one, other) = (Tracker::start(settings), Tracker::start(settings));
    found(&one, 1.0).await;
    found(&other, 1.0).await;
    (one, other)
}

/// Peers 1 and 2, each at a node of its own, which know of each other.
pub(crate) async fn both_join(one: &Tracker, other: &Tracker) -> (Client, Client) {
    let (mut here, mut there) = (one.client().await, other.client().await);
    here.announce(1).await;
    there.announce(2).await;
    counted(&mut here, 2).await;
    counted(&mut there, 2).await;
    (here, there)
}

impl Client {
    async fn say(&mut self, message: &ToTracker) {
        let text = Message::Text(message.encode().into());
        self.0.send(text).await.unwrap();
    }

    async fn offer(&mut self, peer: u8, offer_id: &str) {
        let mut message = announce(peer);
        if let ToTracker::Announce { offers, .. } = &mut message {
            offers.push(Offer {
                offer_id: offer_id.into(),
                sdp: "an offer".into(),
            });
        }
        self.say(&message).await;
    }

    /// Peers in the room, as a scrape tells.
    async fn count(&mut self) -> u32 {
        self.say(&ToTracker::Scrape {
            info_hashes: vec![room()],
        })
        .await;
        loop {
            match timeout(PATIENCE, self.0.next()).await.unwrap() {
                Some(Ok(Message::Text(text))) => {
                    if let Ok(Scraped { swarms }) = Scraped::decode(&text) {
                        return swarms.iter().map(|row| row.1 + row.2).sum();
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => panic!("no answer to a scrape"),
            }
        }
    }

    /// The next offer or answer.
    async fn introduction(&mut self) -> FromTracker {
        loop {
            let heard = self.hear().await.unwrap();
            if matches!(
                heard,
                FromTracker::Offered { .. } | FromTracker::Answered { .. }
            ) {
                return heard;
            }
        }
    }
}

/// One offers, the other answers, and the one hears of it.
pub(crate) async fn meet(
    (one, from): (&mut Client, u8),
    (other, to): (&mut Client, u8),
    offer_id: &str,
) {
    one.offer(from, offer_id).await;
    let offered = other.introduction().await;
    let FromTracker::Offered {
        peer, offer_id: id, ..
    } = offered
    else {
        panic!("{offered:?}");
    };
    assert_eq!((peer, id.as_str()), (PeerId([from; 20]), offer_id));
    other
        .say(&ToTracker::Answer {
            info_hash: room(),
            peer: PeerId([to; 20]),
            to_peer: peer,
            offer_id: id,
            sdp: "an answer".into(),
        })
        .await;
    let answered = one.introduction().await;
    let FromTracker::Answered { peer, sdp, .. } = answered else {
        panic!("{answered:?}");
    };
    assert_eq!((peer, sdp.text().as_str()), (PeerId([to; 20]), "an answer"));
}

async fn counted(client: &mut Client, peers: u32) {
    let begun = tokio::time::Instant::now();
    loop {
        let count = client.count().await;
        if count == peers {
            return;
        }
        assert!(begun.elapsed() < NOTICING, "{count} peers, not {peers}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn peers_of_two_nodes_meet_and_those_of_a_killed_one_are_gone() {
    let Some(redis) = Redis::start() else { return };
    let (one, other) = pair(&redis).await;
    let (mut here, mut there) = both_join(&one, &other).await;
    meet((&mut here, 1), (&mut there, 2), "from here").await;
    meet((&mut there, 2), (&mut here, 1), "from there").await;
    assert_eq!(metric(&one, "offers_relayed_total"), Some(1.0));
    assert_eq!(metric(&one, "answers_relayed_total"), Some(1.0));

    other.signal("KILL");
    counted(&mut here, 1).await;
    found(&one, 0.0).await;
    // Its viewer comes here, under the same id, and the swarm goes on.
    let mut moved = one.client().await;
    moved.announce(2).await;
    counted(&mut here, 2).await;
    meet((&mut here, 1), (&mut moved, 2), "again").await;

    // One that is told to stop says so; nobody waits for its silence.
    let third = Tracker::start(&redis.settings());
    found(&one, 1.0).await;
    third.signal("TERM");
    let (code, log) = third.ended();
    assert_eq!(code, Some(0), "{log}");
    found(&one, 0.0).await;
}

#[tokio::test]
async fn a_receipt_for_a_viewer_of_another_node_is_in_its_store_when_the_writer_hears_of_it() {
    let Some(redis) = Redis::start() else { return };
    let folders = [Folder::new(), Folder::new()];
    let secret = folders[0].write("receipts", &"what both nodes know ".repeat(4));
    let with = |folder| {
        let (store, redis) = (settings(folder), redis.settings());
        format!("{store}receipts.secret_file = {secret:?}\n{redis}")
    };
    let (one, other) = (
        Tracker::start(&with(&folders[0])),
        Tracker::start(&with(&folders[1])),
    );
    found(&one, 1.0).await;
    found(&other, 1.0).await;
    let (mut anna, key) = come(&one, 1).await;
    let (_ben, _) = come(&other, 2).await;
    counted(&mut anna, 2).await;
    let kept = |bytes| {
        Some(FromTracker::Receipted {
            info_hash: room(),
            from: PeerId([2; 20]),
            bytes,
            refused: None,
        })
    };
    anna.confirm(receipt(&key, (1, 2), 4 << 20)).await;
    assert_eq!(anna.hear().await, kept(4 << 20));
    // By HTTP it is taken, and the writer hears of it on its connection.
    let more = receipt(&key, (1, 2), 6 << 20);
    let body = json!({
        "videoCid": hex(&room().0), "peerId": hex(&more.peer.0), "from": hex(&more.from.0),
        "bytesShared": more.bytes, "segmentsShared": more.segments, "mac": more.mac,
    });
    let posted = one.get("POST /api/p2p/contribution", &body.to_string());
    assert_eq!(posted.0, 202);
    assert_eq!(anna.hear().await, kept(6 << 20));
    assert_eq!(
        one.get("POST /api/p2p/contribution", &body.to_string()).0,
        409
    );
    other.signal("KILL");
    other.ended();
    let other = Tracker::start(&with(&folders[1]));
    let listed = contributions(&other, 2);
    assert_eq!(listed["total"], 1, "{listed}");
    assert_eq!(listed["items"][0]["bytesShared"], 6 << 20);
    assert_eq!(listed["items"][0]["segmentsShared"], 6);
    assert_eq!(contributions(&one, 2)["total"], 0, "only there");
}

#[tokio::test]
async fn without_redis_each_node_serves_its_own_and_with_it_they_are_one_again() {
    let Some(mut redis) = Redis::start() else {
        return;
    };
    let (one, other) = pair(&redis).await;
    let (mut here, mut beside) = (one.client().await, one.client().await);
    let mut there = other.client().await;
    here.announce(1).await;
    there.announce(3).await;
    counted(&mut here, 2).await;

    let _ = redis.child.kill();
    let _ = redis.child.wait();
    eventually("the node notices", || async {
        metric(&one, "redis_up") == Some(0.0)
    })
    .await;
    assert_eq!(metric(&one, "redis_outages_total"), Some(1.0));
    assert_eq!(http(&one.address, "GET /readyz", "none", "").0, 200);
    counted(&mut here, 1).await;
    beside.announce(2).await;
    counted(&mut here, 2).await;
    meet((&mut here, 1), (&mut beside, 2), "meanwhile").await;
    // What is ruled meanwhile holds here at once, and says that the others do not know it yet.
    let (status, body) = one.ask("PUT /policy", "{\"max_peers\": 4}");
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("in force at this node"), "{body}");
    assert!(one.ask("GET /policy", "").1.contains("\"max_peers\":4"));

    redis = Redis::start_on(redis.port, &["--save", ""])
        .unwrap()
        .expect("its port is free");
    found(&one, 1.0).await;
    found(&other, 1.0).await;
    counted(&mut there, 3).await;
    eventually("the ruling reaches the other", || async {
        other.ask("GET /policy", "").1.contains("\"max_peers\":4")
    })
    .await;
    // Everything that Redis knew was lost with it, and is there again: a node that starts now learns of it.
    let third = Tracker::start(&redis.settings());
    eventually("a newcomer learns of it", || async {
        third.ask("GET /policy", "").1.contains("\"max_peers\":4")
    })
    .await;
    one.signal("TERM");
    let (_, log) = one.ended();
    assert_eq!(log.matches("Redis is away").count(), 1, "{log}");
}

#[tokio::test]
async fn a_redis_that_does_not_answer_is_one_that_is_away() {
    let Some(redis) = Redis::start() else { return };
    let (one, other) = pair(&redis).await;
    let (mut here, mut beside) = (one.client().await, one.client().await);
    let mut there = other.client().await;
    here.announce(1).await;
    there.announce(3).await;
    counted(&mut here, 2).await;
    redis.signal("STOP");
    // Served all the while, whether it has been noticed or not.
    beside.announce(2).await;
    counted(&mut here, 2).await;
    eventually("both nodes notice", || async {
        [&one, &other].map(|it| metric(it, "redis_up")) == [Some(0.0); 2]
    })
    .await;
    meet((&mut here, 1), (&mut beside, 2), "meanwhile").await;
    redis.signal("CONT");
    found(&one, 1.0).await;
    found(&other, 1.0).await;
    counted(&mut there, 3).await;
    meet_any(&mut there, 3, &mut [(&mut here, 1), (&mut beside, 2)]).await;
}

/// One's offers reach the others of another node.
async fn meet_any(one: &mut Client, from: u8, others: &mut [(&mut Client, u8)]) {
    let mut message = announce(from);
    if let ToTracker::Announce { offers, .. } = &mut message {
        for n in 0..others.len() {
            offers.push(Offer {
                offer_id: format!("{n}"),
                sdp: "an offer".into(),
            });
        }
    }
    one.say(&message).await;
    for (other, _) in others {
        let offered = other.introduction().await;
        assert!(
            matches!(offered, FromTracker::Offered { .. }),
            "{offered:?}"
        );
    }
}

#[tokio::test]
async fn a_ban_and_the_kill_switch_hold_at_all_nodes_until_any_ends_them() {
    let Some(redis) = Redis::start() else { return };
    let settings = format!("trusted_proxies = [\"127.0.0.1\"]\n{}", redis.settings());
    let (one, other) = (Tracker::start(&settings), Tracker::start(&settings));
    found(&one, 1.0).await;
    found(&other, 1.0).await;
    let from = |address: &'static str| [("x-forwarded-for", address)];
    let mut bad = Client::connect(&other.address, &from("192.0.2.9"))
        .await
        .unwrap();
    let mut good = Client::connect(&other.address, &from("198.51.100.9"))
        .await
        .unwrap();
    good.announce(1).await;
    assert_eq!(good.caps().await, (None, None));

    let ban = "{\"address\": \"192.0.2.0/24\", \"seconds\": 3600}";
    let (status, body) = one.ask("POST /bans", ban);
    assert_eq!(status, 201, "{body}");
    assert_eq!(bad.end().await, Some(1008));
    assert_eq!(other.status(&from("192.0.2.10")).await, 403);
    assert_eq!(one.ask("PUT /policy", "{\"p2p\": false}").0, 200);
    assert_eq!(good.caps().await, (Some(0), None));
    let line = "PUT /policy/rooms/live";
    assert_eq!(one.ask(line, "{\"max_peers\": 3}").0, 200);
    eventually("a room's rule is everywhere", || async {
        other
            .ask("GET /policy/rooms/live", "")
            .1
            .contains("\"max_peers\":3")
    })
    .await;

    // A node that comes later obeys the same.
    let late = Tracker::start(&settings);
    eventually("the newcomer bans", || async {
        late.status(&from("192.0.2.10")).await == 403
    })
    .await;
    assert!(late.ask("GET /policy", "").1.contains("\"p2p\":false"));

    // And another node than the first ends it.
    assert_eq!(other.ask("DELETE /bans/192.0.2.0/24", "").0, 204);
    assert_eq!(other.ask("PUT /policy", "{}").0, 200);
    assert_eq!(good.caps().await, (None, None));
    assert_eq!(other.ask("DELETE /policy/rooms/live", "").0, 204);
    eventually("the first pardons", || async {
        let rooms = one.ask("GET /policy/rooms", "").1;
        rooms == "[]" && one.status(&from("192.0.2.10")).await == 101
    })
    .await;
}

#[tokio::test]
async fn strangers_values_in_redis_cost_nothing_but_themselves() {
    let Some(redis) = Redis::start() else { return };
    let long = vec![b'x'; 3_000_000];
    let hash: &[u8] = b"swarmline:rulings";
    let rubbish = || {
        for (about, text) in [
            (&b"policy"[..], &b"99999999999999999999 {}"[..]),
            (b"policy", b"no ruling"),
            (b"ban/192.0.2.1", &long),
            (b"\xff\xfe", b"\xff"),
            (&long, b"1"),
            (b"policy/zz", b"1 {\"rule\":[{\"p2p\":false},\"\"]}"),
        ] {
            redis.say(&[b"HSET", hash, about, text]);
        }
        for channel in [&b"swarmline:nodes"[..], b"swarmline:ruled"] {
            for text in [&b""[..], b"nonsense", b"\xff\xfe", &long, b"policy 1 {"] {
                redis.say(&[b"PUBLISH", channel, text]);
            }
        }
    };
    // Before the nodes come, and in their sight.
    rubbish();
    let (one, other) = pair(&redis).await;
    rubbish();
    let (mut here, mut there) = (one.client().await, other.client().await);
    here.announce(1).await;
    there.announce(2).await;
    counted(&mut here, 2).await;
    meet((&mut here, 1), (&mut there, 2), "all the same").await;
    assert_eq!(one.ask("PUT /policy", "{\"max_peers\": 5}").0, 200);
    eventually("rulings pass", || async {
        let policy = other.ask("GET /policy", "").1;
        policy.contains("\"max_peers\":5")
    })
    .await;
    assert_eq!(metric(&one, "redis_outages_total"), Some(0.0));
    assert!(metric(&one, "nodes_unreadable_total").unwrap() > 0.0);
    let late = Tracker::start(&redis.settings());
    eventually("a newcomer reads what can be read", || async {
        late.ask("GET /policy", "").1.contains("\"max_peers\":5")
    })
    .await;
}

#[tokio::test]
async fn a_password_is_asked_for_and_never_said() {
    let Some(redis) = Redis::start() else { return };
    redis.say(&[b"CONFIG", b"SET", b"requirepass", b"open sesame"]);
    let folder = Folder::new();
    let file = folder.write("redis-password", "open sesame\n");
    let settings = format!("{}password_file = \"{file}\"\n", redis.settings());
    let one = Tracker::start(&settings);
    eventually("it is let in", || async {
        metric(&one, "redis_up") == Some(1.0)
    })
    .await;
    one.signal("TERM");
    let (_, log) = one.ended();
    assert!(!log.contains("sesame"), "{log}");
    // Without one, it is alone and says why.
    let other = Tracker::start(&redis.settings());
    let mut viewer = other.client().await;
    viewer.announce(1).await;
    assert_eq!(viewer.count_after_answer().await, 1);
    assert_eq!(metric(&other, "redis_up"), Some(0.0));
    other.signal("TERM");
    let (code, log) = other.ended();
    assert_eq!(code, Some(0));
    assert!(
        log.contains("Redis is away") && log.contains("NOAUTH"),
        "{log}"
    );
}

impl Client {
    async fn count_after_answer(&mut self) -> u32 {
        self.hear().await;
        self.count().await
    }
}

#[test]
fn an_address_that_cannot_be_used_is_one_line_and_a_failure() {
    for (set, expected) in [
        ("redis.url=cache:6379", "redis.url"),
        ("redis.url=redis://a:secret@cache", "redis.password_file"),
        ("redis.password_file=/nowhere", ""),
    ] {
        let done = command()
            .args(["--set", set, "--check-config"])
            .output()
            .unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        let is_good = expected.is_empty();
        assert_eq!(done.status.code(), Some(i32::from(!is_good)), "{said}");
        assert!(
            said.contains(expected) && !said.contains("secret@"),
            "{said}"
        );
        assert_eq!(said.lines().count(), usize::from(!is_good), "{said}");
    }
}
