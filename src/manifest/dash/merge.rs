//! What an MPD says → the timeline. A refresh repeats nearly all of it: while a track's addresses are made in the
//! same way, only slots that are new become segments.
//!
//! Invariant: cannot fail; tracks of an MPD have exactly the segments of the last one that was read.

use super::super::address;
use super::super::model::{Indexed, Segment, Timeline, Track, Update};
use super::super::refresh::{named_version, same_bytes};
use super::super::renditions;
use super::MpdUpdate;
use super::bases::Alias;
use super::presentation::{Media, Presentation, Rendition};
use super::slots::{Slot, to_ms};
use crate::base::TrackId;

/// How the addresses of a track were made.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    /// Index of the track in the timeline.
    pub(super) track: usize,
    /// `None`: the last MPD does not have it.
    media: Option<Media>,
    epoch_ms: Option<i64>,
    /// Time and count of one segment: a packager that starts again may count anew, and a list may be entered elsewhere.
    anchor: Option<(u64, u64)>,
    /// Of its addresses under further bases.
    pub(super) aliases: Vec<Alias>,
}

impl Recipe {
    /// Whether the known segments have the addresses that `rendition` would give them.
    fn makes_same(&self, epoch_ms: Option<i64>, rendition: &Rendition) -> bool {
        let counts_alike = || match (&rendition.media, self.anchor) {
            (Media::Indexed(..), _) => true,
            (Media::Template(template), anchor) if !template.uses_number() => anchor.is_some(),
            (_, Some((time, count))) => {
                let slots = &rendition.slots;
                let at = slots.binary_search_by_key(&time, |slot| slot.time).ok();
                let slot = at.and_then(|at| slots.get(at));
                slot.is_some_and(|slot| rendition.count(slot) == count)
            }
            (_, None) => false,
        };
        self.epoch_ms == epoch_ms && self.media.as_ref() == Some(&rendition.media) && counts_alike()
    }
}

impl Rendition {
    fn number(&self, slot: &Slot) -> u64 {
        self.first_number.saturating_add(slot.index)
    }

    /// What a slot's address is made from, besides its time: its number, or its place in a list.
    fn count(&self, slot: &Slot) -> u64 {
        match self.media {
            Media::List(_) => slot.index,
            Media::Template(_) | Media::Indexed(..) => self.number(slot),
        }
    }

    /// The segment of a slot; `epoch` tells broadcasts with the same names apart.
    fn segment(&self, slot: &Slot, epoch: Option<&str>) -> Option<Segment> {
        let (url, range) = match &self.media {
            Media::Template(template) => (template.url(self.number(slot), slot.time), None),
            Media::List(items) => items.get(usize::try_from(slot.index).ok()?)?.clone(),
            Media::Indexed(..) => return None,
        };
        Some(Segment {
            number: slot.time,
            range,
            duration_ms: to_ms(slot.duration, self.timescale),
            digest: None,
            seal: None,
            version: named_version(address::file_name(&url), range, epoch),
            shareable: address::is_http(&url),
            url,
        })
    }
}

impl Timeline {
    pub(super) fn merge_mpd(&mut self, url: &str, read: Presentation) -> MpdUpdate {
        let mut merged = MpdUpdate {
            warnings: read.warnings,
            ..MpdUpdate::default()
        };
        let epoch = read.epoch_ms.map(|ms| ms.to_string());
        let mut present = Vec::new();
        for rendition in &read.renditions {
            let Some(place) = self.place(renditions::hash("mpd", &rendition.name), url) else {
                let warning = "no P2P for some: the stream has more than 1,000 tracks";
                merged.warnings.push(warning.to_owned());
                break;
            };
            present.push(place);
            let is_same = self.renew(place, read.is_live, read.epoch_ms, rendition);
            let update = self.merge_slots(place, is_same, epoch.as_deref(), rendition);
            merged.updates.push(update);
        }
        for place in 0..self.dash.recipes.len() {
            if !present.contains(&place) {
                merged.updates.extend(self.close(place));
            }
        }
        merged
    }

