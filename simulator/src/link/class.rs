//! What an interface is plugged into, as plain settings.

use std::fmt;

use super::framing::Framing;
use super::lora::Lora;
use super::{QUEUE_BYTES_MAX, duty};
use crate::error::LinkError;

/// Interfaces of one peer, at most.
pub const INTERFACES_MAX: usize = 8;

/// The longest time that a setting may name, in milliseconds: an hour.
const MS_MAX: f64 = 3_600_000.0;

/// What a frame adds at most, in bytes: more than any that there is.
const OVERHEAD_BYTES_MAX: u32 = 1_500;

/// And in microseconds: a second.
const OVERHEAD_US_MAX: u32 = 1_000_000;

/// A class of links, by its place in [`crate::NetworkModel::classes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub u8);

impl fmt::Display for ClassId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A class of links. Start from one that is built in, and change what differs; [`Self::check`] refuses what cannot be.
///
/// A class with a range is a radio: two peers that have it are linked while they are near enough, and a radio either
/// sends or listens. One without a range leads to the city's network, over which everybody reaches everybody: what is
/// sent there goes over the sender's class and then over the receiver's.
///
/// Losses are those of packets, after all that the link itself repeats. Collisions are not modelled: what overlaps at a
/// receiver waits, as if all senders heard each other.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkClass {
    /// What it is called.
    pub name: String,
    /// How long a packet is under way at least, in milliseconds, without the time that sending takes.
    pub latency_ms: f64,
    /// The median of what comes on top, lognormally distributed, in milliseconds. 0: nothing does.
    pub jitter_ms: f64,
    /// Its 99th percentile, in milliseconds.
    pub jitter_p99_ms: f64,
    /// The probability that a packet is lost, independently of others.
    pub loss: f64,
    /// The probability that one is lost while the channel is bad.
    pub burst_loss: f64,
    /// The share of the time in which the channel is bad.
    pub burst_share: f64,
    /// For how long it is bad on average, in milliseconds.
    pub burst_ms: f64,
    /// Bits a second that a peer sends. Not used where `lora` is set.
    pub up_bps: u64,
    /// Bits a second that it receives; of a radio, the same.
    pub down_bps: u64,
    /// What waits in a peer's interface, in bytes, before messages are shed.
    pub queue_bytes: usize,
    /// Bytes of a packet that a frame carries. Longer packets make several frames.
    pub frame_bytes: u32,
    /// Bytes that each frame adds.
    pub frame_overhead_bytes: u32,
    /// The time that each frame takes beside its bytes: preambles, back-off, acknowledgements; in microseconds.
    pub frame_overhead_us: u32,
    /// The radio is a LoRa one, and its settings give the time on air.
    pub lora: Option<Lora>,
    /// The share of any hour that a peer may be on air. 1: all of it.
    pub duty_cycle: f64,
    /// How far a radio reaches, in metres. `None`: it is no radio.
    pub range_m: Option<f64>,
    /// Whether peers are heard of over it that announce themselves by mDNS; radios only.
    pub announces: bool,
    /// Whether nobody can dial in. A peer behind it dials others all the same.
    pub nat: bool,
}

