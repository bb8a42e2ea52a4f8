//! What was ordered to be erased is gone from every disk of those who know it.

use super::{Checker, Kind};
use crate::world::World;

/// The checker. Whoever is down at the end has not heard of it, or goes on with it when it is up.
#[derive(Debug, Clone, Copy, Default)]
pub struct Erased;

impl Checker for Erased {
    fn name(&self) -> &'static str {
        "erased"
    }

    fn kind(&self) -> Kind {
        Kind::Liveness
    }

    /// No store of an honest peer that holds an order has a body that it names, however it was down meanwhile, and whoever brought it.
    fn at_end(&mut self, world: &World) -> Vec<String> {
        let mut found = Vec::new();
        for order in world.erasures().iter() {
            let knows = world.peers().filter(|peer| {
                world.is_honest(*peer) && world.is_up(*peer) && world.knows_erasure(*peer, order)
            });
            for peer in knows {
                let left = order.stretches.iter().find_map(|it| Some((it.log, world.body_in(peer, it)?)));
                found.extend(left.map(|(log, position)| {
                    let by = order.by;
                    format!("peer {peer} has the body of entry {position} of log {log}, which peer {by} had erased")
                }));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::checkers::Checkers;
    use crate::checkers::testing::{CITIZEN, GATEWAY, NOTHING, SENSOR, publish, small_world};
    use crate::{Broken, Kept};

    #[test]
    fn a_body_that_is_left_on_a_disk_is_found() {
        let (mut world, mut checkers) = (small_world(), Checkers::default());
        for value in 0..6 {
            publish(&mut world, f64::from(value));
            world.run_for(Duration::from_secs(1));
        }
        world.run_for(Duration::from_secs(5));
        world.erase(SENSOR, SENSOR).expect("its own");
        // One is cut off, and another one killed, before they hear of it.
        world.break_link(GATEWAY, CITIZEN, Broken::Drops);
        world.run_for(Duration::from_millis(20));
        world.crash(GATEWAY, Kept::Synced);
        world.restart(GATEWAY).expect("starts");
        world.run_for(Duration::from_secs(20));
        assert_eq!(world.readings_of(CITIZEN).len(), 6, "it has not heard of it");
        world.mend_link(GATEWAY, CITIZEN);
        for _ in 0..90 {
            world.run_for(Duration::from_secs(1));
            checkers.during(&world);
        }
        checkers.at_end(&world);
        assert_eq!(checkers.count(), 0, "{:#?}", checkers.found());
        for peer in [GATEWAY, SENSOR, CITIZEN] {
            assert!(world.knows_erasure(peer, &world.erasures().0[0]));
            assert_eq!(world.readings_of(peer).len(), 3, "half of them");
        }
        // An order that names what nobody erased.
        assert_eq!(Erased.at_end(&world), NOTHING);
        world.erasures_mut().0[0].stretches[0].end += 1;
        let found = Erased.at_end(&world);
        assert!(found.len() == 3 && found[0].contains("which peer 1 had erased"), "{found:?}");
    }
}
