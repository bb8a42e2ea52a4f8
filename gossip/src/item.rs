//! What gossip compares: an opaque key, the topic it belongs to, and the version that somebody holds.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

use crate::error::TopicError;
use crate::hour::Hour;
use crate::place::Spot;

/// The longest topic, in bytes, with its trailing slash. A longer one is refused where it is made or decoded.
pub const TOPIC_BYTES_MAX: usize = 256;

/// A name that gossip doesn't look into. `peer::node` puts a `LogId` here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
pub struct Key(pub [u8; 32]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(")?;
        write_short_hex(f, &self.0)?;
        f.write_str(")")
    }
}

/// Who made what a key names, as far as the node tells: a name that gossip doesn't look into. `peer::node` puts the log's
/// author here. What one origin makes all of us carry is bounded by [`crate::Config::author_quota`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(pub [u8; 32]);

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Origin(")?;
        write_short_hex(f, &self.0)?;
        f.write_str(")")
    }
}

/// How far somebody holds a key: for a log, its size and its Merkle root.
///
/// Only `size` orders. Two versions of one size that differ in `digest` are a conflict, which gossip reports and
/// cannot resolve; that is why there is no `Ord` here.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
pub struct Version {
    /// How much: more is newer.
    pub size: u64,
    /// What: a collision-resistant digest of all that `size` counts.
    pub digest: [u8; 32],
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({} ", self.size)?;
        write_short_hex(f, &self.digest)?;
        f.write_str(")")
    }
}

/// What says who is interested in a key: a path such as `parks/noise/`, where that is, and when it was last heard of.
///
/// The path is always without a leading slash, with a trailing one, without empty segments or control characters, and at
/// most [`TOPIC_BYTES_MAX`] bytes long. There is one spelling for each, so that bytes can be compared. The place never
/// changes; the hour is that of a version. See [`crate::Interest`] for what that is good for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic {
    path: Arc<str>,
    spot: Option<Spot>,
    hour: Option<Hour>,
}

impl Topic {
    /// Normalises the slashes at both ends and checks the rest. In no place, and in no hour.
    pub fn new(path: &str) -> Result<Self, TopicError> {
        let path = path.trim_matches('/');
        if path.is_empty() {
            return Err(TopicError::Empty);
        }
        if path.len() >= TOPIC_BYTES_MAX {
            return Err(TopicError::TooLong { bytes: path.len() + 1 });
        }
        if path.split('/').any(str::is_empty) {
            return Err(TopicError::EmptySegment);
        }
        if path.chars().any(char::is_control) {
            return Err(TopicError::ControlCharacter);
        }
        Ok(Self { path: format!("{path}/").into(), spot: None, hour: None })
    }

    /// The path, with its trailing slash.
    pub fn as_str(&self) -> &str {
        &self.path
    }

    /// At that spot; `None`: everywhere.
    #[must_use]
    pub fn at(self, spot: Option<Spot>) -> Self {
        Self { spot, ..self }
    }

    /// The path alone.
    pub(crate) fn anywhere(self) -> Self {
        Self { spot: None, hour: None, ..self }
    }

    /// Where it is.
    pub fn spot(&self) -> Option<Spot> {
        self.spot
    }

    /// Last heard of in that hour; `None`: of all times.
    #[must_use]
    pub fn in_hour(self, hour: Option<Hour>) -> Self {
        Self { hour, ..self }
    }

    /// When it was last heard of.
    pub fn hour(&self) -> Option<Hour> {
        self.hour
    }

    /// The path, to be shared.
    pub(crate) fn path(&self) -> &Arc<str> {
        &self.path
    }

    /// With a path that is equal.
    pub(crate) fn sharing(self, path: Arc<str>) -> Self {
        Self { path, ..self }
    }

