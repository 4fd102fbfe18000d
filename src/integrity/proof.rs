//! Proofs: what a tracker signs of a peer for other peers to see. In this room this peer id has this certificate, until
//! then. Who is handed a description by a neighbour holds it against one, so that neighbour cannot put its own
//! certificate there; the connection itself opens only with the certificate that its description names.
//!
//! `TICKET NOW KEY…`, words of text: the proof, the tracker's seconds of Unix time, and its keys in base64, by which
//! others' proofs are known. A ticket is base64 of the end (seconds, 64 bits, little-endian) and an Ed25519
//! signature. Invariant: what a ticket does not say itself (room, peer, fingerprint) is under its signature, so it
//! counts nowhere else. Times are the tracker's alone, as it last told them: no clock of a viewer's has a part in it.

use super::base64::{from_base64, to_base64};
use super::sign::{PublicKey, SecretKey, Verifier as _};
use crate::base::{InfoHash, PeerId};

/// What is signed begins with it: nothing else that the key signs can be taken for a proof.
const CONTEXT: &[u8] = b"swarmline proof v1\n";

/// Keys that are told, and read, at most: each costs who checks a millisecond.
pub const PROOF_KEYS_MAX: usize = 4;

/// Bytes of a fingerprint as descriptions write it: pairs of digits with colons between.
const WRITTEN: usize = 32 * 3 - 1;

/// SHA-256 of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Of the one certificate that a description names. `None` where it names several, or by another hash; and where
    /// the word stands anywhere else, however it is written: browsers do not all read such a line alike.
    #[must_use]
    pub fn of(sdp: &str) -> Option<Self> {
        const WORD: &[u8] = b"fingerprint";
        let sdp = sdp.as_bytes();
        let windows = sdp.windows(WORD.len());
        let mut places = windows
            .enumerate()
            .filter(|(_, it)| it.eq_ignore_ascii_case(WORD));
        let (Some((at, _)), None) = (places.next(), places.next()) else {
            return None;
        };
        let (before, line) = sdp.split_at_checked(at)?;
        let before = before.strip_suffix(b"a=")?;
        let is_line = before.is_empty() || before.ends_with(b"\n");
        let (hash, rest) = line
            .strip_prefix(b"fingerprint:sha-256 ")?
            .split_at_checked(WRITTEN)?;
        let ends = rest.is_empty() || rest.starts_with(b"\n") || rest.starts_with(b"\r\n");
        (is_line && ends).then_some(())?;
        let mut bytes = [0; 32];
        for (at, (byte, digits)) in bytes.iter_mut().zip(hash.chunks(3)).enumerate() {
            let (pair, colon) = digits.split_at_checked(2)?;
            (colon == b":" || at == 31).then_some(())?;
            for digit in pair {
                let value = char::from(*digit).to_digit(16)?;
                *byte = *byte << 4 | u8::try_from(value).ok()?;
            }
        }
        Some(Self(bytes))
    }
}

/// What a proof is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// In which room.
    pub room: InfoHash,
    /// Which peer.
    pub peer: PeerId,
    /// Its certificate.
    pub fingerprint: Fingerprint,
}

impl Claim {
    fn message(&self, until_s: u64) -> Vec<u8> {
        let until = until_s.to_le_bytes();
        let parts: [&[u8]; 5] = [
            CONTEXT,
            &self.room.0,
            &self.peer.0,
            &self.fingerprint.0,
            &until,
        ];
        parts.concat()
    }

    /// The words for a peer: a ticket for it, signed with the first key, and what it needs to read others'. `None`
    /// without keys.
    #[must_use]
    pub fn prove(&self, keys: &[SecretKey], (now_s, until_s): (u64, u64)) -> Option<String> {
        let signature = keys.first()?.sign(&self.message(until_s));
        let ticket = [&until_s.to_le_bytes()[..], &signature].concat();
        let mut words = format!("{} {now_s}", to_base64(&ticket));
        for key in keys.iter().take(PROOF_KEYS_MAX) {
            words.push(' ');
            words.push_str(&key.public_key().to_base64());
        }
        Some(words)
    }

