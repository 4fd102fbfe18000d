//! The API as its own description has it: every path answers, every answer has the described shape.

use super::ledger::{come, hex, receipt, settings};
use super::*;
use serde_json::{Value, json};
use swarmline::wire::Reported;

/// The parts of JSON Schema that the description uses; an unknown one is a fault.
fn check(description: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        let found = description.pointer(name.trim_start_matches('#'));
        return check(description, found.ok_or(name)?, value);
    }
    let fits = |kind: &Value| match kind.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_u64(),
        Some("number") => value.is_number(),
        Some("null") => value.is_null(),
        _ => false,
    };
    let kind = &schema["type"];
    let is_one = kind
        .as_array()
        .map_or_else(|| fits(kind), |all| all.iter().any(fits));
    if !is_one {
        return Err(format!("{value} is not of type {kind}"));
    }
    if let (Some(pattern), Some(text)) = (schema["pattern"].as_str(), value.as_str()) {
        let length = pattern
            .rsplit_once('{')
            .map(|(_, rest)| rest.trim_end_matches("}$"));
        let is_hex = text.bytes().all(|c| c.is_ascii_hexdigit());
        if !is_hex || length != Some(text.len().to_string().as_str()) {
            return Err(format!("{text} is not like {pattern}"));
        }
    }
    if let Some(members) = value.as_object() {
        for name in schema["required"].as_array().into_iter().flatten() {
            if !members.contains_key(name.as_str().unwrap()) {
                return Err(format!("{name} is missing in {value}"));
            }
        }
        for (name, value) in members {
            match schema["properties"].get(name) {
                Some(inner) if !inner["type"].is_null() || !inner["$ref"].is_null() => {
                    let is_open = inner["type"] == "object" && inner["properties"].is_null();
                    if !is_open {
                        check(description, inner, value)?;
                    }
                }
                _ => return Err(format!("{name} is not described")),
            }
        }
    }
    for item in value.as_array().into_iter().flatten() {
        check(description, &schema["items"], item)?;
    }
    Ok(())
}

/// The schema of an answer; errors are described once for all.
fn schema<'a>(description: &'a Value, operation: &'a Value, status: u16) -> &'a Value {
    let responses = &operation["responses"];
    let answer = responses.get(status.to_string());
    let answer = answer.or(responses.get("default")).unwrap();
    let answer = match answer["$ref"].as_str() {
        Some(name) => description.pointer(name.trim_start_matches('#')).unwrap(),
        None => answer,
    };
    let kind = if status < 400 {
        "application/json"
    } else {
        "application/problem+json"
    };
    &answer["content"][kind]["schema"]
}

const SESSIONS: &str = "/api/p2p/rooms/{videoCid}/sessions";
const CREDITED: &str = "/api/p2p/contributions/{peerId}";

#[tokio::test]
async fn every_path_answers_as_it_is_described() {
    let folder = Folder::new();
    let tracker = Tracker::start(&settings(&folder));
    let (mut anna, key) = come(&tracker, 1).await;
    let (_ben, _) = come(&tracker, 2).await;
    anna.confirm(receipt(&key, (1, 2), 1 << 20)).await;
    anna.hear().await;
    let (status, description) = tracker.get("GET /api/p2p/openapi.json", "");
    assert_eq!(status, 200);
    let ben = hex(&[2; 20]);
    let good = receipt(&key, (1, 2), 2 << 20);
    let posted = json!({
        "videoCid": "https://cdn.example/live.m3u8", "peerId": hex(&[1; 20]), "from": ben,
        "bytesShared": good.bytes, "segmentsShared": good.segments,
        "mac": good.mac,
    });
    let body_schema = "/components/schemas/Receipt";
    let body_schema = description.pointer(body_schema).unwrap();
    assert_eq!(check(&description, body_schema, &posted), Ok(()));
    let posted = posted.to_string();
    let room = hex(&room().0);
    let asked = [
        ("get", "/api/p2p/rooms/{videoCid}", room.as_str(), "", 200),
        ("get", "/api/p2p/rooms/{videoCid}", "nobody", "", 200),
        ("get", SESSIONS, room.as_str(), "", 200),
        ("get", "/api/p2p/stats", "", "", 200),
        ("post", "/api/p2p/contribution", "", posted.as_str(), 201),
        ("post", "/api/p2p/contribution", "", posted.as_str(), 409),
        ("post", "/api/p2p/contribution", "", "{}", 400),
        ("get", CREDITED, ben.as_str(), "", 200),
        ("get", CREDITED, "xyz", "", 400),
        ("get", "/api/p2p/leaderboard", "", "", 200),
        ("get", "/api/p2p/leaderboard", "?limit=501", "", 400),
        ("get", "/api/p2p/leaderboard", "?page=2", "", 400),
        ("get", "/api/p2p/openapi.json", "", "", 200),
    ];
    for (method, path, with, body, expected) in asked {
        let operation = &description["paths"][path][method];
        assert!(operation.is_object(), "{method} {path} is not described");
        let (at, query) = if with.starts_with('?') {
            ("", with)
        } else {
            (with, "")
        };
        let target = path.replace("{videoCid}", at).replace("{peerId}", at);
        let line = format!("{} {target}{query}", method.to_uppercase());
        let (status, answer) = tracker.get(&line, body);
        assert_eq!(status, expected, "{line}: {answer}");
        let schema = schema(&description, operation, status);
        assert_eq!(
            check(&description, schema, &answer),
            Ok(()),
            "{line}: {answer}"
        );
    }
    // Nothing is described that was not asked.
    for (path, operations) in description["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let is_asked = asked.iter().any(|it| it.0 == method && it.1 == path);
            assert!(is_asked, "{method} {path}");
        }
    }
    assert_eq!(tracker.get("GET /api/p2p/nothing", "").0, 404);
    assert_eq!(tracker.get("DELETE /api/p2p/stats", "").0, 405);
}

