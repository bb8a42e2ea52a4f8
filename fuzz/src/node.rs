//! A whole node with a real store, fed with whatever links, apps and the disk may tell it.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use msec_crdt_store::{Chunk, MemoryDir, Query, Reading, Storage, Store, ToErase, VerifiedRun};
use msec_gossip::overlay::{self, ContactId, Overlay, Role};
use msec_gossip::{
    Gossip, Input as GossipInput, Interest, Key, Output as GossipOutput, Priority, Topic, Version,
};
use msec_identity::handshake::{Initiator, MESSAGE_BYTES_MAX};
use msec_identity::{LogId, UnixMillis};
use msec_peer::node::{
    Config, Contact, Content, DialFailure, Input, LinkId, Lost, Network, Node, Now, Output, Parts,
    StreamSpec, Ticket,
};
use msec_peer::wire::is_of_overlay;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::script::{STEPS_MAX, Script, Step, steps};
use crate::town::{self, BINDING, COMMITS, NOW};
use crate::{disk, noise};

/// What happens to the node. The link is the argument's lowest bits.
pub mod act {
    /// A message comes on a link: 0 is the sensor's, and admitted; 1 was dialled; 2 dialled us.
    pub const RECEIVED: u8 = 0;
    /// A connection comes up; the flag says that it was dialled.
    pub const LINK_UP: u8 = 1;
    /// A connection is gone.
    pub const LINK_DOWN: u8 = 2;
    /// The sensor comes again, on a new link, with the bytes for a greeting, and asks for a place.
    pub const ARRIVES: u8 = 3;
    /// An app publishes; the bytes name the stream, the argument is the value.
    pub const PUBLISH: u8 = 4;
    /// The disk ends what it was asked to do.
    pub const DISK: u8 = 5;
    /// The disk fails.
    pub const DISK_FAILS: u8 = 6;
    /// A sixteenth of a second times the argument passes; with a byte of bytes the civil clock jumps as well.
    pub const PASS: u8 = 7;
    /// Somebody is there on the own link, or not.
    pub const DISCOVERED: u8 = 8;
    /// A dial fails.
    pub const DIAL_FAILED: u8 = 9;
    /// The driver drops messages.
    pub const SHED: u8 = 10;
    /// A read ends that nobody asked for, or that somebody did.
    pub const READ_DONE: u8 = 11;
    /// An app wants to know which log a stream writes.
    pub const OPEN_LOG: u8 = 12;
    /// An app publishes a change of a document to the log that was opened last, or one that is not there.
    pub const CHANGE: u8 = 13;
    /// How many of these there are.
    pub const COUNT: u8 = 14;
}

/// Links that are there at the start.
const SENSOR: LinkId = LinkId(0);
const DIALLED: LinkId = LinkId(1);
const STRANGER: LinkId = LinkId(2);
/// More outputs than any one input should cause.
const OUTPUTS_MAX: usize = 2_000;
/// Turns in which a node that is left alone with a working disk must have stored everything.
const SETTLE_TURNS_MAX: usize = 500;

fn address(n: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n], 4000))
}

/// Limits that a short script reaches.
fn limits() -> Config {
    Config {
        contacts: vec![Contact { address: address(9), peer: None }],
        discovered_max: 3,
        handshakes_max: 4,
        links_max: 4,
        advertise: vec![address(3)],
        networks: vec![Network { ip: address(3).ip(), prefix: 24 }],
        waiting_bytes_max: 4 * 1024,
        logs_max: 6,
        ..Config::default()
    }
}

/// The node, and the world around it.
pub struct Scene {
    node: Node,
    store: Store,
    dir: MemoryDir,
    mono: Duration,
    wall: UnixMillis,
    commits: VecDeque<(u64, Arc<Vec<VerifiedRun>>)>,
    orders: VecDeque<Arc<ToErase>>,
    /// What the node sent on each link, and nobody took.
    sent: BTreeMap<LinkId, VecDeque<Vec<u8>>>,
    links: u64,
    /// The log in which something was written last.
    opened: Option<LogId>,
}

