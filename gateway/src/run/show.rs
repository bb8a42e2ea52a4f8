//! Puts on the page what the store held, what others write and what devices send.
#![allow(clippy::disallowed_methods, reason = "a driver: it says how long the gateway has been up")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use msec_peer::identity::{Class, PeerId};
use msec_peer::net::Throttle;
use msec_peer::node::{Freshness, Measured};
use msec_peer::{Event, Notice, Peer, Query, Reading, StreamName, StreamSpec, Subscription};
use tokio::sync::watch;

use super::wait_for;
use crate::mqtt::{Intake, Watcher};
use crate::web::{Board, PLACES_MAX, Place, Position, Running, State, Status};

/// How many of the newest readings of the store the page begins with. Their rows are in memory for a moment, with all their names.
const LOADED_MAX: usize = 8_192;
/// How often the page is told what was counted.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// What is on the page.
pub(super) struct Show {
    board: Board,
    started: Instant,
    /// Which stream is which place. `None`: there were too many.
    places: Mutex<BTreeMap<(PeerId, StreamName), Option<usize>>>,
    verified: AtomicU64,
    stored: AtomicU64,
    refused: AtomicU64,
}

impl Show {
    pub(super) fn new(board: Board) -> Self {
        Self {
            board,
            started: Instant::now(),
            places: Mutex::default(),
            verified: AtomicU64::new(0),
            stored: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// Shows the newest readings of the store.
    pub(super) async fn load(&self, peer: &Peer) -> anyhow::Result<()> {
        let rows = peer.query(Query { limit: LOADED_MAX, ..Query::default() }).await?;
        for row in rows {
            let name = StreamName { collection: row.collection().clone(), stream: row.stream().to_owned() };
            let spec = StreamSpec { name, unit: Some(row.unit().to_owned()), place: row.place };
            self.reading(row.author(), spec, row.reading);
        }
        Ok(())
    }

    fn measured(&self, measured: &Measured) {
        let Measured { header, readings, .. } = measured;
        let name = StreamName { collection: header.collection().clone(), stream: header.stream().to_owned() };
        let stream = StreamSpec { name, unit: Some(header.unit().to_owned()), place: header.place() };
        for reading in readings {
            self.reading(header.author(), stream.clone(), *reading);
        }
    }

    /// Takes what is withheld now off the page.
    fn withhold(&self, peer: &Peer) {
        let withheld = peer.withheld();
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let is_withheld =
            |name: &StreamName| withheld.iter().any(|it| it.collection.covers(&name.collection));
        let gone = places.iter().filter(|((_, name), _)| is_withheld(name)).filter_map(|(_, place)| *place);
        gone.for_each(|place| self.board.forget(place));
    }

    /// Shows a reading. A stream that is new becomes a place.
    fn reading(&self, author: PeerId, stream: StreamSpec, reading: Reading) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let StreamSpec { name, unit, place } = stream;
        let unit = unit.unwrap_or_default();
        let key = (author, name);
        let place = match places.get(&key) {
            Some(place) => *place,
            // As many streams as places are remembered: those that are not shown cost nothing.
            None if places.len() >= PLACES_MAX => None,
            None => {
                let position = place.map(|place| {
                    let (latitude, longitude) = place.degrees();
                    Position { latitude, longitude }
                });
                let StreamName { collection, stream } = &key.1;
                let place =
                    self.board.place(Place { name: format!("{collection}/{stream}"), position, unit });
                places.insert(key, place);
                place
            }
        };
        drop(places);
        if let Some(place) = place {
            self.board.reading(place, reading.time.0, reading.value);
        }
    }

    /// Tells the page again and again what was counted, until the gateway stops.
    pub(super) async fn count(
        self: Arc<Self>,
        peer: Peer,
        intake: Arc<Intake>,
        stopped: watch::Receiver<bool>,
    ) {
        let mut state = State::Running;
        loop {
            let of_peer = peer.status().await.ok();
            let of_peer = |count: fn(&msec_peer::Status) -> u64| of_peer.as_ref().map_or(0, count);
            let counts = intake.counts();
            let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            let run = Running {
                neighbours: of_peer(|it| it.neighbours as u64),
                written_bytes: of_peer(|it| it.written_bytes),
                stored_ever: of_peer(|it| it.stored_readings),
                verified: read(&self.verified),
                stored: read(&self.stored),
                refused: read(&self.refused) + counts.refused,
                sessions: counts.sessions,
                messages: counts.messages,
                withheld: peer.withheld().iter().map(ToString::to_string).collect(),
            };
            // Whole seconds, so that nothing is told when nothing has changed but the time.
            let elapsed_s = self.started.elapsed().as_secs() as f64;
            self.board.status(Status { state, elapsed_s, run: Some(run), ..Status::default() });
            if state == State::Done {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(COUNT_EVERY) => {}
                () = wait_for(stopped.clone()) => state = State::Done,
            }
        }
    }
}

impl Watcher for Show {
    fn refused(&self, line: String) {
        self.board.refused(line);
    }
}

/// Lines about what the peer refused that are shown in a minute. Further ones are counted.
const REFUSALS_PER_MINUTE: u32 = 20;

/// What the peer tells, from the moment this is made.
pub(super) struct Told {
    peer: Peer,
    events: Subscription,
    show: Arc<Show>,
    failing: watch::Sender<bool>,
    refusals: Throttle,
}

impl Told {
    pub(super) fn of(peer: &Peer, show: Arc<Show>, failing: watch::Sender<bool>) -> Self {
        let refusals = Throttle::new(REFUSALS_PER_MINUTE);
        Self { peer: peer.clone(), events: peer.subscribe(), show, failing, refusals }
    }

