//! Playlists of every habit, signed and stripped again: identical bytes. `tests/fixtures/hls/signed.json`
//! holds what signing makes of them, for the players' own parsers (js-adapters/test). After a change
//! that is meant: `BLESS=1 cargo test --test publish corpus`.

use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use swarmline::base::ByteRange;
use swarmline::integrity::tag::{DigestTag, SegmentDigest, TAG};
use swarmline::integrity::{SecretKey, sha256};
use swarmline::manifest::{Segment, Timeline};
use swarmline::publish::{Playlist, PublishError, point_playlist, sign_playlist, strip_playlist};

const POINTER: &str = "#EXT-X-SWARMLINE-SIDECAR:";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hls")
}

/// Name and text of each, in order.
fn corpus() -> Vec<(String, String)> {
    let files = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut playlists: Vec<(String, String)> = files
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "m3u8")
        })
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    playlists.sort();
    playlists
}

/// Signs with everything a line may have, under digests made of addresses.
fn sign(name: &str, text: &str) -> String {
    let key = SecretKey::from_bytes(&[7; 32]);
    let mut seq = 0;
    let line_of = |uri: &str, range: Option<ByteRange>| {
        let digest = SegmentDigest {
            size: range.map_or(1_000, ByteRange::len),
            root: sha256(format!("{uri} {range:?}").as_bytes()),
        };
        let mut tag = DigestTag::from(digest);
        tag.sha256 = (seq % 2 == 0).then(|| sha256(uri.as_bytes()));
        tag.seal = Some(key.seal(&digest, "corpus", name, seq));
        seq += 1;
        Ok::<_, PublishError>(tag)
    };
    sign_playlist(text, line_of).unwrap()
}

fn has_our_lines(text: &str) -> bool {
    text.contains(TAG) || text.contains(POINTER)
}

#[test]
fn signing_and_stripping_gives_the_identical_bytes() {
    let corpus = corpus();
    assert!(corpus.len() >= 28, "{} playlists", corpus.len());
    for (name, text) in corpus {
        let signed = sign(&name, &text);
        let pointing = point_playlist(&text, "v.swarmline.json");
        let bare = strip_playlist(&text);
        assert_eq!(bare == text, !has_our_lines(&text), "{name}");
        for changed in [&signed, &pointing] {
            assert_eq!(strip_playlist(changed), bare, "{name}");
            assert_eq!(sign(&name, changed), signed, "{name}: twice is once");
        }
        let playlist = Playlist::scan(&text).unwrap();
        let with_bytes = playlist
            .segments
            .iter()
            .filter(|entry| !entry.is_gap)
            .count();
        assert_eq!(signed.matches(TAG).count(), with_bytes, "{name}");
        assert_eq!(pointing.matches(POINTER).count(), 1, "{name}");
        let key = SecretKey::from_bytes(&[7; 32]).public_key();
        for entry in Playlist::scan(&signed).unwrap().segments {
            if let [tag] = entry.tags.as_slice() {
                let tag = tag.as_ref().unwrap();
                assert!(
                    tag.seal.as_ref().unwrap().is_by(&key, &tag.digest),
                    "{name}"
                );
            } else {
                assert!(entry.is_gap && entry.tags.is_empty(), "{name}");
            }
        }
    }
}

#[test]
fn the_page_reads_the_same_segments_and_their_digests() {
    let segments = |text: &str| -> Option<Vec<Segment>> {
        let mut timeline = Timeline::default();
        timeline
            .update_hls("https://cdn.test/live/v.m3u8", text)
            .ok()?;
        Some(timeline.tracks().first()?.segments.to_vec())
    };
    let mut read = 0;
    for (name, text) in corpus().iter().filter(|(_, text)| !has_our_lines(text)) {
        let (before, after) = (segments(text), segments(&sign(name, text)));
        assert_eq!(before.is_some(), after.is_some(), "{name}");
        for (before, mut after) in before
            .into_iter()
            .flatten()
            .zip(after.into_iter().flatten())
        {
            assert_eq!(after.digest.is_some(), after.seal.is_some(), "{name}");
            assert_eq!(
                after.digest.is_some(),
                before.shareable,
                "{name}: {}",
                before.url
            );
            (after.digest, after.seal, after.version) = (None, None, before.version);
            assert_eq!(after, before, "{name}");
            read += 1;
        }
    }
    assert!(read > 60, "{read} segments");
}

#[test]
fn signed_texts_are_as_the_players_tests_have_them() {
    let file = folder().join("signed.json");
    let mut made = serde_json::Map::new();
    for (name, text) in corpus() {
        let row = json!({
            "lines": sign(&name, &text),
            "sidecar": point_playlist(&text, "v.swarmline.json"),
        });
        made.insert(name, row);
    }
    if std::env::var_os("BLESS").is_some() {
        let text = serde_json::to_string_pretty(&made).unwrap();
        fs::write(&file, text + "\n").unwrap();
    }
    let known: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for (name, row) in &made {
        assert_eq!(known.get(name), Some(row), "{name}");
    }
    assert_eq!(known.as_object().unwrap().len(), made.len());
}