impl Scene {
    /// The gateway, with the sensor linked to it and two strangers at the door.
    pub fn new() -> Self {
        let dir = MemoryDir::default();
        let (store, opened) = Store::open(dir.clone()).expect("an empty store opens");
        let identity = town::gateway();
        let papers = town::gateway_papers();
        let papers = papers.into_iter().map(Into::into).collect();
        let parts =
            Parts { config: limits(), identity, authority: town::authority(), papers, opened, seed: [7; 32] };
        let (mono, wall) = (Duration::ZERO, NOW);
        let node = Node::new(parts, Now { mono, wall }).expect("the settings work");
        let (commits, sent) = (VecDeque::new(), BTreeMap::new());
        let orders = VecDeque::new();
        let mut scene = Self { node, store, dir, mono, wall, commits, orders, sent, links: 3, opened: None };
        scene.arrive(SENSOR, minicbor::to_vec(vec![vec!["parks"]]).expect("writing to a Vec cannot fail"));
        assert_eq!(scene.node.neighbours().count(), 1, "the sensor is a neighbour");
        scene.link_up(DIALLED, Some(address(9)));
        scene.link_up(STRANGER, None);
        scene
    }

    /// Does one step.
    pub fn step(&mut self, step: Step<'_>) {
        let link = LinkId(u64::from(step.argument & 0x07));
        let near = address(step.argument & 0x0f);
        match step.kind % act::COUNT {
            act::RECEIVED => self.handle(Input::Received { link, bytes: step.bytes.to_vec() }),
            act::LINK_UP => {
                let (link, dialled) = (self.next_link(), step.flag().then_some(near));
                self.link_up(link, dialled);
            }
            act::LINK_DOWN => {
                let why = if step.flag() { Lost::TimedOut } else { Lost::Closed };
                self.handle(Input::LinkDown { link, why });
            }
            act::ARRIVES => {
                let link = self.next_link();
                self.arrive(link, step.bytes.to_vec());
            }
            act::PUBLISH => {
                let readings = vec![Reading::new(self.wall, step.argument.into())];
                self.publish(&String::from_utf8_lossy(step.bytes), Content::Readings(readings));
            }
            act::OPEN_LOG => {
                if let Ok(stream) = StreamSpec::new("parks/noise", &String::from_utf8_lossy(step.bytes)) {
                    self.handle(Input::OpenLog { ticket: Ticket(1), stream });
                }
            }
            act::CHANGE => {
                let log = self.opened.filter(|_| step.flag()).unwrap_or(LogId([step.argument; 32]));
                self.publish("things", Content::Change { log, body: step.bytes.to_vec() });
            }
            act::DISK => self.disk_works(),
            act::DISK_FAILS => {
                if let Some((seq, _)) = self.commits.pop_front() {
                    self.handle(Input::CommitFailed { seq });
                }
            }
            act::PASS => {
                let jump_s = step.bytes.first().map_or(0, |byte| i64::from(*byte as i8) * 3_600);
                self.wall = self.wall.saturating_add(jump_s * 1_000);
                self.pass(Duration::from_millis(1_000 / 16) * step.argument.into());
            }
            act::DISCOVERED => self.handle(Input::Discovered { address: near }),
            act::DIAL_FAILED => {
                let why = if step.flag() { DialFailure::Denied } else { DialFailure::TimedOut };
                self.handle(Input::DialFailed { address: near, why });
            }
            act::SHED => {
                self.handle(Input::Shed { link, priority: Priority::Live, frame: step.bytes.to_vec() })
            }
            _ => {
                let chunk = Chunk { from: step.number(), end: u64::MAX, bytes: step.bytes.to_vec() };
                let (ticket, chunk) = (Ticket(step.argument.into()), step.flag().then_some(chunk));
                self.handle(Input::ReadDone { ticket, chunk });
            }
        }
    }

    /// Nobody says anything any more, and the disk works: all that was verified is on disk, and nothing else.
    pub fn settle(mut self) {
        for _ in 0..SETTLE_TURNS_MAX {
            self.disk_works();
            if self.node.is_settled() {
                break;
            }
            let due = self.node.poll_timeout().expect("what waits has a time");
            self.pass(due.saturating_sub(self.mono));
        }
        assert!(self.node.is_settled(), "everything is stored in the end");
        let held: Vec<_> = self.node.frontier().collect();
        let (store, opened) = Store::open(self.dir).expect("it always opens");
        assert_eq!(opened.cut, None, "the store takes what the node verified");
        let stored: Vec<_> =
            opened.logs.iter().map(|state| (state.log(), state.size(), state.root())).collect();
        assert_eq!(held, stored);
        let authors = [town::sensor().peer(), town::gateway().peer()];
        let rows = store.query(&Query::default()).expect("memory can be read");
        assert!(rows.iter().all(|row| authors.contains(&row.author())), "nobody else may write");
    }

    fn next_link(&mut self) -> LinkId {
        self.links += 1;
        LinkId(self.links - 1)
    }

