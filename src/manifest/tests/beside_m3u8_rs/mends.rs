//! What m3u8-rs 6.0.1 misreads, and a line in its place that it reads as RFC 8216 has it. Lines that it
//! accepts and the RFC forbids, or that mean another segment than it says, become an illegal tag.
//!
//! Written without our reader: each mend decides by the look of a line.

/// The tag that stands for a line which must be refused.
pub(super) const ILLEGAL: &str = "X-ILLEGAL";
const ILLEGAL_LINE: &str = "#EXT-X-ILLEGAL";
/// PROGRAM-DATE-TIME under a name that m3u8-rs does not know.
pub(super) const DATE_TIME_TEXT: &str = "X-PROGRAM-DATE-TIME-TEXT";
const DATE_TIME: &str = "#EXT-X-PROGRAM-DATE-TIME:";

/// A line and what ends it.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) body: String,
    pub(super) end: &'static str,
}

/// The lines of a text.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let whole = text.split_inclusive('\n');
    let lines = whole.map(|line| match line.strip_suffix("\r\n") {
        Some(body) => (body, "\r\n"),
        None => line
            .strip_suffix('\n')
            .map_or((line, ""), |body| (body, "\n")),
    });
    let line = |(body, end): (&str, _)| Line {
        body: body.to_owned(),
        end,
    };
    lines.map(line).collect()
}

pub(super) fn join(lines: &[Line]) -> String {
    lines
        .iter()
        .flat_map(|line| [line.body.as_str(), line.end])
        .collect()
}

