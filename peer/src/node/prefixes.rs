//! Logs whose beginning those who hold them have let go.
//!
//! Whoever is asked for entries that it let go answers with what stands for them: the peaks of the log's tree there (RFC 9162), under
//! a head that the log's author signed. So nothing unverified is taken; but that nobody has those entries any more is only the word of
//! whoever says so. Transitions, for one log of which less is held:
//!
//! ```text
//! unknown -- a prefix                                         --> noted; others are asked
//! noted   -- a run that continues what is held                --> unknown: somebody has the beginning
//!         -- a prefix of another neighbour                    --> adopted, if none before began earlier
//!         -- the same one's again, long after the first       --> adopted, too: there is nobody else
//!         -- one with other peaks at the same place           --> contradicted: its author signed two histories
//! any     -- one with another root where the held head ends   --> contested (see `forks`)
//! adopted -- a run behind it                                  --> unknown; both are held, and go to the disk together
//!         -- none for a while                                 --> unknown
//! contradicted -- an hour                                     --> unknown
//! ```
//!
//! What is held before an adopted prefix goes with that: a log has no gap but at its beginning. The store keeps the head of it as
//! possible evidence: where it ends inside of a subtree of the prefix, nobody here can compare it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use msec_crdt_store::{LogState, Prefix, RunError, TreeHash, VerifiedPrefix};
use msec_gossip::{Input as GossipInput, Key};
use msec_identity::{LogId, PeerId};

use super::Node;
use super::logs::{key_of, topic_of};

/// Logs of which it is remembered who said that their beginning is gone, some 130 bytes each. Of more nothing is remembered, so that they
/// are begun once there is room.
pub const NOTED_MAX: usize = 16_384;
/// For how long, at most.
const NOTED_FOR: Duration = Duration::from_secs(3600);
/// Prefixes that wait for a run behind them; each may take 64 KiB with the log's header. Further ones are asked for again.
pub const ADOPTED_MAX: usize = 256;
/// For how long.
const ADOPTED_FOR: Duration = Duration::from_secs(60);
/// After so long one neighbour's word is enough for a log of which nothing is held. Chosen: it is asked three or four times by then, and so
/// is everybody else who said to hold the log.
const ALONE_AFTER: Duration = Duration::from_secs(10);
/// And for one of which some is held, and would go.
const ALONE_BEHIND_AFTER: Duration = Duration::from_secs(600);

/// What was said of beginnings that are gone.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    noted: BTreeMap<LogId, Noted>,
    adopted: BTreeMap<LogId, Adopted>,
}

#[derive(Debug)]
struct Noted {
    since: Duration,
    /// Who said so first.
    by: PeerId,
    /// Whether somebody else did, too.
    others: bool,
    /// The earliest place up to which it is gone, as somebody said, and the root there.
    end: u64,
    root: TreeHash,
    /// Whether there were two roots.
    contradicted: bool,
}

#[derive(Debug)]
struct Adopted {
    since: Duration,
    prefix: Arc<VerifiedPrefix>,
}

impl Prefixes {
    /// How much is noted and adopted.
    pub(super) fn sizes(&self) -> [usize; 2] {
        [self.noted.len(), self.adopted.len()]
    }

    /// Notes what `from` says, and whether it is to be believed.
    fn note(&mut self, from: PeerId, said: &LogState, alone_after: Duration, now: Duration) -> bool {
        let (log, end, root) = (said.log(), said.size(), said.root());
        if self.noted.len() >= NOTED_MAX && !self.noted.contains_key(&log) {
            self.noted.retain(|_, it| now.saturating_sub(it.since) < NOTED_FOR);
            if self.noted.len() >= NOTED_MAX {
                return false;
            }
        }
        let new = || Noted { since: now, by: from, others: false, end, root, contradicted: false };
        let noted = self.noted.entry(log).or_insert_with(new);
        if now.saturating_sub(noted.since) >= NOTED_FOR {
            *noted = new();
        }
        noted.others |= noted.by != from;
        noted.contradicted |= noted.end == end && noted.root != root;
        if end < noted.end {
            (noted.end, noted.root) = (end, root);
        }
        let is_alone = now.saturating_sub(noted.since) >= alone_after;
        !noted.contradicted && end == noted.end && (noted.others || is_alone)
    }

    /// Goes on behind a prefix. `false`: there is no room.
    fn adopt(&mut self, prefix: VerifiedPrefix, now: Duration) -> bool {
        let log = prefix.state().log();
        if self.adopted.len() >= ADOPTED_MAX {
            self.adopted.retain(|_, it| now.saturating_sub(it.since) < ADOPTED_FOR);
        }
        if self.adopted.len() >= ADOPTED_MAX && !self.adopted.contains_key(&log) {
            return false;
        }
        self.adopted.insert(log, Adopted { since: now, prefix: Arc::new(prefix) });
        true
    }

    /// What a run from that place on may continue instead of the entries that are held.
    pub(super) fn before(&self, log: &LogId, held: u64, from: u64) -> Option<Arc<VerifiedPrefix>> {
        let prefix = &self.adopted.get(log)?.prefix;
        (from > held && prefix.state().size() > held).then(|| prefix.clone())
    }

