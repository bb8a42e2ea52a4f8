//! Who is the parent in a tree.

use std::time::Duration;

use super::dist::{Dist, TreeId, place};
use super::link::Link;
use super::pace::Due;
use super::route::{Route, Slot};
use super::{ROUTES_PER_TREE, Trees};

/// How long a retracted way rests. Longer than a retraction takes to the end of a city: 15 hops of 25 ms, and a wait of
/// up to `GAP_MAX` at each while much is going on. Were it too short, then a loop would count up to `Dist::NONE` (or to
/// the next check) until it is gone. Were it longer, then so would be the holes that a lost parent leaves.
const HOLD: Duration = Duration::from_secs(2);

/// Another parent has to be nearer by a 128th, and half a millisecond, to be worth the change.
const SWITCH_PART: u16 = 128;
const SWITCH_LEAST: Dist = Dist(1);

/// One that isn't feasible has to be nearer by a twelfth, and 2.5 ms, to be worth a retraction. Measured with 1,000 peers:
/// the last delivery is 1.21 times a flood's with a fourth and 10 ms, 1.13 with these, 1.12 with a 20th, where a tree that
/// has all distances right has 1.11.
const RELEASE_PART: u16 = 12;
const RELEASE_LEAST: Dist = Dist(5);

/// What to do about a way.
enum Choice {
    Take {
        parent: Slot,
        dist: Dist,
    },
    /// Nobody feasible has one.
    Retract,
    /// Somebody who isn't feasible has a far better one.
    Release,
}

impl Trees {
    /// Something about each of `trees` changed. They are in order, at least mostly.
    pub(super) fn reconsider_all(&mut self, now: Duration, trees: impl Iterator<Item = TreeId>) {
        let mut near = 0;
        for tree in trees {
            near = self.reconsider(now, tree, near) + 1;
        }
    }

    /// There is room again: the trees that neighbours told of and that have no way here are looked at. A city that is
    /// being joined makes and loses room all the time, and nearly all trees have one.
    pub(super) fn make_up(&mut self, now: Duration) {
        let trees: Vec<TreeId> = self.links.iter().flatten().flat_map(|link| link.trees()).collect();
        let mut near = 0;
        for tree in trees {
            let known = place(&self.routes, tree, near);
            near = known.unwrap_or_else(|at| at);
            if known.is_err() || self.routes[near].dist.is_none() {
                self.reconsider(now, tree, near);
            }
        }
    }

    /// What a neighbour tells of each of `trees` changed, or what it costs. They are in order.
    pub(super) fn weigh_all(&mut self, now: Duration, slot: Slot, trees: impl Iterator<Item = TreeId>) {
        let mut near = 0;
        for tree in trees {
            near = self.weigh(now, slot, tree, near) + 1;
        }
    }

    /// As [`Trees::reconsider`], where only what one neighbour offers changed. Mostly nothing follows from that, and
    /// the other neighbours need not be looked at: it isn't the parent, and no nearer; or it is the parent, and came
    /// nearer than all others already.
    fn weigh(&mut self, now: Duration, slot: Slot, tree: TreeId, near: usize) -> usize {
        let known = place(&self.routes, tree, near);
        if let (Ok(at), Some(Some(link))) = (known, self.links.get(usize::from(slot.0))) {
            let route = &mut self.routes[at];
            let advert = link.advert(tree, at);
            let via = advert.map_or(Dist::NONE, |advert| link.via(advert));
            if route.parent != slot && via >= route.dist {
                return at;
            }
            let is_feasible = advert.is_some_and(|advert| advert.low < route.feasible);
            if route.parent == slot && route.dist.is_some() && via <= route.dist && is_feasible {
                route.dist = via;
                let news = route.news();
                self.is_news(now, news);
                return at;
            }
        }
        self.reconsider(now, tree, known.unwrap_or_else(|at| at))
    }

