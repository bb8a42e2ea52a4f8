//! Trees: some hundred relays are roots, and each relay knows the shortest way to each of them.
//!
//! A message goes along one tree, in both directions of its links: Dalal & Metcalfe, "Reverse path forwarding of
//! broadcast packets" (CACM 21(12), 1978), on the tree whose root is nearest to where it begins. The ways are those of
//! a distance-vector protocol after Babel (RFC 8966): the feasibility condition (section 3.5.1), updates that changes
//! trigger (3.7.2), retractions at once (3.5.4), and times to wait after them (3.5.5). Four things differ, since links
//! here are reliable and ordered, and a loop costs no more than announcements (whoever holds a message drops it):
//!
//! - Neighbours remember what they were told, so nothing is refreshed. A check, a hash, tells when one is wrong.
//! - The condition compares our least distance with the *least* that the neighbour told, not the last: each peer's
//!   least distance exceeds its parent's whatever costs do since, so a link that grows slow breaks no tree. These are
//!   the loop-free invariants of Vutukury & Garcia-Luna-Aceves (SIGCOMM 1999).
//! - Who finds no feasible neighbour retracts, waits `HOLD` until its descendants have done the same, and takes
//!   whoever then still has a way. Babel asks the root for a new sequence number (3.8.2.1); that is told to the
//!   whole city, and each link that a city of 10,000 loses would make some twenty roots do so.
//! - A tree says who is whose child: a vector tells each neighbour whether it is the parent. If it is, the distance is
//!   left out (split horizon, section 3.7.4): it leads through the receiver. What is told anew when the parent changes
//!   is at least the least distance, so the condition holds.
//!
//! A tree that is given up for lower ones rests as well, since its descendants hear of it later; and a way that is
//! lost while it rests, rests anew. When a rest ends with a feasible way, a far shorter one may be taken then.
//!
//! While a way is retracted its links go on carrying what they carried. Where the parent itself is gone another neighbour
//! carries: a feasible one, told in the same instant that it is the parent, or else the nearest that is none. That one is
//! told so too, and no distance is taken from it: a loop of links that carry costs a message that is dropped, and a hole
//! would cost all below it a wait for announcements.
//!
//! So that little is ever lost where everybody lives, what is new comes before what was goes: a link that is left in peace
//! carries on while other ways are looked for (`leaving`), and a former parent passes on what it has until the telling
//! after the one that the new parent is told with.
//!
//! Transitions, for one tree:
//!
//! ```text
//!                        a neighbour has a feasible way
//!        +-----------+ ---------------------------------> +--------+ -- a clearly shorter feasible one: as well
//!        |   None    |                                    | Routed | -- a shorter one that isn't feasible: retract
//!        +-----------+ <--+                               +--------+
//!          ^       |      | nobody has a way                ^    | no feasible way: retract
//!          |       |      +----------------- HOLD over -+   |    v
//!   lower  |       | we are among the lowest            |   | +------+
//!   ones   |       v trees_max, after some time         +---|-| Held |
//!        +-----------+                                      | +------+
//!        |   Root    |             somebody has a way, or <-+
//!        +-----------+             a feasible one turns up
//! ```
//!
//! Nothing here is proven: whoever says that it is near to a root, or is one, draws messages to itself, and can drop
//! them. They then come by announcement, a hop at a time; what a liar gains is to be slow about it.
//!
//! Volunteers come by rank: the lower a tree's name, the sooner, so that a city that starts at once isn't flooded; and
//! once their links stand still, so that trees aren't made while the city is.

mod choose;
pub(crate) mod dist;
pub(crate) mod link;
mod pace;
mod route;
mod tell;
pub(crate) mod wire;

use std::collections::VecDeque;
use std::time::Duration;

use msec_identity::PeerId;

use self::dist::{Dist, TreeId, place};
use self::link::Link;
use self::pace::Pace;
use self::route::{Route, Slot};
use self::tell::{RETELL_INTERVAL, check_no_later};
use self::wire::{Extent, Step, TreeMessage, ways};
use crate::config::Config;

/// The first volunteer comes after `VOLUNTEER_DELAY`, the last one `VOLUNTEER_SPREAD` later.
const VOLUNTEER_DELAY: Duration = Duration::from_secs(2);
const VOLUNTEER_SPREAD: Duration = Duration::from_secs(20);

