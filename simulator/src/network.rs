//! Connections between peers: what QUIC and the driver's link tasks are on a real machine.
//!
//! A dial knocks at an address; if somebody lives there, both ends come up with one channel binding. What is sent before
//! an end is admitted is its handshake; what the other side sends after that waits until it is, as in the driver. A close
//! follows what was sent before it. While the path between two peers is cut, nothing comes through: on a reliable link it
//! waits, and comes once the path is open again; after [`NetworkModel::idle_timeout`] both ends learn that the connection
//! is gone.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use msec_identity::handshake::ChannelBinding;
use msec_peer::gossip::Priority;
use msec_peer::node::LinkId;

use crate::PeerIndex;
use crate::happening::{Happening, Knock, Life, Message};
use crate::link::{Fate, Kind, Lane, LinkModel, QUEUE_BYTES_MAX};
use crate::paths::Paths;
use crate::queue::Queue;
use crate::seed::Dice;

/// What holds for all connections.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NetworkModel {
    /// Every link, unless another model was set for it.
    pub link: LinkModel,
    /// How long a dial waits for an answer. Default: 5 s, as the driver.
    pub connect_timeout: Duration,
    /// How long a connection stands while nothing comes through. Default: 20 s, as the driver.
    pub idle_timeout: Duration,
}

impl Default for NetworkModel {
    fn default() -> Self {
        Self {
            link: LinkModel::default(),
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(20),
        }
    }
}

/// What was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages, each once, whether they came or not.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The longest handshake message.
    pub longest_handshake: usize,
    /// The longest other message.
    pub longest_message: usize,
}

/// All connections.
#[derive(Debug)]
pub(crate) struct Network {
    model: NetworkModel,
    pub(crate) paths: Paths,
    connections: BTreeMap<u64, Connection>,
    next: u64,
    cuts: u64,
    dice: Dice,
    pub(crate) traffic: Traffic,
}

#[derive(Debug)]
struct Connection {
    /// Who dialled, and who was dialled.
    ends: [End; 2],
    binding: ChannelBinding,
    /// Which cut its path suffers.
    cut: Option<u64>,
    /// What waits for the path, with the end that it is for.
    stalled: Vec<(LinkId, Message)>,
    stalled_bytes: usize,
}

#[derive(Debug)]
struct End {
    peer: PeerIndex,
    state: State,
    /// What is sent from here.
    lane: Lane,
    /// What came before this end was admitted, and is no handshake.
    held: Vec<Message>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The peer has not heard of it yet.
    Coming,
    /// Up, in its handshake.
    Open,
    Admitted,
    /// Closed here, or the peer is gone.
    Gone,
}

/// The name of an end: two for each connection.
fn name(connection: u64, side: usize) -> LinkId {
    LinkId(connection * 2 + side as u64)
}

fn place(link: LinkId) -> (u64, usize) {
    (link.0 / 2, (link.0 % 2) as usize)
}

impl Network {
    pub(crate) fn new(model: NetworkModel, dice: Dice) -> Self {
        Self {
            paths: Paths::new(model.link),
            model,
            connections: BTreeMap::new(),
            next: 0,
            cuts: 0,
            dice,
            traffic: Traffic::default(),
        }
    }

    /// Dials an address.
    pub(crate) fn dial(
        &mut self,
        now: Duration,
        queue: &mut Queue<Happening>,
        dialler: Life,
        address: SocketAddr,
    ) {
        let delay = self.model.link.sure_delay(&mut self.dice);
        queue.push(now + delay, Happening::Knock(Knock { dialler, address, since: now }));
    }

