//! The driver: many nodes of one protocol in one thread, on one queue of events, in virtual time.
//!
//! Connections, for a dial from `a` to `b` with a latency of `l`:
//!
//! ```text
//! t        a dials
//! t + 2l   up at a (QUIC's handshake is a round trip), which may send at once
//! t + 3l   up at b
//! ```
//!
//! Two that dial each other end with one connection. A closed one is known at the other end after a latency, behind all
//! that was sent over it. Messages that the network loses are lost for good: this is the test, not QUIC.

use std::collections::BTreeSet;

use crate::deliveries::Deliveries;
use crate::network::{DIAL_TIMEOUT, Death, Geometry, IDLE_TIMEOUT, Network, NodeId};
use crate::payload::{PAYLOAD_BYTES, Payload};
use crate::profile::{Profile, nanos};
use crate::protocol::{In, Out, Protocol};
use crate::queue::{Micros, Queue};
use crate::seed::Dice;
use crate::traffic::Traffic;

/// Names one connection among those that a pair has had.
type Generation = u64;

#[derive(Debug)]
enum Event<P: Protocol> {
    Message {
        from: NodeId,
        to: NodeId,
        message: P::Message,
    },
    Timer {
        node: NodeId,
        timer: P::Timer,
    },
    Wake {
        node: NodeId,
    },
    /// A dial has come so far that the dialler knows how it ends.
    Dialled {
        node: NodeId,
        peer: NodeId,
        generation: Generation,
    },
    GaveUp {
        node: NodeId,
        peer: NodeId,
        generation: Generation,
    },
    Accepted {
        node: NodeId,
        peer: NodeId,
        generation: Generation,
    },
    Gone {
        node: NodeId,
        peer: NodeId,
        generation: Generation,
        timed_out: bool,
    },
}

#[derive(Debug)]
struct Node<P> {
    machine: P,
    links: Vec<(NodeId, Generation)>,
    dialling: Vec<(NodeId, Generation)>,
    /// When its next [`Event::Wake`] is queued for.
    wake: Option<Micros>,
}

/// All nodes, and what lies between them.
#[derive(Debug)]
pub struct World<P: Protocol> {
    /// The time.
    pub now: Micros,
    /// Latencies and faults.
    pub network: Network,
    /// Who got what, and when.
    pub deliveries: Deliveries,
    /// What was sent.
    pub traffic: Traffic,
    /// Where the time goes, if that is asked.
    pub profile: Option<Profile>,
    /// How long the messages are.
    pub payload_bytes: u32,
    queue: Queue<Event<P>>,
    nodes: Vec<Node<P>>,
    generations: Generation,
    /// Dials whose other end has yet to hear of them, and will find that they are a part of another connection.
    merged: BTreeSet<Generation>,
    outputs: Vec<Out<P>>,
}

impl<P: Protocol> World<P> {
    /// Nodes that have not started.
    pub fn new(nodes: u32, geometry: Geometry, seed: u64) -> Self {
        let node =
            |me| Node { machine: P::new(me, seed), links: Vec::new(), dialling: Vec::new(), wake: None };
        Self {
            now: 0,
            network: Network::new(nodes, geometry, seed),
            deliveries: Deliveries::new(nodes),
            traffic: Traffic::default(),
            profile: None,
            payload_bytes: PAYLOAD_BYTES,
            queue: Queue::default(),
            nodes: (0..nodes).map(node).collect(),
            generations: 0,
            merged: BTreeSet::new(),
            outputs: Vec::new(),
        }
    }

    /// How many there were at first.
    pub fn len(&self) -> u32 {
        self.nodes.len() as u32
    }

    /// Whether there never were any.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// A node that runs.
    pub fn random_node(&self, dice: &mut Dice) -> NodeId {
        loop {
            let node = dice.below(u64::from(self.len())) as NodeId;
            if self.network.is_alive(node) {
                return node;
            }
        }
    }

    /// The machine of a node.
    pub fn machine(&self, node: NodeId) -> &P {
        &self.nodes[node as usize].machine
    }

    /// Lets happen what happens until then.
    pub fn run_until(&mut self, until: Micros) {
        while let Some((time, event)) = self.queue.pop(until) {
            self.now = time;
            self.traffic.events += 1;
            self.happen(event);
        }
        self.now = until;
    }

