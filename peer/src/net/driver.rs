//! The loop that owns the node. It waits for inputs and for time, and for nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use msec_crdt_store::{ClockBound, Storage, WearGauge};
use msec_identity::UnixMillis;
use msec_identity::handshake::{ChannelBinding, Refusal};
#[cfg(feature = "index")]
use msec_identity::{CollectionPath, LogId};
use tokio::sync::{OwnedSemaphorePermit, broadcast, mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use super::clock::{self, Moment};
use super::disk::{Disk, Job};
use super::interfaces;
use super::link::LinkHandle;
use super::mdns::Mdns;
use super::reception::Reception;
use super::sockets::{Connectors, Sockets};
use super::withholding::Withholding;
#[cfg(feature = "index")]
use crate::node::Mark;
use crate::node::{
    CloseReason, Content, Event, Input, LinkId, Node, Now, Output, PublishError, Receipt, Role, Source,
    StreamSpec, Ticket,
};
use crate::outbox::Dropped;
use crate::sdk::{Found, Granted, LeaseStatus, Neighbour, Served, Status};

/// Inputs that may wait for the node. Beyond it, readers of the network wait, and with them the senders.
const INBOUND_MAX: usize = 1024;

/// Addresses of which it is remembered that nobody answered there. Beyond it all are forgotten, and said again.
const UNREACHABLE_MAX: usize = 512;

/// How often the machine's interfaces and its clock are looked at: cables are plugged in, and leases end.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What comes to the driver.
pub(super) enum Inbound {
    /// For the node as it is.
    Node(Input),
    /// A message on a link. Its room is given back once the node has read it.
    Message { link: LinkId, bytes: Vec<u8>, room: OwnedSemaphorePermit },
    /// Somebody of this space says on an own link that it is there.
    Discovered { address: SocketAddr },
    /// A new link and the way to send on it.
    Link {
        link: LinkId,
        handle: LinkHandle,
        binding: ChannelBinding,
        dialled: Option<SocketAddr>,
        expense: Duration,
    },
}

/// What an app asks of the driver.
pub(crate) enum Command {
    Publish {
        stream: StreamSpec,
        content: Content,
        answer: oneshot::Sender<Result<Receipt, PublishError>>,
    },
    #[cfg(feature = "documents")]
    OpenLog {
        stream: StreamSpec,
        answer: oneshot::Sender<Result<Receipt, PublishError>>,
    },
    /// Begin to seal a collection.
    #[cfg(feature = "index")]
    Seal {
        collection: CollectionPath,
        answer: oneshot::Sender<Result<Receipt, PublishError>>,
    },
    Neighbours {
        answer: oneshot::Sender<Vec<Neighbour>>,
    },
    Status {
        answer: oneshot::Sender<Status>,
    },
    /// How much is on disk of the logs in these collections.
    #[cfg(feature = "index")]
    Mark {
        collections: Vec<CollectionPath>,
        answer: oneshot::Sender<Mark>,
    },
    /// How much of them so many neighbours hold.
    #[cfg(feature = "index")]
    Vouched {
        mark: Mark,
        copies: usize,
        answer: oneshot::Sender<BTreeMap<LogId, u64>>,
    },
    /// Look at the node.
    #[cfg(feature = "index")]
    Look(Box<dyn FnOnce(&Node) + Send>),
    /// Something about codes.
    #[cfg(feature = "index")]
    Pairing(super::pairing::Pairing),
    Close {
        answer: oneshot::Sender<()>,
    },
}

/// Civil time, as the system shows it; before 1970 is 1970.
pub fn wall_clock() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A node with its sockets, clocks and disk.
pub(crate) struct Driver {
    node: Node,
    started: Moment,
    /// Whether a neighbour has refused this peer since one was linked the last time.
    refused: bool,
    /// Where it listens.
    address: SocketAddr,
    /// Where others are told that it listens. Empty: at the addresses of the machine.
    advertise: Vec<SocketAddr>,
    connectors: Connectors,
    /// For those who bring something to this loop.
    to_driver: mpsc::Sender<Inbound>,
    /// Announces this peer on the own link while it lives.
    mdns: Option<Mdns>,
    disk: Disk,
    /// What apps are not shown.
    withholding: Withholding,
    /// Shows what the store writes.
    gauge: WearGauge,
    disk_thread: std::thread::JoinHandle<()>,
    inbound: mpsc::Receiver<Inbound>,
    /// What the disk has done, which goes before what the network brings.
    disk_done: mpsc::Receiver<Input>,
    commands: mpsc::Receiver<Command>,
    events: broadcast::Sender<Event>,
    links: BTreeMap<LinkId, LinkHandle>,
    /// Where nobody answered the last time, so that it is said once.
    unreachable: BTreeSet<SocketAddr>,
    /// Who is told what becomes of codes.
    #[cfg(feature = "index")]
    hosts: super::pairing::Hosts,
    /// Who is near, and may walk up.
    #[cfg(feature = "index")]
    own_links: interfaces::OwnLinks,
    publishing: BTreeMap<Ticket, oneshot::Sender<Result<Receipt, PublishError>>>,
    next_ticket: u64,
}

impl Driver {
    pub(crate) fn new(
        make_node: impl FnOnce(Now) -> Result<Node, crate::node::ConfigError>,
        sockets: Sockets,
        (address, advertise): (SocketAddr, Vec<SocketAddr>),
        storage: impl Storage + Send + 'static,
        commands: mpsc::Receiver<Command>,
        events: broadcast::Sender<Event>,
    ) -> Result<Self, crate::sdk::OpenError> {
        let (to_driver, inbound) = mpsc::channel(INBOUND_MAX);
        let (disk_tx, disk_done) = mpsc::channel(INBOUND_MAX);
        let started = Moment::now();
        let node = make_node(Now { mono: Duration::ZERO, wall: wall_clock() })?;
        let gauge = storage.gauge();
        let (disk, disk_thread) = Disk::start(
            storage,
            disk_tx,
            #[cfg(feature = "index")]
            node.keys(),
        )
        .map_err(crate::sdk::OpenError::Thread)?;
        let connectors = Connectors::new(sockets, Reception::new(to_driver.clone()));
        Ok(Self {
            node,
            started,
            refused: false,
            address,
            advertise,
            connectors,
            to_driver,
            mdns: None,
            disk,
            withholding: Withholding::default(),
            gauge,
            disk_thread,
            inbound,
            disk_done,
            commands,
            events,
            links: BTreeMap::new(),
            unreachable: BTreeSet::new(),
            #[cfg(feature = "index")]
            hosts: super::pairing::Hosts::default(),
            #[cfg(feature = "index")]
            own_links: interfaces::OwnLinks::default(),
            publishing: BTreeMap::new(),
            next_ticket: 0,
        })
    }

    pub(crate) fn disk(&self) -> Disk {
        self.disk.clone()
    }

    pub(crate) fn withholding(&self) -> Withholding {
        self.withholding.clone()
    }

    /// Announces the peer on its own link, and dials those of its space that it finds there. Where mDNS does not work, the
    /// peer goes on with the contacts that it was told.
    pub(crate) fn discover(&mut self) {
        match Mdns::start(self.node.authority().space(), self.address, self.to_driver.clone()) {
            Ok(mdns) => self.mdns = Some(mdns),
            Err(error) => tracing::warn!(%error, "mDNS does not work here: only contacts are dialled"),
        }
    }

    /// Asks for what the node wants when it begins: where logs end, before anybody queries them.
    pub(crate) fn begin(&mut self) {
        self.do_outputs();
    }

    /// Runs until it is told to close, or nobody is left who could.
    pub(crate) async fn run(mut self) {
        self.connectors.accept();
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let closed = loop {
            self.do_outputs();
            let due = self.node.poll_timeout();
            tokio::select! {
                biased;
                Some(done) = self.disk_done.recv() => self.handle(done),
                () = self.started.wait_for(due) => self.handle(Input::Timeout),
                _ = look.tick() => self.look_around(),
                command = self.commands.recv() => match command {
                    Some(Command::Close { answer }) => break Some(answer),
                    Some(command) => self.obey(command),
                    None => break None,
                },
                Some(inbound) = self.inbound.recv() => self.take(inbound),
            }
        };
        self.shut_down(closed).await;
    }

    fn now(&self) -> Now {
        Now { mono: self.started.elapsed(), wall: wall_clock() }
    }

    fn handle(&mut self, input: Input) {
        self.node.handle(self.now(), input);
    }

    /// Where others are told that they can dial this peer.
    fn dialled_at(&self) -> Vec<SocketAddr> {
        match self.advertise.is_empty() {
            true => interfaces::addresses(self.address, &interfaces::networks(self.address.ip())),
            false => self.advertise.clone(),
        }
    }

    /// Tells the node which networks this machine is on now, where it can be dialled, and how far its clock may be off.
    fn look_around(&mut self) {
        self.handle(Input::Clock(clock::told(wall_clock())));
        let networks = interfaces::networks(self.address.ip());
        let advertise = self.dialled_at();
        self.handle(Input::Moved { advertise, networks });
    }

    fn take(&mut self, inbound: Inbound) {
        match inbound {
            Inbound::Node(input) => {
                match input {
                    Input::LinkDown { link, .. } => drop(self.links.remove(&link)),
                    Input::DialFailed { address, .. } => self.unreached(address),
                    _ => {}
                }
                self.handle(input);
            }
            Inbound::Message { link, bytes, room } => {
                self.handle(Input::Received { link, bytes });
                drop(room);
            }
            Inbound::Discovered { address } => {
                // Whoever dialled from there is linked already: a peer dials from the socket that it announces.
                let text = address.to_string();
                if !self.links.values().any(|link| link.remote().address == text) {
                    self.handle(Input::Discovered { address });
                }
            }
            Inbound::Link { link, handle, binding, dialled, expense } => {
                if let Some(address) = dialled {
                    self.unreachable.remove(&address);
                }
                let own_link = self.is_on_own_link(&handle);
                self.links.insert(link, handle);
                self.handle(Input::LinkUp { link, binding, dialled, expense, own_link });
            }
        }
    }

    /// Whether the other end of a link is on one of this machine's own.
    #[cfg(feature = "index")]
    fn is_on_own_link(&mut self, link: &LinkHandle) -> bool {
        // What is no address of a network is carried by something else, from wherever it is.
        let address = link.remote().address.parse::<SocketAddr>();
        address.is_ok_and(|it| self.own_links.hold(it.ip(), self.started.elapsed()))
    }

    /// Whoever lets nobody in need not know.
    #[cfg(not(feature = "index"))]
    fn is_on_own_link(&self, _link: &LinkHandle) -> bool {
        false
    }

    /// Says once that nobody answers there.
    fn unreached(&mut self, address: SocketAddr) {
        if self.unreachable.len() >= UNREACHABLE_MAX {
            self.unreachable.clear();
        }
        if self.unreachable.insert(address) {
            let name = self.connectors.name(address);
            tracing::warn!(
                "cannot reach {name} yet: is a peer running there, and does UDP pass? It is tried again"
            );
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Publish { stream, content, answer } => {
                let ticket = self.ticket(answer);
                self.handle(Input::Publish { ticket, stream, content });
            }
            #[cfg(feature = "documents")]
            Command::OpenLog { stream, answer } => {
                let ticket = self.ticket(answer);
                self.handle(Input::OpenLog { ticket, stream });
            }
            #[cfg(feature = "index")]
            Command::Seal { collection, answer } => {
                let ticket = self.ticket(answer);
                self.handle(Input::Seal { ticket, collection });
            }
            Command::Neighbours { answer } => {
                let _ = answer.send(self.neighbours());
            }
            Command::Status { answer } => {
                let _ = answer.send(self.status());
            }
            #[cfg(feature = "index")]
            Command::Mark { collections, answer } => {
                let _ = answer.send(self.node.mark(&collections));
            }
            #[cfg(feature = "index")]
            Command::Vouched { mark, copies, answer } => {
                let _ = answer.send(self.node.vouched(&mark, copies));
            }
            #[cfg(feature = "index")]
            Command::Look(look) => look(&self.node),
            #[cfg(feature = "index")]
            Command::Pairing(asked) => {
                let (now, at) = (self.now(), self.dialled_at());
                if let Some(input) = self.hosts.obey(&mut self.node, now, asked, &at) {
                    self.handle(input);
                }
            }
            Command::Close { answer } => drop(answer),
        }
    }

    /// A ticket for somebody who waits until an entry is on disk.
    fn ticket(&mut self, answer: oneshot::Sender<Result<Receipt, PublishError>>) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.publishing.insert(ticket, answer);
        ticket
    }

    fn neighbours(&self) -> Vec<Neighbour> {
        let now = self.started.elapsed();
        let in_ms = |time: Duration| time.as_secs_f64() * 1e3;
        let neighbour = |it: crate::node::Neighbour| {
            let remote = self.links.get(&it.link)?.remote();
            Some(Neighbour {
                peer: it.peer,
                address: remote.address,
                found: match it.source {
                    _ if !it.dialled => Found::DialledUs,
                    Some(Source::Discovered) => Found::Mdns,
                    Some(Source::Hearsay) => Found::Hearsay,
                    Some(Source::Configured) | None => Found::Contact,
                },
                leaf: it.leaf,
                linked_s: now.saturating_sub(it.since).as_secs(),
                round_trip_ms: remote.round_trip.map(in_ms),
                cost_ms: it.cost.map(in_ms),
            })
        };
        self.node.neighbours().filter_map(neighbour).collect()
    }

    fn status(&self) -> Status {
        let manifest = self.node.authority().manifest();
        let wear = self.gauge.wear();
        Status {
            version: env!("CARGO_PKG_VERSION").into(),
            peer: self.node.peer(),
            space_name: manifest.name().into(),
            space: self.node.authority().space(),
            grants: self.node.grants().map(|grant| Granted::by(grant)).collect(),
            root: self.node.authority().roots().contains(&self.node.peer()),
            approvals_missing: Status::missing(self.node.authority(), &self.node.peer()),
            address: self.address,
            mdns: self.mdns.is_some(),
            leaf: self.node.role() == Role::Leaf,
            uptime_s: self.started.elapsed().as_secs(),
            neighbours: self.node.neighbours().count(),
            refused: self.refused && self.node.neighbours().next().is_none(),
            logs: self.node.frontier().count(),
            entries: self.node.frontier().map(|(_, size, _)| size).sum(),
            contested: self.node.contested().count(),
            let_go_logs: 0,
            let_go_entries: 0,
            retention: None,
            served_after: self.node.served_after().iter().map(served).collect(),
            leases: self.node.leases().iter().map(LeaseStatus::of).collect(),
            storage_ok: !self.node.is_storage_failing(),
            written_bytes: wear.bytes,
            stored_readings: wear.readings,
            clock_set: self.node.clock().is_set(),
            clock_within_ms: self.node.clock().bound().map(ClockBound::ms),
        }
    }

    fn do_outputs(&mut self) {
        self.withholding.look(&self.node);
        while let Some(output) = self.node.poll_output() {
            match output {
                Output::Dial { address } => self.connectors.dial(address),
                Output::Send { link, priority, bytes } => {
                    let sent = self.links.get(&link).map(|handle| handle.send(priority, bytes));
                    for Dropped { priority, frame } in sent.unwrap_or_default() {
                        self.handle(Input::Shed { link, priority, frame });
                    }
                }
                Output::Admitted { link } => {
                    self.refused = false;
                    if let Some(handle) = self.links.get(&link) {
                        handle.admit();
                    }
                }
                Output::Close { link, reason } => {
                    self.refused |= reason == CloseReason::RefusedByPeer(Refusal::Stranger);
                    if let Some(handle) = self.links.remove(&link) {
                        handle.close(reason);
                    }
                }
                Output::Commit { seq, runs } => self.disk.ask(Job::Commit { seq, runs }),
                Output::Contest { fork } => self.disk.ask(Job::Contest { fork }),
                Output::Bound { log, bound } => self.disk.ask(Job::Bound { log, bound }),
                Output::Erase { order } => self.disk.ask(Job::Erase { order, answer: None }),
                Output::Keep { note } => self.disk.ask(Job::Keep { note }),
                Output::Read { ticket, log, from, bytes_max } => {
                    self.disk.ask(Job::Read { ticket, log, from, bytes_max });
                }
                Output::Published { ticket, result } => {
                    if let Some(answer) = self.publishing.remove(&ticket) {
                        // Whoever published may not care.
                        let _ = answer.send(result);
                    }
                }
                Output::Event(event) => {
                    #[cfg(feature = "index")]
                    self.hosts.tell(&event);
                    // Nobody may be listening.
                    let _ = self.events.send(event);
                }
            }
        }
    }

    /// Finishes what is being written, then lets go of everything.
    async fn shut_down(mut self, closed: Option<oneshot::Sender<()>>) {
        const GRACE: Duration = Duration::from_secs(2);
        let deadline = tokio::time::Instant::now() + GRACE;
        while !self.node.is_settled() {
            let due = self.node.poll_timeout();
            tokio::select! {
                Some(done) = self.disk_done.recv() => self.handle(done),
                () = self.started.wait_for(due) => self.handle(Input::Timeout),
                () = tokio::time::sleep_until(deadline) => break,
            }
            self.do_outputs();
        }
        drop(self.mdns.take());
        // Tells the neighbours, instead of letting them find out.
        let _ = tokio::time::timeout(GRACE, self.connectors.close()).await;
        if let Some(note) = self.node.unkept() {
            self.disk.ask(Job::Keep { note });
        }
        self.disk.ask(Job::Stop);
        drop((self.inbound, self.disk_done));
        let _ = tokio::task::spawn_blocking(|| self.disk_thread.join()).await;
        if let Some(closed) = closed {
            let _ = closed.send(());
        }
    }
}

fn served(it: &crate::node::ServedAfter) -> Served {
    let revocation = data_encoding::HEXLOWER.encode(&it.revocation);
    Served { holder: it.holder, revocation, bytes: it.bytes }
}
