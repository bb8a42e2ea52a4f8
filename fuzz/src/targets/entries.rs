//! Entries that an author did sign: what a member of the space may write in its own log, and all others must bear. They
//! are hashed, signed, verified, stored, and stored again.

use crate::town::{self, NOW};
use msec_crdt_store::{Entry, Head, MemoryDir, Query, Run, Storage, Store, Tree, Verdict, decode_readings};

pub(super) fn check(bytes: &[u8]) {
    let Ok(more) = minicbor::decode::<Vec<Entry>>(bytes) else { return };
    let written = minicbor::to_vec(&more).expect("writing to a Vec cannot fail");
    assert!(minicbor::decode::<Vec<Entry>>(&written).is_ok_and(|again| again == more));

    let first = &town::runs()[0];
    let (log, from) = (first.state().log(), first.state().size());
    let mut tree = Tree::default();
    first.entries().iter().chain(&more).for_each(|entry| tree.push(entry.leaf()));
    let root = tree.range(0, tree.size()).expect("all of it").root();
    let head = town::sensor().sign(Head { log, size: tree.size(), root, time: NOW }).into();
    let run = Run { log, from, entries: more, rest: Vec::new(), head };
    let Ok(Verdict::New(run)) = run.verify(Some(first.state()), &town::authority()) else { return };

    let readings: usize = run
        .entries()
        .iter()
        .filter(|entry| entry.kind == msec_crdt_store::EntryKind::Readings)
        .filter_map(|entry| decode_readings(entry.body.bytes()?).ok())
        .map(|readings| readings.len())
        .sum();
    let dir = MemoryDir::default();
    let (mut store, _) = Store::open(dir.clone()).expect("an empty store opens");
    store.apply(1, &[first.clone(), run.clone()]).expect("what was verified is taken");
    store.sync().expect("memory syncs");
    let rows = store.query(&Query::default()).expect("memory can be read").len();
    assert_eq!(rows, readings + 1, "all that is a reading is shown");
    let (_, opened) = Store::open(dir).expect("it always opens");
    assert_eq!((opened.cut, opened.logs.first()), (None, Some(run.state())));
}