/// A volunteer waits until its links have stood still for so long, and no longer than `RESTLESS_MAX` in all: trees of a
/// city that is being joined would be made anew all the time.
const RESTLESS: Duration = Duration::from_secs(6);
const RESTLESS_MAX: Duration = Duration::from_secs(120);

/// Neighbours whose cost moves by less than this part, and a millisecond, cost what they did.
const COST_PART: u16 = 10;
const COST_LEAST: Dist = Dist(2);

/// Ways that are kept for each tree that may be: those over `Config::trees_max` are on their way out.
pub(crate) const ROUTES_PER_TREE: usize = 2;

/// The trees, and our place in each.
#[derive(Debug)]
pub(crate) struct Trees {
    me: TreeId,
    trees_max: usize,
    /// By slot. Bounded by the neighbours.
    links: Vec<Option<Link>>,
    /// In order. Bounded by `ROUTES_PER_TREE` times `Config::trees_max`.
    routes: Vec<Route>,
    /// Ways that rest, the first to end first. Bounded by those.
    holds: VecDeque<(Duration, TreeId)>,
    /// Neighbours told of trees that there was no room for.
    is_crowded: bool,
    /// Ways came or went since it was looked at which trees are the lowest.
    is_unsettled: bool,
    volunteer_at: Option<Duration>,
    /// When it volunteers at the latest, however restless the links are.
    volunteer_by: Duration,
    /// When a link last came or went.
    moved_at: Duration,
    pace: Pace,
    outputs: VecDeque<(PeerId, TreeMessage)>,
}

impl Trees {
    pub(crate) fn new(config: &Config, me: &PeerId) -> Self {
        Self {
            me: TreeId::of(me),
            trees_max: config.trees_max,
            links: Vec::new(),
            routes: Vec::new(),
            holds: VecDeque::new(),
            is_crowded: false,
            is_unsettled: false,
            volunteer_at: None,
            volunteer_by: Duration::ZERO,
            moved_at: Duration::ZERO,
            pace: Pace::default(),
            outputs: VecDeque::new(),
        }
    }

    /// A relay is our neighbour. `covers`: it wants all that we want.
    pub(crate) fn link_up(&mut self, now: Duration, peer: PeerId, cost: Duration, covers: bool) {
        let link = Some(Link::new(peer, cost, covers));
        match self.links.iter().position(Option::is_none) {
            Some(free) => self.links[free] = link,
            None if self.links.len() < usize::from(Slot::ROOT.0) => self.links.push(link),
            None => return,
        }
        self.pace.at_once(now);
        (self.is_unsettled, self.moved_at) = (true, now);
        self.settle(now);
    }

    /// It is gone. Whose parent it was finds another one now, if there is a feasible one.
    pub(crate) fn link_down(&mut self, now: Duration, peer: &PeerId) {
        let Some(slot) = self.slot(peer) else { return };
        self.links[usize::from(slot.0)] = None;
        self.moved_at = now;
        if self.links.iter().all(Option::is_none) {
            return self.forget_all();
        }
        let mut orphans = Vec::new();
        for route in &mut self.routes {
            if route.parent == slot {
                route.parent = Slot::NONE;
                orphans.push(route.tree);
            }
            if route.told_parent == slot {
                route.told_parent = Slot::NONE;
            }
            if route.former == slot {
                route.former = Slot::NONE;
            }
        }
        self.reconsider_all(now, orphans.into_iter());
        self.settle(now);
    }

    /// What a link costs, as it was measured.
    pub(crate) fn cost(&mut self, now: Duration, peer: &PeerId, cost: Duration) {
        let Some(slot) = self.slot(peer) else { return };
        let Some(link) = self.links[usize::from(slot.0)].as_mut() else { return };
        let cost = Dist::of_link(cost);
        if cost.abs_diff(link.cost) >= link.cost.margin(COST_PART, COST_LEAST) {
            link.cost = cost;
            self.weigh_link(now, slot);
        }
    }

    /// It is about to go: other ways are looked for while messages still come along this one.
    pub(crate) fn leaving(&mut self, now: Duration, peer: &PeerId) {
        let Some(slot) = self.slot(peer) else { return };
        let Some(link) = self.links[usize::from(slot.0)].as_mut() else { return };
        link.is_leaving = true;
        self.weigh_link(now, slot);
    }

