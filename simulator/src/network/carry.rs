//! Messages: sent, under way, waiting, arriving.

use std::time::Duration;

use msec_peer::gossip::Priority;
use msec_peer::node::LinkId;
use msec_peer::outbox::{Dropped, Lane};
use msec_peer::wire::{is_of_freshness, is_of_overlay};

use super::Network;
use super::connection::{Connection, Path, State, name, place};
use crate::PeerIndex;
use crate::happening::{Happening, Message};
use crate::link::{Half, Kind, Left, LinkModel, QUEUE_BYTES_MAX, Received, Ripe, Route, Stage};
use crate::queue::Queue;

impl Network {
    /// Sends a message from an end. Returns what there was no room for.
    pub(crate) fn send(
        &mut self,
        now: Duration,
        queue: &mut Queue<Happening>,
        link: LinkId,
        priority: Priority,
        mut bytes: Vec<u8>,
    ) -> Vec<Dropped> {
        let (connection, side) = place(link);
        let Some(it) = self.connections.get_mut(connection) else { return Vec::new() };
        let (me, other) = (it.ends[side].peer, it.ends[1 - side].peer);
        let kind = match (it.ends[side].state, priority) {
            (State::Coming | State::Gone, _) => return Vec::new(),
            (State::Open, _) => Kind::Handshake,
            (State::Admitted, Priority::Control | Priority::Live) => Kind::Live,
            (State::Admitted, Priority::CatchUp | Priority::Bulk) => Kind::Chunk,
        };
        self.traffic.count(kind, bytes.len());
        if it.ends[1 - side].state == State::Gone {
            return Vec::new();
        }
        if kind != Kind::Handshake && self.paths.corrupts(me, other) && !bytes.is_empty() {
            let at = self.dice.index(bytes.len());
            bytes[at] ^= 1 << self.dice.below(8);
        }
        let path = it.path;
        if path == Path::Plain && kind != Kind::Handshake && self.is_narrow(connection, side) {
            let Some(it) = self.connections.get_mut(connection) else { return Vec::new() };
            let dropped = it.ends[side].outbox.get_or_insert_default().push(priority, bytes);
            self.drain(now, queue, link);
            return dropped;
        }
        let Some(it) = self.connections.get(connection) else { return Vec::new() };
        let (to, message) = (name(connection, 1 - side), Message { kind, bytes });
        let refused = match (path, it.cut) {
            (Path::Plain, None) => {
                let model = self.model_of(it.ends[0].peer, it.ends[1].peer);
                self.send_plain(now, queue, model, to, message);
                None
            }
            (Path::Lines(route), None) => self.send_on(now, queue, route, to, message).err(),
            (_, Some(_)) => self.stall(to, message).err(),
        };
        refused.into_iter().map(|message| Dropped { priority, frame: message.bytes }).collect()
    }

    /// Whether messages wait for each other at an end of a connection that has a model.
    fn is_narrow(&self, connection: u64, side: usize) -> bool {
        let Some(it) = self.connections.get(connection) else { return false };
        let waits = it.ends[side].outbox.as_ref().is_some_and(|outbox| outbox.bytes() > 0);
        waits || self.model_of(it.ends[0].peer, it.ends[1].peer).bandwidth.is_some()
    }

    /// Bytes that wait at one peer to be sent to another.
    pub(crate) fn waiting_bytes(&self, from: PeerIndex, to: PeerIndex) -> usize {
        let all = self.connections.of(from).iter().filter_map(|connection| self.connections.get(*connection));
        let ends = all.flat_map(|it| [(&it.ends[0], &it.ends[1]), (&it.ends[1], &it.ends[0])]);
        let ends = ends.filter(|(end, other)| end.peer == from && other.peer == to);
        ends.filter_map(|(end, _)| end.outbox.as_ref()).map(|outbox| outbox.bytes()).sum()
    }

    /// Sends what waits at an end, as far as its line is free.
    pub(crate) fn drain(&mut self, now: Duration, queue: &mut Queue<Happening>, link: LinkId) {
        let (connection, side) = place(link);
        let Some(it) = self.connections.get(connection).filter(|it| it.cut.is_none()) else { return };
        let model = self.model_of(it.ends[0].peer, it.ends[1].peer);
        for (lane, kind) in [(Lane::Live, Kind::Live), (Lane::Chunks, Kind::Chunk)] {
            while let Some(it) = self.connections.get_mut(connection)
                && it.ends[side].line.free(lane) <= now
                && let Some(bytes) = it.ends[side].outbox.as_mut().and_then(|outbox| outbox.pop(lane))
            {
                self.send_plain(now, queue, model, name(connection, 1 - side), Message { kind, bytes });
                let Some(it) = self.connections.get(connection) else { return };
                let free = it.ends[side].line.free(lane);
                if free > now {
                    queue.push(free, Happening::Drain { link });
                }
            }
        }
    }

