//! Digests beside a playlist: our sidecar JSON, read and written, and PeerTube's
//! `segments-sha256.json`, read.
//!
//! Invariant: total and bounded. A text is taken whole or refused with the reason; unknown members are
//! skipped. What is said of a segment is found by the path of its URL (PeerTube: by its file name) and
//! its byte range, so hosts, queries and tokens do not matter. Proves nothing and checks no signature.

use super::base64::{from_base64, to_base64};
use super::tag::SegmentDigest;
use super::{Digest, MAX_SEGMENT_LEN, Seal, block_count, decimal_integer};
use crate::base::json::{Cursor, Kind, Malformed, Pen};
use crate::base::{ByteRange, cut, find_last, unhex};
use core::fmt;

/// Longest text read, in bytes: the leaf lists of six hours at 5 Mbit/s.
pub const SIDECAR_BYTES_MAX: usize = 32 << 20;

/// Most segments of one sidecar; more are refused.
const SEGMENTS_MAX: usize = 200_000;

const FORMAT: &str = "swarmline-sidecar";
const VERSION: u64 = 1;

/// What a sidecar says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sidecar {
    /// The signer's random id of the broadcast, where segments are signed.
    pub stream: Option<String>,
    /// Renditions, in the signer's order.
    pub tracks: Vec<SidecarTrack>,
    /// PeerTube's: `url` is a file name.
    by_name: bool,
}

/// One rendition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SidecarTrack {
    /// The signer's name of it.
    pub track: String,
    /// Its segments, in any order.
    pub segments: Vec<SidecarSegment>,
}

/// What is said of one segment. It has a ROOT, a SHA-256 of the whole, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SidecarSegment {
    /// To be written: its URL, relative to the sidecar's. Once read: what the reader's `path_of` made
    /// of it.
    pub url: String,
    /// Bytes of the resource, if it is not the whole.
    pub range: Option<ByteRange>,
    /// Its bytes; a ROOT is never without.
    pub size: Option<u64>,
    /// Root of its block tree.
    pub root: Option<Digest>,
    /// SHA-256 of the whole segment.
    pub sha256: Option<Digest>,
    /// The signer's counter and the signature; STREAM and TRACK stand above.
    pub signed: Option<(u64, [u8; 64])>,
    /// SHA-256 of each block, or empty. As many as `size` has blocks; not compared with the root.
    pub leaves: Vec<Digest>,
}

/// Why a text is no sidecar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SidecarError(pub String);

impl fmt::Display for SidecarError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl core::error::Error for SidecarError {}

impl From<Malformed> for SidecarError {
    fn from(error: Malformed) -> Self {
        Self(error.to_string())
    }
}

impl SidecarSegment {
    /// SIZE and ROOT, if it has a root.
    #[must_use]
    pub fn digest(&self) -> Option<SegmentDigest> {
        Some(SegmentDigest {
            size: self.size?,
            root: self.root?,
        })
    }
}

impl Sidecar {
    /// A sidecar to be written.
    #[must_use]
    pub fn new(stream: Option<String>, tracks: Vec<SidecarTrack>) -> Self {
        Self {
            stream,
            tracks,
            by_name: false,
        }
    }

