use msec_identity::{Grant, Identity, Manifest, PeerId, Right, Rights, UnixMillis};
use proptest::prelude::*;

use super::*;
use crate::log::{Body, OwnLog, TimeQuality};
use crate::reading::Reading;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

struct City {
    root: Identity,
    sensor: Identity,
    authority: Authority,
}

fn city() -> City {
    let root = Identity::from_seed([1; 32]);
    let manifest = Manifest::new("harbour", vec![root.peer()], 1, [0; 16]).expect("a manifest");
    City { root, sensor: Identity::from_seed([2; 32]), authority: Authority::new(manifest) }
}

impl City {
    fn grant(&self, holder: PeerId, rights: &[Right]) -> Verified<Grant> {
        self.root.sign(Grant {
            space: self.authority.space(),
            issuer: self.root.peer(),
            holder: holder.into(),
            resource: "parks".parse().expect("a path"),
            rights: Rights::of(rights.iter().copied()),
            not_before: UnixMillis(0),
            not_after: UnixMillis(i64::MAX),
            depth: 0,
            parent: None,
            caveats: None,
        })
    }

    fn header(&self, author: &Identity) -> LogHeader {
        let path = "parks/noise".parse().expect("a path");
        let grant = self.grant(author.peer(), &[Right::Write]);
        LogHeader::new(self.authority.space(), path, "mic-1", author.peer(), [1; 16]).with_grants([&grant])
    }

    /// The runs of a log that is signed after every `batches[i]` entries.
    fn runs(&self, batches: &[usize]) -> Vec<VerifiedRun> {
        let mut log = OwnLog::create(self.header(&self.sensor));
        batches
            .iter()
            .map(|n| {
                for i in 0..*n {
                    append(&mut log, i as f64);
                }
                log.sign(&self.sensor, NOW).expect("something to sign")
            })
            .collect()
    }
}

fn append(log: &mut OwnLog, value: f64) {
    let reading = [Reading::new(NOW, value)];
    log.append_readings(NOW, TimeQuality::Synchronised, [9; 16], &reading).expect("appended");
}

fn parse(run: &VerifiedRun) -> Run {
    Run::from_bytes(&run.to_bytes()).expect("parses")
}

fn new(verdict: Result<Verdict, RunError>) -> VerifiedRun {
    match verdict {
        Ok(Verdict::New(run)) => run,
        other => panic!("not new: {other:?}"),
    }
}

#[test]
fn runs_continue_each_other_and_repeat_harmlessly() {
    let city = city();
    let runs = city.runs(&[1, 3, 2]);
    let mut held: Option<LogState> = None;
    for run in &runs {
        let verified = new(parse(run).verify(held.as_ref(), &city.authority));
        let received = VerifiedRun { written: false, ..run.clone() };
        assert_eq!(verified, received, "what is verified is what was signed");
        held = Some(verified.state().clone());
        assert_eq!(parse(run).verify(held.as_ref(), &city.authority).expect("no error"), Verdict::Known);
    }
    assert_eq!(held.map(|h| h.size()), Some(7), "a header and six entries");
}

#[test]
fn a_run_beyond_what_is_held_is_a_gap() {
    let city = city();
    let runs = city.runs(&[1, 3]);
    let verdict = parse(&runs[1]).verify(None, &city.authority).expect("no error");
    assert_eq!(verdict, Verdict::Gap { held: 0 });
}

#[test]
fn a_run_that_overlaps_adds_only_what_is_new() {
    let city = city();
    let runs = city.runs(&[2, 2]);
    let mut both = parse(&runs[0]);
    both.entries.extend(parse(&runs[1]).entries);
    both.head = parse(&runs[1]).head;
    let held = runs[0].state();
    let received = VerifiedRun { written: false, ..runs[1].clone() };
    assert_eq!(new(both.verify(Some(held), &city.authority)), received);
}

