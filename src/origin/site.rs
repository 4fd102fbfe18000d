//! From a URL's path to content: folders, live streams, playlists signed or stripped on the way.
//! Blocking; never leaves the folders it was given.

use super::OriginError;
use super::live::LiveStream;
use crate::base::ByteRange;
use crate::integrity::TreeHasher;
use crate::integrity::tag::{DigestTag, SegmentDigest, TAG};
use crate::publish::{sign_playlist, strip_playlist};
use axum::body::Bytes;
use axum::http::StatusCode;
use core::time::Duration;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Everything also stands under this prefix, without digests.
const UNSIGNED: &str = "/unsigned/";

/// What a path names, by its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `.m3u8`, `.mpd`
    Playlist,
    /// Segments, maps, keys, subtitles.
    Media,
    /// Everything else.
    Page,
}

const TYPES: [(&str, Kind, &str); 25] = [
    ("m3u8", Kind::Playlist, "application/vnd.apple.mpegurl"),
    ("mpd", Kind::Playlist, "application/dash+xml"),
    ("m4s", Kind::Media, "video/iso.segment"),
    ("mp4", Kind::Media, "video/mp4"),
    ("m4v", Kind::Media, "video/mp4"),
    ("cmfv", Kind::Media, "video/mp4"),
    ("m4a", Kind::Media, "audio/mp4"),
    ("cmfa", Kind::Media, "audio/mp4"),
    ("ts", Kind::Media, "video/mp2t"),
    ("aac", Kind::Media, "audio/aac"),
    ("mp3", Kind::Media, "audio/mpeg"),
    ("webm", Kind::Media, "video/webm"),
    ("vtt", Kind::Media, "text/vtt; charset=utf-8"),
    ("key", Kind::Media, "application/octet-stream"),
    ("html", Kind::Page, "text/html; charset=utf-8"),
    ("js", Kind::Page, "text/javascript; charset=utf-8"),
    ("mjs", Kind::Page, "text/javascript; charset=utf-8"),
    ("css", Kind::Page, "text/css; charset=utf-8"),
    ("json", Kind::Page, "application/json"),
    ("map", Kind::Page, "application/json"),
    ("wasm", Kind::Page, "application/wasm"),
    ("svg", Kind::Page, "image/svg+xml"),
    ("png", Kind::Page, "image/png"),
    ("ico", Kind::Page, "image/x-icon"),
    ("txt", Kind::Page, "text/plain; charset=utf-8"),
];

fn type_of(path: &str) -> (Kind, &'static str) {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    let found = TYPES
        .iter()
        .find(|(known, ..)| known.eq_ignore_ascii_case(extension));
    found.map_or(
        (Kind::Page, "application/octet-stream"),
        |(_, kind, mime)| (*kind, mime),
    )
}

/// The type that a path's extension stands for.
pub(super) fn mime_of(path: &str) -> &'static str {
    type_of(path).1
}

impl Kind {
    pub(super) fn of(path: &str) -> Self {
        type_of(path).0
    }
}

/// What a path names.
pub(super) struct Found {
    pub(super) mime: &'static str,
    pub(super) content: Content,
}

/// Bytes that can be read in part.
pub(super) enum Content {
    Bytes(Bytes),
    File { path: PathBuf, len: u64 },
}

impl Content {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Self::File { len, .. } => *len,
        }
    }

    pub(super) fn read(&self, range: ByteRange) -> io::Result<Bytes> {
        match self {
            Self::Bytes(bytes) => {
                let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).ok());
                let part = start
                    .zip(end)
                    .filter(|(start, end)| start <= end && *end <= bytes.len());
                let (start, end) = part.ok_or(io::ErrorKind::UnexpectedEof)?;
                Ok(bytes.slice(start..end))
            }
            Self::File { path, .. } => read_file(path, Some(range)).map(Bytes::from),
        }
    }
}

