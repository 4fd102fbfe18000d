//! An XML document as one neutral tree. Shells fill it: the page from its own `DOMParser`, the tools from
//! `publish::xml`. Decides how names are written and how much is taken in; knows nothing of DASH.
//!
//! Invariant: whatever the document, a tree has at most [`ELEMENTS_MAX`] elements on [`DEPTH_MAX`] levels and
//! [`TEXT_MAX`] bytes of text.

use super::ManifestError;

/// Elements of one document.
pub const ELEMENTS_MAX: usize = 400_000;
/// Elements inside each other.
pub const DEPTH_MAX: usize = 32;
/// Bytes of names, values and text together.
pub const TEXT_MAX: usize = 32 << 20;

/// One element, with all that is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Its local name. One that is not in the root's namespace is written `{namespace}name`, so that nobody
    /// takes another vocabulary's element for ours.
    pub name: String,
    /// Names and values. An attribute in a namespace is written `{namespace}name`.
    pub attributes: Vec<(String, String)>,
    /// Its own text without white space around it.
    pub text: String,
    /// The elements in it, in their order.
    pub children: Vec<Self>,
}

impl Element {
    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The children of a name.
    pub fn children_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first child of a name.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// Builds a tree from what a parser meets, in the document's order.
#[derive(Debug, Default)]
pub struct TreeBuilder {
    open: Vec<Element>,
    root: Option<Element>,
    /// The root's; prefixes do not matter.
    namespace: String,
    elements: usize,
    bytes: usize,
}

impl TreeBuilder {
    /// An element begins; `namespace` is empty if it is in none.
    ///
    /// # Errors
    /// When the document is larger than a tree may be, or has a second root.
    pub fn open(&mut self, namespace: &str, local: &str) -> Result<(), ManifestError> {
        if self.open.len() >= DEPTH_MAX || self.elements >= ELEMENTS_MAX || self.root.is_some() {
            return Err(too_large());
        }
        if self.elements == 0 {
            namespace.clone_into(&mut self.namespace);
        }
        self.elements += 1;
        let foreign = if namespace == self.namespace {
            ""
        } else {
            namespace
        };
        self.take(local.len() + foreign.len())?;
        self.open.push(Element {
            name: qualified(foreign, local),
            ..Element::default()
        });
        Ok(())
    }

    /// An attribute of the element that began last.
    ///
    /// # Errors
    /// When the document is larger than a tree may be.
    pub fn attribute(
        &mut self,
        namespace: &str,
        local: &str,
        value: &str,
    ) -> Result<(), ManifestError> {
        self.take(namespace.len() + local.len() + value.len())?;
        if let Some(element) = self.open.last_mut() {
            let name = qualified(namespace, local);
            element.attributes.push((name, value.to_owned()));
        }
        Ok(())
    }

    /// A run of text, entities resolved.
    ///
    /// # Errors
    /// When the document is larger than a tree may be.
    pub fn text(&mut self, text: &str) -> Result<(), ManifestError> {
        let Some(element) = self.open.last_mut() else {
            return Ok(());
        };
        let text = if element.text.is_empty() {
            text.trim_start()
        } else {
            text
        };
        element.text.push_str(text);
        self.take(text.len())
    }

    /// The innermost element ends.
    pub fn close(&mut self) {
        let Some(mut element) = self.open.pop() else {
            return;
        };
        element.text.truncate(element.text.trim_end().len());
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
    }

    /// The tree.
    ///
    /// # Errors
    /// When the document ended too early.
    pub fn finish(self) -> Result<Element, ManifestError> {
        self.root
            .ok_or_else(|| ManifestError("the document ends before its root element".into()))
    }

    fn take(&mut self, bytes: usize) -> Result<(), ManifestError> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > TEXT_MAX {
            return Err(too_large());
        }
        Ok(())
    }
}

fn qualified(namespace: &str, local: &str) -> String {
    if namespace.is_empty() {
        return local.to_owned();
    }
    let mut name = String::with_capacity(namespace.len() + local.len() + 2);
    for part in ["{", namespace, "}", local] {
        name.push_str(part);
    }
    name
}

fn too_large() -> ManifestError {
    ManifestError("the document is larger or deeper than a manifest may be".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn names_of_other_vocabularies_are_told_apart() {
        let mut tree = TreeBuilder::default();
        tree.open("urn:a", "Root").unwrap();
        tree.attribute("", "id", "1").unwrap();
        tree.attribute("urn:x", "href", "y").unwrap();
        tree.text("\n  ").unwrap();
        for (namespace, text) in [("urn:b", " one "), ("urn:a", " two & "), ("", "three")] {
            tree.open(namespace, "Child").unwrap();
            tree.text(text).unwrap();
            tree.text("").unwrap();
            tree.close();
        }
        tree.close();
        let root = tree.finish().unwrap();
        assert_eq!((root.name.as_str(), root.text.as_str()), ("Root", ""));
        assert_eq!(root.attribute("id"), Some("1"));
        assert_eq!(root.attribute("href"), None);
        assert_eq!(root.attribute("{urn:x}href"), Some("y"));
        let named: Vec<_> = root.children_named("Child").collect();
        assert_eq!(named.len(), 2, "one is in no namespace, like an attribute");
        assert_eq!(root.child("{urn:b}Child").unwrap().text, "one");
        assert_eq!(root.child("Child").unwrap().text, "two &");
    }

    #[test]
    fn what_is_too_deep_or_unfinished_is_refused() {
        let mut tree = TreeBuilder::default();
        for _ in 0..DEPTH_MAX {
            tree.open("", "a").unwrap();
        }
        assert!(tree.open("", "a").is_err());
        assert!(tree.finish().is_err());
        let mut tree = TreeBuilder::default();
        tree.open("", "a").unwrap();
        tree.close();
        assert!(tree.open("", "b").is_err(), "a second root");
        assert!(TreeBuilder::default().finish().is_err());
    }
}
