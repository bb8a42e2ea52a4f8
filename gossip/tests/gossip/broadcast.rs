//! What broadcast promises in a city: how soon a message is everywhere, at what cost, and what survives what.

use std::time::Duration;

use msec_gossip::{Config, Interest, Key};
use proptest::prelude::*;

use crate::city::City;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Few trees, so that tests are quick.
fn config() -> Config {
    Config { trees_max: 12, ..Config::default() }
}

/// Relays that have found their trees.
fn city(seed: u64, count: usize) -> City {
    let mut city = City::of_relays(seed, count, &config());
    city.run_for(s(30));
    city
}

/// What was measured over some messages.
#[derive(Debug, Default)]
struct Measured {
    missed: usize,
    /// Last delivery against that of a flood, in percent.
    last_percent: u64,
    /// Pushes that nobody needed for a thousand that somebody did.
    redundancy: u64,
    bytes_per_delivery: u64,
}

/// `rounds` random peers say something, one a second.
fn measure(city: &mut City, rounds: usize) -> Measured {
    let (pushes, bytes) = (city.pushes, city.bytes);
    let mut keys = Vec::new();
    let (mut last, mut flood) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..rounds {
        let node = city.random(city.nodes.len());
        if city.nodes[node].alive {
            flood += city.flood(node);
            keys.push(city.publish(node, "parks"));
        }
        city.run_for(s(1));
    }
    let bytes = city.bytes - bytes;
    city.run_for(s(2));
    let everybody = city.alive();
    let needed = (keys.len() * (everybody - 1)) as u64;
    let mut missed = 0;
    for key in &keys {
        let spread = city.spread(key);
        missed += everybody - spread.reached;
        last += spread.last;
    }
    Measured {
        missed,
        last_percent: (last.as_micros() * 100 / flood.as_micros()) as u64,
        redundancy: ((city.pushes - pushes) * 1_000 / needed).saturating_sub(1_000),
        bytes_per_delivery: bytes / needed,
    }
}

/// How many of those who are alive lack `key`.
fn lacking(city: &City, key: &Key) -> usize {
    city.alive() - city.spread(key).reached
}

#[test]
fn a_message_is_everywhere_nearly_as_soon_as_by_a_flood_and_comes_once() {
    let mut city = city(1, 200);
    let measured = measure(&mut city, 20);
    assert_eq!(measured.missed, 0);
    assert!(measured.last_percent <= 136, "{measured:?}, with 12 trees of 200 peers");
    assert!(measured.redundancy <= 10, "{measured:?}");
    assert!(measured.bytes_per_delivery <= 300, "{measured:?}");
}

#[test]
fn before_there_are_trees_a_message_is_everywhere_and_no_link_carries_it_more_than_once_each_way() {
    let mut city = City::of_relays(2, 100, &config());
    let key = city.publish(7, "parks");
    city.run_for(s(1));
    assert_eq!(lacking(&city, &key), 0);
    assert!(city.pushes <= 2 * city.links.len() as u64);
}

#[test]
fn trees_that_are_being_made_lose_nothing_and_delay_nothing() {
    let mut city = City::of_relays(3, 60, &config());
    let mut keys = Vec::new();
    for round in 0..140 {
        keys.push(city.publish(round % 60, "parks"));
        city.run_for(ms(200));
    }
    let slow = keys.iter().filter(|key| city.spread(key).last > ms(500)).count();
    assert!(slow <= 7, "{slow} of 140 took over half a second");
    city.run_for(s(3));
    assert!(keys.iter().all(|key| lacking(&city, key) == 0));
}

#[test]
fn with_a_tenth_of_all_frames_lost_nothing_is_missed_after_a_minute() {
    let mut city = city(4, 100);
    city.lost = 10;
    let measured = measure(&mut city, 20);
    assert!(measured.missed <= 100 * 20 / 100, "{measured:?}: fetches repair nearly all");
    city.run_for(s(58));
    let keys: Vec<Key> = city.came.keys().copied().collect();
    assert_eq!(keys.iter().map(|key| lacking(&city, key)).sum::<usize>(), 0);
}

#[test]
fn who_is_cut_off_by_relays_that_die_hears_of_it_by_another_way() {
    let mut city = city(5, 120);
    for round in 0..12 {
        // The survivors stay in one piece.
        let (before, dead, after) = (round * 10 + 2, round * 10 + 3, round * 10 + 4);
        city.kill(dead);
        if !city.links.contains_key(&(before, after)) {
            city.link(before, after, 20_000, [false; 2]);
        }
        let key = city.publish(before, "parks");
        city.run_for(s(2));
        assert_eq!(lacking(&city, &key), 0, "published in the instant in which {dead} died");
    }
    city.run_for(s(30));
    let measured = measure(&mut city, 15);
    assert!(
        measured.missed == 0 && measured.redundancy <= 10 && measured.last_percent <= 130,
        "{measured:?}"
    );
}

