//! Text of an HLS master playlist → its renditions. Reads only what names a rendition.

use super::hls::{is_uri, trim};
use crate::integrity::{Attributes, Value};

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
        if let Some(list) = line.strip_prefix("#EXT-X-STREAM-INF:") {
            variant = Some(list);
        } else if let Some(list) = line.strip_prefix("#EXT-X-MEDIA:") {
            found.extend(media(list));
        } else if is_uri(line)
            && let Some(attributes) = variant.take().and_then(stream)
        {
            let uri = line.to_owned();
            found.push(RenditionLine { uri, attributes });
        }
    }
    found
}

fn media(list: &str) -> Option<RenditionLine> {
    let mut attributes = String::new();
    push_attribute(
        &mut attributes,
        "GROUP-ID",
        Some(quoted(list, "GROUP-ID")??),
    );
    push_attribute(&mut attributes, "LANGUAGE", quoted(list, "LANGUAGE")?);
    push_attribute(&mut attributes, "NAME", Some(quoted(list, "NAME")??));
    Some(RenditionLine {
        uri: quoted(list, "URI")??.to_owned(),
        attributes,
    })
}

fn stream(list: &str) -> Option<String> {
    let mut attributes = String::new();
    let bandwidth: u64 = plain(list, "BANDWIDTH")??.parse().ok()?;
    push_attribute(&mut attributes, "BANDWIDTH", Some(&bandwidth.to_string()));
    push_attribute(&mut attributes, "CODECS", quoted(list, "CODECS")?);
    push_attribute(&mut attributes, "RESOLUTION", plain(list, "RESOLUTION")?);
    Some(attributes)
}

/// The text of a quoted attribute, if it is there; `None` if it stands without quotes.
fn quoted<'a>(list: &'a str, name: &str) -> Option<Option<&'a str>> {
    match value(list, name) {
        None => Some(None),
        Some(Value::Quoted(text)) => Some(Some(text)),
        Some(Value::Plain(_)) => None,
    }
}

/// The text of an attribute without quotes, if it is there; `None` if it stands in quotes.
fn plain<'a>(list: &'a str, name: &str) -> Option<Option<&'a str>> {
    match value(list, name) {
        None => Some(None),
        Some(Value::Plain(text)) => Some(Some(text)),
        Some(Value::Quoted(_)) => None,
    }
}

/// An attribute of a list as far as the list can be read; of two with one name the last.
fn value<'a>(list: &'a str, name: &str) -> Option<Value<'a>> {
    let list = list.trim_end_matches(',');
    let readable = Attributes::new(list).map_while(Result::ok);
    let named = readable.filter(|(known, _)| *known == name);
    named.map(|(_, value)| value).last()
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
