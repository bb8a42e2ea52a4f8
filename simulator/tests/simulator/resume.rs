//! A long catch-up that is interrupted: who gets it crashes, who gives it crashes, the link between them breaks.

use std::time::Duration;

use msec_peer::node::StreamSpec;
use msec_simulator::{Broken, Kept, LinkModel, PeerIndex, World};

use crate::rig::{assert_agree, seconds, two_gateways_and_a_sensor};

/// Entries of 1,500 readings, about 10 kB each, in one log.
const ENTRIES: u64 = 90;
const ENTRY_BYTES: u64 = 9_000;

/// Two gateways on a link of 100 kB/s, of which one was away while a sensor wrote.
struct Away {
    world: World,
    near: PeerIndex,
    far: PeerIndex,
}

impl Away {
    fn new() -> Self {
        let (mut world, [near, far, sensor]) = two_gateways_and_a_sensor(3);
        world.run_for(seconds(2));
        world.crash(far, Kept::Synced);
        let stream = StreamSpec::new("parks/noise", "mic-1").expect("a stream").unit("dB");
        let mut noise = 1u64;
        for _ in 0..ENTRIES {
            let readings: Vec<_> = (0..1_500)
                .map(|_| {
                    noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    world.reading((noise >> 11) as f64)
                })
                .collect();
            world.publish(sensor, &stream, &readings).expect("the sensor is up");
            world.run_for(Duration::from_millis(100));
        }
        let narrow = LinkModel { bandwidth: Some(100_000), ..LinkModel::default() };
        world.set_link(near, far, narrow).expect("a link");
        Self { world, near, far }
    }

    fn is_done(&self) -> bool {
        self.world.frontier(self.far) == self.world.frontier(self.near)
    }

    /// Both are up and linked until the far one has `more` entries more than now. False if that is all.
    fn fetch(&mut self, more: u64) -> bool {
        let far = self.far;
        let held = |world: &World| world.frontier(far).iter().map(|(_, size, _)| *size).sum::<u64>();
        let enough = held(&self.world) + more;
        assert!(self.world.run_until_true(seconds(120), |world| held(world) >= enough.min(ENTRIES + 1)));
        !self.is_done()
    }

    fn interrupt(&mut self, turn: u64) {
        let (world, near, far) = (&mut self.world, self.near, self.far);
        match turn % 3 {
            0 => world.crash(far, Kept::Synced),
            1 => world.crash(near, Kept::Synced),
            _ => world.break_link(near, far, Broken::Drops),
        }
        world.run_for(seconds(10));
        match turn % 3 {
            0 => drop(world.restart(far).expect("starts")),
            1 => drop(world.restart(near).expect("starts")),
            _ => world.mend_link(near, far),
        }
    }
}

/// Bytes that all this takes, with so many interruptions.
fn bytes(interruptions: u64) -> u64 {
    let mut away = Away::new();
    let before = away.world.traffic().bytes;
    away.world.restart(away.far).expect("starts");
    for turn in 0..interruptions {
        assert!(away.fetch(7), "there is something left to interrupt");
        away.interrupt(turn);
    }
    away.fetch(ENTRIES);
    assert!(away.is_done());
    assert_agree(&away.world);
    away.world.traffic().bytes - before
}

#[test]
fn an_interrupted_catch_up_goes_on_where_it_was() {
    let (whole, interrupted) = (bytes(0), bytes(6));
    assert!(whole > ENTRIES * ENTRY_BYTES, "{whole} bytes");
    // Each time, the chunk under way, of a second at most, is lost, and links begin anew.
    let lost = (interrupted - whole) / 6;
    assert!(lost < 120_000, "{interrupted} bytes, {whole} without interruptions: {lost} for each");
}

/// Streams of the sensor, and how many of them go on while somebody is away.
const STREAMS: usize = 120;
const DIFFERENCES: u64 = 40;

/// What gossip of the two has cost so far: bytes, wants and what was listed; summaries and codes are for strangers.
#[derive(Debug, Default, Clone, Copy)]
struct Cost {
    bytes: u64,
    listed: u64,
    of_strangers: u64,
}

fn cost(world: &World, of: [PeerIndex; 2]) -> Cost {
    let mut cost = Cost::default();
    for stats in of.iter().filter_map(|peer| world.node(*peer)).map(|node| node.gossip_stats()) {
        cost.bytes += stats.bytes_sent;
        cost.listed += stats.listed;
        cost.of_strangers += stats.summarised + stats.coded;
    }
    cost
}

/// What it costs two gateways that have met to meet again, when one of them lost its power meanwhile.
fn meeting_again(crashed: usize, differences: u64) -> Cost {
    let (mut world, [near, far, sensor]) = two_gateways_and_a_sensor(5);
    let streams: Vec<_> = (0..STREAMS)
        .map(|n| StreamSpec::new("parks/noise", &format!("mic-{n}")).expect("a stream").unit("dB"))
        .collect();
    let publish = |world: &mut World, count: u64| {
        for stream in &streams[..count as usize] {
            let reading = world.reading(40.0);
            world.publish(sensor, stream, &[reading]).expect("the sensor is up");
        }
        world.run_for(seconds(3));
    };
    publish(&mut world, STREAMS as u64);
    // They meet, and what they know of each other is kept.
    world.run_for(seconds(120));
    assert_agree(&world);
    let gone = [near, far][crashed];
    world.break_link(near, far, Broken::Drops);
    world.run_for(seconds(10));
    publish(&mut world, differences);
    world.crash(gone, Kept::Synced);
    world.run_for(seconds(1));
    world.restart(gone).expect("starts");
    world.run_for(seconds(5));
    let before = cost(&world, [near, far]);
    world.mend_link(near, far);
    let is_linked = |world: &World| world.node(far).is_some_and(|node| node.neighbours().count() > 0);
    assert!(world.run_until_true(seconds(60), is_linked));
    world.run_for(seconds(2));
    assert_agree(&world);
    let after = cost(&world, [near, far]);
    Cost {
        bytes: after.bytes - before.bytes,
        listed: after.listed - before.listed,
        of_strangers: after.of_strangers - before.of_strangers,
    }
}

#[test]
fn who_has_met_before_a_power_cut_is_no_stranger_after_it() {
    for crashed in 0..2 {
        let idle = meeting_again(crashed, 0);
        let some = meeting_again(crashed, DIFFERENCES);
        assert_eq!((idle.of_strangers, some.of_strangers), (0, 0), "{idle:?} {some:?}");
        assert_eq!((idle.listed, some.listed), (0, DIFFERENCES), "{idle:?} {some:?}");
        // The runs that were missing are 200 bytes each.
        assert!(idle.bytes <= 150 && some.bytes <= 150 + DIFFERENCES * 280, "{idle:?} {some:?}");
    }
}
