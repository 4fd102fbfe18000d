//! What a peer says of itself so that a tracker can introduce it well: `{"role":"seeder","region":"eu-west",
//! "network":"campus","upload":2}`, each member optional.
//!
//! Invariant: total and bounded; what is no such member, or not of its kind, is no hint. Nothing here is proven:
//! how far a hint is believed is the tracker's question. Apart from the announce, because no page of ours reads it.

use crate::base::json::{Cursor, Kind, Malformed, Pen};

/// Longest region or network that is taken, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// What a peer says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// It is there to give: a seeder beside the origin, not a viewer.
    pub is_seeder: bool,
    /// Where it is, in words that an operator and its pages agree on.
    pub region: Option<String>,
    /// In which network, likewise: peers that name one alike are taken to be in it together.
    pub network: Option<String>,
    /// How much it can send: 0 nothing, 1 less than a stream, 2 about one, 3 several.
    pub upload: Option<u8>,
}

impl Hints {
    /// Reads hints from an object in JSON.
    #[must_use]
    pub fn decode(json: &str) -> Self {
        let mut hints = Self::default();
        // What stands before a mistake counts; there is nothing to refuse.
        let _ = hints.read(json);
        hints
    }

    fn read(&mut self, json: &str) -> Result<(), Malformed> {
        let mut json = Cursor::new(json);
        json.object()?;
        while let Some(name) = json.name()? {
            match (name.as_str(), json.kind()?) {
                ("role", Kind::Text) => self.is_seeder = json.text()? == "seeder",
                ("region", Kind::Text) => self.region = short(json.text()?),
                ("network", Kind::Text) => self.network = short(json.text()?),
                ("upload", Kind::Number) => {
                    let class = json.number()?.and_then(|class| u8::try_from(class).ok());
                    self.upload = class.filter(|class| *class <= 3);
                }
                _ => json.skip()?,
            }
        }
        Ok(())
    }

    /// The same as an object in JSON.
    #[must_use]
    pub fn encode(&self) -> String {
        let role = self.is_seeder.then_some("seeder");
        let (region, network) = (self.region.as_deref(), self.network.as_deref());
        let mut pen = Pen::default();
        pen.open('{');
        for (name, text) in [("role", role), ("region", region), ("network", network)] {
            if let Some(text) = text {
                pen.name(name);
                pen.text(text);
            }
        }
        if let Some(class) = self.upload {
            pen.name("upload");
            pen.number(u64::from(class));
        }
        pen.close('}');
        pen.into_text()
    }
}

fn short(text: String) -> Option<String> {
    (!text.is_empty() && text.len() <= NAME_BYTES_MAX).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_is_written_is_read() {
        let all = Hints {
            is_seeder: true,
            region: Some("eu-\"west\"".to_owned()),
            network: Some("campus".to_owned()),
            upload: Some(3),
        };
        for hints in [all, Hints::default()] {
            assert_eq!(Hints::decode(&hints.encode()), hints);
        }
    }

    #[test]
    fn what_is_no_hint_is_none() {
        let long = format!(r#"{{"region":"{}"}}"#, "x".repeat(NAME_BYTES_MAX + 1));
        for text in [
            "",
            "5",
            "{",
            r#"{"role":"viewer","region":"","network":5,"upload":4}"#,
            r#"{"upload":-1,"else":{"role":"seeder"}}"#,
            r#"{"role":["seeder"]}"#,
            &long,
        ] {
            assert_eq!(Hints::decode(text), Hints::default(), "{text}");
        }
        let half = Hints::decode(r#"{"upload":1,"region":"#);
        assert_eq!(half.upload, Some(1));
    }
}