    /// Takes only a path that already is in its one spelling: what comes off the wire.
    pub(crate) fn from_canonical(path: &str) -> Result<Self, TopicError> {
        let topic = Self::new(path)?;
        if topic.as_str() == path { Ok(topic) } else { Err(TopicError::NotCanonical) }
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, spot, hour } = self;
        write!(f, "Topic({path:?}")?;
        spot.iter().try_for_each(|spot| write!(f, " {spot:?}"))?;
        hour.iter().try_for_each(|hour| write!(f, " {hour:?}"))?;
        f.write_str(")")
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// On the wire: the path, and the numbers of spot and hour, or 0.
impl Serialize for Topic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (spot, hour) = (self.spot.map_or(0, Spot::number), self.hour.map_or(0, Hour::number));
        (self.as_str(), spot, hour).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Looks at the text where it lies: nothing is allocated before its length is checked.
        struct Path(Topic);
        impl<'de> Deserialize<'de> for Path {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Canonical;
                impl Visitor<'_> for Canonical {
                    type Value = Path;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a topic")
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<Path, E> {
                        Topic::from_canonical(text).map(Path).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Canonical)
            }
        }
        let (Path(topic), spot, hour) = <(Path, u64, u32)>::deserialize(deserializer)?;
        let topic = topic.at(Spot::from_number(spot)).in_hour(Hour::from_number(hour));
        if spot != 0 && topic.spot().is_none() {
            return Err(de::Error::custom(TopicError::NotCanonical));
        }
        Ok(topic)
    }
}

/// A key with what somebody holds of it, as it travels in announcements and lists.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
pub(crate) struct Item {
    pub(crate) key: Key,
    /// So that a peer which has never met the key knows whether it is interested.
    pub(crate) topic: Topic,
    pub(crate) version: Version,
}

impl Item {
    /// More than any item takes on the wire: key, digest, four varints and the longest path.
    pub(crate) const BYTES_MAX: usize = 32 + 32 + 10 + 2 + 6 + 5 + TOPIC_BYTES_MAX;

    /// What one takes, about.
    pub(crate) const BYTES_TYPICAL: usize = 100;
}

/// In order of keys, of which each is there once.
pub(crate) fn in_order(items: Vec<Item>) -> Vec<Item> {
    let mut by_key = BTreeMap::new();
    for item in items {
        by_key.insert(item.key, item);
    }
    by_key.into_values().collect()
}

/// The first ten digits: enough for a person to tell two apart.
pub(crate) fn write_short_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8; 32]) -> fmt::Result {
    bytes.iter().take(5).try_for_each(|byte| write!(f, "{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_has_one_spelling() {
        for text in ["parks/noise", "/parks/noise", "parks/noise/", "//parks/noise//"] {
            assert_eq!(Topic::new(text).unwrap().as_str(), "parks/noise/");
        }
    }

    #[test]
    fn a_topic_is_bounded_and_clean() {
        assert_eq!(Topic::new("/"), Err(TopicError::Empty));
        assert_eq!(Topic::new("a//b"), Err(TopicError::EmptySegment));
        assert_eq!(Topic::new("a\nb"), Err(TopicError::ControlCharacter));
        assert!(Topic::new(&"x".repeat(TOPIC_BYTES_MAX - 1)).is_ok());
        assert_eq!(Topic::new(&"x".repeat(TOPIC_BYTES_MAX)), Err(TopicError::TooLong { bytes: 257 }));
    }

    #[test]
    fn the_wire_takes_only_that_spelling() {
        assert!(Topic::from_canonical("a/").is_ok());
        assert_eq!(Topic::from_canonical("a"), Err(TopicError::NotCanonical));
        assert_eq!(Topic::from_canonical("/a/"), Err(TopicError::NotCanonical));
    }

    #[test]
    fn debug_is_short() {
        assert_eq!(format!("{:?}", Key([0xab; 32])), "Key(ababababab)");
        assert_eq!(format!("{:?}", Version { size: 7, digest: [1; 32] }), "Version(7 0101010101)");
    }
}
