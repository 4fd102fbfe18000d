//! What an operator rules while it runs, and what it sees.

use super::*;

#[tokio::test]
async fn nothing_but_health_is_for_who_has_no_token() {
    let tracker = Tracker::start("");
    for line in [
        "GET /metrics",
        "GET /policy",
        "PUT /policy",
        "POST /drain",
        "GET /nothing",
    ] {
        for wrong in [
            "Bearer 0123456789abcdef0124",
            "Bearer ",
            "Basic eDp5",
            TOKEN,
        ] {
            let (status, body) = http(&tracker.admin, line, wrong, "{\"p2p\":false}");
            assert_eq!(status, 401, "{line} {wrong}");
            assert!(body.contains("\"detail\""), "{body}");
        }
    }
    assert_eq!(tracker.ask("GET /policy", "").0, 200);
    assert_eq!(tracker.ask("GET /nothing", "").0, 404);
    for address in [&tracker.admin, &tracker.address] {
        assert_eq!(http(address, "GET /healthz", "none", "").0, 200);
        assert_eq!(http(address, "GET /readyz", "none", "").0, 200);
    }
    // And viewers' listener has none of it.
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(http(&tracker.address, "GET /policy", &bearer, "").0, 404);
    assert_eq!(http(&tracker.address, "GET /metrics", &bearer, "").0, 404);
}

#[tokio::test]
async fn a_kill_switch_reaches_viewers_at_once_and_a_room_has_its_own() {
    let tracker = Tracker::start("");
    let mut viewer = tracker.client().await;
    viewer.announce(1).await;
    assert_eq!(viewer.caps().await, (None, None));

    let (status, body) = tracker.ask("PUT /policy", "{\"p2p\": false}");
    assert_eq!(status, 200, "{body}");
    assert_eq!(viewer.caps().await, (Some(0), None));
    tracker.ask("PUT /policy", "{}");
    assert_eq!(viewer.caps().await, (None, None));

    let room = "https%3A%2F%2Fcdn.example%2Flive.m3u8";
    let line = format!("PUT /policy/rooms/{room}");
    let (status, body) = tracker.ask(&line, "{\"max_peers\": 4, \"upload_limit\": 0}");
    assert_eq!(status, 200, "{body}");
    assert_eq!(viewer.caps().await, (Some(4), Some(0)));
    let (_, listed) = tracker.ask("GET /policy/rooms", "");
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let hex: String = super::room()
        .0
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(listed[0]["room"], hex.as_str());
    assert_eq!(listed[0]["max_peers"], 4);
    // By its info hash it is the same room.
    assert_eq!(
        tracker.ask(&format!("DELETE /policy/rooms/{hex}"), "").0,
        204
    );
    assert_eq!(viewer.caps().await, (None, None));

    for wrong in [
        "{\"share\": 2}",
        "{\"sharing\": 1}",
        "no json",
        "{\"max_peers\": -1}",
    ] {
        let (status, body) = tracker.ask("PUT /policy", wrong);
        assert!((400..500).contains(&status), "{wrong}: {status} {body}");
        assert!(body.contains("\"detail\""), "{body}");
    }
    let (_, policy) = tracker.ask("GET /policy", "");
    let expected = r#"{"p2p":true,"share":1.0,"max_peers":null,"upload_limit":null}"#;
    assert_eq!(policy, expected);
}

#[tokio::test]
async fn a_ban_ends_connections_and_keeps_new_ones_away_until_it_is_ended() {
    let tracker = Tracker::start("trusted_proxies = [\"127.0.0.1\"]\n");
    let from = |address: &'static str| [("x-forwarded-for", address)];
    let mut bad = Client::connect(&tracker.address, &from("192.0.2.9"))
        .await
        .unwrap();
    let mut good = Client::connect(&tracker.address, &from("198.51.100.9"))
        .await
        .unwrap();
    let ban = "{\"address\": \"192.0.2.0/24\", \"seconds\": 3600}";
    assert_eq!(tracker.ask("POST /bans", ban).0, 201);
    assert_eq!(bad.end().await, Some(1008));
    assert_eq!(tracker.status(&from("192.0.2.10")).await, 403);
    good.announce(1).await;
    assert_eq!(good.caps().await, (None, None));
    assert_eq!(tracker.status(&from("198.51.100.9")).await, 101);
    let (_, listed) = tracker.ask("GET /bans", "");
    assert!(listed.contains("\"192.0.2.0/24\""), "{listed}");
    assert_eq!(tracker.ask("DELETE /bans/192.0.2.0/24", "").0, 204);
    assert_eq!(tracker.ask("DELETE /bans/192.0.2.0/24", "").0, 404);
    assert_eq!(tracker.status(&from("192.0.2.10")).await, 101);
    for wrong in [
        "{\"address\": \"x\", \"seconds\": 1}",
        "{\"address\": \"192.0.2.1\", \"seconds\": 0}",
    ] {
        let (status, body) = tracker.ask("POST /bans", wrong);
        assert_eq!(status, 422, "{body}");
    }
}

#[tokio::test]
async fn drained_it_sends_viewers_elsewhere_and_takes_none_until_it_is_told_to() {
    let tracker = Tracker::start("");
    let mut viewers = Vec::new();
    for _ in 0..5 {
        viewers.push(tracker.client().await);
    }
    let (status, body) = tracker.ask("POST /drain", "{\"seconds\": 1}");
    assert_eq!(status, 202);
    assert_eq!(body, r#"{"connections":5,"seconds":1}"#);
    assert_eq!(tracker.status(&[]).await, 503);
    assert_eq!(http(&tracker.admin, "GET /readyz", "none", "").0, 503);
    assert_eq!(http(&tracker.admin, "GET /healthz", "none", "").0, 200);
    for viewer in &mut viewers {
        assert_eq!(viewer.end().await, Some(1012));
    }
    assert_eq!(tracker.ask("DELETE /drain", "").0, 204);
    assert_eq!(tracker.status(&[]).await, 101);
    assert_eq!(tracker.ask("POST /drain", "{\"seconds\": 1000000}").0, 422);
}

#[tokio::test]
async fn metrics_count_what_happened() {
    let tracker = Tracker::start("access.origins = [\"\"]\n");
    let mut viewer = tracker.client().await;
    viewer.announce(1).await;
    viewer.hear().await;
    viewer
        .0
        .send(Message::Text("nonsense".into()))
        .await
        .unwrap();
    viewer.hear().await;
    assert_eq!(
        tracker.status(&[("origin", "https://evil.example")]).await,
        403
    );
    let (status, text) = tracker.ask("GET /metrics", "");
    assert_eq!(status, 200);
    for line in [
        "swarmline_tracker_connections 1",
        "swarmline_tracker_peers 1",
        "swarmline_tracker_ready 1",
        "swarmline_tracker_announces_total 1",
        "swarmline_tracker_unreadable_total 1",
        "swarmline_tracker_refused_total{reason=\"origin\"} 1",
        "swarmline_tracker_refused_total{reason=\"banned\"} 0",
        "# TYPE swarmline_tracker_opened counter",
        "# EOF",
    ] {
        assert!(text.lines().any(|it| it == line), "{line}: {text}");
    }
    assert!(!text.contains("127.0.0.1"), "{text}");
}
