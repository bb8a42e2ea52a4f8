//! The node against scripted neighbours and disks. Cities of nodes are the simulator's business.

mod changes;
mod commit;
mod dial;
mod erasing;
mod forks;
mod interest;
mod leaf;
mod lease;
mod limits;
mod links;
mod logs;
mod notes;
mod pairing;
mod prefixes;
mod receipts;
mod revoked;
mod rotation;
mod sealed;
mod walk_up;

use std::collections::VecDeque;
use std::net::SocketAddr;

use msec_crdt_store::{MemoryDir, Reading, Storage, Store, StoreConfig};
use msec_gossip::Priority;
use msec_identity::handshake::{ChannelBinding, Refusal};
use msec_identity::{CollectionPath, Grant, Identity, LogId, Manifest, Right, Rights, Verified};

use super::*;

const START: UnixMillis = UnixMillis(1_767_225_600_000);
const DAY_MS: i64 = 24 * 3600 * 1000;
const BINDING: ChannelBinding = ChannelBinding([5; 32]);

fn root() -> Identity {
    Identity::from_seed([1; 32])
}

fn manifest() -> Manifest {
    Manifest::new("harbour", vec![root().peer()], 1, [0; 16]).expect("a manifest")
}

fn grant(holder: &Identity, rights: &[Right], days: i64) -> Verified<Grant> {
    root().sign(Grant {
        space: manifest().space(),
        issuer: root().peer(),
        holder: holder.peer().into(),
        resource: "parks".parse().expect("a path"),
        rights: Rights::of(rights.iter().copied()),
        not_before: START.saturating_add(-DAY_MS),
        not_after: START.saturating_add(days * DAY_MS),
        depth: 0,
        parent: None,
        caveats: None,
    })
}

fn address(n: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n], 4000))
}

fn contact(n: u8) -> Contact {
    Contact { address: address(n), peer: None }
}

/// A node with a disk that answers when it is told to.
struct Rig {
    node: Node,
    /// Where it is dialled.
    at: SocketAddr,
    store: Store,
    /// What the store is on.
    dir: MemoryDir,
    mono: Duration,
    wall: UnixMillis,
    outputs: VecDeque<Output>,
    /// What it received, if somebody wants to know.
    heard: Option<Vec<Vec<u8>>>,
}

fn rig(seed: u8, rights: &[Right], config: Config) -> Rig {
    let identity = Identity::from_seed([seed; 32]);
    let papers = if rights.is_empty() { Vec::new() } else { vec![grant(&identity, rights, 30)] };
    rig_with(seed, papers, config, MemoryDir::default())
}

fn rig_with(seed: u8, papers: Vec<Verified<Grant>>, config: Config, dir: MemoryDir) -> Rig {
    rig_of(seed, papers.into_iter().map(Into::into).collect(), config, dir)
}

fn rig_of(seed: u8, papers: Vec<ControlRecord>, config: Config, dir: MemoryDir) -> Rig {
    // A restart draws other randomness.
    let bytes: usize = dir.lengths().values().sum();
    let randomness = [seed ^ (bytes % 251) as u8; 32];
    let kept = StoreConfig { roll_ups: true, ..StoreConfig::default() };
    let (store, opened) = Store::open_with(dir.clone(), kept).expect("opens");
    let identity = Identity::from_seed([seed; 32]);
    let authority = Authority::new(manifest());
    let now = Now { mono: Duration::ZERO, wall: START };
    let parts = Parts { config, identity, authority, papers, opened, seed: randomness };
    let node = Node::new(parts, now).expect("the settings work");
    Rig {
        node,
        at: address(seed),
        store,
        dir,
        mono: Duration::ZERO,
        wall: START,
        outputs: VecDeque::new(),
        heard: None,
    }
}

impl Rig {
    fn handle(&mut self, input: Input) {
        if let (Input::Received { bytes, .. }, Some(heard)) = (&input, &mut self.heard) {
            heard.push(bytes.clone());
        }
        self.node.handle(Now { mono: self.mono, wall: self.wall }, input);
        self.outputs.extend(std::iter::from_fn(|| self.node.poll_output()));
    }

    fn link_up(&mut self, link: u64, dialled: Option<SocketAddr>) {
        let expense = Duration::ZERO;
        let own_link = true;
        self.handle(Input::LinkUp { link: LinkId(link), binding: BINDING, dialled, expense, own_link });
    }

    fn pass(&mut self, time: Duration) {
        self.mono += time;
        self.wall = self.wall.saturating_add(time.as_millis() as i64);
        self.handle(Input::Timeout);
    }

    fn publish(&mut self, ticket: u64, value: f64) {
        let stream = StreamSpec::new("parks/noise", "mic-1").expect("a stream").unit("dB");
        let readings = vec![Reading::new(self.wall, value)];
        self.handle(Input::Publish { ticket: Ticket(ticket), stream, content: Content::Readings(readings) });
    }

