//! Our own place in one tree.

use std::time::Duration;

use super::dist::{Dist, OfTree, TreeId};
use super::pace::Due;
use super::wire::Way;

/// Which neighbour, by its place in the table of links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(pub(crate) u16);

impl Slot {
    /// Nobody.
    pub(crate) const NONE: Self = Self(u16::MAX);
    /// We ourselves: the parent of who is the root.
    pub(crate) const ROOT: Self = Self(u16::MAX - 1);

    /// Whether it is a neighbour.
    pub(crate) fn is_link(self) -> bool {
        self.0 < Self::ROOT.0
    }
}

/// Twenty-four bytes: there may be some hundred of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) tree: TreeId,
    /// How far the root is.
    pub(crate) dist: Dist,
    /// The neighbour on the way. While there is no distance: who was it, and still passes on what it has; or, once that
    /// one is gone, another who does so.
    pub(crate) parent: Slot,
    /// The least distance that we told since we last had none. Who tells more than that may be our descendant.
    pub(crate) feasible: Dist,
    /// What the neighbours were told.
    pub(crate) told: Dist,
    pub(crate) told_parent: Slot,
    /// The parent before, which still takes itself for it until the next telling: whoever is the parent now may have
    /// passed a message on before it heard of us.
    pub(crate) former: Slot,
    /// It lost its way, and waits for that to get around.
    pub(crate) is_held: bool,
    /// It lost its way, or its parent, and that isn't told yet.
    pub(crate) is_urgent: bool,
    /// Since when it has a way, in whole seconds.
    pub(crate) since_s: u32,
}

impl OfTree for Route {
    fn tree(&self) -> TreeId {
        self.tree
    }
}

/// A tree is ready this many seconds after it came here, or came back. A city takes about two to tell of it.
const READY_S: u64 = 3;

/// A distance that moved by this part of itself, and by half a millisecond, is news: what isn't told adds up with each hop.
const SMALL_PART: u16 = 64;
const SMALL_LEAST: Dist = Dist(1);

/// And by this part, and a millisecond, it is news that doesn't wait.
const LARGE_PART: u16 = 4;
const LARGE_LEAST: Dist = Dist(2);

impl Route {
    pub(crate) fn new(tree: TreeId) -> Self {
        Self {
            tree,
            dist: Dist::NONE,
            parent: Slot::NONE,
            feasible: Dist::NONE,
            told: Dist::NONE,
            told_parent: Slot::NONE,
            former: Slot::NONE,
            is_held: false,
            is_urgent: false,
            since_s: 0,
        }
    }

    /// Whether messages may begin on it: a tree that is just being made doesn't reach everybody yet.
    pub(crate) fn is_ready(&self, now: Duration) -> bool {
        self.dist.is_some() && now.as_secs() >= u64::from(self.since_s) + READY_S
    }

    pub(crate) fn is_root(&self) -> bool {
        self.parent == Slot::ROOT
    }

    /// With which telling the neighbours should hear of the way, if it is news.
    pub(super) fn news(&self) -> Option<Due> {
        let is_settled = self.parent == self.told_parent && self.former == Slot::NONE;
        if is_settled { self.dist_news() } else { Some(Due::Large) }
    }

    fn dist_news(&self) -> Option<Due> {
        if self.dist.is_none() || self.told.is_none() {
            return (self.dist != self.told).then_some(Due::Large);
        }
        let moved = self.dist.abs_diff(self.told);
        let is_news = moved > self.told.margin(SMALL_PART, SMALL_LEAST);
        is_news.then(|| if moved > self.told.margin(LARGE_PART, LARGE_LEAST) { Due::Large } else { Due::All })
    }

    /// What the neighbour was told. Who is our parent has us as its way already, so it never needs the distance.
    pub(crate) fn way_told(&self, to: Slot) -> Way {
        let to_parent = self.told_parent == to || self.former == to;
        Way::new(if to_parent { Dist::NONE } else { self.told }, to_parent)
    }

    /// The neighbours are being told. The parent that was stays one until the next time: see [`Route::former`].
    pub(crate) fn tell(&mut self) {
        if self.dist_news().is_some() {
            self.told = self.dist;
        }
        let has_moved = self.parent != self.told_parent && self.parent.is_link();
        self.former = if has_moved && self.told_parent.is_link() { self.told_parent } else { Slot::NONE };
        self.told_parent = self.parent;
        if self.told.is_some() {
            self.feasible = self.feasible.min(self.told);
        }
    }

    /// Whether there is nothing left to know of it.
    pub(crate) fn is_over(&self) -> bool {
        self.dist.is_none() && self.parent == Slot::NONE && self.is_untold() && !self.is_held
    }

    /// Whether the neighbours know nothing of it.
    pub(crate) fn is_untold(&self) -> bool {
        self.told.is_none() && self.told_parent == Slot::NONE && self.former == Slot::NONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_told_that_it_is_and_the_others_how_far_it_is() {
        let (parent, other) = (Slot(1), Slot(2));
        let mut route = Route { dist: Dist(40), parent, ..Route::new(TreeId(7)) };
        route.tell();
        assert_eq!(route.way_told(parent), Way::new(Dist::NONE, true));
        assert_eq!(route.way_told(other), Way::new(Dist(40), false));
        (route.dist, route.parent) = (Dist(90), other);
        route.tell();
        assert_eq!(route.way_told(other), Way::new(Dist::NONE, true));
        assert_eq!(route.way_told(parent), Way::new(Dist::NONE, true), "until the next time");
        assert_eq!(route.news(), Some(Due::Large));
        route.tell();
        assert_eq!(route.way_told(parent), Way::new(Dist(90), false));
        assert_eq!(route.feasible, Dist(40), "what a former parent is told is no less than that");
    }

    #[test]
    fn much_is_news_soon_a_little_later_and_next_to_nothing_never() {
        let parent = Slot(1);
        let mut route = Route { dist: Dist(160), parent, ..Route::new(TreeId(7)) };
        assert_eq!(route.news(), Some(Due::Large));
        route.tell();
        for (dist, news) in
            [(162, None), (163, Some(Due::All)), (200, Some(Due::All)), (201, Some(Due::Large))]
        {
            route.dist = Dist(dist);
            assert_eq!(route.news(), news, "{dist}");
        }
        (route.dist, route.parent) = (Dist(162), Slot(2));
        assert_eq!(route.news(), Some(Due::Large));
        route.tell();
        assert_eq!(route.told, Dist(160), "the parent is another, and no further");
    }
}
