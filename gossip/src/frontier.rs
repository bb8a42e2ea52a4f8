//! What we hold, the fingerprints that reconciliation compares, and what changed since.
//!
//! Fingerprints come from a hash tree for each interest that we share with a neighbour (see `tree`), kept as things
//! change, so that a round costs by the changes and not by what is held.

use std::collections::BTreeMap;
use std::sync::Arc;

use msec_identity::PeerId;

mod changes;
mod tree;

pub(crate) use tree::Sum;

use self::changes::Changes;
use self::tree::{HashTree, Items};
use crate::interest::Interest;
use crate::item::{Item, Key, Origin, Topic, Version};
use crate::name::{self, Name};
use crate::range::Range;

/// How many hash trees are kept: one for each common interest that was asked for last. A further one takes the place of
/// the one that was not asked for longest, and costs a walk over all that is held.
const TREES_MAX: usize = 4;

#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) topic: Topic,
    /// Verified, and in memory at least.
    pub(crate) version: Version,
    /// Who made it, if that was said.
    origin: Option<Origin>,
    on_disk: OnDisk,
    /// That of its last change on disk; 0 if there is none.
    number: u64,
}

/// What is on disk is nearly always what is held, which needs no second version.
#[derive(Clone, Debug, PartialEq, Eq)]
enum OnDisk {
    Nothing,
    All,
    Part(Box<Version>),
}

impl Held {
    /// On disk. Only this is advertised, so that a power cut makes nobody a liar.
    pub(crate) fn durable(&self) -> Option<Version> {
        match &self.on_disk {
            OnDisk::Nothing => None,
            OnDisk::All => Some(self.version),
            OnDisk::Part(version) => Some(**version),
        }
    }

    fn hold(&mut self, version: Version, durable: Option<Version>) {
        self.version = version;
        self.on_disk = match durable {
            None => OnDisk::Nothing,
            Some(durable) if durable == version => OnDisk::All,
            Some(durable) => OnDisk::Part(Box::new(durable)),
        };
    }
}

/// What a name stands for here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    Key(Key),
    /// It names several keys.
    Several,
}

/// Bounded by the node, which caps the logs that it holds.
#[derive(Debug, Default)]
pub(crate) struct Frontier {
    held: BTreeMap<Key, Held>,
    /// How many keys each path has. There are far fewer paths than keys, so that what depends on paths alone is asked
    /// here; and the keys of a path share its one spelling.
    paths: BTreeMap<Arc<str>, usize>,
    changes: Changes,
    /// Asked for last comes first. At most [`TREES_MAX`].
    trees: Vec<(Interest, HashTree)>,
}

