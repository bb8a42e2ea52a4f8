//! What the store says of minutes, hours and days, against looking at every reading there is.

mod claims;
mod due;
mod erase;
#[cfg(feature = "index")]
mod index;
mod retain;

use super::*;
use crate::log::{Body, Entry};
use crate::rollup::Resolution;

const MINUTE: i64 = 60_000;

/// Settings with roll-ups, and all else tiny.
fn rolled(index: bool) -> StoreConfig {
    StoreConfig { roll_ups: true, ..tiny(index) }
}

/// Readings of any minutes, in entries of any size, in commits of some of them, of three logs.
fn commits() -> impl Strategy<Value = Vec<(usize, Vec<Vec<i64>>)>> {
    let entry = proptest::collection::vec(0i64..200, 1..6);
    proptest::collection::vec((0usize..3, proptest::collection::vec(entry, 1..4)), 0..14)
}

impl Writer {
    /// Adds an entry with a reading in each of these minutes; what they measure counts up.
    fn measure(&mut self, minutes: &[i64]) {
        let readings: Vec<_> = minutes
            .iter()
            .map(|minute| {
                self.written += 1;
                Reading::new(START.saturating_add(minute * MINUTE), self.written as f64 / 10.0)
            })
            .collect();
        let done = self.log.append_readings(START, TimeQuality::Synchronised, [3; 16], &readings);
        done.expect("appended");
    }

    /// A run with these entries.
    fn measured(&mut self, entries: &[Vec<i64>]) -> VerifiedRun {
        entries.iter().for_each(|minutes| self.measure(minutes));
        self.log.sign(&self.identity, START).expect("something to sign")
    }
}

fn filled(commits: &[(usize, Vec<Vec<i64>>)], config: StoreConfig) -> (MemoryDir, Store) {
    let mut writers = [writer("a"), writer("bb"), writer("ccc")];
    let dir = MemoryDir::default();
    let (mut store, _) = Store::open_with(dir.clone(), config).expect("opens");
    for (seq, (log, entries)) in (1..).zip(commits) {
        store.apply(seq, &[writers[*log].measured(entries)]).expect("applied");
        store.sync().expect("synced");
    }
    (dir, store)
}

/// What a row says, to be compared.
type Said = (i64, String, u64, Option<f64>, Option<f64>, f64);

fn said(rows: &[RollUpRow]) -> Vec<Said> {
    let one = |row: &RollUpRow| {
        let it = &row.bucket;
        (row.begin.0, row.of.stream.clone(), it.count(), it.min(), it.max(), it.sum())
    };
    rows.iter().map(one).collect()
}

/// The same from all readings: the newest first, and then by the names of the streams.
fn by_hand(store: &Store, resolution: Resolution) -> Vec<Said> {
    let mut buckets = BTreeMap::<_, Vec<f64>>::new();
    for row in store.query(&Query::default()).expect("answers") {
        let number = resolution.number(row.reading.time);
        buckets.entry((-number, row.stream().to_owned())).or_default().push(row.reading.value);
    }
    let one = |((number, stream), mut values): ((i64, String), Vec<f64>)| {
        values.sort_by(f64::total_cmp);
        // Tenths below a million: whole numbers of them add up exactly.
        let tenths: i64 = values.iter().map(|value| (value * 10.0).round() as i64).sum();
        let (min, max) = (values.first().copied(), values.last().copied());
        (resolution.begin(-number).0, stream, values.len() as u64, min, max, tenths as f64 / 10.0)
    };
    buckets.into_iter().map(one).collect()
}

fn close_to(a: &[Said], b: &[Said]) -> bool {
    let same = |(a, b): (&Said, &Said)| {
        (a.0, &a.1, a.2, a.3, a.4) == (b.0, &b.1, b.2, b.3, b.4) && (a.5 - b.5).abs() < 1e-9
    };
    a.len() == b.len() && a.iter().zip(b).all(same)
}

