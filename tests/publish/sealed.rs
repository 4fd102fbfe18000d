//! Streams signed with a key: what it proves, and how signing goes on.

use crate::folder::{Folder, check, check_key, key, media, sealing, sign_with, statuses, vod};
use std::fs;
use std::path::Path;
use swarmline::integrity::tag::{DigestTag, TAG};
use swarmline::integrity::{Seal, SecretKey, sha256};
use swarmline::publish::Status::{
    BadSignature, Gap, Mismatch, NoDigest, Ok, OtherTrack, SeqNotRising,
};
use swarmline::publish::{
    Progress, SidecarUse, SignOptions, Watched, read_key, sign, strip_playlist, watch,
    write_new_key,
};

/// The seals in a playlist's text, in order.
fn seals(text: &str) -> Vec<Seal> {
    let lines = text.lines().filter_map(DigestTag::parse_line);
    lines.map(|tag| tag.unwrap().seal.unwrap()).collect()
}

fn seqs(text: &str) -> Vec<u64> {
    seals(text).iter().map(|seal| seal.seq).collect()
}

#[test]
fn what_was_sealed_verifies_with_its_key_and_no_other() {
    let folder = vod();
    let public = key().public_key();
    let video = folder.path("video/v.m3u8");
    assert_eq!(
        statuses(&check_key(video.clone(), &public)),
        [NoDigest, NoDigest, Gap]
    );
    sign_with(folder.0.clone(), &SignOptions::default()).unwrap();
    let unsealed = check_key(video.clone(), &public);
    assert_eq!(statuses(&unsealed), [BadSignature, BadSignature, Gap]);
    assert_eq!(
        unsealed.playlists[0].segments[0].detail.as_deref(),
        Some("not signed")
    );

    sign_with(folder.0.clone(), &sealing()).unwrap();
    let sealed = check_key(folder.0.clone(), &public);
    assert_eq!(statuses(&sealed), [Ok, Ok, Ok, Ok, Gap]);
    assert!(sealed.ok && sealed.signatures_checked && check(folder.0.clone()).ok);
    let other = SecretKey::from_bytes(&[8; 32]).public_key();
    assert_eq!(
        statuses(&check_key(video, &other)),
        [BadSignature, BadSignature, Gap]
    );

    let (video, audio) = (folder.text("video/v.m3u8"), folder.text("audio/a.m3u8"));
    let (video, audio) = (seals(&video), seals(&audio));
    assert_eq!(
        (video[0].track.as_str(), audio[0].track.as_str()),
        ("video/v.m3u8", "audio/a.m3u8")
    );
    assert!(
        video
            .iter()
            .chain(&audio)
            .all(|seal| seal.stream == video[0].stream)
    );
    assert_eq!(
        video.iter().map(|seal| seal.seq).collect::<Vec<_>>(),
        [0, 1]
    );
}

#[test]
fn a_line_cannot_stand_for_another_segment() {
    let folder = vod();
    // Two renditions of the same bytes: only the signature tells them apart.
    folder.put("low/v.m3u8", crate::folder::VIDEO);
    for (name, bytes) in folder.all() {
        if let Some(name) = name.strip_prefix("video/").filter(|name| *name != "v.m3u8") {
            folder.put(&format!("low/{name}"), bytes);
        }
    }
    sign_with(folder.0.clone(), &sealing()).unwrap();
    let public = key().public_key();
    let verdicts = |text: &str| {
        folder.put("video/x.m3u8", text);
        statuses(&check_key(folder.path("video/x.m3u8"), &public))
    };
    let text = folder.text("video/v.m3u8");
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(TAG)).collect();
    assert_eq!(verdicts(&text), [Ok, Ok, Gap]);

    let swapped = text.replace(lines[0], "first").replace(lines[1], lines[0]);
    let swapped = swapped.replace("first", lines[1]);
    assert_eq!(verdicts(&swapped), [Mismatch, Mismatch, Gap]);
    assert_eq!(
        verdicts(&text.replace("SEQ=1", "SEQ=7")),
        [Ok, BadSignature, Gap]
    );
    let again = text.replace(
        "b.m4s\r\n",
        &format!("b.m4s\r\n#EXTINF:4,\r\n{}\r\na%201.m4s?x=1\r\n", lines[0]),
    );
    assert_eq!(
        verdicts(&again),
        [Ok, Ok, SeqNotRising, Gap],
        "an old line again"
    );
    let low = folder.text("low/v.m3u8");
    let low = low
        .lines()
        .filter(|line| line.starts_with(TAG))
        .nth(1)
        .unwrap();
    assert_eq!(
        verdicts(&text.replace(lines[1], low)),
        [Ok, OtherTrack, Gap]
    );
}

#[test]
fn signing_again_changes_nothing_and_a_changed_segment_is_a_later_one() {
    let folder = vod();
    sign_with(folder.0.clone(), &sealing()).unwrap();
    let before = folder.all();
    let again = sign_with(folder.0.clone(), &sealing()).unwrap();
    assert!(again.iter().all(|signed| !signed.changed));
    assert_eq!(folder.all(), before);

    let stream = seals(&folder.text("video/v.m3u8"))[0].stream.clone();
    folder.put("video/a 1.m4s", media(7, 40_000));
    sign_with(folder.0.clone(), &sealing()).unwrap();
    assert!(check_key(folder.0.clone(), &key().public_key()).ok);
    let after = folder.text("video/v.m3u8");
    assert_eq!(
        seqs(&after),
        [2, 3],
        "what follows a new segment is above it"
    );
    assert!(seals(&after).iter().all(|seal| seal.stream == stream));
    assert_eq!(
        seqs(&folder.text("audio/a.m3u8")),
        [0, 1],
        "a track by itself"
    );

    // Another key is another signer, another broadcast.
    let other = SignOptions {
        key: Some(SecretKey::from_bytes(&[8; 32])),
        ..SignOptions::default()
    };
    sign_with(folder.0.clone(), &other).unwrap();
    let text = folder.text("video/v.m3u8");
    assert_eq!(seqs(&text), [0, 1]);
    assert_ne!(seals(&text)[0].stream, stream);
}

