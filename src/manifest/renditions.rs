//! Names of tracks. A track is named by its playlist's path, so that hosts, tokens and players do not
//! matter, and so that a viewer who never saw the master playlist has the same name for it. Only where
//! the master lists several renditions under one path (told apart by query) do their attributes join.

use super::address;
use super::master::{self, RenditionLine};
use super::model::ManifestError;
use crate::base::TrackId;
use crate::integrity::sha256;

/// Renditions remembered of master playlists; more are not.
const RENDITIONS_MAX: usize = 1_000;

/// What master playlists said.
#[derive(Clone, Debug, Default)]
pub(super) struct Renditions {
    list: Vec<Rendition>,
}

#[derive(Clone, Debug)]
struct Rendition {
    path: String,
    query: String,
    attributes: String,
}

impl Renditions {
    /// Remembers the renditions of a master playlist from `url`.
    pub(super) fn read_master(&mut self, url: &str, text: &str) {
        for line in master::rendition_lines(text) {
            self.add(url, line);
        }
    }

    fn add(&mut self, master_url: &str, line: RenditionLine) {
        let Some(url) = address::resolve(master_url, &line.uri) else {
            return;
        };
        let path = address::path(&url).to_owned();
        let query = address::naming_query(&url);
        // One playlist in several groups, or on a second host, is one rendition: the first line counts.
        let listed = |known: &Rendition| known.path == path && known.query == query;
        if self.list.len() < RENDITIONS_MAX && !self.list.iter().any(listed) {
            self.list.push(Rendition {
                path,
                query,
                attributes: line.attributes,
            });
        }
    }

    /// The name of the track whose media playlist came from `url`.
    pub(super) fn track_id(&self, url: &str) -> Result<TrackId, ManifestError> {
        let path = address::path(url);
        let same_path: Vec<_> = self
            .list
            .iter()
            .filter(|known| known.path == path)
            .collect();
        if same_path.len() < 2 {
            return Ok(hash(path, ""));
        }
        let query = address::naming_query(url);
        let Some(mine) = same_path.iter().find(|known| known.query == query) else {
            return Err(ambiguous(path));
        };
        let twins = same_path
            .iter()
            .filter(|known| known.attributes == mine.attributes);
        if twins.count() > 1 {
            return Err(ambiguous(path));
        }
        Ok(hash(path, &mine.attributes))
    }
}

fn ambiguous(path: &str) -> ManifestError {
    let mut text = String::from("the master playlist lists several renditions under ");
    text.push_str(path);
    text.push_str(" and this playlist cannot be told apart from the others");
    ManifestError(text)
}

/// The name of a track: a path, or `mpd`, which is no path, and what tells it from others there.
pub(super) fn hash(path: &str, attributes: &str) -> TrackId {
    let mut name = String::from("swarmline track v1\n");
    name.push_str(path);
    if !attributes.is_empty() {
        name.push('\n');
        name.push_str(attributes);
    }
    let mut id = [0; 8];
    id.copy_from_slice(&sha256(name.as_bytes()).0[..8]);
    TrackId(id)
}
