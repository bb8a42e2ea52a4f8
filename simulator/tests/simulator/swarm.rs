//! Small cities with faults and hostile peers drawn at random, as `msec-sim swarm` does it, and what it does when something
//! fails. `MSEC_SWARM_SEEDS=1000` looks further than a test run has time for, `MSEC_SWARM_FROM=42` begins at another seed.

use msec_simulator::swarm::{TRIES_MAX, draw, shrink, try_out};
use msec_simulator::{City, Options, Scenario};

use crate::rig::{seconds, setting, town};

#[test]
fn random_faults_and_hostile_peers_break_nothing() {
    let from = setting("MSEC_SWARM_FROM", 1);
    for seed in from..from + setting("MSEC_SWARM_SEEDS", 4) {
        let scenario = draw(seed);
        println!("seed {seed}:\n{}", scenario.to_toml().expect("it can be written"));
        if let Err(failure) = try_out(&scenario, seed) {
            panic!("seed {seed}: {failure}");
        }
    }
}

#[test]
fn all_that_is_drawn_can_be_written_and_read() {
    for seed in 1..=200 {
        let scenario = draw(seed);
        assert_eq!(scenario, draw(seed), "one seed, one scenario");
        let text = scenario.to_toml().expect("it can be written");
        let again = Scenario::parse(&text).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"));
        assert_eq!(again, scenario);
        City::new(scenario, Options::seed(seed))
            .unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"));
    }
}

#[test]
fn what_a_failure_does_not_need_is_taken_away() {
    // Something that goes wrong whenever a gateway crashes in a city of five peers or more.
    let mut scenario = town(&["city.peers=30"]);
    scenario.faults = (1..=40).flat_map(|seed| draw(seed).faults).collect();
    let fails =
        |it: &Scenario| it.city.peers >= 5 && it.faults.iter().any(|it| it.fault.name() == "partition");
    assert!(fails(&scenario));
    let (left, tries) = shrink(scenario, fails);
    assert!(tries < TRIES_MAX, "{tries} tries");
    assert_eq!(left.faults.len(), 1, "{:?}", left.faults);
    assert!((5..=6).contains(&left.city.peers), "{}", left.city.peers);
    assert!(left.publish <= seconds(1));
}
