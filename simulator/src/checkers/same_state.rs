//! Who holds the same shows the same.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use msec_crdt_store::{QUERY_ROWS_MAX, Query, Row, TreeHash};
use msec_identity::{LogId, PeerId};

use super::{Checker, Kind};
use crate::digest::stable_hash;
use crate::disk::Promised;
use crate::peer::PeerIndex;
use crate::world::World;

/// Peers of which all that they show is compared at the end. Of more, every so-manieth is.
const WHOLE_MAX: usize = 50;

/// The checker. What counts is what a peer's disk has said that it holds: what a node has verified a moment ago may not
/// have been written yet.
#[derive(Debug, Default)]
pub struct SameState {
    /// Whose turn it is, and of which author. Asking everybody for everything all the time would cost more than the
    /// simulation.
    turn: usize,
}

impl Checker for SameState {
    fn name(&self) -> &'static str {
        "same_state"
    }

    fn kind(&self) -> Kind {
        Kind::Safety
    }

    /// One peer and another that holds the same, and what they show of one author.
    fn during(&mut self, world: &World) -> Vec<String> {
        let holds = |peer: &PeerIndex| world.promised(*peer).is_some_and(|promised| !promised.is_empty());
        let up: Vec<_> = world
            .peers()
            .filter(|peer| world.is_up(*peer) && world.is_honest(*peer) && holds(peer))
            .collect();
        self.turn += 1;
        let Some(one) = up.get(self.turn % up.len().max(1)) else { return Vec::new() };
        let Some(promised) = world.promised(*one) else { return Vec::new() };
        let same = |peer: &&PeerIndex| *peer != one && counts_alike(world, *one, promised, **peer);
        if !is_quiet(world, *one) {
            return Vec::new();
        }
        let Some(other) = up.iter().find(same) else { return Vec::new() };
        // Another author each time that everybody had a turn.
        let log = promised.keys().nth(self.turn / up.len().max(1) % promised.len().max(1));
        let author = log.and_then(|log| world.ledger().log(log)).map(|log| log.author);
        difference(world, *one.min(other), *one.max(other), author).into_iter().collect()
    }

    /// Everybody with everybody who holds the same.
    fn at_end(&mut self, world: &World) -> Vec<String> {
        let up: Vec<_> = world.peers().filter(|peer| world.is_up(*peer) && world.is_honest(*peer)).collect();
        let mut first = BTreeMap::new();
        let mut found = Vec::new();
        let every = up.len().div_ceil(WHOLE_MAX).max(1);
        for peer in up.into_iter().step_by(every) {
            let Some(promised) = world.promised(peer) else { continue };
            if !is_quiet(world, peer) {
                continue;
            }
            let shown = shown(world, peer);
            let counting: Vec<_> = counting(world, peer, promised).collect();
            let (other, others) = *first.entry(counting).or_insert((peer, shown));
            if others != shown {
                found.extend(difference(world, other, peer, None));
            }
        }
        found
    }
}

/// Whether what a peer shows is what its disk has said: what it learned of an end a moment ago is at once done, and not yet
/// written.
fn is_quiet(world: &World, peer: PeerIndex) -> bool {
    (world.revocations().is_idle() && world.erasures().is_idle()) || world.is_settled(peer)
}

/// What a peer holds, as far as it counts by what it knows.
fn counting<'a>(
    world: &'a World,
    peer: PeerIndex,
    promised: &'a Promised,
) -> impl Iterator<Item = (LogId, u64, TreeHash)> + 'a {
    promised.iter().filter_map(move |(log, (size, root))| match world.counts_to_by(peer, log) {
        Some(cut) if cut.size == 0 => None,
        Some(cut) if cut.size <= *size => Some((*log, cut.size, cut.root)),
        _ => Some((*log, *size, *root)),
    })
}

