//! How values are written in a scenario. What is refused says what to write instead.

use serde::de::{Deserialize, Deserializer, Error};

/// The longest time that a scenario names, in seconds: a year.
pub(crate) const SECONDS_MAX: f64 = 366.0 * 24.0 * 3_600.0;

/// The longest name, in bytes. It becomes part of a stream's name.
pub(crate) const NAME_BYTES_MAX: usize = 64;

/// A time in seconds, whole or not.
pub(crate) mod seconds {
    use std::time::Duration;

    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub(crate) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(time.as_secs_f64())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let value = f64::deserialize(from)?;
        if !(0.0..=super::SECONDS_MAX).contains(&value) {
            return Err(D::Error::custom(format!(
                "{value} is no time in seconds: give it 0 to 31622400 (a year)"
            )));
        }
        Ok(Duration::from_secs_f64(value))
    }
}

/// A time in seconds that may be left out.
pub(crate) mod maybe_seconds {
    use std::time::Duration;

    use serde::de::Deserializer;
    use serde::ser::Serializer;

    pub(crate) fn serialize<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        super::seconds::serialize(&time.unwrap_or_default(), to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        super::seconds::deserialize(from).map(Some)
    }
}

/// A part of a whole, from 0 to 1.
pub(crate) fn share<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    let value = f64::deserialize(from)?;
    if !(0.0..=1.0).contains(&value) {
        return Err(D::Error::custom(format!("{value} is no share: give it 0 to 1")));
    }
    Ok(Some(value))
}

/// A name: of a scenario, a population, a collection.
pub(crate) fn name<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let value = String::deserialize(from)?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if value.is_empty() || value.len() > NAME_BYTES_MAX || !value.chars().all(plain) {
        return Err(D::Error::custom(format!(
            "{value:?} is no name here: give it 1 to {NAME_BYTES_MAX} of a-z, 0-9, '-' and '_'"
        )));
    }
    Ok(value)
}
