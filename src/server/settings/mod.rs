//! Everything an operator may set: names, defaults, and what cannot be.
//!
//! `default.toml` beside it is the same with words for people; `layers` reads file, environment and flags.
//! Invariant: settings that [`Settings::check`] let pass can be obeyed, except for what only the machine
//! knows (ports, files). Meanings and reasons of the tracker's own numbers stand in [`Config`].

mod access;
mod layers;
mod redis;
mod rules;
#[cfg(test)]
mod tests;
mod turn;

pub use layers::Layers;

use self::access::AccessLists;
use self::redis::RedisServer;
use self::rules::RuleFor;
use self::turn::TurnServer;
use super::{AddressQuota, Limits, Origin, Prefix, quota};
use crate::tracker::{Config, Policy, WHOLE_PERMILLE};
use core::net::SocketAddr;
use core::time::Duration;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Every setting with its default, for people.
const COMMENTED: &str = include_str!("default.toml");

/// Shortest token of the admin listener, in characters: not to be guessed.
pub(super) const TOKEN_CHARS_MIN: usize = 16;

/// All of it. Names are those of `default.toml`, where each is explained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "default.toml says what each setting means")]
pub struct Settings {
    pub listen: SocketAddr,
    pub trusted_proxies: Vec<Prefix>,
    pub proxy_protocol: bool,
    pub drain_s: u64,
    pub rules: Vec<RuleFor>,
    pub log: Log,
    pub tls: TlsFiles,
    pub admin: AdminListener,
    pub access: AccessLists,
    pub turn: TurnServer,
    pub matching: Matching,
    pub policy: Rule,
    pub api: ApiPages,
    pub store: StoreFile,
    pub redis: RedisServer,
    pub receipts: ReceiptNumbers,
    pub limits: LimitNumbers,
    pub timing: Timing,
}

/// What is logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "default.toml says what each setting means")]
pub struct Log {
    pub level: Level,
    pub format: LogFormat,
    pub addresses: bool,
}

/// From which weight on something is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where certificate and key are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "default.toml says what each setting means")]
pub struct TlsFiles {
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

/// The operator's listener.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "default.toml says what each setting means")]
pub struct AdminListener {
    pub listen: Option<SocketAddr>,
    pub token_file: Option<PathBuf>,
}

/// What introductions go by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "default.toml says what each setting means")]
pub struct Matching {
    pub hints: bool,
    pub geoip: Vec<PathBuf>,
}

/// What viewers may do, as a person writes it: in settings and on the admin listener.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "default.toml says what each setting means")]
pub struct Rule {
    pub p2p: bool,
    pub share: f64,
    pub max_peers: Option<u32>,
    pub upload_limit: Option<u64>,
}

/// Who reads the API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "default.toml says what each setting means")]
pub struct ApiPages {
    pub cors: Vec<Origin>,
}

/// What outlives the process, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "default.toml says what each setting means")]
pub struct StoreFile {
    pub path: PathBuf,
    pub retention_days: u64,
}

/// How receipts are judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "default.toml says what each setting means")]
pub struct ReceiptNumbers {
    pub rate_bytes_per_s: u64,
    pub secret_file: Option<PathBuf>,
}

/// How much is taken, of all and of each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "default.toml says what each setting means")]
pub struct LimitNumbers {
    pub connections: usize,
    pub peers: usize,
    pub peers_per_swarm: usize,
    pub message_bytes: usize,
    pub offers_per_announce: usize,
    pub swarms_per_connection: usize,
    pub frames_per_s: u32,
    pub frames_burst: u32,
    pub queue: usize,
    pub backlog_bytes: usize,
    pub half_open: usize,
    pub per_address: bool,
    pub address_connections: usize,
    pub address_connects_per_s: u32,
    pub address_connects_burst: u32,
    pub address_frames_per_s: u32,
    pub address_frames_burst: u32,
}

/// How long things take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "default.toml says what each setting means")]
pub struct Timing {
    pub announce_interval_s: u32,
    pub peer_age_s: u64,
    pub idle_s: u64,
    pub silent_s: u64,
    pub ping_s: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8000)),
            trusted_proxies: Vec::new(),
            proxy_protocol: false,
            drain_s: 0,
            rules: Vec::new(),
            log: Log::default(),
            tls: TlsFiles::default(),
            admin: AdminListener::default(),
            access: AccessLists::default(),
            turn: TurnServer::default(),
            matching: Matching::default(),
            policy: Rule::default(),
            api: ApiPages::default(),
            store: StoreFile::default(),
            redis: RedisServer::default(),
            receipts: ReceiptNumbers::default(),
            limits: LimitNumbers::default(),
            timing: Timing::default(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: Level::Info,
            format: LogFormat::Text,
            addresses: false,
        }
    }
}

