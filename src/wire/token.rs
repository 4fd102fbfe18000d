//! Join tokens: text that whoever owns the audience signs and a tracker reads, in the form of a JWT
//! (RFC 7519) with an Ed25519 signature (RFC 8037), so that any backend can mint one with a library it has.
//!
//! ```text
//! {"alg":"EdDSA","kid":"…"} . {"room":"…","exp":1760000000,"nbf":…,"sub":"…","origin":"…"} . signature
//! ```
//!
//! Invariant: total and bounded; one algorithm, so nobody can talk a reader into a weaker one. It checks no
//! signature and knows no time: whether a token counts is the tracker's question.

use crate::base::json::{Cursor, Kind, Malformed, Pen};
use crate::integrity::{from_base64url, to_base64url};
use core::fmt;

/// Longest token read, in bytes.
pub const TOKEN_BYTES_MAX: usize = 2_048;

/// Longest user or key's name, in bytes.
const NAME_BYTES_MAX: usize = 128;

/// The one algorithm (RFC 8037 §3.1).
const ALGORITHM: &str = "EdDSA";

/// What a token says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JoinToken {
    /// For which stream: its swarm's name, or its info hash in hex.
    pub room: String,
    /// Until when it may be used, in seconds of Unix time.
    pub expires_s: u64,
    /// From when on, likewise.
    pub not_before_s: Option<u64>,
    /// Whom its issuer means; opaque here.
    pub subject: Option<String>,
    /// From which pages, as browsers write origins (RFC 6454).
    pub origin: Option<String>,
}

/// A token as it came, its signature unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedToken<'a> {
    /// What it says.
    pub token: JoinToken,
    /// By which key, if it says so.
    pub key_id: Option<String>,
    /// The bytes under the signature.
    pub message: &'a [u8],
    /// An Ed25519 signature.
    pub signature: [u8; 64],
}

/// Why text is no join token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenError(&'static str);

impl fmt::Display for TokenError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0)
    }
}

impl core::error::Error for TokenError {}

impl JoinToken {
    /// Reads a token.
    ///
    /// # Errors
    /// When it is too long, no JWT of this algorithm, or lacks `room` or `exp`.
    pub fn decode(text: &str) -> Result<SignedToken<'_>, TokenError> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(TokenError("it is too long"));
        }
        let (message, signature) = text.rsplit_once('.').ok_or(NO_JWT)?;
        let (header, claims) = message.split_once('.').ok_or(NO_JWT)?;
        let signature = from_base64url(signature).and_then(|bytes| bytes.try_into().ok());
        Ok(SignedToken {
            key_id: read_header(&part(header)?)?,
            token: read_claims(&part(claims)?)?,
            message: message.as_bytes(),
            signature: signature.ok_or(TokenError("its signature is not 64 bytes of base64url"))?,
        })
    }

    /// The text that is to be signed.
    #[must_use]
    pub fn message(&self, key_id: Option<&str>) -> String {
        let mut header = Pen::default();
        header.open('{');
        let texts = [
            ("alg", Some(ALGORITHM)),
            ("typ", Some("JWT")),
            ("kid", key_id),
        ];
        members(&mut header, &texts);
        header.close('}');
        let mut claims = Pen::default();
        claims.open('{');
        members(&mut claims, &[("room", Some(&self.room))]);
        let times = [("exp", Some(self.expires_s)), ("nbf", self.not_before_s)];
        for (name, seconds) in times {
            if let Some(seconds) = seconds {
                claims.name(name);
                claims.number(seconds);
            }
        }
        let (subject, origin) = (self.subject.as_deref(), self.origin.as_deref());
        members(&mut claims, &[("sub", subject), ("origin", origin)]);
        claims.close('}');
        let [header, claims] = [header, claims].map(|pen| to_base64url(pen.into_text().as_bytes()));
        format!("{header}.{claims}")
    }

    /// The whole token: a [`Self::message`] and its signature.
    #[must_use]
    pub fn signed(message: &str, signature: &[u8; 64]) -> String {
        format!("{message}.{}", to_base64url(signature))
    }
}

const NO_JWT: TokenError = TokenError("it is no JWT: three parts with dots between them");

fn members(pen: &mut Pen, members: &[(&str, Option<&str>)]) {
    for (name, text) in members {
        if let Some(text) = text {
            pen.name(name);
            pen.text(text);
        }
    }
}

/// A part's JSON.
fn part(text: &str) -> Result<String, TokenError> {
    let bytes = from_base64url(text).ok_or(TokenError("a part of it is no base64url"))?;
    String::from_utf8(bytes).map_err(|_| TokenError("a part of it is no text"))
}

/// Which key it says it is by.
fn read_header(json: &str) -> Result<Option<String>, TokenError> {
    let (mut algorithm, mut key_id, mut critical) = (None, None, false);
    read(json, |name, json| {
        match name {
            "alg" => algorithm = Some(json.text()?),
            "kid" => key_id = Some(json.text()?),
            // Whoever does not know what it names must refuse (RFC 7515 §4.1.11).
            "crit" => {
                critical = true;
                json.skip()?;
            }
            _ => json.skip()?,
        }
        Ok(())
    })?;
    if algorithm.as_deref() != Some(ALGORITHM) {
        return Err(TokenError("its alg is not EdDSA"));
    }
    if critical {
        return Err(TokenError(
            "it has a crit header, of which none is known here",
        ));
    }
    short(key_id, "its kid is empty or too long")
}