    /// Whose a log is that goes on behind one.
    pub(super) fn header(&self, log: &LogId) -> Option<Arc<msec_crdt_store::LogHeader>> {
        self.adopted.get(log).map(|it| it.prefix.state().header().clone())
    }

    /// More of the log is held now.
    pub(super) fn forget(&mut self, log: &LogId) {
        self.noted.remove(log);
        self.adopted.remove(log);
    }
}

impl Node {
    /// What stands for entries that a neighbour let go came in place of them.
    pub(super) fn deliver_prefix(&mut self, from: PeerId, asked: Key, payload: &[u8]) {
        let prefix = match Prefix::from_bytes(payload) {
            Ok(prefix) if asked.names(&key_of(&prefix.log())) => prefix,
            Ok(_) => return self.refuse_run(from, asked, &RunError::NotARun),
            Err(error) => return self.refuse_run(from, asked, &error),
        };
        let (log, end) = (prefix.log(), prefix.end());
        let key = key_of(&log);
        if self.takes_nothing_of(&log, None, from) {
            return;
        }
        let held = self.logs.get(&log).map(LogState::size);
        let put_off = GossipInput::PutOff { key: asked, from };
        if end <= held.unwrap_or(0) {
            // By now it could have said more, unless it was asked for another history.
            if !self.follow_prefix(from, prefix) {
                self.tell_gossip(put_off);
            }
            return;
        }
        let prefix = match prefix.verify(&self.authority) {
            Ok(prefix) => prefix,
            Err(error) => return self.refuse_run(from, key, &error),
        };
        if let Some(fork) = self.logs.get(&log).and_then(|held| prefix.contradicts(held)) {
            return self.forked(fork, from, false);
        }
        let header = prefix.state().header().clone();
        if self.takes_nothing_of(&log, Some(&header), from) {
            return;
        }
        let mine = header.author() == self.peer();
        let Some(topic) = topic_of(&header).filter(|topic| mine || self.interest().covers(topic)) else {
            tracing::debug!(%log, peer = %from, "a log that this peer does not want");
            return;
        };
        if mine && held.is_some() {
            // Its author let go of nothing there, so that its store is not what it was.
            self.abandon_own(&header, log);
            return self.tell_gossip(put_off);
        }
        let alone_after = if held.is_some() { ALONE_BEHIND_AFTER } else { ALONE_AFTER };
        let now = self.now.mono;
        if !self.prefixes.note(from, prefix.state(), alone_after, now) || !self.prefixes.adopt(prefix, now) {
            return self.tell_gossip(put_off);
        }
        self.tell_gossip(GossipInput::Gap { key: asked, topic: Some(topic), from, have: end });
    }
}

#[cfg(test)]
mod tests {
    use msec_crdt_store::{LogHeader, OwnLog, Reading, TimeQuality};
    use msec_identity::{Identity, SpaceId, UnixMillis};

    use super::*;

    const A: PeerId = PeerId([1; 32]);
    const B: PeerId = PeerId([2; 32]);

    /// A log with so many readings, whose values begin there: another number is another history.
    fn state(readings: usize, first: f64) -> LogState {
        let author = Identity::from_seed([1; 32]);
        let header =
            LogHeader::new(SpaceId([0; 32]), "parks".parse().expect("a path"), "a", author.peer(), [0; 16]);
        let mut log = OwnLog::create(header);
        for n in 0..readings {
            let reading = Reading::new(UnixMillis(7), first + n as f64);
            log.append_readings(UnixMillis(7), TimeQuality::Synchronised, [0; 16], &[reading])
                .expect("appended");
        }
        log.sign(&author, UnixMillis(7)).expect("a run").state().clone()
    }

    fn after(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn two_are_believed_and_one_after_a_while_and_whoever_holds_more_most() {
        let (early, late) = (state(3, 0.0), state(5, 0.0));
        let mut it = Prefixes::default();
        assert!(!it.note(A, &late, ALONE_AFTER, after(0)));
        assert!(!it.note(A, &late, ALONE_AFTER, after(9)), "it is asked again");
        assert!(it.note(B, &late, ALONE_AFTER, after(9)));
        it.forget(&late.log());
        assert!(!it.note(A, &early, ALONE_AFTER, after(20)));
        assert!(!it.note(B, &late, ALONE_AFTER, after(21)), "the other one has more");
        assert!(it.note(A, &early, ALONE_AFTER, after(22)));
        it.forget(&late.log());
        assert!(!it.note(A, &late, ALONE_AFTER, after(30)));
        assert!(it.note(A, &late, ALONE_AFTER, after(40)), "there is nobody else");
        assert_eq!(it.sizes(), [1, 0]);
    }

    #[test]
    fn two_histories_are_adopted_by_nobody() {
        let mut it = Prefixes::default();
        assert!(!it.note(A, &state(3, 0.0), ALONE_AFTER, after(0)));
        assert!(!it.note(B, &state(3, 9.0), ALONE_AFTER, after(1)));
        assert!(!it.note(A, &state(3, 0.0), ALONE_AFTER, after(100)));
        assert!(!it.note(A, &state(3, 0.0), ALONE_AFTER, after(3_600)), "an hour later it is noted anew");
        assert!(it.note(B, &state(3, 0.0), ALONE_AFTER, after(3_601)));
    }
}