#[tokio::test]
async fn a_room_is_named_by_its_video_or_its_info_hash_and_lists_have_pages() {
    let folder = Folder::new();
    let tracker = Tracker::start(&settings(&folder));
    let mut viewers = Vec::new();
    for n in 1..=3 {
        viewers.push(come(&tracker, n).await);
    }
    let by_name = "GET /api/p2p/rooms/https%3A%2F%2Fcdn.example%2Flive.m3u8";
    let (_, named) = tracker.get(by_name, "");
    let (_, hashed) = tracker.get(&format!("GET /api/p2p/rooms/{}", hex(&room().0)), "");
    assert_eq!((&named["peers"], &hashed["peers"]), (&json!(3), &json!(3)));
    assert_eq!(named["roomId"], hashed["roomId"]);
    assert_eq!(named["videoCid"], "https://cdn.example/live.m3u8");
    for n in [2, 3] {
        let (viewer, key) = &mut viewers[0];
        let written = receipt(key, (1, n), 1 << 20);
        viewer.confirm(written).await;
        viewer.hear().await;
    }
    // Stays of one peer id: it comes again and earns again.
    let page = |query: &str| {
        let line = format!("GET /api/p2p/contributions/{}{query}", hex(&[2; 20]));
        tracker.get(&line, "").1
    };
    drop(viewers.remove(1));
    while tracker.get(by_name, "").1["peers"] != 2 {}
    viewers.push(come(&tracker, 2).await);
    let (viewer, key) = &mut viewers[0];
    let written = receipt(key, (1, 2), 2 << 20);
    viewer.confirm(written).await;
    viewer.hear().await;
    let (first, second) = (page("?limit=1"), page("?limit=1&offset=1"));
    assert_eq!((&first["total"], &second["total"]), (&json!(2), &json!(2)));
    assert_eq!(first["items"].as_array().unwrap().len(), 1);
    assert_ne!(first["items"][0]["id"], second["items"][0]["id"]);
    assert_eq!(page("")["items"].as_array().unwrap().len(), 2);
}

/// An announce of a viewer that had 3,000 bytes from peers, 1,000 from the CDN, and waited 100 ms.
fn reporting(n: u8) -> String {
    let mut message = announce(n);
    if let ToTracker::Announce {
        downloaded,
        extensions,
        ..
    } = &mut message
    {
        let mut reported = Reported {
            cdn_bytes: 1_000,
            links: [4, 1],
            ..Reported::default()
        };
        reported.note(100_000);
        *downloaded = 3_000;
        extensions.reported = Some(reported);
    }
    message.encode()
}

