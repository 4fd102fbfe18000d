//! Whether neighbours know of each other what has long been so: the periodic repair of haves, looked at from
//! outside.
//!
//! Invariant: it looks and changes nothing. What changed since the last look is nobody's fault: words travel, and
//! the repair has its time.

use super::scenario::Vice;
use super::viewer::Viewer;
use crate::base::{Duration, Instant, LinkId, TrackId};
use std::collections::{BTreeMap, BTreeSet};

/// Between two looks: engines compare every 20 s, and have the rest to ask and to tell again.
const EVERY: Duration = Duration::from_secs(25);

type Held = BTreeSet<(TrackId, u64)>;

/// What was so at the last look, and what was found wrong.
#[derive(Debug, Default)]
pub(super) struct Hearsay {
    next: Instant,
    held: Vec<Held>,
    links: BTreeMap<usize, Vec<LinkId>>,
    /// Segments that a neighbour held all the time and nobody told of, or that it had all the time not.
    pub(super) wrong: u64,
    /// Segments of which neighbours knew.
    pub(super) right: u64,
}

impl Hearsay {
    /// Compares what each viewer believes of its neighbours with what they held at the last look and hold now.
    pub(super) fn look(&mut self, viewers: &[&Viewer], now: Instant) {
        if now < self.next {
            return;
        }
        self.next = now + EVERY;
        let held: Vec<Held> = viewers.iter().map(|viewer| holds(viewer)).collect();
        let mut links = BTreeMap::new();
        for (index, viewer) in viewers.iter().enumerate() {
            let open = || viewer.links.all.iter().filter(|(_, link)| link.open);
            links.insert(index, open().map(|(id, _)| *id).collect());
            let Some(engine) = &viewer.engine else {
                continue;
            };
            for (id, link) in open() {
                let other = link.other.0;
                let is_old = self.links.get(&index).is_some_and(|old| old.contains(id));
                if !is_old || viewers[other].kind.vice != Vice::None {
                    continue;
                }
                let (Some(before), Some(after)) = (self.held.get(other), held.get(other)) else {
                    continue;
                };
                let believed: Held = engine.believed(*id).into_iter().collect();
                let known = before.intersection(after);
                let misses = known.clone().filter(|it| !believed.contains(it));
                let invented = believed
                    .iter()
                    .filter(|it| !before.contains(it) && !after.contains(it));
                self.wrong += (misses.count() + invented.count()) as u64;
                self.right += known.count() as u64;
            }
        }
        (self.held, self.links) = (held, links);
    }
}

/// What a viewer tells neighbours that it holds.
fn holds(viewer: &Viewer) -> Held {
    let engine = viewer.engine.as_ref();
    engine.map_or_else(Held::new, |engine| engine.offered().into_iter().collect())
}
