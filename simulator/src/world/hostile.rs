//! What hostile peers do to a world. What they do it with is in [`crate::hostile`].

use std::collections::BTreeSet;
use std::time::Duration;

use msec_identity::{LogId, PeerId};
use msec_peer::gossip::{Config, Gossip, Input, Interest, Key, Output, Priority, Topic, Version};
use msec_peer::node::StreamSpec;

use super::World;
use crate::disk::Disk;
use crate::happening::{Happening, Life};
use crate::hostile::{ACT_EVERY, Behaviour, Forged, forge, target};
use crate::peer::PeerIndex;

/// Every how many acts a second device publishes: once a second.
const ACTS_A_FORK: u128 = 4;

impl World {
    /// Whether a peer does what it should, on one device only.
    pub fn is_honest(&self, peer: PeerIndex) -> bool {
        self.peers.get(peer.0).is_some_and(crate::peer::Peer::is_honest)
    }

    /// Whether a peer does what it should not. The first device of a copied identity does not.
    pub fn is_hostile(&self, peer: PeerIndex) -> bool {
        self.peers.get(peer.0).is_some_and(|it| it.hostile.is_some())
    }

    /// Whether somebody has a peer as a contact.
    pub fn is_dialled(&self, peer: PeerIndex) -> bool {
        self.dialled.contains(&peer)
    }

    /// Where a log has two histories, if its author is on two devices. Before that all have to agree.
    pub fn forked_at(&self, log: &LogId) -> Option<u64> {
        let author = self.ledger.log(log)?.author;
        if self.copied.contains(&author) { self.witness.as_ref()?.forked_at(log) } else { None }
    }

    /// Whether a peer knows that a log has two histories, as it has: it holds what it holds, and takes nothing more of it.
    pub fn contests(&self, peer: PeerIndex, log: &LogId) -> bool {
        let knows = || self.node(peer).is_some_and(|node| node.contested().any(|fork| fork.log() == *log));
        self.witness.as_ref().is_some_and(|it| it.forked_at(log).is_some()) && knows()
    }

    /// Whether a hostile peer has written in a log so lately that not all can hold it.
    pub(crate) fn is_intruded_since(&self, log: &LogId, since: Duration) -> bool {
        self.intruded.get(log).is_some_and(|at| *at > since)
    }

    /// A peer was added: it starts, at once or as its behaviour says.
    pub(super) fn begin(&mut self, peer: PeerIndex) {
        match self.peers[peer.0].spec().behaviour {
            Some(Behaviour::Fork { after_s, .. }) => {
                self.queue.push(self.time + Duration::from_secs(after_s), Happening::Copied(peer));
            }
            _ => {
                self.start(peer).expect("an empty store opens");
            }
        }
    }

    /// A second device starts, with what is on the disk of the first.
    pub(super) fn copied(&mut self, peer: PeerIndex) {
        let Some(Behaviour::Fork { of, .. }) = self.peers[peer.0].spec().behaviour else { return };
        let Some(first) = self.peers.get_mut(of.0) else { return };
        first.copied = true;
        self.deliveries.peers_changed();
        let disk = Disk::copy_of(&first.disk);
        self.peers[peer.0].disk = disk;
        let id = self.peers[peer.0].id();
        self.copied.insert(id);
        if let Some(witness) = &mut self.witness {
            witness.may_fork(id);
        }
        // A copy of what opens does too.
        let _ = self.start(peer);
        // At once: a neighbour that knows more would show it, and the copy go on in logs of its own.
        self.act_twice(peer);
    }

    /// The time of a hostile peer has come, and comes again.
    pub(super) fn act(&mut self, life: Life) {
        if !self.lives(life) {
            return;
        }
        self.queue.push(self.time + ACT_EVERY, Happening::Act(life));
        let acts = self.time.as_millis() / ACT_EVERY.as_millis();
        let Some(hostile) = &self.peers[life.peer.0].hostile else { return };
        match hostile.behaviour() {
            Behaviour::Fork { .. } if acts.is_multiple_of(ACTS_A_FORK) => self.act_twice(life.peer),
            Behaviour::ForgedGrants => self.act_without_right(life.peer),
            Behaviour::Replay | Behaviour::Flood | Behaviour::Garbage => self.talk(life.peer),
            Behaviour::Silence | Behaviour::Fork { .. } | Behaviour::Backdates => {}
        }
    }

