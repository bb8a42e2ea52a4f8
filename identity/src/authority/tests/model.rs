//! The rules a second time: by recursion over the set of what was said, straight from `docs/access.md`, slow and simple.

use std::collections::{BTreeMap, BTreeSet};

use super::city::Event;
use crate::authority::{Admissible, Entered};
use crate::{
    CollectionPath, ControlRecord, Cut, Cuts, Erasure, Grant, GrantId, Holder, LogId, Manifest, PeerId,
    Record, Restoration, Revocation, Right, SpaceId, Succession,
};

type Hash = [u8; 32];

pub(super) struct Model {
    home: SpaceId,
    manifests: BTreeMap<SpaceId, Manifest>,
    grants: BTreeMap<GrantId, Grant>,
    revocations: BTreeMap<Hash, Revocation>,
    restorations: BTreeMap<Hash, Restoration>,
    successions: BTreeMap<Hash, Succession>,
    erasures: BTreeMap<Hash, Erasure>,
    approvals: BTreeSet<(Hash, PeerId, Hash)>,
    places: BTreeMap<Hash, Vec<Entered>>,
}

/// Roots, threshold, and the cuts by which the next manifest lets roots go.
type Reign = (Vec<PeerId>, usize, Option<Cuts>);

impl Model {
    pub(super) fn of(home: &Manifest, abroad: &[Manifest], events: &[Event]) -> Self {
        let manifests = std::iter::once(home).chain(abroad).map(|it| (it.space(), it.clone())).collect();
        let mut model = Self {
            home: home.space(),
            manifests,
            grants: BTreeMap::new(),
            revocations: BTreeMap::new(),
            restorations: BTreeMap::new(),
            successions: BTreeMap::new(),
            erasures: BTreeMap::new(),
            approvals: BTreeSet::new(),
            places: BTreeMap::new(),
        };
        events.iter().for_each(|event| model.add(event));
        model
    }

    fn add(&mut self, event: &Event) {
        let (hash, issuer) = match event.record.clone() {
            ControlRecord::Grant(it) => {
                let it = it.claims().clone();
                let key = (it.hash(), it.issuer);
                self.grants.insert(it.id(), it);
                key
            }
            ControlRecord::Revocation(it) => {
                let it = it.claims().clone();
                let key = (it.hash(), it.issuer);
                self.revocations.insert(key.0, it);
                key
            }
            ControlRecord::Restoration(it) => {
                let it = it.claims().clone();
                let key = (it.hash(), it.issuer);
                self.restorations.insert(key.0, it);
                key
            }
            ControlRecord::Succession(it) => {
                let it = it.claims().clone();
                let key = (it.hash(), it.issuer);
                self.successions.insert(key.0, it);
                key
            }
            ControlRecord::Approval(it) => {
                let it = it.claims().clone();
                self.approvals.insert((it.of, it.approver, it.hash()));
                (it.hash(), it.approver)
            }
            ControlRecord::Linked(_)
            | ControlRecord::Receipt(_)
            | ControlRecord::Classified(_)
            | ControlRecord::Replacement(_)
            | ControlRecord::Rotation(_)
            | ControlRecord::EpochRecord(_)
            | ControlRecord::Wraps(_)
            | ControlRecord::SealingEndorsement(_)
            | ControlRecord::Unknown(_) => return,
            ControlRecord::Erasure(it) => {
                let it = it.claims().clone();
                let key = (it.hash(), it.issuer);
                self.erasures.insert(key.0, it);
                key
            }
        };
        if let Some(place) = event.place.filter(|place| place.author == issuer) {
            self.places.entry(hash).or_default().push(place);
        }
    }

    fn reigns(&self, space: SpaceId) -> Vec<Reign> {
        let Some(manifest) = self.manifests.get(&space) else { return Vec::new() };
        let mut previous = space.0;
        let mut reigns = vec![(manifest.roots().to_vec(), usize::from(manifest.threshold()), None)];
        loop {
            let (roots, threshold, cuts) = reigns.last_mut().expect("the manifest");
            let agree = |hash: &Hash, next: &Succession| {
                let others = self.approvals.iter().filter(|(of, _, _)| of == hash).map(|(_, by, _)| *by);
                let all: BTreeSet<_> = others.chain([next.issuer]).filter(|by| roots.contains(by)).collect();
                all.contains(&next.issuer) && all.len() >= *threshold
            };
            // In the order of their hashes.
            let next = self.successions.iter().find(|(hash, next)| {
                next.space == space
                    && next.previous == previous
                    && next.serial as usize == self.serial_of(previous) + 1
                    && agree(hash, next)
            });
            let Some((hash, next)) = next else { return reigns };
            *cuts = Some(next.cuts.clone());
            previous = *hash;
            reigns.push((next.roots.clone(), usize::from(next.threshold), None));
        }
    }

