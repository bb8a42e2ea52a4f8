//! The endpoint of one life of a peer, and who is let in: what `endpoint` and `reception` are in the driver.

use std::collections::{BTreeMap, BTreeSet};

use msec_peer::node::LinkId;
use msec_peer::wire::{RETRY_ABOVE, STRANGERS_MAX};
use quinn_proto::{ClientConfig, Connection, ConnectionHandle, Endpoint, Incoming, Transmit};

use super::link::Moment;

/// The endpoint of a peer that is up.
pub(super) struct Host {
    pub(super) endpoint: Endpoint,
    /// What it dials with.
    pub(super) dialling: ClientConfig,
    /// Its ends of connections.
    pub(super) handles: BTreeMap<ConnectionHandle, LinkId>,
    /// Which of them are to be looked at.
    pub(super) marked: BTreeSet<LinkId>,
    /// Who connected and is not admitted yet.
    pub(super) strangers: usize,
}

impl Host {
    pub(super) fn new((endpoint, dialling): (Endpoint, ClientConfig)) -> Self {
        Self { endpoint, dialling, handles: BTreeMap::new(), marked: BTreeSet::new(), strangers: 0 }
    }

    /// Decides about somebody who connects. Returns the connection, if it is taken in, and what is to be answered at once.
    pub(super) fn welcome(
        &mut self,
        now: Moment,
        incoming: Incoming,
        answer: &mut Vec<u8>,
    ) -> (Option<(ConnectionHandle, Connection)>, Option<Transmit>) {
        answer.clear();
        if self.strangers >= STRANGERS_MAX {
            return (None, Some(self.endpoint.refuse(incoming, answer)));
        }
        if self.strangers >= RETRY_ABOVE && !incoming.remote_address_validated() {
            // Fails only for an address that has proven itself already.
            return (None, self.endpoint.retry(incoming, answer).ok());
        }
        match self.endpoint.accept(incoming, now.instant, answer, None) {
            Ok(quic) => {
                self.strangers += 1;
                (Some(quic), None)
            }
            Err(refused) => (None, refused.response),
        }
    }
}