    /// The dial came through to `host`, if somebody is up there. Returns the new end.
    pub(crate) fn knock(
        &mut self,
        now: Duration,
        queue: &mut Queue<Happening>,
        knock: Knock,
        host: Option<PeerIndex>,
    ) -> Option<(LinkId, ChannelBinding)> {
        let Some(host) = host.filter(|host| self.paths.is_open(knock.dialler.peer, *host)) else {
            self.dial_failed(now, queue, knock);
            return None;
        };
        let binding = ChannelBinding(self.dice.bytes());
        let delay = self.paths.model(knock.dialler.peer, host).sure_delay(&mut self.dice);
        let end = |peer, state| End { peer, state, lane: Lane::default(), held: Vec::new() };
        let mut ends = [end(knock.dialler.peer, State::Coming), end(host, State::Open)];
        // What the host says comes after the news that it is there.
        ends[1].lane.ordered_until = now + delay;
        let connection = self.next;
        self.next += 1;
        self.connections.insert(
            connection,
            Connection { ends, binding, cut: None, stalled: Vec::new(), stalled_bytes: 0 },
        );
        queue.push(now + delay, Happening::Answered { link: name(connection, 0), knock });
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
        let it = self.connections.get_mut(&connection)?;
        if it.ends[side].state != State::Coming {
            return None;
        }
        if it.cut.is_some() {
            self.leave(now, queue, link, self.model.idle_timeout);
            self.dial_failed(now, queue, knock);
            return None;
        }
        it.ends[side].state = State::Open;
        Some(it.binding)
    }

    fn dial_failed(&self, now: Duration, queue: &mut Queue<Happening>, knock: Knock) {
        let at = now.max(knock.since + self.model.connect_timeout);
        queue.push(at, Happening::DialFailed { life: knock.dialler, address: knock.address });
    }

    /// Sends a message from an end. `false`: there is no room.
    pub(crate) fn send(
        &mut self,
        now: Duration,
        queue: &mut Queue<Happening>,
        link: LinkId,
        priority: Priority,
        mut bytes: Vec<u8>,
    ) -> bool {
        let (connection, side) = place(link);
        let Some(it) = self.connections.get_mut(&connection) else { return true };
        let (me, other) = (it.ends[side].peer, it.ends[1 - side].peer);
        let kind = match (it.ends[side].state, priority) {
            (State::Coming | State::Gone, _) => return true,
            (State::Open, _) => Kind::Handshake,
            (State::Admitted, Priority::Control | Priority::Live) => Kind::Live,
            (State::Admitted, Priority::CatchUp | Priority::Bulk) => Kind::Chunk,
        };
        self.traffic.count(kind, bytes.len());
        if it.ends[1 - side].state == State::Gone {
            return true;
        }
        if kind != Kind::Handshake && self.paths.corrupts(me, other) && !bytes.is_empty() {
            let at = self.dice.index(bytes.len());
            bytes[at] ^= 1 << self.dice.below(8);
        }
        let (model, to) = (self.paths.model(me, other), name(connection, 1 - side));
        if it.cut.is_some() {
            return it.stall(&model, to, Message { kind, bytes });
        }
        let fate = model.send(&mut it.ends[side].lane, now, bytes.len(), kind, &mut self.dice);
        let Fate::Arrives(arrivals) = fate else { return false };
        match arrivals {
            [Some(first), Some(second)] => {
                let message = Message { kind, bytes };
                queue.push(first, Happening::Arrive { link: to, message: message.clone() });
                queue.push(second, Happening::Arrive { link: to, message });
            }
            [Some(at), None] | [None, Some(at)] => {
                queue.push(at, Happening::Arrive { link: to, message: Message { kind, bytes } });
            }
            [None, None] => {}
        }
        true
    }

