//! What sensors measure, and when they publish it.

use std::sync::Arc;
use std::time::Duration;

use msec_crdt_store::{READINGS_PER_ENTRY_MAX, Reading};
use msec_peer::node::{PublishError, StreamSpec, Ticket};

use crate::ledger::Outcome;
use crate::map::{AUCKLAND_PLACES, Auckland};
use crate::peer::PeerIndex;
use crate::queue::Queue;
use crate::seed::Dice;
use crate::world::World;

/// Readings that a sensor keeps while its node takes none: what fits in one entry. Beyond it the oldest are given up, as a
/// small device would.
const KEPT_MAX: usize = READINGS_PER_ENTRY_MAX;

/// Sensors that each measure something every so often, and publish it.
#[derive(Debug, Default)]
pub struct Workload {
    sensors: Vec<Sensor>,
    due: Queue<usize>,
}

/// Where a sensor's values come from.
#[derive(Debug)]
pub enum Measures {
    /// A walk in tenths between 30 and 90.
    Walk {
        /// Draws the steps.
        dice: Box<Dice>,
        /// Where it stands, in tenths.
        tenths: i64,
    },
    /// What was counted at a real place.
    Counts {
        /// All places.
        counts: Arc<Auckland>,
        /// Which place.
        place: usize,
    },
}

impl Measures {
    /// A walk from the middle on.
    pub fn walk(dice: Dice) -> Self {
        Self::Walk { dice: Box::new(dice), tenths: 400 }
    }

    /// The next value, `nth` since the beginning. `None`: nothing was measured.
    fn next(&mut self, nth: u64) -> Option<f64> {
        match self {
            Self::Walk { dice, tenths } => {
                *tenths = (*tenths + dice.below(21) as i64 - 10).clamp(300, 900);
                Some(*tenths as f64 / 10.0)
            }
            Self::Counts { counts, place } => {
                let hour = &counts.hours[usize::try_from(nth).unwrap_or(0) % counts.hours.len()];
                hour.counts[*place % AUCKLAND_PLACES].map(f64::from)
            }
        }
    }
}

#[derive(Debug)]
struct Sensor {
    peer: PeerIndex,
    stream: StreamSpec,
    every: Duration,
    readings: usize,
    measures: Measures,
    measured: u64,
    next: Duration,
    /// What was measured, and not taken yet.
    kept: Vec<Reading>,
    /// What was published last, until it is answered.
    asked: Option<Ticket>,
}

impl Workload {
    /// Adds a sensor that publishes an entry of so many readings from `first` on, and then every `every`.
    pub fn add(
        &mut self,
        peer: PeerIndex,
        stream: StreamSpec,
        measures: Measures,
        first: Duration,
        every: Duration,
        readings: usize,
    ) {
        self.due.push(first, self.sensors.len());
        self.sensors.push(Sensor {
            peer,
            stream,
            every,
            readings,
            measures,
            measured: 0,
            next: first,
            kept: Vec::new(),
            asked: None,
        });
    }

    /// When somebody measures next.
    pub fn due(&self) -> Option<Duration> {
        self.due.due()
    }

    /// Lets all whose time has come measure and publish.
    pub fn measure(&mut self, world: &mut World) {
        while let Some((_, nth)) = self.due.pop(world.time()) {
            let sensor = &mut self.sensors[nth];
            sensor.next += sensor.every;
            self.due.push(sensor.next, nth);
            sensor.measure(world);
        }
    }

    /// Publishes what nodes would not take so far.
    pub fn flush(&mut self, world: &mut World) {
        let waiting =
            self.sensors.iter_mut().filter(|sensor| sensor.asked.is_some() || !sensor.kept.is_empty());
        waiting.for_each(|sensor| sensor.publish(world));
    }

    /// Readings that were measured and that no node has taken.
    pub fn kept(&self) -> usize {
        self.sensors.iter().map(|sensor| sensor.kept.len()).sum()
    }
}

impl Sensor {
    fn measure(&mut self, world: &mut World) {
        let nth = self.measured;
        self.measured += 1;
        if !world.is_up(self.peer) {
            // The device has no power either.
            self.measures.next(nth);
            self.kept.clear();
            self.asked = None;
            return;
        }
        let now = world.wall_of(self.peer);
        let step_ms = self.every.as_secs_f64() * 1_000.0 / self.readings as f64;
        for back in (0..self.readings).rev() {
            let time = now.saturating_add(-((step_ms * back as f64) as i64));
            let value = self.measures.next(nth);
            self.kept.extend(value.map(|value| Reading::new(time, value)));
        }
        let over = self.kept.len().saturating_sub(KEPT_MAX);
        self.kept.drain(..over);
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
        match submission.outcome {
            Outcome::Refused(PublishError::Busy | PublishError::StorageFailing) => {
                self.kept.splice(0..0, submission.readings.iter().copied());
                let over = self.kept.len().saturating_sub(KEPT_MAX);
                self.kept.drain(..over);
                self.asked = None;
            }
            Outcome::Waiting => {}
            Outcome::Acknowledged { .. } | Outcome::Refused(_) | Outcome::Crashed => self.asked = None,
        }
    }
}
