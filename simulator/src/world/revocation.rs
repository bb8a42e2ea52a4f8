//! Who issues what in a world: grants of managers, revocations, restorations.
//!
//! An issuer's app asks its node to publish, and asks again, with the same record, as long as that is down, fails or has no
//! room. When that is said and how it spreads is written down in [`Revocations`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use msec_crdt_store::{CompactRange, Run};
use msec_identity::{
    CollectionPath, ControlRecord, ControlStream, Cut, Cuts, Grant, LogId, PeerId, Record, Restoration,
    Revocation, Verified,
};
use msec_peer::node::{Content, Input, PublishError, Receipt, StreamSpec, Ticket};

use super::World;
use crate::happening::Happening;
use crate::hostile::Behaviour;
use crate::peer::{PeerIndex, PeerSpec};
use crate::revocation::{CutAt, Eyes, Granted, Issuer, Restored, Revocations, RevokeError, Revoked};
use crate::space::Space;

/// Tickets from here on are of control entries; those below count what apps measured.
const TICKETS: u64 = 1 << 62;

/// How long an app waits before it asks its node again.
pub(super) const AGAIN: Duration = Duration::from_secs(1);

/// By how much the clock of a holder that backdates is put back, in seconds, when its grant is revoked.
const BACKDATED_S: i64 = -3_600;

/// How much is read at once to find the root of a log at an earlier size.
const READ_BYTES: usize = 256 * 1024;

/// What issuers of a world have to say.
#[derive(Debug, Default)]
pub(super) struct Office {
    /// On which peer the root's key lies.
    root: Option<PeerIndex>,
    pub(super) orders: Vec<Order>,
    by_id: BTreeMap<PeerId, PeerIndex>,
    /// Since when each peer is up, by index.
    pub(super) up_since: Vec<Duration>,
}

/// Something that an issuer's app wants to be published.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) by: PeerIndex,
    under: ControlStream,
    what: What,
    /// Signed once, so that it is the same whenever it is said again.
    record: Option<ControlRecord>,
    pub(super) is_waiting: bool,
}

#[derive(Debug, Clone)]
enum What {
    /// That somebody was let in.
    Entry(PeerId),
    /// That a grant is over.
    Revocation(usize),
    /// That more of its logs counts.
    Restoration(usize, usize),
    /// What a collection holds.
    Class(usize),
    /// That something is to be erased.
    Erasure(usize),
}

/// What can be done, and asked.
impl World {
    /// Lets the root's key lie on that peer, which is to be added. Before any peer is.
    #[must_use]
    pub fn rooted_at(mut self, peer: PeerIndex) -> Self {
        self.space = Space::rooted_in(self.seed, crate::peer::identity(self.seed, peer));
        self.office.root = Some(peer);
        if let Some(witness) = &mut self.witness {
            witness.issues(crate::peer::identity(self.seed, peer).peer());
        }
        self
    }

    /// Revokes the grant of a peer. Returns which revocation that is. An issuer that is down says it when it is up.
    pub fn revoke(&mut self, holder: PeerIndex, by: PeerIndex, cut: CutAt) -> Result<usize, RevokeError> {
        let id = self.id(holder).ok_or(RevokeError::NoGrant { holder })?;
        let granted = self.revocations.granted.get(&id).ok_or(RevokeError::NoGrant { holder })?;
        let grant = granted.grant;
        let under = self.stands_above(by, granted).ok_or(RevokeError::NotAbove { by, holder })?;
        let which = self.revocations.all.len();
        self.revocations.all.push(Revoked::new(holder, id, by, cut, grant));
        self.order(by, under, What::Revocation(which));
        if let Some(Behaviour::Backdates) = self.peers[holder.0].spec().behaviour {
            let _ = self.jump_clock(holder, BACKDATED_S);
        }
        Ok(which)
    }

    /// Lets the issuer of the last revocation of a peer restore what it holds now of logs that the revocation did not name.
    pub fn restore_rights(&mut self, holder: PeerIndex) -> Result<(), RevokeError> {
        let of_holder = |it: &Revoked| it.holder == holder;
        let which =
            self.revocations.all.iter().rposition(of_holder).ok_or(RevokeError::NotRevoked { holder })?;
        let by = self.revocations.all[which].by;
        let granted = &self.revocations.granted[&self.revocations.all[which].holder_id];
        let under = self.stands_above(by, granted).ok_or(RevokeError::NotAbove { by, holder })?;
        let restorations = &mut self.revocations.all[which].restorations;
        restorations.push(Restored::default());
        let nth = restorations.len() - 1;
        self.order(by, under, What::Restoration(which, nth));
        Ok(())
    }

