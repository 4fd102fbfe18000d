//! Join tokens as an operator sets them up: keys, settings, minting, rotation.

use super::*;

/// The binary's word: exit code, standard output, standard error.
fn swarmline(args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarmline"));
    let done = command.args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (done.status.code(), text(done.stdout), text(done.stderr))
}

/// A new secret key: its file and its public key.
fn new_key(folder: &Folder, name: &str) -> (String, String) {
    let file = folder.0.join(name).to_str().unwrap().to_owned();
    let (code, said, _) = swarmline(&["keygen", "--out", &file, "--json"]);
    assert_eq!(code, Some(0));
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    (file, said["publicKey"].as_str().unwrap().to_owned())
}

/// What `swarmline token` prints for the room of these tests.
fn token(key: &str, more: &[&str]) -> String {
    let room = [
        "token",
        "--room",
        "https://cdn.example/live.m3u8",
        "--key",
        key,
    ];
    let (code, token, why) = swarmline(&[&room, more].concat());
    assert_eq!(code, Some(0), "{why}");
    token.trim_end().to_owned()
}

/// What the tracker says to an announce with a token: nothing, or why not.
async fn refusal(tracker: &Tracker, token: Option<&str>, origin: &str) -> Option<String> {
    let headers = [("origin", origin)];
    let mut client = Client::connect(&tracker.address, &headers).await.unwrap();
    let mut message = announce(1);
    if let ToTracker::Announce { extensions, .. } = &mut message {
        extensions.token = token.map(str::to_owned);
    }
    client
        .0
        .send(Message::Text(message.encode().into()))
        .await
        .unwrap();
    match client.hear().await {
        Some(FromTracker::Announced { warning: None, .. }) => None,
        Some(FromTracker::Failure { reason, .. }) => Some(reason),
        other => panic!("{other:?}"),
    }
}

fn settings(keys: &[(&str, &str)]) -> String {
    let keys = keys.iter().map(|(id, key)| format!("\"{id}:{key}\""));
    let keys = keys.collect::<Vec<String>>().join(", ");
    format!("[access]\ntokens = \"required\"\ntoken_keys = [{keys}]\n")
}

const PAGE: &str = "https://page.example";

#[tokio::test]
async fn a_token_of_the_command_line_lets_in_and_others_are_told_why_not() {
    let folder = Folder::new();
    let (file, public) = new_key(&folder, "tokens.key");
    let tracker = Tracker::start(&settings(&[("main", &public)]));
    for more in [
        &[][..],
        &["--key-id", "main", "--user", "4711"],
        &["--origin", PAGE, "--seconds", "60"],
    ] {
        let token = token(&file, more);
        assert_eq!(token.lines().count(), 1);
        assert_eq!(
            refusal(&tracker, Some(&token), PAGE).await,
            None,
            "{more:?}"
        );
    }
    let (stranger, _) = new_key(&folder, "stranger.key");
    let cases = [
        (None, "asks for a join token"),
        (Some("no-token".to_owned()), "no JWT"),
        (Some(token(&stranger, &[])), "not signed by a key"),
        (Some(token(&file, &["--key-id", "else"])), "names a key"),
        (
            Some(token(&file, &["--origin", "https://b.example"])),
            "another origin",
        ),
        (
            Some(token(&file, &["--seconds", "100000"])),
            "ends more than",
        ),
    ];
    for (token, expected) in cases {
        let why = refusal(&tracker, token.as_deref(), PAGE).await.unwrap();
        assert!(why.contains(expected), "{why}");
    }
}

#[tokio::test]
async fn keys_change_while_it_runs() {
    let folder = Folder::new();
    let [(old, old_public), (new, new_public)] = ["old", "new"].map(|name| new_key(&folder, name));
    let (old, new) = (
        token(&old, &["--key-id", "old"]),
        token(&new, &["--key-id", "new"]),
    );
    let tracker = Tracker::start(&settings(&[("old", &old_public)]));
    assert_eq!(refusal(&tracker, Some(&old), PAGE).await, None);
    assert!(refusal(&tracker, Some(&new), PAGE).await.is_some());
    // Both for a while, then the new one alone.
    tracker.configure(&settings(&[("old", &old_public), ("new", &new_public)]));
    tracker.signal("HUP");
    while refusal(&tracker, Some(&new), PAGE).await.is_some() {}
    assert_eq!(refusal(&tracker, Some(&old), PAGE).await, None);
    tracker.configure(&settings(&[("new", &new_public)]));
    tracker.signal("HUP");
    while refusal(&tracker, Some(&old), PAGE).await.is_none() {}
    assert_eq!(refusal(&tracker, Some(&new), PAGE).await, None);
}

#[test]
fn what_makes_no_token_is_one_line_and_a_failure() {
    let folder = Folder::new();
    let (file, _) = new_key(&folder, "tokens.key");
    let not_key = folder.write("not.key", "hello\n");
    let long = "x".repeat(3_000);
    let cases: [(&[&str], &str); 3] = [
        (&["--key", "/nowhere.key"], "/nowhere.key"),
        (
            &["--key", &not_key],
            "is no secret key; `swarmline keygen` makes one",
        ),
        (&["--key", &file, "--user", &long], "this makes no token: "),
    ];
    for (args, expected) in cases {
        let (code, said, why) = swarmline(&[&["token", "--room", "r"], args].concat());
        assert_eq!((code, said.as_str()), (Some(1), ""), "{args:?}");
        assert!(why.contains(expected), "{why}");
        assert_eq!(why.lines().count(), 1, "{why}");
    }
}
