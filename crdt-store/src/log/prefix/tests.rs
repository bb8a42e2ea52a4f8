use msec_identity::{Grant, Identity, Manifest, Right, Rights, UnixMillis};
use proptest::prelude::*;

use super::*;
use crate::log::{Body, OwnLog, Run, TimeQuality, Verdict, VerifiedRun};
use crate::merkle::Tree;
use crate::reading::Reading;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

fn root() -> Identity {
    Identity::from_seed([1; 32])
}

fn sensor() -> Identity {
    Identity::from_seed([2; 32])
}

fn authority() -> Authority {
    Authority::new(Manifest::new("harbour", vec![root().peer()], 1, [0; 16]).expect("a manifest"))
}

/// A log with a header whose author was granted that right.
fn log(right: Right) -> OwnLog {
    let resource: msec_identity::CollectionPath = "parks/noise".parse().expect("a path");
    let grant = root().sign(Grant {
        space: authority().space(),
        issuer: root().peer(),
        holder: sensor().peer().into(),
        resource: resource.clone(),
        rights: Rights::of([right]),
        not_before: NOW,
        not_after: NOW,
        depth: 0,
        parent: None,
        caveats: None,
    });
    let header = LogHeader::new(authority().space(), resource, "mic-1", sensor().peer(), [1; 16]);
    OwnLog::create(header.with_unit("dB").with_grants([&grant]))
}

/// The run that fills a log up to so many entries.
fn fill(log: &mut OwnLog, size: u64) -> VerifiedRun {
    for n in log.size().max(1)..size {
        let reading = [Reading::new(NOW, n as f64)];
        log.append_readings(NOW, TimeQuality::Synchronised, [9; 16], &reading).expect("appended");
    }
    log.sign(&sensor(), NOW).expect("something to sign")
}

/// What stands for the first entries of a run that is a whole log.
fn prefix(run: &VerifiedRun, end: u64) -> Prefix {
    let mut tree = Tree::default();
    run.leaves.iter().for_each(|leaf| tree.push(*leaf));
    let range = |begin, end| tree.range(begin, end).expect("lies in the tree");
    let (log, head) = (run.state.log(), run.state.head.to_bytes());
    let bytes = encode(&log, &run.entries[0], &range(1, end), &range(end, tree.size()), &head);
    Prefix::from_bytes(&bytes).expect("parses")
}

proptest! {
    #[test]
    fn a_log_goes_on_from_what_stands_for_its_beginning(size in 2u64..80, at in any::<u64>(), more in 1u64..9) {
        let mut log = log(Right::Write);
        let run = fill(&mut log, size);
        let end = 1 + at % size;
        let verified = prefix(&run, end).verify(&authority()).expect("verifies");
        let again = Prefix::from_bytes(&verified.to_bytes()).expect("parses").verify(&authority());
        prop_assert_eq!(again.expect("verifies"), verified.clone());
        prop_assert_eq!((verified.state().size(), verified.state().head()), (end, run.state().head()));
        prop_assert_eq!(verified.state().header().unit(), "dB");
        // What follows is verified with it as with all the entries.
        let next = fill(&mut log, size + more);
        let left = Run { from: end, entries: run.entries[end as usize..].to_vec(), ..parse(&run) };
        let mut held = verified.state().clone();
        let runs = [left, parse(&next)].into_iter().filter(|run| !run.entries.is_empty());
        for run in runs {
            let verdict = run.verify(Some(&held), &authority()).expect("verifies");
            let Verdict::New(run) = verdict else { panic!("not new: {verdict:?}") };
            held = run.state().clone();
        }
        prop_assert_eq!(held.root(), log.root());
    }

    #[test]
    fn an_altered_prefix_is_refused(size in 2u64..80, at in any::<u64>(), flip in any::<(usize, u8)>()) {
        let run = fill(&mut log(Right::Write), size);
        let verified = prefix(&run, 1 + at % size).verify(&authority()).expect("verifies");
        let mut bytes = verified.to_bytes();
        let place = flip.0 % bytes.len();
        bytes[place] ^= 1 << (flip.1 % 8);
        prop_assert!(Prefix::from_bytes(&bytes).and_then(|prefix| prefix.verify(&authority())).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Prefix::from_bytes(&[&[0x86][..], &bytes].concat()).map(Prefix::fit);
    }
}

fn parse(run: &VerifiedRun) -> Run {
    Run::from_bytes(&run.to_bytes()).expect("parses")
}

#[test]
fn a_prefix_of_one_who_may_not_write_there_is_refused() {
    let run = fill(&mut log(Right::Read), 9);
    let refused = prefix(&run, 4).verify(&authority());
    assert!(matches!(refused, Err(RunError::NotAuthorised { .. })));
}

/// The header is in the tree: another one with the same names, and another unit, leads to another root.
#[test]
fn another_header_of_the_same_names_does_not_fit() {
    let run = fill(&mut log(Right::Write), 9);
    let mut other = prefix(&run, 4);
    let header = minicbor::to_vec(LogHeader::clone(&run.state.header).with_unit("mW")).expect("encodes");
    other.first.body = Body::Kept { salt: [0; 16], bytes: header };
    assert!(matches!(other.verify(&authority()), Err(RunError::DoesNotFit)));
    let mut no_header = prefix(&run, 4);
    no_header.first.kind = EntryKind::Readings;
    assert!(matches!(no_header.verify(&authority()), Err(RunError::Header)));
}
