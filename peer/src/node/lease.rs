//! How fresh this peer is, and what it withholds where it is not fresh enough.
//!
//! A peer is fresh for a collection since the last time when it knew all that some issuer had said who stands over that: it drew a nonce,
//! the issuer signed a beat over it, and the control logs that the beat names are held as far. Each class of data says how old that
//! may be ([`Leases`]); which class a collection has is said in the space ([`msec_identity::Authority::class_of`]). Leases only
//! withhold: they change nothing that is held.
//!
//! | module | what it holds |
//! |---|---|
//! | `machine` | asking, answering and carrying, without I/O |
//! | `ways`, `batch`, `message` | in it: whom to ask, what is asked together, the bytes |
//! | `fresh` | which issuers were heard from |
//! | `policy` | [`Leases`]: how old what each class asks for may be |
//! | `withhold` | what follows: for neighbours, for apps, for who looks at it |
//!
//! One fresh issuer is enough. Another one may have revoked something meanwhile that is on its way: it travels first, and whoever
//! issued it is asked by whom it is nearest to. An issuer is fresh by its own word where it stands. A peer that wants nothing
//! of others holds only what it wrote itself: it needs no lease, and asks for none.

mod batch;
mod fresh;
mod machine;
mod message;
mod policy;
mod ways;
mod withhold;

use std::time::Duration;

use msec_gossip::Priority;
use msec_identity::{
    BEAT_LOGS_MAX, Beat, Class, CollectionPath, ControlStream, Cut, Cuts, PeerId, Question, Right, Unverified,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use self::fresh::Fresh;
use self::machine::Asking;
pub(super) use self::machine::{Input as LeaseInput, Output as LeaseOutput, Verdict};
pub use self::policy::{ClassLease, LEASE_MIN, Lease, Leases, ParseLeaseError};
pub use self::withhold::{Freshness, LeaseView, Withheld};
use super::logs::key_of;
use super::{Node, Output, RefusedKind};

/// The most questions that wait, and those under way.
pub const QUESTIONS_MAX: [usize; 2] = [batch::WAITING_MAX, machine::BATCHES_MAX];

/// Whether this program keeps leases. A sensor's, which is built without `index`, does not: it is fresh for nothing, and takes part in
/// nothing of it.
pub(super) const KEEPS_LEASES: bool = cfg!(any(feature = "index", not(feature = "net")));

/// All about freshness.
#[derive(Debug)]
pub(super) struct LeaseBook {
    pub(super) asking: Asking,
    fresh: Fresh,
    /// What this peer has to be fresh for.
    needs: Vec<Need>,
    withheld: Withheld,
    /// What was said last of each class.
    told: [Freshness; 3],
    /// When it was started.
    since: Duration,
    /// When to look at it again.
    due: Option<Duration>,
    warned_of_logs: bool,
}

/// A collection that has a class, or that of all the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Need {
    collection: CollectionPath,
    class: Class,
    /// Since when we are fresh for it, and by whose word.
    since: Option<(Duration, PeerId)>,
}

/// Reads a message about freshness, and writes it again. Not for programs: the fuzz target reaches the decoder by it.
#[doc(hidden)]
pub fn freshness_again(frame: &[u8]) -> Option<Vec<u8>> {
    message::Message::decode(frame).ok().map(|message| message.encode())
}

impl Need {
    /// Whether this is what was needed before, and whoever's word made us fresh for it speaks no longer.
    fn lost(&self, before: &Self) -> bool {
        self.collection == before.collection && self.since < before.since
    }
}

impl LeaseBook {
    /// `seed`: that of the node. What is drawn from it here is drawn by nobody else.
    pub(super) fn new(is_leaf: bool, seed: [u8; 32], now: Duration) -> Self {
        let mut rng = ChaCha20Rng::from_seed(seed);
        rng.set_stream(1);
        let mut own = [0; 32];
        rng.fill_bytes(&mut own);
        Self {
            asking: Asking::new(is_leaf, own),
            fresh: Fresh::default(),
            needs: Vec::new(),
            withheld: Withheld::default(),
            told: [Freshness::Unknown; 3],
            since: now,
            due: Some(now),
            warned_of_logs: false,
        }
    }

    /// When something is due.
    pub(super) fn due(&self) -> Option<Duration> {
        let asking = if KEEPS_LEASES { self.asking.poll_timeout() } else { None };
        [asking, self.due].into_iter().flatten().min()
    }
}

impl Node {
    /// Hands the machine an input. What comes out is done by [`Node::pump`].
    pub(super) fn tell_lease(&mut self, input: LeaseInput) {
        if KEEPS_LEASES {
            self.lease.asking.handle(self.now.mono, input);
        }
    }

