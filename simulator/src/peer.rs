//! A simulated peer: its node, its disk, its clock, and what it is started with each time.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use msec_identity::{Authority, CollectionPath, Grant, Identity, PeerId, Right, Rights, Verified};
use msec_peer::gossip::{Interest, Topic};
use msec_peer::node::{self, Contact, Node, Now};
use msec_peer::store::Opened;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::disk::{Disk, DiskModel};
use crate::happening::Life;
use crate::hostile::{Behaviour, Hostile};
use crate::link::ClassId;
use crate::map::Point;
use crate::revocation::Issuer;
use crate::seed::Seed;

/// The most peers in a world: each has an address in 10.0.0.0/8.
pub const PEERS_MAX: usize = (1 << 24) - 1;

const PORT: u16 = 4000;

/// How many bits name the network that all are on.
const NETWORK_BITS: u8 = 8;

/// A peer of a world, by the order in which they were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeerIndex(pub usize);

impl PeerIndex {
    /// Where it lives.
    pub fn address(self) -> SocketAddr {
        // At most `PEERS_MAX`, so that the highest byte is free.
        let host = 0x0a00_0000 | (self.0 as u32 + 1);
        SocketAddr::new(IpAddr::V4(Ipv4Addr::from_bits(host)), PORT)
    }

    /// Who lives there.
    pub(crate) fn at(address: SocketAddr) -> Option<Self> {
        let IpAddr::V4(ip) = address.ip() else { return None };
        let host = ip.to_bits().checked_sub(0x0a00_0001)?;
        (address.port() == PORT && (host as usize) < PEERS_MAX).then_some(Self(host as usize))
    }
}

impl fmt::Display for PeerIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a peer is to be. Start from a role, and change what differs.
#[derive(Debug, Clone)]
pub struct PeerSpec {
    /// Its rights, and on which collection. `None`: a stranger.
    pub grant: Option<(String, Rights)>,
    /// Whom it dials. They may be added later than it.
    pub contacts: Vec<PeerIndex>,
    /// What it is plugged into. None: its links have the model of [`crate::NetworkModel::link`].
    pub interfaces: Vec<ClassId>,
    /// Where it is at first.
    pub position: Point,
    /// Whether it announces itself by mDNS, and dials whom it hears.
    pub discover: bool,
    /// Its disk.
    pub disk: DiskModel,
    /// What it does that it should not. `None`: it is honest.
    pub behaviour: Option<Behaviour>,
    /// Whose word it gives, beside its own. The root's peer is named before it is added: [`crate::World::rooted_at`].
    pub issuer: Option<Issuer>,
    /// The manager that granted it what it has. `None`: the root.
    pub granted_by: Option<PeerIndex>,
    /// Whether that manager entered it in its control log.
    pub is_entered: bool,
    /// Its other settings; contacts are filled in from above, and where it is from its number.
    pub settings: node::Config,
}

impl PeerSpec {
    /// Holds everything, relays, and may write.
    pub fn gateway() -> Self {
        Self::granted([Right::Relay, Right::Read, Right::Write], Interest::all())
    }

    /// Writes, and holds nothing but its own: a leaf.
    pub fn sensor() -> Self {
        Self::granted([Right::Relay, Right::Write], Interest::none()).leaf()
    }

    /// Reads everything: a leaf.
    pub fn citizen() -> Self {
        Self::granted([Right::Read], Interest::all()).leaf()
    }

    /// Knows the space, and has no grant in it.
    pub fn stranger() -> Self {
        Self { grant: None, ..Self::citizen() }
    }

    fn granted(rights: impl IntoIterator<Item = Right>, interest: Interest) -> Self {
        let settings = node::Config { interest, ..node::Config::default() };
        let grant = Some((String::new(), Rights::of(rights)));
        Self {
            grant,
            contacts: Vec::new(),
            interfaces: Vec::new(),
            position: Point::default(),
            discover: false,
            disk: DiskModel::default(),
            behaviour: None,
            issuer: None,
            granted_by: None,
            is_entered: true,
            settings,
        }
    }

    /// That relays nothing.
    #[must_use]
    pub fn leaf(mut self) -> Self {
        self.settings.role = node::Role::Leaf;
        self
    }

    /// That relays.
    #[must_use]
    pub fn relay(mut self) -> Self {
        self.settings.role = node::Role::Relay;
        self
    }

