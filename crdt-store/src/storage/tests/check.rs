//! Looking changes nothing, and sees what opening would cut.

use super::*;

fn all(dir: &MemoryDir) -> BTreeMap<String, Option<Vec<u8>>> {
    dir.lengths().into_keys().map(|name| (name.clone(), dir.bytes(&name))).collect()
}

/// A store of several segments.
fn filled() -> MemoryDir {
    let dir = MemoryDir::default();
    let (mut store, _) = Store::open_with(dir.clone(), tiny(false)).expect("opens");
    let mut writers = [writer("a"), writer("bb")];
    for seq in 1..=12 {
        store.apply(seq, &[writers[seq as usize % 2].run(2)]).expect("applied");
        store.sync().expect("synced");
    }
    dir
}

#[test]
fn a_whole_store_is_whole() {
    let dir = filled();
    let before = all(&dir);
    let checked = check(dir.clone()).expect("reads");
    // Each log begins with an entry of its own.
    assert_eq!((checked.logs.len(), checked.entries(), checked.is_damaged()), (2, 26, false));
    assert_eq!(checked.segments, before.len());
    assert_eq!(checked.bytes, before.values().flatten().map(|bytes| bytes.len() as u64).sum::<u64>());
    assert_eq!(checked.damage, []);
    assert_eq!(all(&dir), before);
    let nothing = check(MemoryDir::default()).expect("reads");
    assert_eq!((nothing.segments, nothing.entries(), nothing.is_damaged()), (0, 0, false));
}

/// Found by looking at a store after retention: entries that were let go counted as held.
#[test]
fn what_was_let_go_is_not_counted() {
    let dir = filled();
    let (mut store, opened) = Store::open_with(dir.clone(), tiny(false)).expect("opens");
    let gone = store.prune(&[(opened.logs[0].log(), 9)]).expect("let go");
    drop(store);
    let checked = check(dir).expect("reads");
    assert_eq!((gone, checked.let_go, checked.entries(), checked.is_damaged()), (8, 8, 26 - 8, false));
}

proptest! {
    #[test]
    fn it_sees_what_opening_cuts_and_changes_nothing(place in any::<prop::sample::Index>(), bit in 0..8u8, cut in any::<bool>()) {
        let dir = filled();
        let names: Vec<_> = dir.lengths().into_iter().collect();
        let (name, len) = &names[place.index(names.len())];
        let at = place.index(*len);
        if cut {
            dir.set_len(name, at as u64).expect("cut");
        } else {
            dir.flip(name, at, bit);
        }
        let before = all(&dir);
        let checked = check(dir.clone()).expect("reads");
        prop_assert_eq!(all(&dir), before);
        let (_, opened) = Store::open(dir.clone()).expect("always starts");
        prop_assert_eq!(checked.is_damaged(), opened.cut.is_some_and(|cut| !cut.torn));
        prop_assert_eq!(checked.damage.iter().map(|damage| damage.bytes).sum::<u64>(), opened.cut.map_or(0, |cut| cut.bytes));
        prop_assert_eq!(checked.logs, opened.logs);
        let again = check(dir).expect("reads");
        prop_assert!(!again.is_damaged() && again.damage.is_empty(), "opening repairs");
    }
}
