//! Proofs of inclusion and of consistency, as in RFC 9162, sections 2.1.3 and 2.1.4, so that C2SP's tools can check them.
//!
//! A proof is a list of hashes. [`Tree::inclusion`] and [`Tree::consistency`] make one, in the order of the RFC; what checks
//! it needs no tree. Nor does [`consistency_between`], which is for who has let the leaves go.

use super::{CompactRange, Tree, TreeHash, node_hash};

/// The most hashes that a proof can have: two for each level of a tree of `u64` leaves.
pub const PROOF_HASHES_MAX: usize = 128;

impl Tree {
    /// The path that shows that the leaf at `index` is in the tree over the first `size` leaves: at most 64 hashes.
    /// `None`: there are not so many leaves.
    pub fn inclusion(&self, index: u64, size: u64) -> Option<Vec<TreeHash>> {
        if index >= size || size > self.size() {
            return None;
        }
        let root_of = |begin, end| self.root_of(begin, end);
        let (path, _) = way_down(index, size, root_of, |begin, end| end - begin == 1)?;
        Some(path)
    }

    /// The path that shows that the tree over the first `old` leaves is the beginning of that over the first `new`: at most
    /// 65 hashes. `None`: there are not so many leaves, or `old` is none or more than `new`.
    pub fn consistency(&self, old: u64, new: u64) -> Option<Vec<TreeHash>> {
        if new > self.size() {
            return None;
        }
        consistency(old, new, |begin, end| self.root_of(begin, end))
    }

    /// The root over `begin..end`, where a subtree begins.
    fn root_of(&self, begin: u64, end: u64) -> Option<TreeHash> {
        self.range(begin, end)?.subtree_root()
    }
}

/// As [`Tree::consistency`], from the leaves of the shorter tree and those of the longer one that follow. `None`: there is no
/// shorter tree, or they do not follow.
pub(crate) fn consistency_between(old: &CompactRange, after: &CompactRange) -> Option<Vec<TreeHash>> {
    if old.begin() != 0 || old.end() != after.begin() {
        return None;
    }
    consistency(old.end(), after.end(), |begin, end| {
        if end <= old.end() { old.root_of(begin, end) } else { after.root_of(begin, end) }
    })
}

fn consistency(old: u64, new: u64, root_of: impl Fn(u64, u64) -> Option<TreeHash>) -> Option<Vec<TreeHash>> {
    if old == 0 || old > new {
        return None;
    }
    // Down to the subtree at whose end the old tree ends.
    let (mut path, begin) = way_down(old - 1, new, &root_of, |_, end| end == old)?;
    // The whole old tree is the root that the other side holds.
    if begin > 0 {
        path.insert(0, root_of(begin, old)?);
    }
    Some(path)
}

/// The roots beside the way from the root over the first `size` leaves down to the subtree that holds the leaf at `index` and
/// `is_there`, given where it begins and ends; the lowest first. And where that subtree begins.
fn way_down(
    index: u64,
    size: u64,
    root_of: impl Fn(u64, u64) -> Option<TreeHash>,
    is_there: impl Fn(u64, u64) -> bool,
) -> Option<(Vec<TreeHash>, u64)> {
    let (mut begin, mut end, mut path) = (0, size, Vec::new());
    while !is_there(begin, end) {
        let middle = begin + split(end - begin);
        let beside;
        if index < middle {
            (beside, end) = (root_of(middle, end)?, middle);
        } else {
            (beside, begin) = (root_of(begin, middle)?, middle);
        }
        path.push(beside);
    }
    path.reverse();
    Some((path, begin))
}

/// The largest power of two below `size`, which is over one.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// The root of the tree of `size` leaves that has this `leaf` at `index`, if `path` is true. `None`: such a path has another
/// length.
pub fn root_from_inclusion(leaf: TreeHash, index: u64, size: u64, path: &[TreeHash]) -> Option<TreeHash> {
    if index >= size {
        return None;
    }
    let mut root = leaf;
    climb(index, size - 1, path, |beside, is_left| {
        root = if is_left { node_hash(beside, &root) } else { node_hash(&root, beside) };
    })?;
    Some(root)
}

