//! The node on QUIC: what the modelled wire does, this one does too, and it is the same each time.

use std::time::Duration;

use msec_peer::node::StreamSpec;

use super::Wire;
use crate::recording::WireComparison;
use crate::scenario::built_in;
use crate::{
    Authentic, Broken, Checker, City, ClassId, Kept, LinkModel, Metrics, NetworkModel, Options, PeerIndex,
    PeerSpec, Point, RestartError, Scenario, World, disagreements,
};

const SECOND: Duration = Duration::from_secs(1);

fn world(link: LinkModel) -> World {
    let model = NetworkModel { link, wire: Wire::Quic, ..NetworkModel::default() };
    World::new(1, model).expect("a world")
}

/// A gateway, a sensor and a citizen, as in the crate's example.
fn three(link: LinkModel) -> (World, [PeerIndex; 3]) {
    let mut world = world(link);
    let gateway = world.add_peer(PeerSpec::gateway()).expect("a gateway");
    let sensor = world.add_peer(PeerSpec::sensor().contact(gateway)).expect("a sensor");
    let citizen = world.add_peer(PeerSpec::citizen().contact(gateway)).expect("a citizen");
    (world, [gateway, sensor, citizen])
}

fn noise() -> StreamSpec {
    StreamSpec::new("parks/noise", "mic-1").expect("a stream").unit("dB")
}

fn publish(world: &mut World, sensor: PeerIndex, value: f64) {
    let reading = world.reading(value);
    world.publish(sensor, &noise(), &[reading]).expect("the sensor is up");
}

/// Ten peers, a lossy network, a partition and a crash.
fn small_city(faults: bool) -> Scenario {
    let faults = if !faults {
        ""
    } else {
        "[[fault]]\nkind = \"partition\"\nwho = { share = 0.5 }\nfrom_s = 10\nuntil_s = 20\n\
         [[fault]]\nkind = \"crash\"\nwho = { population = \"gateways\" }\nkept = \"torn\"\nfrom_s = 22\nuntil_s = 27\n"
    };
    let text = format!("{}{faults}", built_in("town").expect("it is built in").text);
    let set = ["city.peers=10", "publish_s=30", "plain.loss=0.02"].map(|set| set.parse().expect("a value"));
    Scenario::parse_with(&text, &set).expect("a scenario")
}

fn run(wire: Wire, faults: bool) -> Metrics {
    let options = Options { wire, ..Options::seed(7) };
    City::new(small_city(faults), options).expect("a city").run(|_| {}).expect("it runs").metrics
}

#[test]
fn both_wires_agree_and_the_model_is_told_how_kind_it_is() {
    for faults in [true, false] {
        let (modelled, quic) = (run(Wire::Modelled, faults), run(Wire::Quic, faults));
        let compared = WireComparison::of(&modelled, &quic);
        println!("{compared:?}");
        assert!(compared.both_converged && modelled.is_good() && quic.is_good(), "{modelled:?}\n{quic:?}");
        assert_eq!((modelled.published, modelled.delivered), (quic.published, quic.delivered));
        if !faults {
            assert_alike(&compared);
        }
    }
}

/// While nothing breaks, the model is no more than somewhat kinder than QUIC.
fn assert_alike(compared: &WireComparison) {
    // Headers, acknowledgements and keep-alives are not free, and not most of it.
    assert!((1.0..3.0).contains(&compared.bytes_ratio), "{compared:?}");
    // Half of all readings meet no loss: there the model has nothing to be kind about.
    assert!((0.8..1.25).contains(&compared.latency_p50_ratio), "{compared:?}");
    assert!((0.5..3.0).contains(&compared.latency_p99_ratio), "{compared:?}");
}

#[test]
fn one_seed_is_one_course_of_events_whenever_it_runs() {
    let course = |seed, later| {
        let options = Options { wire: Wire::Quic, ..Options::seed(seed) };
        let mut city = City::new(small_city(false), options).expect("a city");
        city.world.begin_later(later);
        city.run_until(SECOND * 15).expect("it runs");
        (city.world.digest(), city.world.datagrams())
    };
    let first = course(1, Duration::ZERO);
    assert!(first.1.is_some_and(|datagrams| datagrams.lost > 0));
    assert_eq!(first, course(1, Duration::ZERO));
    assert_eq!(first, course(1, SECOND * 40_000_000), "the machine's time makes no difference");
    assert_ne!(first, course(2, Duration::ZERO));
}

