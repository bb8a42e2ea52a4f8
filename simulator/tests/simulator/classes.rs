//! Peers with interfaces and places: radios that come into range and leave it, NATs, narrow lines, bad days.

use msec_simulator::link::{Degradation, Strained};
use msec_simulator::{
    ClassId, Kept, LinkClass, NetworkModel, PeerIndex, PeerSpec, Point, World, disagreements,
};

use crate::rig::{assert_agree, noise, seconds};

/// So many that their handshakes fill a thin radio for a minute.
const SENSORS: usize = 60;

fn at(x_m: f64) -> Point {
    Point { x_m, y_m: 0.0 }
}

fn world(seed: u64) -> World {
    World::new(seed, NetworkModel::default()).expect("a world")
}

fn publish(world: &mut World, peer: PeerIndex, value: f64) {
    let reading = world.reading(value);
    world.publish(peer, &noise(), &[reading]).expect("the sensor is up");
}

fn shown(world: &World, peer: PeerIndex) -> usize {
    world.readings_of(peer).len()
}

/// A gateway on fibre with Wi-Fi and a mesh, a sensor in the mesh, a phone with LTE and Wi-Fi.
struct Street {
    world: World,
    gateway: PeerIndex,
    sensor: PeerIndex,
    phone: PeerIndex,
}

impl Street {
    fn new(seed: u64, phone: PeerSpec) -> Self {
        let mut world = world(seed);
        let gateway = PeerSpec::gateway()
            .interface(ClassId::FIBRE)
            .interface(ClassId::WIFI)
            .interface(ClassId::MESH)
            .discovering();
        let gateway = world.add_peer(gateway).expect("a gateway");
        let sensor = PeerSpec::sensor().interface(ClassId::MESH).at(at(100.0)).contact(gateway);
        let sensor = world.add_peer(sensor).expect("a sensor");
        let phone = world.add_peer(phone).expect("a phone");
        Self { world, gateway, sensor, phone }
    }

    fn is_linked(&self, a: PeerIndex, b: PeerIndex) -> bool {
        self.world.links().any(|link| (link.a, link.b) == (a, b) || (link.b, link.a) == (a, b))
    }
}

#[test]
fn a_phone_that_walks_by_hears_the_gateway_and_is_given_what_it_missed() {
    let phone = PeerSpec::citizen().interface(ClassId::WIFI).at(at(1_000.0)).discovering();
    let mut street = Street::new(1, phone);
    street.world.run_for(seconds(5));
    publish(&mut street.world, street.sensor, 48.5);
    street.world.run_for(seconds(60));
    assert!(!street.is_linked(street.gateway, street.phone), "out of range");
    assert_eq!(shown(&street.world, street.gateway), 1, "over the mesh");

    street.world.move_peer(street.phone, at(79.0));
    street.world.run_for(seconds(5));
    assert!(street.is_linked(street.gateway, street.phone));
    assert_eq!(shown(&street.world, street.phone), 1);
    let links: Vec<_> = street.world.links().map(|link| link.class).collect();
    assert_eq!(
        links,
        [Some(ClassId::MESH), Some(ClassId::WIFI)],
        "one link each, though both hear the other"
    );

    // Out of range for a moment: the connection goes on, and what waited comes.
    street.world.move_peer(street.phone, at(200.0));
    publish(&mut street.world, street.sensor, 49.0);
    street.world.run_for(seconds(10));
    assert_eq!(shown(&street.world, street.phone), 1);
    street.world.move_peer(street.phone, at(60.0));
    street.world.run_for(seconds(2));
    assert_eq!(shown(&street.world, street.phone), 2);
    let (events, forgotten) = street.world.link_events();
    assert_eq!((events.len(), forgotten), (2, 0), "no new connection: {events:?}");

    // For longer than QUIC waits: it is lost, and made anew on the next visit.
    street.world.move_peer(street.phone, at(200.0));
    street.world.run_for(seconds(30));
    assert!(!street.is_linked(street.gateway, street.phone));
    publish(&mut street.world, street.sensor, 50.0);
    street.world.move_peer(street.phone, at(60.0));
    street.world.run_for(seconds(30));
    assert_eq!(shown(&street.world, street.phone), 3);
    let ups: Vec<_> = street.world.link_events().0.iter().map(|event| event.is_up).collect();
    assert_eq!(ups, [true, true, false, true]);
    assert_agree(&street.world);
}

