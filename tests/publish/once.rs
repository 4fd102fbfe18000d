//! Streams signed once, in place and elsewhere, and checked.

use crate::folder::{Folder, VIDEO, check, media, vod};
use std::fs;
use std::path::PathBuf;
use swarmline::integrity::tag::TAG;
use swarmline::publish::{
    Progress, PublishError, Report, SignOptions, Signed, Status, sign, strip_playlist,
};

fn sign_in_place(path: PathBuf) -> Result<Vec<Signed>, PublishError> {
    sign(
        &[path],
        None,
        &SignOptions::default(),
        &mut Progress::silent(),
    )
}

fn sign_to(source: PathBuf, out: &Folder) -> Result<Vec<Signed>, PublishError> {
    sign(
        &[source],
        Some(&out.0),
        &SignOptions::default(),
        &mut Progress::silent(),
    )
}

fn verdicts(report: &Report) -> Vec<(&str, Status)> {
    let segments = report
        .playlists
        .iter()
        .flat_map(|playlist| &playlist.segments);
    segments
        .map(|segment| (segment.uri.as_str(), segment.status))
        .collect()
}

#[test]
fn what_was_signed_verifies_and_one_flipped_byte_does_not() {
    use Status::{Gap, Mismatch, NoDigest, Ok, Unreadable};
    let folder = vod();
    let names = ["all.mp4", "all.mp4", "a%201.m4s?x=1", "b.m4s", "c.m4s"];
    let expect = |statuses: [Status; 5]| {
        let report = check(folder.path("master.m3u8"));
        assert_eq!(
            verdicts(&report),
            names.into_iter().zip(statuses).collect::<Vec<_>>()
        );
        assert_eq!(report.ok, statuses.iter().all(|status| status.is_good()));
    };
    expect([NoDigest, NoDigest, NoDigest, NoDigest, Gap]);
    sign_in_place(folder.path("master.m3u8")).unwrap();
    expect([Ok, Ok, Ok, Ok, Gap]);

    let mut bytes = media(2, 16_384);
    bytes[16_383] ^= 1;
    folder.put("video/b.m4s", &bytes);
    expect([Ok, Ok, Ok, Mismatch, Gap]);
    folder.put("video/b.m4s", &media(2, 16_384)[1..]);
    expect([Ok, Ok, Ok, Mismatch, Gap]);
    fs::remove_file(folder.path("video/b.m4s")).unwrap();
    expect([Ok, Ok, Ok, Unreadable, Gap]);

    let mut bytes = media(3, 50_100);
    bytes[99] ^= 1; // before the first range: nobody's
    bytes[20_100] ^= 1; // the second one's first byte
    folder.put("audio/all.mp4", bytes);
    expect([Ok, Mismatch, Ok, Unreadable, Gap]);
}

#[test]
fn signing_inserts_lines_and_touches_nothing_else() {
    let folder = vod();
    let before = folder.all();
    sign_in_place(folder.0.clone()).unwrap();
    let after = folder.all();
    assert_eq!(before.len(), after.len(), "no file came or went");
    for ((name, old), (_, new)) in before.iter().zip(&after) {
        if name.ends_with("v.m3u8") || name.ends_with("a.m3u8") {
            let signed = String::from_utf8(new.clone()).unwrap();
            assert_eq!(signed.matches(TAG).count(), 2, "{name}");
            assert_eq!(strip_playlist(&signed).as_bytes(), old, "{name}");
        } else {
            assert_eq!(old, new, "{name}");
        }
    }
    let size = TAG.to_owned() + "SIZE=70000,ROOT=\"";
    let text = folder.text("video/v.m3u8");
    let (above, below) = text.split_once(&size).expect("its line");
    assert!(above.ends_with("#EXTINF:4,\r\n"), "{above}");
    assert!(
        below[44..].starts_with("\"\r\na%201.m4s?x=1\r\n"),
        "{below}"
    );
}

#[test]
fn signing_again_changes_nothing_and_new_bytes_give_new_lines() {
    let folder = vod();
    let first = sign_in_place(folder.0.clone()).unwrap();
    assert_eq!(first.iter().filter(|signed| signed.changed).count(), 2);
    let files = folder.all();
    let second = sign_in_place(folder.0.clone()).unwrap();
    assert!(second.iter().all(|signed| !signed.changed));
    assert_eq!(folder.all(), files);
    folder.put("video/b.m4s", media(7, 40_000));
    assert!(!check(folder.0.clone()).ok);
    sign_in_place(folder.0.clone()).unwrap();
    assert!(check(folder.0.clone()).ok);
    assert_eq!(folder.text("video/v.m3u8").matches(TAG).count(), 2);
}

