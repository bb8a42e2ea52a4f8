//! Peers and links in virtual time: everything that a driver does for one node, for many nodes in one thread.
//!
//! What happens next is taken from one queue, in the order of time, and at one time in the order in which it was put
//! there. It is handed to a node; what the node asks for is done as the driver does it, and puts further happenings into
//! the queue. The queue is bounded by what it stands for: at most one wake and one disk job for each peer, one dial for
//! each contact, and what the links hold.
//!
//! Kinds of methods: peers are added and asked ([`World::add_peer`], [`World::readings_of`] and the getters), apps publish
//! ([`World::publish`]), time passes ([`World::run_until`], [`World::run_until_true`]), and things go wrong (`faults`,
//! `clocks`, `hostile`).

mod arrivals;
mod clocks;
mod erasing;
mod faults;
mod hostile;
mod known;
mod lease;
mod places;
mod retention;
mod revocation;
mod signatures;
mod trace;
mod watch;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use msec_crdt_store::{Cut, Query, Reading, Row, StorageError, TreeHash};
use msec_identity::{CollectionPath, LogId, PeerId, SignatureMemory, UnixMillis};
use msec_peer::node::{self, Content, Input, Lost, Node, Output, StreamSpec, Ticket};
use msec_peer::outbox::Dropped;

use crate::clock::civil;
use crate::deliveries::Deliveries;
use crate::digest::Digest;
use crate::disk::Job;
use crate::erasure::ErasureOrders;
use crate::error::{AddPeerError, LinkError};
use crate::fault::Struck;
use crate::happening::{Happening, Life};
use crate::hostile::{ACT_EVERY, Behaviour, papers as forged_papers};
use crate::leases::Leases;
use crate::ledger::{Ledger, Outcome, Submission};
use crate::network::{NetworkModel, Traffic};
use crate::peer::{PEERS_MAX, Peer, PeerIndex, PeerSpec, identity, lives_as};
use crate::queue::Queue;
use crate::revocation::Revocations;
use crate::seed::{Dice, Seed};
use crate::space::Space;
use crate::wire::Carrier;
use crate::witness::Witness;

use revocation::Office;
use trace::Trace;
pub use trace::{Seen, Watcher};

/// How long a node that asks to be woken at once, again, is made to wait.
const SPIN_PAUSE: Duration = Duration::from_millis(1);

/// Peers, links and their time.
pub struct World {
    seed: Seed,
    space: Space,
    time: Duration,
    queue: Queue<Happening>,
    peers: Vec<Peer>,
    network: Carrier,
    ledger: Ledger,
    /// Sees what is stored and shown, unless nobody wants to know.
    witness: Option<Witness>,
    deliveries: Deliveries,
    trace: Trace,
    digest: Digest,
    /// `None`: each peer computes all its checks.
    signatures: Option<Arc<SignatureMemory>>,
    /// Draws for faults.
    dice: Dice,
    inputs: u64,
    spins: u64,
    faults_until: Duration,
    struck: Vec<Struck>,
    /// Whom somebody has as a contact.
    dialled: BTreeSet<PeerIndex>,
    /// Identities that are on two devices.
    copied: BTreeSet<PeerId>,
    /// When hostile peers wrote last in which log.
    intruded: BTreeMap<LogId, Duration>,
    /// What was revoked, and who knows it.
    revocations: Revocations,
    /// What has a class, and how peers keep to it.
    leases: Leases,
    /// What was ordered to be erased.
    erasures: ErasureOrders,
    office: Office,
    /// Entries that peers have let go.
    let_go_entries: u64,
}

impl World {
    /// A world without peers.
    pub fn new(seed: u64, model: NetworkModel) -> Result<Self, LinkError> {
        model.check()?;
        let seed = Seed(seed);
        Ok(Self {
            seed,
            space: Space::new(seed),
            time: Duration::ZERO,
            queue: Queue::default(),
            peers: Vec::new(),
            network: Carrier::new(model, seed)?,
            ledger: Ledger::default(),
            witness: Some(Witness::default()),
            deliveries: Deliveries::default(),
            trace: Trace::default(),
            digest: Digest::default(),
            signatures: Some(Arc::default()),
            dice: seed.dice("faults", 0),
            inputs: 0,
            spins: 0,
            faults_until: Duration::ZERO,
            struck: Vec::new(),
            dialled: BTreeSet::new(),
            copied: BTreeSet::new(),
            intruded: BTreeMap::new(),
            revocations: Revocations::default(),
            leases: Leases::default(),
            erasures: ErasureOrders::default(),
            office: Office::default(),
            let_go_entries: 0,
        })
    }