#[test]
fn a_root_that_dies_is_done_without() {
    let mut city = city(6, 60);
    // All roots die, one after the other: each tree is the nearest for someone.
    let mut roots: Vec<usize> = (0..60).collect();
    roots.sort_by_key(|node| {
        let hash = blake3::Hasher::new_derive_key("msec/gossip/tree/1")
            .update(city.nodes[*node].peer.as_bytes())
            .finalize();
        *hash.as_bytes()
    });
    for root in &roots[..12] {
        let around = city.neighbours(*root);
        city.kill(*root);
        for pair in around.windows(2) {
            if !city.links.contains_key(&(pair[0].min(pair[1]), pair[0].max(pair[1]))) {
                city.link(pair[0], pair[1], 15_000, [false; 2]);
            }
        }
        let keys = [city.publish(around[0], "parks"), city.publish(around[around.len() - 1], "parks")];
        city.run_for(s(3));
        assert!(keys.iter().all(|key| lacking(&city, key) == 0));
    }
    city.run_for(s(30));
    let measured = measure(&mut city, 10);
    assert!(measured.missed == 0 && measured.redundancy <= 10, "{measured:?}");
}

#[test]
fn halves_go_on_by_themselves_and_have_common_trees_again() {
    let mut city = city(7, 80);
    let across: Vec<_> =
        city.links.clone().into_iter().filter(|((a, b), _)| (*a < 40) != (*b < 40)).collect();
    for ((a, b), _) in &across {
        city.unlink(*a, *b);
    }
    // The ring was cut in two: a few links hold each half together.
    for (a, b) in [(0, 39), (40, 79)] {
        if !city.links.contains_key(&(a, b)) {
            city.link(a, b, 20_000, [false; 2]);
        }
    }
    city.run_for(s(40));
    let keys = [city.publish(5, "parks"), city.publish(50, "parks")];
    city.run_for(s(2));
    assert_eq!(keys.map(|key| city.spread(&key).reached), [40, 40]);
    for ((a, b), micros) in across {
        city.link(a, b, micros, [false; 2]);
    }
    city.run_for(s(40));
    assert!(keys.iter().all(|key| lacking(&city, key) == 0), "what was missed was reconciled");
    let measured = measure(&mut city, 15);
    assert!(measured.missed == 0 && measured.redundancy <= 10, "{measured:?}");
}

#[test]
fn after_four_of_five_are_gone_every_message_is_everywhere_as_soon_as_there_are_links() {
    let mut city = city(15, 200);
    for node in (0..200).filter(|node| node % 5 != 0) {
        city.kill(node);
    }
    // What an overlay does then: links among the survivors, one after the other.
    let mut keys = Vec::new();
    for n in 0..40 {
        for _ in 0..2 {
            let (a, b) = (n * 5, city.random(40) * 5);
            if a != b && !city.links.contains_key(&(a.min(b), a.max(b))) {
                city.link(a, b, 10_000 + 700 * n as u64, [false; 2]);
            }
        }
        let next = (n * 5 + 5) % 200;
        if !city.links.contains_key(&(next.min(n * 5), next.max(n * 5))) {
            city.link(n * 5, next, 20_000, [false; 2]);
        }
        city.run_for(ms(100));
    }
    for n in 0..20 {
        keys.push(city.publish(n * 10, "parks"));
        city.run_for(ms(500));
    }
    city.run_for(s(2));
    assert_eq!(keys.iter().map(|key| lacking(&city, key)).sum::<usize>(), 0);
    city.run_for(s(30));
    let measured = measure(&mut city, 10);
    assert!(measured.missed == 0 && measured.redundancy <= 10, "{measured:?}");
}

/// Twelve relays, and twenty leaves with three of them each.
fn with_leaves(seed: u64) -> City {
    let mut city = City::of_relays(seed, 12, &config());
    for n in 0..20 {
        let leaf = city.add(Config { leaf: true, ..config() }, Interest::all());
        for relay in [n % 12, (n + 3) % 12, (n + 7) % 12] {
            city.link(relay, leaf, 15_000, [false, true]);
        }
    }
    city.run_for(s(40));
    city
}

#[test]
fn a_leaf_hears_all_once_and_is_heard() {
    let mut city = with_leaves(8);
    let measured = measure(&mut city, 40);
    assert_eq!(measured.missed, 0);
    assert!(measured.redundancy <= 10, "{measured:?}");
    let duplicates: u64 = city.nodes[12..].iter().map(|leaf| leaf.gossip.stats().duplicates).sum();
    let pushed: u64 = city.nodes[12..].iter().map(|leaf| leaf.gossip.stats().pushed).sum();
    let own = city
        .came
        .values()
        .filter(|came| came.iter().min_by_key(|(_, at)| **at).is_some_and(|(node, _)| *node >= 12));
    assert_eq!((duplicates, pushed), (0, own.count() as u64), "each pushes what it made, and to one relay");
}

