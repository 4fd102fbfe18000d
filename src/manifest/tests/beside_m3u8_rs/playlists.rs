//! Media playlists as servers write them, and ways to damage a text.

use super::mends::{Line, join, lines};
use crate::base::Rng;
use crate::integrity::sha256;
use core::fmt::Write;

fn one_in(rng: &mut Rng, count: u32) -> bool {
    rng.below(count) == 0
}

fn pick<'a, T: ?Sized>(rng: &mut Rng, from: &[&'a T]) -> &'a T {
    from[rng.below(from.len() as u32) as usize]
}

/// A legal playlist or, in every third, one with habits that real servers have and the RFC does not.
pub(super) fn write(rng: &mut Rng) -> String {
    let habits = one_in(rng, 3);
    let mut text = String::from("#EXTM3U\n");
    head(rng, habits, &mut text);
    for number in 0..rng.below(9) {
        segment(rng, habits, number, &mut text);
    }
    if one_in(rng, 3) {
        text.push_str(pick(
            rng,
            &[
                "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"next\"\n",
                "#EXT-X-RENDITION-REPORT:URI=\"../low.m3u8\",LAST-MSN=9\n",
                "#EXT-X-DISCONTINUITY\n",
                "#EXT-X-GAP\n",
            ],
        ));
    }
    if one_in(rng, 2) {
        text.push_str("#EXT-X-ENDLIST\n");
    }
    if one_in(rng, 4) {
        text = text.replace('\n', "\r\n");
    }
    if one_in(rng, 6) {
        text.truncate(text.trim_end().len());
    }
    text
}

fn head(rng: &mut Rng, habits: bool, text: &mut String) {
    let target = if habits {
        pick(rng, &["4.5", " 6", "10.", "4"])
    } else {
        pick(rng, &["4", "6", "10", "18446744073709551615"])
    };
    let _ = writeln!(text, "#EXT-X-TARGETDURATION:{target}");
    if !one_in(rng, 4) {
        let first = u64::from(rng.next_u32()) << rng.below(33);
        let _ = writeln!(text, "#EXT-X-MEDIA-SEQUENCE:{first}");
    }
    for tag in [
        "#EXT-X-VERSION:7",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        "#EXT-X-PLAYLIST-TYPE:EVENT",
        "#EXT-X-DISCONTINUITY-SEQUENCE:3",
        "#EXT-X-START:TIME-OFFSET=-12.5,PRECISE=YES",
        "#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL=24,CAN-BLOCK-RELOAD=YES",
        "#EXT-X-PART-INF:PART-TARGET=0.5",
        "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"",
        "#EXT-X-SKIP:SKIPPED-SEGMENTS=12",
        "#EXT-X-SKIP:SKIPPED-SEGMENTS=3,RECENTLY-REMOVED-DATERANGES=\"a\tb\"",
        "#EXT-X-BITRATE:800",
    ] {
        if one_in(rng, 5) {
            let _ = writeln!(text, "{tag}");
        }
    }
    if one_in(rng, 20) {
        text.push_str("#EXT-X-I-FRAMES-ONLY\n");
    }
}

