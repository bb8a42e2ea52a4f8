//! A tree with all its inner nodes, for whoever serves ranges of it.

use super::{CompactRange, TreeHash, node_hash};

/// All whole subtrees of a growing tree: two hashes a leaf in memory.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// `levels[h][i]` is the root over the leaves `i << h .. (i + 1) << h`.
    levels: Vec<Vec<TreeHash>>,
}

impl Tree {
    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: TreeHash) {
        let mut hash = leaf;
        for h in 0.. {
            if h == self.levels.len() {
                self.levels.push(Vec::new());
            }
            let level = &mut self.levels[h];
            level.push(hash);
            match level.as_slice() {
                [.., left, right] if level.len().is_multiple_of(2) => hash = node_hash(left, right),
                _ => break,
            }
        }
    }

    /// Takes back the leaves from `size` on.
    pub fn truncate(&mut self, size: u64) {
        for (h, level) in self.levels.iter_mut().enumerate() {
            level.truncate((size >> h) as usize);
        }
    }

    /// The range `begin..end`; `None` if it reaches beyond the tree.
    pub fn range(&self, begin: u64, end: u64) -> Option<CompactRange> {
        if begin > end || end > self.size() {
            return None;
        }
        let mut hashes = Vec::new();
        let mut at = begin;
        while at < end {
            let level = super::compact::level(at, end);
            hashes.push(self.levels[level as usize][(at >> level) as usize]);
            at += 1 << level;
        }
        CompactRange::from_hashes(begin, end, hashes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::merkle::leaf_hash;

    proptest! {
        #[test]
        fn gives_the_ranges_that_leaves_give(n in 0u64..150, cut in 0u64..150, a in 0u64..150, b in 0u64..150) {
            let leaf = |i: u64| leaf_hash(&i.to_be_bytes());
            let mut tree = Tree::default();
            (0..n).for_each(|i| tree.push(leaf(i)));
            tree.truncate(cut);
            let n = n.min(cut);
            prop_assert_eq!(tree.size(), n);
            (n..n + 3).for_each(|i| tree.push(leaf(i)));
            let expected = (a <= b && b <= n + 3).then(|| {
                let mut range = CompactRange::empty(a);
                (a..b).for_each(|i| range.push(leaf(i)));
                range
            });
            prop_assert_eq!(tree.range(a, b), expected);
        }
    }
}
