//! Links: from a connection to an admitted neighbour, and back.
//!
//! A link starts with the handshake of [`msec_identity::handshake`]. It is admitted when the other side has proven its
//! identity and shows a grant of this space that is valid now. Of two links between the same two peers, the one that the
//! smaller id dialled stays; of two that the same side dialled, the newer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use msec_gossip::overlay::{DialFailure, Input as OverlayInput, Lost, Source};
use msec_gossip::{INTEREST_PREFIXES_MAX, Input as GossipInput, Interest, Priority};
use msec_identity::handshake::{
    AwaitAnswer, AwaitClaim, AwaitSecond, ChannelBinding, Claim, Decide, Initiator, Introduction, Refusal,
    Responder, busy, wrong_version,
};
use msec_identity::pairing::{PAIRING, WALK_UP};
use msec_identity::{Authority, Grant, HandshakeError, NoiseKey, PeerId, Right, Rights, UnixMillis};
use rand_core::Rng;

use super::budget::Budget;
use super::control::control;
use super::receipts::{carries, with_receipts};
use super::{CloseReason, Event, LinkId, Neighbour, Node, Output, Refused, RefusedKind, greeting, hearsay};

/// How long a peer that has no room asks others to wait, in seconds. Chosen: a neighbour that goes is missed for so long.
const FULL_RETRY_S: u16 = 60;

/// All links.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// Those that are not admitted. Few, large and short-lived; the keys are dropped with them.
    handshakes: BTreeMap<LinkId, Box<Handshake>>,
    /// Those that are.
    links: BTreeMap<LinkId, Link>,
    by_peer: BTreeMap<PeerId, LinkId>,
    /// The key that the next handshake uses.
    pub(super) key: Option<NoiseKey>,
    /// When grants are looked at again.
    review: Option<Duration>,
}

#[derive(Debug)]
struct Handshake {
    binding: ChannelBinding,
    /// The address that was dialled; `None`: the other side dialled.
    dialled: Option<SocketAddr>,
    /// See [`super::Input::LinkUp`].
    expense: Duration,
    /// See [`super::Input::LinkUp`].
    own_link: bool,
    key: NoiseKey,
    deadline: Duration,
    step: Step,
}

/// The message that is waited for.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a handshake has a box of its own")]
enum Step {
    First,
    Second(AwaitSecond),
    Claim(AwaitClaim),
    Answer(AwaitAnswer),
}

#[derive(Debug)]
struct Link {
    /// Who is at the other end.
    peer: PeerId,
    /// Whether this side dialled.
    dialled: bool,
    /// Why it was dialled, if that is known.
    source: Option<Source>,
    /// When it was admitted.
    since: Duration,
    /// When the Noise key of the other side was endorsed.
    key_since: Option<UnixMillis>,
    /// Set while the peer is a neighbour: whether it is a leaf.
    leaf: Option<bool>,
    /// What the overlay measured.
    cost: Option<Duration>,
    /// Records of others that it may still have checked.
    checks: Budget,
    /// What the other side said it wants, and what of it gossip was told.
    wanted: Interest,
    told: Interest,
}

impl Links {
    /// When the next handshake has taken too long.
    pub(super) fn due(&self) -> Option<Duration> {
        self.handshakes.values().map(|it| it.deadline).min()
    }

    /// How many are admitted.
    pub(super) fn len(&self) -> usize {
        self.by_peer.len()
    }

    pub(super) fn review_due(&self) -> Option<Duration> {
        self.review
    }

    /// Those whose keys are over.
    pub(super) fn with_old_keys<'a>(&'a self, authority: &'a Authority) -> impl Iterator<Item = LinkId> + 'a {
        let is_old = |link: &Link| !authority.key_counts(&link.peer, link.key_since);
        self.links.iter().filter(move |(_, link)| is_old(link)).map(|(id, _)| *id)
    }

    pub(super) fn link_of(&self, peer: &PeerId) -> Option<LinkId> {
        self.by_peer.get(peer).copied()
    }