fn segment(rng: &mut Rng, habits: bool, number: u32, text: &mut String) {
    let mut tags = Vec::new();
    if one_in(rng, 3) {
        // As m3u8-rs would write it; other spellings of a time are a habit like others.
        let zone = if habits { "Z" } else { "+00:00" };
        tags.push(format!(
            "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:0{number}{zone}"
        ));
    }
    if one_in(rng, 3) {
        let len = 1 + rng.below(1_000_000);
        let offset = if one_in(rng, 2) { "@0" } else { "" };
        tags.push(format!("#EXT-X-BYTERANGE:{len}{offset}"));
    }
    if one_in(rng, 3) {
        let root = sha256(&number.to_le_bytes()).to_base64();
        let size = rng.below(3); // now and then 0, which is no size
        tags.push(format!(
            "#EXT-X-SWARMLINE-DIGEST:SIZE={size},ROOT=\"{root}\""
        ));
    }
    for tag in [
        "#EXT-X-GAP",
        "#EXT-X-DISCONTINUITY",
        "#EXT-X-MAP:URI=\"init.mp4\",BYTERANGE=\"700@0\"",
        "#EXT-X-KEY:METHOD=AES-128,URI=\"https://k/?a=b,c\",IV=0x1234",
        "#EXT-X-KEY:METHOD=NONE",
        "#EXT-X-DATERANGE:ID=\"ad\",START-DATE=\"2026-01-01T00:00:00Z\",X-COM=\"a=b\"",
        "#EXT-X-PART:DURATION=0.5,URI=\"part.m4s\",INDEPENDENT=YES",
        "#EXT-X-CUE-OUT:30",
        "# a comment, with = and :",
        "#",
        "",
    ] {
        if one_in(rng, 8) {
            tags.push(tag.to_owned());
        }
    }
    let whole = rng.next_u32() >> rng.below(33).min(31);
    let fraction = rng.next_u32() >> rng.below(33).min(31);
    let title = if habits {
        pick(rng, &[", a, b", ",,", ",a=b", ""])
    } else {
        pick(rng, &[",", ",", ",a title", ",=:#é", ""])
    };
    tags.push(match rng.below(4) {
        0 => format!("#EXTINF:{}{title}", whole % 20),
        1 => format!("#EXTINF:{}.{fraction:03}{title}", whole % 20),
        2 if habits => format!("#EXTINF: .{fraction}{title}"),
        _ => format!("#EXTINF:{whole}.{fraction}{title}"),
    });
    while !tags.is_empty() {
        let tag = tags.swap_remove(rng.below(tags.len() as u32) as usize);
        let _ = writeln!(text, "{tag}");
    }
    let folder = pick(
        rng,
        &["", "../a/", "/", "https://other.test/", "é%20/", ",/"],
    );
    let query = pick(rng, &["", "", "?a=b&c=d,e", "#f"]);
    let space = if habits {
        pick(rng, &["", " ", "\t"])
    } else {
        ""
    };
    let _ = writeln!(text, "{space}{folder}seg{number}.m4s{query}{space}");
}

/// The text with up to three damages. The first line is not for this reader to judge, and m3u8-rs
/// knows no `EXT-X-SKIP`, so those lines may move but stay whole.
pub(super) fn damage(rng: &mut Rng, text: &str) -> String {
    let mut lines = lines(text);
    for _ in 0..1 + rng.below(3) {
        let count = lines.len() as u32;
        if count < 3 {
            break;
        }
        let at = 1 + rng.below(count - 1) as usize;
        match rng.below(8) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => {
                let other = 1 + rng.below(count - 1) as usize;
                let body = lines[at].body.clone();
                lines[at].body = core::mem::replace(&mut lines[other].body, body);
            }
            _ if lines[at].body.starts_with("#EXT-X-SKIP") => {}
            3 => lines[at].end = pick(rng, &["\n", "\r\n", ""]),
            4 => {
                let junk = pick(
                    rng,
                    &["#EXT-X-", "#EXT-X-BYTERANGE:", "a.ts", "#EXTINF:", "="],
                );
                lines[at].body.insert_str(0, junk);
            }
            _ => one_character(rng, &mut lines[at]),
        }
    }
    for at in 1..lines.len() {
        let skip = |line: &Line| line.body.contains("#EXT-X-SKIP");
        if lines[at - 1].end.is_empty() && (skip(&lines[at - 1]) || skip(&lines[at])) {
            lines[at - 1].end = "\n";
        }
    }
    join(&lines)
}

/// Takes a character away, puts one in, or puts one in place of another. Half of them near a number
/// or at the end, where tags are sensitive.
fn one_character(rng: &mut Rng, line: &mut Line) {
    let mut characters: Vec<char> = line.body.chars().collect();
    let colon = characters.iter().position(|&c| c == ':').unwrap_or(0) as u32;
    let len = characters.len() as u32;
    let at = match rng.below(4) {
        0 => len,
        1 => (colon + rng.below(4)).min(len),
        _ => rng.below(len + 1),
    } as usize;
    let all: Vec<char> = ",.:=@\"# \t\r09x{$é-\u{85}/".chars().collect();
    let new = all[rng.below(all.len() as u32) as usize];
    match rng.below(3) {
        0 if at < characters.len() => drop(characters.remove(at)),
        1 if at < characters.len() => characters[at] = new,
        _ => characters.insert(at, new),
    }
    line.body = characters.into_iter().collect();
    if one_in(rng, 20) {
        line.body.push_str("{$a}");
    }
}
