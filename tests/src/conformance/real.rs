//! A mesh of whole peers on loopback, in real time, whatever carries their links.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use msec_peer::gossip::Interest;
use msec_peer::{DataDir, Membership, Owner, Peer, PeerConfig, Query, Reading, Receipt, Refused, StreamSpec};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::{Held, LinkState, Member, Mesh, No};
use crate::town::{Notes, quick};
use crate::wait::PATIENCE;

/// How the peers of a mesh reach each other.
pub trait Wiring: Default {
    /// Where a peer is to listen. It is asked before anybody dials that peer, and again each time that the peer starts.
    fn listen(&mut self, peer: No, config: PeerConfig) -> PeerConfig;

    /// Makes `to` a contact of `from`.
    fn dial(&mut self, from: No, to: No, config: PeerConfig) -> impl Future<Output = PeerConfig>;

    /// A peer has started.
    fn started(&mut self, no: No, peer: &Peer);

    /// Lets the link between two peers be whole or broken.
    fn set_link(&mut self, a: No, b: No, state: LinkState);
}

/// Whole peers with their stores on disk.
#[derive(Debug)]
pub struct RealMesh<W> {
    runtime: Runtime,
    dir: TempDir,
    owner: Owner,
    peers: Vec<RealPeer>,
    /// Those that will start, and where they will listen is known already.
    coming: BTreeMap<No, PeerConfig>,
    wiring: W,
    started: Instant,
    patience: Duration,
}

#[derive(Debug)]
struct RealPeer {
    member: Member,
    /// `None` while it is away.
    peer: Option<Peer>,
    /// Of each time that it ran.
    notes: Vec<Notes>,
}

impl<W: Wiring> Default for RealMesh<W> {
    fn default() -> Self {
        Self::patient_for(PATIENCE)
    }
}

impl<W: Wiring> RealMesh<W> {
    /// A mesh without peers, in which something that takes longer does not happen.
    ///
    /// # Panics
    ///
    /// If the system gives it no threads or no directory.
    pub fn patient_for(patience: Duration) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        Self {
            runtime,
            dir: tempfile::tempdir().expect("a temporary directory"),
            owner: Owner::found("mesh").expect("a space"),
            peers: Vec::new(),
            coming: BTreeMap::new(),
            wiring: W::default(),
            started: Instant::now(),
            patience,
        }
    }

    /// Decides where a peer listens when it starts next.
    fn prepare(&mut self, peer: No) {
        if !self.coming.contains_key(&peer) && self.peer(peer).is_none() {
            let dir = self.dir.path().join(peer.0.to_string());
            let config = PeerConfig::new(dir).expect("a data directory").tune(quick);
            self.coming.insert(peer, self.wiring.listen(peer, config));
        }
    }

    fn config(&mut self, peer: No) -> PeerConfig {
        let Member { grant, interest, contacts } = self.peers[peer.0].member.clone();
        for no in contacts.iter().copied().chain([peer]) {
            self.prepare(no);
        }
        let mut config = self.coming.remove(&peer).expect("prepared");
        let dir = DataDir::at(self.dir.path().join(peer.0.to_string()));
        if dir.membership().expect("readable").is_none() {
            let granted = |(rights, collection)| self.owner.grant(config.peer(), collection, rights, 30);
            let grant = grant.map(granted).transpose().expect("a grant");
            config = config.join(Membership::new(self.owner.manifest(), grant));
        }
        let interest =
            interest.map_or_else(Interest::none, |prefix| Interest::of([prefix]).expect("a prefix"));
        config = config.interest(interest);
        for to in contacts {
            config = self.runtime.block_on(self.wiring.dial(peer, to, config));
        }
        config
    }

    /// A peer, unless it is away.
    pub fn peer(&self, peer: No) -> Option<&Peer> {
        self.peers.get(peer.0).and_then(|it| it.peer.as_ref())
    }

    /// Runs something that needs the mesh's runtime.
    pub fn block_on<T>(&self, something: impl Future<Output = T>) -> T {
        self.runtime.block_on(something)
    }
}

impl<W: Wiring> Mesh for RealMesh<W> {
    fn add(&mut self, member: Member) -> No {
        let no = No(self.peers.len());
        self.peers.push(RealPeer { member, peer: None, notes: Vec::new() });
        self.start(no);
        no
    }

    fn peers(&self) -> impl Iterator<Item = No> + use<W> {
        (0..self.peers.len()).map(No)
    }

    fn publish(&mut self, peer: No, stream: &StreamSpec, readings: &[Reading]) -> anyhow::Result<Receipt> {
        let it = self.peer(peer).context("the peer is away")?;
        let published = async { timeout(self.patience, it.publish(stream, readings)).await };
        Ok(self.runtime.block_on(published).context("a publication is not answered")??)
    }

    fn set_link(&mut self, a: No, b: No, state: LinkState) {
        self.wiring.set_link(a, b, state);
    }

    fn stop(&mut self, peer: No) {
        if let Some(it) = self.peers[peer.0].peer.take() {
            self.runtime.block_on(it.close());
        }
    }

    fn start(&mut self, peer: No) {
        let config = self.config(peer);
        let it = self.runtime.block_on(Peer::open(config)).expect("the peer opens");
        let notes = self.runtime.block_on(async { Notes::of(&it) });
        self.wiring.started(peer, &it);
        self.peers[peer.0].notes.push(notes);
        self.peers[peer.0].peer = Some(it);
    }

    fn pass(&mut self, time: Duration) {
        std::thread::sleep(time);
    }

    fn time(&self) -> Duration {
        self.started.elapsed()
    }

    fn readings_of(&mut self, peer: No) -> Held {
        let Some(it) = self.peer(peer) else { return Held::new() };
        let rows = self.runtime.block_on(it.query(Query::default())).expect("the store answers");
        let mut held: Held = rows
            .iter()
            .map(|row| (row.stream().to_owned(), row.reading.time.0, row.reading.value as u64))
            .collect();
        held.sort();
        held
    }

    fn refused_of(&mut self, peer: No) -> Vec<Refused> {
        self.peers[peer.0].notes.iter().flat_map(Notes::refused).collect()
    }

    fn neighbours_of(&mut self, peer: No) -> usize {
        let Some(it) = self.peer(peer) else { return 0 };
        self.runtime.block_on(it.neighbours()).map_or(0, |neighbours| neighbours.len())
    }

    fn patience(&self) -> Duration {
        self.patience
    }
}

impl<W> Drop for RealMesh<W> {
    fn drop(&mut self) {
        let closing: Vec<_> = self.peers.iter_mut().filter_map(|it| it.peer.take()).collect();
        self.runtime.block_on(async {
            let closing: Vec<_> = closing.into_iter().map(|peer| tokio::spawn(peer.close())).collect();
            for peer in closing {
                // One that broke off is closed too.
                let _ = peer.await;
            }
        });
    }
}