#[test]
fn a_changed_entry_does_not_fit() {
    let city = city();
    let mut run = parse(&city.runs(&[3])[0]);
    let Body::Kept { bytes, .. } = &mut run.entries[2].body else { panic!("kept") };
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    assert!(matches!(run.verify(None, &city.authority), Err(RunError::DoesNotFit)));
}

#[test]
fn a_head_that_its_author_did_not_sign_is_forged() {
    let city = city();
    let thief = Identity::from_seed([66; 32]);
    let mut run = parse(&city.runs(&[3])[0]);
    run.head = thief.sign(run.head.claims().clone()).into();
    assert!(matches!(run.verify(None, &city.authority), Err(RunError::Head(_))));
}

#[test]
fn who_may_not_write_is_refused() {
    let city = city();
    let collection = "parks/noise".parse().expect("a path");
    for rights in [&[][..], &[Right::Read, Right::Relay]] {
        let grant = city.grant(city.sensor.peer(), rights);
        let header = LogHeader::new(
            city.authority.space(),
            Clone::clone(&collection),
            "mic-1",
            city.sensor.peer(),
            [1; 16],
        )
        .with_grants([&grant]);
        let mut log = OwnLog::create(header);
        append(&mut log, 1.0);
        let run = log.sign(&city.sensor, NOW).expect("something to sign");
        let refused = parse(&run).verify(None, &city.authority);
        assert!(matches!(refused, Err(RunError::NotAuthorised { .. })), "{refused:?}");
    }
}

/// Found in review: a grant that only some peers knew let them store what they refused to load after a restart.
#[test]
fn a_grant_that_the_header_does_not_show_counts_for_nothing() {
    let mut city = city();
    let grant = city.grant(city.sensor.peer(), &[Right::Write]);
    let _ = city.authority.learn(grant.into()).expect("counts");
    let path = "parks/noise".parse().expect("a path");
    let header = LogHeader::new(city.authority.space(), path, "mic-1", city.sensor.peer(), [1; 16]);
    let mut log = OwnLog::create(header);
    append(&mut log, 1.0);
    let run = log.sign(&city.sensor, NOW).expect("something to sign");
    assert!(matches!(parse(&run).verify(None, &city.authority), Err(RunError::NotAuthorised { .. })));
}

#[test]
fn somebody_elses_grant_is_worth_nothing() {
    let city = city();
    let thief = Identity::from_seed([66; 32]);
    let stolen = city.grant(city.sensor.peer(), &[Right::Write]);
    let path = "parks/noise".parse().expect("a path");
    let header = LogHeader::new(city.authority.space(), path, "mic-1", thief.peer(), [1; 16]);
    let mut log = OwnLog::create(header.with_grants([&stolen]));
    append(&mut log, 1.0);
    let run = log.sign(&thief, NOW).expect("something to sign");
    assert!(matches!(parse(&run).verify(None, &city.authority), Err(RunError::NotAuthorised { .. })));
}

#[test]
fn the_header_must_be_the_one_that_the_id_names() {
    let city = city();
    let mut run = parse(&city.runs(&[1])[0]);
    run.log = LogId([7; 32]);
    let head = Head { log: run.log, ..run.head.claims().clone() };
    run.head = city.sensor.sign(head).into();
    assert!(matches!(run.verify(None, &city.authority), Err(RunError::Header)));
}