    /// The node starts, and joins.
    pub fn join(&mut self, node: NodeId, through: Option<NodeId>) {
        self.handle(node, In::Join(through));
    }

    /// The node publishes the next message. Returns its round.
    pub fn publish(&mut self, sender: NodeId) -> u32 {
        let round = self.deliveries.publish(sender, self.now);
        self.handle(sender, In::Publish(Payload { round, sender, bytes: self.payload_bytes }));
        round
    }

    /// These nodes vanish at once.
    pub fn vanish(&mut self, gone: &[NodeId], death: Death) {
        self.network.death = death;
        for node in gone {
            self.network.kill(*node);
        }
        for node in gone {
            for (peer, generation) in std::mem::take(&mut self.nodes[*node as usize].links) {
                let (after, timed_out) = match death {
                    Death::Failing => (self.network.latency(*node, peer), false),
                    Death::Silent => (IDLE_TIMEOUT, true),
                };
                let event = Event::Gone { node: peer, peer: *node, generation, timed_out };
                self.queue.push(self.now + after, event);
            }
        }
    }

    /// Cuts the two halves apart: connections across it time out.
    pub fn cut(&mut self) {
        self.network.is_cut = true;
        for node in 0..self.len() {
            for (peer, generation) in &self.nodes[node as usize].links {
                if !self.network.reaches(node, *peer) {
                    let event = Event::Gone { node, peer: *peer, generation: *generation, timed_out: true };
                    self.queue.push(self.now + IDLE_TIMEOUT, event);
                }
            }
        }
    }

    /// Ends the partition.
    pub fn heal(&mut self) {
        self.network.is_cut = false;
    }

    fn happen(&mut self, event: Event<P>) {
        match event {
            Event::Message { from, to, message } => {
                if self.network.reaches(from, to) && !self.network.loses() {
                    self.handle(to, In::Message { from, message });
                }
            }
            Event::Timer { node, timer } => self.handle(node, In::Timer(timer)),
            Event::Wake { node } => {
                let it = &mut self.nodes[node as usize];
                // A later or an earlier one took its place.
                if it.wake == Some(self.now) {
                    it.wake = None;
                    self.handle(node, In::Wake);
                }
            }
            Event::Dialled { node, peer, generation } => self.dialled(node, peer, generation),
            Event::GaveUp { node, peer, generation } => {
                if self.end_dial(node, peer, generation) {
                    self.handle(node, In::DialFailed { peer, timed_out: true });
                }
            }
            Event::Accepted { node, peer, generation } => self.accepted(node, peer, generation),
            Event::Gone { node, peer, generation, timed_out } => {
                // What says so can be lost, and then the connection times out: see `cut`.
                if !timed_out && !self.network.reaches(node, peer) && self.network.is_alive(peer) {
                    return;
                }
                if self.unlink(node, peer, generation) {
                    self.handle(node, In::LinkDown { peer, timed_out });
                }
            }
        }
    }

    fn dial(&mut self, node: NodeId, peer: NodeId) {
        self.traffic.dials += 1;
        self.generations += 1;
        let generation = self.generations;
        self.nodes[node as usize].dialling.push((peer, generation));
        let after = 2 * self.network.latency(node, peer);
        self.queue.push(self.now + after, Event::Dialled { node, peer, generation });
    }

    fn dialled(&mut self, node: NodeId, peer: NodeId, generation: Generation) {
        if self.network.reaches(node, peer) {
            if !self.end_dial(node, peer, generation) {
                return;
            }
            if self.link(node, peer).is_none() {
                self.nodes[node as usize].links.push((peer, generation));
                let after = self.network.latency(node, peer);
                self.queue.push(self.now + after, Event::Accepted { node: peer, peer: node, generation });
            }
            self.handle(node, In::LinkUp { peer, dialled: true });
            return;
        }
        self.traffic.dials_failed += 1;
        let says_no = !self.network.is_alive(peer) && self.network.death == Death::Failing;
        if !says_no {
            let after = DIAL_TIMEOUT.saturating_sub(2 * self.network.latency(node, peer));
            self.queue.push(self.now + after, Event::GaveUp { node, peer, generation });
        } else if self.end_dial(node, peer, generation) {
            self.handle(node, In::DialFailed { peer, timed_out: false });
        }
    }

