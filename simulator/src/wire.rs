//! What carries messages between peers: a model of links, or QUIC itself.
//!
//! Both are driven alike: the world dials, sends, admits and closes, and tells of crashes. What comes back are happenings in
//! its queue. Who reaches whom, and how well, is said of the same links.
//!
//! | module | what it holds |
//! |---|---|
//! | [`crate::network`] | the model: a message takes as long as QUIC would take on such a link |
//! | `quic` | `quinn-proto` connections, whose datagrams take the links |

#[cfg(feature = "quic")]
mod quic;
#[cfg(all(test, feature = "quic"))]
mod tests;

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use msec_peer::gossip::Priority;
#[cfg(feature = "quic")]
use msec_peer::node::Input;
use msec_peer::node::{CloseReason, LinkId};
use msec_peer::outbox::Dropped;
use serde::{Deserialize, Serialize};

#[cfg(feature = "quic")]
pub(crate) use self::quic::{QuicNetwork, Wired};
use crate::PeerIndex;
use crate::error::LinkError;
use crate::happening::{Happening, Life};
use crate::network::{Network, NetworkModel};
use crate::queue::Queue;
use crate::seed::Seed;

/// What carries messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wire {
    /// A model of QUIC, which is fast.
    #[default]
    Modelled,
    /// QUIC, in all but its secrets, on simulated datagrams.
    Quic,
}

/// What was sent over UDP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Datagrams {
    /// Datagrams.
    pub sent: u64,
    /// Their bytes, with the headers of UDP and IPv4.
    pub bytes: u64,
    /// Those that never arrived.
    pub lost: u64,
}

/// The links of a world, and what carries messages over them. What is not said here is said of the links: it is the same for
/// every wire.
pub(crate) struct Carrier {
    links: Network,
    #[cfg(feature = "quic")]
    quic: Option<Box<QuicNetwork>>,
}

impl Deref for Carrier {
    type Target = Network;

    fn deref(&self) -> &Network {
        &self.links
    }
}

impl DerefMut for Carrier {
    fn deref_mut(&mut self) -> &mut Network {
        &mut self.links
    }
}

/// What wires do each in its own way.
impl Carrier {
    pub(crate) fn new(model: NetworkModel, seed: Seed) -> Result<Self, LinkError> {
        #[cfg(not(feature = "quic"))]
        if model.wire == Wire::Quic {
            return Err(LinkError::NoQuic);
        }
        Ok(Self {
            #[cfg(feature = "quic")]
            quic: (model.wire == Wire::Quic).then(|| Box::new(QuicNetwork::new(&model, seed))),
            links: Network::new(model, seed),
        })
    }

    /// Dials an address.
    pub(crate) fn dial(
        &mut self,
        now: Duration,
        queue: &mut Queue<Happening>,
        dialler: Life,
        address: SocketAddr,
    ) {
        #[cfg(feature = "quic")]
        if let Some(quic) = &mut self.quic {
            return quic.dial(now, queue, &self.links, dialler, address);
        }
        self.links.dial(now, queue, dialler, address);
    }

    /// Sends a message from an end. Returns what there was no room for.
    pub(crate) fn send(
        &mut self,
        now: Duration,
        queue: &mut Queue<Happening>,
        link: LinkId,
        priority: Priority,
        bytes: Vec<u8>,
    ) -> Vec<Dropped> {
        #[cfg(feature = "quic")]
        if let Some(quic) = &mut self.quic {
            return quic.send(now, queue, &mut self.links, link, priority, bytes);
        }
        self.links.send(now, queue, link, priority, bytes)
    }

    /// From now on more than the handshake is read at this end.
    pub(crate) fn admitted(&mut self, now: Duration, queue: &mut Queue<Happening>, link: LinkId) {
        #[cfg(feature = "quic")]
        if let Some(quic) = &mut self.quic {
            return quic.admitted(now, queue, link);
        }
        self.links.admitted(now, queue, link);
    }

    /// An end closes, once what was sent before has left.
    pub(crate) fn close(
        &mut self,
        now: Duration,
        queue: &mut Queue<Happening>,
        link: LinkId,
        reason: CloseReason,
    ) {
        #[cfg(feature = "quic")]
        if let Some(quic) = &mut self.quic {
            return quic.close(now, queue, link, reason);
        }
        // The model tells the other end no reason: only people look at it.
        let _ = reason;
        self.links.close(now, queue, link);
    }

    /// A peer is gone, without a word to anybody.
    pub(crate) fn crash(&mut self, now: Duration, queue: &mut Queue<Happening>, peer: PeerIndex) {
        #[cfg(feature = "quic")]
        if let Some(quic) = &mut self.quic {
            quic.crash(now, &mut self.links, peer);
        }
        self.links.crash(now, queue, peer);
    }
}

/// QUIC's own.
#[cfg(feature = "quic")]
impl Carrier {
    /// Something happens on the wire. Returns what a peer is to be told. `is_up`: whether somebody is there to hear it.
    pub(crate) fn wired(
        &mut self,
        now: Duration,
        queue: &mut Queue<Happening>,
        what: Wired,
        is_up: impl FnOnce(PeerIndex) -> bool,
    ) -> Option<(PeerIndex, Vec<Input>)> {
        self.quic.as_mut()?.happen(now, queue, &mut self.links, what, is_up)
    }

    pub(crate) fn quic(&self) -> Option<&QuicNetwork> {
        self.quic.as_deref()
    }

    #[cfg(test)]
    pub(crate) fn quic_mut(&mut self) -> Option<&mut QuicNetwork> {
        self.quic.as_deref_mut()
    }
}