    fn link_up(&mut self, link: LinkId, dialled: Option<SocketAddr>) {
        let expense = Duration::ZERO;
        self.handle(Input::LinkUp { link, binding: BINDING, dialled, expense, own_link: true });
    }

    fn publish(&mut self, stream: &str, content: Content) {
        if let Ok(stream) = StreamSpec::new("parks/noise", stream) {
            self.handle(Input::Publish { ticket: Ticket(1), stream, content });
        }
    }

    /// The sensor dials, does the handshake right, greets with these bytes, and asks for a place among the neighbours.
    fn arrive(&mut self, link: LinkId, greeting: Vec<u8>) {
        let key = town::sensor_key();
        let mut rng = ChaCha20Rng::from_seed([link.0 as u8; 32]);
        let (wait, first) = Initiator::start(&key, BINDING, &mut rng).expect("starts");
        self.link_up(link, None);
        self.handle(Input::Received { link, bytes: first });
        let Some(second) = self.sent.remove(&link).and_then(|mut sent| sent.pop_front()) else { return };
        let Ok((_, third)) = wait.read(&second, &key, &town::sensor_introduction(greeting)) else { return };
        self.handle(Input::Received { link, bytes: third });
        self.sent.remove(&link);
        self.handle(Input::Received { link, bytes: hello() });
        self.sent.remove(&link);
    }

    fn disk_works(&mut self) {
        while let Some((seq, runs)) = self.commits.pop_front() {
            self.store.apply(seq, &runs).expect("the store takes what the node verified");
            let through = self.store.sync().expect("memory syncs");
            self.handle(Input::Durable { through });
        }
        while let Some(order) = self.orders.pop_front() {
            let erased = self.store.erase_ordered(&order);
            let (entries, left) = erased.expect("the store erases what the node asks for");
            self.handle(Input::Erased { entries, left, done: true, ordered: true });
        }
    }

    fn pass(&mut self, time: Duration) {
        self.mono += time;
        self.wall = self.wall.saturating_add(time.as_millis() as i64);
        self.handle(Input::Timeout);
        let due = self.node.poll_timeout();
        assert!(due.is_none_or(|due| due > self.mono), "a timer that does not rest");
    }

    fn handle(&mut self, input: Input) {
        self.node.handle(Now { mono: self.mono, wall: self.wall }, input);
        let mut reads = Vec::new();
        let mut outputs = 0;
        while let Some(output) = self.node.poll_output() {
            outputs += 1;
            match output {
                Output::Send { link, bytes, .. } => {
                    let longest = MESSAGE_BYTES_MAX.max(limits().gossip.message_bytes_max);
                    assert!(bytes.len() <= longest, "a message of {} bytes", bytes.len());
                    self.sent.entry(link).or_default().push_back(bytes);
                }
                Output::Commit { seq, runs } => self.commits.push_back((seq, runs)),
                Output::Erase { order } => self.orders.push_back(order),
                Output::Published { result: Ok(receipt), .. } => self.opened = Some(receipt.log),
                Output::Read { ticket, log, from, bytes_max } => reads.push((ticket, log, from, bytes_max)),
                _ => {}
            }
        }
        assert!(outputs < OUTPUTS_MAX, "{outputs} outputs of one input");
        for (ticket, log, from, bytes_max) in reads {
            let chunk = self.store.read(&log, from, bytes_max).expect("memory can be read");
            self.handle(Input::ReadDone { ticket, chunk });
        }
    }
}

impl Default for Scene {
    fn default() -> Self {
        Self::new()
    }
}

/// How the sensor, a leaf, asks the gateway for a place among its neighbours.
fn hello() -> Vec<u8> {
    let (sensor, peer) = (town::sensor().peer(), town::gateway().peer());
    let mut overlay = Overlay::new(overlay::Config::default(), sensor, Role::Leaf, [9; 32]);
    let (contact, source) = (ContactId(0), overlay::Source::Configured);
    let known = overlay::Input::Contact { contact, source, peer: Some(peer), record: None };
    overlay.handle(Duration::ZERO, known);
    let up = overlay::Input::LinkUp { peer, contact: Some(contact), expense: Duration::ZERO };
    overlay.handle(Duration::ZERO, up);
    let said = std::iter::from_fn(|| overlay.poll_output()).find_map(|output| match output {
        overlay::Output::Send { bytes, .. } => Some(bytes),
        _ => None,
    });
    said.expect("who dialled says hello")
}

