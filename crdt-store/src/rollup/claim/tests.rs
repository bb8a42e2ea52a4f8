use proptest::prelude::*;

use super::*;
use crate::rollup::samples::{any_entry, entry, erased, every, range};

const LOG: LogId = LogId([5; 32]);

fn recompute(entries: &[Entry], from: usize, resolution: Resolution) -> Result<Recomputed, ClaimError> {
    let mut it = Recompute::begin(LOG, resolution, range(&entries[..from]));
    entries[from..].iter().try_for_each(|entry| it.push(entry))?;
    it.finish()
}

fn entries() -> Vec<Entry> {
    every(60_000, (0..240).map(|n| f64::from(n % 17) / 10.0)).chunks(12).map(entry).collect()
}

fn hours(entries: &[Entry], from: usize) -> Recomputed {
    recompute(entries, from, Resolution::Hour).expect("a claim")
}

fn parsed(bytes: &[u8]) -> Result<RollUpClaim, DecodeError> {
    RollUpClaim::from_bytes(bytes)
}

#[test]
fn who_counts_the_same_claims_the_same_and_countersigns_it() {
    let entries = entries();
    let claim = parsed(hours(&entries, 5).as_body()).expect("parses");
    assert_eq!((claim.from(), claim.to(), claim.buckets().len()), (5, 20, 3));
    let own = hours(&entries, 5);
    assert_eq!(own.as_claim().hash(), claim.hash());
    let confirmed = own.confirm(&claim).expect("the same");
    assert_eq!(ClaimHash::from_body(confirmed.as_body()), Some(claim.hash()));
    assert_ne!(confirmed.claim(), hours(&entries, 4).as_claim().hash());
    assert_eq!(ClaimHash::from_body(&confirmed.as_body()[1..]), None);
}

/// A maker that says what is not so.
#[test]
fn widened_and_altered_claims_are_refused() {
    type Alter = fn(&mut RollUpClaim);
    let entries = entries();
    let own = hours(&entries, 5);
    let confirm = |alter: Alter| {
        let mut claim = own.as_claim().clone();
        alter(&mut claim);
        let claim = parsed(&claim.to_bytes()).expect("parses");
        assert_ne!(claim.hash(), own.as_claim().hash());
        own.confirm(&claim).expect_err("altered")
    };
    let ranges: [Alter; 4] = [
        |it| it.to += 1,
        |it| it.from -= 1,
        |it| it.log = LogId([6; 32]),
        |it| it.resolution = Resolution::Day,
    ];
    for alter in ranges {
        assert_eq!(confirm(alter), ConfirmError::OtherRange);
    }
    assert_eq!(confirm(|it| it.root[3] ^= 1), ConfirmError::OtherEntries);
    assert_eq!(confirm(|it| it.left_out.erased = 1), ConfirmError::Erased { here: 0, claimed: 1 });
    let contents: [Alter; 7] = [
        |it| it.left_out.untimed = 1,
        |it| it.left_out.malformed = 1,
        |it| it.buckets.values_mut().for_each(|it| it.bad += 1),
        |it| it.buckets.values_mut().for_each(|it| it.sum.add(f64::from_bits(1))),
        |it| it.buckets.values_mut().for_each(|it| it.max += 0.1),
        |it| drop(it.buckets.pop_last()),
        |it| it.buckets = it.buckets.iter().map(|(number, it)| (number + 1, it.clone())).collect(),
    ];
    for alter in contents {
        assert_eq!(confirm(alter), ConfirmError::Wrong);
    }
    // The maker has the wider range's root, and the narrower one's buckets.
    let wide = hours(&entries, 4);
    let claim = RollUpClaim { buckets: own.as_claim().buckets.clone(), ..wide.as_claim().clone() };
    assert_eq!(wide.confirm(&claim), Err(ConfirmError::Wrong));
}

