//! The text of an MPD: one element goes in that points to a sidecar, and comes out again. Knows no files.
//!
//! Invariant: `strip_mpd(point_mpd(text)) == strip_mpd(text)`, byte for byte, and pointing twice is pointing once.
//! The element stands where ISO/IEC 23009-1 allows it (5.3.1.3): behind all elements that must come before it.

use super::xml::{bound, broken, read_xml};
use crate::manifest::{ManifestError, SIDECAR_SCHEME};
use quick_xml::XmlVersion;
use quick_xml::escape::escape;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::NsReader;
use std::ops::Range;

/// What may come before a `SupplementalProperty` in an MPD.
const BEFORE: [&str; 13] = [
    "ProgramInformation",
    "BaseURL",
    "Location",
    "PatchLocation",
    "ServiceDescription",
    "InitializationSet",
    "InitializationGroup",
    "InitializationPresentation",
    "ContentProtection",
    "Period",
    "Metrics",
    "EssentialProperty",
    PROPERTY,
];
const PROPERTY: &str = "SupplementalProperty";

/// The text with one element that points to the sidecar at `url`; an older one goes.
///
/// # Errors
/// When the text is no MPD, or has no period.
pub fn point_mpd(text: &str, url: &str) -> Result<String, ManifestError> {
    let text = strip_mpd(text)?;
    let layout = Layout::read(&text)?;
    let place = layout.place.ok_or_else(|| {
        ManifestError("the MPD has no Period, so there is nothing to sign".into())
    })?;
    let (before, behind) = text.split_at(place);
    let prefix = layout.prefix;
    let url = escape(url);
    Ok(format!(
        "{before}<{prefix}{PROPERTY} schemeIdUri=\"{SIDECAR_SCHEME}\" value=\"{url}\"/>{behind}"
    ))
}

/// The text without elements that point to a sidecar.
///
/// # Errors
/// When the text is no MPD.
pub fn strip_mpd(text: &str) -> Result<String, ManifestError> {
    let mut stripped = String::with_capacity(text.len());
    let mut at = 0;
    for pointer in Layout::read(text)?.pointers {
        stripped.push_str(&text[at..pointer.start]);
        at = pointer.end;
    }
    stripped.push_str(&text[at..]);
    Ok(stripped)
}

/// Where things stand in a text, in bytes.
#[derive(Default)]
struct Layout {
    namespace: String,
    /// As the root has it, with the colon.
    prefix: String,
    /// Elements that point to sidecars.
    pointers: Vec<Range<usize>>,
    /// Where another may stand.
    place: Option<usize>,
    /// The child of the root that has begun.
    child: Option<Child>,
}

struct Child {
    start: usize,
    is_pointer: bool,
    /// It may come before a pointer.
    is_before: bool,
}

impl Layout {
    fn read(text: &str) -> Result<Self, ManifestError> {
        if read_xml(text)?.name != "MPD" {
            return Err(ManifestError("the document is no MPD".into()));
        }
        let xml = text.strip_prefix('\u{feff}').unwrap_or(text);
        let skipped = text.len() - xml.len();
        let mut reader = NsReader::from_str(xml);
        let mut layout = Self::default();
        let mut depth = 0_usize;
        loop {
            let start = position(&reader, skipped);
            match reader.read_event().map_err(|error| broken(&error))? {
                Event::Start(element) => {
                    layout.begin(&reader, &element, depth, start)?;
                    depth += 1;
                }
                Event::Empty(element) => {
                    layout.begin(&reader, &element, depth, start)?;
                    layout.end(depth, position(&reader, skipped));
                }
                Event::End(_) => {
                    depth = depth.saturating_sub(1);
                    layout.end(depth, position(&reader, skipped));
                }
                Event::Eof => return Ok(layout),
                Event::Text(_)
                | Event::CData(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_)
                | Event::GeneralRef(_) => {}
            }
        }
    }

    fn begin(
        &mut self,
        reader: &NsReader<&[u8]>,
        element: &BytesStart<'_>,
        depth: usize,
        start: usize,
    ) -> Result<(), ManifestError> {
        let (namespace, local) = reader.resolver().resolve_element(element.name());
        let namespace = bound(&namespace)?;
        if depth == 0 {
            namespace.clone_into(&mut self.namespace);
            if let Some(prefix) = element.name().prefix() {
                self.prefix = format!("{}:", prefix.into_inner());
            }
        } else if depth == 1 {
            let name = Some(local.into_inner()).filter(|_| namespace == self.namespace);
            self.child = Some(Child {
                start,
                is_pointer: name == Some(PROPERTY) && names_sidecar(element)?,
                is_before: name.is_some_and(|name| BEFORE.contains(&name)),
            });
        }
        Ok(())
    }

