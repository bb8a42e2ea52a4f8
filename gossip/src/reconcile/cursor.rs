//! How far we have come with what others hold: cursors, which outlive links, and what is on its way to move them.
//!
//! A cursor says: all that this peer held in the common interest, in this life of it, when its last change had this
//! number, is on our disk, or was refused. As in Bayou (Petersen et al., SOSP 1997), whose peers tell each other the last
//! write that they have of each server; here the numbers are those of one peer's own changes, so a cursor is one number.

use std::collections::{BTreeMap, VecDeque};

use msec_identity::PeerId;

use super::message::Epoch;
use crate::interest::Interest;
use crate::name::{Name, Named};

/// Lists of one neighbour that are not taken in yet. Further ones move no cursor, and are told again.
const LISTS_MAX: usize = 64;

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
    common: Interest,
    moved: u64,
}

impl Cursors {
    pub(crate) fn len(&self) -> usize {
        self.by_peer.len()
    }

    /// In which life of `peer`, and up to which number.
    pub(super) fn get(&self, peer: &PeerId, common: &Interest) -> Option<(Epoch, u64)> {
        let cursor = self.by_peer.get(peer).filter(|cursor| cursor.common == *common)?;
        Some((cursor.epoch, cursor.through))
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
        self.by_peer.insert(peer, Cursor { epoch, through, common: common.clone(), moved: self.moves });
    }

