//! Lists of full items: what a round ends with that goes exactly, and the answer to a want of what we don't hold.

use msec_identity::PeerId;

use super::{may_walk, pace};
use crate::core::Core;
use crate::io::Priority;
use crate::item::{Item, Key, in_order};
use crate::message::Message;
use crate::range::Range;

/// Lists all that we hold in `range`, which is little.
pub(super) fn send(core: &mut Core, to: PeerId, range: &Range) {
    let Some(common) = core.neighbours.get(&to).map(|neighbour| neighbour.common.clone()) else { return };
    let items: Vec<Item> = core.frontier.items(range, &common).take(core.config.list_max).collect();
    if may_walk(core, to, items.len() as u64) {
        core.stats.listed += items.len() as u64;
        core.send(to, Priority::Live, &Message::List { range: *range, items });
    }
}

/// A neighbour listed all that it holds in `range`. Returns what it is ahead of us with.
pub(crate) fn list(core: &mut Core, from: PeerId, range: Range, items: Vec<Item>) -> Vec<Item> {
    let Some(neighbour) = core.neighbours.get_mut(&from) else { return Vec::new() };
    let lists = |key: &Key| items.binary_search_by(|item| item.key.cmp(key)).is_ok();
    neighbour.unhear(&range, &lists);
    // A list of one key is the answer to a want, which may well be of what only one of us is interested in.
    let scope = if range.is_exact() { neighbour.interest.clone() } else { neighbour.common.clone() };
    let mut behind: Vec<Item> =
        core.frontier.items(&range, &scope).filter(|ours| !lists(&ours.key)).collect();
    if !may_walk(core, from, behind.len() as u64 + items.len() as u64) {
        behind.clear();
    }
    if let Some(neighbour) = core.neighbours.get_mut(&from) {
        behind.iter().for_each(|item| neighbour.tell_exactly(item.key, 0));
    }
    let mut ahead = Vec::new();
    for theirs in items {
        if core.learn(from, &theirs, true) {
            ahead.push(theirs);
        } else if let Some(ours) = core.frontier.durable_item(&theirs.key)
            && (ours.version.size > theirs.version.size
                || (ours.version.size == theirs.version.size && ours.version.digest != theirs.version.digest))
        {
            // Of a conflict each side has to hear: only one of them gets a list.
            behind.push(ours);
        }
    }
    let behind = window(core, in_order(behind), core.config.list_max);
    core.send_have(from, behind, false);
    if !range.is_exact() {
        pace::hurry(core, from);
    }
    ahead
}

/// At most `max` of `items`, in order, from a random place on: were it the first ones, then as many that the other side
/// will not hold would hide the rest for ever.
fn window(core: &mut Core, mut items: Vec<Item>, max: usize) -> Vec<Item> {
    if items.len() > max {
        let start = core.random_index(items.len());
        items.rotate_left(start);
        items.truncate(max);
        items = in_order(items);
    }
    items
}
