//! A mesh on loopback QUIC, in real time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use msec_peer::gossip::Interest;
use msec_peer::{DataDir, Membership, Owner, Peer, PeerConfig, Query, Reading, Receipt, Refused, StreamSpec};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::{Held, LinkState, Member, Mesh, No};
use crate::proxy::{UdpProxy, Weather};
use crate::town::{Notes, quick};
use crate::wait::PATIENCE;

/// Whole peers with their stores on disk. Each link runs through a proxy, so that it can be cut, and so that a peer keeps
/// its address when it comes back.
#[derive(Debug)]
pub struct QuicMesh {
    runtime: Runtime,
    dir: TempDir,
    owner: Owner,
    peers: Vec<RealPeer>,
    /// One for each direction in which somebody dials.
    links: BTreeMap<(No, No), UdpProxy>,
    states: BTreeMap<(No, No), LinkState>,
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

impl Default for QuicMesh {
    fn default() -> Self {
        Self::patient_for(PATIENCE)
    }
}

impl QuicMesh {
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
            links: BTreeMap::new(),
            states: BTreeMap::new(),
            started: Instant::now(),
            patience,
        }
    }

    fn config(&mut self, peer: No) -> PeerConfig {
        let dir = self.dir.path().join(peer.0.to_string());
        let Member { grant, interest, contacts } = self.peers[peer.0].member.clone();
        let joined = DataDir::at(&dir).membership().expect("readable").is_some();
        let mut config = PeerConfig::new(dir).expect("a data directory").tune(quick);
        if !joined {
            let granted = |(rights, collection)| self.owner.grant(config.peer(), collection, rights, 30);
            let grant = grant.map(granted).transpose().expect("a grant");
            config = config.join(Membership::new(self.owner.manifest(), grant));
        }
        let interest =
            interest.map_or_else(Interest::none, |prefix| Interest::of([prefix]).expect("a prefix"));
        let addresses: Vec<_> = contacts.iter().map(|contact| self.link(peer, *contact).address()).collect();
        addresses.into_iter().fold(config.interest(interest), PeerConfig::contact)
    }

    /// The proxy through which `from` dials `to`.
    fn link(&mut self, from: No, to: No) -> &UdpProxy {
        let target = self.peers.get(to.0).and_then(|it| it.peer.as_ref()).map(Peer::address);
        let weather = weather(self.states.get(&pair(from, to)));
        let runtime = &self.runtime;
        self.links.entry((from, to)).or_insert_with(|| {
            let proxy = runtime.block_on(UdpProxy::new());
            proxy.set_weather(weather);
            if let Some(target) = target {
                proxy.set_target(target);
            }
            proxy
        })
    }

    fn peer(&self, peer: No) -> Option<&Peer> {
        self.peers.get(peer.0).and_then(|it| it.peer.as_ref())
    }
}

fn pair(a: No, b: No) -> (No, No) {
    (a.min(b), a.max(b))
}

fn weather(state: Option<&LinkState>) -> Weather {
    match state {
        None | Some(LinkState::Whole) => Weather::default(),
        Some(LinkState::Cut) => Weather { cut: true, ..Weather::default() },
        Some(LinkState::Corrupting) => Weather { corrupt_every: 1, ..Weather::default() },
    }
}

impl Mesh for QuicMesh {
    fn add(&mut self, member: Member) -> No {
        let no = No(self.peers.len());
        self.peers.push(RealPeer { member, peer: None, notes: Vec::new() });
        self.start(no);
        no
    }

    fn peers(&self) -> impl Iterator<Item = No> + use<> {
        (0..self.peers.len()).map(No)
    }

    fn publish(&mut self, peer: No, stream: &StreamSpec, readings: &[Reading]) -> anyhow::Result<Receipt> {
        let it = self.peer(peer).context("the peer is away")?;
        let published = async { timeout(self.patience, it.publish(stream, readings)).await };
        Ok(self.runtime.block_on(published).context("a publication is not answered")??)
    }

    fn set_link(&mut self, a: No, b: No, state: LinkState) {
        self.states.insert(pair(a, b), state);
        for direction in [(a, b), (b, a)] {
            if let Some(proxy) = self.links.get(&direction) {
                proxy.set_weather(weather(Some(&state)));
            }
        }
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
        for ((_, to), proxy) in &self.links {
            if *to == peer {
                proxy.set_target(it.address());
            }
        }
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
        let mut held: Held =
            rows.into_iter().map(|row| (row.stream, row.reading.time.0, row.reading.value as u64)).collect();
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

impl Drop for QuicMesh {
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
