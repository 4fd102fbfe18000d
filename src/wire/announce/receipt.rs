//! Receipts: who received bytes tells the tracker from whom, and proves that it is who announced.
//!
//! A key is handed out with the answer to an announce: HMAC-SHA-256 (RFC 2104) of a secret that only
//! trackers of one operator have, over swarm, peer and session. A receipt is signed with its text. So any node with the
//! same secret that knows the session can check one that came on any way, and nobody else can write it. It proves who
//! speaks, never that it is true: what it is worth is the tracker's to judge.
//!
//! Invariant: two receipts that differ in any member are signed over different bytes, because everything but
//! the last member has a fixed length.

use super::{InfoHash, PeerId};
use crate::base::json::Pen;
use crate::base::{hex, is_secret};
use crate::integrity::{Digest, sha256};

/// Longest name of an account, in bytes.
pub const SUBJECT_BYTES_MAX: usize = 64;

/// One stay of a peer in a swarm; random, no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

impl SessionId {
    /// Sixteen hexadecimal digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        format!("{:016x}", self.0)
    }
}

/// A secret of text, however long.
#[must_use]
pub fn secret_of(text: &str) -> [u8; 32] {
    sha256(format!("swarmline secret v1\n{text}").as_bytes()).0
}

/// The key that receipts of a session are signed with: 64 hexadecimal digits, which as they stand are the key's bytes, one
/// block of the hash.
#[must_use]
pub fn session_key(secret: &[u8; 32], room: InfoHash, peer: PeerId, session: SessionId) -> String {
    let session = session.0.to_le_bytes();
    let parts: [&[u8]; 4] = [b"swarmline session v1\n", &room.0, &peer.0, &session];
    hex(&hmac(secret, &parts.concat()).0)
}

/// A code of a text with a secret: stands for something that nodes compare and do not tell each other, or shows that one of
/// them said it. What it is for is a part of it.
#[must_use]
pub fn tag_of(secret: &[u8; 32], purpose: &str, text: &[u8]) -> [u8; 16] {
    let parts = [b"swarmline ", purpose.as_bytes(), b" v1\n", text];
    let digest = hmac(secret, &parts.concat()).0;
    let mut tag = [0; 16];
    tag.copy_from_slice(&digest[..16]);
    tag
}

/// What one peer received from another in this session, all together so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The swarm.
    pub info_hash: InfoHash,
    /// Who received, and speaks.
    pub peer: PeerId,
    /// Who sent.
    pub from: PeerId,
    /// Verified bytes so far.
    pub bytes: u64,
    /// Segments of which any of them were a part.
    pub segments: u64,
    /// The account that the speaker itself earns for from now on, if it names one.
    pub subject: Option<String>,
    /// HMAC-SHA-256 of the others, 64 hexadecimal digits.
    pub mac: String,
}

impl Receipt {
    /// Puts the signature on.
    pub fn sign(&mut self, key: &str) {
        self.mac = self.mac_with(key);
    }

    /// Whether it was signed with this key.
    #[must_use]
    pub fn is_signed_with(&self, key: &str) -> bool {
        is_secret(self.mac_with(key).as_bytes(), self.mac.as_bytes())
    }

    /// The signature over everything but the speaker and its swarm, which the key stands for.
    fn mac_with(&self, key: &str) -> String {
        let mut said = b"swarmline receipt v1\n".to_vec();
        said.extend_from_slice(&self.from.0);
        said.extend_from_slice(&self.bytes.to_le_bytes());
        said.extend_from_slice(&self.segments.to_le_bytes());
        said.extend_from_slice(self.subject.as_deref().unwrap_or_default().as_bytes());
        hex(&hmac(key.as_bytes(), &said).0)
    }

    pub(super) fn write(&self, pen: &mut Pen) {
        pen.member("action", "receipt");
        pen.ids(&self.info_hash, &self.peer);
        pen.binary("from", &self.from.0);
        pen.count("bytes", self.bytes);
        pen.count("segments", self.segments);
        if let Some(subject) = &self.subject {
            pen.member("subject", subject);
        }
        pen.member("mac", &self.mac);
    }
}

/// HMAC-SHA-256 (RFC 2104) with a key of 64 bytes at most.
fn hmac(key: &[u8], message: &[u8]) -> Digest {
    let keyed = |with: u8, text: &[u8]| {
        let mut bytes = vec![with; 64];
        for (byte, key) in bytes.iter_mut().zip(key) {
            *byte ^= key;
        }
        bytes.extend_from_slice(text);
        sha256(&bytes)
    };
    keyed(0x5c, &keyed(0x36, message).0)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// RFC 4231, test cases 1 and 2.
    #[test]
    fn the_code_is_hmac_sha_256() {
        let expected = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
        assert_eq!(hex(&hmac(&[0x0b; 20], b"Hi There").0), expected);
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let said = b"what do ya want for nothing?";
        assert_eq!(hex(&hmac(b"Jefe", said).0), expected);
    }

    /// By `openssl dgst -sha256 -hmac` of the key's text, over the same bytes.
    #[test]
    fn a_receipt_is_signed_as_it_is_described() {
        let mut receipt = Receipt {
            info_hash: InfoHash([1; 20]),
            peer: PeerId([2; 20]),
            from: PeerId(*b"aaaaaaaaaaaaaaaaaaaa"),
            bytes: 0x4141_4141_4141_4141,
            segments: 0x4242_4242_4242_4242,
            subject: Some("anna".into()),
            mac: String::new(),
        };
        let expected = "1d23d234c741d1b8468ca0b8eb3a9a5417096d4de90868eb7b4723b46b13b7c5";
        receipt.sign(&"0123456789abcdef".repeat(4));
        assert_eq!(receipt.mac, expected);
    }

    #[test]
    fn a_receipt_is_its_speakers_and_none_of_it_can_be_changed() {
        let (room, peer) = (InfoHash([1; 20]), PeerId([2; 20]));
        let session = SessionId(7);
        let key = session_key(&[9; 32], room, peer, session);
        let mut receipt = Receipt {
            info_hash: room,
            peer,
            from: PeerId([3; 20]),
            bytes: 4 << 20,
            segments: 5,
            subject: None,
            mac: String::new(),
        };
        receipt.sign(&key);
        assert!(receipt.is_signed_with(&key));
        let changed = |change: fn(&mut Receipt)| {
            let mut other = receipt.clone();
            change(&mut other);
            other.is_signed_with(&key)
        };
        assert!(!changed(|it| it.from = PeerId([4; 20])));
        assert!(!changed(|it| it.bytes += 1));
        assert!(!changed(|it| it.segments += 1));
        assert!(!changed(|it| it.subject = Some("mallory".into())));
        assert!(!changed(|it| it.mac.replace_range(63.., "g")));
        assert!(!changed(|it| it.mac.truncate(63)));
        for other in [
            session_key(&[8; 32], room, peer, session),
            session_key(&[9; 32], InfoHash([0; 20]), peer, session),
            session_key(&[9; 32], room, PeerId([0; 20]), session),
            session_key(&[9; 32], room, peer, SessionId(8)),
        ] {
            assert!(!receipt.is_signed_with(&other));
        }
    }
}
