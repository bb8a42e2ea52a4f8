//! Which Noise keys of a peer are over: those that it endorsed before the time that it named last.

use std::collections::BTreeMap;

use super::Authority;
use super::bounds::ROTATIONS_MAX;
use crate::access::Rotation;
use crate::error::ControlError;
use crate::id::PeerId;
use crate::record::{Unverified, Verified};
use crate::time::UnixMillis;

/// The latest time that each peer named.
#[derive(Debug, Clone, Default)]
pub(super) struct Rotations(BTreeMap<PeerId, UnixMillis>);

impl Authority {
    /// Since when the Noise keys of a peer count: one that it endorsed earlier is nobody's any more. `None`: since ever.
    pub fn keys_since(&self, peer: &PeerId) -> Option<UnixMillis> {
        self.rotations.0.get(peer).copied()
    }

    /// Whether a Noise key that this peer endorsed then counts. An endorsement that does not say when is the oldest.
    pub fn key_counts(&self, peer: &PeerId, since: Option<UnixMillis>) -> bool {
        self.keys_since(peer).is_none_or(|floor| since.is_some_and(|since| since >= floor))
    }

    /// Somebody says that of itself. What a stranger says is not kept: it has no link that could end by it.
    pub(super) fn take_rotation(&mut self, rotation: Unverified<Rotation>) -> Result<(), ControlError> {
        let (space, issuer) = (rotation.claims().space, rotation.claims().issuer);
        if space != self.space {
            return Err(ControlError::OtherSpace);
        }
        if !self.was_let_in(&issuer) && !self.was_any_root(&issuer) {
            return Err(ControlError::Waiting);
        }
        let held = self.keys_since(&issuer);
        if held.is_some_and(|held| held >= rotation.claims().since) {
            return Ok(());
        }
        if held.is_none() && self.rotations.0.len() >= ROTATIONS_MAX {
            return Err(ControlError::Grants);
        }
        let rotation: Verified<Rotation> = rotation.verify_by(&self.verifier, &issuer)?;
        self.rotations.0.insert(issuer, rotation.since);
        Ok(())
    }
}
