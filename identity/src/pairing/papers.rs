//! What the two sides of a pairing say of themselves.

use minicbor::{Decode, Encode};

use crate::error::PairingError;
use crate::id::{PeerId, SpaceId};
use crate::keys::{Endorsement, NoiseKey};
use crate::record::Unverified;
use crate::time::UnixMillis;

/// The longest name that a peer shows of itself, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// The longest greeting or welcome, in bytes.
pub(super) const BYTES_MAX: usize = 24 * 1024;

/// What a side says of itself.
#[derive(Debug, Clone, Default)]
pub struct PairingPapers {
    /// What a person calls it, at most [`NAME_BYTES_MAX`]: the owner sees it beside the words. Nobody proves it.
    pub name: String,
    /// Bytes for the layer above; opaque here. A sealing key's endorsement can go in here, so that epochs are wrapped for it.
    pub greeting: Vec<u8>,
}

impl PairingPapers {
    /// That is what a person calls it. What is no name is refused.
    pub fn named(name: &str) -> Result<Self, PairingError> {
        match is_a_name(name) {
            true => Ok(Self { name: name.to_owned(), greeting: Vec::new() }),
            false => Err(PairingError::TooLong),
        }
    }
}

/// Who is at the other end. That it holds the identity is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counterpart {
    /// Who.
    pub peer: PeerId,
    /// The space, as the inviter says; `None` for a joiner.
    pub space: Option<SpaceId>,
    /// What it calls itself.
    pub name: String,
    /// Bytes for the layer above.
    pub greeting: Vec<u8>,
}

/// What goes over the wire.
#[derive(Encode, Decode)]
pub(super) struct Papers {
    #[cbor(n(0), with = "minicbor::bytes")]
    endorsement: Vec<u8>,
    #[n(1)]
    space: Option<SpaceId>,
    #[n(2)]
    name: String,
    #[cbor(n(3), with = "minicbor::bytes")]
    greeting: Vec<u8>,
}

impl Papers {
    /// Our own.
    pub(super) fn of(
        key: &NoiseKey,
        space: Option<SpaceId>,
        papers: &PairingPapers,
    ) -> Result<Self, PairingError> {
        if !is_a_name(&papers.name) || papers.greeting.len() > BYTES_MAX {
            return Err(PairingError::TooLong);
        }
        let endorsement = key.endorsement().to_bytes();
        Ok(Self { endorsement, space, name: papers.name.clone(), greeting: papers.greeting.clone() })
    }

    /// Checks that the identity answers for the Noise key at the other end.
    pub(super) fn check(
        payload: &[u8],
        remote_static: Option<&[u8]>,
        now: Option<UnixMillis>,
    ) -> Result<Counterpart, PairingError> {
        let papers: Self = minicbor::decode(payload).map_err(|_| PairingError::Malformed)?;
        papers.checked(remote_static, now)
    }

    /// As [`Papers::check`], of what was read already.
    pub(super) fn checked(
        self,
        remote_static: Option<&[u8]>,
        now: Option<UnixMillis>,
    ) -> Result<Counterpart, PairingError> {
        let papers = self;
        if !is_a_name(&papers.name) || papers.greeting.len() > BYTES_MAX {
            return Err(PairingError::Malformed);
        }
        let endorsement = Unverified::<Endorsement>::from_bytes(&papers.endorsement).and_then(|it| {
            let peer = it.claims().peer;
            it.verify(&peer)
        });
        let endorsement = endorsement.map_err(|_| PairingError::Endorsement)?;
        let fits = remote_static == Some(endorsement.noise.0.as_slice());
        if !fits || now.is_some_and(|now| endorsement.not_after < now) {
            return Err(PairingError::Endorsement);
        }
        let Self { space, name, greeting, .. } = papers;
        Ok(Counterpart { peer: endorsement.peer, space, name, greeting })
    }
}

/// Short, and nothing that a terminal would obey.
fn is_a_name(name: &str) -> bool {
    name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control)
}
