use super::*;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn key(n: u8) -> Key {
    Key([n; 32])
}

fn answers() -> Answers {
    Answers::new(WantId(0), &Config::default())
}

/// Asks for as much as there is room for, over a link that passes so many bytes a second and answers after `latency`,
/// until `end`. Returns the most that were owed at once in the second half, and the last size that was asked for.
fn run(it: &mut Answers, rate: u64, latency: Duration, end: Duration) -> (usize, usize) {
    let config = Config::default();
    let (mut now, mut free) = (Duration::ZERO, Duration::ZERO);
    let (mut owed_max, mut last, mut next) = (0, 0, 0u8);
    let mut under_way = std::collections::VecDeque::new();
    while now < end {
        while it.has_room(true, &config) {
            let (id, bytes) = it.ask(now, key(next), None, &config);
            last = bytes;
            free = free.max(now + latency) + time_of(last as u64, rate);
            under_way.push_back((free, id, last));
            next = next.wrapping_add(1);
        }
        if now > end / 2 {
            owed_max = owed_max.max(it.len());
        }
        let (arrives, id, bytes) = under_way.pop_front().unwrap();
        assert!(it.next_due().unwrap() > arrives, "an answer at {arrives:?} is late");
        now = arrives;
        assert!(it.answered(now, id, bytes, &config).is_some());
    }
    (owed_max, last)
}

#[test]
fn a_slow_link_gets_few_and_small_wants_and_a_fast_one_many_and_large() {
    let (owed, bytes) = run(&mut answers(), 20_000, ms(50), ms(60_000));
    assert!(owed <= 4 && (4_096..25_000).contains(&bytes), "{owed} wants of {bytes} bytes");
    let (owed, bytes) = run(&mut answers(), 10_000_000, ms(50), ms(5_000));
    assert_eq!((owed, bytes), (32, 256 << 10));
    let (_, bytes) = run(&mut answers(), 10_000_000, ms(2_000), ms(30_000));
    assert_eq!(bytes, 256 << 10, "far away is not slow");
}

#[test]
fn what_is_late_keeps_its_slot_until_it_is_lost() {
    let (mut it, config) = (answers(), Config::default());
    let (id, _) = it.ask(ms(0), key(1), None, &config);
    assert_eq!(it.next_due(), Some(ms(3_000)));
    assert_eq!(it.overdue(ms(2_999)), []);
    assert_eq!(it.overdue(ms(3_000)), [(key(1), Overdue::Late)]);
    assert!(it.owes(&key(1)) && it.is_late(&key(1)));
    assert_eq!(it.overdue(ms(23_999)), []);
    assert_eq!(it.overdue(ms(24_000)), [(key(1), Overdue::Lost)]);
    assert_eq!((it.len(), it.next_due()), (0, None));
    assert_eq!(it.answered(ms(24_000), id, 9, &config), None);
    it.ask(ms(24_000), key(1), Some(id), &config);
    assert_eq!(it.answered(ms(24_001), id, 9, &config), Some(key(1)), "the first answer will do");
}

#[test]
fn what_was_asked_before_something_that_is_answered_is_lost_once_it_is_late() {
    let (mut it, config) = (answers(), Config::default());
    it.ask(ms(0), key(1), None, &config);
    let (id, _) = it.ask(ms(10), key(2), None, &config);
    assert_eq!(it.overdue(ms(3_000)), [(key(1), Overdue::Late)]);
    assert_eq!(it.answered(ms(3_005), id, 9, &config), Some(key(2)));
    assert_eq!(it.overdue(ms(3_005)), [(key(1), Overdue::Lost)]);
}

#[test]
fn timeouts_double_and_slots_halve_once_a_round() {
    let (mut it, config) = (answers(), Config::default());
    for n in 0..4 {
        it.ask(ms(0), key(n), None, &config);
    }
    assert!(!it.has_room(true, &config));
    assert_eq!(it.overdue(ms(3_000)).len(), 4);
    assert_eq!((it.slots, it.doublings), (2, 1));
    it.overdue(ms(24_000));
    it.ask(ms(24_000), key(1), Some(WantId(1)), &config);
    assert_eq!(it.next_due(), Some(ms(30_000)));
    assert_eq!(it.answered(ms(29_000), WantId(1), 9, &config), Some(key(1)));
    assert_eq!(it.latency, None, "it may be the answer to the first question");
}

#[test]
fn who_says_that_it_will_not_answer_owes_nothing() {
    let (mut it, config) = (answers(), Config::default());
    let (id, _) = it.ask(ms(0), key(1), None, &config);
    let other = WantId(id.0 + 1);
    assert_eq!(it.unserved(ms(1), other), None, "that was another question");
    assert_eq!(it.answered(ms(1), other, 9, &config), None);
    assert_eq!(it.unserved(ms(1), id), Some(key(1)));
    assert_eq!((it.len(), it.slots), (0, 2));
}

#[test]
fn no_number_overflows() {
    let config = Config { want_timeout: Duration::MAX, want_timeout_max: Duration::MAX, ..Config::default() };
    let mut it = Answers::new(WantId(u64::MAX - 50), &config);
    for n in 0..100 {
        let now = Duration::from_secs(u64::MAX / 100 * n);
        let (id, _) = it.ask(now, key(1), None, &config);
        it.answered(now.saturating_mul(2), id, usize::MAX, &config);
        it.overdue(Duration::MAX);
    }
}
