//! From bytes to what a digest line says of them, each range of a file hashed once.
//!
//! Invariant: what is remembered holds only while the file is the same one: same length, time of
//! change and identity. For a byte range of a growing file it holds while the file does not shrink.

use super::files::{Stamp, reason};
use crate::base::ByteRange;
use crate::integrity::tag::SegmentDigest;
use crate::integrity::{Digest, MAX_SEGMENT_LEN, TreeHasher};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes read at once.
const READ_LEN: usize = 256 * 1024;

/// What is known of a segment's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hashed {
    pub(super) digest: SegmentDigest,
    /// Of the whole, where it was asked for.
    pub(super) sha256: Option<Digest>,
    /// Of each block, where they were asked for.
    pub(super) leaves: Vec<Digest>,
}

/// What is wanted besides SIZE and ROOT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) sha256: bool,
    pub(super) leaves: bool,
}

impl Wanted {
    fn is_in(self, hashed: &Hashed) -> bool {
        (!self.sha256 || hashed.sha256.is_some()) && (!self.leaves || !hashed.leaves.is_empty())
    }
}

/// Hashes `run` to its end.
pub(super) fn hash_run(mut run: impl Read, wanted: Wanted) -> io::Result<Hashed> {
    let mut hasher = TreeHasher::new();
    if wanted.sha256 {
        hasher = hasher.with_sha256();
    }
    let mut buffer = vec![0; READ_LEN];
    loop {
        match run.read(&mut buffer)? {
            0 => break,
            len => hasher.update(&buffer[..len]),
        }
    }
    let tree = hasher.finish();
    Ok(Hashed {
        digest: SegmentDigest {
            size: tree.size,
            root: tree.root(),
        },
        sha256: tree.sha256,
        leaves: if wanted.leaves {
            tree.leaves
        } else {
            Vec::new()
        },
    })
}

/// Hashes ranges of files and remembers what it hashed.
#[derive(Debug, Default)]
pub(super) struct SegmentHasher {
    known: BTreeMap<(PathBuf, Option<ByteRange>), Known>,
    turn: u64,
    /// Ranges hashed so far, not those remembered.
    pub(super) hashed: u64,
}

#[derive(Clone, Debug)]
struct Known {
    stamp: Stamp,
    hashed: Hashed,
    turn: u64,
}

impl SegmentHasher {
    /// What a file, or a range of it, hashes to.
    ///
    /// # Errors
    /// When the file cannot be read, is empty, too long or shorter than the range.
    pub(super) fn hash(
        &mut self,
        path: &Path,
        range: Option<ByteRange>,
        wanted: Wanted,
    ) -> Result<Hashed, String> {
        let say = |error: io::Error| format!("segment {}: {}", path.display(), reason(&error));
        let stamp = Stamp::of(path).map_err(say)?;
        let key = (path.to_path_buf(), range);
        if let Some(known) = self.known.get_mut(&key)
            && wanted.is_in(&known.hashed)
            && match range {
                None => known.stamp == stamp,
                Some(_) => known.stamp.inode == stamp.inode && known.stamp.len <= stamp.len,
            }
        {
            known.turn = self.turn;
            return Ok(known.hashed.clone());
        }
        let hashed = hash_file(path, range, stamp, wanted)?;
        if range.is_none() && Stamp::of(path).map_err(say)? != stamp {
            return Err(format!(
                "segment {}: changed while it was read; try again",
                path.display()
            ));
        }
        self.hashed += 1;
        let known = Known {
            stamp,
            hashed: hashed.clone(),
            turn: self.turn,
        };
        self.known.insert(key, known);
        Ok(hashed)
    }

    /// Forgets what no playlist asked for since the last call, so that a live stream's memory is
    /// its window.
    pub(super) fn forget_unused(&mut self) {
        let turn = self.turn;
        self.known.retain(|_, known| known.turn == turn);
        self.turn += 1;
    }
}

fn hash_file(
    path: &Path,
    range: Option<ByteRange>,
    stamp: Stamp,
    wanted: Wanted,
) -> Result<Hashed, String> {
    let name = path.display();
    let say = |error: io::Error| format!("segment {name}: {}", reason(&error));
    let ByteRange { start, end } = range.unwrap_or(ByteRange {
        start: 0,
        end: stamp.len,
    });
    if end > stamp.len {
        return Err(format!(
            "segment {name}: the playlist names bytes up to {end}, the file has {}; write it first",
            stamp.len
        ));
    }
    match end - start {
        0 => {
            return Err(format!(
                "segment {name}: no bytes in it; remove it from the playlist"
            ));
        }
        1..=MAX_SEGMENT_LEN => {}
        _ => {
            return Err(format!(
                "segment {name}: longer than 1 GiB; cut it into shorter segments"
            ));
        }
    }
    let mut file = File::open(path).map_err(say)?;
    file.seek(SeekFrom::Start(start)).map_err(say)?;
    let hashed = hash_run(file.take(end - start), wanted).map_err(say)?;
    if hashed.digest.size != end - start {
        return Err(format!(
            "segment {name}: shrank while it was read; try again"
        ));
    }
    Ok(hashed)
}