/// Found by a power cut: minutes counted what was let go of the run in which the log begins now.
#[test]
fn what_was_let_go_of_a_run_is_in_no_minute() {
    for index in [false, true] {
        let dir = MemoryDir::default();
        let (mut store, _) = Store::open_with(dir.clone(), rolled(index)).expect("opens");
        let mut a = writer("a");
        store.apply(1, &[a.measured(&[vec![0], vec![1], vec![2], vec![3], vec![3]])]).expect("applied");
        store.sync().expect("synced");
        store.close();
        store.prune(&[(a.log.header().id(), 4)]).expect("pruned");
        for resolution in [Resolution::Minute, Resolution::Hour] {
            let count = |store: &Store| -> u64 {
                let rows = store.roll_ups(&RollUpQuery::every(resolution)).expect("answers");
                rows.iter().map(|row| row.bucket.count()).sum()
            };
            assert_eq!(count(&store), 2);
            let (again, _) = Store::open_with(dir.copy(), rolled(index)).expect("opens");
            assert_eq!(count(&again), 2);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn roll_ups_are_what_the_readings_come_to(commits in commits(), index in any::<bool>()) {
        let (dir, store) = filled(&commits, rolled(index));
        for resolution in Resolution::ALL {
            let rows = store.roll_ups(&RollUpQuery::every(resolution)).expect("answers");
            prop_assert!(close_to(&said(&rows), &by_hand(&store, resolution)), "{:?}", said(&rows));
        }
        drop(store);
        let (store, _) = Store::open_with(dir, rolled(index)).expect("opens");
        for resolution in Resolution::ALL {
            let rows = store.roll_ups(&RollUpQuery::every(resolution)).expect("answers");
            prop_assert!(close_to(&said(&rows), &by_hand(&store, resolution)), "opened again");
        }
    }

    #[test]
    fn pages_of_any_size_are_the_answer_and_nothing_comes_twice(
        commits in commits(),
        limit in 1usize..9,
        (since, length) in (0i64..200, 0i64..200),
        stream in proptest::option::of(prop_oneof![Just("a"), Just("bb"), Just("d")]),
        index in any::<bool>(),
    ) {
        let (_, store) = filled(&commits, rolled(index));
        let since = START.saturating_add(since * MINUTE);
        let until = since.saturating_add(length * MINUTE);
        let every = RollUpQuery::every(Resolution::Minute);
        let mut expected = store.roll_ups(&every).expect("answers");
        expected.retain(|row| {
            row.end() > since && row.begin < until && stream.is_none_or(|stream| stream == row.of.stream)
        });
        let query = RollUpQuery { since, until, stream: stream.map(Into::into), ..every };
        let page = |after| store.roll_ups(&RollUpQuery { after, limit, ..query.clone() }).expect("answers");
        let pages = all_pages(limit, RollUpRow::cursor, page);
        prop_assert_eq!(pages, if length == 0 { Vec::new() } else { expected });
    }
}

/// The logs that a stream went on in are counted together.
#[test]
fn a_stream_that_went_on_in_a_new_log_is_one() {
    let (mut store, _) = Store::open_with(MemoryDir::default(), rolled(false)).expect("opens");
    let mut before = writer("a");
    let header = LogHeader::new(
        SpaceId([0; 32]),
        "parks/noise".parse().expect("a path"),
        "a",
        before.identity.peer(),
        [2; 16],
    );
    let mut after = Writer { log: OwnLog::create(header.with_unit("dB")), written: 10, ..writer("a") };
    store.apply(1, &[before.measured(&[vec![0, 1]]), after.measured(&[vec![2]])]).expect("applied");
    store.sync().expect("synced");
    let rows = store.roll_ups(&RollUpQuery::every(Resolution::Day)).expect("answers");
    assert_eq!(
        said(&rows).iter().map(|it| (it.2, it.3, it.4)).collect::<Vec<_>>(),
        [(3, Some(0.1), Some(1.1))]
    );
    let log = Some(after.log.header().id());
    let rows = store.roll_ups(&RollUpQuery { log, ..RollUpQuery::every(Resolution::Day) }).expect("answers");
    assert_eq!(rows.iter().map(|row| row.bucket.count()).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_store_that_keeps_none_says_so() {
    let (_, store) = filled(&[(0, vec![vec![1]])], tiny(true));
    let asked = store.roll_ups(&RollUpQuery::every(Resolution::Day));
    assert!(matches!(asked, Err(StorageError::NoRollUps)));
}

/// What a failed sync takes back was never counted.
#[test]
fn what_is_not_durable_is_in_no_bucket() {
    for index in [false, true] {
        let (dir, mut store) = filled(&[(0, vec![vec![1, 2]])], rolled(index));
        let count = |store: &Store| {
            let rows = store.roll_ups(&RollUpQuery::every(Resolution::Day)).expect("answers");
            rows.iter().map(|row| row.bucket.count()).sum::<u64>()
        };
        let mut another = writer("bb");
        let run = another.measured(&[vec![3]]);
        store.apply(2, std::slice::from_ref(&run)).expect("applied");
        assert_eq!(count(&store), 2);
        dir.break_at(dir.steps(), Breakage::Once);
        store.sync().expect_err("broken");
        store.sync().expect("nothing is left to sync");
        assert_eq!(count(&store), 2);
        store.apply(2, &[run]).expect("applied");
        store.sync().expect("synced");
        assert_eq!(count(&store), 3);
        store.close();
        assert_eq!(count(&store), 3);
    }
}

/// While the index takes what is in memory, nothing counts twice and nothing is missed.
#[test]
fn a_question_on_another_thread_counts_each_reading_once() {
    let (_, mut store) = filled(&[(0, vec![vec![0]])], rolled(true));
    let mut writer = writer("bb");
    let queries = store.queries();
    let asking = std::thread::spawn(move || {
        let mut counts = Vec::new();
        while counts.last() != Some(&61) {
            let rows = queries.roll_ups(&RollUpQuery::every(Resolution::Hour)).expect("answers");
            counts.push(rows.iter().map(|row| row.bucket.count()).sum::<u64>());
        }
        assert!(counts.is_sorted() && counts.iter().all(|count| count % 3 == 1), "{counts:?}");
    });
    for seq in 2..22 {
        store.apply(seq, &[writer.measured(&[vec![seq as i64; 3]])]).expect("applied");
        store.sync().expect("synced");
    }
    asking.join().expect("it found all");
}

/// The same run without the bodies of some of its entries, as whoever pruned them keeps it.
fn without_bodies(run: &VerifiedRun, gone: impl Fn(u64) -> bool) -> VerifiedRun {
    let mut run = run.clone();
    for (entry, position) in run.entries.iter_mut().zip(run.from..) {
        if gone(position) {
            *entry = crate::rollup::without_body(entry);
        }
    }
    run
}

/// The entries of a log, as they are in runs.
fn entries(runs: &[VerifiedRun]) -> Vec<Entry> {
    runs.iter().flat_map(|run| run.entries.iter().cloned()).collect()
}

#[test]
fn a_pruned_run_is_one_that_fits() {
    let run = writer("a").measured(&[vec![1], vec![2]]);
    let pruned = without_bodies(&run, |at| at == 1);
    assert!(matches!(pruned.entries[1].body, Body::Erased { .. }));
    assert_eq!(received(&pruned.to_bytes(), None).entries, pruned.entries);
    assert_eq!(entries(&[run])[1].leaf(), pruned.entries[1].leaf());
}
