//! Puts files where players see them: whole or not at all.
//!
//! Invariant: a reader of the target sees the old file or the new one, never half of one.

use super::PublishError;
use super::files::{Stamp, reason};
use super::plan::{Planned, is_playlist, walk};
use super::sign::Signed;
use super::signer::{SignedText, is_sidecar};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Writes `text` to `target` through a neighbour that is renamed over it, with the permissions of
/// `like`. Says whether anything changed.
fn write_whole(target: &Path, text: &str, like: &Path) -> Result<bool, PublishError> {
    if fs::read(target).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(false);
    }
    let fail = |error: io::Error| {
        PublishError::new(target, format!("cannot be written: {}", reason(&error)))
    };
    make_folder(target)?;
    let neighbour = neighbour(target);
    fs::write(&neighbour, text).map_err(fail)?;
    let permissions = fs::metadata(like).map_err(fail)?.permissions();
    fs::set_permissions(&neighbour, permissions).map_err(fail)?;
    fs::rename(&neighbour, target).map_err(fail)?;
    Ok(true)
}

/// Puts a signed playlist in place, its sidecar before it.
pub(super) fn write_signed(
    planned: &Planned,
    signed: SignedText,
    like: &Path,
) -> Result<Signed, PublishError> {
    let mut changed = false;
    let mut sidecar = None;
    if let Some((path, json)) = signed.sidecar {
        changed |= write_whole(&path, &json, like)?;
        sidecar = Some(path);
    }
    changed |= write_whole(&planned.target, &signed.text, like)?;
    Ok(Signed {
        path: planned.target.clone(),
        sidecar,
        segments: signed.segments,
        changed,
    })
}

/// A name beside `target` that no player asks for and no folder's walk takes along.
fn neighbour(target: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(".tmp");
    target.with_file_name(name)
}

fn make_folder(target: &Path) -> Result<(), PublishError> {
    let folder = super::files::folder_of(target);
    if folder.as_os_str().is_empty() {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(|error| {
        PublishError::new(
            folder,
            format!("this folder cannot be made: {}", reason(&error)),
        )
    })
}

/// Keeps a folder's files, playlists and sidecars apart, in another folder: hard links, or copies where the file
/// system has none between the two.
#[derive(Debug)]
pub(super) struct Mirror {
    from: PathBuf,
    to: PathBuf,
    /// What was put there by us: only that is ever removed.
    placed: BTreeSet<PathBuf>,
}

impl Mirror {
    /// Nothing is there yet.
    pub(super) fn new(from: PathBuf, to: PathBuf) -> Self {
        Self {
            from,
            to,
            placed: BTreeSet::new(),
        }
    }

    /// Brings the other folder up to date; files that left the first one leave it too.
    pub(super) fn update(&mut self) -> Result<(), PublishError> {
        let except = fs::canonicalize(&self.to).ok();
        let mut present = BTreeSet::new();
        for source in walk(&self.from, except.as_deref())? {
            if let Ok(inside) = source.strip_prefix(&self.from)
                && !is_playlist(&source)
                && !is_sidecar(&source)
            {
                place(&source, &self.to.join(inside))?;
                present.insert(inside.to_path_buf());
            }
        }
        for gone in self.placed.difference(&present) {
            let target = self.to.join(gone);
            match fs::remove_file(&target) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(PublishError::io(&target, &error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        self.placed = present;
        Ok(())
    }
}

fn place(source: &Path, target: &Path) -> Result<(), PublishError> {
    let new = match Stamp::of(source) {
        Ok(stamp) => stamp,
        // A live packager deleted it since the folder was read.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(PublishError::io(source, &error)),
    };
    if let Ok(old) = Stamp::of(target)
        && (old == new || (old.len == new.len && old.modified > new.modified))
    {
        return Ok(()); // the same file, or a copy made after its last change
    }
    make_folder(target)?;
    let neighbour = neighbour(target);
    let fail = |error: io::Error| {
        PublishError::new(
            target,
            format!("cannot be linked or copied: {}", reason(&error)),
        )
    };
    match fs::remove_file(&neighbour) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
        Ok(()) | Err(_) => {}
    }
    // The link itself would be linked otherwise, and break elsewhere.
    let real = fs::canonicalize(source).map_err(fail)?;
    if fs::hard_link(&real, &neighbour).is_err() {
        fs::copy(&real, &neighbour).map_err(fail)?;
    }
    fs::rename(&neighbour, target).map_err(fail)
}
