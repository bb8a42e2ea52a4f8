//! What we hold, and the fingerprints that reconciliation compares.
//!
//! A fingerprint is computed when asked for, by a walk over the range. The three questions that reconciliation asks
//! ([`Frontier::fingerprint`], [`Frontier::count`], [`Frontier::items`]) are all that an incremental tree has to answer
//! to replace this.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::interest::Interest;
use crate::item::{Item, Key, Topic, Version};
use crate::range::Range;

/// A BLAKE3 hash over the ordered (key, size, digest) of a range. Not an XOR or a sum of hashes: whoever may insert
/// items could cancel those out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Fingerprint([u8; 32]);

const FINGERPRINT_CONTEXT: &str = "msec/gossip/fingerprint/1";
/// What a key and its version take in a fingerprint.
const ITEM_BYTES: usize = 72;
/// How much of a range is hashed at a time.
const FINGERPRINT_PIECE_BYTES: usize = 16 * 1024;

#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) topic: Topic,
    /// Verified, and in memory at least.
    pub(crate) version: Version,
    /// On disk. Only this is advertised, so that a power cut makes nobody a liar.
    pub(crate) durable: Option<Version>,
}

/// Bounded by the node, which caps the logs that it holds.
#[derive(Debug, Default)]
pub(crate) struct Frontier {
    held: BTreeMap<Key, Held>,
    /// How many keys each topic has. There are far fewer topics than keys, so that what depends on topics alone is
    /// asked here; and the keys of a topic share its one spelling.
    topics: BTreeMap<Topic, usize>,
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
        Some(Item { key: *key, topic: held.topic.clone(), version: held.durable? })
    }

    /// The node holds `version` now. A smaller one than before is a cut, and what is on disk is cut with it. True if
    /// the key is new.
    pub(crate) fn accept(&mut self, key: Key, topic: Topic, version: Version) -> bool {
        let Some(held) = self.held.get_mut(&key) else {
            let topic = join(&mut self.topics, topic);
            self.held.insert(key, Held { topic, version, durable: None });
            return true;
        };
        if held.topic != topic {
            leave(&mut self.topics, &held.topic);
            held.topic = join(&mut self.topics, topic);
        }
        held.version = version;
        if held.durable.is_some_and(|durable| durable.size > version.size) {
            held.durable = Some(version);
        }
        false
    }

    /// `version` is on disk. A stale word is ignored: one of a smaller version than is known to be there, or of one
    /// that was since cut or replaced.
    pub(crate) fn durable(&mut self, key: &Key, version: Version) {
        if let Some(held) = self.held.get_mut(key)
            && (version == held.version || version.size < held.version.size)
            && held.durable.is_none_or(|durable| durable.size <= version.size)
        {
            held.durable = Some(version);
        }
    }

    /// Whether there is a key whose topic is `wanted`.
    pub(crate) fn any_topic(&self, wanted: impl FnMut(&Topic) -> bool) -> bool {
        self.topics.keys().any(wanted)
    }

    /// What is on disk in `range` and covered by `scope`, in order.
    pub(crate) fn items<'a>(&'a self, range: &Range, scope: &'a Interest) -> impl Iterator<Item = Item> + 'a {
        self.durable_in(range, scope).map(|(key, topic, version)| Item {
            key: *key,
            topic: topic.clone(),
            version,
        })
    }

    /// How many items that is, counted no further than `max`.
    pub(crate) fn count(&self, range: &Range, scope: &Interest, max: usize) -> usize {
        self.durable_in(range, scope).take(max).count()
    }

    pub(crate) fn fingerprint(&self, range: &Range, scope: &Interest) -> Fingerprint {
        let mut hasher = blake3::Hasher::new_derive_key(FINGERPRINT_CONTEXT);
        // BLAKE3 hashes long pieces many times as fast as short ones.
        let mut piece = Vec::with_capacity(FINGERPRINT_PIECE_BYTES);
        for (key, _, version) in self.durable_in(range, scope) {
            if piece.len() + ITEM_BYTES > FINGERPRINT_PIECE_BYTES {
                hasher.update(&piece);
                piece.clear();
            }
            piece.extend_from_slice(&key.0);
            piece.extend_from_slice(&version.size.to_le_bytes());
            piece.extend_from_slice(&version.digest);
        }
        hasher.update(&piece);
        Fingerprint(*hasher.finalize().as_bytes())
    }

    fn durable_in<'a>(
        &'a self,
        range: &Range,
        scope: &'a Interest,
    ) -> impl Iterator<Item = (&'a Key, &'a Topic, Version)> + 'a {
        let durable = |(key, held): (&'a Key, &'a Held)| Some((key, &held.topic, held.durable?));
        self.held.range(range.bounds()).filter_map(durable).filter(|(_, topic, _)| scope.covers(topic))
    }

    /// How many keys of `range` a walk over it visits: what a summary costs us.
    pub(crate) fn walk_cost(&self, range: &Range) -> u64 {
        if *range == Range::ALL {
            self.held.len() as u64
        } else {
            self.held.range(range.bounds()).count() as u64
        }
    }
}

