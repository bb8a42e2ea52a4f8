//! The city of a scenario.

use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::units;
use crate::map::{Fujisawa, MapSpec, Santander};

/// Peers of Santander at its full size: 12,000 sensors, and the gateways and phones that go with them.
const SANTANDER_PEERS: f64 = 12_800.0;

/// Peers of Fujisawa at its full size: a hundred trucks, and a few thousand phones.
const FUJISAWA_PEERS: f64 = 4_000.0;

/// No city is drawn smaller than this part of itself.
const SCALE_MIN: f64 = 0.15;

/// The city.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CitySpec {
    /// Its streets.
    pub map: MapChoice,
    /// How many peers, of all populations together: this one number scales a scenario. Default: as many as are counted, where
    /// every population has a count.
    #[serde(default)]
    pub peers: usize,
    /// Districts. Default: one for every three gateways, at most 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub districts: Option<usize>,
    /// How often what moves is moved, in seconds. Default: 1 s.
    #[serde(rename = "move_every_s", with = "units::seconds", default = "one_second")]
    pub move_every: Duration,
}

pub(super) fn one_second() -> Duration {
    Duration::from_secs(1)
}

/// A map as it was chosen: what it is, and how that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct MapChoice {
    spec: MapSpec,
    written: toml::Value,
}

impl MapChoice {
    /// The map for a city of that many peers. A generator that is only named is scaled, so that peers are as far from each
    /// other as in the city at its full size.
    pub fn scaled(&self, peers: usize) -> MapSpec {
        let by_name = self.written.is_str();
        let scale = |full: f64| (peers as f64 / full).sqrt().clamp(SCALE_MIN, 1.0);
        match &self.spec {
            MapSpec::Santander(_) if by_name => {
                MapSpec::Santander(Santander { scale: scale(SANTANDER_PEERS) })
            }
            MapSpec::Fujisawa(it) if by_name => {
                MapSpec::Fujisawa(Fujisawa { scale: scale(FUJISAWA_PEERS), ..*it })
            }
            other => other.clone(),
        }
    }

    /// A map by its name.
    pub fn named(name: &str) -> Option<Self> {
        Some(Self { spec: name.parse().ok()?, written: name.into() })
    }
}

impl<'de> Deserialize<'de> for MapChoice {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let written = toml::Value::deserialize(from)?;
        let spec =
            MapSpec::deserialize(written.clone()).map_err(|error| D::Error::custom(error.message()))?;
        Ok(Self { spec, written })
    }
}

impl Serialize for MapChoice {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.written.serialize(to)
    }
}