    /// A message reaches an end. Returns what its peer is to be told, if it can be told now.
    pub(crate) fn arrive(&mut self, link: LinkId, message: Message) -> Option<(PeerIndex, Vec<u8>)> {
        let (connection, side) = place(link);
        let it = self.connections.get_mut(&connection)?;
        if it.cut.is_some() {
            let model = self.paths.model(it.ends[0].peer, it.ends[1].peer);
            it.stall(&model, link, message);
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

    /// From now on more than the handshake is read at this end.
    pub(crate) fn admitted(&mut self, now: Duration, queue: &mut Queue<Happening>, link: LinkId) {
        let (connection, side) = place(link);
        let Some(it) = self.connections.get_mut(&connection) else { return };
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
        let Some(it) = self.connections.get(&connection) else { return };
        let model = self.paths.model(it.ends[0].peer, it.ends[1].peer);
        let told = (now + model.sure_delay(&mut self.dice)).max(it.ends[side].lane.ordered_until);
        self.mark_gone(link);
        let (connection, side) = place(link);
        if self.connections.contains_key(&connection) {
            queue.push(told, Happening::HangUp { link: name(connection, 1 - side), sure: false });
        }
    }

    /// An end is no more, and nobody tells the other.
    fn leave(&mut self, now: Duration, queue: &mut Queue<Happening>, link: LinkId, idle: Duration) {
        let (connection, side) = place(link);
        self.mark_gone(link);
        if self.connections.contains_key(&connection) {
            queue.push(now + idle, Happening::HangUp { link: name(connection, 1 - side), sure: true });
        }
    }

    /// Marks an end as gone, and forgets the connection when both are.
    fn mark_gone(&mut self, link: LinkId) {
        let (connection, side) = place(link);
        let Some(it) = self.connections.get_mut(&connection) else { return };
        it.ends[side].state = State::Gone;
        it.ends[side].held.clear();
        if it.ends[1 - side].state == State::Gone {
            self.connections.remove(&connection);
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
        let it = self.connections.get(&connection)?;
        let (peer, state) = (it.ends[side].peer, it.ends[side].state);
        if it.cut.is_some() && !sure {
            // It was not told, and finds out.
            queue.push(now + self.model.idle_timeout, Happening::HangUp { link, sure: true });
            return None;
        }
        self.mark_gone(link);
        (state != State::Gone && state != State::Coming).then_some(peer)
    }

    /// A peer is gone, without a word to anybody.
    pub(crate) fn crash(&mut self, now: Duration, queue: &mut Queue<Happening>, peer: PeerIndex) {
        let ends = self.connections.iter().flat_map(|(connection, it)| {
            (0..2)
                .filter(|side| it.ends[*side].peer == peer && it.ends[*side].state != State::Gone)
                .map(|side| name(*connection, side))
        });
        for link in ends.collect::<Vec<_>>() {
            self.leave(now, queue, link, self.model.idle_timeout);
        }
    }

    /// The paths have changed: connections are cut, or go on.
    pub(crate) fn paths_changed(&mut self, now: Duration, queue: &mut Queue<Happening>) {
        for (connection, it) in &mut self.connections {
            let (a, b) = (it.ends[0].peer, it.ends[1].peer);
            match (it.cut, self.paths.is_open(a, b)) {
                (None, false) => {
                    self.cuts += 1;
                    it.cut = Some(self.cuts);
                    let idle = Happening::Idle { connection: *connection, cut: self.cuts };
                    queue.push(now + self.model.idle_timeout, idle);
                }
                (Some(_), true) => {
                    it.cut = None;
                    it.resume(now, queue, &self.paths.model(a, b), &mut self.dice);
                }
                (None, true) | (Some(_), false) => {}
            }
        }
    }

    /// The ends of a connection that has been cut for too long.
    pub(crate) fn idle(&self, connection: u64, cut: u64) -> Vec<LinkId> {
        let is_cut = self.connections.get(&connection).is_some_and(|it| it.cut == Some(cut));
        if is_cut { vec![name(connection, 0), name(connection, 1)] } else { Vec::new() }
    }
}

impl Connection {
    /// Keeps a message until the path is open again, if the link is one that does. `false`: there is no room.
    fn stall(&mut self, model: &LinkModel, to: LinkId, message: Message) -> bool {
        if !model.reliable && message.kind != Kind::Handshake {
            return true;
        }
        if self.stalled_bytes + message.bytes.len() > QUEUE_BYTES_MAX {
            return false;
        }
        self.stalled_bytes += message.bytes.len();
        self.stalled.push((to, message));
        true
    }

    /// Sends again what waited.
    fn resume(&mut self, now: Duration, queue: &mut Queue<Happening>, model: &LinkModel, dice: &mut Dice) {
        self.stalled_bytes = 0;
        let model = LinkModel { reliable: true, bandwidth: None, ..*model };
        for (to, message) in std::mem::take(&mut self.stalled) {
            let lane = &mut self.ends[1 - place(to).1].lane;
            if let Fate::Arrives([Some(at), _]) =
                model.send(lane, now, message.bytes.len(), message.kind, dice)
            {
                queue.push(at, Happening::Arrive { link: to, message });
            }
        }
    }
}

impl Traffic {
    fn count(&mut self, kind: Kind, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes as u64;
        let longest = match kind {
            Kind::Handshake => &mut self.longest_handshake,
            Kind::Live | Kind::Chunk => &mut self.longest_message,
        };
        *longest = bytes.max(*longest);
    }
}
