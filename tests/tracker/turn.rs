//! TURN credentials as an operator sets them up, and coturn's own word about them.

use super::*;
use serde_json::Value;

const SECRET: &str = "a secret that two programs share";

/// The server that the tracker gives a viewer, if any.
async fn server(tracker: &Tracker, takes_turn: bool) -> Option<Value> {
    let mut client = tracker.client().await;
    let mut message = announce(1);
    if let ToTracker::Announce { extensions, .. } = &mut message {
        extensions.takes_turn = takes_turn;
    }
    let text = Message::Text(message.encode().into());
    client.0.send(text).await.unwrap();
    let Some(FromTracker::Announced { grants, .. }) = client.hear().await else {
        panic!("no answer");
    };
    grants.turn.map(|text| serde_json::from_str(&text).unwrap())
}

fn settings(folder: &Folder, secret: &str, url: &str) -> String {
    let file = folder.write("turn-secret", &format!("{secret}\n"));
    format!("[turn]\nurls = [\"{url}\"]\nsecret_file = \"{file}\"\nlife_s = 600\n")
}

#[tokio::test]
async fn who_takes_turn_is_given_it_until_it_is_taken_out_of_the_settings() {
    let folder = Folder::new();
    let tracker = Tracker::start(&settings(&folder, SECRET, "turn:a.example"));
    assert_eq!(server(&tracker, false).await, None);
    let given = server(&tracker, true).await.unwrap();
    assert_eq!(given["urls"], serde_json::json!(["turn:a.example"]));
    let (until, name) = given["username"].as_str().unwrap().split_once(':').unwrap();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!(
        (now..=now + 600).contains(&until.parse().unwrap()),
        "{given}"
    );
    assert_eq!(name.len(), 16);
    let before = given["credential"].clone();

    // Another secret counts from the next announce on.
    tracker.configure(&settings(
        &folder,
        "another secret of that length",
        "turn:b.example",
    ));
    tracker.signal("HUP");
    let changed = loop {
        let given = server(&tracker, true).await.unwrap();
        if given["urls"] == serde_json::json!(["turn:b.example"]) {
            break given;
        }
    };
    assert_ne!(changed["credential"], before);
    // A secret that cannot be used changes nothing, and none at all ends it.
    tracker.configure(&settings(&folder, "short", "turn:c.example"));
    tracker.signal("HUP");
    tracker.configure("");
    tracker.signal("HUP");
    while let Some(given) = server(&tracker, true).await {
        assert_eq!(given["urls"], changed["urls"]);
    }
    tracker.signal("TERM");
    let (_, log) = tracker.ended();
    assert!(
        !log.contains("secret that") && !log.contains("another secret"),
        "{log}"
    );
}

#[test]
fn a_secret_that_cannot_be_used_is_one_line_and_a_failure() {
    let folder = Folder::new();
    for (name, expected) in [
        ("short", "fewer than 16 characters"),
        ("missing", "No such file"),
    ] {
        folder.write("short", "secret\n");
        let file = folder.0.join(name);
        let file = format!("turn.secret_file={}", file.display());
        let args = ["--set", "turn.urls=[\"turn:a.example\"]", "--set", &file];
        let done = command().args(args).arg("--check-config").output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(
            said.contains("the TURN secret") && said.contains(expected),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

/// coturn as docs/operators.md starts it, on this machine alone; ended with its test.
struct Coturn(Child);

impl Coturn {
    /// `None`, with a word, where there is none.
    fn start(folder: &Folder, port: u16) -> Option<Self> {
        let secret = folder.0.join("etc/swarmline");
        std::fs::create_dir_all(&secret).unwrap();
        std::fs::write(secret.join("turn-secret"), format!("{SECRET}\n")).unwrap();
        let command = operators::here(folder, &operators::command_of("turnserver "));
        let public = "--listening-port=3478";
        assert!(command.contains(public), "{command}");
        let command = command.replace(public, &format!("--listening-port={port}"));
        let beside = "--allow-loopback-peers --listening-ip=127.0.0.1 --relay-ip=127.0.0.1 \
                      --userdb=turndb --pidfile=pid";
        if !operators::is_here(folder, &command) {
            return None;
        }
        let mut shell = operators::shell(folder, &format!("exec {command} {beside}"));
        shell.stdout(Stdio::null()).stderr(Stdio::null());
        Some(Self(shell.spawn().unwrap()))
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether a relay could be begun and carried something.
fn relays(port: u16, user: &str, password: &str) -> bool {
    let mut client = Command::new("turnutils_uclient");
    client.args(["-y", "-c", "-n", "1", "-m", "1", "-u", user, "-w", password]);
    let done = client.args(["-p", &port.to_string(), "127.0.0.1"]).output();
    let said = String::from_utf8(done.unwrap().stdout).unwrap();
    said.contains("tot_recv_msgs=2") // two clients, one message each
}

#[tokio::test]
async fn coturn_takes_what_the_tracker_hands_out_and_nothing_else() {
    let folder = Folder::new();
    let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let Some(_coturn) = Coturn::start(&folder, port) else {
        return;
    };
    let url = format!("turn:127.0.0.1:{port}");
    let tracker = Tracker::start(&settings(&folder, SECRET, &url));
    let given = server(&tracker, true).await.unwrap();
    let [user, password] = ["username", "credential"].map(|name| given[name].as_str().unwrap());
    // It may still be starting: on a busy machine for seconds, in which a client fails at once.
    let carried = (0..50).any(|_| {
        relays(port, user, password) || {
            std::thread::sleep(Duration::from_millis(200));
            false
        }
    });
    assert!(carried, "{given}");
    assert!(!relays(port, user, "another password"));
    assert!(!relays(port, &format!("9{user}"), password), "a later end");
}
