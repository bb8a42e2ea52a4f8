//! Reconciliation with a stranger: fingerprints, lists and codes, one step at a time.

use msec_gossip::{Config, Interest};

use crate::rig::{A, Rig, item, items, key, ms, rig_of, steps, want};
use crate::wire::{ALL, Step, Wire, WireItem, fingerprint, named, other_summary, root, stand_in};

#[test]
fn where_few_ranges_differ_they_are_listed_if_small_and_split_if_not() {
    let mut rig = rig_of(&[A]);
    let held = items(1_000, "parks", 3);
    rig.load(&held);
    let part = |from: usize, digits: usize| -> Vec<[u8; 8]> {
        let of = |part: usize| {
            let prefix = |item: &&WireItem| {
                let first = usize::from(item.key.0[0]);
                if digits == 1 { first >> 4 == part } else { first == from << 4 | part }
            };
            held.iter().filter(prefix).cloned().collect::<Vec<_>>()
        };
        (0..16).map(|n| fingerprint([5; 8], &of(n), digits)).collect()
    };
    let mut parts: [[u8; 8]; 16] = part(0, 1).try_into().unwrap();
    parts[7] = [6; 8];
    let summary = |parts, of: Vec<u8>| {
        Wire::Reconcile(Step::Summary { salt: [5; 8], exact: false, splits: vec![(of, parts)] })
    };
    rig.receive(A, &summary(parts, ALL.to_vec()));
    let split = Step::Summary {
        salt: [5; 8],
        exact: false,
        splits: vec![(vec![1, 0x70], part(7, 2).try_into().unwrap())],
    };
    assert_eq!(steps(&mut rig), [split]);
    let mut parts: [[u8; 8]; 16] = part(7, 2).try_into().unwrap();
    parts[2] = [6; 8];
    rig.receive(A, &summary(parts, vec![1, 0x70]));
    let listed: Vec<WireItem> = held.iter().filter(|item| item.key.0[0] == 0x72).cloned().collect();
    assert!(!listed.is_empty());
    let listing = Step::Listing { ranges: vec![vec![2, 0x72]], items: named(&listed) };
    assert_eq!(steps(&mut rig), [listing]);
}

#[test]
fn where_many_ranges_differ_codes_go_over_all_of_them() {
    let mut rig = rig_of(&[A]);
    rig.load(&items(1_000, "parks", 3));
    rig.receive(A, &other_summary(false));
    let sent = steps(&mut rig);
    let [Step::Codes { count: 1_000, head: Some(1_000), ranges, first: 0, cells, salt }] = &sent[..] else {
        panic!("codes, not {sent:?}");
    };
    assert_eq!((ranges.len(), cells.len(), *salt), (16, 96 * 13, [5; 8]));
    rig.receive(A, &Wire::Reconcile(Step::More { salt: [5; 8], first: 96, upto: 1_300 }));
    let lengths: Vec<(u32, usize)> = steps(&mut rig)
        .into_iter()
        .map(|step| match step {
            Step::Codes { first, cells, ranges, .. } if ranges.is_empty() => (first, cells.len() / 13),
            other => panic!("codes, not {other:?}"),
        })
        .collect();
    assert_eq!(lengths, [(96, 1_024), (1_120, 180)]);
    rig.receive(A, &Wire::Reconcile(Step::More { salt: [8; 8], first: 96, upto: 99 }));
    assert_eq!(steps(&mut rig), [], "of another exchange");
    rig.receive(A, &Wire::Reconcile(Step::More { salt: [5; 8], first: 8_000, upto: u32::MAX }));
    assert_eq!(steps(&mut rig).len(), 1, "no more than there are");
}

#[test]
fn an_exact_round_lists_in_full() {
    let mut rig = rig_of(&[A]);
    let held = items(300, "parks", 3);
    rig.load(&held);
    rig.receive(A, &other_summary(true));
    let mut listed = Vec::new();
    for (_, message) in rig.sent() {
        let Wire::List { items, .. } = message else { panic!("a list, not {message:?}") };
        listed.extend(items);
    }
    assert_eq!(listed, held);
    rig.load(&items(3_000, "parks", 3));
    rig.receive(A, &other_summary(true));
    let sent = steps(&mut rig);
    assert!(matches!(&sent[..], [Step::Summary { exact: true, splits, .. }] if splits.len() == 16));
}

#[test]
fn a_listing_leads_to_wants_and_changes() {
    let mut rig = rig_of(&[A]);
    rig.load(&[item(key(1), "parks", 5), item(key(2), "parks", 5), item(key(3), "parks", 5)]);
    let theirs = [item(key(1), "parks", 9), item(key(2), "parks", 2), item(key(4), "parks", 7)];
    let listing = |items: &[WireItem]| {
        Wire::Reconcile(Step::Listing { ranges: vec![ALL.to_vec()], items: named(items) })
    };
    rig.receive(A, &listing(&theirs));
    let lacks = named(&[item(key(2), "parks", 5), item(key(3), "parks", 5)]);
    assert_eq!(steps(&mut rig), [Step::Changes { since: 0, upto: 0, more: false, items: lacks }]);
    rig.receive(A, &listing(&[item(key(1), "parks", 5), item(key(2), "parks", 5), item(key(3), "parks", 5)]));
    let sent = steps(&mut rig);
    assert!(matches!(&sent[..], [Step::Summary { exact: true, .. }]), "names show nothing: {sent:?}");
    rig.pass(ms(300));
    assert_eq!(rig.wants(), [], "and it took back what it had listed before");
}

#[test]
fn names_of_control_and_names_of_two_keys_come_with_the_whole_item() {
    let config = Config { control: Interest::of(["control"]).unwrap(), ..Config::default() };
    let mut rig = Rig::with(config, Interest::all());
    let mut twin = key(1);
    twin.0[20] ^= 1;
    rig.load(&[item(key(1), "parks", 5), item(twin, "parks", 6), item(key(2), "control", 1)]);
    rig.up(A, Interest::all());
    rig.receive(A, &root(&[], 0, None));
    let mut full: Vec<WireItem> = rig.announced().into_iter().flat_map(|(_, _, items)| items).collect();
    full.sort_by_key(|item| item.version.size);
    assert_eq!(full, [item(key(2), "control", 1), item(key(1), "parks", 5), item(twin, "parks", 6)]);
    rig.receive(A, &want(stand_in(&key(1)), 0));
    let sent = rig.sent();
    assert!(
        matches!(&sent[..], [(_, Wire::List { items, .. })] if items.len() == 2),
        "which of them? {sent:?}"
    );
}
