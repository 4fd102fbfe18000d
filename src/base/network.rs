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
    /// The network of an address in text, as platforms write them (RFC 5952; a zone is ignored); `None` for
    /// names and for nothing. It need not refuse every text that is no address: no stranger writes it.
    #[must_use]
    pub fn of(address: &str) -> Option<Self> {
        let address = address.split('%').next()?;
        let is_v6 = address.contains(':');
        let (separator, radix, most) = if is_v6 { (':', 16, 8) } else { ('.', 10, 4) };
        let mut groups = [0_u16; 8];
        let (mut count, mut gap) = (0, None);
        for group in address.split(separator) {
            if group.is_empty() {
                gap = gap.or(Some(count));
                continue;
            }
            let digit = |sum: u32, c: char| Some((sum * radix).min(1 << 20) + c.to_digit(radix)?);
            let value = group.chars().try_fold(0, digit)?;
            *groups.get_mut(count)? = u16::try_from(value).ok()?;
            count += 1;
        }
        if count != most {
            // `::` stands for zeros: what is behind it moves to the end.
            let behind = count - gap.filter(|_| is_v6)?;
            groups.copy_within(count - behind..count, 8 - behind);
            groups[count - behind..8 - behind].fill(0);
        }
        if is_v6 {
            Some(Self::of_v6(groups))
        } else {
            Self::of_v4(groups)
        }
    }

    fn of_v4(groups: [u16; 8]) -> Option<Self> {
        let [a, b, c, d, ..] = groups.map(|group| u8::try_from(group).ok());
        let (a, b, c, _) = (a?, b?, c?, d?);
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

    fn of_v6(groups: [u16; 8]) -> Self {
        let loopback = groups == [0, 0, 0, 0, 0, 0, 0, 1];
        let near = loopback || groups[0] & 0xfe00 == 0xfc00 || groups[0] & 0xffc0 == 0xfe80;
        if near {
            Self::Near
        } else {
            Self::V6([groups[0], groups[1], groups[2]])
        }
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
            "1..2.3",
            "1.2.3.4.5",
            "256.1.1.1",
            "99999999999.1.1.1",
            "1:2:3",
            "1:2:3:4:5:6:7:8:9",
            "12345::1",
            "g::1",
            "::1.2.3.4",
        ] {
            assert_eq!(Network::of(text), None, "{text}");
        }
    }
}