#[test]
fn peers_that_start_again_are_heard_again() {
    let phone = PeerSpec::citizen().interface(ClassId::WIFI).at(at(50.0)).discovering();
    let mut street = Street::new(3, phone);
    street.world.run_for(seconds(5));
    assert!(street.is_linked(street.gateway, street.phone));
    street.world.crash(street.gateway, Kept::Synced);
    street.world.run_for(seconds(40));
    street.world.restart(street.gateway).expect("it starts");
    street.world.run_for(seconds(5));
    assert!(street.is_linked(street.gateway, street.phone));
}

#[test]
fn a_peer_behind_a_nat_dials_and_is_not_dialled() {
    let mut world = world(1);
    let home = world.add_peer(PeerSpec::gateway().interface(ClassId::LTE)).expect("a gateway");
    let office = PeerSpec::gateway().interface(ClassId::FIBRE).contact(home);
    let office = world.add_peer(office).expect("a gateway");
    world.run_for(seconds(30));
    assert_eq!(world.links().count(), 0, "the office dials in vain");
    let van = world.add_peer(PeerSpec::sensor().interface(ClassId::LTE).contact(office)).expect("a sensor");
    world.run_for(seconds(5));
    let links: Vec<_> = world.links().map(|link| (link.a, link.b, link.class)).collect();
    assert_eq!(links, [(van, office, Some(ClassId::LTE))]);
    publish(&mut world, van, 1.0);
    world.run_for(seconds(5));
    assert_eq!((shown(&world, office), shown(&world, home)), (1, 0));
}

#[test]
fn a_degraded_class_delays_until_it_is_restored() {
    let mut world = world(1);
    let gateway = world.add_peer(PeerSpec::gateway().interface(ClassId::FIBRE)).expect("a gateway");
    let sensor =
        world.add_peer(PeerSpec::sensor().interface(ClassId::LTE).contact(gateway)).expect("a sensor");
    world.run_for(seconds(5));
    // A link whose round trip takes eight seconds is let go, and what is lost comes later: neither is meant here.
    let bad = Degradation { latency_factor: 40.0, extra_loss: 0.0, bandwidth_factor: 0.01 };
    world.degrade(Strained::Class(ClassId::LTE), bad).expect("a degradation");
    publish(&mut world, sensor, 1.0);
    world.run_for(seconds(1));
    assert_eq!(shown(&world, gateway), 0, "2 s at least");
    world.run_for(seconds(30));
    assert_eq!(shown(&world, gateway), 1);
    world.restore(Strained::Class(ClassId::LTE));
    publish(&mut world, sensor, 2.0);
    world.run_for(seconds(1));
    assert_eq!(shown(&world, gateway), 2);
    assert!(world.degrade(Strained::Peer(sensor), Degradation { extra_loss: 2.0, ..bad }).is_err());
}

#[test]
fn lora_keeps_to_its_hour_and_loses_its_links_by_it() {
    let mut world = world(1);
    let lora = |spec: PeerSpec| spec.interface(ClassId::LORA);
    let gateway = world.add_peer(lora(PeerSpec::gateway())).expect("a gateway");
    let sensor = world.add_peer(lora(PeerSpec::sensor()).at(at(1_500.0)).contact(gateway)).expect("a sensor");
    for n in 0..60 {
        publish(&mut world, sensor, f64::from(n));
        world.run_for(seconds(60));
    }
    let traffic = &world.traffic_by_class()[usize::from(ClassId::LORA.0)];
    assert!(shown(&world, gateway) > 0, "{traffic:?}");
    assert!(
        traffic.airtime_s > 36.0 && traffic.airtime_s <= 72.0,
        "two transmitters for one hour: {traffic:?}"
    );
    let downs = world.link_events().0.iter().filter(|event| !event.is_up).count();
    assert!(downs > 0, "nobody keeps a QUIC connection on one hundredth of the time");
}

