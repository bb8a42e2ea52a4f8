//! Who may do what: a fold over the manifest and the grants that a peer has seen.
//!
//! The result depends on the set of grants and not on the order in which they came. This version follows grants of one
//! link, signed by a root; a chain is refused by name, so that nothing counts that was not checked.

use std::collections::BTreeMap;

use crate::access::{Grant, Holder, Right};
use crate::error::GrantError;
use crate::id::{GrantId, PeerId, SpaceId};
use crate::manifest::Manifest;
use crate::path::CollectionPath;
use crate::record::{Unverified, Verified};
use crate::time::UnixMillis;
use crate::verifier::Verifier;

/// The most grants that are held. A further one is refused with [`GrantError::Full`].
pub const GRANTS_MAX: usize = 65_536;

/// The grants of one space that count.
#[derive(Debug, Clone)]
pub struct Authority {
    space: SpaceId,
    manifest: Manifest,
    /// In boxes: a node of the map has room for eleven, and most peers meet few others.
    grants: BTreeMap<(Holder, GrantId), Box<Verified<Grant>>>,
    verifier: Verifier,
}

impl Authority {
    /// Nobody may do anything yet.
    pub fn new(manifest: Manifest) -> Self {
        Self { space: manifest.space(), manifest, grants: BTreeMap::new(), verifier: Verifier::strict() }
    }

    /// Checks what follows with another verifier than [`Verifier::strict`].
    #[must_use]
    pub fn with_verifier(mut self, verifier: Verifier) -> Self {
        self.verifier = verifier;
        self
    }

    /// How signatures are checked where this authority is asked.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The space.
    pub fn space(&self) -> SpaceId {
        self.space
    }

    /// Its manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Checks a grant and lets it count from now on. Learning one twice changes nothing.
    pub fn learn(&mut self, grant: Unverified<Grant>) -> Result<GrantId, GrantError> {
        let claims = grant.claims();
        let key = (claims.holder, claims.id());
        if self.grants.contains_key(&key) {
            return Ok(key.1);
        }
        let grant = self.check(grant)?;
        if self.grants.len() >= GRANTS_MAX {
            return Err(GrantError::Full);
        }
        self.grants.insert(key, Box::new(grant));
        Ok(key.1)
    }

    /// Checks a grant without letting it count.
    pub fn check(&self, grant: Unverified<Grant>) -> Result<Verified<Grant>, GrantError> {
        let claims = grant.claims();
        if claims.space != self.space {
            return Err(GrantError::OtherSpace);
        }
        if claims.parent.is_some() {
            return Err(GrantError::Chained);
        }
        if !self.manifest.roots().contains(&claims.issuer) {
            return Err(GrantError::NotARoot);
        }
        if self.manifest.threshold() > 1 {
            return Err(GrantError::Threshold { threshold: self.manifest.threshold() });
        }
        let issuer = claims.issuer;
        Ok(grant.verify_by(&self.verifier, &issuer)?)
    }

    /// Whether `holder` has `right` on `resource` at that time. `None`: whenever, for clocks that were never set and for
    /// entries, whose own time proves nothing.
    pub fn allows(
        &self,
        holder: &PeerId,
        right: Right,
        resource: &CollectionPath,
        at: Option<UnixMillis>,
    ) -> bool {
        self.grants_of(holder)
            .any(|g| g.rights.contains(right) && g.is_valid(at) && g.resource.covers(resource))
    }

