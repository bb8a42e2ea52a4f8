//! A class of links, worked out: what its settings come to for a packet.

use std::time::Duration;

use super::burst::Bursts;
use super::class::LinkClass;
use super::delay::Delay;
use super::duty;
use super::framing::Framing;

/// A class as interfaces use it.
#[derive(Debug)]
pub(super) struct Medium {
    pub(super) name: String,
    pub(super) delay: Delay,
    pub(super) loss: f64,
    pub(super) bursts: Option<Bursts>,
    pub(super) up: Framing,
    pub(super) down: Framing,
    pub(super) range_m: Option<f64>,
    pub(super) announces: bool,
    pub(super) nat: bool,
    pub(super) queue_bytes: usize,
    /// How long what waits first takes to leave, at most.
    pub(super) queue: Duration,
    /// How much of an hour is allowed, if not all of it.
    pub(super) allowed: Option<Duration>,
}

impl Medium {
    pub(super) fn new(class: &LinkClass) -> Self {
        let up = Framing::up(class);
        Self {
            name: class.name.clone(),
            delay: Delay::new(class.latency_ms, class.jitter_ms, class.jitter_p99_ms),
            loss: class.loss,
            bursts: Bursts::new(class.burst_loss, class.burst_share, class.burst_ms),
            down: Framing::down(class),
            range_m: class.range_m,
            announces: class.announces,
            nat: class.nat,
            queue_bytes: class.queue_bytes,
            queue: up.queue(class.queue_bytes),
            allowed: (class.duty_cycle < 1.0).then(|| duty::WINDOW.mul_f64(class.duty_cycle)),
            up,
        }
    }

    pub(super) fn is_radio(&self) -> bool {
        self.range_m.is_some()
    }

    /// Whether a radio reaches that far.
    pub(super) fn reaches(&self, distance_m: f64) -> bool {
        self.range_m.is_some_and(|range| distance_m <= range)
    }
}
