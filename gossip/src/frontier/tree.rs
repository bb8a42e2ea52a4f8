//! A hash tree over what is on disk and of one interest, kept as it changes.
//!
//! A Merkle trie: a range with few items has the hash of their ordered (key, size, digest), one with more the hash of the
//! hashes of its sixteen parts. So a range's hash depends on the set alone, and two peers that hold the same agree on
//! every range. BLAKE3 throughout, not an XOR or a sum of hashes: whoever may insert items could cancel those out.
//!
//! A change marks the path to its leaf as stale, a few steps; the next question hashes what is stale. The tree holds no
//! items: a leaf asks the frontier for them.

use crate::item::{Key, Version};
use crate::range::{FANOUT, Range, digit_of};

/// How many items a leaf has at most. Chosen: hashing them takes 2 us, and a million items take 65,536 leaves of 48 bytes.
const LEAF_MAX: u32 = 32;
/// What a key and its version take in a hash.
const ITEM_BYTES: usize = 72;
const LEAF_KEY: &[u8; 32] = b"msec/gossip/fingerprint/2 leaf  ";
const INNER_KEY: &[u8; 32] = b"msec/gossip/fingerprint/2 inner ";
/// The hash of a range without items.
const EMPTY: [u8; 32] = [0; 32];

/// What a range holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) hash: [u8; 32],
    pub(crate) count: u32,
}

/// Where leaves find their items: all that the tree is of, in a range, in order.
pub(crate) trait Items {
    fn each(&self, range: &Range, take: &mut dyn FnMut(&Key, Version));
}

#[derive(Debug)]
pub(crate) struct HashTree {
    root: Node,
}

#[derive(Clone, Debug)]
struct Node {
    sum: Sum,
    stale: bool,
    parts: Option<Box<[Node; FANOUT]>>,
}

impl HashTree {
    /// A tree of all that `items` holds.
    pub(crate) fn of(items: &impl Items) -> Self {
        let mut root = Node::stale();
        items.each(&Range::ALL, &mut |_, _| root.sum.count += 1);
        Self { root }
    }

    /// The item of `key` is another one: `more` items than before are there.
    pub(crate) fn touch(&mut self, key: &Key, more: i32) {
        let (mut node, mut digit) = (&mut self.root, 0);
        loop {
            node.sum.count = node.sum.count.saturating_add_signed(more);
            node.stale = true;
            if node.sum.count <= LEAF_MAX {
                node.parts = None;
            }
            let Some(parts) = &mut node.parts else { return };
            node = &mut parts[digit_of(key, digit)];
            digit += 1;
        }
    }

    /// What `range` holds.
    pub(crate) fn sum(&mut self, items: &impl Items, range: &Range) -> Sum {
        let (mut node, mut here) = (&mut self.root, Range::ALL);
        loop {
            if here == *range {
                node.settle(items, &here);
                return node.sum;
            }
            node.grow(items, &here);
            let digit = digit_of(&range.first(), here.digits());
            let Some(parts) = &mut node.parts else { break };
            node = &mut parts[digit];
            here = Range::beginning(&range.first_of(here.digits() + 1), here.digits() + 1);
        }
        leaf(items, range)
    }
}

impl Node {
    const fn stale() -> Self {
        Self { sum: Sum { hash: EMPTY, count: 0 }, stale: true, parts: None }
    }

    /// Splits a leaf that has too many items.
    fn grow(&mut self, items: &impl Items, range: &Range) {
        if self.sum.count <= LEAF_MAX || self.parts.is_some() || range.is_exact() {
            return;
        }
        let mut parts = Box::new([const { Node::stale() }; FANOUT]);
        items.each(range, &mut |key, _| parts[digit_of(key, range.digits())].sum.count += 1);
        self.parts = Some(parts);
    }

    fn settle(&mut self, items: &impl Items, range: &Range) {
        if !self.stale {
            return;
        }
        self.stale = false;
        self.grow(items, range);
        let Some(parts) = &mut self.parts else {
            self.sum = leaf(items, range);
            return;
        };
        let mut hasher = blake3::Hasher::new_keyed(INNER_KEY);
        for (part, range) in parts.iter_mut().zip(range.split()) {
            part.settle(items, &range);
            hasher.update(&part.sum.hash);
        }
        self.sum.hash = *hasher.finalize().as_bytes();
    }
}

