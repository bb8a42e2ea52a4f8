//! What was written is counted, and what for.

use super::*;

#[test]
fn bytes_are_counted_for_the_readings_that_are_durable() {
    for index in [false, true] {
        let dir = MemoryDir::default();
        let (mut store, _) = Store::open_with(dir.clone(), tiny(index)).expect("opens");
        let (gauge, mut a) = (store.gauge(), writer("a"));
        assert_eq!(gauge.wear().bytes_per_reading(), None);
        store.apply(1, &[a.run(10)]).expect("applied");
        assert_eq!(gauge.wear().readings, 0, "nothing is durable");
        store.sync().expect("synced");
        let wear = gauge.wear();
        let lengths = || dir.lengths().into_iter().filter(|(name, _)| name.ends_with(".msec"));
        assert_eq!((wear.readings, wear.bytes >= lengths().map(|(_, len)| len as u64).sum()), (10, true));
        dir.break_at(dir.steps() + 1, Breakage::Once);
        store.apply(2, &[a.run(10)]).expect("applied");
        store.sync().expect_err("fails");
        assert_eq!(gauge.wear().readings, 10, "what is not kept does not count");
        assert!(gauge.wear().bytes > wear.bytes, "and was written all the same");
        store.close();
        let before = gauge.wear();
        drop(store);
        // In the next life it goes on from there, less what was written after it was written down. An index writes when it opens.
        let slack = if index { 20_000 } else { 100 };
        let (mut store, _) = Store::open_with(dir.clone(), tiny(index)).expect("opens");
        let after = store.gauge().wear();
        assert_eq!(after.readings, 10);
        assert!(after.bytes.abs_diff(before.bytes) < slack, "{before:?} {after:?}");
        store.apply(1, &[writer("bb").run(7)]).expect("applied");
        store.sync().expect("synced");
        assert_eq!(store.gauge().wear().readings, 17);
    }
}
