use msec_identity::UnixMillis;
use proptest::prelude::*;

use super::*;
use crate::log::{EntryKind, TimeQuality};
use crate::reading::{Reading, ValueQuality};
use crate::rollup::claim::Recompute;
use crate::rollup::samples::{START, any_entry, entry, erased, every, range};
use crate::rollup::sum::ExactSum;

fn log(n: u8) -> LogId {
    LogId([n; 32])
}

fn anew(logs: &[Vec<Entry>]) -> RollUps {
    let mut all = RollUps::default();
    for (n, entries) in (0..).zip(logs) {
        all.apply(log(n), 0, entries).expect("from the start");
    }
    all
}

fn logs() -> impl Strategy<Value = Vec<Vec<Entry>>> {
    prop::collection::vec(prop::collection::vec(any_entry(), 0..12), 3)
}

/// What counts in a bucket, by another way.
fn by_hand(entries: &[Entry], resolution: Resolution, number: i64) -> Vec<f64> {
    let is_told =
        |entry: &&Entry| entry.kind == EntryKind::Readings && entry.quality == TimeQuality::Synchronised;
    let bodies = entries.iter().filter(is_told).filter_map(|entry| entry.body.bytes());
    let readings = bodies.filter_map(|bytes| crate::reading::decode_readings(bytes).ok()).flatten();
    let begin = i128::from(number) * i128::from(resolution.millis());
    let is_in = |it: &Reading| (begin..begin + i128::from(resolution.millis())).contains(&it.time.0.into());
    let counts = |it: &Reading| it.quality == ValueQuality::Good && it.value.is_finite();
    let mut values: Vec<_> = readings.filter(|it| is_in(it) && counts(it)).map(|it| it.value).collect();
    values.sort_by(f64::total_cmp);
    values
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Runs of several logs come in any order and cut anywhere, some of them twice: the bytes are those of a roll-up that
    /// is made anew.
    #[test]
    fn updated_in_place_or_made_anew_it_is_the_same(
        logs in logs(),
        runs in prop::collection::vec((0usize..3, 0usize..5, 0usize..3), 0..20),
    ) {
        let (mut updated, mut sizes) = (RollUps::default(), [0usize; 3]);
        let to_the_end = (0..3).map(|n| (n, usize::MAX, 0));
        for (n, len, again) in runs.into_iter().chain(to_the_end) {
            let end = sizes[n].saturating_add(len).min(logs[n].len());
            let from = sizes[n].saturating_sub(again);
            updated.apply(log(n as u8), from as u64, &logs[n][from..end]).expect("goes on");
            sizes[n] = end;
        }
        prop_assert_eq!(updated.to_bytes(), anew(&logs).to_bytes());
    }

    /// The entries before a cut are gone, and what was claimed of them is there.
    #[test]
    fn claims_stand_for_entries(
        entries in prop::collection::vec(any_entry(), 1..16),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(entries.len() + 1)).collect();
        cuts.sort_unstable();
        let (mut with_claims, mut from) = (RollUps::default(), 0);
        for to in cuts.into_iter().filter(|to| *to > 0) {
            if from == to { continue }
            for resolution in Resolution::ALL {
                let mut claim = Recompute::begin(log(0), resolution, range(&entries[..from]));
                entries[from..to].iter().for_each(|entry| claim.push(entry).expect("few buckets"));
                let claim = claim.finish().expect("a claim");
                with_claims.adopt(claim.as_claim()).expect("goes on");
                prop_assert!(with_claims.adopt(claim.as_claim()).is_err(), "not twice");
            }
            from = to;
        }
        with_claims.apply(log(0), from as u64, &entries[from..]).expect("goes on");
        prop_assert_eq!(with_claims.to_bytes(), anew(&[entries]).to_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(25))]

    #[test]
    fn buckets_say_what_readings_say(logs in logs()) {
        let all = anew(&logs);
        let stream: Vec<_> = (0..3).map(log).collect();
        for resolution in Resolution::ALL {
            let entries = logs.concat();
            for (number, bucket) in all.of_stream(&stream, resolution) {
                let values = by_hand(&entries, resolution, number);
                prop_assert_eq!(bucket.count(), values.len() as u64);
                prop_assert_eq!(bucket.min(), values.first().copied());
                prop_assert_eq!(bucket.max(), values.last().copied());
                let mut sum = ExactSum::default();
                values.iter().for_each(|value| sum.add(*value));
                prop_assert_eq!(bucket.sum(), sum.round());
            }
            let told: u128 = all.of_stream(&stream, resolution).values().map(Bucket::readings).sum();
            let out = |it: &LogId| all.of_log(it, resolution).map(|it| it.left_out().untimed).unwrap_or_default();
            let untimed: u64 = stream.iter().map(out).sum();
            let of = |entry: &Entry| {
                let is_told = entry.kind == EntryKind::Readings;
                entry.body.bytes().filter(|_| is_told).and_then(|it| crate::reading::decode_readings(it).ok()).map_or(0, |it| it.len())
            };
            prop_assert_eq!(told + u128::from(untimed), entries.iter().map(of).sum::<usize>() as u128);
        }
    }
}