    fn accepted(&mut self, node: NodeId, peer: NodeId, generation: Generation) {
        if !self.network.reaches(node, peer) {
            // The other end takes it for up, until it hears otherwise, or nothing.
            let (after, timed_out) = match (self.network.is_alive(node), self.network.death) {
                (false, Death::Failing) => (self.network.latency(node, peer), false),
                _ => (IDLE_TIMEOUT, true),
            };
            self.queue.push(self.now + after, Event::Gone { node: peer, peer: node, generation, timed_out });
            return;
        }
        if self.merged.remove(&generation) {
            return;
        }
        if let Some(place) = self.link(node, peer) {
            // Both dialled, and each is up at its own end: from now on it is one connection, and what says that it is gone
            // means this one. If the other end has closed its own already, ours stands, and it will be told of it.
            let theirs =
                self.link(peer, node).filter(|at| self.nodes[peer as usize].links[*at].1 == generation);
            if let Some(theirs) = theirs {
                self.generations += 1;
                self.merged.insert(self.nodes[node as usize].links[place].1);
                self.nodes[node as usize].links[place].1 = self.generations;
                self.nodes[peer as usize].links[theirs].1 = self.generations;
            }
            return;
        }
        let dialled = self.end_any_dial(node, peer);
        self.nodes[node as usize].links.push((peer, generation));
        self.handle(node, In::LinkUp { peer, dialled });
    }

    fn close(&mut self, node: NodeId, peer: NodeId) {
        let Some(place) = self.link(node, peer) else { return };
        let (_, generation) = self.nodes[node as usize].links.swap_remove(place);
        let event = Event::Gone { node: peer, peer: node, generation, timed_out: false };
        // Behind what was sent before.
        self.queue.push(self.now + self.network.latency(node, peer) + 1, event);
    }

    fn link(&self, node: NodeId, peer: NodeId) -> Option<usize> {
        self.nodes[node as usize].links.iter().position(|(linked, _)| *linked == peer)
    }

    fn unlink(&mut self, node: NodeId, peer: NodeId, generation: Generation) -> bool {
        let links = &mut self.nodes[node as usize].links;
        let place = links.iter().position(|link| *link == (peer, generation));
        place.map(|place| links.swap_remove(place)).is_some()
    }

    fn end_dial(&mut self, node: NodeId, peer: NodeId, generation: Generation) -> bool {
        let dialling = &mut self.nodes[node as usize].dialling;
        let place = dialling.iter().position(|dial| *dial == (peer, generation));
        place.map(|place| dialling.swap_remove(place)).is_some()
    }

    fn end_any_dial(&mut self, node: NodeId, peer: NodeId) -> bool {
        let dialling = &mut self.nodes[node as usize].dialling;
        let before = dialling.len();
        dialling.retain(|(dialled, _)| *dialled != peer);
        dialling.len() < before
    }

    fn handle(&mut self, node: NodeId, input: In<P>) {
        if !self.network.is_alive(node) {
            return;
        }
        let mut outputs = std::mem::take(&mut self.outputs);
        let it = &mut self.nodes[node as usize];
        let profiled = self.profile.is_some().then(|| (input.kind(), nanos()));
        it.machine.handle(self.now, input, &mut outputs);
        if let (Some((kind, begun)), Some(profile)) = (profiled, &mut self.profile) {
            profile.handled(kind, begun, outputs.is_empty());
        }
        for output in outputs.drain(..) {
            self.output(node, output);
        }
        self.outputs = outputs;
        let it = &mut self.nodes[node as usize];
        if let Some(wake) = it.machine.wake()
            && it.wake.is_none_or(|queued| wake < queued)
        {
            let wake = wake.max(self.now + 1);
            it.wake = Some(wake);
            self.queue.push(wake, Event::Wake { node });
        }
    }

    fn output(&mut self, node: NodeId, output: Out<P>) {
        match output {
            Out::Send(to, message) => {
                if self.link(node, to).is_none() {
                    self.traffic.unlinked += 1;
                    return;
                }
                self.traffic.sent(P::wire(&message));
                let at = self.now + self.network.latency(node, to);
                self.queue.push(at, Event::Message { from: node, to, message });
            }
            Out::Dial(peer) => self.dial(node, peer),
            Out::Close(peer) => self.close(node, peer),
            Out::Timer(at, timer) => self.queue.push(at.max(self.now), Event::Timer { node, timer }),
            Out::Deliver(payload) => self.deliveries.deliver(node, payload, self.now),
        }
    }
}

#[cfg(test)]
mod tests;
