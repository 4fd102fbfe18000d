//! Ed25519 signatures of digest lines: a publisher's key says which bytes are its own (RFC 8032).
//!
//! Signed are STREAM, TRACK, SEQ, SIZE and ROOT together, so that a line cannot stand for another
//! rendition, place or broadcast. Verification is strict: one signature a message and key, no weak
//! keys. Which SEQ may follow which, and whose lines count, is the reader's question.

use super::base64::{from_base64, to_base64};
use super::tag::SegmentDigest;
use core::fmt;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
#[cfg(target_arch = "wasm32")]
use std::rc::Rc as Shared;
#[cfg(not(target_arch = "wasm32"))]
use std::sync::Arc as Shared;

/// What signed bytes begin with: nothing else that this key signs can be taken for a line.
const CONTEXT: &[u8] = b"swarmline segment v1\n";

/// The word before a secret key in a file.
const LINE_WORD: &str = "swarmline-secret-key-1";

/// A publisher's signature of one segment's digest, with what it was signed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// `STREAM`: the signer's random id of the broadcast. No `"`, carriage return or line feed.
    pub stream: String,
    /// `TRACK`: the signer's name of the rendition. No `"`, carriage return or line feed.
    pub track: String,
    /// `SEQ`: the signer's own counter; rises within a stream's track.
    pub seq: u64,
    /// `SIG`: an Ed25519 signature of [`signed_message`], unchecked.
    pub signature: [u8; 64],
}

impl Seal {
    /// Whether it is `key`'s, of `digest` in the stream, track and place it names.
    #[must_use]
    pub fn is_by(&self, key: &dyn Verifier, digest: &SegmentDigest) -> bool {
        let message = signed_message(digest, &self.stream, &self.track, self.seq);
        key.verifies(&message, &self.signature)
    }
}

/// The bytes under a signature: a context line, STREAM and TRACK behind their lengths (32 bits),
/// SEQ, SIZE (64 bits), ROOT; integers little-endian.
#[must_use]
pub fn signed_message(digest: &SegmentDigest, stream: &str, track: &str, seq: u64) -> Vec<u8> {
    let len = CONTEXT.len() + 4 + stream.len() + 4 + track.len() + 8 + 8 + 32;
    let mut message = Vec::with_capacity(len);
    message.extend_from_slice(CONTEXT);
    for text in [stream, track] {
        // Playlists are shorter than 4 GiB; a length that were not true would just not verify.
        let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
        message.extend_from_slice(&len.to_le_bytes());
        message.extend_from_slice(text.as_bytes());
    }
    message.extend_from_slice(&seq.to_le_bytes());
    message.extend_from_slice(&digest.size.to_le_bytes());
    message.extend_from_slice(&digest.root.0);
    message
}

/// Who can tell whether a publisher's key signed something. Natively that is the [`PublicKey`]; a page asks
/// a module of its own, for most pages pin no key, and curves weigh nine kilobytes.
pub trait Verifier {
    /// Whether `signature` is the key's of `message`, strictly: no second form of one, no weak key.
    fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool;
}

/// Natively from thread to thread, too, as a simulator's crowds are; a page has one thread, and its objects cannot
/// leave it.
#[cfg(not(target_arch = "wasm32"))]
type AnyVerifier = dyn Verifier + Send + Sync;
#[cfg(target_arch = "wasm32")]
type AnyVerifier = dyn Verifier;

/// A verifier that engines share.
pub type SharedVerifier = Shared<AnyVerifier>;

/// Not of each kind: a page would carry what derived code says of its host.
impl fmt::Debug for AnyVerifier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Verifier")
    }
}

impl Verifier for PublicKey {
    fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        self.0.verify_strict(message, &signature).is_ok()
    }
}

/// A publisher's public key: what a page pins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// From the 32 bytes of RFC 8032 §5.1.5; `None` if they are no point of the curve, or one that
    /// would verify anything.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(bytes).ok()?;
        (!key.is_weak()).then_some(Self(key))
    }

    /// From standard base64 (RFC 4648 §4), 44 characters; `None` for anything else.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        Self::from_bytes(&from_base64(text)?)
    }

    /// As engines have it.
    #[must_use]
    pub fn shared(self) -> SharedVerifier {
        Shared::new(self)
    }

    /// Its 32 bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// What [`PublicKey::from_base64`] reads.
    #[must_use]
    pub fn to_base64(self) -> String {
        to_base64(&self.0.to_bytes())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PublicKey({})", self.to_base64())
    }
}

