//! Follows growing playlists and publishes a signed version of each as soon as there is one.
//!
//! Invariants: what appears in the target folder is signed; a segment's files are there before the
//! playlist that names them; a segment is hashed once while it stays in the window. A playlist that
//! cannot be signed now keeps its last signed version, and is tried again. With a key, one broadcast is
//! signed, which goes on where the folder's last signed versions left off.

use super::PublishError;
use super::files::{Stamp, folder_of, read_playlist};
use super::hash::SegmentHasher;
use super::plan::{Plan, Planned, or_dot, walk_past};
use super::progress::Progress;
use super::sign::Signed;
use super::signer::{SignOptions, Signer};
use super::write::{Mirror, write_signed};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Between two looks at the playlists. One is signed once two looks saw it the same, since not
/// every packager replaces its playlists whole: so within 20 ms and the time of hashing one
/// segment.
const LOOK: Duration = Duration::from_millis(10);

/// Looks between two searches for new playlists where no folder changed.
const LOOKS_PER_SEARCH: u32 = 25;

/// What a watch has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watched {
    /// A signed version was published.
    Signed(Signed),
    /// A playlist cannot be signed now; said once until it changes.
    Trouble(PublishError),
}

/// Follows `sources` into folder `out` until every playlist has its `EXT-X-ENDLIST` or
/// `is_stopped`. Returns how many segments were hashed. What is followed has lines to its end: who
/// watches it holds segments under their digests, and would drop them if these went elsewhere.
///
/// # Errors
/// When `out` is where the sources are: players would see unsigned versions; when `out` holds versions
/// signed with a key and none is given, or two playlists would be signed as one track. All other
/// trouble is told to `say` and waited out.
pub fn watch(
    sources: &[PathBuf],
    out: &Path,
    options: &SignOptions,
    say: &mut dyn FnMut(Watched),
    is_stopped: &dyn Fn() -> bool,
) -> Result<u64, PublishError> {
    let mut watch = Watch {
        sources,
        out,
        signer: Signer::following(options),
        folders: BTreeMap::new(),
        follows: BTreeMap::new(),
        mirrors: Vec::new(),
        search_trouble: None,
        say,
    };
    let mut look = 0;
    while !is_stopped() {
        if look == 0 || watch.is_ended() || watch.folders_changed() {
            let before = watch.follows.len();
            watch.search()?;
            if watch.is_ended() && watch.follows.len() == before {
                break;
            }
        }
        look = (look + 1) % LOOKS_PER_SEARCH;
        watch.look();
        std::thread::sleep(LOOK);
    }
    Ok(watch
        .follows
        .values()
        .map(|follow| follow.hasher.hashed)
        .sum())
}

struct Watch<'a> {
    sources: &'a [PathBuf],
    out: &'a Path,
    signer: Signer,
    /// Where new playlists may appear, as these folders were before the last search.
    folders: BTreeMap<PathBuf, Option<Stamp>>,
    follows: BTreeMap<PathBuf, Follow>,
    mirrors: Vec<(PathBuf, Mirror)>,
    search_trouble: Option<PublishError>,
    say: &'a mut dyn FnMut(Watched),
}

/// One playlist being followed.
struct Follow {
    planned: Planned,
    /// As the last look saw it.
    seen: Option<Stamp>,
    /// As it was when it was published.
    published: Option<Stamp>,
    is_ended: bool,
    hasher: SegmentHasher,
    trouble: Option<PublishError>,
}

