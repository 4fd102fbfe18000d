//! Where settings come from, what is said of bad ones, and what is read again while it runs.

use super::*;

fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let done = command().args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (done.status.code(), text(done.stdout), text(done.stderr))
}

#[test]
fn what_is_printed_can_be_read_again_and_checked() {
    let (code, printed, _) = run(&["--print-config", "--set", "policy.share=0.5"]);
    assert_eq!(code, Some(0));
    assert!(printed.contains("\nshare = 0.5\n"), "{printed}");
    let folder = Folder::new();
    let file = folder.write("tracker.toml", &printed);
    let (code, again, _) = run(&["--print-config", "--config", &file]);
    assert_eq!((code, again), (Some(0), printed));
    let (code, said, _) = run(&["--check-config", "--config", &file]);
    assert_eq!((code, said.as_str()), (Some(0), "the settings are good\n"));
}

#[test]
fn the_environment_counts_more_than_the_file_and_less_than_a_flag() {
    let folder = Folder::new();
    let file = folder.write("tracker.toml", "limits.connections = 1\nlimits.peers = 1\n");
    let mut command = command();
    command.env("SWARMLINE_TRACKER_LIMITS__CONNECTIONS", "2");
    command.env("SWARMLINE_TRACKER_LIMITS__PEERS", "2");
    command.env("SWARMLINE_TRACKER_ACCESS__ORIGINS", "[https://a.example]");
    command.args(["--print-config", "--config", &file, "--connections", "3"]);
    let printed = String::from_utf8(command.output().unwrap().stdout).unwrap();
    for line in [
        "connections = 3",
        "peers = 2",
        "origins = [\"https://a.example\"]",
    ] {
        assert!(printed.lines().any(|it| it == line), "{line}: {printed}");
    }
    command.env("SWARMLINE_TRACKER_LIMITS__PEER", "2");
    let said = String::from_utf8(command.output().unwrap().stderr).unwrap();
    assert!(said.contains("limits.peer: unknown field"), "{said}");
}

#[test]
fn what_cannot_be_used_is_one_line_and_a_failure() {
    let folder = Folder::new();
    let file = |name: &str, text: &str| folder.write(name, text);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let unknown = file("unknown.toml", "[limits]\nconections = 5\n");
    let short = file("short", "secret\n");
    let not_pem = file("key.pem", "hello\n");
    let tls = |key: &str| format!("tls.key={key}");
    let certificate = format!("tls.certificate={}", tls_fixture("server.pem"));
    let other = file("other.toml", "listen = \n");
    let token = format!("admin.token_file={short}");
    let cases: [(&[&str], &str); 8] = [
        (&["--config", &unknown], "limits.conections: unknown field"),
        (&["--config", &other], "other.toml, line 1"),
        (
            &["--config", "/nowhere/tracker.toml"],
            "cannot read /nowhere",
        ),
        (&["--listen", &taken], "is taken; choose another port"),
        (
            &["--set", &certificate, "--set", &tls(&not_pem)],
            "cannot read the key",
        ),
        (
            &["--set", &certificate, "--set", &tls("/nowhere.pem")],
            "cannot read the key",
        ),
        (&["--set", &certificate], "go together"),
        (
            &["--set", &token, "--set", "admin.listen=127.0.0.1:0"],
            "fewer than 16 characters",
        ),
    ];
    for (args, expected) in cases {
        let (code, _, said) = run(args);
        assert_eq!(code, Some(1), "{args:?}: {said}");
        assert!(said.contains(expected), "{args:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let (code, _, said) = run(&[
        "--set",
        &certificate,
        "--set",
        &tls(&not_pem),
        "--check-config",
    ]);
    assert_eq!(code, Some(1), "{said}");
}

pub(super) fn tls_fixture(name: &str) -> String {
    format!("{}/tests/fixtures/tls/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[tokio::test]
async fn access_lists_and_policy_are_read_again_and_wrong_ones_change_nothing() {
    let tracker = Tracker::start("");
    let page = [("origin", "https://a.example")];
    let mut viewer = tracker.client().await;
    viewer.announce(1).await;
    assert_eq!(viewer.caps().await, (None, None));
    assert_eq!(tracker.status(&page).await, 101);

    tracker.configure("policy.max_peers = 3\naccess.origins = [\"https://b.example\", \"\"]\n");
    tracker.signal("HUP");
    assert_eq!(viewer.caps().await, (Some(3), None));
    // The viewer was told by the same turn; origins are set right behind.
    while tracker.status(&page).await == 101 {}
    assert_eq!(tracker.status(&page).await, 403);
    assert_eq!(
        tracker.status(&[("origin", "https://b.example")]).await,
        101
    );

    tracker.configure("policy.max_peers = 5\nnonsense = 1\n");
    tracker.signal("HUP");
    tracker.configure(
        "access.rooms_deny = [\"https://cdn.example/live.m3u8\"]\npolicy.max_peers = 3\n",
    );
    tracker.signal("HUP");
    // Either the wrong one was read and refused, or both signals came as one: never 5.
    assert_eq!(viewer.caps().await, (Some(0), None));
    let refused = viewer.hear().await;
    assert!(
        matches!(&refused, Some(FromTracker::Failure { reason, .. }) if reason.contains("not for this stream")),
        "{refused:?}"
    );
    viewer.announce(1).await;
    assert!(matches!(
        viewer.hear().await,
        Some(FromTracker::Failure { .. })
    ));
    tracker.signal("TERM");
    assert_eq!(viewer.end().await, Some(1001));
    let (code, log) = tracker.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("settings read again"), "{log}");
}

#[tokio::test]
async fn the_log_is_json_if_asked_and_names_no_address_unless_asked() {
    for addresses in [false, true] {
        let settings =
            format!("[log]\nlevel = \"debug\"\nformat = \"json\"\naddresses = {addresses}\n");
        let tracker = Tracker::start(&settings);
        let mut viewer = tracker.client().await;
        viewer.announce(1).await;
        viewer.hear().await;
        tracker.signal("TERM");
        viewer.end().await;
        let (_, log) = tracker.ended();
        for line in log.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(line["message"].is_string(), "{line}");
        }
        assert!(log.contains("opened"), "{log}");
        assert_eq!(log.contains("127.0.0.1"), addresses, "{log}");
    }
}
