//! The hashes that stand for a run of leaves: the roots of the largest whole subtrees that it is made of.
//!
//! Ranges that touch can be joined without their leaves. Joined from leaf 0 on, a range gives the root of the tree. That is
//! all that a verifier needs: it holds the range of what it has, hashes the leaves that come, and joins the range that
//! stands for what comes later.

use super::{TreeHash, empty_root, node_hash};

/// The leaves `begin..end` of a tree, as the roots of its largest whole subtrees from left to right.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CompactRange {
    begin: u64,
    end: u64,
    hashes: Vec<TreeHash>,
}

/// The level of the largest whole subtree that starts at leaf `at` and does not reach beyond `end`.
pub(super) fn level(at: u64, end: u64) -> u32 {
    let by_length = (end - at).ilog2();
    if at == 0 { by_length } else { by_length.min(at.trailing_zeros()) }
}

/// The levels of the subtrees that `begin..end` is made of.
fn levels(begin: u64, end: u64) -> impl Iterator<Item = u32> {
    let mut at = begin;
    std::iter::from_fn(move || {
        (at < end).then(|| {
            let level = level(at, end);
            at += 1 << level;
            level
        })
    })
}

impl CompactRange {
    /// The empty range at `begin`.
    pub fn empty(begin: u64) -> Self {
        Self { begin, end: begin, hashes: Vec::new() }
    }

    /// The range `begin..end` from hashes that somebody sent; `None` unless there are as many as it takes.
    pub fn from_hashes(begin: u64, end: u64, hashes: Vec<TreeHash>) -> Option<Self> {
        (begin <= end && levels(begin, end).count() == hashes.len()).then_some(Self { begin, end, hashes })
    }

    /// The first leaf.
    pub fn begin(&self) -> u64 {
        self.begin
    }

    /// The leaf after the last.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// What both begin with, in whole subtrees: those from the left that are the same in both.
    pub(crate) fn common(&self, other: &Self) -> Self {
        let mut common = Self::empty(self.begin);
        if self.begin != other.begin {
            return common;
        }
        let subtrees = levels(self.begin, self.end).zip(&self.hashes);
        let others = levels(other.begin, other.end).zip(&other.hashes);
        for ((level, hash), _) in subtrees.zip(others).take_while(|(one, other)| one == other) {
            common.end += 1 << level;
            common.hashes.push(*hash);
        }
        common
    }

    /// Its subtrees, each a range.
    pub(crate) fn subtrees(&self) -> impl Iterator<Item = Self> + '_ {
        let mut begin = self.begin;
        levels(self.begin, self.end).zip(&self.hashes).map(move |(level, hash)| {
            let end = begin + (1 << level);
            Self { begin: std::mem::replace(&mut begin, end), end, hashes: vec![*hash] }
        })
    }

    /// The ranges that this one begins with, in whole subtrees, with all of it first.
    pub(crate) fn beginnings(&self) -> impl Iterator<Item = Self> + '_ {
        let ends = levels(self.begin, self.end).scan(self.begin, |end, level| {
            *end += 1 << level;
            Some(*end)
        });
        let ends: Vec<_> = ends.collect();
        ends.into_iter().enumerate().rev().map(|(last, end)| Self {
            begin: self.begin,
            end,
            hashes: self.hashes[..=last].to_vec(),
        })
    }

    /// Whether it holds no leaf.
    pub fn is_empty(&self) -> bool {
        self.begin == self.end
    }

    /// The roots of the subtrees.
    pub fn hashes(&self) -> &[TreeHash] {
        &self.hashes
    }

    /// How many subtrees `begin..end` is made of.
    pub(crate) fn hashes_of(begin: u64, end: u64) -> usize {
        levels(begin, end).count()
    }

    /// Adds the leaf at `end`.
    pub fn push(&mut self, leaf: TreeHash) {
        self.join_subtree(0, leaf, |_, _, _| ());
    }

    /// Adds the leaf at `end`. `made` is told of every subtree that becomes whole: its level, its first leaf and its root.
    pub(crate) fn push_telling(&mut self, leaf: TreeHash, made: impl FnMut(u32, u64, TreeHash)) {
        self.join_subtree(0, leaf, made);
    }

    /// Joins the range that starts where this one ends. `false`, and nothing done, if it starts elsewhere.
    #[must_use]
    pub fn join(&mut self, next: &Self) -> bool {
        if next.begin != self.end {
            return false;
        }
        for (level, hash) in levels(next.begin, next.end).zip(&next.hashes) {
            self.join_subtree(level, *hash, |_, _, _| ());
        }
        true
    }

    /// Adds a whole subtree of `2^level` leaves at `end`, and merges what has become whole. The subtree that ends at
    /// `end` merges with its left sibling as long as that lies in the range.
    fn join_subtree(&mut self, mut level: u32, mut hash: TreeHash, mut made: impl FnMut(u32, u64, TreeHash)) {
        let mut start = self.end;
        self.end += 1 << level;
        while start & (1 << level) != 0 && start - self.begin >= 1 << level {
            let left = self.hashes.pop().expect("the left sibling lies in the range");
            hash = node_hash(&left, &hash);
            start -= 1 << level;
            level += 1;
            made(level, start, hash);
        }
        self.hashes.push(hash);
    }

    /// The root of the tree over leaves `0..end`.
    ///
    /// # Panics
    ///
    /// If the range does not begin at leaf 0, which is a bug of the caller.
    pub fn root(&self) -> TreeHash {
        assert_eq!(self.begin, 0, "only a range from leaf 0 on has a root");
        self.subtree_root().unwrap_or_else(empty_root)
    }

    /// The root over the leaves, where they are all that a subtree of a tree holds. `None`: there is no leaf.
    pub(super) fn subtree_root(&self) -> Option<TreeHash> {
        fold(&self.hashes)
    }

    /// The same over `begin..end`, a part of the range. `None`: no whole subtrees of the range lie there.
    pub(super) fn root_of(&self, begin: u64, end: u64) -> Option<TreeHash> {
        let (mut at, mut first, mut found) = (self.begin, None, 0);
        for (n, level) in levels(self.begin, self.end).enumerate() {
            if at >= end {
                break;
            }
            if at >= begin {
                first = first.or((at == begin).then_some(n));
                found = n + 1;
            }
            at += 1 << level;
        }
        if at != end {
            return None;
        }
        fold(self.hashes.get(first?..found)?)
    }
}

