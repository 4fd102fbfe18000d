//! What nodes tell each other of receipts: where a sender is, what it is to be credited, and what became of that.
//!
//! One line: `ROOM WRITER SESSION SENDER`, then `seek`, `found STAY`, `claim STAY ADDRESS ACCOUNT BYTES SEGMENTS BYTES SEGMENTS`,
//! `kept BYTES`, `gone STAY BYTES` or `refused BYTES WHY`. It travels under a seal, a code over it and its node with the secret
//! that only trackers of one operator have. Invariant: whoever can write to the nodes' bus and has not the secret can neither
//! invent a line nor change one, and reads no address and no account's name in it. That a line may come again is the tracker's
//! question.

use super::NodeId;
use crate::base::{InfoHash, PeerId, hex, is_secret, unhex};
use crate::wire::{SessionId, tag_of};

/// Longest reason, in bytes.
const WHY_BYTES_MAX: usize = 256;

/// A line under its seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    pub(super) seal: [u8; 16],
    pub(super) text: String,
}

/// Whose receipt it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between {
    /// The swarm.
    pub room: InfoHash,
    /// Who received.
    pub writer: PeerId,
    /// The writer's stay.
    pub session: SessionId,
    /// Who sent.
    pub sender: PeerId,
}

/// What is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreditWord {
    /// By the writer's node: who has the sender shall say so.
    Seek,
    /// By a node that has the sender.
    Found {
        /// The sender's stay there.
        stay: SessionId,
    },
    /// By the writer's node, to the one that has the sender.
    Claim(Claim),
    /// By the sender's node: as many bytes are credited, and on the disk.
    Kept {
        /// Of all the writer had.
        bytes: u64,
    },
    /// By a node that does not have that stay any more: the claim of these bytes was not credited.
    Gone {
        /// The stay.
        stay: SessionId,
        /// What was claimed.
        bytes: u64,
    },
    /// By the sender's node: the claim of these bytes was not credited.
    Refused {
        /// What was claimed.
        bytes: u64,
        /// For a person.
        why: String,
    },
}

/// What a stay is to be credited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The sender's stay.
    pub stay: SessionId,
    /// Stands for the writer's address ([`tag_of`]).
    pub address: Option<[u8; 16]>,
    /// Stands for the account the writer earns for.
    pub account: Option<[u8; 16]>,
    /// Bytes and segments that the writer has had of the sender in all.
    pub said: (u64, u64),
    /// Those that another stay may have been credited.
    pub spent: (u64, u64),
}

impl Sealed {
    /// A line of a node.
    #[must_use]
    pub fn new(
        (secret, from): (&[u8; 32], NodeId),
        (between, word): (&Between, &CreditWord),
    ) -> Self {
        let text = encode(between, word);
        let seal = seal_of(secret, from, &text);
        Self { seal, text }
    }

    /// What it says; `None` if its node did not say that, or nobody can read it.
    #[must_use]
    pub fn open(&self, (secret, from): (&[u8; 32], NodeId)) -> Option<(Between, CreditWord)> {
        let right = seal_of(secret, from, &self.text);
        is_secret(&right, &self.seal).then(|| decode(&self.text))?
    }
}

fn seal_of(secret: &[u8; 32], from: NodeId, text: &str) -> [u8; 16] {
    tag_of(
        secret,
        "credit",
        format!("{}\n{text}", from.to_hex()).as_bytes(),
    )
}

fn encode(between: &Between, word: &CreditWord) -> String {
    let tag = |tag: Option<[u8; 16]>| tag.map_or("-".into(), |tag| hex(&tag));
    let word = match word {
        CreditWord::Seek => "seek".into(),
        CreditWord::Found { stay } => format!("found {}", stay.to_hex()),
        CreditWord::Claim(claim) => {
            let (stay, said, spent) = (claim.stay.to_hex(), claim.said, claim.spent);
            let (address, account) = (tag(claim.address), tag(claim.account));
            format!(
                "claim {stay} {address} {account} {} {} {} {}",
                said.0, said.1, spent.0, spent.1
            )
        }
        CreditWord::Kept { bytes } => format!("kept {bytes}"),
        CreditWord::Gone { stay, bytes } => format!("gone {} {bytes}", stay.to_hex()),
        CreditWord::Refused { bytes, why } => format!("refused {bytes} {why}"),
    };
    let (room, writer) = (hex(&between.room.0), hex(&between.writer.0));
    let (session, sender) = (between.session.to_hex(), hex(&between.sender.0));
    format!("{room} {writer} {session} {sender} {word}")
}

