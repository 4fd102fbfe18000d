//! How single members of tracker messages may look: ids, numbers and bounded lists.
//!
//! Numbers may be `null`, strings or fractions (JavaScript's `Number()` takes them all), a scrape's
//! `info_hash` may be one string or many. Ids must be exact: twenty characters up to U+00FF. Lists
//! keep what the limits allow and skip the rest.

use super::decode::RawOffer;
use super::{OFFERS_MAX, SCRAPE_MAX};
use crate::base::InfoHash;
use crate::base::json::{Cursor, Kind, Malformed};

/// One row of a scrape: (info hash, complete, incomplete, downloaded).
pub(super) type Swarm = (InfoHash, u32, u32, u32);

/// A count as the contract has it.
pub(super) fn saturate(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A string; `null` is none.
pub(super) fn text(json: &mut Cursor<'_>) -> Result<Option<String>, Malformed> {
    if json.null()? {
        return Ok(None);
    }
    json.text().map(Some)
}

/// A count as JavaScript's `Number()` would read it; `None` when it is none, negative or endless.
pub(super) fn count(json: &mut Cursor<'_>) -> Result<Option<u64>, Malformed> {
    match json.kind()? {
        Kind::Null | Kind::Flag => json.skip().map(|()| None),
        Kind::Text => Ok(json.text()?.parse().ok()),
        Kind::Number => json.number(),
        Kind::List | Kind::Object => Err(json.error("a number is missing")),
    }
}

/// Twenty bytes as a binary string; `null` is none.
pub(super) fn id(json: &mut Cursor<'_>) -> Result<Option<[u8; 20]>, Malformed> {
    let Some(text) = text(json)? else {
        return Ok(None);
    };
    match bytes(&text) {
        Some(bytes) => Ok(Some(bytes)),
        None => Err(json.error("an id is not 20 characters up to U+00FF")),
    }
}

fn bytes(text: &str) -> Option<[u8; 20]> {
    let mut bytes = [0; 20];
    let mut chars = text.chars();
    for byte in &mut bytes {
        *byte = u8::try_from(u32::from(chars.next()?)).ok()?;
    }
    chars.next().is_none().then_some(bytes)
}

/// Nothing, one info hash or several.
pub(super) fn info_hashes(json: &mut Cursor<'_>) -> Result<Vec<InfoHash>, Malformed> {
    if json.kind()? != Kind::List {
        return Ok(id(json)?.map(InfoHash).into_iter().collect());
    }
    let hash = |json: &mut Cursor<'_>| match id(json)? {
        Some(bytes) => Ok(InfoHash(bytes)),
        None => Err(json.error("an info hash is missing")),
    };
    list_up_to(SCRAPE_MAX, json, hash)
}

/// The offers of an announce; `null` is none.
pub(super) fn offers(json: &mut Cursor<'_>) -> Result<Vec<RawOffer>, Malformed> {
    if json.null()? {
        return Ok(Vec::new());
    }
    list_up_to(OFFERS_MAX, json, RawOffer::read)
}

/// The first `most` values of a list; the others are skipped without being kept.
fn list_up_to<T>(
    most: usize,
    json: &mut Cursor<'_>,
    read: impl Fn(&mut Cursor<'_>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let mut taken = Vec::new();
    json.list()?;
    while json.more()? {
        if taken.len() < most {
            taken.push(read(json)?);
        } else {
            json.skip()?;
        }
    }
    Ok(taken)
}

/// The `files` of a scrape, as many as the limit allows; `null` is none.
pub(super) fn files(json: &mut Cursor<'_>) -> Result<Vec<Swarm>, Malformed> {
    let mut rows = Vec::new();
    if json.null()? {
        return Ok(rows);
    }
    json.object()?;
    while let Some(name) = json.name()? {
        if rows.len() < SCRAPE_MAX {
            let hash = bytes(&name)
                .ok_or_else(|| json.error("an info hash is not 20 characters up to U+00FF"))?;
            rows.push(swarm(InfoHash(hash), json)?);
        } else {
            json.skip()?;
        }
    }
    Ok(rows)
}

fn swarm(info_hash: InfoHash, json: &mut Cursor<'_>) -> Result<Swarm, Malformed> {
    let (mut complete, mut incomplete, mut downloaded) = (None, None, None);
    json.object()?;
    while let Some(name) = json.name()? {
        match name.as_str() {
            "complete" => complete = count(json)?,
            "incomplete" => incomplete = count(json)?,
            "downloaded" => downloaded = count(json)?,
            _ => json.skip()?,
        }
    }
    let number = |count: Option<u64>| saturate(count.unwrap_or(0));
    Ok((
        info_hash,
        number(complete),
        number(incomplete),
        number(downloaded),
    ))
}
