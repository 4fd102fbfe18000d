//! Tickets and proofs as an operator sets them up: who comes again on another connection, also after a restart; and for
//! whom the tracker signs, by which key.

use super::*;
use swarmline::integrity::{Claim, Fingerprint, SecretKey};
use swarmline::wire::Offer;

/// What the tracker says to an announce with a ticket: the next one, or why it refuses.
async fn show(client: &mut Client, ticket: &str) -> Result<Option<String>, String> {
    let mut message = announce(1);
    if let ToTracker::Announce { extensions, .. } = &mut message {
        extensions.ticket = Some(ticket.to_owned());
    }
    let text = Message::Text(message.encode().into());
    client.0.send(text).await.unwrap();
    match client.hear().await {
        Some(FromTracker::Announced { grants, .. }) => Ok(grants.ticket),
        Some(FromTracker::Failure { reason, .. }) => Err(reason),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_peer_id_moves_to_who_shows_its_ticket_and_to_nobody_else() {
    let tracker = Tracker::start("");
    let mut first = tracker.client().await;
    let ticket = show(&mut first, "").await.unwrap().unwrap();
    let mut second = tracker.client().await;
    for wrong in ["", "4102444800..AAAA", &ticket[1..]] {
        let why = show(&mut second, wrong).await.unwrap_err();
        assert!(why.contains("announced by another connection"), "{why}");
    }
    assert!(show(&mut second, &ticket).await.unwrap().is_some());
    // The first one is not that peer any more.
    let why = show(&mut first, "").await.unwrap_err();
    assert!(why.contains("announced by another connection"), "{why}");
}

#[tokio::test]
async fn tickets_end_with_their_setting_and_outlive_a_restart_with_a_secret_of_their_own() {
    let folder = Folder::new();
    let secret = folder.write("ticket-secret", "a secret of sixteen characters\n");
    let settings = format!("[access]\nticket_secret_file = \"{secret}\"\n");
    let before = Tracker::start(&settings);
    let ticket = show(&mut before.client().await, "").await.unwrap().unwrap();
    drop(before);
    for (settings, is_known) in [(settings.as_str(), true), ("", false)] {
        let after = Tracker::start(settings);
        let mut other = after.client().await;
        show(&mut other, "").await.unwrap();
        let shown = show(&mut after.client().await, &ticket).await;
        assert_eq!(shown.is_ok(), is_known, "{shown:?}");
    }
    let without = Tracker::start("[access]\nticket_life_s = 0\n");
    assert_eq!(show(&mut without.client().await, "").await, Ok(None));
}

/// What a peer is given that announces with an offer: its proof, and what it takes to read others'.
async fn proof(client: &mut Client, peer: u8) -> Option<String> {
    let mut message = announce(peer);
    if let ToTracker::Announce {
        extensions, offers, ..
    } = &mut message
    {
        extensions.ticket = Some(String::new());
        let hash = vec!["AB"; 32].join(":");
        offers.push(Offer {
            offer_id: "offer".to_owned(),
            sdp: format!("a=fingerprint:sha-256 {hash}\r\n").as_str().into(),
        });
    }
    let text = Message::Text(message.encode().into());
    client.0.send(text).await.unwrap();
    let heard = client.hear().await;
    let Some(FromTracker::Announced { grants, .. }) = heard else {
        panic!("{heard:?}");
    };
    grants.proof
}

fn claim(peer: u8) -> Claim {
    Claim {
        room: room(),
        peer: PeerId([peer; 20]),
        fingerprint: Fingerprint([0xAB; 32]),
    }
}

#[tokio::test]
async fn a_key_file_signs_for_viewers_and_another_takes_over_from_it() {
    let folder = Folder::new();
    let keys = [7, 8].map(|n| SecretKey::from_bytes(&[n; 32]));
    let files = ["old.key", "new.key"];
    let [old, new] = [0, 1].map(|at| folder.write(files[at], &format!("{}\n", keys[at].to_line())));
    let settings = |files: &[&str]| format!("[access]\nproof_key_files = {files:?}\n");
    let tracker = Tracker::start(&settings(&[&old]));
    let first = proof(&mut tracker.client().await, 1).await.unwrap();
    let ticket = first.split(' ').next().unwrap().as_bytes();
    assert!(claim(1).is_proven(&first, ticket));
    assert!(!claim(2).is_proven(&first, ticket));

    tracker.configure(&settings(&[&new, &old]));
    tracker.signal("HUP");
    let told = |key: &SecretKey| key.public_key().to_base64();
    let both = format!(" {} {}", told(&keys[1]), told(&keys[0]));
    let mut next = 2;
    let after = loop {
        let after = proof(&mut tracker.client().await, next).await.unwrap();
        if after.ends_with(&both) {
            break after;
        }
        next += 1;
    };
    assert!(
        claim(1).is_proven(&after, ticket),
        "the old key counts still"
    );
    let another = after.split(' ').next().unwrap().as_bytes();
    assert!(claim(next).is_proven(&after, another));
    assert!(
        !claim(next).is_proven(&first, another),
        "signed by the new one"
    );

    let without = Tracker::start("");
    assert_eq!(proof(&mut without.client().await, 1).await, None);
}

#[test]
fn a_proof_key_that_is_none_is_one_line_and_a_failure() {
    let folder = Folder::new();
    let wrong = folder.write(
        "wrong.key",
        "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n",
    );
    let absent = folder.0.join("absent.key");
    for (settings, said) in [
        (
            format!("proof_key_files = [{wrong:?}]"),
            "wrong.key: it is no secret key",
        ),
        (
            format!("proof_key_files = [{absent:?}]"),
            "absent.key: No such file",
        ),
        (
            "proof_key_files = [\"1\", \"2\", \"3\", \"4\", \"5\"]".to_owned(),
            "more than 4",
        ),
        ("proof_life_s = 10".to_owned(), "less than 600"),
    ] {
        let config = folder.write("tracker.toml", &format!("[access]\n{settings}\n"));
        let checked = command()
            .args(["--check-config", "--config", &config])
            .output();
        let checked = checked.unwrap();
        let log = String::from_utf8(checked.stderr).unwrap();
        assert!(!checked.status.success(), "{settings}");
        assert!(log.contains(said), "{log}");
        assert_eq!(log.lines().count(), 1, "{log}");
    }
}
