//! Dialling: a knock, and an answer.

use std::net::SocketAddr;
use std::time::Duration;

use msec_identity::handshake::ChannelBinding;
use msec_peer::node::{DialFailure, LinkId};

use super::Network;
use super::connection::{Connection, End, Path, State, name, place};
use crate::PeerIndex;
use crate::happening::{Happening, Knock, Life};
use crate::link::PACKET_BYTES;
use crate::queue::Queue;

/// What a packet that opens a connection carries: it is padded to 1,200 bytes (RFC 9000, section 14.1).
const OPENING_BYTES: usize = PACKET_BYTES;

impl Network {
    /// Dials an address.
    pub(crate) fn dial(
        &mut self,
        now: Duration,
        queue: &mut Queue<Happening>,
        dialler: Life,
        address: SocketAddr,
    ) {
        let (path, at) = match self.path(dialler.peer, address) {
            Some(Path::Plain) => (Path::Plain, Some(now + self.model.link.sure_delay(&mut self.dice))),
            Some(Path::Lines(route)) => (Path::Lines(route), self.lines.signal(now, route, 0, OPENING_BYTES)),
            None => (Path::Plain, None),
        };
        let knock = Knock { dialler, address, path, since: now };
        match at {
            Some(at) => queue.push(at, Happening::Knock(Box::new(knock))),
            None => self.dial_failed(now, queue, knock),
        }
    }

    /// How a peer reaches an address, if it does. Where nobody can live, a packet is lost like any other.
    pub(super) fn path(&self, from: PeerIndex, address: SocketAddr) -> Option<Path> {
        let Some(to) = PeerIndex::at(address) else { return Some(Path::Plain) };
        if self.lines.is_plain(from) || (self.places.position(to).is_some() && self.lines.is_plain(to)) {
            return Some(Path::Plain);
        }
        self.lines.route(from, to, self.places.distance_m(from, to)).map(Path::Lines)
    }

    /// The dial came through to `host`, if somebody is up there. Returns the new end.
    pub(crate) fn knock(
        &mut self,
        now: Duration,
        queue: &mut Queue<Happening>,
        knock: Knock,
        host: Option<PeerIndex>,
    ) -> Option<(LinkId, ChannelBinding)> {
        let Some(host) = host.filter(|host| self.is_open(knock.dialler.peer, *host, knock.path)) else {
            self.dial_failed(now, queue, knock);
            return None;
        };
        let binding = ChannelBinding(self.dice.bytes());
        let told = match knock.path {
            Path::Plain => Some(now + self.model_of(knock.dialler.peer, host).sure_delay(&mut self.dice)),
            Path::Lines(route) => self.lines.signal(now, route, 1, OPENING_BYTES),
        };
        let Some(told) = told else {
            self.dial_failed(now, queue, knock);
            return None;
        };
        let mut ends = [End::new(knock.dialler.peer, State::Coming), End::new(host, State::Open)];
        // What the host says comes after the news that it is there.
        ends[1].line.ordered_until = told;
        let connection = self.connections.add(Connection {
            ends,
            binding,
            path: knock.path,
            up_since: None,
            active: now,
            cut: None,
            silent: false,
            stalled: Vec::new(),
            stalled_bytes: 0,
        });
        queue.push(told, Happening::Answered { link: name(connection, 0), knock: Box::new(knock) });
        Some((name(connection, 1), binding))
    }

    /// The dialler hears that its connection is up, if it still can.
    pub(crate) fn answered(
        &mut self,
        now: Duration,
        queue: &mut Queue<Happening>,
        link: LinkId,
        knock: Knock,
    ) -> Option<ChannelBinding> {
        let (connection, side) = place(link);
        let it = self.connections.get_mut(connection)?;
        if it.ends[side].state != State::Coming {
            return None;
        }
        if it.cut.is_some() {
            self.leave(now, queue, link, self.model.idle_timeout);
            self.dial_failed(now, queue, knock);
            return None;
        }
        it.ends[side].state = State::Open;
        it.up_since = Some(now);
        let (binding, path) = (it.binding, it.path);
        if let Path::Lines(route) = path {
            // The last flight of the TLS handshake, padded as the first; what follows does not wait until it is there.
            let _ = self.lines.signal(now, route, side, OPENING_BYTES);
        }
        self.remember(now, connection, true);
        Some(binding)
    }

    fn dial_failed(&self, now: Duration, queue: &mut Queue<Happening>, knock: Knock) {
        let at = now.max(knock.since + self.model.connect_timeout);
        let (life, address, why) = (knock.dialler, knock.address, DialFailure::TimedOut);
        queue.push(at, Happening::DialFailed { life, address, why });
    }
}