/// A publisher's secret key. Only the signing tool has one; here it stands on both targets for the
/// tests' sake, and the linker leaves it out of the page.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// A new one from the system's generator.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self::from_bytes(&bytes))
    }

    /// From the 32 secret bytes of RFC 8032 §5.1.5.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(bytes))
    }

    /// From standard base64 of those, 44 characters; `None` for anything else.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        from_base64(text).as_ref().map(Self::from_bytes)
    }

    /// What [`SecretKey::from_base64`] reads: whoever sees it can sign.
    #[must_use]
    pub fn to_base64(&self) -> String {
        to_base64(&self.0.to_bytes())
    }

    /// From the line of a key file, told from a public key by its first word.
    #[must_use]
    pub fn from_line(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let is_one = words.next() == Some(LINE_WORD);
        let key = words.next().and_then(Self::from_base64);
        key.filter(|_| is_one && words.next().is_none())
    }

    /// What [`SecretKey::from_line`] reads.
    #[must_use]
    pub fn to_line(&self) -> String {
        format!("{LINE_WORD} {}", self.to_base64())
    }

    /// The key that verifies what this one signs.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs other bytes than a line's: what begins like one must not be signed so.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    /// Signs `digest` for a place in a stream's track. The names go into playlists: no `"`, carriage
    /// return or line feed.
    #[must_use]
    pub fn seal(&self, digest: &SegmentDigest, stream: &str, track: &str, seq: u64) -> Seal {
        let message = signed_message(digest, stream, track, seq);
        Seal {
            stream: stream.to_owned(),
            track: track.to_owned(),
            seq,
            signature: self.sign(&message),
        }
    }
}

impl fmt::Debug for SecretKey {
    /// Never the secret.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SecretKey(of {})", self.public_key().to_base64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integrity::tag::DigestTag;
    use crate::integrity::{Digest, Sidecar, TreeHasher, root_of, sha256};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn key() -> SecretKey {
        SecretKey::from_bytes(&[7; 32])
    }

    fn digest() -> SegmentDigest {
        SegmentDigest {
            size: 650_112,
            root: sha256(b"root"),
        }
    }

    fn sealed() -> Seal {
        key().seal(&digest(), "s1", "video/720p.m3u8", 42)
    }

    #[test]
    fn what_was_signed_verifies() {
        assert!(sealed().is_by(&key().public_key(), &digest()));
    }

    #[test]
    fn nothing_else_verifies() {
        let public = key().public_key();
        let mut others = Vec::new();
        let mut change = |edit: &dyn Fn(&mut Seal, &mut SegmentDigest)| {
            let (mut seal, mut digest) = (sealed(), digest());
            edit(&mut seal, &mut digest);
            others.push((seal, digest));
        };
        change(&|seal, _| seal.stream.push('x'));
        change(&|seal, _| seal.track.push('x'));
        // The same bytes, cut elsewhere: lengths are signed too.
        change(&|seal, _| {
            seal.stream = "s1v".to_owned();
            seal.track = "ideo/720p.m3u8".to_owned();
        });
        change(&|seal, _| seal.seq += 1);
        change(&|seal, _| seal.signature[0] ^= 1);
        change(&|seal, _| seal.signature = [0; 64]);
        change(&|_, digest| digest.size += 1);
        change(&|_, digest| digest.root.0[31] ^= 1);
        for (seal, digest) in others {
            assert!(!seal.is_by(&public, &digest), "{seal:?} {digest:?}");
        }
        let another = SecretKey::from_bytes(&[8; 32]).public_key();
        assert!(!sealed().is_by(&another, &digest()));
    }

    /// S + L verifies where S does, unless the reader is strict (RFC 8032 §5.1.7).
    #[test]
    fn a_second_form_of_a_signature_is_refused() {
        const L: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9,
            0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let mut seal = sealed();
        let mut carry = 0;
        for (byte, add) in seal.signature[32..].iter_mut().zip(L) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        assert!(!seal.is_by(&key().public_key(), &digest()));
    }

    #[test]
    fn the_message_is_laid_out_as_the_format_says() {
        let digest = SegmentDigest {
            size: 0x0102,
            root: Digest([9; 32]),
        };
        let mut expected = b"swarmline segment v1\n\x02\0\0\0ab\x01\0\0\0c".to_vec();
        expected.extend_from_slice(&[3, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0]);
        expected.extend_from_slice(&[9; 32]);
        assert_eq!(signed_message(&digest, "ab", "c", 3), expected);
    }

