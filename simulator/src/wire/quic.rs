//! Connections that are QUIC: `quinn-proto` under each peer, and its datagrams on simulated links.
//!
//! | module | what it holds |
//! |---|---|
//! | `config` | how an endpoint is set up, so that nothing in it is left to chance or to a clock |
//! | `host` | the endpoint of one life of a peer, and who is let in |
//! | `session`, `keys` | TLS in the sizes of the real one, without its secrets |
//! | `link` | one end of a connection: a node's messages on its streams, as in the driver |
//! | `writing`, `inbox` | what is being written, and what was read |
//! | `air` | what a link does to a datagram |
//!
//! Flow control, loss recovery, congestion control and the order of streams are quinn-proto's own. A peer that crashes
//! loses its endpoint, and nobody is told. One that starts again has other keys and knows none of its connections.
//!
//! What a node asks for in one go is written in one go, so that messages share datagrams as they do where a driver's tasks
//! run after the node: a link that has something to do is marked, and looked at once at the same virtual time.

mod air;
mod config;
mod host;
mod inbox;
mod keys;
mod link;
mod session;
mod writing;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use msec_peer::gossip::Priority;
use msec_peer::node::{CloseReason, DialFailure, Input, LinkId};
use msec_peer::outbox::Dropped;
use msec_peer::wire::SERVER_NAME;
use quinn_proto::{ConnectionHandle, DatagramEvent, EcnCodepoint, Transmit, TransportConfig};

use self::air::Air;
use self::config::Clock;
use self::host::Host;
use self::link::{Link, Moment};
use crate::PeerIndex;
use crate::happening::{Happening, Life};
use crate::link::Kind;
use crate::network::{Network, NetworkModel, Way};
use crate::queue::Queue;
use crate::seed::Seed;
use crate::stopwatch;
use crate::wire::Datagrams;

/// What UDP and IPv4 put before a datagram (RFC 768, RFC 791).
const HEADER_BYTES: usize = 28;
/// Timers have no finer grain, so that time goes on whatever is due.
const TICK: Duration = Duration::from_micros(1);
/// Datagrams that a connection may write in one go, as in quinn.
const SEGMENTS_MAX: usize = 10;

/// Something that is to happen on this wire.
#[derive(Debug)]
pub(crate) enum Wired {
    /// A datagram reaches a peer.
    Datagram(Box<Datagram>),
    /// Something is due at an end of a connection.
    Alarm(LinkId),
    /// A peer's node has said something, or wants to hear more.
    Flush(PeerIndex),
}

/// A datagram under way.
#[derive(Debug, Clone)]
pub(crate) struct Datagram {
    way: Way,
    /// Whether it is through its receiver's interface.
    heard: bool,
    ecn: Option<EcnCodepoint>,
    bytes: BytesMut,
}

/// All endpoints and their connections.
pub(crate) struct QuicNetwork {
    seed: Seed,
    connect_timeout: Duration,
    /// Virtual time is counted from here. Which instant it is makes no difference: quinn-proto only compares instants.
    base: Instant,
    clock: Clock,
    transport: Arc<TransportConfig>,
    air: Air,
    hosts: BTreeMap<PeerIndex, Host>,
    /// How many lives each peer has had.
    lives: BTreeMap<PeerIndex, u32>,
    links: BTreeMap<LinkId, Box<Link>>,
    next: u64,
    datagrams: Datagrams,
    /// What a connection has to say, while it is cut into datagrams.
    buffer: Vec<u8>,
}

/// Where datagrams go.
struct Out<'a> {
    queue: &'a mut Queue<Happening>,
    links: &'a mut Network,
}

/// What the world asks for; the same as of the modelled network.
impl QuicNetwork {
    pub(crate) fn new(model: &NetworkModel, seed: Seed) -> Self {
        Self {
            seed,
            connect_timeout: model.connect_timeout,
            base: stopwatch::instant(),
            clock: Clock::default(),
            transport: Arc::new(config::transport(model.idle_timeout)),
            air: Air::new(seed.dice("datagrams", 0)),
            hosts: BTreeMap::new(),
            lives: BTreeMap::new(),
            links: BTreeMap::new(),
            next: 0,
            datagrams: Datagrams::default(),
            buffer: Vec::new(),
        }
    }

