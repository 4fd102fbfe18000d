//! Digests beside a playlist instead of in it.

use crate::folder::{Folder, check, check_key, key, media, sealing, sign_with, statuses, vod};
use swarmline::integrity::{Sidecar, root_of, tag::TAG};
use swarmline::publish::Status::{BadLine, BadSignature, Gap, Mismatch, NoDigest, Ok};
use swarmline::publish::{SidecarUse, SignOptions, strip_playlist};

const POINTER: &str = "#EXT-X-SWARMLINE-SIDECAR:URI=\"v.swarmline.json\"";

fn beside(sealed: bool, leaves: bool) -> SignOptions {
    SignOptions {
        key: sealed.then(key),
        sidecar: SidecarUse::Always,
        leaves,
        ..SignOptions::default()
    }
}

fn sidecar(folder: &Folder) -> Sidecar {
    let text = folder.text("video/v.swarmline.json");
    Sidecar::read(&text, &|url| Some(url.to_owned())).unwrap()
}

#[test]
fn a_sidecar_says_what_lines_would() {
    let folder = vod();
    let bare = folder.text("video/v.m3u8");
    let report = sign_with(folder.path("master.m3u8"), &beside(true, true)).unwrap();
    assert!(
        report
            .iter()
            .all(|signed| signed.sidecar.is_some() == (signed.segments > 0))
    );
    let text = folder.text("video/v.m3u8");
    assert!(text.contains(POINTER) && !text.contains(TAG), "{text}");
    assert_eq!(strip_playlist(&text), bare);
    let read = sidecar(&folder);
    let [track] = read.tracks.as_slice() else {
        panic!("{read:?}");
    };
    assert_eq!(
        (track.track.as_str(), track.segments.len()),
        ("video/v.m3u8", 2)
    );
    for segment in &track.segments {
        assert_eq!(segment.root, Some(root_of(&segment.leaves)));
    }
    let report = check_key(folder.path("master.m3u8"), &key().public_key());
    assert_eq!(statuses(&report), [Ok, Ok, Ok, Ok, Gap]);
    assert!(
        report
            .playlists
            .iter()
            .all(|playlist| playlist.sidecar.is_some())
    );
}

#[test]
fn what_is_changed_beside_it_is_found() {
    let folder = vod();
    sign_with(folder.path("video"), &beside(true, true)).unwrap();
    let public = key().public_key();
    let right = folder.text("video/v.swarmline.json");
    let verdicts = |json: &str| {
        folder.put("video/v.swarmline.json", json);
        statuses(&check_key(folder.path("video"), &public))
    };
    assert_eq!(verdicts(&right), [Ok, Ok, Gap]);
    assert_eq!(
        verdicts(&right.replace("\"seq\":1", "\"seq\":2")),
        [Ok, BadSignature, Gap]
    );
    assert_eq!(
        verdicts(&right.replace("b.m4s", "c.m4s")),
        [Ok, NoDigest, Gap]
    );
    assert_eq!(verdicts(&right[1..]), [BadLine, BadLine, Gap]);
    let leaf = sidecar_leaf(&right);
    assert_eq!(
        verdicts(&right.replacen(&leaf, &"A".repeat(leaf.len()), 1)),
        [BadLine, Ok, Gap]
    );
    assert_eq!(verdicts(&right), [Ok, Ok, Gap]);
    folder.put("video/b.m4s", media(9, 16_384));
    assert_eq!(verdicts(&right), [Ok, Mismatch, Gap]);
    std::fs::remove_file(folder.path("video/v.swarmline.json")).unwrap();
    assert_eq!(
        statuses(&check(folder.path("video"))),
        [BadLine, BadLine, Gap]
    );
}

/// The first 128 characters of the first leaf list: three leaves.
fn sidecar_leaf(json: &str) -> String {
    let (_, leaves) = json.split_once("\"leaves\":\"").unwrap();
    leaves[..128].to_owned()
}

#[test]
fn signing_goes_on_from_a_sidecar_and_back_to_lines() {
    let folder = vod();
    sign_with(folder.0.clone(), &beside(true, false)).unwrap();
    let before = folder.all();
    let again = sign_with(folder.0.clone(), &beside(true, false)).unwrap();
    assert!(again.iter().all(|signed| !signed.changed));
    assert_eq!(folder.all(), before);

    let stream = sidecar(&folder).stream;
    let error = sign_with(folder.0.clone(), &beside(false, false)).unwrap_err();
    assert!(error.what.contains("give --key FILE"), "{error}");
    folder.put("video/b.m4s", media(9, 16_384));
    sign_with(folder.0.clone(), &beside(true, false)).unwrap();
    let after = sidecar(&folder);
    assert_eq!(after.stream, stream);
    let seqs: Vec<_> = after.tracks[0]
        .segments
        .iter()
        .map(|each| each.signed.unwrap().0)
        .collect();
    assert_eq!(seqs, [0, 2]);
    sign_with(folder.0.clone(), &sealing()).unwrap();
    let text = folder.text("video/v.m3u8");
    assert!(!text.contains(POINTER) && text.contains("SEQ=2") && text.contains(&stream.unwrap()));
    assert!(check_key(folder.0.clone(), &key().public_key()).ok);
}

#[test]
fn long_finished_playlists_have_one_by_themselves() {
    let playlist = |count: usize, end: &str| {
        let segment = |number: usize| format!("#EXTINF:2,\n{number}.ts\n");
        let body: String = (0..count).map(segment).collect();
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n{body}{end}")
    };
    let (folder, out) = (Folder::new(), Folder::new());
    for number in 0..201 {
        folder.put(&format!("{number}.ts"), number.to_string());
    }
    folder.put("v.m3u8", playlist(201, "#EXT-X-ENDLIST\n"));
    folder.put("short.m3u8", playlist(200, "#EXT-X-ENDLIST\n"));
    folder.put("grows.m3u8", playlist(201, ""));
    let sources = [folder.0.clone()];
    let sign = |options: &SignOptions| {
        let mut silent = swarmline::publish::Progress::silent();
        swarmline::publish::sign(&sources, Some(&out.0), options, &mut silent).unwrap();
    };
    sign(&SignOptions::default());
    assert!(out.text("v.m3u8").contains(POINTER) && !out.text("v.m3u8").contains(TAG));
    assert_eq!(out.text("short.m3u8").matches(TAG).count(), 200);
    assert_eq!(out.text("grows.m3u8").matches(TAG).count(), 201);
    assert!(check(out.0.clone()).ok);
    sign(&SignOptions {
        sidecar: SidecarUse::Never,
        ..SignOptions::default()
    });
    assert_eq!(out.text("v.m3u8").matches(TAG).count(), 201);
    assert!(check(out.0.clone()).ok);
}

/// A sidecar tells of an address once, so it cannot give two places in a track a SEQ each.
#[test]
fn what_stands_twice_has_lines() {
    let folder = Folder::new();
    folder.put("ad.ts", "ad");
    folder.put("a.ts", "a");
    folder.put(
        "v.m3u8",
        "#EXTM3U\nad.ts\na.ts\nad.ts?again\n#EXT-X-ENDLIST\n",
    );
    let sealed = sign_with(folder.0.clone(), &beside(true, false)).unwrap();
    assert_eq!((sealed[0].segments, &sealed[0].sidecar), (3, &None));
    assert!(folder.text("v.m3u8").contains("SEQ=2"));
    assert!(check_key(folder.0.clone(), &key().public_key()).ok);
}
