//! What a peer tells an app while it runs.

use std::collections::VecDeque;

use msec_crdt_store::Row;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

#[cfg(feature = "index")]
use crate::net::Disk;
use crate::node::Event;

/// Events that wait for a slow subscriber. Beyond it the oldest are dropped, and [`Notice::Missed`] says how many; the
/// readings among them are in the store, where a query finds them.
pub const EVENTS_MAX: usize = 16 * 1024;

/// Something that a subscriber is told.
#[derive(Debug, Clone)]
pub enum Notice {
    /// It happened.
    Event(Event),
    /// So many events were dropped because the subscriber was too slow.
    Missed(u64),
}

/// The events of a peer from the moment of subscribing on.
#[derive(Debug)]
pub struct Subscription {
    events: broadcast::Receiver<Event>,
    rows: VecDeque<Row>,
    /// Where sealed readings are looked up.
    #[cfg(feature = "index")]
    disk: Disk,
}

impl Subscription {
    pub(super) fn new(events: broadcast::Receiver<Event>, #[cfg(feature = "index")] disk: Disk) -> Self {
        Self {
            events,
            rows: VecDeque::new(),
            #[cfg(feature = "index")]
            disk,
        }
    }

    /// The next event; `None` once the peer is closed.
    pub async fn next(&mut self) -> Option<Notice> {
        match self.events.recv().await {
            Ok(event) => Some(Notice::Event(event)),
            Err(RecvError::Lagged(missed)) => Some(Notice::Missed(missed)),
            Err(RecvError::Closed) => None,
        }
    }

    /// The next verified reading of another peer, or of this one in a sealed collection that it reads; `None` once the peer is closed. Other events are passed over, and so is
    /// [`Notice::Missed`]: an app that must miss nothing uses [`Subscription::next`], and queries after it.
    pub async fn reading(&mut self) -> Option<Row> {
        loop {
            if let Some(row) = self.rows.pop_front() {
                return Some(row);
            }
            match self.next().await? {
                Notice::Event(Event::Verified(measured)) => self.rows.extend(measured.rows()),
                #[cfg(feature = "index")]
                Notice::Event(Event::Sealed { log, from, end, .. }) => {
                    let opened = self.disk.with(move |queries| queries.unsealed(&log, from..end)).await?;
                    // What cannot be read now, a query may find.
                    self.rows.extend(opened.unwrap_or_default());
                }
                _ => {}
            }
        }
    }
}
