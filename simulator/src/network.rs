//! Connections between peers: what QUIC and the driver's link tasks are on a real machine.
//!
//! A dial knocks at an address; if somebody lives there, both ends come up with one channel binding. What is sent before
//! an end is admitted is its handshake; what the other side sends after that waits until it is, as in the driver. A close
//! follows what was sent before it. While the path between two peers is cut, nothing comes through: on a reliable link it
//! waits, and comes once the path is open again; after [`NetworkModel::idle_timeout`] both ends learn that the connection
//! is gone.
//!
//! | module | what it holds |
//! |---|---|
//! | `model` | [`NetworkModel`], [`Traffic`]: what holds for all, and what was sent |
//! | `dial` | how connections are made |
//! | `connection` | one connection, and all of them by number |
//! | `datagrams` | datagrams instead of messages |
//! | `carry` | messages: sent, under way, waiting, arriving |
//! | `views` | [`LinkView`], [`LinkEvent`]: what can be seen of connections |

mod carry;
mod connection;
#[cfg(feature = "quic")]
mod datagrams;
mod dial;
mod model;
mod views;

use std::collections::BTreeMap;
use std::time::Duration;

use msec_peer::node::LinkId;

use crate::PeerIndex;
use crate::happening::Happening;
use crate::link::{ClassId, ClassTraffic, Degradation, Lines, LinkModel, Strained};
use crate::map::Point;
use crate::paths::Paths;
use crate::places::Places;
use crate::queue::Queue;
use crate::seed::{Dice, Seed};

use connection::{Connection, Connections, State, name, place};
use views::History;

pub(crate) use connection::Path;
#[cfg(feature = "quic")]
pub(crate) use datagrams::{Sent, Way};
pub use model::{NetworkModel, Traffic};
pub use views::{LINK_EVENTS_MAX, LinkEvent, LinkView};

/// All connections.
#[derive(Debug)]
pub(crate) struct Network {
    model: NetworkModel,
    pub(crate) paths: Paths,
    pub(crate) places: Places,
    lines: Lines,
    connections: Connections,
    /// Connections of datagrams, which are kept elsewhere: who dialled whom.
    shown: BTreeMap<(PeerIndex, PeerIndex, LinkId), LinkView>,
    history: History,
    cuts: u64,
    dice: Dice,
    pub(crate) traffic: Traffic,
}

impl Network {
    pub(crate) fn new(model: NetworkModel, seed: Seed) -> Self {
        let lines = Lines::new(&model.classes, model.idle_timeout, seed.dice("lines", 0));
        Self {
            paths: Paths::new(model.link),
            places: Places::new(lines.announcements_reach_m()),
            lines,
            model,
            connections: Connections::default(),
            shown: BTreeMap::new(),
            history: History::default(),
            cuts: 0,
            dice: seed.dice("network", 0),
            traffic: Traffic::default(),
        }
    }

    pub(crate) fn model(&self) -> &NetworkModel {
        &self.model
    }

    /// Gives the next peer its interfaces and its place.
    pub(crate) fn settle(&mut self, interfaces: &[ClassId], at: Point, announces: bool) {
        self.lines.settle(interfaces);
        self.places.settle(at, announces, &self.lines);
    }

    /// Whether a path between two peers is there now.
    fn is_open(&self, a: PeerIndex, b: PeerIndex, path: Path) -> bool {
        let holds = match path {
            Path::Plain => true,
            Path::Lines(route) => self.lines.holds(route, self.places.distance_m(a, b)),
        };
        holds && self.paths.is_open(a, b)
    }

    /// From now on more than the handshake is read at this end.
    pub(crate) fn admitted(&mut self, now: Duration, queue: &mut Queue<Happening>, link: LinkId) {
        let (connection, side) = place(link);
        let Some(it) = self.connections.get_mut(connection) else { return };
        let end = &mut it.ends[side];
        if end.state == State::Open {
            end.state = State::Admitted;
            for message in end.held.drain(..) {
                queue.push(now, Happening::Arrive { link, message });
            }
        }
    }

