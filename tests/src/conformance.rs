//! What a mesh does, whatever carries it: test bodies over [`Mesh`], for simulated links and for real ones.
//!
//! | module | what it holds |
//! |---|---|
//! | [`bodies`] | the bodies, each a function over any mesh |
//! | `simulated` | [`SimMesh`]: `msec_simulator::World`, in virtual time |
//! | `real` | [`RealMesh`]: whole peers on loopback, in real time |
//! | `quic` | [`QuicMesh`]: such peers over QUIC, each link through a proxy |
//! | `iroh` | `IrohMesh`: such peers over iroh, behind the feature of that name |
//!
//! A body says what is wrong as an error, so that a test can demand that it fails: on a link that is broken on purpose a
//! reading must not arrive, or the suite would prove nothing.

pub mod bodies;
#[cfg(feature = "iroh")]
mod iroh;
mod quic;
mod real;
mod simulated;

use std::time::Duration;

use msec_peer::{Reading, Receipt, Refused, StreamSpec};

#[cfg(feature = "iroh")]
pub use iroh::{Direct, IrohMesh};
pub use quic::{Proxies, QuicMesh};
pub use real::{RealMesh, Wiring};
pub use simulated::SimMesh;

/// A peer of a mesh, by the order in which they were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct No(pub usize);

/// What a peer is to be.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its rights, and on which collection; `None`: a stranger.
    pub grant: Option<(&'static str, &'static str)>,
    /// The collections that it holds; `None`: nothing but its own.
    pub interest: Option<&'static str>,
    /// Whom it dials. They may be added later than it.
    pub contacts: Vec<No>,
}

impl Member {
    /// Holds everything, and may do everything.
    pub fn gateway() -> Self {
        Self { grant: Some(("relay,read,write", "")), interest: Some(""), contacts: Vec::new() }
    }

    /// Writes, and holds nothing of others.
    pub fn sensor() -> Self {
        Self { grant: Some(("write", "")), interest: None, ..Self::gateway() }
    }

    /// Reads.
    pub fn citizen() -> Self {
        Self { grant: Some(("read", "")), ..Self::gateway() }
    }

    /// Knows the space, and may do nothing in it.
    pub fn stranger() -> Self {
        Self { grant: None, ..Self::gateway() }
    }

    /// With these rights on that collection.
    #[must_use]
    pub fn granted(mut self, rights: &'static str, collection: &'static str) -> Self {
        self.grant = Some((rights, collection));
        self
    }

    /// Wanting no more than that collection.
    #[must_use]
    pub fn interested_in(mut self, collection: &'static str) -> Self {
        self.interest = Some(collection);
        self
    }

    /// With another peer to dial.
    #[must_use]
    pub fn dials(mut self, peer: No) -> Self {
        self.contacts.push(peer);
        self
    }
}

/// How it stands with the link between two peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// It carries.
    Whole,
    /// Nothing comes through.
    Cut,
    /// All that comes through is changed.
    Corrupting,
}

/// What a peer holds, sorted.
pub type Held = Vec<(String, i64, u64)>;

/// Peers and the links between them.
pub trait Mesh {
    /// Adds a peer, which starts at once.
    fn add(&mut self, member: Member) -> No;

    /// All peers, also those that are away.
    fn peers(&self) -> impl Iterator<Item = No> + use<Self>
    where
        Self: Sized;

    /// Publishes readings as one entry; returns when they are acknowledged.
    fn publish(&mut self, peer: No, stream: &StreamSpec, readings: &[Reading]) -> anyhow::Result<Receipt>;

    /// Lets the link between two peers be whole or broken, now and whenever they link again.
    fn set_link(&mut self, a: No, b: No, state: LinkState);

    /// Takes a peer away. What it acknowledged is on its disk.
    fn stop(&mut self, peer: No);

    /// Starts a peer again that was taken away.
    fn start(&mut self, peer: No);

    /// Lets time pass: virtual or real.
    fn pass(&mut self, time: Duration);

    /// The time that has passed.
    fn time(&self) -> Duration;

    /// What a peer holds: stream, time and value of each reading. Of one that was taken away: nothing.
    fn readings_of(&mut self, peer: No) -> Held;

    /// What a peer refused so far.
    fn refused_of(&mut self, peer: No) -> Vec<Refused>;

    /// How many neighbours a peer has.
    fn neighbours_of(&mut self, peer: No) -> usize;

    /// How long anything may take.
    fn patience(&self) -> Duration;

    /// Lets time pass until something holds.
    fn settle(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) -> anyhow::Result<()>
    where
        Self: Sized,
    {
        const LOOK_EVERY: Duration = Duration::from_millis(20);
        let deadline = self.time() + self.patience();
        while !holds(self) {
            anyhow::ensure!(
                self.time() < deadline,
                "after {:?} it does not hold that {what}",
                self.patience()
            );
            self.pass(LOOK_EVERY);
        }
        Ok(())
    }
}