    /// All that a neighbour told is further or nearer than it was.
    fn weigh_link(&mut self, now: Duration, slot: Slot) {
        let trees: Vec<TreeId> = self.link(slot).into_iter().flat_map(Link::trees).collect();
        self.weigh_all(now, slot, trees.into_iter());
        self.settle(now);
    }

    /// Messages to it were dropped: what it was told may not be what it has.
    pub(crate) fn shed(&mut self, now: Duration, peer: &PeerId) {
        if let Some(link) = self.slot(peer).and_then(|slot| self.links[usize::from(slot.0)].as_mut()) {
            check_no_later(link, now.saturating_add(RETELL_INTERVAL));
        }
    }

    /// A message of `tree` came from `peer`. If that was not by the tree, then our parent may not know that it is.
    pub(crate) fn came(&mut self, now: Duration, peer: &PeerId, tree: TreeId) {
        let Some(parent) = self.route(tree).map(|route| route.parent) else { return };
        if !self.joins(tree, peer)
            && let Some(Some(link)) = self.links.get_mut(usize::from(parent.0))
        {
            check_no_later(link, now.saturating_add(RETELL_INTERVAL));
        }
    }

    pub(crate) fn received(&mut self, now: Duration, from: &PeerId, message: TreeMessage) {
        let Some(slot) = self.slot(from) else { return };
        match message {
            TreeMessage::Vector { extent, steps } => self.vector(now, slot, extent, &steps),
            TreeMessage::Check { sum } => self.check(slot, sum),
            TreeMessage::Retell => self.retell(now, slot),
        }
        self.settle(now);
    }

    /// A deadline has come.
    pub(crate) fn timeout(&mut self, now: Duration) {
        if self.volunteer_at.is_some_and(|at| at <= now) {
            let calm = self.moved_at.saturating_add(RESTLESS).min(self.volunteer_by);
            self.volunteer_at = (calm > now).then_some(calm);
            if self.volunteer_at.is_none() {
                self.volunteer(now);
            }
        }
        while let Some((_, tree)) = self.holds.pop_front_if(|(at, _)| *at <= now) {
            self.hold_over(now, tree);
        }
        self.settle(now);
        if self.pace.next().is_some_and(|at| at <= now) {
            self.tell(now);
        }
        for slot in 0..self.links.len() {
            self.check_due(now, slot);
        }
    }

