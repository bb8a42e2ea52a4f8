//! How far we have come with what others hold: cursors, which outlive links, and what is on its way to move them.
//!
//! A cursor says: all that this peer held in the common interest, in this life of it, when its last change had this
//! number, is on our disk, or was refused. As in Bayou (Petersen et al., SOSP 1997), whose peers tell each other the last
//! write that they have of each server; here the numbers are those of one peer's own changes, so a cursor is one number.
//!
//! Cursors outlive a restart where the node keeps them, in 56 bytes each, the one that moved last at the end:
//!
//! ```text
//! cursor = peer:32 epoch:4 through:8 scope:12      little endian
//! ```

use std::collections::{BTreeMap, VecDeque};

use msec_identity::PeerId;

use super::message::Epoch;
use crate::hour::Hour;
use crate::interest::Interest;
use crate::name::{Name, Named};

/// Lists of one neighbour that are not taken in yet. Further ones move no cursor, and are told again.
const LISTS_MAX: usize = 64;

/// What one takes when it is kept.
const CURSOR_BYTES: usize = 56;

/// Bounded by `Config::cursors_max`: whoever was met longest ago is forgotten, and is a stranger when it comes back.
#[derive(Debug, Default)]
pub(crate) struct Cursors {
    by_peer: BTreeMap<PeerId, Cursor>,
    moves: u64,
}

#[derive(Debug)]
struct Cursor {
    epoch: Epoch,
    through: u64,
    /// What was compared. If it is another thing now, the cursor says nothing.
    scope: Scope,
    moved: u64,
}

/// A hash of an interest: all that a cursor has to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Scope([u8; 12]);

impl Scope {
    fn of(interest: &Interest) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("msec/gossip/scope/1");
        let mut count = 0u64;
        for prefix in interest.prefixes() {
            count += 1;
            hasher.update(&(prefix.len() as u64).to_le_bytes()).update(prefix.as_bytes());
        }
        hasher.update(&count.to_le_bytes());
        let cells = interest.cells();
        hasher.update(&cells.as_ref().map_or(u64::MAX, |cells| cells.len() as u64).to_le_bytes());
        for cell in cells.iter().flatten() {
            hasher.update(&cell.to_le_bytes());
        }
        // No hour has the number 0.
        hasher.update(&interest.since_hour().map_or(0, Hour::number).to_le_bytes());
        Self(*hasher.finalize().as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes"))
    }
}

impl Cursors {
    pub(crate) fn len(&self) -> usize {
        self.by_peer.len()
    }

    /// In which life of `peer`, and up to which number.
    pub(super) fn get(&self, peer: &PeerId, common: &Interest) -> Option<(Epoch, u64)> {
        let cursor = self.by_peer.get(peer)?;
        (cursor.scope == Scope::of(common)).then_some((cursor.epoch, cursor.through))
    }

    /// How often something changed: what is kept is true as long as this is the same.
    pub(crate) fn moves(&self) -> u64 {
        self.moves
    }

    /// All of them, in the order in which they moved.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut all: Vec<_> = self.by_peer.iter().collect();
        all.sort_unstable_by_key(|(_, cursor)| cursor.moved);
        let mut bytes = Vec::with_capacity(all.len() * CURSOR_BYTES);
        for (peer, cursor) in all {
            bytes.extend_from_slice(&peer.0);
            bytes.extend_from_slice(&cursor.epoch.0);
            bytes.extend_from_slice(&cursor.through.to_le_bytes());
            bytes.extend_from_slice(&cursor.scope.0);
        }
        bytes
    }

    /// Those that were kept, the `max` that moved last. What is no cursor is none.
    pub(crate) fn from_bytes(bytes: &[u8], max: usize) -> Self {
        let mut cursors = Self::default();
        let (kept, _) = bytes.as_chunks::<CURSOR_BYTES>();
        for kept in &kept[kept.len().saturating_sub(max)..] {
            let at = |from: usize| &kept[from..];
            let (Some(peer), Some(epoch), Some(through), Some(scope)) =
                (at(0).first_chunk(), at(32).first_chunk(), at(36).first_chunk(), at(44).first_chunk())
            else {
                continue;
            };
            cursors.moves += 1;
            let through = u64::from_le_bytes(*through);
            let (epoch, scope, moved) = (Epoch(*epoch), Scope(*scope), cursors.moves);
            cursors.by_peer.insert(PeerId(*peer), Cursor { epoch, through, scope, moved });
        }
        cursors
    }

    /// Never back, in one life.
    pub(super) fn advance(
        &mut self,
        peer: PeerId,
        epoch: Epoch,
        common: &Interest,
        through: u64,
        max: usize,
    ) {
        let before = self.get(&peer, common).filter(|(before, _)| *before == epoch);
        let through = before.map_or(through, |(_, before)| through.max(before));
        if self.by_peer.len() >= max && !self.by_peer.contains_key(&peer) {
            let oldest = self.by_peer.iter().min_by_key(|(_, cursor)| cursor.moved).map(|(peer, _)| *peer);
            oldest.map(|oldest| self.by_peer.remove(&oldest));
        }
        self.moves += 1;
        let cursor = Cursor { epoch, through, scope: Scope::of(common), moved: self.moves };
        self.by_peer.insert(peer, cursor);
    }

    /// In this life `peer` has come to `head`. A cursor beyond it is of numbers that it took back: its store was put back
    /// to what it was before.
    pub(super) fn check(&mut self, peer: &PeerId, epoch: Epoch, head: u64) {
        if self.by_peer.get(peer).is_some_and(|cursor| cursor.epoch == epoch && cursor.through > head) {
            self.by_peer.remove(peer);
            self.moves += 1;
        }
    }

    /// What we hold was cut back, so that no cursor is true any more.
    pub(super) fn forget_all(&mut self) {
        self.by_peer.clear();
        self.moves += 1;
    }
}

