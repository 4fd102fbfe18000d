//! `swarmline sign`: the digests of segments into HLS playlists, or beside MPDs. The work is `publish`'s.

use super::say;
use crate::publish::{
    Progress, PublishError, SidecarUse, SignOptions, Signed, Watched, read_key, sign, watch,
};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Put the digest of every segment into HLS playlists, or beside DASH MPDs, so that viewers can take
/// segments from each other and know that they are yours.
///
/// Inserts one line before each segment's URI, or one line (in an MPD one element) that points to a
/// sidecar file, and changes no other byte; players that do not know it ignore it. Signing again
/// replaces it. Sign whenever segments or playlists change.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  swarmline sign video/                            a finished stream, in place
  swarmline sign video/ --key swarmline.key        the same, with signatures (swarmline keygen)
  swarmline sign video/master.m3u8 --out signed/   its playlists, and those it names
  swarmline sign raw/ --out www/live/ --watch      a live packager's folder, as it grows
  swarmline sign video/manifest.mpd                digests in video/manifest.mpd.swarmline.json

Exit code: 0 all is signed, 1 something cannot be (nothing was changed then), 2 wrong arguments.")]
pub(super) struct Args {
    /// Playlists (a master playlist brings those it names), MPDs, or folders (all of them below).
    #[arg(required = true, value_name = "SRC")]
    sources: Vec<PathBuf>,
    /// Folder for the signed playlists; a folder SRC brings its other files too, hard-linked or
    /// copied. Without it playlists are signed in place, which only finished ones can be.
    #[arg(long, value_name = "DST")]
    out: Option<PathBuf>,
    /// Sign each line with the secret key of `swarmline keygen`, for pages that pin `publicKey`.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Follow growing playlists until they end (#EXT-X-ENDLIST, a static MPD) or ctrl-c.
    #[arg(long, requires = "out")]
    watch: bool,
    /// Digests of finished playlists in a file beside each (NAME.swarmline.json): `long` for those of
    /// more than 200 segments, `always` (also without a word), `never`. Growing ones, and all with --watch,
    /// have lines; MPDs have no place for any, and always a file.
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "long",
        default_missing_value = "always"
    )]
    #[arg(num_args = 0..=1, require_equals = true, hide_possible_values = true)]
    sidecar: SidecarUse,
    /// Leaf lists in sidecars (0.3 % of the video's size), so that viewers share a segment while they
    /// are still getting it.
    #[arg(long)]
    leaves: bool,
    /// Add each segment's whole SHA-256, for readers that know no block trees.
    #[arg(long)]
    sha256: bool,
    /// Print one JSON object a signed playlist: path, segments, changed, sidecar.
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Runs the command: 0 when all is signed, 1 with one line on standard error.
    pub(super) fn run(&self) -> ExitCode {
        match self.sign() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        }
    }

    fn sign(&self) -> Result<(), PublishError> {
        let options = SignOptions {
            key: self.key.as_deref().map(read_key).transpose()?,
            sha256: self.sha256,
            sidecar: self.sidecar,
            leaves: self.leaves,
        };
        match self.out.as_deref() {
            Some(out) if self.watch => self.follow(out, &options),
            out => {
                let mut progress = Progress::stderr();
                let report = sign(&self.sources, out, &options, &mut progress)?;
                progress.clear();
                report.iter().for_each(|signed| self.print(signed));
                Ok(())
            }
        }
    }

    fn follow(&self, out: &Path, options: &SignOptions) -> Result<(), PublishError> {
        let mut say = |watched: Watched| match watched {
            Watched::Signed(signed) => self.print(&signed),
            Watched::Trouble(trouble) => eprintln!("{trouble} (waiting)"),
        };
        watch(&self.sources, out, options, &mut say, &|| false).map(|_| ())
    }

    fn print(&self, signed: &Signed) {
        match self.json {
            true => say(serde_json::json!(signed)),
            false => say(signed),
        }
    }
}