    /// Adds a peer, which starts at once.
    pub fn add_peer(&mut self, spec: PeerSpec) -> Result<PeerIndex, AddPeerError> {
        if self.peers.len() >= PEERS_MAX {
            return Err(AddPeerError::Full);
        }
        spec.settings.check()?;
        if spec.contacts.len() > node::Config::CONTACTS_MAX {
            return Err(node::ConfigError::Contacts { found: spec.contacts.len() }.into());
        }
        self.network.model().check_interfaces(&spec.interfaces)?;
        let index = PeerIndex(self.peers.len());
        let holder = identity(self.seed, lives_as(index, &spec)).peer();
        let mut papers = self.papers_of(holder, &spec)?;
        if let Some(witness) = &mut self.witness {
            papers.last().into_iter().for_each(|g| witness.granted(holder, g.resource.clone(), g.rights));
        }
        let granted = papers.clone();
        if papers.is_empty() && spec.behaviour == Some(Behaviour::ForgedGrants) {
            papers = forged_papers(&identity(self.seed, index), &self.space);
        }
        self.dialled.extend(&spec.contacts);
        self.network.settle(&spec.interfaces, spec.position, spec.discover);
        let it = Peer::new(index, self.seed, spec, papers);
        self.deliveries.came(index, |collection| it.is_honest() && it.wants(collection));
        self.peers.push(it);
        self.begin(index);
        self.was_granted(index, &granted);
        Ok(index)
    }

    /// Publishes readings as one entry, as an app does. What came of it stands in the ledger. `None`: the peer is down.
    pub fn publish(&mut self, peer: PeerIndex, stream: &StreamSpec, readings: &[Reading]) -> Option<Ticket> {
        let it = self.peers.get(peer.0)?;
        it.node.as_ref()?;
        if let Some(witness) = &mut self.witness {
            witness.submitted(it.id(), &stream.name, readings);
        }
        let ticket = self.ledger.submit(Submission {
            peer,
            stream: stream.name.clone(),
            readings: readings.to_vec(),
            at: self.time,
            outcome: Outcome::Waiting,
        });
        self.tell(
            peer,
            Input::Publish { ticket, stream: stream.clone(), content: Content::Readings(readings.to_vec()) },
        );
        Some(ticket)
    }

    /// Lets time pass until then.
    pub fn run_until(&mut self, time: Duration) {
        while let Some((at, happening)) = self.queue.pop(time) {
            self.time = at;
            self.happen(happening);
        }
        self.time = self.time.max(time);
    }

    /// Lets time pass for so long.
    pub fn run_for(&mut self, duration: Duration) {
        self.run_until(self.time + duration);
    }

    /// Lets time pass until something holds, which is looked at ten times a second, and at most for so long. Whether it
    /// came to hold.
    pub fn run_until_true(&mut self, at_most: Duration, mut holds: impl FnMut(&Self) -> bool) -> bool {
        const LOOK_EVERY: Duration = Duration::from_millis(100);
        let end = self.time + at_most;
        loop {
            if holds(self) {
                return true;
            }
            if self.time >= end {
                return false;
            }
            self.run_until((self.time + LOOK_EVERY).min(end));
        }
    }

