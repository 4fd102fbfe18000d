//! What operators rule at any node, for all of them: of two rulings about one thing the later counts.
//!
//! A ruling has the time it was made at, later than all that its node has seen, so that clocks need only be about right. What
//! was ended is remembered as ended until it would have ended by itself: a node that was away must not bring it back.
//! Invariant: whatever stands in Redis, only what can be read is heeded, and only so many. How it gets there is `bus`'s.

use super::super::access::Prefix;
use super::super::settings::Rule;
use super::super::store::{Ruled, Write, now_ms};
use crate::base::{InfoHash, unhex};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rulings that are remembered.
const RULINGS_MAX: usize = 20_000;

/// Longest ruling in text.
const TEXT_BYTES_MAX: usize = 4 * 1024;

/// How long the end of a rule is remembered.
const ENDED_MS: u64 = 30 * 24 * 3_600 * 1_000;

/// How far clocks of nodes may be off; a later time is nobody's.
const SKEW_MS: u64 = 24 * 3_600 * 1_000;

/// What was ruled.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ruling {
    /// What peers may do, in a room or everywhere, and what the settings said beside it; `None` is the end of a rule.
    Rule(Option<InfoHash>, Option<Rule>, String),
    /// Nobody of there may connect until then.
    Ban(Prefix, u64),
    /// They may again; there was a ban until then.
    Pardon(Prefix, u64),
}

/// The same as it stands beside the name of what it is about.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Written {
    Rule(Option<Rule>, String),
    Ban(u64),
    Pardon(u64),
}

impl Ruling {
    /// The name of what it is about: of two with one name the later counts.
    pub(super) fn about(&self) -> String {
        match self {
            Self::Rule(None, ..) => "policy".into(),
            Self::Rule(Some(room), ..) => format!("policy/{}", room.to_hex()),
            Self::Ban(prefix, _) | Self::Pardon(prefix, _) => format!("ban/{prefix}"),
        }
    }

    fn to_json(&self) -> String {
        let written = match self {
            Self::Rule(_, rule, beside) => Written::Rule(*rule, beside.clone()),
            Self::Ban(_, until_ms) => Written::Ban(*until_ms),
            Self::Pardon(_, until_ms) => Written::Pardon(*until_ms),
        };
        serde_json::to_string(&written).unwrap_or_default()
    }

    fn from_json(about: &str, json: &str) -> Option<Self> {
        let prefix = || about.strip_prefix("ban/")?.parse().ok();
        Some(match serde_json::from_str(json).ok()? {
            Written::Rule(rule, beside) => {
                let room = match about {
                    "policy" => None,
                    about => Some(InfoHash(unhex(about.strip_prefix("policy/")?)?)),
                };
                let is_good = rule.is_none_or(|rule: Rule| rule.policy().is_ok());
                is_good.then_some(Self::Rule(room, rule, beside))?
            }
            Written::Ban(until_ms) => Self::Ban(prefix()?, until_ms),
            Written::Pardon(until_ms) => Self::Pardon(prefix()?, until_ms),
        })
    }

    /// The same for this node's store.
    pub(super) fn to_write(&self) -> Write {
        match self {
            Self::Rule(room, rule, beside) => {
                let ruled = |rule: &Rule| Ruled {
                    rule: serde_json::to_string(rule).unwrap_or_default(),
                    beside: beside.clone(),
                };
                Write::Rule(*room, rule.as_ref().map(ruled))
            }
            Self::Ban(prefix, until_ms) => Write::Ban(prefix.to_string(), *until_ms),
            Self::Pardon(prefix, _) => Write::Pardon(prefix.to_string()),
        }
    }
}

/// A ruling and when it was made.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stamped {
    pub(super) at_ms: u64,
    pub(super) ruling: Ruling,
}

impl Stamped {
    pub(super) fn to_text(&self) -> String {
        format!("{} {}", self.at_ms, self.ruling.to_json())
    }

    /// Reads one about something; `None` if it is none that can have been made.
    pub(super) fn from_text(about: &str, text: &str) -> Option<Self> {
        let text = Some(text).filter(|text| text.len() <= TEXT_BYTES_MAX)?;
        let (at_ms, json) = text.split_once(' ')?;
        let at_ms: u64 = at_ms.parse().ok()?;
        let ruling = Ruling::from_json(about, json)?;
        let is_possible = at_ms <= now_ms().saturating_add(SKEW_MS);
        is_possible.then_some(Self { at_ms, ruling })
    }

    /// Nothing of it is in force any more, and nobody can think so.
    fn is_over(&self, now: u64) -> bool {
        match &self.ruling {
            Ruling::Rule(_, Some(_), _) => false,
            Ruling::Rule(_, None, _) => now.saturating_sub(self.at_ms) > ENDED_MS,
            Ruling::Ban(_, until_ms) | Ruling::Pardon(_, until_ms) => *until_ms <= now,
        }
    }
}

/// What was ruled so far, anywhere.
#[derive(Debug, Default)]
pub(super) struct Rulings {
    held: BTreeMap<String, Stamped>,
    latest_ms: u64,
}

impl Rulings {
    /// Takes what an operator has written at this node; `None` for what is no ruling, and for one too many.
    pub(super) fn take(&mut self, write: &Write) -> Option<Stamped> {
        let ruling = self.read(write)?;
        let at_ms = now_ms().max(self.latest_ms.saturating_add(1));
        let stamped = Stamped { at_ms, ruling };
        self.hold(&stamped).then_some(stamped)
    }

    /// Takes what this node remembers from before its start: older than all that the others say.
    pub(super) fn recall(&mut self, write: &Write) {
        if let Some(ruling) = self.read(write) {
            self.hold(&Stamped { at_ms: 0, ruling });
        }
    }