    /// Does one thing that the machine asks for.
    pub(super) fn obey_lease(&mut self, output: LeaseOutput) {
        match output {
            LeaseOutput::Send { to, bytes } => {
                if let Some(link) = self.links.link_of(&to) {
                    self.output(Output::Send { link, priority: Priority::Control, bytes });
                }
            }
            LeaseOutput::Sign { of } => {
                let beat = self.beat(of);
                self.tell_lease(LeaseInput::Signed { beat });
            }
            LeaseOutput::Check { batch, drawn, beat } => {
                let verdict = self.check_beat(drawn, *beat);
                self.tell_lease(LeaseInput::Checked { batch, verdict });
            }
            LeaseOutput::Violation { from, error } => {
                self.refused(Some(from), RefusedKind::Malformed, error.to_string());
                self.misbehaved(from);
            }
        }
    }

    /// What this peer says as an issuer. `None`: it cannot say that it names all its control logs.
    fn beat(&mut self, of: Question) -> Option<Vec<u8>> {
        let me = self.peer();
        let own = self.logs.held().filter(|state| state.header().author() == me);
        let own = own.filter(|state| state.header().collection().is_control());
        // Only what is on disk was said: a power cut takes the rest back.
        let on_disk = |log| self.gossip.on_disk(&key_of(&log)).map(|(version, _)| (log, version));
        let logs: Vec<_> = own.filter_map(|state| on_disk(state.log())).take(BEAT_LOGS_MAX + 1).collect();
        let is_forked = logs.iter().any(|(log, _)| self.forks.get(log).is_some());
        if logs.len() > BEAT_LOGS_MAX || is_forked {
            if !std::mem::replace(&mut self.lease.warned_of_logs, true) {
                tracing::warn!(
                    most = BEAT_LOGS_MAX,
                    "this peer has too many control logs, or one of which there are two histories, and cannot say that all is known \
                     that it issued: let another peer issue"
                );
            }
            return None;
        }
        let cut =
            |(log, version): (_, msec_gossip::Version)| Cut { log, size: version.size, root: version.digest };
        let logs = Cuts::new(logs.into_iter().map(cut)).ok()?;
        let (space, at) = (self.authority.space(), self.now.wall);
        Some(self.identity.sign(Beat { space, issuer: me, of, logs, at }).to_bytes())
    }

    /// Whether a beat counts, which answers a nonce that was drawn then.
    pub(super) fn check_beat(&mut self, drawn: Duration, beat: Unverified<Beat>) -> Verdict {
        let issuer = beat.claims().issuer;
        let fits = beat.claims().space == self.authority.space()
            && beat.claims().logs.as_slice().len() <= BEAT_LOGS_MAX;
        let verified = fits.then(|| beat.verify_by(self.authority.verifier(), &issuer).ok()).flatten();
        let Some(beat) = verified else { return Verdict::Forged };
        if !self.issues_now(&issuer) {
            return Verdict::Idle;
        }
        self.lease.fresh.heard(issuer, drawn, beat.logs.clone());
        self.look_at_leases_soon();
        Verdict::Counts
    }

    /// Whether somebody issues: it is a root, or manages something now.
    fn issues_now(&self, peer: &PeerId) -> bool {
        let now = self.wall();
        let manages =
            |grant: &msec_identity::Grant| grant.rights.contains(Right::Manage) && grant.is_valid(now);
        self.authority.roots().contains(peer) || self.authority.grants_of(peer).any(|grant| manages(grant))
    }

    /// Whether this peer answers others: it is a root, or manages something and has said so in a control log. By that log's header everybody
    /// knows by what right; who has said nothing yet would be asked in vain.
    fn answers_now(&self) -> bool {
        let me = self.peer();
        let is_said = || {
            let mut own = self.logs.held().map(|state| state.header()).filter(|header| header.author() == me);
            own.any(|header| {
                header.collection().is_control()
                    && matches!(header.stream().parse(), Ok(ControlStream::Under(_)))
            })
        };
        self.authority.roots().contains(&me) || (self.issues_now(&me) && is_said())
    }

    /// Whether it does so over all of a collection.
    fn issues_over(&self, peer: &PeerId, collection: &CollectionPath) -> bool {
        self.authority.roots().contains(peer)
            || self.authority.allows(peer, Right::Manage, collection, self.wall())
    }

    /// Whether all is held up to there.
    fn holds(&self, logs: &Cuts) -> bool {
        logs.as_slice().iter().all(|cut| match self.logs.get(&cut.log) {
            Some(state) if state.size() == cut.size => state.root() == cut.root,
            Some(state) => state.size() > cut.size,
            None => cut.size == 0,
        })
    }
}
