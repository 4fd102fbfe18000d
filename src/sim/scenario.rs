//! A scenario as it stands in its file: who watches what, from where, how, and what breaks when.
//!
//! Invariant: unknown keys and values out of range are refused with a sentence; what is accepted can be
//! simulated. Decides nothing about a run.

use super::nat::Nat;
use serde::Deserialize;

/// One scenario (a file of `scenarios/`). Rates in Mbit/s or kbit/s, spans in seconds or milliseconds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name in reports.
    pub name: String,
    /// What it asks, in a sentence.
    pub about: String,
    /// Virtual seconds to run.
    pub seconds: f64,
    /// What is watched.
    pub stream: Stream,
    /// When viewers come.
    pub arrivals: Vec<Arrivals>,
    /// What a viewer is, unless a group says otherwise.
    #[serde(default)]
    pub viewer: ViewerKind,
    /// Shares of the viewers that are different.
    #[serde(default)]
    pub group: Vec<Group>,
    /// The CDN.
    #[serde(default)]
    pub cdn: Cdn,
    /// What breaks when.
    #[serde(default)]
    pub fault: Vec<Fault>,
    /// What the swarm is held to.
    #[serde(default)]
    pub floor: Floor,
}

/// What is watched.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// Live or finished.
    pub kind: StreamKind,
    /// Media seconds of a segment.
    pub segment_s: f64,
    /// Bit rates of the renditions, ascending, kbit/s.
    pub rates_kbit_s: Vec<f64>,
    /// Segments in a live playlist.
    #[serde(default = "six")]
    pub window: u64,
    /// Media seconds of a finished stream.
    #[serde(default = "ten_minutes")]
    pub length_s: f64,
    /// The playlist carries digests.
    #[serde(default = "yes")]
    pub signed: bool,
}

/// Live or finished.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum StreamKind {
    /// A sliding window; viewers start three segments behind its end.
    Live,
    /// A film, watched from its start.
    Vod,
}

/// So many viewers come within a span, at random moments of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arrivals {
    /// How many.
    pub viewers: u32,
    /// From when.
    #[serde(default)]
    pub at_s: f64,
    /// For how long.
    pub over_s: f64,
    /// Their uplink, where it is another one; before that of a group.
    pub up_mbit_s: Option<f64>,
    /// Half of them leave before this, whatever a group says.
    pub median_stay_s: Option<f64>,
}

/// What a viewer is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ViewerKind {
    /// Uplink.
    pub up_mbit_s: f64,
    /// Downlink.
    pub down_mbit_s: f64,
    /// One way to the middle of the net.
    pub latency_ms: f64,
    /// What its modem queues of what channels sent, as time on its uplink; none holds nothing.
    pub modem_ms: f64,
    /// Each of the three varies by so much of itself, evenly up and down.
    pub spread: f64,
    /// What stands before the viewer.
    pub nat: Nat,
    /// May upload (`uploadLimit: 0` where not).
    pub upload: bool,
    /// `maxPeers`.
    pub max_peers: u32,
    /// `memoryLimitBytes`, in MB.
    pub memory_mb: u32,
    /// Half leave before this (exponential); stays to the end without.
    pub median_stay_s: Option<f64>,
    /// A finished stream is read so far ahead.
    pub buffer_s: f64,
    /// In a hidden tab: its timers fire on whole seconds.
    pub hidden: bool,
    /// What it does to others.
    pub vice: Vice,
    /// Jumps to a random place of a finished stream so often a minute.
    pub seeks_per_minute: f64,
}

/// What a viewer does to others.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Vice {
    /// Nothing.
    #[default]
    None,
    /// Sends other bytes than it was asked for.
    Poison,
    /// Never sends a block.
    Stall,
}

/// A share of the viewers, and how they differ.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Of all viewers, 0–1.
    pub share: f64,
    /// See [`ViewerKind::up_mbit_s`].
    pub up_mbit_s: Option<f64>,
    /// See [`ViewerKind::down_mbit_s`].
    pub down_mbit_s: Option<f64>,
    /// See [`ViewerKind::latency_ms`].
    pub latency_ms: Option<f64>,
    /// See [`ViewerKind::nat`].
    pub nat: Option<Nat>,
    /// See [`ViewerKind::upload`].
    pub upload: Option<bool>,
    /// See [`ViewerKind::median_stay_s`].
    pub median_stay_s: Option<f64>,
    /// See [`ViewerKind::hidden`].
    pub hidden: Option<bool>,
    /// See [`ViewerKind::vice`].
    pub vice: Option<Vice>,
}

