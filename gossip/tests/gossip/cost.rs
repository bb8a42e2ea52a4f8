//! What reconciliation costs, in bytes both ways for each difference, without chunks.

use std::time::Duration;

use msec_gossip::{Config, Interest, Key, Topic, Version};

use crate::pair::{LATENCY, Pair};
use crate::rig::key;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Half of the differences are keys that only one of both holds.
    NewSpread,
    /// So are these, and they are neighbours in the order of keys.
    NewClustered,
    /// Of the keys that differ, half went further here and half there.
    Updated,
}

fn version(size: u64, of: &Key) -> Version {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&of.0).update(&size.to_le_bytes());
    Version { size, digest: *hasher.finalize().as_bytes() }
}

struct Measured {
    bytes: u64,
    chunk_headers: u64,
    /// Until both know all that differs, in hundredths of a round trip.
    rounds: u128,
}

/// Two strangers that hold `items` keys, of which `differences` differ.
fn strangers(items: u64, differences: u64, kind: Kind) -> (Pair, Measured) {
    let mut pair = Pair::new(&Config::default(), [Interest::all(), Interest::all()]);
    let topic = Topic::new("parks/noise").unwrap();
    let mut keys: Vec<Key> = (0..items).map(key).collect();
    if kind == Kind::NewClustered {
        keys.sort_unstable();
    }
    let first = items / 3;
    for (n, key) in (0..).zip(&keys) {
        let differs = n >= first && n < first + differences;
        for end in 0..2u64 {
            let is_here = n % 2 == end;
            match kind {
                Kind::Updated => {
                    let size = 7 + n % 300 + u64::from(differs && is_here) * (1 + n % 9);
                    pair.hold(end as usize, *key, &topic, version(size, key));
                }
                _ if !differs || is_here => pair.hold(end as usize, *key, &topic, version(7 + n % 300, key)),
                _ => {}
            }
        }
    }
    let measured = meet(&mut pair);
    (pair, measured)
}

fn meet(pair: &mut Pair) -> Measured {
    pair.bytes();
    pair.chunk_headers();
    let start = pair.now;
    pair.up();
    // The first round; the next ones begin when wants have brought something.
    pair.run_for(Duration::from_millis(500));
    let told = pair.ends.iter().map(|end| end.told).max().unwrap_or_default();
    let rounds = 100 * (told + LATENCY - start).as_micros() / (2 * LATENCY).as_micros();
    assert!(pair.converge(Duration::from_secs(120)).is_some());
    // The rounds that say so.
    pair.run_for(Duration::from_secs(4));
    assert!(pair.is_equal());
    Measured { bytes: pair.bytes(), chunk_headers: pair.chunk_headers(), rounds }
}

/// Bytes a difference; a first round of a few round trips must have told it.
fn report(what: &str, differences: u64, measured: &Measured) -> u64 {
    let each = measured.bytes / differences;
    assert!(measured.rounds <= 600, "{what}: {} % of a round trip", measured.rounds);
    let headers = measured.chunk_headers / differences;
    assert!(headers <= 5, "{what}: {headers} bytes around an item");
    eprintln!(
        "{what}: {each} bytes a difference (+ {headers} of chunks), {} % of a round trip",
        measured.rounds
    );
    each
}

/// Both come back, with nothing new.
fn reconnect(pair: &mut Pair) -> u64 {
    pair.down();
    pair.bytes();
    pair.up();
    pair.run_for(2 * LATENCY);
    pair.bytes()
}

/// Strangers, then a peer that was met, then one with nothing new, also after one of both was restarted.
fn measure(items: u64, differences: u64) -> [u64; 5] {
    let (mut pair, spread) = strangers(items, differences, Kind::NewSpread);
    let spread = report("strangers, new keys spread", differences, &spread);
    pair.down();
    grow(&mut pair, items, differences);
    let met = meet(&mut pair);
    let met = report("met, updated keys", differences, &met);
    let idle = reconnect(&mut pair);
    eprintln!("nothing new: {idle} bytes");
    pair.down();
    pair.restart(0, &Config::default());
    let restarted = reconnect(&mut pair);
    eprintln!("nothing new, after a restart: {restarted} bytes");
    let idle = idle.max(restarted);
    let (_, clustered) = strangers(items, differences, Kind::NewClustered);
    let clustered = report("strangers, new keys clustered", differences, &clustered);
    let (_, updated) = strangers(items, differences, Kind::Updated);
    let updated = report("strangers, updated keys spread", differences, &updated);
    [spread, clustered, updated, met, idle]
}

