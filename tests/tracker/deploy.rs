//! The files of `deploy/`: they name metrics that there are, and what they start does what it is said to.

use super::*;
use std::collections::BTreeSet;
use std::path::Path;

pub(super) fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(path).unwrap()
}

/// Metrics that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    let begins = text.match_indices("swarmline_tracker_");
    let name = |(at, _): (usize, &str)| {
        let rest = &text[at..];
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        rest[..end].to_owned()
    };
    begins.map(name).collect()
}

#[tokio::test]
async fn alerts_and_panels_name_metrics_that_there_are() {
    let folder = Folder::new();
    // Nothing need listen there for the metrics to be.
    let redis = "[redis]\nurl = \"redis://127.0.0.1:1/0\"\n";
    let tracker = Tracker::start(&format!("{}{redis}", ledger::settings(&folder)));
    let (_, metrics) = tracker.ask("GET /metrics", "");
    let lines = metrics.lines().filter(|line| !line.starts_with('#'));
    let name = |line: &str| line.split([' ', '{']).next().unwrap_or_default().to_owned();
    let there: BTreeSet<String> = lines.map(name).collect();
    for file in ["deploy/alerts.yml", "deploy/grafana.json"] {
        let named = named(&text(file));
        assert!(named.len() >= 8, "{file}: {named:?}");
        let unknown: Vec<&String> = named.difference(&there).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
    // Reasons by which alerts pick a series are ones that there are.
    for reason in ["full", "address"] {
        let label = format!("reason=\"{reason}\"");
        assert!(text("deploy/alerts.yml").contains(&label) && metrics.contains(&label));
    }
    let board: serde_json::Value = serde_json::from_str(&text("deploy/grafana.json")).unwrap();
    assert!(
        board["panels"]
            .as_array()
            .is_some_and(|panels| panels.len() >= 10)
    );
    // And all of them are in a panel or an alert, but for a few that neither is needed for.
    let mut shown = named(&text("deploy/grafana.json"));
    shown.extend(named(&text("deploy/alerts.yml")));
    let unseen: Vec<&String> = there
        .difference(&shown)
        .filter(|name| name.starts_with("swarmline_tracker_"))
        .collect();
    let expected = ["opened_total", "scrapes_total", "store_transactions_total"];
    let expected = expected.map(|name| format!("swarmline_tracker_{name}"));
    assert!(unseen.into_iter().eq(&expected), "{shown:?}");
}

#[test]
fn the_unit_is_one_that_systemd_takes_and_its_commands_are_ours() {
    let unit = text("deploy/swarmline-tracker.service");
    let folder = Folder::new();
    let config = folder.write("tracker.toml", "");
    let binary = env!("CARGO_BIN_EXE_swarmline");
    let here = unit.replace("/usr/local/bin/swarmline", binary);
    let check = here
        .lines()
        .find_map(|line| line.strip_prefix("ExecStartPre="))
        .unwrap()
        .replace("/etc/swarmline/tracker.toml", &config);
    let words: Vec<&str> = check.split(' ').collect();
    let done = Command::new(words[0]).args(&words[1..]).output().unwrap();
    assert!(done.status.success(), "{done:?}");

    let file = folder.write("swarmline-tracker.service", &here);
    match Command::new("systemd-analyze")
        .args(["verify", &file])
        .output()
    {
        Ok(done) => {
            let said = String::from_utf8_lossy(&done.stderr);
            let about_ours = said
                .lines()
                .filter(|line| line.contains("swarmline-tracker"));
            assert_eq!(about_ours.count(), 0, "{said}");
        }
        Err(why) => {
            eprintln!("skipped: no systemd-analyze here ({why}); Debian: apt-get install systemd");
        }
    }
}

/// nginx with our snippet in front of nodes, ended with its test.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let id = self.0.id().to_string();
        let _ = Command::new("kill").args(["-s", "QUIT", &id]).status();
        let _ = self.0.wait();
    }
}

fn nginx(folder: &Folder, nodes: &[&Tracker]) -> Option<(Nginx, String)> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let servers = nodes.iter().map(|node| format!("server {};", node.address));
    let servers: String = servers.collect();
    let (location, at) = (text("deploy/nginx.conf"), folder.0.display());
    let config = format!(
        "daemon off; master_process off; pid {at}/pid; error_log {at}/errors;\n\
         events {{}}\nhttp {{ access_log off; client_body_temp_path {at}; proxy_temp_path {at};\n\
         fastcgi_temp_path {at}; uwsgi_temp_path {at}; scgi_temp_path {at};\n\
         upstream swarmline {{ {servers} }}\nserver {{ listen {address};\n{location}\n}} }}\n"
    );
    let config = folder.write("nginx.conf", &config);
    let errors = folder.0.join("errors");
    for program in ["nginx", "/usr/sbin/nginx"] {
        let mut command = Command::new(program);
        command.args(["-c", &config, "-e"]).arg(&errors);
        if let Ok(child) = command.stderr(Stdio::null()).spawn() {
            let nginx = Nginx(child);
            let begun = std::time::Instant::now();
            while StdStream::connect(&address).is_err() {
                let said = std::fs::read_to_string(&errors).unwrap_or_default();
                assert!(begun.elapsed() < PATIENCE, "{said}");
                std::thread::sleep(Duration::from_millis(20));
            }
            return Some((nginx, address));
        }
    }
    eprintln!("skipped: no nginx here; Debian: apt-get install nginx-light");
    None
}

#[tokio::test]
async fn behind_nginx_viewers_have_their_addresses_and_go_round_a_node_that_is_away() {
    let folder = Folder::new();
    let settings = "trusted_proxies = [\"127.0.0.1\"]\n";
    let (one, other) = (Tracker::start(settings), Tracker::start(settings));
    let Some((_nginx, address)) = nginx(&folder, &[&one, &other]) else {
        return;
    };
    let from = [("x-forwarded-for", "192.0.2.9")];
    // nginx adds where it was called from; of that list the visitor is the last that is no proxy.
    for node in [&one, &other] {
        let ban = "{\"address\": \"192.0.2.9\", \"seconds\": 600}";
        assert_eq!(node.ask("POST /bans", ban).0, 201);
    }
    for _ in 0..2 {
        assert!(Client::connect(&address, &from).await.is_err());
        let mut viewer = Client::connect(&address, &[]).await.unwrap();
        viewer.announce(1).await;
        assert!(viewer.hear().await.is_some());
    }
    // Drained, or killed, a node gets nobody; the others do.
    assert_eq!(one.ask("POST /drain", "{\"seconds\": 1}").0, 202);
    for _ in 0..4 {
        let mut viewer = Client::connect(&address, &[]).await.unwrap();
        viewer.announce(1).await;
        assert!(viewer.hear().await.is_some());
    }
    one.signal("KILL");
    for _ in 0..4 {
        let mut viewer = Client::connect(&address, &[]).await.unwrap();
        viewer.announce(1).await;
        assert!(viewer.hear().await.is_some());
    }
}