impl Frontier {
    pub(crate) fn get(&self, key: &Key) -> Option<&Held> {
        self.held.get(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// The size that we hold in memory: 0 for an unknown key.
    pub(crate) fn size(&self, key: &Key) -> u64 {
        self.held.get(key).map_or(0, |held| held.version.size)
    }

    /// What may be advertised of a key.
    pub(crate) fn durable_item(&self, key: &Key) -> Option<Item> {
        let held = self.held.get(key)?;
        Some(Item { key: *key, topic: held.topic.clone(), version: held.durable()? })
    }

    /// Who made what a key names.
    pub(crate) fn made_by(&mut self, key: &Key, origin: Origin) {
        if let Some(held) = self.held.get_mut(key) {
            held.origin = Some(origin);
        }
    }

    /// Whether a neighbour of that interest may be told how much is held of a key: it may hold it, or made it. Where nobody said who
    /// made it, all are told.
    pub(crate) fn may_tell(&self, key: &Key, to: &PeerId, interest: &Interest) -> bool {
        self.held.get(key).is_none_or(|held| {
            held.origin.is_none_or(|origin| origin == Origin(to.0)) || interest.may_hold(&held.topic)
        })
    }

    /// Which key that we hold has that name.
    pub(crate) fn named(&self, name: Name) -> Found {
        let mut keys = self.held.range(name.range().bounds()).map(|(key, _)| *key);
        match (keys.next(), keys.next()) {
            (None, _) => Found::Nothing,
            (Some(key), None) => Found::Key(key),
            (Some(_), Some(_)) => Found::Several,
        }
    }

    /// The one key that `key` stands in for; itself if it is no name, or we hold none or several of that name.
    pub(crate) fn named_in_full(&self, key: Key) -> Key {
        match name::is_stand_in(&key).then(|| self.named(Name::of(&key))) {
            Some(Found::Key(key)) => key,
            _ => key,
        }
    }

    /// The node holds `version` now, of that topic: what is on disk is sorted in there too. A smaller one than before is a cut, and what is on disk is cut with it; what
    /// is cut down to nothing is told to nobody. True if the key is new.
    pub(crate) fn accept(&mut self, key: Key, topic: Topic, version: Version) -> bool {
        let Some(held) = self.held.get_mut(&key) else {
            let topic = join(&mut self.paths, topic);
            self.held.insert(key, Held { topic, version, origin: None, on_disk: OnDisk::Nothing, number: 0 });
            return true;
        };
        let (topic_before, before) = (held.topic.clone(), held.durable());
        if held.topic != topic {
            leave(&mut self.paths, &held.topic);
            held.topic = join(&mut self.paths, topic);
        }
        let durable = before.map(|durable| if durable.size > version.size { version } else { durable });
        let durable = durable.filter(|durable| durable.size > 0);
        // What is to come to the disk has its number then.
        let is_all = held.version == version;
        held.hold(version, durable);
        if durable.is_none() && before.is_some() {
            self.gone(&key, &topic_before);
        } else if durable != before || (topic_before != held.topic && is_all) {
            self.changed(&key, before.map(|_| topic_before), None);
        } else if topic_before != held.topic {
            self.touch(&key, before.map(|_| topic_before));
        }
        false
    }

    /// `version` is on disk. A stale word is ignored: one of a smaller version than is known to be there, or of one
    /// that was since cut or replaced. True if it is news. `number` is what the store calls that change.
    pub(crate) fn durable(&mut self, key: &Key, version: Version, number: Option<u64>) -> bool {
        let Some(held) = self.held.get_mut(key) else { return false };
        let before = held.durable();
        if version.size == 0
            || (version != held.version && version.size >= held.version.size)
            || before.is_some_and(|durable| durable.size > version.size || durable == version)
        {
            return false;
        }
        held.hold(held.version, Some(version));
        let topic = before.map(|_| held.topic.clone());
        self.changed(key, topic, number);
        true
    }

    /// What is on disk of `key` is another thing than before, when it was of the topic `before`, if at all.
    fn changed(&mut self, key: &Key, before: Option<Topic>, number: Option<u64>) {
        let Some(held) = self.held.get_mut(key) else { return };
        if held.on_disk != OnDisk::Nothing {
            held.number = self.changes.renew(key, held.number, number);
            self.touch(key, before);
        }
    }

    /// Nothing of `key` is on disk any more, which was of that topic.
    fn gone(&mut self, key: &Key, topic: &Topic) {
        if let Some(held) = self.held.get_mut(key) {
            self.changes.forget(std::mem::take(&mut held.number));
        }
        for (_, tree) in self.trees.iter_mut().filter(|(scope, _)| scope.covers(topic)) {
            tree.touch(key, -1);
        }
    }

    /// As [`Self::changed`], for the trees.
    fn touch(&mut self, key: &Key, before: Option<Topic>) {
        let Some(held) = self.held.get(key).filter(|held| held.on_disk != OnDisk::Nothing) else { return };
        for (scope, tree) in &mut self.trees {
            let was = before.as_ref().is_some_and(|before| scope.covers(before));
            let is = if before.as_ref() == Some(&held.topic) { was } else { scope.covers(&held.topic) };
            if was || is {
                tree.touch(key, i32::from(is) - i32::from(was));
            }
        }
    }

    /// Whether all numbers are the store's.
    pub(crate) fn all_given(&self) -> bool {
        self.changes.all_given()
    }

    /// The store's last number is at least this.
    pub(crate) fn begin_after(&mut self, head: u64) {
        self.changes.begin_after(head);
    }

    /// The number of the last change on disk.
    pub(crate) fn head(&self) -> u64 {
        self.changes.head()
    }

    /// Whether more than `max` keys changed after the number `since`.
    pub(crate) fn has_changed_more(&self, since: u64, max: usize) -> bool {
        self.changes.since(since).nth(max).is_some()
    }

    /// What changed on disk after the number `since`, in that order: the number and the item.
    pub(crate) fn changed_since(&self, since: u64) -> impl Iterator<Item = (u64, &Key, &Topic, Version)> {
        self.changes.since(since).filter_map(|(number, range)| {
            let (key, held) = self.held.range(range).find(|(_, held)| held.number == number)?;
            Some((number, key, &held.topic, held.durable()?))
        })
    }

    /// Whether there is a key whose path is `wanted`.
    pub(crate) fn any_path(&self, mut wanted: impl FnMut(&str) -> bool) -> bool {
        self.paths.keys().any(|path| wanted(path))
    }

    /// What is on disk in `range` and covered by `scope`, in order.
    pub(crate) fn items<'a>(&'a self, range: &Range, scope: &'a Interest) -> impl Iterator<Item = Item> + 'a {
        self.durable_in(range, scope).map(|(key, topic, version)| Item {
            key: *key,
            topic: topic.clone(),
            version,
        })
    }

    /// How many items that is, and their hash.
    pub(crate) fn sum(&mut self, range: &Range, scope: &Interest) -> Sum {
        let place = match self.trees.iter().position(|(of, _)| of == scope) {
            Some(place) => place,
            None => {
                self.trees.truncate(TREES_MAX - 1);
                let tree = HashTree::of(&Covered { held: &self.held, scope });
                self.trees.push((scope.clone(), tree));
                self.trees.len() - 1
            }
        };
        self.trees[..=place].rotate_right(1);
        let (scope, tree) = &mut self.trees[0];
        tree.sum(&Covered { held: &self.held, scope }, range)
    }

    /// How many items a question about `scope` visits that was not asked lately.
    pub(crate) fn sum_cost(&self, scope: &Interest) -> u64 {
        if self.trees.iter().any(|(of, _)| of == scope) { 0 } else { self.held.len() as u64 }
    }

    pub(crate) fn durable_in<'a>(
        &'a self,
        range: &Range,
        scope: &'a Interest,
    ) -> impl Iterator<Item = (&'a Key, &'a Topic, Version)> + 'a {
        let durable = |(key, held): (&'a Key, &'a Held)| Some((key, &held.topic, held.durable()?));
        self.held.range(range.bounds()).filter_map(durable).filter(|(_, topic, _)| scope.covers(topic))
    }
}

