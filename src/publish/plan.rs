//! Which playlists a command is about, and where each signed one goes. Reads folders and master
//! playlists, writes nothing.
//!
//! Invariant: one entry a playlist and one playlist a target; nothing is planned outside `--out`.

use super::PublishError;
use super::files::{folder_of, normal, read_playlist, reason, resolve};
use super::scan::Playlist;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Everything to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// The playlists, and what to do with each.
    pub(super) playlists: BTreeMap<PathBuf, Planned>,
    /// Folders whose other files go along: (from, to).
    pub(super) folders: Vec<(PathBuf, PathBuf)>,
}

/// What is planned for one playlist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    /// Where its signed form goes: itself, in place.
    pub(super) target: PathBuf,
    /// It names other playlists, and comes after them.
    pub(super) is_master: bool,
    /// Its path as seen from the folder that is signed: the rendition's name under a signature.
    pub(super) track: String,
}

impl Plan {
    /// Plans for files and folders; `out` of `None`, or the folder a source is in, is in place.
    ///
    /// # Errors
    /// When a source is not there or holds no playlist, or two would have one target.
    pub(super) fn new(sources: &[PathBuf], out: Option<&Path>) -> Result<Self, PublishError> {
        let mut plan = Self::default();
        // A folder given as its own `--out` is signed in place.
        let real_out = out.and_then(|out| fs::canonicalize(out).ok());
        for source in sources {
            let metadata =
                fs::metadata(source).map_err(|error| PublishError::io(source, &error))?;
            let root = if metadata.is_dir() {
                source
            } else {
                folder_of(source)
            };
            let is_itself = real_out.is_some() && real_out == fs::canonicalize(or_dot(root)).ok();
            let out = out.filter(|_| !is_itself);
            if metadata.is_dir() {
                let before = plan.playlists.len();
                for file in walk(source, real_out.as_deref().filter(|_| out.is_some()))? {
                    if is_playlist(&file) {
                        plan.add(source, out, &file)?;
                    }
                }
                if plan.playlists.len() == before {
                    return Err(PublishError::new(
                        source,
                        "no playlist (.m3u8, .mpd) in this folder",
                    ));
                }
                if let Some(out) = out {
                    plan.folders.push((source.clone(), out.to_path_buf()));
                }
            } else {
                plan.add(root, out, source)?;
            }
        }
        plan.check_targets()?;
        Ok(plan)
    }

    /// Adds a playlist, and those it names if it is a master playlist.
    fn add(
        &mut self,
        root: &Path,
        out: Option<&Path>,
        playlist: &Path,
    ) -> Result<(), PublishError> {
        let playlist = normal(playlist);
        if self.playlists.contains_key(&playlist) {
            return Ok(());
        }
        let target = match out {
            None => playlist.clone(),
            Some(out) => {
                let inside = playlist.strip_prefix(normal(root)).ok();
                let inside = inside.filter(|path| !path.starts_with(".."));
                out.join(inside.ok_or_else(|| {
                    let what = format!(
                        "outside of {}, so it has no place in {}; sign the folder that holds both",
                        or_dot(root).display(),
                        out.display()
                    );
                    PublishError::new(&playlist, what)
                })?)
            }
        };
        let text = read_playlist(&playlist)?;
        let scan = Playlist::scan(&text).map_err(|error| PublishError::new(&playlist, error))?;
        let planned = Planned {
            target,
            is_master: scan.is_master,
            track: track_name(&normal(root), &playlist),
        };
        self.playlists.insert(playlist.clone(), planned);
        for uri in &scan.children {
            let child = resolve(folder_of(&playlist), uri)
                .map_err(|what| PublishError::new(&playlist, what))?;
            self.add(root, out, &child)?;
        }
        Ok(())
    }

