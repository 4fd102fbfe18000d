//! An MPD (ISO/IEC 23009-1), as a tree of elements → tracks and segments of the model. `presentation` reads the
//! tree, `attributes` knows what is inherited, `slots` lays segments out in time, `template` makes URLs, `time`
//! reads dates, `bases` what addresses begin with; `merge` brings what was read into the timeline; `sidx` reads the index of a resource.
//!
//! Invariant: a representation that cannot be mapped for sure is left out with a warning; the others are not
//! harmed. A track is a representation of one period, its numbers are start times in its timescale.
//!
//! Not here: links (`xlink`) are not followed. Segments that stand only in a resource's own index (`sidx`) are not
//! known until a player has loaded that: such a track has `Track::indexed` and no segments.

mod attributes;
mod bases;
mod merge;
mod presentation;
mod sidx;
mod slots;
mod template;
mod time;

use super::address;
use super::element::Element;
use super::model::{ManifestError, Timeline, Update};
use merge::Recipe;

/// Why a representation is left out.
type Reason = &'static str;

/// An older copy of an MPD (another cache's) is told by its `publishTime` if it is so much older at most;
/// farther back the publisher's clock was set.
const OLDER_COPY_MS: i64 = 30_000;

/// What our `SupplementalProperty` of an MPD says it is; its value is the sidecar's URL.
pub const SIDECAR_SCHEME: &str = "urn:swarmline:sidecar:2026";

/// What an MPD changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MpdUpdate {
    /// One for each track that the MPD has or no longer has.
    pub updates: Vec<Update>,
    /// What is left out, and why: for a person.
    pub warnings: Vec<String>,
    /// URL of the sidecar that the MPD names, resolved against the MPD's own.
    pub sidecar: Option<String>,
}

/// What is remembered of MPDs.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// One a track that came from an MPD.
    recipes: Vec<Recipe>,
    epoch_ms: Option<i64>,
    published_ms: Option<i64>,
    /// The MPD and its URL, if its segments come by the clock alone.
    clocked: Option<(String, Element)>,
}

impl Timeline {
    /// Takes an MPD as received from `url` (after redirects). `now_ms` is the wall clock, milliseconds since 1970,
    /// best the one the player plays by; only live MPDs without a closed `SegmentTimeline` need it.
    ///
    /// # Errors
    /// When it is no MPD; the timeline is then as before.
    pub fn update_mpd(
        &mut self,
        url: &str,
        mpd: &Element,
        now_ms: u64,
    ) -> Result<MpdUpdate, ManifestError> {
        if mpd.name != "MPD" {
            return Err(ManifestError("the document is no MPD".into()));
        }
        let mut read = presentation::read(url, mpd, now_ms);
        let known = self.dash.published_ms.zip(read.published_ms);
        if known.is_some_and(|(known, read)| (1..=OLDER_COPY_MS).contains(&(known - read))) {
            return Ok(MpdUpdate::default());
        }
        self.dash.published_ms = read.published_ms;
        // A broadcast that ended may lose its availabilityStartTime, and is still the same.
        read.epoch_ms = read.epoch_ms.or(self.dash.epoch_ms);
        self.dash.epoch_ms = read.epoch_ms;
        self.dash.clocked = read.follows_clock.then(|| (url.to_owned(), mpd.clone()));
        let mut merged = self.merge_mpd(url, read);
        merged.sidecar = sidecar(url, mpd);
        Ok(merged)
    }

    /// Lets time pass: lists what an MPD without a closed `SegmentTimeline` has by now. `None` if the last MPD
    /// does not go by the clock.
    pub fn advance(&mut self, now_ms: u64) -> Option<MpdUpdate> {
        let (url, mpd) = self.dash.clocked.take()?;
        self.update_mpd(&url, &mpd, now_ms).ok()
    }
}

fn sidecar(url: &str, mpd: &Element) -> Option<String> {
    let ours = |property: &&Element| property.attribute("schemeIdUri") == Some(SIDECAR_SCHEME);
    let property = mpd.children_named("SupplementalProperty").find(ours)?;
    let sidecar = address::resolve(url, property.attribute("value")?.trim());
    sidecar.filter(|url| address::is_http(url))
}
