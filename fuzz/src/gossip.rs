//! The gossip machine, fed with whatever neighbours, the node and the driver may tell it.

use std::time::Duration;

use msec_gossip::{Config, Gossip, Hour, Input, Interest, Key, Output, Spot, Topic, Version};
use msec_identity::{PeerId, UnixMillis};

use crate::script::{Script, Step};

/// Neighbours that are up at the start. One more is a stranger until a step brings it.
const PEERS: u8 = 3;
/// More outputs than any one input should cause, with limits as small as [`limits`].
const OUTPUTS_MAX: usize = 1_000;

/// What happens to the machine. The peer is the argument's lowest bits.
pub mod act {
    /// A message comes.
    pub const RECEIVED: u8 = 0;
    /// A neighbour comes up, and wants all, the parks, or nothing, near a place or anywhere, since some hour or ever.
    pub const UP: u8 = 1;
    /// A neighbour goes.
    pub const DOWN: u8 = 2;
    /// The node accepts something; the bytes are a key, a size and a topic.
    pub const ACCEPTED: u8 = 3;
    /// It is on disk.
    pub const DURABLE: u8 = 4;
    /// The node lacks what comes before.
    pub const GAP: u8 = 5;
    /// The node refuses something.
    pub const REFUSED: u8 = 6;
    /// The node serves something, or nothing.
    pub const SERVED: u8 = 7;
    /// The driver drops messages.
    pub const SHED: u8 = 8;
    /// A sixteenth of a second times the argument passes.
    pub const PASS: u8 = 9;
    /// How many of these there are.
    pub const COUNT: u8 = 10;
}

fn peer(n: u8) -> PeerId {
    PeerId([n; 32])
}

/// The nth key: spread over the whole range, as hashes are; beyond 32 they share all but the last byte.
fn key(n: u8) -> Key {
    if n < 32 {
        return Key(*blake3::hash(&[n]).as_bytes());
    }
    let mut key = [0x77; 32];
    key[31] = n;
    Key(key)
}

/// The lowest two bits are a path, the next two a place or none, and the others an hour or none.
fn topic(n: u8) -> Topic {
    let path = ["parks", "parks/noise", "air", "control"][usize::from(n) % 4];
    let place = n >> 2 & 3;
    let spot = (place > 0).then(|| Spot::at(i32::from(place) * 10_000_000, 0)).flatten();
    Topic::new(path).expect("a topic").at(spot).in_hour(Hour::from_number((n >> 4).into()))
}

/// One of four, near a place or everywhere, since some hour or ever.
fn interest(n: u8) -> Interest {
    let prefixes = [&[""][..], &["parks"], &["air", "control"], &[]];
    let interest = Interest::of(prefixes[usize::from(n) % 4].iter().copied()).expect("prefixes");
    let interest = match n >> 2 & 3 {
        0 => interest,
        place => interest.near(place.into(), 0.0, 1_000.0).expect("a place"),
    };
    interest.since(UnixMillis(i64::from(n >> 4) * 3_600_000))
}

/// Limits that a short script reaches.
fn limits() -> Config {
    Config {
        list_max: 3,
        offers_max: 4,
        hearsay_max: 6,
        wants_in_flight_max: 2,
        serves_in_flight_max: 2,
        backoffs_max: 3,
        conflicts_max: 2,
        control: Interest::of(["control"]).expect("a prefix"),
        ..Config::default()
    }
}

fn input(step: Step<'_>) -> Input {
    let from = peer(step.argument & 0x03);
    let byte = |at: usize| step.bytes.get(at).copied().unwrap_or_default();
    let key = key(byte(0));
    let size = match byte(1) {
        0xff => u64::MAX,
        size => size.into(),
    };
    let (topic, version) = (topic(byte(2)), Version { size, digest: [byte(3); 32] });
    match step.kind % act::COUNT {
        act::RECEIVED => Input::Received { from, bytes: step.bytes.to_vec() },
        act::UP => Input::NeighbourUp { peer: from, interest: interest(byte(0)), leaf: byte(1) & 1 == 1 },
        act::DOWN => Input::NeighbourDown { peer: from },
        act::ACCEPTED => {
            let payload = step.flag().then(|| step.bytes.to_vec());
            let from = (step.argument & 0x40 != 0).then_some(from);
            Input::Accepted { key, topic, version, from, origin: None, payload }
        }
        act::DURABLE => Input::Durable { key, version, number: None },
        act::GAP => Input::Gap { key, topic: step.flag().then_some(topic), from, have: size },
        // Of one that is odd, it has no use yet.
        act::REFUSED if step.flag() => Input::PutOff { key, from },
        act::REFUSED => Input::Refused { key, from },
        act::SERVED => {
            Input::Served { to: from, key, from: size, chunk: step.flag().then(|| step.bytes.to_vec()) }
        }
        act::SHED => Input::Shed { peer: from, frame: step.bytes.to_vec() },
        _ if step.flag() => Input::Room { bytes: usize::from(byte(0)) << 10 },
        _ => Input::Timeout,
    }
}

