//! Which class of data a collection holds.
//!
//! A function of what is entered and of who stands, in whatever order it came. What one says counts as long as its issuer
//! may say it: a root with as many voices as must agree, or who holds `manage` there, in a control log under that grant and,
//! once that is over, below where that log is cut. So a class outlives the manager that gave it, as grants do. Validity does not matter: who
//! protected something does not stop because a year is over.

use std::collections::BTreeMap;

use super::Authority;
use super::change::Change;
use super::places::{Entered, Slot};
use crate::access::{Class, Classified};
use crate::error::ControlError;
use crate::id::PeerId;
use crate::path::CollectionPath;
use crate::record::{Record, Unverified};

/// The most records of classes. A further one is refused, and whoever issued it is told by its own peer.
pub const CLASSES_MAX: usize = 4_096;
/// The most of them by issuers that are no roots, so that roots still have room.
const CLASSES_BY_MANAGERS_MAX: usize = CLASSES_MAX / 2;
/// The most of one issuer that is no root. A further one is refused.
pub const CLASSES_OF_ONE_ISSUER_MAX: usize = 256;

/// All that was said of classes.
#[derive(Debug, Clone, Default)]
pub(super) struct Classes {
    /// By collection, and by hash.
    all: BTreeMap<CollectionPath, BTreeMap<[u8; 32], Said>>,
    len: u32,
    by_issuer: BTreeMap<PeerId, usize>,
    by_managers: usize,
}

#[derive(Debug, Clone)]
struct Said {
    issuer: PeerId,
    class: Class,
    number: u64,
    /// Its number among them all.
    at: u32,
}

impl Classes {
    /// Whether a record is held, by its hash.
    pub(super) fn knows(&self, hash: &[u8; 32]) -> bool {
        self.all.values().any(|said| said.contains_key(hash))
    }
}

impl Authority {
    /// The class of a collection: the most protective of all that stands about it, and about what lies above it.
    pub fn class_of(&self, collection: &CollectionPath) -> Class {
        let above = self.classes.all.iter().filter(|(path, _)| path.covers(collection));
        let said = above.map(|(path, said)| self.comes_to(path, said));
        let inherent = self.inherent().filter(|(path, _)| path.covers(collection)).map(|(_, class)| class);
        said.chain(inherent).max().unwrap_or_default()
    }

    /// The collections of which somebody who may says that they are more than public, each with what it comes to there alone,
    /// in order. A collection may lie below another one of a higher class.
    pub fn classes(&self) -> Vec<(CollectionPath, Class)> {
        let said = self.classes.all.iter().map(|(path, said)| (path.clone(), self.comes_to(path, said)));
        let mut all: BTreeMap<CollectionPath, Class> = BTreeMap::new();
        for (path, class) in said.chain(self.inherent()).filter(|(_, class)| *class > Class::Public) {
            let known = all.entry(path).or_default();
            *known = class.max(*known);
        }
        all.into_iter().collect()
    }

    /// The number that whoever says something new of a collection gives it.
    pub fn next_class_number(&self, issuer: &PeerId, collection: &CollectionPath) -> u64 {
        let said = self.classes.all.get(collection).into_iter().flat_map(BTreeMap::values);
        let own = said.filter(|said| said.issuer == *issuer).map(|said| said.number);
        own.max().map_or(1, |number| number.saturating_add(1))
    }

    /// Collections that have a class by what they are, whoever says what: sealed ones are personal.
    fn inherent(&self) -> impl Iterator<Item = (CollectionPath, Class)> {
        self.sealed_collections().map(|collection| (collection.clone(), Class::Personal))
    }

    /// What all that stands about one collection comes to: of each issuer what it said last, of these the most protective.
    fn comes_to(&self, collection: &CollectionPath, said: &BTreeMap<[u8; 32], Said>) -> Class {
        let mut last: BTreeMap<PeerId, (u64, Class)> = BTreeMap::new();
        for (_, said) in said.iter().filter(|(hash, said)| self.may_classify(collection, hash, said)) {
            let known = last.entry(said.issuer).or_default();
            *known = (said.number, said.class).max(*known);
        }
        last.into_values().map(|(_, class)| class).max().unwrap_or_default()
    }

    /// Whether whoever said it may.
    fn may_classify(&self, collection: &CollectionPath, hash: &[u8; 32], said: &Said) -> bool {
        let record = Slot::Class(said.at);
        self.speaks(&self.own, record, hash, &said.issuer)
            || self.is_entered_by_manager(record, &said.issuer, collection)
    }

    /// Takes in what stands in a control log of its issuer.
    pub(super) fn enter_class(
        &mut self,
        place: &Entered,
        record: Unverified<Classified>,
        change: &mut Change,
    ) -> Result<(), ControlError> {
        self.is_here(&record.claims().space)?;
        let (hash, issuer) = (record.claims().hash(), record.claims().issuer);
        if issuer != place.author {
            // What others say is not said by standing there.
            return Ok(());
        }
        let known = self.classes.all.get(&record.claims().collection).and_then(|it| it.get(&hash));
        if let Some(at) = known.map(|said| said.at) {
            change.classes |= self.put(Slot::Class(at), place);
            return Ok(());
        }
        let is_root = self.own.was_root(&issuer);
        let classes = &self.classes;
        let of_one = classes.by_issuer.get(&issuer).copied().unwrap_or(0);
        let is_full = classes.by_managers >= CLASSES_BY_MANAGERS_MAX || of_one >= CLASSES_OF_ONE_ISSUER_MAX;
        if classes.len as usize >= CLASSES_MAX || (!is_root && is_full) {
            return Err(ControlError::Classes);
        }
        self.has_room(&issuer, 0)?;
        let record = record.verify_by(&self.verifier, &issuer)?;
        self.took(&issuer, 0);
        let classes = &mut self.classes;
        let at = classes.len;
        classes.len += 1;
        classes.by_managers += usize::from(!is_root);
        *classes.by_issuer.entry(issuer).or_default() += 1;
        let said = Said { issuer, class: record.class, number: record.number, at };
        classes.all.entry(record.collection.clone()).or_default().insert(hash, said);
        self.put(Slot::Class(at), place);
        change.classes = true;
        Ok(())
    }
}
