//! What a peer confirms: if it carries for others, that it knows of the end of a grant, and what it gave away before it did; and if it
//! holds what others write, that it has erased what was to be erased (see `erasing`).
//!
//! Transitions, for one revocation:
//!
//! ```text
//! entered in a control log  --> known: it may not bind yet
//! known    -- it binds      --> due, with what its holder was given since the time that it names
//! due      -- the disk takes own entries --> a receipt in the stream [`RECEIPTS_STREAM`], once
//! ```
//!
//! Nothing is confirmed before the own receipts on disk have been read, so that a restart repeats none; nor what was over before this peer
//! was let in.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use msec_crdt_store::{Chunk, EntryKind, Run};
use msec_gossip::overlay::Role;
use msec_gossip::{INTEREST_PREFIXES_MAX, Interest, Topic};
use msec_identity::{
    Change, CollectionPath, ControlRecord, GrantId, LogId, PeerId, RECEIPTS_STREAM, Receipt, Right, Rights,
    UnixMillis,
};

use super::{Content, Node, Output, StreamSpec, Ticket};

/// The most revocations that are known and neither bind nor were confirmed. Further ones are not confirmed.
const KNOWN_MAX: usize = 16_384;
/// The most revocations that were confirmed, and are told apart from new ones, and the most erasures. After so many no further ones
/// of that kind are confirmed.
const CONFIRMED_MAX: usize = 65_536;
/// How long a log of receipts becomes at most, with its header.
pub(super) const RECEIPTS_MAX: u64 = CONFIRMED_MAX as u64 + 1;
/// The most neighbours whose bytes are counted. Beyond it the counts of the one that was served least recently are forgotten.
const SERVED_PEERS_MAX: usize = 1_024;
/// How many stretches of time are kept apart for each of them: older ones are one.
const SERVED_SLOTS_MAX: usize = 64;
/// How long such a stretch is.
const SERVED_SLOT: Duration = Duration::from_secs(10);
/// The most holders of which is said what they were given after the end. Of further ones it is not.
pub(super) const SERVED_AFTER_MAX: usize = 256;
/// How much is read at a time of the own receipts.
const READ_BYTES_MAX: usize = 256 * 1024;

/// Comes back with what is read of the own receipts. No other read has it.
const OWN_READ: Ticket = Ticket(u64::MAX);
/// Whoever publishes with it waits for no answer.
pub(super) const NOBODY: Ticket = Ticket(u64::MAX);

/// What a holder was given after its grant had been revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServedAfter {
    /// Who.
    pub holder: PeerId,
    /// The hash of the revocation.
    pub revocation: [u8; 32],
    /// Bytes of data, at most, whatever collection they are of, by this peer and since it was started.
    pub bytes: u64,
}

#[derive(Debug, Default)]
pub(super) struct Receipts {
    /// Own logs of receipts, and from where on they are still to be read.
    unread: VecDeque<(LogId, u64)>,
    /// Revocations by what they end: hash, and when they were signed.
    known: BTreeMap<(GrantId, [u8; 32]), UnixMillis>,
    ends: Confirmed,
    erasures: Confirmed,
    served: Served,
    after: Vec<ServedAfter>,
}

impl Receipts {
    fn is_idle(&self) -> bool {
        self.ends.due.is_empty() && self.erasures.due.is_empty()
    }

    fn next(&mut self) -> Option<([u8; 32], UnixMillis, u64)> {
        self.ends.next().or_else(|| self.erasures.next())
    }
}

/// What is confirmed of one kind: so that whoever fills this one takes no room from the other.
#[derive(Debug, Default)]
struct Confirmed {
    /// What of, when it was known, and what its holder was given meanwhile.
    due: VecDeque<([u8; 32], UnixMillis, u64)>,
    done: BTreeSet<[u8; 32]>,
}

impl Confirmed {
    fn add(&mut self, of: [u8; 32], at: UnixMillis, served: u64) {
        if self.due.len() + self.done.len() < CONFIRMED_MAX {
            self.due.push_back((of, at, served));
        }
    }

    /// The next that was not confirmed yet.
    fn next(&mut self) -> Option<([u8; 32], UnixMillis, u64)> {
        std::iter::from_fn(|| self.due.pop_front()).find(|(of, ..)| !self.done.contains(of))
    }
}

/// Bytes of data that neighbours were given, by the clock that never jumps.
#[derive(Debug, Default)]
struct Served(BTreeMap<PeerId, VecDeque<Stretch>>);

#[derive(Debug, Clone, Copy)]
struct Stretch {
    last_slot: u64,
    bytes: u64,
}

