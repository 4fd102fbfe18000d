//! What an element says of a representation's segments, with what it inherits: attributes one by one, children
//! as a whole, from the representation's level up to the period's (ISO/IEC 23009-1, 5.3.9.1).

use super::super::element::Element;
use super::Reason;

/// The levels that describe one representation: itself, its adaptation set, its period.
pub(super) type Levels<'a> = [&'a Element; 3];

/// The elements of one name on the levels that have it, the nearest first.
pub(super) struct Inherited<'a>([Option<&'a Element>; 3]);

/// How the segments of a representation are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// One resource, with an index of its own.
    Base,
    /// One URL a segment.
    List,
    /// A pattern.
    Template,
}

/// The scheme of the nearest level that has one; several on one level are read as players read them.
pub(super) fn find<'a>(levels: &Levels<'a>) -> Option<(Scheme, Inherited<'a>)> {
    let schemes = [
        (Scheme::Base, "SegmentBase"),
        (Scheme::List, "SegmentList"),
        (Scheme::Template, "SegmentTemplate"),
    ];
    levels.iter().find_map(|level| {
        let named = |(_, name): &&(Scheme, &str)| level.child(name).is_some();
        let (scheme, name) = schemes.iter().find(named)?;
        Some((*scheme, Inherited(levels.map(|level| level.child(name)))))
    })
}

impl<'a> Inherited<'a> {
    /// The elements, nearest first.
    pub(super) fn elements(&self) -> impl Iterator<Item = &'a Element> {
        self.0.iter().flatten().copied()
    }

    /// The nearest attribute of a name.
    pub(super) fn attribute(&self, name: &str) -> Option<&'a str> {
        self.elements().find_map(|element| element.attribute(name))
    }

    /// The nearest child of a name.
    pub(super) fn child(&self, name: &str) -> Option<&'a Element> {
        self.elements().find_map(|element| element.child(name))
    }

    /// The nearest attribute of a name, as a whole number.
    pub(super) fn uint(&self, name: &str) -> Result<Option<u64>, Reason> {
        uint(self.attribute(name))
    }
}

/// A whole number, if the attribute is there.
pub(super) fn uint(value: Option<&str>) -> Result<Option<u64>, Reason> {
    let parse = |text: &str| text.trim().parse();
    let value = value.map(parse).transpose();
    value.map_err(|_| "an attribute is no whole number")
}
