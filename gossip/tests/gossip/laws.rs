//! Laws of reconciliation: whatever two hold and whatever interrupts them, in the end both hold what they want of both.

use std::time::Duration;

use msec_gossip::{Config, Interest, Key, Topic, Version};
use proptest::prelude::*;

use crate::pair::{Pair, peer};
use crate::rig::key;

/// A round in an interval, after one that had backed off; then what it found, and another for what names hide.
const CONVERGES_WITHIN: Duration = Duration::from_secs(90);

const TOPICS: [&str; 3] = ["parks/noise", "parks/trees", "air"];

#[derive(Clone, Debug)]
struct Sets {
    interests: [usize; 2],
    /// Held by both, and equal.
    common: u64,
    /// (key, topic, how much this one holds, and the other one; how many keys have its name).
    differ: Vec<(u64, usize, u64, u64, u8)>,
    /// After so many frames the link goes down, each time.
    lives: Vec<usize>,
}

fn any_sets() -> impl Strategy<Value = Sets> {
    let size = prop_oneof![2 => Just(0u64), 3 => 1u64..9, 1 => 4_000u64..9_000];
    let one = (0u64..2_000, 0usize..3, size.clone(), size, prop_oneof![9 => Just(1u8), 1 => 2u8..4]);
    (
        prop::array::uniform2(prop_oneof![3 => Just(3usize), 1 => 0usize..3]),
        prop_oneof![0u64..40, 200u64..400],
        prop_oneof![3 => prop::collection::vec(one.clone(), 0..30), 1 => prop::collection::vec(one, 60..120)],
        prop::collection::vec(0usize..40, 0..4),
    )
        .prop_map(|(interests, common, differ, lives)| Sets { interests, common, differ, lives })
}

fn interest(which: usize) -> Interest {
    match which {
        0 => Interest::none(),
        1 => Interest::of(["parks"]).unwrap(),
        2 => Interest::of(["air", "parks/noise"]).unwrap(),
        _ => Interest::all(),
    }
}

fn version(key: &Key, size: u64) -> Version {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&key.0).update(&size.to_le_bytes());
    Version { size, digest: *hasher.finalize().as_bytes() }
}

/// Another key of the same name.
fn twin(mut key: Key, n: u8) -> Key {
    key.0[31] ^= n;
    key
}

fn build(sets: &Sets) -> Pair {
    let mut pair = Pair::new(&Config::default(), sets.interests.map(interest));
    let topic = |n: usize| Topic::new(TOPICS[n % 3]).unwrap();
    for n in 10_000..10_000 + sets.common {
        let key = key(n);
        (0..2).for_each(|end| pair.hold(end, key, &topic(n as usize), version(&key, 7)));
    }
    for (n, which, a, b, twins) in &sets.differ {
        for t in 0..*twins {
            let key = twin(key(*n), t);
            for (end, size) in [(0, *a), (1, *b)] {
                if size > 0 && !pair.ends[end].held.contains_key(&key) {
                    // A key has one topic.
                    let of = pair.ends[1 - end].held.get(&key).map(|(topic, _)| topic.clone());
                    pair.hold(end, key, &of.unwrap_or_else(|| topic(*which)), version(&key, size));
                }
            }
        }
    }
    pair
}

fn differing(pair: &Pair) -> Vec<(usize, Key, u64)> {
    let mut differing = Vec::new();
    for end in 0..2 {
        for (key, size) in pair.expected(end) {
            if pair.ends[end].held.get(&key).is_none_or(|(_, held)| held.size != size) {
                differing.push((end, key, size));
            }
        }
    }
    differing
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn both_hold_what_they_want_of_both(sets in any_sets()) {
        let mut pair = build(&sets);
        for frames in &sets.lives {
            pair.lives_for = Some(*frames);
            pair.up();
            pair.run_for(Duration::from_secs(3));
            if pair.lives_for.take().is_some() {
                pair.down();
            }
        }
        pair.up();
        let took = pair.converge(CONVERGES_WITHIN);
        prop_assert!(took.is_some(), "not equal: {:?}", differing(&pair));
        for end in &pair.ends {
            let tables = end.gossip.table_sizes();
            prop_assert!(tables.taking <= 4_096 && tables.cursors <= 1 && tables.held == end.held.len());
        }
    }
}

/// Found by `both_hold_what_they_want_of_both`: of keys that share a name each side held others. That shows only in an
/// exact round, and there was none where more than sixteen keys differed.
#[test]
fn many_that_share_names_are_told_apart() {
    let mut pair = Pair::new(&Config::default(), [Interest::all(), Interest::all()]);
    let topic = Topic::new("parks").unwrap();
    for n in 0..3_000 {
        let key = key(n);
        (0..2).for_each(|end| pair.hold(end, key, &topic, version(&key, 7)));
    }
    for n in 0..60 {
        for end in 0..2 {
            let key = twin(key(5_000 + n), end as u8);
            pair.hold(end, key, &topic, version(&key, 3));
        }
    }
    pair.up();
    assert!(pair.converge(CONVERGES_WITHIN).is_some(), "not equal: {:?}", differing(&pair).len());
}

/// As many, and another thing: only an exact round can tell, when the last bits are the same.
#[test]
fn conflicts_are_found_whatever_bits_they_share_and_nothing_else_suffers() {
    let mut pair = Pair::new(&Config::default(), [Interest::all(), Interest::all()]);
    let topic = Topic::new("parks").unwrap();
    for n in 0..3_000 {
        let key = key(n);
        (0..2).for_each(|end| pair.hold(end, key, &topic, version(&key, 7)));
    }
    for n in 0..4u8 {
        for end in 0..2u8 {
            // Of the last two, codes see the same bits on both sides.
            let digest = if n < 2 { [end; 32] } else { [[5; 16], [end; 16]].concat().try_into().unwrap() };
            pair.hold(end.into(), key(u64::from(n)), &topic, Version { size: 7, digest });
        }
    }
    pair.up();
    pair.run_for(Duration::from_secs(60));
    assert_eq!((pair.ends[0].conflicts, pair.ends[1].conflicts), (4, 4));
    let key = key(5_000);
    pair.hold(0, key, &topic, version(&key, 1));
    pair.run_for(Duration::from_secs(60));
    assert!(pair.ends[1].held.contains_key(&key));
    pair.bytes();
    pair.run_for(Duration::from_secs(600));
    let idle = pair.bytes();
    assert!(idle < 600 * 100, "{idle} bytes in ten minutes for conflicts that nobody settles");
}

/// A gateway that was away for long, cut off again and again: it goes on where it was.
#[test]
fn what_is_interrupted_goes_on() {
    let mut pair = Pair::new(&Config::default(), [Interest::all(), Interest::all()]);
    let topic = Topic::new("parks").unwrap();
    for n in 0..4_000 {
        let key = key(n);
        pair.hold(0, key, &topic, version(&key, 1 + n % 7));
    }
    let mut sent = 0;
    for _ in 0..60 {
        pair.lives_for = Some(120);
        pair.up();
        pair.run_for(Duration::from_secs(20));
        if pair.lives_for.take().is_some() {
            pair.down();
        }
        sent += pair.bytes();
        if pair.is_equal() {
            break;
        }
    }
    assert!(pair.is_equal(), "{} of 4,000", pair.ends[1].held.len());
    assert_eq!(peer(1), pair.ends[1].gossip.me());
    assert!(sent < 4_000 * 40, "{sent} bytes");
}
