//! What queries find, against looking at every reading there is.

use super::*;
use crate::query::QUERY_ROWS_MAX;

/// Readings of any times, in entries of any size, in commits of some of them, of three logs.
fn commits() -> impl Strategy<Value = Vec<(usize, Vec<Vec<i64>>)>> {
    let entry = proptest::collection::vec(0i64..40, 1..6);
    proptest::collection::vec((0usize..3, proptest::collection::vec(entry, 1..4)), 0..14)
}

fn filled(commits: &[(usize, Vec<Vec<i64>>)], config: StoreConfig) -> Store {
    let mut writers = [writer("a"), writer("bb"), writer("ccc")];
    let (mut store, _) = Store::open_with(MemoryDir::default(), config).expect("opens");
    for (seq, (log, entries)) in (1..).zip(commits) {
        let writer = &mut writers[*log];
        for times in entries {
            let readings: Vec<_> = times
                .iter()
                .map(|time| {
                    writer.written += 1;
                    Reading::new(UnixMillis(*time), writer.written as f64)
                })
                .collect();
            let done = writer.log.append_readings(START, TimeQuality::Synchronised, [3; 16], &readings);
            done.expect("appended");
        }
        let run = writer.log.sign(&writer.identity, START).expect("something to sign");
        store.apply(seq, &[run]).expect("applied");
        store.sync().expect("synced");
    }
    store
}

/// All rows, by reading every entry.
fn all(store: &Store) -> Vec<Row> {
    let rows = store.query(&Query::default()).expect("answers");
    assert!(rows.len() < QUERY_ROWS_MAX);
    rows
}

proptest! {
    #[test]
    fn pages_of_any_size_are_the_answer_and_nothing_comes_twice(
        commits in commits(),
        limit in 1usize..9,
        (since, length) in (0i64..40, 0i64..40),
        stream in proptest::option::of(prop_oneof![Just("a"), Just("bb"), Just("d")]),
        index in any::<bool>(),
    ) {
        let store = filled(&commits, tiny(index));
        let (since, until) = (UnixMillis(since), UnixMillis(since + length));
        let query = Query { since, until, stream: stream.map(Into::into), ..Query::default() };
        let everything = all(&store);
        let count: usize = commits.iter().flat_map(|(_, entries)| entries).map(Vec::len).sum();
        prop_assert_eq!(everything.len(), count);
        prop_assert!(everything.is_sorted_by(|a, b| a.cursor() > b.cursor()));
        let mut expected = everything;
        expected.retain(|row| {
            (since..until).contains(&row.reading.time) && stream.is_none_or(|stream| stream == row.stream())
        });
        prop_assert_eq!(&store.query(&query).expect("answers"), &expected);

        let page = |after| store.query(&Query { after, limit, ..query.clone() }).expect("answers");
        let pages = all_pages(limit, Row::cursor, page);
        prop_assert_eq!(pages, expected);
    }

    #[test]
    fn the_latest_are_the_newest_of_each_stream(commits in commits(), since in 0i64..40, index in any::<bool>()) {
        let store = filled(&commits, tiny(index));
        let query = Query { since: UnixMillis(since), ..Query::default() };
        let mut expected = all(&store);
        let mut seen = BTreeSet::new();
        expected.retain(|row| seen.insert(row.stream().to_owned()) && row.reading.time >= query.since);
        prop_assert_eq!(&store.latest(&query).expect("answers"), &expected);
        let limited = store.latest(&Query { limit: 2, ..query }).expect("answers");
        prop_assert_eq!(limited, &expected[..expected.len().min(2)]);
    }
}

/// A stream that went on in a new log is one stream.
#[test]
fn the_latest_of_a_stream_is_that_of_its_last_log() {
    let (_, mut store) = in_memory();
    let mut before = writer("a");
    let header = LogHeader::new(
        SpaceId([0; 32]),
        "parks/noise".parse().expect("a path"),
        "a",
        before.identity.peer(),
        [2; 16],
    );
    let mut after = Writer { log: OwnLog::create(header), written: 10, ..writer("a") };
    store.apply(1, &[before.run(3), after.run(2)]).expect("applied");
    let latest = store.latest(&Query::default()).expect("answers");
    assert_eq!(latest.iter().map(|row| row.reading.value).collect::<Vec<_>>(), [11.0]);
    assert_eq!(latest[0].log, after.log.header().id());
}

#[test]
fn a_query_on_another_thread_sees_what_was_applied() {
    let (_, mut store) = in_memory();
    let mut writer = writer("a");
    store.apply(1, &[writer.run(3)]).expect("applied");
    let queries = store.queries();
    let asking = std::thread::spawn(move || {
        let mut sizes = Vec::new();
        while sizes.last() != Some(&60) {
            let rows = queries.query(&Query::default()).expect("answers");
            let expected: Vec<_> = (0..rows.len()).rev().map(|n| n as f64).collect();
            assert_eq!(rows.iter().map(|row| row.reading.value).collect::<Vec<_>>(), expected);
            sizes.push(rows.len());
        }
        assert!(sizes.is_sorted());
    });
    for seq in 2..21 {
        store.apply(seq, &[writer.run(3)]).expect("applied");
        store.sync().expect("synced");
    }
    asking.join().expect("it found all");
}
