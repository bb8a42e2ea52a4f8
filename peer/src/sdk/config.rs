//! How a peer is opened.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use msec_gossip::Interest;
use msec_identity::{Identity, PeerId};

use super::data_dir::DataDir;
use super::error::DataDirError;
use super::invitation::Membership;
use crate::node::{Config, Contact};

/// How a peer is opened: where it lives, where it listens, whom it dials.
#[derive(Debug)]
pub struct PeerConfig {
    pub(crate) dir: DataDir,
    pub(crate) identity: Identity,
    pub(crate) membership: Option<Membership>,
    pub(crate) listen: SocketAddr,
    pub(crate) mdns: bool,
    pub(crate) node: Config,
}

impl PeerConfig {
    /// The peer that lives in this directory; a new identity if nobody does. It listens on any port of loopback.
    pub fn new(data_dir: impl Into<PathBuf>) -> Result<Self, DataDirError> {
        let dir = DataDir::at(data_dir);
        let identity = dir.identity_or_init()?;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Ok(Self { dir, identity, membership: None, listen, mdns: false, node: Config::default() })
    }

    /// Who it is.
    pub fn peer(&self) -> PeerId {
        self.identity.peer()
    }

    /// In this space. It is written to the data directory when the peer opens, and need not be given again.
    #[must_use]
    pub fn join(mut self, membership: Membership) -> Self {
        self.membership = Some(membership);
        self
    }

    /// Listens there.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Looks for peers of the space on the own link by mDNS and dials them, and lets itself be found. Default: no.
    ///
    /// It does so on the interfaces that it listens on: with [`PeerConfig::listen`] on `0.0.0.0:0` all of them.
    #[must_use]
    pub fn mdns(mut self, yes: bool) -> Self {
        self.mdns = yes;
        self
    }

    /// Listens on every interface, on any port that is free, and finds and is found by mDNS.
    #[must_use]
    pub fn on_lan(self) -> Self {
        self.listen(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))).mdns(true)
    }

    /// Dials this address, and keeps a link with whoever the space admits there.
    #[must_use]
    pub fn contact(mut self, address: SocketAddr) -> Self {
        self.node.contacts.push(Contact { address, peer: None });
        self
    }

    /// Dials this address, and accepts only this peer there.
    #[must_use]
    pub fn contact_peer(mut self, address: SocketAddr, peer: PeerId) -> Self {
        self.node.contacts.push(Contact { address, peer: Some(peer) });
        self
    }

    /// Holds these collections, beside the streams that it writes. Default: everything that its grants allow.
    #[must_use]
    pub fn interest(mut self, interest: Interest) -> Self {
        self.node.interest = interest;
        self
    }

    /// Changes the settings of the node.
    #[must_use]
    pub fn tune(mut self, tune: impl FnOnce(&mut Config)) -> Self {
        tune(&mut self.node);
        self
    }
}