/// What the sensor says to the gateway on its link, and when: a script. With `live`, its readings are made meanwhile;
/// else it had them before, and the gateway fetches them.
fn talk(live: bool) -> Script {
    let (mut scene, mut script) = (Scene::new(), Script::default());
    let (sensor, gateway) = (town::sensor().peer(), town::gateway().peer());
    let mut gossip = Gossip::new(Default::default(), sensor, Interest::none(), [8; 32]);
    let runs = town::runs();
    let hold = |gossip: &mut Gossip, run: &VerifiedRun, now| {
        let (key, state) = (Key(run.state().log().0), run.state());
        let version = Version { size: state.size(), digest: state.root() };
        let (topic, payload) = (Topic::new("parks/noise").expect("a topic"), live.then(|| run.to_bytes()));
        gossip.handle(now, GossipInput::Accepted { key, topic, version, from: None, origin: None, payload });
        gossip.handle(now, GossipInput::Durable { key, version, number: None });
    };
    if !live {
        runs.iter().for_each(|run| hold(&mut gossip, run, Duration::ZERO));
    }
    gossip.handle(
        Duration::ZERO,
        GossipInput::NeighbourUp { peer: gateway, interest: Interest::all(), leaf: false },
    );
    for turn in 0..12 {
        if let Some(run) = runs.get(turn).filter(|_| live) {
            hold(&mut gossip, run, scene.mono);
        }
        while let Some(output) = gossip.poll_output() {
            match output {
                GossipOutput::Send { bytes, .. } => {
                    script = script.step(act::RECEIVED, SENSOR.0 as u8, &bytes);
                    scene.handle(Input::Received { link: SENSOR, bytes });
                }
                GossipOutput::Serve { to, key, from, .. } => {
                    let served = disk::serve(from);
                    gossip.handle(scene.mono, GossipInput::Served { to, key, from, chunk: served });
                }
                _ => {}
            }
        }
        let sent = scene.sent.remove(&SENSOR).unwrap_or_default();
        for bytes in sent.into_iter().filter(|bytes| !is_of_overlay(bytes)) {
            gossip.handle(scene.mono, GossipInput::Received { from: gateway, bytes });
        }
        script = script.step(act::PASS, 8, &[]).step(act::DISK, 0, &[]);
        steps(&Script::default().step(act::PASS, 8, &[]).into_bytes()).for_each(|step| scene.step(step));
        scene.disk_works();
        gossip.handle(scene.mono, GossipInput::Timeout);
    }
    assert!(steps(&script.clone().into_bytes()).count() < STEPS_MAX, "all of it is taken");
    assert_eq!(
        scene.node.frontier().map(|(_, size, _)| size).max(),
        Some(1 + COMMITS as u64),
        "it holds them all"
    );
    script
}

/// What honest links, apps and disks do, by name.
pub fn honest_scripts() -> Vec<(&'static str, Vec<u8>)> {
    let greeting = minicbor::to_vec(vec![vec!["parks"]]).expect("writing to a Vec cannot fail");
    let [first, second, _] = noise::honest_messages();
    let published = Script::default()
        .step(act::PUBLISH, 48, b"mic-9")
        .step(act::DISK_FAILS, 0, &[])
        .step(act::PASS, 32, &[])
        .step(act::PUBLISH, 49, b"mic-9")
        .step(act::DISK, 0, &[])
        .step(act::OPEN_LOG, 0, b"things")
        .step(act::DISK, 0, &[])
        .step(act::CHANGE, 0x80, b"a change");
    let links = Script::default()
        .step(act::RECEIVED, SENSOR.0 as u8, &hello())
        .step(act::RECEIVED, STRANGER.0 as u8, &first)
        .step(act::RECEIVED, DIALLED.0 as u8, &second)
        .step(act::LINK_UP, 0x80 | 9, &[])
        .step(act::ARRIVES, 0, &greeting)
        .step(act::DISCOVERED, 4, &[])
        .step(act::DIAL_FAILED, 4, &[])
        .step(act::SHED, 0, &[])
        .step(act::PASS, 0xff, &[24]);
    let scripts = [("push", talk(true)), ("catch-up", talk(false)), ("publish", published), ("links", links)];
    scripts.map(|(name, script)| (name, script.into_bytes())).into()
}

/// Feeds a node, and then lets it settle.
pub fn check<'a>(steps: impl Iterator<Item = Step<'a>>) {
    let mut scene = Scene::new();
    steps.for_each(|step| scene.step(step));
    scene.settle();
}
