//! JSON (RFC 8259) as far as tracker messages and sidecars need it: a cursor that hands out members in
//! the order they come and skips the others, and a pen that writes them. Code derived for these shapes
//! was a seventh of the wasm module; a test holds both against `serde_json`.
//!
//! Invariant: total and bounded. No text panics, what is not asked for is checked but not kept, nesting
//! ends at [`DEPTH_MAX`], and numbers stay text until they are whole.

use core::{fmt, mem};

/// Deepest nesting of what is skipped.
const DEPTH_MAX: usize = 128;

/// What the next value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Flag,
    /// A number.
    Number,
    /// A string.
    Text,
    /// `[`.
    List,
    /// `{`.
    Object,
}

/// Why text cannot be read, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    what: &'static str,
    at: usize,
}

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} (byte {})", self.what, self.at)
    }
}

impl core::error::Error for Malformed {}

/// Reads values off the front of a text.
///
/// Every reading method fails with [`Malformed`] when something else stands there, and the text is no
/// JSON from there on: the reader gives up.
#[derive(Debug)]
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
    /// An object or list has just begun: no comma before its first value.
    first: bool,
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of `text`.
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            first: false,
        }
    }

    /// An error at this place.
    #[inline(always)]
    pub fn error(&self, what: &'static str) -> Malformed {
        let what = super::refused(what);
        Malformed { what, at: self.at }
    }

    /// What comes next.
    pub fn kind(&mut self) -> Result<Kind, Malformed> {
        self.space();
        match self.byte() {
            Some(b'n') => Ok(Kind::Null),
            Some(b't' | b'f') => Ok(Kind::Flag),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b'"') => Ok(Kind::Text),
            Some(b'[') => Ok(Kind::List),
            Some(b'{') => Ok(Kind::Object),
            Some(_) | None => Err(self.error("a value is missing")),
        }
    }

    /// Takes `null`, if that comes next.
    pub fn null(&mut self) -> Result<bool, Malformed> {
        let null = self.kind()? == Kind::Null;
        if null {
            self.word("null")?;
        }
        Ok(null)
    }

    /// Enters an object; its members follow with [`Self::name`].
    pub fn object(&mut self) -> Result<(), Malformed> {
        self.expect(b'{', "an object is missing")?;
        self.first = true;
        Ok(())
    }

    /// The next member's name, whose value must be read or skipped; `None` at the object's end.
    pub fn name(&mut self) -> Result<Option<String>, Malformed> {
        if self.ends(b'}')? {
            return Ok(None);
        }
        let name = self.text()?;
        self.expect(b':', "a colon is missing")?;
        Ok(Some(name))
    }

    /// Enters a list; its values follow while [`Self::more`].
    pub fn list(&mut self) -> Result<(), Malformed> {
        self.expect(b'[', "a list is missing")?;
        self.first = true;
        Ok(())
    }

    /// Whether a value follows, which must be read or skipped, or the list ends.
    pub fn more(&mut self) -> Result<bool, Malformed> {
        Ok(!self.ends(b']')?)
    }

    /// A string.
    pub fn text(&mut self) -> Result<String, Malformed> {
        self.raw().map(unquoted)
    }

    /// A string that is to be passed on as it stands.
    pub fn quoted(&mut self) -> Result<Quoted, Malformed> {
        self.raw().map(|raw| Quoted(raw.into()))
    }

    /// What stands between the quotes of a string that is well formed.
    fn raw(&mut self) -> Result<&'a str, Malformed> {
        self.expect(b'"', "a string is missing")?;
        let begin = self.at;
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            // All of these are ASCII, so a cut before one lies between two characters.
            let Some(plain) = rest.iter().position(|byte| is_special(*byte)) else {
                return Err(self.error("a string does not end"));
            };
            self.at += plain;
            if self.byte().is_some_and(|byte| byte < b' ') {
                return Err(self.error("a control character stands in a string"));
            }
            if self.takes(b'"') {
                return Ok(self.text.get(begin..self.at - 1).unwrap_or_default());
            }
            self.at += 1;
            self.escaped()?;
        }
    }

    /// What stands behind a backslash.
    fn escaped(&mut self) -> Result<char, Malformed> {
        let byte = self.byte();
        self.at += 1;
        Ok(match byte {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let mut code = self.four_digits()?;
                if (0xd800..0xdc00).contains(&code) && self.takes(b'\\') && self.takes(b'u') {
                    let low = self.four_digits()?.wrapping_sub(0xdc00);
                    // Anything but a low half makes the code one that is no character.
                    code = if low < 0x400 {
                        0x1_0000 + ((code - 0xd800) << 10) + low
                    } else {
                        code
                    };
                }
                char::from_u32(code).ok_or_else(|| self.error("an escape is no character"))?
            }
            Some(_) | None => return Err(self.error("an escape is unknown")),
        })
    }

    fn four_digits(&mut self) -> Result<u32, Malformed> {
        let digits = self.text.get(self.at..self.at + 4);
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at += 4;
        code.ok_or_else(|| self.error("an escape has not four digits"))
    }

    /// A number without its fraction; `None` below zero, the largest beyond 64 bits.
    pub fn number(&mut self) -> Result<Option<u64>, Malformed> {
        self.space();
        let negative = self.takes(b'-');
        let whole = self.digits()?;
        if whole.len() > 1 && whole.starts_with('0') {
            return Err(self.error("a number begins with 0"));
        }
        let fraction = if self.takes(b'.') { self.digits()? } else { "" };
        let mut shift = 0;
        if self.takes(b'e') || self.takes(b'E') {
            let left = self.takes(b'-');
            let _ = !left && self.takes(b'+');
            shift = self.digits()?.parse().unwrap_or(i32::MAX);
            shift = if left { -shift } else { shift };
        }
        // The point moves right or left over the digits; twenty zeros behind them exceed 64 bits.
        let len = whole.len() + fraction.len();
        let places = whole.len().saturating_add_signed(shift as isize);
        let digits = whole.bytes().chain(fraction.bytes());
        let value = digits
            .chain(core::iter::repeat(b'0'))
            .take(places.min(len + 20))
            .fold(0_u64, |value, digit| {
                let value = value.saturating_mul(10);
                value.saturating_add(u64::from(digit - b'0'))
            });
        Ok((!negative).then_some(value))
    }

    /// Reads over a value.
    pub fn skip(&mut self) -> Result<(), Malformed> {
        self.skip_within(DEPTH_MAX)
    }

    fn skip_within(&mut self, depth: usize) -> Result<(), Malformed> {
        let inner = || depth.checked_sub(1);
        match self.kind()? {
            Kind::Null => self.word("null"),
            Kind::Flag if self.byte() == Some(b't') => self.word("true"),
            Kind::Flag => self.word("false"),
            Kind::Number => self.number().map(|_| ()),
            Kind::Text => self.text().map(|_| ()),
            Kind::List => {
                let inner = inner().ok_or_else(|| self.error("the nesting is too deep"))?;
                self.list()?;
                while self.more()? {
                    self.skip_within(inner)?;
                }
                Ok(())
            }
            Kind::Object => {
                let inner = inner().ok_or_else(|| self.error("the nesting is too deep"))?;
                self.object()?;
                while self.name()?.is_some() {
                    self.skip_within(inner)?;
                }
                Ok(())
            }
        }
    }

    /// A value as it is written, to be passed on without being read.
    pub fn written(&mut self) -> Result<&'a str, Malformed> {
        self.space();
        let begin = self.at;
        self.skip()?;
        Ok(self.text.get(begin..self.at).unwrap_or_default())
    }

    /// Nothing may follow.
    pub fn end(mut self) -> Result<(), Malformed> {
        self.space();
        match self.byte() {
            None => Ok(()),
            Some(_) => Err(self.error("something follows the message")),
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.at += 1;
        }
    }

    /// Takes `byte`, if it comes at once.
    fn takes(&mut self, byte: u8) -> bool {
        let there = self.byte() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8, otherwise: &'static str) -> Result<(), Malformed> {
        self.space();
        if self.takes(byte) {
            Ok(())
        } else {
            Err(self.error(otherwise))
        }
    }

    fn ends(&mut self, close: u8) -> Result<bool, Malformed> {
        self.space();
        let first = mem::take(&mut self.first);
        if self.takes(close) {
            return Ok(true);
        }
        if !first {
            self.expect(b',', "a comma is missing")?;
        }
        Ok(false)
    }

    fn word(&mut self, word: &str) -> Result<(), Malformed> {
        for byte in word.bytes() {
            if !self.takes(byte) {
                return Err(self.error("a value is misspelt"));
            }
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<&'a str, Malformed> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.find(|c: char| !c.is_ascii_digit());
        let (digits, _) = super::cut(rest, end.unwrap_or(rest.len()));
        self.at += digits.len();
        if digits.is_empty() {
            return Err(self.error("a digit is missing"));
        }
        Ok(digits)
    }
}