    /// What we hold was cut back, so that no cursor is true any more.
    pub(super) fn forget_all(&mut self) {
        self.by_peer.clear();
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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::item::Key;

    const EPOCH: Epoch = Epoch([1; 4]);

    fn name(n: u8) -> Name {
        Name::of(&Key([n; 32]))
    }

    fn named(n: u8, size: u64) -> Named {
        Named { name: name(n), size }
    }

    #[test]
    fn a_cursor_moves_when_all_before_it_is_there() {
        let mut taking = Taking::default();
        taking.take(0, 10, false, &[named(1, 5), named(2, 6)], 9);
        taking.take(10, 20, true, &[named(3, 7)], 9);
        assert_eq!((taking.told(3), taking.finished()), (20, None));
        taking.settle(name(3), 7);
        taking.settle(name(1), 4);
        assert_eq!(taking.finished(), None, "the first list has to come first");
        taking.settle(name(1), 5);
        assert_eq!(taking.finished(), None);
        taking.give_up(|given_up| given_up == name(2));
        assert_eq!(taking.finished(), Some((20, true)));
        assert!(taking.is_empty() && taking.missing.is_empty());
    }

    #[test]
    fn what_changed_again_is_waited_for_once() {
        let mut taking = Taking::default();
        taking.take(0, 10, false, &[named(1, 5)], 9);
        taking.take(10, 20, false, &[named(1, 6)], 9);
        assert_eq!(taking.finished(), Some((10, false)));
        taking.settle(name(1), 5);
        assert_eq!(taking.finished(), None);
        taking.settle(name(1), 6);
        assert_eq!(taking.finished(), Some((20, false)));
    }

    #[test]
    fn what_is_told_again_is_taken_in_with_what_was_told_before() {
        let mut taking = Taking::default();
        taking.take(0, 10, false, &[named(1, 5)], 9);
        taking.take(10, 20, true, &[named(2, 5)], 9);
        taking.take(0, 10, false, &[named(1, 5), named(3, 5)], 9);
        assert_eq!((taking.told(0), taking.finished()), (20, None), "the first is still missing");
        for n in [1, 3] {
            taking.settle(name(n), 5);
            assert_eq!(taking.finished(), None);
        }
        taking.settle(name(2), 5);
        assert_eq!(taking.finished(), Some((20, false)));
        assert!(taking.is_empty() && taking.len() == 0);
    }

    #[test]
    fn what_has_no_room_moves_nothing() {
        let mut taking = Taking::default();
        taking.take(0, 10, false, &[named(1, 5), named(2, 5)], 1);
        for n in 0..2 * LISTS_MAX as u64 {
            taking.take(n, n + 1, false, &[], 1);
        }
        assert_eq!((taking.lists.len(), taking.len()), (LISTS_MAX, 0));
        taking.take(0, 20, false, &[], 1);
        assert_eq!(taking.finished(), Some((LISTS_MAX as u64, false)), "one list that is told again fits");
        taking.forget();
        taking.take(20, 30, false, &[named(1, 5)], 1);
        taking.settle(name(1), 9);
        assert_eq!(taking.finished(), Some((30, false)));
    }

    #[derive(Clone, Debug)]
    enum Happens {
        /// What changed after a number that was told, so many back, and up to so many further.
        Told {
            back: u64,
            further: u64,
            missing: Vec<Named>,
        },
        OnDisk(Named),
        Refused(Name),
    }

    fn happens() -> impl Strategy<Value = Happens> {
        let named = || (0u8..6, 1u64..5).prop_map(|(n, size)| named(n, size));
        let list = prop::collection::vec(named(), 0..4);
        prop_oneof![
            3 => (0u64..20, 0u64..9, list).prop_map(|(back, further, mut missing)| {
                missing.sort_by_key(|named| named.name);
                missing.dedup_by_key(|named| named.name);
                Happens::Told { back: back.saturating_sub(10), further, missing }
            }),
            5 => named().prop_map(Happens::OnDisk),
            1 => (0u8..6).prop_map(|n| Happens::Refused(name(n))),
        ]
    }

    proptest! {
        /// Whatever is told, again or anew, comes or is refused: a cursor never passes what is missing, and never stays
        /// behind when nothing is.
        #[test]
        fn a_cursor_never_passes_what_is_missing(steps in prop::collection::vec(happens(), 0..60)) {
            let (mut taking, mut through, mut told) = (Taking::default(), 0, 0);
            // (until where it was told, after what, what).
            let mut missing: Vec<(u64, u64, Named)> = Vec::new();
            for step in steps {
                match step {
                    Happens::Told { back, further, missing: list } => {
                        let since = taking.told(through).saturating_sub(back).max(through);
                        let upto = since + further;
                        let lists = taking.lists.len();
                        let waits = taking.len();
                        taking.take(since, upto, false, &list, 12);
                        let is_taken = waits + list.len() <= 12 && (lists < LISTS_MAX || since < told);
                        if is_taken {
                            told = taking.told(through);
                            // What is told of a name last is what counts.
                            missing.retain(|(_, _, old)| list.iter().all(|new| new.name != old.name));
                            missing.extend(list.into_iter().map(|named| (upto, since, named)));
                        }
                    }
                    Happens::OnDisk(named) => {
                        taking.settle(named.name, named.size);
                        missing.retain(|(_, _, it)| it.name != named.name || it.size > named.size);
                    }
                    Happens::Refused(name) => {
                        taking.give_up(|given_up| given_up == name);
                        missing.retain(|(_, _, it)| it.name != name);
                    }
                }
                if let Some((upto, _)) = taking.finished() {
                    prop_assert!(upto >= through);
                    through = upto;
                }
                let passed = missing.iter().find(|(until, since, _)| *until <= through && since < until);
                prop_assert!(passed.is_none(), "{passed:?} at {through}");
                prop_assert!(taking.len() <= 12 && taking.lists.len() <= LISTS_MAX);
                if missing.is_empty() {
                    prop_assert_eq!(through, told);
                }
            }
        }
    }

    #[test]
    fn cursors_are_few_and_of_one_life_and_interest() {
        let (all, some) = (Interest::all(), Interest::of(["parks"]).unwrap());
        let mut cursors = Cursors::default();
        for n in 0..5 {
            cursors.advance(PeerId([n; 32]), EPOCH, &all, 9, 3);
            cursors.advance(PeerId([0; 32]), EPOCH, &all, 7, 3);
        }
        assert_eq!(cursors.len(), 3);
        assert_eq!(
            cursors.get(&PeerId([0; 32]), &all),
            Some((EPOCH, 9)),
            "met again and again, and never back"
        );
        assert_eq!(cursors.get(&PeerId([1; 32]), &all), None);
        assert_eq!(cursors.get(&PeerId([0; 32]), &some), None);
        cursors.advance(PeerId([0; 32]), Epoch([2; 4]), &all, 1, 3);
        assert_eq!(cursors.get(&PeerId([0; 32]), &all), Some((Epoch([2; 4]), 1)));
    }
}