    /// Those of the admitted that are neighbours.
    pub(super) fn neighbours(&self) -> impl Iterator<Item = Neighbour> + '_ {
        self.by_peer.iter().filter_map(|(peer, id)| {
            let link = self.links.get(id)?;
            Some(Neighbour {
                peer: *peer,
                link: *id,
                dialled: link.dialled,
                source: link.source,
                since: link.since,
                leaf: link.leaf?,
                cost: link.cost,
            })
        })
    }

    fn of_peer(&mut self, peer: &PeerId) -> Option<&mut Link> {
        self.links.get_mut(self.by_peer.get(peer)?)
    }

    /// The peer is a neighbour from now on. Returns what of its interest gossip is told; `None`: its link is gone.
    pub(super) fn becomes_neighbour(&mut self, peer: &PeerId, leaf: bool) -> Option<Interest> {
        let link = self.of_peer(peer)?;
        link.leaf = Some(leaf);
        Some(link.told.clone())
    }

    /// The peer is no neighbour any more, whether or not its link lasts.
    pub(super) fn no_neighbour(&mut self, peer: &PeerId) {
        if let Some(link) = self.of_peer(peer) {
            link.leaf = None;
        }
    }

    pub(super) fn costs(&mut self, peer: &PeerId, cost: Duration) {
        if let Some(link) = self.of_peer(peer) {
            link.cost = Some(cost);
        }
    }

    /// Whether one more record that this peer passes on is checked; then it counts.
    pub(super) fn may_check(&mut self, peer: &PeerId, now: Duration) -> bool {
        self.of_peer(peer).is_some_and(|link| link.checks.take(now))
    }

    /// Who is at the other end of an admitted link.
    pub(super) fn peer_of(&self, link: LinkId) -> Option<PeerId> {
        self.links.get(&link).map(|link| link.peer)
    }

    /// Those who dialled and are not admitted. What this peer dials is bounded by its contacts.
    pub(super) fn strangers(&self) -> usize {
        self.handshakes.values().filter(|it| it.dialled.is_none()).count()
    }
}

impl Node {
    pub(super) fn link_up(
        &mut self,
        id: LinkId,
        binding: ChannelBinding,
        dialled: Option<SocketAddr>,
        expense: Duration,
        own_link: bool,
    ) {
        if dialled.is_none() && self.links.strangers() >= self.config.handshakes_max {
            return self.close(id, CloseReason::Crowded);
        }
        let key = self.noise_key();
        let deadline = self.now.mono + self.config.handshake_timeout;
        let mut it = Handshake { binding, dialled, expense, own_link, key, deadline, step: Step::First };
        if dialled.is_some() {
            match Initiator::start(&it.key, binding, &mut self.rng) {
                Ok((next, first)) => {
                    it.step = Step::Second(next);
                    self.send(id, Priority::Control, first);
                }
                Err(error) => return self.handshake_failed(id, &it, &error),
            }
        }
        self.links.handshakes.insert(id, Box::new(it));
    }

    pub(super) fn link_down(&mut self, id: LinkId, why: Lost) {
        let in_handshake = match why {
            // Who hangs up on a stranger has too many of them.
            Lost::Closed => DialFailure::Refused,
            Lost::TimedOut => DialFailure::TimedOut,
            Lost::Misbehaved => DialFailure::Denied,
        };
        self.forget(id, why, in_handshake);
    }

    pub(super) fn received(&mut self, id: LinkId, bytes: Vec<u8>) {
        if let Some(from) = self.links.peer_of(id) {
            return self.frame(from, bytes);
        }
        if self.pairings.contains(id) {
            return self.pairing_received(id, &bytes);
        }
        if self.walk_ups.contains(id) {
            return self.walk_up_received(id, &bytes);
        }
        // A link that was closed a moment ago may still have had something to say.
        let Some(mut it) = self.links.handshakes.remove(&id) else { return };
        if matches!(it.step, Step::First) && bytes.starts_with(&[PAIRING, WALK_UP]) {
            return self.walked_up(id, it.binding, it.own_link, &bytes);
        }
        if matches!(it.step, Step::First) && bytes.first() == Some(&PAIRING) {
            return self.knocked(id, it.binding, &bytes);
        }
        if matches!(it.step, Step::First) && self.is_full_beyond_doubt() {
            // A quarter more or less, so that those who are turned away do not all come back at once.
            let percent = 75 + self.rng.next_u32() % 51;
            let wait = u32::from(FULL_RETRY_S) * percent / 100;
            self.send(id, Priority::Control, busy(u16::try_from(wait).unwrap_or(FULL_RETRY_S)));
            return self.close(id, CloseReason::Refused(Refusal::Full));
        }
        let next = match std::mem::replace(&mut it.step, Step::First) {
            Step::First => Responder::respond(&bytes, &it.key, it.binding, &mut self.rng)
                .map(|(next, second)| (Step::Claim(next), second)),
            Step::Second(wait) => wait
                .read(&bytes, &it.key, &self.introduction())
                .map(|(next, third)| (Step::Answer(next), third)),
            Step::Claim(wait) => match wait.read(&bytes, self.wall()) {
                Ok((claim, decide)) => return self.decide(id, &it, claim, decide),
                Err(error) => Err(error),
            },
            Step::Answer(wait) => match wait.read(&bytes, self.wall()) {
                Ok(claim) => return self.answered(id, &it, claim),
                Err(error) => Err(error),
            },
        };
        match next {
            Ok((step, reply)) => {
                it.step = step;
                self.links.handshakes.insert(id, it);
                self.send(id, Priority::Control, reply);
            }
            Err(error) => self.handshake_failed(id, &it, &error),
        }
    }

