//! Which issuers were heard from, and how fresh that makes what this peer knows.

use std::collections::BTreeMap;
use std::time::Duration;

use msec_identity::{Cuts, PeerId};

/// Issuers whose beats are remembered. For a further one that whose word is the oldest is forgotten.
pub(super) const ISSUERS_MAX: usize = 16;

/// What issuers said last.
#[derive(Debug, Default)]
pub(super) struct Fresh(BTreeMap<PeerId, Heard>);

/// Of one issuer. Times are those when the nonces were drawn.
#[derive(Debug, Default)]
struct Heard {
    /// All that it had said by then is held.
    since: Option<Duration>,
    /// A later word of it, and how far its control logs went then: something of them lacks yet. One is enough, the
    /// latest: whoever holds that holds what was said before.
    lacking: Option<(Duration, Cuts)>,
}

impl Fresh {
    /// A beat counts, for which the nonce was drawn then.
    pub(super) fn heard(&mut self, issuer: PeerId, drawn: Duration, logs: Cuts) {
        if !self.0.contains_key(&issuer) && self.0.len() >= ISSUERS_MAX {
            let last = |heard: &Heard| heard.since.max(heard.lacking.as_ref().map(|(drawn, _)| *drawn));
            let oldest =
                self.0.iter().min_by_key(|(peer, heard)| (last(heard), **peer)).map(|(peer, _)| *peer);
            oldest.map(|peer| self.0.remove(&peer));
        }
        let heard = self.0.entry(issuer).or_default();
        let is_news = heard.since.is_none_or(|since| drawn > since)
            && heard.lacking.as_ref().is_none_or(|(known, _)| drawn > *known);
        if is_news {
            heard.lacking = Some((drawn, logs));
        }
    }

    /// Looks what is held by now of what lacked. Says whether something is fresher for it.
    pub(super) fn settle(&mut self, is_held: impl Fn(&Cuts) -> bool) -> bool {
        let mut is_fresher = false;
        for heard in self.0.values_mut() {
            if let Some((drawn, _)) = heard.lacking.take_if(|(_, logs)| is_held(logs)) {
                heard.since = heard.since.max(Some(drawn));
                is_fresher = true;
            }
        }
        is_fresher
    }

    /// Whether something lacks of what an issuer had said.
    pub(super) fn is_lacking(&self) -> bool {
        self.0.values().any(|heard| heard.lacking.is_some())
    }

    /// The last word of those issuers of whom all is held, and whose it is.
    pub(super) fn since(&self, stands: impl Fn(&PeerId) -> bool) -> Option<(Duration, PeerId)> {
        let known = self.0.iter().filter_map(|(issuer, heard)| Some((heard.since?, *issuer)));
        known.filter(|(_, issuer)| stands(issuer)).max()
    }
}

#[cfg(test)]
mod tests {
    use msec_identity::{Cut, LogId};

    use super::*;

    const A: PeerId = PeerId([1; 32]);
    const B: PeerId = PeerId([2; 32]);

    fn at(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    fn logs(size: u64) -> Cuts {
        Cuts::new([Cut { log: LogId([9; 32]), size, root: [size as u8; 32] }]).expect("a cut")
    }

    /// So many entries are held.
    fn held(size: u64) -> impl Fn(&Cuts) -> bool {
        move |cuts| cuts.as_slice().iter().all(|cut| cut.size <= size)
    }

    #[test]
    fn a_word_counts_once_all_is_held_that_had_been_said_by_then() {
        let mut fresh = Fresh::default();
        fresh.heard(A, at(10), logs(3));
        assert!(!fresh.settle(held(2)) && fresh.is_lacking());
        assert_eq!(fresh.since(|_| true), None);
        assert!(fresh.settle(held(3)) && !fresh.is_lacking());
        assert_eq!(fresh.since(|_| true), Some((at(10), A)));
        assert_eq!(fresh.since(|issuer| *issuer == B), None, "nobody else said so");
    }

    #[test]
    fn an_older_word_makes_nothing_fresher_and_what_lacks_takes_nothing_back() {
        let mut fresh = Fresh::default();
        fresh.heard(A, at(10), logs(0));
        fresh.settle(held(0));
        fresh.heard(A, at(9), logs(0));
        assert!(!fresh.settle(held(0)));
        fresh.heard(A, at(20), logs(5));
        assert_eq!((fresh.settle(held(4)), fresh.since(|_| true)), (false, Some((at(10), A))));
        fresh.heard(B, at(15), logs(0));
        fresh.settle(held(4));
        assert_eq!(fresh.since(|_| true), Some((at(15), B)));
    }

    #[test]
    fn few_issuers_are_remembered_those_who_spoke_last() {
        let mut fresh = Fresh::default();
        for n in 0..=ISSUERS_MAX {
            fresh.heard(PeerId([n as u8; 32]), at(n as u64), logs(0));
        }
        fresh.settle(held(0));
        assert_eq!(fresh.0.len(), ISSUERS_MAX);
        assert_eq!(fresh.since(|issuer| *issuer == PeerId([0; 32])), None);
    }
}