/// A sensor that wants nothing and whose logs a gateway holds: what it costs to come back, restarted or not.
fn comes_back(logs: u64) -> u64 {
    let mut pair = Pair::new(&Config::default(), [Interest::none(), Interest::all()]);
    let topic = Topic::new("parks/noise").unwrap();
    for key in (0..logs).map(key) {
        pair.hold(0, key, &topic, version(8_760, &key));
    }
    pair.up();
    assert!(pair.converge(Duration::from_secs(5)).is_some());
    [None, Some(0), Some(1)].into_iter().fold(0, |most, restarted| {
        pair.down();
        restarted.into_iter().for_each(|end| pair.restart(end, &Config::default()));
        let cost = reconnect(&mut pair);
        let offered = pair.ends[0].gossip.stats().announced;
        pair.run_for(Duration::from_secs(60));
        assert_eq!(pair.ends[0].gossip.stats().announced, offered, "it was answered, and is not said again");
        eprintln!("a sensor with {logs} logs comes back with nothing new for {cost} bytes");
        most.max(cost)
    })
}

#[test]
fn what_costs_nothing_costs_nothing_for_a_sensor_too() {
    let [one, ten, many] = [1, 10, 1_000].map(comes_back);
    assert!(one <= 50 && ten <= 130 && many <= 10_000, "{one} {ten} {many}");
}

#[test]
fn the_cost_is_that_of_the_difference() {
    let [spread, clustered, updated, met, idle] = measure(20_000, 1_000);
    assert!(spread <= 40 && clustered <= 22 && updated <= 70, "{spread} {clustered} {updated}");
    assert!(met <= 30 && idle <= 150, "{met} {idle}");
}

/// What they hold grows while the link is down.
fn grow(pair: &mut Pair, items: u64, differences: u64) {
    let topic = Topic::new("parks/noise").unwrap();
    for n in 0..differences {
        let key = key(n * (items / differences));
        let (_, held) = pair.ends[0].held[&key];
        pair.hold((n % 2) as usize, key, &topic, version(held.size + 1, &key));
    }
}

#[test]
fn peers_that_have_met_are_no_strangers_after_a_restart() {
    let (items, differences) = (4_000, 200);
    let (mut pair, _) = strangers(items, differences, Kind::NewSpread);
    for restarted in [&[0][..], &[1], &[0, 1], &[]] {
        pair.down();
        restarted.iter().for_each(|end| pair.restart_kept(*end, &Config::default()));
        let idle = reconnect(&mut pair);
        assert!(idle <= 150, "{idle} bytes with nothing new, {restarted:?} were restarted");
        pair.down();
        restarted.iter().for_each(|end| pair.restart_kept(*end, &Config::default()));
        grow(&mut pair, items, differences);
        let met = meet(&mut pair);
        assert!(met.rounds <= 200, "{} % of a round trip", met.rounds);
        let each = met.bytes / differences;
        assert!(each <= 60, "{each} bytes a difference, {restarted:?} were restarted");
    }
}

/// `cargo test --release -p msec-gossip --test gossip a_million -- --ignored --nocapture`
#[test]
#[ignore = "a minute in release"]
fn the_cost_is_that_of_the_difference_in_a_million() {
    let [spread, clustered, updated, met, idle] = measure(1_000_000, 1_000);
    assert!(spread <= 40 && clustered <= 22 && updated <= 70, "{spread} {clustered} {updated}");
    assert!(met <= 30 && idle <= 150, "{met} {idle}");
}
