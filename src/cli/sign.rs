//! `swarmline sign`: the digests of segments into HLS playlists. The work is `publish`'s.

use crate::publish::{Progress, PublishError, Signed, Watched, sign, watch};
use clap::Args as ClapArgs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Put the digest of every segment into HLS playlists, so that viewers can take segments from each
/// other.
///
/// Inserts one line before each segment's URI and changes no other byte; players that do not know
/// the line ignore it. Signing again replaces the lines. Sign whenever segments or playlists
/// change.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  swarmline sign video/                            a finished stream, in place
  swarmline sign video/master.m3u8 --out signed/   its playlists, and those it names
  swarmline sign raw/ --out www/live/ --watch      a live packager's folder, as it grows")]
pub(super) struct Args {
    /// Playlists (a master playlist brings those it names) or folders (all playlists below).
    #[arg(required = true, value_name = "SRC")]
    sources: Vec<PathBuf>,
    /// Folder for the signed playlists; a folder SRC brings its other files too, hard-linked or
    /// copied. Without it playlists are signed in place, which only finished ones can be.
    #[arg(long, value_name = "DST")]
    out: Option<PathBuf>,
    /// Follow growing playlists until they end (#EXT-X-ENDLIST) or ctrl-c.
    #[arg(long, requires = "out")]
    watch: bool,
    /// Print one JSON object a signed playlist: path, segments, changed.
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Runs the command: 0 when all is signed, 1 with one line on standard error.
    pub(super) fn run(&self) -> ExitCode {
        let result = match &self.out {
            Some(out) if self.watch => self.follow(out),
            out => self.sign_once(out.as_deref()),
        };
        match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        }
    }

    fn sign_once(&self, out: Option<&Path>) -> Result<(), PublishError> {
        let mut progress = Progress::stderr();
        let report = sign(&self.sources, out, &mut progress)?;
        progress.clear();
        report.iter().for_each(|signed| self.print(signed));
        Ok(())
    }

    fn follow(&self, out: &Path) -> Result<(), PublishError> {
        let mut say = |watched: Watched| match watched {
            Watched::Signed(signed) => self.print(&signed),
            Watched::Trouble(trouble) => eprintln!("{trouble} (waiting)"),
        };
        watch(&self.sources, out, &mut say, &|| false).map(|_| ())
    }

    fn print(&self, signed: &Signed) {
        if self.json {
            println!("{}", serde_json::json!(signed));
        } else {
            let Signed {
                path,
                segments,
                changed,
            } = signed;
            let word = if *changed { "signed" } else { "unchanged" };
            println!("{word} {}: {segments} segments", path.display());
        }
    }
}