    /// With another peer to dial.
    #[must_use]
    pub fn contact(mut self, peer: PeerIndex) -> Self {
        self.contacts.push(peer);
        self
    }

    /// The settings of its node where it is that peer: with its contacts, at which `who` says whom to expect, and with where
    /// it is.
    pub(crate) fn config(&self, at: PeerIndex, who: impl Fn(PeerIndex) -> Option<PeerId>) -> node::Config {
        let contacts = self.contacts.iter().map(|peer| Contact { address: peer.address(), peer: who(*peer) });
        let address = at.address();
        node::Config {
            contacts: contacts.collect(),
            advertise: vec![address],
            networks: vec![node::Network { ip: address.ip(), prefix: NETWORK_BITS }],
            ..self.settings.clone()
        }
    }

    /// With another interface.
    #[must_use]
    pub fn interface(mut self, class: ClassId) -> Self {
        self.interfaces.push(class);
        self
    }

    /// At that place.
    #[must_use]
    pub fn at(mut self, position: Point) -> Self {
        self.position = position;
        self
    }

    /// Announcing itself, and dialling whom it hears.
    #[must_use]
    pub fn discovering(mut self) -> Self {
        self.discover = true;
        self
    }

    /// That does what it should not.
    #[must_use]
    pub fn behaves(mut self, behaviour: Behaviour) -> Self {
        self.behaviour = Some(behaviour);
        self
    }

    /// That holds a manager's grant.
    #[must_use]
    pub fn manages(mut self) -> Self {
        self.issuer = Some(Issuer::Manager);
        self
    }

    /// With a grant from that manager, which enters it in its control log or not.
    #[must_use]
    pub fn granted_by(mut self, manager: PeerIndex, is_entered: bool) -> Self {
        (self.granted_by, self.is_entered) = (Some(manager), is_entered);
        self
    }

    /// With another interest.
    #[must_use]
    pub fn interest(mut self, interest: Interest) -> Self {
        self.settings.interest = interest;
        self
    }

    /// With these rights on that collection.
    #[must_use]
    pub fn on(mut self, collection: &str, rights: Rights) -> Self {
        self.grant = Some((collection.to_owned(), rights));
        self
    }
}

/// A peer in its world.
pub(crate) struct Peer {
    index: PeerIndex,
    seed: Seed,
    spec: PeerSpec,
    id: PeerId,
    papers: Vec<Verified<Grant>>,
    pub(crate) node: Option<Node>,
    pub(crate) disk: Disk,
    pub(crate) clock: Clock,
    /// What it does that it should not.
    pub(crate) hostile: Option<Hostile>,
    /// A second device has its identity.
    pub(crate) copied: bool,
    /// When its disk was damaged last.
    pub(crate) damaged: Option<Duration>,
    /// What it held when that was noted, in this life.
    pub(crate) mark: Option<node::Mark>,
    boot: u32,
    /// When the queue wakes it.
    wake: Option<Duration>,
}

impl Peer {
    pub(crate) fn new(index: PeerIndex, seed: Seed, spec: PeerSpec, papers: Vec<Verified<Grant>>) -> Self {
        Self {
            index,
            seed,
            id: identity(seed, lives_as(index, &spec)).peer(),
            papers,
            node: None,
            disk: Disk::new(spec.disk),
            clock: Clock::new(),
            hostile: spec.behaviour.as_ref().map(|behaviour| Hostile::new(index, seed, behaviour.clone())),
            spec,
            copied: false,
            damaged: None,
            mark: None,
            boot: 0,
            wake: None,
        }
    }

    pub(crate) fn id(&self) -> PeerId {
        self.id
    }

    /// Its key.
    pub(crate) fn identity(&self) -> Identity {
        identity(self.seed, lives_as(self.index, &self.spec))
    }

    /// What it shows others.
    pub(crate) fn papers(&self) -> &[Verified<Grant>] {
        &self.papers
    }

    pub(crate) fn index(&self) -> PeerIndex {
        self.index
    }

    /// Whether it does what it should, on one device only.
    pub(crate) fn is_honest(&self) -> bool {
        self.hostile.is_none() && !self.copied
    }

    pub(crate) fn spec(&self) -> &PeerSpec {
        &self.spec
    }

    #[cfg(test)]
    pub(crate) fn spec_mut(&mut self) -> &mut PeerSpec {
        &mut self.spec
    }

