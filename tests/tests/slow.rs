//! A neighbour that reads a kilobyte a second, over real QUIC, among others that do not.
#![allow(clippy::disallowed_methods, reason = "tests watch real peers, in real time")]

use std::time::{Duration, Instant};

use msec_peer::wire::{QUEUE_BYTES_MAX, SEND_WINDOW};
use msec_peer::{Event, Notice, Peer, Reading, Subscription};
use msec_tests::proxy::{UdpProxy, Weather};
use msec_tests::town::{PARKS, Town, linked, open, reading, stream};
use msec_tests::wait::{PATIENCE, wait_until};
use tokio::time::timeout;

/// Readings of an entry: about 13 kB, since they are noise. It is pushed.
const READINGS: u64 = 1_500;
/// How many entries the hub publishes. The nightly run has more of them, and looks at times and at memory too.
const ENTRIES: u64 = 24;
/// What a process may grow by while much is published, beside what waits for one neighbour: stores, indexes, the others.
const GROWTH_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A hub with two neighbours, and a third one behind a proxy.
struct Hub {
    hub: Peer,
    slow: Peer,
    fast: [Subscription; 2],
    proxy: UdpProxy,
    published: u64,
    // They live as long as this does.
    _fast: [Peer; 2],
    _town: Town,
}

impl Hub {
    async fn set() -> Self {
        let town = Town::found();
        let hub = open(town.gateway("hub")).await;
        let proxy = UdpProxy::to(hub.address()).await;
        let slow = open(town.gateway("slow").contact(proxy.address())).await;
        let a = open(town.gateway("a").contact(hub.address())).await;
        let b = open(town.gateway("b").contact(hub.address())).await;
        linked(&hub, 3).await;
        let fast = [a.subscribe(), b.subscribe()];
        Self { hub, slow, fast, proxy, published: 0, _fast: [a, b], _town: town }
    }

    /// The hub publishes, and both fast ones have each entry before the next, all of them once and in order. Returns how long
    /// that took for each, sorted.
    async fn publish(&mut self, entries: u64) -> Vec<Duration> {
        let (stream, mut took) = (stream(PARKS, "mic"), Vec::new());
        for n in self.published..self.published + entries {
            let start = Instant::now();
            let answer = timeout(PATIENCE, self.hub.publish(&stream, &noise(n))).await;
            answer.expect("answered").expect("acknowledged");
            for fast in &mut self.fast {
                assert_eq!(next_verified(fast).await, n as f64, "each in its order, and once");
            }
            took.push(start.elapsed());
        }
        self.published += entries;
        took.sort();
        took
    }

    async fn entries(peer: &Peer) -> u64 {
        peer.status().await.expect("open").entries
    }
}

/// Readings of which the first is `n`, and the others look like nothing.
fn noise(n: u64) -> Vec<Reading> {
    let mut state = n + 1;
    let noise = |at| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let value = if at == 0 { n as f64 } else { (state >> 11) as f64 };
        Reading { value, ..reading(READINGS * n + at) }
    };
    (0..READINGS).map(noise).collect()
}

/// The first reading of the next entry that a peer verifies.
async fn next_verified(of: &mut Subscription) -> f64 {
    let next = async {
        loop {
            match of.next().await.expect("open") {
                Notice::Event(Event::Verified(measured)) => return measured.readings[0].value,
                Notice::Event(_) => {}
                Notice::Missed(missed) => panic!("{missed} events were missed"),
            }
        }
    };
    timeout(PATIENCE, next).await.expect("it comes")
}

/// Of sorted times the one in the middle, and the one that 99 % don't exceed.
fn half_and_most(took: &[Duration]) -> [Duration; 2] {
    [took[took.len() / 2], took[(took.len() * 99 / 100).min(took.len() - 1)]]
}

/// Resident memory in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("a process");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("a number") * 4_096
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_that_reads_a_kilobyte_a_second_holds_up_nobody_and_catches_up() {
    let nightly = std::env::var("MSEC_SLOW_ENTRIES").ok().map(|entries| entries.parse().expect("a number"));
    let entries = nightly.unwrap_or(ENTRIES);
    let mut it = Hub::set().await;
    let without = half_and_most(&it.publish(entries).await);
    let before = Hub::entries(&it.hub).await;
    wait_until("the third has all of it, too", async || Hub::entries(&it.slow).await == before).await;

    it.proxy.set_weather(Weather { back_bytes_per_s: 1_000, ..Weather::default() });
    let resident_before = resident();
    let with = half_and_most(&it.publish(entries).await);
    let grown = resident().saturating_sub(resident_before);
    println!("half and 99 % within {with:?}, without a slow one {without:?}; {grown} bytes more memory");
    // Had the hub waited for it, it would have as much as the others.
    let held = Hub::entries(&it.slow).await - before;
    assert!(held < entries / 4, "{held} of {entries}: it is not slow");
    if nightly.is_some() {
        let is_near = |with: Duration, without: Duration| with <= without * 3 / 2 + Duration::from_millis(10);
        assert!(
            with.iter().zip(without).all(|(with, without)| is_near(*with, without)),
            "{with:?}, {without:?}"
        );
        assert!(grown < QUEUE_BYTES_MAX as u64 + SEND_WINDOW + GROWTH_BYTES_MAX, "{grown} bytes");
    }

    it.proxy.set_weather(Weather::default());
    let all = Hub::entries(&it.hub).await;
    wait_until("the slow one has caught up", async || Hub::entries(&it.slow).await == all).await;
}
