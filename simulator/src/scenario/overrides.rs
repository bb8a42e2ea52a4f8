//! `--set path=value`: one value of a scenario, replaced.

use std::fmt;
use std::str::FromStr;

use toml::{Table, Value};

use super::ScenarioError;

/// The most parts of a path.
const PARTS_MAX: usize = 16;

/// A value to be replaced: `city.peers=200`, `population.buses.moves.speed_kmh=30`, `fault.0.until_s=60`. Tables of a list
/// are named by their `name`, or by their place, counted from 0. A value is written as in TOML; a bare word is a string.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    path: String,
    value: Value,
}

impl Override {
    /// Replaces what stands there.
    pub fn new(path: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { path: path.into(), value: value.into() }
    }

    /// Where.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// With what, as in TOML.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Replaces it, or adds it to a table that is there.
    pub(super) fn apply(&self, table: &mut Table) -> Result<(), ScenarioError> {
        let refuse = |reason: String| ScenarioError::Override { path: self.path.clone(), reason };
        let parts: Vec<&str> = self.path.split('.').collect();
        if parts.len() > PARTS_MAX || parts.iter().any(|part| part.is_empty()) {
            return Err(refuse("a path is names with dots between them, such as city.peers".into()));
        }
        let (last, parents) = parts.split_last().expect("splitting gives one part at least");
        let mut here = table;
        let mut parents = parents.iter();
        while let Some(part) = parents.next() {
            // A table that has only defaults need not be written down.
            let value = here.entry(*part).or_insert_with(|| Value::Table(Table::new()));
            here = match value {
                Value::Table(table) => table,
                Value::Array(items) => {
                    let which =
                        parents.next().ok_or_else(|| refuse(format!("which {part}? {}", names(items))))?;
                    let is_it = |(n, item): &(usize, &mut Value)| {
                        which.parse() == Ok(*n) || item.get("name").and_then(Value::as_str) == Some(which)
                    };
                    let known = names(items);
                    let item = items.iter_mut().enumerate().find(is_it).map(|(_, item)| item);
                    match item {
                        Some(Value::Table(table)) => table,
                        _ => return Err(refuse(format!("there is no {part} {which:?}: {known}"))),
                    }
                }
                _ => return Err(refuse(format!("{part:?} is a value, and has nothing in it"))),
            };
        }
        here.insert((*last).to_owned(), self.value.clone());
        Ok(())
    }
}

/// What a list has, for a person who named what it has not.
fn names(items: &[Value]) -> String {
    let names = items.iter().enumerate().map(|(n, item)| {
        item.get("name").and_then(Value::as_str).map_or_else(|| n.to_string(), str::to_owned)
    });
    format!("there are {}", names.collect::<Vec<_>>().join(", "))
}

impl FromStr for Override {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (path, value) = text.split_once('=').ok_or("write it as path=value, such as city.peers=200")?;
        let (path, value) = (path.trim(), value.trim());
        let parsed = toml::from_str::<Table>(&format!("value = {value}")).ok();
        let value = match parsed.and_then(|mut table| table.remove("value")) {
            Some(value) => value,
            None if value.chars().all(|c| c.is_ascii_alphanumeric() || "-_/.".contains(c)) => {
                Value::String(value.to_owned())
            }
            None => return Err(format!("{value:?} is no TOML value: quote a text, as in path='\"a b\"'")),
        };
        Ok(Self { path: path.to_owned(), value })
    }
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.path, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str, change: &str) -> Result<Table, String> {
        let mut table: Table = toml::from_str(text).expect("a table");
        let change: Override = change.parse()?;
        change.apply(&mut table).map_err(|error| error.to_string())?;
        Ok(table)
    }

    const TEXT: &str = "[city]\npeers = 3\n[[population]]\nname = \"buses\"\n[[population]]\nname = \"b\"\n";

    #[test]
    fn values_are_replaced_by_path_name_and_place() {
        assert_eq!(set(TEXT, "city.peers=200").expect("set")["city"]["peers"], Value::Integer(200));
        let table = set(TEXT, "population.buses.moves.speed_kmh=30").expect("set");
        assert_eq!(table["population"][0]["moves"]["speed_kmh"], Value::Integer(30));
        assert_eq!(
            set(TEXT, "population.1.share=0.5").expect("set")["population"][1]["share"],
            Value::Float(0.5)
        );
        assert_eq!(set(TEXT, "check.every_s=2").expect("set")["check"]["every_s"], Value::Integer(2));
        let table = set(TEXT, "city.map=fujisawa").expect("a bare word is a string");
        assert_eq!(table["city"]["map"], Value::String("fujisawa".into()));
    }

    #[test]
    fn what_is_not_there_is_said_with_what_is() {
        assert_eq!(
            set(TEXT, "population.trams.share=1"),
            Err("--set population.trams.share: there is no population \"trams\": there are buses, b".into())
        );
        assert!(set(TEXT, "city.peers.x=1").expect_err("refused").contains("is a value"));
        assert!(set(TEXT, "city..x=1").is_err());
        assert!(set(TEXT, "city.peers").is_err());
        assert!(set(TEXT, "name=a b").expect_err("refused").contains("quote"));
    }
}