#[test]
fn a_second_history_does_not_fit_the_first() {
    let city = city();
    let mut log = OwnLog::create(city.header(&city.sensor));
    append(&mut log, 1.0);
    let common = log.sign(&city.sensor, NOW).expect("something to sign");
    let mut other = log.clone();
    append(&mut log, 2.0);
    append(&mut other, 3.0);
    let first = log.sign(&city.sensor, NOW).expect("something to sign");
    append(&mut other, 4.0);
    let second = other.sign(&city.sensor, NOW).expect("something to sign");
    assert!(matches!(parse(&first).verify(Some(common.state()), &city.authority), Ok(Verdict::New(_))));
    assert!(matches!(parse(&second).verify(Some(first.state()), &city.authority), Err(RunError::DoesNotFit)));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        if let Ok(run) = Run::from_bytes(&bytes) {
            let _ = run.verify(None, &city().authority);
        }
    }

    #[test]
    fn no_damaged_byte_verifies_as_something_else(at in 0usize..5_000, flip in 1u8..) {
        let city = city();
        let run = &city.runs(&[3])[0];
        let mut bytes = run.to_bytes();
        let at = at % bytes.len();
        bytes[at] ^= flip;
        if let Ok(Ok(Verdict::New(verified))) = Run::from_bytes(&bytes).map(|r| r.verify(None, &city.authority)) {
            prop_assert_eq!(verified, VerifiedRun { written: false, ..run.clone() });
        }
    }

    #[test]
    fn one_signature_verifies_a_log_in_chunks(n in 1usize..40, cuts in proptest::collection::vec(0usize..40, 0..5)) {
        let city = city();
        let whole = &city.runs(&[n])[0];
        let (entries, leaves) = (&whole.entries, &whole.leaves);
        let mut ends: Vec<_> = cuts.into_iter().map(|c| c % entries.len()).chain([0, entries.len()]).collect();
        ends.sort_unstable();
        ends.dedup();
        let mut held: Option<LogState> = None;
        for pair in ends.windows(2) {
            let mut rest = CompactRange::empty(pair[1] as u64);
            leaves[pair[1]..].iter().for_each(|leaf| rest.push(*leaf));
            let run = Run {
                log: whole.state.log(),
                from: pair[0] as u64,
                entries: entries[pair[0]..pair[1]].to_vec(),
                rest: rest.hashes().to_vec(),
                head: whole.state.head.clone().into(),
            };
            let run = Run::from_bytes(&run.to_bytes()).expect("parses");
            held = Some(new(run.verify(held.as_ref(), &city.authority)).state);
        }
        prop_assert_eq!(held, Some(whole.state.clone()));
    }
}

impl City {
    /// With the sensor's grant, and what somebody wants to have erased of its log.
    fn erasing(&self, by: &Identity, positions: Range<u64>) -> Authority {
        let mut authority = self.authority.clone();
        let stretch = msec_identity::Stretch {
            log: self.header(&self.sensor).id(),
            first: positions.start,
            end: positions.end,
        };
        let erasure = msec_identity::Erasure {
            space: authority.space(),
            issuer: by.peer(),
            what: msec_identity::Stretches::new([stretch]).expect("stretches"),
            at: NOW,
            reason: String::new().parse().expect("a reason"),
        };
        let header = self.header(&self.sensor);
        let _ = authority.learn_shown(&header.author(), header.grants().map(Into::into));
        let _ = authority.learn(by.sign(erasure).into()).expect("taken");
        authority
    }
}

fn bodies(run: &VerifiedRun) -> Vec<bool> {
    run.entries().iter().map(|entry| entry.body.bytes().is_some()).collect()
}

fn without(run: &VerifiedRun, positions: &[u64]) -> Run {
    let mut run = Run::from_bytes(&run.to_bytes()).expect("parses");
    for (entry, at) in run.entries.iter_mut().zip(run.from..) {
        if positions.contains(&at) {
            entry.erase();
        }
    }
    run
}

#[test]
fn a_body_that_is_to_be_erased_is_left_out_whoever_brings_it() {
    let city = city();
    let runs = city.runs(&[4]);
    let stranger = Identity::from_seed([3; 32]);
    for (by, left) in [
        (&city.root, [true, true, false, false, true]),
        (&city.sensor, [true, true, false, false, true]),
        (&stranger, [true; 5]),
    ] {
        let authority = city.erasing(by, 2..4);
        for run in [without(&runs[0], &[]), Run::from_bytes(&runs[0].to_bytes()).expect("parses")] {
            let Ok(Verdict::New(run)) = run.verify(None, &authority) else { panic!("it verifies") };
            assert_eq!(bodies(&run), left);
            assert_eq!(run.state().root(), runs[0].state().root());
        }
    }
}