impl Default for StoreFile {
    fn default() -> Self {
        Self {
            path: PathBuf::new(),
            retention_days: 90,
        }
    }
}

impl Default for ReceiptNumbers {
    fn default() -> Self {
        Self {
            rate_bytes_per_s: 12_500_000,
            secret_file: None,
        }
    }
}

impl Default for Matching {
    fn default() -> Self {
        Self {
            hints: Config::default().heeds_hints,
            geoip: Vec::new(),
        }
    }
}

impl Default for Rule {
    fn default() -> Self {
        Self::of(Policy::default())
    }
}

impl Default for LimitNumbers {
    fn default() -> Self {
        let config = Config::default();
        Self {
            connections: config.connections_max,
            peers: config.peers_max,
            peers_per_swarm: config.peers_per_swarm_max,
            message_bytes: config.message_bytes_max,
            offers_per_announce: config.offers_per_announce_max,
            swarms_per_connection: config.swarms_per_connection_max,
            frames_per_s: 20,
            frames_burst: 200,
            queue: 128,
            backlog_bytes: Limits::default().backlog_bytes,
            half_open: 10_000,
            per_address: true,
            address_connections: 2_000,
            address_connects_per_s: 50,
            address_connects_burst: 500,
            address_frames_per_s: 1_000,
            address_frames_burst: 5_000,
        }
    }
}

impl Default for Timing {
    fn default() -> Self {
        let config = Config::default();
        Self {
            announce_interval_s: config.interval_s,
            peer_age_s: config.peer_age.as_secs(),
            idle_s: config.idle.as_secs(),
            silent_s: config.silent.as_secs(),
            ping_s: Limits::default().ping.as_secs(),
        }
    }
}

impl Rule {
    /// The same in a person's numbers.
    #[must_use]
    pub fn of(policy: Policy) -> Self {
        Self {
            p2p: policy.p2p,
            share: f64::from(policy.share_permille) / f64::from(WHOLE_PERMILLE),
            max_peers: policy.max_peers,
            upload_limit: policy.upload_limit,
        }
    }

    /// The same for the tracker.
    ///
    /// # Errors
    /// When the share is no share, in words for a person.
    pub fn policy(self) -> Result<Policy, String> {
        if !(0.0..=1.0).contains(&self.share) {
            return Err(format!(
                "share is {}, not between 0.0 and 1.0 (a tenth is 0.1)",
                self.share
            ));
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 1,000"
        )]
        let share_permille = (self.share * f64::from(WHOLE_PERMILLE)).round() as u16;
        Ok(Policy {
            p2p: self.p2p,
            share_permille,
            max_peers: self.max_peers,
            upload_limit: self.upload_limit,
        })
    }
}

impl Settings {
    /// Whether all of it can be obeyed together.
    ///
    /// # Errors
    /// The first thing that cannot, in one line for a person.
    pub fn check(&self) -> Result<(), String> {
        let both_or_neither = |one: bool, other: bool, names: &str| match one == other {
            true => Ok(()),
            false => Err(format!("{names} go together: set both or neither")),
        };
        let (tls, admin) = (&self.tls, &self.admin);
        let (certificate, key) = (tls.certificate.is_some(), tls.key.is_some());
        both_or_neither(certificate, key, "tls.certificate and tls.key")?;
        let (listen, token) = (admin.listen.is_some(), admin.token_file.is_some());
        both_or_neither(listen, token, "admin.listen and admin.token_file")?;
        if self.receipts.rate_bytes_per_s == 0 {
            return Err("receipts.rate_bytes_per_s is 0: nobody could earn anything".into());
        }
        if self.proxy_protocol && self.trusted_proxies.is_empty() {
            return Err("proxy_protocol needs trusted_proxies: from whom it is believed".into());
        }
        self.access.check()?;
        self.turn.check()?;
        self.redis.check()?;
        let policy = self.policy.policy();
        policy.map_err(|why| format!("policy.{why}"))?;
        self.rules()?;
        let positive = [
            ("limits.connections", self.limits.connections),
            ("limits.peers", self.limits.peers),
            ("limits.peers_per_swarm", self.limits.peers_per_swarm),
            ("limits.half_open", self.limits.half_open),
        ];
        for (name, number) in positive {
            if number == 0 {
                return Err(format!("{name} is 0: nobody could connect"));
            }
        }
        let least = [
            ("limits.message_bytes", self.limits.message_bytes, 1_024),
            ("limits.backlog_bytes", self.limits.backlog_bytes, 1 << 20),
            ("timing.ping_s", usize_of(self.timing.ping_s), 1),
            ("timing.idle_s", usize_of(self.timing.idle_s), 1),
            ("timing.peer_age_s", usize_of(self.timing.peer_age_s), 1),
        ];
        for (name, number, least) in least {
            if number < least {
                return Err(format!("{name} is {number}; {least} is the least"));
            }
        }
        Ok(())
    }