    pub(crate) fn life(&self) -> Life {
        Life { peer: self.index, boot: self.boot }
    }

    /// Whether this is the life that it lives now.
    pub(crate) fn lives(&self, life: Life) -> bool {
        self.node.is_some() && self.boot == life.boot
    }

    /// The time as its clocks show it.
    pub(crate) fn now(&self, time: Duration) -> Now {
        self.clock.now(time)
    }

    /// Starts the node on what the store held. Each life has a seed of its own: a node that drew the same random numbers
    /// twice would write two histories of one log.
    pub(crate) fn start(&mut self, time: Duration, opened: Opened, authority: Authority) {
        self.boot += 1;
        self.clock.start(time);
        self.wake = None;
        let who = |peer| Some(identity(self.seed, peer).peer());
        let parts = node::Parts {
            config: self.spec.config(self.index, who),
            identity: self.identity(),
            authority,
            papers: self.papers.iter().cloned().map(Into::into).collect(),
            opened,
            seed: self.seed.derive("node", (self.index.0 as u64) << 32 | u64::from(self.boot)),
        };
        let node = Node::new(parts, self.now(time)).expect("settings are checked when a peer is added");
        self.node = Some(node);
    }

    /// Random bytes for the store that is opened next.
    pub(crate) fn fresh(&self) -> [u8; 8] {
        let bytes = self.seed.derive("store", (self.index.0 as u64) << 32 | u64::from(self.boot));
        *bytes.first_chunk().expect("32 bytes")
    }

    pub(crate) fn stop(&mut self) {
        (self.node, self.mark) = (None, None);
        self.wake = None;
        if let Some(hostile) = &mut self.hostile {
            hostile.crashed();
        }
    }

    /// When to wake it, if that is not known to the queue yet.
    pub(crate) fn next_wake(&mut self, time: Duration) -> Option<Duration> {
        let due = self.clock.when(self.node.as_ref()?.poll_timeout()?).max(time);
        if self.wake.is_some_and(|wake| wake <= due) {
            return None;
        }
        self.wake = Some(due);
        Some(due)
    }

    /// The queue wakes it. `false`: it was woken for that, or is to be woken earlier.
    pub(crate) fn woken(&mut self, time: Duration) -> bool {
        if self.wake != Some(time) {
            return false;
        }
        self.wake = None;
        let due = self.node.as_ref().and_then(Node::poll_timeout);
        due.is_some_and(|due| self.clock.when(due) <= time)
    }

    /// Its clock runs otherwise from now on: what the queue knows of its waking is wrong.
    pub(crate) fn forget_wake(&mut self) {
        self.wake = None;
    }

    /// Wakes it then, and not before.
    pub(crate) fn pause(&mut self, until: Duration) {
        self.wake = Some(until);
    }

    /// Whether others give it what is in that collection, and it takes it.
    pub(crate) fn wants(&self, collection: &CollectionPath) -> bool {
        if collection.is_control() {
            // Everybody holds them all, whatever else.
            return !self.papers.is_empty();
        }
        let interested =
            Topic::new(collection.as_str()).is_ok_and(|t| self.spec.settings.interest.covers(&t));
        // The others are those above it.
        let own = self.papers.last();
        let may = |right| own.is_some_and(|g| g.rights.contains(right) && g.resource.covers(collection));
        interested && (may(Right::Read) || may(Right::Relay))
    }
}

/// Whose identity a peer has: its own, unless it is a copy of another.
pub(crate) fn lives_as(index: PeerIndex, spec: &PeerSpec) -> PeerIndex {
    match &spec.behaviour {
        Some(Behaviour::Fork { of, .. }) => *of,
        _ => index,
    }
}

/// Who lives there.
pub(crate) fn identity(seed: Seed, peer: PeerIndex) -> Identity {
    Identity::from_seed(seed.derive("identity", peer.0 as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_peers() {
        for index in [0, 1, 255, 70_000, PEERS_MAX - 1] {
            assert_eq!(PeerIndex::at(PeerIndex(index).address()), Some(PeerIndex(index)));
        }
        assert_eq!(PeerIndex(0).address().to_string(), "10.0.0.1:4000");
        assert_eq!(PeerIndex::at("127.0.0.1:4000".parse().expect("an address")), None);
        assert_eq!(PeerIndex::at("10.0.0.1:4001".parse().expect("an address")), None);
    }
}
