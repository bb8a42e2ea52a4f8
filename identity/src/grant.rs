//! A link in a chain of rights, from the roots of a space to a holder.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

use crate::id::{GrantId, PeerId, SpaceId};
use crate::path::CollectionPath;
use crate::record::Record;
use crate::time::UnixMillis;

/// One thing that a holder may do. None of them implies another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// Carry and store. Nothing is sealed yet: whoever may relay can read.
    Relay,
    /// Read.
    Read,
    /// Write logs.
    Write,
    /// Pass on what one has, attenuated, and revoke it again.
    Manage,
}

impl Right {
    const ALL: [Self; 4] = [Self::Relay, Self::Read, Self::Write, Self::Manage];

    fn bit(self) -> u8 {
        1 << self as u8
    }

    fn name(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Read => "read",
            Self::Write => "write",
            Self::Manage => "manage",
        }
    }
}

/// A set of rights.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Rights(#[n(0)] u8);

impl Rights {
    /// The set of these.
    pub fn of(rights: impl IntoIterator<Item = Right>) -> Self {
        Self(rights.into_iter().fold(0, |bits, right| bits | right.bit()))
    }

    /// Whether `right` is in the set.
    pub fn contains(self, right: Right) -> bool {
        self.0 & right.bit() != 0
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Right::ALL.into_iter().filter(|r| self.contains(*r)).map(Right::name).collect();
        f.write_str(&names.join(","))
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rights({self})")
    }
}

/// Text that is not a set of rights.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a right: write some of relay, read, write, manage, with commas between them")]
pub struct ParseRightsError {
    text: String,
}

impl FromStr for Rights {
    type Err = ParseRightsError;

    fn from_str(text: &str) -> Result<Self, ParseRightsError> {
        let right = |name: &str| {
            Right::ALL
                .into_iter()
                .find(|r| r.name() == name.trim())
                .ok_or_else(|| ParseRightsError { text: name.to_owned() })
        };
        Ok(Self::of(text.split(',').map(right).collect::<Result<Vec<_>, _>>()?))
    }
}

/// "The holder may do this, there, in that time", signed by the issuer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Grant {
    /// The space in which it counts.
    #[n(0)]
    pub space: SpaceId,
    /// Who signs.
    #[n(1)]
    pub issuer: PeerId,
    /// Who may.
    #[n(2)]
    pub holder: PeerId,
    /// Where: this collection and those below it.
    #[n(3)]
    pub resource: CollectionPath,
    /// What.
    #[n(4)]
    pub rights: Rights,
    /// From when, inclusive.
    #[n(5)]
    pub not_before: UnixMillis,
    /// Until when, inclusive.
    #[n(6)]
    pub not_after: UnixMillis,
    /// How many further links may follow.
    #[n(7)]
    pub depth: u8,
    /// The link that this one attenuates; `None` where the issuer is a root.
    #[n(8)]
    pub parent: Option<GrantId>,
}

impl Record for Grant {
    const DOMAIN: &'static str = "msec/grant/1";
}

impl Grant {
    /// The grant's id.
    pub fn id(&self) -> GrantId {
        GrantId(self.hash())
    }

    /// Whether `at` lies in its validity. A peer whose clock was never set passes `None`, and is not kept out by it.
    pub fn is_valid(&self, at: Option<UnixMillis>) -> bool {
        at.is_none_or(|at| (self.not_before..=self.not_after).contains(&at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_a_set_and_none_implies_another() {
        let rights: Rights = "write, relay".parse().expect("rights");
        assert!(rights.contains(Right::Write) && rights.contains(Right::Relay));
        assert!(!rights.contains(Right::Read) && !rights.contains(Right::Manage));
        assert_eq!(rights.to_string(), "relay,write");
        assert!("admin".parse::<Rights>().is_err());
    }
}