#[test]
fn other_entries_and_erased_ones_are_told_apart() {
    let entries = entries();
    let claim = hours(&entries, 0);
    let mut other = entries.clone();
    other[7] = entry(&every(1, [99.0]));
    assert_eq!(hours(&other, 0).confirm(claim.as_claim()), Err(ConfirmError::OtherEntries));
    let mut less = entries.clone();
    less[7] = erased(&entries[7]);
    let here = hours(&less, 0);
    assert_eq!(here.as_claim().root(), claim.as_claim().root());
    assert_eq!(here.confirm(claim.as_claim()), Err(ConfirmError::Erased { here: 1, claimed: 0 }));
    assert_eq!(here.as_claim().left_out(), LeftOut { erased: 1, ..LeftOut::default() });
}

#[test]
fn what_does_not_fit_is_refused_before_it_is_said() {
    let entries = entries();
    assert_eq!(recompute(&entries, entries.len(), Resolution::Day), Err(ClaimError::Empty));
    let many = every(60_000, (0..4_096).map(f64::from));
    let (one, next) = (entry(&many), entry(&every(1, [3.0])));
    assert!(
        recompute(&[one.clone(), next.clone()], 0, Resolution::Minute).is_ok(),
        "in a bucket that is there"
    );
    let late = entry(&[crate::reading::Reading::new(msec_identity::UnixMillis(0), 3.0)]);
    let mut it = Recompute::begin(LOG, Resolution::Minute, CompactRange::empty(0));
    it.push(&one).expect("as many as there may be");
    assert_eq!(it.push(&late), Err(ClaimError::Buckets));
    it.push(&next).expect("nothing was done");
    let claim = it.finish().expect("a claim");
    assert_eq!((claim.as_claim().to(), claim.as_claim().buckets().len()), (2, CLAIM_BUCKETS_MAX));
    let long = every(60_000, (1..4_000).map(|n| 1.0 / f64::from(n)));
    assert!(matches!(recompute(&[entry(&long)], 0, Resolution::Minute), Err(ClaimError::Bytes { .. })));
    assert!(recompute(&[entry(&long)], 0, Resolution::Hour).is_ok());
}

/// Few bits can say many words: what is written is also read.
#[test]
fn sums_of_many_words_come_back() {
    let values = [2f64.powi(1_000), 2f64.powi(500), 1.0];
    let readings = every(20_000, (0..3_600).map(|n| values[n % 3]));
    let claim = recompute(&[entry(&readings)], 0, Resolution::Minute).expect("a claim");
    let read = parsed(claim.as_body()).expect("parses");
    assert_eq!((&read, read.buckets.len()), (claim.as_claim(), 1_200));
}

/// Who has no entries can still tell what cannot be.
#[test]
fn more_readings_than_entries_hold_are_refused() {
    let claim = hours(&entries(), 5).as_claim().clone();
    let is_read = |claim: RollUpClaim| parsed(&claim.to_bytes()).is_ok();
    assert!(is_read(claim.clone()));
    let room = 15 * READINGS_PER_ENTRY_MAX as u64 - 180;
    let with = |left_out| RollUpClaim { left_out, ..claim.clone() };
    assert!(is_read(with(LeftOut { untimed: room, ..LeftOut::default() })));
    assert!(!is_read(with(LeftOut { untimed: room + 1, ..LeftOut::default() })));
    assert!(!is_read(with(LeftOut { erased: 15, ..LeftOut::default() })));
    assert!(!is_read(with(LeftOut { malformed: u64::MAX, erased: u64::MAX, untimed: u64::MAX })));
    assert!(!is_read(RollUpClaim { to: 5, ..claim.clone() }));
    assert!(!is_read(RollUpClaim { from: 21, ..claim.clone() }));
    assert!(is_read(RollUpClaim { to: ENTRIES_MAX, ..claim.clone() }));
    assert!(
        !is_read(RollUpClaim { to: ENTRIES_MAX + 1, ..claim }),
        "who goes on from there would count too far"
    );
}

