//! A scenario: who lives in a city, what they publish, what goes wrong when, and what is looked at. Written as TOML.
//!
//! | module | what it holds |
//! |---|---|
//! | `city` | [`CitySpec`]: the map, and how many peers |
//! | `population` | [`PopulationSpec`]: peers of one kind |
//! | `leases` | [`LeaseSpec`]: which classes of data there are, and how fresh peers have to be |
//! | `plain` | [`PlainSpec`]: the link of peers that name no interface |
//! | `units` | how times, shares and names are written, and what is refused |
//! | `place` | where in the file something stands |
//! | `overrides` | [`Override`], `--set path=value` |
//! | `built_in` | the scenarios that come with the program |
//! | `error` | what is wrong with a scenario, and where |

mod built_in;
mod city;
mod error;
mod leases;
mod overrides;
mod place;
mod plain;
mod population;
mod units;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use built_in::{BuiltIn, built_in, built_ins};
pub use city::{CitySpec, MapChoice};
pub use error::ScenarioError;
pub use leases::{ClassifySpec, LeaseSpec};
pub use overrides::Override;
pub use plain::PlainSpec;
pub use population::{
    DIALS_MAX, DialScope, DialSpec, InterestSpec, JoinSpec, MoveSpec, PopulationSpec, PublishSpec, Role,
    RouteSpec, Scope, SiteSpec, Values,
};

use crate::erasure::Erase;
use crate::fault::{Fault, Planned};
use crate::link::{ClassSettings, LinkClass, LinkModel};
use crate::peer::PEERS_MAX;
use crate::revocation::{Issuer, Revoke};

/// The longest scenario, in bytes. A longer one is refused.
pub const SCENARIO_BYTES_MAX: usize = 1 << 20;

/// The most populations of a scenario. One with more is refused.
pub const POPULATIONS_MAX: usize = 64;

/// The most faults of a scenario. One with more is refused.
pub const FAULTS_MAX: usize = 4_096;

/// The most erasures of a scenario. One with more is refused.
const ERASES_MAX: usize = 256;
/// The most revocations of a scenario. One with more is refused.
pub const REVOKES_MAX: usize = 256;

/// The shortest time between two times that something happens again and again.
const EVERY_MIN: Duration = Duration::from_millis(1);

/// The most link classes, the built-in ones among them. A scenario with more is refused.
pub const LINK_CLASSES_MAX: usize = 64;

/// How long a city is given to agree after the last fault, unless the scenario says otherwise. A link that is cut is
/// noticed after 20 s, redialled after at most 19 s, and reconciled within 12.5 s (`idle_timeout`, the overlay's
/// `fixed_backoff_max`, `reconcile_interval`, with their jitter).
pub const AGREE_WITHIN: Duration = Duration::from_secs(60);

/// What is simulated. Made from TOML by [`Scenario::parse`], and written back by [`Scenario::to_toml`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is called.
    #[serde(deserialize_with = "units::name")]
    pub name: String,
    /// What question it answers, in a sentence or two.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// How long is published, in seconds.
    #[serde(rename = "publish_s", with = "units::seconds")]
    pub publish: Duration,
    /// How long the city is given after that, so that everything can arrive, in seconds. Default: [`AGREE_WITHIN`].
    #[serde(rename = "drain_s", with = "units::seconds", default = "agree_within")]
    pub drain: Duration,
    /// The city.
    pub city: CitySpec,
    /// Who lives there.
    #[serde(rename = "population")]
    pub populations: Vec<PopulationSpec>,
    /// Link classes of its own, or built-in ones with other figures, by name.
    #[serde(default, rename = "link", skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<String, ClassSettings>,
    /// The link of peers that name no interface.
    #[serde(default)]
    pub plain: PlainSpec,
    /// What goes wrong, and when.
    #[serde(default, rename = "fault", skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Planned>,
    /// Whose grants are revoked, and when.
    #[serde(default, rename = "revoke", skip_serializing_if = "Vec::is_empty")]
    pub revokes: Vec<Revoke>,
    /// Which classes of data there are, and how fresh peers have to be for them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub leases: LeaseSpec,
    /// What is erased, and when.
    #[serde(default, rename = "erase", skip_serializing_if = "Vec::is_empty")]
    pub erases: Vec<Erase>,
    /// What is checked.
    #[serde(default)]
    pub check: CheckSpec,
    /// What is recorded.
    #[serde(default)]
    pub record: RecordSpec,
}

