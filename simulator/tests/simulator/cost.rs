//! What looking costs: `time cargo test --release -p msec-simulator --test simulator -- --ignored cost`, once as it is and once
//! with `MSEC_UNCHECKED=1`. `MSEC_SIMULATED_S=600` looks at ten minutes.

use msec_simulator::scenario::built_in;
use msec_simulator::{City, Options, Scenario};

use crate::rig::{seconds, setting};

/// A minute, most of which goes into handshakes.
const SIMULATED_S: u64 = 60;

#[test]
#[ignore = "a measurement"]
fn the_cost_of_all_checkers_at_a_thousand_peers() {
    let checked = std::env::var_os("MSEC_UNCHECKED").is_none();
    let mut scenario =
        Scenario::parse(built_in("santander").expect("it is built in").text).expect("a scenario");
    scenario.publish = seconds(setting("MSEC_SIMULATED_S", SIMULATED_S));
    let options = Options { checkers: checked, ..Options::default() };
    let report = City::new(scenario, options).expect("a city").run(|_| {}).expect("it runs");
    println!("{:?}", report.metrics);
    assert_eq!(report.metrics.violations, 0, "{:#?}", report.verdicts);
}
