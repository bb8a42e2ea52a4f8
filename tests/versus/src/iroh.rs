//! `iroh-gossip`: its public state machine, driven as its own `net.rs` drives it.
//!
//! A message to who is not connected dials, and waits for the connection; a dial that fails, and a connection that
//! closes, are [`InEvent::PeerDisconnected`]; [`OutEvent::DisconnectPeer`] drops the connection behind what was sent.
//! In two things we are kinder than `net.rs`: there, a peer whose dial failed, or whose connection closed while it was
//! no neighbour, is never dialled again; here it is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use iroh_gossip::proto::state::MessageKind;
use iroh_gossip::proto::{
    Command, Config, Event, InEvent, Message, OutEvent, PeerData, Scope, State, Timer, TopicId,
};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::network::NodeId;
use crate::payload::Payload;
use crate::protocol::{In, Out, Protocol, Wire};
use crate::queue::Micros;
use crate::seed;

/// The topic that all are in.
const TOPIC: [u8; 32] = [7; 32];

/// Frames carry the length in four bytes, and the topic once for each stream. `Message::size` counts no length, and the
/// topic in each message.
const LENGTH_BYTES: u64 = 4;
const TOPIC_BYTES: u64 = 32;

/// A node's name: a number here, a public key of 32 bytes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(NodeId);

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut key = [0xab; 32];
        key[..4].copy_from_slice(&self.0.to_le_bytes());
        key.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = <[u8; 32]>::deserialize(deserializer)?;
        Ok(Self(NodeId::from_le_bytes([key[0], key[1], key[2], key[3]])))
    }
}

#[derive(Debug)]
enum Peer {
    /// Dialled, with what waits for the connection.
    Pending(Vec<Message<Name>>),
    Connected,
}

/// A node that runs iroh-gossip.
#[derive(Debug)]
pub struct Iroh {
    state: State<Name, StdRng>,
    peers: BTreeMap<NodeId, Peer>,
    neighbours: BTreeSet<NodeId>,
    /// The machine wants the clock's own type: this stands for virtual zero.
    epoch: Instant,
}

impl Protocol for Iroh {
    const NAME: &'static str = "iroh-gossip";
    type Message = Message<Name>;
    type Timer = Timer<Name>;

    #[expect(clippy::disallowed_methods, reason = "any instant will do as an epoch: only differences count")]
    fn new(me: NodeId, seed: u64) -> Self {
        let rng = StdRng::from_seed(seed::bytes(&[seed, 0x1206, u64::from(me)]));
        Self {
            // It would carry addresses here. We leave them out, which is to its advantage: ours carry theirs.
            state: State::new(Name(me), PeerData::default(), Config::default(), rng),
            peers: BTreeMap::new(),
            neighbours: BTreeSet::new(),
            epoch: Instant::now(),
        }
    }

    fn handle(&mut self, now: Micros, input: In<Self>, out: &mut Vec<Out<Self>>) {
        let topic = TopicId::from(TOPIC);
        let event = match input {
            In::Join(through) => {
                InEvent::Command(topic, Command::Join(through.into_iter().map(Name).collect()))
            }
            In::Publish(payload) => {
                InEvent::Command(topic, Command::Broadcast(Bytes::from(payload.bytes()), Scope::Swarm))
            }
            In::Message { from, message } => InEvent::RecvMessage(Name(from), message),
            In::Timer(timer) => InEvent::TimerExpired(timer),
            In::Wake => return,
            In::LinkUp { peer, .. } => {
                if let Some(Peer::Pending(queue)) = self.peers.insert(peer, Peer::Connected) {
                    out.extend(queue.into_iter().map(|message| Out::Send(peer, message)));
                }
                return;
            }
            In::LinkDown { peer, .. } => {
                if self.peers.remove(&peer).is_none() {
                    return;
                }
                InEvent::PeerDisconnected(Name(peer))
            }
            In::DialFailed { peer, .. } => {
                if matches!(self.peers.get(&peer), Some(Peer::Connected)) {
                    return;
                }
                self.peers.remove(&peer);
                InEvent::PeerDisconnected(Name(peer))
            }
        };
        self.feed(now, event, out);
    }

    fn wire(message: &Self::Message) -> Wire {
        let size = message.size().expect("its messages always encode") as u64;
        let copies = u64::from(matches!(message.kind(), MessageKind::Data));
        Wire { bytes: size - TOPIC_BYTES + LENGTH_BYTES, copies }
    }

    fn neighbours(&self) -> Vec<NodeId> {
        self.neighbours.iter().copied().collect()
    }

    fn configuration() -> String {
        format!("{:?}", Config::default())
    }
}

impl Iroh {
    fn feed(&mut self, now: Micros, event: InEvent<Name>, out: &mut Vec<Out<Self>>) {
        let at = self.epoch + Duration::from_micros(now);
        for event in self.state.handle(event, at.into(), None) {
            match event {
                OutEvent::SendMessage(Name(to), message) => match self.peers.get_mut(&to) {
                    Some(Peer::Connected) => out.push(Out::Send(to, message)),
                    Some(Peer::Pending(queue)) => queue.push(message),
                    None => {
                        self.peers.insert(to, Peer::Pending(vec![message]));
                        out.push(Out::Dial(to));
                    }
                },
                OutEvent::EmitEvent(_, Event::NeighborUp(Name(peer))) => {
                    self.neighbours.insert(peer);
                }
                OutEvent::EmitEvent(_, Event::NeighborDown(Name(peer))) => {
                    self.neighbours.remove(&peer);
                }
                OutEvent::EmitEvent(_, Event::Received(event)) => {
                    let payload = Payload::parse(&event.content).expect("only payloads are published");
                    out.push(Out::Deliver(payload));
                }
                OutEvent::ScheduleTimer(after, timer) => {
                    out.push(Out::Timer(now + after.as_micros() as Micros, timer));
                }
                OutEvent::DisconnectPeer(Name(peer)) => {
                    if let Some(Peer::Connected) = self.peers.remove(&peer) {
                        out.push(Out::Close(peer));
                    }
                }
                OutEvent::PeerData(..) => {}
            }
        }
    }
}
