//! What an inviter knows of the codes it gave out.

use super::*;

#[test]
fn five_wrong_tries_close_the_book_for_a_minute() {
    let mut pair = pair();
    for _ in 0..WRONG_TRIES_MAX {
        assert_eq!(pair.guess(START), PairingRefusal::Unknown);
    }
    // For the right code as well.
    assert_eq!(pair.refusal(START), PairingRefusal::Closed { retry_after_s: 60 });
    let half = START + CLOSED_FOR / 2;
    assert_eq!(pair.guess(half), PairingRefusal::Closed { retry_after_s: 30 });
    let (_, first) = pair.knock(BINDING);
    assert!(pair.respond(&first, START + CLOSED_FOR).is_ok());
}

#[test]
fn whoever_knows_a_secret_clears_the_count() {
    let mut pair = pair();
    for _ in 0..3 {
        for _ in 1..WRONG_TRIES_MAX {
            assert_eq!(pair.guess(START), PairingRefusal::Unknown);
        }
        let (_, compare) = pair.up_to_the_words();
        pair.book.give_back(compare.ticket());
    }
}

#[test]
fn a_code_expires_and_can_be_taken_back() {
    let mut pair = pair();
    let (_, first) = pair.knock(BINDING);
    let (inviter, _) = pair.respond(&first, START + LASTS).expect("the last moment");
    pair.book.give_back(inviter.ticket());
    let late = START + LASTS + Duration::from_millis(1);
    assert_eq!(pair.refusal(late), PairingRefusal::Expired);
    pair.book.invite(&secret(10), LASTS, late).expect("room");
    pair.door.secret = secret(10);
    pair.book.withdraw(secret(10).tag());
    assert_eq!(pair.refusal(late), PairingRefusal::Expired);
}

#[test]
fn a_code_that_links_break_with_is_good_four_times() {
    let mut pair = pair();
    for _ in 0..4 {
        let (_, compare) = pair.up_to_the_words();
        pair.book.give_back(compare.ticket());
        pair.book.give_back(compare.ticket());
    }
    assert_eq!(pair.refusal(START), PairingRefusal::Used);
}

#[test]
fn a_full_book_takes_no_further_code_and_forgets_the_oldest_past_one() {
    let mut pair = pair();
    for seed in 1..INVITES_OPEN_MAX {
        pair.book.invite(&secret(100 + seed as u8), LASTS, START).expect("room");
    }
    assert_eq!(pair.book.invite(&secret(8), LASTS, START), Err(InviteError::Full));
    pair.book.withdraw(pair.door.secret.tag());
    for seed in 0..INVITES_PAST_MAX {
        assert_eq!(pair.refusal(START), PairingRefusal::Expired);
        pair.book.invite(&secret(150 + seed as u8), LASTS, START).expect("room");
        pair.book.withdraw(secret(150 + seed as u8).tag());
    }
    assert_eq!(pair.refusal(START), PairingRefusal::Unknown);
}

/// What can happen to a book.
#[derive(Debug, Clone)]
enum Happening {
    Invite(u8, u16),
    Withdraw(u8),
    Knock(InviteTag),
    GiveBack,
    Settle,
    Wait(u16),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        (0u8..40, 0u16..400).prop_map(|(seed, lasts)| Happening::Invite(seed, lasts)),
        (0u8..40).prop_map(Happening::Withdraw),
        (0u8..40).prop_map(|seed| Happening::Knock(secret(seed).tag())),
        Just(Happening::Knock(InviteTag([0; 8]))),
        Just(Happening::GiveBack),
        Just(Happening::Settle),
        (0u16..200).prop_map(Happening::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn after_any_happenings_the_book_is_within_its_bounds(happenings in proptest::collection::vec(happening(), 0..120)) {
        let (mut book, mut now, mut tickets) = (InviteBook::default(), START, Vec::new());
        let (mut tries_left, mut closed_until) = (WRONG_TRIES_MAX, START);
        for happening in happenings {
            match happening {
                Happening::Invite(seed, lasts) => {
                    let _ = book.invite(&secret(seed), Duration::from_secs(lasts.into()), now);
                }
                Happening::Withdraw(seed) => book.withdraw(secret(seed).tag()),
                Happening::Knock(tag) => {
                    let answer = book.knock(tag, now).map(|_| ());
                    let closed = matches!(answer, Err(PairingRefusal::Closed { .. }));
                    prop_assert!(closed || now >= closed_until, "{:?}", answer);
                    if answer.is_ok() {
                        tickets.push(book.take(tag));
                        tries_left = WRONG_TRIES_MAX;
                    } else if answer == Err(PairingRefusal::Unknown) {
                        tries_left -= 1;
                    }
                    if tries_left == 0 {
                        (tries_left, closed_until) = (WRONG_TRIES_MAX, now + CLOSED_FOR);
                    }
                }
                Happening::GiveBack => tickets.pop().into_iter().for_each(|it| book.give_back(it)),
                Happening::Settle => tickets.pop().into_iter().for_each(|it| book.settle(it)),
                Happening::Wait(seconds) => now += Duration::from_secs(seconds.into()),
            }
            prop_assert!(book.codes().count() <= INVITES_OPEN_MAX);
            prop_assert!(book.past_len() <= INVITES_PAST_MAX);
        }
    }
}
