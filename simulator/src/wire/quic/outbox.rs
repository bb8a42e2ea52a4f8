//! What waits on a link until QUIC takes it: the driver's queue, without its locks.

use std::collections::VecDeque;

use bytes::Bytes;
use msec_peer::gossip::Priority;
use msec_peer::wire::QUEUE_BYTES_MAX;
use quinn_proto::{SendStream, WriteError};

/// Messages in the order of priority, bounded in bytes, and the one that is being written.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    urgent: VecDeque<Vec<u8>>,
    rest: VecDeque<Vec<u8>>,
    bytes: usize,
    /// What of a message, and of its length before it, QUIC has not taken yet.
    writing: [Bytes; 2],
}

impl Outbox {
    /// Adds a message; `false` if there is no room and it was dropped.
    pub(super) fn push(&mut self, priority: Priority, bytes: Vec<u8>) -> bool {
        if self.bytes + bytes.len() > QUEUE_BYTES_MAX {
            return false;
        }
        self.bytes += bytes.len();
        if priority == Priority::Control {
            self.urgent.push_back(bytes);
        } else {
            self.rest.push_back(bytes);
        }
        true
    }

    /// Begins with the next message, if none is being written. `framed`: with its length before it. Whether there is
    /// something to write.
    pub(super) fn begin(&mut self, framed: bool) -> bool {
        if self.is_writing() {
            return true;
        }
        let Some(bytes) = self.urgent.pop_front().or_else(|| self.rest.pop_front()) else { return false };
        self.bytes -= bytes.len();
        let length = (bytes.len() as u32).to_be_bytes();
        let prefix = if framed { Bytes::copy_from_slice(&length) } else { Bytes::new() };
        self.writing = [prefix, Bytes::from(bytes)];
        true
    }

    /// Hands over what is being written, as far as flow control allows. Whether all of it went.
    pub(super) fn write(&mut self, stream: &mut SendStream<'_>) -> Result<bool, WriteError> {
        while self.is_writing() {
            match stream.write_chunks(&mut self.writing) {
                Ok(_) => {}
                Err(WriteError::Blocked) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.is_writing() && self.urgent.is_empty() && self.rest.is_empty()
    }

    fn is_writing(&self) -> bool {
        self.writing.iter().any(|part| !part.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urgent_first_and_never_more_than_the_bound() {
        let mut outbox = Outbox::default();
        assert!(outbox.is_empty() && !outbox.begin(true));
        assert!(outbox.push(Priority::Live, vec![1]));
        assert!(outbox.push(Priority::Control, vec![2, 2]));
        assert!(!outbox.push(Priority::Live, vec![0; QUEUE_BYTES_MAX]));
        assert!(outbox.begin(true));
        assert_eq!(outbox.writing, [Bytes::from_static(&[0, 0, 0, 2]), Bytes::from_static(&[2, 2])]);
        assert!(outbox.begin(true) && !outbox.is_empty(), "one at a time");
        outbox.writing = Default::default();
        assert!(outbox.begin(false));
        assert_eq!(outbox.writing, [Bytes::new(), Bytes::from_static(&[1])]);
        assert!(outbox.push(Priority::Live, vec![0; QUEUE_BYTES_MAX]), "what is being written does not wait");
    }
}