/// A small city on all kinds of lines.
fn city(seed: u64) -> (World, Vec<PeerIndex>) {
    let mut world = world(seed);
    let mut add = |spec| world.add_peer(spec).expect("a peer");
    let gateways: Vec<_> = (0..3u32)
        .map(|n| {
            let spec = PeerSpec::gateway()
                .interface(ClassId::FIBRE)
                .interface(ClassId::MESH)
                .at(at(f64::from(n) * 200.0));
            add((0..n as usize).fold(spec, |spec, other| spec.contact(PeerIndex(other))))
        })
        .collect();
    let classes = [ClassId::MESH, ClassId::LTE, ClassId::DSL, ClassId::MESH];
    let sensors = (0..8usize).map(|n| {
        let gateway = gateways[n % 3];
        let spec = PeerSpec::sensor().interface(classes[n % 4]).at(at((n % 3) as f64 * 200.0 + 60.0));
        add(spec.contact(gateway))
    });
    let sensors = sensors.collect();
    (world, sensors)
}

fn run(seed: u64) -> World {
    let (mut world, sensors) = city(seed);
    for n in 0..20 {
        world.run_for(seconds(2));
        for (m, sensor) in sensors.iter().enumerate() {
            let stream =
                msec_peer::node::StreamSpec::new("parks/noise", &format!("mic-{m}")).expect("a stream");
            let reading = world.reading(f64::from(n));
            world.publish(*sensor, &stream, &[reading]).expect("it is up");
        }
    }
    world.run_for(seconds(60));
    world
}

#[test]
fn a_city_on_all_kinds_of_lines_agrees_and_is_the_same_each_time() {
    let world = run(7);
    assert!(disagreements(&world).is_empty());
    assert_eq!(shown(&world, PeerIndex(0)), 160);
    let traffic = world.traffic_by_class();
    let names = LinkClass::built_in().into_iter().map(|class| class.name);
    assert!(names.eq(traffic.iter().map(|class| class.name.clone())));
    for (class, is_used) in traffic.iter().zip([false, true, true, true, false, true, false]) {
        assert_eq!(class.messages > 0, is_used, "{class:?}");
        assert!(class.wire_bytes >= class.bytes && class.busiest_share <= 1.0, "{class:?}");
    }
    assert!(
        traffic[usize::from(ClassId::MESH.0)].lost > 0
            && traffic[usize::from(ClassId::MESH.0)].airtime_s > 0.0
    );
    let again = run(7);
    assert_eq!(world.digest(), again.digest());
    assert_eq!(traffic, again.traffic_by_class());
    assert_ne!(world.digest(), run(8).digest());
}

/// Draws a number below `below`, by a multiplier of Knuth's.
struct Draw(u64);

impl Draw {
    fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn point(&mut self) -> Point {
        Point { x_m: self.below(400) as f64, y_m: self.below(100) as f64 }
    }
}

/// Everybody walks about, lines degrade and recover, some crash; then all stand still, and agree.
fn restless(seed: u64) -> World {
    let mut world = world(seed);
    let mut draw = Draw(seed);
    let mut add = |spec: PeerSpec| world.add_peer(spec).expect("a peer");
    let gateways: Vec<_> = (0..3u32)
        .map(|n| {
            let spec = PeerSpec::gateway().interface(ClassId::FIBRE).interface(ClassId::WIFI);
            let spec = spec.interface(ClassId::MESH).at(at(f64::from(n) * 100.0)).discovering();
            add((0..n as usize).fold(spec, |spec, other| spec.contact(PeerIndex(other))))
        })
        .collect();
    let classes = [&[ClassId::MESH][..], &[ClassId::WIFI, ClassId::LTE], &[ClassId::DSL], &[ClassId::WIFI]];
    let movers: Vec<_> = (0..8usize)
        .map(|n| {
            let spec = if n % 2 == 0 { PeerSpec::sensor() } else { PeerSpec::citizen() };
            let spec =
                classes[n / 2].iter().fold(spec.at(draw.point()), |spec, class| spec.interface(*class));
            add(spec.contact(gateways[draw.below(3) as usize]).discovering())
        })
        .collect();
    for n in 0..60u32 {
        world.run_for(seconds(1));
        let mover = movers[draw.below(8) as usize];
        world.move_peer(mover, draw.point());
        let class = Strained::Class(ClassId(draw.below(7) as u8));
        match draw.below(6) {
            0 => {
                let bad = Degradation { latency_factor: 5.0, extra_loss: 0.2, bandwidth_factor: 0.1 };
                world.degrade(class, bad).expect("a degradation");
            }
            1 => world.restore(class),
            2 => world.crash(mover, Kept::Torn),
            _ => {}
        }
        let down: Vec<_> = movers.iter().copied().filter(|peer| !world.is_up(*peer)).collect();
        down.into_iter().filter(|_| draw.below(5) == 0).for_each(|peer| drop(world.restart(peer)));
        for sensor in movers.iter().copied().step_by(2) {
            if world.is_up(sensor) {
                publish(&mut world, sensor, f64::from(n));
            }
        }
    }
    (0..7).for_each(|class| world.restore(Strained::Class(ClassId(class))));
    for peer in movers {
        drop(world.restart(peer));
        world.move_peer(peer, at(100.0));
    }
    world.run_for(seconds(90));
    world
}

