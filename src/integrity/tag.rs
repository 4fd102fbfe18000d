//! `#EXT-X-SWARMLINE-DIGEST`: how a segment's digest stands in an HLS playlist, read and written.
//!
//! `#EXT-X-SWARMLINE-DIGEST:SIZE=650112,ROOT="<base64>"`, one line before the segment's URI, with
//! the option `SHA256` and, signed, all four of `STREAM`, `TRACK`, `SEQ`, `SIG`. Each line stands
//! alone, so live windows and delta updates keep working. Unknown attributes are ignored; a line that
//! breaks the syntax of attribute lists (RFC 8216 §4.2), lacks SIZE or ROOT or has only some of the
//! four is an error. Whether a signature is right is `sign`'s question.

use super::attributes::{Attributes, Value, decimal_integer};
use super::base64::{from_base64, to_base64};
use super::{Digest, MAX_SEGMENT_LEN, Seal};
use crate::base::refused;
use core::fmt;

/// The tag's name with its colon.
pub const TAG: &str = "#EXT-X-SWARMLINE-DIGEST:";

/// What a playlist says about a segment's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentDigest {
    /// Bytes of the segment.
    pub size: u64,
    /// Root of its block tree.
    pub root: Digest,
}

/// One digest line, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestTag {
    /// `SIZE` and `ROOT`.
    pub digest: SegmentDigest,
    /// `SHA256`: of the whole segment, for those who have no tree.
    pub sha256: Option<Digest>,
    /// `STREAM`, `TRACK`, `SEQ` and `SIG`, unchecked.
    pub seal: Option<Seal>,
}

/// Why a digest line cannot be used: the attribute and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagError(pub &'static str);

impl fmt::Display for TagError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0)
    }
}

impl core::error::Error for TagError {}

impl From<SegmentDigest> for DigestTag {
    fn from(digest: SegmentDigest) -> Self {
        Self {
            digest,
            sha256: None,
            seal: None,
        }
    }
}

impl fmt::Display for DigestTag {
    /// The whole line, without a line end.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SegmentDigest { size, root } = self.digest;
        write!(out, "{TAG}SIZE={size},ROOT=\"{}\"", root.to_base64())?;
        if let Some(digest) = self.sha256 {
            write!(out, ",SHA256=\"{}\"", digest.to_base64())?;
        }
        if let Some(seal) = &self.seal {
            let Seal { stream, track, .. } = seal;
            write!(out, ",STREAM=\"{stream}\",TRACK=\"{track}\"")?;
            let signature = to_base64(&seal.signature);
            write!(out, ",SEQ={},SIG=\"{signature}\"", seal.seq)?;
        }
        Ok(())
    }
}

impl DigestTag {
    /// Reads a whole line, [`TAG`] included; space around it is ignored. `None` if it is another
    /// line.
    ///
    /// # Errors
    /// As [`DigestTag::parse_attributes`].
    #[must_use]
    pub fn parse_line(line: &str) -> Option<Result<Self, TagError>> {
        line.trim().strip_prefix(TAG).map(Self::parse_attributes)
    }

    /// Reads what follows [`TAG`].
    ///
    /// # Errors
    /// When the text is no attribute list, SIZE or ROOT or one of a seal's four is missing, an
    /// attribute of ours stands twice or has a value it may not have.
    pub fn parse_attributes(text: &str) -> Result<Self, TagError> {
        let (mut size, mut root) = (None, None);
        let (mut stream, mut track, mut seq, mut signature) = (None, None, None, None);
        let mut tag = Self::from(SegmentDigest {
            size: 0,
            root: Digest([0; 32]),
        });
        for attribute in Attributes::new(text) {
            let (name, value) = attribute.map_err(TagError)?;
            match name {
                "SIZE" => once(&mut size, value.integer(refused("SIZE is no integer"))?)?,
                "ROOT" => once(
                    &mut root,
                    value.digest(refused("ROOT is no SHA-256 in base64"))?,
                )?,
                "SHA256" => once(
                    &mut tag.sha256,
                    value.digest(refused("SHA256 is none in base64"))?,
                )?,
                "STREAM" => once(&mut stream, value.text(refused("STREAM is not quoted"))?)?,
                "TRACK" => once(&mut track, value.text(refused("TRACK is not quoted"))?)?,
                "SEQ" => once(&mut seq, value.integer(refused("SEQ is no integer"))?)?,
                "SIG" => once(
                    &mut signature,
                    value.bytes(refused("SIG is no Ed25519 signature in base64"))?,
                )?,
                _ => {}
            }
        }
        tag.digest.size = size.ok_or(TagError(refused("SIZE is missing")))?;
        tag.digest.root = root.ok_or(TagError(refused("ROOT is missing")))?;
        if stream.is_some() || track.is_some() || seq.is_some() || signature.is_some() {
            tag.seal = Some(Seal {
                stream: stream
                    .ok_or(TagError(refused("STREAM is missing: signed lines have it")))?,
                track: track.ok_or(TagError(refused("TRACK is missing: signed lines have it")))?,
                seq: seq.ok_or(TagError(refused("SEQ is missing: signed lines have it")))?,
                signature: signature
                    .ok_or(TagError(refused("SIG is missing: signed lines have it")))?,
            });
        }
        match tag.digest.size {
            0 => Err(TagError(refused("SIZE is 0"))),
            1..=MAX_SEGMENT_LEN => Ok(tag),
            _ => Err(TagError(refused("SIZE is beyond 1 GiB"))),
        }
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), TagError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(TagError(refused("an attribute stands twice"))),
    }
}