/// What m3u8-rs gets wrong, and the rewriting.
type Mend = (&'static str, fn(&mut [Line]));

/// All mends, in this order.
pub(super) const MENDS: [Mend; 13] = [
    ("space around a line (it stays in a URI)", trim),
    ("a carriage return within a line", lone_return),
    ("a duration without its first digit", no_digit),
    ("a comma in a title", comma_in_title),
    ("a comma that begins the line behind EXTINF", leading_comma),
    ("a TARGETDURATION that is no integer", target_duration),
    ("something behind a number", number_with_a_tail),
    ("a tag that begins like another", prefix),
    (
        "an attribute list that goes on in the next line",
        broken_list,
    ),
    ("a date (the time is kept, not the text)", date_text),
    ("a segment without EXTINF", no_duration),
    ("a variable in a URI", variable),
    ("a tag that ends the text", unended_tag),
];

/// The text as m3u8-rs must see it.
pub(super) fn mend(text: &str) -> String {
    mend_but(text, MENDS.len())
}

/// The same without one of the mends.
pub(super) fn mend_but(text: &str, left_out: usize) -> String {
    let mut lines = lines(text);
    for (index, (_, rewrite)) in MENDS.iter().enumerate() {
        if index != left_out {
            rewrite(&mut lines);
        }
    }
    join(&lines)
}

/// Rewrites the lines for which there is another.
fn each(lines: &mut [Line], other: impl Fn(&str) -> Option<String>) {
    for line in lines {
        if let Some(other) = other(&line.body) {
            line.body = other;
        }
    }
}

fn trim(lines: &mut [Line]) {
    let space = |c: char| c.is_ascii_whitespace();
    each(lines, |body| Some(body.trim_matches(space).to_owned()));
}

fn lone_return(lines: &mut [Line]) {
    each(lines, |body| {
        body.contains('\r').then(|| ILLEGAL_LINE.to_owned())
    });
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The value of a tag; a tag without a colon has an empty one.
fn value<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let rest = body.strip_prefix(name)?;
    if rest.is_empty() {
        return Some("");
    }
    rest.strip_prefix(':')
}

/// Digits, and a point with digits, at the start of a text.
fn number(text: &str) -> &str {
    let run = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = run(text);
    let fraction = text[whole..].strip_prefix('.').map_or(0, run);
    let len = whole + if fraction > 0 { 1 + fraction } else { 0 };
    &text[..len]
}

fn no_digit(lines: &mut [Line]) {
    each(lines, |body| {
        let value = value(body, "#EXTINF")?;
        if value.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let value = value.trim_start();
        let zero = if value.starts_with(|c: char| c.is_ascii_digit()) {
            ""
        } else {
            "0"
        };
        Some(format!("#EXTINF:{zero}{value}"))
    });
}

fn comma_in_title(lines: &mut [Line]) {
    each(lines, |body| {
        let value = value(body, "#EXTINF")?;
        let number = number(value);
        let title = &value[number.len()..];
        let fine = title.is_empty() || (title.starts_with(',') && !title[1..].contains(','));
        (!fine).then(|| format!("#EXTINF:{number},"))
    });
}

/// One character behind EXTINF and then a comma are taken for the title's end. A carriage return more
/// keeps the comma.
fn leading_comma(lines: &mut [Line]) {
    for at in 1..lines.len() {
        if lines[at].body.starts_with(',') && value(&lines[at - 1].body, "#EXTINF").is_some() {
            lines[at - 1].end = "\r\n";
        }
    }
}

fn target_duration(lines: &mut [Line]) {
    each(lines, |body| {
        let value = value(body, "#EXT-X-TARGETDURATION")?;
        if is_digits(value) && value.parse::<u64>().is_ok() {
            return None;
        }
        let value = value.trim_start();
        let digits = &value[..value.bytes().take_while(u8::is_ascii_digit).count()];
        let whole = match digits {
            "" => 0,
            digits => digits.parse().unwrap_or(u64::MAX),
        };
        Some(format!("#EXT-X-TARGETDURATION:{whole}"))
    });
}

fn number_with_a_tail(lines: &mut [Line]) {
    let integer = |text: &str| text.parse::<u64>().ok().filter(|_| is_digits(text));
    each(lines, |body| {
        let fine = if let Some(value) = value(body, "#EXT-X-MEDIA-SEQUENCE") {
            integer(value).is_some()
        } else {
            let (len, offset) = match value(body, "#EXT-X-BYTERANGE")?.split_once('@') {
                Some((len, offset)) => (integer(len), integer(offset)),
                None => (integer(value(body, "#EXT-X-BYTERANGE")?), Some(0)),
            };
            len.is_some_and(|len| len > 0) && offset.is_some()
        };
        (!fine).then(|| ILLEGAL_LINE.to_owned())
    });
}

fn prefix(lines: &mut [Line]) {
    each(lines, |body| {
        for name in ["#EXT-X-ENDLIST", "#EXT-X-I-FRAMES-ONLY"] {
            if let Some(value) = value(body, name) {
                return (!value.is_empty() || body.ends_with(':')).then(|| name.to_owned());
            }
        }
        let fine = match body.split_once(':').unwrap_or((body, "")) {
            ("#EXT-X-VERSION", version) => is_digits(version),
            ("#EXT-X-DISCONTINUITY-SEQUENCE", number) => {
                is_digits(number) && number.parse::<u64>().is_ok()
            }
            _ => {
                let names = [
                    "#EXT-X-ENDLIST",
                    "#EXT-X-I-FRAMES-ONLY",
                    "#EXT-X-DISCONTINUITY",
                    "#EXT-X-INDEPENDENT-SEGMENTS",
                ];
                names
                    .iter()
                    .all(|name| body == *name || !body.starts_with(name))
            }
        };
        (!fine).then(|| "#".to_owned())
    });
}

fn broken_list(lines: &mut [Line]) {
    each(lines, |body| {
        let names = ["KEY", "MAP", "DATERANGE", "START"];
        let list = names
            .iter()
            .find_map(|name| body.strip_prefix("#EXT-X-")?.strip_prefix(name))?
            .strip_prefix(':')?;
        (!is_list(list)).then(|| "#".to_owned())
    });
}

/// Whether a text is `NAME=VALUE,NAME="VALUE"`, with something in each place.
fn is_list(mut list: &str) -> bool {
    loop {
        let Some((name, rest)) = list.split_once('=') else {
            return false;
        };
        let end = match rest.strip_prefix('"') {
            Some(quoted) => quoted.find('"').map(|at| at + 2).filter(|&end| end > 2),
            None => Some(rest.find(',').unwrap_or(rest.len())).filter(|&end| end > 0),
        };
        let Some(end) = end.filter(|_| !name.contains(['"', ','])) else {
            return false;
        };
        match (&rest[end..], rest[end..].strip_prefix(',')) {
            ("", _) => return true,
            (_, Some(tail)) => list = tail,
            (_, None) => return false,
        }
    }
}

/// All of a text's dates, so that of two on one segment the last still counts.
fn date_text(lines: &mut [Line]) {
    let kept = |date: &str| {
        let text = format!("#EXTM3U\n{DATE_TIME}{date}\n#EXTINF:1,\na\n");
        let read = m3u8_rs::parse_media_playlist(text.as_bytes());
        let date_time = read.ok()?.1.segments.first()?.program_date_time?;
        Some(date_time.to_rfc3339() == date)
    };
    let dates = |line: &Line| value(&line.body, DATE_TIME.trim_end_matches(':')).map(str::to_owned);
    if lines
        .iter()
        .filter_map(dates)
        .any(|date| kept(&date) != Some(true))
    {
        each(lines, |body| {
            let date = value(body, DATE_TIME.trim_end_matches(':'))?;
            Some(format!("#EXT-{DATE_TIME_TEXT}:{date}"))
        });
    }
}

fn no_duration(lines: &mut [Line]) {
    let mut has_duration = false;
    for line in lines {
        if value(&line.body, "#EXTINF").is_some() {
            has_duration = true;
        } else if !line.body.is_empty() && !line.body.starts_with('#') {
            if !has_duration {
                line.body = ILLEGAL_LINE.to_owned();
            }
            has_duration = false;
        }
    }
}

fn variable(lines: &mut [Line]) {
    each(lines, |body| {
        let holds = !body.starts_with('#') && body.contains("{$");
        holds.then(|| ILLEGAL_LINE.to_owned())
    });
}

fn unended_tag(lines: &mut [Line]) {
    if let Some(last) = lines.last_mut()
        && last.body.starts_with('#')
        && last.end.is_empty()
    {
        last.end = "\n";
    }
}