    pub(crate) fn datagrams(&self) -> Datagrams {
        self.datagrams
    }

    /// Dials an address.
    pub(crate) fn dial(
        &mut self,
        now: Duration,
        queue: &mut Queue<Happening>,
        links: &Network,
        dialler: Life,
        address: SocketAddr,
    ) {
        let (moment, peer) = (self.moment(now), dialler.peer);
        let host = self.host(peer);
        let dialled = host.endpoint.connect(moment.instant, host.dialling.clone(), address, SERVER_NAME);
        // Whoever lives nowhere is dialled all the same: the datagrams go nowhere.
        let (Ok(quic), remote) = (dialled, PeerIndex::at(address).unwrap_or(NOBODY)) else {
            let why = DialFailure::Unreachable;
            return queue.push(now, Happening::DialFailed { life: dialler, address, why });
        };
        let (until, way) = (now + self.connect_timeout, links.way(peer, address, NOBODY));
        let ends = (peer, remote);
        let link = self.admit_link(quic.0, peer, |id| Link::dialled(id, ends, way, address, until, quic));
        self.mark(now, queue, link);
    }

    /// Sends a message from an end. Returns what there was no room for.
    pub(crate) fn send(
        &mut self,
        now: Duration,
        queue: &mut Queue<Happening>,
        links: &mut Network,
        link: LinkId,
        priority: Priority,
        mut bytes: Vec<u8>,
    ) -> Vec<Dropped> {
        let Some(it) = self.links.get_mut(&link).filter(|it| it.is_up()) else { return Vec::new() };
        let kind = match (it.is_admitted(), priority) {
            (false, _) => Kind::Handshake,
            (true, Priority::Control | Priority::Live) => Kind::Live,
            (true, Priority::CatchUp | Priority::Bulk) => Kind::Chunk,
        };
        links.traffic.count(kind, bytes.len());
        // Bits of datagrams would be noticed by QUIC, so that nothing came through. These flip before they are sealed.
        let corrupts = kind != Kind::Handshake && links.paths.corrupts(it.peer, it.remote);
        if corrupts && !bytes.is_empty() {
            let dice = self.air.dice();
            let at = dice.index(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
        }
        let dropped = it.send(priority, bytes);
        self.mark(now, queue, link);
        dropped
    }

    /// From now on more than the handshake is read at this end.
    pub(crate) fn admitted(&mut self, now: Duration, queue: &mut Queue<Happening>, link: LinkId) {
        if let Some(it) = self.links.get_mut(&link) {
            it.admit();
            self.mark(now, queue, link);
        }
    }

    /// An end closes, once what was sent before has left.
    pub(crate) fn close(
        &mut self,
        now: Duration,
        queue: &mut Queue<Happening>,
        link: LinkId,
        reason: CloseReason,
    ) {
        let moment = self.moment(now);
        if let Some(it) = self.links.get_mut(&link) {
            it.close(moment, reason.code());
            self.mark(now, queue, link);
        }
    }

    /// A peer is gone, without a word to anybody.
    pub(crate) fn crash(&mut self, now: Duration, links: &mut Network, peer: PeerIndex) {
        *self.lives.entry(peer).or_default() += 1;
        let Some(host) = self.hosts.remove(&peer) else { return };
        for id in host.handles.into_values() {
            if let Some(way) = self.links.remove(&id).and_then(|link| link.way) {
                links.hide(now, way, id);
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn begin_later(&mut self, by: Duration) {
        self.base += by;
    }

    /// Something happens. Returns what a peer is to be told. Whoever is not up gets no datagrams.
    pub(crate) fn happen(
        &mut self,
        now: Duration,
        queue: &mut Queue<Happening>,
        links: &mut Network,
        what: Wired,
        is_up: impl FnOnce(PeerIndex) -> bool,
    ) -> Option<(PeerIndex, Vec<Input>)> {
        self.clock.set(now);
        let now = self.moment(now);
        let (mut heard, mut out) = (Vec::new(), Out { queue, links });
        match what {
            Wired::Datagram(datagram) => {
                let peer = datagram.way.to;
                if !is_up(peer) {
                    self.datagrams.lost += 1;
                    return None;
                }
                let datagram = self.hear(now.time, &mut out, datagram)?;
                self.receive(now, &mut out, *datagram, &mut heard);
                Some((peer, heard))
            }
            Wired::Alarm(link) => {
                let it = self.links.get_mut(&link)?;
                if it.armed != Some(now.time) {
                    return None;
                }
                it.armed = None;
                let peer = it.peer;
                it.quic.handle_timeout(now.instant);
                self.look(now, &mut out, link, &mut heard);
                Some((peer, heard))
            }
            Wired::Flush(peer) => {
                let marked = std::mem::take(&mut self.hosts.get_mut(&peer)?.marked);
                for link in marked {
                    self.look(now, &mut out, link, &mut heard);
                }
                Some((peer, heard))
            }
        }
    }
}

/// An address that no peer has.
const NOBODY: PeerIndex = PeerIndex(usize::MAX);

impl QuicNetwork {
    fn moment(&self, time: Duration) -> Moment {
        Moment { time, instant: self.base + time }
    }

    /// The endpoint of a peer that is up, made when it is first needed.
    fn host(&mut self, peer: PeerIndex) -> &mut Host {
        let life = u64::from(self.lives.get(&peer).copied().unwrap_or_default());
        let (seed, transport, clock) = (self.seed, &self.transport, &self.clock);
        self.hosts.entry(peer).or_insert_with(|| {
            Host::new(config::endpoint(seed, (peer.0 as u64) << 32 | life, transport, clock))
        })
    }

    /// Keeps a new end of a connection.
    fn admit_link(
        &mut self,
        handle: ConnectionHandle,
        peer: PeerIndex,
        link: impl FnOnce(LinkId) -> Link,
    ) -> LinkId {
        let id = LinkId(self.next);
        self.next += 1;
        self.links.insert(id, Box::new(link(id)));
        self.host(peer).handles.insert(handle, id);
        id
    }

    /// Sees to it that a link is looked at, at this time.
    fn mark(&mut self, now: Duration, queue: &mut Queue<Happening>, link: LinkId) {
        let Some(peer) = self.links.get(&link).map(|it| it.peer) else { return };
        let Some(host) = self.hosts.get_mut(&peer) else { return };
        if host.marked.is_empty() {
            queue.push(now, Happening::Wire(Wired::Flush(peer)));
        }
        host.marked.insert(link);
    }

    /// A datagram reaches the interface of its peer. `None`: that is busy, and passes it on later.
    fn hear(&self, now: Duration, out: &mut Out<'_>, mut datagram: Box<Datagram>) -> Option<Box<Datagram>> {
        if !datagram.heard {
            datagram.heard = true;
            let at = out.links.hear_datagram(now, datagram.way, datagram.bytes.len() + HEADER_BYTES);
            if at > now {
                out.queue.push(at, Happening::Wire(Wired::Datagram(datagram)));
                return None;
            }
        }
        Some(datagram)
    }

    fn receive(&mut self, now: Moment, out: &mut Out<'_>, datagram: Datagram, heard: &mut Vec<Input>) {
        let Datagram { way, ecn, bytes, heard: _ } = datagram;
        let (from, to) = (way.from, way.to);
        // Few datagrams are answered by the endpoint itself.
        let mut answer = Vec::new();
        let host = self.host(to);
        let event = host.endpoint.handle(now.instant, from.address(), None, ecn, bytes, &mut answer);
        match event {
            Some(DatagramEvent::ConnectionEvent(handle, event)) => {
                let link = host.handles.get(&handle).copied();
                if let Some((id, link)) = link.and_then(|id| Some((id, self.links.get_mut(&id)?))) {
                    link.quic.handle_event(event);
                    self.look(now, out, id, heard);
                }
            }
            Some(DatagramEvent::NewConnection(incoming)) => {
                let (taken, response) = host.welcome(now, incoming, &mut answer);
                if let Some(transmit) = response {
                    self.transmit(now.time, out, Some(way.back()), &transmit, &answer);
                }
                if let Some(quic) = taken {
                    let until = now.time + self.connect_timeout;
                    let link = self.admit_link(quic.0, to, |id| Link::welcomed(id, way.back(), until, quic));
                    self.look(now, out, link, heard);
                }
            }
            Some(DatagramEvent::Response(transmit)) => {
                self.transmit(now.time, out, Some(way.back()), &transmit, &answer);
            }
            None => {}
        }
    }

    /// Lets an end do all that it can, and sends what it has to say.
    fn look(&mut self, now: Moment, out: &mut Out<'_>, id: LinkId, heard: &mut Vec<Input>) {
        let mut buffer = std::mem::take(&mut self.buffer);
        while self.step(now, out, id, heard, &mut buffer) {}
        self.buffer = buffer;
        self.arm(out.queue, id, now.time);
    }

    /// Lets it do something. Whether there may be more.
    fn step(
        &mut self,
        now: Moment,
        out: &mut Out<'_>,
        id: LinkId,
        heard: &mut Vec<Input>,
        buffer: &mut Vec<u8>,
    ) -> bool {
        let Some(link) = self.links.get_mut(&id) else { return false };
        let Some(host) = self.hosts.get_mut(&link.peer) else { return false };
        let mut more = link.work(now, heard);
        if link.stranger && (link.is_admitted() || !link.is_alive()) {
            link.stranger = false;
            host.strangers -= 1;
        }
        if let Some(way) = link.way.filter(|_| link.is_dialler() && link.shown != link.is_up()) {
            link.shown = link.is_up();
            if link.shown {
                out.links.show(now.time, way, id);
            } else {
                out.links.hide(now.time, way, id);
            }
        }
        buffer.clear();
        let transmit = link.quic.poll_transmit(now.instant, SEGMENTS_MAX, buffer);
        let way = link.way;
        while let Some(event) = link.quic.poll_endpoint_events() {
            more = true;
            let drained = event.is_drained();
            if let Some(event) = host.endpoint.handle_event(link.handle, event) {
                link.quic.handle_event(event);
            }
            if drained {
                host.handles.remove(&link.handle);
                self.links.remove(&id);
                return false;
            }
        }
        if let Some(transmit) = transmit {
            more = true;
            self.transmit(now.time, out, way, &transmit, buffer);
        }
        more
    }

    /// Sees to it that the queue wakes an end when something is due. A timer that was put off is found too early, and put
    /// into the queue again: most are put off many times before they come.
    fn arm(&mut self, queue: &mut Queue<Happening>, id: LinkId, now: Duration) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(due) = link.due(self.base).map(|due| due.max(now + TICK)) else { return };
        if link.armed.is_none_or(|armed| due < armed) {
            link.armed = Some(due);
            queue.push(due, Happening::Wire(Wired::Alarm(id)));
        }
    }

    /// Puts datagrams on their way, if there is one.
    fn transmit(
        &mut self,
        now: Duration,
        out: &mut Out<'_>,
        way: Option<Way>,
        transmit: &Transmit,
        bytes: &[u8],
    ) {
        for bytes in bytes[..transmit.size].chunks(transmit.segment_size.unwrap_or(transmit.size)) {
            let size = bytes.len() + HEADER_BYTES;
            self.datagrams.sent += 1;
            self.datagrams.bytes += size as u64;
            let Some(way) = way else {
                self.datagrams.lost += 1;
                continue;
            };
            let sent = out.links.send_datagram(now, way, size);
            let arrivals = self.air.carry(now, (way.from, way.to), size, sent);
            self.datagrams.lost += u64::from(arrivals == [None; 2]);
            for at in arrivals.into_iter().flatten() {
                let datagram = Datagram { way, heard: false, ecn: transmit.ecn, bytes: bytes.into() };
                out.queue.push(at, Happening::Wire(Wired::Datagram(Box::new(datagram))));
            }
        }
    }
}