/// What is checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckSpec {
    /// How long after the last fault all honest peers with one interest hold the same, at most, in seconds.
    #[serde(rename = "agree_within_s", with = "units::seconds")]
    pub agree_within: Duration,
    /// How often the checkers look that look at everything, in seconds. Default: 1 s.
    #[serde(rename = "every_s", with = "units::seconds")]
    pub every: Duration,
}

/// What is recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecordSpec {
    /// Time between two rows of the series, in seconds. Default: 10 s.
    #[serde(rename = "series_every_s", with = "units::seconds")]
    pub series_every: Duration,
    /// How many messages are followed through the city. Default: 3, at most [`SPREADS_MAX`].
    pub spread: usize,
}

/// The most messages that are followed.
pub const SPREADS_MAX: usize = 32;

impl Default for CheckSpec {
    fn default() -> Self {
        Self { agree_within: AGREE_WITHIN, every: city::one_second() }
    }
}

impl Default for RecordSpec {
    fn default() -> Self {
        Self { series_every: Duration::from_secs(10), spread: 3 }
    }
}

fn is_default(leases: &LeaseSpec) -> bool {
    *leases == LeaseSpec::default()
}

fn agree_within() -> Duration {
    AGREE_WITHIN
}

impl Scenario {
    /// Reads and checks a scenario. What is refused is refused with its line.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        if text.len() > SCENARIO_BYTES_MAX {
            return Err(ScenarioError::TooLong);
        }
        let mut scenario: Self =
            toml::from_str(text).map_err(|error| ScenarioError::from_toml(text, &error))?;
        if scenario.city.peers == 0 {
            let counts: Option<Vec<usize>> = scenario.populations.iter().map(|it| it.count).collect();
            let sum = counts.unwrap_or_default().into_iter().fold(0, usize::saturating_add);
            scenario.city.peers = sum;
        }
        match scenario.check() {
            Ok(()) => Ok(scenario),
            Err(wrong) => Err(ScenarioError::from_wrong(text, wrong)),
        }
    }

    /// Reads and checks a scenario with some of its values replaced.
    pub fn parse_with(text: &str, overrides: &[Override]) -> Result<Self, ScenarioError> {
        if overrides.is_empty() {
            return Self::parse(text);
        }
        // Read again from its text, so that what is refused has a line in what is refused.
        let changed = Self::changed(text, overrides)?;
        Self::parse(&changed).map_err(|error| error.after_overrides(overrides))
    }

    /// The text of a scenario with some of its values replaced, before it is checked.
    pub fn changed(text: &str, overrides: &[Override]) -> Result<String, ScenarioError> {
        if text.len() > SCENARIO_BYTES_MAX {
            return Err(ScenarioError::TooLong);
        }
        if overrides.is_empty() {
            return Ok(text.to_owned());
        }
        let mut table: toml::Table =
            toml::from_str(text).map_err(|error| ScenarioError::from_toml(text, &error))?;
        for change in overrides {
            change.apply(&mut table)?;
        }
        toml::to_string(&table).map_err(|source| ScenarioError::Unwritable { source })
    }

    /// The scenario as a file.
    pub fn to_toml(&self) -> Result<String, ScenarioError> {
        toml::to_string(self).map_err(|source| ScenarioError::Unwritable { source })
    }

    /// When the run ends.
    pub fn end(&self) -> Duration {
        self.publish + self.drain
    }

    /// How many peers each population has.
    pub fn sizes(&self) -> Vec<usize> {
        population::sizes(&self.populations, self.city.peers)
    }

    /// How many districts the city is divided into: no more than there are gateways that can hold what is measured in them.
    pub fn districts(&self) -> usize {
        const GATEWAYS_EACH: usize = 3;
        const DISTRICTS_MAX: usize = 64;
        let holds = |it: &PopulationSpec| it.role == Role::Gateway && it.hostile.is_none();
        let gateways = self.populations.iter().zip(self.sizes()).filter(|(it, _)| holds(it));
        let gateways: usize = gateways.map(|(_, size)| size).sum();
        let usual = (gateways / GATEWAYS_EACH).clamp(1, DISTRICTS_MAX);
        self.city.districts.unwrap_or(usual).min(gateways.max(1))
    }

    /// The link classes: the built-in ones, changed and added to as the scenario says.
    pub fn link_classes(&self) -> Result<Vec<LinkClass>, ScenarioError> {
        self.classes().map_err(|wrong| ScenarioError::from_wrong("", wrong))
    }

    /// The link of peers that name no interface.
    pub fn plain_link(&self) -> Result<LinkModel, ScenarioError> {
        self.plain.model().map_err(|reason| ScenarioError::from_wrong("", Wrong::at("plain", reason)))
    }

    fn classes(&self) -> Result<Vec<LinkClass>, Wrong> {
        let mut classes = LinkClass::built_in();
        for (name, settings) in &self.links {
            let class =
                settings.class(name).map_err(|error| Wrong::at(format!("link.{name}"), error.to_string()))?;
            match classes.iter_mut().find(|other| other.name == *name) {
                Some(other) => *other = class,
                None => classes.push(class),
            }
        }
        if classes.len() > LINK_CLASSES_MAX {
            return Err(Wrong::at("link", format!("there are at most {LINK_CLASSES_MAX} link classes")));
        }
        Ok(classes)
    }

    /// Refuses what each value alone allows and all together do not.
    fn check(&self) -> Result<(), Wrong> {
        if self.publish.is_zero() {
            return Err(Wrong::at("publish_s", "nothing would be published: give it more than 0 seconds"));
        }
        if self.populations.is_empty() || self.populations.len() > POPULATIONS_MAX {
            let reason = format!("a city has 1 to {POPULATIONS_MAX} populations: add a [[population]]");
            return Err(Wrong::at("name", reason));
        }
        if self.city.peers == 0 || self.city.peers > PEERS_MAX {
            return Err(Wrong::at("city.peers", format!("give it 1 to {PEERS_MAX} peers")));
        }
        if self.city.districts.is_some_and(|n| n == 0 || n > 1_024) {
            return Err(Wrong::at("city.districts", "give it 1 to 1024 districts"));
        }
        for (path, every) in [
            ("city.move_every_s", self.city.move_every),
            ("record.series_every_s", self.record.series_every),
            ("check.every_s", self.check.every),
        ] {
            if every < EVERY_MIN {
                return Err(Wrong::at(path, "it happens again and again: give it 0.001 seconds at least"));
            }
        }
        if self.record.spread > SPREADS_MAX {
            return Err(Wrong::at("record.spread", format!("at most {SPREADS_MAX} messages are followed")));
        }
        self.plain.model().map_err(|reason| Wrong::at("plain", reason))?;
        let classes = self.classes()?;
        population::check(&self.populations, self.city.peers, &classes)?;
        if self.faults.len() > FAULTS_MAX {
            return Err(Wrong::at("name", format!("at most {FAULTS_MAX} faults are simulated")));
        }
        for (n, fault) in self.faults.iter().enumerate() {
            let path = format!("fault.{n}");
            let within = |s: f64| (0.0..=units::SECONDS_MAX).contains(&s);
            if !within(fault.from_s)
                || fault.until_s.is_some_and(|until_s| !within(until_s) || until_s < fault.from_s)
            {
                let reason = "from_s and until_s are seconds from 0 on, and it ends after it begins";
                return Err(Wrong::at(path, reason));
            }
            let within_s = if let Fault::Crash { within_s, .. } = fault.fault { within_s } else { 0.0 };
            if !within(within_s) {
                return Err(Wrong::at(format!("{path}.within_s"), "give it seconds from 0 on"));
            }
            self.check_time_to_agree(fault.until_s.unwrap_or(fault.from_s) + within_s)
                .map_err(|reason| Wrong::at(path, reason))?;
        }
        self.check_revokes()?;
        self.leases.check(&self.populations)?;
        self.check_erases()?;
        for (n, joins) in self.populations.iter().enumerate().filter_map(|(n, it)| Some((n, it.joins?))) {
            let until_s = (joins.from + joins.within).as_secs_f64();
            self.check_time_to_agree(until_s)
                .map_err(|reason| Wrong::at(format!("population.{n}.joins"), reason))?;
        }
        Ok(())
    }

    /// Refuses revocations that nobody could issue, or nobody learn of in time.
    fn check_revokes(&self) -> Result<(), Wrong> {
        if self.revokes.len() > REVOKES_MAX {
            return Err(Wrong::at("name", format!("at most {REVOKES_MAX} revocations are simulated")));
        }
        let issues = self.populations.iter().any(|it| it.issues.is_some());
        for (n, revoke) in self.revokes.iter().enumerate() {
            let path = format!("revoke.{n}");
            if !issues {
                let reason = "nobody can say so: give a population `issues = \"root\"`, or `issues = \"manager\"` and the \
                              others `granted_by` it";
                return Err(Wrong::at(path, reason));
            }
            let last_s = revoke.restore_at_s.unwrap_or(revoke.at_s);
            if ![revoke.at_s, last_s].iter().all(|s| (0.0..=units::SECONDS_MAX).contains(s))
                || last_s < revoke.at_s
            {
                let reason =
                    "at_s and restore_at_s are seconds from 0 on, and it is restored after it is revoked";
                return Err(Wrong::at(path, reason));
            }
            self.check_time_to_agree(last_s).map_err(|reason| Wrong::at(path, reason))?;
        }
        Ok(())
    }

    /// Refuses erasures of which nobody could learn in time.
    fn check_erases(&self) -> Result<(), Wrong> {
        if self.erases.len() > ERASES_MAX {
            return Err(Wrong::at("name", format!("at most {ERASES_MAX} erasures are simulated")));
        }
        for (n, erase) in self.erases.iter().enumerate() {
            let path = format!("erase.{n}");
            if !(0.0..=units::SECONDS_MAX).contains(&erase.at_s) {
                return Err(Wrong::at(path, "at_s is seconds from 0 on"));
            }
            self.check_time_to_agree(erase.at_s).map_err(|reason| Wrong::at(path, reason))?;
        }
        Ok(())
    }

    /// The population on whose peer the root's key lies.
    pub(crate) fn root(&self) -> Option<usize> {
        self.populations.iter().position(|it| it.issues == Some(Issuer::Root))
    }

    /// Whether there is time to agree after what is over then.
    fn check_time_to_agree(&self, until_s: f64) -> Result<(), String> {
        let latest_s = self.end().saturating_sub(self.check.agree_within).as_secs_f64();
        if until_s <= latest_s {
            return Ok(());
        }
        Err(format!(
            "it lasts until second {until_s}, and the city has {} s to agree after it: end it by second {latest_s}, or make \
             publish_s or drain_s longer",
            self.check.agree_within.as_secs_f64(),
        ))
    }
}

/// A value that cannot be: where it stands, as in `--set`, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) path: String,
    pub(crate) reason: String,
}

impl Wrong {
    pub(crate) fn at(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { path: path.into(), reason: reason.into() }
    }
}

#[cfg(test)]
mod tests;
