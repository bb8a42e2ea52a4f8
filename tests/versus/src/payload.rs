//! What is published: bytes that name their round, and that can be found again in whatever frame carries them.

use memchr::memmem;

use crate::network::NodeId;
use crate::seed;

/// So long is a payload, if nothing else is said.
pub const PAYLOAD_BYTES: u32 = 200;

/// Begins each payload. Random bytes: nothing else looks like it.
const MARK: [u8; 8] = [0xd7, 0x3a, 0x91, 0xee, 0x5c, 0x08, 0xb4, 0x6f];

/// Mark, round and sender.
const HEAD_BYTES: usize = 16;

/// One published message, by what its bytes follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Payload {
    /// The how-manieth of the run it is.
    pub round: u32,
    /// Who published it.
    pub sender: NodeId,
    /// How long it is; never so short that its head does not fit.
    pub bytes: u32,
}

impl Payload {
    /// Its bytes: the mark, round and sender, and what nobody can compress.
    pub fn bytes(&self) -> Vec<u8> {
        let length = (self.bytes as usize).max(HEAD_BYTES);
        let mut bytes = Vec::with_capacity(length + 32);
        bytes.extend(MARK);
        bytes.extend(self.round.to_le_bytes());
        bytes.extend(self.sender.to_le_bytes());
        let mut part = 0;
        while bytes.len() < length {
            bytes.extend(seed::bytes(&[u64::from(self.round), u64::from(self.sender), part]));
            part += 1;
        }
        bytes.truncate(length);
        bytes
    }

    /// Reads what [`Payload::bytes`] wrote.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let length = u32::try_from(bytes.len()).ok()?;
        let (mark, rest) = bytes.split_first_chunk::<8>()?;
        let (round, rest) = rest.split_first_chunk::<4>()?;
        let (sender, _) = rest.split_first_chunk::<4>()?;
        let (round, sender) = (u32::from_le_bytes(*round), u32::from_le_bytes(*sender));
        (*mark == MARK).then_some(Self { round, sender, bytes: length })
    }

    /// How many payloads a frame carries.
    pub fn count_in(frame: &[u8]) -> u64 {
        if frame.len() < HEAD_BYTES { 0 } else { memmem::find_iter(frame, &MARK).count() as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_found_again() {
        let payload = Payload { round: 7, sender: 9, bytes: PAYLOAD_BYTES };
        let bytes = payload.bytes();
        assert_eq!(Payload::parse(&bytes), Some(payload));
        assert_eq!(bytes.len(), 200);
        assert_eq!(Payload::parse(&bytes[1..]), None);
        let frame = [&[1, 2, 3], &*bytes, &[4], &*bytes].concat();
        assert_eq!(Payload::count_in(&frame), 2);
        assert_eq!(Payload::count_in(&frame[..10]), 0);
    }
}