    fn end(&mut self, depth: usize, end: usize) {
        let Some(child) = self.child.take_if(|_| depth == 1) else {
            return;
        };
        if child.is_pointer {
            self.pointers.push(child.start..end);
        }
        if child.is_before {
            self.place = Some(end);
        }
    }
}

fn names_sidecar(property: &BytesStart<'_>) -> Result<bool, ManifestError> {
    let scheme = property
        .try_get_attribute("schemeIdUri")
        .map_err(|error| broken(&error))?;
    let value = scheme.map(|scheme| scheme.normalized_value(XmlVersion::Implicit1_0));
    let value = value.transpose().map_err(|error| broken(&error))?;
    Ok(value.is_some_and(|value| value == SIDECAR_SCHEME))
}

fn position(reader: &NsReader<&[u8]>, skipped: usize) -> usize {
    usize::try_from(reader.buffer_position()).map_or(usize::MAX, |at| at + skipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "<MPD>\n  <Period/>\n</MPD>";

    #[test]
    fn the_element_stands_where_the_schema_wants_it() {
        let pointer =
            "<SupplementalProperty schemeIdUri=\"urn:swarmline:sidecar:2026\" value=\"a\"/>";
        for (before, behind) in [
            ("<MPD><BaseURL>x</BaseURL><Period/>", "</MPD>"),
            (
                "\u{feff}<MPD>\r\n<Period></Period>",
                "\r\n<UTCTiming/>\r\n</MPD>",
            ),
            (
                "<MPD><Period/><Metrics/><EssentialProperty/><SupplementalProperty/>",
                "<!--x--></MPD>",
            ),
            (
                "<MPD><UTCTiming/><Period/>",
                "<LeapSecondInformation/></MPD>",
            ),
            (
                "<MPD><!-- <Period/> --><Period><SupplementalProperty/></Period>",
                " </MPD>\n",
            ),
            (
                "<MPD xmlns:x='u'><Period/>",
                "<x:Period/><x:SupplementalProperty/></MPD>",
            ),
        ] {
            let text = format!("{before}{behind}");
            let pointed = point_mpd(&text, "a").unwrap();
            assert_eq!(pointed, format!("{before}{pointer}{behind}"));
            assert_eq!(strip_mpd(&pointed).unwrap(), text);
        }
    }

    #[test]
    fn prefixes_and_awkward_urls_are_written_right() {
        let text = "<m:MPD xmlns:m=\"urn:a\"><m:Period/></m:MPD>";
        let pointed = point_mpd(text, "a&b<\"c'.json").unwrap();
        assert!(pointed.contains("<m:Period/><m:SupplementalProperty schemeIdUri="));
        let tree = read_xml(&pointed).unwrap();
        let property = tree.child("SupplementalProperty").unwrap();
        assert_eq!(property.attribute("value"), Some("a&b<\"c'.json"));
        assert_eq!(strip_mpd(&pointed).unwrap(), text);
    }

    #[test]
    fn an_older_pointer_goes_and_other_properties_stay() {
        let other = PLAIN.replace(
            "\n</MPD>",
            "<SupplementalProperty schemeIdUri='urn:x' value='1'/>\n</MPD>",
        );
        let older = other.replace(
            "<Period/>",
            "<Period/><SupplementalProperty value='old' schemeIdUri='urn:swarmline:sidecar:2026'>x</SupplementalProperty>",
        );
        assert_eq!(strip_mpd(&older).unwrap(), other);
        assert_eq!(
            point_mpd(&older, "new").unwrap(),
            point_mpd(&other, "new").unwrap()
        );
        let once = point_mpd(PLAIN, "a").unwrap();
        assert_eq!(point_mpd(&once, "a").unwrap(), once);
    }

    #[test]
    fn what_is_no_mpd_is_refused() {
        for text in ["", "<MPD>", "<SmoothStreamingMedia/>", "#EXTM3U\n"] {
            assert!(strip_mpd(text).is_err(), "{text}");
        }
        assert!(point_mpd("<MPD/>", "a").is_err(), "no period");
        assert_eq!(strip_mpd("<MPD/>").as_deref(), Ok("<MPD/>"));
    }
}
