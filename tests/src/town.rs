//! A space with its peers in a temporary directory, and notes of what a peer tells.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use msec_peer::gossip::Interest;
use msec_peer::identity::{Grant, Identity, PeerId, UnixMillis, Verified};
use msec_peer::net::random_seed;
use msec_peer::node::Config;
use msec_peer::{
    DataDir, Event, Membership, Notice, Owner, Peer, PeerConfig, Query, Reading, Receipt, Refused,
    RefusedKind, Row, StreamSpec,
};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::wait::{PATIENCE, wait_until};

/// The collection that sensors write to, unless a test says otherwise.
pub const PARKS: &str = "parks/noise";

/// A space, and a directory in which its peers live.
#[derive(Debug)]
pub struct Town {
    dir: TempDir,
    /// Who decides in the space.
    pub owner: Owner,
    root: Identity,
}

impl Town {
    /// Founds a space.
    ///
    /// # Panics
    ///
    /// If there is no room for it.
    pub fn found() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let seed = random_seed();
        let owner = Owner::found_with("town", Identity::from_seed(seed)).expect("a space");
        Self { dir, owner, root: Identity::from_seed(seed) }
    }

    /// Where a peer of that name lives.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Where its logs lie: the first segment.
    pub fn logs(&self, name: &str) -> PathBuf {
        self.path(name).join("store/00000001.msec")
    }

    /// A peer that may do everything everywhere.
    pub fn gateway(&self, name: &str) -> PeerConfig {
        self.config(name, "", "relay,read,write")
    }

    /// A leaf that may write everywhere.
    pub fn sensor(&self, name: &str) -> PeerConfig {
        self.config(name, "", "write").interest(Interest::none())
    }

    /// A peer that may read everything.
    pub fn citizen(&self, name: &str) -> PeerConfig {
        self.config(name, "", "read")
    }

    /// The peer of that name, with these rights unless it has some already.
    ///
    /// # Panics
    ///
    /// If the arguments are no rights or no collection.
    pub fn config(&self, name: &str, collection: &str, rights: &str) -> PeerConfig {
        let dir = self.path(name);
        let config = PeerConfig::new(&dir).expect("a data directory").tune(quick);
        if DataDir::at(&dir).membership().expect("readable").is_some() {
            return config;
        }
        let grant = self.owner.grant(config.peer(), collection, rights, 30).expect("a grant");
        config.join(Membership::new(self.owner.manifest(), [grant]))
    }

    /// A grant to read everything that ends at that time.
    pub fn brief_grant(&self, holder: PeerId, not_after: UnixMillis) -> Verified<Grant> {
        let grant = self.owner.grant(holder, "", "read", 1).expect("a grant");
        self.root.sign(Grant { not_after, ..Grant::clone(&grant) })
    }

    /// What a peer of that name is in the space, once it was opened.
    ///
    /// # Panics
    ///
    /// If it was not.
    pub fn membership(&self, name: &str) -> Membership {
        DataDir::at(self.path(name)).membership().expect("readable").expect("a member")
    }
}

/// Shorter pauses than people need, so that tests end sooner. What is tested does not depend on them.
pub fn quick(config: &mut Config) {
    config.store_window = Duration::from_millis(5);
    // Whom a test links, and nobody else.
    config.hearsay_max = 0;
    config.overlay.backoff_min = Duration::from_millis(250);
    config.overlay.fixed_backoff_max = Duration::from_secs(1);
    config.gossip.reconcile_interval = Duration::from_secs(1);
    config.gossip.reconcile_hurry = Duration::from_millis(200);
    config.gossip.want_delay = Duration::from_millis(50);
    config.gossip.backoff_min = Duration::from_millis(200);
}

/// Opens a peer.
///
/// # Panics
///
/// If it does not open.
pub async fn open(config: PeerConfig) -> Peer {
    Peer::open(config).await.expect("the peer opens")
}

/// A sensor's stream.
///
/// # Panics
///
/// If that is no collection.
pub fn stream(collection: &str, name: &str) -> StreamSpec {
    StreamSpec::new(collection, name).expect("a stream").unit("dB")
}

/// The `n`th reading of a sensor.
pub fn reading(n: u64) -> Reading {
    Reading::new(UnixMillis(1_700_000_000_000 + 1_000 * n as i64), n as f64)
}

/// Publishes the readings of these numbers, each as an entry of its own.
///
/// # Panics
///
/// If one is not acknowledged.
pub async fn publish(
    peer: &Peer,
    stream: &StreamSpec,
    numbers: impl IntoIterator<Item = u64>,
) -> Vec<Receipt> {
    let mut receipts = Vec::new();
    for n in numbers {
        let answer = timeout(PATIENCE, peer.publish(stream, &[reading(n)])).await;
        receipts.push(answer.expect("answered").expect("acknowledged"));
    }
    receipts
}