    /// All that was revoked.
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// Who issues what nobody else is said to: whoever granted a peer what it has, or the root's peer.
    pub fn issuer_for(&self, holder: PeerIndex) -> Option<PeerIndex> {
        let granted = self.revocations.granted.get(&self.id(holder)?)?;
        let manager = granted.under.and_then(|it| self.office.by_id.get(&it).copied());
        manager.or(self.office.root)
    }

    /// Where a log ends, by all that was issued. `None`: all of it counts.
    pub(crate) fn counts_to(&self, log: &LogId) -> Option<Cut> {
        if self.revocations.is_idle() {
            return None;
        }
        self.revocations.cut(&self.ledger.log(log)?.author, log, Eyes::All)
    }

    /// Where it ends, by what a peer knows.
    pub(crate) fn counts_to_by(&self, peer: PeerIndex, log: &LogId) -> Option<Cut> {
        if self.revocations.is_idle() {
            return None;
        }
        let eyes = Eyes::Of(peer, self.node(peer)?);
        self.revocations.cut(&self.ledger.log(log)?.author, log, eyes)
    }

    /// Whether the rights of a peer are over, by all that was issued.
    pub(crate) fn is_over(&self, peer: PeerIndex) -> bool {
        !self.revocations.is_idle() && self.id(peer).is_some_and(|id| self.revocations.is_over(&id))
    }

    /// Whether a peer's disk is to be told up to where a log counts, and has not been.
    pub(crate) fn is_bounding(&self, peer: PeerIndex) -> bool {
        self.peers.get(peer.0).is_some_and(|it| it.disk.is_bounding())
    }

    /// Whether a peer does nothing that changes what it shows, beside what comes to it.
    pub(crate) fn is_settled(&self, peer: PeerIndex) -> bool {
        !self.is_bounding(peer) && self.node(peer).is_some_and(msec_peer::node::Node::is_settled)
    }

    /// Which peer has that identity.
    pub(crate) fn peer_of(&self, id: &PeerId) -> Option<PeerIndex> {
        self.office.by_id.get(id).copied()
    }

    /// As whom a peer may say something of that grant.
    pub(super) fn stands_above(&self, by: PeerIndex, granted: &Granted) -> Option<ControlStream> {
        if self.office.root == Some(by) {
            return Some(ControlStream::Root);
        }
        let me = self.id(by)?;
        if granted.under != Some(me) {
            return None;
        }
        self.revocations.granted.get(&me).map(|mine| ControlStream::Under(mine.grant))
    }
}

/// What is issued.
impl World {
    /// What a peer that is added has to show. The root grants it, or a manager, which then says so in its control log.
    pub(super) fn papers_of(
        &self,
        holder: PeerId,
        spec: &PeerSpec,
    ) -> Result<Vec<Verified<Grant>>, msec_identity::PathError> {
        if let Some(Behaviour::Fork { of, .. }) = &spec.behaviour
            && let Some(first) = self.peers.get(of.0)
        {
            // What is on a card is copied with it.
            return Ok(first.papers().to_vec());
        }
        let Some((on, rights)) = &spec.grant else { return Ok(Vec::new()) };
        if spec.issuer == Some(Issuer::Manager) {
            return Ok(vec![self.space.manager(holder)]);
        }
        let Some(manager) = spec.granted_by else { return Ok(vec![self.space.grant(holder, on, *rights)?]) };
        let manager = crate::peer::identity(self.seed, manager);
        Ok(self.space.grant_below(&manager, holder, on, *rights)?.into())
    }

    /// A peer was added, with these papers: its own grant is the last of them.
    pub(super) fn was_granted(&mut self, peer: PeerIndex, papers: &[Verified<Grant>]) {
        let id = self.peers[peer.0].id();
        self.office.by_id.entry(id).or_insert(peer);
        let Some(own) = papers.last() else { return };
        if let (Some(witness), Some(Issuer::Manager)) = (&mut self.witness, self.peers[peer.0].spec().issuer)
        {
            witness.issues(id);
        }
        let under = papers.len().checked_sub(2).and_then(|above| papers[above].holder.peer());
        let granted = Granted { grant: own.id(), under, entered: Vec::new() };
        self.revocations.granted.entry(id).or_insert(granted);
        let (Some(manager), true) =
            (self.peers[peer.0].spec().granted_by, self.peers[peer.0].spec().is_entered)
        else {
            return;
        };
        if let Some(above) = own.parent {
            self.order(manager, ControlStream::Under(above), What::Entry(id));
            let record = Some(own.clone().into());
            if let Some(order) = self.office.orders.last_mut() {
                order.record = record;
            }
        }
    }

