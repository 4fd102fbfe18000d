//! `swarmline verify`: segments against the digests in their playlists. The work is `publish`'s.

use super::say;
use crate::integrity::PublicKey;
use crate::publish::{Believed, Place, Progress, Report, verify};
use std::path::PathBuf;
use std::process::ExitCode;

/// Check every segment against the digest that `swarmline sign` wrote for it.
///
/// Reads files, or what viewers get: give it the URL of a playlist or MPD and every segment is downloaded
/// and hashed. With a public key it also checks that each line is signed by it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  swarmline verify video/                              all playlists below a folder
  swarmline verify https://cdn.example/master.m3u8     as viewers get it
  swarmline verify video/ --public-key BASE64          signatures too
  swarmline verify https://10.0.0.7/a.mpd --ca own.pem  behind an authority of your own

Exit code: 0 all segments are as signed, 1 some are not or have no digest, 2 a playlist cannot be read.")]
pub(super) struct Args {
    /// Playlists and MPDs by file or URL (a master playlist brings those it names), or folders (all of
    /// them below).
    #[arg(required = true, value_name = "URL|FOLDER|FILE")]
    places: Vec<Place>,
    /// The public key that `swarmline keygen` printed: every segment must be signed by it.
    #[arg(long, value_name = "BASE64", value_parser = public_key)]
    public_key: Option<PublicKey>,
    /// A PEM file: over HTTPS only certificates of these authorities count, not the public ones'.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Print the report as one JSON object.
    #[arg(long)]
    json: bool,
}

fn public_key(text: &str) -> Result<PublicKey, &'static str> {
    PublicKey::from_base64(text)
        .ok_or("no public key: 44 characters, as swarmline keygen prints it")
}

impl Args {
    /// Runs the command.
    pub(super) fn run(&self) -> ExitCode {
        let mut progress = Progress::stderr();
        let believed = Believed {
            key: self.public_key.as_ref(),
            authorities: self.ca.as_deref(),
        };
        let report = verify(&self.places, believed, &mut progress);
        progress.clear();
        match report {
            Ok(report) => {
                match self.json {
                    true => say(serde_json::json!(report)),
                    false => print(&report),
                }
                ExitCode::from(u8::from(!report.ok))
            }
            Err(error) => {
                eprintln!("{error}");
                ExitCode::from(2)
            }
        }
    }
}

fn print(report: &Report) {
    let (mut good, mut bad) = (0, 0);
    for playlist in &report.playlists {
        let sidecar = playlist.sidecar.as_ref();
        let sidecar = sidecar.map(|place| format!(" (digests in {place})"));
        say(format_args!(
            "{}{}",
            playlist.playlist,
            sidecar.unwrap_or_default()
        ));
        for segment in &playlist.segments {
            let range = segment
                .range
                .map(|(start, end)| format!(" bytes {start}..{end}"));
            let detail = segment.detail.as_ref().map(|detail| format!(": {detail}"));
            let (range, detail) = (range.unwrap_or_default(), detail.unwrap_or_default());
            let (words, uri) = (segment.status.words(), &segment.uri);
            say(format_args!("  {words:<14} {uri}{range}{detail}"));
            *(if segment.status.is_good() {
                &mut good
            } else {
                &mut bad
            }) += 1;
        }
    }
    let signatures = match report.signatures_checked {
        true => "signatures checked",
        false => "signatures not checked: give --public-key",
    };
    say(format_args!(
        "{good} segments as signed, {bad} not ({signatures})"
    ));
}
