//! The text of an XML document → the neutral tree, with quick-xml. The native twin of the page's `DOMParser`.
//!
//! Invariant: what is not well-formed, or has entities of its own making, gives an error that names the line.

use crate::manifest::{Element, ManifestError, TreeBuilder};
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;
use quick_xml::{XmlVersion, escape::resolve_predefined_entity};
use std::fmt::Display;

/// Reads an XML document.
///
/// # Errors
/// When it is not well-formed, uses an entity that XML does not define itself, or is larger than a tree may be.
pub fn read_xml(text: &str) -> Result<Element, ManifestError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = NsReader::from_str(text);
    let mut tree = TreeBuilder::default();
    loop {
        let at = reader.buffer_position();
        match reader.read_event() {
            Ok(Event::Eof) => return tree.finish(),
            Ok(event) => take(&reader, &mut tree, &event),
            Err(error) => Err(broken(&error)),
        }
        .map_err(|error| {
            let at = usize::try_from(at.max(reader.error_position())).unwrap_or(usize::MAX);
            let before = text.bytes().take(at);
            let line = 1 + before.filter(|byte| *byte == b'\n').count();
            ManifestError(format!("line {line}: {error}"))
        })?;
    }
}

fn take(
    reader: &NsReader<&[u8]>,
    tree: &mut TreeBuilder,
    event: &Event<'_>,
) -> Result<(), ManifestError> {
    match event {
        Event::Start(start) => open(reader, tree, start),
        Event::Empty(start) => {
            open(reader, tree, start)?;
            tree.close();
            Ok(())
        }
        Event::End(_) => {
            tree.close();
            Ok(())
        }
        Event::Text(text) => tree.text(&text.xml10_content()),
        Event::CData(text) => tree.text(&text.xml10_content()),
        Event::GeneralRef(reference) => {
            if let Some(char) = reference.resolve_char_ref().map_err(|e| broken(&e))? {
                return tree.text(char.encode_utf8(&mut [0; 4]));
            }
            let text = resolve_predefined_entity(reference);
            tree.text(text.ok_or_else(|| broken(&format!("unknown entity &{};", &**reference)))?)
        }
        Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) | Event::Eof => {
            Ok(())
        }
    }
}

fn open(
    reader: &NsReader<&[u8]>,
    tree: &mut TreeBuilder,
    start: &BytesStart<'_>,
) -> Result<(), ManifestError> {
    let (namespace, local) = reader.resolver().resolve_element(start.name());
    tree.open(bound(&namespace)?, local.into_inner())?;
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| broken(&error))?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let (namespace, local) = reader.resolver().resolve_attribute(attribute.key);
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| broken(&error))?;
        tree.attribute(bound(&namespace)?, local.into_inner(), &value)?;
    }
    Ok(())
}

/// The namespace that a prefix is bound to; empty for none.
pub(super) fn bound<'a>(namespace: &'a ResolveResult<'_>) -> Result<&'a str, ManifestError> {
    match namespace {
        ResolveResult::Unbound => Ok(""),
        ResolveResult::Bound(namespace) => Ok(namespace.0),
        ResolveResult::Unknown(prefix) => Err(broken(&format!("unknown prefix {prefix}"))),
    }
}

pub(super) fn broken(error: &dyn Display) -> ManifestError {
    ManifestError(format!("the XML is broken: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_becomes_a_tree() {
        let text = "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<!DOCTYPE m:MPD>\
            <!-- <MPD> --><m:MPD xmlns:m='urn:a' xmlns='urn:b' xmlns:x=\"urn:x\"\n a = '&lt;&#38;&#x41;\n>' \
            x:href=\"u\">\n <m:Period><m:BaseURL> a&amp;b<![CDATA[<c>]]>d<!-- x -->e </m:BaseURL>\
            </m:Period><Period/><?pi?></m:MPD>\n<!-- end -->";
        let root = read_xml(text).unwrap();
        assert_eq!((root.name.as_str(), root.text.as_str()), ("MPD", ""));
        assert_eq!(root.attribute("a"), Some("<&A >"));
        assert_eq!(root.attribute("{urn:x}href"), Some("u"));
        assert_eq!(root.attributes.len(), 2);
        let url = root.child("Period").unwrap().child("BaseURL").unwrap();
        assert_eq!(url.text, "a&b<c>de");
        assert!(root.child("{urn:b}Period").is_some());
    }

    #[test]
    fn broken_documents_are_refused_with_their_line() {
        for (text, line) in [
            ("", ""),
            ("plain", ""),
            ("<a>", ""),
            ("<a>\n<b></a>", "line 2: "),
            ("<a>\n\n&no;</a>", "line 3: "),
            ("<a b='1' b='2'/>", "line 1: "),
            ("<x:a/>", "line 1: "),
            ("<a/><b/>", "line 1: "),
            ("<a b='&no;'/>", "line 1: "),
            ("<!DOCTYPE a [<!ENTITY b 'c'>]>\n<a>&b;</a>", "line 2: "),
            ("<a b=1/>", "line 1: "),
        ] {
            let error = read_xml(text).expect_err(text).0;
            assert!(error.starts_with(line), "{text:?}: {error}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = "<a>".repeat(1_000_000);
        assert!(read_xml(&deep).is_err());
    }
}