    /// A second device writes where the first does.
    fn act_twice(&mut self, peer: PeerIndex) {
        let it = &self.peers[peer.0];
        let logs = it.disk.promised().keys().filter_map(|log| self.ledger.log(log));
        let own = logs.filter(|log| log.author == it.id());
        let streams: BTreeSet<_> = own.map(|log| (log.collection.clone(), log.stream.clone())).collect();
        for (collection, stream) in streams {
            let Ok(stream) = StreamSpec::new(collection.as_str(), &stream) else { continue };
            let value = self.peers[peer.0].hostile.as_mut().map_or(0, |it| it.dice().below(1_000));
            let reading = self.reading(value as f64);
            self.publish(peer, &stream, &[reading]);
        }
    }

    /// Pushes a log under a grant that is none, to all neighbours.
    fn act_without_right(&mut self, peer: PeerIndex) {
        let now = self.wall();
        let it = &mut self.peers[peer.0];
        let (identity, target) = (it.identity(), target(&it.spec().settings.interest));
        let Some(hostile) = &mut it.hostile else { return };
        let forged = forge(&identity, &target, &self.space, now, hostile.dice());
        let Some(Forged { run, readings, given }) = forged else { return };
        let (links, seed) = (hostile.links(), hostile.dice().bytes());
        self.intruded.insert(run.state().log(), self.time);
        if let (Some(witness), Some(given)) = (&mut self.witness, given) {
            witness.granted(it.identity().peer(), given.resource.clone(), given.rights);
            if given.resource.covers(run.state().header().collection()) {
                let header = run.state().header();
                let stream =
                    StreamSpec::new(header.collection().as_str(), header.stream()).expect("a stream");
                witness.submitted(header.author(), &stream.name, &readings);
                witness.writes(peer, &run, 0);
            }
        }
        let (log, version) =
            (run.state().log(), Version { size: run.state().size(), digest: run.state().root() });
        let topic = Topic::new(run.state().header().collection().as_str()).expect("a collection's path");
        if let Some(push) = push(log, topic, version, run.to_bytes(), seed) {
            for link in links {
                self.network.send(self.time, &mut self.queue, link, Priority::Live, push.clone());
            }
        }
    }

    /// Says what it should not, on each of its links.
    fn talk(&mut self, peer: PeerIndex) {
        let held: Vec<LogId> = self.frontier(peer).into_iter().map(|(log, ..)| log).collect();
        let (now, queue) = (self.time, &mut self.queue);
        let Some(hostile) = &mut self.peers[peer.0].hostile else { return };
        for link in hostile.links() {
            for (priority, bytes) in hostile.act(&held) {
                if !self.network.send(now, queue, link, priority, bytes).is_empty() {
                    // The link takes no more.
                    break;
                }
            }
        }
    }
}

/// The message that pushes this, as a gossip machine says it.
fn push(log: LogId, topic: Topic, version: Version, payload: Vec<u8>, seed: [u8; 32]) -> Option<Vec<u8>> {
    let (me, other) = (PeerId([1; 32]), PeerId([2; 32]));
    let mut gossip = Gossip::new(Config::default(), me, Interest::all(), seed);
    gossip.handle(Duration::ZERO, Input::NeighbourUp { peer: other, interest: Interest::all(), leaf: false });
    while gossip.poll_output().is_some() {}
    let accepted =
        Input::Accepted { key: Key(log.0), topic, version, from: None, origin: None, payload: Some(payload) };
    gossip.handle(Duration::ZERO, accepted);
    match gossip.poll_output()? {
        Output::Send { bytes, .. } => Some(bytes),
        _ => None,
    }
}