    /// Reads either shape. `path_of` resolves a `url` against the sidecar's own and cuts scheme, host,
    /// query and fragment; what it cannot resolve is an error.
    ///
    /// # Errors
    /// When the text is too long, no JSON, of another format or version, or says of a segment what
    /// cannot be.
    pub fn read(
        text: &str,
        path_of: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, SidecarError> {
        if text.len() > SIDECAR_BYTES_MAX {
            return Err(SidecarError("it is longer than 32 MiB".to_owned()));
        }
        let mut json = Cursor::new(text.strip_prefix('\u{feff}').unwrap_or(text));
        let mut reader = Reader {
            path_of,
            count: 0,
            named: SidecarTrack::default(),
        };
        let mut sidecar = Self::default();
        let (mut format, mut version) = (false, None);
        json.object()?;
        while let Some(name) = json.name()? {
            match (name.as_str(), json.kind()?) {
                ("format", Kind::Text) => {
                    format = true;
                    if json.text()? != FORMAT {
                        return Err(json.error("the format is not swarmline-sidecar").into());
                    }
                }
                ("version", Kind::Number) => {
                    version = json.number()?;
                    if version != Some(VERSION) {
                        return Err(json.error("its version is not 1: update swarmline").into());
                    }
                }
                ("stream", Kind::Text) => sidecar.stream = Some(json.text()?),
                ("tracks", Kind::List) => sidecar.tracks = reader.tracks(&mut json)?,
                (_, Kind::Text | Kind::Object) => reader.named(&mut json, &name)?,
                (_, Kind::Null | Kind::Flag | Kind::Number | Kind::List) => json.skip()?,
            }
        }
        json.end()?;
        if format {
            version.ok_or_else(|| SidecarError("its version is missing".to_owned()))?;
        } else {
            sidecar = Self {
                stream: None,
                tracks: vec![reader.named],
                by_name: true,
            };
        }
        let unsealed = |segment: &SidecarSegment| segment.signed.is_none();
        let mut segments = sidecar.tracks.iter().flat_map(|track| &track.segments);
        if sidecar.stream.is_none() && !segments.all(unsealed) {
            return Err(SidecarError("it is signed and has no stream".to_owned()));
        }
        Ok(sidecar)
    }

    /// What is said of the segment at this path and range, and in which track.
    #[must_use]
    pub fn find(
        &self,
        path: &str,
        range: Option<ByteRange>,
    ) -> Option<(&SidecarTrack, &SidecarSegment)> {
        // A walk over all: it is done once a segment that is used, and needs no index.
        let name = match find_last(path, b'/') {
            Some(at) if self.by_name => cut(path, at + 1).1,
            Some(_) | None => path,
        };
        self.tracks.iter().find_map(|track| {
            let mut segments = track.segments.iter();
            let found = segments.find(|entry| entry.range == range && entry.url == name)?;
            Some((track, found))
        })
    }

    /// The signature of what [`Self::find`] found, unchecked.
    #[must_use]
    pub fn seal(&self, track: &SidecarTrack, segment: &SidecarSegment) -> Option<Seal> {
        let (seq, signature) = segment.signed?;
        Some(Seal {
            stream: self.stream.clone()?,
            track: track.track.clone(),
            seq,
            signature,
        })
    }

    /// The text of our shape, one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut pen = Pen::default();
        pen.open('{');
        pen.name("format");
        pen.text(FORMAT);
        pen.name("version");
        pen.number(VERSION);
        if let Some(stream) = &self.stream {
            pen.name("stream");
            pen.text(stream);
        }
        pen.name("tracks");
        pen.open('[');
        for track in &self.tracks {
            pen.open('{');
            pen.name("track");
            pen.text(&track.track);
            pen.name("segments");
            pen.open('[');
            for segment in &track.segments {
                segment.write(&mut pen);
            }
            pen.close(']');
            pen.close('}');
        }
        pen.close(']');
        pen.close('}');
        pen.into_text()
    }
}

impl SidecarSegment {
    fn write(&self, pen: &mut Pen) {
        let text = |pen: &mut Pen, name, text: Option<String>| {
            if let Some(text) = text {
                pen.name(name);
                pen.text(&text);
            }
        };
        let number = |pen: &mut Pen, name, number: Option<u64>| {
            if let Some(number) = number {
                pen.name(name);
                pen.number(number);
            }
        };
        let range = self.range.map(|ByteRange { start, end }| {
            let last = end.saturating_sub(1);
            format!("{start}-{last}")
        });
        let leaves: Vec<u8> = self.leaves.iter().flat_map(|leaf| leaf.0).collect();
        pen.open('{');
        text(pen, "url", Some(self.url.clone()));
        text(pen, "range", range);
        number(pen, "size", self.size);
        text(pen, "root", self.root.map(Digest::to_base64));
        text(pen, "sha256", self.sha256.map(Digest::to_base64));
        number(pen, "seq", self.signed.map(|(seq, _)| seq));
        text(
            pen,
            "sig",
            self.signed.map(|(_, signature)| to_base64(&signature)),
        );
        text(
            pen,
            "leaves",
            (!leaves.is_empty()).then(|| to_base64(&leaves)),
        );
        pen.close('}');
    }
}

/// Reads and counts segments.
struct Reader<'a> {
    path_of: &'a dyn Fn(&str) -> Option<String>,
    count: usize,
    /// What members that are file names say.
    named: SidecarTrack,
}

