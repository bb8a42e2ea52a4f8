//! What comes on a link's streams, put together to messages again.

use msec_identity::handshake::MESSAGE_BYTES_MAX;
use msec_peer::wire::{FRAME_BYTES_MAX, HANDSHAKE_FRAMES};

/// The length of a frame stands before it.
const LENGTH_BYTES: usize = 4;

/// The frames of a link's first stream.
#[derive(Debug, Default)]
pub(super) struct Frames {
    read: usize,
    length: Option<usize>,
    bytes: Vec<u8>,
}

/// A frame that is longer than allowed: nothing more is read on its link.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Frames {
    /// Whether the next frame may be read: before admission those of the handshake, and no more.
    pub(super) fn may_read(&self, admitted: bool) -> bool {
        admitted || self.read < HANDSHAKE_FRAMES
    }

    /// How many bytes are missing to the next step, at least one.
    pub(super) fn missing(&self) -> usize {
        (self.length.unwrap_or(LENGTH_BYTES) - self.bytes.len()).max(1)
    }

    /// Takes in at most as many bytes as are missing. Returns a message, if it is complete now.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<Option<Vec<u8>>, TooLong> {
        self.bytes.extend_from_slice(bytes);
        if self.length.is_none() {
            let Ok(length) = <[u8; LENGTH_BYTES]>::try_from(self.bytes.as_slice()) else { return Ok(None) };
            let length = u32::from_be_bytes(length) as usize;
            let longest = if self.read < HANDSHAKE_FRAMES { MESSAGE_BYTES_MAX } else { FRAME_BYTES_MAX };
            if length > longest {
                return Err(TooLong);
            }
            self.length = Some(length);
            self.bytes.clear();
        }
        if self.length != Some(self.bytes.len()) {
            return Ok(None);
        }
        self.length = None;
        self.read += 1;
        Ok(Some(std::mem::take(&mut self.bytes)))
    }
}

/// A chunk of catch-up, whose bytes come in any order.
#[derive(Debug, Default)]
pub(super) struct Assembly(Vec<u8>);

impl Assembly {
    /// Takes in bytes. `false`: the chunk is longer than allowed.
    pub(super) fn add(&mut self, offset: u64, bytes: &[u8]) -> bool {
        let Some(end) = usize::try_from(offset).ok().and_then(|at| at.checked_add(bytes.len())) else {
            return false;
        };
        if end > FRAME_BYTES_MAX {
            return false;
        }
        if self.0.len() < end {
            self.0.resize(end, 0);
        }
        self.0[end - bytes.len()..end].copy_from_slice(bytes);
        true
    }

    /// All of it.
    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(frames: &mut Frames, mut bytes: &[u8]) -> Result<Vec<Vec<u8>>, TooLong> {
        let mut messages = Vec::new();
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(frames.missing().min(bytes.len()));
            messages.extend(frames.add(now)?);
            bytes = later;
        }
        Ok(messages)
    }

    #[test]
    fn frames_come_whole_in_whatever_pieces() {
        let stream = [&[0, 0, 0, 2, 7, 8], &[0u8, 0, 0, 0][..], &[0, 0, 0, 1, 9]].concat();
        for size in 1..stream.len() {
            let mut frames = Frames::default();
            let messages: Vec<_> =
                stream.chunks(size).flat_map(|part| feed(&mut frames, part).expect("short")).collect();
            assert_eq!(messages, [vec![7, 8], vec![], vec![9]]);
        }
    }

    #[test]
    fn strangers_get_two_small_frames_read() {
        let mut frames = Frames::default();
        let longer = (MESSAGE_BYTES_MAX as u32 + 1).to_be_bytes();
        assert_eq!(feed(&mut Frames::default(), &longer), Err(TooLong));
        for _ in 0..HANDSHAKE_FRAMES {
            assert!(frames.may_read(false));
            feed(&mut frames, &[0, 0, 0, 1, 1]).expect("short");
        }
        assert!(!frames.may_read(false) && frames.may_read(true));
        assert_eq!(feed(&mut frames, &longer), Ok(vec![]));
        let longest = (FRAME_BYTES_MAX as u32 + 1).to_be_bytes();
        let mut frames = Frames { read: HANDSHAKE_FRAMES, ..Frames::default() };
        assert_eq!(feed(&mut frames, &longest), Err(TooLong));
    }

    #[test]
    fn a_chunk_is_put_together_in_any_order_and_bounded() {
        let mut chunk = Assembly::default();
        assert!(chunk.add(2, &[3, 4]) && chunk.add(0, &[1, 2]));
        assert!(!chunk.add(FRAME_BYTES_MAX as u64, &[1]) && !chunk.add(u64::MAX, &[1]));
        assert_eq!(chunk.finish(), [1, 2, 3, 4]);
    }
}
