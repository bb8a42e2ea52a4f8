//! The outbox of a link, between the driver, which never waits, and the tasks that write to the network.

use std::sync::{Mutex, MutexGuard};

use msec_gossip::Priority;
use tokio::sync::Notify;

use crate::outbox::{Dropped, Lane, Outbox};

/// An outbox that is waited for. Each lane has one task that empties it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    live: Notify,
    chunks: Notify,
}

#[derive(Debug, Default)]
struct State {
    outbox: Outbox,
    closed: bool,
}

impl Queue {
    /// Adds a frame. Returns what was dropped for it.
    pub(super) fn push(&self, priority: Priority, frame: Vec<u8>) -> Vec<Dropped> {
        let dropped = self.lock().outbox.push(priority, frame);
        self.changed(Lane::of(priority)).notify_one();
        dropped
    }

    /// Nothing is added any more; what waits is still sent.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.live.notify_one();
        self.chunks.notify_one();
    }

    /// The next frame for a lane; `None` once the queue is closed and holds none.
    pub(super) async fn pop(&self, lane: Lane) -> Option<Vec<u8>> {
        loop {
            {
                let mut state = self.lock();
                if let Some(frame) = state.outbox.pop(lane) {
                    return Some(frame);
                }
                if state.closed {
                    return None;
                }
            }
            self.changed(lane).notified().await;
        }
    }

    fn changed(&self, lane: Lane) -> &Notify {
        match lane {
            Lane::Live => &self.live,
            Lane::Chunks => &self.chunks,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding this lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_waits_is_sent_after_it_was_closed_and_wakes_its_lane() {
        let queue = std::sync::Arc::new(Queue::default());
        let waits = tokio::spawn({
            let queue = queue.clone();
            async move { queue.pop(Lane::Chunks).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(queue.push(Priority::Live, vec![1]), []);
        assert_eq!(queue.push(Priority::CatchUp, vec![2]), []);
        assert_eq!(waits.await.unwrap(), Some(vec![2]));
        queue.close();
        assert_eq!(queue.pop(Lane::Live).await, Some(vec![1]));
        assert_eq!((queue.pop(Lane::Live).await, queue.pop(Lane::Chunks).await), (None, None));
    }
}