impl Watch<'_> {
    fn folders_changed(&self) -> bool {
        let mut folders = self.folders.iter();
        folders.any(|(folder, stamp)| Stamp::of(folder).ok() != *stamp)
    }

    fn note_folders(&mut self) {
        self.folders.clear();
        let except = fs::canonicalize(self.out).ok();
        for source in self.sources {
            let mut note = |folder: &Path| {
                let stamp = Stamp::of(folder).ok();
                self.folders.insert(folder.to_path_buf(), stamp);
            };
            if source.is_dir() {
                // What cannot be read is the search's to tell.
                let _ = walk_past(source, except.as_deref(), &mut note);
            } else {
                note(or_dot(folder_of(source)));
            }
        }
    }

    /// Looks for playlists that are not followed yet.
    fn search(&mut self) -> Result<(), PublishError> {
        self.note_folders();
        let plan = match Plan::new(self.sources, Some(self.out)) {
            Ok(plan) => plan,
            Err(trouble) => {
                if self.search_trouble.as_ref() != Some(&trouble) {
                    (self.say)(Watched::Trouble(trouble.clone()));
                    self.search_trouble = Some(trouble);
                }
                return Ok(());
            }
        };
        self.search_trouble = None;
        if self.signer.seals() {
            plan.check_tracks()?;
        }
        for (source, planned) in plan.playlists {
            if source == planned.target {
                let what = "--out is the folder it is in; give another, so that players \
                            never see an unsigned version";
                return Err(PublishError::new(&source, what));
            }
            if let Entry::Vacant(vacant) = self.follows.entry(source) {
                self.signer.adopt(&planned)?;
                vacant.insert(Follow::new(planned));
            }
        }
        for (from, to) in plan.folders {
            if !self.mirrors.iter().any(|(known, _)| *known == from) {
                self.mirrors.push((from.clone(), Mirror::new(from, to)));
            }
        }
        Ok(())
    }

    /// Publishes what changed, master playlists after all those they may name.
    fn look(&mut self) {
        for masters in [false, true] {
            let media_missing = self.follows.values().any(Follow::is_media_unpublished);
            if masters && media_missing {
                return;
            }
            for (source, follow) in &mut self.follows {
                if follow.planned.is_master != masters {
                    continue;
                }
                match follow.look(source, &mut self.signer, &mut self.mirrors) {
                    Ok(None) => {}
                    Ok(Some(signed)) => (self.say)(Watched::Signed(signed)),
                    Err(trouble) => {
                        if follow.trouble.as_ref() != Some(&trouble) {
                            (self.say)(Watched::Trouble(trouble.clone()));
                            follow.trouble = Some(trouble);
                        }
                    }
                }
            }
        }
    }

    fn is_ended(&self) -> bool {
        !self.follows.is_empty()
            && self.follows.values().all(|follow| {
                follow.published.is_some() && (follow.is_ended || follow.planned.is_master)
            })
    }
}

impl Follow {
    fn new(planned: Planned) -> Self {
        Self {
            planned,
            seen: None,
            published: None,
            is_ended: false,
            hasher: SegmentHasher::default(),
            trouble: None,
        }
    }

    fn is_media_unpublished(&self) -> bool {
        !self.planned.is_master && self.published.is_none()
    }

    /// Publishes the playlist if it changed and has settled.
    fn look(
        &mut self,
        source: &Path,
        signer: &mut Signer,
        mirrors: &mut [(PathBuf, Mirror)],
    ) -> Result<Option<Signed>, PublishError> {
        let stamp = Stamp::of(source).map_err(|error| PublishError::io(source, &error))?;
        if self.published == Some(stamp) || self.seen.replace(stamp) != Some(stamp) {
            return Ok(None);
        }
        let text = read_playlist(source)?;
        if Stamp::of(source).ok() != Some(stamp) {
            return Ok(None); // it changed in between: the next look sees what it became
        }
        let mut silent = Progress::silent();
        let signed =
            signer.sign_text(source, &self.planned, &text, &mut self.hasher, &mut silent)?;
        for (from, mirror) in mirrors {
            if source.starts_with(from) {
                mirror.update()?;
            }
        }
        let is_ended = signed.is_ended;
        let written = write_signed(&self.planned, signed, source)?;
        self.hasher.forget_unused();
        self.published = Some(stamp);
        self.is_ended = is_ended;
        self.trouble = None;
        Ok(Some(written))
    }
}