    fn happen(&mut self, happening: Happening) {
        let (now, queue) = (self.time, &mut self.queue);
        match happening {
            Happening::Wake(life) => self.wake(life),
            Happening::DiskDone(life) => self.disk_done(life),
            Happening::Act(life) => self.act(life),
            Happening::Copied(peer) => self.copied(peer),
            Happening::Issue(which) => self.issue(which),
            Happening::Dial { life, address } => {
                if self.lives(life) {
                    self.network.dial(now, &mut self.queue, life, address);
                }
            }
            Happening::DialFailed { life, address, why } => {
                if self.lives(life) {
                    self.tell(life.peer, Input::DialFailed { address, why });
                }
            }
            Happening::Knock(knock) => {
                let host = PeerIndex::at(knock.address);
                let host = host.filter(|host| self.peers.get(host.0).is_some_and(|it| it.node.is_some()));
                if let (Some((link, binding)), Some(host)) =
                    (self.network.knock(now, queue, *knock, host), host)
                {
                    let expense = Duration::ZERO;
                    self.tell(host, Input::LinkUp { link, binding, dialled: None, expense, own_link: false });
                }
            }
            Happening::Answered { link, knock } => {
                if let Some(binding) = self.network.answered(now, queue, link, *knock) {
                    let (dialled, expense) = (Some(knock.address), Duration::ZERO);
                    let input = Input::LinkUp { link, binding, dialled, expense, own_link: false };
                    self.tell(knock.dialler.peer, input);
                }
            }
            Happening::Arrive { link, message } => {
                if let Some((peer, bytes)) = self.network.arrive(link, message) {
                    self.tell(peer, Input::Received { link, bytes });
                }
            }
            Happening::Reach { link, message } => {
                if let Some((peer, bytes)) = self.network.reach(now, queue, link, message) {
                    self.tell(peer, Input::Received { link, bytes });
                }
            }
            Happening::Look { interface, half } => {
                if let Some((link, peer, bytes)) = self.network.look(now, queue, interface, half) {
                    self.tell(peer, Input::Received { link, bytes });
                }
            }
            Happening::Drain { link } => self.network.drain(now, queue, link),
            Happening::Hear { life, of, meeting } => self.hear(life, of, meeting),
            Happening::HangUp { link, sure } => {
                if let Some(peer) = self.network.hang_up(now, queue, link, sure) {
                    let why = if sure { Lost::TimedOut } else { Lost::Closed };
                    self.tell(peer, Input::LinkDown { link, why });
                }
            }
            Happening::Idle { connection, cut } => {
                for link in self.network.idle(connection, cut) {
                    self.queue.push(now, Happening::HangUp { link, sure: true });
                }
            }
            #[cfg(feature = "quic")]
            Happening::Wire(what) => self.wired(what),
        }
    }

    /// Starts a peer on what its disk holds. Returns how that was cut back, if it was.
    fn start(&mut self, peer: PeerIndex) -> Result<Option<Cut>, StorageError> {
        let authority = self.authority();
        let it = &mut self.peers[peer.0];
        let (opened, lost) = it.disk.open(it.fresh())?;
        if let Some(witness) = &mut self.witness {
            lost.iter().for_each(|lost| witness.vanished(peer, lost.log, lost.left, lost.had));
        }
        let cut = opened.cut;
        for state in &opened.logs {
            self.ledger.saw_log(state.log(), state.header());
        }
        it.start(self.time, opened, authority);
        if it.hostile.is_some() {
            let life = it.life();
            self.queue.push(self.time + ACT_EVERY, Happening::Act(life));
        }
        self.leases.starts(peer);
        self.announce(peer);
        self.obey(peer);
        self.revocations_at_start(peer);
        Ok(cut)
    }

    /// Hands a node an input, and does what it then asks for.
    fn tell(&mut self, peer: PeerIndex, input: Input) {
        if let Input::Received { bytes, .. } = &input {
            if !self.revocations.is_idle() {
                self.exposes(peer, bytes);
            }
            self.lease_hears(peer, bytes);
        }
        let it = &mut self.peers[peer.0];
        let now = it.now(self.time);
        let Some(node) = &mut it.node else { return };
        if let Some(hostile) = &mut it.hostile {
            hostile.hears(&input);
        }
        self.trace.see(self.time, peer, Seen::Input(&input));
        node.handle(now, input);
        self.inputs += 1;
        self.obey(peer);
        self.learns(peer);
    }

    fn obey(&mut self, peer: PeerIndex) {
        while let Some(output) = self.peers[peer.0].node.as_mut().and_then(Node::poll_output) {
            self.digest.add(self.time, peer, &output);
            self.trace.see(self.time, peer, Seen::Output(&output));
            self.execute(peer, output);
        }
        let it = &mut self.peers[peer.0];
        if let Some(due) = it.next_wake(self.time) {
            let life = it.life();
            self.queue.push(due, Happening::Wake(life));
        }
    }

