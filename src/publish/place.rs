//! Where playlists, sidecars and segments are: files or URLs, read the same way.

use super::PublishError;
use super::fetch::Fetcher;
use super::files::{folder_of, read_playlist, resolve};
use super::hash::{Hashed, SegmentHasher, Wanted};
use super::plan::Plan;
use super::scan::Playlist;
use crate::base::ByteRange;
use crate::manifest::{is_http, resolve_url, url_path};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Most playlists that one URL may bring.
const PLAYLISTS_MAX: usize = 1_000;

/// A file, a folder or a URL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// On this machine.
    Path(PathBuf),
    /// `http:` or `https:`.
    Url(String),
}

impl FromStr for Place {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if is_http(text) {
            Self::Url(text.to_owned())
        } else {
            Self::Path(PathBuf::from(text))
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(out),
            Self::Url(url) => url.fmt(out),
        }
    }
}

impl Place {
    /// What `uri` means in a playlist or sidecar that is here.
    pub(super) fn join(&self, uri: &str) -> Result<Self, String> {
        match self {
            Self::Path(path) => resolve(folder_of(path), uri).map(Self::Path),
            Self::Url(url) => resolve_url(url, uri)
                .filter(|url| is_http(url))
                .map(Self::Url)
                .ok_or_else(|| format!("{uri} is no HTTP address")),
        }
    }

    /// What a sidecar's entries are looked up by: of a URL its path alone.
    pub(super) fn path(&self) -> String {
        match self {
            Self::Path(path) => path.to_string_lossy().into_owned(),
            Self::Url(url) => url_path(url).to_owned(),
        }
    }

    fn error(&self, what: impl fmt::Display) -> PublishError {
        match self {
            Self::Path(path) => PublishError::new(path, what),
            Self::Url(url) => PublishError::new(url.as_ref(), what),
        }
    }
}

/// Reads from places; what was hashed of a file is remembered.
#[derive(Debug)]
pub(super) struct Reader {
    fetcher: Fetcher,
    hasher: SegmentHasher,
}

impl Reader {
    /// See [`Fetcher::new`].
    pub(super) fn new(authorities: Option<&Path>) -> Result<Self, PublishError> {
        Ok(Self {
            fetcher: Fetcher::new(authorities)?,
            hasher: SegmentHasher::default(),
        })
    }

    /// The media playlists of files, folders and URLs, those that a master playlist names included.
    pub(super) fn media_playlists(
        &self,
        places: &[Place],
    ) -> Result<Vec<(Place, Playlist)>, PublishError> {
        let mut paths = Vec::new();
        let mut found = Vec::new();
        for place in places {
            match place {
                Place::Path(path) => paths.push(path.clone()),
                Place::Url(url) => self.walk(url, &mut found)?,
            }
        }
        for path in Plan::new(&paths, None)?.playlists.into_keys() {
            let place = Place::Path(path.clone());
            let playlist = scan(&place, &read_playlist(&path)?)?;
            found.push((place, playlist));
        }
        found.retain(|(_, playlist)| !playlist.is_master);
        Ok(found)
    }

    fn walk(&self, url: &str, found: &mut Vec<(Place, Playlist)>) -> Result<(), PublishError> {
        let mut seen = BTreeSet::new();
        let mut next = vec![Place::Url(url.to_owned())];
        while let Some(place) = next.pop() {
            if !seen.insert(place.clone()) {
                continue;
            }
            if seen.len() > PLAYLISTS_MAX {
                return Err(place.error("one of more than 1,000 playlists"));
            }
            let Place::Url(url) = &place else { continue };
            let (url, text) = self.fetcher.text(url).map_err(|what| place.error(what))?;
            // What it names is relative to where it really is.
            let place = Place::Url(url);
            let playlist = scan(&place, &text)?;
            for uri in playlist.children.iter().rev() {
                next.push(place.join(uri).map_err(|what| place.error(what))?);
            }
            found.push((place, playlist));
        }
        Ok(())
    }

    /// A sidecar's text, and where it really is.
    pub(super) fn text(&self, place: &Place) -> Result<(Place, String), String> {
        match place {
            Place::Path(path) => {
                let text = read_playlist(path).map_err(|error| error.what)?;
                Ok((place.clone(), text))
            }
            Place::Url(url) => {
                let (url, text) = self.fetcher.text(url)?;
                Ok((Place::Url(url), text))
            }
        }
    }

    /// What a segment's bytes hash to; `expected` is how many they should be.
    pub(super) fn hash(
        &mut self,
        place: &Place,
        range: Option<ByteRange>,
        expected: Option<u64>,
        wanted: Wanted,
    ) -> Result<Hashed, String> {
        match place {
            Place::Path(path) => self.hasher.hash(path, range, wanted),
            Place::Url(url) => self
                .fetcher
                .hash(url, range, expected, wanted)
                .map_err(|what| format!("{url}: {what}")),
        }
    }
}

fn scan(place: &Place, text: &str) -> Result<Playlist, PublishError> {
    Playlist::scan(text).map_err(|error| place.error(error))
}
