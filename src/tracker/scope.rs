//! Whom a rule is for: viewers of some rooms, of some countries, of some providers, in some networks.
//!
//! Invariant: who is nowhere, because the shell or its database does not know, is in no country, provider or network that a
//! rule names; a rule that should hold for them names none. What a rule says is `policy`'s.

use super::Visitor;
use crate::base::InfoHash;
use core::net::IpAddr;
use std::collections::BTreeSet;

/// Whom a rule is for. What is empty says nothing; of what is named, one of each kind must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Streams.
    pub rooms: BTreeSet<InfoHash>,
    /// Two letters of ISO 3166-1, as [`Place`](super::Place) has them.
    pub countries: BTreeSet<[u8; 2]>,
    /// Autonomous systems.
    pub asns: BTreeSet<u32>,
    /// Addresses or networks of them.
    pub networks: Vec<Block>,
}

/// Addresses that begin alike. Visitors with IPv6 are known by their /64: a longer block has none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// One of them.
    pub address: IpAddr,
    /// How many bits they have in common.
    pub bits: u8,
}

impl Scope {
    /// Whether it names anything.
    #[must_use]
    pub fn is_for_some(&self) -> bool {
        *self != Self::default()
    }

    pub(super) fn covers(&self, room: InfoHash, visitor: Option<&Visitor>) -> bool {
        let place = visitor.map(|visitor| visitor.place).unwrap_or_default();
        let address = visitor.and_then(|visitor| visitor.address);
        let is_in = |block: &Block| address.is_some_and(|address| block.contains(address));
        (self.rooms.is_empty() || self.rooms.contains(&room))
            && names(&self.countries, place.country)
            && names(&self.asns, place.asn)
            && (self.networks.is_empty() || self.networks.iter().any(is_in))
    }
}

fn names<T: Ord>(named: &BTreeSet<T>, one: Option<T>) -> bool {
    named.is_empty() || one.is_some_and(|one| named.contains(&one))
}

impl Block {
    /// Whether an address is one of them; one of IPv4 that is written as IPv6 counts as what it is.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        let same = |one: u128, other: u128, width: u32| {
            let rest = width.saturating_sub(u32::from(self.bits));
            let cut = |bits: u128| bits.checked_shr(rest).unwrap_or(0);
            cut(one) == cut(other)
        };
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(one), IpAddr::V4(other)) => {
                same(u32::from(one).into(), u32::from(other).into(), 32)
            }
            (IpAddr::V6(one), IpAddr::V6(other)) => same(one.into(), other.into(), 128),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_block_has_the_addresses_that_begin_like_it() {
        let of = |text: &str| text.parse::<IpAddr>().unwrap();
        let is_in = |block: &str, bits: u8, address: &str| {
            let address = of(address);
            let block = Block {
                address: of(block),
                bits,
            };
            block.contains(address)
        };
        assert!(is_in("192.0.2.0", 24, "192.0.2.77"));
        assert!(is_in("192.0.2.0", 24, "::ffff:192.0.2.77"));
        assert!(!is_in("192.0.2.0", 24, "192.0.3.1"));
        assert!(is_in("192.0.2.7", 32, "192.0.2.7"));
        assert!(!is_in("192.0.2.7", 32, "192.0.2.6"));
        assert!(is_in("0.0.0.0", 0, "203.0.113.9"));
        assert!(!is_in("0.0.0.0", 0, "2001:db8::1"));
        assert!(is_in("2001:db8::", 32, "2001:db8:9::"));
        assert!(!is_in("2001:db8::", 32, "2001:db9::"));
        assert!(is_in("::", 0, "2001:db8::1"));
    }
}
