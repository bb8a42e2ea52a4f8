//! Whom to ask: how far each neighbour says that an issuer is.
//!
//! A distance vector with one destination, "an issuer", as in RIP (RFC 2453): each says the distance of its own way, one more than what the
//! neighbour on that way says, [`HOPS_MAX`] is nowhere, and to the neighbour on its way a peer says nowhere (poisoned
//! reverse). What is said is believed, since it costs nothing but time: who says that an issuer is near and answers nothing
//! gets demerits, and is asked when all others have as many.
//!
//! Transitions, for one neighbour:
//!
//! ```text
//! up                            --> nothing is said to it yet, which is as if nowhere had been
//! what we would say is another  --> said, at most once in NEAR_PAUSE
//! asked, no answer in time      --> one demerit more
//! asked, a beat that counts     --> no demerits
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use msec_identity::PeerId;

use super::message::HOPS_MAX;
use crate::node::budget::Budget;

/// How long nothing else is said of our distance to a neighbour. What changes meanwhile is said afterwards, once: it takes sixteen
/// of these to find out that there is no issuer any more.
pub(super) const NEAR_PAUSE: Duration = Duration::from_secs(1);

/// Messages of one neighbour that are read at once. Further ones are passed over until [`READ_PAUSE`] allows one more.
pub(super) const READ_MAX: u32 = 32;
/// See [`READ_MAX`]. A relay asks twice a second and answers as often.
pub(super) const READ_PAUSE: Duration = Duration::from_millis(125);

/// Neighbours, as many as the node has.
#[derive(Debug, Default)]
pub(super) struct Ways(BTreeMap<PeerId, Way>);

#[derive(Debug)]
struct Way {
    is_leaf: bool,
    /// How far it says that an issuer is.
    hops: u8,
    demerits: u32,
    /// What we said, and when.
    said: u8,
    said_at: Option<Duration>,
    reads: Budget,
}

impl Ways {
    /// A neighbour begins anew.
    pub(super) fn up(&mut self, peer: PeerId, is_leaf: bool) {
        let reads = Budget::new(READ_MAX, READ_PAUSE);
        let way = Way { is_leaf, hops: HOPS_MAX, demerits: 0, said: HOPS_MAX, said_at: None, reads };
        self.0.insert(peer, way);
    }

    pub(super) fn down(&mut self, peer: &PeerId) {
        self.0.remove(peer);
    }

    /// Whether one more message of it is read.
    pub(super) fn may_read(&mut self, peer: &PeerId, now: Duration) -> bool {
        self.0.get_mut(peer).is_some_and(|way| way.reads.take(now))
    }

    /// It says how far an issuer is. A leaf relays nothing, and may be one itself.
    pub(super) fn heard(&mut self, peer: &PeerId, hops: u8) {
        if let Some(way) = self.0.get_mut(peer) {
            way.hops = if way.is_leaf && hops > 0 { HOPS_MAX } else { hops };
        }
    }

    /// It was asked, and did not answer, or with what does not count.
    pub(super) fn blame(&mut self, peer: &PeerId) {
        if let Some(way) = self.0.get_mut(peer) {
            way.demerits = way.demerits.saturating_add(1);
        }
    }

    /// It gave a beat that counts.
    pub(super) fn forgive(&mut self, peer: &PeerId) {
        if let Some(way) = self.0.get_mut(peer) {
            way.demerits = 0;
        }
    }

    /// Whom to ask, and how far an issuer is over it.
    pub(super) fn best(&self) -> Option<(PeerId, u8)> {
        let near = self.0.iter().filter(|(_, way)| way.hops < HOPS_MAX);
        let (peer, way) = near.min_by_key(|(peer, way)| (way.demerits, way.hops, **peer))?;
        Some((*peer, (way.hops + 1).min(HOPS_MAX)))
    }

