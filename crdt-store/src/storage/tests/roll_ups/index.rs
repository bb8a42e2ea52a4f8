//! Roll-ups in the index are a fold: it can be thrown away and made again, to the same bytes.

use super::*;

type Dump = Vec<Vec<u8>>;

/// All that the index says of roll-ups and claims, after it took what was in memory.
fn dump(store: &mut Store) -> Dump {
    store.close();
    let index = store.shared.index().expect("an index");
    let logs: Vec<_> = store.shared.logs().values().cloned().collect();
    let mut rows = Vec::new();
    for log in logs {
        rows.push(log.id().0.to_vec());
        rows.push(rolled_row::rolled(&index.rolled(log.number).expect("reads")));
        for resolution in Resolution::KEPT {
            for (number, row) in index.rows(log.number, resolution, i64::MIN).expect("reads") {
                rows.push(number.to_be_bytes().to_vec());
                rows.push(crate::rollup::write_row(&row));
            }
        }
        for (key, facts) in
            index.claims(&crate::storage::claims::ClaimKey::first_of(&log.id())).expect("reads")
        {
            rows.push(format!("{key:?} {facts:?}").into_bytes());
        }
    }
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However often the index took what was in memory, and whether it was made in one go from the segments.
    #[test]
    fn made_again_it_has_the_same_bytes(commits in commits(), checkpoint_bytes in 200u64..4_000) {
        let (dir, mut store) = filled(&commits, StoreConfig { checkpoint_bytes, ..rolled(true) });
        let kept = dump(&mut store);
        drop(store);
        let (mut store, _) = Store::open_with(dir.clone(), rolled(true)).expect("opens");
        prop_assert_eq!(&dump(&mut store), &kept, "opened again");
        drop(store);
        dir.remove("index.redb").expect("removed");
        let (mut store, _) = Store::open_with(dir.clone(), rolled(true)).expect("opens");
        prop_assert_eq!(&dump(&mut store), &kept, "made again");
        drop(store);
        // An index without roll-ups is none for a store that keeps them.
        drop(Store::open_with(dir.clone(), tiny(true)).expect("opens"));
        let (mut store, _) = Store::open_with(dir, rolled(true)).expect("opens");
        prop_assert_eq!(&dump(&mut store), &kept, "after a store that kept none");
    }
}

/// A year of hours is kept, wherever memory ends and the index begins.
#[test]
fn old_rows_are_left_out_in_the_index_as_in_memory() {
    // Two hours in each row.
    let hours = |n: i64| vec![n * 64 * 60, (n * 64 + 1) * 60];
    let commits: Vec<_> = (0..200).map(|n| (0, vec![hours(n)])).collect();
    let (dir, mut store) = filled(&commits, rolled(true));
    let (_, in_memory) = filled(&commits, rolled(false));
    let every = RollUpQuery::every(Resolution::Hour);
    let rows = store.roll_ups(&every).expect("answers");
    // A row need not begin where the first reading is: one more may.
    let kept_rows = crate::rollup::HOUR_ROWS_KEPT * 2;
    assert!((kept_rows - 1..=kept_rows).contains(&rows.len()), "{}", rows.len());
    assert_eq!(rows, in_memory.roll_ups(&every).expect("answers"));
    let kept = dump(&mut store);
    assert_eq!(rows, store.roll_ups(&every).expect("answers"));
    drop(store);
    dir.remove("index.redb").expect("removed");
    let (mut store, _) = Store::open_with(dir, rolled(true)).expect("opens");
    assert_eq!((dump(&mut store), store.roll_ups(&every).expect("answers")), (kept, rows));
}
