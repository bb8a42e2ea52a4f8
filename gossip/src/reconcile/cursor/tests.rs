use proptest::prelude::*;

use super::*;
use crate::item::Key;

const EPOCH: Epoch = Epoch([1; 4]);

fn name(n: u8) -> Name {
    Name::of(&Key([n; 32]))
}

fn named(n: u8, size: u64) -> Named {
    Named { name: name(n), size }
}

#[test]
fn a_cursor_moves_when_all_before_it_is_there() {
    let mut taking = Taking::default();
    taking.take(0, 10, false, &[named(1, 5), named(2, 6)], 9);
    taking.take(10, 20, true, &[named(3, 7)], 9);
    assert_eq!((taking.told(3), taking.finished()), (20, None));
    taking.settle(name(3), 7);
    taking.settle(name(1), 4);
    assert_eq!(taking.finished(), None, "the first list has to come first");
    taking.settle(name(1), 5);
    assert_eq!(taking.finished(), None);
    taking.give_up(|given_up| given_up == name(2));
    assert_eq!(taking.finished(), Some((20, true)));
    assert!(taking.is_empty() && taking.missing.is_empty());
}

#[test]
fn what_changed_again_is_waited_for_once() {
    let mut taking = Taking::default();
    taking.take(0, 10, false, &[named(1, 5)], 9);
    taking.take(10, 20, false, &[named(1, 6)], 9);
    assert_eq!(taking.finished(), Some((10, false)));
    taking.settle(name(1), 5);
    assert_eq!(taking.finished(), None);
    taking.settle(name(1), 6);
    assert_eq!(taking.finished(), Some((20, false)));
}

#[test]
fn what_is_told_again_is_taken_in_with_what_was_told_before() {
    let mut taking = Taking::default();
    taking.take(0, 10, false, &[named(1, 5)], 9);
    taking.take(10, 20, true, &[named(2, 5)], 9);
    taking.take(0, 10, false, &[named(1, 5), named(3, 5)], 9);
    assert_eq!((taking.told(0), taking.finished()), (20, None), "the first is still missing");
    for n in [1, 3] {
        taking.settle(name(n), 5);
        assert_eq!(taking.finished(), None);
    }
    taking.settle(name(2), 5);
    assert_eq!(taking.finished(), Some((20, false)));
    assert!(taking.is_empty() && taking.missing.is_empty());
}

#[test]
fn what_has_no_room_moves_nothing() {
    let mut taking = Taking::default();
    taking.take(0, 10, false, &[named(1, 5), named(2, 5)], 1);
    for n in 0..2 * LISTS_MAX as u64 {
        taking.take(n, n + 1, false, &[], 1);
    }
    assert_eq!((taking.lists.len(), taking.len()), (LISTS_MAX, 0));
    taking.take(0, 20, false, &[], 1);
    assert_eq!(taking.finished(), Some((LISTS_MAX as u64, false)), "one list that is told again fits");
    taking.forget();
    taking.take(20, 30, false, &[named(1, 5)], 1);
    taking.settle(name(1), 9);
    assert_eq!(taking.finished(), Some((30, false)));
}

#[derive(Clone, Debug)]
enum Happens {
    /// What changed after a number that was told, so many back, and up to so many further.
    Told {
        back: u64,
        further: u64,
        missing: Vec<Named>,
    },
    OnDisk(Named),
    Refused(Name),
}

fn happens() -> impl Strategy<Value = Happens> {
    let named = || (0u8..6, 1u64..5).prop_map(|(n, size)| named(n, size));
    let list = prop::collection::vec(named(), 0..4);
    prop_oneof![
        3 => (0u64..20, 0u64..9, list).prop_map(|(back, further, mut missing)| {
            missing.sort_by_key(|named| named.name);
            missing.dedup_by_key(|named| named.name);
            Happens::Told { back: back.saturating_sub(10), further, missing }
        }),
        5 => named().prop_map(Happens::OnDisk),
        1 => (0u8..6).prop_map(|n| Happens::Refused(name(n))),
    ]
}

