//! Redis behind TLS: nodes see each other through it, one that is shown the wrong certificate stays alone and says why, and
//! settings that cannot be are one line.
//!
//! `tests/fixtures/tls` has the certificate of a server at 127.0.0.1, its authority (`ca.pem`), and another authority
//! (`clients.pem`) with what it signed for a client.

use super::nodes::{Redis, both_join, eventually, meet, metric, pair_by};
use super::settings::tls_fixture;
use super::*;

/// Where Redis of a port has its TLS: also below the ports of outgoing connections.
fn sealed_port(port: u16) -> u16 {
    port - 10_000
}

/// Redis with both; whether it asks for certificates of clients.
fn redis(asks: &str) -> Option<Redis> {
    Redis::start_by(|port| {
        let port = sealed_port(port).to_string();
        let (certificate, key) = (tls_fixture("server.pem"), tls_fixture("server.key"));
        let clients = tls_fixture("clients.pem");
        let words = ["--save", "", "--appendonly", "no", "--tls-port", &port];
        let files = [
            ["--tls-cert-file", &certificate],
            ["--tls-key-file", &key],
            ["--tls-ca-cert-file", &clients],
            ["--tls-auth-clients", asks],
        ];
        let words = words.into_iter().chain(files.into_iter().flatten());
        words.map(str::to_owned).collect()
    })
}

/// The settings of a node that goes there by TLS, with these files.
fn settings(host: &str, port: u16, files: &[(&str, &str)]) -> String {
    let files = files.iter().map(|(name, fixture)| {
        let path = tls_fixture(fixture);
        format!("{name} = \"{path}\"\n")
    });
    let files: String = files.collect();
    format!("[redis]\nurl = \"rediss://{host}:{port}/1\"\n{files}")
}

const CA: (&str, &str) = ("ca_file", "ca.pem");

#[tokio::test]
async fn nodes_meet_through_tls_and_show_a_certificate_where_one_is_asked_for() {
    let own = [CA, ("cert_file", "client.pem"), ("key_file", "client.key")];
    for (asks, files) in [("no", &own[..1]), ("yes", &own[..])] {
        let Some(redis) = redis(asks) else { return };
        let settings = settings("127.0.0.1", sealed_port(redis.port()), files);
        let (one, other) = pair_by(&settings).await;
        let (mut here, mut there) = both_join(&one, &other).await;
        meet((&mut here, 1), (&mut there, 2), "from here").await;
        // What they keep in Redis went by TLS too: the plain port shows it.
        assert_eq!(one.ask("PUT /policy", "{\"max_peers\": 5}").0, 200);
        eventually("a ruling passes", || async {
            other.ask("GET /policy", "").1.contains("\"max_peers\":5")
        })
        .await;
        assert_eq!(metric(&one, "redis_outages_total"), Some(0.0));
    }
}

/// What a node says when it does not get to Redis; it serves its own viewers all the same.
async fn alone(settings: &str) -> String {
    let mut tracker = Tracker::start(settings);
    let stderr = tracker.child.stderr.take().unwrap();
    let said = tokio::task::spawn_blocking(move || {
        let lines = BufReader::new(stderr).lines().map(Result::unwrap);
        let mut lines = lines.filter(|line| line.contains("Redis is"));
        lines.next().unwrap_or_default()
    });
    let said = timeout(PATIENCE, said).await.unwrap().unwrap();
    let mut viewer = tracker.client().await;
    viewer.announce(1).await;
    assert!(viewer.hear().await.is_some());
    assert_eq!(metric(&tracker, "redis_up"), Some(0.0));
    said
}

#[tokio::test]
async fn a_redis_that_cannot_show_who_it_is_gets_nothing_and_the_log_says_why() {
    let Some(redis) = redis("yes") else { return };
    let (plain, sealed) = (redis.port(), sealed_port(redis.port()));
    let other = ("ca_file", "clients.pem");
    for (settings, why) in [
        (settings("127.0.0.1", sealed, &[other]), "redis.ca_file"),
        (settings("127.0.0.1", sealed, &[]), "redis.ca_file"),
        (settings("localhost", sealed, &[CA]), "is another's"),
        (settings("127.0.0.1", plain, &[CA]), "plain Redis"),
        (settings("127.0.0.1", sealed, &[CA]), "redis.cert_file"),
    ] {
        let said = alone(&settings).await;
        assert!(said.contains("is away"), "{settings}{said}");
        assert!(said.contains(why), "{settings}{said}");
    }
}

#[tokio::test]
async fn files_that_are_read_again_count_for_the_next_connection() {
    let Some(redis) = redis("no") else { return };
    let folder = Folder::new();
    let copy = |fixture: &str| {
        let text = std::fs::read_to_string(tls_fixture(fixture)).unwrap();
        folder.write("ca.pem", &text)
    };
    let path = copy("clients.pem");
    let port = sealed_port(redis.port());
    let settings = format!("redis.url = \"rediss://127.0.0.1:{port}\"\nredis.ca_file = {path:?}\n");
    let tracker = Tracker::start(&settings);
    assert_eq!(metric(&tracker, "redis_up"), Some(0.0));
    copy("server.key"); // no certificate: refused, and the former stay
    tracker.signal("HUP");
    copy("ca.pem");
    tracker.signal("HUP");
    eventually("Redis is believed", || async {
        metric(&tracker, "redis_up") == Some(1.0)
    })
    .await;
}

#[test]
fn files_that_cannot_be_used_are_one_line_and_a_failure() {
    let set = |name: &str, fixture: &str| format!("redis.{name}={}", tls_fixture(fixture));
    let url = "redis.url=rediss://cache".to_owned();
    let nowhere = "redis.ca_file=/nowhere.pem".to_owned();
    for (sets, expected) in [
        (vec![], ""),
        (vec![set("ca_file", "ca.pem")], ""),
        (vec![set("ca_file", "server.key")], "no certificate in"),
        (vec![nowhere], "cannot read the certificate /nowhere.pem"),
        (vec![set("cert_file", "client.pem")], "go together"),
        (
            vec![
                set("cert_file", "client.pem"),
                set("key_file", "client.pem"),
            ],
            "cannot read the key",
        ),
        (
            vec![
                set("cert_file", "client.pem"),
                set("key_file", "server.key"),
            ],
            "do not fit",
        ),
    ] {
        let sets = sets.iter().chain([&url]);
        let args = sets.flat_map(|set| ["--set", set.as_str()]);
        let done = command().args(args).arg("--check-config").output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        let is_good = expected.is_empty();
        assert_eq!(done.status.code(), Some(i32::from(!is_good)), "{said}");
        assert!(said.contains(expected), "{said}");
        assert_eq!(said.lines().count(), usize::from(!is_good), "{said}");
    }
}