    /// Sends a message over a link that has that model, to that end.
    fn send_plain(
        &mut self,
        now: Duration,
        queue: &mut Queue<Happening>,
        model: LinkModel,
        to: LinkId,
        message: Message,
    ) {
        let (connection, side) = place(to);
        // It counts on the order of QUIC's stream. What a loss does to it is shown by its own tests.
        let reliable = model.reliable || is_of_overlay(&message.bytes) || is_of_freshness(&message.bytes);
        let model = LinkModel { reliable, ..model };
        let Some(it) = self.connections.get_mut(connection) else { return };
        let line = &mut it.ends[1 - side].line;
        match model.send(line, now, message.bytes.len(), message.kind, &mut self.dice) {
            [Some(first), Some(second)] => {
                queue.push(first, Happening::Arrive { link: to, message: message.clone() });
                queue.push(second, Happening::Arrive { link: to, message });
            }
            [Some(at), None] | [None, Some(at)] => {
                queue.push(at, Happening::Arrive { link: to, message });
            }
            [None, None] => {}
        }
    }

    /// Sends a message over interfaces, to that end. `Err`: there is no room.
    fn send_on(
        &mut self,
        now: Duration,
        queue: &mut Queue<Happening>,
        route: Route,
        to: LinkId,
        message: Message,
    ) -> Result<(), Message> {
        let (connection, side) = place(to);
        self.touch(now, connection);
        if message.kind == Kind::Chunk {
            let due = self.lines.send_chunk(now, route, 1 - side, to, message)?;
            look_again(queue, due, route.ends[1 - side], Half::Up);
            return Ok(());
        }
        match self.lines.send(now, route, 1 - side, message.bytes.len()) {
            Left::Reaches(at) => {
                let Some(it) = self.connections.get_mut(connection) else { return Ok(()) };
                let line = &mut it.ends[1 - side].line;
                // The main stream keeps its order.
                line.ordered_until = line.ordered_until.max(at);
                queue.push(line.ordered_until, Happening::Reach { link: to, message });
                Ok(())
            }
            Left::Shed => Err(message),
            Left::Silent => {
                self.silence(now, queue, connection);
                Ok(())
            }
        }
    }

    /// A message reaches the interface of an end. Returns what its peer is to be told, if it can be told now.
    pub(crate) fn reach(
        &mut self,
        now: Duration,
        queue: &mut Queue<Happening>,
        link: LinkId,
        message: Message,
    ) -> Option<(PeerIndex, Vec<u8>)> {
        let (connection, side) = place(link);
        let it = self.connections.get(connection)?;
        let Path::Lines(route) = it.path else { return self.arrive(link, message) };
        if it.cut.is_some() {
            let _ = self.stall(link, message);
            return None;
        }
        let (received, silent) = self.lines.receive(now, route, side, link, message);
        let told = match received {
            Received::Now(message) => self.arrive(link, message),
            Received::At(at, message) => {
                self.connections.get_mut(connection)?.ends[side].through = at;
                queue.push(at, Happening::Arrive { link, message });
                None
            }
            Received::Waits(due) => {
                let half = if route.radio { Half::Up } else { Half::Down };
                look_again(queue, due, route.ends[side], half);
                None
            }
        };
        if silent {
            // Nobody hears that it came.
            self.silence(now, queue, connection);
        }
        told
    }

    /// Looks after the chunks in an interface. Returns what a peer is to be told.
    pub(crate) fn look(
        &mut self,
        now: Duration,
        queue: &mut Queue<Happening>,
        interface: u32,
        half: Half,
    ) -> Option<(LinkId, PeerIndex, Vec<u8>)> {
        let parcel = match self.lines.look(now, interface, half) {
            Ripe::Nothing => return None,
            Ripe::Later(at) => {
                look_again(queue, Some(at), interface, half);
                return None;
            }
            Ripe::Done(parcel, next) => {
                look_again(queue, next, interface, half);
                parcel
            }
        };
        let (link, message) = (parcel.to, parcel.message);
        if parcel.stage == Stage::Arriving {
            let (peer, bytes) = self.arrive(link, message)?;
            return Some((link, peer, bytes));
        }
        let (connection, side) = place(link);
        let it = self.connections.get(connection)?;
        let Path::Lines(route) = it.path else { return None };
        if it.cut.is_some() {
            let _ = self.stall(link, message);
        } else {
            match self.lines.chunk_left(now, route, 1 - side, message.bytes.len()) {
                Some(at) => queue.push(at, Happening::Reach { link, message }),
                None => self.silence(now, queue, connection),
            }
        }
        None
    }

