//! A neighbour that reads slowly, among others that do not.

use std::time::Duration;

use msec_peer::node::StreamSpec;
use msec_peer::wire::{LIVE_BYTES_MAX, QUEUE_BYTES_MAX};
use msec_simulator::{LinkModel, NetworkModel, PeerIndex, PeerSpec, Wire, World};

use crate::rig::{assert_agree, seconds};

/// Readings of an entry: about 13 kB, since they are noise.
const READINGS: u64 = 1_500;

/// A gateway, three sensors that publish 75 kB a second together, four who read as fast as it comes, and one more.
struct Hub {
    world: World,
    gateway: PeerIndex,
    sensors: Vec<PeerIndex>,
    last: PeerIndex,
    entries: u64,
    noise: u64,
}

impl Hub {
    fn new(wire: Wire) -> Self {
        let mut world = World::new(7, NetworkModel { wire, ..NetworkModel::default() }).expect("a world");
        let mut add = |spec| world.add_peer(spec).expect("a peer");
        let gateway = add(PeerSpec::gateway());
        let sensors = (0..3).map(|_| add(PeerSpec::sensor().contact(gateway))).collect();
        let citizens: Vec<_> = (0..5).map(|_| add(PeerSpec::citizen().contact(gateway))).collect();
        let last = citizens[4];
        world.deliveries_mut().put(last, 1);
        world.run_for(seconds(2));
        Self { world, gateway, sensors, last, entries: 0, noise: 1 }
    }

    /// Each sensor publishes. Returns how much waits for the last one at most meanwhile.
    fn publish(&mut self, rounds: u64) -> usize {
        let mut waited = 0;
        for _ in 0..rounds {
            for (n, sensor) in self.sensors.clone().into_iter().enumerate() {
                let stream =
                    StreamSpec::new("parks/noise", &format!("mic-{n}")).expect("a stream").unit("dB");
                let readings = (0..READINGS).map(|_| {
                    self.noise = self.noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    self.world.reading((self.noise >> 11) as f64)
                });
                let readings: Vec<_> = readings.collect();
                self.world.publish(sensor, &stream, &readings).expect("the sensor is up");
                self.entries += 1;
            }
            self.world.run_for(Duration::from_millis(500));
            waited = waited.max(self.world.waiting_bytes(self.gateway, self.last));
        }
        waited
    }

    /// Entries that a peer holds, without the headers of their logs.
    fn held(&self, peer: PeerIndex) -> u64 {
        self.world.frontier(peer).iter().map(|(_, size, _)| size - 1).sum()
    }
}

/// How many deliveries the fast ones had, and how long half and 99 % of them took at most.
fn fast(hub: &Hub) -> (u64, [Duration; 2]) {
    let latencies = &hub.world.deliveries().latencies()[0];
    (latencies.count(), [0.5, 0.99].map(|q| latencies.quantile(q).expect("deliveries")))
}

/// Publishes so many rounds with a slow neighbour and without one, and compares what the fast ones had of it. Returns the hub with
/// the slow one, and what waited for the last one there and in the other.
fn compare(wire: Wire, rounds: u64, tolerance: f64) -> (Hub, [usize; 2]) {
    let [mut with, mut without] = [Hub::new(wire), Hub::new(wire)];
    let narrow = LinkModel { bandwidth: Some(1_000), ..LinkModel::default() };
    with.world.set_link(with.gateway, with.last, narrow).expect("a link");
    let waited = [with.publish(rounds), without.publish(rounds)];
    let ((count, [half, most]), (count_without, [half_without, most_without])) =
        (fast(&with), fast(&without));
    assert_eq!(count, count_without);
    let is_near = |a: Duration, b: Duration| a.as_secs_f64() <= b.as_secs_f64() * tolerance;
    assert!(is_near(half, half_without), "half within {half:?}, without the slow one {half_without:?}");
    assert!(is_near(most, most_without), "99 % within {most:?}, without the slow one {most_without:?}");
    assert!(with.held(with.last) < with.entries / 2, "{} of {}", with.held(with.last), with.entries);
    (with, waited)
}

/// The slow one's link is fast again, and it gets everything.
fn catch_up(hub: &mut Hub, within: Duration) {
    let (last, gateway) = (hub.last, hub.gateway);
    hub.world.set_link(gateway, last, LinkModel::default()).expect("a link");
    let done = |world: &World| world.frontier(last) == world.frontier(gateway);
    assert!(hub.world.run_until_true(within, done), "{} of {}", hub.held(last), hub.entries);
    assert_agree(&hub.world);
}

#[test]
fn a_neighbour_that_reads_a_kilobyte_a_second_costs_the_others_nothing() {
    let (mut hub, [waited, none]) = compare(Wire::Modelled, 40, 1.02);
    assert_eq!(none, 0);
    // Its queue was full, and no fuller than it may be.
    assert!((LIVE_BYTES_MAX - 20_000..=QUEUE_BYTES_MAX).contains(&waited), "{waited} bytes waited");
    catch_up(&mut hub, seconds(60));
    assert_eq!(hub.held(hub.last), hub.entries);
}

/// As above, with QUIC's own flow control in between.
#[test]
fn nor_does_it_over_quic() {
    let (mut hub, _) = compare(Wire::Quic, 15, 1.05);
    catch_up(&mut hub, seconds(120));
}
