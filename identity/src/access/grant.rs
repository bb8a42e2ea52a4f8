//! A link in a chain of rights, from the roots of a space to a holder.
//!
//! A chain begins with a root and each further link narrows the one before it. An organisation that keeps its root key
//! in a safe signs one link with it, `manage` on everything to the key of an everyday issuer, and all else is
//! issued under that link: the root comes out again when the issuer is to be revoked.

use std::fmt;
use std::str::FromStr;

use minicbor::data::Type;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use super::caveats::Caveats;
use crate::error::Widened;
use crate::id::{GrantId, PeerId, SpaceId};
use crate::path::CollectionPath;
use crate::record::Record;
use crate::time::UnixMillis;

/// The most links of a chain. A grant further from its root counts for nothing.
pub const CHAIN_LINKS_MAX: usize = 8;

/// One thing that a holder may do. None of them implies another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// Carry and store. What is not in a sealed collection, whoever may relay can read.
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

    /// Whether each right of this set is in `other`.
    pub fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
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

/// Whom a grant speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// A peer.
    Peer(PeerId),
    /// Another space: one link between two cities. Its roots, as many as its own threshold asks for, issue further
    /// links under it; nobody holds the rights themselves.
    Space(SpaceId),
}

impl Holder {
    /// The peer, where it is one.
    pub fn peer(self) -> Option<PeerId> {
        match self {
            Self::Peer(peer) => Some(peer),
            Self::Space(_) => None,
        }
    }

    /// The first ten digits, for people.
    pub fn short(self) -> String {
        match self {
            Self::Peer(peer) => peer.short(),
            Self::Space(space) => space.short(),
        }
    }
}

impl From<PeerId> for Holder {
    fn from(peer: PeerId) -> Self {
        Self::Peer(peer)
    }
}

impl From<SpaceId> for Holder {
    fn from(space: SpaceId) -> Self {
        Self::Space(space)
    }
}

impl PartialEq<PeerId> for Holder {
    fn eq(&self, peer: &PeerId) -> bool {
        matches!(self, Self::Peer(holder) if holder == peer)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(peer) => peer.fmt(f),
            Self::Space(space) => write!(f, "space {space}"),
        }
    }
}

/// A peer is written as its bytes; a space as an array of one.
impl<C> Encode<C> for Holder {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        match self {
            Self::Peer(peer) => e.encode(peer)?.ok(),
            Self::Space(space) => e.array(1)?.encode(space)?.ok(),
        }
    }
}

impl<'b, C> Decode<'b, C> for Holder {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        if d.datatype()? == Type::Bytes {
            return Ok(Self::Peer(d.decode()?));
        }
        if d.array()? != Some(1) {
            return Err(decode::Error::message("neither a peer nor a space"));
        }
        Ok(Self::Space(d.decode()?))
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
    pub holder: Holder,
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
    /// Within which limits; `None` where there are none.
    #[n(9)]
    pub caveats: Option<Caveats>,
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

    /// Whether it lets somebody write what is measured there: latitude and longitude, in units of 1e-7 degrees. What doesn't say
    /// where is measured nowhere that lies in a box.
    pub fn reaches(&self, place: Option<(i32, i32)>) -> bool {
        let area = self.caveats.as_ref().and_then(|limits| limits.place);
        area.is_none_or(|area| place.is_some_and(|(latitude, longitude)| area.contains(latitude, longitude)))
    }

    /// Whether `child` narrows this grant, or what of it is wider. Who signed it and who holds this one is not looked at.
    pub fn allows_attenuation(&self, child: &Self) -> Result<(), Widened> {
        let is_within = self.not_before <= child.not_before && child.not_after <= self.not_after;
        let held_to = |limits: &Caveats| child.caveats.as_ref().is_some_and(|own| own.are_within(limits));
        let steps = [
            (child.space == self.space && child.parent == Some(self.id()), Widened::NotBelow),
            (self.rights.contains(Right::Manage), Widened::NotManaged),
            (child.rights.is_subset(self.rights), Widened::Rights),
            (self.resource.covers(&child.resource), Widened::Resource),
            (is_within, Widened::Validity),
            (child.depth < self.depth, Widened::Depth),
            (
                self.caveats.as_ref().is_none_or(|limits| limits.is_empty() || held_to(limits)),
                Widened::Caveats,
            ),
        ];
        steps.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, widened)| Err(widened))
    }
}

#[cfg(test)]
mod tests;
