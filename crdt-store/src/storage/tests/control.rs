//! Control entries are given to whoever opens the store.

use super::*;

#[test]
fn control_entries_are_found_again_in_their_order() {
    over_each_medium(|open| {
        let (mut store, opened) = open();
        assert_eq!(opened.control, []);
        let identity = Identity::from_seed([7; 32]);
        let header = |collection: &str| {
            let path = collection.parse().expect("a path");
            LogHeader::new(SpaceId([0; 32]), path, "root", identity.peer(), [1; 16])
        };
        let mut log = OwnLog::create(header(".control"));
        let control = header(".control").id();
        // More than one stretch, and more than a segment has room for.
        let records: Vec<Vec<u8>> = (0..40u8).map(|n| vec![n; 900]).collect();
        for (seq, record) in (1..).zip(&records) {
            let done = log.append_control(START, TimeQuality::Synchronised, [2; 16], record.clone());
            assert_eq!(done.expect("appended"), seq);
            store.apply(seq, &[log.sign(&identity, START).expect("something")]).expect("applied");
        }
        // Elsewhere it is only an entry.
        let mut other = OwnLog::create(header("parks/noise"));
        other.append_control(START, TimeQuality::Synchronised, [2; 16], vec![1]).expect("appended");
        store.apply(41, &[other.sign(&identity, START).expect("something")]).expect("applied");
        store.sync().expect("synced");
        drop(store);
        let (_, opened) = open();
        let expected = (1..).zip(records);
        let expected = expected.map(|(position, record)| ControlEntry { log: control, position, record });
        assert_eq!(opened.control, expected.collect::<Vec<_>>());
    });
}
