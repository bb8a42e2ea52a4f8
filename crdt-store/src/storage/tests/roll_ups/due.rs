//! What a peer says of the logs that it holds: all that is true, once.

use super::claims::{claim, gateway, holding, log};
use super::*;
use crate::storage::{DueQuery, Says};

fn asked(by: &Writer, of_others: bool) -> DueQuery {
    let (me, resolution) = (by.identity.peer(), Resolution::Hour);
    DueQuery { me, collection: "parks".parse().expect("a path"), resolution, of_others, limit: 10 }
}

/// Says what is due, in a run of its own. Returns what it was: claims by their entries, and countersignatures.
fn say(store: &mut Store, by: &mut Writer, query: &DueQuery, seq: u64) -> (Vec<(u64, u64)>, usize) {
    let due = store.queries().due(query, &mut BTreeSet::new()).expect("answers");
    let (mut claims, mut confirmed) = (Vec::new(), 0);
    let due = due.statements;
    for statement in &due {
        assert_eq!(statement.collection.as_str(), "parks/noise");
        let (now, quality) = (START, TimeQuality::Synchronised);
        match &statement.says {
            Says::Claim(it) => {
                claims.push((it.as_claim().from(), it.as_claim().to()));
                by.log.append_claim(now, quality, [5; 16], it).expect("appended");
            }
            Says::Countersignature(it) => {
                confirmed += 1;
                by.log.append_countersignature(now, quality, [5; 16], it).expect("appended");
            }
        }
    }
    if !due.is_empty() {
        let run = by.log.sign(&by.identity, START).expect("something to sign");
        store.apply(seq, &[run]).expect("applied");
        store.sync().expect("synced");
    }
    (claims, confirmed)
}

#[test]
fn a_gateway_claims_what_is_new_and_countersigns_what_is_right() {
    for index in [false, true] {
        let (log, runs) = log();
        let (_, mut store) = holding(&runs[..2], index);
        let [mut a, mut b] = [7, 8].map(|n| gateway(n, "parks/noise"));
        let (of_a, of_b) = (asked(&a, true), asked(&b, true));
        assert_eq!(say(&mut store, &mut a, &of_a, 10), (vec![(0, 13)], 0));
        assert_eq!(say(&mut store, &mut a, &of_a, 11), (vec![], 0), "once");
        // Another one says that it is right, and goes on from there.
        assert_eq!(say(&mut store, &mut b, &of_b, 12), (vec![], 1));
        store.apply(13, &runs[2..4]).expect("applied");
        store.sync().expect("synced");
        assert_eq!(say(&mut store, &mut b, &of_b, 14), (vec![(13, 25)], 0));
        assert_eq!(say(&mut store, &mut a, &of_a, 15), (vec![], 1));
        assert_eq!(
            (say(&mut store, &mut a, &of_a, 16), say(&mut store, &mut b, &of_b, 17)),
            Default::default()
        );
        let chain = store.queries().chain(&log.log.header().id(), Resolution::Day).expect("answers");
        assert_eq!(
            chain.iter().map(|it| (it.from, it.to, it.vouchers())).collect::<Vec<_>>(),
            [(0, 13, 2), (13, 25, 2)]
        );
    }
}

#[test]
fn a_writer_claims_its_own_and_nothing_else() {
    let (mut log, runs) = log();
    let (_, mut store) = holding(&runs, true);
    let mut other = gateway(7, "parks/noise");
    assert_eq!(say(&mut store, &mut other, &asked(&gateway(7, "parks/noise"), false), 10), (vec![], 0));
    let query = asked(&log, false);
    let mut own = Writer { log: gateway(1, "parks/noise").log, ..writer("a") };
    assert_eq!(own.identity.peer(), log.identity.peer());
    assert_eq!(say(&mut store, &mut own, &query, 11), (vec![(0, 31)], 0));
    assert_eq!(say(&mut store, &mut own, &query, 12), (vec![], 0));
    let run = log.measured(&[vec![400]]);
    store.apply(13, &[run]).expect("applied");
    store.sync().expect("synced");
    assert_eq!(say(&mut store, &mut own, &query, 14), (vec![(31, 32)], 0));
}

/// A claim that is wrong is looked at once, and one of which the entries are gone is left alone.
#[test]
fn what_is_wrong_or_cannot_be_recomputed_is_not_countersigned() {
    let (log, runs) = log();
    let all = entries(&runs);
    let mut liar = gateway(7, "parks/noise");
    // The right root, and what other entries come to: as if they had been erased.
    let less = entries(&runs.iter().map(|run| without_bodies(run, |at| at == 3)).collect::<Vec<_>>());
    let wrong = liar.saying(&[&claim(&log, &less, 0, 31, Resolution::Hour)], &[]);
    let (_, store) = holding(&[&runs[..], std::slice::from_ref(&wrong)].concat(), true);
    let me = gateway(8, "parks/noise");
    let mut refused = BTreeSet::new();
    let due = store.queries().due(&asked(&me, true), &mut refused).expect("answers").statements;
    assert!(matches!(&due[..], [statement] if matches!(statement.says, Says::Claim(_))));
    assert_eq!(refused.len(), 1);

    let right = gateway(7, "parks/noise").saying(&[&claim(&log, &all, 0, 31, Resolution::Hour)], &[]);
    let pruned: Vec<_> = runs.iter().map(|run| without_bodies(run, |at| (1..20).contains(&at))).collect();
    let (_, store) = holding(&[&pruned[..], &[right]].concat(), true);
    let due = store.queries().due(&asked(&me, true), &mut BTreeSet::new()).expect("answers").statements;
    let [Says::Claim(it)] = &due.iter().map(|it| it.says.clone()).collect::<Vec<_>>()[..] else {
        panic!("one claim, not {due:?}")
    };
    assert_eq!((it.as_claim().from(), it.as_claim().to()), (20, 31), "of what is left");
}

/// Claims have room for so many buckets: more entries are claimed by several.
#[test]
fn what_does_not_fit_into_one_claim_is_claimed_by_several() {
    let mut writer = writer("a");
    let minutes: Vec<Vec<i64>> = (0..50).map(|n| (0..100).map(|i| (n * 100 + i) * 60).collect()).collect();
    let run = writer.measured(&minutes);
    let (_, mut store) = holding(&[run], true);
    let mut gateway = gateway(7, "parks/noise");
    let query = asked(&gateway, true);
    assert_eq!(say(&mut store, &mut gateway, &query, 10), (vec![(0, 41), (41, 51)], 0));
    let chain = store.queries().chain(&writer.log.header().id(), Resolution::Hour).expect("answers");
    assert_eq!(chain.last().map(|it| it.to), Some(51));
}

/// Who asks for a few gets a few, and is told that there is more.
#[test]
fn what_is_due_comes_in_parts() {
    let mut writers = [writer("a"), writer("bb"), writer("ccc")];
    let runs = writers.each_mut().map(|writer| writer.measured(&[vec![1], vec![2]]));
    let (_, mut store) = holding(&runs, true);
    let mut gateway = gateway(7, "parks/noise");
    let query = DueQuery { limit: 2, ..asked(&gateway, true) };
    for (seq, (count, more)) in (10..).zip([(2, true), (1, false), (0, false)]) {
        let due = store.queries().due(&query, &mut BTreeSet::new()).expect("answers");
        assert_eq!((due.statements.len(), due.more), (count, more));
        say(&mut store, &mut gateway, &query, seq);
    }
}
