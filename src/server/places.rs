//! Where addresses are, by databases in MaxMind's format (GeoLite2, DB-IP, IPinfo): provider and country, nothing finer.
//!
//! Invariant: files are read whole before anything is looked up, and an address that no file knows, or that stands
//! damaged in one, is nowhere. It decides nothing: who is introduced to whom is the tracker's question.

use super::around::Locate;
use crate::tracker::Place;
use core::fmt;
use core::net::IpAddr;
use maxminddb::Reader;
use serde::Deserialize;
use std::path::PathBuf;

/// Databases that complete each other, one for providers and one for countries as a rule.
pub(super) struct Places(Vec<Reader<Vec<u8>>>);

impl fmt::Debug for Places {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Places({})", self.0.len()) // not its megabytes
    }
}

/// What is read of an entry; members have these names in all of the usual databases.
#[derive(Deserialize)]
struct Entry<'a> {
    autonomous_system_number: Option<u32>,
    #[serde(borrow)]
    country: Option<Country<'a>>,
}

#[derive(Deserialize)]
struct Country<'a> {
    iso_code: Option<&'a str>,
}

impl Places {
    /// Reads the files.
    ///
    /// # Errors
    /// One line for a person, with the file.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Option<Box<dyn Locate>>, String> {
        if paths.is_empty() {
            return Ok(None);
        }
        let read = |path: &PathBuf| {
            let reader = Reader::open_readfile(path);
            reader.map_err(|why| format!("the database {}: {why}", path.display()))
        };
        let readers = paths.iter().map(read).collect::<Result<_, String>>()?;
        Ok(Some(Box::new(Self(readers))))
    }
}

impl Locate for Places {
    /// The first file that knows says it.
    fn find(&self, address: IpAddr) -> Place {
        let mut place = Place::default();
        for reader in &self.0 {
            let Ok(found) = reader.lookup(address.to_canonical()) else {
                continue; // an IPv6 address in a file of IPv4 ones
            };
            if let Ok(Some(entry)) = found.decode::<Entry<'_>>() {
                let code = entry.country.and_then(|country| country.iso_code);
                let country = code.and_then(|code| code.as_bytes().try_into().ok());
                place.asn = place.asn.or(entry.autonomous_system_number);
                place.country = place.country.or(country);
            }
        }
        place
    }
}
