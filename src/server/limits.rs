//! How much one connection and one address may send, and the numbers of the sockets.
//!
//! Token buckets of the governor crate. An address is an IPv4 address or an IPv6 /64, because one host
//! commands a whole /64. Behind a proxy all visitors share the proxy's address: turn the limits per
//! address off there (`Limits::address: None`). What is inside messages is the tracker's to limit.

use core::net::{IpAddr, Ipv6Addr};
use core::num::NonZeroU32;
use core::time::Duration;
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Numbers of the shell.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Frames of one connection. 20 a second after a burst of 200: in a crowd that arrives at once a
    /// peer answers some dozens of offers within a few seconds, each with a few late candidates, then about one a second.
    pub frames: Quota,
    /// Limits per address; `None` for none.
    pub address: Option<AddressQuota>,
    /// Messages that may wait for a slow reader before it is dropped. 128: three announces' worth.
    pub queue: usize,
    /// Bytes that may wait for all readers together before some are dropped. 256 MiB.
    pub backlog_bytes: usize,
    /// How long one write may take. 10 s.
    pub write: Duration,
    /// Connections that have not become WebSockets yet. 10,000, about 100 MB.
    pub half_open: usize,
    /// Time between pings. 30 s, below the idle time-outs of common proxies (60 s).
    pub ping: Duration,
}

/// What one address may do: a school or a carrier's NAT is one address.
#[derive(Clone, Copy, Debug)]
pub struct AddressQuota {
    /// New connections. 50 a second after a burst of 500.
    pub connects: Quota,
    /// Frames of all its connections. 1,000 a second after a burst of 5,000.
    pub frames: Quota,
    /// Open connections. 2,000.
    pub sockets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frames: quota(20, 200),
            address: Some(AddressQuota {
                connects: quota(50, 500),
                frames: quota(1_000, 5_000),
                sockets: 2_000,
            }),
            queue: 128,
            backlog_bytes: 256 << 20,
            write: Duration::from_secs(10),
            half_open: 10_000,
            ping: Duration::from_secs(30),
        }
    }
}

/// A token bucket that refills at `per_second` and holds `burst`; 0 is taken for 1.
#[must_use]
pub fn quota(per_second: u32, burst: u32) -> Quota {
    let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst))
}

/// The buckets of all addresses.
#[derive(Debug)]
pub(super) struct Addresses {
    connects: DefaultKeyedRateLimiter<IpAddr>,
    frames: DefaultKeyedRateLimiter<IpAddr>,
    pub(super) sockets: usize,
}

impl Addresses {
    pub(super) fn new(quota: AddressQuota) -> Self {
        Self {
            connects: RateLimiter::keyed(quota.connects),
            frames: RateLimiter::keyed(quota.frames),
            sockets: quota.sockets,
        }
    }

    pub(super) fn may_connect(&self, address: IpAddr) -> bool {
        self.connects.check_key(&address).is_ok()
    }

    pub(super) fn may_send(&self, address: IpAddr) -> bool {
        self.frames.check_key(&address).is_ok()
    }

    /// Drops full buckets, so that memory follows the addresses of the last seconds.
    pub(super) fn sweep(&self) {
        self.connects.retain_recent();
        self.frames.retain_recent();
    }
}

/// The bucket of one connection.
pub(super) fn bucket(limits: &Limits) -> DefaultDirectRateLimiter {
    RateLimiter::direct(limits.frames)
}

/// Whose bucket an address draws from.
pub(super) fn key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_is_one_key() {
        let of = |text: &str| key(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
