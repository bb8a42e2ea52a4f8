//! Whole cities: what is published arrives everywhere, whatever happens on the way.

use msec_simulator::{City, Damage, Kept, LinkModel, PeerIndex, Report, Scenario, Strike, disagreements};

use crate::rig::{assert_good, seconds, small};

fn run(scenario: Scenario) -> Report {
    City::new(scenario).expect("a city").run(|_| {})
}

/// What a link does at its worst.
fn harsh() -> LinkModel {
    LinkModel { loss: 0.1, duplication: 0.1, reordering: 0.1, reliable: false, ..LinkModel::default() }
}

#[test]
fn one_seed_one_digest() {
    let scenario = Scenario { crash: 3, link: LinkModel { loss: 0.05, ..LinkModel::default() }, ..small() };
    let (one, again) = (run(scenario.clone()), run(scenario.clone()));
    assert_eq!(one.metrics.digest, again.metrics.digest);
    assert_eq!(one.metrics.events, again.metrics.events);
    let other = run(Scenario { seed: 2, ..scenario });
    assert_ne!(one.metrics.digest, other.metrics.digest);
    assert_good(&one);
    assert_good(&other);
}

#[test]
fn fifty_peers_for_a_minute_miss_nothing() {
    let report = run(Scenario::default());
    assert_good(&report);
    // 43 sensors, a reading a second, five gateways and two citizens.
    assert_eq!((report.metrics.published, report.metrics.delivered), (43 * 60, 43 * 60 * 7));
    assert_eq!(report.metrics.refused, 0);
}

#[test]
fn loss_duplication_and_reordering_are_made_up_for() {
    let scenario = Scenario { publish: seconds(30), link: harsh(), ..Scenario::default() };
    let mut city = City::new(scenario).expect("a city");
    city.run_until(seconds(30));
    let repairs =
        city.world.peers().filter_map(|peer| city.world.node(peer)).map(|n| n.gossip_stats().wanted);
    assert!(repairs.sum::<u64>() > 100, "what was lost is fetched");
    assert_good(&city.run(|_| {}));
}

#[test]
fn lost_packets_of_a_reliable_link_only_cost_time() {
    assert_good(&run(Scenario { link: LinkModel { loss: 0.2, ..LinkModel::default() }, ..small() }));
}

#[test]
fn half_a_city_that_was_cut_off_catches_up() {
    let scenario = Scenario { nodes: 30, publish: seconds(30), partition: seconds(20), ..small() };
    let mut city = City::new(scenario).expect("a city");
    city.run_until(seconds(29));
    assert!(disagreements(&city.world).len() > 10, "it is cut off");
    assert_good(&city.run(|_| {}));
}

#[test]
fn crashes_of_anybody_lose_nothing_acknowledged() {
    let report = run(Scenario { crash: 10, publish: seconds(30), ..small() });
    assert_good(&report);
    assert_eq!(report.forfeited, 0);
}

#[test]
fn everything_at_once_and_harsh_links() {
    for seed in 1..=3 {
        assert_good(&run(Scenario { seed, crash: 8, partition: seconds(10), link: harsh(), ..small() }));
    }
}

#[test]
fn a_damaged_store_goes_on_in_a_new_log() {
    let scenario = Scenario { nodes: 12, publish: seconds(30), ..small() };
    for damage in [Damage::Flipped, Damage::Wiped] {
        let mut city = City::new(scenario.clone()).expect("a city");
        let sensor = city.population.sensors[0];
        let gateway = city.population.gateways[0];
        for (peer, at) in [(sensor, 8), (gateway, 14)] {
            city.plan(seconds(at), Strike::Crash(peer, Kept::Synced));
            city.plan(seconds(at), Strike::Damage(peer, damage));
            city.plan(seconds(at + 2), Strike::Restart(peer));
        }
        city.run_until(seconds(29));
        let logs_of = |peer: PeerIndex| {
            let author = city.world.id(peer).expect("a sensor");
            let held = city.world.frontier(city.population.citizens[0]);
            let by_it = |log| city.world.ledger().log(log).is_some_and(|known| known.author == author);
            held.iter().filter(|(log, _, _)| by_it(log)).count()
        };
        assert_eq!((logs_of(sensor), logs_of(city.population.sensors[1])), (2, 1), "{damage:?}");
        let report = city.run(|_| {});
        assert_good(&report);
        assert_eq!(report.metrics.refused, 0, "nothing conflicts: {:?}", report.refused);
    }
}
