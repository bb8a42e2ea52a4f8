//! What was sent, and what it took to compute.

use std::ops::Sub;

use crate::protocol::Wire;

/// Counters since the start. The difference of two is what a stretch of time cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Events that were handled.
    pub events: u64,
    /// Messages that were sent.
    pub messages: u64,
    /// Bytes of those that carry a payload.
    pub payload_bytes: u64,
    /// Bytes of those that don't.
    pub control_bytes: u64,
    /// Whole payloads that were sent.
    pub copies: u64,
    /// Connections that were tried.
    pub dials: u64,
    /// Those that came to nothing.
    pub dials_failed: u64,
    /// Messages that found no connection.
    pub unlinked: u64,
}

impl Traffic {
    /// One message went out.
    pub fn sent(&mut self, wire: Wire) {
        self.messages += 1;
        self.copies += wire.copies;
        *(if wire.copies > 0 { &mut self.payload_bytes } else { &mut self.control_bytes }) += wire.bytes;
    }

    /// All bytes.
    pub fn bytes(&self) -> u64 {
        self.payload_bytes + self.control_bytes
    }
}

impl Sub for Traffic {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            events: self.events - before.events,
            messages: self.messages - before.messages,
            payload_bytes: self.payload_bytes - before.payload_bytes,
            control_bytes: self.control_bytes - before.control_bytes,
            copies: self.copies - before.copies,
            dials: self.dials - before.dials,
            dials_failed: self.dials_failed - before.dials_failed,
            unlinked: self.unlinked - before.unlinked,
        }
    }
}