    fn order(&mut self, by: PeerIndex, under: ControlStream, what: What) {
        let which = self.office.orders.len();
        self.office.orders.push(Order { by, under, what, record: None, is_waiting: false });
        // Not at once: what is done to a world at one time is done before anybody acts on it.
        self.queue.push(self.time, Happening::Issue(which));
    }

    /// On which peer the root's key lies.
    pub(super) fn root_peer(&self) -> Option<PeerIndex> {
        self.office.root
    }

    /// Lets an issuer say that, at some time.
    pub(super) fn order_class(
        &mut self,
        by: PeerIndex,
        under: ControlStream,
        which: usize,
        record: ControlRecord,
        at: Duration,
    ) {
        let order = self.office.orders.len();
        let record = Some(record);
        self.office.orders.push(Order { by, under, what: What::Class(which), record, is_waiting: false });
        self.queue.push(self.time.max(at), Happening::Issue(order));
    }

    pub(super) fn order_erasure(&mut self, by: PeerIndex, under: ControlStream, which: usize) {
        self.order(by, under, What::Erasure(which));
    }

    /// An issuer's app asks its node to publish.
    pub(super) fn issue(&mut self, which: usize) {
        let Some(Order { by, under, what, record, .. }) = self.office.orders.get(which) else { return };
        let (by, under, what) = (*by, *under, what.clone());
        if !self.is_up(by) {
            self.queue.push(self.time + AGAIN, Happening::Issue(which));
            return;
        }
        let Some(record) = record.clone().or_else(|| self.record(by, &what)) else { return };
        self.signed(&what, &record);
        self.office.orders[which].record = Some(record.clone());
        self.office.orders[which].is_waiting = true;
        if let What::Revocation(nth) = what
            && self.revocations.all[nth].issued.is_none()
        {
            let reachable = self.reachable(by);
            self.revocations.all[nth].issue(self.time, reachable);
        }
        let stream = StreamSpec::new(CollectionPath::control().as_str(), &under.to_string());
        let stream = stream.expect("the collection of control logs is a path");
        let ticket = Ticket(TICKETS + which as u64);
        self.tell(by, Input::Publish { ticket, stream, content: Content::Control(Box::new(record)) });
    }

    /// Its node answers. `false`: it is something else that was asked.
    pub(super) fn issued(&mut self, ticket: Ticket, result: &Result<Receipt, PublishError>) -> bool {
        let Some(which) = ticket.0.checked_sub(TICKETS).map(|which| which as usize) else { return false };
        let Some(order) = self.office.orders.get_mut(which) else { return true };
        order.is_waiting = false;
        match (result, order.what.clone()) {
            (Ok(place), What::Entry(holder)) => {
                if let Some(granted) = self.revocations.granted.get_mut(&holder) {
                    granted.entered.push(*place);
                }
            }
            (Ok(place), What::Class(which)) => self.leases.said[which].place = Some(*place),
            (Ok(place), What::Revocation(nth)) => self.revocations.all[nth].place = Some(*place),
            (Ok(place), What::Erasure(nth)) => self.erasures.0[nth].place = Some(*place),
            (Ok(place), What::Restoration(nth, restored)) => {
                self.revocations.all[nth].restorations[restored].place = Some(*place);
            }
            (Err(PublishError::Busy | PublishError::StorageFailing), _) => {
                self.queue.push(self.time + AGAIN, Happening::Issue(which));
                return true;
            }
            // An issuer whose own rights are over has nothing to say any more.
            (Err(_), _) => return true,
        }
        if !self.erasures.is_idle() {
            self.faults_until = self.time;
        }
        if !self.revocations.is_idle() {
            self.revocations.changed();
            self.deliveries.peers_changed();
            self.faults_until = self.time;
        }
        true
    }

