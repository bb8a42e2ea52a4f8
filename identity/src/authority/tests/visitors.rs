//! Whoever comes for an hour.

use super::city::*;
use crate::authority::{Authority, RECORDS_OF_ONE_ISSUER_MAX, Reader, VISITORS_MAX};
use crate::{ControlRecord, Grant, GrantId, Right, Rights, UnixMillis};

const VISITOR: u8 = 21;

fn manager() -> Grant {
    first(alone().space(), ROOT, MANAGER)
}

/// What the manager gives a visitor, until then.
fn visit(until: i64) -> Grant {
    let not_after = UnixMillis(until);
    Grant { rights: Rights::of([Right::Read]), not_after, depth: 0, ..below(&manager(), MANAGER, VISITOR) }
}

fn chain(of: &Grant) -> [ControlRecord; 2] {
    [signed(ROOT, manager()), signed(MANAGER, of.clone())]
}

/// A gateway that a visitor has shown its grant to.
fn visited(of: &Grant) -> Authority {
    let mut authority = fold(&alone(), [&shown(ROOT, &manager())]);
    let change = authority.learn_visitor(&peer(VISITOR), chain(of));
    assert_eq!(change.grants.into_iter().collect::<Vec<_>>(), [(peer(VISITOR).into(), of.id())]);
    assert!(authority.learn_visitor(&peer(VISITOR), chain(of)).is_empty(), "no news");
    authority
}

fn may_read(authority: &Authority) -> bool {
    authority.allows(&peer(VISITOR), Right::Read, &path("parks"), Some(UnixMillis(150)))
}

#[test]
fn a_hundred_thousand_visitors_leave_a_gateway_its_room() {
    let first = visit(160);
    let mut authority = visited(&first);
    let of_last = visit(199);
    let grant = match signed(MANAGER, of_last.clone()) {
        ControlRecord::Grant(it) => it.verify(&peer(MANAGER)).expect("signed"),
        _ => unreachable!("it is a grant"),
    };
    for n in 0u32..100_000 {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&n.to_be_bytes());
        let id = GrantId(id);
        assert!(authority.visit(id, &grant, &mut crate::Change::default()));
    }
    assert_eq!((authority.visitors.all().count(), authority.grants.len()), (VISITORS_MAX, 1));
    assert!(authority.grant(&first.id()).is_none(), "it ends first");
    for _ in 0..RECORDS_OF_ONE_ISSUER_MAX {
        assert!(authority.has_room(&peer(MANAGER), 0).is_ok());
        authority.took(&peer(MANAGER), 0);
    }
    // What would end before all of them is kept as any other, where there is room.
    assert!(authority.learn_visitor(&peer(VISITOR), chain(&first)).is_empty());
    assert!(!authority.learn_visitor(&peer(VISITOR), chain(&visit(200))).is_empty(), "one that ends later");
}

/// What is asked of what lets a visitor in, or a reader that somebody else told of.
fn answers(authority: &Authority, of: &Grant) -> (Vec<bool>, Vec<GrantId>, Vec<Reader>) {
    let (id, holder) = (of.id(), peer(VISITOR));
    let allowed = TIMES.map(|at| authority.allows(&holder, Right::Read, &path("parks"), at));
    let known = [authority.grant(&id).is_some(), authority.was_let_in(&holder), authority.stands(&id)];
    let held = authority.grants_of(&holder).map(|grant| grant.id());
    let tree = [authority.chain(&id), authority.below(&manager().id())].concat();
    let all = authority.all_grants().into_iter().map(|grant| grant.id());
    (
        [&allowed[..], &known].concat(),
        held.chain(tree).chain(all).collect(),
        authority.readers(&path("parks"), UnixMillis(150)),
    )
}

#[test]
fn a_visitors_grant_counts_as_one_that_is_shown_whatever_comes_before_and_after() {
    let it = visit(199);
    let ended = [
        shown(ROOT, &revoke(ROOT, &manager(), &[])),
        shown(MANAGER, &revoke(MANAGER, &it, &[])),
        shown(STRANGER, &revoke(STRANGER, &it, &[])),
        entered(MANAGER, &it, Some(&manager()), 3),
        entered(ROOT, &revoke(ROOT, &manager(), &[cut(control(MANAGER, Some(&manager())), 9)]), None, 1),
    ];
    for (n, events) in ended.iter().map(|event| vec![event]).chain([ended.iter().collect()]).enumerate() {
        let told = fold(
            &alone(),
            [&shown(ROOT, &manager()), &shown(MANAGER, &it)].into_iter().chain(events.clone()),
        );
        let mut visited_before = visited(&it);
        for event in &events {
            put(&mut visited_before, event);
        }
        let mut visited_after = fold(&alone(), [&shown(ROOT, &manager())].into_iter().chain(events.clone()));
        let _ = visited_after.learn_visitor(&peer(VISITOR), chain(&it));
        for authority in [&visited_before, &visited_after] {
            assert_eq!(answers(authority, &it), answers(&told, &it), "{n}");
        }
    }
}

#[test]
fn what_is_entered_or_shown_by_a_log_is_a_visitors_grant_no_more() {
    let it = visit(199);
    let mut entered_too = visited(&it);
    put(&mut entered_too, &entered(MANAGER, &it, Some(&manager()), 3));
    let mut writes = visited(&it);
    let _ = writes.learn_shown(&peer(VISITOR), chain(&it));
    for authority in [entered_too, writes] {
        assert_eq!((authority.visitors.all().count(), authority.grants.len()), (0, 2));
        assert!(may_read(&authority));
    }
    // Whoever writes or manages is none, nor is a root's guest.
    for rights in [Right::Write, Right::Manage] {
        let more = Grant { rights: Rights::of([Right::Read, rights]), ..it.clone() };
        let mut authority = fold(&alone(), [&shown(ROOT, &manager())]);
        let _ = authority.learn_visitor(&peer(VISITOR), chain(&more));
        assert_eq!((authority.visitors.all().count(), authority.grants.len()), (0, 2));
    }
}
