//! `swarmline token`: a join token for one viewer of one stream. What is in it is `wire`'s.

use super::say;
use crate::integrity::SecretKey;
use crate::publish::read_key;
use crate::wire::JoinToken;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::UNIX_EPOCH;

/// Sign a join token, which lets a viewer into one stream at a tracker that asks for tokens.
///
/// The token goes to standard output. It is a JWT (EdDSA), so a backend can make the same with its own library:
/// claims room and exp, if you like sub, origin and nbf, in the header kid.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  swarmline keygen --out tokens.key                          once; prints the public key
  swarmline tracker --set access.tokens=required --set 'access.token_keys=[\"main:PUBLIC KEY\"]'
  swarmline token --key tokens.key --room my-stream          good for ten minutes
  swarmline token --key tokens.key --room my-stream --user 4711 --origin https://example.com --seconds 60

In the page: createSwarm({ swarmId: \"my-stream\", joinToken: \"...\", trackerUrls: [...] }).")]
pub(super) struct Args {
    /// Secret key of `swarmline keygen`.
    #[arg(long, value_name = "FILE", default_value = "swarmline.key")]
    key: PathBuf,
    /// The stream: the page's swarmId (without one the manifest's URL without query), or an info hash in hex.
    #[arg(long, value_name = "NAME")]
    room: String,
    /// How long it may be used to join, in seconds. Who has joined stays in.
    #[arg(long, value_name = "N", default_value_t = 600)]
    seconds: u64,
    /// Whom you mean by it, in your own words; the tracker tells nobody.
    #[arg(long, value_name = "TEXT")]
    user: Option<String>,
    /// Only for pages of this origin: https://example.com.
    #[arg(long, value_name = "ORIGIN")]
    origin: Option<String>,
    /// The key's name in access.token_keys; without it the tracker tries all of them.
    #[arg(long, value_name = "NAME")]
    key_id: Option<String>,
}

impl Args {
    /// Runs the command: 0 and a token, or 1 with one line on standard error.
    pub(super) fn run(self) -> ExitCode {
        match read_key(&self.key) {
            Ok(key) => match self.mint(&key) {
                Ok(token) => say(token),
                Err(why) => return fail(why),
            },
            Err(error) => return fail(error),
        }
        ExitCode::SUCCESS
    }

    fn mint(self, key: &SecretKey) -> Result<String, String> {
        let now = UNIX_EPOCH
            .elapsed()
            .map_err(|_| "the clock is before 1970")?;
        let token = JoinToken {
            room: self.room,
            expires_s: now.as_secs().saturating_add(self.seconds),
            not_before_s: None,
            subject: self.user,
            origin: self.origin,
        };
        let message = token.message(self.key_id.as_deref());
        let text = JoinToken::signed(&message, &key.sign(message.as_bytes()));
        // What no tracker would read is not handed out.
        JoinToken::decode(&text).map_err(|why| format!("this makes no token: {why}"))?;
        Ok(text)
    }
}

fn fail(why: impl core::fmt::Display) -> ExitCode {
    eprintln!("swarmline token: {why}");
    ExitCode::FAILURE
}
