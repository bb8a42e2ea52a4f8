//! All interfaces of a world: which of them join two peers, and what they do to what is sent over them.
//!
//! A message is cut into packets, waits in its sender's interface, is under way, and goes through its receiver's. On a
//! radio the two happen at once; over the city's network one after the other, each at its own rate. A packet that is lost
//! is sent again as QUIC does (RFC 9002): about a round trip later if three others follow it, else after a timeout
//! that doubles; it then takes its time on the line once more. If nothing comes through until the idle timeout, the
//! connection is lost. Every second packet is acknowledged, on the line as well, and quiet connections are kept up. What
//! QUIC does to avoid congestion is not modelled: a sender uses all of its rate.

mod bad;
mod routes;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use msec_peer::node::LinkId;

use super::Kind;
use super::burst::Channel;
use super::class::{ClassId, LinkClass};
use super::framing::Sized;
use super::medium::Medium;
use super::shaper::{Half, Limits, Parcel, Ripe, Shaper, Stage};
use super::strain::{Degradation, Strained};
use super::traffic::Counters;
use crate::happening::Message;
use crate::peer::PeerIndex;
use crate::seed::Dice;

pub(crate) use routes::Route;

/// How much waits in an interface where packets are real ones, in time at its rate: what messages wait in elsewhere is the
/// queue of a driver, which QUIC does not fill. What comes beyond is dropped, which tells it to slow down.
const BUFFER: Duration = Duration::from_millis(250);

/// Packets that wait there in any case: as many as a connection may send before it hears of the other side (RFC 9002,
/// section 7.2).
const BUFFER_PACKETS_MIN: u32 = 10;

/// All interfaces.
#[derive(Debug)]
pub(crate) struct Lines {
    media: Vec<Medium>,
    interfaces: Vec<Interface>,
    /// The first interface of each peer, and that of the one after the last.
    of_peer: Vec<u32>,
    counters: Vec<Counters>,
    strains: BTreeMap<Strained, Degradation>,
    /// What a connection is given up after.
    silence_max: Duration,
    dice: Dice,
}

#[derive(Debug)]
struct Interface {
    peer: PeerIndex,
    class: ClassId,
    /// By how much it is worse than its class.
    strain: Option<Degradation>,
    channel: Channel,
    up: Shaper,
    down: Shaper,
}

/// What becomes of a message at its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// It reaches the receiver's interface then.
    Reaches(Duration),
    /// There was no room.
    Shed,
    /// The sender may not be on air, or all that it sends is lost, for so long that the connection is lost.
    Silent,
}

/// What becomes of a message at its receiver.
#[derive(Debug)]
pub(crate) enum Received {
    /// It is there.
    Now(Message),
    /// It is there then.
    At(Duration, Message),
    /// It waits; look after it then, if nobody does yet.
    Waits(Option<Duration>),
}

impl Lines {
    /// Without peers. Classes are checked.
    pub(crate) fn new(classes: &[LinkClass], silence_max: Duration, dice: Dice) -> Self {
        Self {
            media: classes.iter().map(Medium::new).collect(),
            interfaces: Vec::new(),
            of_peer: vec![0],
            counters: vec![Counters::default(); classes.len()],
            strains: BTreeMap::new(),
            silence_max,
            dice,
        }
    }

    /// Gives the next peer its interfaces.
    pub(crate) fn settle(&mut self, classes: &[ClassId]) {
        let peer = PeerIndex(self.of_peer.len() - 1);
        for class in classes {
            let limited = self.media[usize::from(class.0)].allowed.is_some();
            self.interfaces.push(Interface {
                peer,
                class: *class,
                strain: None,
                channel: Channel::default(),
                up: Shaper::new(limited),
                down: Shaper::new(false),
            });
        }
        self.of_peer.push(self.interfaces.len() as u32);
        if !self.strains.is_empty() {
            (self.of_peer[peer.0] as usize..self.interfaces.len()).for_each(|n| self.strain(n));
        }
    }

    /// Sends a live message, or one of a handshake, from that end of a route.
    pub(crate) fn send(&mut self, now: Duration, route: Route, side: usize, bytes: usize) -> Left {
        let from = route.ends[side];
        let medium = self.medium(from);
        let (sized, queue) = (medium.up.message(bytes), medium.queue);
        if self.interfaces[from as usize].up.wait(now) > queue {
            self.counter(from).shed += 1;
            return Left::Shed;
        }
        let down = self.medium(route.ends[1 - side]).down.message(bytes).bytes;
        self.count(route, side, bytes, sized.bytes, down);
        let reaches =
            self.book(now, from, sized).and_then(|left| self.under_way(left, route, side, bytes, sized));
        match reaches {
            Some(at) => Left::Reaches(at),
            None => {
                self.counter(from).shed += 1;
                Left::Silent
            }
        }
    }

