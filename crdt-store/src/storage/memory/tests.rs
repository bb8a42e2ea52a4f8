//! What a power cut leaves of a directory in memory.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Act {
    Write(u8, usize, Vec<u8>),
    Cut(u8, u64),
    Sync(u8),
    Remove(u8),
    Rename(u8),
    SyncDir,
}

fn act() -> impl Strategy<Value = Act> {
    let bytes = proptest::collection::vec(1u8.., 1..6);
    prop_oneof![
        (0..2u8, 0..8usize, bytes).prop_map(|(name, at, bytes)| Act::Write(name, at, bytes)),
        (0..2u8, 0..8u64).prop_map(|(name, len)| Act::Cut(name, len)),
        (0..2u8).prop_map(Act::Sync),
        (0..2u8).prop_map(Act::Remove),
        (0..2u8).prop_map(Act::Rename),
        Just(Act::SyncDir),
    ]
}

fn name(n: u8) -> &'static str {
    ["a", "b"][usize::from(n)]
}

fn all(dir: &MemoryDir) -> BTreeMap<String, Vec<u8>> {
    dir.files().files.clone()
}

proptest! {
    /// What is kept whole is what was there; what is lost whole is what was synced last.
    #[test]
    fn a_power_cut_that_keeps_all_changes_nothing_and_one_that_loses_all_goes_back(
        acts in proptest::collection::vec(act(), 0..20),
        parts in proptest::collection::vec((0..6usize, 0..6usize), 20),
    ) {
        let dir = MemoryDir::default();
        let mut durable = all(&dir);
        for act in acts {
            let before = all(&dir);
            match act {
                Act::Write(file, at, bytes) => dir.write_at(name(file), at as u64, &bytes).expect("written"),
                Act::Cut(file, len) => dir.set_len(name(file), len).expect("cut"),
                Act::Sync(file) => {
                    let there = dir.sync(name(file)).is_ok();
                    prop_assert_eq!(there, all(&dir).contains_key(name(file)));
                }
                Act::Remove(file) => dir.remove(name(file)).expect("removed"),
                Act::Rename(file) => {
                    let there = dir.rename(name(file), name(1 - file)).is_ok();
                    prop_assert_eq!(there, before.contains_key(name(file)));
                }
                Act::SyncDir => {
                    for file in 0..2 {
                        let _ = dir.sync(name(file));
                    }
                    dir.sync_dir().expect("synced");
                    prop_assert!(dir.files().pending.is_empty());
                    durable = all(&dir);
                }
            }
        }
        let (kept, lost, torn) = (dir.copy(), dir.copy(), dir.copy());
        kept.crash_with(|unsynced| match unsynced { Unsynced::Written(bytes) => 0..bytes, Unsynced::Renamed => 0..1 });
        prop_assert_eq!(all(&kept), all(&dir));
        let mut parts = parts.into_iter().cycle();
        torn.crash_with(|_| parts.next().map_or(0..0, |(from, to)| from..to));
        // A file that was synced, and its name not, is there or not.
        lost.crash_with(|_| 0..0);
        prop_assert!(all(&lost).keys().eq(durable.keys()));
    }
}

#[test]
fn what_is_synced_outlives_what_is_not() {
    let dir = MemoryDir::default();
    dir.write_at("a", 0, b"acknowledged").expect("written");
    dir.sync("a").expect("synced");
    dir.sync_dir().expect("synced");
    dir.write_at("a", 12, b" and lost").expect("written");
    dir.write_at("a", 0, b"A").expect("written");
    assert_eq!(dir.unsynced(), 10);
    let both = dir.copy();
    both.crash_with(|_| 0..1);
    assert_eq!(both.bytes("a").expect("there"), b"Acknowledged ");
    dir.crash(3);
    assert_eq!(dir.bytes("a").expect("there"), b"acknowledged an");
    dir.write_at("b", 0, b"never there").expect("written");
    dir.sync("b").expect("synced");
    dir.crash_with(|_| 0..0);
    assert_eq!(dir.bytes("b"), None, "its name was not synced");
}

#[test]
fn a_name_that_was_given_and_not_synced_may_be_the_one_before() {
    let dir = MemoryDir::default();
    for (name, bytes) in [("a", b"old"), ("b", b"new")] {
        dir.write_at(name, 0, bytes).expect("written");
        dir.sync(name).expect("synced");
    }
    dir.sync_dir().expect("synced");
    dir.rename("b", "a").expect("renamed");
    let (lost, kept) = (dir.copy(), dir.copy());
    lost.crash_with(|_| 0..0);
    kept.crash_with(|_| 0..1);
    assert_eq!((lost.bytes("a"), lost.bytes("b")), (Some(b"old".to_vec()), Some(b"new".to_vec())));
    assert_eq!((kept.bytes("a"), kept.bytes("b")), (Some(b"new".to_vec()), None));
    dir.sync_dir().expect("synced");
    dir.crash_with(|_| 0..0);
    assert_eq!((dir.bytes("a"), dir.bytes("b")), (Some(b"new".to_vec()), None));
}

#[test]
fn breaks_when_it_is_told() {
    let dir = MemoryDir::default();
    dir.break_at(1, Breakage::Once);
    dir.write_at("a", 0, b"ab").expect("written");
    dir.write_at("a", 2, b"cd").expect_err("full");
    assert_eq!(dir.bytes("a").expect("there"), b"abc");
    dir.sync("a").expect("whole again");
    dir.break_at(dir.steps(), Breakage::ForGood);
    dir.sync("a").expect_err("stands still");
    dir.write_at("a", 3, b"ef").expect_err("stands still");
    dir.read_at("a", 0, &mut [0]).expect_err("stands still");
    dir.crash(0);
    dir.read_at("a", 0, &mut [0]).expect("runs again");
}