    /// Whether the next who asks is turned away unheard. A neighbour may come back before its old link is known to be gone,
    /// so that one after the other is heard even when there is no room.
    fn is_full_beyond_doubt(&self) -> bool {
        self.links.len() >= self.config.links_max
            && self.links.handshakes.values().any(|it| matches!(it.step, Step::Claim(_)))
    }

    /// The responder knows who asks.
    fn decide(&mut self, id: LinkId, it: &Handshake, claim: Claim, decide: Decide) {
        let decision = self.judge(&claim).and_then(|()| self.make_room(claim.peer, claim.peer));
        let answer = match decision {
            Ok(()) => decide.admit(&it.key, &self.introduction()),
            Err(refusal) => decide.refuse(refusal),
        };
        if let Ok(answer) = answer {
            self.send(id, Priority::Control, answer);
        }
        match decision {
            Ok(()) => self.admit(id, it, &claim),
            Err(refusal) => {
                self.refused_claim(claim.peer, refusal);
                self.close(id, CloseReason::Refused(refusal));
            }
        }
    }

    /// The initiator was admitted, and judges in its turn.
    fn answered(&mut self, id: LinkId, it: &Handshake, claim: Claim) {
        let dial = it.dialled.and_then(|address| self.dialler.book.dialled(address));
        let expected = dial.and_then(|dial| dial.target.expected);
        if expected.is_some_and(|expected| expected != claim.peer) {
            self.refused(
                Some(claim.peer),
                RefusedKind::Handshake,
                "somebody else than expected answered".into(),
            );
            self.dial_was_in_vain(it.dialled, DialFailure::Denied);
            return self.close(id, CloseReason::WrongPeer);
        }
        let me = self.peer();
        match self.judge(&claim).and_then(|()| self.make_room(claim.peer, me)) {
            Ok(()) => self.admit(id, it, &claim),
            Err(refusal) => {
                self.refused_claim(claim.peer, refusal);
                self.dial_was_in_vain(it.dialled, dial_failure(refusal));
                self.close(id, CloseReason::Refused(refusal));
            }
        }
    }

    /// Whether a peer that says this may have a link.
    fn judge(&mut self, claim: &Claim) -> Result<(), Refusal> {
        if claim.peer == self.peer() {
            return Err(Refusal::Oneself);
        }
        if claim.space != self.authority.space() {
            return Err(Refusal::OtherSpace);
        }
        let change = self.authority.learn_visitor(&claim.peer, claim.records.iter().cloned());
        self.rights_changed(&change);
        if !self.authority.key_counts(&claim.peer, claim.since) {
            return Err(Refusal::OldKey);
        }
        if self.holds_valid_grant(&claim.peer) { Ok(()) } else { Err(Refusal::Stranger) }
    }

    fn holds_valid_grant(&self, peer: &PeerId) -> bool {
        let now = self.wall();
        self.authority.grants_of(peer).any(|grant| grant.is_valid(now))
    }

    /// Decides between a new link and one that stands, and counts. `initiator` dialled the new one.
    fn make_room(&mut self, peer: PeerId, initiator: PeerId) -> Result<(), Refusal> {
        if let Some(standing) = self.links.link_of(&peer) {
            let dialled = self.links.links.get(&standing).is_some_and(|link| link.dialled);
            let before = if dialled { self.peer() } else { peer };
            if before < initiator {
                return Err(Refusal::Duplicate);
            }
            self.disconnect(standing, CloseReason::Duplicate);
        }
        if self.links.by_peer.len() >= self.config.links_max { Err(Refusal::Full) } else { Ok(()) }
    }

    fn admit(&mut self, id: LinkId, it: &Handshake, claim: &Claim) {
        let peer = claim.peer;
        let contact = it.dialled.and_then(|address| self.dial_linked(address, peer));
        let source = contact.and_then(|contact| self.dialler.book.source(contact));
        let wanted = greeting::wanted(&claim.greeting);
        let told = self.told_to(&peer, &wanted);
        let link = Link {
            peer,
            dialled: it.dialled.is_some(),
            source,
            since: self.now.mono,
            key_since: claim.since,
            leaf: None,
            cost: None,
            checks: hearsay::checks(),
            wanted,
            told,
        };
        self.links.links.insert(id, link);
        self.links.by_peer.insert(peer, id);
        if self.links.review.is_none() {
            self.links.review = Some(self.now.mono + self.config.review_interval);
        }
        self.output(Output::Admitted { link: id });
        self.tell_overlay(OverlayInput::LinkUp { peer, contact, expense: it.expense });
    }

