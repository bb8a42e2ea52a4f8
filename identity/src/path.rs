//! Names of collections, and the prefixes that grants and interests speak of.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode, decode, encode};
use serde::{Deserialize, Serialize};

use crate::error::PathError;

/// The longest path, in bytes. A longer one is refused where it is parsed.
pub const PATH_BYTES_MAX: usize = 128;

const CONTROL: &str = ".control";
const RECEIPTS: &str = ".receipts";

/// A collection such as `parks/noise`, or a prefix of many. The empty path stands for the whole space.
///
/// A path covers itself and what lies below it: `parks` covers `parks/noise`, not `parksmith`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CollectionPath(String);

impl CollectionPath {
    /// The whole space.
    pub fn everything() -> Self {
        Self(String::new())
    }

    /// Where control logs lie: what roots and managers say about rights.
    pub fn control() -> Self {
        Self(CONTROL.to_owned())
    }

    /// Where logs lie in which peers confirm what they have learnt.
    pub fn receipts() -> Self {
        Self(RECEIPTS.to_owned())
    }

    /// Whether that is where control logs lie.
    pub fn is_control(&self) -> bool {
        self.0 == CONTROL
    }

    /// Whether it is the mesh's own: its first segment begins with a dot. No right to write counts there.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with('.')
    }

    /// The text, without a slash at either end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` is this path or lies below it.
    pub fn covers(&self, other: &Self) -> bool {
        if self.0.is_empty() {
            return true;
        }
        match other.0.strip_prefix(self.0.as_str()) {
            Some(rest) => rest.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }
}

impl FromStr for CollectionPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        if text.len() > PATH_BYTES_MAX {
            return Err(PathError::TooLong { bytes: text.len() });
        }
        if text.is_empty() {
            return Ok(Self::everything());
        }
        let refused = |segment: &str| segment.is_empty() || segment.chars().any(char::is_control);
        if text.split('/').any(refused) {
            return Err(PathError::Malformed { text: text.to_owned() });
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for CollectionPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        text.parse()
    }
}

impl From<CollectionPath> for String {
    fn from(path: CollectionPath) -> Self {
        path.0
    }
}

impl fmt::Display for CollectionPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<C> Encode<C> for CollectionPath {
    fn encode<W: encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.str(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for CollectionPath {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        d.str()?.parse().map_err(decode::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> CollectionPath {
        text.parse().expect("a path")
    }

    #[test]
    fn covers_itself_and_what_lies_below() {
        assert!(path("parks").covers(&path("parks")));
        assert!(path("parks").covers(&path("parks/noise")));
        assert!(path("").covers(&path("parks/noise")));
        assert!(!path("parks").covers(&path("parksmith")));
        assert!(!path("parks/noise").covers(&path("parks")));
    }

    #[test]
    fn what_begins_with_a_dot_is_reserved() {
        assert!(CollectionPath::control().is_reserved() && path(".control/x").is_reserved());
        assert!(!path("parks/.hidden").is_reserved() && !path("").is_reserved());
        assert_eq!(path(".control"), CollectionPath::control());
    }

    #[test]
    fn refuses_empty_segments_control_characters_and_length() {
        for text in ["/parks", "parks/", "a//b", "a\nb"] {
            assert!(text.parse::<CollectionPath>().is_err(), "{text:?}");
        }
        assert!("x".repeat(PATH_BYTES_MAX + 1).parse::<CollectionPath>().is_err());
    }
}