/// What a neighbour told of its changes, and we don't have on disk yet.
#[derive(Debug, Default)]
pub(super) struct Taking {
    lists: VecDeque<List>,
    /// For each name: in which list, and how much of it.
    missing: BTreeMap<Name, (u64, u64)>,
    /// The number of the first of `lists`.
    first: u64,
}

#[derive(Debug)]
struct List {
    upto: u64,
    more: bool,
    missing: usize,
}

impl Taking {
    pub(super) fn len(&self) -> usize {
        self.missing.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// How far it has told, when all that it told up to `through` is taken in.
    pub(super) fn told(&self, through: u64) -> u64 {
        self.lists.back().map_or(through, |list| list.upto.max(through))
    }

    /// What changed after `since` and up to `upto`, of which this is `missing`. Does nothing when there is no room.
    pub(super) fn take(&mut self, since: u64, upto: u64, more: bool, missing: &[Named], max: usize) {
        let is_retold = self.lists.back().is_some_and(|list| since < list.upto);
        if self.missing.len() + missing.len() > max || (self.lists.len() >= LISTS_MAX && !is_retold) {
            return;
        }
        let list = self.first + self.lists.len() as u64;
        if is_retold {
            // What is missing here may be what was missing there: neither list is taken in before both are.
            let upto = upto.max(self.told(0));
            self.missing.values_mut().for_each(|(of, _)| *of = list);
            self.lists.clear();
            self.first = list;
            self.lists.push_back(List { upto, more, missing: self.missing.len() + missing.len() });
        } else {
            self.lists.push_back(List { upto, more, missing: missing.len() });
        }
        for Named { name, size } in missing {
            if let Some((before, _)) = self.missing.insert(*name, (list, *size)) {
                self.one_less(before);
            }
        }
    }

    /// As much of the key of that name is on disk.
    pub(super) fn settle(&mut self, name: Name, size: u64) {
        if let Some((list, needed)) = self.missing.get(&name).copied()
            && size >= needed
        {
            self.missing.remove(&name);
            self.one_less(list);
        }
    }

    /// What will not come is not waited for.
    pub(super) fn give_up(&mut self, is_given_up: impl Fn(Name) -> bool) {
        let gone: Vec<Name> = self.missing.keys().copied().filter(|name| is_given_up(*name)).collect();
        gone.into_iter().for_each(|name| self.settle(name, u64::MAX));
    }

    /// How far all is taken in now, if that is further than before, and whether there is more to ask for.
    pub(super) fn finished(&mut self) -> Option<(u64, bool)> {
        let mut finished = None;
        while self.lists.front().is_some_and(|list| list.missing == 0) {
            let Some(list) = self.lists.pop_front() else { break };
            self.first += 1;
            finished = Some((list.upto, list.more));
        }
        finished
    }

    pub(super) fn forget(&mut self) {
        *self = Self { first: self.first + self.lists.len() as u64, ..Self::default() };
    }

    fn one_less(&mut self, list: u64) {
        if let Some(list) = list.checked_sub(self.first).and_then(|at| self.lists.get_mut(at as usize)) {
            list.missing = list.missing.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests;