    /// Lets a chunk wait at its sender. `Ok`: when to look after it, if nobody does yet; `Err`: there is no room.
    pub(crate) fn send_chunk(
        &mut self,
        now: Duration,
        route: Route,
        side: usize,
        to: LinkId,
        message: Message,
    ) -> Result<Option<Duration>, Message> {
        let from = route.ends[side];
        let medium = self.medium(from);
        let (sized, frame) = (medium.up.message(message.bytes.len()), medium.up.frame());
        let (bytes, room) = (message.bytes.len(), medium.queue_bytes);
        let interface = &mut self.interfaces[from as usize];
        let takes = strained(interface.strain, sized.takes);
        let frame = strained(interface.strain, frame);
        let parcel = Parcel { to, message, stage: Stage::Leaving, takes, frame, since: now };
        match interface.up.wait_for(now, parcel, room) {
            Ok(due) => {
                let down = self.medium(route.ends[1 - side]).down.message(bytes).bytes;
                self.count(route, side, bytes, sized.bytes, down);
                Ok(due)
            }
            Err(parcel) => {
                self.counter(from).shed += 1;
                Err(parcel.message)
            }
        }
    }

    /// Looks after the chunks that wait in an interface.
    pub(crate) fn look(&mut self, now: Duration, interface: u32, half: Half) -> Ripe {
        let limits = self.limits(interface);
        let it = &mut self.interfaces[interface as usize];
        let ripe = match half {
            Half::Up => it.up.ripe(now, limits),
            Half::Down => it.down.ripe(now, limits),
        };
        if let Ripe::Done(parcel, _) = &ripe {
            let since = parcel.since;
            self.counter(interface).waited(now - since);
        }
        ripe
    }

    /// A chunk has left its sender. Returns when it reaches the receiver's interface; `None`: not before the connection is
    /// lost.
    pub(crate) fn chunk_left(
        &mut self,
        now: Duration,
        route: Route,
        side: usize,
        bytes: usize,
    ) -> Option<Duration> {
        let from = route.ends[side];
        let medium = self.medium(from);
        let (sized, is_radio) = (medium.up.message(bytes), medium.is_radio());
        if is_radio {
            let takes = strained(self.interfaces[from as usize].strain, sized.takes);
            self.counter(from).airtime += takes;
        }
        self.under_way(now, route, side, bytes, sized)
    }

    /// A message has reached the interface of the end on that side. Also whether that peer can no longer answer.
    pub(crate) fn receive(
        &mut self,
        now: Duration,
        route: Route,
        side: usize,
        to: LinkId,
        message: Message,
    ) -> (Received, bool) {
        let end = route.ends[side];
        let medium = self.medium(end);
        let bytes = message.bytes.len();
        let sized = if route.radio { medium.up.message(bytes) } else { medium.down.message(bytes) };
        let ack = medium.up.acks(sized.packets.div_ceil(2));
        let interface = &mut self.interfaces[end as usize];
        let takes = strained(interface.strain, sized.takes);
        let shaper = if route.radio { &mut interface.up } else { &mut interface.down };
        let received = if message.kind == Kind::Chunk {
            let parcel = Parcel { to, message, stage: Stage::Arriving, takes, frame: takes, since: now };
            // QUIC's windows bound what is under way to somebody: there is room.
            Received::Waits(shaper.wait_for(now, parcel, usize::MAX).unwrap_or_default())
        } else {
            match shaper.heard(now, takes) {
                at if at <= now => Received::Now(message),
                at => Received::At(at, message),
            }
        };
        self.counter(end).wire_bytes += ack.bytes as u64;
        if !route.radio {
            let other = route.ends[1 - side];
            let heard = self.medium(other).down.acks(ack.packets);
            self.counter(other).wire_bytes += heard.bytes as u64;
        }
        let silent = self.book(now, end, ack).is_none();
        (received, silent)
    }

    /// Sends a packet that opens or closes a connection, and carries that many bytes. Returns when it is there; `None`: it
    /// cannot be sent in time.
    pub(crate) fn signal(
        &mut self,
        now: Duration,
        route: Route,
        side: usize,
        bytes: usize,
    ) -> Option<Duration> {
        let from = route.ends[side];
        let sized = self.medium(from).up.message(bytes);
        self.counter(from).wire_bytes += sized.bytes as u64;
        let left = self.book(now, from, sized)?;
        self.under_way(left, route, side, bytes, sized)
    }