    fn introduction(&self) -> Introduction {
        let greeting = greeting::of(&self.wanted);
        Introduction { space: self.authority.space(), records: self.records_shown(), greeting }
    }

    fn handshake_failed(&mut self, id: LinkId, it: &Handshake, error: &HandshakeError) {
        let (reason, why) = match error {
            HandshakeError::Version { .. } => (CloseReason::Version, DialFailure::Denied),
            HandshakeError::Refused(refusal) => {
                (CloseReason::RefusedByPeer(*refusal), dial_failure(*refusal))
            }
            HandshakeError::Busy { .. } => (CloseReason::RefusedByPeer(Refusal::Full), DialFailure::Refused),
            HandshakeError::Endorsement => (CloseReason::Handshake, DialFailure::Refused),
            HandshakeError::Noise(_) | HandshakeError::Malformed => {
                (CloseReason::Handshake, DialFailure::Denied)
            }
        };
        if it.dialled.is_none() && reason == CloseReason::Version {
            self.send(id, Priority::Control, wrong_version());
        }
        // Two peers that dialled each other at once agree on one link: nothing to report.
        if reason != CloseReason::RefusedByPeer(Refusal::Duplicate) {
            self.refused(None, RefusedKind::Handshake, error.to_string());
        }
        if let (HandshakeError::Busy { retry_after_s }, Some(address)) = (error, it.dialled) {
            self.dial_not_before(address, Duration::from_secs((*retry_after_s).into()));
        }
        self.dial_was_in_vain(it.dialled, why);
        self.close(id, reason);
    }

    /// Closes the handshakes that have taken too long.
    pub(super) fn expire_handshakes(&mut self) {
        while let Some((&id, _)) = self.links.handshakes.iter().find(|(_, it)| it.deadline <= self.now.mono) {
            self.refused(None, RefusedKind::Handshake, "the handshake took too long".into());
            self.disconnect(id, CloseReason::TooSlow);
        }
    }

    /// Grants are looked at again as soon as this input is handled.
    pub(super) fn review_soon(&mut self) {
        if self.links.review.is_some() {
            self.links.review = Some(self.now.mono);
        }
    }

    /// Lets go of neighbours whose grants have expired or were revoked, and tells gossip of those who may hold less, or more, than before.
    pub(super) fn review_admissions(&mut self) {
        if self.links.review.is_none_or(|due| due > self.now.mono) {
            return;
        }
        let expired: Vec<_> =
            self.links.by_peer.iter().filter(|(peer, _)| !self.holds_valid_grant(peer)).collect();
        for link in expired.into_iter().map(|(_, link)| *link).collect::<Vec<_>>() {
            self.disconnect(link, CloseReason::Expired);
        }
        self.close_old_keys();
        let mut changed = Vec::new();
        let linked: Vec<_> = self.links.by_peer.iter().map(|(peer, id)| (*peer, *id)).collect();
        for (peer, id) in linked {
            let Some(wanted) = self.links.links.get(&id).map(|link| link.wanted.clone()) else { continue };
            let interest = self.told_to(&peer, &wanted);
            if let Some(link) = self.links.links.get_mut(&id)
                && interest != link.told
            {
                link.told = interest.clone();
                changed.push((peer, interest, link.leaf.unwrap_or(false)));
            }
        }
        self.forget_readers();
        for (peer, interest, leaf) in changed {
            if self.neighbours.contains(&peer) {
                self.tell_gossip_of(peer, interest, leaf);
            }
        }
        let again = self.now.mono + self.config.review_interval;
        self.links.review = (!self.links.by_peer.is_empty()).then_some(again);
    }

    pub(super) fn shed(&mut self, link: LinkId, priority: Priority, frame: Vec<u8>) {
        let Some(peer) = self.links.peer_of(link) else { return };
        if priority == Priority::Control {
            // Data waits for control entries: a neighbour that has no room even for them has to begin anew, later.
            self.disconnect(link, CloseReason::TooSlow);
        } else {
            self.tell_gossip(GossipInput::Shed { peer, frame });
        }
    }