    /// Something about `tree` changed: who is the parent now? Its way is looked for at `near` first. Returns where it is.
    pub(super) fn reconsider(&mut self, now: Duration, tree: TreeId, near: usize) -> usize {
        if tree == self.me {
            // Root or not, nobody else can be nearer.
            return near;
        }
        let known = place(&self.routes, tree, near);
        let place = known.unwrap_or_else(|at| at);
        let mut route = known.map_or_else(|_| Route::new(tree), |at| self.routes[at]);
        let choice = self.choose(&route, place);
        let before = route;
        match choice {
            Choice::Take { parent, dist } => {
                if route.dist.is_none() {
                    route.since_s = now.as_secs().try_into().unwrap_or(u32::MAX);
                }
                (route.parent, route.dist) = (parent, dist);
            }
            Choice::Retract | Choice::Release if route.dist.is_some() => {
                if matches!(choice, Choice::Release) {
                    // Otherwise it would take back the parent that is no longer good enough.
                    route.feasible = Dist::ZERO;
                }
                route.dist = Dist::NONE;
                if route.parent == Slot::NONE {
                    route.parent = self.carrier(tree, place);
                }
                self.hold(now, tree, std::mem::replace(&mut route.is_held, true));
            }
            Choice::Retract | Choice::Release => {}
        }
        if route.is_over() {
            return place;
        }
        self.is_unsettled |= route.dist.is_some() != before.dist.is_some();
        let is_new = route.parent != before.parent;
        let is_orphan = is_new && before.told.is_some() && !self.offers(before.parent, tree);
        route.is_urgent |= is_orphan || (route.dist.is_none() && route.told.is_some());
        match known {
            Ok(at) => self.routes[at] = route,
            Err(at) if self.has_room(tree) => self.routes.insert(at, route),
            Err(_) => {
                (self.is_crowded, self.is_unsettled) = (true, true);
                return place;
            }
        }
        if route.is_urgent {
            self.pace.at_once(now);
        } else {
            self.is_news(now, route.news());
        }
        place
    }

    /// The neighbours should hear of a way with that telling, if at all.
    fn is_news(&mut self, now: Duration, news: Option<Due>) {
        match news {
            Some(Due::All) => self.pace.sometime(now),
            Some(_) => self.pace.soon(now),
            None => {}
        }
    }

    /// The best neighbour for `route`, which stands at that place.
    fn choose(&self, route: &Route, place: usize) -> Choice {
        // The nearest, the nearest that is feasible, and the parent if that is.
        let (mut any, mut feasible, mut current) = (Dist::NONE, (Dist::NONE, Slot::NONE), Dist::NONE);
        for (slot, link) in self.slots() {
            let Some(advert) = link.advert(route.tree, place) else { continue };
            let dist = link.via(advert);
            any = any.min(dist);
            if advert.low < route.feasible && dist.is_some() {
                if dist < feasible.0 {
                    feasible = (dist, slot);
                }
                if slot == route.parent && route.dist.is_some() {
                    current = dist;
                }
            }
        }
        let (dist, parent) = if current <= feasible.0.plus(feasible.0.margin(SWITCH_PART, SWITCH_LEAST)) {
            (current, route.parent)
        } else {
            feasible
        };
        let could_be = any.plus(any.margin(RELEASE_PART, RELEASE_LEAST));
        if dist.is_none() {
            Choice::Retract
        } else if could_be < dist && !route.is_held {
            Choice::Release
        } else {
            Choice::Take { parent, dist }
        }
    }

    /// Whoever may pass on messages of `tree` while its way rests and the parent is gone: the neighbour that is nearest,
    /// feasible or not. If it is our descendant it has nothing that we lack, and the hole stays what it was.
    fn carrier(&self, tree: TreeId, place: usize) -> Slot {
        let dist = |link: &Link| link.advert(tree, place).map_or(Dist::NONE, |advert| link.via(advert));
        let ways = self.slots().map(|(slot, link)| (dist(link), slot)).filter(|(dist, _)| dist.is_some());
        ways.min_by_key(|(dist, _)| *dist).map_or(Slot::NONE, |(_, slot)| slot)
    }

    /// Whether one more way can be kept: there is room, or a higher tree of which the neighbours know nothing.
    fn has_room(&mut self, tree: TreeId) -> bool {
        if self.routes.len() < self.trees_max * ROUTES_PER_TREE {
            return true;
        }
        let Some(at) =
            self.routes.iter().rposition(Route::is_untold).filter(|at| self.routes[*at].tree > tree)
        else {
            return false;
        };
        let displaced = self.routes.remove(at);
        if displaced.is_held {
            self.holds.retain(|(_, held)| *held != displaced.tree);
        }
        (self.is_crowded, self.is_unsettled) = (true, true);
        true
    }

    /// A way is being retracted. If it rests already it does so anew: since then it had children again.
    pub(super) fn hold(&mut self, now: Duration, tree: TreeId, is_held: bool) {
        if is_held {
            self.holds.retain(|(_, held)| *held != tree);
        }
        self.holds.push_back((now.saturating_add(HOLD), tree));
    }

    /// A retracted way has rested: from now on anybody may be the parent.
    pub(super) fn hold_over(&mut self, now: Duration, tree: TreeId) {
        let Ok(at) = place(&self.routes, tree, 0) else { return };
        self.routes[at].is_held = false;
        if self.routes[at].dist.is_some() {
            // A feasible way turned up meanwhile, perhaps a far longer one than another that couldn't be taken then.
            self.reconsider(now, tree, at);
            return;
        }
        self.routes[at].feasible = Dist::NONE;
        self.reconsider(now, tree, at);
        let route = &mut self.routes[at];
        if route.dist.is_none() {
            route.parent = Slot::NONE;
            self.pace.soon(now);
        }
    }
}
