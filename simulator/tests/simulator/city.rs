//! Whole cities: what is published arrives everywhere, whatever happens on the way.

use msec_simulator::scenario::JoinSpec;
use msec_simulator::{
    Census, City, Damage, Fault, Kept, Options, PeerIndex, Planned, Scenario, Strike, Who, disagreements,
};

use crate::rig::{assert_good, city, run, seconds, small, town};

/// What a link does at its worst.
const HARSH: [&str; 4] =
    ["plain.loss=0.1", "plain.duplication=0.1", "plain.reordering=0.1", "plain.reliable=false"];

/// So many crash, one after the other in the middle of the publishing, and start again after five seconds.
fn crashing(mut scenario: Scenario, count: usize) -> Scenario {
    let third = scenario.publish.as_secs_f64() / 3.0;
    let who = Who { count: Some(count), ..Who::default() };
    let fault = Fault::Crash { who, kept: Kept::Torn, damage: None, within_s: third };
    scenario.faults.push(Planned { from_s: third, until_s: Some(third + 5.0), fault });
    with_time_to_agree(scenario)
}

/// Half of a city is cut from the other half for so long, from a third of the publishing on.
fn halved(mut scenario: Scenario, seconds: f64) -> Scenario {
    let third = scenario.publish.as_secs_f64() / 3.0;
    let fault = Fault::Partition { who: Who::default().share(0.5) };
    scenario.faults.push(Planned { from_s: third, until_s: Some(third + seconds), fault });
    with_time_to_agree(scenario)
}

fn with_time_to_agree(scenario: Scenario) -> Scenario {
    Scenario { drain: seconds(80), ..scenario }
}

#[test]
fn one_seed_one_digest() {
    let scenario = crashing(small(&["plain.loss=0.05"]), 3);
    let (one, again) = (run(scenario.clone(), 1), run(scenario.clone(), 1));
    assert_eq!(one.metrics.digest, again.metrics.digest);
    assert_eq!(one.metrics.events, again.metrics.events);
    let other = run(scenario, 2);
    assert_ne!(one.metrics.digest, other.metrics.digest);
    assert_good(&one);
    assert_good(&other);
}

#[test]
fn what_is_remembered_of_checks_changes_nothing() {
    let with = run(small(&[]), 1);
    let options = Options { memory: false, ..Options::seed(1) };
    let without = City::new(small(&[]), options).expect("a city").run(|_| {}).expect("it runs");
    assert_eq!(with.metrics.digest, without.metrics.digest);
    assert!(with.metrics.checks_remembered > 0 && without.metrics.checks_remembered == 0);
}

#[test]
fn fifty_peers_for_a_minute_miss_nothing() {
    let report = run(town(&["plain.loss=0"]), 1);
    assert_good(&report);
    // 43 sensors, a reading a second, five gateways and two citizens.
    assert_eq!((report.metrics.published, report.metrics.delivered), (43 * 60, 43 * 60 * 7));
    assert_eq!(report.metrics.refused, 0);
    let latency: u64 = report.recording.latency.iter().map(|it| it.histogram.count()).sum();
    assert_eq!(latency, report.metrics.delivered, "each delivery is timed");
    assert!(report.verdicts.iter().all(|verdict| verdict.looked > 0 && verdict.violations == 0));
}

#[test]
fn loss_duplication_and_reordering_are_made_up_for() {
    let mut city = city(town(&[&HARSH[..], &["publish_s=30"]].concat()), 1);
    city.run_until(seconds(30)).expect("it runs");
    let repairs =
        city.world.peers().filter_map(|peer| city.world.node(peer)).map(|n| n.gossip_stats().wanted);
    assert!(repairs.sum::<u64>() > 100, "what was lost is fetched");
    assert_good(&city.run(|_| {}).expect("it runs"));
}

#[test]
fn lost_packets_of_a_reliable_link_only_cost_time() {
    assert_good(&run(small(&["plain.loss=0.2"]), 1));
}

#[test]
fn half_a_city_that_was_cut_off_catches_up() {
    let mut city = city(halved(small(&["city.peers=30", "publish_s=30"]), 20.0), 1);
    city.run_until(seconds(29)).expect("it runs");
    assert!(disagreements(&city.world).len() > 10, "it is cut off");
    let report = city.run(|_| {}).expect("it runs");
    assert_good(&report);
    let fault = &report.recording.faults[0];
    assert!(fault.agreed_after_s.is_some_and(|after| after > 0.0 && after < 60.0), "{fault:?}");
}

#[test]
fn crashes_of_anybody_lose_nothing_acknowledged() {
    let report = run(crashing(small(&["publish_s=30"]), 10), 1);
    assert_good(&report);
    assert_eq!(report.forfeited, 0);
}

#[test]
fn everything_at_once_and_harsh_links() {
    for seed in 1..=3 {
        assert_good(&run(halved(crashing(small(&HARSH), 8), 10.0), seed));
    }
}

#[test]
fn a_damaged_store_goes_on_in_a_new_log() {
    for damage in [Damage::Flipped, Damage::Wiped] {
        let scenario = small(&["city.peers=12", "publish_s=30"]);
        let mut city = city(scenario, 1);
        let of = |name: &str| Census::population(&city.residents, name).expect("a population");
        let (gateway, sensors, citizen) = (of("gateways")[0], of("sensors"), of("citizens")[0]);
        for (peer, at) in [(sensors[0], 8), (gateway, 14)] {
            city.plan(seconds(at), Strike::Crash(peer, Kept::Synced));
            city.plan(seconds(at), Strike::Damage(peer, damage));
            city.plan(seconds(at + 2), Strike::Restart(peer));
        }
        city.run_until(seconds(29)).expect("it runs");
        let logs_of = |peer: PeerIndex| {
            let author = city.world.id(peer).expect("a sensor");
            let held = city.world.frontier(citizen);
            let by_it = |log| city.world.ledger().log(log).is_some_and(|known| known.author == author);
            held.iter().filter(|(log, _, _)| by_it(log)).count()
        };
        assert_eq!((logs_of(sensors[0]), logs_of(sensors[1])), (2, 1), "{damage:?}");
        let report = city.run(|_| {}).expect("it runs");
        assert_good(&report);
        assert_eq!(report.metrics.refused, 0, "nothing conflicts: {:?}", report.refused);
    }
}

#[test]
fn peers_that_come_late_are_a_fault_that_the_city_gets_over() {
    let mut scenario = small(&["publish_s=20", "population.citizens.share=0.3"]);
    scenario.drain = seconds(80);
    scenario.populations[2].joins = Some(JoinSpec { from: seconds(10), within: seconds(5) });
    let late = scenario.sizes()[2];
    let mut city = city(scenario, 1);
    city.run_until(seconds(9)).expect("it runs");
    assert_eq!(city.world.peer_count(), 20 - late);
    let report = city.run(|_| {}).expect("it runs");
    assert_good(&report);
    assert_eq!(report.metrics.peers, 20);
    let fault = &report.recording.faults[0];
    assert!(fault.what.contains("citizens join") && fault.agreed_after_s.is_some(), "{fault:?}");
}
