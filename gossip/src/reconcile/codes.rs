//! Strangers whose difference is spread: rateless codes over all ranges that differ.
//!
//! An element of `riblt` is a key's name with the last bits of its version. So whoever decodes knows at once which keys
//! differ and which side is ahead, and asks for them by name: no list of items travels. What these few bits hide, a conflict
//! for instance, is left over when the rest is repaired, and found exactly.

use std::collections::BTreeMap;

use msec_identity::PeerId;

use super::message::{self, CELLS_MAX, Codes, More, Salt, Step};
use super::{changes, charge, descend, may_walk, pace, send};
use crate::core::{Core, Learned};
use crate::frontier::Found;
use crate::interest::Interest;
use crate::item::{Item, Key, Version, in_order};
use crate::name::{Name, Named};
use crate::range::Range;
use crate::riblt::{CELL_BYTES, Cells, Difference, Element, Seed};

/// The first cells: enough for a few differences, or to see about how many there are.
const FIRST_MIN: usize = 24;
const FIRST_MAX: usize = 96;
/// Cells that are made of a set. All at once, since the set changes while they travel.
const CELLS: usize = 8_192;
/// Differences that one exchange is for. For more, it is of a part of the ranges, and the next rounds go on.
const DIFFERENCES_MAX: u64 = 4_096;
/// Making cells of an item takes as long as looking at so many.
const WALKS: u64 = 4;
/// So many elements, shown twice and not repaired in between, are looked into exactly.
const STUBBORN_FEW: usize = 16;
/// More than that are when they were shown so often: of many, some may still be on their way.
const STUBBORN_TIMES: u32 = 3;
const SIZE_BITS: u32 = 12;
const DIGEST_BITS: u32 = 12;
const NAME_BITS: u32 = 48;

/// An exchange of codes, on either side. Bounded by [`CELLS`].
#[derive(Debug)]
pub(super) struct Coding {
    salt: Salt,
    ranges: Vec<Range>,
    cells: Cells,
    /// How many items they are of.
    count: u32,
    /// The last change that they hold, if all that differs lies in the ranges: ours, and that of who sends.
    head: Option<u64>,
    their_head: Option<u64>,
    their_count: u32,
    theirs: Cells,
    /// How many of theirs we asked for.
    asked: usize,
}

impl Coding {
    fn new(core: &Core, common: &Interest, salt: Salt, ranges: Vec<Range>, is_whole: bool) -> Self {
        let (seed, mut cells, mut count) = (seed(salt), Cells::new(CELLS), 0);
        for range in &ranges {
            for (key, _, version) in core.frontier.durable_in(range, common) {
                cells.add(&seed, element(key, version));
                count += 1;
            }
        }
        let head = is_whole.then(|| core.frontier.head());
        let theirs = Cells::default();
        Self { salt, ranges, cells, count, head, their_head: None, their_count: 0, theirs, asked: 0 }
    }
}

/// Begins to tell `to` what we hold in `ranges`, which are `items`. `is_whole`: all that differs is in them.
pub(super) fn start(core: &mut Core, to: PeerId, salt: Salt, ranges: Vec<Range>, items: u64, is_whole: bool) {
    let Some(common) = core.neighbours.get(&to).map(|neighbour| neighbour.common.clone()) else { return };
    if !may_walk(core, to, items * WALKS) {
        return;
    }
    let first = (6 * ranges.len()).clamp(FIRST_MIN, FIRST_MAX);
    let coding = Coding::new(core, &common, salt, ranges, is_whole);
    let codes = Codes {
        salt,
        count: coding.count,
        head: coding.head,
        ranges: coding.ranges.clone(),
        first: 0,
        cells: message::Cells(coding.cells.to_bytes(0..first)),
    };
    if let Some(neighbour) = core.neighbours.get_mut(&to) {
        neighbour.session.sending = Some(Box::new(coding));
    }
    core.stats.coded += first as u64;
    send(core, to, Step::Codes(codes));
}

