use msec_identity::UnixMillis;
use proptest::prelude::*;

use super::*;
use crate::log::{EntryKind, TimeQuality};
use crate::reading::{Reading, ValueQuality};
use crate::rollup::samples::{START, any_entry, entry, erased, every};
use crate::rollup::sum::ExactSum;

fn anew(entries: &[Entry]) -> RollUps {
    let mut all = RollUps::default();
    all.apply(0, entries).expect("from the start");
    all
}

/// Those of one fold, and then of the one that goes on where it ends, as an index and memory hold them.
fn joined(older: &RollUps, newer: &RollUps, resolution: Resolution) -> BTreeMap<i64, Row> {
    let mut rows: BTreeMap<_, _> = older.rows(resolution).collect();
    for (number, row) in newer.rows(resolution) {
        let joined = rows.entry(number).or_default();
        row.iter().for_each(|(number, bucket)| joined.entry(*number).or_default().join(bucket));
    }
    while rows.len() > resolution.rows_kept() {
        rows.pop_first();
    }
    rows
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

    /// Runs come cut anywhere, some of them twice: the bytes are those of a roll-up that is made anew.
    #[test]
    fn updated_in_place_or_made_anew_it_is_the_same(
        entries in prop::collection::vec(any_entry(), 0..30),
        runs in prop::collection::vec((0usize..5, 0usize..3), 0..12),
    ) {
        let (mut updated, mut size) = (RollUps::default(), 0usize);
        for (len, again) in runs.into_iter().chain([(usize::MAX, 0)]) {
            let end = size.saturating_add(len).min(entries.len());
            let from = size.saturating_sub(again);
            updated.apply(from as u64, &entries[from..end]).expect("goes on");
            size = end;
        }
        prop_assert_eq!(updated.to_bytes(), anew(&entries).to_bytes());
    }

    /// An index takes what memory has at any time, and nothing is lost on the way.
    #[test]
    fn two_folds_are_joined_without_loss(
        entries in prop::collection::vec(any_entry(), 0..30),
        cut in any::<prop::sample::Index>(),
    ) {
        let cut = cut.index(entries.len() + 1);
        let older = anew(&entries[..cut]);
        let mut newer = RollUps::after(cut as u64);
        newer.apply(cut as u64, &entries[cut..]).expect("goes on");
        let all = anew(&entries);
        for resolution in Resolution::KEPT {
            prop_assert_eq!(joined(&older, &newer, resolution), all.rows(resolution).collect());
        }
        let mut left_out = older.left_out();
        left_out.join(&newer.left_out());
        prop_assert_eq!((left_out, newer.end()), (all.left_out(), all.end()));
        let gone = if older.gone() == older.end() { newer.gone() } else { older.gone() };
        prop_assert_eq!(gone, all.gone());
        let has_body = |it: &Entry| it.kind == EntryKind::Readings && it.body.bytes().is_some();
        let first = entries.iter().position(has_body).unwrap_or(entries.len());
        prop_assert_eq!(gone, first as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(25))]

    #[test]
    fn buckets_say_what_readings_say(entries in prop::collection::vec(any_entry(), 0..30)) {
        let all = anew(&entries);
        for resolution in Resolution::KEPT {
            for (number, bucket) in all.buckets(resolution) {
                let values = by_hand(&entries, resolution, number);
                prop_assert_eq!(bucket.count(), values.len() as u64);
                prop_assert_eq!(bucket.min(), values.first().copied());
                prop_assert_eq!(bucket.max(), values.last().copied());
                let mut sum = ExactSum::default();
                values.iter().for_each(|value| sum.add(*value));
                prop_assert_eq!(bucket.sum(), sum.round());
            }
        }
        let told: u128 = all.buckets(Resolution::Day).map(|(_, it)| it.readings()).sum();
        let of = |entry: &Entry| {
            let is_told = entry.kind == EntryKind::Readings;
            let body = entry.body.bytes().filter(|_| is_told);
            body.and_then(|it| crate::reading::decode_readings(it).ok()).map_or(0, |it| it.len())
        };
        let readings = entries.iter().map(of).sum::<usize>() as u128;
        prop_assert_eq!(told + u128::from(all.left_out().untimed), readings);
    }
}