#[tokio::test]
async fn what_viewers_report_and_their_stays_are_told() {
    let folder = Folder::new();
    let tracker = Tracker::start(&settings(&folder));
    let mut viewers = Vec::new();
    for n in 1..=2 {
        let mut viewer = tracker.client().await;
        let text = Message::Text(reporting(n).into());
        viewer.0.send(text).await.unwrap();
        viewer.hear().await;
        viewers.push(viewer);
    }
    let reported = json!({
        "bytesFromPeers": 6_000, "bytesFromCdn": 2_000, "p2pRatio": 0.75,
        "latencyP50Ms": 98, "latencyP95Ms": 131, "linksOpened": 8, "linksFailed": 2,
    });
    let room = format!("/api/p2p/rooms/{}", hex(&room().0));
    assert_eq!(
        tracker.get(&format!("GET {room}"), "").1["reported"],
        reported
    );
    assert_eq!(
        tracker.get("GET /api/p2p/stats", "").1["reported"],
        reported
    );
    let (status, overview) = tracker.ask("GET /overview", "");
    let overview: Value = serde_json::from_str(&overview).unwrap();
    assert_eq!((status, &overview["reported"]), (200, &reported));
    assert_eq!(overview["largest"][0]["roomId"], hex(&super::room().0));
    let (_, metrics) = tracker.ask("GET /metrics", "");
    for line in ["reported_links_opened 8", "reported_links_failed 2"] {
        let line = format!("\nswarmline_tracker_{line}\n");
        assert!(metrics.contains(&line), "{metrics}");
    }
    assert_eq!(http(&tracker.admin, "GET /overview", "none", "").0, 401);
    assert_eq!(http(&tracker.admin, "GET /", "none", "").0, 200);
    // The second one goes, and takes its figures along.
    drop(viewers.pop());
    let line = format!("GET {room}/sessions");
    // They are written when the store has the time.
    while tracker.get(&line, "").1["total"] != 2 {}
    let stay_of = |peer: u8| {
        let (status, listed) = tracker.get(&line, "");
        assert_eq!((status, &listed["total"]), (200, &json!(2)));
        let mut rows = listed["items"].as_array().unwrap().iter();
        let found = rows.find(|row| row["peerId"] == hex(&[peer; 20]));
        found.unwrap().clone()
    };
    while stay_of(2)["status"] != "ended" {}
    assert_eq!(stay_of(2)["bytesDownloaded"], 3_000);
    assert_eq!(stay_of(1)["status"], "active");
    assert_eq!(stay_of(1)["leftAt"], Value::Null);
    let (_, page) = tracker.get(&format!("{line}?limit=1&offset=1"), "");
    assert_eq!(
        (&page["total"], page["items"].as_array().unwrap().len()),
        (&json!(2), 1)
    );
    let now = &tracker.get(&format!("GET {room}"), "").1["reported"];
    assert_eq!(
        (&now["bytesFromCdn"], &now["linksFailed"]),
        (&json!(1_000), &json!(1))
    );
}

/// The head of an answer to a page of another origin.
fn head(tracker: &Tracker, method: &str, origin: &str) -> String {
    let mut socket = StdStream::connect(&tracker.address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!(
        "{method} /api/p2p/stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\nOrigin: {origin}\r\n\
         Access-Control-Request-Method: GET\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer.to_ascii_lowercase()
}

#[test]
fn pages_of_named_origins_may_read_it_and_others_may_not() {
    let tracker = Tracker::start("api.cors = [\"https://*.example.com\"]\n");
    let allows = "access-control-allow-origin: https://a.example.com";
    for method in ["GET", "OPTIONS"] {
        let named = head(&tracker, method, "https://a.example.com");
        assert!(named.contains(allows), "{named}");
        let other = head(&tracker, method, "https://evil.example");
        assert!(!other.contains("access-control-allow"), "{other}");
    }
    let closed = Tracker::start("");
    let other = head(&closed, "GET", "https://a.example.com");
    assert!(!other.contains("access-control-allow"), "{other}");
}

#[test]
fn who_asks_too_much_or_is_banned_is_told_so() {
    let tracker = Tracker::start(
        "trusted_proxies = [\"127.0.0.1\"]\n\
         limits.address_frames_per_s = 1\nlimits.address_frames_burst = 3\n",
    );
    let ask = |from: &str| {
        let mut socket = StdStream::connect(&tracker.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!(
            "GET /api/p2p/stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-For: {from}\r\n\r\n"
        );
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer[9..12].parse::<u16>().unwrap()
    };
    let statuses: Vec<u16> = (0..40).map(|_| ask("192.0.2.1")).collect();
    assert_eq!(statuses[..3], [200, 200, 200]);
    assert!(statuses.contains(&429), "{statuses:?}");
    assert_eq!(ask("192.0.2.2"), 200);
    let ban = "{\"address\": \"192.0.2.2\", \"seconds\": 3600}";
    assert_eq!(tracker.ask("POST /bans", ban).0, 201);
    assert_eq!(ask("192.0.2.2"), 403);
}
