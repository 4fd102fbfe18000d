//! A pinned `publicKey`: only what it signed is shared, whatever else is said.

use super::stage::*;
use super::world::{LEN, World, playlist, url, vod};
use std::time::Duration;
use swarmline::engine::{Config, Source, WarningCode};
use swarmline::integrity::tag::DigestTag;
use swarmline::integrity::{SecretKey, SidecarSegment};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Signed lines or sidecar entries of a show, by a signer that is told what to spoil.
fn sealed(
    world: &mut World,
    key: &SecretKey,
    seq_of: impl Fn(u64) -> (&'static str, u64),
) -> String {
    let plain = vod(world, 10, LEN, false);
    let mut text = String::new();
    for line in plain.lines() {
        let number = line
            .strip_prefix("seg-")
            .and_then(|rest| rest.strip_suffix(".m4s"));
        if let Some(number) = number.and_then(|number| number.parse().ok()) {
            let digest = digest(&bytes_at(number));
            let (stream, seq) = seq_of(number);
            let mut tag = DigestTag::from(digest);
            tag.seal = Some(key.seal(&digest, stream, "v", seq));
            text.push_str(&format!("{tag}\n"));
        }
        text.push_str(line);
        text.push('\n');
    }
    text
}

fn pinned(key: &SecretKey) -> Config {
    Config {
        public_key: Some(key.public_key().shared()),
        ..World::config()
    }
}

#[test]
fn with_a_pinned_key_sealed_lines_are_shared() {
    let key = SecretKey::from_bytes(&[1; 32]);
    let mut world = World::new();
    let text = sealed(&mut world, &key, |number| ("s", 100 + number));
    let (_, second) = pair(&mut world, &text, 6, &pinned(&key));
    // In any order, as a viewer who seeks; the one behind comes ahead.
    for number in [5, 2, 4, 1, 3] {
        let source = get(&mut world, second, number);
        assert!(
            matches!(source, Source::Peers | Source::Cache),
            "{source:?}"
        );
    }
    assert!(warnings(&world, second, WarningCode::Signature).is_empty());
}

#[test]
fn with_a_pinned_key_what_is_not_its_own_is_the_cdns_alone() {
    let key = SecretKey::from_bytes(&[1; 32]);
    let other = SecretKey::from_bytes(&[2; 32]);
    for (fault, words) in [
        ("unsigned", "not signed"),
        ("wrong key", "not of publicKey"),
        ("replayed", "earlier segment"),
        ("another stream", "another broadcast"),
        ("another track", "another rendition"),
    ] {
        let mut world = World::new();
        let good = sealed(&mut world, &key, |number| ("s", 100 + number));
        let line_of = |text: &str, number: u64| {
            let lines: Vec<&str> = text.lines().collect();
            let uri = format!("seg-{number}.m4s");
            let at = lines.iter().position(|line| *line == uri).unwrap();
            lines[at - 1 - usize::from(!lines[at - 1].starts_with("#EXT-X-SW"))].to_owned()
        };
        let line = line_of(&good, 4);
        let digest = digest(&bytes_at(4));
        let spoilt = |seal| {
            let mut tag = DigestTag::from(digest);
            tag.seal = seal;
            tag.to_string()
        };
        let bad = match fault {
            "unsigned" => spoilt(None),
            "wrong key" => spoilt(Some(other.seal(&digest, "s", "v", 104))),
            "replayed" => spoilt(Some(key.seal(&digest, "s", "v", 101))),
            "another stream" => spoilt(Some(key.seal(&digest, "t", "v", 104))),
            _ => spoilt(Some(key.seal(&digest, "s", "audio", 104))),
        };
        let text = good.replace(&line, &bad);
        assert_ne!(text, good);
        let (first, second) = pair(&mut world, &text, 6, &pinned(&key));
        for number in [1, 2, 3, 5] {
            assert_eq!(get(&mut world, second, number), Source::Peers, "{fault}");
        }
        assert_eq!(get(&mut world, second, 4), Source::Cdn, "{fault}");
        for viewer in [first, second] {
            let told = warnings(&world, viewer, WarningCode::Signature);
            assert_eq!(told.len(), 1, "{fault}: {told:?}");
            assert!(
                told[0].contains(&url(4)) && told[0].contains(words),
                "{told:?}"
            );
        }
        assert_eq!(dropped(&world, second), 0, "{fault}: nobody's fault here");
    }
}

#[test]
fn with_another_key_nothing_is_shared_and_all_is_played() {
    let key = SecretKey::from_bytes(&[1; 32]);
    let mut world = World::new();
    let text = sealed(&mut world, &key, |number| ("s", 100 + number));
    let config = pinned(&SecretKey::from_bytes(&[2; 32]));
    let (first, second) = pair(&mut world, &text, 6, &config);
    for number in 1..6 {
        assert_eq!(get(&mut world, second, number), Source::Cdn);
    }
    assert_eq!(world.viewers[first].engine.stats().uploaded_bytes, 0);
    assert_eq!(warnings(&world, second, WarningCode::Signature).len(), 1);
}

#[test]
fn a_sealed_sidecar_counts_and_an_unsealed_one_does_not() {
    let key = SecretKey::from_bytes(&[1; 32]);
    for signed in [true, false] {
        let mut world = World::new();
        let text = vod(&mut world, 10, LEN, false);
        let segments = (0..10).map(|number| {
            let seal = key.seal(&digest(&bytes_at(number)), "s", "v", number);
            SidecarSegment {
                signed: signed.then_some((number, seal.signature)),
                ..entry(number)
            }
        });
        publish(&mut world, segments.collect());
        let config = Config {
            manifest_url: Some(SIDECAR.to_owned()),
            ..pinned(&key)
        };
        let (_, second) = pair(&mut world, &text, 6, &config);
        let expected = if signed { Source::Peers } else { Source::Cdn };
        for number in 1..6 {
            assert_eq!(get(&mut world, second, number), expected);
        }
    }
}

#[test]
fn a_publisher_may_number_anew() {
    let key = SecretKey::from_bytes(&[1; 32]);
    let window = |world: &mut World, first: u64, seq: u64, content: u64| {
        let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
        for step in 0..6 {
            let bytes = bytes_at(content + step);
            let digest = digest(&bytes);
            let mut tag = DigestTag::from(digest);
            tag.seal = Some(key.seal(&digest, "s", "v", seq + step));
            text.push_str(&format!(
                "{tag}\n#EXTINF:4.0,\nseg-{}.m4s\n",
                content + step
            ));
            world.cdn.files.insert(url(content + step), bytes);
        }
        text
    };
    let mut world = World::new();
    let text = window(&mut world, 50, 50, 50);
    let viewers = [0, 1].map(|_| world.join(pinned(&key), &playlist(), &text));
    world.run_for(Duration::from_secs(2));
    get(&mut world, viewers[0], 55);
    assert_eq!(get(&mut world, viewers[1], 55), Source::Peers);
    // The encoder starts again at 0; its counter goes on.
    let text = window(&mut world, 0, 56, 60);
    for viewer in viewers {
        refresh(&mut world, viewer, &text);
    }
    for content in [60, 61] {
        get(&mut world, viewers[0], content);
        assert_eq!(get(&mut world, viewers[1], content), Source::Peers);
    }
    assert!(warnings(&world, viewers[1], WarningCode::Signature).is_empty());
}
