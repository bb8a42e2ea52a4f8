use msec_identity::{Identity, SpaceId, UnixMillis};
use proptest::prelude::*;

use super::*;
use crate::log::{FittingPrefix, OwnLog, Prefix, TimeQuality, VerifiedRun};
use crate::reading::Reading;
use crate::storage::{MemoryDir, Storage, Store};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

fn author() -> Identity {
    Identity::from_seed([7; 32])
}

/// A log of `common` entries with readings, and then so many of a branch, signed after each of those; and its runs.
fn branch(common: u64, branch: u8, own: u64) -> (OwnLog, Vec<VerifiedRun>) {
    let path = "parks/noise".parse().expect("a path");
    let header = LogHeader::new(SpaceId([0; 32]), path, "mic-1", author().peer(), [1; 16]);
    let (mut log, mut runs) = (OwnLog::create(header), Vec::new());
    let mut write = |value: f64, is_signed: bool| {
        let reading = [Reading::new(NOW, value)];
        log.append_readings(NOW, TimeQuality::Synchronised, [9; 16], &reading).expect("appended");
        if is_signed {
            runs.push(log.sign(&author(), NOW).expect("something to sign"));
        }
    };
    (1..=common).for_each(|n| write(n as f64, n == common));
    (1..=own).for_each(|n| write(1_000.0 * f64::from(branch) + n as f64, true));
    (log, runs)
}

/// A store that holds these runs.
fn store(runs: &[VerifiedRun]) -> Store {
    let (mut store, _) = Store::open(MemoryDir::default()).expect("opens");
    store.apply(1, runs).expect("applied");
    store.sync().expect("synced");
    store
}

fn chunk(store: &Store, log: &LogHeader, from: u64) -> Run {
    let chunk = store.read(&log.id(), from, 300).expect("read").expect("there is more");
    Run::from_bytes(&chunk.bytes).expect("a run")
}

fn sent(run: &VerifiedRun) -> Unverified<Head> {
    run.state().head().clone().into()
}

/// What stands for the entries that the store has let go.
fn prefix(store: &Store, log: &LogHeader) -> VerifiedPrefix {
    let bytes = store.prefix(&log.id()).expect("read").expect("something was let go");
    let fitting = Prefix::from_bytes(&bytes).and_then(Prefix::fit).expect("a prefix");
    let FittingPrefix { first, between, header, held, rest, head } = fitting;
    let head = head.verify(&author().peer()).expect("signed");
    VerifiedPrefix { first, between, state: LogState { header, held, rest, head, latest: None } }
}

/// What comes of it to follow `theirs`, of which so many entries were let go, where `ours` is held: `None` if there is nothing to follow.
fn followed(ours: &[VerifiedRun], theirs: &[VerifiedRun], let_go: u64) -> Option<Traced> {
    let verifier = Verifier::strict();
    let (held, last) = (ours.last().expect("a run").state(), theirs.last().expect("a run"));
    let (mut trace, mut traced) = ForkTrace::begin(held, &sent(last), &verifier)?;
    let mut store = store(theirs);
    let gone = store.prune(&[(held.log(), let_go)]).expect("let go") > 0;
    if gone {
        traced = trace.skip(&prefix(&store, held.header()));
    }
    while let Traced::Further(from) = traced {
        traced = trace.follow(chunk(&store, held.header(), from), &verifier).expect("a chunk that fits");
        assert!(traced != Traced::Further(from), "it goes on");
        assert!(trace.range.hashes().len() <= 64);
    }
    Some(traced)
}

#[test]
fn what_its_author_did_not_sign_is_not_followed() {
    let (_, ours) = branch(5, 1, 1);
    let (_, theirs) = branch(5, 2, 3);
    let held = ours.last().expect("a run").state();
    let mut bytes = theirs.last().expect("a run").state().head().to_bytes();
    *bytes.last_mut().expect("a byte") ^= 1;
    let forged = Unverified::from_bytes(&bytes).expect("a head");
    assert_eq!(ForkTrace::begin(held, &forged, &Verifier::strict()), None);
    assert_eq!(ForkTrace::begin(held, &sent(&ours[1]), &Verifier::strict()), None, "it is held");
    let shorter = theirs[0].state();
    assert_eq!(ForkTrace::begin(held, &shorter.head().clone().into(), &Verifier::strict()), None);
}

#[test]
fn what_was_let_go_beyond_the_head_that_is_held_shows_nothing() {
    let (_, ours) = branch(5, 1, 1);
    let (_, theirs) = branch(5, 2, 9);
    assert_eq!(followed(&ours, &theirs, 10), Some(Traced::NoFork));
    assert!(matches!(followed(&ours, &theirs, 7), Some(Traced::Fork(_))), "up to there it is compared");
}

#[test]
fn a_chunk_of_another_history_ends_it() {
    let verifier = Verifier::strict();
    let (log, ours) = branch(20, 1, 5);
    let (_, theirs) = branch(10, 2, 30);
    let held = ours.last().expect("a run").state();
    let last = theirs.last().expect("a run");
    let (mut trace, _) = ForkTrace::begin(held, &sent(last), &verifier).expect("followed");
    trace.follow(chunk(&store(&theirs), log.header(), 0), &verifier).expect("it fits");
    let (_, third) = branch(0, 3, 40);
    let at = trace.size();
    assert!(at > 0 && at < 21);
    let error = trace.follow(chunk(&store(&third), log.header(), at), &verifier);
    assert!(matches!(error, Err(RunError::DoesNotFit)), "{error:?}");
    let skips = trace.follow(chunk(&store(&theirs), log.header(), at + 3), &verifier).expect("no error");
    assert_eq!((skips, trace.size()), (Traced::Further(at), at));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn each_fork_is_found_where_the_other_history_is_no_shorter(
        common in 0u64..25,
        ours in 1u64..12,
        more in 0u64..12,
        let_go in 0u64..20,
    ) {
        let let_go = if more == 0 { 0 } else { let_go.min(common + ours) };
        let (_, mine) = branch(common, 1, ours);
        let (_, other) = branch(common, 2, ours + more);
        let Some(Traced::Fork(fork)) = followed(&mine, &other, let_go) else { panic!("no fork") };
        let sizes = [common + ours + 1, common + ours + more + 1];
        prop_assert_eq!(fork.heads().map(|head| head.size), sizes);
        let told = ForkEvidence::from_bytes(&fork.to_bytes()).expect("evidence");
        prop_assert_eq!(told.verify(&Verifier::strict()).expect("a fork"), *fork);
    }

    #[test]
    fn nobody_is_convicted_whose_log_only_grew(held in 1u64..25, more in 1u64..25) {
        let (_, runs) = branch(0, 0, held + more);
        let came = followed(&runs[..held as usize], &runs, 0);
        prop_assert_eq!(came, Some(Traced::NoFork));
    }
}
