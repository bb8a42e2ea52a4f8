//! Strangers: from fingerprints that differ down to what is in the way of being equal.
//!
//! Each summary is answered by what is known on this side alone, so that nothing is kept between two of them.

use msec_identity::PeerId;

use super::message::{Fingerprint, Listing, RANGES_MAX, SPLITS_MAX, Salt, Split, Step, Summary};
use super::{changes, codes, list, may_walk, pace};
use crate::core::{Core, Learned};
use crate::interest::Interest;
use crate::item::Key;
use crate::name::{NAMED_MAX, Name};
use crate::range::Range;

/// A range in which we hold no more than this is listed. Chosen: as many names take no more than its fingerprints.
const FEW: u32 = 16;
/// So many ranges that differ, of all that were compared, are gone into one by one. More than that are told by codes, whose
/// first few cells show whether that was wise.
const SPLIT_MAX: usize = 2;
/// Ranges of that many digits hold few keys, or such as somebody made to lie together: they are compared exactly.
const DIGITS_MAX: u8 = 10;

/// Goes on from roots that differ.
pub(super) fn start(core: &mut Core, to: PeerId, salt: Salt, exact: bool) {
    split(core, to, salt, exact, &[Range::ALL]);
}

/// Summarises the parts of `ranges`, which are in order, or a random window of them if there are too many.
pub(super) fn split(core: &mut Core, to: PeerId, salt: Salt, exact: bool, ranges: &[Range]) {
    let Some(common) = core.neighbours.get(&to).map(|neighbour| neighbour.common.clone()) else { return };
    for ranges in ranges.chunks(SPLITS_MAX) {
        let mut splits = Vec::with_capacity(ranges.len());
        for of in ranges {
            let parts = of.split();
            core.stats.summarised += parts.len() as u64;
            let fingerprint =
                |n: usize| Fingerprint::of(salt, &core.frontier.sum(&parts[n.min(parts.len() - 1)], &common));
            splits.push(Split { of: *of, parts: std::array::from_fn(fingerprint) });
        }
        super::send(core, to, Step::Summary(Summary { salt, exact, splits }));
    }
}

/// A neighbour summarised what it holds.
pub(super) fn summary(core: &mut Core, from: PeerId, summary: &Summary) {
    let Some(neighbour) = core.neighbours.get(&from) else { return };
    let common = neighbour.common.clone();
    let cost = core.frontier.sum_cost(&common);
    if !may_walk(core, from, cost) {
        return;
    }
    let (mut few, mut many, mut held) = (Vec::new(), Vec::new(), 0);
    let exact_few = core.config.list_max as u32;
    for split in &summary.splits {
        for (part, theirs) in split.of.split().into_iter().zip(&split.parts) {
            let sum = core.frontier.sum(&part, &common);
            if Fingerprint::of(summary.salt, &sum) == *theirs {
                continue;
            }
            held += u64::from(sum.count);
            let is_few = sum.count <= if summary.exact { exact_few } else { FEW } || part.is_exact();
            if is_few { few.push(part) } else { many.push(part) }
        }
    }
    if few.is_empty() && many.is_empty() {
        return;
    }
    pace::hurry(core, from);
    let is_deep = summary.splits.iter().any(|split| split.of.digits() >= DIGITS_MAX);
    if summary.exact || is_deep {
        few.iter().for_each(|range| list::send(core, from, range));
        super::charge(core, from, many.len() as u64 * WALK_A_SPLIT);
        split(core, from, summary.salt, true, &many);
    } else if many.len() <= SPLIT_MAX {
        send_listings(core, from, &common, few);
        split(core, from, summary.salt, false, &many);
    } else {
        // What is few is in it too: it costs nothing there.
        let mut all = many;
        all.extend(few);
        all.sort_unstable_by_key(Range::first);
        let is_whole = matches!(&summary.splits[..], [Split { of: Range::ALL, .. }]);
        codes::start(core, from, summary.salt, all, held, is_whole);
    }
}

/// What a further split of a range is charged with, in items.
const WALK_A_SPLIT: u64 = 16;

/// Lists by name all that we hold in `ranges`, which are apart.
pub(super) fn send_listings(core: &mut Core, to: PeerId, common: &Interest, mut ranges: Vec<Range>) {
    ranges.sort_unstable_by_key(|range| std::cmp::Reverse(range.first()));
    let (mut listed, mut keys) = (Vec::new(), Vec::new());
    while let Some(range) = ranges.pop() {
        let more: Vec<Key> = core.frontier.durable_in(&range, common).map(|(key, ..)| *key).collect();
        if more.len() > NAMED_MAX && range.digits() < DIGITS_MAX {
            ranges.extend(range.split().into_iter().rev());
            continue;
        }
        if listed.len() == RANGES_MAX || keys.len() + more.len() > NAMED_MAX {
            send_listing(core, to, std::mem::take(&mut listed), std::mem::take(&mut keys));
        }
        listed.push(range);
        keys.extend(more.into_iter().take(NAMED_MAX));
    }
    send_listing(core, to, listed, keys);
}

fn send_listing(core: &mut Core, to: PeerId, ranges: Vec<Range>, keys: Vec<Key>) {
    if ranges.is_empty() || !may_walk(core, to, keys.len() as u64) {
        return;
    }
    let (items, full) = changes::name_all(core, to, keys.into_iter());
    core.stats.listed += items.len() as u64;
    core.send_have(to, full, false);
    super::send(core, to, Step::Listing(Listing { ranges, items }));
}

/// A neighbour listed, by name, all that it holds in some ranges. Returns what it is ahead of us with.
pub(super) fn listing(core: &mut Core, from: PeerId, listing: &Listing) -> Vec<Key> {
    let Some(common) = core.neighbours.get(&from).map(|neighbour| neighbour.common.clone()) else {
        return Vec::new();
    };
    let lists = |key: &Key| listing.items.binary_search_by_key(&Name::of(key), |item| item.name).is_ok();
    let (mut ahead, mut behind, mut walked) = (Vec::new(), Vec::new(), 0);
    for range in &listing.ranges {
        if let Some(neighbour) = core.neighbours.get_mut(&from) {
            neighbour.unhear(range, &lists);
        }
        for (key, ..) in core.frontier.durable_in(range, &common) {
            walked += 1;
            if !lists(key) {
                behind.push(*key);
            }
        }
    }
    if !may_walk(core, from, walked) {
        behind.clear();
    }
    if let Some(neighbour) = core.neighbours.get_mut(&from) {
        behind.iter().for_each(|key| neighbour.tell_exactly(*key, 0));
    }
    for named in &listing.items {
        match core.learn_named(from, *named, true) {
            Learned::Ahead(key) => ahead.push(key),
            Learned::Behind(key) => behind.push(key),
            Learned::Same(_) | Learned::Nothing | Learned::Unclear => {}
        }
    }
    pace::hurry(core, from);
    if ahead.is_empty() && behind.is_empty() {
        let salt = Salt(core.random_bytes());
        let deep: Vec<Range> = listing.ranges.iter().filter(|range| !range.is_exact()).copied().collect();
        split(core, from, salt, true, &deep);
    } else if !behind.is_empty() {
        changes::tell_lacking(core, from, 0, behind);
    }
    ahead
}
