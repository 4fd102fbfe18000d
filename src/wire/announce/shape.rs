//! How single members of tracker messages may look: ids, numbers and bounded lists.
//!
//! Numbers may be `null`, strings or fractions (JavaScript's `Number()` takes them all), a scrape's
//! `info_hash` may be one string or many. Ids must be exact: twenty characters up to U+00FF. Lists
//! keep what the limits allow and skip the rest.

use super::decode::RawOffer;
use super::{OFFERS_MAX, SCRAPE_MAX};
use crate::base::InfoHash;
use core::fmt;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A count as the contract has it.
pub(super) fn saturate(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Twenty bytes as a binary string.
#[derive(Clone, Copy)]
pub(super) struct Id(pub(super) [u8; 20]);

impl Id {
    fn read(text: &str) -> Option<Self> {
        let mut bytes = [0; 20];
        let mut chars = text.chars();
        for byte in &mut bytes {
            *byte = u8::try_from(u32::from(chars.next()?)).ok()?;
        }
        chars.next().is_none().then_some(Self(bytes))
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_str(IdVisitor)
    }
}

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = Id;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("20 characters up to U+00FF")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Id, E> {
        Id::read(text).ok_or_else(|| E::custom("an id is not 20 characters up to U+00FF"))
    }
}

/// Nothing, one info hash or several.
#[derive(Default)]
pub(super) struct Hashes(pub(super) Vec<InfoHash>);

impl<'de> Deserialize<'de> for Hashes {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(HashesVisitor)
    }
}

struct HashesVisitor;

impl<'de> Visitor<'de> for HashesVisitor {
    type Value = Hashes;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an info hash or a list of them")
    }

    fn visit_unit<E: Error>(self) -> Result<Hashes, E> {
        Ok(Hashes::default())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Hashes, E> {
        IdVisitor
            .visit_str(text)
            .map(|id| Hashes(vec![InfoHash(id.0)]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Hashes, A::Error> {
        let ids = take_up_to::<Id, A>(list, SCRAPE_MAX)?;
        Ok(Hashes(ids.into_iter().map(|id| InfoHash(id.0)).collect()))
    }
}

/// The offers of an announce.
#[derive(Default)]
pub(super) struct Offers(pub(super) Vec<RawOffer>);

impl<'de> Deserialize<'de> for Offers {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(OffersVisitor)
    }
}

struct OffersVisitor;

impl<'de> Visitor<'de> for OffersVisitor {
    type Value = Offers;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of offers")
    }

    fn visit_unit<E: Error>(self) -> Result<Offers, E> {
        Ok(Offers::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Offers, A::Error> {
        take_up_to(list, OFFERS_MAX).map(Offers)
    }
}

/// The first `most` elements; the others are skipped without being kept.
fn take_up_to<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(
    mut list: A,
    most: usize,
) -> Result<Vec<T>, A::Error> {
    let mut taken = Vec::new();
    while taken.len() < most {
        match list.next_element()? {
            Some(element) => taken.push(element),
            None => return Ok(taken),
        }
    }
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(taken)
}

/// The `files` of a scrape.
#[derive(Default)]
pub(super) struct Files(pub(super) Vec<(InfoHash, u32, u32, u32)>);

#[derive(Deserialize)]
struct Counts {
    #[serde(default)]
    complete: Number,
    #[serde(default)]
    incomplete: Number,
    #[serde(default)]
    downloaded: Number,
}

impl<'de> Deserialize<'de> for Files {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(FilesVisitor)
    }
}

struct FilesVisitor;

impl<'de> Visitor<'de> for FilesVisitor {
    type Value = Files;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("counts by info hash")
    }

    fn visit_unit<E: Error>(self) -> Result<Files, E> {
        Ok(Files::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Files, A::Error> {
        let mut rows = Vec::new();
        while rows.len() < SCRAPE_MAX {
            let Some((Id(hash), counts)) = map.next_entry::<Id, Counts>()? else {
                return Ok(Files(rows));
            };
            let count = |number: Number| saturate(number.0.unwrap_or(0));
            rows.push((
                InfoHash(hash),
                count(counts.complete),
                count(counts.incomplete),
                count(counts.downloaded),
            ));
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Files(rows))
    }
}

/// A count as JavaScript's `Number()` would read it; `None` when it is none, negative or endless.
#[derive(Clone, Copy, Default)]
pub(super) struct Number(pub(super) Option<u64>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(NumberVisitor)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a number")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Number, E> {
        Ok(Number(Some(number)))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Number, E> {
        Ok(Number(u64::try_from(number).ok()))
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be positive; a float's cast saturates"
    )]
    fn visit_f64<E: Error>(self, number: f64) -> Result<Number, E> {
        let whole = number.is_finite() && number >= 0.0;
        Ok(Number(whole.then_some(number as u64)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
        Ok(Number(text.parse().ok()))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Number, E> {
        Ok(Number(None))
    }

    fn visit_unit<E: Error>(self) -> Result<Number, E> {
        Ok(Number(None))
    }
}
