//! The sockets of a peer: one for QUIC, and what else carries links.

use std::net::SocketAddr;

use quinn::Endpoint;

use super::endpoint::{self, Connector};
use super::error::BindError;
use super::reception::Reception;
#[cfg(feature = "iroh")]
use super::wide;

/// Where a peer listens, and whom it reaches how.
#[derive(Debug)]
pub(crate) struct Addresses {
    pub(crate) listen: SocketAddr,
    #[cfg(feature = "iroh")]
    pub(crate) wide: wide::WideArea,
}

/// Sockets that are bound, and not used yet.
#[derive(Debug)]
pub(crate) struct Sockets {
    near: Endpoint,
    #[cfg(feature = "iroh")]
    wide: wide::Endpoints,
}

impl Sockets {
    pub(crate) async fn bind(addresses: &Addresses) -> Result<Self, BindError> {
        Ok(Self {
            near: endpoint::bind(addresses.listen)?,
            #[cfg(feature = "iroh")]
            wide: wide::Endpoints::bind(&addresses.wide, addresses.listen.ip()).await?,
        })
    }

    /// Where the socket for QUIC is.
    pub(crate) fn address(&self) -> std::io::Result<SocketAddr> {
        self.near.local_addr()
    }

    /// Where the peer is dialled over iroh.
    #[cfg(feature = "iroh")]
    pub(crate) fn iroh_address(&self) -> Option<wide::IrohAddress> {
        self.wide.address()
    }
}

/// All that makes links.
#[derive(Debug, Clone)]
pub(super) struct Connectors {
    near: Connector,
    #[cfg(feature = "iroh")]
    wide: wide::Connector,
}

impl Connectors {
    pub(super) fn new(sockets: Sockets, reception: Reception) -> Self {
        Self {
            #[cfg(feature = "iroh")]
            wide: wide::Connector::new(sockets.wide, reception.clone()),
            near: Connector::new(sockets.near, reception),
        }
    }

    /// Takes in whoever connects, until all is closed.
    pub(super) fn accept(&self) {
        tokio::spawn(self.near.clone().accept());
        #[cfg(feature = "iroh")]
        {
            tokio::spawn(self.wide.clone().accept());
            tokio::spawn(self.wide.clone().turn_away());
        }
    }

    /// An address as a contact is written.
    pub(super) fn name(&self, address: SocketAddr) -> String {
        #[cfg(feature = "iroh")]
        if let Some(contact) = self.wide.contact(address) {
            return contact.to_string();
        }
        address.to_string()
    }

    /// Dials an address, and tells the driver what became of it.
    pub(super) fn dial(&self, address: SocketAddr) {
        #[cfg(feature = "iroh")]
        if self.wide.dial(address) {
            return;
        }
        self.near.dial(address);
    }

    /// Closes all connections, and waits until their other ends were told.
    pub(super) async fn close(&self) {
        #[cfg(feature = "iroh")]
        tokio::join!(self.near.close(), self.wide.close());
        #[cfg(not(feature = "iroh"))]
        self.near.close().await;
    }
}