    /// Where the recipe of the track with that name stands, both made if need be; in the place of a track that the
    /// MPD before did not have, because periods come and go without end.
    fn place(&mut self, id: TrackId, url: &str) -> Option<usize> {
        let recipes = &self.dash.recipes;
        if let Some(track) = self.track_index(id) {
            return recipes.iter().position(|recipe| recipe.track == track);
        }
        if let Some(place) = recipes.iter().position(|recipe| recipe.media.is_none()) {
            let track = self.tracks.get_mut(recipes.get(place)?.track)?;
            *track = Track::new(id, url);
            return Some(place);
        }
        let track = self.add_track(id, url)?;
        self.dash.recipes.push(Recipe {
            track,
            media: None,
            epoch_ms: None,
            anchor: None,
            aliases: Vec::new(),
        });
        Some(self.dash.recipes.len() - 1)
    }

    /// Notes how the addresses of a track are made now; whether that is as before.
    fn renew(
        &mut self,
        place: usize,
        is_live: bool,
        epoch_ms: Option<i64>,
        rendition: &Rendition,
    ) -> bool {
        let Some(recipe) = self.dash.recipes.get_mut(place) else {
            return false;
        };
        let is_same = recipe.makes_same(epoch_ms, rendition);
        recipe.media = Some(rendition.media.clone());
        recipe.epoch_ms = epoch_ms;
        recipe.aliases.clone_from(&rendition.aliases);
        let last = rendition.slots.last();
        recipe.anchor = last.map(|slot| (slot.time, rendition.count(slot)));
        if let Some(track) = self.tracks.get_mut(recipe.track) {
            track.live = is_live;
            track.indexed = match &rendition.media {
                Media::Indexed(url, index_range) => Some(Indexed {
                    url: url.clone(),
                    index_range: *index_range,
                }),
                Media::Template(_) | Media::List(_) => None,
            };
            if track.indexed.is_none() || !is_same {
                let longest = rendition.slots.iter().map(|slot| slot.duration).max();
                track.target_duration_ms = to_ms(longest.unwrap_or(0), rendition.timescale);
            }
        }
        is_same
    }

    fn merge_slots(
        &mut self,
        place: usize,
        is_same: bool,
        epoch: Option<&str>,
        rendition: &Rendition,
    ) -> Update {
        let index = self.dash.recipes.get(place).map(|recipe| recipe.track);
        let mut update = Update {
            track: index,
            ..Update::default()
        };
        let Some(track) = index.and_then(|index| self.tracks.get_mut(index)) else {
            return update;
        };
        if track.indexed.is_some() && is_same {
            return update; // what its index listed stays
        }
        let end = track.end_number();
        let (mut replaced, mut added) = (Vec::new(), Vec::new());
        let mut known = core::mem::take(&mut track.segments).into_iter().peekable();
        for slot in &rendition.slots {
            while let Some(gone) = known.next_if(|known| known.number < slot.time) {
                update.removed.push(gone);
            }
            let before = known.next_if(|known| known.number == slot.time);
            let duration_ms = to_ms(slot.duration, rendition.timescale);
            let keeps = |known: &Segment| is_same && known.duration_ms == duration_ms;
            let segment = match before {
                Some(known) if keeps(&known) => known,
                before => {
                    let Some(segment) = rendition.segment(slot, epoch) else {
                        update.removed.extend(before);
                        continue;
                    };
                    match before {
                        None => added.push(segment.number),
                        Some(known)
                            if !same_bytes(&known, &segment)
                                || known.version != segment.version =>
                        {
                            update.changed.push((known.number, known.version));
                            replaced.push(known);
                        }
                        Some(_) => {}
                    }
                    segment
                }
            };
            track.segments.push(segment);
        }
        update.removed.extend(known);
        track.first_number = track.segments.first().map_or(end, |first| first.number);
        update.added = u32::try_from(added.len()).unwrap_or(u32::MAX);
        update.added_first = added.first().copied().unwrap_or(0);
        self.reindex(
            index.unwrap_or_default(),
            &update.removed,
            &replaced,
            &added,
        );
        update
    }

    /// The MPD no longer has the track of that place.
    fn close(&mut self, place: usize) -> Option<Update> {
        let recipe = self.dash.recipes.get_mut(place)?;
        recipe.media.take()?;
        recipe.anchor = None;
        recipe.aliases.clear();
        let index = recipe.track;
        let track = self.tracks.get_mut(index)?;
        track.first_number = track.end_number();
        track.indexed = None;
        let update = Update {
            track: Some(index),
            removed: core::mem::take(&mut track.segments),
            ..Update::default()
        };
        self.reindex(index, &update.removed, &[], &[]);
        Some(update)
    }
}
