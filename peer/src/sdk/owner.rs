//! Whoever founds a space decides who may do what in it.

use msec_identity::{CollectionPath, Grant, Identity, Manifest, PeerId, Rights, Verified};

use super::error::OwnerError;
use crate::net::{random_seed, wall_clock};

const DAY_MS: i64 = 24 * 3600 * 1000;

/// A root key in hand, and the manifest that names it.
#[derive(Debug)]
pub struct Owner {
    root: Identity,
    manifest: Manifest,
}

impl Owner {
    /// Founds a space with a new root key. Whoever loses the key can grant nothing any more.
    pub fn found(name: &str) -> Result<Self, OwnerError> {
        Self::found_with(name, Identity::from_seed(random_seed()))
    }

    /// Founds a space with this root key.
    pub fn found_with(name: &str, root: Identity) -> Result<Self, OwnerError> {
        Self::found_among(name, root, [], 1)
    }

    /// Founds a space with this root key and others, of which so many must agree. Where one is not enough, nothing that is granted
    /// counts before others approve it.
    pub fn found_among(
        name: &str,
        root: Identity,
        others: impl IntoIterator<Item = PeerId>,
        threshold: u8,
    ) -> Result<Self, OwnerError> {
        let seed = random_seed();
        let nonce = seed.first_chunk().expect("sixteen of thirty-two bytes");
        let roots = std::iter::once(root.peer()).chain(others).collect();
        let manifest = Manifest::new(name, roots, threshold, *nonce)?;
        Ok(Self { root, manifest })
    }

    /// Takes a root key of an existing space in hand.
    pub fn of(root: Identity, manifest: Manifest) -> Result<Self, OwnerError> {
        if manifest.roots().contains(&root.peer()) {
            Ok(Self { root, manifest })
        } else {
            Err(OwnerError::NotARoot)
        }
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Grants `rights` ("relay,read,write,manage", some of them) on a collection and those below it ("" for the whole
    /// space), from an hour ago, since clocks differ, for so many days.
    pub fn grant(
        &self,
        holder: PeerId,
        collection: &str,
        rights: &str,
        days: u32,
    ) -> Result<Verified<Grant>, OwnerError> {
        let resource: CollectionPath = collection.parse()?;
        let rights: Rights = rights.parse()?;
        let now = wall_clock();
        Ok(self.root.sign(Grant {
            space: self.manifest.space(),
            issuer: self.root.peer(),
            holder: holder.into(),
            resource,
            rights,
            not_before: now.saturating_add(-DAY_MS / 24),
            not_after: now.saturating_add(i64::from(days) * DAY_MS),
            depth: 0,
            parent: None,
            caveats: None,
        }))
    }

    /// The root's peer id.
    pub fn peer(&self) -> PeerId {
        self.root.peer()
    }
}