fn read_claims(json: &str) -> Result<JoinToken, TokenError> {
    let (mut room, mut expires, mut not_before) = (None, None, None);
    let (mut subject, mut origin) = (None, None);
    read(json, |name, json| {
        match name {
            "room" => room = Some(json.text()?),
            "exp" => expires = json.number()?,
            "nbf" => not_before = json.number()?,
            "sub" if json.kind()? == Kind::Text => subject = Some(json.text()?),
            "origin" => origin = Some(json.text()?),
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(JoinToken {
        room: room.ok_or(TokenError("it names no room"))?,
        expires_s: expires.ok_or(TokenError("it has no exp"))?,
        not_before_s: not_before,
        subject: short(subject, "its sub is empty or too long")?,
        origin,
    })
}

fn read(
    json: &str,
    mut member: impl FnMut(&str, &mut Cursor<'_>) -> Result<(), Malformed>,
) -> Result<(), TokenError> {
    let mut read_all = || {
        let mut cursor = Cursor::new(json);
        cursor.object()?;
        while let Some(name) = cursor.name()? {
            member(&name, &mut cursor)?;
        }
        cursor.end()
    };
    read_all().map_err(|_: Malformed| TokenError("a part of it is not the JSON of a token"))
}

fn short(text: Option<String>, otherwise: &'static str) -> Result<Option<String>, TokenError> {
    match text {
        Some(text) if text.is_empty() || text.len() > NAME_BYTES_MAX => Err(TokenError(otherwise)),
        text => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn token() -> JoinToken {
        JoinToken {
            room: "https://cdn.example/live.m3u8".to_owned(),
            expires_s: 1_760_000_000,
            not_before_s: Some(1_759_999_000),
            subject: Some("user \"7\"".to_owned()),
            origin: Some("https://page.example".to_owned()),
        }
    }

    fn of_parts(header: &str, claims: &str) -> String {
        let parts = [header, claims].map(|part| to_base64url(part.as_bytes()));
        JoinToken::signed(&parts.join("."), &[7; 64])
    }

    #[test]
    fn what_is_written_is_read() {
        let bare = JoinToken {
            room: "r".to_owned(),
            expires_s: 1,
            ..JoinToken::default()
        };
        for (token, key_id) in [(token(), Some("k1")), (bare, None)] {
            let message = token.message(key_id);
            let text = JoinToken::signed(&message, &[7; 64]);
            let read = JoinToken::decode(&text).unwrap();
            assert_eq!(read.token, token);
            assert_eq!(read.key_id.as_deref(), key_id);
            assert_eq!(read.message, message.as_bytes());
            assert_eq!(read.signature, [7; 64]);
        }
    }

    /// As the package `jose` writes one, with claims that nobody here asks for.
    #[test]
    fn other_claims_are_left_alone() {
        let header = r#"{"alg":"EdDSA","typ":"JWT"}"#;
        let claims = r#"{"iss":"x","iat":1759999999.5,"room":"r","aud":["a"],"exp":1760000000.9}"#;
        let text = of_parts(header, claims);
        assert_eq!(
            JoinToken::decode(&text).unwrap().token.expires_s,
            1_760_000_000
        );
    }

    #[test]
    fn what_is_no_token_is_named() {
        let good = r#"{"alg":"EdDSA"}"#;
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        let cases = [
            (String::new(), "no JWT"),
            ("a.b".to_owned(), "no JWT"),
            ("a.b.c.d".to_owned(), "no base64url"),
            (of_parts(good, r#"{"room":"r","exp":1}"#) + "x", "64 bytes"),
            (of_parts(r#"{"alg":"none"}"#, "{}"), "not EdDSA"),
            (of_parts(r#"{"alg":"HS256"}"#, "{}"), "not EdDSA"),
            (of_parts("{}", "{}"), "not EdDSA"),
            (of_parts(r#"{"alg":"EdDSA","crit":["b64"]}"#, "{}"), "crit"),
            (of_parts(r#"{"alg":"EdDSA","kid":""}"#, "{}"), "kid"),
            (of_parts(good, "{}"), "no room"),
            (of_parts(good, r#"{"room":"r"}"#), "no exp"),
            (of_parts(good, r#"{"room":"r","exp":-1}"#), "no exp"),
            (of_parts(good, r#"{"room":1,"exp":1}"#), "not the JSON"),
            (of_parts(good, r#"{"room":"r","exp":"1"}"#), "not the JSON"),
            (of_parts(good, r#"{"room":"r","exp":1}{}"#), "not the JSON"),
            (
                of_parts(good, &format!(r#"{{"room":"r","exp":1,"sub":"{long}"}}"#)),
                "sub",
            ),
            (of_parts(good, &"x".repeat(TOKEN_BYTES_MAX)), "too long"),
            (of_parts(good, "{}").replace("eyJ", "e+J"), "no base64url"),
        ];
        for (text, expected) in cases {
            let why = JoinToken::decode(&text).unwrap_err().to_string();
            assert!(why.contains(expected), "{text}: {why}");
        }
    }
}
