//! Nothing is stored or shown but what its author wrote, and had the right to write.

use super::{Checker, Kind};
use crate::world::World;

/// The checker. Each commit that a disk is handed and each reading that a node shows was compared when it happened, with
/// what the author's own app and disk were handed and with what the root granted: no node's word counts.
#[derive(Debug, Default)]
pub struct Authentic {
    /// How many were reported.
    seen: usize,
}

impl Checker for Authentic {
    fn name(&self) -> &'static str {
        "authentic"
    }

    fn kind(&self) -> Kind {
        Kind::Safety
    }

    fn during(&mut self, world: &World) -> Vec<String> {
        let unverified = world.witness().map_or([].as_slice(), |witness| &witness.seen.unverified);
        let fresh = unverified[self.seen..].to_vec();
        self.seen = unverified.len();
        fresh
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use msec_crdt_store::{LogHeader, OwnLog, Reading, TimeQuality, VerifiedRun};
    use msec_identity::Identity;
    use msec_peer::node::{Event, Measured};

    use super::*;
    use crate::checkers::testing::{CITIZEN, GATEWAY, NOTHING, SENSOR, publish, small_world};
    use crate::{PeerSpec, Seed, World};

    #[test]
    fn a_reading_that_nobody_published_is_found_once() {
        let (mut world, mut checker) = (small_world(), Authentic::default());
        publish(&mut world, 1.0);
        world.run_for(Duration::from_secs(5));
        assert_eq!(checker.during(&world), NOTHING);
        assert!(world.witness().expect("a witness").compared > 0, "it looked");

        let log = world.frontier(CITIZEN)[0].0;
        let known = world.ledger().log(&log).expect("known");
        let (space, author, collection) = (world.space().id(), known.author, known.collection.clone());
        let header = Arc::new(LogHeader::new(space, collection, "mic-1", author, [0; 16]));
        let readings = vec![world.reading(99.0)];
        let clock = TimeQuality::Synchronised;
        let shown =
            |position| Measured { log, header: header.clone(), position, clock, readings: readings.clone() };
        world.pretend(CITIZEN, &Event::Verified(shown(1)));
        let found = checker.during(&world);
        assert!(found.len() == 1 && found[0].contains("the author wrote something else there"), "{found:?}");
        assert_eq!(checker.during(&world), NOTHING, "reported once");
    }

    /// A log of somebody, under a key that the simulator knows.
    fn written(world: &World, by: &Identity, value: f64) -> VerifiedRun {
        let collection = "parks/noise".parse().expect("a path");
        let header = LogHeader::new(world.space().id(), collection, "mic-1", by.peer(), [7; 16]);
        let mut log = OwnLog::create(header);
        let (now, clock) = (world.wall(), TimeQuality::Synchronised);
        log.append_readings(now, clock, [1; 16], &[Reading::new(now, value)]).expect("appended");
        log.sign(by, now).expect("something to sign")
    }

    #[test]
    fn a_gateway_that_stores_what_nobody_wrote_is_found() {
        let (mut world, mut checker) = (small_world(), Authentic::default());
        let sensor = Identity::from_seed(Seed(1).derive("identity", SENSOR.0 as u64));
        let run = written(&world, &sensor, 5.0);
        world.pretend_commit(GATEWAY, std::slice::from_ref(&run));
        let found = checker.during(&world);
        assert!(found.len() == 1 && found[0].ends_with("which nobody wrote"), "{found:?}");

        // Even if it was the sensor's node that made it up.
        world.pretend_commit(SENSOR, &[run]);
        let found = checker.during(&world);
        assert!(found.len() == 1 && found[0].contains("no app asked it to"), "{found:?}");
    }

    #[test]
    fn a_gateway_that_stores_what_a_stranger_wrote_is_found() {
        let (mut world, mut checker) = (small_world(), Authentic::default());
        let stranger = world.add_peer(PeerSpec::stranger()).expect("a peer");
        let key = Identity::from_seed(Seed(1).derive("identity", stranger.0 as u64));
        let run = written(&world, &key, 5.0);
        world.pretend_commit(stranger, std::slice::from_ref(&run));
        world.pretend_commit(GATEWAY, &[run]);
        let found = checker.during(&world);
        assert!(found.iter().any(|what| what.contains("had no right to write")), "{found:?}");
    }
}
