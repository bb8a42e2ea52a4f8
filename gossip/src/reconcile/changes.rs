//! Peers that have met: what changed since.
//!
//! Whoever asks names its cursor; whoever answers lists, by name and size, what changed after it and what the other isn't
//! known to hold. The list comes in parts, and the cursor moves with each part that is on disk: what is interrupted goes on
//! there. What changed twice is listed once, since a key has one number. As "what changed since" of Bayou (SOSP 1997) and of
//! change feeds.

use std::collections::BTreeMap;

use msec_identity::PeerId;

use super::message::{Changes, Root, Step};
use super::{pace, root};
use crate::core::{Core, Learned};
use crate::frontier::{Found, Sum};
use crate::item::{Item, Key};
use crate::name::{Name, Named};

/// Items in one part of a list.
const PART_MAX: usize = 256;
/// Parts that are sent at once. More are asked for when these are taken in.
const PARTS_MAX: usize = 4;
/// Who asks for more changes than this is told by codes instead: it may have most of them from others.
const CHANGES_MAX: usize = 4_096;
/// Items that one answer tells a neighbour it lacks: as many as it takes in by default.
const LACKING_MAX: usize = 4_096;
/// How many changes are looked at for one list, most of which may be known or of no interest.
const LOOKED_AT_MAX: usize = 16 * PART_MAX * PARTS_MAX;

/// What could be told to who sent a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    NoCursor,
    Nothing,
    Some,
    More,
}

/// Lists what changed after the cursor of whoever sent `theirs`.
pub(super) fn tell(core: &mut Core, to: PeerId, theirs: &Root, ours: &Sum) -> Told {
    let head = core.frontier.head();
    let resume = theirs.resume.filter(|(epoch, through)| *epoch == core.epoch && *through <= head);
    let tells_all = root::tells_all(ours.count, theirs.count);
    let since = match resume {
        Some((_, through)) => through,
        None if tells_all => 0,
        None => return Told::NoCursor,
    };
    if !tells_all && core.frontier.has_changed_more(since, CHANGES_MAX) {
        return Told::NoCursor;
    }
    if since == head || !super::may_walk(core, to, 0) {
        return Told::Nothing;
    }
    let Some(neighbour) = core.neighbours.get(&to) else { return Told::Nothing };
    let (mut items, mut upto, mut more, mut cost) = (Vec::new(), since, false, 0);
    for (looked_at, (number, key, topic, version)) in core.frontier.changed_since(since).enumerate() {
        if items.len() == PART_MAX * PARTS_MAX || looked_at == LOOKED_AT_MAX {
            more = true;
            break;
        }
        (upto, cost) = (number, looked_at as u64);
        if neighbour.common.covers(topic) && neighbour.told(key) < version.size {
            items.push((number, *key));
        }
    }
    if !more {
        upto = head;
    }
    super::charge(core, to, cost);
    let told = match (items.is_empty(), more) {
        (_, true) => Told::More,
        (true, false) => Told::Nothing,
        (false, false) => Told::Some,
    };
    send(core, to, since, upto, more, &items);
    told
}

/// Tells `to` that this is all it lacks of what we held at the number `upto`. If that is too much, then a part from a random
/// place on: were it the first ones, then as many that the other side will not hold would hide the rest for ever.
pub(super) fn tell_lacking(core: &mut Core, to: PeerId, upto: u64, mut keys: Vec<Key>) {
    keys.sort_unstable();
    let is_all = keys.len() <= LACKING_MAX;
    if !is_all {
        let start = core.random_index(keys.len());
        keys.rotate_left(start);
        keys.truncate(LACKING_MAX);
        keys.sort_unstable();
    }
    let items: Vec<(u64, Key)> = keys.into_iter().map(|key| (0, key)).collect();
    send(core, to, 0, if is_all { upto } else { 0 }, false, &items);
}

