//! What a viewer reports of itself, for its operator's figures: bytes of the CDN, how long its player waited for
//! segments, and how many links opened or did not. Nobody checks it, so nothing but figures may depend on it.
//!
//! Invariant: of fixed size, whatever is read. Waits are counted by their length in steps of a factor of two, because
//! percentiles of many viewers follow from sums of counts, and from nothing that is shorter.

use crate::base::Duration;
use crate::base::json::{Cursor, Kind, Malformed, Pen};

/// Steps in which waits are counted.
pub const WAITS: usize = 10;

/// Waits below 2^14 µs, about 16 ms, are the first step.
const FIRST_BITS: u32 = 14;

/// Sums of one viewer since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// Bytes taken from the CDN.
    pub cdn_bytes: u64,
    /// Segments by how long the player waited for them: place `n` is below [`wait_bound`]`(n)`, the last is the rest.
    pub waits: [u32; WAITS],
    /// Links it offered that opened, and that were answered and did not.
    pub links: [u32; 2],
}

/// Where a step ends; the last one does not.
#[must_use]
pub const fn wait_bound(place: usize) -> Duration {
    Duration::from_micros(1 << (FIRST_BITS as usize + place))
}

impl Reported {
    /// Counts a segment.
    pub fn note(&mut self, wait_us: u64) {
        let place = u64::BITS - (wait_us >> FIRST_BITS).leading_zeros();
        self.waits[(place as usize).min(WAITS - 1)] += 1;
    }

    pub(super) fn write(&self, pen: &mut Pen) {
        pen.count("cdn", self.cdn_bytes);
        for (name, counts) in [("waits", &self.waits[..]), ("links", &self.links)] {
            pen.name(name);
            pen.open('[');
            for count in counts {
                pen.number(u64::from(*count));
            }
            pen.close(']');
        }
    }
}

/// Counts of a list, one of them a place; what is too much, or no count, is none.
pub(super) fn counts<const N: usize>(json: &mut Cursor<'_>) -> Result<[u32; N], Malformed> {
    let mut counts = [0; N];
    if json.kind()? != Kind::List {
        json.skip()?;
        return Ok(counts);
    }
    json.list()?;
    let mut places = counts.iter_mut();
    while json.more()? {
        let count = super::shape::count(json)?;
        if let Some(place) = places.next() {
            *place = super::shape::saturate(count.unwrap_or(0));
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_wait_is_counted_where_it_belongs() {
        let mut reported = Reported::default();
        for wait_us in [0, 16_383, 16_384, 32_767, 1 << 22, 1 << 23, u64::MAX] {
            reported.note(wait_us);
        }
        assert_eq!(reported.waits, [2, 2, 0, 0, 0, 0, 0, 0, 0, 3]);
        assert_eq!(wait_bound(0), Duration::from_micros(16_384));
        assert_eq!(wait_bound(8), Duration::from_micros(1 << 22));
    }

    #[test]
    fn whatever_a_list_holds_as_many_counts_are_read() {
        let read = |text: &str| counts::<WAITS>(&mut Cursor::new(text));
        assert_eq!(read("[1,2]"), Ok([1, 2, 0, 0, 0, 0, 0, 0, 0, 0]));
        assert_eq!(read("[0,0,0,0,0,0,0,0,0,5,6,7]").map(|it| it[9]), Ok(5));
        assert_eq!(
            read("[-1,1e30,null]").map(|it| it[..3].to_vec()),
            Ok(vec![0, u32::MAX, 0])
        );
        assert_eq!(read("{\"a\":1}"), Ok([0; WAITS]));
        assert!(read("[1,").is_err());
        assert_eq!(counts(&mut Cursor::new("[7,8,9]")), Ok([7, 8]));
    }
}
