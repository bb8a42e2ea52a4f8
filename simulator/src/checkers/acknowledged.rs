//! Acknowledged means signed and on disk; and in the end, with everybody who wants it.

use std::collections::BTreeMap;

use msec_crdt_store::{Query, Reading};
use msec_identity::{LogId, PeerId};
use msec_peer::node::Receipt;

use super::Checker;
use crate::ledger::Submission;
use crate::peer::PeerIndex;
use crate::world::World;

/// The checker. What was forfeited with a damaged disk is exempt.
#[derive(Debug, Default)]
pub struct Acknowledged {
    /// How many acknowledgements were looked at.
    seen: usize,
}

impl Checker for Acknowledged {
    fn name(&self) -> &'static str {
        "acknowledged"
    }

    /// Each new acknowledgement stands on the disk of who gave it, unless that was damaged since.
    fn during(&mut self, world: &World) -> Vec<String> {
        let ledger = world.ledger();
        let fresh = ledger.acknowledged(self.seen).filter(|(submission, receipt)| {
            let peer = submission.peer;
            world.is_up(peer)
                && world.damaged(peer).is_none_or(|damaged| submission.at > damaged)
                && !world.is_on_disk(peer, &receipt.log, receipt.position)
        });
        let found = fresh.map(|(submission, receipt)| {
            let Receipt { log, position } = receipt;
            format!(
                "peer {} acknowledged entry {position} of log {log}, and has not stored it",
                submission.peer
            )
        });
        let found = found.collect();
        self.seen = ledger.acknowledged_count();
        found
    }

    /// Each acknowledged entry is shown by the store of every reader that is up.
    fn at_end(&mut self, world: &World) -> Vec<String> {
        let mut by_author: BTreeMap<PeerIndex, Vec<(&Submission, Receipt)>> = BTreeMap::new();
        for (submission, receipt) in world.ledger().acknowledged(0) {
            by_author.entry(submission.peer).or_default().push((submission, receipt));
        }
        let mut found = Vec::new();
        for reader in world.peers().filter(|peer| world.is_up(*peer)) {
            for (author, entries) in &by_author {
                let wanted = |(s, _): &(&Submission, Receipt)| world.is_reader(reader, &s.stream.collection);
                if let Some(id) =
                    world.id(*author).filter(|_| reader != *author && entries.iter().any(wanted))
                {
                    let shown = shown(world, reader, id);
                    let wanted = entries.iter().filter(|entry| wanted(entry));
                    found.extend(wanted.filter_map(|entry| missing(reader, entry, &shown)));
                }
            }
        }
        found
    }
}

type Shown = BTreeMap<(LogId, u64), Vec<Reading>>;

/// What a reader's store shows of an author, entry by entry.
fn shown(world: &World, reader: PeerIndex, author: PeerId) -> Shown {
    let mut shown = Shown::new();
    for row in world.query(reader, &Query { author: Some(author), ..Query::default() }) {
        shown.entry((row.log, row.position)).or_default().push(row.reading);
    }
    shown
}

fn missing(
    reader: PeerIndex,
    (submission, receipt): &(&Submission, Receipt),
    shown: &Shown,
) -> Option<String> {
    let Receipt { log, position } = receipt;
    let author = submission.peer;
    let what = match shown.get(&(*log, *position)) {
        None => "does not show",
        Some(readings) if !same(readings, &submission.readings) => "shows something else for",
        Some(_) => return None,
    };
    Some(format!("peer {reader} {what} entry {position} of log {log}, which peer {author} acknowledged"))
}

/// The same readings, in whatever order.
fn same(a: &[Reading], b: &[Reading]) -> bool {
    let sorted = |readings: &[Reading]| {
        let mut values: Vec<_> = readings.iter().map(|r| (r.time, r.value.to_bits(), r.quality)).collect();
        values.sort();
        values
    };
    sorted(a) == sorted(b)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::checkers::testing::{CITIZEN, GATEWAY, NOTHING, SENSOR, publish, small_world};
    use crate::{Broken, Damage, DiskFault, Kept};

    #[test]
    fn a_sensor_that_acknowledges_what_it_does_not_store_is_found() {
        let (mut world, mut checker) = (small_world(), Acknowledged::default());
        publish(&mut world, 1.0);
        world.run_for(Duration::from_secs(5));
        assert_eq!(checker.during(&world), NOTHING);
        world.set_disk_fault(SENSOR, Some(DiskFault::Lies));
        publish(&mut world, 2.0);
        world.run_for(Duration::from_secs(5));
        let found = checker.during(&world);
        assert!(found.len() == 1 && found[0].starts_with("peer 1 acknowledged entry 2"), "{found:?}");
    }

    #[test]
    fn an_entry_that_a_reader_does_not_hold_is_found() {
        let (mut world, mut checker) = (small_world(), Acknowledged::default());
        world.break_link(GATEWAY, CITIZEN, Broken::Drops);
        publish(&mut world, 1.0);
        world.run_for(Duration::from_secs(60));
        let found = checker.at_end(&world);
        assert!(found.len() == 1 && found[0].starts_with("peer 2 does not show entry 1"), "{found:?}");
    }

    #[test]
    fn what_lay_on_one_damaged_disk_is_forfeited() {
        let (mut world, mut checker) = (small_world(), Acknowledged::default());
        world.break_link(GATEWAY, SENSOR, Broken::Drops);
        publish(&mut world, 1.0);
        world.run_for(Duration::from_secs(1));
        assert_eq!(checker.at_end(&world).len(), 2, "neither the gateway nor the citizen has it");
        world.crash(SENSOR, Kept::Synced);
        assert_eq!(checker.at_end(&world).len(), 2, "it is on a disk");
        world.damage(SENSOR, Damage::Wiped).expect("damaged");
        assert_eq!((checker.at_end(&world).len(), world.ledger().forfeited()), (0, 1));
    }
}