    fn serial_of(&self, previous: Hash) -> usize {
        self.successions.get(&previous).map_or(0, |it| it.serial as usize)
    }

    pub(super) fn roots(&self) -> (Vec<PeerId>, usize) {
        let reigns = self.reigns(self.home);
        reigns.last().map(|(roots, threshold, _)| (roots.clone(), *threshold)).expect("the manifest")
    }

    fn has_place_below(&self, hash: &Hash, cuts: &Cuts) -> bool {
        let places = self.places.get(hash).into_iter().flatten();
        places.into_iter().any(|place| cuts.of(&place.log).is_some_and(|cut| place.position < cut.size))
    }

    /// Whether what `issuer` said counts in the name of a space.
    fn speaks(&self, space: SpaceId, hash: &Hash, issuer: PeerId) -> bool {
        let reigns = self.reigns(space);
        let Some((roots, threshold, _)) = reigns.last() else { return false };
        if !reigns.iter().any(|(roots, _, _)| roots.contains(&issuer)) {
            return false;
        }
        let mut said: BTreeMap<PeerId, Hash> = BTreeMap::new();
        said.extend(self.approvals.iter().filter(|(of, _, _)| of == hash).map(|(_, by, own)| (*by, *own)));
        said.insert(issuer, *hash);
        let (now, gone): (Vec<_>, Vec<_>) = said.iter().partition(|(by, _)| roots.contains(by));
        if now.len() >= *threshold {
            return true;
        }
        let (mut voices, mut needed) = (now.len(), *threshold);
        for (by, own) in gone {
            let Some(last) = reigns.iter().rposition(|(roots, _, _)| roots.contains(by)) else { continue };
            let (_, then, cuts) = &reigns[last];
            if cuts.as_ref().is_some_and(|cuts| self.has_place_below(own, cuts)) {
                voices += 1;
                needed = needed.max(*then);
            }
        }
        voices >= needed
    }

    /// The links from a root's to this one, each narrowing the one above.
    fn chain(&self, id: &GrantId) -> Option<Vec<GrantId>> {
        let grant = self.grants.get(id)?;
        let Some(above) = grant.parent else { return Some(vec![*id]) };
        let parent = self.grants.get(&above)?;
        let is_holders = match parent.holder {
            Holder::Peer(peer) => peer == grant.issuer,
            Holder::Space(_) => true,
        };
        let mut chain = self.chain(&above)?;
        chain.push(*id);
        (is_holders && parent.allows_attenuation(grant).is_ok() && chain.len() <= 8).then_some(chain)
    }

    /// How far up somebody stands who says something of a grant.
    fn level(&self, grant: &GrantId, hash: &Hash, issuer: PeerId) -> Option<usize> {
        let chain = self.chain(grant)?;
        (0..chain.len()).find(|nth| match nth.checked_sub(1).map(|above| self.grants[&chain[above]].holder) {
            None => self.speaks(self.home, hash, issuer),
            Some(Holder::Peer(peer)) => peer == issuer,
            Some(Holder::Space(space)) => self.speaks(space, hash, issuer),
        })
    }

    fn binding(&self, grant: &GrantId) -> Vec<(&Hash, &Revocation, usize)> {
        let of = self.revocations.iter().filter(|(_, it)| it.grant == *grant);
        of.filter_map(|(hash, it)| self.level(grant, hash, it.issuer).map(|level| (hash, it, level)))
            .collect()
    }

    pub(super) fn is_revoked(&self, grant: &GrantId) -> bool {
        !self.binding(grant).is_empty()
    }

    pub(super) fn cut(&self, grant: &GrantId, log: &LogId) -> Option<Cut> {
        let value = |(hash, it, level): (&Hash, &Revocation, usize)| {
            let restored = self.restorations.iter().filter(|(_, again)| again.revocation == *hash);
            let restored = restored.filter(|(hash, again)| {
                self.level(grant, hash, again.issuer).is_some_and(|own| own <= level)
            });
            let restored = restored.filter_map(|(_, again)| again.cuts.of(log).copied()).min();
            it.cuts.of(log).copied().or(restored).unwrap_or(Cut { log: *log, size: 0, root: [0; 32] })
        };
        self.binding(grant).into_iter().map(value).min()
    }