#[test]
fn a_folder_signed_elsewhere_plays_by_itself_and_the_source_stays_as_it_was() {
    let (folder, out) = (vod(), Folder::new());
    folder.put("video/d.m3u8.tmp", "#EXTM3U\n");
    let before = folder.all();
    sign_to(folder.0.clone(), &out).unwrap();
    assert_eq!(folder.all(), before);
    assert!(check(out.path("master.m3u8")).ok);
    let names = |files: Vec<(String, Vec<u8>)>| files.into_iter().map(|(name, _)| name);
    let expected = names(before).filter(|name| !name.ends_with(".tmp"));
    assert_eq!(
        names(out.all()).collect::<Vec<_>>(),
        expected.collect::<Vec<_>>()
    );
    // Again, and with the target inside of the source.
    assert!(
        sign_to(folder.0.clone(), &out)
            .unwrap()
            .iter()
            .all(|signed| !signed.changed)
    );
    let inside = folder.path("signed");
    for _ in 0..2 {
        sign(
            std::slice::from_ref(&folder.0),
            Some(&inside),
            &SignOptions::default(),
            &mut Progress::silent(),
        )
        .unwrap();
        assert!(check(inside.join("master.m3u8")).ok && !inside.join("signed").exists());
    }
}

#[test]
fn a_playlist_signed_elsewhere_brings_playlists_only() {
    let (folder, out) = (vod(), Folder::new());
    let signed = sign_to(folder.path("master.m3u8"), &out).unwrap();
    let names: Vec<_> = out.all().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["audio/a.m3u8", "master.m3u8", "video/v.m3u8"]);
    assert_eq!(
        signed.last().unwrap().path,
        out.path("master.m3u8"),
        "after those it names"
    );
    assert_eq!(strip_playlist(&out.text("video/v.m3u8")), VIDEO);
}

#[test]
fn what_cannot_be_signed_says_why_and_leaves_all_as_it_was() {
    let media = |body: &str| format!("#EXTM3U\n{body}\n#EXT-X-ENDLIST\n");
    for (text, expected) in [
        (
            "#EXTM3U\n#EXTINF:4,\nb.m4s\n".to_owned(),
            "still growing (no #EXT-X-ENDLIST)",
        ),
        (
            media("https://cdn.example/a.ts"),
            "line 2: https://cdn.example/a.ts is an absolute https URI",
        ),
        (media("/a.ts"), "line 2: /a.ts starts at a server's root"),
        (media("b.m4s\nnone.ts"), "none.ts: no such file"),
        (
            media("#EXT-X-BYTERANGE:20000@1\nb.m4s"),
            "the playlist names bytes up to 20001, the file has 16384",
        ),
        (media("empty.ts"), "empty.ts: no bytes in it"),
        (
            media("#EXT-X-BYTERANGE:5\nb.m4s"),
            "line 3: byte range of b.m4s has no offset",
        ),
        ("MPD".to_owned(), "not an HLS playlist"),
        ("<html/>".to_owned(), "no MPD"),
    ] {
        let folder = vod();
        folder.put("video/empty.ts", "");
        folder.put("video/z.m3u8", text);
        let before = folder.all();
        let error = sign_in_place(folder.path("video")).unwrap_err().to_string();
        assert!(
            error.contains(expected) && error.contains("z.m3u8: "),
            "{error}"
        );
        assert!(!error.contains('\n'));
        assert_eq!(folder.all(), before, "{expected}");
    }
    let folder = Folder::new();
    let error = sign_in_place(folder.0.clone()).unwrap_err().to_string();
    assert!(
        error.ends_with("no playlist (.m3u8, .mpd) in this folder"),
        "{error}"
    );
    let error = sign_in_place(folder.path("none.m3u8"))
        .unwrap_err()
        .to_string();
    assert!(error.ends_with("none.m3u8: no such file"), "{error}");
}

#[test]
fn a_playlist_outside_of_the_target_folder_is_refused() {
    let (folder, out) = (vod(), Folder::new());
    folder.put(
        "sub/master.m3u8",
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n../video/v.m3u8\n",
    );
    let error = sign_to(folder.path("sub/master.m3u8"), &out)
        .unwrap_err()
        .to_string();
    assert!(error.contains("sign the folder that holds both"), "{error}");
    assert!(out.all().is_empty());
    let both = [folder.path("video/v.m3u8"), folder.path("sub/v.m3u8")];
    folder.put("sub/v.m3u8", "#EXTM3U\n#EXT-X-ENDLIST\n");
    let error = sign(
        &both,
        Some(&out.0),
        &SignOptions::default(),
        &mut Progress::silent(),
    )
    .unwrap_err()
    .to_string();
    assert!(error.contains("would be written over"), "{error}");
}