    /// Takes the outputs for which `pick` gives something.
    fn take<T>(&mut self, pick: impl Fn(&Output) -> Option<T>) -> Vec<T> {
        let taken = self.outputs.iter().filter_map(&pick).collect();
        self.outputs.retain(|output| pick(output).is_none());
        taken
    }

    fn commits(&mut self) -> Vec<(u64, std::sync::Arc<Vec<msec_crdt_store::VerifiedRun>>)> {
        self.take(|output| match output {
            Output::Commit { seq, runs } => Some((*seq, runs.clone())),
            _ => None,
        })
    }

    fn sends(&mut self) -> Vec<Vec<u8>> {
        self.take(|output| match output {
            Output::Send { bytes, .. } => Some(bytes.clone()),
            _ => None,
        })
    }

    fn closes(&mut self) -> Vec<CloseReason> {
        self.take(|output| match output {
            Output::Close { reason, .. } => Some(*reason),
            _ => None,
        })
    }

    fn events(&mut self) -> Vec<Event> {
        self.take(|output| match output {
            Output::Event(event) => Some(event.clone()),
            _ => None,
        })
    }

    /// Stores what is to be stored, and says so.
    fn sync(&mut self) {
        let contested = self.take(|output| match output {
            Output::Contest { fork } => Some(fork.clone()),
            _ => None,
        });
        for fork in contested {
            self.store.contest(&fork).expect("kept");
            self.handle(Input::Contested { log: fork.log() });
        }
        for (seq, runs) in self.commits() {
            self.store.apply(seq, &runs).expect("applied");
            let through = self.store.sync().expect("synced");
            self.handle(Input::Durable { through });
        }
        self.erase();
        let bounds = self.take(|output| match output {
            Output::Bound { log, bound } => Some((*log, *bound)),
            _ => None,
        });
        for (log, bound) in bounds {
            let fits = self.store.bound(&log, bound).expect("bound");
            self.handle(Input::Bounded { log, bound, fits });
        }
    }

    /// Erases what is to be erased, and says so.
    fn erase(&mut self) {
        let orders = self.take(|output| match output {
            Output::Erase { order } => Some(order.clone()),
            _ => None,
        });
        for order in orders {
            let erased = self.store.erase_ordered(&order);
            let done = erased.is_ok();
            let (entries, left) = erased.unwrap_or_else(|_| (order.entries.clone(), Vec::new()));
            self.handle(Input::Erased { entries, left, done, ordered: true });
        }
    }

    fn acknowledged(&mut self) -> Vec<(u64, bool)> {
        self.take(|output| match output {
            Output::Published { ticket, result } => Some((ticket.0, result.is_ok())),
            _ => None,
        })
    }

    fn verified(&mut self) -> Vec<f64> {
        let values = |event| match event {
            Event::Verified(measured) => measured.readings.iter().map(|r| r.value).collect(),
            _ => Vec::new(),
        };
        self.events().into_iter().flat_map(values).collect()
    }
}

/// Connects `a`, which dialled, with `b`.
fn connect(a: &mut Rig, b: &mut Rig, link: u64) {
    a.handle(Input::Discovered { address: b.at });
    a.link_up(link, Some(b.at));
    b.link_up(link, None);
    exchange(a, b, link);
}

/// Carries messages between the two until neither has any.
fn exchange(a: &mut Rig, b: &mut Rig, link: u64) {
    loop {
        let (from_a, from_b) = (a.sends(), b.sends());
        if from_a.is_empty() && from_b.is_empty() {
            return;
        }
        from_a.into_iter().for_each(|bytes| b.handle(Input::Received { link: LinkId(link), bytes }));
        from_b.into_iter().for_each(|bytes| a.handle(Input::Received { link: LinkId(link), bytes }));
    }
}

fn sensor() -> Rig {
    rig(2, &[Right::Write], Config { contacts: vec![contact(3)], ..Config::default() })
}

fn gateway() -> Rig {
    rig(3, &[Right::Relay, Right::Read], Config::default())
}

const WINDOW: Duration = Duration::from_millis(50);

/// All collections are thrifty, for a short time.
fn thrifty() -> Config {
    let everything = vec![CollectionPath::everything()];
    Config { thrifty: everything, thrifty_window: WINDOW, ..Config::default() }
}

/// Lets ten seconds pass, in which both do what they are asked.
fn settle(a: &mut Rig, b: &mut Rig, link: u64) {
    for _ in 0..20 {
        for rig in [&mut *a, &mut *b] {
            rig.pass(Duration::from_millis(500));
            answer_reads(rig);
        }
        exchange(a, b, link);
        a.sync();
        b.sync();
    }
}

fn answer_reads(rig: &mut Rig) {
    let reads = rig.take(|output| match output {
        Output::Read { ticket, log, from, bytes_max } => Some((*ticket, *log, *from, *bytes_max)),
        _ => None,
    });
    for (ticket, log, from, bytes_max) in reads {
        let chunk = rig.store.read(&log, from, bytes_max).expect("read");
        rig.handle(Input::ReadDone { ticket, chunk });
    }
}