/// A neighbour asks for more cells.
pub(super) fn more(core: &mut Core, from: PeerId, more: &More) {
    let Some(neighbour) = core.neighbours.get(&from) else { return };
    let Some(coding) = neighbour.session.sending.as_ref().filter(|coding| coding.salt == more.salt) else {
        return;
    };
    let (first, upto) = (more.first as usize, (more.upto as usize).min(CELLS));
    let messages: Vec<Codes> = (first..upto)
        .step_by(CELLS_MAX)
        .map(|at| Codes {
            salt: more.salt,
            count: coding.count,
            head: None,
            ranges: Vec::new(),
            first: at as u32,
            cells: message::Cells(coding.cells.to_bytes(at..upto.min(at + CELLS_MAX))),
        })
        .collect();
    if !may_walk(core, from, upto.saturating_sub(first) as u64) {
        return;
    }
    for codes in messages {
        core.stats.coded += (codes.cells.0.len() / CELL_BYTES) as u64;
        send(core, from, Step::Codes(codes));
    }
}

/// A neighbour sent cells. Returns what it is ahead of us with.
pub(super) fn received(core: &mut Core, from: PeerId, codes: Codes) -> Vec<Key> {
    let Some(coding) = take_in(core, from, codes) else { return Vec::new() };
    pace::hurry(core, from);
    if coding.theirs.len() < coding.asked {
        // The rest is on its way.
        if let Some(neighbour) = core.neighbours.get_mut(&from) {
            neighbour.session.reading = Some(coding);
        }
        return Vec::new();
    }
    // Peeling costs by the cells so far.
    charge(core, from, coding.theirs.len() as u64);
    let difference = coding.theirs.minus(&coding.cells);
    if let Some(found) = difference.clone().peel(&seed(coding.salt)) {
        return decoded(core, from, &coding, found);
    }
    let more = i64::from(coding.their_count) - i64::from(coding.count);
    ask(core, from, coding, difference.estimate(more));
    Vec::new()
}

/// The exchange with these cells in it; `None` if they don't belong to one.
fn take_in(core: &mut Core, from: PeerId, codes: Codes) -> Option<Box<Coding>> {
    let neighbour = core.neighbours.get_mut(&from)?;
    let common = neighbour.common.clone();
    let mut coding = if codes.first == 0 {
        let held =
            codes.ranges.iter().map(|range| u64::from(core.frontier.sum(range, &common).count)).sum::<u64>();
        if !may_walk(core, from, held * WALKS) {
            return None;
        }
        let mut coding = Coding::new(core, &common, codes.salt, codes.ranges, codes.head.is_some());
        (coding.their_head, coding.their_count) = (codes.head, codes.count);
        Box::new(coding)
    } else {
        let reading = neighbour.session.reading.take()?;
        if reading.salt != codes.salt || reading.theirs.len() != codes.first as usize {
            return None;
        }
        reading
    };
    coding.theirs.extend(&codes.cells.0);
    (coding.theirs.len() <= CELLS).then_some(coding)
}

/// These cells are not enough for about `estimate` differences: asks for more, or goes another way if that costs less.
fn ask(core: &mut Core, from: PeerId, mut coding: Box<Coding>, estimate: u64) {
    let (have, needed) = (coding.theirs.len() as u64, needed(estimate));
    let count = u64::from(coding.count);
    let Some(common) = core.neighbours.get(&from).map(|neighbour| neighbour.common.clone()) else { return };
    // A name takes half as much as a cell.
    if count < 2 * needed.saturating_sub(have) && count <= DIFFERENCES_MAX {
        return descend::send_listings(core, from, &common, coding.ranges);
    }
    if estimate > DIFFERENCES_MAX {
        let part = (coding.ranges.len() as u64 * DIFFERENCES_MAX / 2 / estimate).max(1) as usize;
        let start = core.random_index(coding.ranges.len().saturating_sub(part) + 1);
        let ranges: Vec<Range> =
            coding.ranges.into_iter().skip(start).take(part.min(message::SPLITS_MAX)).collect();
        return descend::split(core, from, coding.salt, false, &ranges);
    }
    if have >= CELLS as u64 {
        return;
    }
    // The first estimate is a rough one: too few cells can be added to, too many are wasted.
    let target = if have <= FIRST_MAX as u64 { needed * 9 / 10 } else { needed };
    let upto = target.max(have + (have / 14).max(6)).min(CELLS as u64) as u32;
    let (salt, first) = (coding.salt, have as u32);
    coding.asked = upto as usize;
    if let Some(neighbour) = core.neighbours.get_mut(&from) {
        neighbour.session.reading = Some(coding);
    }
    send(core, from, Step::More(More { salt, first, upto }));
}

