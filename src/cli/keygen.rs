//! `swarmline keygen`: a pair of keys. The work is `publish`'s.

use super::say;
use crate::publish::write_new_key;
use std::path::PathBuf;
use std::process::ExitCode;

/// Make a secret key to sign with, and print its public key for the page.
///
/// The secret key goes to a new file that only its owner can read; an existing file is never written
/// over. Keep it where you sign, off web servers: whoever has it can sign as you.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  swarmline keygen                                 swarmline.key in this folder
  swarmline keygen --out /etc/swarmline/live.key
  swarmline sign video/ --key swarmline.key        then sign with it")]
pub(super) struct Args {
    /// Where the secret key goes.
    #[arg(long, value_name = "FILE", default_value = "swarmline.key")]
    out: PathBuf,
    /// Print one JSON object: secretKeyFile, publicKey.
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Runs the command: 0 when there is a new key, 1 with one line on standard error.
    pub(super) fn run(&self) -> ExitCode {
        let key = match write_new_key(&self.out) {
            Ok(key) => key.public_key().to_base64(),
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        };
        let file = self.out.display();
        if self.json {
            let file = file.to_string();
            say(serde_json::json!({ "secretKeyFile": file, "publicKey": key }));
        } else {
            say(format_args!(
                "secret key: {file} (keep it; whoever has it can sign as you)"
            ));
            say(format_args!("public key: {key}"));
            say(format_args!(
                "in the page: createSwarm({{ publicKey: \"{key}\" }})"
            ));
            say(format_args!(
                "to sign:     swarmline sign video/ --key {file}"
            ));
        }
        ExitCode::SUCCESS
    }
}
