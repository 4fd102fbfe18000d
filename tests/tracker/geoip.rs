//! Introductions by provider and country, with a database as an operator would download it, written here.

use super::*;
use swarmline::wire::Offer;

/// A database in MaxMind's format (its specification, version 2.0): IPv4 networks and what is said of each.
struct Database {
    /// Two records a node: another node, an entry, or nothing.
    nodes: Vec<[Record; 2]>,
    entries: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Record {
    Nothing,
    Node(usize),
    Entry(usize),
}

impl Database {
    fn new() -> Self {
        Self {
            nodes: vec![[Record::Nothing; 2]],
            entries: Vec::new(),
        }
    }

    /// Says of a /24 which provider's and in which country it is.
    fn say(&mut self, network: [u8; 3], asn: u32, country: &str) {
        let entry = self.entries.len();
        let country = map(&[("iso_code", text(country))]);
        let members = [
            ("autonomous_system_number", number(6, &asn.to_be_bytes())),
            ("country", country),
        ];
        self.entries.extend(map(&members));
        let bits: Vec<usize> = network
            .iter()
            .flat_map(|byte| (0..8).rev().map(move |bit| usize::from(byte >> bit & 1)))
            .collect();
        let (last, path) = bits.split_last().unwrap();
        let mut at = 0;
        for bit in path {
            at = match self.nodes[at][*bit] {
                Record::Node(next) => next,
                Record::Nothing | Record::Entry(_) => {
                    let next = self.nodes.len();
                    self.nodes.push([Record::Nothing; 2]);
                    self.nodes[at][*bit] = Record::Node(next);
                    next
                }
            };
        }
        self.nodes[at][*last] = Record::Entry(entry);
    }

