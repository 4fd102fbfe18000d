//! Which network an address is in: what one party can be expected to command together.
//!
//! Decides only what counts as one network: an IPv4 /24 (the smallest block that is routed on its own)
//! and an IPv6 /48 (what one site is given, RFC 6177). Names and text that is no address are none.

use core::fmt;

/// A network's prefix, or a place next door that has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Network {
    /// The first three bytes of an IPv4 address.
    V4([u8; 3]),
    /// The first three groups of an IPv6 address.
    V6([u16; 3]),
    /// Loopback, private, link-local and carrier-grade addresses: not reachable from elsewhere.
    Near,
}

impl Network {
    /// The network of an address in text (RFC 5952's forms and longer ones; a zone is ignored); `None`
    /// if it is no address.
    #[must_use]
    pub fn of(address: &str) -> Option<Self> {
        let address = address.split('%').next()?;
        match address.rsplit_once(':') {
            None => Self::of_v4(address),
            // An IPv4 address in IPv6 clothes.
            Some((before, v4)) if v4.contains('.') => {
                let mapped = before.eq_ignore_ascii_case("::ffff");
                mapped.then(|| Self::of_v4(v4)).flatten()
            }
            Some(_) => Self::of_v6(address),
        }
    }

    fn of_v4(address: &str) -> Option<Self> {
        let mut bytes = [0_u8; 4];
        let mut parts = address.split('.');
        for byte in &mut bytes {
            *byte = parts.next()?.parse().ok()?;
        }
        if parts.next().is_some() {
            return None;
        }
        let [a, b, c, _] = bytes;
        let near = match a {
            10 | 127 => true,
            100 => (64..128).contains(&b),
            169 => b == 254,
            172 => (16..32).contains(&b),
            192 => b == 168,
            _ => false,
        };
        Some(if near {
            Self::Near
        } else {
            Self::V4([a, b, c])
        })
    }

    fn of_v6(address: &str) -> Option<Self> {
        let (head, tail) = match address.split_once("::") {
            Some((head, tail)) => (head, Some(tail)),
            None => (address, None),
        };
        let count = |part: &str| match part {
            "" => 0,
            groups => groups.split(':').count(),
        };
        let (before, after) = (count(head), tail.map_or(0, count));
        let full = match tail {
            Some(_) => before + after < 8,
            None => before == 8,
        };
        if !full {
            return None;
        }
        // The groups that `::` stands for are zeros; the first three and whether all are matter here.
        let mut groups = [0_u16; 8];
        for (place, group) in (0..before).zip(head.split(':')) {
            groups[place] = u16::from_str_radix(group, 16).ok()?;
        }
        for (place, group) in (8 - after..8).zip(tail.unwrap_or("").split(':')) {
            groups[place] = u16::from_str_radix(group, 16).ok()?;
        }
        let loopback = groups == [0, 0, 0, 0, 0, 0, 0, 1];
        let near = loopback || groups[0] & 0xfe00 == 0xfc00 || groups[0] & 0xffc0 == 0xfe80;
        Some(if near {
            Self::Near
        } else {
            Self::V6([groups[0], groups[1], groups[2]])
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4([a, b, c]) => write!(out, "{a}.{b}.{c}.0/24"),
            Self::V6([a, b, c]) => write!(out, "{a:x}:{b:x}:{c:x}::/48"),
            Self::Near => out.write_str("near"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Network;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn one_site_is_one_network_and_a_neighbour_is_another() {
        let of = |text: &str| Network::of(text).unwrap();
        assert_eq!(of("192.0.2.1"), of("192.0.2.200"));
        assert_ne!(of("192.0.2.1"), of("192.0.3.1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.9"));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:DB8:1:ffff:0:0:0:9"));
        assert_ne!(of("2001:db8:1::1"), of("2001:db8:2::1"));
        assert_eq!(of("2001:db8::1"), Network::V6([0x2001, 0xdb8, 0]));
        assert_eq!(of("2001:db8::1").to_string(), "2001:db8:0::/48");
        assert_eq!(of("198.51.100.7").to_string(), "198.51.100.0/24");
    }

    #[test]
    fn addresses_that_lead_nowhere_else_are_near() {
        for near in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.9.9",
            "192.168.1.5",
            "169.254.1.1",
            "100.64.0.1",
            "::1",
            "fe80::1%eth0",
            "fd12:3456::1",
        ] {
            assert_eq!(Network::of(near), Some(Network::Near), "{near}");
        }
        for far in [
            "172.32.0.1",
            "100.128.0.1",
            "11.0.0.1",
            "2001:db8::1",
            "::2",
        ] {
            assert_ne!(Network::of(far), Some(Network::Near), "{far}");
        }
    }

    #[test]
    fn names_and_nonsense_are_no_network() {
        for text in [
            "",
            "7d4e0fb2-1c2b.local",
            "1.2.3",
            "1.2.3.4.5",
            "256.1.1.1",
            ":",
            ":::",
            "1:2:3",
            "1:2:3:4:5:6:7:8:9",
            "::1::2",
            "g::1",
            "64:ff9b::1.2.3.4x",
        ] {
            assert_eq!(Network::of(text), None, "{text}");
        }
    }
}