/// Goes up from the node `at` of a level of which `last` is the last one, and tells of each hash of the path whether it
/// stands on the left. `None`: the path does not end at the root.
fn climb(
    mut at: u64,
    mut last: u64,
    path: &[TreeHash],
    mut passes: impl FnMut(&TreeHash, bool),
) -> Option<()> {
    for beside in path {
        if last == 0 {
            return None;
        }
        let is_left = at & 1 == 1 || at == last;
        passes(beside, is_left);
        if is_left && at & 1 == 0 {
            // A subtree that is the last one of its level, and a left one, has no node of its own on the levels above.
            let up = at.trailing_zeros();
            (at, last) = (at >> up, last >> up);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    (last == 0).then_some(())
}

/// What [`roots_from_consistency`] computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roots {
    /// The root of the shorter tree.
    pub old: TreeHash,
    /// The root of the longer one.
    pub new: TreeHash,
}

/// The roots of the trees of `old` and `new` leaves, if `path` is true. `old_root` is only looked at where the shorter tree
/// is a whole subtree of the longer one, whose root the path leaves out. `None`: such a path has another length, or there is
/// no such pair of trees.
pub fn roots_from_consistency(old: u64, new: u64, old_root: TreeHash, path: &[TreeHash]) -> Option<Roots> {
    if old == 0 || old > new {
        return None;
    }
    if old == new {
        return path.is_empty().then_some(Roots { old: old_root, new: old_root });
    }
    let up = (old - 1).trailing_ones();
    let (at, last) = ((old - 1) >> up, (new - 1) >> up);
    let (first, rest) = if at == 0 { (old_root, path) } else { path.split_first().map(|(f, r)| (*f, r))? };
    let mut roots = Roots { old: first, new: first };
    climb(at, last, rest, |beside, is_left| {
        if is_left {
            roots = Roots { old: node_hash(beside, &roots.old), new: node_hash(beside, &roots.new) };
        } else {
            roots.new = node_hash(&roots.new, beside);
        }
    })?;
    Some(roots)
}

/// The subtrees that the tree of `old` leaves is made of, from left to right, as `path` has them: it is one for which
/// [`roots_from_consistency`] gives the roots that are known. `None`: of trees of one size a path says nothing but the root.
pub(crate) fn subtrees_from_consistency(
    old: u64,
    new: u64,
    old_root: TreeHash,
    path: &[TreeHash],
) -> Option<CompactRange> {
    if old == 0 || old >= new {
        return None;
    }
    let up = (old - 1).trailing_ones();
    let (at, last) = ((old - 1) >> up, (new - 1) >> up);
    let (first, rest) = if at == 0 { (old_root, path) } else { path.split_first().map(|(f, r)| (*f, r))? };
    let mut subtrees = vec![first];
    climb(at, last, rest, |beside, is_left| {
        if is_left {
            subtrees.push(*beside);
        }
    })?;
    subtrees.reverse();
    CompactRange::from_hashes(0, old, subtrees)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::merkle::leaf_hash;

    fn leaf(i: u64) -> TreeHash {
        leaf_hash(&i.to_be_bytes())
    }

    fn tree(size: u64) -> Tree {
        let mut tree = Tree::default();
        (0..size).for_each(|i| tree.push(leaf(i)));
        tree
    }

    fn root(size: u64) -> TreeHash {
        tree(size).range(0, size).expect("all of it").root()
    }

    /// The tree of RFC 9162, section 2.1.5, with its paths in the RFC's own words: `d0` to `d6`.
    #[test]
    fn the_rfc_example_has_the_rfc_paths() {
        let it = tree(7);
        let [a, b, c, d, e, f, j] = [0, 1, 2, 3, 4, 5, 6].map(leaf);
        let (g, h, i) = (node_hash(&a, &b), node_hash(&c, &d), node_hash(&e, &f));
        let (k, l) = (node_hash(&g, &h), node_hash(&i, &j));
        assert_eq!(it.inclusion(0, 7), Some(vec![b, h, l]));
        assert_eq!(it.inclusion(3, 7), Some(vec![c, g, l]));
        assert_eq!(it.inclusion(4, 7), Some(vec![f, j, k]));
        assert_eq!(it.inclusion(6, 7), Some(vec![i, k]));
        assert_eq!(it.consistency(3, 7), Some(vec![c, d, g, l]));
        assert_eq!(it.consistency(4, 7), Some(vec![l]));
        assert_eq!(it.consistency(6, 7), Some(vec![i, j, k]));
        assert_eq!(it.consistency(7, 7), Some(vec![]));
    }

    #[test]
    fn a_path_has_the_subtrees_of_the_shorter_tree() {
        for new in 1..40 {
            let it = tree(new);
            for old in 1..new {
                let path = it.consistency(old, new).expect("there");
                let subtrees = subtrees_from_consistency(old, new, root(old), &path);
                assert_eq!(subtrees, it.range(0, old), "{old} of {new}");
                assert_eq!(subtrees_from_consistency(old, new, root(old), &path[1..]), None);
            }
        }
        assert_eq!(subtrees_from_consistency(3, 3, root(3), &[]), None);
    }

    #[test]
    fn what_is_not_there_has_no_proof() {
        let it = tree(5);
        assert_eq!((it.inclusion(5, 5), it.inclusion(0, 6), it.inclusion(0, 0)), (None, None, None));
        assert_eq!((it.consistency(0, 5), it.consistency(4, 3), it.consistency(1, 6)), (None, None, None));
        assert_eq!(root_from_inclusion(leaf(0), 1, 1, &[]), None);
        assert_eq!(roots_from_consistency(0, 3, leaf(0), &[]), None);
    }

    proptest! {
        #[test]
        fn each_leaf_is_shown_to_be_there(size in 1u64..150, at in any::<u64>()) {
            let (it, index) = (tree(size), at % size);
            let (path, root) = (it.inclusion(index, size).expect("there"), Some(root(size)));
            prop_assert!(path.len() <= 64);
            prop_assert_eq!(root_from_inclusion(leaf(index), index, size, &path), root);
            for other in 0..size {
                let shown = root_from_inclusion(leaf(index), other, size, &path);
                prop_assert_eq!(shown == root, other == index);
            }
        }

        #[test]
        fn each_beginning_is_shown_to_be_one(new in 1u64..150, at in any::<u64>()) {
            let (it, old) = (tree(new), at % new + 1);
            let path = it.consistency(old, new).expect("there");
            prop_assert!(path.len() <= 65);
            let range = |begin, end| tree(new).range(begin, end).expect("there");
            prop_assert_eq!(consistency_between(&range(0, old), &range(old, new)), Some(path.clone()));
            prop_assert_eq!(consistency_between(&range(0, old - 1), &range(old, new)), None);
            let roots = Roots { old: root(old), new: root(new) };
            prop_assert_eq!(roots_from_consistency(old, new, root(old), &path), Some(roots));
        }

        /// Of the longer tree there is one beginning, whatever somebody says that it is.
        #[test]
        fn another_beginning_does_not_lead_to_the_root(new in 2u64..100, at in any::<u64>()) {
            let old = at % (new - 1) + 1;
            let path = tree(new).consistency(old, new).expect("there");
            let roots = roots_from_consistency(old, new, leaf(1_000), &path).expect("of that length");
            let shown = Roots { old: leaf(1_000), new: root(new) };
            prop_assert!(roots != shown);
            prop_assert_eq!(roots.old == root(old), !old.is_power_of_two());
        }

        #[test]
        fn a_path_that_was_altered_shows_nothing(new in 2u64..100, at in any::<u64>(), which in any::<u64>()) {
            let old = at % (new - 1) + 1;
            let mut path = tree(new).consistency(old, new).expect("there");
            let which = which as usize % path.len();
            path[which][0] ^= 1;
            let roots = roots_from_consistency(old, new, root(old), &path);
            prop_assert!(roots.is_none_or(|roots| roots.new != root(new)));
            path.remove(which);
            let roots = roots_from_consistency(old, new, root(old), &path);
            prop_assert!(roots.is_none_or(|roots| roots.new != root(new)));
        }
    }
}