/// A string as JSON writes it, between its quotes: it can be passed on without being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quoted(String);

impl Quoted {
    /// The string.
    #[must_use]
    pub fn text(&self) -> String {
        unquoted(&self.0)
    }

    /// How long it is as it is written, in bytes.
    #[must_use]
    pub fn written_bytes(&self) -> usize {
        self.0.len()
    }
}

impl From<&str> for Quoted {
    fn from(text: &str) -> Self {
        let mut pen = Pen::default();
        pen.escape(text);
        Self(pen.0)
    }
}

/// The string that `raw` writes; its escapes have been looked at.
fn unquoted(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut cursor = Cursor::new(raw);
    loop {
        let rest = raw.get(cursor.at..).unwrap_or_default();
        let Some(plain) = rest.bytes().position(|byte| byte == b'\\') else {
            text.push_str(rest);
            return text;
        };
        text.push_str(super::cut(rest, plain).0);
        cursor.at += plain + 1;
        text.push(cursor.escaped().unwrap_or(char::REPLACEMENT_CHARACTER));
    }
}

/// What cannot stand in a string as it is.
fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..b' ')
}

/// Bytes kept free behind a string, so that what is written next rarely moves it.
const ROOM_BEHIND: usize = 64;

/// Writes values; a comma comes wherever one is due.
#[derive(Debug, Default)]
pub struct Pen(String);

