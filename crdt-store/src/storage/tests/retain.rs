//! What is old goes, and what has no room: but only what others have, and what rules are for.

use super::*;

const HOUR: i64 = 3_600_000;

/// A writer in that collection.
fn writer_in(collection: &str, stream: &str) -> Writer {
    let identity = Identity::from_seed([stream.len() as u8; 32]);
    let path = collection.parse().expect("a path");
    let header = LogHeader::new(SpaceId([0; 32]), path, stream, identity.peer(), [1; 16]);
    Writer { identity, log: OwnLog::create(header), written: 0 }
}

/// A reading in each of these hours, each a commit of its own, with a body of 64 readings.
fn hours(store: &mut Store, writer: &mut Writer, hours: Range<i64>) {
    for hour in hours {
        let at = START.saturating_add(hour * HOUR);
        let readings: Vec<_> =
            (0..64).map(|n| Reading::new(at.saturating_add(n), hour as f64 + n as f64)).collect();
        let done = writer.log.append_readings(at, TimeQuality::Synchronised, [3; 16], &readings);
        done.expect("appended");
        store.apply(1, &[writer.log.sign(&writer.identity, at).expect("a run")]).expect("applied");
    }
    store.sync().expect("synced");
}

fn rule(collection: &str, raw_hours: Option<u64>, bytes_max: Option<u64>) -> Retention {
    let collection = if collection.is_empty() {
        msec_identity::CollectionPath::everything()
    } else {
        collection.parse().expect("a path")
    };
    Retention {
        collection,
        raw_ms: raw_hours.map(|hours| hours * HOUR as u64),
        roll_ups_ms: Some(0),
        bytes_max,
    }
}

/// Retains as it is at an hour, where logs are vouched for up to an entry.
fn retain(store: &mut Store, rules: &[Retention], hour: i64, vouched: u64) -> Retained {
    let now = START.saturating_add(hour * HOUR);
    let terms = RetentionTerms { rules, now, vouched: &|_| vouched };
    store.retain(&terms).expect("retained")
}

/// The hours of which there are readings in a stream, the first and the last one.
fn left(store: &Store, stream: &str) -> Option<(i64, i64)> {
    let query = Query { stream: Some(stream.into()), limit: usize::MAX, ..Query::default() };
    let rows = store.query(&query).expect("answers");
    let hour = |row: &Row| (row.reading.time.0 - START.0) / HOUR;
    Some((hour(rows.last()?), hour(rows.first()?)))
}

#[test]
fn what_is_older_than_its_rule_says_goes_and_nothing_that_others_may_lack() {
    for index in [false, true] {
        let dir = MemoryDir::default();
        let (mut store, _) = Store::open_with(dir.clone(), tiny(index)).expect("opens");
        let (mut noise, mut air) = (writer_in("parks/noise", "a"), writer_in("parks/air", "bb"));
        let mut port = writer_in("port", "ccc");
        [&mut noise, &mut air, &mut port].into_iter().for_each(|writer| hours(&mut store, writer, 0..24));
        let rules = [rule("parks", Some(20), None), rule("parks/air", Some(6), None)];
        let nothing = Retained { unvouched: 2, ..Retained::default() };
        assert_eq!(retain(&mut store, &rules, 24, 0), nothing, "nobody vouches");
        // Entry 0 is the header, and that of the first hour follows it.
        let some = retain(&mut store, &rules, 24, 3);
        assert_eq!((some.entries, some.over), (4, vec![]));
        assert_eq!((left(&store, "a"), left(&store, "bb")), (Some((2, 23)), Some((2, 23))));
        retain(&mut store, &rules, 24, 100);
        assert_eq!((left(&store, "a"), left(&store, "bb")), (Some((4, 23)), Some((18, 23))));
        assert_eq!(left(&store, "ccc"), Some((0, 23)), "it has no rule");
        retain(&mut store, &rules, 1_000, 100);
        let last = Some((23, 23));
        assert_eq!((left(&store, "a"), left(&store, "bb")), (last, last), "the last one stays");
        assert_eq!(retain(&mut store, &rules, 1_000, 100), Retained::default());
        drop(store);
        let (mut store, opened) = Store::open_with(dir, tiny(index)).expect("opens");
        assert_eq!((opened.logs.len(), opened.continuable.len()), (3, 3));
        hours(&mut store, &mut noise, 1_000..1_002);
        assert_eq!(left(&store, "a"), Some((23, 1_001)), "and goes on");
    }
}

#[test]
fn at_the_cap_the_oldest_goes_first_whatever_log_it_is_in() {
    let (_, mut store) = in_memory();
    let (mut a, mut b) = (writer_in("parks", "a"), writer_in("parks", "bb"));
    hours(&mut store, &mut a, 0..10);
    hours(&mut store, &mut b, 5..15);
    let all = retain(&mut store, &[rule("parks", None, Some(0))], 15, 0);
    let (collection, bytes) = all.over[0].clone();
    assert_eq!((all.entries, collection.as_str()), (0, "parks"));
    // Half of it: both go on from the same hour.
    let half = [rule("", None, Some(bytes / 2))];
    let done = retain(&mut store, &half, 15, 100);
    assert!(done.over.is_empty() && bytes - done.bytes <= bytes / 2, "{done:?}");
    let (first, second) = (left(&store, "a").expect("some"), left(&store, "bb").expect("some"));
    assert!(first.0.abs_diff(second.0) <= 1 && first.0 > 5, "{first:?} {second:?}");
    let (gone, usage) = (store.queries().let_go(), store.queries().usage().expect("answers"));
    assert_eq!(gone.iter().map(LetGo::entries).sum::<u64>(), done.entries);
    assert!(
        usage.entries_bytes <= bytes / 2 && usage.segments_bytes > bytes,
        "nothing was rewritten yet: {usage:?}"
    );
    // What comes is taken, whether it fits or not, and what may not go is told.
    hours(&mut store, &mut b, 15..30);
    let over = retain(&mut store, &half, 30, 0);
    assert!(over.entries == 0 && over.over[0].1 > 0, "{over:?}");
    assert_eq!(left(&store, "bb").expect("some").1, 29);
    assert!(retain(&mut store, &half, 30, 100).over.is_empty());
}

#[test]
fn changes_of_documents_stay() {
    let (_, mut store) = in_memory();
    let mut a = writer_in("parks", "a");
    hours(&mut store, &mut a, 0..3);
    a.log.append_change(START, TimeQuality::Synchronised, [3; 16], vec![7]).expect("appended");
    hours(&mut store, &mut a, 3..9);
    let done = retain(&mut store, &[rule("", Some(1), Some(0))], 900, u64::MAX);
    assert_eq!(left(&store, "a"), Some((3, 8)));
    assert!(done.entries == 3 && !done.over.is_empty(), "{done:?}");
    let query = ChangesQuery {
        collection: "parks".parse().expect("a path"),
        stream: "a".into(),
        from: BTreeMap::new(),
    };
    assert_eq!(store.changes(&query).expect("answers").entries.len(), 1);
}
