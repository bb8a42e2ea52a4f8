//! What QUIC is being handed: a frame of the outbox, as far as flow control allows.

use bytes::Bytes;
use msec_peer::outbox::{Lane, Outbox};
use quinn_proto::{SendStream, WriteError};

/// What of a frame, and of its length before it, QUIC has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Writing([Bytes; 2]);

impl Writing {
    /// Begins with the next frame, if none is being written. On the first stream each has its length before it. Whether
    /// there is something to write.
    pub(super) fn begin(&mut self, outbox: &mut Outbox, lane: Lane) -> bool {
        if !self.is_done() {
            return true;
        }
        let Some(frame) = outbox.pop(lane) else { return false };
        let length = (frame.len() as u32).to_be_bytes();
        let prefix = if lane == Lane::Live { Bytes::copy_from_slice(&length) } else { Bytes::new() };
        self.0 = [prefix, Bytes::from(frame)];
        true
    }

    /// Hands over what is being written. Whether all of it went.
    pub(super) fn write(&mut self, stream: &mut SendStream<'_>) -> Result<bool, WriteError> {
        while !self.is_done() {
            match stream.write_chunks(&mut self.0) {
                Ok(_) => {}
                Err(WriteError::Blocked) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Whether nothing is being written.
    pub(super) fn is_done(&self) -> bool {
        self.0.iter().all(|part| part.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use msec_peer::gossip::Priority;

    use super::*;

    #[test]
    fn one_at_a_time_and_live_ones_with_their_length() {
        let (mut writing, mut outbox) = (Writing::default(), Outbox::default());
        assert!(!writing.begin(&mut outbox, Lane::Live));
        for (priority, frame) in
            [(Priority::Live, vec![1]), (Priority::Control, vec![2, 2]), (Priority::CatchUp, vec![3])]
        {
            assert!(outbox.push(priority, frame).is_empty());
        }
        assert!(writing.begin(&mut outbox, Lane::Live));
        assert_eq!(writing.0, [Bytes::from_static(&[0, 0, 0, 2]), Bytes::from_static(&[2, 2])]);
        assert!(writing.begin(&mut outbox, Lane::Live) && !outbox.is_empty(Lane::Live), "one at a time");
        writing = Writing::default();
        assert!(writing.begin(&mut outbox, Lane::Chunks));
        assert_eq!(writing.0, [Bytes::new(), Bytes::from_static(&[3])]);
    }
}
