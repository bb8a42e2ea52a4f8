//! Reconciliation: two neighbours find out where they differ, however that came about. Push may lose; this may not.
//!
//! Follows A. Meyer, "Range-Based Set Reconciliation" (SRDS 2023, arXiv:2212.13567): compare the fingerprint of a
//! range, split it where it differs, list what is small. Two choices differ from the paper. Ranges are prefixes of
//! keys, not quantiles of items: keys are hashes, so that balances, and a range takes a few bytes. And the fingerprint
//! is a hash over the ordered items, not a homomorphic one: see `frontier`. Later issues put cursors in front of a
//! round, and rateless codes (RIBLT) in place of deep splits; both replace what [`start`] sends and
//! [`summary`] answers.
//!
//! Compared is what both have on disk of what both are interested in. Each takes that interest from what its node said
//! of the other: if the two differ, rounds find differences for ever, at the cost of bytes and never of correctness.
//!
//! Transitions, for one neighbour:
//!
//! ```text
//! NeighbourUp, Timer::Reconcile --> Summary of everything; timer in reconcile_interval
//! Summary received, per range   -- equal         --> if of everything: timer in reconcile_interval
//!                               -- we hold few   --> List of the range; timer in reconcile_hurry
//!                               -- we hold many  --> Summary of its sixteen parts; timer in reconcile_hurry
//! List received                 -- ahead of us   --> want
//!                               -- behind us     --> Have, a random window of list_max; timer in reconcile_hurry
//! Shed                          --> timer in reconcile_hurry, if that is sooner
//! ```
//!
//! `reconcile_hurry` doubles while rounds find differences and bring nothing, so that a difference which can't be
//! repaired (a conflict, a log that one side will not hold) costs a round an interval. While wants still queue for the
//! neighbour, its hurried round waits for them, up to the interval.

use msec_identity::PeerId;

use crate::core::Core;
use crate::frontier::Fingerprint;
use crate::io::Priority;
use crate::item::Item;
use crate::message::Message;
use crate::neighbour::{Neighbour, doubled};
use crate::range::Range;
use crate::timers::Timer;

/// Starts a round: at once when a neighbour comes, then by the timer.
pub(crate) fn start(core: &mut Core, peer: PeerId) {
    let Some(neighbour) = core.neighbours.get_mut(&peer) else { return };
    let pace = &mut neighbour.pace;
    pace.fruitless = pace.fruitless.saturating_add(u32::from(pace.differs));
    pace.differs = false;
    pace.round_started = core.now;
    let common = neighbour.common.clone();
    rest(core, peer);
    if !common.is_empty() {
        core.stats.rounds += 1;
        let fingerprint = core.frontier.fingerprint(&Range::ALL, &common);
        send_summary(core, peer, vec![(Range::ALL, fingerprint)]);
    }
}

/// [`Timer::Reconcile`] fired.
pub(crate) fn timeout(core: &mut Core, peer: PeerId) {
    let Some(Neighbour { pace, wants_queued, .. }) = core.neighbours.get(&peer).map(Box::as_ref) else {
        return;
    };
    let latest = pace.round_started.saturating_add(core.config.reconcile_interval);
    if pace.differs && !wants_queued.is_empty() && core.now < latest {
        core.timers.set(Timer::Reconcile(peer), core.after(core.config.reconcile_hurry));
    } else {
        start(core, peer);
    }
}

/// A neighbour summarised what it holds.
pub(crate) fn summary(core: &mut Core, from: PeerId, ranges: Vec<(Range, Fingerprint)>) {
    let Some(common) = core.neighbours.get(&from).map(|neighbour| neighbour.common.clone()) else {
        return;
    };
    if common.is_empty() {
        return;
    }
    for (range, theirs) in ranges {
        if !may_walk(core, from, &range) {
            core.stats.throttled += 1;
        } else if core.frontier.fingerprint(&range, &common) != theirs {
            hurry(core, from);
            let few = core.config.list_max;
            if range.is_exact() || core.frontier.count(&range, &common, few + 1) <= few {
                let items: Vec<Item> = core.frontier.items(&range, &common).collect();
                core.stats.listed += items.len() as u64;
                core.send(from, Priority::Live, &Message::List { range, items });
            } else {
                charge(core, from, &range);
                let parts = range.split().into_iter();
                let parts = parts.map(|part| (part, core.frontier.fingerprint(&part, &common))).collect();
                send_summary(core, from, parts);
            }
        } else if range == Range::ALL {
            calm(core, from);
        }
    }
}

