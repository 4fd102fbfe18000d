//! `[[rules]]`: what viewers of some rooms, countries, providers or networks may do.
//!
//! Invariant: a rule that was read is for somebody in particular, and names nothing that this tracker could never know of a
//! viewer. Whom it covers is the tracker's.

use super::{Rule, Settings};
use crate::server::Prefix;
use crate::tracker::{Policy, Scope};
use crate::wire::room_of;
use serde::{Deserialize, Serialize};

/// Bits of an IPv6 address that one viewer is known by: a host commands the rest.
const IPV6_BITS_MAX: u8 = 64;

/// A rule and whom it is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "default.toml says what each setting means")]
pub struct RuleFor {
    pub rooms: Vec<String>,
    pub countries: Vec<String>,
    pub asns: Vec<u32>,
    pub networks: Vec<Prefix>,
    pub p2p: bool,
    pub share: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_peers: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_limit: Option<u64>,
}

impl Default for RuleFor {
    fn default() -> Self {
        let Rule {
            p2p,
            share,
            max_peers,
            upload_limit,
        } = Rule::default();
        Self {
            rooms: Vec::new(),
            countries: Vec::new(),
            asns: Vec::new(),
            networks: Vec::new(),
            p2p,
            share,
            max_peers,
            upload_limit,
        }
    }
}

impl RuleFor {
    fn scope(&self) -> Result<Scope, String> {
        let country = |code: &String| {
            let letters = <[u8; 2]>::try_from(code.as_bytes()).ok();
            let letters = letters.filter(|letters| letters.iter().all(u8::is_ascii_uppercase));
            letters.ok_or_else(|| format!("{code:?} is no country; write two capitals like \"AT\""))
        };
        let block = |prefix: &Prefix| {
            let block = prefix.block();
            let is_known = block.address.is_ipv4() || block.bits <= IPV6_BITS_MAX;
            is_known.then_some(block).ok_or_else(|| {
                format!("{prefix} is less than a viewer is known by; write its /{IPV6_BITS_MAX}")
            })
        };
        let scope = Scope {
            rooms: self.rooms.iter().map(|name| room_of(name)).collect(),
            countries: self
                .countries
                .iter()
                .map(country)
                .collect::<Result<_, _>>()?,
            asns: self.asns.iter().copied().collect(),
            networks: self.networks.iter().map(block).collect::<Result<_, _>>()?,
        };
        if !scope.is_for_some() {
            return Err(
                "it is for nobody in particular; what is for all stands in [policy]".into(),
            );
        }
        Ok(scope)
    }

    fn policy(&self) -> Result<Policy, String> {
        let rule = Rule {
            p2p: self.p2p,
            share: self.share,
            max_peers: self.max_peers,
            upload_limit: self.upload_limit,
        };
        rule.policy()
    }
}

impl Settings {
    /// The rules of some viewers, for the tracker.
    ///
    /// # Errors
    /// The first that cannot be obeyed, in one line for a person.
    pub(in crate::server) fn rules(&self) -> Result<Vec<(Scope, Policy)>, String> {
        let has_database = !self.matching.geoip.is_empty();
        let rule = |(at, rule): (usize, &RuleFor)| {
            let read = rule.scope().and_then(|scope| {
                if has_database || scope.countries.is_empty() && scope.asns.is_empty() {
                    Ok((scope, rule.policy()?))
                } else {
                    Err(
                        "countries and asns are known from databases; name some in matching.geoip"
                            .into(),
                    )
                }
            });
            read.map_err(|why| format!("rules[{at}]: {why}"))
        };
        self.rules.iter().enumerate().map(rule).collect()
    }
}
