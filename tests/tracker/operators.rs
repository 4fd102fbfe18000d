//! Each command of docs/operators.md, run in the order of the page, in a folder of the test's. [`ELSEWHERE`] is all that is
//! replaced, [`DONE`] says of every command what is done with it: one that it does not name fails the test, as does a name
//! without a command. Settings and the proxy's lines of the page are given to who reads them.

use super::deploy::text;
use super::nodes::Redis;
use super::settings::tls_fixture;
use super::*;
use std::path::Path;

const PAGE: &str = "docs/operators.md";
const STORE: &str = "var/lib/swarmline/tracker.db";

/// What stands in the page, and what it is here. `FOLDER` is the test's own, `ADMIN` the second listener of its tracker.
const ELSEWHERE: [(&str, &str); 6] = [
    ("/etc/", "FOLDER/etc/"),
    ("/usr/local/bin/", "FOLDER/usr/local/bin/"),
    ("/var/lib/", "FOLDER/var/lib/"),
    ("http://127.0.0.1:8001", "http://ADMIN"),
    ("curl ", "curl --fail --silent --show-error "),
    ("THE PUBLIC KEY", "PUBLIC_KEY"),
];

/// What is done with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    /// It is run, and must succeed.
    Run,
    /// It runs until it is told to stop, and ends well then.
    Serve,
    /// The same by systemd: the test's tracker is ended, or started again with what it kept.
    Stop,
    Start,
    /// Redis with these settings, at another port; two nodes find each other by it.
    Redis,
    /// Asked of that Redis.
    OfRedis,
    /// Run by `turn.rs`, which tries its relays.
    Coturn,
    /// Looked at only: it would build for minutes, or change this machine. What it names must be there.
    LookedAt,
}

/// Every command by its beginning, in the order of the page.
const DONE: [(&str, Done); 31] = [
    ("cargo install --path .", Done::LookedAt),
    ("swarmline tracker --print-config >", Done::Run),
    ("swarmline tracker --config tracker.toml --check", Done::Run),
    ("swarmline tracker --config tracker.toml", Done::Serve),
    ("systemctl reload swarmline-tracker", Done::LookedAt),
    ("swarmline keygen ", Done::Run),
    ("swarmline token ", Done::Run),
    ("swarmline keygen ", Done::Run),
    ("openssl rand ", Done::Run),
    ("turnserver ", Done::Coturn),
    ("openssl rand ", Done::Run),
    ("curl ", Done::Run),
    ("cargo xtask soak kills", Done::LookedAt),
    ("sqlite3 ", Done::Run),
    ("systemctl stop swarmline-tracker", Done::Stop),
    ("cp copy.db ", Done::Run),
    ("rm -f ", Done::Run),
    ("systemctl start swarmline-tracker", Done::Start),
    ("redis-server ", Done::Redis),
    ("redis-benchmark ", Done::OfRedis),
    ("redis-cli PUBSUB ", Done::OfRedis),
    ("redis-cli HGETALL ", Done::OfRedis),
    ("install -m 0755 ", Done::Run),
    ("install -D ", Done::Run),
    ("install -m 0644 ", Done::Run),
    ("systemctl daemon-reload && ", Done::LookedAt),
    ("target/release/swarmline tracker --config ", Done::Run),
    ("curl ", Done::Run),
    ("systemctl stop swarmline-tracker", Done::Stop),
    ("install -m 0755 ", Done::Run),
    ("systemctl start swarmline-tracker", Done::Start),
];

/// First words by which a code span in a sentence is a command.
const PROGRAMS: [&str; 17] = [
    "apt-get",
    "cargo",
    "certbot",
    "cp",
    "curl",
    "docker",
    "journalctl",
    "kill",
    "nginx",
    "openssl",
    "promtool",
    "redis-benchmark",
    "redis-cli",
    "rm",
    "sqlite3",
    "swarmline",
    "systemctl",
];

/// Code spans that name a program, and are not to be typed.
const NAMES: [&str; 1] = ["swarmline tracker"];

