//! Small cities with faults drawn at random. `MSEC_SWARM_SEEDS=1000` looks further than a test run has time for; a seed
//! that fails is printed, and fails again.

use msec_simulator::{
    Broken, City, Damage, Dice, DiskFault, Fault, Kept, LinkModel, PeerIndex, Scenario, Seed,
};

use crate::rig::{assert_good, seconds};

const FAULTS: usize = 8;
/// Faults begin and end while sensors publish.
const PUBLISH_S: u64 = 40;
/// A neighbour that answered badly is believed again after at most ten minutes.
const DRAIN_S: u64 = 700;

/// A fault and its end, for a city that is whole by [`PUBLISH_S`].
fn draw(dice: &mut Dice, city: &City) -> [(u64, Option<Fault>); 3] {
    let peers: Vec<PeerIndex> = city.population.all().collect();
    let peer = peers[dice.index(peers.len())];
    let begin = 2 + dice.below(PUBLISH_S - 15);
    let end = begin + 1 + dice.below(12);
    let contacts = city.world.spec(peer).map(|spec| spec.contacts.clone()).unwrap_or_default();
    let contact = contacts.get(dice.index(contacts.len())).copied();
    let kept = [Kept::Synced, Kept::Torn, Kept::All][dice.index(3)];
    let (first, between, last) = match dice.below(7) {
        0 | 1 => (Fault::Crash(peer, kept), None, Fault::Restart(peer)),
        2 => {
            let damage = [Damage::Wiped, Damage::Flipped][dice.index(2)];
            (Fault::Crash(peer, kept), Some(Fault::Damage(peer, damage)), Fault::Restart(peer))
        }
        3 => (Fault::Disk(peer, DiskFault::Fails), None, Fault::DiskMended(peer)),
        4 => {
            let half = peers.iter().copied().filter(|_| dice.chance(0.5)).collect();
            (Fault::Partition(vec![half]), None, Fault::Heal)
        }
        how => {
            let how = if how == 5 { Broken::Drops } else { Broken::Corrupts };
            let other = contact.unwrap_or(peers[0]);
            (Fault::Break(peer, other, how), None, Fault::Mend(peer, other))
        }
    };
    [(begin, Some(first)), (begin, between), (end, Some(last))]
}

fn swarm(seed: u64) {
    let mut dice = Seed(seed).dice("swarm", 0);
    let link = LinkModel {
        loss: dice.below(20) as f64 / 100.0,
        duplication: 0.1,
        reordering: 0.1,
        reliable: dice.chance(0.5),
        ..LinkModel::default()
    };
    let nodes = 4 + dice.index(30);
    let scenario = Scenario {
        nodes,
        seed,
        publish: seconds(PUBLISH_S),
        drain: seconds(DRAIN_S),
        link,
        ..Scenario::default()
    };
    let mut city = City::new(scenario).expect("a city");
    for _ in 0..FAULTS {
        for (at, fault) in draw(&mut dice, &city) {
            if let Some(fault) = fault {
                city.plan(seconds(at), fault);
            }
        }
    }
    println!("seed {seed}: {nodes} peers, {link:?}");
    assert_good(&city.run(|_| {}));
}

#[test]
fn random_faults_break_nothing() {
    let seeds = std::env::var("MSEC_SWARM_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    (1..=seeds).for_each(swarm);
}