impl Served {
    fn add(&mut self, to: PeerId, bytes: u64, at: Duration) {
        let slot = slot_of(at);
        if !self.0.contains_key(&to) && self.0.len() >= SERVED_PEERS_MAX {
            let last = |it: &VecDeque<Stretch>| it.back().map(|stretch| stretch.last_slot);
            if let Some(oldest) =
                self.0.iter().min_by_key(|(peer, it)| (last(it), **peer)).map(|(peer, _)| *peer)
            {
                self.0.remove(&oldest);
            }
        }
        let stretches = self.0.entry(to).or_default();
        match stretches.back_mut() {
            Some(last) if last.last_slot >= slot => last.bytes = last.bytes.saturating_add(bytes),
            _ => stretches.push_back(Stretch { last_slot: slot, bytes }),
        }
        if stretches.len() > SERVED_SLOTS_MAX
            && let Some(first) = stretches.pop_front()
            && let Some(next) = stretches.front_mut()
        {
            next.bytes = next.bytes.saturating_add(first.bytes);
        }
    }

    /// What a neighbour was given since then, and a little before.
    fn since(&self, to: &PeerId, at: Duration) -> u64 {
        let slot = slot_of(at);
        let stretches = self.0.get(to).into_iter().flatten().filter(|stretch| stretch.last_slot >= slot);
        stretches.fold(0, |sum, stretch| sum.saturating_add(stretch.bytes))
    }
}

fn slot_of(at: Duration) -> u64 {
    at.as_secs() / SERVED_SLOT.as_secs()
}

/// An interest, control entries among it, and receipts with it. One that names as much as a greeting has room for stays as it is.
pub(super) fn with_receipts(interest: Interest) -> Interest {
    // Control entries are named in no greeting.
    if interest.prefixes().count() > INTEREST_PREFIXES_MAX {
        return interest;
    }
    interest.with(&Topic::new(CollectionPath::receipts().as_str()).expect("a topic"))
}

/// Whether a grant lets its holder hold what others write and give it to others, or decide about it.
pub(crate) fn carries(rights: Rights) -> bool {
    rights.contains(Right::Relay) || rights.contains(Right::Manage)
}

/// Whether a grant lets its holder have what others write, so that it has something to confirm.
pub(crate) fn holds(rights: Rights) -> bool {
    rights.contains(Right::Read) || carries(rights)
}

impl Node {
    /// Whether this peer confirms anything. A sensor's program, which is built without `index`, does not: others carry for it.
    pub(super) fn confirms(&self) -> bool {
        cfg!(any(feature = "index", not(feature = "net")))
            && self.config.receipts
            && self.config.role == Role::Relay
    }

    /// Looks for the own receipts, once all logs were loaded.
    pub(super) fn read_receipts(&mut self) {
        if !self.confirms() {
            return;
        }
        let (me, receipts) = (self.peer(), CollectionPath::receipts());
        let own = self
            .logs
            .held()
            .filter(|state| state.header().author() == me && *state.header().collection() == receipts);
        self.receipts.unread = own.map(|state| (state.log(), 0)).collect();
        self.ends_changed(&Change { everything: true, ..Change::default() });
        self.read_more();
    }

    fn read_more(&mut self) {
        if let Some((log, from)) = self.receipts.unread.front().copied() {
            self.output(Output::Read { ticket: OWN_READ, log, from, bytes_max: READ_BYTES_MAX });
        } else {
            self.confirm();
        }
    }

    /// Takes in what was read, if it is of that. `false`: it is not.
    pub(super) fn receipts_read(&mut self, ticket: Ticket, chunk: Option<&Chunk>) -> bool {
        if !self.confirms() || ticket != OWN_READ {
            return false;
        }
        let Some((log, from)) = self.receipts.unread.pop_front() else { return true };
        if let Some(chunk) = chunk {
            let run = Run::from_bytes(&chunk.bytes).ok();
            let entries = run.into_iter().flat_map(|run| run.entries);
            let bodies = entries
                .filter(|entry| entry.kind == EntryKind::Control)
                .filter_map(|entry| ControlRecord::from_bytes(entry.body.bytes()?).ok());
            for record in bodies {
                if let ControlRecord::Receipt(receipt) = record {
                    let of = receipt.claims().of;
                    self.confirmed_like(&of).done.insert(of);
                }
            }
            if chunk.end > from {
                self.receipts.unread.push_front((log, chunk.end));
            }
        }
        self.read_more();
        true
    }

    /// A revocation was entered.
    pub(super) fn knows_of(&mut self, grant: GrantId, hash: [u8; 32], at: UnixMillis) {
        if self.receipts.known.len() < KNOWN_MAX {
            self.receipts.known.insert((grant, hash), at);
        }
    }

    /// Grants stand otherwise than before: some of what is known may bind now.
    pub(super) fn ends_changed(&mut self, change: &Change) {
        if !self.confirms() || self.receipts.known.is_empty() {
            return;
        }
        let concerned =
            |grant: &GrantId| change.everything || change.grants.iter().any(|(_, id)| id == grant);
        let ended: Vec<_> = self.receipts.known.iter().map(|(key, at)| (*key, *at)).collect();
        for ((grant, hash), at) in ended.into_iter().filter(|((grant, _), _)| concerned(grant)) {
            if self.authority.is_revoked(&grant) {
                self.receipts.known.remove(&(grant, hash));
                self.is_over(&grant, hash, at);
            }
        }
        self.confirm();
    }