    /// What is to be said now, and to whom. `issues`: an issuer is here.
    pub(super) fn say(&mut self, now: Duration, issues: bool) -> Vec<(PeerId, u8)> {
        let best = self.best();
        let mut said = Vec::new();
        for (peer, way) in &mut self.0 {
            let hops = distance(peer, best, issues);
            if hops != way.said && way.said_at.is_none_or(|at| at + NEAR_PAUSE <= now) {
                (way.said, way.said_at) = (hops, Some(now));
                said.push((*peer, hops));
            }
        }
        said
    }

    /// When something is to be said next.
    pub(super) fn due(&self, issues: bool) -> Option<Duration> {
        let best = self.best();
        let late = self.0.iter().filter(|(peer, way)| distance(peer, best, issues) != way.said);
        late.map(|(_, way)| way.said_at.map_or(Duration::ZERO, |at| at + NEAR_PAUSE)).min()
    }
}

/// How far an issuer is, as `peer` is told.
fn distance(peer: &PeerId, best: Option<(PeerId, u8)>, issues: bool) -> u8 {
    match best {
        _ if issues => 0,
        Some((way, hops)) if way != *peer => hops,
        _ => HOPS_MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: PeerId = PeerId([1; 32]);
    const B: PeerId = PeerId([2; 32]);
    const C: PeerId = PeerId([3; 32]);

    fn at(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    fn three() -> Ways {
        let mut ways = Ways::default();
        ways.up(A, false);
        ways.up(B, false);
        ways.up(C, true);
        ways
    }

    #[test]
    fn the_nearest_is_asked_and_others_are_told_one_more() {
        let mut ways = three();
        assert_eq!((ways.best(), ways.say(at(0), false)), (None, vec![]), "nothing is nowhere");
        ways.heard(&A, 3);
        ways.heard(&B, 1);
        ways.heard(&C, 1);
        assert_eq!(ways.best(), Some((B, 2)), "a leaf relays nothing");
        assert_eq!(ways.say(at(0), false), [(A, 2), (C, 2)], "and whoever is the way is told nothing");
        assert_eq!((ways.say(at(9), false), ways.due(false)), (vec![], None));
        assert_eq!(ways.say(at(9), true), [(A, 0), (B, 0), (C, 0)]);
    }

    #[test]
    fn a_leaf_may_be_an_issuer_itself() {
        let mut ways = three();
        ways.heard(&A, 1);
        ways.heard(&C, 0);
        assert_eq!(ways.best(), Some((C, 1)));
    }

    #[test]
    fn what_changes_is_said_once_a_second() {
        let mut ways = three();
        ways.heard(&A, 0);
        ways.say(at(5), false);
        ways.heard(&A, HOPS_MAX);
        assert_eq!((ways.say(at(5), false), ways.due(false)), (vec![], Some(at(6))));
        ways.heard(&A, 4);
        assert_eq!(ways.say(at(6), false), [(B, 5), (C, 5)]);
    }

    #[test]
    fn who_does_not_answer_is_asked_last_until_it_does() {
        let mut ways = three();
        ways.heard(&A, 0);
        ways.heard(&B, 9);
        ways.blame(&A);
        assert_eq!(ways.best(), Some((B, 10)));
        ways.blame(&B);
        assert_eq!(ways.best(), Some((A, 1)));
        ways.blame(&A);
        ways.forgive(&A);
        assert_eq!(ways.best(), Some((A, 1)));
        ways.down(&A);
        assert_eq!(ways.best(), Some((B, 10)));
    }

    #[test]
    fn two_that_lost_their_issuer_count_up_to_nowhere() {
        // Each believes that the other still has a way.
        let (mut one, mut other) = (three(), three());
        one.heard(&A, 1);
        other.heard(&A, 2);
        let mut rounds = 0;
        while one.best().is_some() || other.best().is_some() {
            let [to_one, to_other] = [&mut other, &mut one].map(|ways| distance(&B, ways.best(), false));
            one.heard(&A, to_one);
            other.heard(&A, to_other);
            rounds += 1;
            assert!(rounds <= 16, "they go on for ever");
        }
    }
}
