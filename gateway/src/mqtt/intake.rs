//! From a message to a reading that is signed and on disk: what all sessions share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use msec_peer::net::wall_clock;
use msec_peer::{Peer, Pending, PublishFailed, Reading, StreamName, StreamSpec};
use tokio::sync::{Semaphore, oneshot, watch};

use super::device::Device;
use super::limits::{DEVICE_SESSIONS_MAX, IN_FLIGHT_TOTAL_MAX, Limits, STRANGERS_MAX};
use super::payload;
use super::refusal::{Complaints, Refusal};
use super::rule::Rule;

/// Who may send what, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// How much is taken.
    pub limits: Limits,
    /// Who may connect.
    pub devices: Vec<Device>,
    /// What becomes of which topic; the first rule that matches counts.
    pub rules: Vec<Rule>,
}

/// Who wants to know what is not taken.
pub trait Watcher: Send + Sync {
    /// A line about it. A device that is stuck does not make many.
    fn refused(&self, line: String);
}

/// What was counted since the gateway started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sessions now.
    pub sessions: u64,
    /// Messages that came.
    pub messages: u64,
    /// Those that are signed and on disk.
    pub stored: u64,
    /// Those that were refused.
    pub refused: u64,
}

#[derive(Debug, Default)]
struct Counters {
    messages: AtomicU64,
    stored: AtomicU64,
    refused: AtomicU64,
}

/// What all sessions share.
pub struct Intake {
    pub(super) limits: Limits,
    pub(super) devices: BTreeMap<String, Arc<Device>>,
    rules: Vec<Rule>,
    peer: Peer,
    watcher: Arc<dyn Watcher>,
    /// Whether the disk refuses to write.
    pub(super) failing: watch::Receiver<bool>,
    pub(super) strangers: Arc<Semaphore>,
    pub(super) places: Arc<Semaphore>,
    pub(super) room: Arc<Semaphore>,
    counters: Counters,
    streams: Mutex<BTreeSet<StreamName>>,
    sessions: Mutex<Sessions>,
    complaints: Mutex<Complaints>,
    started: Instant,
}

/// The sessions, by device and client id.
#[derive(Debug, Default)]
struct Sessions {
    last: u64,
    /// Each with its number, and the way to tell it that it is over.
    open: BTreeMap<(String, String), (u64, oneshot::Sender<()>)>,
}

/// A session that is open for as long as this is held.
pub(super) struct Session {
    intake: Arc<Intake>,
    key: (String, String),
    number: u64,
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut sessions = lock(&self.intake.sessions);
        if sessions.open.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            sessions.open.remove(&self.key);
        }
    }
}

impl Intake {
    /// Takes in for that peer. `failing` says whether its disk refuses to write.
    #[expect(clippy::disallowed_methods, reason = "a driver: it counts lines of a log per minute")]
    pub fn new(
        settings: Settings,
        peer: Peer,
        watcher: Arc<dyn Watcher>,
        failing: watch::Receiver<bool>,
    ) -> Arc<Self> {
        let Settings { limits, devices, rules } = settings;
        Arc::new(Self {
            places: Arc::new(Semaphore::new(limits.connections_max)),
            strangers: Arc::new(Semaphore::new(STRANGERS_MAX)),
            room: Arc::new(Semaphore::new(IN_FLIGHT_TOTAL_MAX)),
            limits,
            devices: devices.into_iter().map(|device| (device.name.clone(), Arc::new(device))).collect(),
            rules,
            peer,
            watcher,
            failing,
            counters: Counters::default(),
            streams: Mutex::default(),
            sessions: Mutex::default(),
            complaints: Mutex::default(),
            started: Instant::now(),
        })
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            sessions: lock(&self.sessions).open.len() as u64,
            messages: read(&self.counters.messages),
            stored: read(&self.counters.stored),
            refused: read(&self.counters.refused),
        }
    }

    /// Opens a session. An older one of the same device and client id is told that it is over: a client id is a device's own,
    /// so that no device can end another's session. `None` if the device has too many.
    pub(super) fn open(
        self: &Arc<Self>,
        device: &Device,
        client_id: Option<&str>,
    ) -> Option<(Session, oneshot::Receiver<()>)> {
        let mut sessions = lock(&self.sessions);
        sessions.last += 1;
        let number = sessions.last;
        // No client id holds a control character: what has none is called by its number.
        let id = client_id.map_or_else(|| format!("\0{number}"), str::to_owned);
        let key = (device.name.clone(), id);
        let first = (device.name.clone(), String::new());
        let others = sessions.open.range(first..).take_while(|((name, _), _)| *name == device.name).count();
        if others >= DEVICE_SESSIONS_MAX && !sessions.open.contains_key(&key) {
            return None;
        }
        let (tell, over) = oneshot::channel();
        if let Some((_, before)) = sessions.open.insert(key.clone(), (number, tell)) {
            // It may be ending by itself.
            let _ = before.send(());
        }
        drop(sessions);
        Some((Session { intake: self.clone(), key, number }, over))
    }

    /// Makes a message a reading of a stream. `None` if no rule is for its topic.
    pub(super) fn read(
        &self,
        device: &Device,
        topic: &str,
        payload: &[u8],
    ) -> Option<Result<(StreamSpec, Reading), Refusal>> {
        let stream = self.rules.iter().find_map(|rule| Some((rule, rule.stream(topic, device)?)));
        let (rule, stream) = stream?;
        Some(stream.and_then(|stream| {
            let mut reading = payload::parse(payload, &rule.layout, wall_clock())?;
            if rule.layout.position.is_some() {
                reading.place = reading.place.or(rule.place).or(device.place);
            }
            let mut streams = lock(&self.streams);
            if !streams.contains(&stream.name) {
                if streams.len() >= self.limits.streams_max {
                    return Err(Refusal::StreamsFull { max: self.limits.streams_max });
                }
                streams.insert(stream.name.clone());
            }
            Ok((stream, reading))
        }))
    }

    /// Hands a reading to the peer, behind those that were handed over before.
    pub(super) async fn publish(
        &self,
        stream: &StreamSpec,
        reading: Reading,
    ) -> Result<Pending, PublishFailed> {
        Ok(self.peer.enqueue(stream, &[reading]).await?)
    }

    /// A message came.
    pub(super) fn came(&self) {
        self.counters.messages.fetch_add(1, Ordering::Relaxed);
    }

    /// A reading is signed and on disk.
    pub(super) fn stored(&self) {
        self.counters.stored.fetch_add(1, Ordering::Relaxed);
    }

    /// A message is refused.
    #[expect(clippy::disallowed_methods, reason = "a driver: it counts lines of a log per minute")]
    pub(super) fn refused(&self, device: &str, topic: Option<&str>, refusal: &Refusal) {
        self.counters.refused.fetch_add(1, Ordering::Relaxed);
        let line = lock(&self.complaints).line(self.started.elapsed(), device, topic, refusal);
        if let Some(line) = line {
            tracing::warn!("refused {line}");
            self.watcher.refused(line);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind it is whole between any two lines, so that a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
