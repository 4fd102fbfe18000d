//! Credentials for a TURN server that end by themselves, as coturn takes them with `use-auth-secret`: the user
//! name is a moment of Unix time and a name, the password its HMAC-SHA1 under a secret that tracker and server
//! share (draft-uberti-behave-turn-rest-00).
//!
//! Invariant: who takes none is given none, and without a clock nobody is. The secret leaves the process in no
//! message, log or error.

use crate::base::json::Pen;
use crate::base::{Duration, PeerId};
use crate::integrity::{sha256, to_base64};
use core::fmt;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// Bytes of the digest of a peer's id that name it to the TURN server: enough to hold one viewer to a quota.
const NAME_BYTES: usize = 8;

/// Where viewers are relayed who cannot reach each other.
#[derive(Clone, PartialEq, Eq)]
pub struct Turn {
    /// `turn:` and `turns:` URLs, all of one server.
    pub urls: Vec<String>,
    /// What it shares with the server (coturn: `static-auth-secret`).
    pub secret: String,
    /// How long credentials may be used to begin a relay; one that was begun goes on.
    pub life: Duration,
}

impl fmt::Debug for Turn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Turn({:?})", self.urls) // never the secret
    }
}

impl Turn {
    /// The server and how a peer gets in, as an `RTCIceServer` in JSON.
    pub(super) fn server(&self, unix_s: u64, peer: PeerId) -> String {
        let digest = sha256(&peer.0).0;
        let digits = digest.iter().take(NAME_BYTES);
        let name: String = digits.map(|byte| format!("{byte:02x}")).collect();
        let until = unix_s.saturating_add(self.life.as_secs());
        let username = format!("{until}:{name}");
        let mut pen = Pen::default();
        pen.open('{');
        pen.name("urls");
        pen.open('[');
        for url in &self.urls {
            pen.text(url);
        }
        pen.close(']');
        for (name, text) in [
            ("username", &username),
            ("credential", &self.password(&username)),
        ] {
            pen.name(name);
            pen.text(text);
        }
        pen.close('}');
        pen.into_text()
    }

    fn password(&self, username: &str) -> String {
        // A key of any length is one (RFC 2104).
        let mac = Hmac::<Sha1>::new_from_slice(self.secret.as_bytes());
        let code = mac.map(|mac| {
            mac.chain_update(username.as_bytes())
                .finalize()
                .into_bytes()
        });
        code.map_or_else(|_| String::new(), |code| to_base64(&code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// By `printf %s 1760000600:0c0ee3bf476b8258 | openssl dgst -sha1 -hmac north -binary | base64`.
    #[test]
    fn a_password_is_the_hmac_of_its_user() {
        let turn = Turn {
            urls: vec![
                "turn:a.example".to_owned(),
                "turns:a.example:443?transport=tcp".to_owned(),
            ],
            secret: "north".to_owned(),
            life: Duration::from_secs(600),
        };
        let peer = PeerId([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 4, 5, 6, 7, 8, 9]);
        let expected = concat!(
            r#"{"urls":["turn:a.example","turns:a.example:443?transport=tcp"],"#,
            r#""username":"1760000600:0c0ee3bf476b8258","credential":"hU5X1PEAe16F9ColCEGWQMsCsaY="}"#,
        );
        assert_eq!(turn.server(1_760_000_000, peer), expected);
        assert!(!format!("{turn:?}").contains("north"));
    }
}
