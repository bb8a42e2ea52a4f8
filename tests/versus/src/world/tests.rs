use super::*;
use crate::iroh::Iroh;
use crate::ours::Ours;
use crate::protocol::Wire;
use crate::queue::SECOND;
use crate::setup::{Join, Setup};

/// Writes down what happens to it. Joining dials; a dialled connection says hello; a hello of 2 closes.
#[derive(Debug)]
struct Diary(Vec<(Micros, String)>);

impl Protocol for Diary {
    const NAME: &'static str = "diary";
    type Message = u8;
    type Timer = ();

    fn new(_: NodeId, _: u64) -> Self {
        Self(Vec::new())
    }

    fn handle(&mut self, now: Micros, input: In<Self>, out: &mut Vec<Out<Self>>) {
        let text = match input {
            In::Join(Some(peer)) => {
                out.push(Out::Dial(peer));
                return;
            }
            In::Publish(payload) => {
                out.push(Out::Send(payload.round, 2));
                out.push(Out::Close(payload.round));
                return;
            }
            In::LinkUp { peer, dialled } => {
                if dialled {
                    out.push(Out::Send(peer, 1));
                }
                format!("up {peer} {dialled}")
            }
            In::LinkDown { peer, timed_out } => format!("down {peer} {timed_out}"),
            In::DialFailed { peer, timed_out } => format!("failed {peer} {timed_out}"),
            In::Message { from, message } => format!("got {message} from {from}"),
            In::Join(None) | In::Timer(()) | In::Wake => return,
        };
        self.0.push((now, text));
    }

    fn wire(_: &u8) -> Wire {
        Wire { bytes: 1, copies: 0 }
    }

    fn neighbours(&self) -> Vec<NodeId> {
        Vec::new()
    }

    fn configuration() -> String {
        String::new()
    }
}

fn world() -> (World<Diary>, Micros) {
    let world = World::new(2, Geometry::Independent, 5);
    let latency = world.network.latency(0, 1);
    (world, latency)
}

/// A world in which 0 has dialled 1, and what was written so far is gone.
fn linked() -> (World<Diary>, Micros) {
    let (mut world, latency) = world();
    world.join(0, Some(1));
    world.run_until(SECOND);
    world.nodes.iter_mut().for_each(|node| node.machine.0.clear());
    (world, latency)
}

fn diary(world: &World<Diary>, node: NodeId) -> Vec<(Micros, &str)> {
    world.machine(node).0.iter().map(|(time, text)| (*time, &**text)).collect()
}

#[test]
fn a_dial_takes_a_round_trip_and_what_is_said_comes_after_it() {
    let (mut world, latency) = world();
    world.join(0, Some(1));
    world.run_until(SECOND);
    assert_eq!(diary(&world, 0), [(2 * latency, "up 1 true")]);
    assert_eq!(diary(&world, 1), [(3 * latency, "up 0 false"), (3 * latency, "got 1 from 0")]);
    assert_eq!((world.traffic.dials, world.traffic.bytes()), (1, 1));
}

#[test]
fn two_that_dial_each_other_end_with_one_connection() {
    let (mut world, latency) = world();
    world.join(0, Some(1));
    world.run_until(1_000);
    world.join(1, Some(0));
    world.run_until(SECOND);
    let own = |at: Micros, peer: u32| (at, format!("up {peer} true"));
    assert_eq!(world.machine(0).0[0], own(2 * latency, 1));
    assert_eq!(world.machine(1).0[0], own(2 * latency + 1_000, 0));
    assert_eq!((world.machine(0).0.len(), world.machine(1).0.len()), (2, 2));
    assert_eq!(world.nodes[0].links[0].1, world.nodes[1].links[0].1);
    assert_eq!((world.nodes[0].links.len(), world.nodes[1].links.len()), (1, 1));
}

#[test]
fn who_is_dialled_while_it_dials_counts_as_having_dialled() {
    let (mut world, latency) = world();
    world.join(0, Some(1));
    world.run_until(2 * latency + 1);
    world.join(1, Some(0));
    world.run_until(SECOND);
    assert_eq!(diary(&world, 1)[0], (3 * latency, "up 0 true"));
    assert_eq!(diary(&world, 0).iter().filter(|(_, text)| text.starts_with("up")).count(), 1);
}