#[test]
fn what_is_published_comes_and_a_crash_is_noticed_by_silence() {
    let (mut world, [gateway, sensor, citizen]) = three(LinkModel::default());
    publish(&mut world, sensor, 48.5);
    assert!(world.run_until_true(SECOND * 5, |world| world.readings_of(citizen).len() == 1));
    world.crash(gateway, Kept::Torn);
    publish(&mut world, sensor, 51.0);
    let links = |world: &World, peer| world.node(peer).expect("up").neighbours().count();
    world.run_for(SECOND * 2);
    assert_eq!(links(&world, citizen), 1, "nobody was told");
    world.run_for(SECOND * 23);
    assert_eq!(links(&world, citizen), 0, "it was silent for too long");
    world.restart(gateway).expect("it starts");
    world.run_for(SECOND * 60);
    assert_eq!(world.readings_of(citizen).len(), 2);
    assert!(disagreements(&world).is_empty());
}

#[test]
fn a_peer_that_starts_again_at_once_is_not_taken_for_the_one_before() -> Result<(), RestartError> {
    let (mut world, [gateway, sensor, citizen]) = three(LinkModel::default());
    publish(&mut world, sensor, 1.0);
    world.run_for(SECOND * 5);
    world.crash(gateway, Kept::Synced);
    world.restart(gateway)?;
    publish(&mut world, sensor, 2.0);
    world.run_for(SECOND * 60);
    assert_eq!(world.readings_of(citizen).len(), 2);
    assert!(disagreements(&world).is_empty());
    Ok(())
}

#[test]
fn a_short_cut_is_outlived_and_a_long_one_mended() {
    let (mut world, [gateway, sensor, citizen]) = three(LinkModel::default());
    world.run_for(SECOND * 5);
    let ups = |world: &World| world.node(citizen).expect("up").neighbours().map(|it| it.since).max();
    let before = ups(&world);
    for (cut, outlived) in [(8, true), (40, false)] {
        world.break_link(gateway, citizen, Broken::Drops);
        publish(&mut world, sensor, f64::from(cut));
        world.run_for(SECOND * cut as u32);
        world.mend_link(gateway, citizen);
        world.run_for(SECOND * 60);
        assert_eq!(ups(&world) == before, outlived, "after {cut} s");
        assert!(disagreements(&world).is_empty());
    }
    assert_eq!(world.readings_of(citizen).len(), 2);
}

#[test]
fn catching_up_over_a_thin_link_lets_live_readings_by() {
    let thin = LinkModel { bandwidth: Some(20_000), ..LinkModel::default() };
    let (mut world, [gateway, sensor, citizen]) = three(LinkModel::default());
    let live = world.add_peer(PeerSpec::sensor().contact(gateway)).expect("a sensor");
    world.set_link(gateway, citizen, thin).expect("a link");
    world.run_for(SECOND * 2);
    world.break_link(gateway, citizen, Broken::Drops);
    for value in 0..300 {
        // Nothing that gets shorter as columns.
        let random = |n: u64| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11) as f64;
        let readings: Vec<_> = (0..80).map(|n| world.reading(random(value * 80 + n))).collect();
        world.publish(sensor, &noise(), &readings).expect("the sensor is up");
        world.run_for(SECOND / 10);
    }
    world.mend_link(gateway, citizen);
    let missing = |world: &World| {
        let size = |peer| world.frontier(peer).iter().map(|(_, size, _)| size).sum::<u64>();
        size(gateway) - size(citizen)
    };
    // A chunk of many datagrams, which takes half a second, is under way.
    assert!(world.run_until_true(SECOND * 40, |world| world.traffic().longest_message > 8_000));
    publish(&mut world, live, 1.0);
    let shown =
        |world: &World| world.readings_of(citizen).iter().any(|row| Some(row.author()) == world.id(live));
    assert!(world.run_until_true(SECOND, shown), "chunks give way");
    assert!(missing(&world) >= 100, "chunks are still under way");
    assert!(world.run_until_true(SECOND * 60, |world| missing(world) == 0), "{} missing", missing(&world));
    assert!(world.traffic().longest_message < 40_000, "a thin link is asked for little at once");
    assert!(disagreements(&world).is_empty());
}

#[test]
fn a_storm_of_strangers_proves_its_addresses_and_gets_in() {
    const STORM: usize = 50;
    let mut world = world(LinkModel { jitter: Duration::ZERO, ..LinkModel::default() });
    let gateway = world.add_peer(PeerSpec::gateway()).expect("a gateway");
    let sensors: Vec<_> =
        (0..STORM).map(|_| world.add_peer(PeerSpec::sensor().contact(gateway)).expect("a sensor")).collect();
    // The first word of each has come, and the answers are under way.
    world.run_for(SECOND / 40);
    let datagrams = world.datagrams().expect("QUIC");
    let answers = datagrams.sent - STORM as u64;
    assert_eq!(
        answers,
        16 * 2 + 34,
        "two from a server that takes somebody in, a Retry for each beyond 16, and no refusal"
    );
    world.run_for(SECOND * 5);
    let linked = |peer: &&PeerIndex| world.node(**peer).is_some_and(|node| node.neighbours().count() == 1);
    assert_eq!(sensors.iter().filter(linked).count(), STORM);
}