/// Of a range that is no longer than a leaf.
fn leaf(items: &impl Items, range: &Range) -> Sum {
    let (mut bytes, mut count) = (Vec::with_capacity(LEAF_MAX as usize * ITEM_BYTES), 0);
    items.each(range, &mut |key, version| {
        bytes.extend_from_slice(&key.0);
        bytes.extend_from_slice(&version.size.to_le_bytes());
        bytes.extend_from_slice(&version.digest);
        count += 1;
    });
    let hash = if count == 0 { EMPTY } else { *blake3::keyed_hash(LEAF_KEY, &bytes).as_bytes() };
    Sum { hash, count }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::vectors;

    struct Set(BTreeMap<Key, Version>);

    impl Items for Set {
        fn each(&self, range: &Range, take: &mut dyn FnMut(&Key, Version)) {
            self.0.range(range.bounds()).for_each(|(key, version)| take(key, *version));
        }
    }

    fn key(n: u64, deep: bool) -> Key {
        let mut key = if deep { [7; 32] } else { *blake3::hash(&n.to_le_bytes()).as_bytes() };
        key[31] = n as u8;
        Key(key)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

        /// However it came about: a tree that was kept is the tree of the set, in every range.
        #[test]
        fn a_kept_tree_is_the_tree_of_the_set(
            steps in prop::collection::vec((0u64..150, any::<bool>(), 0u64..4), 1..200), look in 1usize..40,
        ) {
            let mut set = Set(BTreeMap::new());
            let mut kept = HashTree::of(&set);
            for (n, (id, deep, size)) in steps.into_iter().enumerate() {
                let key = key(id, deep);
                let before = if size == 0 {
                    set.0.remove(&key)
                } else {
                    set.0.insert(key, Version { size, digest: [1; 32] })
                };
                kept.touch(&key, i32::from(size > 0) - i32::from(before.is_some()));
                if n % look == 0 {
                    kept.sum(&set, &Range::ALL);
                }
            }
            let mut ranges = vec![Range::ALL];
            while let Some(range) = ranges.pop() {
                let sum = kept.sum(&set, &range);
                prop_assert_eq!(sum, HashTree::of(&set).sum(&set, &range));
                prop_assert_eq!(sum.count as usize, set.0.range(range.bounds()).count());
                if sum.count > 8 && !range.is_exact() {
                    ranges.extend(range.split());
                }
            }
        }
    }

    #[test]
    fn hashes_are_these() {
        let item =
            |bytes: &[u8]| (vectors::key(&bytes[..32]), vectors::version(&bytes[32..40], &bytes[40..]));
        let hash = |set: Set| HashTree::of(&set).sum(&set, &Range::ALL).hash;
        let (of, made) = vectors::value("hash of few items");
        assert_eq!(hash(Set(of.iter().map(|bytes| item(bytes)).collect()))[..], made);
        let (of, made) = vectors::value("hash of many items");
        let nth = |n: u8| {
            (Key(*blake3::hash(&[n]).as_bytes()), Version { size: u64::from(n) + 1, digest: [n; 32] })
        };
        assert_eq!(hash(Set((0..of[0][0]).map(nth).collect()))[..], made);
    }

    #[test]
    fn what_differs_shows() {
        let set = |sizes: &[(u64, u64)]| {
            let items =
                sizes.iter().map(|(n, size)| (key(*n, false), Version { size: *size, digest: [0; 32] }));
            let set = Set(items.collect());
            HashTree::of(&set).sum(&set, &Range::ALL).hash
        };
        assert_eq!(set(&[(1, 5), (2, 6)]), set(&[(2, 6), (1, 5)]));
        assert_ne!(set(&[(1, 5), (2, 6)]), set(&[(1, 5), (2, 7)]));
        assert_ne!(set(&[(1, 5)]), set(&[]));
    }
}