/// All readings in a peer's store.
///
/// # Panics
///
/// If the store cannot be read.
pub async fn rows(peer: &Peer) -> Vec<Row> {
    let answer = timeout(PATIENCE, peer.query(Query::default())).await;
    let mut rows = answer.expect("answered").expect("the store can be read");
    rows.sort_by_key(|row| (row.log, row.position));
    rows
}

/// The numbers of the readings in a peer's store, sorted, one that lies there twice twice.
pub async fn numbers(peer: &Peer) -> Vec<u64> {
    let mut numbers: Vec<_> = rows(peer).await.iter().map(|row| row.reading.value as u64).collect();
    numbers.sort_unstable();
    numbers
}

/// Waits until exactly the readings of these numbers are in a peer's store.
pub async fn holds(peer: &Peer, expected: impl IntoIterator<Item = u64>) {
    let expected: Vec<_> = expected.into_iter().collect();
    let what = format!("{} holds {} readings", peer.id().short(), expected.len());
    wait_until(&what, async || numbers(peer).await == expected).await;
}

/// Waits until a peer has so many neighbours.
pub async fn linked(peer: &Peer, neighbours: usize) {
    wait_until(&format!("{} has {neighbours} neighbours", peer.id().short()), async || {
        peer.neighbours().await.is_ok_and(|found| found.len() == neighbours)
    })
    .await;
}

/// What a peer tells, from now on.
#[derive(Debug, Clone)]
pub struct Notes {
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    events: Vec<Event>,
    missed: u64,
}

impl Notes {
    /// Takes down what `peer` tells, until it is closed.
    pub fn of(peer: &Peer) -> Self {
        let taken = Arc::<Mutex<Taken>>::default();
        let (mut told, notes) = (peer.subscribe(), taken.clone());
        tokio::spawn(async move {
            while let Some(notice) = told.next().await {
                let mut notes = notes.lock().expect("nobody panics while writing");
                match notice {
                    Notice::Event(event) => notes.events.push(event),
                    Notice::Missed(missed) => notes.missed += missed,
                }
            }
        });
        Self { taken }
    }

    /// All of it.
    ///
    /// # Panics
    ///
    /// If some were missed: what follows from them would not be true.
    pub fn events(&self) -> Vec<Event> {
        let taken = self.taken.lock().expect("nobody panics while writing");
        assert_eq!(taken.missed, 0, "the notes are not complete");
        taken.events.clone()
    }

    /// What was refused.
    pub fn refused(&self) -> Vec<Refused> {
        let refused = |event| match event {
            Event::Refused(refused) => Some(refused),
            _ => None,
        };
        self.events().into_iter().filter_map(refused).collect()
    }

    /// The kinds of what was refused.
    pub fn refused_kinds(&self) -> Vec<RefusedKind> {
        self.refused().into_iter().map(|refused| refused.kind).collect()
    }

    /// How many streams went on in a new log.
    pub fn incarnations(&self) -> usize {
        self.events().iter().filter(|event| matches!(event, Event::NewIncarnation { .. })).count()
    }

    /// The numbers of the readings that were verified, in the order in which they were.
    pub fn verified(&self) -> Vec<u64> {
        let readings = |event| match event {
            Event::Verified(measured) => measured.readings,
            _ => Vec::new(),
        };
        self.events().into_iter().flat_map(readings).map(|reading| reading.value as u64).collect()
    }

    /// Waits until something of that kind was refused, and returns what was first.
    pub async fn refuses(&self, kind: RefusedKind) -> Refused {
        let first = || self.refused().into_iter().find(|refused| refused.kind == kind);
        wait_until(&format!("{kind:?} is refused"), async || first().is_some()).await;
        first().expect("waited for")
    }
}

/// The logs that rows come from.
pub fn logs_of(rows: &[Row]) -> BTreeSet<String> {
    rows.iter().map(|row| row.log.to_string()).collect()
}

/// Flips a bit in every byte of a part of a file.
///
/// # Panics
///
/// If the file is shorter.
pub fn tamper(file: &Path, at: impl FnOnce(u64) -> u64, bytes: usize) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::OpenOptions::new().read(true).write(true).open(file).expect("the file");
    let at = at(file.metadata().expect("the file").len());
    let mut part = vec![0; bytes];
    file.read_exact_at(&mut part, at).expect("a file that long");
    part.iter_mut().for_each(|byte| *byte ^= 0x10);
    file.write_all_at(&part, at).expect("written");
    file.sync_all().expect("synced");
}
