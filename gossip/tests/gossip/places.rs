//! Interests by place and since when: who wants what gets it, nobody else does, and what both hold compares equal.

use std::time::Duration;

use msec_gossip::{Config, Hour, Input, Interest, Key, Spot, Topic, Version};
use msec_identity::UnixMillis;
use proptest::prelude::*;

use crate::pair::Pair;
use crate::rig::{A, B, C, Rig, key, ms, topic, version};
use crate::wire::Wire;

/// As in `laws`.
const CONVERGES_WITHIN: Duration = Duration::from_secs(90);
/// Santander's cathedral, its lighthouse 4 km away, and the zoo of Cabárceno.
const PLACES: [(f64, f64); 3] = [(43.4610, -3.8075), (43.4913, -3.7906), (43.3536, -3.8423)];
/// What "since" means here.
const SINCE: u32 = 490_000;

fn spot(place: usize) -> Option<Spot> {
    let (latitude, longitude) = *PLACES.get(place)?;
    Spot::at((latitude * 1e7) as i32, (longitude * 1e7) as i32)
}

fn since(interest: Interest) -> Interest {
    interest.since(UnixMillis(i64::from(SINCE) * 3_600_000))
}

fn near(interest: Interest, place: usize) -> Interest {
    interest.near(PLACES[place].0, PLACES[place].1, 500.0).unwrap()
}

fn interest(which: usize) -> Interest {
    let parks = || Interest::of(["parks"]).unwrap();
    match which {
        0 => Interest::all(),
        1 => near(Interest::all(), 0),
        2 => near(near(Interest::all(), 1), 2),
        3 => since(Interest::all()),
        4 => since(near(parks(), 0)),
        5 => near(parks(), 0).told(),
        _ => Interest::none(),
    }
}

/// The nth log: in one of two collections, at one of three places or at none, and every fifth without times. Four entries
/// an hour, of which the eighth is the first that isn't too old.
fn log(n: u64, size: u64) -> (Key, Topic, Version) {
    let key = key(n);
    let path = ["parks", "air"][(n % 2) as usize];
    let hour = (!n.is_multiple_of(5)).then(|| SINCE - 2 + (size / 4) as u32).and_then(Hour::from_number);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&key.0).update(&size.to_le_bytes());
    let version = Version { size, digest: *hasher.finalize().as_bytes() };
    (key, topic(path).at(spot((n / 2 % 4) as usize)).in_hour(hour), version)
}

fn hold(pair: &mut Pair, end: usize, n: u64, size: u64) {
    let (key, topic, version) = log(n, size);
    pair.hold(end, key, &topic, version);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn both_hold_what_they_want_of_both_wherever_and_whenever(
        interests in prop::array::uniform2(0usize..7), common in prop_oneof![0u64..20, 100u64..200],
        differ in prop::collection::vec((0u64..200, 0u64..14, 0u64..14), 0..60),
        later in prop::collection::vec((0u64..200, 0usize..2, 1u64..9), 0..20),
    ) {
        let mut pair = Pair::new(&Config::default(), interests.map(interest));
        for n in 1_000..1_000 + common {
            (0..2).for_each(|end| hold(&mut pair, end, n, n % 14));
        }
        for (n, a, b) in differ {
            for (end, size) in [(0, a), (1, b)] {
                if size > 0 {
                    hold(&mut pair, end, n, size);
                }
            }
        }
        pair.up();
        prop_assert!(pair.converge(CONVERGES_WITHIN).is_some());
        // What was too old is heard of again, whether they are linked or not.
        pair.down();
        for (n, end, more) in later {
            let held = pair.ends[end].held.get(&key(n)).map_or(0, |(_, held)| held.size);
            hold(&mut pair, end, n, held + more);
        }
        pair.up();
        prop_assert!(pair.converge(CONVERGES_WITHIN).is_some());
        pair.run_for(Duration::from_secs(60));
        prop_assert!(pair.is_equal() && pair.ends.iter().all(|end| end.conflicts == 0));
        // And what they don't have in common is no difference.
        pair.bytes();
        pair.run_for(Duration::from_secs(600));
        let idle = pair.bytes();
        prop_assert!(idle < 600 * 10, "{idle} bytes in ten minutes about nothing");
    }
}

/// They met, agreed on nothing of it, and then one of them heard of it again.
#[test]
fn what_begins_to_matter_is_told_from_the_cursor_on() {
    let interests = [Interest::all(), since(Interest::all())];
    let mut pair = Pair::new(&Config::default(), interests);
    (1u64..2_000).filter(|n| !n.is_multiple_of(5)).for_each(|n| hold(&mut pair, 0, n, 7));
    pair.up();
    pair.run_for(Duration::from_secs(30));
    assert!(pair.is_equal() && pair.ends[1].held.is_empty());
    pair.down();
    (1..5).for_each(|n| hold(&mut pair, 0, n, 8));
    pair.up();
    pair.bytes();
    assert!(pair.converge(Duration::from_secs(5)).is_some());
    assert_eq!(pair.ends[1].held.len(), 4);
    let bytes = pair.bytes();
    assert!(bytes < 4 * 60 + 200, "{bytes} bytes");
}

#[test]
fn a_clock_that_is_set_back_hides_nothing_from_who_holds_the_rest() {
    let interests = [Interest::all(), since(Interest::all())];
    let mut pair = Pair::new(&Config::default(), interests);
    (0..2).for_each(|end| hold(&mut pair, end, 1, 8));
    let (key, topic, version) = log(1, 9);
    pair.hold(0, key, &topic.in_hour(Hour::from_number(1)), version);
    pair.up();
    pair.run_for(Duration::from_secs(30));
    assert_eq!(pair.ends[1].held[&key].1, version);
}

#[test]
fn a_reading_is_pushed_to_who_looks_there_and_what_has_no_place_to_all() {
    let control = Interest::of(["control"]).unwrap();
    let mut rig = Rig::with(Config { control, ..Config::default() }, Interest::all());
    for (peer, place) in [(A, 0), (B, 1)] {
        rig.up(peer, near(Interest::all(), place));
    }
    rig.up(C, since(Interest::all()));
    let mut pushed = |n: u64, topic: Topic| {
        let payload = Some(b"payload".to_vec());
        let (key, version) = (key(n), version(1));
        rig.input(Input::Accepted { key, topic, version, from: None, origin: None, payload });
        let sent = rig.sent().into_iter().filter(|(_, message)| matches!(message, Wire::Push { .. }));
        let to: Vec<_> = sent.map(|(to, _)| to).collect();
        // Nor is it announced to others.
        rig.pass(ms(100));
        let told = |message: &Wire| matches!(message, Wire::Ihave { .. } | Wire::Have { .. });
        assert!(rig.sent().iter().all(|(to_whom, message)| to.contains(to_whom) || !told(message)));
        to
    };
    let now = Hour::from_number(SINCE + 1);
    assert_eq!(pushed(1, topic("parks").at(spot(0)).in_hour(now)), [A, C]);
    assert_eq!(pushed(2, topic("parks").at(spot(1)).in_hour(now)), [B, C]);
    assert_eq!(pushed(3, topic("parks").at(spot(2)).in_hour(now)), [C]);
    assert_eq!(pushed(4, topic("parks").at(spot(2)).in_hour(Hour::from_number(7))), []);
    assert_eq!(pushed(5, topic("parks")), [A, B, C]);
    assert_eq!(pushed(6, topic("control/grants")), [A, B, C]);
}