/// The bytes that other implementations have to agree with.
#[test]
fn a_claim_is_these_bytes() {
    let entries = [entry(&every(1_800_000, [54.0, 54.3, 53.9])), entry(&every(1_800_000, [0.1]))];
    let claim = hours(&entries, 1);
    let text =
        |claim: &Recomputed| data_encoding::HEXLOWER.encode(&columns::write(&claim.as_claim().buckets));
    assert_eq!(
        [text(&claim), text(&hours(&entries, 0))],
        ["01000853348800800000101000", "0100125334880300703001f803f020c0f0541b01010082c3e01017fb028ca0"]
    );
}

/// A claim with any columns, as somebody might say it.
fn claim_of(resolution: u8, columns: &[u8]) -> Vec<u8> {
    let mut e = Encoder::new(Vec::new());
    let write = |e: &mut Encoder<Vec<u8>>| {
        e.array(FIELDS)?.encode(LOG)?.u64(0)?.u64(ENTRIES_MAX)?.bytes(&[7; 32])?;
        e.u8(resolution)?.u64(0)?.u64(0)?.u64(0)?.bytes(columns)?.ok()
    };
    let written: Result<(), encode::Error<std::convert::Infallible>> = write(&mut e);
    written.expect("writing to a Vec cannot fail");
    e.into_writer()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn claims_come_back(entries in prop::collection::vec(any_entry(), 1..16), from in any::<prop::sample::Index>()) {
        for resolution in Resolution::ALL {
            let claim = recompute(&entries, from.index(entries.len()), resolution).expect("a claim");
            let read = parsed(claim.as_body()).expect("parses");
            prop_assert_eq!(&read, claim.as_claim());
            prop_assert!(claim.confirm(&read).is_ok());
        }
    }

    /// Bytes that nobody wrote are refused, or are those of one claim.
    #[test]
    fn arbitrary_columns_never_panic(
        resolution in 0u8..4,
        count in 0u16..8_192,
        rest in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        // Near the layout's beginning: few random bytes get by the first look.
        for count in [count, count % 4] {
            let start = [1, (count >> 5) as u8, (count << 3) as u8 | rest.first().copied().unwrap_or(0) & 7];
            let bytes = claim_of(resolution, &[&start[..], &rest].concat());
            if let Ok(claim) = parsed(&bytes) {
                prop_assert!(claim.buckets.len() <= CLAIM_BUCKETS_MAX);
                prop_assert_eq!(claim.to_bytes(), bytes);
            }
        }
    }

    #[test]
    fn a_flipped_bit_never_panics_and_says_something_else(
        entries in prop::collection::vec(any_entry(), 1..10),
        at in any::<prop::sample::Index>(),
        bit in 0u8..8,
    ) {
        let claim = recompute(&entries, 0, Resolution::Minute).expect("a claim");
        let mut columns = columns::write(&claim.as_claim().buckets);
        let at = at.index(columns.len());
        columns[at] ^= 1 << bit;
        let bytes = claim_of(0, &columns);
        if let Ok(read) = parsed(&bytes) {
            prop_assert_ne!(&read.buckets, &claim.as_claim().buckets);
            prop_assert_eq!(read.to_bytes(), bytes);
        }
        let mut sent = claim.as_body().to_vec();
        let at = at % sent.len();
        sent[at] ^= 1 << bit;
        prop_assert!(parsed(&sent).is_err() || parsed(&sent).is_ok_and(|it| it.hash() != claim.as_claim().hash()));
    }
}