/// What of all that is held a tree is of.
struct Covered<'a> {
    held: &'a BTreeMap<Key, Held>,
    scope: &'a Interest,
}

impl Items for Covered<'_> {
    fn each(&self, range: &Range, take: &mut dyn FnMut(&Key, Version)) {
        for (key, held) in self.held.range(range.bounds()) {
            if let Some(version) = held.durable().filter(|_| self.scope.covers(&held.topic)) {
                take(key, version);
            }
        }
    }
}

/// One key more is of that path. Returns the topic with the path as the others have it.
fn join(paths: &mut BTreeMap<Arc<str>, usize>, topic: Topic) -> Topic {
    let known = paths.get_key_value(topic.path()).map(|(known, _)| known.clone());
    let topic = known.into_iter().fold(topic, Topic::sharing);
    *paths.entry(topic.path().clone()).or_default() += 1;
    topic
}

/// One key less is of that path.
fn leave(paths: &mut BTreeMap<Arc<str>, usize>, topic: &Topic) {
    if let Some(keys) = paths.get_mut(topic.path()) {
        *keys -= 1;
        if *keys == 0 {
            paths.remove(topic.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(size: u64) -> Version {
        Version { size, digest: [size as u8; 32] }
    }

    fn frontier(keys: &[(u8, u64)]) -> Frontier {
        let mut frontier = Frontier::default();
        for (key, size) in keys {
            frontier.accept(Key([*key; 32]), Topic::new("a").unwrap(), version(*size));
            frontier.durable(&Key([*key; 32]), version(*size), None);
        }
        frontier
    }

    fn all(frontier: &mut Frontier) -> Sum {
        frontier.sum(&Range::ALL, &Interest::all())
    }

    fn changed(frontier: &Frontier, since: u64) -> Vec<(u64, u8)> {
        frontier.changed_since(since).map(|(number, key, ..)| (number, key.0[0])).collect()
    }

    #[test]
    fn only_what_is_durable_and_covered_counts() {
        let mut some = frontier(&[(1, 5)]);
        let before = all(&mut some);
        some.accept(Key([2; 32]), Topic::new("a").unwrap(), version(1));
        assert_eq!(all(&mut some), before);
        some.durable(&Key([2; 32]), version(1), None);
        assert_ne!(all(&mut some), before);
        let elsewhere = Interest::of(["b"]).unwrap();
        assert_eq!(some.items(&Range::ALL, &elsewhere).count(), 0);
        assert_eq!((all(&mut some).count, some.sum(&Range::ALL, &elsewhere).count), (2, 0));
        some.accept(Key([2; 32]), Topic::new("b").unwrap(), version(1));
        assert_eq!((all(&mut some).count, some.sum(&Range::ALL, &elsewhere).count), (2, 1));
    }

    #[test]
    fn trees_are_few_and_any_can_be_made_again() {
        let mut some = frontier(&[(1, 5)]);
        let names: Vec<String> = (0..9).map(|n| format!("t{n}")).collect();
        for _ in 0..2 {
            for name in &names {
                let scope = Interest::of([&**name, "a"]).unwrap();
                assert_eq!(some.sum(&Range::ALL, &scope).count, 1);
                assert!(some.trees.len() <= TREES_MAX && some.sum_cost(&scope) == 0);
            }
        }
        assert_eq!(some.sum_cost(&Interest::all()), 1);
    }

    #[test]
    fn a_key_has_one_number_that_of_its_last_change_on_disk() {
        let mut some = frontier(&[(1, 5), (2, 6), (3, 7)]);
        assert_eq!((some.head(), changed(&some, 1)), (3, vec![(2, 2), (3, 3)]));
        some.accept(Key([2; 32]), Topic::new("a").unwrap(), version(9));
        assert_eq!(some.head(), 3, "not yet on disk");
        assert!(some.durable(&Key([2; 32]), version(9), None));
        assert!(!some.durable(&Key([2; 32]), version(9), None), "no news");
        assert_eq!(changed(&some, 0), [(1, 1), (3, 3), (4, 2)]);
        some.accept(Key([1; 32]), Topic::new("a").unwrap(), version(2));
        assert_eq!(changed(&some, 3), [(4, 2), (5, 1)], "a cut is a change");
        some.accept(Key([3; 32]), Topic::new("b").unwrap(), version(7));
        assert_eq!(changed(&some, 5), [(6, 3)], "so is another topic");
        some.accept(Key([3; 32]), Topic::new("c").unwrap(), version(8));
        assert_eq!(some.head(), 6, "what is to come to the disk is numbered there");
        assert_eq!(changed(&some, u64::MAX), []);
    }

    #[test]
    fn numbers_are_the_stores_where_it_has_any() {
        let mut some = Frontier::default();
        for (key, number) in [(1, 4), (2, 7)] {
            some.accept(Key([key; 32]), Topic::new("a").unwrap(), version(5));
            some.durable(&Key([key; 32]), version(5), Some(number));
        }
        assert_eq!((some.head(), changed(&some, 4), some.all_given()), (7, vec![(7, 2)], true));
        some.begin_after(9);
        some.accept(Key([1; 32]), Topic::new("a").unwrap(), version(6));
        some.durable(&Key([1; 32]), version(6), Some(10));
        assert_eq!((some.head(), changed(&some, 4), some.all_given()), (10, vec![(7, 2), (10, 1)], true));
        some.accept(Key([2; 32]), Topic::new("a").unwrap(), version(6));
        some.durable(&Key([2; 32]), version(6), Some(10));
        assert_eq!((some.head(), changed(&some, 9)), (11, vec![(10, 1), (11, 2)]), "none is given twice");
        assert!(!some.all_given());
    }

    #[test]
    fn what_is_cut_down_to_nothing_is_as_if_it_had_never_been_held() {
        let mut some = frontier(&[(1, 5)]);
        let (before, elsewhere) = (all(&mut some), Interest::of(["b"]).unwrap());
        let key = Key([2; 32]);
        for size in [6, 4] {
            some.accept(key, Topic::new("a").unwrap(), version(size));
            assert!(some.durable(&key, version(size), None));
            assert_ne!(all(&mut some), before);
            assert_eq!(some.sum(&Range::ALL, &elsewhere).count, 0);
            some.accept(key, Topic::new("a").unwrap(), version(0));
            assert!(!some.durable(&key, version(0), None) && !some.durable(&key, version(6), None));
            assert_eq!(all(&mut some), before);
            assert_eq!((some.durable_item(&key), some.sum(&Range::ALL, &elsewhere).count), (None, 0));
            assert_eq!(changed(&some, 0), [(1, 1)]);
            some.trees.clear();
            assert_eq!(all(&mut some), before, "made again");
        }
    }

    #[test]
    fn names_that_several_keys_share_say_so() {
        let mut some = frontier(&[(1, 5)]);
        let name = Name::of(&Key([1; 32]));
        assert_eq!(some.named(name), Found::Key(Key([1; 32])));
        assert_eq!(some.named(Name::of(&Key([2; 32]))), Found::Nothing);
        let mut other = Key([1; 32]);
        other.0[20] = 9;
        some.accept(other, Topic::new("a").unwrap(), version(1));
        assert_eq!(some.named(name), Found::Several);
    }

    #[test]
    fn a_path_is_there_as_long_as_a_key_has_it() {
        let topic = |name| Topic::new(name).unwrap();
        let mut some = frontier(&[(1, 5), (2, 6)]);
        let has = |some: &Frontier, name| some.any_path(|held| held == topic(name).as_str());
        some.accept(Key([1; 32]), topic("b"), version(6));
        assert!(has(&some, "a") && has(&some, "b"));
        some.accept(Key([2; 32]), topic("b"), version(7));
        assert!(!has(&some, "a") && has(&some, "b"));
        some.accept(Key([2; 32]), topic("b"), version(8));
        some.accept(Key([1; 32]), topic("c"), version(7));
        assert!(has(&some, "b") && has(&some, "c"));
    }

    #[test]
    fn what_is_too_old_is_compared_once_it_is_heard_of_again() {
        let in_hour = |hour| Topic::new("a").unwrap().in_hour(crate::hour::Hour::from_number(hour));
        let since = Interest::all().since(msec_identity::UnixMillis(100 * 3_600_000));
        let mut some = frontier(&[(2, 6)]);
        let key = Key([1; 32]);
        some.accept(key, in_hour(99), version(5));
        some.durable(&key, version(5), None);
        let (old, head) = (some.sum(&Range::ALL, &since), some.head());
        assert_eq!((old.count, all(&mut some).count), (1, 2), "what has no hour counts");
        some.accept(key, in_hour(100), version(6));
        some.durable(&key, version(6), None);
        let new = some.sum(&Range::ALL, &since);
        assert_eq!((new, new.count), (all(&mut some), 2));
        assert!(some.head() > head, "and is told of as a change");
        assert_eq!(some.items(&Range::ALL, &since).count(), 2);
        some.accept(key, in_hour(98), version(7));
        some.durable(&key, version(7), None);
        assert_eq!(some.sum(&Range::ALL, &since), old, "a clock that was set back");
    }

    #[test]
    fn a_cut_reaches_what_is_durable_and_stale_words_do_not() {
        let mut some = frontier(&[(1, 5)]);
        let key = Key([1; 32]);
        some.accept(key, Topic::new("a").unwrap(), version(3));
        assert_eq!(some.durable_item(&key).unwrap().version, version(3));
        some.durable(&key, version(5), None);
        some.durable(&key, version(2), None);
        assert_eq!(some.durable_item(&key).unwrap().version, version(3));
        some.durable(&Key([9; 32]), version(1), None);
        assert_eq!(some.len(), 1);
    }
}