/// The page's fenced blocks of a language.
fn blocks(language: &str) -> Vec<String> {
    let page = text(PAGE);
    let begins = format!("```{language}\n");
    let after = page.split(&begins).skip(1);
    after
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

/// A line without what stands behind its `#`.
fn code(line: &str) -> &str {
    line.split_once(" #").map_or(line, |(code, _)| code).trim()
}

/// All commands, in the order of the page.
pub(super) fn commands() -> Vec<String> {
    let page = text(PAGE);
    let mut commands = Vec::new();
    for (n, part) in page.split("```").enumerate() {
        if n % 2 == 0 {
            let spans = part.split('`').skip(1).step_by(2);
            let is_command = |span: &&str| {
                let (program, rest) = span.split_once(' ').unwrap_or((span, ""));
                PROGRAMS.contains(&program) && !rest.is_empty() && !NAMES.contains(span)
            };
            commands.extend(spans.filter(is_command).map(str::to_owned));
        } else if let Some(block) = part.strip_prefix("sh\n") {
            let block = block.replace("\\\n", " ");
            let lines = block.lines().map(code).filter(|line| !line.is_empty());
            let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
            commands.extend(lines.map(words));
        }
    }
    commands
}

/// The first command that begins so.
pub(super) fn command_of(beginning: &str) -> String {
    let mut all = commands().into_iter();
    all.find(|command| command.starts_with(beginning)).unwrap()
}

/// Here instead of where the page says.
pub(super) fn here(folder: &Folder, command: &str) -> String {
    let mut command = command.to_owned();
    for (there, here) in ELSEWHERE {
        command = command.replace(there, here);
    }
    command.replace("FOLDER", folder.0.to_str().unwrap())
}

/// A shell in the folder that finds our binary.
pub(super) fn shell(folder: &Folder, command: &str) -> Command {
    let binary = Path::new(env!("CARGO_BIN_EXE_swarmline"));
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}:/usr/sbin", binary.parent().unwrap().display());
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", command]).current_dir(&folder.0);
    shell.env("PATH", path).env("TOKEN", TOKEN);
    shell.env("SWARMLINE_TRACKER_LISTEN", "127.0.0.1:0");
    shell.env("SWARMLINE_TRACKER_STORE__PATH", folder.0.join(STORE));
    shell
}

/// Whether the program is installed; a word if not.
pub(super) fn is_here(folder: &Folder, command: &str) -> bool {
    let program = command.split(' ').next().unwrap();
    let found = shell(folder, &format!("command -v {program}")).output();
    let is_here = found.unwrap().status.success();
    if !is_here {
        eprintln!("skipped: no {program} here");
    }
    is_here
}

/// Runs it; what it says.
fn run(folder: &Folder, command: &str) -> String {
    let done = shell(folder, command).output().unwrap();
    assert!(done.status.success(), "{command}: {done:?}");
    String::from_utf8(done.stdout).unwrap()
}

/// It says where it listens, and ends when it is told to.
fn serve(folder: &Folder, command: &str) {
    let mut shell = shell(folder, &format!("exec {command}"));
    let mut child = shell.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let (_, port) = line.split_once("127.0.0.1:").unwrap();
    let port: String = port.chars().take_while(char::is_ascii_digit).collect();
    // It hears signals by the time that it answers.
    let address = format!("127.0.0.1:{port}");
    assert_eq!(http(&address, "GET /healthz", "none", "").0, 200);
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", "TERM", &id]).status();
    assert!(sent.unwrap().success());
    assert!(child.wait().unwrap().success(), "{line}");
}

/// What a command names that is only looked at must be there.
fn look_at(command: &str) {
    let words: Vec<&str> = command.split(' ').collect();
    match words.as_slice() {
        ["systemctl", .., unit] => drop(text(&format!("deploy/{unit}.service"))),
        ["cargo", "xtask", "soak", what] => {
            let line = format!("cargo xtask soak {what}\n");
            assert!(text("xtask/src/soak.rs").contains(&line));
        }
        ["cargo", "install", "--path", "."] => {
            assert!(text("Cargo.toml").contains("name = \"swarmline\""));
        }
        other => panic!("nobody looks at {other:?}"),
    }
}

