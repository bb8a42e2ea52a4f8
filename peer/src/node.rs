//! A peer without its sockets, clock and disk: the machine that ships, and that the simulator runs a thousand times.
//!
//! Kinds of methods, in the order in which a driver calls them:
//!
//! - [`Node::new`] from what the store held;
//! - [`Node::handle`] with the time and an [`Input`];
//! - [`Node::poll_output`] until there is none: each [`Output`] is something to do;
//! - [`Node::poll_timeout`] for when to call `handle` with [`Input::Timeout`];
//! - [`Node::invite`] and [`Node::withdraw`], whenever a code is given out or taken back, and [`Node::open_door`] once somebody answers visitors;
//! - getters, whenever.
//!
//! Inside, each file is one concern. None of them reads a clock or draws randomness.
//!
//! | file | concern |
//! |---|---|
//! | `links` | handshakes and admission |
//! | `pairing` | who comes with a code |
//! | `walk_up` | who comes with a code from a bench |
//! | `membership` | between the overlay and the links |
//! | `noise_key` | when a peer has another Noise key |
//! | `greeting` | what they tell each other of what they want |
//! | `papers` | by what right they speak |
//! | `control` | what says who may |
//! | `issue` | what a manager needs to say so |
//! | `lease` | how fresh what it knows is, and what it withholds |
//! | `receipts` | who confirms that it knows |
//! | `erasing` | bodies that are to be gone |
//! | `limits` | what a grant allows at most |
//! | `contacts` | where somebody can be dialled |
//! | `dial` | how that goes |
//! | `hearsay` | what peers tell of where they live |
//! | `reach` | what of that is dialled |
//! | `logs` | what is held, what is written |
//! | `bounds` | logs that count up to some entry only |
//! | `commit` | group commit |
//! | `notes` | what a restart remembers |
//! | `mark` | what others hold |
//! | `replicate` | between gossip, logs and storage |
//! | `sealing` | what only readers open |
//! | `prefixes` | logs whose beginning is gone |
//! | `carried` | what a person may carry to it |

mod bounds;
mod budget;
#[cfg(all(feature = "net", feature = "index"))]
mod carried;
mod commit;
mod config;
mod contacts;
mod control;
mod dial;
mod erasing;
mod error;
mod event;
mod forks;
mod greeting;
mod hearsay;
mod io;
mod issue;
mod lease;
mod limits;
mod links;
mod logs;
mod mark;
mod membership;
mod noise_key;
mod notes;
mod pairing;
mod papers;
mod prefixes;
mod reach;
mod receipts;
mod replicate;
mod sealing;
mod sizes;
mod walk_up;

use std::collections::VecDeque;
use std::time::Duration;

use msec_crdt_store::{Opened, TimeQuality};
pub use msec_gossip::overlay::{DialFailure, Lost, Role, Source};
use msec_gossip::overlay::{Input as OverlayInput, Overlay};
use msec_gossip::{Gossip, Input as GossipInput, Interest};
use msec_identity::{Authority, ControlRecord, Identity, PeerId, UnixMillis};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

