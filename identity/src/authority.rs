//! Who may do what: a fold over manifests, grants, revocations and all else that roots and managers say.
//!
//! What it says is a function of the set of records that a peer has seen and of the places where they are entered, in
//! whatever order they came and however often. Authority is a tree: roots issue grants, holders of `manage` issue grants
//! below theirs, and each link narrows the one above. The words and the rules are in `docs/access.md`.
//!
//! | module | what it holds |
//! |---|---|
//! | `bounds` | how much is held, and what happens beyond |
//! | `take` | [`Authority::learn`], [`Authority::enter`], [`Authority::learn_manifest`] |
//! | `judge` | the rules |
//! | `chain` | [`Authority::check_chain`] and [`Authority::admissible`]: by what right a log is written |
//! | `links` | [`Authority::learn_shown`], [`Authority::learn_visitor`]: what a peer shows of itself |
//! | `list` | what is held, for whoever looks at it: [`Voices`], [`Revoked`] |
//! | `readers` | [`Authority::readers`]: who could read |
//! | `rotations` | [`Authority::keys_since`]: which Noise keys of a peer are over |
//! | `erasures` | [`Authority::erased`]: which bodies are to be gone |
//! | `sealed` | [`Authority::sealed`]: which collections are sealed, and to which epochs |
//! | `change` | [`Change`]: whose standing is another one now |
//! | `classes` | [`Authority::class_of`]: what kind of data a collection holds |
//! | `lineage` | who speaks for a space |
//! | `visitors` | grants that are shown on a link, and kept for a while |
//! | `grants`, `revocations`, `approvals`, `places`, `issuers`, `index` | what is held |

mod approvals;
mod bounds;
mod chain;
mod change;
mod classes;
mod erasures;
mod grants;
mod index;
mod issuers;
mod judge;
mod lineage;
mod links;
mod list;
mod places;
mod readers;
mod revocations;
mod rotations;
mod sealed;
mod take;
mod visitors;

use std::collections::BTreeMap;

use self::approvals::Approvals;
use self::classes::Classes;
use self::erasures::Erasures;
use self::grants::Grants;
use self::issuers::Issuers;
use self::lineage::Lineage;
use self::places::Places;
use self::revocations::Revocations;
use self::rotations::Rotations;
use self::sealed::Sealed;
use self::visitors::Visitors;
use crate::access::{Cut, Grant, Holder, Right};
use crate::id::{GrantId, LogId, PeerId, SpaceId};
use crate::manifest::Manifest;
use crate::path::CollectionPath;
use crate::record::Verified;
use crate::time::UnixMillis;
use crate::verifier::Verifier;

pub use self::bounds::{
    APPROVALS_MAX, CHANGED_ERASED_MAX, CHANGED_GRANTS_MAX, CONTROL_LOGS_MAX, CONTROL_LOGS_OF_ONE_ISSUER_MAX,
    CUTS_MAX, CUTS_OF_ONE_ISSUER_MAX, EPOCHS_MAX, EPOCHS_OF_ONE_ISSUER_MAX, ERASURES_MAX, FURTHER_PLACES_MAX,
    GRANTS_MAX, LINKED_SPACES_MAX, RECORDS_OF_ONE_ISSUER_MAX, RESTORATIONS_MAX, REVOCATIONS_MAX,
    ROTATIONS_MAX, SEALING_KEYS_MAX, STRETCHES_MAX, STRETCHES_OF_ONE_ISSUER_MAX, SUCCESSIONS_MAX,
    WAITING_MAX,
};
pub use self::chain::{Admissible, RECEIPTS_STREAM, Shown, Written};
pub use self::change::Change;
pub use self::classes::{CLASSES_MAX, CLASSES_OF_ONE_ISSUER_MAX};
pub use self::erasures::Erased;
pub use self::list::{Revoked, Voices};
pub use self::places::Entered;
pub use self::readers::{Ended, Reader};
pub use self::sealed::Entitled;
pub use self::visitors::VISITORS_MAX;

