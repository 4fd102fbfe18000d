//! `[redis]`: what several nodes of one tracker share.
//!
//! Invariant: the password is read from a file of its own, so that no printed setting has it.

use super::read_secret;
use crate::server::nodes::Server;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where Redis listens if its address does not say.
const PORT: u16 = 6_379;

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
    pub prefix: String,
}

impl Default for RedisServer {
    fn default() -> Self {
        Self {
            url: String::new(),
            user: None,
            password_file: None,
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
        self.parts()?;
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

    /// Host and port, and the database.
    fn parts(&self) -> Result<(String, u32), String> {
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
        let rest = url.strip_prefix("redis://").ok_or_else(|| {
            wrong("write redis://host:6379/0 (there is no TLS to Redis here; a tunnel has it)")
        })?;
        let (host, database) = rest.split_once('/').unwrap_or((rest, ""));
        let database = match database {
            "" => 0,
            number => number
                .parse()
                .map_err(|_| wrong("its database is no number"))?,
        };
        let has_port = host.rsplit_once(':').is_some_and(|(name, port)| {
            !name.is_empty() && !name.ends_with(':') && port.parse::<u16>().is_ok()
        });
        let address = match (has_port, host.contains(':') && !host.ends_with(']')) {
            (true, _) => host.to_owned(),
            (false, false) if !host.is_empty() => format!("{host}:{PORT}"),
            (false, _) => return Err(wrong("its host or its port cannot be read")),
        };
        Ok((address, database))
    }

    /// The server with its password, and what names in it begin with; `None` where this node is the only one.
    ///
    /// # Errors
    /// One line for a person.
    pub(in crate::server) fn read(&self) -> Result<Option<(Server, String)>, String> {
        if !self.is_set() {
            return Ok(None);
        }
        let (address, database) = self.parts()?;
        let password = self.password_file.as_deref();
        let password = password.map(|path| read_secret("Redis", path, PASSWORD_CHARS_MIN));
        let server = Server {
            address,
            database,
            user: self.user.clone(),
            password: password.transpose()?,
        };
        Ok(Some((server, self.prefix.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Result<(String, u32), String> {
        let redis = RedisServer {
            url: url.into(),
            ..RedisServer::default()
        };
        redis.check()?;
        redis.parts()
    }

    #[test]
    fn an_address_has_a_host_and_may_have_a_port_and_a_database() {
        for (url, address, database) in [
            ("redis://cache", "cache:6379", 0),
            ("redis://127.0.0.1:7000/3", "127.0.0.1:7000", 3),
            ("redis://[::1]:7000/", "[::1]:7000", 0),
            ("redis://[::1]", "[::1]:6379", 0),
        ] {
            assert_eq!(at(url), Ok((address.to_owned(), database)), "{url}");
        }
        for url in [
            "cache:6379",
            "rediss://cache",
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
        assert_eq!(RedisServer::default().read(), Ok(None));
    }
}
