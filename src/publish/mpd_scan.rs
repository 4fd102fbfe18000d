//! The segments of an MPD as signing and checking need them: track by track, by addresses relative to the MPD.
//! The engine's own expansion (`manifest`) lists them, so that what is signed is what players ask for.

use super::scan::{Entry, MpdTrack, Playlist, ScanError};
use super::xml::read_xml;
use crate::manifest::{Element, ManifestError, SIDECAR_SCHEME, Timeline};

/// Where an MPD is said to be while it is expanded: so deep that `..` has where to go.
const ORIGIN: &str = "http://swarmline.invalid/";
const FOLDER: &str = "~swarmline~/";
const FOLDERS: usize = 16;

/// Whether a text is XML rather than a playlist.
pub(super) fn is_xml(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.trim_start().starts_with('<')
}

/// Reads an MPD.
///
/// # Errors
/// When it is none, or lists its segments by the clock alone.
pub(super) fn scan_mpd(text: &str) -> Result<Playlist, ScanError> {
    let fail = |error: ManifestError| ScanError {
        line: 0,
        what: error.0,
    };
    let tree = read_xml(text).map_err(fail)?;
    let mut timeline = Timeline::default();
    let url = format!("{ORIGIN}{}manifest.mpd", FOLDER.repeat(FOLDERS));
    let read = timeline.update_mpd(&url, &tree, 0).map_err(fail)?;
    if timeline.advance(0).is_some() {
        return Err(fail(ManifestError(
            "a live MPD without a closed SegmentTimeline: which segments there are is told by the clock alone; \
             let the packager list them"
                .into(),
        )));
    }
    let mut playlist = Playlist {
        is_ended: tree.attribute("type") != Some("dynamic"),
        sidecar: pointer(&tree),
        not_listed: read.warnings,
        ..Playlist::default()
    };
    let by_rule = !has(&tree, "SegmentTimeline");
    let mut tracks = Vec::new();
    for track in timeline.tracks() {
        if let Some(indexed) = &track.indexed {
            let what = "its segments stand in its own index (SegmentBase), which is not read";
            let uri = relative(&indexed.url);
            playlist.not_listed.push(format!("{uri}: {what}"));
        }
        for segment in &track.segments {
            playlist.segments.push(Entry {
                offset: 0,
                line: 0,
                uri: relative(&segment.url),
                range: segment.range,
                tags: Vec::new(),
                is_gap: false,
                may_be_missing: false,
            });
        }
        // Sound that is a little longer than the picture makes one segment more of it by the rule.
        if let Some(last) = playlist
            .segments
            .last_mut()
            .filter(|_| track.segments.len() > 1)
        {
            last.may_be_missing = by_rule;
        }
        tracks.push(MpdTrack {
            name: track.id.to_hex(),
            segments: track.segments.len(),
        });
    }
    playlist.tracks = Some(tracks);
    Ok(playlist)
}

fn pointer(mpd: &Element) -> Option<String> {
    let ours = |property: &&Element| property.attribute("schemeIdUri") == Some(SIDECAR_SCHEME);
    let property = mpd.children_named("SupplementalProperty").find(ours)?;
    property.attribute("value").map(str::to_owned)
}

fn has(element: &Element, name: &str) -> bool {
    let mut children = element.children.iter();
    children.any(|child| child.name == name || has(child, name))
}

/// An address as it would stand in the MPD's folder.
fn relative(url: &str) -> String {
    let Some(mut rest) = url.strip_prefix(ORIGIN) else {
        return url.to_owned();
    };
    let mut up = FOLDERS;
    while let Some(inside) = rest.strip_prefix(FOLDER).filter(|_| up > 0) {
        rest = inside;
        up -= 1;
    }
    match up {
        FOLDERS => format!("/{rest}"),
        0 if rest
            .split('/')
            .next()
            .is_some_and(|name| name.contains(':')) =>
        {
            format!("./{rest}")
        }
        _ => format!("{}{rest}", "../".repeat(up)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(representation: &str) -> Playlist {
        let text = format!(
            "<MPD mediaPresentationDuration='PT10S'><Period><AdaptationSet><Representation id='v'>\
             {representation}</Representation></AdaptationSet></Period></MPD>"
        );
        scan_mpd(&text).unwrap()
    }

    #[test]
    fn addresses_are_those_of_the_folder() {
        for (base, uri) in [
            ("", "1.m4s"),
            ("v/", "v/1.m4s"),
            ("./x/../v/", "v/1.m4s"),
            ("../", "../1.m4s"),
            ("../../a/", "../../a/1.m4s"),
            ("/root/", "/root/1.m4s"),
            ("https://cdn/x/", "https://cdn/x/1.m4s"),
            ("./a:b", "./a:b1.m4s"),
        ] {
            let template = "<SegmentTemplate duration='10' media='$Number$.m4s'/>";
            let template = template.replace(
                "'$N",
                &format!("'{}$N", if base.ends_with('b') { base } else { "" }),
            );
            let base = if base.ends_with('b') { "" } else { base };
            let playlist = scan(&format!("<BaseURL>{base}</BaseURL>{template}"));
            assert_eq!(playlist.segments[0].uri, uri);
        }
    }

    #[test]
    fn only_the_last_segment_of_a_rule_may_be_missing() {
        let missing = |representation: &str| -> Vec<bool> {
            let segments = scan(representation).segments;
            segments.iter().map(|entry| entry.may_be_missing).collect()
        };
        let rule = "<SegmentTemplate duration='4' media='$Number$'/>";
        assert_eq!(missing(rule), [false, false, true]);
        assert_eq!(
            missing("<SegmentTemplate duration='10' media='$Number$'/>"),
            [false]
        );
        let listed = "<SegmentTemplate media='$Number$'><SegmentTimeline><S d='5' r='1'/>\
            </SegmentTimeline></SegmentTemplate>";
        assert_eq!(missing(listed), [false, false]);
    }

    #[test]
    fn what_is_not_listed_is_said() {
        let playlist = scan("<BaseURL>a.mp4</BaseURL><SegmentBase indexRange='0-9'/>");
        assert_eq!(playlist.segments, []);
        assert!(playlist.not_listed[0].starts_with("a.mp4: "));
        let clock = "<MPD type='dynamic' availabilityStartTime='2026-11-21T12:00:00Z'><Period><AdaptationSet>\
            <Representation id='v'><SegmentTemplate duration='4' media='$Number$'/></Representation>\
            </AdaptationSet></Period></MPD>";
        assert!(scan_mpd(clock).unwrap_err().what.contains("by the clock"));
    }
}