#[test]
fn a_leaf_whose_feeder_dies_is_fed_by_another() {
    let mut city = with_leaves(9);
    city.kill(0);
    // The ring of relays is closed again.
    if !city.links.contains_key(&(1, 11)) {
        city.link(1, 11, 15_000, [false; 2]);
    }
    city.run_for(s(1));
    let key = city.publish(5, "parks");
    city.run_for(ms(200));
    assert_eq!(lacking(&city, &key), 0, "nobody had to wait for a fetch");
}

#[test]
fn leaves_that_meet_tell_each_other() {
    let mut city = City::new(10);
    let [a, b] = [0, 1].map(|_| city.add(Config { leaf: true, ..config() }, Interest::all()));
    city.link(a, b, 5_000, [true, true]);
    let key = city.publish(a, "parks");
    city.run_for(ms(10));
    assert_eq!(lacking(&city, &key), 0);
}

#[test]
fn what_the_next_in_the_tree_does_not_want_comes_by_another_way() {
    let mut city = City::new(11);
    for n in 0..30 {
        let interest = if n % 3 == 0 { Interest::of(["air"]).unwrap() } else { Interest::all() };
        city.add(config(), interest);
    }
    for n in 0..30 {
        for step in [1, 2, 7] {
            city.link(n, (n + step) % 30, 10_000 + 1_000 * n as u64, [false; 2]);
        }
    }
    city.run_for(s(40));
    let keys: Vec<Key> = (0..30).filter(|n| n % 3 != 0).map(|n| city.publish(n, "parks")).collect();
    city.run_for(s(3));
    assert!(keys.iter().all(|key| city.spread(key).reached == 20));
    let fetched = city.sum(|stats| stats.fetched);
    assert!(fetched <= 20, "{fetched} of 380 deliveries were fetched: trees run among those who want all");
}

#[test]
fn a_burst_is_announced_in_few_frames() {
    let mut city = city(12, 60);
    let before = city.sum(|stats| stats.frames_sent);
    for _ in 0..100 {
        city.publish(30, "parks");
    }
    city.run_for(s(2));
    let frames = city.sum(|stats| stats.frames_sent) - before;
    // A push goes alone over 59 links: what is published one by one is sent one by one.
    assert!(frames <= 100 * 59 + 10 * 2 * city.links.len() as u64, "{frames} frames");
    let keys: Vec<Key> = city.came.keys().copied().collect();
    assert!(keys.iter().all(|key| lacking(&city, key) == 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 20, ..ProptestConfig::default() })]

    /// Whatever is lost, and whatever links come and go while trees are made and repaired: each relay sends a message on
    /// at most once over each of its links, and once more for each fetch.
    #[test]
    fn nothing_goes_round(
        seed in any::<u64>(), lost in 0u32..60,
        links in prop::collection::vec((0usize..24, 0usize..24), 1..40),
    ) {
        let mut city = City::of_relays(seed, 24, &config());
        city.lost = lost;
        let mut edges = city.links.len();
        for (n, (a, b)) in links.into_iter().enumerate() {
            city.publish(n % 24, "parks");
            city.run_for(ms(700));
            if a == b {
                continue;
            }
            if city.links.contains_key(&(a.min(b), a.max(b))) {
                city.unlink(a, b);
            } else {
                city.link(a, b, 12_000, [false; 2]);
                edges += 1;
            }
        }
        city.run_for(s(10));
        let most = city.came.len() * 2 * edges;
        prop_assert!(city.pushes <= most as u64 + city.sum(|stats| stats.fetched));
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let trace = |seed| {
        let mut city = City::of_relays(seed, 40, &config());
        city.lost = 5;
        city.run_for(s(20));
        measure(&mut city, 5);
        city.trace.finalize()
    };
    assert_eq!(trace(13), trace(13));
    assert_ne!(trace(13), trace(14));
}

/// `COUNT=10000 FETCH_MS=100 cargo test --release -p msec-gossip --test gossip -- --ignored --nocapture a_whole_city`
#[test]
#[ignore = "takes minutes, and prints what it measures"]
fn a_whole_city() {
    let number = |name: &str, or| std::env::var(name).map_or(or, |text| text.parse().unwrap());
    let count = number("COUNT", 1_000);
    let fetch_delay = ms(number("FETCH_MS", 100) as u64);
    let mut city = City::of_relays(1, count, &Config { fetch_delay, ..Config::default() });
    city.run_for(s(60));
    let counted = |city: &City| {
        [city.sum(|it| it.ids_announced), city.sum(|it| it.fetched), city.sum(|it| it.tree_bytes)]
    };
    println!("{count} peers; bytes about trees to begin with, each: {}", counted(&city)[2] / count as u64);
    for lost in [0, 1, 10] {
        city.lost = lost;
        let before = counted(&city);
        println!("{lost} % lost: {:?}", measure(&mut city, 20));
        let after = counted(&city);
        let each = [0, 1, 2].map(|n| (after[n] - before[n]) * 100 / count as u64 / 20);
        println!("ids, fetches and bytes about trees, each and a round, times 100: {each:?}");
    }
}