#[test]
fn a_restless_city_agrees_when_it_rests() {
    let seeds = std::env::var("MSEC_RESTLESS_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(2);
    for seed in 1..=seeds {
        let world = restless(seed);
        let found = disagreements(&world);
        assert!(found.is_empty(), "seed {seed}: {found:?}");
        assert!(world.readings_of(PeerIndex(0)).len() > 60, "seed {seed}");
        let gone = world.link_events().0.iter().filter(|event| !event.is_up).count();
        assert!(gone > 3, "seed {seed}: {gone} links were lost");
    }
    assert_eq!(restless(1).digest(), restless(1).digest());
}

#[test]
fn interfaces_that_there_are_not_are_refused() {
    let mut world = world(1);
    let error = world.add_peer(PeerSpec::sensor().interface(ClassId(40))).expect_err("no such class");
    assert_eq!(error.to_string(), "there is no class 40: the network has 7, counted from 0");
    let many = (0..9).fold(PeerSpec::sensor(), |spec, _| spec.interface(ClassId::LTE));
    assert!(world.add_peer(many).is_err());
    assert_eq!(NetworkModel::default().class("mesh"), Some(ClassId::MESH));
}

/// A gateway came back, and all its sensors dialled it at once. Their handshakes filled its radio, so that each took longer than
/// it may; they were cut off, dialled again at once, and nobody ever came in.
#[test]
fn a_gateway_with_a_thin_radio_that_was_down_has_all_its_sensors_again() {
    let radio = LinkClass {
        name: "repeaters".into(),
        latency_ms: 10.0,
        up_bps: 83_000,
        down_bps: 83_000,
        range_m: Some(1_000.0),
        ..LinkClass::mesh()
    };
    let mut model = NetworkModel::default();
    model.classes.push(radio);
    let repeaters = model.class("repeaters").expect("it is there");
    let mut world = World::new(1, model).expect("a world");
    let gateway = world.add_peer(PeerSpec::gateway().interface(repeaters)).expect("a gateway");
    let mut sensors = Vec::new();
    for _ in 0..SENSORS {
        let sensor = PeerSpec::sensor().interface(repeaters).contact(gateway);
        sensors.push(world.add_peer(sensor).expect("a sensor"));
        world.run_for(seconds(3));
    }
    let linked =
        |world: &World| world.node(gateway).map_or(0, |node| node.neighbours().filter(|it| it.leaf).count());
    assert_eq!(linked(&world), SENSORS, "one after the other they have room");

    world.crash(gateway, Kept::All);
    world.run_for(seconds(120));
    sensors.iter().for_each(|sensor| publish(&mut world, *sensor, 48.5));
    world.restart(gateway).expect("it starts");
    assert!(world.run_until_true(seconds(180), |world| linked(world) == SENSORS), "{}", linked(&world));
    world.run_for(seconds(60));
    assert_eq!(shown(&world, gateway), SENSORS);
}