    fn read(&self, write: &Write) -> Option<Ruling> {
        Some(match write {
            Write::Rule(room, Some(Ruled { rule, beside })) => {
                let rule = serde_json::from_str(rule).ok()?;
                Ruling::Rule(*room, Some(rule), beside.clone())
            }
            Write::Rule(room, None) => Ruling::Rule(*room, None, String::new()),
            Write::Ban(prefix, until_ms) => Ruling::Ban(prefix.parse().ok()?, *until_ms),
            Write::Pardon(prefix) => {
                let prefix = prefix.parse().ok()?;
                let unknown_ms = now_ms().saturating_add(ENDED_MS);
                let pardon = Ruling::Pardon(prefix, unknown_ms);
                match self.held.get(&pardon.about()).map(|held| &held.ruling) {
                    Some(Ruling::Ban(_, until_ms) | Ruling::Pardon(_, until_ms)) => {
                        Ruling::Pardon(prefix, *until_ms)
                    }
                    Some(Ruling::Rule(..)) | None => pardon,
                }
            }
            Write::Stay(_) | Write::Earned(_) => return None,
        })
    }

    /// Whether it is later than what is held; it is held from now on.
    pub(super) fn hold(&mut self, stamped: &Stamped) -> bool {
        let about = stamped.ruling.about();
        let held = self.held.get(&about);
        let is_later = held.is_none_or(|held| held.at_ms < stamped.at_ms);
        let has_room = held.is_some() || self.held.len() < RULINGS_MAX;
        if is_later && has_room {
            self.latest_ms = self.latest_ms.max(stamped.at_ms);
            self.held.insert(about, stamped.clone());
        }
        is_later && has_room
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&String, &Stamped)> {
        self.held.iter()
    }

    /// Forgets what is over; returns what.
    pub(super) fn sweep(&mut self) -> Vec<String> {
        let now = now_ms();
        let over = self.held.iter().filter(|(_, held)| held.is_over(now));
        let over: Vec<String> = over.map(|(about, _)| about.clone()).collect();
        for about in &over {
            self.held.remove(about);
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ban(until_ms: u64) -> Write {
        Write::Ban("192.0.2.0/24".into(), until_ms)
    }

    fn rule(p2p: bool) -> Write {
        let rule = format!("{{\"p2p\":{p2p}}}");
        let beside = String::new();
        Write::Rule(None, Some(Ruled { rule, beside }))
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let mut rulings = Rulings::default();
        for write in [
            rule(false),
            Write::Rule(Some(InfoHash([7; 20])), None),
            ban(now_ms() + 1_000),
            Write::Pardon("2001:db8::/32".into()),
        ] {
            let stamped = rulings.take(&write).unwrap();
            let (about, text) = (stamped.ruling.about(), stamped.to_text());
            assert_eq!(
                Stamped::from_text(&about, &text),
                Some(stamped.clone()),
                "{text}"
            );
            let round = rulings.read(&stamped.ruling.to_write());
            assert_eq!(round, Some(stamped.ruling), "{text}");
            let other = if about.starts_with("ban") {
                "policy"
            } else {
                "ban/192.0.2.1"
            };
            for other in [
                other,
                "",
                "policy/",
                "policy/x",
                "ban/",
                "ban/x",
                "bans/192.0.2.1",
            ] {
                assert_eq!(Stamped::from_text(other, &text), None, "{other} {text}");
            }
        }
        let far = format!("{} {{\"ban\":1}}", u64::MAX);
        let long = format!("1 {{\"rule\":[null,\"{}\"]}}", "x".repeat(TEXT_BYTES_MAX));
        let share = "1 {\"rule\":[{\"share\":7},\"\"]}";
        for text in [
            "",
            "1",
            "x {\"ban\":1}",
            "1 {\"ban\":-1}",
            "1 {}",
            share,
            &far,
            &long,
        ] {
            for about in ["policy", "ban/192.0.2.1"] {
                assert_eq!(Stamped::from_text(about, text), None, "{text}");
            }
        }
    }

    #[test]
    fn the_later_counts_and_what_was_ended_does_not_come_back() {
        let (mut here, mut there) = (Rulings::default(), Rulings::default());
        let banned = here.take(&ban(now_ms() + 60_000)).unwrap();
        assert!(there.hold(&banned));
        let pardoned = there.take(&Write::Pardon("192.0.2.0/24".into())).unwrap();
        assert!(pardoned.at_ms > banned.at_ms);
        assert!(here.hold(&pardoned));
        // The ban comes again, from a node that was away, and from a store, which is older than all.
        assert!(!here.hold(&banned));
        here.recall(&ban(now_ms() + 60_000));
        assert!(here.all().map(|(_, held)| held).eq([&pardoned]));
        assert!(here.sweep().is_empty(), "the ban would still be in force");
    }

    #[test]
    fn what_is_over_is_forgotten_and_so_many_are_held() {
        let mut rulings = Rulings::default();
        rulings.take(&ban(1)).unwrap();
        rulings.take(&rule(false)).unwrap();
        assert_eq!(rulings.sweep(), ["ban/192.0.2.0/24"]);
        assert_eq!(rulings.all().count(), 1);
        for n in 0..u32::try_from(RULINGS_MAX).unwrap() {
            let until = now_ms() + 60_000;
            rulings.take(&Write::Ban(core::net::Ipv4Addr::from(n).to_string(), until));
        }
        assert_eq!(rulings.all().count(), RULINGS_MAX);
        assert!(
            rulings.take(&rule(true)).is_some(),
            "one that is known still changes"
        );
    }
}