    /// Sends one packet that nobody sends again; `bytes` are those of IP. `None`: it is lost, or there is no room.
    /// Otherwise when it has come through the receiver's interface, if that has nothing else to do; call
    /// [`Self::datagram_heard`] then. For links whose packets are real ones.
    #[cfg_attr(
        not(feature = "quic"),
        allow(dead_code, reason = "only the wire that carries real packets calls it")
    )]
    pub(crate) fn datagram(
        &mut self,
        now: Duration,
        route: Route,
        side: usize,
        bytes: usize,
    ) -> Option<Duration> {
        let (from, to) = (route.ends[side], route.ends[1 - side]);
        let medium = self.medium(from);
        let sized = medium.up.packet(bytes);
        let buffer = BUFFER.max(medium.up.full_packet() * BUFFER_PACKETS_MIN).min(medium.queue);
        if self.interfaces[from as usize].up.wait(now) > buffer {
            self.counter(from).shed += 1;
            return None;
        }
        let down = self.medium(to).down.packet(bytes).bytes;
        self.count(route, side, bytes, sized.bytes, down);
        let left = self.book(now, from, sized)?;
        let delay = self.delay(route, from, to);
        if self.is_lost(left, route, from, to) {
            self.counter(from).lost += 1;
            return None;
        }
        let receiving =
            strained(self.interfaces[to as usize].strain, self.medium(to).down.packet(bytes).takes);
        Some(left + delay + if route.radio { Duration::ZERO } else { receiving })
    }

    /// A packet has come to the interface of the end on that side. Returns when it is through.
    #[cfg_attr(
        not(feature = "quic"),
        allow(dead_code, reason = "only the wire that carries real packets calls it")
    )]
    pub(crate) fn datagram_heard(
        &mut self,
        now: Duration,
        route: Route,
        side: usize,
        bytes: usize,
    ) -> Duration {
        let end = route.ends[side];
        let medium = self.medium(end);
        let framing = if route.radio { &medium.up } else { &medium.down };
        let takes = framing.packet(bytes).takes;
        let interface = &mut self.interfaces[end as usize];
        let takes = strained(interface.strain, takes);
        let shaper = if route.radio { &mut interface.up } else { &mut interface.down };
        shaper.heard(now, takes)
    }

    /// The power of a peer is gone.
    pub(crate) fn clear(&mut self, now: Duration, peer: PeerIndex) {
        for interface in self.interfaces_of(peer) {
            let it = &mut self.interfaces[interface as usize];
            it.up.clear(now);
            it.down.clear(now);
        }
    }
}

impl Lines {
    fn class(&self, interface: u32) -> usize {
        usize::from(self.interfaces[interface as usize].class.0)
    }

    fn medium(&self, interface: u32) -> &Medium {
        &self.media[self.class(interface)]
    }

    fn counter(&mut self, interface: u32) -> &mut Counters {
        let class = self.class(interface);
        &mut self.counters[class]
    }

    fn limits(&self, interface: u32) -> Limits {
        Limits { allowed: self.medium(interface).allowed, silence_max: self.silence_max }
    }

    /// Takes time on a sender's line. `None`: it gets none in time.
    fn book(&mut self, now: Duration, from: u32, sized: Sized) -> Option<Duration> {
        let limits = self.limits(from);
        let class = self.class(from);
        let (frame, is_radio) = (self.media[class].up.frame(), self.media[class].is_radio());
        let it = &mut self.interfaces[from as usize];
        let takes = strained(it.strain, sized.takes);
        let slot = it.up.live(now, takes, strained(it.strain, frame), limits)?;
        self.counters[class].waited(slot.from - now);
        if is_radio {
            self.counters[class].airtime += takes;
        }
        Some(slot.until)
    }

    /// What has left is under way. Returns when it has come through the receiver's interface, if that has nothing else to
    /// do; `None`: not before the connection is lost.
    fn under_way(
        &mut self,
        left: Duration,
        route: Route,
        side: usize,
        bytes: usize,
        up: Sized,
    ) -> Option<Duration> {
        let (from, to) = (route.ends[side], route.ends[1 - side]);
        let delay = self.delay(route, from, to);
        let repair = self.repair(left, route, from, to, up)?;
        let mut reaches = left + delay + repair;
        if !route.radio {
            // Each packet is passed on as it comes: the last one at the receiver's rate, or all of them if that is slower.
            let takes = |interface: u32, takes| strained(self.interfaces[interface as usize].strain, takes);
            let down = takes(to, self.medium(to).down.message(bytes).takes);
            let up_takes = takes(from, up.takes);
            reaches += (down / up.packets).max((down + up_takes / up.packets).saturating_sub(up_takes));
        }
        Some(reaches)
    }

    /// Draws how long a packet is under way.
    fn delay(&mut self, route: Route, from: u32, to: u32) -> Duration {
        let mut sum = Duration::ZERO;
        for interface in route.lines(from, to) {
            let it = &self.interfaces[interface as usize];
            let delay = self.media[usize::from(it.class.0)].delay.draw(&mut self.dice);
            sum += it.strain.map_or(delay, |strain| strain.delay(delay));
        }
        sum
    }
}

/// What a time on the line becomes where it is degraded.
fn strained(strain: Option<Degradation>, takes: Duration) -> Duration {
    strain.map_or(takes, |strain| strain.takes(takes))
}