    pub(crate) fn poll_output(&mut self) -> Option<(PeerId, TreeMessage)> {
        self.outputs.pop_front()
    }

    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        let holds = self.holds.front().map(|(at, _)| *at);
        let checks = self.links.iter().flatten().filter_map(|link| link.check_at);
        [self.volunteer_at, self.pace.next(), holds].into_iter().flatten().chain(checks).min()
    }

    /// The tree for a message that is tagged with `tag`, or not: one that has a way here. `TreeId::NONE` if there is none.
    pub(crate) fn course(&self, now: Duration, tag: TreeId) -> TreeId {
        let has_way = self.route(tag).is_some_and(|route| route.parent != Slot::NONE);
        if has_way { tag } else { self.nearest(now) }
    }

    /// Whether `peer` is next to us in `tree`.
    pub(crate) fn joins(&self, tree: TreeId, peer: &PeerId) -> bool {
        let Some(slot) = self.slot(peer) else { return false };
        self.route(tree).is_some_and(|route| route.parent == slot)
            || self.link(slot).is_some_and(|link| link.is_child(tree))
    }

    /// How full the tables are: ways, and what the fullest link told.
    pub(crate) fn table_sizes(&self) -> [usize; 2] {
        [self.routes.len(), self.links.iter().flatten().map(|link| link.len()).max().unwrap_or(0)]
    }

    /// The tree whose root is nearest. A root that nobody has joined yet would keep its messages to itself.
    fn nearest(&self, now: Duration) -> TreeId {
        let routed = self.routes.iter().filter(|route| route.is_ready(now));
        let usable = routed.filter(|route| !route.is_root() || self.has_child(route.tree));
        usable.min_by_key(|route| (route.dist, route.tree.0)).map_or(TreeId::NONE, |route| route.tree)
    }

    /// Whether the neighbour has a way.
    fn offers(&self, slot: Slot, tree: TreeId) -> bool {
        self.link(slot)
            .and_then(|link| link.advert(tree, 0))
            .is_some_and(|advert| advert.way.dist().is_some())
    }

    fn has_child(&self, tree: TreeId) -> bool {
        self.links.iter().flatten().any(|link| link.is_child(tree))
    }

    fn vector(&mut self, now: Duration, slot: Slot, extent: Extent, steps: &[Step]) {
        let Some(link) = self.links[usize::from(slot.0)].as_mut() else { return };
        let mut gone = if extent == Extent::Changes { Vec::new() } else { link.forget() };
        // What we told it at first is forgotten there.
        let began_again = extent == Extent::First && std::mem::replace(&mut link.has_begun, true);
        let mut near = 0;
        for (tree, way) in ways(steps) {
            near = link.told(tree, way, near, self.trees_max) + 1;
        }
        gone.retain(|tree| link.advert(*tree, 0).is_none());
        let told = ways(steps).map(|(tree, _)| tree);
        self.weigh_all(now, slot, gone.into_iter());
        self.weigh_all(now, slot, told);
        if began_again {
            self.retell(now, slot);
        }
    }

    /// Keeps the lowest trees, and us among the roots if ours is one.
    fn settle(&mut self, now: Duration) {
        if !std::mem::take(&mut self.is_unsettled) {
            return;
        }
        let mut kept = 0;
        let mut rank = 0;
        let mut given_up = Vec::new();
        for at in 0..self.routes.len() {
            let route = &mut self.routes[at];
            if route.dist.is_none() {
                continue;
            }
            kept += 1;
            rank += usize::from(route.tree < self.me);
            if kept > self.trees_max {
                (route.dist, route.parent) = (Dist::NONE, Slot::NONE);
                if route.feasible.is_some() {
                    // It may have descendants.
                    given_up.push((route.tree, std::mem::replace(&mut route.is_held, true)));
                }
                self.is_crowded = true;
                route.is_urgent = true;
                self.pace.at_once(now);
            }
        }
        given_up.into_iter().for_each(|(tree, is_held)| self.hold(now, tree, is_held));
        if self.is_crowded && kept < self.trees_max {
            self.is_crowded = false;
            self.make_up(now);
        }
        let is_root = self.route(self.me).is_some_and(Route::is_root);
        if is_root || rank >= self.trees_max {
            self.volunteer_at = None;
        } else if self.volunteer_at.is_none() && self.links.iter().any(Option::is_some) {
            let part = (VOLUNTEER_SPREAD.as_micros() as u64 * u64::from(self.me.0)) >> 32;
            let at = now.saturating_add(VOLUNTEER_DELAY).saturating_add(Duration::from_micros(part));
            (self.volunteer_at, self.volunteer_by) = (Some(at), at.saturating_add(RESTLESS_MAX));
        }
    }

    fn volunteer(&mut self, now: Duration) {
        self.is_unsettled = true;
        let known = place(&self.routes, self.me, 0);
        let since_s = now.as_secs().try_into().unwrap_or(u32::MAX);
        let root = Route { dist: Dist::ZERO, parent: Slot::ROOT, since_s, ..Route::new(self.me) };
        match known {
            Ok(at) => {
                let Route { told, told_parent, is_held, .. } = self.routes[at];
                self.routes[at] = Route { told, told_parent, is_held, ..root };
            }
            Err(at) => self.routes.insert(at, root),
        }
        self.pace.soon(now);
    }

    /// Alone: there are no trees, and nothing to do.
    fn forget_all(&mut self) {
        self.links.clear();
        self.routes.clear();
        self.holds.clear();
        self.outputs.clear();
        (self.is_crowded, self.is_unsettled) = (false, false);
        self.volunteer_at = None;
        self.pace = Pace::default();
    }

    fn slot(&self, peer: &PeerId) -> Option<Slot> {
        self.slots().find(|(_, link)| link.peer == *peer).map(|(slot, _)| slot)
    }

    fn link(&self, slot: Slot) -> Option<&Link> {
        self.links.get(usize::from(slot.0))?.as_ref()
    }

    fn slots(&self) -> impl Iterator<Item = (Slot, &Link)> {
        let slots = self.links.iter().enumerate();
        slots.filter_map(|(at, link)| Some((Slot(at as u16), link.as_ref()?)))
    }

    fn route(&self, tree: TreeId) -> Option<&Route> {
        self.routes.get(place(&self.routes, tree, 0).ok()?)
    }
}

#[cfg(test)]
mod tests;