/// Two years of hours are not kept. Which ones are does not depend on when they came, nor on when older ones were left out.
#[test]
fn the_newest_rows_are_kept() {
    let readings = every(3_600_000, (0..20_000).map(f64::from));
    let entries: Vec<_> = readings.chunks(50).map(entry).collect();
    let back: Vec<_> = entries.iter().rev().cloned().collect();
    let (all, from_back) = (anew(&entries), anew(&back));
    let hours: BTreeMap<_, _> = all.rows(Resolution::Hour).collect();
    assert_eq!(hours.len(), HOUR_ROWS_KEPT);
    assert_eq!(hours, from_back.rows(Resolution::Hour).collect());
    let newest = all.buckets(Resolution::Hour).last().map(|(at, _)| row_of(at));
    assert_eq!(hours.last_key_value().map(|(row, _)| *row), newest);
    assert!(hours.values().rev().skip(1).all(|row| row.len() == BUCKETS_PER_ROW as usize));
    let days: u64 = all.buckets(Resolution::Day).map(|(_, it)| it.count()).sum();
    assert_eq!(days, 20_000);
    assert!(all.bytes() < 14_000 * 60, "others are let go of, and one value takes little: {}", all.bytes());
    let mut newer = RollUps::after(200);
    newer.apply(200, &entries[200..]).expect("goes on");
    assert_eq!(joined(&anew(&entries[..200]), &newer, Resolution::Hour), hours);
    assert_eq!(all.buckets(Resolution::Minute).count(), 0);
}

/// A clock that ran ahead once costs one row.
#[test]
fn a_time_that_is_far_ahead_does_not_take_the_place_of_all() {
    let ahead = entry(&[Reading::new(UnixMillis(i64::MAX), 1.0)]);
    let now = entry(&every(1_000, (0..60).map(f64::from)));
    let all = anew(&[ahead, now]);
    for resolution in Resolution::KEPT {
        assert_eq!(all.buckets(resolution).map(|(_, it)| it.count()).sum::<u64>(), 61);
    }
}

#[test]
fn what_was_erased_is_not_in_it_any_more() {
    let (kept, gone) = (entry(&every(1, [3.0])), entry(&every(1, [99.0])));
    let max = |all: &RollUps| all.buckets(Resolution::Day).next().and_then(|(_, it)| it.max());
    assert_eq!(max(&anew(&[kept.clone(), gone.clone()])), Some(99.0));
    let all = anew(&[kept, erased(&gone)]);
    assert_eq!((max(&all), all.left_out().erased, all.end(), all.gone()), (Some(3.0), 1, 2, 0));
}

#[test]
fn a_gap_is_refused_and_changes_nothing() {
    let entries = vec![entry(&every(1, [3.0])); 3];
    let mut all = RollUps::default();
    assert_eq!(all.apply(1, &entries), Err(RollUpError::NotNext { size: 0, from: 1 }));
    assert_eq!(all.to_bytes(), RollUps::default().to_bytes());
    all.apply(0, &entries).expect("from the start");
    let before = all.to_bytes();
    assert_eq!(all.apply(4, &entries), Err(RollUpError::NotNext { size: 3, from: 4 }));
    assert_eq!(all.to_bytes(), before);
}

#[test]
fn a_time_that_nobody_knows_is_in_no_bucket() {
    let known = entry(&[Reading::new(UnixMillis(START), 1.0), Reading::new(UnixMillis(START), 2.0)]);
    let unknown = Entry { quality: TimeQuality::Unsynchronised, ..known.clone() };
    let later = Entry { quality: TimeQuality::Other(9), ..known.clone() };
    let all = anew(&[known, unknown, later]);
    assert_eq!(all.left_out(), LeftOut { untimed: 4, ..LeftOut::default() });
    assert_eq!(all.buckets(Resolution::Hour).map(|(_, it)| it.sum()).collect::<Vec<_>>(), [3.0]);
}