    /// A message is there. Returns what its peer is to be told, if it can be told now.
    pub(crate) fn arrive(&mut self, link: LinkId, message: Message) -> Option<(PeerIndex, Vec<u8>)> {
        let (connection, side) = place(link);
        let it = self.connections.get_mut(connection)?;
        if it.cut.is_some() {
            let _ = self.stall(link, message);
            return None;
        }
        let end = &mut it.ends[side];
        match end.state {
            State::Gone => None,
            State::Open if message.kind == Kind::Handshake => Some((end.peer, message.bytes)),
            State::Admitted => Some((end.peer, message.bytes)),
            State::Coming | State::Open => {
                end.held.push(message);
                None
            }
        }
    }

    /// Keeps a message until the path is open again, if the link is one that does. `Err`: there is no room. Of what was on
    /// its way nobody is told: its stream goes with the connection, or reconciliation fetches it.
    fn stall(&mut self, to: LinkId, message: Message) -> Result<(), Message> {
        let (connection, _) = place(to);
        let Some(it) = self.connections.get_mut(connection) else { return Ok(()) };
        let reliable = match it.path {
            Path::Plain => self.paths.model(it.ends[0].peer, it.ends[1].peer).reliable,
            Path::Lines(_) => true,
        };
        if reliable || message.kind == Kind::Handshake { it.stall(to, message) } else { Ok(()) }
    }

    /// The path is open again: sends again what waited.
    pub(super) fn resume(&mut self, now: Duration, queue: &mut Queue<Happening>, connection: u64) {
        let Some(it) = self.connections.get_mut(connection) else { return };
        it.cut = None;
        it.active = now;
        it.stalled_bytes = 0;
        let (path, stalled) = (it.path, std::mem::take(&mut it.stalled));
        let model =
            self.connections.get(connection).map(|it| self.model_of(it.ends[0].peer, it.ends[1].peer));
        let Some(model) = model else { return };
        let model = LinkModel { reliable: true, bandwidth: None, ..model };
        for (to, message) in stalled {
            match path {
                Path::Lines(route) => {
                    // What finds no room is lost with its stream; reconciliation fetches it.
                    let _ = self.send_on(now, queue, route, to, message);
                }
                Path::Plain => {
                    let Some(it) = self.connections.get_mut(connection) else { return };
                    let line = &mut it.ends[1 - place(to).1].line;
                    let arrivals = model.send(line, now, message.bytes.len(), message.kind, &mut self.dice);
                    if let [Some(at), _] = arrivals {
                        queue.push(at, Happening::Arrive { link: to, message });
                    }
                }
            }
        }
        (0..2).for_each(|side| self.drain(now, queue, name(connection, side)));
    }

    /// Nothing comes from an end for longer than the other waits for it: the connection is lost.
    fn silence(&mut self, now: Duration, queue: &mut Queue<Happening>, connection: u64) {
        let Some(it) = self.connections.get_mut(connection) else { return };
        it.silent = true;
        if it.cut.is_none() {
            self.cut(now, queue, connection);
        }
    }
}

impl Connection {
    /// Since when nothing was on it, if it is one that is kept up.
    pub(super) fn quiet(&self) -> Option<(Duration, Route)> {
        match self.path {
            Path::Lines(route) if self.up_since.is_some() && self.cut.is_none() => Some((self.active, route)),
            _ => None,
        }
    }

    /// Keeps a message. `Err`: there is no room.
    fn stall(&mut self, to: LinkId, message: Message) -> Result<(), Message> {
        if self.stalled_bytes + message.bytes.len() > QUEUE_BYTES_MAX {
            return Err(message);
        }
        self.stalled_bytes += message.bytes.len();
        self.stalled.push((to, message));
        Ok(())
    }
}

fn look_again(queue: &mut Queue<Happening>, due: Option<Duration>, interface: u32, half: Half) {
    if let Some(at) = due {
        queue.push(at, Happening::Look { interface, half });
    }
}
