//! A module of its own for pages that pin a `publicKey`, or have descriptions carried whose tracker signs: who signed
//! something. Curves and SHA-512 weigh as much as a tenth of the engine, and most pages need them never.
//!
//! Invariant: strict, as everywhere (`integrity::Verifier`), and the same code. It decides nothing: which
//! digests count is the engine's word, which asks through the page.

use crate::base::InfoHash;
use crate::integrity::{PublicKey, Verifier as _};
use crate::wire::Signal;
use wasm_bindgen::prelude::{JsError, wasm_bindgen};

/// A publisher's public key.
#[wasm_bindgen]
#[derive(Debug)]
pub struct PinnedKey(PublicKey);

#[wasm_bindgen]
impl PinnedKey {
    /// From standard base64 of its 32 bytes.
    ///
    /// # Errors
    /// When the text is no Ed25519 key, or one that would verify anything.
    #[wasm_bindgen(constructor)]
    pub fn new(text: &str) -> Result<Self, JsError> {
        let key = PublicKey::from_base64(text);
        key.map(Self)
            .ok_or_else(|| JsError::new("publicKey is no Ed25519 key"))
    }

    /// Whether `signature`, 64 bytes, is the key's of `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        signature
            .try_into()
            .is_ok_and(|signature| self.0.verifies(message, signature))
    }
}

/// Whether a `Signal`, as it came, proves that its description is of who it is said to be from, in a room (20 bytes),
/// to who was given `words` by a tracker.
#[wasm_bindgen]
#[must_use]
pub fn proves(words: &str, room: &[u8], message: &[u8]) -> bool {
    match (room.try_into(), Signal::decode(message)) {
        (Ok(room), Ok(signal)) => signal.is_proven(words, InfoHash(room)),
        _ => false,
    }
}