    /// An end closes. The other side learns of it after all that was sent before.
    pub(crate) fn close(&mut self, now: Duration, queue: &mut Queue<Happening>, link: LinkId) {
        let (connection, side) = place(link);
        let Some(it) = self.connections.get(connection) else { return };
        let (path, ordered_until) = (it.path, it.ends[side].line.ordered_until);
        let told = match path {
            Path::Plain => {
                let model = self.model_of(it.ends[0].peer, it.ends[1].peer);
                now + model.sure_delay(&mut self.dice)
            }
            // A packet that nobody can send is one that the other side never hears of.
            Path::Lines(route) => {
                self.lines.signal(now, route, side, 0).unwrap_or(now + self.model.idle_timeout)
            }
        };
        self.mark_gone(now, link);
        if self.connections.get(connection).is_some() {
            let link = name(connection, 1 - side);
            queue.push(told.max(ordered_until), Happening::HangUp { link, sure: false });
        }
    }

    /// An end is no more, and nobody tells the other.
    fn leave(&mut self, now: Duration, queue: &mut Queue<Happening>, link: LinkId, idle: Duration) {
        let (connection, side) = place(link);
        self.mark_gone(now, link);
        if self.connections.get(connection).is_some() {
            queue.push(now + idle, Happening::HangUp { link: name(connection, 1 - side), sure: true });
        }
    }

    /// Marks an end as gone, and forgets the connection when both are.
    fn mark_gone(&mut self, now: Duration, link: LinkId) {
        let (connection, side) = place(link);
        self.touch(now, connection);
        self.remember(now, connection, false);
        let Some(it) = self.connections.get_mut(connection) else { return };
        it.up_since = None;
        it.ends[side].state = State::Gone;
        it.ends[side].held = Vec::new();
        it.ends[side].outbox = None;
        if it.ends[1 - side].state == State::Gone {
            self.connections.remove(connection);
        }
    }

    /// An end learns that its connection is gone. Returns whose it is, if it did not know.
    pub(crate) fn hang_up(
        &mut self,
        now: Duration,
        queue: &mut Queue<Happening>,
        link: LinkId,
        sure: bool,
    ) -> Option<PeerIndex> {
        let (connection, side) = place(link);
        let it = self.connections.get(connection)?;
        let (peer, state, through) = (it.ends[side].peer, it.ends[side].state, it.ends[side].through);
        if it.cut.is_some() && !sure {
            // It was not told, and finds out.
            queue.push(now + self.model.idle_timeout, Happening::HangUp { link, sure: true });
            return None;
        }
        if through > now && !sure {
            // What was sent before is still in its interface.
            queue.push(through, Happening::HangUp { link, sure });
            return None;
        }
        self.mark_gone(now, link);
        (state != State::Gone && state != State::Coming).then_some(peer)
    }

    /// A peer is gone, without a word to anybody.
    pub(crate) fn crash(&mut self, now: Duration, queue: &mut Queue<Happening>, peer: PeerIndex) {
        self.lines.clear(now, peer);
        for connection in self.connections.of(peer).to_vec() {
            for side in 0..2 {
                let is_its =
                    |it: &Connection| it.ends[side].peer == peer && it.ends[side].state != State::Gone;
                if self.connections.get(connection).is_some_and(is_its) {
                    self.leave(now, queue, name(connection, side), self.model.idle_timeout);
                }
            }
        }
    }

    /// The paths have changed: connections are cut, or go on.
    pub(crate) fn paths_changed(&mut self, now: Duration, queue: &mut Queue<Happening>) {
        let all: Vec<_> = self.connections.iter().map(|(connection, _)| connection).collect();
        all.into_iter().for_each(|connection| self.check_path(now, queue, connection));
    }

    /// A peer moves. Returns whom it hears now and did not before.
    pub(crate) fn go(
        &mut self,
        now: Duration,
        queue: &mut Queue<Happening>,
        peer: PeerIndex,
        to: Point,
    ) -> Vec<PeerIndex> {
        let entered = self.places.go(peer, to, &self.lines);
        for connection in self.connections.of(peer).to_vec() {
            self.check_path(now, queue, connection);
        }
        entered
    }

    /// Cuts a connection whose path is gone, and lets it go on when it is back.
    fn check_path(&mut self, now: Duration, queue: &mut Queue<Happening>, connection: u64) {
        let Some(it) = self.connections.get(connection) else { return };
        let (a, b) = (it.ends[0].peer, it.ends[1].peer);
        let is_open = !it.silent && self.is_open(a, b, it.path);
        match (it.cut, is_open) {
            (None, false) => self.cut(now, queue, connection),
            (Some(_), true) => self.resume(now, queue, connection),
            (None, true) | (Some(_), false) => {}
        }
    }

