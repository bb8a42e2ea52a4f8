//! What looking costs: `time cargo test --release -p msec-simulator --test simulator -- --ignored cost`, once as it is and once
//! with `MSEC_UNCHECKED=1`.

use msec_simulator::{Checkers, NetworkModel, Population, Workload, World};

use crate::rig::seconds;

const PEERS: usize = 1_000;
const SIMULATED_S: u64 = 60;

#[test]
#[ignore = "a measurement"]
fn the_cost_of_all_checkers_at_a_thousand_peers() {
    let checked = std::env::var_os("MSEC_UNCHECKED").is_none();
    let world = World::new(1, NetworkModel::default()).expect("a world");
    let mut world = if checked { world } else { world.unwatched() };
    let city = Population::settle(&mut world, PEERS).expect("a city");
    let mut workload = Workload::new(world.seed(), &city.sensors, seconds(60));
    let mut checkers = Checkers::default();
    for second in 1..=SIMULATED_S {
        while let Some(due) = workload.due().filter(|due| *due < seconds(second)) {
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
    println!("{} inputs, {} found", world.inputs(), checkers.count());
    println!("{:#?}", checkers.verdicts());
}