/// A folder with what the page takes for granted: a build, `deploy/`, and places for settings and data.
fn prepared() -> Folder {
    let folder = Folder::new();
    for name in [
        "etc/swarmline",
        "etc/systemd/system",
        "usr/local/bin",
        "var/lib/swarmline",
        "target/release",
    ] {
        std::fs::create_dir_all(folder.0.join(name)).unwrap();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let link = |from: &Path, to: &str| std::os::unix::fs::symlink(from, folder.0.join(to)).unwrap();
    link(&root.join("deploy"), "deploy");
    let binary = Path::new(env!("CARGO_BIN_EXE_swarmline"));
    link(binary, "target/release/swarmline");
    folder
}

/// The tracker that the operator has installed.
fn installed(folder: &Folder) -> Tracker {
    let path = folder.0.join(STORE);
    Tracker::start(&format!(
        "trusted_proxies = [\"127.0.0.1\"]\nstore.path = {path:?}\n"
    ))
}

/// Stays in the room that the tracker has kept.
fn stays(tracker: &Tracker) -> u64 {
    let line = format!("GET /api/p2p/rooms/{}/sessions", room().to_hex());
    let (status, listed) = tracker.get(&line, "");
    assert_eq!(status, 200, "{listed}");
    listed["total"].as_u64().unwrap()
}

/// Every file of the folder that a unit or a command line names is there.
fn has_what_it_names(folder: &Folder, text: &str) {
    let lines = text.lines().filter(|line| line.starts_with("ExecStart"));
    let words = lines.flat_map(|line| line.split(['=', ' ']));
    let mut files = words.filter(|word| word.starts_with('/')).peekable();
    assert!(files.peek().is_some(), "{text}");
    for file in files {
        assert!(folder.0.join(&file[1..]).exists(), "{file}");
    }
}

#[tokio::test]
async fn each_command_of_the_page_does_what_it_is_there_for() {
    let commands = commands();
    for (n, command) in commands.iter().enumerate() {
        let known = DONE.get(n).map_or("", |(beginning, _)| beginning);
        let is_known = !known.is_empty() && command.starts_with(known);
        assert!(is_known, "«{command}» is new: say in DONE what to do");
    }
    assert_eq!(commands.len(), DONE.len(), "DONE has more than the page");

    let folder = prepared();
    if !["curl", "openssl", "sqlite3"]
        .map(|it| is_here(&folder, it))
        .iter()
        .all(|is_here| *is_here)
    {
        return; // later commands need what these leave behind
    }
    let (mut tracker, mut redis) = (None, None);
    for (command, (_, done)) in commands.iter().zip(DONE) {
        let mut here = here(&folder, command);
        if let Some(tracker) = &tracker {
            let tracker: &Tracker = tracker;
            here = here.replace("ADMIN", &tracker.admin);
        }
        match done {
            Done::Run if is_here(&folder, command) => drop(run(&folder, &here)),
            Done::Run | Done::Coturn => {}
            Done::Serve => {
                serve(&folder, &here);
                let started = installed(&folder);
                let _viewer = ledger::come(&started, 1).await;
                while stays(&started) == 0 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                tracker = Some(started);
            }
            Done::Stop => {
                let running = tracker.take().unwrap();
                running.signal("TERM");
                assert_eq!(running.ended().0, Some(0));
            }
            Done::Start => {
                let started = installed(&folder);
                assert_eq!(stays(&started), 1, "{command}");
                tracker = Some(started);
            }
            Done::Redis => redis = with_redis(command).await,
            Done::OfRedis if is_here(&folder, command) => {
                let redis = redis.as_ref().map(|(redis, ..)| redis);
                ask_redis(&folder, command, redis);
            }
            Done::OfRedis => {}
            Done::LookedAt => look_at(command),
        }
    }
    let unit = std::fs::read_to_string(
        folder
            .0
            .join("etc/systemd/system/swarmline-tracker.service"),
    );
    has_what_it_names(&folder, &unit.unwrap());
}

/// Two nodes at a Redis with the settings of the page, all but where it listens.
async fn with_redis(command: &str) -> Option<(Redis, Tracker, Tracker)> {
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let settings = words.chunks(2);
    let settings = settings.filter(|pair| !["--bind", "--port"].contains(&pair[0]));
    let redis = Redis::start_with(&settings.flatten().copied().collect::<Vec<_>>())?;
    let policy = redis.say(&[b"CONFIG", b"GET", b"maxmemory-policy"]);
    assert!(policy.contains("noeviction"), "{policy}");
    let (one, other) = nodes::pair(&redis).await;
    assert_eq!(one.ask("PUT /policy", "{\"max_peers\": 9}").0, 200);
    Some((redis, one, other))
}

/// What the runbook asks Redis, and what it is to see there.
fn ask_redis(folder: &Folder, command: &str, redis: Option<&Redis>) {
    let Some(redis) = redis else { return };
    let (program, rest) = command.split_once(' ').unwrap();
    let few = if program == "redis-benchmark" {
        "-n 1000 "
    } else {
        ""
    };
    let said = run(
        folder,
        &format!("{program} -p {} {few}{rest}", redis.port()),
    );
    let expected = match rest.split(' ').next().unwrap() {
        "PUBSUB" => "swarmline:nodes\n2\n",
        "HGETALL" => "\"max_peers\":9",
        _ => "requests per second",
    };
    assert!(said.contains(expected), "{command}: {said}");
}

#[test]
fn settings_of_the_page_are_good_ones() {
    let folder = prepared();
    let certificates = folder.0.join("etc/letsencrypt/live/tracker.example");
    std::fs::create_dir_all(&certificates).unwrap();
    for (name, fixture) in [
        ("fullchain.pem", "server.pem"),
        ("privkey.pem", "server.key"),
    ] {
        std::fs::copy(tls_fixture(fixture), certificates.join(name)).unwrap();
    }
    for (name, fixture) in [
        ("redis-ca.pem", "ca.pem"),
        ("redis-node.pem", "client.pem"),
        ("redis-node.key", "client.key"),
    ] {
        let copy = folder.0.join("etc/swarmline").join(name);
        std::fs::copy(tls_fixture(fixture), copy).unwrap();
    }
    let places = folder.0.join("var/lib/GeoIP");
    std::fs::create_dir_all(&places).unwrap();
    for name in ["GeoLite2-ASN.mmdb", "GeoLite2-Country.mmdb"] {
        std::fs::write(places.join(name), geoip::small_database()).unwrap();
    }
    for name in ["turn", "admin", "redis", "receipt", "ticket"] {
        let kind = match name {
            "admin" => "token",
            "redis" => "password",
            _ => "secret",
        };
        let file = folder.0.join(format!("etc/swarmline/{name}-{kind}"));
        std::fs::write(file, format!("{}\n", "5a".repeat(32))).unwrap();
    }
    run(&folder, "swarmline keygen --out etc/swarmline/proof.key");
    let key = run(&folder, "swarmline keygen --out tokens.key --json");
    let key: serde_json::Value = serde_json::from_str(&key).unwrap();
    let blocks = blocks("toml");
    assert!(blocks.len() >= 9, "{blocks:?}");
    for block in &blocks {
        // Rules by country need the databases that the page names above.
        let places = blocks.iter().filter(|it| it.contains("geoip"));
        let places = places.filter(|_| block.contains("countries"));
        let block: String = places.chain([block]).map(String::as_str).collect();
        let block = here(&folder, &block);
        let block = block.replace("PUBLIC_KEY", key["publicKey"].as_str().unwrap());
        folder.write("block.toml", &block);
        let mut check = shell(
            &folder,
            "swarmline tracker --config block.toml --check-config",
        );
        check.env_remove("SWARMLINE_TRACKER_LISTEN");
        let done = check.env_remove("SWARMLINE_TRACKER_STORE__PATH").output();
        let done = done.unwrap();
        assert!(done.status.success(), "{block}\n{done:?}");
    }
}

#[test]
fn lines_for_nginx_in_the_page_are_ones_that_it_takes() {
    let folder = prepared();
    if !is_here(&folder, "nginx") {
        return;
    }
    let at = folder.0.display();
    for location in blocks("nginx") {
        let config = format!(
            "pid {at}/pid; error_log {at}/errors;\nevents {{}}\nhttp {{ access_log off;\n\
             client_body_temp_path {at}; proxy_temp_path {at}; fastcgi_temp_path {at};\n\
             uwsgi_temp_path {at}; scgi_temp_path {at};\nserver {{ listen unix:{at}/socket;\n\
             {location}\n}} }}\n"
        );
        let config = folder.write("nginx.conf", &config);
        run(&folder, &format!("nginx -t -c {config} -e {at}/errors"));
        // And it would have said so.
        let wrong = std::fs::read_to_string(&config).unwrap();
        let wrong = folder.write("wrong.conf", &wrong.replace("proxy_pass", "proxy_past"));
        let done = shell(&folder, &format!("nginx -t -c {wrong} -e {at}/errors")).output();
        assert!(!done.unwrap().status.success());
    }
}
