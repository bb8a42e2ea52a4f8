//! `kill -9` while messages are under way.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use msec_tests::mqtt::{Client, Publisher};
use msec_tests::wait::block_until;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::gateway;

/// How often the gateway is killed, unless `MSEC_GATEWAY_KILLS` says otherwise.
const KILLS: u64 = 3;
/// The longest time from the first acknowledgement to a kill.
const LIFE_MAX_US: u32 = 1_500_000;

#[test]
fn every_message_that_was_acknowledged_before_a_kill_is_in_the_store() {
    let kills = std::env::var("MSEC_GATEWAY_KILLS").map_or(KILLS, |text| text.parse().expect("a number"));
    let mut gateway = gateway("");
    let mut rng = ChaCha8Rng::seed_from_u64(20_261_125);
    let mut acknowledged = Vec::new();
    let mut in_vain = 0;
    for round in 0..kills {
        let client = Client::mic(gateway.start());
        let publisher = Publisher {
            first: 0,
            every: Duration::from_millis(1),
            in_flight: 20,
            length: Duration::from_secs(60),
        };
        let heard = Arc::new(AtomicU64::new(0));
        let counter = heard.clone();
        let publishing = std::thread::spawn(move || {
            publisher.run(client, &format!("sensors/{round}"), |_| {
                counter.fetch_add(1, Ordering::Relaxed);
            })
        });
        block_until("something is acknowledged", || heard.load(Ordering::Relaxed) > 0);
        std::thread::sleep(Duration::from_micros((rng.next_u32() % LIFE_MAX_US).into()));
        gateway.process.as_mut().expect("it runs").kill();
        let published = publishing.join().expect("acknowledged in order");
        in_vain += published.sent - published.acknowledged.len() as u64;
        acknowledged.push(published.acknowledged);
    }
    let total: usize = acknowledged.iter().map(Vec::len).sum();
    assert!(in_vain > 0, "some messages died with the gateway");
    let stored = gateway.values_of((0..kills).map(|round| round.to_string()));
    for (round, (acknowledged, values)) in acknowledged.iter().zip(stored).enumerate() {
        assert!(values.is_sorted(), "in the order of the messages");
        let held: BTreeSet<_> = values.iter().map(|value| *value as u64).collect();
        assert_eq!(held.len(), values.len(), "each once");
        let lost: Vec<_> = acknowledged.iter().filter(|value| !held.contains(value)).collect();
        assert!(
            lost.is_empty(),
            "round {round} lost {lost:?} of {} that were acknowledged",
            acknowledged.len()
        );
    }
    eprintln!("{kills} kills, {total} messages acknowledged, {in_vain} under way when killed, 0 lost");
}