    /// Signed lines of two playlists must not stand for each other.
    ///
    /// # Errors
    /// When two have one name.
    pub(super) fn check_tracks(&self) -> Result<(), PublishError> {
        let mut tracks: BTreeMap<&str, &Path> = BTreeMap::new();
        for (playlist, planned) in self.playlists.iter().filter(|(_, each)| !each.is_master) {
            if let Some(other) = tracks.insert(&planned.track, playlist) {
                let what = format!(
                    "would be signed as {:?}, and so would {}; sign them one by one, or the folder \
                     that holds both",
                    planned.track,
                    other.display()
                );
                return Err(PublishError::new(playlist, what));
            }
        }
        Ok(())
    }

    fn check_targets(&self) -> Result<(), PublishError> {
        let mut targets: BTreeMap<PathBuf, &Path> = BTreeMap::new();
        for (playlist, Planned { target, .. }) in &self.playlists {
            if let Some(other) = targets.insert(normal(target), playlist) {
                let what = format!(
                    "would be written over {}, from {}; give each its own --out",
                    target.display(),
                    other.display()
                );
                return Err(PublishError::new(playlist, what));
            }
        }
        Ok(())
    }
}

/// The path of `playlist` as seen from `root`, with `/` between its parts, the characters that a
/// quoted string may not hold percent-encoded.
fn track_name(root: &Path, playlist: &Path) -> String {
    let (mut from, mut to) = (
        root.components().peekable(),
        playlist.components().peekable(),
    );
    while from.peek().is_some() && from.peek() == to.peek() {
        (_, _) = (from.next(), to.next());
    }
    let up = from.map(|_| "..".to_owned());
    let down = to.map(|part| part.as_os_str().to_string_lossy().into_owned());
    let mut name = String::new();
    for part in up.chain(down) {
        if !name.is_empty() {
            name.push('/');
        }
        for c in part.chars() {
            match c {
                '"' | '%' | '\0'..='\x1f' | '\x7f' => {
                    name.push_str(&format!("%{:02X}", u32::from(c)));
                }
                _ => name.push(c),
            }
        }
    }
    name
}

/// The current folder, where a path without one is meant.
pub(super) fn or_dot(path: &Path) -> &Path {
    if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    }
}

/// Whether the name is a playlist's.
pub(super) fn is_playlist(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let known = |extension: &str| {
        let names = ["m3u8", "m3u", "mpd"];
        names
            .iter()
            .any(|name| extension.eq_ignore_ascii_case(name))
    };
    extension.is_some_and(known)
}

/// All files below `folder`, sorted, but for those in `except` (a folder to be written to) and
/// those that somebody is still writing (a name that ends in `.tmp` or `.part`).
pub(super) fn walk(folder: &Path, except: Option<&Path>) -> Result<Vec<PathBuf>, PublishError> {
    walk_past(folder, except, &mut |_| {})
}

/// The same, and says each folder it looks into, before it does.
pub(super) fn walk_past(
    folder: &Path,
    except: Option<&Path>,
    pass: &mut dyn FnMut(&Path),
) -> Result<Vec<PathBuf>, PublishError> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        if except.is_some() && fs::canonicalize(&folder).ok().as_deref() == except {
            continue;
        }
        pass(&folder);
        let fail = |error: std::io::Error| PublishError::new(&folder, reason(&error));
        for entry in fs::read_dir(&folder).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let path = entry.path();
            // A link to a folder may lead back up, so links are followed to files only.
            if entry.file_type().map_err(fail)?.is_dir() {
                folders.push(path);
            } else if path.is_file() && !is_unfinished(&path) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn is_unfinished(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "tmp" || extension == "part")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_are_named_from_the_signed_folder() {
        for (root, playlist, name) in [
            ("/srv/a", "/srv/a/video/720p.m3u8", "video/720p.m3u8"),
            ("", "video/720p.m3u8", "video/720p.m3u8"),
            ("a/sub", "a/video/v.m3u8", "../video/v.m3u8"),
            ("a", "a/100% \"x\"\n.m3u8", "100%25 %22x%22%0A.m3u8"),
        ] {
            assert_eq!(track_name(Path::new(root), Path::new(playlist)), name);
        }
    }
}