    /// Does what a node asks for, as the driver does it.
    fn execute(&mut self, peer: PeerIndex, output: Output) {
        if let Output::Send { link, bytes, .. } = &output {
            if !self.revocations.is_idle() {
                self.may_say(peer, *link, bytes);
            }
            self.lease_may_say(peer, bytes);
        }
        let (now, queue, it) = (self.time, &mut self.queue, &mut self.peers[peer.0]);
        let output = match &mut it.hostile {
            Some(hostile) => hostile.says(output),
            None => Some(output),
        };
        let Some(output) = output else { return };
        match output {
            Output::Dial { address } => {
                let life = it.life();
                if PeerIndex::at(address).is_some_and(|to| to.0 >= self.peers.len()) {
                    // Whoever is added at this time too is there before anything is sent.
                    queue.push(now, Happening::Dial { life, address });
                } else {
                    self.network.dial(now, queue, life, address);
                }
            }
            Output::Send { link, priority, bytes } => {
                for Dropped { priority, frame } in self.network.send(now, queue, link, priority, bytes) {
                    let now = it.now(now);
                    if let Some(node) = &mut it.node {
                        let shed = Input::Shed { link, priority, frame };
                        self.trace.see(self.time, peer, Seen::Input(&shed));
                        node.handle(now, shed);
                        self.inputs += 1;
                    }
                }
            }
            Output::Admitted { link } => self.network.admitted(now, queue, link),
            Output::Close { link, reason } => self.network.close(now, queue, link, reason),
            Output::Commit { seq, runs } => {
                self.saw_commit(peer, &runs);
                self.ask_disk(peer, Job::Commit { seq, runs });
            }
            Output::Contest { fork } => self.ask_disk(peer, Job::Contest { fork }),
            Output::Bound { log, bound } => self.ask_disk(peer, Job::Bound { log, bound }),
            Output::Erase { order } => self.ask_disk(peer, Job::Erase { order }),
            Output::Keep { note } => self.ask_disk(peer, Job::Keep { note }),
            Output::Read { ticket, log, from, bytes_max } => {
                self.ask_disk(peer, Job::Read { ticket, log, from, bytes_max });
            }
            Output::Published { ticket, result } => {
                if self.issued(ticket, &result) {
                    return;
                }
                if let (Ok(receipt), Some(asked), Some(witness)) =
                    (&result, self.ledger.submission(ticket), &mut self.witness)
                {
                    witness.acknowledges(peer, *receipt, &asked.readings);
                }
                let receipt = result.as_ref().ok().copied();
                self.ledger.answered(ticket, now, result);
                if let Some(receipt) = receipt {
                    self.note_acknowledged(ticket, receipt);
                }
            }
            Output::Event(event) => {
                self.saw_event(peer, &event);
            }
        }
    }

    fn ask_disk(&mut self, peer: PeerIndex, job: Job) {
        let it = &mut self.peers[peer.0];
        if let Some(takes) = it.disk.ask(job) {
            let life = it.life();
            self.queue.push(self.time + takes, Happening::DiskDone(life));
        }
    }

    fn disk_done(&mut self, life: Life) {
        if !self.lives(life) {
            return;
        }
        let (input, next) = self.peers[life.peer.0].disk.done();
        if let Some(takes) = next {
            self.queue.push(self.time + takes, Happening::DiskDone(life));
        }
        if let Some(input) = input {
            self.tell(life.peer, input);
        }
    }

    fn wake(&mut self, life: Life) {
        if !self.lives(life) {
            return;
        }
        let it = &mut self.peers[life.peer.0];
        if it.woken(self.time) {
            let now = it.now(self.time);
            self.tell(life.peer, Input::Timeout);
            let it = &mut self.peers[life.peer.0];
            // It would be woken for the same again, and time would stand still.
            let spins = it.node.as_ref().and_then(Node::poll_timeout).is_some_and(|due| due <= now.mono);
            if spins {
                self.spins += 1;
                it.pause(self.time + SPIN_PAUSE);
                self.queue.push(self.time + SPIN_PAUSE, Happening::Wake(life));
            }
        } else {
            self.obey(life.peer);
        }
    }

    fn lives(&self, life: Life) -> bool {
        self.peers.get(life.peer.0).is_some_and(|it| it.lives(life))
    }
}

/// Getters.
impl World {
    /// Since the world began.
    pub fn time(&self) -> Duration {
        self.time
    }

    /// Civil time.
    pub fn wall(&self) -> UnixMillis {
        civil(self.time)
    }

