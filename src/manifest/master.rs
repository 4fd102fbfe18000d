//! Text of an HLS master playlist → its renditions, with m3u8-rs, which is handed one entry at a time: a
//! variant that it cannot read would otherwise give its URI to the one before.

use super::hls::{is_uri, trim};
use m3u8_rs::{AlternativeMedia, MasterPlaylist, VariantStream};

/// A rendition of a master playlist.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RenditionLine {
    pub(super) uri: String,
    /// What tells it from others, `KEY=VALUE` in the order of the keys.
    pub(super) attributes: String,
}

/// The renditions of a master playlist: variants and `EXT-X-MEDIA` with a URI. I-frame playlists are
/// not among them; an entry that cannot be read is left out, and costs no other its URI.
pub(super) fn rendition_lines(text: &str) -> Vec<RenditionLine> {
    let mut found = Vec::new();
    let mut variant = None;
    for line in text.lines().map(trim) {
        if line.starts_with("#EXT-X-STREAM-INF:") {
            variant = Some(line);
        } else if line.starts_with("#EXT-X-MEDIA:") {
            let master = read_entry(&[line]);
            found.extend(master.and_then(|master| master.alternatives.first().and_then(media)));
        } else if is_uri(line)
            && let Some(tag) = variant.take()
            && let Some(master) = read_entry(&[tag, line])
        {
            found.extend(master.variants.first().map(stream));
        }
    }
    found
}

fn read_entry(lines: &[&str]) -> Option<MasterPlaylist> {
    let mut text = String::from("#EXTM3U\n");
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    m3u8_rs::parse_master_playlist_res(text.as_bytes()).ok()
}

fn media(media: &AlternativeMedia) -> Option<RenditionLine> {
    let mut attributes = String::new();
    push_attribute(&mut attributes, "GROUP-ID", Some(&media.group_id));
    push_attribute(&mut attributes, "LANGUAGE", media.language.as_deref());
    push_attribute(&mut attributes, "NAME", Some(&media.name));
    Some(RenditionLine {
        uri: media.uri.clone()?,
        attributes,
    })
}

fn stream(stream: &VariantStream) -> RenditionLine {
    let mut attributes = String::new();
    push_attribute(
        &mut attributes,
        "BANDWIDTH",
        Some(&stream.bandwidth.to_string()),
    );
    push_attribute(&mut attributes, "CODECS", stream.codecs.as_deref());
    if let Some(size) = stream.resolution {
        let mut text = size.width.to_string();
        text.push('x');
        text.push_str(&size.height.to_string());
        push_attribute(&mut attributes, "RESOLUTION", Some(&text));
    }
    RenditionLine {
        uri: stream.uri.clone(),
        attributes,
    }
}

fn push_attribute(attributes: &mut String, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        if !attributes.is_empty() {
            attributes.push(',');
        }
        attributes.push_str(key);
        attributes.push('=');
        attributes.push_str(value);
    }
}