/// How many cells tell `differences`, most of the time: see the curve that `riblt` measures.
fn needed(differences: u64) -> u64 {
    differences.saturating_mul(136) / 100 + differences.saturating_mul(4).isqrt()
}

/// All that differs is known.
fn decoded(core: &mut Core, from: PeerId, coding: &Coding, found: Difference) -> Vec<Key> {
    let mut sorted = Sorted::default();
    let mut theirs = BTreeMap::new();
    for element in &found.theirs {
        let part = Part::of(*element);
        theirs.insert(part.name, part);
        sorted.theirs(core, from, part);
    }
    for element in &found.ours {
        let part = Part::of(*element);
        if !theirs.contains_key(&part.name) {
            sorted.ours(core, from, part.name);
        }
    }
    core.stats.decoded += (found.theirs.len() + found.ours.len()) as u64;
    let hearsay_max = core.config.hearsay_max;
    if let Some(upto) = coding.their_head
        && let Some(neighbour) = core.neighbours.get_mut(&from)
    {
        neighbour.session.taking.take(0, upto, false, &sorted.missing, hearsay_max);
    }
    let is_new = !sorted.ahead.is_empty() || !sorted.behind.is_empty() || !sorted.doubted.is_empty();
    core.send_have(from, in_order(sorted.doubted), true);
    if !sorted.behind.is_empty() || coding.head.is_some() {
        changes::tell_lacking(core, from, coding.head.unwrap_or(0), sorted.behind);
    }
    if is_stubborn(core, from, &found, is_new) {
        descend::start(core, from, coding.salt, true);
    }
    changes::advance(core, from);
    sorted.ahead
}

/// Whether what differs won't show, or was shown before and did not go away.
fn is_stubborn(core: &mut Core, from: PeerId, found: &Difference, is_new: bool) -> bool {
    let Some(neighbour) = core.neighbours.get_mut(&from) else { return false };
    let session = &mut neighbour.session;
    let mut hasher = blake3::Hasher::new();
    found.theirs.iter().chain(&found.ours).for_each(|element| {
        hasher.update(&element.0.to_le_bytes());
    });
    let mut shown = [0; 8];
    shown.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    let shown = u64::from_le_bytes(shown);
    session.shown_again = if session.shown == shown { session.shown_again.saturating_add(1) } else { 0 };
    session.shown = shown;
    let is_few = found.theirs.len() + found.ours.len() <= STUBBORN_FEW;
    let again = session.shown_again >= if is_few { 1 } else { STUBBORN_TIMES };
    if (is_new && !again) || session.exact == shown {
        return false;
    }
    session.exact = shown;
    true
}

/// Keys that differ, by what is to be done about them.
#[derive(Default)]
struct Sorted {
    ahead: Vec<Key>,
    missing: Vec<Named>,
    behind: Vec<Key>,
    /// As large, and another thing.
    doubted: Vec<Item>,
}

