//! `SegmentTemplate@media` → URLs (ISO/IEC 23009-1, 5.3.9.4.4). What is the same for all segments of a
//! representation is put in and resolved once; the rest is digits, which cannot change how a URL resolves.

use super::super::address;
use super::Reason;

/// Most digits a number is padded to.
const WIDTH_MAX: usize = 32;
/// Stands for a number while the URL is resolved; no XML document can contain it.
const MARK: char = '\u{1}';

/// A resolved URL with places for numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    /// One more than places: before, between and behind them.
    texts: Vec<String>,
    places: Vec<Place>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    is_time: bool,
    /// Zero-padded to so many digits.
    width: usize,
}

impl Template {
    /// Reads the template of a representation and resolves it against `base`.
    pub(super) fn new(base: &str, media: &str, id: &str, bandwidth: &str) -> Result<Self, Reason> {
        let mut places = Vec::new();
        let mut filled = String::new();
        let mut is_name = false;
        for piece in media.split('$') {
            if is_name {
                let (name, width) = name_and_width(piece)?;
                match name {
                    "" => filled.push('$'),
                    "RepresentationID" => filled.push_str(id),
                    "Bandwidth" => push_padded(&mut filled, bandwidth, width),
                    "Number" | "Time" => {
                        let is_time = name == "Time";
                        places.push(Place { is_time, width });
                        filled.push(MARK);
                    }
                    _ => return Err("its template has an unknown identifier"),
                }
            } else {
                filled.push_str(piece);
            }
            is_name = !is_name;
        }
        if !is_name {
            return Err("its template has a single $");
        }
        let url = address::resolve(base, filled.trim()).ok_or("its URLs cannot be resolved")?;
        let texts: Vec<String> = url.split(MARK).map(str::to_owned).collect();
        if texts.len() != places.len() + 1 {
            return Err("its template cannot be read");
        }
        Ok(Self { texts, places })
    }

    /// Whether segments differ in their URLs.
    pub(super) fn names_each(&self) -> bool {
        !self.places.is_empty()
    }

    /// Whether URLs depend on numbers, not on times alone.
    pub(super) fn uses_number(&self) -> bool {
        self.places.iter().any(|place| !place.is_time)
    }

    /// The URL of one segment.
    pub(super) fn url(&self, number: u64, time: u64) -> String {
        let mut texts = self.texts.iter();
        let mut url = texts.next().cloned().unwrap_or_default();
        for (place, text) in self.places.iter().zip(texts) {
            let value = if place.is_time { time } else { number };
            push_padded(&mut url, &value.to_string(), place.width);
            url.push_str(text);
        }
        url
    }
}

/// An identifier and its format tag, `%0[width]d`.
fn name_and_width(piece: &str) -> Result<(&str, usize), Reason> {
    let Some((name, tag)) = piece.split_once('%') else {
        return Ok((piece, 0));
    };
    let width = tag.strip_prefix('0').and_then(|tag| tag.strip_suffix('d'));
    let width = width.and_then(|width| width.parse().ok());
    match width.filter(|width| *width <= WIDTH_MAX && name != "RepresentationID") {
        Some(width) => Ok((name, width)),
        None => Err("its template has a format that cannot be read"),
    }
}

fn push_padded(out: &mut String, digits: &str, width: usize) {
    for _ in digits.len()..width {
        out.push('0');
    }
    out.push_str(digits);
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn url(media: &str) -> Result<String, Reason> {
        let template = Template::new("https://h/a/b.mpd?t=1", media, "v/1", "500000")?;
        Ok(template.url(7, 90_000))
    }

    #[test]
    fn identifiers_are_put_in() {
        for (media, expected) in [
            ("s-$Number$.m4s", "https://h/a/s-7.m4s"),
            (
                "$Number%05d$_$Time$.m4s?x=$Bandwidth$",
                "https://h/a/00007_90000.m4s?x=500000",
            ),
            (
                "../$RepresentationID$/$Bandwidth%08d$/$Time%03d$",
                "https://h/v/1/00500000/90000",
            ),
            ("$$$Number$$$.m4s", "https://h/a/$7$.m4s"),
            ("/x/./$Number%01d$", "https://h/x/7"),
            ("//g/$Number$", "https://g/7"),
            ("\n  https://g/$Number$  ", "https://g/7"),
            ("one.mp4", "https://h/a/one.mp4"),
        ] {
            assert_eq!(url(media).as_deref(), Ok(expected), "{media}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for media in [
            "a$Number",
            "$SubNumber$",
            "$number$",
            "$Number%5d$",
            "$Number%05x$",
            "$Number%099d$",
            "$RepresentationID%03d$",
            "a#$Number$",
            "$Number%0-5d$",
            "$$$",
        ] {
            assert!(url(media).is_err(), "{media}");
        }
        assert!(Template::new("blob:x", "$Number$", "", "").is_err());
    }
}