proptest! {
    /// Whatever is told, again or anew, comes or is refused: a cursor never passes what is missing, and never stays
    /// behind when nothing is.
    #[test]
    fn a_cursor_never_passes_what_is_missing(steps in prop::collection::vec(happens(), 0..60)) {
        let (mut taking, mut through, mut told) = (Taking::default(), 0, 0);
        // (until where it was told, after what, what).
        let mut missing: Vec<(u64, u64, Named)> = Vec::new();
        for step in steps {
            match step {
                Happens::Told { back, further, missing: list } => {
                    let since = taking.told(through).saturating_sub(back).max(through);
                    let upto = since + further;
                    let lists = taking.lists.len();
                    let waits = taking.len();
                    taking.take(since, upto, false, &list, 12);
                    let is_taken = waits + list.len() <= 12 && (lists < LISTS_MAX || since < told);
                    if is_taken {
                        told = taking.told(through);
                        // What is told of a name last is what counts.
                        missing.retain(|(_, _, old)| list.iter().all(|new| new.name != old.name));
                        missing.extend(list.into_iter().map(|named| (upto, since, named)));
                    }
                }
                Happens::OnDisk(named) => {
                    taking.settle(named.name, named.size);
                    missing.retain(|(_, _, it)| it.name != named.name || it.size > named.size);
                }
                Happens::Refused(name) => {
                    taking.give_up(|given_up| given_up == name);
                    missing.retain(|(_, _, it)| it.name != name);
                }
            }
            if let Some((upto, _)) = taking.finished() {
                prop_assert!(upto >= through);
                through = upto;
            }
            let passed = missing.iter().find(|(until, since, _)| *until <= through && since < until);
            prop_assert!(passed.is_none(), "{passed:?} at {through}");
            prop_assert!(taking.len() <= 12 && taking.lists.len() <= LISTS_MAX);
            if missing.is_empty() {
                prop_assert_eq!(through, told);
            }
        }
    }
}

#[test]
fn what_is_kept_of_cursors_comes_back() {
    let interests = [
        Interest::all(),
        Interest::none(),
        Interest::of(["parks"]).unwrap(),
        Interest::of(["par", "ks"]).unwrap(),
        Interest::of(["parks"]).unwrap().near(63.4, 10.4, 500.0).unwrap(),
        Interest::of(["parks"]).unwrap().since(msec_identity::UnixMillis(1 << 40)),
    ];
    let mut cursors = Cursors::default();
    for (n, interest) in (0..).zip(&interests) {
        cursors.advance(PeerId([9 - n; 32]), EPOCH, interest, u64::from(n) << 40, 9);
    }
    let bytes = cursors.to_bytes();
    assert_eq!(bytes.len(), interests.len() * CURSOR_BYTES);
    let again = Cursors::from_bytes(&bytes, 9);
    assert_eq!(again.to_bytes(), bytes);
    for (n, interest) in (0..).zip(&interests) {
        let of = PeerId([9 - n; 32]);
        assert_eq!(again.get(&of, interest), Some((EPOCH, u64::from(n) << 40)));
        let others = interests.iter().filter(|other| *other != interest);
        others.for_each(|other| assert_eq!(again.get(&of, other), None, "{other:?} is not {interest:?}"));
    }
    let few = Cursors::from_bytes(&bytes, 2);
    assert_eq!(few.to_bytes(), bytes[bytes.len() - 2 * CURSOR_BYTES..], "those that moved last");
    assert_eq!(Cursors::from_bytes(&bytes[..CURSOR_BYTES + 1], 9).len(), 1);
}

#[test]
fn cursors_are_few_and_of_one_life_and_interest() {
    let (all, some) = (Interest::all(), Interest::of(["parks"]).unwrap());
    let mut cursors = Cursors::default();
    for n in 0..5 {
        cursors.advance(PeerId([n; 32]), EPOCH, &all, 9, 3);
        cursors.advance(PeerId([0; 32]), EPOCH, &all, 7, 3);
    }
    assert_eq!(cursors.len(), 3);
    assert_eq!(cursors.get(&PeerId([0; 32]), &all), Some((EPOCH, 9)), "met again and again, and never back");
    assert_eq!(cursors.get(&PeerId([1; 32]), &all), None);
    assert_eq!(cursors.get(&PeerId([0; 32]), &some), None);
    cursors.advance(PeerId([0; 32]), Epoch([2; 4]), &all, 1, 3);
    assert_eq!(cursors.get(&PeerId([0; 32]), &all), Some((Epoch([2; 4]), 1)));
}
