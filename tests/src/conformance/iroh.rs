//! A mesh over iroh, on loopback.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};

use msec_peer::{IrohAddress, Peer, PeerConfig};

use super::real::{RealMesh, Wiring};
use super::{LinkState, No};

/// Whole peers over iroh on loopback.
pub type IrohMesh = RealMesh<Direct>;

/// Peers dial each other where they listen. A peer that comes back has another key and another address, as every process
/// does that uses iroh, so that it dials and is not dialled any more.
#[derive(Debug, Default)]
pub struct Direct {
    addresses: BTreeMap<No, IrohAddress>,
}

/// An address of loopback that nobody else uses: whom a peer dials must be known before either of the two is open. Each has
/// another host, as peers have elsewhere.
fn free_address() -> SocketAddr {
    const FIRST_PORT: u16 = 20_000;
    const HOSTS: u16 = 250;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    // All of 127/8 is loopback. Two processes whose ids end alike do not run at once.
    let [.., high, low] = std::process::id().to_be_bytes();
    let host = u8::try_from(1 + n % HOSTS).expect("a remainder");
    SocketAddr::from((Ipv4Addr::new(127, high, low, host), FIRST_PORT + n / HOSTS))
}

impl Wiring for Direct {
    fn listen(&mut self, peer: No, config: PeerConfig) -> PeerConfig {
        let config = config.listen_iroh(free_address());
        self.addresses.insert(peer, config.iroh_address().expect("a port was chosen"));
        config
    }

    async fn dial(&mut self, _: No, to: No, config: PeerConfig) -> PeerConfig {
        config.contact_iroh(self.addresses[&to].clone())
    }

    fn started(&mut self, no: No, peer: &Peer) {
        assert_eq!(peer.iroh_address(), self.addresses.get(&no), "it is where it was said to be");
    }

    fn set_link(&mut self, _: No, _: No, state: LinkState) {
        assert_eq!(state, LinkState::Whole, "nobody stands between two that use iroh");
    }
}