#[test]
fn an_entry_without_its_body_is_taken_only_where_an_erasure_covers_it() {
    let city = city();
    let runs = city.runs(&[4]);
    let lacking = |positions: &[u64], authority: &Authority| {
        let run = without(&runs[0], positions);
        let header = run.header().expect("a header");
        let first = run.first_lacking(&header, authority);
        match run.verify(None, authority) {
            Ok(Verdict::New(_)) => assert_eq!(first, None),
            Err(RunError::LacksBody { position }) => assert_eq!(first, Some(position)),
            other => panic!("{other:?}"),
        }
        first
    };
    assert_eq!(lacking(&[2], &city.authority), Some(2));
    assert_eq!(lacking(&[2], &city.erasing(&Identity::from_seed([3; 32]), 2..3)), Some(2), "by a stranger");
    let covered = city.erasing(&city.root, 2..4);
    assert_eq!(lacking(&[2, 3], &covered), None);
    assert_eq!(lacking(&[3], &covered), None, "who has it still is stripped of it");
    assert_eq!(lacking(&[2, 4], &covered), Some(4));
    assert_eq!(lacking(&[1], &covered), Some(1));
}

/// Whoever carries a claim may not know yet, and whoever takes it may not hold the log.
#[test]
fn a_claim_that_counts_what_is_to_be_erased_is_taken_without_its_body() {
    let city = city();
    let runs = city.runs(&[4]);
    let of = city.header(&city.sensor).id();
    let (mut log, nothing) = (OwnLog::create(city.header(&city.sensor)), CompactRange::empty(0));
    let mut claim = crate::Recompute::begin(of, crate::Resolution::Hour, nothing);
    runs[0].entries().iter().for_each(|entry| claim.push(entry).expect("few buckets"));
    let claim = claim.finish().expect("a claim");
    log.append_claim(NOW, TimeQuality::Synchronised, [1; 16], &claim).expect("appended");
    let run = log.sign(&city.sensor, NOW).expect("something to sign");
    let kept = |authority: &Authority| {
        let run = Run::from_bytes(&run.to_bytes()).expect("parses");
        bodies(&new(run.verify(None, authority)))
    };
    assert_eq!(kept(&city.authority), [true, true]);
    assert_eq!(kept(&city.erasing(&Identity::from_seed([3; 32]), 2..3)), [true, true], "by a stranger");
    assert_eq!(kept(&city.erasing(&city.root, 7..9)), [true, true], "of what it does not count");
    assert_eq!(kept(&city.erasing(&city.root, 2..3)), [true, false]);
}

/// What is left of claims does not say what they were made of.
#[test]
fn claims_may_lack_their_bodies_once_something_was_erased() {
    let city = city();
    let mut log = OwnLog::create(city.header(&city.sensor));
    log.append_countersignature(
        NOW,
        TimeQuality::Synchronised,
        [1; 16],
        &crate::Confirmed::new(crate::ClaimHash::from_body(&[7; 32]).expect("a hash")),
    )
    .expect("appended");
    let run = log.sign(&city.sensor, NOW).expect("something to sign");
    let verified = |authority: &Authority| without(&run, &[1]).verify(None, authority);
    assert!(matches!(verified(&city.authority), Err(RunError::LacksBody { position: 1 })));
    assert!(matches!(verified(&city.erasing(&city.root, 7..8)), Ok(Verdict::New(_))));
    // Who may erase nothing there lets nobody leave them out.
    let by_stranger = city.erasing(&Identity::from_seed([3; 32]), 7..8);
    assert!(matches!(verified(&by_stranger), Err(RunError::LacksBody { position: 1 })));
}
