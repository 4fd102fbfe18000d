//! Attribute lists of HLS tags (RFC 8216 §4.2), `NAME=VALUE,NAME="VALUE"`, taken apart one by one.
//! What an attribute means is its reader's.

use crate::base::{cut, refused};

/// The value of an attribute, with quotes taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// What stood in quotes.
    Quoted(&'a str),
    /// What stood without.
    Plain(&'a str),
}

/// The attributes of a list, names and values; the first error ends it. Space around them is not
/// theirs.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    rest: &'a str,
}

impl<'a> Attributes<'a> {
    /// The attributes of what follows a tag's colon.
    #[must_use]
    pub fn new(list: &'a str) -> Self {
        Self { rest: list }
    }

    fn take(&mut self) -> Result<(&'a str, Value<'a>), &'static str> {
        let (name, rest) = self
            .rest
            .split_once('=')
            .ok_or(refused("an attribute has no value"))?;
        let (value, rest) = if let Some(quoted) = rest.strip_prefix('"') {
            let (text, rest) = quoted
                .split_once('"')
                .ok_or(refused("a quote is not closed"))?;
            (Value::Quoted(text), rest)
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let (text, rest) = cut(rest, end);
            (Value::Plain(text.trim()), rest)
        };
        let rest = rest.trim_start();
        self.rest = match rest.strip_prefix(',') {
            Some("") => return Err(refused("the list ends with a comma")),
            Some(tail) => tail,
            None if rest.is_empty() => rest,
            None => return Err(refused("something stands behind a closing quote")),
        };
        Ok((name.trim(), value))
    }
}

/// A decimal-integer as lists and tags write it (RFC 8216 §4.2): digits and nothing else, below 2^64.
#[must_use]
pub fn decimal_integer(text: &str) -> Option<u64> {
    // `u64::from_str` would let a plus sign pass.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(&'a str, Value<'a>), &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let taken = self.take();
        if taken.is_err() {
            self.rest = "";
        }
        Some(taken)
    }
}
