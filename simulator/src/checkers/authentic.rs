//! Nothing is shown that nobody published.

use super::Checker;
use crate::world::World;

/// The checker. Each reading that a node says it has verified was published by the author of that log, in that stream.
#[derive(Debug, Default)]
pub struct Authentic {
    /// How many were reported.
    seen: usize,
}

impl Checker for Authentic {
    fn name(&self) -> &'static str {
        "authentic"
    }

    fn during(&mut self, world: &World) -> Vec<String> {
        let fabricated = world.ledger().fabricated();
        let fresh = fabricated[self.seen..].to_vec();
        self.seen = fabricated.len();
        fresh
    }

    fn at_end(&mut self, _: &World) -> Vec<String> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use msec_crdt_store::{LogHeader, TimeQuality};
    use msec_peer::node::{Event, Measured};

    use super::*;
    use crate::checkers::testing::{CITIZEN, NOTHING, SENSOR, publish, small_world};

    #[test]
    fn a_reading_that_nobody_published_is_found() {
        let (mut world, mut checker) = (small_world(), Authentic::default());
        publish(&mut world, 1.0);
        world.run_for(Duration::from_secs(5));
        assert_eq!(checker.during(&world), NOTHING);

        let author = world.id(SENSOR).expect("a sensor");
        let collection = "parks/noise".parse().expect("a path");
        let header = LogHeader::new(world.space().id(), collection, "mic-1", author, [0; 16]);
        let (log, reading) = (header.id(), world.reading(99.0));
        let clock = TimeQuality::Synchronised;
        let readings = vec![reading];
        let event = Event::Verified(Measured { log, header: Arc::new(header), position: 1, clock, readings });
        world.pretend(CITIZEN, &event);
        assert_eq!(checker.during(&world).len(), 1);
        assert_eq!(checker.during(&world).len(), 0, "reported once");
    }
}