    /// `[name]`, then lines of a key and its value.
    fn sections(text: &str) -> Vec<(&str, Vec<(&str, &str)>)> {
        let mut sections = Vec::new();
        for line in text
            .lines()
            .filter(|line| !line.starts_with("# ") && *line != "#")
        {
            if let Some(name) = line.strip_prefix('[') {
                sections.push((name.trim_end_matches(']'), Vec::new()));
            } else if let Some((_, fields)) = sections.last_mut() {
                fields.extend(line.split_once(' '));
            }
        }
        sections
    }

    #[test]
    fn lines_are_as_the_vectors_have_them() {
        let key: [u8; 32] = core::array::from_fn(|at| u8::try_from(at).unwrap());
        let key = SecretKey::from_bytes(&key);
        let sections = sections(include_str!("../../tests/vectors/lines.txt"));
        for (name, fields) in &sections {
            let field = |wanted: &str| {
                fields
                    .iter()
                    .find(|(name, _)| *name == wanted)
                    .map(|(_, v)| *v)
            };
            let public = field("public-key").map(|text| PublicKey::from_base64(text).unwrap());
            let line = field("line").unwrap();
            let tag = DigestTag::parse_line(line).unwrap();
            if name.starts_with("refused-") {
                let verifies = tag.is_ok_and(|DigestTag { digest, seal, .. }| {
                    seal.unwrap().is_by(&public.unwrap(), &digest)
                });
                assert!(!verifies, "{name}");
                continue;
            }
            let tag = tag.unwrap();
            assert_eq!(tag.to_string(), line, "{name}");
            let size = field("size").unwrap().parse().unwrap();
            let bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
            let mut hasher = TreeHasher::new().with_sha256();
            hasher.update(&bytes);
            let tree = hasher.finish();
            assert_eq!(
                (tag.digest.size, tag.digest.root),
                (tree.size, tree.root()),
                "{name}"
            );
            assert!(tag.sha256.is_none() || tag.sha256 == tree.sha256, "{name}");
            let Some(seal) = tag.seal else { continue };
            let Seal {
                stream, track, seq, ..
            } = &seal;
            let message = signed_message(&tag.digest, stream, track, *seq);
            let hex: String = message.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(Some(hex.as_str()), field("message"), "{name}");
            assert_eq!(public, Some(key.public_key()));
            assert_eq!(key.seal(&tag.digest, stream, track, *seq), seal, "{name}");
            assert!(seal.is_by(&key.public_key(), &tag.digest), "{name}");
        }
        assert_eq!(sections.len(), 12);
    }

    #[test]
    fn a_sidecar_is_as_the_vectors_have_it() {
        let text = include_str!("../../tests/vectors/sidecar.json");
        let sidecar = Sidecar::read(text, &|url| Some(url.to_owned())).unwrap();
        assert_eq!(sidecar.to_json(), text.trim_end());
        let key: [u8; 32] = core::array::from_fn(|at| u8::try_from(at).unwrap());
        let key = SecretKey::from_bytes(&key).public_key();
        let track = &sidecar.tracks[0];
        for segment in &track.segments {
            let (seq, signature) = segment.signed.unwrap();
            let seal = Seal {
                stream: sidecar.stream.clone().unwrap(),
                track: track.track.clone(),
                seq,
                signature,
            };
            assert!(
                seal.is_by(&key, &segment.digest().unwrap()),
                "{}",
                segment.url
            );
        }
        let leaves = &track.segments[0].leaves;
        assert_eq!(
            (leaves.len(), Some(root_of(leaves))),
            (3, track.segments[0].root)
        );
    }

    #[test]
    fn keys_have_one_text() {
        let public = key().public_key();
        let text = public.to_base64();
        assert_eq!(text.len(), 44);
        assert_eq!(PublicKey::from_base64(&text), Some(public));
        assert!(format!("{public:?}").contains(&text));
        for wrong in ["", &text[..43], &format!("{text} "), &"A".repeat(44)] {
            assert_eq!(PublicKey::from_base64(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_that_would_verify_anything_is_refused() {
        // The neutral point: every signature of S = 0, R = neutral verifies under it, loosely.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        assert_eq!(PublicKey::from_bytes(&neutral), None);
    }

    #[test]
    fn a_secret_is_not_shown() {
        let shown = format!("{:?}", key());
        assert!(!shown.contains(&key().to_base64()));
        assert!(shown.contains(&key().public_key().to_base64()));
        let again = SecretKey::from_base64(&key().to_base64()).unwrap();
        assert_eq!(again.public_key(), key().public_key());
    }

    #[cfg(not(target_arch = "wasm32"))]
    #[test]
    fn generated_keys_differ() {
        let keys = [
            SecretKey::generate().unwrap(),
            SecretKey::generate().unwrap(),
        ];
        assert_ne!(keys[0].to_base64(), keys[1].to_base64());
    }
}