/// A bucket of as many readings as can be counted, of any values.
fn extreme() -> impl Strategy<Value = Bucket> {
    let finite = || prop_oneof![Just(f64::MAX), Just(f64::MIN), Just(f64::from_bits(1)), -9f64..9.0];
    (2u64..=i64::MAX as u64, finite(), finite(), 0u64..=i64::MAX as u64).prop_map(|(count, a, b, bad)| {
        let (min, max) = (a.min(b), a.max(b));
        let mut it = Bucket { count, bad, uncertain: bad, min, max, ..Bucket::default() };
        it.sum.subtract_times(-min, count - 1);
        it.sum.subtract_times(-max, 1);
        it
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    /// What nobody can recompute any more may be a lie, and still is added up.
    #[test]
    fn extreme_claims_are_read_and_joined(buckets in prop::collection::btree_map(0i64..5, extreme(), 1..5)) {
        let mut joined = BTreeMap::<i64, Bucket>::new();
        for n in 0..4 {
            let (from, to) = (n << 60, (n + 1) << 60);
            let claim = RollUpClaim { from, to, buckets: buckets.clone(), ..hours(&entries(), 0).as_claim().clone() };
            prop_assert_eq!(&parsed(&claim.to_bytes()).expect("possible"), &claim);
            claim.buckets().iter().for_each(|(number, it)| joined.entry(*number).or_default().join(it));
        }
        for (number, bucket) in &buckets {
            let it = &joined[number];
            prop_assert_eq!((it.min(), it.max()), (bucket.min(), bucket.max()));
            prop_assert!(it.count() <= i64::MAX as u64 && it.mean().is_some_and(f64::is_finite));
        }
    }
}

/// What was counted in Auckland in January 2024: 744 hours of 21 sensors, in the columns of `gateway/data`.
fn auckland() -> Vec<Vec<f64>> {
    let text =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../gateway/data/auckland-2024-01-counts.csv"));
    let rows = text.lines().skip(1).map(|line| line.split(',').skip(2));
    let mut sensors = vec![Vec::new(); 21];
    for row in rows {
        for (sensor, cell) in sensors.iter_mut().zip(row) {
            sensor.push(cell.parse().expect("a count"));
        }
    }
    sensors
}

/// The bytes that claims take for each bucket: their columns alone, and all of the claim.
fn bytes_per_bucket(streams: &[Vec<Entry>], resolution: Resolution) -> [f64; 2] {
    let (mut in_columns, mut in_claims, mut buckets) = (0, 0, 0);
    for entries in streams {
        let claim = recompute(entries, 0, resolution).expect("a claim");
        in_columns += columns::write(&claim.as_claim().buckets).len();
        in_claims += claim.as_body().len();
        buckets += claim.as_claim().buckets.len();
    }
    [in_columns, in_claims].map(|bytes| f64::from(bytes as u32) / f64::from(buckets as u32))
}

#[test]
fn buckets_of_real_counts_take_few_bytes() {
    let sensors = auckland();
    let twelve = |values: &Vec<f64>| every(3_600_000, values.iter().copied()).chunks(12).map(entry).collect();
    let streams: Vec<Vec<Entry>> = sensors.iter().map(twelve).collect();
    let hours = bytes_per_bucket(&streams, Resolution::Hour);
    let days = bytes_per_bucket(&streams, Resolution::Day);
    assert!(hours[0] < 1.10 && hours[1] < 1.30, "{hours:.2?}: 744 buckets of one count each");
    assert!(days[0] < 4.2 && days[1] < 9.30, "{days:.2?}: 31 buckets of 24");
}

/// One decimal, sixty a minute, for four hours: the sums are no decimals to the last bit.
#[test]
fn sums_of_decimals_take_few_bytes() {
    let (mut level, mut state) = (500i32, 1u32);
    let values = (0..14_400).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        level += (state >> 24) as i32 % 13 - 6;
        f64::from(level) / 10.0
    });
    let streams: [Vec<Entry>; 1] = [every(1_000, values).chunks(60).map(entry).collect()];
    let bytes = bytes_per_bucket(&streams, Resolution::Minute);
    assert!(bytes[0] < 4.6 && bytes[1] < 5.3, "{bytes:.2?}");
}
