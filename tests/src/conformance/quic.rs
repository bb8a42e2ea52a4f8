//! A mesh on loopback QUIC.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::SocketAddr;

use msec_peer::{Peer, PeerConfig};

use super::real::{RealMesh, Wiring};
use super::{LinkState, No};
use crate::proxy::{UdpProxy, Weather};

/// Whole peers on loopback QUIC.
pub type QuicMesh = RealMesh<Proxies>;

/// Each link runs through a proxy, so that it can be cut, and so that a peer keeps its address when it comes back.
#[derive(Debug, Default)]
pub struct Proxies {
    /// One for each direction in which somebody dials.
    links: BTreeMap<(No, No), UdpProxy>,
    states: BTreeMap<(No, No), LinkState>,
    addresses: BTreeMap<No, SocketAddr>,
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

impl Wiring for Proxies {
    fn listen(&mut self, _: No, config: PeerConfig) -> PeerConfig {
        config
    }

    async fn dial(&mut self, from: No, to: No, config: PeerConfig) -> PeerConfig {
        let proxy = match self.links.entry((from, to)) {
            Entry::Occupied(proxy) => proxy.into_mut(),
            Entry::Vacant(vacant) => {
                let proxy = UdpProxy::new().await;
                proxy.set_weather(weather(self.states.get(&pair(from, to))));
                if let Some(target) = self.addresses.get(&to) {
                    proxy.set_target(*target);
                }
                vacant.insert(proxy)
            }
        };
        config.contact(proxy.address())
    }

    fn started(&mut self, no: No, peer: &Peer) {
        self.addresses.insert(no, peer.address());
        for ((_, to), proxy) in &self.links {
            if *to == no {
                proxy.set_target(peer.address());
            }
        }
    }

    fn set_link(&mut self, a: No, b: No, state: LinkState) {
        self.states.insert(pair(a, b), state);
        for direction in [(a, b), (b, a)] {
            if let Some(proxy) = self.links.get(&direction) {
                proxy.set_weather(weather(Some(&state)));
            }
        }
    }
}
