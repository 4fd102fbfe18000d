//! `[redis]`: what several nodes of one tracker share.
//!
//! Invariant: the password is read from a file of its own, so that no printed setting has it.

use super::read_secret;
use crate::server::nodes::{Files, Seal, Server};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where Redis listens if its address does not say.
const PORT: u16 = 6_379;

/// What an address says.
#[derive(Debug, PartialEq, Eq)]
struct Parts {
    host: String,
    port: u16,
    database: u32,
    has_tls: bool,
}

/// Shortest password, in characters: Redis has no least.
const PASSWORD_CHARS_MIN: usize = 1;

/// Where the nodes' Redis is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "default.toml says what each setting means")]
pub struct RedisServer {
    pub url: String,
    pub user: Option<String>,
    pub password_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    pub prefix: String,
}

impl Default for RedisServer {
    fn default() -> Self {
        Self {
            url: String::new(),
            user: None,
            password_file: None,
            ca_file: None,
            cert_file: None,
            key_file: None,
            prefix: "swarmline".into(),
        }
    }
}

impl RedisServer {
    /// Whether there are other nodes.
    #[must_use]
    pub fn is_set(&self) -> bool {
        !self.url.is_empty()
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if !self.is_set() {
            return Ok(());
        }
        let parts = self.parts()?;
        if self.cert_file.is_some() != self.key_file.is_some() {
            return Err(
                "redis.cert_file and redis.key_file go together: set both or neither".into(),
            );
        }
        if !parts.has_tls && (self.ca_file.is_some() || self.cert_file.is_some()) {
            return Err(
                "redis.ca_file and redis.cert_file need TLS: redis.url is to begin with rediss://"
                    .into(),
            );
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        let is_name = !self.prefix.is_empty() && self.prefix.len() <= 64;
        if !is_name || !self.prefix.chars().all(is_plain) {
            let prefix = &self.prefix;
            return Err(format!(
                "redis.prefix is {prefix:?}; letters, digits and - _ . : only, 64 at most"
            ));
        }
        if self.user.is_some() && self.password_file.is_none() {
            return Err("redis.user needs redis.password_file".into());
        }
        Ok(())
    }

    fn parts(&self) -> Result<Parts, String> {
        let url = &self.url;
        let wrong = |why: &str| format!("redis.url is {url:?}: {why}");
        if url.contains('@') {
            // Not shown: it may hold a password.
            return Err(
                "redis.url has a user or a password in it; write them to redis.user and a \
                        file named by redis.password_file"
                    .into(),
            );
        }
        let (has_tls, rest) = match (url.strip_prefix("redis://"), url.strip_prefix("rediss://")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return Err(wrong("write redis://host:6379/0, or with TLS rediss://")),
        };
        let (host, database) = rest.split_once('/').unwrap_or((rest, ""));
        let database = match database {
            "" => 0,
            number => number
                .parse()
                .map_err(|_| wrong("its database is no number"))?,
        };
        let with_port = host.rsplit_once(':').and_then(|(name, port)| {
            let is_name = !name.is_empty() && !name.ends_with(':');
            Some((name, port.parse().ok().filter(|_| is_name)?))
        });
        let (host, port) = match (with_port, host.contains(':') && !host.ends_with(']')) {
            (Some((name, port)), _) => (name, port),
            (None, false) if !host.is_empty() => (host, PORT),
            (None, _) => return Err(wrong("its host or its port cannot be read")),
        };
        Ok(Parts {
            host: host.to_owned(),
            port,
            database,
            has_tls,
        })
    }

    /// What TLS to it goes by.
    pub(in crate::server) fn files(&self) -> Files<'_> {
        Files {
            ca: self.ca_file.as_deref(),
            own: self.cert_file.as_deref().zip(self.key_file.as_deref()),
        }
    }

    /// The server with its password, and what names in it begin with; `None` where this node is the only one.
    ///
    /// # Errors
    /// One line for a person.
    pub(in crate::server) fn read(&self) -> Result<Option<(Server, String)>, String> {
        if !self.is_set() {
            return Ok(None);
        }
        let parts = self.parts()?;
        let seal = parts.has_tls.then(|| Seal::read(&parts.host, self.files()));
        let password = self.password_file.as_deref();
        let password = password.map(|path| read_secret("Redis", path, PASSWORD_CHARS_MIN));
        let server = Server {
            address: format!("{}:{}", parts.host, parts.port),
            database: parts.database,
            seal: seal.transpose()?,
            user: self.user.clone(),
            password: password.transpose()?,
        };
        Ok(Some((server, self.prefix.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Result<(String, u16, u32, bool), String> {
        let redis = RedisServer {
            url: url.into(),
            ..RedisServer::default()
        };
        redis.check()?;
        let parts = redis.parts()?;
        Ok((parts.host, parts.port, parts.database, parts.has_tls))
    }

    #[test]
    fn an_address_has_a_host_and_may_have_a_port_and_a_database() {
        for (url, host, port, database, has_tls) in [
            ("redis://cache", "cache", 6_379, 0, false),
            ("redis://127.0.0.1:7000/3", "127.0.0.1", 7_000, 3, false),
            ("redis://[::1]:7000/", "[::1]", 7_000, 0, false),
            ("redis://[::1]", "[::1]", 6_379, 0, false),
            ("rediss://cache/1", "cache", 6_379, 1, true),
        ] {
            let expected = (host.to_owned(), port, database, has_tls);
            assert_eq!(at(url), Ok(expected), "{url}");
        }
        for url in [
            "cache:6379",
            "https://cache",
            "rediss://",
            "redis://",
            "redis://:6379",
            "redis://cache:x",
            "redis://cache:70000",
            "redis://cache/x",
            "redis://a:secret@cache",
        ] {
            let why = at(url).unwrap_err();
            assert!(
                why.starts_with("redis.url") && !why.contains("secret"),
                "{why}"
            );
        }
        let redis = RedisServer {
            url: "redis://cache".into(),
            prefix: "a b".into(),
            ..RedisServer::default()
        };
        assert!(redis.check().is_err());
        assert!(matches!(RedisServer::default().read(), Ok(None)));
    }

    #[test]
    fn files_of_tls_go_together_and_with_tls() {
        let with = |url: &str, ca: bool, cert: bool, key: bool| RedisServer {
            url: url.into(),
            ca_file: ca.then(|| "ca.pem".into()),
            cert_file: cert.then(|| "node.pem".into()),
            key_file: key.then(|| "node.key".into()),
            ..RedisServer::default()
        };
        let (plain, sealed) = ("redis://cache", "rediss://cache");
        for good in [
            with(sealed, false, false, false),
            with(sealed, true, true, true),
            with(plain, false, false, false),
        ] {
            assert_eq!(good.check(), Ok(()), "{good:?}");
        }
        for bad in [
            with(sealed, true, true, false),
            with(sealed, true, false, true),
            with(plain, true, false, false),
            with(plain, false, true, true),
        ] {
            assert!(bad.check().unwrap_err().starts_with("redis.c"), "{bad:?}");
        }
    }
}