    /// Whether `ticket` proves it to who was given `words` by a tracker.
    #[must_use]
    pub fn is_proven(&self, words: &str, ticket: &[u8]) -> bool {
        let mut words = words.split_ascii_whitespace().skip(1);
        let now_s = words.next().and_then(|now| now.parse::<u64>().ok());
        let (Some(now_s), Some((until_s, signature))) = (now_s, parts_of(ticket)) else {
            return false;
        };
        let message = self.message(until_s);
        let keys = words.take(PROOF_KEYS_MAX);
        let mut keys = keys.filter_map(PublicKey::from_base64);
        until_s > now_s && keys.any(|key| key.verifies(&message, &signature))
    }
}

/// A ticket's end and its signature.
fn parts_of(ticket: &[u8]) -> Option<(u64, [u8; 64])> {
    let bytes = from_base64::<72>(core::str::from_utf8(ticket).ok()?)?;
    let (until, signature) = bytes.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*until), *signature.first_chunk::<64>()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::unhex;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const NOON: u64 = 1_760_000_000;
    const END: u64 = NOON + 3_600;

    fn key(n: u8) -> SecretKey {
        SecretKey::from_bytes(&[n; 32])
    }

    fn claim() -> Claim {
        Claim {
            room: InfoHash([1; 20]),
            peer: PeerId([2; 20]),
            fingerprint: Fingerprint([3; 32]),
        }
    }

    fn words(keys: &[SecretKey], now_s: u64) -> String {
        claim().prove(keys, (now_s, now_s + 3_600)).unwrap()
    }

    fn ticket(words: &str) -> Vec<u8> {
        words.split(' ').next().unwrap().as_bytes().to_vec()
    }

    fn written(byte: u8) -> String {
        vec![format!("{byte:02X}"); 32].join(":")
    }

    #[test]
    fn a_ticket_is_of_one_room_peer_certificate_and_time() {
        let words = words(&[key(7)], NOON);
        let ticket = ticket(&words);
        assert_eq!(ticket.len(), 96);
        assert!(claim().is_proven(&words, &ticket));
        let room = InfoHash([9; 20]);
        let peer = PeerId([9; 20]);
        let fingerprint = Fingerprint([9; 32]);
        assert!(!Claim { room, ..claim() }.is_proven(&words, &ticket));
        assert!(!Claim { peer, ..claim() }.is_proven(&words, &ticket));
        assert!(
            !Claim {
                fingerprint,
                ..claim()
            }
            .is_proven(&words, &ticket)
        );
        // To who has heard the time since.
        for (now_s, counts) in [
            (NOON - 90, true),
            (END - 1, true),
            (END, false),
            (u64::MAX - 3_600, false),
        ] {
            let theirs = self::words(&[key(7)], now_s);
            assert_eq!(claim().is_proven(&theirs, &ticket), counts, "{now_s}");
        }
    }

    #[test]
    fn proofs_are_as_the_vectors_have_them() {
        let text = include_str!("../../tests/vectors/proof.txt");
        let mut sections = text.trim_end().split("\n\n").skip(1).peekable();
        assert!(sections.peek().is_some());
        for section in sections {
            let field = |name: &str| {
                let mut lines = section.lines().filter_map(|line| line.split_once(' '));
                lines.find(|(known, _)| *known == name).unwrap().1
            };
            let sdp = format!("v=0\r\na=fingerprint:sha-256 {}\r\n", field("fingerprint"));
            let claim = Claim {
                room: InfoHash(unhex(field("room")).unwrap()),
                peer: PeerId(unhex(field("peer")).unwrap()),
                fingerprint: Fingerprint::of(&sdp).unwrap(),
            };
            let secrets = field("secrets").split(' ');
            let keys: Vec<_> = secrets
                .map(|secret| SecretKey::from_bytes(&unhex(secret).unwrap()))
                .collect();
            let (now_s, until_s) = (
                field("now").parse().unwrap(),
                field("until").parse().unwrap(),
            );
            let words = field("words");
            assert_eq!(claim.prove(&keys, (now_s, until_s)).unwrap(), words);
            assert!(claim.is_proven(words, &ticket(words)));
        }
    }

    #[test]
    fn keys_are_rotated_without_a_gap() {
        let (old, new) = (key(7), key(8));
        let before = words(core::slice::from_ref(&old), NOON);
        let told = words(&[old.clone(), new.clone()], NOON);
        let signs = words(&[new.clone(), old], NOON);
        let after = words(&[new], NOON);
        for (reader, shown, counts) in [
            (&told, &before, true),
            (&told, &signs, true),
            (&signs, &told, true),
            (&after, &signs, true),
            (&before, &signs, false),
            (&after, &told, false),
        ] {
            assert_eq!(
                claim().is_proven(reader, &ticket(shown)),
                counts,
                "{reader} {shown}"
            );
        }
        let many: Vec<_> = (1..=9).map(key).collect();
        assert_eq!(words(&many, NOON).split(' ').count(), 2 + PROOF_KEYS_MAX);
        assert_eq!(claim().prove(&[], (NOON, END)), None);
    }

    #[test]
    fn nothing_else_is_a_ticket_and_nothing_panics() {
        let words = words(&[key(7)], NOON);
        let good = ticket(&words);
        for at in 0..good.len() {
            let mut changed = good.clone();
            changed[at] ^= 1;
            assert!(!claim().is_proven(&words, &changed), "byte {at}");
            assert!(!claim().is_proven(&words, &good[..at]), "cut at {at}");
        }
        let longer = [&good[..], b"A"].concat();
        for garbage in [
            &longer[..],
            &[0xff; 96],
            &[b'A'; 96],
            &[b'='; 96],
            &[0; 1024],
        ] {
            assert!(!claim().is_proven(&words, garbage));
        }
        for garbage in [
            "",
            " ",
            "a",
            "a b",
            "a 1",
            "a 1 !",
            "a -1 AAAA",
            "\u{fe} \u{fe} \u{fe}",
        ] {
            assert!(!claim().is_proven(garbage, &good), "{garbage:?}");
        }
    }

    #[test]
    fn the_fingerprint_of_the_one_certificate() {
        let one = Some(Fingerprint([0xAB; 32]));
        let hash = written(0xAB);
        for (sdp, read) in [
            (
                format!("v=0\r\na=fingerprint:sha-256 {hash}\r\na=setup:actpass\r\n"),
                one,
            ),
            (
                format!("v=0\na=fingerprint:sha-256 {}\n", hash.to_lowercase()),
                one,
            ),
            (format!("a=fingerprint:sha-256 {hash}"), one),
            (
                format!("v=0\r\na=fingerprint:sha-256 {hash}\r\na=fingerprint:sha-256 {hash}\r\n"),
                None,
            ),
            (
                format!("a=fingerprint:sha-256 {hash}\r\nA=FingerPrint:sha-256 {hash}\r\n"),
                None,
            ),
            (
                format!("a=fingerprint:sha-256 {hash}\r\ns=a fingerprint\r\n"),
                None,
            ),
            (format!("a=FINGERPRINT:sha-256 {hash}\r\n"), None),
            (format!("a=fingerprint:sha-1 {hash}\r\n"), None),
            (format!("a=fingerprint:sha-512 {hash}\r\n"), None),
            (format!("a=fingerprint:SHA-256 {hash}\r\n"), None),
            (format!("a=fingerprint:sha-256  {hash}\r\n"), None),
            (format!(" a=fingerprint:sha-256 {hash}\r\n"), None),
            (format!("v=0\ra=fingerprint:sha-256 {hash}\r\n"), None),
            (format!("a=fingerprint:sha-256 {hash}:AB\r\n"), None),
            (format!("a=fingerprint:sha-256 {hash} \r\n"), None),
            (format!("a=fingerprint:sha-256 {}\r\n", &hash[..92]), None),
            (
                format!("a=fingerprint:sha-256 {}\r\n", hash.replace(':', "-")),
                None,
            ),
            (
                format!("a=fingerprint:sha-256 {}\r\n", hash.replacen('A', "+", 1)),
                None,
            ),
            ("v=0\r\na=setup:active\r\n".to_owned(), None),
            ("fingerprint".to_owned(), None),
            ("a=fingerprint:sha-256 ".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(Fingerprint::of(&sdp), read, "{sdp:?}");
        }
    }
}