impl Value<'_> {
    fn integer(&self, otherwise: &'static str) -> Result<u64, TagError> {
        match self {
            Self::Plain(text) => decimal_integer(text).ok_or(TagError(otherwise)),
            Self::Quoted(_) => Err(TagError(otherwise)),
        }
    }

    fn text(&self, otherwise: &'static str) -> Result<String, TagError> {
        match self {
            Self::Quoted(text) => Ok((*text).to_owned()),
            Self::Plain(_) => Err(TagError(otherwise)),
        }
    }

    fn bytes<const N: usize>(&self, otherwise: &'static str) -> Result<[u8; N], TagError> {
        match self {
            Self::Quoted(text) => from_base64(text).ok_or(TagError(otherwise)),
            Self::Plain(_) => Err(TagError(otherwise)),
        }
    }

    fn digest(&self, otherwise: &'static str) -> Result<Digest, TagError> {
        self.bytes(otherwise).map(Digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integrity::sha256;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// SHA-256 of nothing, in base64.
    const NOTHING: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    fn parse(attributes: &str) -> Result<DigestTag, TagError> {
        DigestTag::parse_line(&format!("{TAG}{attributes}")).expect("our tag")
    }
    #[test]
    fn a_plain_line_reads_and_writes() {
        let line = format!("{TAG}SIZE=650112,ROOT=\"{NOTHING}\"");
        let tag = DigestTag::parse_line(&line).unwrap().unwrap();
        let digest = SegmentDigest {
            size: 650_112,
            root: sha256(b""),
        };
        assert_eq!(tag, DigestTag::from(digest));
        assert_eq!(tag.to_string(), line);
    }

    #[test]
    fn every_option_survives() {
        let digest = SegmentDigest {
            size: MAX_SEGMENT_LEN,
            root: sha256(b"a"),
        };
        let tag = DigestTag {
            digest,
            sha256: Some(sha256(b"b")),
            seal: Some(Seal {
                stream: "a,b=c".to_owned(),
                track: String::new(),
                seq: u64::MAX,
                signature: [7; 64],
            }),
        };
        let line = tag.to_string();
        assert_eq!(DigestTag::parse_line(&line), Some(Ok(tag)));
        assert!(line.contains(",SEQ=18446744073709551615,SIG=\"BwcH"));
    }

    #[test]
    fn a_seal_is_whole_or_an_error_that_names_what_is_missing() {
        let signature = to_base64(&[7; 64]);
        let parts = [
            ("STREAM", "STREAM=\"s\"".to_owned()),
            ("TRACK", "TRACK=\"t\"".to_owned()),
            ("SEQ", "SEQ=0".to_owned()),
            ("SIG", format!("SIG=\"{signature}\"")),
        ];
        let line = |without: &str| {
            let mut text = format!("SIZE=1,ROOT=\"{NOTHING}\"");
            for (_, part) in parts.iter().filter(|(name, _)| *name != without) {
                text = format!("{text},{part}");
            }
            text
        };
        assert!(parse(&line("nothing")).unwrap().seal.is_some());
        for (name, _) in &parts {
            let TagError(why) = parse(&line(name)).unwrap_err();
            assert!(why.starts_with(&format!("{name} is missing")), "{why}");
        }
    }

    #[test]
    fn unknown_attributes_order_and_space_do_not_matter() {
        let text = format!(" X-NEW=\"a,SIZE=1\", ROOT=\"{NOTHING}\" ,LATER=4.5x3,SIZE=12 \r\n");
        assert_eq!(parse(&text).unwrap().digest.size, 12);
    }

    #[test]
    fn other_lines_are_not_ours() {
        for line in ["", "#EXTINF:4,", "#EXT-X-SWARMLINE-DIGESTS:SIZE=1", "a.ts"] {
            assert_eq!(DigestTag::parse_line(line), None, "{line}");
        }
    }

    #[test]
    fn broken_lines_are_errors() {
        let root = format!("ROOT=\"{NOTHING}\"");
        for text in [
            String::new(),
            "SIZE=1".to_owned(),
            root.clone(),
            format!("SIZE=0,{root}"),
            format!("SIZE=1073741825,{root}"),
            format!("SIZE=,{root}"),
            format!("SIZE=+1,{root}"),
            format!("SIZE=-1,{root}"),
            format!("SIZE=\"1\",{root}"),
            format!("SIZE=99999999999999999999,{root}"),
            format!("SIZE=1,SIZE=1,{root}"),
            format!("SIZE=1,ROOT={NOTHING}"),
            format!("SIZE=1,ROOT=\"{}\"", &NOTHING[..43]),
            format!("SIZE=1,ROOT=\"{}\"", NOTHING.replace('/', "_")),
            // Bits behind the last byte are not zero: two texts for one digest.
            format!("SIZE=1,ROOT=\"{}\"", NOTHING.replace("U=", "V=")),
            format!("SIZE=1,ROOT=\"{}\"", "A".repeat(100_000)),
            format!("SIZE=1,{root},"),
            format!("SIZE=1,{root}x"),
            format!("SIZE=1,{root},SIG=\"AAAA\""),
            format!("SIZE=1,{root},STREAM=abc"),
            format!("SIZE=1,{root},TRACK=\"abc"),
            format!("SIZE=1,{root},SEQ=x"),
            format!("SIZE=1,{root},FLAG"),
        ] {
            assert!(parse(&text).is_err(), "{text} accepted");
        }
    }
}