    fn bytes(&self) -> Vec<u8> {
        let count = self.nodes.len();
        let mut bytes = Vec::new();
        for record in self.nodes.iter().flatten() {
            let value = match record {
                Record::Nothing => count,
                Record::Node(node) => *node,
                Record::Entry(entry) => count + 16 + entry,
            };
            bytes.extend(&u32::try_from(value).unwrap().to_be_bytes()[1..]);
        }
        bytes.extend([0; 16]);
        bytes.extend(&self.entries);
        bytes.extend(b"\xab\xcd\xefMaxMind.com");
        let short = |value: u16| number(5, &value.to_be_bytes());
        let count = u32::try_from(count).unwrap();
        bytes.extend(map(&[
            ("node_count", number(6, &count.to_be_bytes())),
            ("record_size", short(24)),
            ("ip_version", short(4)),
            ("database_type", text("swarmline-test")),
            ("languages", vec![0, 4]), // a list of none
            ("binary_format_major_version", short(2)),
            ("binary_format_minor_version", short(0)),
            (
                "build_epoch",
                [vec![8, 2], 1_760_000_000_u64.to_be_bytes().to_vec()].concat(),
            ),
            ("description", map(&[])),
        ]));
        bytes
    }
}

fn head(kind: u8, len: usize) -> u8 {
    assert!(len < 29, "longer ones are written otherwise");
    kind << 5 | u8::try_from(len).unwrap()
}

fn text(text: &str) -> Vec<u8> {
    [&[head(2, text.len())], text.as_bytes()].concat()
}

fn number(kind: u8, bytes: &[u8]) -> Vec<u8> {
    [&[head(kind, bytes.len())], bytes].concat()
}

fn map(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let members_of = members
        .iter()
        .map(|(name, value)| [text(name), value.clone()].concat());
    [
        vec![head(7, members.len())],
        members_of.collect::<Vec<_>>().concat(),
    ]
    .concat()
}

/// One that knows of a single network.
pub(super) fn small_database() -> Vec<u8> {
    let mut places = Database::new();
    places.say([192, 0, 2], 64_500, "AT");
    places.bytes()
}

/// A viewer behind a proxy that says where it comes from.
async fn viewer(tracker: &Tracker, peer: u8, address: &str, offers: usize) -> Client {
    let headers = [("x-forwarded-for", address)];
    let mut client = Client::connect(&tracker.address, &headers).await.unwrap();
    let mut message = announce(peer);
    if let ToTracker::Announce { offers: out, .. } = &mut message {
        let offer = |n| Offer {
            offer_id: format!("{peer} {n}"),
            sdp: "v=0".into(),
        };
        *out = (0..offers).map(offer).collect();
    }
    let text = Message::Text(message.encode().into());
    client.0.send(text).await.unwrap();
    assert!(matches!(
        client.hear().await,
        Some(FromTracker::Announced { .. })
    ));
    client
}

/// How many of `clients` were offered something by `from`: the operator's next word is behind it.
async fn offered(tracker: &Tracker, clients: &mut [Client], from: u8) -> Vec<bool> {
    let (status, _) = tracker.ask("PUT /policy", "{\"max_peers\": 3}");
    assert_eq!(status, 200);
    let mut got = Vec::new();
    for client in clients {
        let mut was = false;
        loop {
            match client.hear().await {
                Some(FromTracker::Offered { peer, .. }) => was |= peer == PeerId([from; 20]),
                Some(FromTracker::Announced {
                    max_peers: Some(3), ..
                }) => break,
                other => panic!("{other:?}"),
            }
        }
        got.push(was);
    }
    got
}

#[tokio::test]
async fn half_of_who_one_meets_is_of_ones_own_provider() {
    let folder = Folder::new();
    let mut database = Database::new();
    for n in 1..=12 {
        // The first four at one provider, each of the others at its own.
        database.say(
            [198, 51, n],
            if n <= 4 {
                64_500
            } else {
                64_500 + u32::from(n)
            },
            "AT",
        );
    }
    database.say([198, 51, 99], 64_500, "AT");
    let file = folder.0.join("places.mmdb");
    std::fs::write(&file, database.bytes()).unwrap();
    let tracker = Tracker::start(&format!(
        "trusted_proxies = [\"127.0.0.1\"]\n[matching]\ngeoip = [\"{}\"]\n",
        file.display()
    ));
    let mut clients = Vec::new();
    for n in 1..=12 {
        clients.push(viewer(&tracker, n, &format!("198.51.{n}.7"), 0).await);
    }
    let _newcomer = viewer(&tracker, 99, "198.51.99.7", 4).await;
    let got = offered(&tracker, &mut clients, 99).await;
    let near = got[..4].iter().filter(|was| **was).count();
    let far = got[4..].iter().filter(|was| **was).count();
    assert_eq!((near, far), (2, 2), "{got:?}");
}

#[tokio::test]
async fn a_rule_reaches_the_viewers_of_its_country_and_its_network_and_can_be_changed() {
    let folder = Folder::new();
    let mut database = Database::new();
    database.say([198, 51, 1], 64_501, "AT");
    database.say([198, 51, 2], 64_502, "DE");
    let file = folder.0.join("places.mmdb");
    std::fs::write(&file, database.bytes()).unwrap();
    let settings = |rules: &str| {
        let file = file.display();
        format!("trusted_proxies = [\"127.0.0.1\"]\n[matching]\ngeoip = [\"{file}\"]\n{rules}")
    };
    let rules = "[[rules]]\ncountries = [\"AT\"]\nupload_limit = 0\n";
    let tracker = Tracker::start(&settings(rules));
    let addresses = ["198.51.1.7", "198.51.2.7", "203.0.113.7"];
    let mut viewers = Vec::new();
    for (n, address) in (1..).zip(addresses) {
        let headers = [("x-forwarded-for", address)];
        let mut client = Client::connect(&tracker.address, &headers).await.unwrap();
        client.announce(n).await;
        let upload = (n == 1).then_some(0);
        assert_eq!(client.caps().await, (None, upload), "{address}");
        viewers.push(client);
    }
    // A rule that names no country of this world changes nothing; the next one does.
    tracker.configure(&settings("[[rules]]\ncountries = [\"at\"]\np2p = false\n"));
    tracker.signal("HUP");
    let rules = "[[rules]]\nnetworks = [\"203.0.113.0/24\"]\np2p = false\n";
    tracker.configure(&settings(rules));
    tracker.signal("HUP");
    assert_eq!(viewers[0].caps().await, (None, None));
    assert_eq!(viewers[2].caps().await, (Some(0), None));
    viewers[1].announce(2).await;
    assert_eq!(
        viewers[1].caps().await,
        (None, None),
        "told once, by its own"
    );
}

#[test]
fn a_database_that_cannot_be_read_is_one_line_and_a_failure() {
    let folder = Folder::new();
    let wrong = folder.write("wrong.mmdb", "no database");
    for (file, expected) in [
        (wrong.as_str(), "wrong.mmdb"),
        ("/nowhere.mmdb", "/nowhere.mmdb"),
    ] {
        let setting = format!("matching.geoip=[\"{file}\"]");
        let mut command = command();
        let done = command
            .args(["--set", &setting, "--check-config"])
            .output()
            .unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains(expected), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}
