//! Which map: what a scenario says under `map`.
//!
//! `map = "santander"` takes the generator's defaults, `map = { grid = { blocks_x = 20 } }` changes some,
//! `map = { file = "streets.geojson" }` imports a file.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

use super::error::MapError;
use super::fujisawa::Fujisawa;
use super::parametric::{Grid, Radial, SmallWorld};
use super::santander::Santander;

/// Which map, with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub enum MapSpec {
    /// A city on a bay.
    Santander(Santander),
    /// A long city between rivers and the sea.
    Fujisawa(Fujisawa),
    /// Real streets of central Helsinki.
    Helsinki,
    /// The 21 places in central Auckland where pedestrians are counted, in streets that are made up.
    Auckland,
    /// Blocks in rows.
    Grid(Grid),
    /// Rings and spokes.
    Radial(Radial),
    /// A ring of places with short cuts.
    SmallWorld(SmallWorld),
    /// A GeoJSON file with streets.
    File(PathBuf),
}

/// What [`MapSpec`] can be called.
const NAMES: [&str; 8] =
    ["santander", "fujisawa", "helsinki", "auckland", "grid", "radial", "small_world", "file"];

/// Refuses what lies outside of its range, and what is no number.
pub(crate) fn check(name: &'static str, given: f64, min: f64, max: f64) -> Result<(), MapError> {
    if (min..=max).contains(&given) { Ok(()) } else { Err(MapError::Parameter { name, given, min, max }) }
}

impl MapSpec {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "santander" => Self::Santander(Santander::default()),
            "fujisawa" => Self::Fujisawa(Fujisawa::default()),
            "helsinki" => Self::Helsinki,
            "auckland" => Self::Auckland,
            "grid" => Self::Grid(Grid::default()),
            "radial" => Self::Radial(Radial::default()),
            "small_world" => Self::SmallWorld(SmallWorld::default()),
            _ => return None,
        })
    }
}

/// A name that is no map's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no map `{0}`: take santander, fujisawa, helsinki, auckland, grid, radial or small_world, or {{ file = \"...\" }}"
)]
pub struct UnknownMap(String);

impl FromStr for MapSpec {
    type Err = UnknownMap;

    /// A map by its name, with the defaults of its generator.
    fn from_str(name: &str) -> Result<Self, UnknownMap> {
        Self::named(name).ok_or_else(|| UnknownMap(name.to_owned()))
    }
}

impl<'de> Deserialize<'de> for MapSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SpecVisitor)
    }
}

struct SpecVisitor;

/// A map that has no parameters is given an empty table, if any.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl<'de> Visitor<'de> for SpecVisitor {
    type Value = MapSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a map, or a table with the name of a map and its parameters")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<MapSpec, E> {
        name.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<MapSpec, A::Error> {
        let Some(name) = table.next_key::<String>()? else {
            return Err(de::Error::invalid_length(0, &self));
        };
        let spec = match name.as_str() {
            "santander" => MapSpec::Santander(table.next_value()?),
            "fujisawa" => MapSpec::Fujisawa(table.next_value()?),
            "helsinki" => table.next_value::<Nothing>().map(|_| MapSpec::Helsinki)?,
            "auckland" => table.next_value::<Nothing>().map(|_| MapSpec::Auckland)?,
            "grid" => MapSpec::Grid(table.next_value()?),
            "radial" => MapSpec::Radial(table.next_value()?),
            "small_world" => MapSpec::SmallWorld(table.next_value()?),
            "file" => MapSpec::File(table.next_value()?),
            other => return Err(de::Error::unknown_variant(other, &NAMES)),
        };
        match table.next_key::<String>()? {
            None => Ok(spec),
            Some(second) => Err(de::Error::custom(format_args!("one map only: `{name}` or `{second}`"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct City {
        map: MapSpec,
    }

    fn parse(text: &str) -> Result<MapSpec, toml::de::Error> {
        toml::from_str::<City>(text).map(|city| city.map)
    }

    #[test]
    fn by_name_with_parameters_or_from_a_file() {
        assert_eq!(parse("map = \"santander\""), Ok(MapSpec::Santander(Santander { scale: 1.0 })));
        let grid = Grid { blocks_x: 10, block_m: 120.0, ..Grid::default() };
        assert_eq!(parse("map = { grid = { blocks_x = 10, block_m = 120 } }"), Ok(MapSpec::Grid(grid)));
        assert_eq!(parse("map = { helsinki = {} }"), Ok(MapSpec::Helsinki));
        assert_eq!(
            parse("[map.small_world]\nplaces = 50").map(|map| matches!(map, MapSpec::SmallWorld(_))),
            Ok(true)
        );
        assert_eq!(parse("map = { file = \"a.geojson\" }"), Ok(MapSpec::File("a.geojson".into())));
    }

    #[test]
    fn what_is_unknown_is_refused_in_clear_words() {
        let refusal = |text: &str| parse(text).expect_err(text).message().to_owned();
        assert!(refusal("map = \"atlantis\"").starts_with("there is no map `atlantis`: take santander"));
        assert!(refusal("map = { atlantis = {} }").contains("unknown variant `atlantis`"));
        assert!(
            refusal("map = { grid = { blocks = 9 } }").contains("unknown field `blocks`, expected one of")
        );
        assert!(refusal("map = { helsinki = { scale = 2 } }").contains("unknown field `scale`"));
        assert!(refusal("map = { grid = {}, radial = {} }").contains("one map only"));
        assert!(refusal("map = {}").contains("the name of a map"));
        assert!(refusal("map = 3").contains("the name of a map"));
    }

    #[test]
    fn every_name_is_a_map() {
        assert!(NAMES.iter().filter(|name| **name != "file").all(|name| name.parse::<MapSpec>().is_ok()));
    }
}