/// A neighbour listed all that it holds in `range`. Returns what it is ahead of us with.
pub(crate) fn list(core: &mut Core, from: PeerId, range: Range, items: Vec<Item>) -> Vec<Item> {
    let Some(neighbour) = core.neighbours.get_mut(&from) else { return Vec::new() };
    neighbour.unhear(&range, &items);
    // A list of one key is the answer to a want, which may well be of what only one of us is interested in.
    let scope = if range.is_exact() { neighbour.interest.clone() } else { neighbour.common.clone() };
    let mut behind = Vec::new();
    if may_walk(core, from, &range) {
        let unlisted = |ours: &Item| items.binary_search_by(|theirs| theirs.key.cmp(&ours.key)).is_err();
        behind.extend(core.frontier.items(&range, &scope).filter(unlisted));
    } else {
        core.stats.throttled += 1;
    }
    if let Some(neighbour) = core.neighbours.get_mut(&from) {
        behind.iter().for_each(|item| neighbour.tell_exactly(item.key, 0));
    }
    let mut ahead = Vec::new();
    for theirs in items {
        if core.learn(from, &theirs, true) {
            ahead.push(theirs);
        } else if let Some(ours) = core.frontier.durable_item(&theirs.key)
            && ours.version.size > theirs.version.size
        {
            behind.push(ours);
        }
    }
    behind.sort_by_key(|item| item.key);
    let behind = window(core, behind, core.config.list_max);
    core.send_have(from, behind, false);
    if !range.is_exact() {
        hurry(core, from);
    }
    ahead
}

/// The driver dropped messages to `peer`.
pub(crate) fn shed(core: &mut Core, peer: PeerId) {
    let Some(neighbour) = core.neighbours.get_mut(&peer) else { return };
    neighbour.doubt();
    let deadline = core.after_about(core.config.reconcile_hurry);
    core.timers.set_no_later(Timer::Reconcile(peer), deadline);
    core.timers.set_no_later(Timer::Offer(peer), deadline);
}

/// We agree.
fn calm(core: &mut Core, peer: PeerId) {
    if let Some(neighbour) = core.neighbours.get_mut(&peer) {
        neighbour.pace.differs = false;
        neighbour.pace.fruitless = 0;
    }
    rest(core, peer);
}

fn rest(core: &mut Core, peer: PeerId) {
    let deadline = core.after_about(core.config.reconcile_interval);
    core.timers.set(Timer::Reconcile(peer), deadline);
}

/// We differ: once that is repaired, the next round should say so.
fn hurry(core: &mut Core, peer: PeerId) {
    let Some(neighbour) = core.neighbours.get_mut(&peer) else { return };
    neighbour.pace.differs = true;
    let pause = doubled(core.config.reconcile_hurry, neighbour.pace.fruitless);
    let pause = pause.min(core.config.reconcile_interval);
    let deadline = core.after_about(pause);
    core.timers.set(Timer::Reconcile(peer), deadline);
}

/// At most `max` of `items`, in order, from a random place on: were it the first ones, then as many that the other side
/// will not hold would hide the rest for ever.
fn window(core: &mut Core, mut items: Vec<Item>, max: usize) -> Vec<Item> {
    if items.len() > max {
        let start = core.random_index(items.len());
        items.rotate_left(start);
        items.truncate(max);
        items.sort_by_key(|item| item.key);
    }
    items
}

fn send_summary(core: &mut Core, to: PeerId, ranges: Vec<(Range, Fingerprint)>) {
    core.stats.summarised += ranges.len() as u64;
    core.send(to, Priority::Live, &Message::Summary { ranges });
}

/// Whether the neighbour may make us walk `range` once more, which is charged to it. Who has any credit left may
/// overdraw it, so that no range is ever too large.
fn may_walk(core: &mut Core, peer: PeerId, range: &Range) -> bool {
    let allowance = core.config.walks_max.saturating_mul(core.frontier.len() as u64 + WALK_ITEMS_FREE);
    let Some(Neighbour { pace, .. }) = core.neighbours.get_mut(&peer).map(Box::as_mut) else { return false };
    if core.now.saturating_sub(pace.walked_since) >= core.config.reconcile_interval {
        pace.walked = 0;
        pace.walked_since = core.now;
    }
    if pace.walked >= allowance {
        return false;
    }
    charge(core, peer, range);
    true
}

fn charge(core: &mut Core, peer: PeerId, range: &Range) {
    let cost = core.frontier.walk_cost(range) + 1;
    if let Some(neighbour) = core.neighbours.get_mut(&peer) {
        neighbour.pace.walked = neighbour.pace.walked.saturating_add(cost);
    }
}

/// What a walk may cost beyond the items that we hold, so that a peer which holds nothing can be told everything.
const WALK_ITEMS_FREE: u64 = 1_024;
