//! From a URI in a playlist to a file, and from a file to a digest, each range of bytes hashed
//! once.
//!
//! Invariant: what is remembered holds only while the file is the same one: same length, time of
//! change and identity. For a byte range of a growing file it holds while the file does not shrink.

use super::PublishError;
use crate::base::ByteRange;
use crate::integrity::tag::SegmentDigest;
use crate::integrity::{MAX_SEGMENT_LEN, TreeHasher};
use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

/// Bytes read at once.
const READ_LEN: usize = 256 * 1024;

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) len: u64,
    pub(super) modified: Option<SystemTime>,
    /// 0 where the platform has none.
    inode: u64,
}

impl Stamp {
    /// The file's state now.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|metadata| Self::from(&metadata))
    }
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        Self {
            len: metadata.len(),
            modified: metadata.modified().ok(),
            inode: inode(metadata),
        }
    }
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_metadata: &Metadata) -> u64 {
    0
}

/// The file that `uri` names in a playlist of folder `folder`: percent-decoded, without query and
/// fragment, `.` and `..` resolved.
///
/// # Errors
/// When the URI names no file relative to the playlist.
pub(super) fn resolve(folder: &Path, uri: &str) -> Result<PathBuf, String> {
    if let Some((scheme, _)) = uri.split_once(':')
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    {
        return Err(format!(
            "{uri} is an absolute {scheme} URI, and only files can be hashed; download it \
             and give its URI relative to the playlist"
        ));
    }
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    if path.starts_with('/') {
        return Err(format!(
            "{uri} starts at a server's root; give its URI relative to the playlist"
        ));
    }
    let path = percent_decode(path).ok_or_else(|| format!("{uri} is not percent-encoded UTF-8"))?;
    if path.is_empty() || path.contains('\0') {
        return Err(format!("{uri:?} names no file"));
    }
    Ok(normal(&folder.join(path)))
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first == b'%' {
            let (hex, tail) = rest.split_at_checked(2)?;
            let hex = std::str::from_utf8(hex).ok()?;
            let digits = hex.bytes().all(|digit| digit.is_ascii_hexdigit());
            bytes.push(u8::from_str_radix(hex, 16).ok().filter(|_| digits)?);
            rest = tail;
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The path without `.` and, where it can be told without looking, without `..`: one name for one
/// file.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(out.components().next_back(), Some(Component::Normal(_))) =>
            {
                out.pop();
            }
            Component::ParentDir
            | Component::Normal(_)
            | Component::RootDir
            | Component::Prefix(_) => out.push(part),
        }
    }
    out
}

/// The folder that a playlist's URIs are relative to.
pub(super) fn folder_of(playlist: &Path) -> &Path {
    playlist.parent().unwrap_or(Path::new(""))
}

/// The text of a playlist.
pub(super) fn read_playlist(path: &Path) -> Result<String, PublishError> {
    let bytes = fs::read(path).map_err(|error| PublishError::io(path, &error))?;
    String::from_utf8(bytes)
        .map_err(|_| PublishError::new(path, "not UTF-8, so not an HLS playlist"))
}

/// Hashes ranges of files and remembers what it hashed.
#[derive(Debug, Default)]
pub(super) struct SegmentHasher {
    known: BTreeMap<(PathBuf, Option<ByteRange>), Known>,
    turn: u64,
    /// Ranges hashed so far, not those remembered.
    pub(super) hashed: u64,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    stamp: Stamp,
    digest: SegmentDigest,
    turn: u64,
}

impl SegmentHasher {
    /// The digest of a file or of a range of it.
    ///
    /// # Errors
    /// When the file cannot be read, is empty, too long or shorter than the range.
    pub(super) fn digest(
        &mut self,
        path: &Path,
        range: Option<ByteRange>,
    ) -> Result<SegmentDigest, String> {
        let say = |error: io::Error| format!("segment {}: {}", path.display(), reason(&error));
        let stamp = Stamp::of(path).map_err(say)?;
        let key = (path.to_path_buf(), range);
        if let Some(known) = self.known.get_mut(&key)
            && match range {
                None => known.stamp == stamp,
                Some(_) => known.stamp.inode == stamp.inode && known.stamp.len <= stamp.len,
            }
        {
            known.turn = self.turn;
            return Ok(known.digest);
        }
        let digest = hash_file(path, range, stamp)?;
        if range.is_none() && Stamp::of(path).map_err(say)? != stamp {
            return Err(format!(
                "segment {}: changed while it was read; try again",
                path.display()
            ));
        }
        self.hashed += 1;
        let turn = self.turn;
        self.known.insert(
            key,
            Known {
                stamp,
                digest,
                turn,
            },
        );
        Ok(digest)
    }

    /// Forgets what no playlist asked for since the last call, so that a live stream's memory is
    /// its window.
    pub(super) fn forget_unused(&mut self) {
        let turn = self.turn;
        self.known.retain(|_, known| known.turn == turn);
        self.turn += 1;
    }
}

fn hash_file(path: &Path, range: Option<ByteRange>, stamp: Stamp) -> Result<SegmentDigest, String> {
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
    let mut file = file.take(end - start);
    let mut hasher = TreeHasher::new();
    let mut buffer = vec![0; READ_LEN];
    loop {
        let len = file.read(&mut buffer).map_err(say)?;
        if len == 0 {
            break;
        }
        hasher.update(&buffer[..len]);
    }
    let tree = hasher.finish();
    if tree.size != end - start {
        return Err(format!(
            "segment {name}: shrank while it was read; try again"
        ));
    }
    Ok(SegmentDigest {
        size: tree.size,
        root: tree.root(),
    })
}

/// What an I/O error means for a person.
pub(super) fn reason(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        "no such file".to_owned()
    } else {
        error.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_become_paths_below_the_playlist() {
        let folder = Path::new("/srv/a");
        for (uri, path) in [
            ("b.ts", "/srv/a/b.ts"),
            ("./x/../b.ts?token=1#t", "/srv/a/b.ts"),
            ("../b%20c.ts", "/srv/b c.ts"),
            ("%C3%A4:b.ts", "/srv/a/ä:b.ts"),
            ("1:b.ts", "/srv/a/1:b.ts"),
        ] {
            assert_eq!(resolve(folder, uri), Ok(PathBuf::from(path)), "{uri}");
        }
    }

    #[test]
    fn uris_that_are_no_files_are_refused() {
        for uri in [
            "https://x/a.ts",
            "data:,a",
            "/a.ts",
            "//x/a.ts",
            "a%2.ts",
            "a%+1.ts",
            "%ff",
            "?a",
            "%00",
        ] {
            assert!(resolve(Path::new("a"), uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn paths_have_one_name() {
        for (path, expected) in [
            ("a/./b/../c", "a/c"),
            ("../a", "../a"),
            ("../../a/..", "../.."),
            ("/a", "/a"),
        ] {
            assert_eq!(normal(Path::new(path)), Path::new(expected));
        }
    }
}