/// The root over whole subtrees, each of which is smaller than the one before it.
fn fold(subtrees: &[TreeHash]) -> Option<TreeHash> {
    let (last, before) = subtrees.split_last()?;
    Some(before.iter().rfold(*last, |right, left| node_hash(left, &right)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::merkle::leaf_hash;

    fn leaf(i: u64) -> TreeHash {
        leaf_hash(&i.to_be_bytes())
    }

    fn range(begin: u64, end: u64) -> CompactRange {
        let mut range = CompactRange::empty(begin);
        (begin..end).for_each(|i| range.push(leaf(i)));
        range
    }

    /// RFC 9162, section 2.1.1, word for word.
    fn naive_root(leaves: &[TreeHash]) -> TreeHash {
        match leaves {
            [] => empty_root(),
            [one] => *one,
            _ => {
                let k = leaves.len().next_power_of_two() / 2;
                node_hash(&naive_root(&leaves[..k]), &naive_root(&leaves[k..]))
            }
        }
    }

    /// The leaves and roots with which certificate transparency tests its implementations.
    #[test]
    fn roots_of_the_reference_tree() {
        let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).expect("hexadecimal");
        let leaves = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut range = CompactRange::empty(0);
        for (leaf, root) in leaves.into_iter().zip(roots) {
            range.push(leaf_hash(&hex(leaf)));
            assert_eq!(range.root().to_vec(), hex(root));
        }
    }

    proptest! {
        #[test]
        fn joined_ranges_are_the_range(a in 0u64..70, b in 0u64..70, c in 0u64..70) {
            let mut cuts = [a, b, c];
            cuts.sort_unstable();
            let [a, b, c] = cuts;
            let mut joined = range(a, b);
            prop_assert!(joined.join(&range(b, c)));
            prop_assert_eq!(&joined, &range(a, c));
            prop_assert_eq!(levels(a, c).count(), joined.hashes.len());
            prop_assert_eq!(CompactRange::from_hashes(a, c, joined.hashes.clone()), Some(joined));
        }

        #[test]
        fn the_root_is_that_of_the_rfc(n in 0u64..200) {
            let leaves: Vec<_> = (0..n).map(leaf).collect();
            prop_assert_eq!(range(0, n).root(), naive_root(&leaves));
        }

        #[test]
        fn ranges_that_do_not_touch_are_not_joined(a in 1u64..50, gap in 1u64..5) {
            let mut left = range(0, a);
            prop_assert!(!left.join(&range(a + gap, a + gap + 3)));
            prop_assert_eq!(left, range(0, a));
        }
    }
}