    fn is_over(&mut self, grant: &GrantId, hash: [u8; 32], at: UnixMillis) {
        let was_here = |own: UnixMillis| own <= at;
        if !self.grants().filter(|grant| carries(grant.rights)).any(|grant| was_here(grant.not_before)) {
            return;
        }
        let holder = self.authority.grant(grant).and_then(|grant| grant.holder.peer());
        let bytes = holder.map_or(0, |holder| self.receipts.served.since(&holder, self.mono_at(at)));
        if let Some(holder) = holder
            && bytes > 0
            && self.receipts.after.len() < SERVED_AFTER_MAX
        {
            self.receipts.after.push(ServedAfter { holder, revocation: hash, bytes });
        }
        self.receipts.ends.add(hash, self.now.wall, bytes);
    }

    /// When it was that, on the clock that never jumps. The beginning, where civil time is not known or lies before that: then
    /// whatever was given since the start may have been given afterwards.
    fn mono_at(&self, at: UnixMillis) -> Duration {
        let ago = self.wall().map(|now| now.0.saturating_sub(at.0)).and_then(|ago| u64::try_from(ago).ok());
        ago.map_or(Duration::ZERO, |ago| self.now.mono.saturating_sub(Duration::from_millis(ago)))
    }

    /// Nothing is left here of what an erasure is about. What was erased before this peer was let in it never had.
    pub(super) fn confirm_erasure(&mut self, hash: [u8; 32], signed: UnixMillis) {
        let was_here = self.grants().any(|grant| holds(grant.rights) && grant.not_before <= signed);
        if was_here {
            self.receipts.erasures.add(hash, self.now.wall, 0);
        }
    }

    /// Where that is kept apart.
    fn confirmed_like(&mut self, of: &[u8; 32]) -> &mut Confirmed {
        let is_erasure = self.authority.erasure(of).is_some();
        if is_erasure { &mut self.receipts.erasures } else { &mut self.receipts.ends }
    }

    /// Writes what is due, as far as the disk takes it.
    pub(super) fn confirm(&mut self) {
        if !self.confirms() || self.receipts.is_idle() || !self.receipts.unread.is_empty() {
            return;
        }
        let now = self.wall();
        let own = self.grants().filter(|grant| grant.is_valid(now)).map(|grant| grant.rights);
        let own: Vec<_> = own.collect();
        let held = |right: &Right| own.iter().any(|rights| rights.contains(*right));
        let role = Rights::of([Right::Read, Right::Relay, Right::Manage].into_iter().filter(held));
        let Ok(stream) = StreamSpec::new(CollectionPath::receipts().as_str(), RECEIPTS_STREAM) else {
            return;
        };
        while let Some((of, at, served)) = self.receipts.next() {
            let (space, issuer) = (self.authority.space(), self.peer());
            let receipt = self.identity.sign(Receipt { space, issuer, of, at, role, served });
            match self.append(NOBODY, &stream, Content::Control(Box::new(receipt.into()))) {
                Ok(()) => drop(self.confirmed_like(&of).done.insert(of)),
                Err(error) => {
                    tracing::debug!(%error, "the end of a grant is not confirmed yet");
                    if error.is_passing() {
                        self.confirmed_like(&of).due.push_front((of, at, served));
                    }
                    return;
                }
            }
        }
    }

    /// A neighbour was given bytes of data.
    pub(super) fn served(&mut self, to: PeerId, bytes: usize) {
        if self.confirms() {
            self.receipts.served.add(to, bytes as u64, self.now.mono);
        }
    }

    /// What holders were given by this peer after their grants had been revoked, before it learnt of that.
    pub fn served_after(&self) -> &[ServedAfter] {
        &self.receipts.after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_since_a_time_is_never_counted_too_low() {
        let (mut served, peer) = (Served::default(), PeerId([1; 32]));
        for minute in 0..300 {
            served.add(peer, 1, minutes(minute));
        }
        assert_eq!(served.0[&peer].len(), SERVED_SLOTS_MAX);
        assert_eq!(served.since(&peer, minutes(290)), 10);
        for minute in [0, 100, 200, 250, 299] {
            assert!(served.since(&peer, minutes(minute)) >= 300 - minute);
        }
        assert_eq!(served.since(&PeerId([2; 32]), minutes(0)), 0);
        for n in 0..=SERVED_PEERS_MAX {
            let bytes = *blake3_of(n);
            served.add(PeerId(bytes), 1, minutes(400));
        }
        assert_eq!(served.0.len(), SERVED_PEERS_MAX);
        assert_eq!(served.since(&peer, minutes(0)), 0, "it was served least recently");
    }

    fn minutes(count: u64) -> Duration {
        Duration::from_secs(60 * count)
    }

    fn blake3_of(n: usize) -> Box<[u8; 32]> {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&n.to_le_bytes());
        Box::new(bytes)
    }
}
