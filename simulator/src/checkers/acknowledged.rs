//! Acknowledged means signed and on disk, and there it stays.

use std::collections::BTreeMap;

use msec_identity::LogId;
use msec_peer::node::Receipt;

use super::{Checker, Kind};
use crate::peer::PeerIndex;
use crate::world::World;

/// The checker. What was forfeited with a damaged disk is exempt: it was there, and nobody else had it.
#[derive(Debug, Default)]
pub struct Acknowledged {
    /// How many acknowledgements were looked at.
    seen: usize,
    /// How many losses were reported.
    vanished: usize,
}

impl Checker for Acknowledged {
    fn name(&self) -> &'static str {
        "acknowledged"
    }

    fn kind(&self) -> Kind {
        Kind::Safety
    }

    /// Each new acknowledgement stands on the disk of who gave it, unless that was damaged since; and what a disk had
    /// promised was there when its peer started again.
    fn during(&mut self, world: &World) -> Vec<String> {
        let ledger = world.ledger();
        let fresh = ledger.acknowledged(self.seen).filter(|(submission, receipt)| {
            let peer = submission.peer;
            world.is_up(peer)
                && world.damaged(peer).is_none_or(|damaged| submission.at > damaged)
                && counts(world, peer, *receipt)
                && !world.is_on_disk(peer, &receipt.log, receipt.position)
        });
        let found = fresh.map(|(submission, receipt)| {
            let Receipt { log, position } = receipt;
            let peer = submission.peer;
            format!("peer {peer} acknowledged entry {position} of log {log}, and has not stored it")
        });
        let mut found: Vec<_> = found.collect();
        self.seen = ledger.acknowledged_count();
        let vanished = world.witness().map_or([].as_slice(), |witness| &witness.seen.vanished);
        found.extend_from_slice(&vanished[self.vanished..]);
        self.vanished = vanished.len();
        found
    }

    /// Each acknowledged entry is on the disk of an honest peer, up or down.
    fn at_end(&mut self, world: &World) -> Vec<String> {
        let mut held: BTreeMap<LogId, u64> = BTreeMap::new();
        // A copied device holds what it wrote itself.
        for peer in world.peers().filter(|peer| !world.is_hostile(*peer)) {
            for (log, (size, _)) in world.promised(peer).into_iter().flatten() {
                let furthest = held.entry(*log).or_default();
                *furthest = (*furthest).max(*size);
            }
        }
        let ledger = world.ledger();
        let lost = ledger.acknowledged_logs().filter_map(|log| {
            let held = held.get(&log).copied().unwrap_or(0);
            let mut entries = ledger.acknowledged_in(&log, held);
            let lost = entries.find(|(submission, _)| !world.is_hostile(submission.peer));
            lost.map(|(submission, receipt)| {
                let (peer, position) = (submission.peer, receipt.position);
                format!(
                    "entry {position} of log {log}, which peer {peer} acknowledged, is with nobody any more"
                )
            })
        });
        lost.collect()
    }
}

/// Whether an entry counts, by all that was issued and by what its peer knows. What does not is not read any more, nor what did not a moment
/// ago: who learns of a manager's end before it learns that its own grant was entered stops for as long.
fn counts(world: &World, peer: PeerIndex, receipt: Receipt) -> bool {
    let ends = [world.counts_to(&receipt.log), world.counts_to_by(peer, &receipt.log)];
    !world.is_bounding(peer) && ends.iter().flatten().all(|cut| receipt.position < cut.size)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::checkers::testing::{NOTHING, SENSOR, publish, small_world};
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
    fn what_a_disk_lied_about_is_missed_at_the_next_start_and_in_the_end() {
        let (mut world, mut checker) = (small_world(), Acknowledged::default());
        world.break_link(SENSOR, crate::checkers::testing::GATEWAY, Broken::Drops);
        publish(&mut world, 1.0);
        world.run_for(Duration::from_secs(1));
        world.set_disk_fault(SENSOR, Some(DiskFault::Lies));
        publish(&mut world, 2.0);
        world.run_for(Duration::from_secs(1));
        world.crash(SENSOR, Kept::Synced);
        checker.during(&world);
        world.restart(SENSOR).expect("starts");
        let found = checker.during(&world);
        assert!(
            found.len() == 1 && found[0].starts_with("peer 1 starts with 2 of the 3 entries"),
            "{found:?}"
        );
        let found = checker.at_end(&world);
        assert!(found.len() == 1 && found[0].contains("is with nobody any more"), "{found:?}");
    }

    #[test]
    fn a_disk_that_forgets_forfeits_what_nobody_else_has() {
        let (mut world, mut checker) = (small_world(), Acknowledged::default());
        publish(&mut world, 1.0);
        world.run_for(Duration::from_secs(1));
        world.set_disk_fault(SENSOR, Some(DiskFault::Forgets));
        publish(&mut world, 2.0);
        world.run_for(Duration::from_secs(1));
        world.break_link(SENSOR, crate::checkers::testing::GATEWAY, Broken::Drops);
        publish(&mut world, 3.0);
        world.run_for(Duration::from_secs(1));
        assert_eq!(checker.during(&world), NOTHING);
        world.crash(SENSOR, Kept::Synced);
        assert_eq!(world.ledger().forfeited(), 1, "the gateway has the second one");
        world.restart(SENSOR).expect("starts");
        assert_eq!((checker.during(&world).len(), checker.at_end(&world).len()), (0, 0));
    }

    #[test]
    fn a_page_that_went_bad_is_found_at_the_next_start() {
        let (mut world, mut checker) = (small_world(), Acknowledged::default());
        publish(&mut world, 1.0);
        world.run_for(Duration::from_secs(1));
        world.damage(SENSOR, Damage::Page);
        publish(&mut world, 2.0);
        world.run_for(Duration::from_secs(1));
        assert_eq!((checker.during(&world).len(), world.damaged(SENSOR)), (0, None));
        world.crash(SENSOR, Kept::Synced);
        let cut = world.restart(SENSOR).expect("starts").expect("the page is noticed");
        assert!(!cut.torn, "{cut:?}");
        assert_eq!((checker.during(&world).len(), world.ledger().forfeited()), (0, 0));
    }
}
