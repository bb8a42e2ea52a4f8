//! What sensors measure, and when they publish it.

use std::time::Duration;

use msec_crdt_store::Reading;
use msec_peer::node::{PublishError, StreamSpec, Ticket};

use crate::ledger::Outcome;
use crate::peer::PeerIndex;
use crate::seed::{Dice, Seed};
use crate::world::World;

/// The collections that sensors write to, in turn.
const COLLECTIONS: [&str; 3] = ["parks/noise", "centre/air", "harbour/traffic"];

/// Readings that a sensor keeps while its node takes none. Beyond it the oldest are given up, as a small device would.
const KEPT_MAX: usize = 4_096;

/// Sensors that each measure something every so often, and publish it.
#[derive(Debug)]
pub struct Workload {
    period: Duration,
    sensors: Vec<Sensor>,
}

#[derive(Debug)]
struct Sensor {
    peer: PeerIndex,
    stream: StreamSpec,
    dice: Dice,
    next: Duration,
    value: i64,
    /// What was measured, and not taken yet.
    kept: Vec<Reading>,
    /// What was published last, until it is answered.
    asked: Option<Ticket>,
}

impl Workload {
    /// Sensors that measure every `period`, each with a phase of its own.
    pub fn new(seed: Seed, sensors: &[PeerIndex], period: Duration) -> Self {
        let sensors = sensors.iter().enumerate().map(|(n, peer)| {
            let mut dice = seed.dice("sensor", peer.0 as u64);
            let stream = StreamSpec::new(COLLECTIONS[n % COLLECTIONS.len()], &format!("sensor-{peer}"))
                .expect("a collection and a name")
                .unit("dB");
            let next = dice.duration(period);
            Sensor { peer: *peer, stream, dice, next, value: 400, kept: Vec::new(), asked: None }
        });
        Self { period, sensors: sensors.collect() }
    }

    /// When somebody measures next.
    pub fn due(&self) -> Option<Duration> {
        self.sensors.iter().map(|sensor| sensor.next).min()
    }

    /// Lets all whose time has come measure and publish.
    pub fn measure(&mut self, world: &mut World) {
        for sensor in &mut self.sensors {
            while sensor.next <= world.time() {
                sensor.next += self.period;
                sensor.measure(world);
            }
        }
    }

    /// Publishes what nodes would not take so far.
    pub fn flush(&mut self, world: &mut World) {
        self.sensors.iter_mut().for_each(|sensor| sensor.publish(world));
    }

    /// Readings that were measured and that no node has taken.
    pub fn kept(&self) -> usize {
        self.sensors.iter().map(|sensor| sensor.kept.len()).sum()
    }
}

impl Sensor {
    fn measure(&mut self, world: &mut World) {
        // A walk in tenths, between 30 and 90.
        self.value = (self.value + self.dice.below(21) as i64 - 10).clamp(300, 900);
        if !world.is_up(self.peer) {
            // The device has no power either.
            self.kept.clear();
            self.asked = None;
            return;
        }
        if self.kept.len() == KEPT_MAX {
            self.kept.remove(0);
        }
        self.kept.push(world.reading(self.value as f64 / 10.0));
        self.publish(world);
    }

    fn publish(&mut self, world: &mut World) {
        self.take_back(world);
        if self.kept.is_empty() {
            return;
        }
        self.asked = world.publish(self.peer, &self.stream, &self.kept);
        if self.asked.is_some() {
            self.kept.clear();
            // A node says at once what it does not take.
            self.take_back(world);
        }
    }

    /// What the node did not take, though it may later.
    fn take_back(&mut self, world: &World) {
        let Some(submission) = self.asked.and_then(|ticket| world.ledger().submission(ticket)) else {
            return;
        };
        if let Outcome::Refused(PublishError::Busy | PublishError::StorageFailing) = submission.outcome {
            self.kept.splice(0..0, submission.readings.iter().copied());
            self.asked = None;
        }
    }
}