/// A year of minutes is not kept in memory. Which ones are does not depend on when they came.
#[test]
fn the_last_buckets_are_kept() {
    let readings = every(60_000, (0..3_000).map(f64::from));
    let entries: Vec<_> = readings.chunks(50).map(entry).collect();
    let back: Vec<_> = entries.iter().rev().cloned().collect();
    let kept = anew(&[entries, back]);
    let [minutes, from_back] = [0, 1].map(|n| kept.of_log(&log(n), Resolution::Minute).expect("held"));
    assert_eq!(minutes, from_back);
    assert_eq!(minutes.buckets().len(), MINUTES_KEPT);
    assert_eq!(minutes.buckets().values().next().and_then(Bucket::min), Some(1_560.0));
    let hours = kept.of_log(&log(0), Resolution::Hour).expect("held");
    assert_eq!(hours.buckets().values().map(Bucket::count).sum::<u64>(), 3_000);
}

#[test]
fn what_was_erased_is_not_in_it_any_more() {
    let (kept, gone) = (entry(&every(1, [3.0])), entry(&every(1, [99.0])));
    let mut all = anew(&[vec![kept.clone(), gone.clone()]]);
    assert_eq!(all.of_log(&log(0), Resolution::Day).expect("held").buckets()[&19_675].max(), Some(99.0));
    all.forget(&log(0));
    all.apply(log(0), 0, &[kept, erased(&gone)]).expect("from the start");
    let day = all.of_log(&log(0), Resolution::Day).expect("held");
    assert_eq!((day.buckets()[&19_675].max(), day.left_out().erased, day.size()), (Some(3.0), 1, 2));
}

#[test]
fn a_gap_is_refused_and_changes_nothing() {
    let entries = vec![entry(&every(1, [3.0])); 3];
    let mut all = RollUps::default();
    assert_eq!(all.apply(log(0), 1, &entries), Err(RollUpError::NotNext { size: 0, from: 1 }));
    assert_eq!(all, RollUps::default());
    all.apply(log(0), 0, &entries).expect("from the start");
    let before = all.clone();
    assert_eq!(all.apply(log(0), 4, &entries), Err(RollUpError::NotNext { size: 3, from: 4 }));
    assert_eq!(all, before);
}

#[test]
fn a_time_that_nobody_knows_is_in_no_bucket() {
    let known = entry(&[Reading::new(UnixMillis(START), 1.0), Reading::new(UnixMillis(START), 2.0)]);
    let unknown = Entry { quality: TimeQuality::Unsynchronised, ..known.clone() };
    let later = Entry { quality: TimeQuality::Other(9), ..known.clone() };
    let all = anew(&[vec![known, unknown, later]]);
    let minutes = all.of_log(&log(0), Resolution::Minute).expect("held");
    assert_eq!(minutes.left_out(), LeftOut { untimed: 4, ..LeftOut::default() });
    assert_eq!(minutes.buckets().values().map(Bucket::sum).collect::<Vec<_>>(), [3.0]);
}
