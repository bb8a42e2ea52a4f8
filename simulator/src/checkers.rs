//! What must hold in every world, one checker a file.
//!
//! Safety is looked at all along, with [`Checker::during`]; what faults may delay, at the end, with [`Checker::at_end`]. A
//! checker that cannot fail is a defect: each has a test in which something is planted that it finds.

mod acknowledged;
mod authentic;
mod bounds;
mod convergence;
mod same_state;

use std::time::Duration;

pub use acknowledged::Acknowledged;
pub use authentic::Authentic;
pub use bounds::Bounds;
pub use convergence::{Convergence, disagreements};
pub use same_state::SameState;

use crate::world::World;

/// Violations that are kept word for word; further ones are only counted.
const VIOLATIONS_MAX: usize = 100;

/// Looks for one kind of violation.
pub trait Checker {
    /// What it is called in a report.
    fn name(&self) -> &'static str;

    /// What must hold at any time. Says what does not.
    fn during(&mut self, world: &World) -> Vec<String> {
        let _ = world;
        Vec::new()
    }

    /// What must hold once faults have ended, and the world had time to agree. Says what does not.
    fn at_end(&mut self, world: &World) -> Vec<String>;
}

/// Something that does not hold and must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which checker found it.
    pub checker: &'static str,
    /// When.
    pub at: Duration,
    /// What.
    pub what: String,
}

/// Several checkers, and what they found.
pub struct Checkers {
    checkers: Vec<Box<dyn Checker>>,
    found: Vec<Violation>,
    count: u64,
}

impl Default for Checkers {
    /// All of them.
    fn default() -> Self {
        Self::of(vec![
            Box::new(Convergence),
            Box::new(Acknowledged::default()),
            Box::new(SameState::default()),
            Box::new(Authentic::default()),
            Box::new(Bounds),
        ])
    }
}

impl Checkers {
    /// These.
    pub fn of(checkers: Vec<Box<dyn Checker>>) -> Self {
        Self { checkers, found: Vec::new(), count: 0 }
    }

    /// Looks for what must hold at any time.
    pub fn during(&mut self, world: &World) {
        self.look(world, |checker| checker.during(world));
    }

    /// Looks for what must hold at the end, and at any time.
    pub fn at_end(&mut self, world: &World) {
        self.during(world);
        self.look(world, |checker| checker.at_end(world));
    }

    /// What was found, the first 100.
    pub fn found(&self) -> &[Violation] {
        &self.found
    }

    /// How much was found.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Adds something that was found elsewhere.
    pub fn note(&mut self, world: &World, checker: &'static str, what: String) {
        self.count += 1;
        if self.found.len() < VIOLATIONS_MAX {
            self.found.push(Violation { checker, at: world.time(), what });
        }
    }

    fn look(&mut self, world: &World, mut ask: impl FnMut(&mut dyn Checker) -> Vec<String>) {
        let found: Vec<_> = self.checkers.iter_mut().map(|c| (c.name(), ask(c.as_mut()))).collect();
        for (checker, what) in found {
            what.into_iter().for_each(|what| self.note(world, checker, what));
        }
    }
}

/// Worlds for the tests of checkers.
#[cfg(test)]
pub(crate) mod testing {
    use msec_peer::node::StreamSpec;

    use crate::{NetworkModel, PeerIndex, PeerSpec, World};

    pub(crate) const NOTHING: [String; 0] = [];
    pub(crate) const GATEWAY: PeerIndex = PeerIndex(0);
    pub(crate) const SENSOR: PeerIndex = PeerIndex(1);
    pub(crate) const CITIZEN: PeerIndex = PeerIndex(2);

    /// A sensor and a citizen at a gateway, all linked.
    pub(crate) fn small_world() -> World {
        let mut world = World::new(1, NetworkModel::default()).expect("a world");
        world.add_peer(PeerSpec::gateway()).expect("a gateway");
        world.add_peer(PeerSpec::sensor().contact(GATEWAY)).expect("a sensor");
        world.add_peer(PeerSpec::citizen().contact(GATEWAY)).expect("a citizen");
        world.run_for(std::time::Duration::from_secs(2));
        world
    }

    pub(crate) fn publish(world: &mut World, value: f64) {
        let stream = StreamSpec::new("parks/noise", "mic-1").expect("a stream");
        let reading = world.reading(value);
        world.publish(SENSOR, &stream, &[reading]).expect("the sensor is up");
    }
}
