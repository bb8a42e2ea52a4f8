//! What looking costs: `time cargo test --release -p msec-simulator --test simulator -- --ignored cost`, once as it is and once
//! with `MSEC_UNCHECKED=1`. `MSEC_SIMULATED_S=600` looks at ten minutes.

use msec_simulator::{Checkers, NetworkModel, Population, Workload, World};

use crate::rig::{seconds, setting};

const PEERS: usize = 1_000;
/// A minute, most of which goes into handshakes.
const SIMULATED_S: u64 = 60;
/// Sensors stop so long before the end.
const QUIET_S: u64 = 15;

#[test]
#[ignore = "a measurement"]
fn the_cost_of_all_checkers_at_a_thousand_peers() {
    let checked = std::env::var_os("MSEC_UNCHECKED").is_none();
    let simulated_s = setting("MSEC_SIMULATED_S", SIMULATED_S);
    let world = World::new(1, NetworkModel::default()).expect("a world");
    let mut world = if checked { world } else { world.unwatched() };
    let city = Population::settle(&mut world, PEERS).expect("a city");
    let mut workload = Workload::new(world.seed(), &city.sensors, seconds(60));
    let mut checkers = Checkers::default();
    for second in 1..=simulated_s {
        while let Some(due) = workload.due().filter(|due| *due < seconds(second.min(simulated_s - QUIET_S))) {
            world.run_until(due);
            workload.measure(&mut world);
        }
        world.run_until(seconds(second));
        if checked {
            checkers.during(&world);
        }
    }
    if checked {
        checkers.at_end(&world);
    }
    println!("{} inputs, digest {}", world.inputs(), world.digest());
    assert_eq!(checkers.count(), 0, "{:#?}", checkers.verdicts());
}