/// Sends (number, key) in order, in parts. Where something is withheld for now, no cursor moves: it would be moved past that.
fn send(core: &mut Core, to: PeerId, since: u64, upto: u64, more: bool, items: &[(u64, Key)]) {
    let parts: Vec<_> = if items.is_empty() { vec![items] } else { items.chunks(PART_MAX).collect() };
    let withholds = core.neighbours.get(&to).is_some_and(|neighbour| neighbour.common.has_exceptions());
    let (since, upto, more) = if withholds { (0, 0, false) } else { (since, upto, more) };
    let (last, mut from) = (parts.len() - 1, since);
    for (n, part) in parts.into_iter().enumerate() {
        let until =
            if n == last || withholds { upto } else { part.last().map_or(from, |(number, _)| *number) };
        let (named, full) = name_all(core, to, part.iter().map(|(_, key)| *key));
        core.stats.listed += named.len() as u64;
        core.send_have(to, full, false);
        let changes = Changes { since: from, upto: until, more: more && n == last, items: named };
        super::send(core, to, Step::Changes(changes));
        from = until;
    }
}

/// The names of `keys`, in order, and in full what a name does not say well: what concerns control, which is to be wanted
/// first, and what shares its name with another.
pub(super) fn name_all(core: &Core, to: PeerId, keys: impl Iterator<Item = Key>) -> (Vec<Named>, Vec<Item>) {
    let (mut names, mut full) = (BTreeMap::new(), BTreeMap::new());
    for key in keys.filter(|key| core.may_tell(&to, key)) {
        let Some(item) = core.frontier.durable_item(&key) else { continue };
        let name = Name::of(&key);
        let size = names.entry(name).or_insert(0);
        *size = item.version.size.max(*size);
        if core.is_control(&item.topic) || core.frontier.named(name) == Found::Several {
            full.insert(key, item);
        }
    }
    (names.into_iter().map(|(name, size)| Named { name, size }).collect(), full.into_values().collect())
}

/// A neighbour listed changes. Returns what it is ahead of us with.
pub(super) fn received(core: &mut Core, from: PeerId, changes: Changes) -> Vec<Key> {
    let (mut ahead, mut missing, mut behind) = (Vec::new(), Vec::new(), Vec::new());
    let (now, mut is_all) = (core.now, true);
    for named in &changes.items {
        match core.learn_named(from, *named, false) {
            Learned::Ahead(key) => {
                ahead.push(key);
                missing.push(*named);
            }
            Learned::Same(key) => missing.extend((!core.is_on_disk(&key, named.size)).then_some(*named)),
            Learned::Behind(key) => behind.push(key),
            Learned::Nothing | Learned::Unclear => {
                is_all = false;
                // It is told again, and asked for, when that is over: so the cursor stays behind it.
                let waits = core.neighbours.get(&from).is_some_and(|it| it.puts_off(named.name, now));
                missing.extend(waits.then_some(*named));
            }
        }
    }
    let hearsay_max = core.config.hearsay_max;
    if let Some(neighbour) = core.neighbours.get_mut(&from)
        && let Some(epoch) = neighbour.session.epoch
    {
        let through = core.cursors.get(&from, &neighbour.common).filter(|(of, _)| *of == epoch);
        let told = neighbour.session.taking.told(through.map_or(0, |(_, through)| through));
        if changes.since <= told {
            neighbour.session.taking.take(changes.since, changes.upto, changes.more, &missing, hearsay_max);
        }
    }
    if !behind.is_empty() {
        // Whoever is behind with these has told so by listing them; what else it lacks is not known here.
        tell_lacking(core, from, 0, behind);
    }
    if ahead.is_empty() && is_all {
        // All of it had come already, in another way: no reason to hurry.
        pace::rest(core, from);
    } else {
        pace::hurry(core, from);
    }
    advance(core, from);
    ahead
}

/// Moves the cursor as far as all is on disk, and asks for more if there is.
pub(super) fn advance(core: &mut Core, peer: PeerId) {
    let Some(neighbour) = core.neighbours.get_mut(&peer) else { return };
    let Some((through, more)) = neighbour.session.taking.finished() else { return };
    let Some(epoch) = neighbour.session.epoch else { return };
    let common = neighbour.common.clone();
    core.cursors.advance(peer, epoch, &common, through, core.config.cursors_max);
    if more {
        pace::start(core, peer);
    }
}
