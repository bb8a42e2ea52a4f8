//! Of the table "At the same time" in `docs/access.md`, what is a matter of bodies and histories, and not of rights.

use super::contested::{evidence, forked};
use super::crash::holds;
use super::*;
use crate::log::ForkTrace;

/// What somebody had let go, or lets go later, and what is left of the log.
#[test]
fn what_retention_left_is_erased_and_what_it_let_go_is_nowhere() {
    let (salt, secret) = (*b"the salt of it 1", b"who went by at night");
    for (index, prunes_first) in [(false, false), (false, true), (true, false), (true, true)] {
        let (dir, config) = (MemoryDir::default(), tiny(index));
        let (mut store, _) = Store::open_with(dir.clone(), config.clone()).expect("opens");
        let mut a = writer("a");
        let id = a.log.header().id();
        for seq in 1..9 {
            a.log.append_change(START, TimeQuality::Synchronised, salt, secret.to_vec()).expect("appended");
            store.apply(seq, &[a.run(3)]).expect("applied");
            store.sync().expect("synced");
        }
        if prunes_first {
            assert_eq!(store.prune(&[(id, 10)]).expect("let go"), 9);
        }
        store.erase(&id, 1..31).expect("erased");
        if !prunes_first {
            assert_eq!(store.prune(&[(id, 10)]).expect("let go"), 9);
        }
        let is_right = |store: &Store| {
            assert!(!holds(&dir, secret) && !holds(&dir, &salt));
            assert_eq!((store.begin(&id), values(store)), (10, vec![23.0, 22.0]));
        };
        is_right(&store);
        drop(store);
        let (store, opened) = Store::open_with(dir.clone(), config).expect("opens");
        assert_eq!((opened.cut, opened.logs[0].root()), (None, a.log.root()));
        is_right(&store);
    }
}

#[test]
fn positions_are_erased_in_either_history_and_in_what_is_contested() {
    let histories = forked("mic-1");
    let fork = evidence(&histories);
    for (history, last) in histories.iter().zip([201.0, 101.0]) {
        for contests_first in [false, true] {
            let (_, mut store) = in_memory();
            store.apply(1, history).expect("applied");
            store.sync().expect("synced");
            if contests_first {
                store.contest(&fork).expect("kept");
            }
            store.erase(&fork.log(), 2..5).expect("erased");
            if !contests_first {
                store.contest(&fork).expect("kept");
            }
            assert_eq!(values(&store), [last, 0.0], "the last one and the first one are left");
            let run = received(&store.read(&fork.log(), 0, 9_000).expect("read").expect("some").bytes, None);
            assert_eq!(run.state().root(), history[1].state().root());
            let rows = store.query(&Query::default()).expect("answers");
            assert!(rows.iter().all(|row| row.contested == (row.position >= fork.in_common())));
        }
    }
}

#[test]
fn two_histories_of_one_log_convict_their_author_and_two_logs_do_not() {
    let histories = forked("mic-1");
    assert_eq!(evidence(&histories).log(), histories[0][0].state().log());
    let (one, other) = (writer("mic-1").run(3), writer("mic-2").run(4));
    let head: msec_identity::Unverified<crate::log::Head> = other.state().head().clone().into();
    assert!(ForkTrace::begin(one.state(), &head, &Verifier::strict()).is_none());
    assert_eq!(one.state().header().author(), other.state().header().author());
    let (_, mut store) = in_memory();
    store.apply(1, &[one, other]).expect("both are taken");
    assert_eq!(values(&store).len(), 7);
}
