//! What waits to be sent on a link: bounded in bytes, filled without waiting, emptied in the order of priority.

use std::collections::VecDeque;
use std::sync::Mutex;

use msec_gossip::Priority;
use tokio::sync::Notify;

use crate::wire::QUEUE_BYTES_MAX;

/// A queue between the driver, which never waits, and the task that writes to the network.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    urgent: VecDeque<Vec<u8>>,
    rest: VecDeque<Vec<u8>>,
    bytes: usize,
    closed: bool,
}

impl Queue {
    /// Adds a message; `false` if there is no room and it was dropped.
    pub(super) fn push(&self, priority: Priority, bytes: Vec<u8>) -> bool {
        let mut state = self.lock();
        if state.bytes + bytes.len() > QUEUE_BYTES_MAX {
            return false;
        }
        state.bytes += bytes.len();
        if priority == Priority::Control {
            state.urgent.push_back(bytes)
        } else {
            state.rest.push_back(bytes)
        }
        self.changed.notify_one();
        true
    }

    /// Nothing is added any more; what waits is still sent.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// The next message; `None` once the queue is closed and empty.
    pub(super) async fn pop(&self) -> Option<Vec<u8>> {
        loop {
            {
                let mut state = self.lock();
                if let Some(bytes) = state.urgent.pop_front().or_else(|| state.rest.pop_front()) {
                    state.bytes -= bytes.len();
                    return Some(bytes);
                }
                if state.closed {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding this lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn urgent_first_and_never_more_than_the_bound() {
        let queue = Queue::default();
        assert!(queue.push(Priority::Live, vec![1]));
        assert!(queue.push(Priority::Control, vec![2]));
        assert!(!queue.push(Priority::Live, vec![0; QUEUE_BYTES_MAX]));
        queue.close();
        assert_eq!(queue.pop().await, Some(vec![2]));
        assert_eq!(queue.pop().await, Some(vec![1]));
        assert_eq!(queue.pop().await, None);
    }
}
