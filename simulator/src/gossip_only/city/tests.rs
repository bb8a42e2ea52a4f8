use super::*;
use crate::error::LinkError;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn city(seed: u64, peers: usize, config: GossipOnlyConfig) -> GossipOnly {
    let links = Links::ring_with_chords(peers, 2, MS..MS * 30, &mut Seed(seed).dice("test", 0));
    GossipOnly::new(Seed(seed), links, config).expect("a city")
}

/// Each of ten peers publishes three entries, a second apart.
fn published(mut city: GossipOnly, until: Duration) -> GossipOnlyReport {
    city.run_until(SECOND * 3);
    for _ in 0..3 {
        (0..10).for_each(|n| assert!(city.publish(n * 7, 150).is_some()));
        city.run_until(city.time() + SECOND);
    }
    city.run_until(until);
    city.report()
}

#[test]
fn everything_comes_everywhere_even_if_a_tenth_is_lost() {
    for loss in [0.0, 0.1] {
        let report = published(city(1, 100, GossipOnlyConfig { loss, ..Default::default() }), SECOND * 40);
        assert_eq!((report.published, report.deliveries, report.missed), (30, 30 * 99, 0));
        assert_eq!((report.lost > 0, report.complaints, report.shed), (loss > 0.0, 0, 0));
        assert!(report.p50_ms <= report.p99_ms && report.p99_ms <= report.last_ms);
        // Pushes take some hops of at most 35 ms; what they lose comes by reconciliation.
        assert!(report.p50_ms < 250, "{report:?}");
        assert!(loss > 0.0 || report.last_ms < 400, "{report:?}");
        assert!(report.bytes_per_delivery > 150.0);
    }
}

#[test]
fn one_seed_one_digest() {
    let digest = |seed| {
        let report = published(city(seed, 80, GossipOnlyConfig::default()), SECOND * 9);
        (report.digest, report.events, report.bytes)
    };
    assert_eq!(digest(1), digest(1));
    assert_ne!(digest(1), digest(2));
}

#[test]
fn who_is_cut_off_lacks_what_the_others_have() {
    // Two rings of five that know nothing of each other.
    let around: Vec<Vec<u32>> = (0..10u32).map(|n| vec![if n % 5 == 4 { n - 4 } else { n + 1 }]).collect();
    let links = Links::drawn(&around, MS..MS * 9, &mut Seed(1).dice("test", 0)).expect("links");
    let mut city = GossipOnly::new(Seed(1), links, GossipOnlyConfig::default()).expect("a city");
    city.run_until(SECOND * 3);
    let message = city.publish(2, 99).expect("a peer");
    city.run_until(SECOND * 40);
    assert_eq!(city.lacking(message).collect::<Vec<_>>(), [5, 6, 7, 8, 9]);
    let report = city.report();
    assert_eq!((report.deliveries, report.missed), (4, 5));
    assert_eq!(city.publish(10, 1), None);
}

#[test]
fn links_that_lose_all_deliver_nothing() {
    let report = published(city(1, 100, GossipOnlyConfig { loss: 1.0, ..Default::default() }), SECOND * 20);
    assert_eq!((report.deliveries, report.missed, report.bytes_per_delivery), (0, 30 * 99, 0.0));
    assert_eq!(report.lost, report.messages);
}

#[test]
fn a_full_queue_sheds_and_reconciliation_makes_up_for_it() {
    let config =
        GossipOnlyConfig { bandwidth: Some(2_000), queue_bytes_max: 1_000, loss: 0.0, ..Default::default() };
    let mut city = city(1, 20, config);
    city.run_until(SECOND * 3);
    (0..20).for_each(|_| assert!(city.publish(0, 200).is_some()));
    city.run_until(SECOND * 120);
    let report = city.report();
    assert!(report.shed > 0, "{report:?}");
    assert_eq!((report.deliveries, report.missed), (20 * 19, 0), "{report:?}");
    assert!(report.p50_ms > 500, "20 entries of 300 bytes take 3 s at 2,000 bytes/s: {report:?}");
}

#[test]
fn names_are_numbers() {
    assert!([0, 1, 77, 99_999, u32::MAX].into_iter().all(|peer| number(&name(peer)) == peer));
    assert!(name(1) > name(2), "the order of names is not that of numbers");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let refusal = |config| GossipOnly::new(Seed(1), Links::default(), config).expect_err("refused");
    let nan = refusal(GossipOnlyConfig { loss: f64::NAN, ..Default::default() });
    assert!(matches!(nan, GossipOnlyError::Link(LinkError::NotAProbability { name: "loss", .. })));
    let none = refusal(GossipOnlyConfig { bandwidth: Some(0), ..Default::default() });
    assert!(matches!(none, GossipOnlyError::Link(LinkError::NoBandwidth)));
}