#[cfg(all(feature = "net", feature = "index"))]
pub(crate) use carried::{covers, learn, may_hold};
use commit::Commits;
pub use config::{Config, ConfigError, Contact};
use dial::Dialler;
use erasing::Erasing;
pub use error::PublishError;
pub use event::{Event, Measured, PairingOutcome, Refused, RefusedKind};
use forks::Forks;
use hearsay::Whereabouts;
pub use io::{
    CloseReason, Content, Input, LinkId, Neighbour, Now, Output, Receipt, StreamName, StreamSpec, Ticket,
};
#[cfg(all(feature = "net", feature = "index"))]
pub(crate) use issue::DataLog;
pub use issue::{Fall, LogUnder};
#[doc(hidden)]
pub use lease::freshness_again;
pub use lease::{ClassLease, Freshness, LEASE_MIN, Lease, LeaseView, Leases, ParseLeaseError, Withheld};
use lease::{KEEPS_LEASES, LeaseBook, LeaseInput};
use limits::Limits;
use links::Links;
use logs::Logs;
pub use mark::Mark;
use membership::Neighbours;
use notes::Notes;
use pairing::Pairings;
pub use pairing::{DECISION_MAX, PAIRINGS_MAX};
use prefixes::Prefixes;
pub use reach::Network;
use receipts::Receipts;
pub use receipts::ServedAfter;
#[cfg(all(feature = "net", feature = "index"))]
pub(crate) use receipts::{carries, holds};
use replicate::Reads;
use sealing::Sealing;
pub use sealing::{Keys, SEALED_READINGS_MAX};
#[cfg(any(feature = "index", not(feature = "net")))]
pub use sealing::{SealedView, Waits};
pub use sizes::{
    ADOPTED_MAX, CONTROL_LOGS_MAX, ERASURES_UNCONFIRMED_MAX, NOTED_MAX, QUESTIONS_MAX, READS_MAX, Sizes,
    TRACES_MAX,
};
pub use walk_up::WALK_UPS_MAX;
use walk_up::WalkUps;

/// A peer, sans-I/O.
pub struct Node {
    config: Config,
    identity: Identity,
    authority: Authority,
    /// What it was given when it joined: its grants, and all that they hang on.
    papers: Vec<ControlRecord>,
    rng: ChaCha20Rng,
    links: Links,
    pairings: Pairings,
    walk_ups: WalkUps,
    dialler: Dialler,
    whereabouts: Whereabouts,
    overlay: Overlay,
    neighbours: Neighbours,
    logs: Logs,
    forks: Forks,
    commits: Commits,
    notes: Notes,
    /// What it wants, whether or not its grants allow it.
    wanted: Interest,
    gossip: Gossip,
    reads: Reads,
    prefixes: Prefixes,
    receipts: Receipts,
    limits: Limits,
    lease: LeaseBook,
    erasing: Erasing,
    sealing: Sealing,
    outputs: VecDeque<Output>,
    /// The last time it was told.
    now: Now,
    /// What the system knows of its clock.
    clock: Option<TimeQuality>,
    warned_of_clock: bool,
}

/// What a node is made of.
pub struct Parts {
    /// Its settings; see [`Config::check`].
    pub config: Config,
    /// Its key.
    pub identity: Identity,
    /// The space that it is in.
    pub authority: Authority,
    /// Its own grants, those above them, and the approvals of these, to show to others.
    pub papers: Vec<ControlRecord>,
    /// What its store held.
    pub opened: Opened,
    /// Whence all its randomness comes. Never twice the same for one identity, outside simulations.
    pub seed: [u8; 32],
}

