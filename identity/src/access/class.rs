//! What kind of data a collection holds, which says how fresh a peer has to be to show it or give it away.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

use crate::id::{PeerId, SpaceId};
use crate::path::CollectionPath;
use crate::record::Record;

/// What kind of data it is, the most protective last. What each asks of a peer is the peer's own setting; which one a
/// collection has is said in the space.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Class {
    /// What everybody may know: what nobody classified.
    #[default]
    #[n(0)]
    Public,
    /// What is about people.
    #[n(1)]
    Personal,
    /// What moves something: barriers, valves, lights.
    #[n(2)]
    Actuation,
}

impl Class {
    /// All of them, the most protective last.
    pub const ALL: [Self; 3] = [Self::Public, Self::Personal, Self::Actuation];

    fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Personal => "personal",
            Self::Actuation => "actuation",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Text that names no class.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no class of data: write public, personal or actuation")]
pub struct ParseClassError {
    text: String,
}

impl FromStr for Class {
    type Err = ParseClassError;

    fn from_str(text: &str) -> Result<Self, ParseClassError> {
        let named = Self::ALL.into_iter().find(|class| class.name() == text);
        named.ok_or_else(|| ParseClassError { text: text.to_owned() })
    }
}

/// "What lies there is of that class", signed by whoever manages it. It counts where it is entered in a control log of its
/// issuer. Of what one issuer says of one collection that with the highest number counts; of what several say of it, and of
/// what lies above it, the most protective.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Classified {
    /// The space.
    #[n(0)]
    pub space: SpaceId,
    /// Who signs.
    #[n(1)]
    pub issuer: PeerId,
    /// The collection, and those below it.
    #[n(2)]
    pub collection: CollectionPath,
    /// What it holds.
    #[n(3)]
    pub class: Class,
    /// It takes the place of what the same issuer said of the same collection under a lower number. Of two of one number the
    /// more protective counts.
    #[n(4)]
    pub number: u64,
}

impl Record for Classified {
    const DOMAIN: &'static str = "msec/class/1";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_in_the_order_of_what_they_protect_and_have_one_name_each() {
        assert!(Class::Public < Class::Personal && Class::Personal < Class::Actuation);
        for class in Class::ALL {
            assert_eq!(class.to_string().parse(), Ok(class));
        }
        let refused = "secret".parse::<Class>().expect_err("no class");
        assert!(refused.to_string().contains("public, personal or actuation"));
    }
}
