//! How a peer is opened.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use msec_gossip::Interest;
use msec_identity::{CollectionPath, Identity, PeerId};

#[cfg(feature = "index")]
use super::claiming::Claims;
use super::data_dir::DataDir;
use super::error::DataDirError;
use super::invitation::Membership;
#[cfg(feature = "index")]
use super::retaining::Keep;
use crate::net::Addresses;
#[cfg(feature = "iroh")]
use crate::net::{IrohAddress, WideArea, random_seed};
use crate::node::{ClassLease, Config, Contact, Role};

/// How a peer is opened: where it lives, where it listens, whom it dials.
#[derive(Debug)]
pub struct PeerConfig {
    pub(crate) dir: DataDir,
    pub(crate) identity: Identity,
    pub(crate) membership: Option<Membership>,
    pub(crate) addresses: Addresses,
    pub(crate) mdns: bool,
    /// Where others are told that it listens. Empty: at the addresses of the machine.
    pub(crate) advertise: Vec<SocketAddr>,
    #[cfg(feature = "index")]
    pub(crate) claims: Option<Claims>,
    #[cfg(feature = "index")]
    pub(crate) keep: Keep,
    pub(crate) node: Config,
}

impl PeerConfig {
    /// The peer that lives in this directory; a new identity if nobody does. It listens on any port of loopback.
    pub fn new(data_dir: impl Into<PathBuf>) -> Result<Self, DataDirError> {
        Self::of(DataDir::at(data_dir))
    }

    /// As [`PeerConfig::new`], for a directory whose key may lie under a passphrase.
    pub fn of(dir: DataDir) -> Result<Self, DataDirError> {
        let identity = dir.identity_or_init()?;
        let addresses = Addresses {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            #[cfg(feature = "iroh")]
            wide: WideArea::default(),
        };
        Ok(Self {
            dir,
            identity,
            membership: None,
            addresses,
            mdns: false,
            advertise: Vec::new(),
            #[cfg(feature = "index")]
            claims: None,
            #[cfg(feature = "index")]
            keep: Keep::default(),
            node: Config { receipts: true, ..Config::default() },
        })
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
        self.addresses.listen = address;
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

    /// Tells others that it can be dialled at this address too, for instance that of a router which forwards it. Once one
    /// is given, only those that are given are told, at most [`msec_identity::ADDRESSES_MAX`]. Default: where it listens;
    /// where that is a wildcard, the addresses of the machine's interfaces.
    #[must_use]
    pub fn advertise(mut self, address: SocketAddr) -> Self {
        self.advertise.push(address);
        self
    }

    /// Relays nothing of what others say, and is not told of to others: for sensors, phones, and whatever sleeps. Of the
    /// places that it is interested in it tells, and holds, cells of about 1 km, so that nobody is told where it is.
    #[must_use]
    pub fn leaf(mut self) -> Self {
        self.node.role = Role::Leaf;
        self
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

    /// Listens there for iroh too, on this one address of this machine. Whoever dials it is told [`PeerConfig::iroh_address`].
    ///
    /// The endpoint has a key of its own, which is made now and ends with the process. It is not who the peer is.
    #[cfg(feature = "iroh")]
    #[must_use]
    pub fn listen_iroh(mut self, address: SocketAddr) -> Self {
        self.addresses.wide.listen = Some((address, random_seed()));
        self
    }

    /// Where the peer can be dialled over iroh once it is open. `None` if it does not listen for iroh, or on a port that is
    /// chosen when it opens: then [`super::Peer::iroh_address`] tells.
    #[cfg(feature = "iroh")]
    pub fn iroh_address(&self) -> Option<IrohAddress> {
        self.addresses.wide.address()
    }

    /// Dials this address over iroh, and keeps a link with whoever the space admits there. It dials from where it listens
    /// for iroh; without that, from any port of the address that it listens on.
    #[cfg(feature = "iroh")]
    #[must_use]
    pub fn contact_iroh(self, address: IrohAddress) -> Self {
        self.contact_iroh_at(address, None)
    }

    /// As [`PeerConfig::contact_iroh`], and accepts only this peer there.
    #[cfg(feature = "iroh")]
    #[must_use]
    pub fn contact_iroh_peer(self, address: IrohAddress, peer: PeerId) -> Self {
        self.contact_iroh_at(address, Some(peer))
    }

    #[cfg(feature = "iroh")]
    fn contact_iroh_at(mut self, address: IrohAddress, peer: Option<PeerId>) -> Self {
        let address = self.addresses.wide.contacts.add(address);
        self.node.contacts.push(Contact { address, peer });
        self
    }

    /// Holds what lies in these collections, and near these places, and is no older than that, beside the streams that it
    /// writes: `Interest::of(["parks"])?.near(43.46, -3.80, 500.0)?.since(time)`. What has no place is wanted wherever it
    /// is. Default: everything that its grants allow.
    #[must_use]
    pub fn interest(mut self, interest: Interest) -> Self {
        self.node.interest = interest;
        self
    }

    /// Spares the flash card in this collection and those below it: entries wait up to a second, or for 49 others, and go to
    /// the disk together. What is acknowledged is on disk there too, only later. Default: each goes as soon as the disk is
    /// ready.
    #[must_use]
    pub fn thrifty(mut self, collection: CollectionPath) -> Self {
        self.node.thrifty.push(collection);
        self
    }

    /// Claims what hours come to, as these settings say, and countersigns what others claimed. Default: it does not.
    #[cfg(feature = "index")]
    #[must_use]
    pub fn claims(mut self, claims: Claims) -> Self {
        self.claims = Some(claims);
        self
    }

    /// Lets go of what these rules don't keep, once others hold it. Default: there are none, and all is kept.
    #[cfg(feature = "index")]
    #[must_use]
    pub fn keep(mut self, keep: Keep) -> Self {
        self.keep = keep;
        self
    }

    /// How fresh it has to be for one class of data. Default: [`crate::node::Leases`].
    #[must_use]
    pub fn lease(mut self, lease: ClassLease) -> Self {
        self.node.leases.set(lease);
        self
    }

    /// Changes the settings of the node.
    #[must_use]
    pub fn tune(mut self, tune: impl FnOnce(&mut Config)) -> Self {
        tune(&mut self.node);
        self
    }
}