impl Node {
    /// A node that holds what its store held, and is linked to nobody yet.
    pub fn new(parts: Parts, now: Now) -> Result<Self, ConfigError> {
        let Parts { config, identity, mut authority, papers, opened, seed } = parts;
        config.check()?;
        let mut rng = ChaCha20Rng::from_seed(seed);
        let [mut gossip_seed, mut overlay_seed] = [[0; 32]; 2];
        rng.fill_bytes(&mut gossip_seed);
        rng.fill_bytes(&mut overlay_seed);
        for record in &papers {
            // What does not count is the owner's to find: others will say that it is a stranger.
            let _ = authority.learn(record.clone());
        }
        let me = identity.peer();
        // A leaf wants what it tells, and no less: what two peers compare has to be the same for both.
        let is_leaf = config.role == Role::Leaf;
        let wanted = if is_leaf { config.interest.told() } else { config.interest.clone() };
        let wanted = wanted.with(&control::control());
        let wanted = if config.receipts && !is_leaf { receipts::with_receipts(wanted) } else { wanted };
        let interest = wanted.intersect(&links::holdable(&authority, &me, None));
        let of_gossip = msec_gossip::Config {
            control: Interest::none().with(&control::control()),
            leaf: is_leaf,
            ..config.gossip.clone()
        };
        let gossip = Gossip::new(of_gossip, me, interest, gossip_seed);
        let whereabouts = Whereabouts::new(config.advertise.clone(), config.networks.clone());
        let overlay = Overlay::new(config.views(), me, config.role, overlay_seed);
        let mut node = Self {
            dialler: Dialler::new(&config.contacts),
            whereabouts,
            overlay,
            neighbours: Neighbours::default(),
            links: Links::default(),
            pairings: Pairings::default(),
            walk_ups: WalkUps::default(),
            logs: Logs::default(),
            forks: Forks::default(),
            commits: Commits::default(),
            notes: Notes::default(),
            reads: Reads::default(),
            prefixes: Prefixes::default(),
            receipts: Receipts::default(),
            limits: Limits::default(),
            lease: LeaseBook::new(is_leaf, seed, now.mono),
            erasing: Erasing::default(),
            sealing: Sealing::default(),
            outputs: VecDeque::new(),
            config,
            identity,
            authority,
            papers,
            rng,
            wanted,
            gossip,
            now,
            clock: None,
            warned_of_clock: false,
        };
        node.load(opened);
        node.review_leases();
        node.sealing.changed(node.authority.once_sealed().next().is_some());
        node.tell_room();
        node.check_clock();
        for known in node.dialler.book.all() {
            node.tell_contact(known);
        }
        node.advertise();
        node.tell_overlay(OverlayInput::Timeout);
        node.pump();
        Ok(node)
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Now, input: Input) {
        // A monotonic clock that runs backwards is a bug of the driver; the node does not follow it.
        self.now = Now { mono: now.mono.max(self.now.mono), wall: now.wall };
        // What is too old by now is given to nobody, not even in answer to this.
        if self.review_leases() {
            self.review_admissions();
        }
        match input {
            Input::LinkUp { link, binding, dialled, expense, own_link } => {
                self.link_up(link, binding, dialled, expense, own_link)
            }
            Input::LinkDown { link, why } => self.link_down(link, why),
            Input::Moved { advertise, networks } => self.moved(advertise, networks),
            Input::Clock(clock) => self.clock = clock,
            Input::Discovered { address } => self.discovered(address),
            Input::DialFailed { address, why } => self.dial_failed(address, why),
            Input::Received { link, bytes } => self.received(link, bytes),
            Input::Shed { link, priority, frame } => self.shed(link, priority, frame),
            Input::Publish { ticket, stream, content } => self.publish(ticket, &stream, content),
            #[cfg(any(feature = "index", not(feature = "net")))]
            Input::Seal { ticket, collection } => self.seal(ticket, collection),
            Input::OpenLog { ticket, stream } => self.open_log(ticket, &stream),
            Input::PairingDecision { link, welcome } => self.decided(link, welcome),
            Input::WalkUpDecision { link, decision } => self.walk_up_decided(link, decision),
            Input::Durable { through } => self.durable(through),
            Input::Contested { log } => self.fork_is_durable(&log),
            Input::Bounded { log, bound, fits } => self.bounded(log, bound, fits),
            Input::CommitFailed { seq } => self.commit_failed(seq),
            Input::Erased { entries, left, done, ordered } => self.erased(&entries, &left, done, ordered),
            Input::ReadDone { ticket, chunk } => self.read_done(ticket, chunk),
            Input::Timeout => {}
        }
        self.check_clock();
        self.expire_handshakes();
        self.expire_pairings();
        self.review_leases();
        self.expire_walk_ups();
        self.review_admissions();
        self.erase_due();
        self.confirm();
        self.tend_sealing();
        self.advertise();
        self.dial_waiting();
        if self.overlay.poll_timeout().is_some_and(|due| due <= self.now.mono) {
            self.tell_overlay(OverlayInput::Timeout);
        }
        if self.gossip.poll_timeout().is_some_and(|due| due <= self.now.mono) {
            self.tell_gossip(GossipInput::Timeout);
        }
        if KEEPS_LEASES && self.lease.asking.poll_timeout().is_some_and(|due| due <= self.now.mono) {
            self.tell_lease(LeaseInput::Timeout);
        }
        self.pump();
        // A beat that came may be all that lacked.
        if self.review_leases() {
            self.review_admissions();
            self.pump();
        }
        self.commit_due();
        self.keep_due();
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Node::handle`] with [`Input::Timeout`], on the monotonic clock.
    pub fn poll_timeout(&self) -> Option<Duration> {
        [
            self.overlay.poll_timeout(),
            self.gossip.poll_timeout(),
            self.commits.due(),
            self.erasing.due(),
            self.links.due(),
            self.pairings.due(),
            self.walk_ups.due(),
            self.links.review_due(),
            self.dialler.due(),
            self.whereabouts.due(),
            self.lease.due(),
            self.sealing.due(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Who it is.
    pub fn peer(&self) -> PeerId {
        self.identity.peer()
    }

    /// Who may do what, as far as it knows.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The neighbours, in the order of their ids. Links on which peers are only asking are not among them.
    pub fn neighbours(&self) -> impl Iterator<Item = Neighbour> + '_ {
        self.links.neighbours()
    }

    /// What it does for others.
    pub fn role(&self) -> Role {
        self.config.role
    }

    /// Whether all that was published here, and all that was verified of others, is on disk, and what is to be erased is not.
    pub fn is_settled(&self) -> bool {
        self.commits.is_idle() && self.erasing.is_idle(self.now.mono)
    }

    /// Whether the disk refuses to write.
    pub fn is_storage_failing(&self) -> bool {
        self.commits.is_failing()
    }

    /// What is known of the clock. One that shows a time before 2020 was never set, whatever the system says.
    pub fn clock(&self) -> TimeQuality {
        match self.wall() {
            Some(_) => self.clock.unwrap_or(TimeQuality::Synchronised),
            None => TimeQuality::Unsynchronised,
        }
    }

    /// What gossip counts.
    pub fn gossip_stats(&self) -> msec_gossip::Stats {
        self.gossip.stats()
    }

    /// The verified logs that it holds: id, size and root of each, in the order of the ids.
    pub fn frontier(
        &self,
    ) -> impl Iterator<Item = (msec_identity::LogId, u64, msec_crdt_store::TreeHash)> + '_ {
        self.logs.held().map(|state| (state.log(), state.size(), state.root()))
    }

    fn output(&mut self, output: Output) {
        if matches!(output, Output::Published { ticket: receipts::NOBODY, .. }) {
            return;
        }
        self.outputs.push_back(output);
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// Civil time, unless the clock was never set.
    fn wall(&self) -> Option<UnixMillis> {
        self.now.wall.is_plausible().then_some(self.now.wall)
    }

    fn check_clock(&mut self) {
        let unset = !self.clock().is_set();
        if unset && !self.warned_of_clock {
            self.event(Event::ClockUnset { shows: self.now.wall });
        }
        self.warned_of_clock = unset;
    }

    /// What it wants to hold: as configured, and no more than its grants allow.
    fn interest(&self) -> &Interest {
        self.gossip.interest()
    }

    /// Own grants are others than before: what they allow is wanted at once, and what they don't no more. Neighbours know what this peer
    /// wants, and see by themselves what of it they may give.
    fn wants_what_it_may(&mut self) {
        let holdable = links::holdable(&self.authority, &self.peer(), None);
        let interest = self.wanted.intersect(&holdable);
        if interest != *self.gossip.interest() {
            self.tell_gossip(GossipInput::Wanted { interest });
            self.look_at_leases_soon();
        }
    }
}

#[cfg(test)]
mod tests;
