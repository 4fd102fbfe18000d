//! Defaults for people and for the program are the same; wrong settings are named; later layers count.

use super::*;

fn read(text: &str, flags: &[(&str, &str)]) -> Result<Settings, String> {
    let file = std::env::temp_dir().join(format!(
        "swarmline-settings-{}-{:?}.toml",
        std::process::id(),
        std::thread::current().id()
    ));
    std::fs::write(&file, text).unwrap();
    let flags = flags
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    let layers = Layers {
        file: Some(file.clone()),
        flags: flags.collect(),
        no_environment: true,
    };
    let settings = layers.read();
    std::fs::remove_file(&file).unwrap();
    settings.map_err(|why| why.replace(&file.display().to_string(), "FILE"))
}

#[test]
fn the_commented_file_is_the_defaults_and_names_every_setting() {
    assert_eq!(read(COMMENTED, &[]), Ok(Settings::default()));
    let all = COMMENTED
        .lines()
        .map(|line| match setting(line) {
            Some(_) => line.strip_prefix("# ").unwrap_or(line),
            None => line,
        })
        .collect::<Vec<&str>>()
        .join("\n");
    let all: Value = toml::from_str::<toml::Table>(&all)
        .map(|table| serde_json::to_value(table).unwrap())
        .unwrap();
    let known = serde_json::to_value(Settings::default()).unwrap();
    let names = |value: &Value| {
        let mut names = Vec::new();
        for (name, value) in value.as_object().unwrap() {
            let inner = value.as_object().into_iter().flatten();
            names.extend(inner.map(|(inner, _)| format!("{name}.{inner}")));
            names.push(name.clone());
        }
        names
    };
    assert_eq!(names(&all), names(&known));
}

#[test]
fn what_is_printed_gives_the_same_settings_when_it_is_read() {
    let text = r#"
        listen = "[::]:443"
        trusted_proxies = ["10.0.0.0/8", "::1"]
        [tls]
        certificate = "/etc/a \"b\".pem"
        key = "/k"
        [access]
        origins = ["https://a.example", ""]
        rooms_deny = ["https://cdn.example/x.m3u8"]
        [policy]
        share = 0.25
        max_peers = 4
        [[rules]]
        networks = ["192.0.2.0/24"]
        upload_limit = 0
        [[rules]]
        rooms = ["https://cdn.example/y.m3u8"]
        share = 0.5
    "#;
    let settings = read(text, &[]).unwrap();
    let printed = settings.to_toml();
    assert_eq!(read(&printed, &[]), Ok(settings));
    assert!(printed.contains("\nmax_peers = 4\n"), "{printed}");
    assert!(printed.contains("\n# upload_limit = 250000\n"), "{printed}");
}

#[test]
fn a_flag_counts_more_than_the_file() {
    let settings = read(
        "limits.connections = 5",
        &[
            ("limits.connections", "7"),
            ("log.level", "debug"),
            ("access.rooms_allow", "[\"a\"]"),
            ("listen", "0.0.0.0:1"),
        ],
    );
    let settings = settings.unwrap();
    assert_eq!(settings.limits.connections, 7);
    assert_eq!(settings.log.level, Level::Debug);
    assert_eq!(settings.access.rooms_allow, ["a"]);
    assert_eq!(settings.listen.port(), 1);
}

const TWO_KEYS_OF_ONE_NAME: &str = "access.token_keys = [\
    \"a:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\", \
    \"a:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\"]";

/// Settings that cannot be, and what is said of them.
const WRONG: &[(&str, &str)] = &[
    ("conections = 5", "FILE: conections: unknown field"),
    (
        "[limits]\nconections = 5",
        "FILE: limits.conections: unknown field",
    ),
    ("listen = 5", "FILE: listen: invalid type"),
    ("listen = \"nowhere\"", "FILE: listen: invalid"),
    (
        "[log]\nlevel = \"loud\"",
        "FILE: log.level: unknown variant",
    ),
    (
        "trusted_proxies = [\"10.0.0.0/99\"]",
        "FILE: trusted_proxies",
    ),
    (
        "[access]\norigins = [\"example.com\"]",
        "FILE: access.origins",
    ),
    ("listen =", "FILE, line 1: "),
    ("\n\n[policy\n", "FILE, line 3: "),
    ("[policy]\nshare = 25", "policy.share is 25"),
    (
        "[[rules]]\np2p = false",
        "rules[0]: it is for nobody in particular",
    ),
    (
        "[[rules]]\nrooms = [\"a\"]\n[[rules]]\ncountries = [\"at\"]",
        "rules[1]: \"at\" is no country",
    ),
    (
        "rules = [{ asns = [64500] }]",
        "rules[0]: countries and asns are known from databases",
    ),
    (
        "rules = [{ networks = [\"2001:db8::1\"] }]",
        "rules[0]: 2001:db8::1 is less than a viewer is known by",
    ),
    (
        "rules = [{ rooms = [\"a\"], share = 2 }]",
        "rules[0]: share is 2",
    ),
    (
        "[tls]\nkey = \"k\"",
        "tls.certificate and tls.key go together",
    ),
    (
        "admin.listen = \"127.0.0.1:1\"",
        "admin.listen and admin.token_file go together",
    ),
    (
        "access.tokens = \"required\"",
        "access.tokens is \"required\", but access.token_keys is empty",
    ),
    (
        "access.tokens = \"on\"",
        "FILE: access.tokens: unknown variant",
    ),
    ("access.token_keys = [\"a:b\"]", "FILE: access.token_keys"),
    (
        TWO_KEYS_OF_ONE_NAME,
        "access.token_keys has two keys with the name \"a\"",
    ),
    (
        "turn.urls = [\"turn:a.example\"]",
        "turn.urls and turn.secret_file go together",
    ),
    (
        "turn.urls = [\"stun:a.example\"]",
        "turn.urls: \"stun:a.example\" is no TURN server",
    ),
    ("turn.life_s = 60", "turn.life_s is 60; 300 is the least"),
    (
        "proxy_protocol = true",
        "proxy_protocol needs trusted_proxies",
    ),
    ("limits.connections = 0", "limits.connections is 0"),
    ("timing.ping_s = 0", "timing.ping_s is 0; 1 is the least"),
];

#[test]
fn what_is_wrong_is_named_in_one_line() {
    for (text, expected) in WRONG {
        let why = read(text, &[]).unwrap_err();
        assert!(why.starts_with(expected), "{text:?}: {why}");
        assert!(!why.contains('\n'), "{why}");
    }
    let why = read("", &[("limits.connection", "5")]).unwrap_err();
    assert!(
        why.starts_with("flag limits.connection: limits.connection: unknown field"),
        "{why}"
    );
    assert!(read("", &[("a b", "5")]).is_err());
    assert!(read("", &[]).is_ok());
}