    /// The seed that it was made from.
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// The space that its peers are in.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// All peers, up or down.
    pub fn peers(&self) -> impl Iterator<Item = PeerIndex> + use<> {
        (0..self.peers.len()).map(PeerIndex)
    }

    /// How many peers there are, up or down.
    pub fn peer_count(&self) -> usize {
        self.peers.len()
    }

    /// How many are up.
    pub fn up_count(&self) -> usize {
        self.peers.iter().filter(|it| it.node.is_some()).count()
    }

    /// Whether a peer is up.
    pub fn is_up(&self, peer: PeerIndex) -> bool {
        self.node(peer).is_some()
    }

    /// A peer's node, while it is up.
    pub fn node(&self, peer: PeerIndex) -> Option<&Node> {
        self.peers.get(peer.0).and_then(|it| it.node.as_ref())
    }

    /// What it was added as.
    pub fn spec(&self, peer: PeerIndex) -> Option<&PeerSpec> {
        self.peers.get(peer.0).map(Peer::spec)
    }

    /// Its id.
    pub fn id(&self, peer: PeerIndex) -> Option<PeerId> {
        self.peers.get(peer.0).map(Peer::id)
    }

    /// Whether a peer is honest, up, interested in a collection and entitled to it: it is to hold what lies there.
    pub fn is_reader(&self, peer: PeerIndex, collection: &CollectionPath) -> bool {
        self.is_honest(peer)
            && !self.is_over(peer)
            && self.peers.get(peer.0).is_some_and(|it| it.node.is_some() && it.wants(collection))
    }

    /// The verified logs that a peer holds, with sizes and roots, in the order of their ids. Nothing of one that is down.
    pub fn frontier(&self, peer: PeerIndex) -> Vec<(LogId, u64, TreeHash)> {
        self.node(peer).map(|node| node.frontier().collect()).unwrap_or_default()
    }

    /// How many entries of a log a peer holds.
    pub fn held(&self, peer: PeerIndex, log: &LogId) -> u64 {
        self.node(peer).map_or(0, |node| node.size_of(log))
    }

    /// How much of each log a peer's disk has said that it holds.
    pub fn promised(&self, peer: PeerIndex) -> Option<&BTreeMap<LogId, (u64, TreeHash)>> {
        self.peers.get(peer.0).map(|it| it.disk.promised())
    }

    /// Whether an entry lies on the disk of a peer that is up.
    pub fn is_on_disk(&self, peer: PeerIndex, log: &LogId, position: u64) -> bool {
        self.peers.get(peer.0).is_some_and(|it| it.disk.holds(log, position))
    }

    /// When a peer's disk was damaged last.
    pub fn damaged(&self, peer: PeerIndex) -> Option<Duration> {
        self.peers.get(peer.0).and_then(|it| it.damaged)
    }

    /// All readings in a peer's store, as an app is shown them: the newest first, at most
    /// [`msec_crdt_store::QUERY_ROWS_MAX`]. Of a peer that is down: none.
    pub fn readings_of(&self, peer: PeerIndex) -> Vec<Row> {
        self.query(peer, &Query::default())
    }

    /// What a peer's store answers.
    pub fn query(&self, peer: PeerIndex, query: &Query) -> Vec<Row> {
        self.peers.get(peer.0).map(|it| it.disk.query(query)).unwrap_or_default()
    }

    /// Commits and reads that a peer's disk has not done.
    pub fn disk_waiting(&self, peer: PeerIndex) -> (usize, usize) {
        self.peers.get(peer.0).map(|it| it.disk.waiting()).unwrap_or_default()
    }

    /// What was published, and what nodes told.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What was sent.
    pub fn traffic(&self) -> Traffic {
        self.network.traffic
    }

    /// Inputs that nodes have handled: the measure of how much was simulated.
    pub fn inputs(&self) -> u64 {
        self.inputs
    }

    /// How often a node asked to be woken at once just after it was: a driver would spin.
    pub fn spins(&self) -> u64 {
        self.spins
    }

    /// What is still to happen.
    pub fn pending(&self) -> usize {
        self.queue.len()
    }

    /// When the last fault struck or was mended.
    pub fn faults_until(&self) -> Duration {
        self.faults_until
    }

    /// The digest over all outputs of all nodes so far.
    pub fn digest(&self) -> String {
        self.digest.hex()
    }
}
