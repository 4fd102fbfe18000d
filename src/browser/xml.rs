//! The text of an XML document → the neutral tree, with the page's own `DOMParser`. The twin of the tools' reader.
//!
//! Invariant: a tree is bounded (`manifest::TreeBuilder`), however large the document; what is not well-formed, or
//! a place without a DOM (a worker), gives an error and no tree. What elements mean is `manifest`'s.

use crate::manifest::{Element, ManifestError, TEXT_MAX, TreeBuilder};
use wasm_bindgen::JsCast;
use web_sys::{DomParser, Node, SupportedType};

/// Where attributes live that bind prefixes.
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// Reads an XML document.
///
/// # Errors
/// When it is not well-formed, or larger than a tree may be.
pub(super) fn read(text: &str) -> Result<Element, ManifestError> {
    if text.len() > TEXT_MAX {
        return Err(ManifestError("the document is too large".into()));
    }
    let parser = DomParser::new().ok();
    let parsed = parser.and_then(|parser| {
        let document = parser.parse_from_string(text, SupportedType::ApplicationXml);
        document.ok()
    });
    let document = parsed.ok_or_else(broken)?;
    // What browsers put into, or instead of, a document that they cannot read.
    if document.get_elements_by_tag_name("parsererror").length() > 0 {
        return Err(broken());
    }
    let root = document.document_element().ok_or_else(broken)?;
    let mut tree = TreeBuilder::default();
    walk(root.unchecked_into(), &mut tree)?;
    tree.finish()
}

/// Every node under `root` in the document's order, without recursion: a document may be deep.
fn walk(root: Node, tree: &mut TreeBuilder) -> Result<(), ManifestError> {
    let mut depth = 0;
    let mut node = root;
    loop {
        let enters = enter(&node, tree)?;
        if enters {
            if let Some(child) = node.first_child() {
                depth += 1;
                node = child;
                continue;
            }
            tree.close();
        }
        node = loop {
            if depth == 0 {
                return Ok(());
            }
            if let Some(next) = node.next_sibling() {
                break next;
            }
            depth -= 1;
            node = node.parent_node().ok_or_else(broken)?;
            tree.close();
        };
    }
}

/// Tells the tree of a node; whether it is an element, which has to be closed.
fn enter(node: &Node, tree: &mut TreeBuilder) -> Result<bool, ManifestError> {
    match node.node_type() {
        Node::ELEMENT_NODE => {
            let element: &web_sys::Element = node.unchecked_ref();
            let namespace = element.namespace_uri().unwrap_or_default();
            tree.open(&namespace, &element.local_name())?;
            let attributes = element.attributes();
            for at in 0..attributes.length() {
                let Some(attribute) = attributes.item(at) else {
                    break;
                };
                let namespace = attribute.namespace_uri().unwrap_or_default();
                if namespace != XMLNS {
                    tree.attribute(&namespace, &attribute.local_name(), &attribute.value())?;
                }
            }
            Ok(true)
        }
        Node::TEXT_NODE | Node::CDATA_SECTION_NODE => {
            tree.text(&node.node_value().unwrap_or_default())?;
            Ok(false)
        }
        _ => Ok(false),
    }
}

fn broken() -> ManifestError {
    ManifestError("the XML is broken, or cannot be read here".into())
}
