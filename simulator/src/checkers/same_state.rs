//! Who holds the same shows the same.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use msec_crdt_store::Row;

use super::Checker;
use crate::digest::stable_hash;
use crate::peer::PeerIndex;
use crate::world::World;

/// The checker. What counts is what a peer's disk has said that it holds: what a node has verified a moment ago may not
/// have been written yet.
#[derive(Debug, Default)]
pub struct SameState {
    /// Whose turn it is. Asking everybody all the time would cost more than the simulation.
    turn: usize,
}

impl Checker for SameState {
    fn name(&self) -> &'static str {
        "same_state"
    }

    /// One peer and another that holds the same.
    fn during(&mut self, world: &World) -> Vec<String> {
        let up: Vec<_> = world.peers().filter(|peer| world.is_up(*peer)).collect();
        self.turn += 1;
        let Some(one) = up.get(self.turn % up.len().max(1)) else { return Vec::new() };
        let same = |peer: &&PeerIndex| *peer != one && world.promised(**peer) == world.promised(*one);
        let other = up.iter().find(same);
        other.and_then(|other| difference(world, *one.min(other), *one.max(other))).into_iter().collect()
    }

    /// Everybody with everybody who holds the same.
    fn at_end(&mut self, world: &World) -> Vec<String> {
        let mut first = BTreeMap::new();
        let mut found = Vec::new();
        for peer in world.peers().filter(|peer| world.is_up(*peer)) {
            let shown = shown(world, peer);
            let Some(promised) = world.promised(peer) else { continue };
            let (other, others) = *first.entry(promised).or_insert((peer, shown));
            if others != shown {
                found.extend(difference(world, other, peer));
            }
        }
        found
    }
}

/// A row, as something to be hashed.
struct Shown<'a>(&'a Row);

impl Hash for Shown<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Row { log, position, author, collection, stream, unit, place, clock, reading } = self.0;
        (log, position, author, collection.as_str(), stream, unit, place, clock, reading).hash(state);
    }
}

fn shown(world: &World, peer: PeerIndex) -> [u8; 32] {
    stable_hash(&world.readings_of(peer).iter().map(Shown).collect::<Vec<_>>())
}

fn difference(world: &World, one: PeerIndex, other: PeerIndex) -> Option<String> {
    let (a, b) = (world.readings_of(one), world.readings_of(other));
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

    use super::*;
    use crate::DiskFault;
    use crate::checkers::testing::{CITIZEN, NOTHING, publish, small_world};

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
    }
}