impl Reader<'_> {
    fn tracks(&mut self, json: &mut Cursor<'_>) -> Result<Vec<SidecarTrack>, SidecarError> {
        let mut tracks = Vec::new();
        json.list()?;
        while json.more()? {
            let mut track = SidecarTrack::default();
            json.object()?;
            while let Some(name) = json.name()? {
                match name.as_str() {
                    "track" => track.track = json.text()?,
                    "segments" => {
                        json.list()?;
                        while json.more()? {
                            let segment = self.segment(json)?;
                            track.segments.push(segment);
                        }
                    }
                    _ => json.skip()?,
                }
            }
            // A track is counted too: an empty one is not free.
            self.note(json)?;
            tracks.push(track);
        }
        Ok(tracks)
    }

    fn note(&mut self, json: &Cursor<'_>) -> Result<(), Malformed> {
        self.count += 1;
        if self.count > SEGMENTS_MAX {
            return Err(json.error("it has more than 200,000 segments"));
        }
        Ok(())
    }

    fn segment(&mut self, json: &mut Cursor<'_>) -> Result<SidecarSegment, Malformed> {
        self.note(json)?;
        let mut segment = SidecarSegment::default();
        let (mut seq, mut signature, mut leaves) = (None, None, String::new());
        json.object()?;
        while let Some(name) = json.name()? {
            match name.as_str() {
                "url" => {
                    let url = json.text()?;
                    segment.url = (self.path_of)(&url)
                        .ok_or_else(|| json.error("a url cannot be resolved"))?;
                }
                "range" => {
                    segment.range = Some(
                        range(&json.text()?)
                            .ok_or_else(|| json.error("a range is not first-last"))?,
                    );
                }
                "size" => segment.size = json.number()?,
                "root" => segment.root = Some(digest(json)?),
                "sha256" => segment.sha256 = Some(digest(json)?),
                "seq" => seq = json.number()?,
                "sig" => {
                    let read = from_base64(&json.text()?);
                    let wrong = || json.error("a sig is no Ed25519 signature in base64");
                    signature = Some(read.ok_or_else(wrong)?);
                }
                "leaves" => leaves = json.text()?,
                _ => json.skip()?,
            }
        }
        segment.signed = match (seq, signature) {
            (Some(seq), Some(signature)) => Some((seq, signature)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                return Err(json.error("of seq and sig one is missing"));
            }
        };
        let told = segment.range.map(ByteRange::len);
        if told.is_some() && segment.size.is_some() && told != segment.size {
            return Err(json.error("a size is not that of its range"));
        }
        if segment.url.is_empty() || segment.size.or(told).is_some_and(|size| !is_size(size)) {
            return Err(json.error("a segment has no url, or no possible size"));
        }
        match (segment.root, segment.size, segment.sha256) {
            (Some(_), Some(size), _) => {
                segment.leaves = read_leaves(&leaves, block_count(size))
                    .ok_or_else(|| json.error("leaves are not those of the size, in base64"))?;
            }
            (None, _, Some(_)) => {} // leaves without a root prove nothing
            (Some(_), None, _) => return Err(json.error("a root stands without a size")),
            (None, _, None) => return Err(json.error("a segment has neither root nor sha256")),
        }
        Ok(segment)
    }

    /// PeerTube: `"file": "hex"` or `"file": {"first-last": "hex"}`. A member of ours that is unknown
    /// may look like it: where it holds no digest it is skipped.
    fn named(&mut self, json: &mut Cursor<'_>, name: &str) -> Result<(), Malformed> {
        if json.kind()? == Kind::Text {
            let sha256 = unhex(&json.text()?).map(Digest);
            return self.keep(json, name, None, sha256);
        }
        json.object()?;
        while let Some(bounds) = json.name()? {
            match (json.kind()?, range(&bounds)) {
                (Kind::Text, Some(range)) => {
                    let sha256 = unhex(&json.text()?).map(Digest);
                    self.keep(json, name, Some(range), sha256)?;
                }
                (_, _) => json.skip()?,
            }
        }
        Ok(())
    }

    fn keep(
        &mut self,
        json: &Cursor<'_>,
        name: &str,
        range: Option<ByteRange>,
        sha256: Option<Digest>,
    ) -> Result<(), Malformed> {
        if sha256.is_some() && range.is_none_or(|range| is_size(range.len())) {
            self.note(json)?;
            self.named.segments.push(SidecarSegment {
                url: name.to_owned(),
                range,
                size: range.map(ByteRange::len),
                sha256,
                ..SidecarSegment::default()
            });
        }
        Ok(())
    }
}

fn is_size(size: u64) -> bool {
    (1..=MAX_SEGMENT_LEN).contains(&size)
}

fn digest(json: &mut Cursor<'_>) -> Result<Digest, Malformed> {
    let text = json.text()?;
    Digest::from_base64(&text).ok_or_else(|| json.error("a digest is no SHA-256 in base64"))
}

/// `first-last`, both inclusive.
fn range(text: &str) -> Option<ByteRange> {
    let (first, last) = text.split_once('-')?;
    let range = ByteRange {
        start: decimal_integer(first)?,
        end: decimal_integer(last)?.checked_add(1)?,
    };
    (!range.is_empty()).then_some(range)
}

/// None or all of `count` leaves, three in 128 characters, so that no padding stands between them.
fn read_leaves(text: &str, count: u64) -> Option<Vec<Digest>> {
    let mut leaves = Vec::new();
    for run in text.as_bytes().chunks(128) {
        let run = core::str::from_utf8(run).ok()?;
        match run.len() {
            128 => push_leaves::<96>(&mut leaves, run)?,
            88 => push_leaves::<64>(&mut leaves, run)?,
            44 => push_leaves::<32>(&mut leaves, run)?,
            _ => return None,
        }
    }
    (leaves.is_empty() || leaves.len() as u64 == count).then_some(leaves)
}

fn push_leaves<const N: usize>(leaves: &mut Vec<Digest>, text: &str) -> Option<()> {
    let bytes: [u8; N] = from_base64(text)?;
    for leaf in bytes.chunks_exact(32) {
        leaves.push(Digest(leaf.try_into().ok()?));
    }
    Some(())
}

#[cfg(test)]
mod tests;
