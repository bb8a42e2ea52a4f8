//! Where in the file something stands, and which keys it may have.

use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, Visitor, value::Error};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Fault, Problem};
use super::raw::{RawConfig, RawDevice, RawKeep, RawMqtt, RawPage, RawPeer, RawRule};

/// How deep tables are looked into. What is deeper has no known key.
const DEPTH_MAX: usize = 4;

/// A key and where it stands.
#[derive(Debug)]
pub(super) struct Key {
    /// The table, such as `mqtt.rule`; empty for the file itself.
    pub(super) table: String,
    /// Which of several tables of that name, from 0.
    pub(super) nth: usize,
    pub(super) name: String,
    pub(super) line: usize,
    value: Range<usize>,
}

/// All keys of a file.
#[derive(Debug, Default)]
pub(super) struct Layout {
    keys: Vec<Key>,
}

/// Where the lines of a text end.
#[derive(Debug)]
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    /// The line at which a byte stands, from 1.
    pub(super) fn at(&self, byte: usize) -> usize {
        1 + self.0.partition_point(|end| *end < byte)
    }
}

impl Layout {
    /// Reads the keys of a file. Fails where it is not TOML.
    pub(super) fn of(text: &str) -> Result<Self, Fault> {
        let lines = Lines::of(text);
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().and_then(|span| text.get(span));
            // The parser shows where a key stands that is there twice, and does not say which.
            let message = match at.map(str::trim).filter(|_| error.message() == "duplicate key") {
                Some(key) if !key.is_empty() => format!("`{key}` is there twice: leave one of the two out"),
                _ => error.message().to_owned(),
            };
            Fault {
                line: error.span().map(|span| lines.at(span.start)),
                problem: Problem::Syntax { message },
            }
        })?;
        let mut layout = Self::default();
        layout.add(&lines, "", 0, table.get_ref(), 0);
        Ok(layout)
    }

    fn add(&mut self, lines: &Lines, table: &str, nth: usize, keys: &DeTable<'_>, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        for (key, value) in keys {
            let name = key.get_ref().to_string();
            let line = lines.at(key.span().start);
            let below = if table.is_empty() { name.clone() } else { format!("{table}.{name}") };
            self.keys.push(Key { table: table.to_owned(), nth, name, line, value: value.span() });
            self.descend(lines, &below, value, depth + 1);
        }
    }

    fn descend(&mut self, lines: &Lines, table: &str, value: &Spanned<DeValue<'_>>, depth: usize) {
        match value.get_ref() {
            DeValue::Table(keys) => self.add(lines, table, 0, keys, depth),
            DeValue::Array(values) => {
                for (nth, value) in values.iter().enumerate() {
                    if let DeValue::Table(keys) = value.get_ref() {
                        self.add(lines, table, nth, keys, depth);
                    }
                }
            }
            _ => {}
        }
    }

    /// The line of a key; `None` where it is left out.
    pub(super) fn line(&self, table: &str, nth: usize, name: &str) -> Option<usize> {
        let found = self.keys.iter().find(|key| key.table == table && key.nth == nth && key.name == name);
        found.map(|key| key.line)
    }

    /// The key whose value stands around this place: the innermost one.
    pub(super) fn around(&self, at: &Range<usize>) -> Option<&Key> {
        let holds = |key: &&Key| key.value.start <= at.start && at.end <= key.value.end;
        self.keys.iter().filter(holds).min_by_key(|key| key.value.len())
    }

    /// The first key that nobody knows.
    pub(super) fn unknown(&self) -> Option<Fault> {
        let tables = tables();
        let mut unknown: Vec<_> = self
            .keys
            .iter()
            .filter_map(|key| {
                let (_, known) = tables.iter().find(|(table, _)| *table == key.table)?;
                (!known.contains(&key.name.as_str())).then_some((key, *known))
            })
            .collect();
        unknown.sort_by_key(|(key, _)| key.line);
        let (key, known) = unknown.into_iter().next()?;
        let nearest = known.iter().min_by_key(|name| strsim::osa_distance(name, &key.name))?;
        let problem = Problem::UnknownKey {
            key: key.name.clone(),
            table: key.table.clone(),
            nearest: (*nearest).to_owned(),
        };
        Some(Fault { line: Some(key.line), problem })
    }
}

/// Which keys each table has, as its struct says.
pub(super) fn tables() -> [(&'static str, &'static [&'static str]); 7] {
    [
        ("", fields::<RawConfig>()),
        ("peer", fields::<RawPeer>()),
        ("peer.keep", fields::<RawKeep>()),
        ("page", fields::<RawPage>()),
        ("mqtt", fields::<RawMqtt>()),
        ("mqtt.device", fields::<RawDevice>()),
        ("mqtt.rule", fields::<RawRule>()),
    ]
}

/// The names of a struct's fields, asked of its own `Deserialize`, so that no list can fall behind.
fn fields<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut names = &[][..];
    // It always fails: there is nothing to read.
    let _ = T::deserialize(Names(&mut names));
    names
}

struct Names<'n>(&'n mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("only the names of fields are asked for"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
