//! How many packets and frames a message makes, and how long they take to leave.

use std::time::Duration;

use super::class::LinkClass;
use super::lora::Lora;

/// What a QUIC packet of 1,200 bytes, the least that every path carries, holds of a stream: 27 bytes go for its header
/// with a connection id of 8 bytes and for the tag (RFC 9001), and 8 for a stream frame's own header (RFC 9000).
pub(crate) const PACKET_BYTES: usize = 1_165;

/// What a packet adds: the 35 bytes above, and 28 of UDP and IPv4.
pub(super) const PACKET_OVERHEAD_BYTES: usize = 63;

/// A packet that only acknowledges: 27 bytes of QUIC, 5 of acknowledgement, 28 of UDP and IPv4.
const ACK_BYTES: usize = 60;

/// How long bytes take to leave in one direction.
#[derive(Debug, Clone)]
pub(super) struct Framing {
    bps: u64,
    frame_bytes: usize,
    frame_overhead_bytes: usize,
    frame_overhead: Duration,
    lora: Option<Lora>,
    /// Of a full packet.
    packet: Duration,
    packet_wire_bytes: usize,
    /// Of a packet that only acknowledges.
    ack: Sized,
    /// Of a full frame.
    frame: Duration,
}

/// What a message is on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sized {
    pub(super) packets: u32,
    /// With all that packets and frames add.
    pub(super) bytes: usize,
    pub(super) takes: Duration,
}

impl Framing {
    pub(super) fn up(class: &LinkClass) -> Self {
        Self::new(class, class.up_bps)
    }

    pub(super) fn down(class: &LinkClass) -> Self {
        Self::new(class, class.down_bps)
    }

    fn new(class: &LinkClass, bps: u64) -> Self {
        let mut framing = Self {
            bps,
            frame_bytes: class.frame_bytes as usize,
            frame_overhead_bytes: class.frame_overhead_bytes as usize,
            frame_overhead: Duration::from_micros(class.frame_overhead_us.into()),
            lora: class.lora,
            packet: Duration::ZERO,
            packet_wire_bytes: 0,
            ack: Sized { packets: 1, bytes: 0, takes: Duration::ZERO },
            frame: Duration::ZERO,
        };
        let packet = framing.packet(PACKET_BYTES + PACKET_OVERHEAD_BYTES);
        (framing.packet, framing.packet_wire_bytes) = (packet.takes, packet.bytes);
        framing.ack = framing.packet(ACK_BYTES);
        framing.frame = framing.packet(framing.frame_bytes).takes;
        framing
    }

    /// A message of that many bytes.
    pub(super) fn message(&self, bytes: usize) -> Sized {
        let packets = bytes.div_ceil(PACKET_BYTES).max(1);
        let full = packets - 1;
        let last = self.packet(bytes - full * PACKET_BYTES + PACKET_OVERHEAD_BYTES);
        let packets = u32::try_from(packets).unwrap_or(u32::MAX);
        Sized {
            packets,
            bytes: full * self.packet_wire_bytes + last.bytes,
            takes: self.packet * (packets - 1) + last.takes,
        }
    }

    /// One packet, with the headers that are in its bytes.
    pub(super) fn packet(&self, bytes: usize) -> Sized {
        let frames = bytes.div_ceil(self.frame_bytes).max(1);
        let on_wire = bytes + frames * self.frame_overhead_bytes;
        let takes = match &self.lora {
            Some(lora) => {
                let on_air = |bytes: usize| lora.time_on_air((bytes + self.frame_overhead_bytes) as u32);
                let last = bytes - (frames - 1) * self.frame_bytes;
                on_air(self.frame_bytes) * (frames - 1) as u32 + on_air(last)
            }
            // Packets and their overhead are below 64 MiB, so that this stays below 2^64.
            None => {
                Duration::from_nanos(on_wire as u64 * 8_000_000_000 / self.bps)
                    + self.frame_overhead * frames as u32
            }
        };
        Sized { packets: 1, bytes: on_wire, takes }
    }

    /// How long a full packet takes.
    pub(super) fn full_packet(&self) -> Duration {
        self.packet
    }

    /// How long a full frame takes.
    pub(super) fn frame(&self) -> Duration {
        self.frame
    }

    /// Packets that only acknowledge, so many.
    pub(super) fn acks(&self, packets: u32) -> Sized {
        Sized { packets, bytes: self.ack.bytes * packets as usize, takes: self.ack.takes * packets }
    }

    /// How long it takes until that many bytes have left, about.
    pub(super) fn queue(&self, bytes: usize) -> Duration {
        self.packet * u32::try_from(bytes.div_ceil(PACKET_BYTES)).unwrap_or(u32::MAX)
    }

    /// Bytes of packets a second, as a measure for which of two is faster.
    pub(super) fn speed(&self) -> f64 {
        PACKET_BYTES as f64 / self.packet.as_secs_f64().max(1e-9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wire_takes_what_its_bytes_take() {
        let wire = Framing::up(&LinkClass { up_bps: 8_000, ..LinkClass::wire("wire") });
        assert_eq!(wire.message(0), Sized { packets: 1, bytes: 63, takes: Duration::from_millis(63) });
        assert_eq!(wire.message(1_165).takes, Duration::from_millis(1_228));
        let two = Sized { packets: 2, bytes: 1_166 + 126, takes: Duration::from_millis(1_166 + 126) };
        assert_eq!(wire.message(1_166), two);
    }

    #[test]
    fn a_packet_makes_many_small_frames() {
        let mesh = Framing::up(&LinkClass::mesh());
        let packet = mesh.message(PACKET_BYTES);
        assert_eq!(packet.bytes, 1_228 + 13 * 34);
        // 133 bytes on air at 250 kbit/s, 4.256 ms, and the 1.984 ms that a frame adds.
        assert_eq!(mesh.frame(), Duration::from_micros(4_256 + 1_984));
        let lora = Framing::up(&LinkClass::lora());
        let frame = Lora::default().time_on_air(235);
        let last = Lora::default().time_on_air(1_228 - 5 * 222 + 13);
        assert_eq!(lora.message(PACKET_BYTES).takes, frame * 5 + last);
    }
}
