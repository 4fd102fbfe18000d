//! Where settings come from: built in, then a file, then the environment, then flags; the later counts.
//!
//! Invariant: what nobody knows is refused, with its name and where it stood. The same layers are read
//! again on SIGHUP. It decides nothing about values: that is [`Settings::check`]'s.

use super::Settings;
use figment::providers::Env;
use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider, Source};
use std::path::{Path, PathBuf};

/// What the environment's settings begin with: `SWARMLINE_TRACKER_LIMITS__CONNECTIONS=1000`.
const PREFIX: &str = "SWARMLINE_TRACKER_";

/// The places that settings are read from.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// A TOML file.
    pub file: Option<PathBuf>,
    /// Names with dots and values, as flags give them: a value that is no TOML is text.
    pub flags: Vec<(String, String)>,
    /// Leaves the environment out, for tests.
    pub no_environment: bool,
}

/// A table of TOML and whose it is.
struct Table {
    metadata: Metadata,
    table: toml::Table,
}

impl Provider for Table {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let dict = Value::serialize(&self.table)?.into_dict();
        Ok(Map::from([(Profile::Default, dict.unwrap_or_default())]))
    }
}

impl Layers {
    /// Reads all of them.
    ///
    /// # Errors
    /// One line for a person: the place, the setting, what is wrong.
    pub fn read(&self) -> Result<Settings, String> {
        let mut figment = Figment::new();
        if let Some(path) = &self.file {
            figment = figment.merge(file(path)?);
        }
        if !self.no_environment {
            figment = figment.merge(Env::prefixed(PREFIX).split("__"));
        }
        for (name, value) in &self.flags {
            figment = figment.merge(flag(name, value)?);
        }
        let settings: Settings = figment.extract().map_err(in_one_line)?;
        settings.check()?;
        Ok(settings)
    }
}

fn file(path: &Path) -> Result<Table, String> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|why| format!("cannot read {name}: {why}"))?;
    let table = text.parse().map_err(|why: toml::de::Error| {
        let at = why.span().map_or(0, |span| span.start);
        let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        let words = why.message().replace('\n', ", ");
        format!("{name}, line {line}: {words}")
    })?;
    Ok(Table {
        metadata: Metadata::from("file", Source::File(path.to_owned())),
        table,
    })
}

fn flag(name: &str, value: &str) -> Result<Table, String> {
    let parsed = format!("{name} = {value}").parse::<toml::Table>();
    let table = parsed.or_else(|_| {
        let text = toml::Value::String(value.to_owned());
        format!("{name} = 0").parse().map(|mut table: toml::Table| {
            put(&mut table, text);
            table
        })
    });
    let table = table.map_err(|_| format!("flag {name}: not the name of a setting"))?;
    Ok(Table {
        metadata: Metadata::named(format!("flag {name}")),
        table,
    })
}

/// Puts a value where the one setting of a table is.
fn put(table: &mut toml::Table, text: toml::Value) {
    if let Some((_, value)) = table.iter_mut().next() {
        if let toml::Value::Table(inner) = value {
            return put(inner, text);
        }
        *value = text;
    }
}

/// The place, the setting's name, the trouble.
#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn in_one_line(error: Error) -> String {
    let place = error.metadata.as_ref().map(|metadata| {
        let source = metadata.source.as_ref().and_then(Source::file_path);
        source.map_or_else(
            || metadata.name.replace('`', ""),
            |path| path.display().to_string(),
        )
    });
    let name = error.path.join(".");
    let words = error.kind.to_string();
    let parts = [place.unwrap_or_default(), name, words];
    let parts = parts.iter().filter(|part| !part.is_empty());
    parts.map(String::as_str).collect::<Vec<&str>>().join(": ")
}
