//! How a run begins: the same for both protocols.

use crate::network::{Geometry, NodeId};
use crate::profile::Profile;
use crate::protocol::Protocol;
use crate::queue::{Micros, SECOND};
use crate::seed::Dice;
use crate::world::World;

/// The end of the warm-up in which idle traffic is measured.
const MEASURED_IDLE: Micros = 60 * SECOND;

/// A profile is of so long.
const PROFILED: Micros = 60 * SECOND;

/// Through whom a node joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Join {
    /// Through a random one of those before it.
    Random,
    /// All through the first.
    One,
}

/// The numbers of a run.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Nodes.
    pub nodes: u32,
    /// Whence all that is random follows.
    pub seed: u64,
    /// How the latencies of pairs relate.
    pub geometry: Geometry,
    /// Through whom nodes join.
    pub join: Join,
    /// All have joined after so long, one after the other at equal intervals.
    pub joining: Micros,
    /// Time between the last join and the first message.
    pub warm_up: Micros,
    /// Messages; those after the first third count.
    pub rounds: u32,
    /// Time between two.
    pub interval: Micros,
    /// Says on stderr what each minute of the warm-up spends its time on.
    pub profiles: bool,
}

/// What a node does in a second when nobody publishes.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    /// Bytes that it sends.
    pub bytes_s: f64,
    /// Events that it handles.
    pub events_s: f64,
}

impl Setup {
    /// Nodes that have joined and warmed up, and what they do when nobody publishes.
    pub fn grow<P: Protocol>(&self) -> (World<P>, Idle) {
        let mut world = World::new(self.nodes, self.geometry, self.seed);
        world.profile = self.profiles.then(|| Profile::new(0));
        let mut dice = Dice::new(&[self.seed, 0x701]);
        for node in 0..self.nodes {
            world.run_until(self.joining * u64::from(node) / u64::from(self.nodes));
            let through = match (node, self.join) {
                (0, _) => None,
                (_, Join::One) => Some(0),
                (_, Join::Random) => Some(dice.below(u64::from(node)) as NodeId),
            };
            world.join(node, through);
        }
        let (idle, end) = (MEASURED_IDLE.min(self.warm_up), self.joining + self.warm_up);
        self.warm_up(&mut world, end - idle);
        let before = world.traffic;
        self.warm_up(&mut world, end);
        let spent = world.traffic - before;
        let each = f64::from(self.nodes) * idle.max(1) as f64 / SECOND as f64;
        let idle = Idle { bytes_s: spent.bytes() as f64 / each, events_s: spent.events as f64 / each };
        (world, idle)
    }

    fn warm_up<P: Protocol>(&self, world: &mut World<P>, end: Micros) {
        while world.now < end {
            world.run_until(if self.profiles { end.min(world.now + PROFILED) } else { end });
            let (now, nodes) = (world.now, self.nodes);
            if let Some(profile) = &mut world.profile {
                eprint!("{}", profile.report(now, nodes));
            }
        }
    }

    /// For what is drawn while the run goes on.
    pub fn dice(&self, purpose: u64) -> Dice {
        Dice::new(&[self.seed, 0xd1ce, purpose])
    }
}
