//! What the links of a class carried.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::framing::Sized;

/// The counters of one class. What goes over two classes, the sender's and the receiver's, is counted in both.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassTraffic {
    /// Which class.
    pub name: String,
    /// Messages that were sent, each once.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What was on the wire: with the packets' and the frames' overhead, acknowledgements, what was sent
    /// again, and what keeps quiet connections up.
    pub wire_bytes: u64,
    /// Packets that were lost, and sent again.
    pub lost: u64,
    /// Messages for which there was no room, or no time on air.
    pub shed: u64,
    /// How long transmitters were on air, all of them together; radios only.
    pub airtime_s: f64,
    /// The longest that a message waited before it was sent.
    pub queue_max_ms: f64,
    /// The share of the time in which the busiest interface was sending or receiving.
    pub busiest_share: f64,
}

/// The same, while it is counted.
#[derive(Debug, Clone, Default)]
pub(super) struct Counters {
    pub(super) messages: u64,
    pub(super) bytes: u64,
    pub(super) wire_bytes: u64,
    pub(super) lost: u64,
    pub(super) shed: u64,
    pub(super) airtime: Duration,
    pub(super) queue_max: Duration,
}

impl Counters {
    /// Counts packets that carry no message.
    pub(super) fn add(&mut self, packets: Sized, on_air: bool) {
        self.wire_bytes += packets.bytes as u64;
        if on_air {
            self.airtime += packets.takes;
        }
    }

    pub(super) fn waited(&mut self, queued: Duration) {
        self.queue_max = self.queue_max.max(queued);
    }
}
