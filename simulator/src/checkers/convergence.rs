//! Once faults have ended, all who want a collection hold the same of it, up to the last root.

use std::collections::BTreeMap;

use msec_crdt_store::TreeHash;
use msec_identity::LogId;

use super::Checker;
use crate::peer::PeerIndex;
use crate::world::World;

/// The checker; see [`disagreements`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Convergence;

impl Checker for Convergence {
    fn name(&self) -> &'static str {
        "convergence"
    }

    fn at_end(&mut self, world: &World) -> Vec<String> {
        disagreements(world)
    }
}

/// Logs that some peer holds further, or otherwise, than another that is up, wants them and is entitled to them. One line
/// for each log.
pub fn disagreements(world: &World) -> Vec<String> {
    let mut held: BTreeMap<LogId, BTreeMap<PeerIndex, (u64, TreeHash)>> = BTreeMap::new();
    for peer in world.peers() {
        for (log, size, root) in world.frontier(peer) {
            held.entry(log).or_default().insert(peer, (size, root));
        }
    }
    held.into_iter().filter_map(|(log, holders)| disagreement(world, log, &holders)).collect()
}

fn disagreement(world: &World, log: LogId, holders: &BTreeMap<PeerIndex, (u64, TreeHash)>) -> Option<String> {
    let Some(known) = world.ledger().log(&log) else {
        return Some(format!("log {log} is held, and nobody ever told of it"));
    };
    let readers: Vec<_> = world.peers().filter(|peer| world.is_reader(*peer, &known.collection)).collect();
    let of = |peer: &PeerIndex| holders.get(peer).map_or((0, None), |(size, root)| (*size, Some(*root)));
    // An author holds its own log, whether it is interested or not; one whose disk was cut back holds less of it.
    let furthest = holders.values().map(|(size, _)| *size).max()?;
    let behind = readers.iter().find(|peer| of(peer).0 < furthest);
    if let Some(peer) = behind {
        return Some(format!("peer {peer} holds {} of {furthest} entries of log {log}", of(peer).0));
    }
    let other = readers.windows(2).find(|pair| of(&pair[0]) != of(&pair[1]))?;
    Some(format!("peers {} and {} hold two histories of log {log}", other[0], other[1]))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Broken;
    use crate::checkers::testing::{CITIZEN, GATEWAY, NOTHING, publish, small_world};

    #[test]
    fn a_citizen_behind_a_broken_link_is_found() {
        let mut world = small_world();
        publish(&mut world, 1.0);
        world.run_for(Duration::from_secs(5));
        assert_eq!(Convergence.at_end(&world), NOTHING);

        world.break_link(GATEWAY, CITIZEN, Broken::Drops);
        publish(&mut world, 2.0);
        world.run_for(Duration::from_secs(60));
        let found = Convergence.at_end(&world);
        assert!(found.len() == 1 && found[0].starts_with("peer 2 holds 2 of 3 entries"), "{found:?}");

        world.mend_link(GATEWAY, CITIZEN);
        world.run_for(Duration::from_secs(60));
        assert_eq!(Convergence.at_end(&world), NOTHING);
    }
}