    /// The tracker's numbers.
    #[must_use]
    pub fn config(&self) -> Config {
        let (limits, timing) = (&self.limits, &self.timing);
        Config {
            interval_s: timing.announce_interval_s,
            peer_age: Duration::from_secs(timing.peer_age_s),
            idle: Duration::from_secs(timing.idle_s),
            silent: Duration::from_secs(timing.silent_s),
            message_bytes_max: limits.message_bytes,
            offers_per_announce_max: limits.offers_per_announce,
            swarms_per_connection_max: limits.swarms_per_connection,
            peers_max: limits.peers,
            peers_per_swarm_max: limits.peers_per_swarm,
            heeds_hints: self.matching.hints,
            ..Config::default().with_connections(limits.connections)
        }
    }

    /// Whether anything outlives the process.
    #[must_use]
    pub fn has_store(&self) -> bool {
        !self.store.path.as_os_str().is_empty()
    }

    /// The sockets' numbers.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let numbers = &self.limits;
        let address = AddressQuota {
            connects: quota(
                numbers.address_connects_per_s,
                numbers.address_connects_burst,
            ),
            frames: quota(numbers.address_frames_per_s, numbers.address_frames_burst),
            sockets: numbers.address_connections,
        };
        Limits {
            frames: quota(numbers.frames_per_s, numbers.frames_burst),
            address: numbers.per_address.then_some(address),
            queue: numbers.queue,
            backlog_bytes: numbers.backlog_bytes,
            ping: Duration::from_secs(self.timing.ping_s),
            half_open: numbers.half_open,
            ..Limits::default()
        }
    }

    /// All settings as a file with comments that gives the same settings when it is read.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let values = serde_json::to_value(self).unwrap_or_default();
        let mut section = "";
        let mut lines = Vec::new();
        for line in COMMENTED.lines() {
            if let Some(name) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
                section = name;
            }
            let value = setting(line).and_then(|key| match section {
                "" => values.get(key),
                section => values.get(section)?.get(key),
            });
            lines.push(match (value.and_then(in_toml), setting(line)) {
                (Some(value), Some(key)) => format!("{key} = {value}"),
                (None, _) | (_, None) => line.to_owned(),
            });
        }
        lines.join("\n") + "\n"
    }
}

/// A value on one line. JSON's scalars are TOML's; what is not set is none.
fn in_toml(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(value.to_string()),
        Value::Array(values) => {
            let values = values.iter().filter_map(in_toml);
            Some(format!("[{}]", values.collect::<Vec<String>>().join(", ")))
        }
        Value::Object(members) => {
            let member = |(name, value)| Some(format!("{name} = {}", in_toml(value)?));
            let members: Vec<String> = members.iter().filter_map(member).collect();
            Some(format!("{{ {} }}", members.join(", ")))
        }
    }
}

/// The name of the setting on a line of the commented file, set or commented out.
fn setting(line: &str) -> Option<&str> {
    let line = line.strip_prefix("# ").unwrap_or(line);
    let (key, _) = line.split_once(" = ")?;
    let is_name = key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    is_name.then_some(key)
}

fn usize_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The text of a file that holds a secret and nothing else.
///
/// # Errors
/// One line for a person, with the file, when it cannot be read or could be guessed.
pub(super) fn read_secret(name: &str, path: &Path, chars_min: usize) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|why| why.to_string());
    let secret = text.and_then(|text| match text.trim() {
        secret if secret.chars().count() >= chars_min => Ok(secret.to_owned()),
        _ => Err(format!(
            "it holds fewer than {chars_min} characters; make one with: openssl rand -hex 32"
        )),
    });
    secret.map_err(|why| format!("the {name} secret {}: {why}", path.display()))
}