/// The CDN.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cdn {
    /// Rate of one response.
    pub mbit_s: f64,
    /// From a request's arrival to its first byte.
    pub latency_ms: f64,
    /// Rate of all responses together; unlimited without.
    pub total_mbit_s: Option<f64>,
}

/// Something breaks from one moment to another.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// From when.
    pub from_s: f64,
    /// Until when.
    pub to_s: f64,
    /// How much of it: the CDN's rate that is left, or the share of requests or messages that fail.
    #[serde(default)]
    pub share: f64,
}

/// What may break.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The CDN's rates are `share` of what they were, its latency 1 / `share`.
    CdnSlow,
    /// `share` of requests to the CDN are answered 503.
    CdnErrors,
    /// The tracker is away; its sockets close.
    TrackerAway,
    /// `share` of the changes of haves between peers are lost.
    HavesLost,
}

/// What the swarm is held to. A report says which are met.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Floor {
    /// Offload as a share of φ_max, at least.
    pub share_of_limit: Option<f64>,
    /// CDN copies a segment beyond first segments, on average, at most.
    pub copies: Option<f64>,
    /// Stall of the 99th percentile of viewers, seconds, at most.
    pub stall_p99_s: Option<f64>,
    /// Bytes received in vain per byte used, at most; 0.02 without.
    pub redundancy: Option<f64>,
    /// Links of those who are here at the end, on average, at least.
    pub links: Option<f64>,
    /// How much more who stays holds in the end than when caches are full, at most; not looked at without.
    pub growth: Option<f64>,
}

const fn six() -> u64 {
    6
}

const fn ten_minutes() -> f64 {
    600.0
}

const fn yes() -> bool {
    true
}

impl Default for ViewerKind {
    fn default() -> Self {
        Self {
            up_mbit_s: 4.0,
            down_mbit_s: 30.0,
            latency_ms: 15.0,
            modem_ms: 0.0,
            spread: 0.3,
            nat: Nat::Cone,
            upload: true,
            max_peers: 10,
            memory_mb: 256,
            median_stay_s: None,
            buffer_s: 30.0,
            hidden: false,
            vice: Vice::None,
            seeks_per_minute: 0.0,
        }
    }
}

impl Default for Cdn {
    fn default() -> Self {
        Self {
            mbit_s: 50.0,
            latency_ms: 20.0,
            total_mbit_s: None,
        }
    }
}

impl ViewerKind {
    /// The same with what `group` changes.
    pub(super) fn with(&self, group: &Group) -> Self {
        Self {
            up_mbit_s: group.up_mbit_s.unwrap_or(self.up_mbit_s),
            down_mbit_s: group.down_mbit_s.unwrap_or(self.down_mbit_s),
            latency_ms: group.latency_ms.unwrap_or(self.latency_ms),
            nat: group.nat.unwrap_or(self.nat),
            upload: group.upload.unwrap_or(self.upload),
            median_stay_s: group.median_stay_s.or(self.median_stay_s),
            hidden: group.hidden.unwrap_or(self.hidden),
            vice: group.vice.unwrap_or(self.vice),
            ..self.clone()
        }
    }
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// A sentence for a person: what cannot be read, is unknown, or cannot be simulated.
    pub fn read(text: &str) -> Result<Self, String> {
        let scenario: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        scenario.check()?;
        Ok(scenario)
    }

    /// Viewers of the whole run.
    #[must_use]
    pub fn viewers(&self) -> u32 {
        self.arrivals.iter().map(|arrivals| arrivals.viewers).sum()
    }

    /// The same with so many viewers in all, each wave in proportion.
    #[must_use]
    pub fn with_viewers(mut self, viewers: u32) -> Self {
        let total = f64::from(self.viewers().max(1));
        let (mut before, mut given) = (0.0, 0_u32);
        for wave in &mut self.arrivals {
            before += f64::from(wave.viewers);
            // Rounded sums, so that the parts add up.
            let upto = (0..=viewers)
                .rev()
                .find(|n| f64::from(*n) <= before / total * f64::from(viewers) + 1e-6);
            wave.viewers = upto.unwrap_or(0).saturating_sub(given);
            given += wave.viewers;
        }
        self
    }