/// A machine that holds five keys, and has neighbours.
fn machine(config: Config) -> Gossip {
    let mut gossip = Gossip::new(config, peer(0xff), Interest::all(), [1; 32]);
    for n in 0..5 {
        let (key, version) = (key(n), Version { size: 3, digest: [3; 32] });
        let accepted =
            Input::Accepted { key, topic: topic(n), version, from: None, origin: None, payload: None };
        gossip.handle(Duration::ZERO, accepted);
        gossip.handle(Duration::ZERO, Input::Durable { key, version, number: None });
    }
    for n in 0..PEERS {
        gossip.handle(
            Duration::ZERO,
            Input::NeighbourUp { peer: peer(n), interest: Interest::all(), leaf: false },
        );
    }
    while gossip.poll_output().is_some() {}
    gossip
}

/// Feeds the machine. It never spins, its tables stay within their bounds, its messages are no longer than it says, and nothing
/// concerns a stranger.
pub fn check<'a>(steps: impl Iterator<Item = Step<'a>>) {
    let config = limits();
    let mut gossip = machine(config.clone());
    let mut now = Duration::ZERO;
    for step in steps {
        if step.kind % act::COUNT == act::PASS {
            now += Duration::from_millis(1_000 / 16) * step.argument.into();
        }
        gossip.handle(now, input(step));
        let mut outputs = 0;
        while let Some(output) = gossip.poll_output() {
            outputs += 1;
            let whom = match &output {
                Output::Send { to, bytes, .. } => {
                    assert!(bytes.len() <= config.message_bytes_max);
                    to
                }
                Output::Serve { to, .. } => to,
                Output::Deliver { from, .. }
                | Output::Conflict { from, .. }
                | Output::Violation { from, .. } => from,
            };
            assert!(gossip.neighbours().any(|peer| peer == *whom), "nothing concerns a stranger");
        }
        assert!(outputs < OUTPUTS_MAX, "{outputs} outputs of one input");
        for (what, is, may) in gossip.table_sizes().bounds(&config) {
            assert!(is <= may, "{is} {what}, at most {may} are allowed");
        }
        assert!(gossip.poll_timeout().is_none_or(|due| due > now), "a timer that does not rest");
    }
}

/// What two machines that differ in everything say to each other, until they agree: a script for either of them.
pub fn honest_talk() -> Vec<Vec<u8>> {
    // Each message in a frame of its own: seeds are told apart by their first message.
    let config = Config { frame_bytes_max: 0, ..Config::default() };
    let (mut a, mut b) = (machine(config.clone()), machine(config));
    for (gossip, keys) in [(&mut a, 10..12), (&mut b, 40..52)] {
        for n in keys {
            let (key, version) = (key(n), Version { size: u64::from(n), digest: [n; 32] });
            let payload = Some(vec![n; 3]);
            let accepted =
                Input::Accepted { key, topic: topic(n), version, from: None, origin: None, payload };
            gossip.handle(Duration::ZERO, accepted);
            gossip.handle(Duration::ZERO, Input::Durable { key, version, number: None });
        }
    }
    let mut talk = Vec::new();
    let mut now = Duration::ZERO;
    for _ in 0..20 {
        now += Duration::from_millis(700);
        a.handle(now, Input::Timeout);
        b.handle(now, Input::Timeout);
        for _ in 0..10 {
            turn(&mut a, &mut b, now, &mut talk);
            turn(&mut b, &mut a, now, &mut talk);
        }
    }
    talk
}

/// Carries what `from` has for its first neighbour to `to`, and does what both ask of a node.
fn turn(from: &mut Gossip, to: &mut Gossip, now: Duration, talk: &mut Vec<Vec<u8>>) {
    while let Some(output) = from.poll_output() {
        match output {
            Output::Send { to: whom, bytes, .. } if whom == peer(0) => {
                talk.push(bytes.clone());
                to.handle(now, Input::Received { from: peer(0), bytes });
            }
            Output::Serve { to: whom, key, from: at, .. } => {
                let chunk = Some(b"chunk".to_vec());
                from.handle(now, Input::Served { to: whom, key, from: at, chunk });
            }
            _ => {}
        }
    }
}

/// A script in which a neighbour sends these messages, and time passes in between.
pub fn script_of<'a>(messages: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    let received =
        |script: Script, message: &Vec<u8>| script.step(act::RECEIVED, 1, message).step(act::PASS, 8, &[]);
    messages.into_iter().fold(Script::default(), received).into_bytes()
}
