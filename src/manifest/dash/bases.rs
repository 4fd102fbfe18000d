//! What references of an MPD resolve against. Several `BaseURL`s on a level are alternatives (ISO/IEC 23009-1, 5.6.5): a
//! player changes over when one fails, or picks one by weight, level by level. All are one segment: it is listed under
//! the first, and an address under a further one is read as the one that it has there.
//!
//! Invariant: at most [`BASES_MAX`] bases a representation, whatever the document; no segment is listed twice.

use super::super::address;
use super::super::element::Element;
use super::super::model::Timeline;
use crate::base::ByteRange;

/// Bases of one level that are looked at.
const BASES_PER_LEVEL: usize = 4;
/// Bases of one representation, all levels together.
const BASES_MAX: usize = 8;

/// How an address under a further base begins, and the same one under the first; as a browser spells them.
#[derive(Clone, Debug)]
pub(super) struct Alias {
    further: String,
    first: String,
}

impl Alias {
    /// Two addresses of one resource; nothing if they do not differ.
    fn new(further: &str, first: &str) -> Option<Self> {
        let (mut further, mut first) = (address::spelled(further), address::spelled(first));
        let pairs = further.bytes().rev().zip(first.bytes().rev());
        let alike = pairs.take_while(|(one, other)| one == other).count();
        further.truncate(further.len() - alike);
        first.truncate(first.len() - alike);
        (further != first).then_some(Self { further, first })
    }

    /// What `url`, as a browser spells it, is under the first base.
    fn under_first(&self, url: &str) -> Option<String> {
        let rest = url.strip_prefix(self.further.as_str())?;
        let mut listed = self.first.clone();
        listed.push_str(rest);
        Some(listed)
    }
}

/// The bases of an element whose parent has `bases`, the first one first. What cannot be resolved is empty.
pub(super) fn below(bases: Vec<String>, element: &Element) -> Vec<String> {
    if element.child("BaseURL").is_none() {
        return bases;
    }
    let mut found = Vec::new();
    for base in &bases {
        for url in element.children_named("BaseURL").take(BASES_PER_LEVEL) {
            let url = address::resolve(base, &url.text).unwrap_or_default();
            if found.len() < BASES_MAX && !found.contains(&url) {
                found.push(url);
            }
        }
    }
    found
}

/// The aliases of what `reference` names under the first of `bases`.
pub(super) fn aliases(bases: &[String], reference: &str) -> Vec<Alias> {
    let mut addresses = bases
        .iter()
        .filter_map(|base| address::resolve(base, reference));
    let first = addresses.next().unwrap_or_default();
    addresses
        .filter_map(|further| Alias::new(&further, &first))
        .collect()
}

impl Timeline {
    /// Which segment an address under a further base names.
    pub(in super::super) fn find_further(
        &self,
        url: &str,
        range: Option<ByteRange>,
    ) -> Option<(usize, u64)> {
        let url = address::spelled(url);
        self.dash.recipes.iter().find_map(|recipe| {
            recipe.aliases.iter().find_map(|alias| {
                let found = self.find_listed(&alias.under_first(&url)?, range);
                found.filter(|(track, _)| *track == recipe.track)
            })
        })
    }

    /// Whether `url` is the resource of a track that the MPD calls `listed`.
    pub(super) fn is_resource(&self, track: usize, listed: &str, url: &str) -> bool {
        let (listed, url) = (address::spelled(listed), address::spelled(url));
        let mut recipes = self.dash.recipes.iter();
        let recipe = recipes.find(|recipe| recipe.track == track);
        let mut aliases = recipe.into_iter().flat_map(|recipe| &recipe.aliases);
        listed == url || aliases.any(|alias| alias.under_first(&url).as_ref() == Some(&listed))
    }
}