    fn check(&self) -> Result<(), String> {
        let positive = [
            ("seconds", self.seconds),
            ("stream.segment_s", self.stream.segment_s),
            ("stream.length_s", self.stream.length_s),
            ("viewer.up_mbit_s", self.viewer.up_mbit_s),
            ("viewer.down_mbit_s", self.viewer.down_mbit_s),
            ("viewer.buffer_s", self.viewer.buffer_s),
            ("cdn.mbit_s", self.cdn.mbit_s),
            ("cdn.total_mbit_s", self.cdn.total_mbit_s.unwrap_or(1.0)),
        ];
        let waves = self.arrivals.iter().filter_map(|wave| wave.up_mbit_s);
        let waves = waves.map(|rate| ("arrivals.up_mbit_s", rate));
        for (name, value) in positive.into_iter().chain(waves) {
            if !(value.is_finite() && value > 0.0 && value < 1e6) {
                return Err(format!(
                    "{name} = {value}: it must be above 0 and below a million"
                ));
            }
        }
        let waves = self
            .arrivals
            .iter()
            .flat_map(|wave| [wave.at_s, wave.over_s]);
        let faults = self
            .fault
            .iter()
            .flat_map(|fault| [fault.from_s, fault.to_s]);
        let kind = [
            self.viewer.latency_ms,
            self.viewer.modem_ms,
            self.viewer.seeks_per_minute,
        ];
        for span in waves.chain(faults).chain(kind) {
            if !(0.0..1e6).contains(&span) {
                return Err(format!("{span} is no span: 0 to a million"));
            }
        }
        let shares = (self.group.iter().map(|group| group.share))
            .chain(self.fault.iter().map(|fault| fault.share))
            .chain([self.viewer.spread]);
        for share in shares {
            if !(0.0..=1.0).contains(&share) {
                return Err(format!("{share} is no share: 0 to 1"));
            }
        }
        if self.group.iter().map(|group| group.share).sum::<f64>() > 1.0 + 1e-9 {
            return Err("the groups' shares sum to more than 1".to_owned());
        }
        let rates = &self.stream.rates_kbit_s;
        if rates.is_empty() || !rates.is_sorted() || rates[0] < 10.0 || rates[rates.len() - 1] > 1e6
        {
            return Err(
                "stream.rates_kbit_s must name ascending rates, 10 to 1,000,000".to_owned(),
            );
        }
        if self.stream.window < 3 {
            return Err(
                "stream.window must be 3 or more: players start 3 segments behind".to_owned(),
            );
        }
        if !(1..=100_000).contains(&self.viewers()) {
            return Err("arrivals must bring 1 to 100,000 viewers".to_owned());
        }
        let slow = |fault: &&Fault| fault.kind == FaultKind::CdnSlow && fault.share < 0.001;
        if self.fault.iter().any(|fault| slow(&fault)) {
            return Err("a cdn-slow fault must leave a share of 0.001 or more".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
name = "small"
about = "two waves"
seconds = 60
[stream]
kind = "live"
segment_s = 4
rates_kbit_s = [1300]
[[arrivals]]
viewers = 50
over_s = 4
[[arrivals]]
viewers = 950
at_s = 30
over_s = 4
"#;

    #[test]
    fn waves_keep_their_proportion() {
        let waves = |viewers| {
            let scenario = Scenario::read(SMALL).unwrap().with_viewers(viewers);
            let waves: Vec<u32> = scenario.arrivals.iter().map(|wave| wave.viewers).collect();
            waves
        };
        assert_eq!(waves(1_000), [50, 950]);
        assert_eq!(waves(100), [5, 95]);
        assert_eq!(waves(2_001), [100, 1_901]);
    }

    #[test]
    fn what_cannot_be_simulated_is_refused() {
        assert!(Scenario::read(SMALL).is_ok());
        for (right, wrong) in [
            ("seconds = 60", "seconds = 0"),
            ("seconds = 60", "secconds = 60"),
            ("segment_s = 4", "segment_s = nan"),
            ("[1300]", "[1300, 600]"),
            ("[1300]", "[]"),
            ("\"live\"", "\"later\""),
            ("over_s = 4", "over_s = 4\nwhen = 3"),
            ("over_s = 4", "over_s = -4"),
            ("over_s = 4", "over_s = 4\nup_mbit_s = 0"),
            ("viewers = 950", "viewers = 950000"),
        ] {
            let text = SMALL.replacen(right, wrong, 1);
            assert!(Scenario::read(&text).is_err(), "{wrong}");
        }
    }
}