    fn cut(&mut self, now: Duration, queue: &mut Queue<Happening>, connection: u64) {
        self.touch(now, connection);
        let Some(it) = self.connections.get_mut(connection) else { return };
        self.cuts += 1;
        it.cut = Some(self.cuts);
        let idle = Happening::Idle { connection, cut: self.cuts };
        queue.push(now + self.model.idle_timeout, idle);
    }

    /// Something is on a connection, which was quiet until now.
    fn touch(&mut self, now: Duration, connection: u64) {
        let Some(it) = self.connections.get_mut(connection) else { return };
        if let Some((since, route)) = it.quiet() {
            self.lines.quiet(since, now, route);
        }
        it.active = now;
    }

    /// The ends of a connection that has been cut for too long.
    pub(crate) fn idle(&self, connection: u64, cut: u64) -> Vec<LinkId> {
        let is_cut = self.connections.get(connection).is_some_and(|it| it.cut == Some(cut));
        if is_cut { vec![name(connection, 0), name(connection, 1)] } else { Vec::new() }
    }

    /// The model of a link that goes over no interface.
    fn model_of(&self, a: PeerIndex, b: PeerIndex) -> LinkModel {
        let model = self.paths.model(a, b);
        [a, b].into_iter().filter_map(|peer| self.lines.strain_of(peer)).fold(model, LinkModel::degraded)
    }

    /// Makes a class or a peer worse than usual, or as usual again.
    pub(crate) fn degrade(&mut self, whose: Strained, degradation: Option<Degradation>) {
        self.lines.degrade(whose, degradation);
    }
}

/// What can be seen.
impl Network {
    /// The connections that both ends know of.
    pub(crate) fn views(&self) -> impl Iterator<Item = LinkView> + '_ {
        self.connections.iter().filter_map(|(_, it)| self.view(it)).chain(self.shown.values().copied())
    }

    /// Whether two peers have a connection, or are about to.
    /// Who is at the other end of a link.
    pub(crate) fn other_end(&self, link: LinkId) -> Option<PeerIndex> {
        let (connection, side) = place(link);
        self.connections.get(connection).map(|it| it.ends[1 - side].peer)
    }

    pub(crate) fn is_linked(&self, a: PeerIndex, b: PeerIndex) -> bool {
        let joins = |it: &Connection| {
            let is_there = it.ends.iter().all(|end| end.state != State::Gone);
            is_there && it.ends.iter().any(|end| end.peer == b)
        };
        let mut all =
            self.connections.of(a).iter().filter_map(|connection| self.connections.get(*connection));
        all.any(joins) || self.is_shown(a, b)
    }

    /// Whether a connection of datagrams is up between two peers.
    fn is_shown(&self, a: PeerIndex, b: PeerIndex) -> bool {
        let shown = |a, b| self.shown.range((a, b, LinkId(0))..=(a, b, LinkId(u64::MAX))).next().is_some();
        shown(a, b) || shown(b, a)
    }

    pub(crate) fn events(&self) -> (&[LinkEvent], u64) {
        (&self.history.events, self.history.forgotten)
    }

    pub(crate) fn traffic_by_class(&self, now: Duration) -> Vec<ClassTraffic> {
        self.lines.traffic(now, self.connections.iter().filter_map(|(_, it)| it.quiet()))
    }

    fn view(&self, it: &Connection) -> Option<LinkView> {
        let class = match it.path {
            Path::Plain => None,
            Path::Lines(route) => Some(self.lines.class_of(route)),
        };
        Some(LinkView { a: it.ends[0].peer, b: it.ends[1].peer, class, up_since: it.up_since? })
    }

    /// Notes that a connection came or went, if both ends know, or knew, of it.
    fn remember(&mut self, now: Duration, connection: u64, is_up: bool) {
        let view = self.connections.get(connection).and_then(|it| self.view(it));
        if let Some(link) = view {
            self.history.add(LinkEvent { at: now, link, is_up });
        }
    }
}
