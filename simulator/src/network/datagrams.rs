//! Datagrams, and the connections that are made of them: for the wire whose packets are real ones.
//!
//! They take the same paths, queues and losses as messages do. A connection keeps the path on which its first datagram
//! left, in both directions, as a NAT does.

use std::net::SocketAddr;
use std::time::Duration;

use msec_peer::node::LinkId;

use super::{LinkEvent, LinkView, Network, Path};
use crate::PeerIndex;
use crate::link::LinkModel;

/// How datagrams of a connection get from one of its ends to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) from: PeerIndex,
    pub(crate) to: PeerIndex,
    path: Path,
    /// 0: from who dialled.
    side: usize,
}

impl Way {
    /// The way back.
    pub(crate) fn back(self) -> Self {
        Self { from: self.to, to: self.from, path: self.path, side: 1 - self.side }
    }
}

/// What becomes of a datagram at its sender.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Sent {
    Lost,
    /// It leaves on a link that has this model.
    On(LinkModel),
    /// It comes through the receiver's interface then, unless that is busy; see [`Network::hear_datagram`].
    Reaches(Duration),
}

impl Network {
    /// How a peer reaches an address, or `nobody` there. `None`: not at all.
    pub(crate) fn way(&self, from: PeerIndex, address: SocketAddr, nobody: PeerIndex) -> Option<Way> {
        let to = PeerIndex::at(address).unwrap_or(nobody);
        self.path(from, address).map(|path| Way { from, to, path, side: 0 })
    }

    /// Sends a datagram of that many bytes, those of UDP and IP among them.
    pub(crate) fn send_datagram(&mut self, now: Duration, way: Way, bytes: usize) -> Sent {
        if !self.is_open(way.from, way.to, way.path) {
            return Sent::Lost;
        }
        match way.path {
            Path::Plain => Sent::On(self.model_of(way.from, way.to)),
            Path::Lines(route) => {
                self.lines.datagram(now, route, way.side, bytes).map_or(Sent::Lost, Sent::Reaches)
            }
        }
    }

    /// A datagram has come to its receiver's interface. Returns when it is through.
    pub(crate) fn hear_datagram(&mut self, now: Duration, way: Way, bytes: usize) -> Duration {
        match way.path {
            Path::Plain => now,
            Path::Lines(route) => self.lines.datagram_heard(now, route, 1 - way.side, bytes),
        }
    }

    /// A connection of datagrams is up: it is seen from now on.
    pub(crate) fn show(&mut self, now: Duration, way: Way, link: LinkId) {
        let class = match way.path {
            Path::Plain => None,
            Path::Lines(route) => Some(self.lines.class_of(route)),
        };
        let view = LinkView { a: way.from, b: way.to, class, up_since: now };
        self.shown.insert((way.from, way.to, link), view);
        self.history.add(LinkEvent { at: now, link: view, is_up: true });
    }

    /// It is gone.
    pub(crate) fn hide(&mut self, now: Duration, way: Way, link: LinkId) {
        if let Some(view) = self.shown.remove(&(way.from, way.to, link)) {
            self.history.add(LinkEvent { at: now, link: view, is_up: false });
        }
    }
}