/// Of two dials that cross, one end closed its own before the other was there: the other end was told that the one which
/// stood was gone, the first one took it for up, and what came on the next connection was out of turn there.
#[test]
fn whoever_closes_while_two_dials_cross_leaves_no_half_of_a_connection() {
    let (_, latency) = world();
    let quarters = || (0..20).map(|part| part * latency / 4);
    for (closer, dialled, closed) in [0, 1]
        .into_iter()
        .flat_map(|it| quarters().flat_map(move |at| quarters().map(move |to| (it, at, to))))
    {
        let (mut world, _) = world();
        world.join(0, Some(1));
        for at in [dialled.min(closed), dialled.max(closed)] {
            world.run_until(at);
            match at {
                at if at == dialled && world.link(1, 0).is_none() => world.join(1, Some(0)),
                _ => world.close(closer, 1 - closer),
            }
        }
        world.run_until(SECOND);
        let ends =
            [0, 1].map(|node: usize| world.nodes[node].links.first().map(|(_, generation)| *generation));
        assert_eq!(ends[0], ends[1], "{closer} closed at {closed}, and 1 dialled at {dialled}");
    }
}

#[test]
fn a_close_comes_behind_what_was_said() {
    let (mut world, latency) = linked();
    // The diary sends to the node of the round's number, and closes.
    world.deliveries.publish(0, 0);
    world.publish(0);
    world.run_until(2 * SECOND);
    let (said, closed) = (SECOND + latency, SECOND + latency + 1);
    assert_eq!(diary(&world, 1), [(said, "got 2 from 0"), (closed, "down 0 false")]);
    assert_eq!(diary(&world, 0), []);
    assert!(world.nodes.iter().all(|node| node.links.is_empty()));
}

#[test]
fn the_dead_fail_or_are_silent() {
    for (death, after, text) in
        [(Death::Failing, None, "down 1 false"), (Death::Silent, Some(IDLE_TIMEOUT), "down 1 true")]
    {
        let (mut world, latency) = linked();
        world.vanish(&[1], death);
        world.run_until(60 * SECOND);
        assert_eq!(diary(&world, 0), [(SECOND + after.unwrap_or(latency), text)]);
        world.join(0, Some(1));
        world.run_until(90 * SECOND);
        let failed = match death {
            Death::Failing => (60 * SECOND + 2 * latency, "failed 1 false"),
            Death::Silent => (60 * SECOND + DIAL_TIMEOUT, "failed 1 true"),
        };
        assert_eq!(diary(&world, 0)[1], failed);
    }
}

#[test]
fn a_cut_times_out_and_dials_across_it_do() {
    let seed = (0..).find(|seed| {
        let network = Network::new(2, Geometry::Independent, *seed);
        network.half(0) != network.half(1)
    });
    let mut world: World<Diary> = World::new(2, Geometry::Independent, seed.expect("some seed parts them"));
    world.join(0, Some(1));
    world.run_until(SECOND);
    world.cut();
    world.run_until(60 * SECOND);
    assert_eq!(diary(&world, 0)[1], (SECOND + IDLE_TIMEOUT, "down 1 true"));
    assert_eq!(diary(&world, 1)[2], (SECOND + IDLE_TIMEOUT, "down 0 true"));
    world.join(0, Some(1));
    world.run_until(70 * SECOND);
    assert_eq!(diary(&world, 0)[2], (60 * SECOND + DIAL_TIMEOUT, "failed 1 true"));
    world.heal();
    world.join(0, Some(1));
    world.run_until(80 * SECOND);
    assert!(diary(&world, 0)[3].1.starts_with("up 1"));
}

/// What a small run costs, and the part of the nodes that its message reaches.
fn small<P: Protocol>(seed: u64) -> (Traffic, f64) {
    let setup = Setup {
        nodes: 60,
        seed,
        geometry: Geometry::Planar,
        join: Join::Random,
        joining: 10 * SECOND,
        warm_up: 30 * SECOND,
        rounds: 3,
        interval: SECOND,
        profiles: false,
    };
    let (mut world, _) = setup.grow::<P>();
    let round = world.publish(7);
    world.run_until(world.now + 5 * SECOND);
    (world.traffic, world.deliveries.share(round, &world.network, 5 * SECOND))
}

#[test]
fn equal_seeds_give_equal_runs() {
    assert_eq!(small::<Iroh>(1), small::<Iroh>(1));
    assert_eq!(small::<Ours>(1), small::<Ours>(1));
    assert_ne!(small::<Ours>(1).0, small::<Ours>(2).0);
}

#[test]
fn both_protocols_deliver() {
    assert!(small::<Iroh>(1).1 > 0.9);
    assert_eq!(small::<Ours>(1).1, 1.0);
    assert!(small::<Ours>(1).0.copies >= 59);
}