    /// Closes a link and forgets it.
    pub(super) fn disconnect(&mut self, id: LinkId, reason: CloseReason) {
        let in_handshake = match reason {
            CloseReason::TooSlow => DialFailure::TimedOut,
            _ => DialFailure::Refused,
        };
        if self.forget(id, reason.lost(), in_handshake) {
            self.close(id, reason);
        }
    }

    /// A link is gone, and what follows from that: `why` of one that was admitted, `in_handshake` of one that was not.
    /// `false`: it was gone before.
    fn forget(&mut self, id: LinkId, why: Lost, in_handshake: DialFailure) -> bool {
        if let Some(it) = self.links.handshakes.remove(&id) {
            self.dial_was_in_vain(it.dialled, in_handshake);
            return true;
        }
        if self.pairing_gone(id) || self.walk_up_gone(id) {
            return true;
        }
        let Some(Link { peer, .. }) = self.links.links.remove(&id) else { return false };
        if self.links.link_of(&peer) == Some(id) {
            self.links.by_peer.remove(&peer);
            self.tell_overlay(OverlayInput::LinkDown { peer, why });
        }
        true
    }

    /// What was dialled is no link.
    fn dial_was_in_vain(&mut self, dialled: Option<SocketAddr>, why: DialFailure) {
        if let Some(address) = dialled {
            self.dial_failed(address, why);
        }
    }

    pub(super) fn send(&mut self, link: LinkId, priority: Priority, bytes: Vec<u8>) {
        self.output(Output::Send { link, priority, bytes });
    }

    pub(super) fn close(&mut self, link: LinkId, reason: CloseReason) {
        self.output(Output::Close { link, reason });
    }

    fn refused_claim(&mut self, peer: PeerId, refusal: Refusal) {
        let kind = match refusal {
            Refusal::Stranger | Refusal::OtherSpace => RefusedKind::Stranger,
            Refusal::Full => RefusedKind::OverBound,
            Refusal::Duplicate => return,
            Refusal::Oneself | Refusal::OldKey => RefusedKind::Handshake,
        };
        self.refused(Some(peer), kind, refusal.to_string());
    }

    pub(super) fn refused(&mut self, peer: Option<PeerId>, kind: RefusedKind, detail: String) {
        tracing::debug!(?peer, ?kind, detail, "refused");
        self.event(Event::Refused(Refused { peer, kind, detail }));
    }
}

/// What a refusal means for whoever decides when to ask again.
fn dial_failure(refusal: Refusal) -> DialFailure {
    match refusal {
        // Clocks are set and grants are given: it is asked again, ever more seldom.
        Refusal::Full | Refusal::Duplicate | Refusal::Stranger | Refusal::OldKey => DialFailure::Refused,
        Refusal::OtherSpace | Refusal::Oneself => DialFailure::Denied,
    }
}

/// Whether a grant lets its holder hold what others write.
pub(super) fn holds(rights: Rights) -> bool {
    rights.contains(Right::Read) || rights.contains(Right::Relay)
}

/// The collections that a peer may hold at that time: what it may read, what it may relay, and control entries. `None`: ever.
///
/// An interest has one box at most. So grants without a place come first: whoever holds any holds what these let it. Of those
/// with one, the box of the grant that lasts longest decides, and each grant with that box counts.
pub(super) fn holdable(authority: &Authority, peer: &PeerId, at: Option<UnixMillis>) -> Interest {
    let of_peer = || authority.grants_of(peer).filter(|grant| grant.is_valid(at) && holds(grant.rights));
    let place = |grant: &Grant| grant.caveats.as_ref().and_then(|limits| limits.place);
    let fence = match of_peer().any(|grant| place(grant).is_none()) {
        true => None,
        false => of_peer().max_by_key(|grant| (grant.not_after, grant.id())).and_then(|grant| place(grant)),
    };
    // More prefixes than an interest can name: then what it holds beyond them is not offered, and can be asked for.
    let paths = of_peer().filter(|grant| place(grant) == fence).map(|grant| grant.resource.as_str());
    let holdable = Interest::of(paths.take(INTEREST_PREFIXES_MAX)).unwrap_or_else(|_| Interest::none());
    let holdable = match fence {
        Some(it) => holdable.fenced((it.south_e7, it.west_e7), (it.north_e7, it.east_e7)),
        None => holdable,
    };
    let holdable = holdable.with(&control());
    let carrying = |grant: &&msec_identity::Verified<Grant>| grant.is_valid(at) && carries(grant.rights);
    let confirms = authority.grants_of(peer).any(|grant| carrying(&grant));
    if confirms { with_receipts(holdable) } else { holdable }
}