/// Whether another holds the same, as far as it counts: then both hold the same of control logs, and know the same.
fn counts_alike(world: &World, one: PeerIndex, promised: &Promised, other: PeerIndex) -> bool {
    let Some(others) = world.promised(other) else { return false };
    if world.revocations().is_idle() {
        return others == promised && is_quiet(world, other);
    }
    world.is_settled(other) && counting(world, one, promised).eq(counting(world, other, others))
}

/// A row, as something to be hashed.
struct Shown<'a>(&'a Row);

impl Hash for Shown<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Row { log, position, index, header, place, clock, reading, contested } = self.0;
        (log, position, index, header.author(), header.collection().as_str()).hash(state);
        (header.stream(), header.unit(), place, clock, reading, contested).hash(state);
    }
}

/// What a peer's store answers, but for whether a log is contested: that is said of the log, and two peers learn of it one after the other.
fn rows(world: &World, peer: PeerIndex, query: &Query) -> Vec<Row> {
    world.query(peer, query).into_iter().map(|row| Row { contested: false, ..row }).collect()
}

fn shown(world: &World, peer: PeerIndex) -> [u8; 32] {
    stable_hash(&rows(world, peer, &Query::default()).iter().map(Shown).collect::<Vec<_>>())
}

/// Where they show something else, of one author or of all. What one of them has let go it shows no more, and owes nobody. Nor does it owe
/// what somebody ordered to be erased: whether that counts, some learned after the bodies were gone, and others before.
fn difference(world: &World, one: PeerIndex, other: PeerIndex, author: Option<PeerId>) -> Option<String> {
    let query = Query { author, ..Query::default() };
    let (mut a, mut b) = (rows(world, one, &query), rows(world, other, &query));
    let begins = [world.begins(one), world.begins(other)];
    if begins[0] != begins[1] || !world.erasures().is_idle() {
        // Of as many rows as an answer has, more are of one log where another one begins later.
        let is_cut = a.len().max(b.len()) >= QUERY_ROWS_MAX;
        let is_owed = |row: &Row| {
            begins.iter().all(|it| it.get(&row.log).is_none_or(|it| row.position >= *it))
                && !world.erasures().names(&row.log, row.position)
        };
        a.retain(is_owed);
        b.retain(is_owed);
        let both = if is_cut { a.len().min(b.len()) } else { usize::MAX };
        a.truncate(both);
        b.truncate(both);
    }
    if a == b {
        return None;
    }
    let at = a.iter().zip(&b).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len()));
    Some(format!(
        "peers {one} and {other} say that they hold the same, and show {} and {} readings, which differ from the {at}th on",
        a.len(),
        b.len()
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use msec_identity::Stretch;

    use super::*;
    use crate::DiskFault;
    use crate::checkers::testing::{CITIZEN, NOTHING, SENSOR, publish, small_world};
    use crate::erasure::ErasureOrder;

    #[test]
    fn a_citizen_that_shows_less_than_it_says_it_holds_is_found() {
        let (mut world, mut checker) = (small_world(), SameState::default());
        publish(&mut world, 1.0);
        world.run_for(Duration::from_secs(5));
        assert_eq!(checker.at_end(&world), NOTHING);

        world.set_disk_fault(CITIZEN, Some(DiskFault::Lies));
        publish(&mut world, 2.0);
        world.run_for(Duration::from_secs(5));
        assert_ne!(checker.at_end(&world), NOTHING);
        let found: Vec<_> = (0..3).flat_map(|_| checker.during(&world)).collect();
        assert!(
            found.iter().any(|what| what.ends_with("show 2 and 1 readings, which differ from the 0th on")),
            "{found:?}"
        );
        // What somebody ordered to be erased nobody owes.
        let newest = &world.readings_of(SENSOR)[0];
        let what = Stretch { log: newest.log, first: newest.position, end: newest.position + 1 };
        let order = ErasureOrder { by: SENSOR, author: SENSOR, stretches: vec![what], place: None };
        world.erasures_mut().0.push(order);
        assert_eq!(checker.at_end(&world), NOTHING);
    }
}