/// One key more is of that topic. Returns the topic as the others have it.
fn join(topics: &mut BTreeMap<Topic, usize>, topic: Topic) -> Topic {
    let known = topics.get_key_value(&topic).map(|(known, _)| known.clone());
    let topic = known.unwrap_or(topic);
    *topics.entry(topic.clone()).or_default() += 1;
    topic
}

/// One key less is of that topic.
fn leave(topics: &mut BTreeMap<Topic, usize>, topic: &Topic) {
    if let Some(keys) = topics.get_mut(topic) {
        *keys -= 1;
        if *keys == 0 {
            topics.remove(topic);
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
            frontier.durable(&Key([*key; 32]), version(*size));
        }
        frontier
    }

    fn all(frontier: &Frontier) -> Fingerprint {
        frontier.fingerprint(&Range::ALL, &Interest::all())
    }

    #[test]
    fn a_fingerprint_is_of_the_set() {
        let one = frontier(&[(1, 5), (2, 6)]);
        assert_eq!(all(&one), all(&frontier(&[(2, 6), (1, 5)])));
        assert_ne!(all(&one), all(&frontier(&[(1, 5), (2, 7)])));
        assert_ne!(all(&one), all(&frontier(&[(1, 5)])));
        assert_ne!(all(&one), all(&frontier(&[(1, 5), (3, 6)])));
    }

    #[test]
    fn only_what_is_durable_and_covered_counts() {
        let mut some = frontier(&[(1, 5)]);
        let before = all(&some);
        some.accept(Key([2; 32]), Topic::new("a").unwrap(), version(1));
        assert_eq!(all(&some), before);
        some.durable(&Key([2; 32]), version(1));
        assert_ne!(all(&some), before);
        let elsewhere = Interest::of(["b"]).unwrap();
        assert_eq!(some.items(&Range::ALL, &elsewhere).count(), 0);
        assert_eq!(some.count(&Range::ALL, &Interest::all(), 9), 2);
        assert_eq!(some.count(&Range::ALL, &Interest::all(), 1), 1);
    }

    #[test]
    fn a_topic_is_there_as_long_as_a_key_has_it() {
        let topic = |name| Topic::new(name).unwrap();
        let mut some = frontier(&[(1, 5), (2, 6)]);
        let has = |some: &Frontier, name| some.any_topic(|held| *held == topic(name));
        some.accept(Key([1; 32]), topic("b"), version(6));
        assert!(has(&some, "a") && has(&some, "b"));
        some.accept(Key([2; 32]), topic("b"), version(7));
        assert!(!has(&some, "a") && has(&some, "b"));
        some.accept(Key([2; 32]), topic("b"), version(8));
        some.accept(Key([1; 32]), topic("c"), version(7));
        assert!(has(&some, "b") && has(&some, "c"));
    }

    #[test]
    fn a_cut_reaches_what_is_durable_and_stale_words_do_not() {
        let mut some = frontier(&[(1, 5)]);
        let key = Key([1; 32]);
        some.accept(key, Topic::new("a").unwrap(), version(3));
        assert_eq!(some.durable_item(&key).unwrap().version, version(3));
        some.durable(&key, version(5));
        some.durable(&key, version(2));
        assert_eq!(some.durable_item(&key).unwrap().version, version(3));
        some.durable(&Key([9; 32]), version(1));
        assert_eq!(some.len(), 1);
    }
}