    /// The grants that `holder` holds, valid or not, in the order of their ids.
    pub fn grants_of(&self, holder: &PeerId) -> impl Iterator<Item = &Verified<Grant>> {
        let holder = Holder::Peer(*holder);
        let range = (holder, GrantId([0; 32]))..=(holder, GrantId([0xff; 32]));
        self.grants.range(range).map(|(_, grant)| &**grant)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::access::Rights;
    use crate::keys::Identity;

    fn root() -> Identity {
        Identity::from_seed([1; 32])
    }

    fn manifest() -> Manifest {
        Manifest::new("harbour", vec![root().peer()], 1, [0; 16]).expect("a manifest")
    }

    fn grant(holder: u8, resource: &str, rights: &[Right]) -> Grant {
        Grant {
            space: manifest().space(),
            issuer: root().peer(),
            holder: PeerId([holder; 32]).into(),
            resource: resource.parse().expect("a path"),
            rights: Rights::of(rights.iter().copied()),
            not_before: UnixMillis(100),
            not_after: UnixMillis(200),
            depth: 0,
            parent: None,
            caveats: None,
        }
    }

    #[test]
    fn counts_where_when_and_for_what_it_says() {
        let mut authority = Authority::new(manifest());
        authority.learn(root().sign(grant(7, "parks", &[Right::Read])).into()).expect("counts");
        let holder = PeerId([7; 32]);
        let path = |text: &str| -> CollectionPath { text.parse().expect("a path") };
        let at = |ms| Some(UnixMillis(ms));
        assert!(authority.allows(&holder, Right::Read, &path("parks/noise"), at(150)));
        assert!(!authority.allows(&holder, Right::Write, &path("parks/noise"), at(150)));
        assert!(!authority.allows(&holder, Right::Read, &path("harbour"), at(150)));
        assert!(!authority.allows(&holder, Right::Read, &path("parks"), at(99)));
        assert!(!authority.allows(&holder, Right::Read, &path("parks"), at(201)));
        assert!(authority.allows(&holder, Right::Read, &path("parks"), None));
        assert!(!authority.allows(&PeerId([8; 32]), Right::Read, &path("parks"), at(150)));
    }

    #[test]
    fn refuses_what_no_root_of_this_space_signed() {
        let mut authority = Authority::new(manifest());
        let stranger = Identity::from_seed([9; 32]);

        let own = Grant { issuer: stranger.peer(), ..grant(7, "", &[Right::Write]) };
        assert!(matches!(authority.learn(stranger.sign(own).into()), Err(GrantError::NotARoot)));
        let forged = stranger.sign(grant(7, "", &[Right::Write]));
        assert!(matches!(authority.learn(forged.into()), Err(GrantError::Record(_))));
        let elsewhere = Grant { space: SpaceId([4; 32]), ..grant(7, "", &[Right::Write]) };
        assert!(matches!(authority.learn(root().sign(elsewhere).into()), Err(GrantError::OtherSpace)));
        let chained = Grant { parent: Some(GrantId([4; 32])), ..grant(7, "", &[Right::Write]) };
        assert!(matches!(authority.learn(root().sign(chained).into()), Err(GrantError::Chained)));
        assert_eq!(authority.grants.len(), 0);
    }

    #[test]
    fn one_signature_is_not_enough_where_two_roots_must_agree() {
        let roots = vec![root().peer(), PeerId([2; 32])];
        let manifest = Manifest::new("harbour", roots, 2, [0; 16]).expect("a manifest");
        let grant = Grant { space: manifest.space(), ..grant(7, "", &[Right::Read]) };
        let learnt = Authority::new(manifest).learn(root().sign(grant).into());
        assert!(matches!(learnt, Err(GrantError::Threshold { threshold: 2 })));
    }

    proptest! {
        #[test]
        fn order_and_repetition_change_nothing(picks in proptest::collection::vec(0usize..6, 0..20)) {
            let grants: Vec<_> = (0u8..6)
                .map(|i| root().sign(grant(i % 3, ["", "parks", "harbour"][usize::from(i) % 3], &[Right::Read])))
                .collect();
            let fold = |order: &mut dyn Iterator<Item = usize>| {
                let mut authority = Authority::new(manifest());
                for i in order {
                    authority.learn(grants[i].clone().into()).expect("counts");
                }
                authority.grants
            };
            let mut sorted = picks.clone();
            sorted.sort_unstable();
            sorted.dedup();
            prop_assert_eq!(fold(&mut picks.into_iter()), fold(&mut sorted.into_iter()));
        }
    }
}
