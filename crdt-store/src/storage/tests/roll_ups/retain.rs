//! Readings go once claims stand for them, and claims once they are old.

use msec_identity::LogId;

use super::claims::{claim, claimed, gateway, holding, log};
use super::*;

const HOUR_MS: u64 = 3_600_000;

/// Retains where claims are kept for so long, all is old, and all is held by others.
fn retain(store: &mut Store, roll_ups_ms: Option<u64>, now: UnixMillis) -> Retained {
    let collection = "parks".parse().expect("a path");
    let rules = [Retention { collection, raw_ms: Some(0), roll_ups_ms, bytes_max: None }];
    let terms = RetentionTerms { rules: &rules, now, vouched: &|_| u64::MAX };
    store.retain(&terms).expect("retained")
}

/// The first entry that is left of a log, but for its header.
fn begin(store: &Store, log: &LogId) -> u64 {
    store.begin(log)
}

fn counts(store: &Store) -> Vec<Said> {
    let query = RollUpQuery { stream: Some("a".into()), ..RollUpQuery::every(Resolution::Hour) };
    said(&store.roll_ups(&query).expect("answers"))
}

#[test]
fn readings_go_up_to_where_claims_end_and_are_counted_all_the_same() {
    let (log, runs) = log();
    let (id, all) = (log.log.header().id(), entries(&runs));
    let later = START.saturating_add(1_000 * HOUR_MS as i64);
    for index in [false, true] {
        let mut gateway = gateway(9, "parks/noise");
        let (_, mut store) = holding(&runs, index);
        let before = counts(&store);
        let nothing = Retained { unclaimed: 1, ..Retained::default() };
        assert_eq!(retain(&mut store, None, later), nothing, "nobody claimed anything");
        // By the day nobody can tell what an hour came to, and behind a gap nothing follows.
        let claims = [
            (0, 31, Resolution::Day),
            (0, 8, Resolution::Minute),
            (8, 17, Resolution::Hour),
            (20, 25, Resolution::Hour),
        ];
        for (seq, (from, to, resolution)) in (90..).zip(claims) {
            store
                .apply(seq, &[gateway.saying(&[&claim(&log, &all, from, to, resolution)], &[])])
                .expect("applied");
        }
        store.sync().expect("synced");
        let done = retain(&mut store, None, later);
        assert_eq!((begin(&store, &id), done.entries, done.unclaimed), (17, 16, 1));
        assert_eq!(counts(&store), before);
        // From there on it goes on, up to the last one: that stays, and so what is claimed together with it.
        for (seq, (from, to)) in (95..).zip([(17, 20), (25, 31)]) {
            let claim = claim(&log, &all, from, to, Resolution::Hour);
            store.apply(seq, &[gateway.saying(&[&claim], &[])]).expect("applied");
        }
        store.sync().expect("synced");
        let done = retain(&mut store, None, later);
        assert_eq!((begin(&store, &id), done.unclaimed), (25, 0));
        assert_eq!(counts(&store), before);
    }
}

#[test]
fn claims_go_once_they_are_old_and_what_they_stood_for_is_not_counted_any_more() {
    let (log, runs, claims) = claimed([(0, 8), (8, 17), (17, 31)]);
    let id = log.log.header().id();
    for index in [false, true] {
        let mut gateway = gateway(9, "parks/noise");
        let said_so = gateway.saying(&[&claims[0], &claims[1], &claims[2]], &[]);
        let (_, mut store) = holding(&[&runs[..], &[said_so]].concat(), index);
        let maker = gateway.log.header().id();
        let young = START.saturating_add(HOUR_MS as i64);
        retain(&mut store, Some(2 * HOUR_MS), young);
        // All claims were made at one time, and the last entry of each log stays.
        assert_eq!((begin(&store, &maker), begin(&store, &id)), (0, 0));
        let old = START.saturating_add(100 * HOUR_MS as i64);
        retain(&mut store, Some(2 * HOUR_MS), old);
        assert_eq!((begin(&store, &maker), begin(&store, &id)), (3, 17));
    }
}