    pub(super) fn stands(&self, id: &GrantId) -> bool {
        let Some(grant) = self.grants.get(id).filter(|_| self.chain(id).is_some()) else { return false };
        let Some(above) = grant.parent else { return self.speaks(self.home, &id.0, grant.issuer) };
        let in_its_name = match self.grants[&above].holder {
            Holder::Peer(_) => true,
            Holder::Space(space) => self.speaks(space, &id.0, grant.issuer),
        };
        let mut places =
            self.places.get(&id.0).into_iter().flatten().filter(|place| place.under == Some(above));
        let entered = places.any(|it| self.cut(&above, &it.log).is_some_and(|cut| it.position < cut.size));
        self.stands(&above) && in_its_name && (!self.is_revoked(&above) || entered)
    }

    pub(super) fn admissible(&self, grant: &GrantId, log: &LogId) -> Admissible {
        match self.cut(grant, log) {
            _ if !self.stands(grant) => Admissible::Nothing,
            None => Admissible::All,
            Some(cut) if cut.size == 0 => Admissible::Nothing,
            Some(cut) => Admissible::UpTo(cut),
        }
    }

    /// Whether a grant was ever given, whatever became of it since.
    fn was_given(&self, id: &GrantId) -> bool {
        let ever = |space: SpaceId, hash: &Hash, issuer: PeerId| {
            let reigns = self.reigns(space);
            let was_root = |peer: &PeerId| reigns.iter().any(|(roots, _, _)| roots.contains(peer));
            let others = self.approvals.iter().filter(|(of, _, _)| of == hash).map(|(_, by, _)| *by);
            let all: BTreeSet<_> = others.chain([issuer]).filter(was_root).collect();
            let fewest = reigns.iter().map(|(_, threshold, _)| *threshold).min();
            was_root(&issuer) && fewest.is_some_and(|fewest| all.len() >= fewest)
        };
        let links = self.links(id);
        let Some(first) = links.first() else { return false };
        let passed_on = links.windows(2).all(|two| match two[0].holder {
            Holder::Peer(_) => true,
            Holder::Space(space) => ever(space, &two[1].hash(), two[1].issuer),
        });
        ever(self.home, &first.hash(), first.issuer) && passed_on
    }

    /// Whether an entry is to be erased.
    pub(super) fn is_erased(&self, at: (&LogId, u64), author: PeerId, collection: &CollectionPath) -> bool {
        self.is_named(at, author, collection, &|id, hash| self.is_said_under(id, hash))
    }

    fn is_said_under(&self, id: &GrantId, hash: &Hash) -> bool {
        let mut places = self.places.get(hash).into_iter().flatten();
        let below = |it: &Entered| self.cut(id, &it.log).is_some_and(|cut| it.position < cut.size);
        self.stands(id) && (!self.is_revoked(id) || places.any(below))
    }

    /// Whether an entry may come without its body.
    pub(super) fn may_lack(&self, at: (&LogId, u64), author: PeerId, collection: &CollectionPath) -> bool {
        self.is_named(at, author, collection, &|id, hash| {
            self.is_said_under(id, hash) || self.was_given(id) && self.places.contains_key(hash)
        })
    }

    fn is_named(
        &self,
        (log, position): (&LogId, u64),
        author: PeerId,
        collection: &CollectionPath,
        holds: &dyn Fn(&GrantId, &Hash) -> bool,
    ) -> bool {
        let has = |holder: Holder, right: Right, hash: &Hash| {
            let held = self.grants.iter().filter(|(_, it)| it.holder == holder);
            let mut over = held.filter(|(_, it)| it.rights.contains(right) && it.resource.covers(collection));
            over.any(|(id, _)| holds(id, hash))
        };
        let mut naming = self.erasures.iter().filter(|(_, it)| {
            it.what.as_slice().iter().any(|of| of.log == *log && (of.first..of.end).contains(&position))
        });
        naming.any(|(hash, it)| {
            let of_space = |space: &SpaceId| {
                has(Holder::Space(*space), Right::Manage, hash) && self.speaks(*space, hash, it.issuer)
            };
            let issuer = Holder::Peer(it.issuer);
            it.issuer == author && has(issuer, Right::Write, hash)
                || has(issuer, Right::Manage, hash)
                || self.speaks(self.home, hash, it.issuer)
                || self.manifests.keys().filter(|space| **space != self.home).any(of_space)
        })
    }

    /// The grants from a root's to this one, where the chain is sound.
    pub(super) fn links(&self, id: &GrantId) -> Vec<&Grant> {
        self.chain(id).unwrap_or_default().iter().map(|id| &self.grants[id]).collect()
    }
}