/// Who may do what in one space.
///
/// Records come in by [`Authority::learn`] when they were shown, and by [`Authority::enter`] when they stand in a control
/// log; both say what changed. All else asks.
#[derive(Debug, Clone)]
pub struct Authority {
    space: SpaceId,
    verifier: Verifier,
    own: Lineage,
    linked: BTreeMap<SpaceId, Lineage>,
    issuers: Issuers,
    grants: Grants,
    visitors: Visitors,
    ended: Revocations,
    erasures: Erasures,
    approvals: Approvals,
    places: Places,
    classes: Classes,
    rotations: Rotations,
    sealed: Sealed,
}

impl Authority {
    /// Nobody may do anything yet.
    pub fn new(manifest: Manifest) -> Self {
        Self {
            space: manifest.space(),
            verifier: Verifier::strict(),
            own: Lineage::new(manifest),
            linked: BTreeMap::new(),
            issuers: Issuers::default(),
            grants: Grants::default(),
            visitors: Visitors::default(),
            ended: Revocations::default(),
            erasures: Erasures::default(),
            approvals: Approvals::default(),
            places: Places::default(),
            classes: Classes::default(),
            rotations: Rotations::default(),
            sealed: Sealed::default(),
        }
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

    /// The manifest that founded it.
    pub fn manifest(&self) -> &Manifest {
        self.own.manifest()
    }

    /// Its roots of today, after all successions.
    pub fn roots(&self) -> &[PeerId] {
        self.own.roots()
    }

    /// How many of them must agree.
    pub fn threshold(&self) -> u8 {
        self.own.threshold()
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
        let holder = Holder::Peer(*holder);
        self.counting(holder)
            .any(|it| it.rights.contains(right) && it.is_valid(at) && it.resource.covers(resource))
    }

    /// The grants by which `holder` may do something, valid now or not, in the order of their ids.
    pub fn grants_of<'a>(&'a self, holder: &PeerId) -> impl Iterator<Item = &'a Verified<Grant>> + use<'a> {
        let mut counting: Vec<_> = self.counting(Holder::Peer(*holder)).map(|it| (it.id(), it)).collect();
        counting.sort_unstable_by_key(|(id, _)| *id);
        counting.into_iter().map(|(_, grant)| grant)
    }

    fn counting(&self, holder: Holder) -> impl Iterator<Item = &Verified<Grant>> {
        let counting = self.grants.of(holder).filter(|held| held.state.counts()).map(|held| &held.grant);
        counting.chain(self.visiting(holder))
    }

    /// Whether `holder` was ever let in: it has a grant that goes back to a root, revoked or not.
    pub fn was_let_in(&self, holder: &PeerId) -> bool {
        let holder = Holder::Peer(*holder);
        self.grants.of(holder).any(|held| held.state.founded)
            || self.visitors.of(holder).any(|grant| self.is_founded(grant))
    }

    /// A grant that is held, whether it counts or not.
    pub fn grant(&self, id: &GrantId) -> Option<&Verified<Grant>> {
        self.grants.find(id).map(|at| &self.grants.at(at).grant).or_else(|| self.visitors.find(id))
    }

    /// Whether all that was said above a grant lets it count. Its own revocation is another question.
    pub fn stands(&self, id: &GrantId) -> bool {
        self.grants.find(id).is_some_and(|at| self.grants.at(at).state.stands)
            || self.visitors.find(id).is_some_and(|grant| self.visits(grant))
    }

    /// Whether it did once, or could have: what was said above it was said by those who had a right to at some time.
    pub fn stood_once(&self, id: &GrantId) -> bool {
        self.grants.find(id).is_some_and(|at| self.grants.at(at).state.founded)
    }

    /// Whether somebody who may has revoked the grant itself.
    pub fn is_revoked(&self, id: &GrantId) -> bool {
        self.grants.find(id).is_some_and(|at| self.grants.at(at).state.revoked)
    }

    /// Where a log that was written under a grant is cut, by all that revokes this grant; `None` where nothing does.
    pub fn cut(&self, grant: &GrantId, log: &LogId) -> Option<Cut> {
        self.grants.find(grant).and_then(|at| self.cut_at(at, log))
    }
}

#[cfg(test)]
mod tests;
