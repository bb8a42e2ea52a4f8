//! The space that all peers of a world are in, and who may do what in it.

use msec_identity::{
    CollectionPath, Grant, Identity, Manifest, PathError, PeerId, Right, Rights, SpaceId, UnixMillis,
    Verified,
};

use crate::seed::Seed;

/// 2026-01-01T00:00:00Z: civil time when a world begins.
pub const EPOCH: UnixMillis = UnixMillis(1_767_225_600_000);

/// Grants hold from an hour before the world begins.
const NOT_BEFORE: UnixMillis = UnixMillis(EPOCH.0 - 3_600_000);
/// And for ten years.
const NOT_AFTER: UnixMillis = UnixMillis(EPOCH.0 + 10 * 365 * 24 * 3_600_000);

/// A space with one root, whose key the simulator holds.
#[derive(Debug)]
pub struct Space {
    root: Identity,
    manifest: Manifest,
}

impl Space {
    /// The space of a seed.
    pub fn new(seed: Seed) -> Self {
        Self::rooted_in(seed, Identity::from_seed(seed.derive("root", 0)))
    }

    /// One whose root has that key.
    pub(crate) fn rooted_in(seed: Seed, root: Identity) -> Self {
        let nonce = seed.derive("manifest", 0);
        let nonce = nonce.first_chunk().expect("sixteen of thirty-two bytes");
        let manifest =
            Manifest::new("simulated", vec![root.peer()], 1, *nonce).expect("one root is a threshold of one");
        Self { root, manifest }
    }

    /// Its manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its id.
    pub fn id(&self) -> SpaceId {
        self.manifest.space()
    }

    /// Signs a grant with the root's key, whatever it says.
    pub(crate) fn sign(&self, grant: Grant) -> Verified<Grant> {
        self.root.sign(grant)
    }

    /// Grants `rights` on a collection and those below it; "" is the whole space.
    pub fn grant(
        &self,
        holder: PeerId,
        collection: &str,
        rights: Rights,
    ) -> Result<Verified<Grant>, PathError> {
        Ok(self.root.sign(self.link(&self.root, holder, collection.parse()?, rights)))
    }

    /// The grant of an everyday issuer: all rights on the whole space, and one link below it.
    pub(crate) fn manager(&self, holder: PeerId) -> Verified<Grant> {
        let all = Rights::of([Right::Manage, Right::Relay, Right::Read, Right::Write]);
        let everything = "".parse().expect("the whole space");
        self.root.sign(Grant { depth: 1, ..self.link(&self.root, holder, everything, all) })
    }

    /// What such an issuer grants, with its own grant before it.
    pub(crate) fn grant_below(
        &self,
        manager: &Identity,
        holder: PeerId,
        collection: &str,
        rights: Rights,
    ) -> Result<[Verified<Grant>; 2], PathError> {
        let above = self.manager(manager.peer());
        let link = self.link(manager, holder, collection.parse()?, rights);
        let own = manager.sign(Grant { parent: Some(above.id()), ..link });
        Ok([above, own])
    }

    fn link(&self, issuer: &Identity, holder: PeerId, resource: CollectionPath, rights: Rights) -> Grant {
        Grant {
            space: self.id(),
            issuer: issuer.peer(),
            holder: holder.into(),
            resource,
            rights,
            not_before: NOT_BEFORE,
            not_after: NOT_AFTER,
            depth: 0,
            parent: None,
            caveats: None,
        }
    }
}