#[test]
fn a_link_that_corrupts_is_refused_and_shows_nothing_made_up() {
    let (mut world, [gateway, sensor, citizen]) = three(LinkModel::default());
    world.run_for(SECOND * 2);
    world.break_link(gateway, sensor, Broken::Corrupts);
    publish(&mut world, sensor, 1.0);
    world.run_for(SECOND * 30);
    assert_eq!(world.readings_of(citizen).len(), 0);
    world.mend_link(gateway, sensor);
    world.run_for(SECOND * 60);
    assert_eq!(world.readings_of(citizen).len(), 1);
    assert!(Authentic::default().during(&world).is_empty());
}

#[test]
fn datagrams_that_come_twice_and_late_do_no_harm() {
    let harsh = LinkModel { loss: 0.1, duplication: 0.1, reordering: 0.1, ..LinkModel::default() };
    let (mut world, [_, sensor, citizen]) = three(harsh);
    world.run_for(SECOND * 10);
    for value in 0..20 {
        publish(&mut world, sensor, f64::from(value));
        world.run_for(SECOND / 5);
    }
    assert!(world.run_until_true(SECOND * 30, |world| world.readings_of(citizen).len() == 20));
    assert!(Authentic::default().during(&world).is_empty() && world.ledger().refused().is_empty());
}

#[test]
fn datagrams_take_interfaces_and_come_and_go_with_their_range() {
    let at = |x_m| Point { x_m, y_m: 0.0 };
    let mut world = world(LinkModel::default());
    let gateway = PeerSpec::gateway().interface(ClassId::FIBRE).interface(ClassId::WIFI).discovering();
    let gateway = world.add_peer(gateway.interface(ClassId::MESH)).expect("a gateway");
    let sensor = PeerSpec::sensor().interface(ClassId::MESH).at(at(100.0)).contact(gateway);
    let sensor = world.add_peer(sensor).expect("a sensor");
    let phone = PeerSpec::citizen().interface(ClassId::WIFI).at(at(1_000.0)).discovering();
    let phone = world.add_peer(phone).expect("a phone");
    publish(&mut world, sensor, 48.5);
    world.run_for(SECOND * 30);
    assert_eq!((world.readings_of(gateway).len(), world.readings_of(phone).len()), (1, 0), "out of range");

    world.move_peer(phone, at(60.0));
    assert!(world.run_until_true(SECOND * 10, |world| world.readings_of(phone).len() == 1));
    let mut classes: Vec<_> = world.links().map(|link| link.class).collect();
    classes.sort();
    assert_eq!(classes, [Some(ClassId::WIFI), Some(ClassId::MESH)], "one link each");
    world.move_peer(phone, at(1_000.0));
    publish(&mut world, sensor, 49.0);
    world.run_for(SECOND * 40);
    assert_eq!((world.readings_of(phone).len(), world.links().count()), (1, 1), "out of range again");
    world.move_peer(phone, at(60.0));
    assert!(world.run_until_true(SECOND * 40, |world| world.readings_of(phone).len() == 2));
    let ups: Vec<_> = world.link_events().0.iter().map(|event| event.is_up).collect();
    assert_eq!(ups, [true, true, false, true]);

    let traffic = world.traffic_by_class();
    let mesh = &traffic[usize::from(ClassId::MESH.0)];
    assert!(mesh.airtime_s > 0.0 && mesh.wire_bytes > mesh.bytes, "{mesh:?}");
    assert!(disagreements(&world).is_empty());
}

#[test]
fn who_is_behind_a_nat_dials_and_is_not_dialled() {
    let mut world = world(LinkModel::default());
    let home = world.add_peer(PeerSpec::gateway().interface(ClassId::LTE)).expect("a gateway");
    let office = PeerSpec::gateway().interface(ClassId::FIBRE).contact(home);
    let office = world.add_peer(office).expect("a gateway");
    world.run_for(SECOND * 30);
    assert_eq!(world.links().count(), 0, "the office dials in vain");
    let sensor = PeerSpec::sensor().interface(ClassId::LTE).contact(office);
    let sensor = world.add_peer(sensor).expect("a sensor");
    publish(&mut world, sensor, 1.0);
    assert!(world.run_until_true(SECOND * 5, |world| world.readings_of(office).len() == 1));
    world.crash(sensor, Kept::Synced);
    assert_eq!(world.links().count(), 0);
}
