//! What a neighbour told about trees.

use std::time::Duration;

use msec_identity::PeerId;

use super::dist::{Dist, OfTree, TreeId, place};
use super::wire::{Way, sum};

/// A neighbour that relays.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) peer: PeerId,
    pub(crate) cost: Dist,
    /// It wants all that we want, so that all we want can come from it.
    pub(crate) covers: bool,
    /// What it last told, in order of trees. Bounded by `ADVERTS_PER_TREE` times `Config::trees_max`.
    adverts: Vec<Advert>,
    /// It is about to go.
    pub(crate) is_leaving: bool,
    /// It is to be told everything.
    pub(crate) is_fresh: bool,
    /// It told its first vector.
    pub(crate) has_begun: bool,
    /// When it was last told everything because it asked.
    pub(crate) retold: Option<Duration>,
    /// When it is asked next whether it has what we told.
    pub(crate) check_at: Option<Duration>,
}

/// Eight bytes: there may be some hundred of them for each neighbour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Advert {
    pub(crate) tree: TreeId,
    pub(crate) way: Way,
    /// The least distance that it told since it last had none: all that are nearer to the root than this may be its
    /// ancestors, and nobody else can be.
    pub(crate) low: Dist,
}

impl OfTree for Advert {
    fn tree(&self) -> TreeId {
        self.tree
    }
}

/// Trees that one neighbour may tell of, for each that we keep. An honest one tells of as many as it keeps.
pub(crate) const ADVERTS_PER_TREE: usize = 2;

/// What a neighbour's paths cost more if it doesn't want all that we want, or is about to go: more than any detour.
const AVOIDED: Dist = Dist(2_000);

impl Link {
    pub(crate) fn new(peer: PeerId, cost: Duration, covers: bool) -> Self {
        Self {
            peer,
            cost: Dist::of_link(cost),
            covers,
            adverts: Vec::new(),
            is_leaving: false,
            is_fresh: true,
            has_begun: false,
            retold: None,
            check_at: None,
        }
    }

    /// What it told of `tree`, which is looked for at `near` first.
    pub(crate) fn advert(&self, tree: TreeId, near: usize) -> Option<&Advert> {
        self.adverts.get(place(&self.adverts, tree, near).ok()?)
    }

    /// The trees that it told of, in order.
    pub(crate) fn trees(&self) -> impl Iterator<Item = TreeId> {
        self.adverts.iter().map(|advert| advert.tree)
    }

    /// Whether we are its parent in `tree`.
    pub(crate) fn is_child(&self, tree: TreeId) -> bool {
        self.advert(tree, 0).is_some_and(|advert| advert.way.is_to_parent())
    }

    /// How far a root would be by this link.
    pub(crate) fn via(&self, advert: &Advert) -> Dist {
        let dist = advert.way.dist().plus(self.cost);
        if self.covers && !self.is_leaving { dist } else { dist.plus(AVOIDED) }
    }

    /// It told its way in `tree`, which is looked for at `near` first. What is over the bound is forgotten, the highest
    /// trees first: nobody keeps those. Returns where it stands.
    pub(crate) fn told(&mut self, tree: TreeId, way: Way, near: usize, trees_max: usize) -> usize {
        let known = place(&self.adverts, tree, near);
        match known {
            Ok(at) if !way.says_something() => drop(self.adverts.remove(at)),
            Ok(at) => {
                let advert = &mut self.adverts[at];
                // Once it had no way it may start from anywhere.
                let had_none = advert.way.dist().is_none() || way.dist().is_none();
                advert.low = if had_none { way.dist() } else { advert.low.min(way.dist()) };
                advert.way = way;
            }
            Err(at) if way.says_something() => {
                self.adverts.insert(at, Advert { tree, way, low: way.dist() });
                self.adverts.truncate(trees_max * ADVERTS_PER_TREE);
            }
            Err(_) => {}
        }
        known.unwrap_or_else(|at| at)
    }

    /// It is about to tell everything. Returns what it told before.
    pub(crate) fn forget(&mut self) -> Vec<TreeId> {
        let forgotten = self.trees().collect();
        self.adverts.clear();
        forgotten
    }

    /// What its check should say.
    pub(crate) fn sum(&self) -> [u8; 8] {
        sum(self.adverts.iter().map(|advert| (advert.tree, advert.way)))
    }

    pub(crate) fn len(&self) -> usize {
        self.adverts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link {
        Link::new(PeerId([1; 32]), Duration::from_millis(10), true)
    }

    #[test]
    fn the_least_distance_is_remembered_until_there_was_none() {
        let (mut link, tree) = (link(), TreeId(7));
        let low = |link: &Link| link.advert(tree, 0).map(|advert| advert.low);
        for (dist, to_parent, expected) in
            [(50, false, Some(50)), (40, true, Some(40)), (60, true, Some(40)), (0x7fff, true, Some(0x7fff))]
        {
            link.told(tree, Way::new(Dist(dist), to_parent), 0, 9);
            assert_eq!(low(&link), expected.map(Dist));
        }
        link.told(tree, Way::new(Dist(90), false), 0, 9);
        assert_eq!(low(&link), Some(Dist(90)));
        link.told(tree, Way::new(Dist::NONE, false), 0, 9);
        assert_eq!(low(&link), None);
    }

    #[test]
    fn what_is_over_the_bound_is_the_highest() {
        let mut link = link();
        for tree in [9, 3, 8, 1, 7] {
            link.told(TreeId(tree), Way::new(Dist(1), false), 0, 2);
        }
        assert_eq!(link.trees().collect::<Vec<_>>(), [1, 3, 7, 8].map(TreeId));
    }
}