impl Sorted {
    /// The neighbour holds this, and we don't.
    fn theirs(&mut self, core: &mut Core, from: PeerId, part: Part) {
        let ours = match core.frontier.named(part.name) {
            Found::Several => return,
            Found::Nothing => None,
            Found::Key(key) => core.frontier.durable_item(&key),
        };
        let size = ours.as_ref().map_or(part.size.max(1), |ours| near(ours.version.size, part.size));
        if let Some(ours) = ours.filter(|ours| ours.version.size == size) {
            if digest_bits(&ours.version) != part.digest {
                self.doubted.push(ours);
            }
            return;
        }
        let named = Named { name: part.name, size };
        match core.learn_named(from, named, true) {
            Learned::Ahead(key) => {
                self.ahead.push(key);
                self.missing.push(named);
            }
            Learned::Behind(key) => self.behind.push(key),
            Learned::Same(_) => self.missing.push(named),
            Learned::Nothing | Learned::Unclear => {}
        }
    }

    /// We hold something of this name, and the neighbour nothing.
    fn ours(&mut self, core: &mut Core, from: PeerId, name: Name) {
        let Some(neighbour) = core.neighbours.get_mut(&from) else { return };
        let held = core.frontier.durable_in(&name.range(), &neighbour.common);
        let keys: Vec<Key> = held.map(|(key, ..)| *key).collect();
        keys.iter().for_each(|key| neighbour.tell_exactly(*key, 0));
        self.behind.extend(keys);
    }
}

/// What an element says of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    name: Name,
    /// The last bits of its size.
    size: u64,
    /// The first of its digest.
    digest: u64,
}

impl Part {
    fn of(element: Element) -> Self {
        let mut name = [0; 6];
        name.copy_from_slice(&element.0.to_le_bytes()[..6]);
        let rest = (element.0 >> NAME_BITS) as u64;
        Self {
            name: Name::from_bytes(name),
            size: rest & ((1 << SIZE_BITS) - 1),
            digest: (rest >> SIZE_BITS) & ((1 << DIGEST_BITS) - 1),
        }
    }
}

fn element(key: &Key, version: Version) -> Element {
    let mut name = [0; 16];
    name[..6].copy_from_slice(&Name::of(key).to_bytes());
    let size = u128::from(version.size & ((1 << SIZE_BITS) - 1));
    let digest = u128::from(digest_bits(&version));
    Element(u128::from_le_bytes(name) | size << NAME_BITS | digest << (NAME_BITS + SIZE_BITS))
}

fn digest_bits(version: &Version) -> u64 {
    u64::from(version.digest[0]) << 4 | u64::from(version.digest[1] >> 4)
}

/// The size with these last bits that is nearest to ours: whichever is ahead, it is seldom by 2,048 entries. Where it is, a
/// want or an announcement is answered by what is true.
fn near(ours: u64, bits: u64) -> u64 {
    let half = 1 << (SIZE_BITS - 1);
    let ahead = bits.wrapping_sub(ours) & ((1 << SIZE_BITS) - 1);
    if ahead < half { ours.saturating_add(ahead) } else { ours.saturating_sub((1 << SIZE_BITS) - ahead) }
}

fn seed(salt: Salt) -> Seed {
    Seed::new(u64::from_le_bytes(salt.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors;

    #[test]
    fn an_element_says_who_is_ahead() {
        let key = Key([7; 32]);
        for ours in [0, 1, 100, 4_095, 4_096, 1 << 40, u64::MAX] {
            for theirs in [ours.saturating_sub(2_000), ours, ours.saturating_add(2_000)] {
                let part = Part::of(element(&key, Version { size: theirs, digest: [0x5a; 32] }));
                assert_eq!((part.name, part.digest), (Name::of(&key), 0x5a5));
                assert_eq!(near(ours, part.size), theirs);
            }
        }
    }

    #[test]
    fn the_element_of_an_item_is_this() {
        let (of, made) = vectors::value("element of an item");
        let element = element(&vectors::key(&of[0]), vectors::version(&of[1], &of[2]));
        assert_eq!(element.0.to_le_bytes()[..9], made);
    }

    #[test]
    fn the_most_that_is_asked_for_was_made() {
        assert!(needed(DIFFERENCES_MAX) < CELLS as u64);
    }
}
