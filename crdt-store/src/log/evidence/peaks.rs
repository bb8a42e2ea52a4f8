//! What a head that is held and a prefix that somebody gives show of each other.
//!
//! A prefix says by subtrees what was let go (RFC 9162). The root at the end of each of them is known, and so it is at the end of
//! each subtree of what is held. Where the shorter of two heads ends there, the longer tree tells its root at that place, and the
//! path from there: if it is another one, that is evidence. Anywhere else inside of a subtree, nothing is known; the older
//! head is worth being kept then, for whoever has the entries between.

use msec_identity::Verified;

use super::{Fork, ForkEvidence};
use crate::log::{Head, LogState, VerifiedPrefix};
use crate::merkle::{CompactRange, consistency_between};

impl VerifiedPrefix {
    /// Whether the log's author signed two histories: this one, and the one that is held. `None`: not as far as the subtrees of both
    /// tell.
    pub fn contradicts(&self, held: &LogState) -> Option<Fork> {
        let theirs = self.state();
        if theirs.log() != held.log() {
            return None;
        }
        let (ours, others) = (Signed::of(held)?, Signed::of(theirs)?);
        let (shorter, longer) =
            if ours.head.size <= others.head.size { (ours, others) } else { (others, ours) };
        shorter.excludes(&longer, held)
    }
}

/// A head, and the subtrees over what it covers.
struct Signed<'a> {
    head: &'a Verified<Head>,
    /// Of the whole tree, as it is made of them.
    whole: CompactRange,
    /// As they are known: up to a place, and from there on.
    parts: [&'a CompactRange; 2],
}

impl<'a> Signed<'a> {
    fn of(state: &'a LogState) -> Option<Self> {
        let mut whole = state.held.clone();
        whole.join(&state.rest).then_some(Self {
            head: &state.head,
            whole,
            parts: [&state.held, &state.rest],
        })
    }

    /// Evidence, if `longer` has another root where this head ends.
    fn excludes(&self, longer: &Signed<'_>, held: &LogState) -> Option<Fork> {
        let m = self.head.size;
        let (before, after) = longer.split_at(m)?;
        let beginning = before.root();
        if beginning == self.head.root {
            return None;
        }
        Some(Fork(ForkEvidence {
            header: held.header().as_ref().clone(),
            shorter: self.head.clone().into(),
            longer: longer.head.clone().into(),
            beginning,
            path: consistency_between(&before, &after)?,
            subtrees: self.whole.hashes().to_vec(),
        }))
    }

    /// The tree before that place and from there on; `None` where a subtree lies over it.
    fn split_at(&self, at: u64) -> Option<(CompactRange, CompactRange)> {
        let (mut before, mut after) = (CompactRange::empty(0), CompactRange::empty(at));
        for subtree in self.parts.into_iter().flat_map(CompactRange::subtrees) {
            let is_joined = if subtree.end() <= at { before.join(&subtree) } else { after.join(&subtree) };
            if !is_joined {
                return None;
            }
        }
        (before.end() == at).then_some((before, after))
    }
}

#[cfg(test)]
mod tests {
    use msec_identity::{Identity, SpaceId, UnixMillis, Verifier};
    use proptest::prelude::*;

    use super::*;
    use crate::log::{FittingPrefix, LogHeader, OwnLog, Prefix, TimeQuality};
    use crate::reading::Reading;
    use crate::storage::{MemoryDir, Storage, Store};

    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    /// A log of so many readings, of which the last ones are of a branch, signed at these sizes.
    fn states(sizes: &[u64], forked: u64, branch: f64) -> (Store, Vec<LogState>) {
        let author = Identity::from_seed([7; 32]);
        let path = "parks/noise".parse().expect("a path");
        let mut log = OwnLog::create(LogHeader::new(SpaceId([0; 32]), path, "mic-1", author.peer(), [1; 16]));
        let (mut store, _) = Store::open(MemoryDir::default()).expect("opens");
        let (mut states, mut seq) = (Vec::new(), 0);
        for n in 1..=*sizes.last().expect("a size") {
            let value = if n < forked { n as f64 } else { branch + n as f64 };
            log.append_readings(NOW, TimeQuality::Synchronised, [9; 16], &[Reading::new(NOW, value)])
                .expect("appended");
            if sizes.contains(&n) {
                let run = log.sign(&author, NOW).expect("a run");
                states.push(run.state().clone());
                seq += 1;
                store.apply(seq, &[run]).expect("applied");
            }
        }
        (store, states)
    }

    /// What stands for its first entries.
    fn prefix_of(store: &mut Store, end: u64) -> Option<VerifiedPrefix> {
        let log = store.logs_that(|_: &LogState| true)[0];
        store.prune(&[(log, end)]).expect("pruned");
        let bytes = store.prefix(&log).expect("read")?;
        let fitting = Prefix::from_bytes(&bytes).and_then(Prefix::fit).expect("a prefix");
        let FittingPrefix { first, between, header, held, rest, head } = fitting;
        let head = head.verify(&header.author()).expect("signed");
        Some(VerifiedPrefix { first, between, state: LogState { header, held, rest, head, latest: None } })
    }

    #[test]
    fn a_head_that_ends_where_a_subtree_does_is_compared() {
        // With the header, 8 and 33 entries: the others let go of 20, which are subtrees of 16 and 4.
        let (_, held) = states(&[7], 5, 100.0);
        let (mut others, _) = states(&[32], 5, 200.0);
        let prefix = prefix_of(&mut others, 20).expect("some");
        assert_eq!(prefix.contradicts(&held[0]), None, "8 lies in the first of them");
        let (_, held) = states(&[15], 5, 100.0);
        let fork = prefix.contradicts(&held[0]).expect("16 do not");
        assert_eq!(fork.heads().map(|head| head.size), [16, 33]);
        let (_, held) = states(&[15], 99, 0.0);
        let (mut others, _) = states(&[32], 99, 0.0);
        assert_eq!(prefix_of(&mut others, 20).expect("some").contradicts(&held[0]), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Whatever it says convicts to anybody, and nobody whose log only grew.
        #[test]
        fn what_contradicts_is_evidence(
            ours in 1u64..40,
            theirs in 2u64..40,
            let_go in 2u64..40,
            forked in proptest::option::of(1u64..40),
        ) {
            let at = forked.unwrap_or(99);
            let (_, held) = states(&[ours], at, 100.0);
            let (mut others, _) = states(&[theirs], at, 200.0);
            let Some(prefix) = prefix_of(&mut others, let_go) else { return Ok(()) };
            match prefix.contradicts(&held[0]) {
                Some(fork) => {
                    prop_assert!(at <= ours.min(theirs));
                    let told = ForkEvidence::from_bytes(&fork.to_bytes()).expect("evidence");
                    prop_assert_eq!(told.verify(&Verifier::strict()).expect("a fork"), fork);
                }
                None => prop_assert!(at > ours.min(theirs) || ours != theirs, "of one size they are told apart"),
            }
        }
    }
}
