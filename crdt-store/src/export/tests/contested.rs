//! The evidence that a log was forked is carried with it.

use super::*;
use crate::query::Query;

/// Two stores that hold another history of one log each, of so many entries with readings.
fn two(first: u64, second: u64) -> [Store; 2] {
    let branch = |common: u64, value: f64, entries: u64| {
        let (_, mut store) = store_of(&[]);
        let mut log = log(1, "parks/noise", "mic-1");
        keep(&mut store, more(1, &mut log, common));
        for n in 0..entries - common {
            let reading = Reading::new(NOW, value + n as f64);
            log.append_readings(NOW, TimeQuality::Synchronised, [3; 16], &[reading]).expect("appended");
            keep(&mut store, log.sign(&author(1), NOW).expect("something to sign"));
        }
        store
    };
    [branch(3, 100.0, first), branch(3, 200.0, second)]
}

/// A store that found out, from a copy of the other history.
fn knowing() -> Store {
    let [mut store, other] = two(7, 7);
    let done = taken(&mut store, &exported(&other));
    assert_eq!((done.contested, done.entries, done.refused), (1, 0, 0), "{done:?}");
    store
}

fn shown(store: &Store) -> Vec<(f64, bool)> {
    let rows = store.query(&Query::default()).expect("answers");
    rows.iter().map(|row| (row.reading.value, row.contested)).collect()
}

#[test]
fn whoever_had_nothing_of_it_takes_that_history_and_shows_it_as_contested() {
    let source = knowing();
    let (dir, mut store) = store_of(&[]);
    let done = taken(&mut store, &exported(&source));
    assert!(done.is_whole() && (done.logs, done.contested, done.passed_over) == (1, 1, 0), "{done:?}");
    assert_eq!(shown(&store), shown(&source));
    assert!(shown(&store).iter().all(|(_, contested)| *contested));
    assert_eq!(exported(&store), exported(&source), "and passes it on");
    let lengths = dir.lengths();
    let again = taken(&mut store, &exported(&source));
    assert!(again.is_whole() && (again.entries, again.contested) == (0, 0) && again.passed_over > 0);
    assert_eq!(dir.lengths(), lengths);
}

#[test]
fn of_a_log_that_is_known_to_be_forked_nothing_more_is_taken() {
    let source = knowing();
    let [_, mut longer] = two(7, 12);
    let done = taken(&mut longer, &exported(&source));
    assert_eq!((done.contested, done.entries), (1, 0));
    let mut store = source;
    let before = shown(&store);
    let [more, _] = two(20, 7);
    let done = taken(&mut store, &exported(&more));
    assert!(done.entries == 0 && done.passed_over > 0, "{done:?}");
    assert_eq!(shown(&store), before);
}

#[test]
fn evidence_that_shows_nothing_and_evidence_of_what_nobody_may_write_is_passed_over() {
    let source = knowing();
    let bytes = source.contested().values().next().expect("evidence").to_bytes();
    let mut forged = bytes.clone();
    let at = forged.len() - 40;
    forged[at] ^= 1;
    for (bytes, expected) in [(&bytes, (1, 0)), (&forged, (0, 1)), (&vec![0x86], (0, 1))] {
        let (_, mut store) = store_of(&[]);
        let mut file = chunk::FileHead::of(space()).to_bytes();
        file.extend(chunk(Kind::Evidence, bytes));
        file.extend(chunk(Kind::End, &0u64.to_le_bytes()));
        let done = taken(&mut store, &file);
        assert_eq!((done.contested, done.passed_over), expected);
    }
    let stranger = Identity::from_seed([77; 32]);
    let header = LogHeader::new(space(), path("parks"), "x", stranger.peer(), [0; 16]);
    let heads = [1.0, 2.0].map(|value| {
        let mut log = OwnLog::create(header.clone());
        let reading = Reading::new(NOW, value);
        log.append_readings(NOW, TimeQuality::Synchronised, [3; 16], &[reading]).expect("appended");
        log.sign(&stranger, NOW).expect("something to sign")
    });
    let verifier = msec_identity::Verifier::strict();
    let theirs = heads[1].state().head().clone().into();
    let Some((_, crate::log::Traced::Fork(fork))) =
        crate::log::ForkTrace::begin(heads[0].state(), &theirs, &verifier)
    else {
        panic!("no fork");
    };
    let (_, mut store) = store_of(&[]);
    let mut file = chunk::FileHead::of(space()).to_bytes();
    file.extend(chunk(Kind::Evidence, &fork.to_bytes()));
    file.extend(chunk(Kind::End, &0u64.to_le_bytes()));
    assert_eq!(taken(&mut store, &file).contested, 0);
    assert!(store.contested().is_empty());
}

/// Its own log: the card was copied, so that none of the own logs is continued.
#[test]
fn an_own_log_that_was_forked_is_not_continued() {
    let file = exported(&knowing());
    let (dir, mut store) = store_of(&[(1, "parks/noise", "mic-2", 3)]);
    let done = import_as(author(1).peer(), &mut store, &file).expect("imported");
    assert!(done.own_were_missing && done.contested == 1);
    let (_, opened) = open(&dir);
    assert!(opened.continuable.is_empty() && opened.contested.len() == 1);
}