impl LinkClass {
    /// A wire that does nothing: no delay, no loss, a gigabit a second. The class that others start from.
    pub fn wire(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            latency_ms: 0.0,
            jitter_ms: 0.0,
            jitter_p99_ms: 0.0,
            loss: 0.0,
            burst_loss: 1.0,
            burst_share: 0.0,
            burst_ms: 0.0,
            up_bps: 1_000_000_000,
            down_bps: 1_000_000_000,
            queue_bytes: QUEUE_BYTES_MAX,
            frame_bytes: 1_500,
            frame_overhead_bytes: 0,
            frame_overhead_us: 0,
            lora: None,
            duty_cycle: 1.0,
            range_m: None,
            announces: false,
            nat: false,
        }
    }

    /// Refuses what cannot be simulated.
    pub fn check(&self) -> Result<(), LinkError> {
        let probabilities = [
            ("loss", self.loss),
            ("burst_loss", self.burst_loss),
            ("burst_share", self.burst_share),
            ("duty_cycle", self.duty_cycle),
        ];
        for (name, value) in probabilities {
            // Also refuses a NaN.
            if !(0.0..=1.0).contains(&value) {
                return Err(LinkError::NotAProbability { name, value });
            }
        }
        let times = [
            ("latency_ms", self.latency_ms),
            ("jitter_ms", self.jitter_ms),
            ("jitter_p99_ms", self.jitter_p99_ms),
            ("burst_ms", self.burst_ms),
        ];
        for (name, value) in times {
            if !(0.0..=MS_MAX).contains(&value) {
                return Err(LinkError::NotATime { name, value });
            }
        }
        if self.jitter_p99_ms < self.jitter_ms || (self.jitter_ms <= 0.0 && self.jitter_p99_ms > 0.0) {
            return Err(LinkError::Jitter { median: self.jitter_ms, p99: self.jitter_p99_ms });
        }
        if self.burst_share >= 1.0 {
            return Err(LinkError::AlwaysBad);
        }
        if self.up_bps < 8 || self.down_bps < 8 {
            return Err(LinkError::NoBandwidth);
        }
        if !(1..=65_535).contains(&self.frame_bytes)
            || self.frame_overhead_bytes > OVERHEAD_BYTES_MAX
            || self.frame_overhead_us > OVERHEAD_US_MAX
        {
            return Err(LinkError::Frame {
                bytes: self.frame_bytes,
                overhead_bytes: self.frame_overhead_bytes,
                overhead_us: self.frame_overhead_us,
            });
        }
        self.check_radio()
    }

    fn check_radio(&self) -> Result<(), LinkError> {
        if self.range_m.is_some_and(|range| !(range > 0.0 && range <= 1e6)) {
            return Err(LinkError::Range { range: self.range_m.unwrap_or_default() });
        }
        let is_radio = self.range_m.is_some();
        if is_radio && self.up_bps != self.down_bps {
            return Err(LinkError::TwoRates { up: self.up_bps, down: self.down_bps });
        }
        if is_radio && self.nat {
            return Err(LinkError::RadioBehindNat);
        }
        if !is_radio && (self.announces || self.lora.is_some()) {
            return Err(LinkError::NotARadio);
        }
        if self.lora.is_some_and(|lora| !lora.is_possible() || self.frame_bytes > 255) {
            return Err(LinkError::Lora);
        }
        let frame = Framing::up(self).frame();
        if frame > duty::WINDOW.mul_f64(self.duty_cycle) {
            return Err(LinkError::DutyCycle { share: self.duty_cycle });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused() {
        let wire = LinkClass::wire("wire");
        assert_eq!(wire.check(), Ok(()));
        let radio = LinkClass { range_m: Some(100.0), ..wire.clone() };
        assert_eq!(radio.check(), Ok(()));
        for bad in [
            LinkClass { loss: f64::NAN, ..wire.clone() },
            LinkClass { latency_ms: -1.0, ..wire.clone() },
            LinkClass { jitter_ms: 5.0, jitter_p99_ms: 1.0, ..wire.clone() },
            LinkClass { jitter_p99_ms: 1.0, ..wire.clone() },
            LinkClass { burst_share: 1.0, ..wire.clone() },
            LinkClass { up_bps: 0, ..wire.clone() },
            LinkClass { frame_bytes: 0, ..wire.clone() },
            LinkClass { frame_overhead_bytes: 1_501, ..wire.clone() },
            LinkClass { announces: true, ..wire.clone() },
            LinkClass { lora: Some(Lora::default()), frame_bytes: 222, ..wire.clone() },
            LinkClass { range_m: Some(0.0), ..wire.clone() },
            LinkClass { down_bps: 1_000, ..radio.clone() },
            LinkClass { nat: true, ..radio.clone() },
            LinkClass { lora: Some(Lora { spreading_factor: 6, ..Lora::default() }), ..radio.clone() },
            LinkClass { duty_cycle: 0.0, ..radio.clone() },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
