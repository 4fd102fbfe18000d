//! Who may connect: pages by their origin, addresses that are not banned. May be changed at any time.
//!
//! Invariant: an origin is compared whole (scheme, host, port), never by a part of it, and a ban ends by
//! itself. An origin keeps other people's pages away, because browsers tell the truth about it; programs
//! need not. Which streams there are is the tracker's. Bans live in memory.

use crate::tracker::Block;
use axum::http::HeaderValue;
use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;
use core::time::Duration;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Bans at most; one covers a network.
const BANS_MAX: usize = 10_000;

/// One address or a network of them, `192.0.2.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Prefix(IpNet);

impl Prefix {
    /// Whether an address is in it.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        self.block().contains(address)
    }

    /// The same for the tracker.
    pub(super) fn block(self) -> Block {
        Block {
            address: self.0.addr(),
            bits: self.0.prefix_len(),
        }
    }
}

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address = text.parse::<IpAddr>().map(IpNet::from);
        let net = address.or_else(|_| text.parse::<IpNet>());
        net.map(|net| Self(net.trunc()))
            .map_err(|_| format!("{text:?} is no address and no network like 192.0.2.0/24"))
    }
}

impl TryFrom<String> for Prefix {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Prefix> for String {
    fn from(prefix: Prefix) -> Self {
        prefix.to_string()
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            return self.0.addr().fmt(out);
        }
        self.0.fmt(out)
    }
}

/// A page's origin as browsers write it (RFC 6454), or all hosts below one: `https://*.example.com`.
/// Empty for who names none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Origin(String);

impl Origin {
    pub(super) fn is(&self, origin: &str) -> bool {
        match self.0.split_once("*.") {
            None => self.0.eq_ignore_ascii_case(origin),
            Some((scheme, host)) => {
                let below = origin.to_ascii_lowercase();
                let below = below.strip_prefix(scheme);
                let below = below.and_then(|rest| rest.strip_suffix(host)?.strip_suffix('.'));
                below.is_some_and(|label| !label.is_empty() && !label.contains(['/', ':', '@']))
            }
        }
    }
}

impl TryFrom<String> for Origin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.to_ascii_lowercase();
        let rest = text.split_once("://").map(|(_, host)| host);
        let host = rest.map(|host| host.strip_prefix("*.").unwrap_or(host));
        let is_good = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', ' ']));
        if text.is_empty() || is_good {
            Ok(Self(text))
        } else {
            Err(format!(
                "{text:?} is no origin; write https://example.com, without a path"
            ))
        }
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.0
    }
}

/// What is in force.
#[derive(Debug, Default)]
pub(super) struct Access {
    /// Empty for all.
    origins: Vec<Origin>,
    bans: Vec<Ban>,
}

/// Addresses that may not connect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ban {
    pub(super) prefix: Prefix,
    until: Instant,
}

impl Ban {
    pub(super) fn left(&self, now: Instant) -> Duration {
        self.until.saturating_duration_since(now)
    }
}

impl Access {
    pub(super) fn set_origins(&mut self, origins: Vec<Origin>) {
        self.origins = origins;
    }

    pub(super) fn lets_in(&self, origin: Option<&HeaderValue>) -> bool {
        let named = origin.map_or(Some(""), |origin| origin.to_str().ok());
        let is_named = |origin: &str| self.origins.iter().any(|allowed| allowed.is(origin));
        self.origins.is_empty() || named.is_some_and(is_named)
    }

    pub(super) fn is_banned(&self, address: IpAddr, now: Instant) -> bool {
        let mut bans = self.bans.iter();
        bans.any(|ban| now < ban.until && ban.prefix.contains(address))
    }

    /// Bans until a moment, in place of an earlier ban of the same; false when there are too many.
    pub(super) fn ban(&mut self, prefix: Prefix, now: Instant, span: Duration) -> bool {
        self.bans
            .retain(|ban| ban.prefix != prefix && now < ban.until);
        let has_room = self.bans.len() < BANS_MAX;
        if let (true, Some(until)) = (has_room, now.checked_add(span)) {
            self.bans.push(Ban { prefix, until });
        }
        has_room
    }

    /// Whether there was such a ban.
    pub(super) fn pardon(&mut self, prefix: Prefix) -> bool {
        let before = self.bans.len();
        self.bans.retain(|ban| ban.prefix != prefix);
        self.bans.len() < before
    }

    pub(super) fn bans(&self, now: Instant) -> impl Iterator<Item = Ban> {
        self.bans.iter().filter(move |ban| now < ban.until).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(origins: &[&str]) -> Access {
        let origins = origins.iter().map(|text| text.to_string().try_into());
        Access {
            origins: origins.collect::<Result<Vec<Origin>, String>>().unwrap(),
            bans: Vec::new(),
        }
    }

    fn lets_in(access: &Access, origin: &str) -> bool {
        access.lets_in(Some(&HeaderValue::from_str(origin).unwrap()))
    }

    #[test]
    fn an_origin_is_compared_whole() {
        let one = access(&["https://a.example", "https://*.b.example"]);
        for origin in [
            "https://a.example",
            "https://x.b.example",
            "https://x.y.b.example",
        ] {
            assert!(lets_in(&one, origin), "{origin}");
        }
        for origin in [
            "http://a.example",
            "https://a.example:8443",
            "https://a.example.evil",
            "https://evila.example",
            "https://b.example",
            "https://evilb.example",
            "https://.b.example",
            "https://evil/x.b.example",
            "null",
        ] {
            assert!(!lets_in(&one, origin), "{origin}");
        }
        assert!(!one.lets_in(None));
        assert!(access(&["https://a.example", ""]).lets_in(None));
        assert!(access(&[]).lets_in(None) && lets_in(&access(&[]), "https://any.example"));
        for wrong in [
            "a.example",
            "https://a.example/",
            "https://",
            "*",
            "https://*",
        ] {
            assert!(Origin::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_ban_covers_its_network_until_it_ends() {
        let mut access = access(&[]);
        let (now, hour) = (Instant::now(), Duration::from_secs(3_600));
        let of = |text: &str| text.parse::<IpAddr>().unwrap();
        let net: Prefix = "192.0.2.77/24".parse().unwrap();
        assert_eq!(net.to_string(), "192.0.2.0/24");
        assert!(access.ban(net, now, hour));
        assert!(access.is_banned(of("192.0.2.1"), now));
        assert!(access.is_banned(of("::ffff:192.0.2.1"), now));
        assert!(!access.is_banned(of("192.0.3.1"), now));
        assert!(!access.is_banned(of("192.0.2.1"), now + hour));
        assert_eq!(access.bans(now + hour).count(), 0);
        assert!(access.ban("2001:db8::1".parse().unwrap(), now, hour));
        assert!(access.is_banned(of("2001:db8::1"), now));
        assert!(!access.is_banned(of("2001:db8::2"), now));
        assert!(access.pardon(net) && !access.pardon(net));
        assert!(!access.is_banned(of("192.0.2.1"), now));
    }
}
