//! Files, their names and their states: from a URI in a playlist to a file, and back to a URI.
//! Hashes nothing.

use super::PublishError;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) len: u64,
    pub(super) modified: Option<SystemTime>,
    /// 0 where the platform has none.
    pub(super) inode: u64,
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

/// A file's name as a URI relative to its folder: what is no letter, digit or one of `-._~` is
/// percent-encoded (RFC 3986 §2.3).
pub(super) fn uri_of(name: &str) -> String {
    let mut uri = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
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
    fn names_become_uris_that_lead_back() {
        for name in ["v.swarmline.json", "ä \"1\"%20:?#.json"] {
            let uri = uri_of(name);
            assert!(uri.is_ascii() && !uri.contains('"'));
            assert_eq!(resolve(Path::new("a"), &uri), Ok(Path::new("a").join(name)));
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