#[test]
fn a_forgotten_key_is_told_and_changes_nothing() {
    let folder = vod();
    sign_with(folder.0.clone(), &sealing()).unwrap();
    let before = folder.all();
    let error = sign_with(folder.0.clone(), &SignOptions::default()).unwrap_err();
    assert!(error.to_string().contains("give --key FILE"), "{error}");
    assert_eq!(folder.all(), before);
    let bare = strip_playlist(&folder.text("video/v.m3u8"));
    folder.put("video/v.m3u8", bare);
    sign_with(folder.path("video"), &SignOptions::default()).unwrap();
}

#[test]
fn two_playlists_of_one_name_are_not_signed_together() {
    let (one, two) = (vod(), vod());
    let sources = [one.path("video"), two.path("video")];
    let sign = |options: &SignOptions| sign(&sources, None, options, &mut Progress::silent());
    let error = sign(&sealing()).unwrap_err().to_string();
    assert!(error.contains("would be signed as \"v.m3u8\""), "{error}");
    assert!(!one.text("video/v.m3u8").contains(TAG));
    sign(&SignOptions::default()).unwrap();
}

#[test]
fn a_restarted_watch_goes_on_where_the_last_one_ended() {
    let (live, out) = (Folder::new(), Folder::new());
    let follow = |first: u32, count: u32| {
        let mut text = format!("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
        for number in first..first + count {
            live.put(
                &format!("{number}.ts"),
                media(u8::try_from(number).unwrap(), 20_000),
            );
            text += &format!("#EXTINF:2,\n{number}.ts\n");
        }
        live.put("live.m3u8", text + "#EXT-X-ENDLIST\n");
        let options = SignOptions {
            sidecar: SidecarUse::Always, // which is not for what is followed
            ..sealing()
        };
        let mut say = |watched| assert!(matches!(watched, Watched::Signed(_)), "{watched:?}");
        watch(
            std::slice::from_ref(&live.0),
            &out.0,
            &options,
            &mut say,
            &|| false,
        )
        .unwrap();
        seals(&out.text("live.m3u8"))
    };
    let first = follow(0, 4);
    assert_eq!(
        first.iter().map(|seal| seal.seq).collect::<Vec<_>>(),
        [0, 1, 2, 3]
    );
    let second = follow(2, 4);
    assert_eq!(second[..2], first[2..], "what stayed has its old seal");
    assert_eq!(
        second.iter().map(|seal| seal.seq).collect::<Vec<_>>(),
        [2, 3, 4, 5]
    );
    let third = follow(50, 2);
    assert_eq!(
        third.iter().map(|seal| seal.seq).collect::<Vec<_>>(),
        [6, 7]
    );
    assert_eq!(third[0].stream, first[0].stream);
    assert!(check_key(out.0.clone(), &key().public_key()).ok);
}

#[test]
fn a_whole_sha256_stands_beside_the_tree_and_is_checked() {
    let folder = vod();
    let options = SignOptions {
        sha256: true,
        ..SignOptions::default()
    };
    sign_with(folder.0.clone(), &options).unwrap();
    let text = folder.text("video/v.m3u8");
    let whole = sha256(&media(2, 16_384)).to_base64();
    assert!(text.contains(&format!(",SHA256=\"{whole}\"")), "{text}");
    assert!(check(folder.0.clone()).ok);
    let wrong = sha256(b"").to_base64();
    folder.put(
        "video/v.m3u8",
        text.replace(&format!("SHA256=\"{whole}"), &format!("SHA256=\"{wrong}")),
    );
    assert_eq!(statuses(&check(folder.path("video"))), [Ok, Mismatch, Gap]);
    sign_with(folder.0.clone(), &SignOptions::default()).unwrap();
    assert!(!folder.text("video/v.m3u8").contains("SHA256"));
}

#[test]
fn a_key_file_is_the_owners_and_is_never_written_over() {
    let folder = Folder::new();
    let path = folder.path("live.key");
    let key = write_new_key(&path).unwrap();
    let public = key.public_key();
    assert_eq!(read_key(&path).unwrap().public_key(), public);
    #[cfg(unix)]
    {
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    let before = folder.all();
    let error = write_new_key(&path).unwrap_err().to_string();
    assert!(error.contains(&public.to_base64()), "{error}");
    folder.put("other", "something else");
    let error = write_new_key(&folder.path("other"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("exists, and stays"), "{error}");
    assert_eq!(folder.all()[0], before[0]);

    folder.put("public.key", public.to_base64());
    folder.put("cut.key", &folder.text("live.key")[..50]);
    folder.put("long.key", folder.text("live.key") + &"x".repeat(5_000));
    for name in ["public.key", "cut.key", "long.key", "other"] {
        let error = read_key(&folder.path(name)).unwrap_err().to_string();
        assert!(
            error.ends_with("is no secret key; `swarmline keygen` makes one"),
            "{error}"
        );
    }
    let error = read_key(Path::new("no-such.key")).unwrap_err().to_string();
    assert_eq!(error, "no-such.key: no such file");
}
