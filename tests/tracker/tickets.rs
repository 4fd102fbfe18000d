//! Tickets as an operator sets them up: who comes again on another connection, also after a restart.

use super::*;

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
