//! Receipts: who received bytes tells the tracker from whom, and proves that it is who announced.
//!
//! A key is handed out with the answer to an announce: HMAC-SHA-256 (RFC 2104) of a secret that only
//! trackers of one operator have, over swarm, peer and session. A receipt is signed with it. So any node with the same
//! secret can check one that came on any way, and nobody else can write it. It proves who speaks, never that it
//! is true: what it is worth is the tracker's to judge.
//!
//! Invariant: two receipts that differ in any member are signed over different bytes, because everything but
//! the last member has a fixed length.

use super::{InfoHash, PeerId};
use crate::base::json::Pen;
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

    /// Reads what [`SessionId::to_hex`] wrote; `None` for anything else.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let is_hex = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = is_hex.then(|| u64::from_str_radix(text, 16));
        number?.ok().map(Self)
    }
}

/// What a tracker gives a peer to sign receipts with, as text that the peer hands back or decodes when it signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptKey {
    /// [`SessionId::to_hex`].
    pub session: String,
    /// [`Digest::to_base64`] of [`session_key`].
    pub key: String,
}

impl ReceiptKey {
    /// The key of a session.
    #[must_use]
    pub fn of(secret: &[u8; 32], room: InfoHash, peer: PeerId, session: SessionId) -> Self {
        Self {
            session: session.to_hex(),
            key: session_key(secret, room, peer, session).to_base64(),
        }
    }
}

/// A secret of text, however long.
#[must_use]
pub fn secret_of(text: &str) -> [u8; 32] {
    sha256(format!("swarmline secret v1\n{text}").as_bytes()).0
}

/// A receipt's signature from text; `None` when it is none.
#[must_use]
pub fn mac_of(text: &str) -> Option<Digest> {
    Digest::from_base64(text)
}

/// The key that receipts of a session are signed with.
#[must_use]
pub fn session_key(secret: &[u8; 32], room: InfoHash, peer: PeerId, session: SessionId) -> Digest {
    let session = session.0.to_le_bytes();
    let parts: [&[u8]; 4] = [b"swarmline session v1\n", &room.0, &peer.0, &session];
    hmac(secret, &parts.concat())
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
    /// The speaker's session.
    pub session: SessionId,
    /// The account that the speaker itself earns for from now on, if it names one.
    pub subject: Option<String>,
    /// HMAC-SHA-256 of the others.
    pub mac: Digest,
}

impl Receipt {
    /// Puts the signature on.
    #[must_use]
    pub fn signed(self, key: &Digest) -> Self {
        let mac = hmac(&key.0, &self.signed_bytes());
        Self { mac, ..self }
    }

    /// Whether it was signed with this key. Takes as long for a near miss as for a far one.
    #[must_use]
    pub fn is_signed_with(&self, key: &Digest) -> bool {
        let mac = hmac(&key.0, &self.signed_bytes());
        let pairs = mac.0.iter().zip(&self.mac.0);
        pairs.fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
    }

    /// Everything but the speaker, whom the key stands for.
    fn signed_bytes(&self) -> Vec<u8> {
        let (bytes, segments) = (self.bytes.to_le_bytes(), self.segments.to_le_bytes());
        let subject = self.subject.as_deref().unwrap_or_default();
        let parts: [&[u8]; 5] = [
            b"swarmline receipt v1\n",
            &self.from.0,
            &bytes,
            &segments,
            subject.as_bytes(),
        ];
        parts.concat()
    }

    pub(super) fn write(&self, pen: &mut Pen) {
        pen.member("action", "receipt");
        pen.ids(&self.info_hash, &self.peer);
        pen.binary("from", &self.from.0);
        pen.count("bytes", self.bytes);
        pen.count("segments", self.segments);
        pen.member("session", &self.session.to_hex());
        if let Some(subject) = &self.subject {
            pen.member("subject", subject);
        }
        pen.member("mac", &self.mac.to_base64());
    }
}

/// HMAC-SHA-256 (RFC 2104) with a key of 32 bytes.
fn hmac(key: &[u8; 32], message: &[u8]) -> Digest {
    let pad = |with: u8| {
        let mut block = [with; 64];
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        block
    };
    let inner = sha256(&[&pad(0x36), message].concat());
    sha256(&[pad(0x5c).as_slice(), &inner.0].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// RFC 4231, test cases 1 and 2: their keys, filled up with zeros, give the same as the short ones.
    #[test]
    fn the_code_is_hmac_sha_256() {
        let mut key = [0; 32];
        key[..20].fill(0x0b);
        let expected = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
        assert_eq!(hex(&hmac(&key, b"Hi There")), expected);
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let said = b"what do ya want for nothing?";
        assert_eq!(hex(&hmac(&key, said)), expected);
    }

    fn hex(digest: &Digest) -> String {
        digest.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn a_receipt_is_its_speakers_and_none_of_it_can_be_changed() {
        let (room, peer) = (InfoHash([1; 20]), PeerId([2; 20]));
        let session = SessionId(7);
        let key = session_key(&[9; 32], room, peer, session);
        let receipt = Receipt {
            info_hash: room,
            peer,
            from: PeerId([3; 20]),
            bytes: 4 << 20,
            segments: 5,
            session,
            subject: None,
            mac: Digest([0; 32]),
        };
        let receipt = receipt.signed(&key);
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
        assert!(!changed(|it| it.mac.0[31] ^= 1));
        for other in [
            session_key(&[8; 32], room, peer, session),
            session_key(&[9; 32], InfoHash([0; 20]), peer, session),
            session_key(&[9; 32], room, PeerId([0; 20]), session),
            session_key(&[9; 32], room, peer, SessionId(8)),
        ] {
            assert!(!receipt.is_signed_with(&other));
        }
    }

    #[test]
    fn a_sessions_text_is_read_as_it_is_written_and_nothing_else() {
        let id = SessionId(0x0123_4567_89ab_cdef);
        assert_eq!(SessionId::from_hex(&id.to_hex()), Some(id));
        for wrong in ["", "123", "+123456789abcdef", "0123456789abcdeg"] {
            assert_eq!(SessionId::from_hex(wrong), None, "{wrong}");
        }
    }
}