    fn record(&self, by: PeerIndex, what: &What) -> Option<ControlRecord> {
        let identity = self.peers[by.0].identity();
        let (space, issuer, at) = (self.space.id(), identity.peer(), self.wall_of(by));
        match what {
            What::Entry(_) | What::Class(_) => None,
            What::Erasure(nth) => self.erasure_record(*nth),
            What::Revocation(nth) => {
                let Revoked { grant, cut, holder_id, .. } = self.revocations.all[*nth];
                let cuts = self.cuts(by, &holder_id, cut);
                let reason = "simulated".parse().expect("a short reason");
                let record = identity.sign(Revocation { space, issuer, grant, cuts, at, reason });
                Some(record.into())
            }
            What::Restoration(nth, _) => {
                let Revoked { hash, holder_id, .. } = self.revocations.all[*nth];
                let cuts = self.cuts(by, &holder_id, CutAt::Now);
                Some(identity.sign(Restoration { space, issuer, revocation: hash, cuts, at }).into())
            }
        }
    }

    /// What an issuer names of the logs of somebody.
    fn cuts(&self, by: PeerIndex, holder: &PeerId, cut: CutAt) -> Cuts {
        let of_holder = |log: &LogId| self.ledger.log(log).is_some_and(|known| known.author == *holder);
        let held = self.frontier(by).into_iter().filter(|(log, ..)| of_holder(log));
        let named = held.filter_map(|(log, size, root)| match cut {
            CutAt::None => None,
            CutAt::Now => Some(Cut { log, size, root }),
            CutAt::Stale => Some(self.earlier(by, log, size.div_ceil(2)).unwrap_or(Cut { log, size, root })),
        });
        let named: Vec<_> = named.take(msec_identity::REVOCATION_CUTS_MAX).collect();
        Cuts::new(named).expect("different logs, and not too many")
    }

    /// What a log was at an earlier size, as an issuer finds it on its disk.
    fn earlier(&self, by: PeerIndex, log: LogId, size: u64) -> Option<Cut> {
        let (mut tree, mut read) = (CompactRange::empty(0), 0);
        while read < size {
            let chunk = self.peers[by.0].disk.read(&log, read, READ_BYTES)?;
            let run = Run::from_bytes(&chunk.bytes).ok()?.up_to(size)?;
            run.entries.iter().for_each(|entry| tree.push(entry.leaf()));
            read += run.entries.len() as u64;
        }
        Some(Cut { log, size, root: tree.root() })
    }

    /// Who is linked with a peer now, over whomever relays, but for those whose rights are over, or about to be.
    fn reachable(&self, from: PeerIndex) -> BTreeSet<PeerIndex> {
        let revoked: BTreeSet<_> = self.revocations.iter().map(|it| it.holder).collect();
        let (mut found, mut next) = (BTreeSet::from([from]), VecDeque::from([from]));
        while let Some(node) = next.pop_front().and_then(|peer| self.node(peer)) {
            if node.role() == msec_peer::node::Role::Leaf && node.peer() != self.peers[from.0].id() {
                continue;
            }
            let linked = node.neighbours().filter_map(|it| self.peer_of(&it.peer));
            let there = |it: &PeerIndex| {
                !revoked.contains(it) && self.is_up(*it) && self.is_honest(*it) && !self.is_over(*it)
            };
            for peer in linked.filter(there) {
                if found.insert(peer) {
                    next.push_back(peer);
                }
            }
        }
        found
    }

    /// What was signed of a revocation is known from here on.
    fn signed(&mut self, what: &What, record: &ControlRecord) {
        let named =
            |cuts: &Cuts| cuts.as_slice().iter().map(|cut| (cut.log, *cut)).collect::<BTreeMap<_, _>>();
        match (what, record) {
            (What::Revocation(nth), ControlRecord::Revocation(it)) => {
                let revoked = &mut self.revocations.all[*nth];
                (revoked.hash, revoked.cuts) = (it.claims().hash(), named(&it.claims().cuts));
            }
            (What::Restoration(nth, restored), ControlRecord::Restoration(it)) => {
                self.revocations.all[*nth].restorations[*restored].cuts = named(&it.claims().cuts);
            }
            (What::Erasure(nth), record) => self.signed_erasure(*nth, record),
            _ => {}
        }
    }
}

#[cfg(test)]
impl World {
    /// What was revoked and who knows it; for tests of checkers, which plant what no node does.
    pub(crate) fn revocations_mut(&mut self) -> &mut Revocations {
        &mut self.revocations
    }

    /// Lets a peer's store show all of a log again, behind its node's back; likewise.
    pub(crate) fn show_all(&mut self, peer: PeerIndex, log: LogId) {
        self.ask_disk(peer, crate::disk::Job::Bound { log, bound: None });
    }
}