    /// Shows what it tells, until the peer is closed.
    pub(super) async fn watch(mut self) {
        while let Some(notice) = self.events.next().await {
            match notice {
                Notice::Event(Event::Lease { class, freshness }) => self.lease(class, freshness).await,
                Notice::Event(event) => self.take(event),
                Notice::Missed(missed) => {
                    tracing::warn!(missed, "the page was too slow: the readings are in the store");
                    // Perhaps it missed that the disk refuses to write, or writes again.
                    if let Ok(status) = self.peer.status().await {
                        self.failing.send_replace(!status.storage_ok);
                    }
                }
            }
        }
    }

    /// What is of a class is withheld from now on, or shown again.
    async fn lease(&self, class: Class, freshness: Freshness) {
        match freshness {
            Freshness::Closed => {
                tracing::warn!(
                    "what holds {class} data is withheld: whoever issues grants was not heard from for too long. It is stored, and shown \
                     once one answers: has this gateway a link to a peer that issues, or to one that has?"
                );
                self.show.withhold(&self.peer);
            }
            Freshness::Open => tracing::warn!(
                "whoever issues grants was not heard from for too long: somebody may still be shown {class} data whose rights are over"
            ),
            Freshness::Fresh | Freshness::Unknown => {
                tracing::info!("an issuer was heard from: {class} data is shown");
                if let Err(error) = self.show.load(&self.peer).await {
                    tracing::warn!(%error, "what was withheld is not on the page yet: start the gateway again to see what is old");
                }
            }
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Verified(measured) => {
                self.show.verified.fetch_add(measured.readings.len() as u64, Ordering::Relaxed);
                self.show.measured(&measured);
            }
            Event::Written(measured) => {
                self.show.stored.fetch_add(measured.readings.len() as u64, Ordering::Relaxed);
                let collection = measured.header.collection();
                if !self.peer.withheld().iter().any(|it| it.collection.covers(collection)) {
                    self.show.measured(&measured);
                }
            }
            Event::Stored { readings } => {
                self.show.stored.fetch_add(readings, Ordering::Relaxed);
            }
            Event::Refused(refused) => {
                self.show.refused.fetch_add(1, Ordering::Relaxed);
                let Some(held_back) = self.refusals.pass() else { return };
                if held_back > 0 {
                    tracing::warn!("{held_back} more were refused, or failed, and are not shown");
                }
                let who = refused.peer.map_or_else(|| "somebody".to_owned(), |peer| peer.short());
                tracing::warn!("refused {who}: {}", refused.detail);
                self.show.board.refused(format!("{who}: {}", refused.detail));
            }
            Event::StorageFailing => {
                tracing::error!(
                    "the disk refuses to write: free some space, or look at the disk; devices wait"
                );
                self.failing.send_replace(true);
            }
            Event::StorageRecovered => {
                tracing::warn!("the disk writes again");
                self.failing.send_replace(false);
            }
            Event::ClockUnset { shows } => {
                tracing::warn!(
                    millis = shows.0,
                    "the clock is not set: it shows a time before 2020, or no time server has answered; entries are marked until it is"
                );
            }
            Event::NewIncarnation { stream, .. } => tracing::warn!(
                "{}/{} goes on in a new log: entries of the old one are missing here",
                stream.collection,
                stream.stream
            ),
            Event::Contested { fork } => {
                let (header, author) = (fork.header(), fork.author());
                let contested = format!(
                    "{}/{} is contested from entry {} on: {author} signed two histories of it",
                    header.collection(),
                    header.stream(),
                    fork.in_common()
                );
                tracing::warn!("{contested}; its key was copied, or it lies: revoke its grant");
                self.show.board.refused(contested);
            }
            // Whoever gave out a code is told what becomes of it.
            // What is sealed is shown to those who ask for it by the command line, and not on a page on the wall.
            Event::Changed { .. }
            | Event::Sealed { .. }
            | Event::Pairing { .. }
            | Event::PairingEnded { .. }
            | Event::Lease { .. }
            | Event::WalkUp { .. } => {}
            Event::NeighbourUp { peer } => tracing::info!("linked with {}", peer.short()),
            Event::NeighbourDown { peer } => tracing::info!("{} is gone", peer.short()),
        }
    }
}