fn decode(text: &str) -> Option<(Between, CreditWord)> {
    let mut words = text.splitn(6, ' ');
    let between = Between {
        room: InfoHash(unhex(words.next()?)?),
        writer: PeerId(unhex(words.next()?)?),
        session: session(words.next()?)?,
        sender: PeerId(unhex(words.next()?)?),
    };
    let name = words.next()?;
    let rest = words.next().unwrap_or_default();
    if name == "refused" {
        let (bytes, why) = rest.split_once(' ')?;
        let why = (why.len() <= WHY_BYTES_MAX).then(|| why.to_owned())?;
        let bytes = bytes.parse().ok()?;
        return Some((between, CreditWord::Refused { bytes, why }));
    }
    let mut words = rest.split(' ').filter(|word| !word.is_empty());
    let word = match name {
        "seek" => CreditWord::Seek,
        "found" => CreditWord::Found {
            stay: session(words.next()?)?,
        },
        "claim" => CreditWord::Claim(Claim {
            stay: session(words.next()?)?,
            address: tag(words.next()?)?,
            account: tag(words.next()?)?,
            said: (words.next()?.parse().ok()?, words.next()?.parse().ok()?),
            spent: (words.next()?.parse().ok()?, words.next()?.parse().ok()?),
        }),
        "kept" => CreditWord::Kept {
            bytes: words.next()?.parse().ok()?,
        },
        "gone" => CreditWord::Gone {
            stay: session(words.next()?)?,
            bytes: words.next()?.parse().ok()?,
        },
        _ => return None,
    };
    words.next().is_none().then_some((between, word))
}

fn session(text: &str) -> Option<SessionId> {
    unhex(text).map(|bytes| SessionId(u64::from_be_bytes(bytes)))
}

/// A tag or none; `None` for neither.
fn tag(text: &str) -> Option<Option<[u8; 16]>> {
    if text == "-" {
        Some(None)
    } else {
        unhex(text).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const SECRET: [u8; 32] = [5; 32];
    const FROM: NodeId = NodeId(0x1f);
    const BETWEEN: Between = Between {
        room: InfoHash([0xd2; 20]),
        writer: PeerId([7; 20]),
        session: SessionId(0x2f),
        sender: PeerId([8; 20]),
    };

    fn claim(address: Option<[u8; 16]>) -> CreditWord {
        CreditWord::Claim(Claim {
            stay: SessionId(0x3f),
            address,
            account: address.map(|_| [9; 16]),
            said: (u64::MAX, 3),
            spent: (1, 0),
        })
    }

    fn all() -> Vec<CreditWord> {
        let (stay, bytes) = (SessionId(0x3f), u64::MAX);
        let why = "no, not that".into();
        vec![
            CreditWord::Seek,
            CreditWord::Found { stay },
            claim(None),
            claim(Some([1; 16])),
            CreditWord::Kept { bytes },
            CreditWord::Gone { stay, bytes },
            CreditWord::Refused { bytes, why },
        ]
    }

    #[test]
    fn what_is_sealed_is_read_again_by_who_has_the_secret() {
        for word in all() {
            let sealed = Sealed::new((&SECRET, FROM), (&BETWEEN, &word));
            assert_eq!(sealed.open((&SECRET, FROM)), Some((BETWEEN, word)));
            assert_eq!(sealed.open((&[6; 32], FROM)), None, "another's secret");
            assert_eq!(sealed.open((&SECRET, NodeId(0x1e))), None, "another's node");
            let mut text = sealed.text.clone();
            text.replace_range(0..1, "e");
            let changed = Sealed { text, ..sealed };
            assert_eq!(changed.open((&SECRET, FROM)), None, "changed on the way");
        }
    }

    #[test]
    fn what_is_not_of_the_form_is_nothing_even_under_a_seal() {
        let good = encode(&BETWEEN, &claim(None));
        assert!(decode(&good).is_some());
        let (head, _) = good.split_once(" claim").unwrap();
        let stay = "000000000000003f";
        let long = "x".repeat(WHY_BYTES_MAX + 1);
        for rest in [
            "".to_owned(),
            " ".into(),
            " other".into(),
            " found".into(),
            format!(" found {stay} {stay}"),
            format!(" claim {stay} - x 1 1 1 1"),
            format!(" claim {stay} - - 1 1 1"),
            format!(" claim {stay} - - 1 1 1 1 1"),
            format!(" claim {stay} - - 1 1 1 -1"),
            " kept 18446744073709551616".into(),
            " refused 1".into(),
            format!(" refused 1 {long}"),
        ] {
            assert_eq!(decode(&format!("{head}{rest}")), None, "{rest}");
        }
        assert_eq!(decode(""), None);
        assert_eq!(decode(&good[1..]), None);
    }
}
