//! `swarmline verify`: segments against the digests in their playlists. The work is `publish`'s.

use crate::publish::{Progress, Report, verify};
use clap::Args as ClapArgs;
use std::path::PathBuf;
use std::process::ExitCode;

/// Check every segment against the digest line that `swarmline sign` put before it.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Exit code: 0 all segments are as signed, 1 some are not or are unsigned, 2 \
    a playlist cannot be read."
)]
pub(super) struct Args {
    /// Playlists (a master playlist brings those it names) or folders (all playlists below).
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print the report as one JSON object.
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Runs the command.
    pub(super) fn run(&self) -> ExitCode {
        let mut progress = Progress::stderr();
        let report = verify(&self.paths, &mut progress);
        progress.clear();
        match report {
            Ok(report) => {
                if self.json {
                    println!("{}", serde_json::json!(report));
                } else {
                    print(&report);
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
        println!("{}", playlist.path.display());
        for segment in &playlist.segments {
            let range = segment
                .range
                .map(|(start, end)| format!(" bytes {start}..{end}"));
            let detail = segment.detail.as_ref().map(|detail| format!(": {detail}"));
            println!(
                "  {:<10} {}{}{}",
                segment.status.word(),
                segment.uri,
                range.unwrap_or_default(),
                detail.unwrap_or_default()
            );
            *(if segment.status.is_good() {
                &mut good
            } else {
                &mut bad
            }) += 1;
        }
    }
    println!("{good} segments as signed, {bad} not");
}
