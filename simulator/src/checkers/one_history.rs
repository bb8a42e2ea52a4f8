//! No honest author writes two histories of one log.

use super::{Checker, Kind};
use crate::world::World;

/// The checker. What a disk has promised may have left its author, and is never written otherwise. Exempt are copied
/// devices, and authors whose disk lost what it had promised in a way that they cannot know of: convergence and delivery
/// say what comes of those.
#[derive(Debug, Default)]
pub struct OneHistory {
    /// How many were reported.
    seen: usize,
}

impl Checker for OneHistory {
    fn name(&self) -> &'static str {
        "one_history"
    }

    fn kind(&self) -> Kind {
        Kind::Safety
    }

    fn during(&mut self, world: &World) -> Vec<String> {
        let rewritten = world.witness().map_or([].as_slice(), |witness| &witness.seen.rewritten);
        let fresh = rewritten[self.seen..].to_vec();
        self.seen = rewritten.len();
        fresh
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::checkers::testing::{NOTHING, SENSOR, publish, small_world};
    use crate::{Damage, DiskFault, Kept};

    #[test]
    fn a_sensor_whose_disk_lied_writes_twice_and_is_found() {
        let (mut world, mut checker) = (small_world(), OneHistory::default());
        publish(&mut world, 1.0);
        world.run_for(Duration::from_secs(5));
        world.set_disk_fault(SENSOR, Some(DiskFault::Lies));
        publish(&mut world, 2.0);
        world.run_for(Duration::from_secs(5));
        assert_eq!(checker.during(&world), NOTHING);

        world.crash(SENSOR, Kept::Synced);
        world.set_disk_fault(SENSOR, None);
        world.restart(SENSOR).expect("starts");
        publish(&mut world, 3.0);
        world.run_for(Duration::from_millis(10));
        let found = checker.during(&world);
        assert!(found.len() == 1 && found[0].starts_with("peer 1 wrote entry 2"), "{found:?}");
    }

    #[test]
    fn one_whose_disk_was_wiped_begins_anew_and_is_not() {
        let (mut world, mut checker) = (small_world(), OneHistory::default());
        publish(&mut world, 1.0);
        world.run_for(Duration::from_secs(5));
        world.crash(SENSOR, Kept::Synced);
        world.damage(SENSOR, Damage::Wiped);
        world.restart(SENSOR).expect("starts");
        publish(&mut world, 2.0);
        world.run_for(Duration::from_secs(30));
        assert_eq!(checker.during(&world), NOTHING);
    }
}
