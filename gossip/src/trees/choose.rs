//! Who is the parent in a tree.

use std::time::Duration;

use super::dist::{Dist, TreeId};
use super::route::{Route, Slot};
use super::{ROUTES_PER_TREE, Trees};

/// How long a retracted way rests. Longer than a retraction takes to the end of a city, 50 hops of 40 ms. Were it too
/// short, then a loop would count up to `Dist::NONE` (or to the next check) until it is gone.
const HOLD: Duration = Duration::from_secs(2);

/// Another parent has to be nearer by a 32nd, and half a millisecond, to be worth the change.
const SWITCH_PART: u16 = 32;
const SWITCH_LEAST: Dist = Dist(1);

/// One that isn't feasible has to be nearer by a fourth, and 10 ms, to be worth a retraction.
const RELEASE_PART: u16 = 4;
const RELEASE_LEAST: Dist = Dist(20);

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
    pub(super) fn reconsider_all(&mut self, now: Duration) {
        let mut trees: Vec<TreeId> = self.routes.iter().map(|route| route.tree).collect();
        if self.is_crowded {
            trees.extend(self.links.iter().flatten().flat_map(|link| link.trees()));
        }
        for tree in trees {
            self.reconsider(now, tree);
        }
    }

    /// Something about `tree` changed: who is the parent now?
    pub(super) fn reconsider(&mut self, now: Duration, tree: TreeId) {
        if tree == self.me {
            // Root or not, nobody else can be nearer.
            return;
        }
        let known = self.routes.binary_search_by_key(&tree, |route| route.tree);
        let mut route = known.map_or_else(|_| Route::new(tree), |at| self.routes[at]);
        let choice = self.choose(&route);
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
                self.hold(now, tree, std::mem::replace(&mut route.is_held, true));
            }
            Choice::Retract | Choice::Release => {}
        }
        if route.is_over() {
            return;
        }
        let is_new = route.parent != before.parent;
        let is_orphan = is_new && before.told.is_some() && !self.offers(before.parent, tree);
        route.is_urgent |= is_orphan || (route.dist.is_none() && route.told.is_some());
        match known {
            Ok(at) => self.routes[at] = route,
            Err(at) if self.has_room(tree) => self.routes.insert(at, route),
            Err(_) => return self.is_crowded = true,
        }
        if route.is_urgent {
            self.pace.at_once(now);
        } else if route.is_news() || route.parent != route.told_parent {
            self.pace.soon(now);
        }
    }

    /// The best neighbour for `route`.
    fn choose(&self, route: &Route) -> Choice {
        // The nearest, the nearest that is feasible, and the parent if that is.
        let (mut any, mut feasible, mut current) = (Dist::NONE, (Dist::NONE, Slot::NONE), Dist::NONE);
        for (slot, link) in self.slots() {
            let Some(advert) = link.advert(route.tree) else { continue };
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
        self.is_crowded = true;
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
        let Ok(at) = self.routes.binary_search_by_key(&tree, |route| route.tree) else { return };
        self.routes[at].is_held = false;
        if self.routes[at].dist.is_some() {
            // A feasible way turned up meanwhile, perhaps a far longer one than another that couldn't be taken then.
            return self.reconsider(now, tree);
        }
        self.routes[at].feasible = Dist::NONE;
        self.reconsider(now, tree);
        let route = &mut self.routes[at];
        if route.dist.is_none() {
            route.parent = Slot::NONE;
            self.pace.soon(now);
        }
    }
}