impl Pen {
    /// Begins an object or a list with `{` or `[`.
    pub fn open(&mut self, bracket: char) {
        self.comma();
        self.0.push(bracket);
    }

    /// Ends it with `}` or `]`.
    pub fn close(&mut self, bracket: char) {
        self.0.push(bracket);
    }

    /// A member's name; its value follows.
    pub fn name(&mut self, name: &str) {
        self.text(name);
        self.0.push(':');
    }

    /// A string.
    pub fn text(&mut self, text: &str) {
        self.comma();
        self.0.push('"');
        self.escape(text);
        self.0.push('"');
    }

    /// A string that was written before.
    pub fn quoted(&mut self, text: &Quoted) {
        self.comma();
        self.0.reserve(text.0.len() + ROOM_BEHIND);
        self.0.push('"');
        self.0.push_str(&text.0);
        self.0.push('"');
    }

    fn escape(&mut self, text: &str) {
        self.0.reserve(text.len() + ROOM_BEHIND);
        let mut rest = text;
        while let Some((at, byte)) = rest.bytes().enumerate().find(|it| is_special(it.1)) {
            let (plain, special) = super::cut(rest, at);
            self.0.push_str(plain);
            rest = super::cut(special, 1).1;
            let short = match byte {
                b'"' | b'\\' => Some(char::from(byte)),
                b'\n' => Some('n'),
                b'\r' => Some('r'),
                b'\t' => Some('t'),
                _ => None,
            };
            if let Some(short) = short {
                self.0.push('\\');
                self.0.push(short);
            } else {
                let digits = if byte < 0x10 { "\\u000" } else { "\\u001" };
                self.0.push_str(digits);
                let last = char::from_digit(u32::from(byte) & 15, 16);
                self.0.push(last.unwrap_or('0'));
            }
        }
        self.0.push_str(rest);
    }

    /// A value that was written before.
    pub fn written(&mut self, value: &str) {
        self.comma();
        self.0.push_str(value);
    }

    /// A number.
    pub fn number(&mut self, number: u64) {
        self.comma();
        self.0.push_str(&number.to_string());
    }

    /// What was written.
    pub fn into_text(self) -> String {
        self.0
    }

    fn comma(&mut self) {
        if !matches!(self.0.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.0.push(',');
        }
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::{Cursor, Pen};
    use proptest::prelude::*;
    use serde_json::Value;

    /// Pieces in any order reach deeper than arbitrary characters.
    fn fragments() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("{"),
            Just("}"),
            Just("["),
            Just("]"),
            Just(":"),
            Just(","),
            Just("null"),
            Just("true"),
            Just("\"name\""),
            Just("1e99"),
            Just("-0.0"),
            Just("\"\\ud800\""),
        ];
        proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        /// Our reading and writing of JSON is serde_json's, of numbers their whole part.
        #[test]
        fn json_is_read_and_written_as_others_do(
            text in "\\PC{0,40}|[\\x00-\\x1f\"\\\\/é😀]{0,9}",
            number in "-?[0-9]{0,25}(\\.[0-9]{0,3})?([eE][-+]?[0-9]{0,2})?",
            escaped in "\"(\\\\[\"\\\\/bfnrtux]|\\\\u[dD][89abcd-f][0-9a-fx]{2}|[a-z\\x00]){0,4}\"",
            pieces in fragments(),
        ) {
            let mut pen = Pen::default();
            pen.text(&text);
            let written = pen.into_text();
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text.as_str());
            for escaped in [written, serde_json::to_string(&text).unwrap(), escaped] {
                let theirs = serde_json::from_str::<String>(&escaped).ok();
                prop_assert_eq!(Cursor::new(&escaped).text().ok(), theirs);
            }
            for text in [&number, &pieces] {
                let theirs = serde_json::from_str::<Value>(text);
                let mut ours = Cursor::new(text);
                let read = ours.skip().is_ok() && ours.end().is_ok();
                prop_assert_eq!(read, theirs.is_ok(), "{}", text);
            }
            if let Ok(theirs) = serde_json::from_str::<f64>(&number) {
                let ours = Cursor::new(&number).number().unwrap();
                prop_assert_eq!(ours.is_none(), number.starts_with('-'));
                // A float has 53 bits, serde_json's reading of one not always the last of them.
                let whole = theirs.trunc().min(u64::MAX as f64);
                let close = |ours: u64| (ours as f64 - whole).abs() <= 1.0 + whole * 1e-15;
                prop_assert!(ours.is_none_or(close));
            }
        }
    }
}
