//! What must hold in every world, one checker a file.
//!
//! Safety is looked at all along, with [`Checker::during`]; what faults may delay, at the end, with [`Checker::at_end`]. A
//! checker that cannot fail is a defect: each has a test in which something is planted that it finds.
//!
//! | checker | what must hold |
//! |---|---|
//! | [`Authentic`] | nothing is stored or shown but what its author wrote, and had the right to write |
//! | [`OneHistory`] | no honest author writes two histories of one log |
//! | [`Acknowledged`] | what is acknowledged is on disk, stays there, and is with somebody at the end |
//! | [`SameState`] | who holds the same shows the same |
//! | [`Bounds`] | what is bounded stays within its bound |
//! | [`Revocation`] | who knows that a right is over acts by it: nothing beyond a cut is taken, shown or sent, and whoever held it is let go |
//! | [`Lease`] | who has not heard from an issuer for longer than its lease gives and shows nothing of a class that fails closed |
//! | [`Erased`] | what was ordered to be erased is on no disk any more of those who know it |
//! | [`Convergence`] | after the last fault, and within a stated time, all who want the same hold the same |
//! | [`Delivery`] | what is acknowledged is with every reader that can be reached |
//!
//! Honest peers are looked at ([`World::is_honest`]). What a hostile one wrote by its own right has to arrive like anything
//! else, but for a log of which it wrote two histories: there is no evidence of forks yet, so that each reader keeps the
//! history that it saw first, from where they part. Nothing else may suffer.

mod acknowledged;
mod authentic;
mod bounds;
mod convergence;
mod delivery;
mod erased;
mod lease;
mod one_history;
mod readers;
mod revoked;
mod same_state;

use std::time::Duration;

use serde::Serialize;

pub use acknowledged::Acknowledged;
pub use authentic::Authentic;
pub use bounds::Bounds;
pub use convergence::{Agreement, Convergence, disagreements};
pub use delivery::Delivery;
pub(crate) use delivery::{Deliveries, deliveries};
pub use erased::Erased;
pub use lease::Lease;
pub use one_history::OneHistory;
pub use revoked::Revocation;
pub use same_state::SameState;

use crate::world::World;

/// Violations that are kept word for word; further ones are only counted.
const VIOLATIONS_MAX: usize = 100;

/// Of those, how many a verdict names.
const FIRST_MAX: usize = 5;

/// What kind of a promise a checker looks after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something bad never happens.
    Safety,
    /// Something good happens in the end.
    Liveness,
}

/// Looks for one kind of violation.
pub trait Checker {
    /// What it is called in a report.
    fn name(&self) -> &'static str;

    /// What kind of a promise it looks after.
    fn kind(&self) -> Kind;

    /// What must hold at any time. Says what does not.
    fn during(&mut self, world: &World) -> Vec<String> {
        let _ = world;
        Vec::new()
    }

    /// What must hold once faults have ended, and the world had time to agree. Says what does not.
    fn at_end(&mut self, world: &World) -> Vec<String> {
        let _ = world;
        Vec::new()
    }

    /// How long it took to agree after each fault; of most checkers nothing.
    fn agreements(&self) -> Vec<Agreement> {
        Vec::new()
    }
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

/// What a checker has to say in the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Which checker.
    pub checker: &'static str,
    /// What kind of a promise it looks after.
    pub kind: Kind,
    /// How often it looked.
    pub looked: u64,
    /// How much it found.
    pub violations: u64,
    /// The first five, in words.
    pub first: Vec<String>,
}

struct Entry {
    checker: Box<dyn Checker>,
    looked: u64,
    violations: u64,
}

/// Several checkers, and what they found.
pub struct Checkers {
    entries: Vec<Entry>,
    found: Vec<Violation>,
    count: u64,
}

impl Default for Checkers {
    /// All of them, with the time to agree that their own default gives.
    fn default() -> Self {
        Self::agreeing(Convergence::default())
    }
}

impl Checkers {
    /// These.
    pub fn of(checkers: Vec<Box<dyn Checker>>) -> Self {
        let entry = |checker| Entry { checker, looked: 0, violations: 0 };
        Self { entries: checkers.into_iter().map(entry).collect(), found: Vec::new(), count: 0 }
    }

    /// All of them, with so long to agree after the last fault.
    pub fn agree_within(within: Duration) -> Self {
        Self::agreeing(Convergence::within(within))
    }

    fn agreeing(convergence: Convergence) -> Self {
        Self::of(vec![
            Box::new(Authentic::default()),
            Box::new(OneHistory::default()),
            Box::new(Acknowledged::default()),
            Box::new(SameState::default()),
            Box::new(Bounds::default()),
            Box::new(Revocation::default()),
            Box::new(Lease::default()),
            Box::new(convergence),
            Box::new(Delivery),
            Box::new(Erased),
        ])
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

    /// What each checker has to say.
    pub fn verdicts(&self) -> Vec<Verdict> {
        let verdict = |entry: &Entry| {
            let checker = entry.checker.name();
            let found = self.found.iter().filter(|violation| violation.checker == checker);
            let first = found.take(FIRST_MAX).map(|violation| violation.what.clone()).collect();
            let (looked, violations) = (entry.looked, entry.violations);
            Verdict { checker, kind: entry.checker.kind(), looked, violations, first }
        };
        self.entries.iter().map(verdict).collect()
    }

    /// How long it took to agree after each planned fault that has ended, in the order in which they began.
    pub fn agreements(&self) -> Vec<Agreement> {
        self.entries.iter().flat_map(|entry| entry.checker.agreements()).collect()
    }

    /// Adds something that was found elsewhere.
    pub fn note(&mut self, world: &World, checker: &'static str, what: String) {
        self.count += 1;
        if self.found.len() < VIOLATIONS_MAX {
            self.found.push(Violation { checker, at: world.time(), what });
        }
    }

    fn look(&mut self, world: &World, mut ask: impl FnMut(&mut dyn Checker) -> Vec<String>) {
        let mut found = Vec::new();
        for entry in &mut self.entries {
            let what = ask(entry.checker.as_mut());
            entry.looked += 1;
            entry.violations += what.len() as u64;
            found.extend(what.into_iter().map(|what| (entry.checker.name(), what)));
        }
        found.into_iter().for_each(|(checker, what)| self.note(world, checker, what));
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

#[cfg(test)]
mod tests {
    use super::testing::{SENSOR, publish, small_world};
    use super::*;
    use crate::DiskFault;

    #[test]
    fn a_verdict_says_how_often_was_looked_and_what_was_found() {
        let (mut world, mut checkers) = (small_world(), Checkers::default());
        world.set_disk_fault(SENSOR, Some(DiskFault::Lies));
        publish(&mut world, 1.0);
        world.run_for(Duration::from_secs(5));
        checkers.during(&world);
        checkers.during(&world);
        let verdicts = checkers.verdicts();
        let of = |name| verdicts.iter().find(|verdict| verdict.checker == name).expect("a verdict");
        let lied = of("acknowledged");
        assert_eq!((lied.looked, lied.violations, lied.kind), (2, 1, Kind::Safety));
        assert!(lied.first[0].contains("has not stored it"), "{:?}", lied.first);
        assert_eq!((of("delivery").violations, of("delivery").kind), (0, Kind::Liveness));
        assert_eq!(verdicts.iter().map(|verdict| verdict.violations).sum::<u64>(), checkers.count());
    }
}