/// Reads a file or a part of it, all of it or an error.
pub(super) fn read_file(path: &Path, range: Option<ByteRange>) -> io::Result<Vec<u8>> {
    let Some(range) = range else {
        return fs::read(path);
    };
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(range.start))?;
    let mut bytes = Vec::new();
    file.take(range.len()).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len == range.len()) {
        Ok(bytes)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// The digest of a segment's bytes.
pub(super) fn digest(bytes: &[u8]) -> SegmentDigest {
    let mut hasher = TreeHasher::new();
    hasher.update(bytes);
    let tree = hasher.finish();
    SegmentDigest {
        size: tree.size,
        root: tree.root(),
    }
}

/// When a file was changed, and its length: whether it is still the one that was read.
type Stamp = (Option<SystemTime>, u64);

/// The signed text of a playlist.
#[derive(Debug)]
struct Signed {
    stamp: Stamp,
    text: Bytes,
}

/// Everything that is served.
#[derive(Debug)]
pub(super) struct Site {
    /// Prefix without trailing slash → folder; the longest prefix first.
    dirs: Vec<(String, PathBuf)>,
    live: Vec<LiveStream>,
    sign: bool,
    signed: Mutex<BTreeMap<PathBuf, Signed>>,
}

impl Site {
    pub(super) fn new(
        dirs: Vec<(String, PathBuf)>,
        live: Vec<LiveStream>,
        sign: bool,
    ) -> Result<Self, OriginError> {
        for (prefix, folder) in &dirs {
            if !folder.is_dir() {
                let text = format!("{prefix}={}: there is no such folder", folder.display());
                return Err(OriginError(text));
            }
        }
        let trim =
            |(prefix, folder): (String, PathBuf)| (prefix.trim_end_matches('/').to_owned(), folder);
        let mut dirs: Vec<_> = dirs.into_iter().map(trim).collect();
        dirs.sort_by_key(|(prefix, _)| core::cmp::Reverse(prefix.len()));
        Ok(Self {
            dirs,
            live,
            sign,
            signed: Mutex::default(),
        })
    }

    /// What a URL's path names; `elapsed` is the live streams' time.
    pub(super) fn find(&self, path: &str, elapsed: Duration) -> Result<Found, StatusCode> {
        let (path, is_unsigned) = match path.strip_prefix(UNSIGNED.trim_end_matches('/')) {
            Some(rest) if path.starts_with(UNSIGNED) => (rest, true),
            _ => (path, false),
        };
        let path = clean(path).ok_or(StatusCode::BAD_REQUEST)?;
        let (_, mime) = type_of(&path);
        for stream in &self.live {
            let sign = self.sign && !is_unsigned;
            if let Some(bytes) = stream.find(&path, elapsed, sign)? {
                let content = Content::Bytes(bytes);
                return Ok(Found { mime, content });
            }
        }
        let mut file = self.locate(&path).ok_or(StatusCode::NOT_FOUND)?;
        let mut mime = mime;
        if file.is_dir() {
            file.push("index.html");
            mime = type_of(".html").1;
        }
        let about = fs::metadata(&file).map_err(|_| StatusCode::NOT_FOUND)?;
        let len = about.len();
        let content = if type_of(&path).1 == TYPES[0].2 {
            Content::Bytes(self.playlist(
                &path,
                &file,
                (about.modified().ok(), len),
                is_unsigned,
            )?)
        } else if about.is_file() {
            Content::File { path: file, len }
        } else {
            return Err(StatusCode::NOT_FOUND);
        };
        Ok(Found { mime, content })
    }

    fn locate(&self, path: &str) -> Option<PathBuf> {
        let live = self.live.iter().filter_map(|stream| stream.locate(path));
        let dirs = self.dirs.iter().filter_map(|(prefix, folder)| {
            let rest = path.strip_prefix(prefix.as_str())?;
            (rest.is_empty() || rest.starts_with('/'))
                .then(|| folder.join(rest.trim_start_matches('/')))
        });
        live.chain(dirs).find(|file| file.exists())
    }

    fn playlist(
        &self,
        path: &str,
        file: &Path,
        stamp: Stamp,
        is_unsigned: bool,
    ) -> Result<Bytes, StatusCode> {
        let text = fs::read_to_string(file).map_err(|_| StatusCode::NOT_FOUND)?;
        if is_unsigned {
            return Ok(strip_playlist(&text).into());
        }
        if !self.sign || text.contains(TAG) {
            return Ok(text.into());
        }
        let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = signed.get(file)
            && known.stamp == stamp
        {
            return Ok(known.text.clone());
        }
        // One that cannot be signed (its segments are elsewhere, or it is damaged on purpose) is
        // served as it stands.
        let text = Bytes::from(self.sign_text(path, &text).unwrap_or_else(|why| {
            tracing::warn!("{path} is served unsigned: {why}");
            text
        }));
        let known = Signed { stamp, text };
        let text = known.text.clone();
        signed.insert(file.to_owned(), known);
        Ok(text)
    }

    fn sign_text(&self, path: &str, text: &str) -> Result<String, String> {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let line_of = |uri: &str, range: Option<ByteRange>| {
            let target = uri.split(['?', '#']).next().unwrap_or_default();
            if target.contains("://") || target.starts_with("//") {
                return Err(format!("{uri} is on another server"));
            }
            let joined = match target.starts_with('/') {
                true => target.to_owned(),
                false => format!("{folder}/{target}"),
            };
            let file = clean(&joined).and_then(|path| self.locate(&path));
            let bytes = file
                .ok_or_else(|| io::ErrorKind::NotFound.into())
                .and_then(|file| read_file(&file, range))
                .map_err(|why| format!("{uri}: {why}"))?;
            Ok(DigestTag::from(digest(&bytes)))
        };
        sign_playlist(text, line_of).map_err(|why| why.to_string())
    }
}

/// A URL's path decoded, with `.` and `..` carried out. `None` if it climbs out or hides a separator.
fn clean(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        let part = decode(part)?;
        match part.as_str() {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name if name.contains(['/', '\\', '\0', ':']) => return None,
            _ => parts.push(part),
        }
    }
    Some(
        parts
            .iter()
            .fold(String::new(), |path, part| path + "/" + part),
    )
}

/// Percent-decoding (RFC 3986 §2.1).
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let decoded = match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let value = digit()? * 16 + digit()?;
                u8::try_from(value).ok()?
            }
            other => other,
        };
        bytes.push(decoded);
    }
    String::from_utf8(bytes).ok()
}
