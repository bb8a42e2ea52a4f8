//! Bodies that are to be gone: what the peers do that have them, and those that meet them later.

use msec_crdt_store::{LogState, Run};
use msec_identity::{ControlRecord, ControlStream, Erasure, Record, Stretch, Stretches, Verified};

use super::prefixes::Town;
use super::revoked::issue;
use super::*;

mod unheld;

const OWNER: usize = 0;
const SENSOR: usize = 1;
/// It relays and reads.
const GATEWAY: usize = 2;
/// It only reads.
const READER: usize = 3;

const OWNERS: [Right; 4] = [Right::Relay, Right::Read, Right::Write, Right::Manage];

fn confirming() -> Config {
    Config { receipts: true, ..Config::default() }
}

/// The owner's own peer, a sensor, a gateway and somebody who reads. Nobody is linked.
fn town() -> Town {
    let owner = rig(1, &OWNERS, confirming());
    let gateway = rig(3, &[Right::Relay, Right::Read], confirming());
    Town::with([owner, sensor(), gateway, rig(4, &[Right::Read], confirming())])
}

/// All have what the sensor wrote; nobody is linked.
fn full_town() -> Town {
    let mut town = town();
    for other in [OWNER, SENSOR, READER] {
        town.link(other, GATEWAY);
    }
    town.run(2);
    write(&mut town.rigs[SENSOR], 1..=6);
    town.run(20);
    for holder in [OWNER, SENSOR, GATEWAY, READER] {
        assert_eq!(town.stored(holder), values(1..=6));
    }
    town.unlink_all();
    // Whoever is dialled again at once is not let in.
    town.run(10);
    town.rigs.iter_mut().for_each(|rig| drop(rig.events()));
    town
}

fn write(rig: &mut Rig, values: impl IntoIterator<Item = u64>) {
    for value in values {
        rig.publish(value, value as f64);
        rig.pass(WINDOW);
        rig.sync();
    }
    rig.acknowledged();
}

fn values(range: std::ops::RangeInclusive<u64>) -> Vec<f64> {
    range.map(|value| value as f64).collect()
}

/// The log in which the sensor writes, as somebody holds it.
fn log_of(rig: &Rig) -> LogId {
    let mut logs = rig.node.frontier().map(|(log, ..)| log);
    let is_data = |log: &LogId| {
        let collection = rig.node.logs.get(log).map(|state| state.header().collection().clone());
        collection.is_some_and(|it| !it.is_reserved())
    };
    logs.find(is_data).expect("a log of data")
}

/// What of a log is to be erased, as a peer says it.
fn erasure(by: u8, log: LogId, first: u64, end: u64) -> Verified<Erasure> {
    let identity = Identity::from_seed([by; 32]);
    identity.sign(Erasure {
        space: manifest().space(),
        issuer: identity.peer(),
        what: Stretches::new([Stretch { log, first, end }]).expect("stretches"),
        at: START,
        reason: "asked for".parse().expect("a reason"),
    })
}

/// The bodies that somebody's store has of a log.
fn bodies(rig: &Rig, log: &LogId) -> Vec<bool> {
    let Some(chunk) = rig.store.read(log, 0, 1 << 20).expect("read") else { return Vec::new() };
    let run = Run::from_bytes(&chunk.bytes).expect("a run");
    run.entries.iter().map(|entry| entry.body.bytes().is_some()).collect()
}

/// Who confirms an erasure, as somebody knows it.
fn confirmed(rig: &Rig, erasure: &Erasure) -> Vec<usize> {
    let mut found = Vec::new();
    for (log, ..) in rig.node.frontier().collect::<Vec<_>>() {
        let chunk = rig.store.read(&log, 0, 1 << 20).expect("read").expect("held");
        for entry in Run::from_bytes(&chunk.bytes).expect("a run").entries {
            let record = entry.body.bytes().and_then(|body| ControlRecord::from_bytes(body).ok());
            if let Some(ControlRecord::Receipt(it)) = record
                && it.claims().of == erasure.hash()
            {
                let by = it.claims().issuer;
                found.extend((0..4).find(|n| Identity::from_seed([*n as u8 + 1; 32]).peer() == by));
            }
        }
    }
    found.sort_unstable();
    found
}

/// Opens a peer's store again, as after its process was killed.
fn restart(rig: &mut Rig, seed: u8, rights: &[Right], config: Config) {
    let papers = vec![grant(&Identity::from_seed([seed; 32]), rights, 30)];
    let (mono, wall, dir) = (rig.mono, rig.wall, rig.dir.clone());
    *rig = rig_with(seed, papers, config, dir);
    (rig.mono, rig.wall) = (mono, wall);
}

const WHOLE: [bool; 7] = [true; 7];
const ERASED: [bool; 7] = [true, true, false, false, true, true, true];

#[test]
fn who_holds_what_is_to_be_erased_erases_it_and_says_so() {
    let mut town = full_town();
    let log = log_of(&town.rigs[OWNER]);
    let erasure = erasure(1, log, 2, 4);
    for other in [OWNER, SENSOR, READER] {
        town.link(other, GATEWAY);
    }
    town.run(2);
    issue(&mut town.rigs[OWNER], ControlStream::Root, erasure.clone());
    town.run(20);
    for holder in [OWNER, SENSOR, GATEWAY, READER] {
        assert_eq!(bodies(&town.rigs[holder], &log), ERASED, "{holder}");
        assert_eq!(town.stored(holder), [1.0, 4.0, 5.0, 6.0]);
    }
    town.run(30);
    assert_eq!(
        confirmed(&town.rigs[OWNER], &erasure),
        [OWNER, GATEWAY, READER],
        "a sensor has no right to hold"
    );
    // The log goes on, and a restart confirms nothing twice.
    write(&mut town.rigs[SENSOR], 7..=7);
    town.run(10);
    assert_eq!(town.stored(READER), [1.0, 4.0, 5.0, 6.0, 7.0]);
    town.unlink_all();
    restart(&mut town.rigs[GATEWAY], 3, &[Right::Relay, Right::Read], confirming());
    town.link(OWNER, GATEWAY);
    town.run(30);
    assert_eq!(confirmed(&town.rigs[OWNER], &erasure), [OWNER, GATEWAY, READER]);
}

#[test]
fn an_author_erases_its_own_log_and_nobody_elses() {
    let mut town = full_town();
    let log = log_of(&town.rigs[OWNER]);
    for other in [OWNER, SENSOR, READER] {
        town.link(other, GATEWAY);
    }
    town.run(2);
    // The reader may speak of itself, and has written nothing.
    issue(&mut town.rigs[READER], ControlStream::Own, erasure(4, log, 5, 7));
    issue(&mut town.rigs[SENSOR], ControlStream::Own, erasure(2, log, 2, 4));
    town.run(20);
    for holder in [OWNER, SENSOR, GATEWAY, READER] {
        assert_eq!(bodies(&town.rigs[holder], &log), ERASED, "{holder}");
    }
}

#[test]
fn a_log_whose_future_was_erased_goes_on_in_another_one() {
    let mut town = full_town();
    let log = log_of(&town.rigs[OWNER]);
    issue(&mut town.rigs[OWNER], ControlStream::Root, erasure(1, log, 2, u64::MAX));
    for other in [OWNER, SENSOR, READER] {
        town.link(other, GATEWAY);
    }
    town.run(10);
    write(&mut town.rigs[SENSOR], [7, 8]);
    town.run(20);
    for holder in [OWNER, SENSOR, GATEWAY, READER] {
        assert_eq!(town.stored(holder), [1.0, 7.0, 8.0], "{holder}");
    }
    // What this peer erased for itself alone, and after a restart.
    let sensor = &mut town.rigs[SENSOR];
    let is_second = |state: &&LogState| state.header().predecessor() == Some(log);
    let second = sensor.node.logs.held().find(is_second).expect("another one").log();
    let erased = sensor.store.erase(&second, 9..u64::MAX).expect("erased");
    sensor.handle(Input::Erased { entries: erased, left: vec![], done: true, ordered: false });
    write(sensor, 9..20);
    sensor.pass(WINDOW);
    sensor.sync();
    let papers = vec![grant(&Identity::from_seed([2; 32]), &[Right::Write], 30)];
    let (mono, wall, dir) = (sensor.mono, sensor.wall, sensor.dir.clone());
    *sensor = rig_with(2, papers, Config::default(), dir);
    (sensor.mono, sensor.wall) = (mono, wall);
    write(sensor, 20..30);
    assert_eq!(town.stored(SENSOR), [values(1..=1), values(7..=29)].concat());
}

#[test]
fn a_peer_that_was_away_brings_no_erased_body_back() {
    let mut town = full_town();
    let log = log_of(&town.rigs[OWNER]);
    let order = erasure(1, log, 2, 4);
    // The reader is away, and the others are started again meanwhile.
    town.link(OWNER, GATEWAY);
    town.link(SENSOR, GATEWAY);
    town.run(2);
    issue(&mut town.rigs[OWNER], ControlStream::Root, order.clone());
    town.run(20);
    town.unlink_all();
    restart(&mut town.rigs[OWNER], 1, &OWNERS, confirming());
    restart(&mut town.rigs[GATEWAY], 3, &[Right::Relay, Right::Read], confirming());
    assert_eq!(
        (bodies(&town.rigs[GATEWAY], &log), bodies(&town.rigs[READER], &log)),
        (ERASED.into(), WHOLE.into())
    );
    assert_eq!(confirmed(&town.rigs[OWNER], &order), [OWNER, GATEWAY]);
    // Somebody who has nothing yet meets the reader first, and gets all of it, since neither knows.
    let newcomer = rig(5, &[Right::Relay, Right::Read], Config::default());
    town.rigs.push(newcomer);
    town.link(READER, 4);
    town.run(20);
    assert_eq!(bodies(&town.rigs[4], &log), WHOLE);
    town.link(4, GATEWAY);
    town.link(READER, GATEWAY);
    town.run(30);
    for holder in [OWNER, GATEWAY, READER, 4] {
        assert_eq!(bodies(&town.rigs[holder], &log), ERASED, "{holder}");
    }
    town.link(OWNER, GATEWAY);
    town.run(30);
    assert_eq!(confirmed(&town.rigs[OWNER], &order), [OWNER, GATEWAY, READER]);
}

#[test]
fn an_older_copy_of_a_store_is_put_right_and_gives_nothing_away() {
    let mut town = full_town();
    let log = log_of(&town.rigs[OWNER]);
    let older = town.rigs[GATEWAY].dir.copy();
    town.link(OWNER, GATEWAY);
    town.link(READER, GATEWAY);
    town.run(2);
    issue(&mut town.rigs[OWNER], ControlStream::Root, erasure(1, log, 2, 4));
    town.run(20);
    assert_eq!(bodies(&town.rigs[GATEWAY], &log), ERASED);
    town.unlink_all();
    town.rigs[GATEWAY].dir = older;
    restart(&mut town.rigs[GATEWAY], 3, &[Right::Relay, Right::Read], confirming());
    assert_eq!(bodies(&town.rigs[GATEWAY], &log), WHOLE);
    town.run(10);
    town.link(READER, GATEWAY);
    town.run(20);
    for holder in [OWNER, GATEWAY, READER] {
        assert_eq!(bodies(&town.rigs[holder], &log), ERASED, "{holder}");
        assert!(town.rigs[holder].verified().iter().all(|value| *value != 2.0 && *value != 3.0));
    }
}

#[test]
fn what_a_crash_interrupted_is_gone_on_with() {
    let mut town = full_town();
    let log = log_of(&town.rigs[GATEWAY]);
    let owner = &mut town.rigs[OWNER];
    issue(owner, ControlStream::Root, erasure(1, log, 2, 4));
    // It is killed before its disk was asked.
    assert_eq!(bodies(owner, &log), WHOLE);
    restart(owner, 1, &OWNERS, confirming());
    owner.pass(Duration::from_secs(1));
    owner.sync();
    assert_eq!(bodies(owner, &log), ERASED);
    // Once it is done, no start reads all of the store again.
    restart(owner, 1, &OWNERS, confirming());
    owner.pass(Duration::from_secs(1));
    assert!(owner.outputs.iter().all(|output| !matches!(output, Output::Erase { .. })));
}

#[test]
fn what_the_disk_refuses_to_erase_is_tried_again_and_confirmed_once_it_is_gone() {
    let mut town = full_town();
    let log = log_of(&town.rigs[OWNER]);
    let order = erasure(1, log, 2, 4);
    let owner = &mut town.rigs[OWNER];
    issue(owner, ControlStream::Root, order.clone());
    owner.pass(Duration::from_millis(300));
    let asked = |owner: &mut Rig| {
        owner.take(|output| match output {
            Output::Erase { order } => Some(order.entries.clone()),
            _ => None,
        })
    };
    let entries = asked(owner);
    assert_eq!(entries, [vec![(log, 2..4)]]);
    owner.handle(Input::Erased { entries: entries[0].clone(), left: vec![], done: false, ordered: true });
    owner.pass(Duration::from_millis(900));
    assert!(asked(owner).is_empty(), "not yet");
    owner.pass(Duration::from_millis(200));
    assert_eq!(asked(owner), entries);
    owner.handle(Input::Erased { entries: entries[0].clone(), left: vec![], done: false, ordered: true });
    owner.pass(Duration::from_millis(1900));
    assert!(asked(owner).is_empty(), "twice as long");
    owner.sync();
    assert!(confirmed(owner, &order).is_empty());
    owner.pass(Duration::from_millis(200));
    owner.sync();
    owner.sync();
    assert_eq!((bodies(owner, &log), confirmed(owner, &order)), (ERASED.into(), vec![OWNER]));
}

#[test]
fn who_has_nothing_of_it_confirms_that_and_gets_the_log_without_those_bodies() {
    let mut town = town();
    town.link(SENSOR, OWNER);
    town.run(2);
    write(&mut town.rigs[SENSOR], 1..=6);
    town.run(10);
    town.unlink_all();
    let log = log_of(&town.rigs[OWNER]);
    let order = erasure(1, log, 2, 4);
    // It comes to the gateway before the log does, which the sensor has still.
    issue(&mut town.rigs[OWNER], ControlStream::Root, order.clone());
    let config = Config { interest: Interest::none(), ..confirming() };
    let mut bystander = rig(6, &[Right::Relay, Right::Read], config);
    std::mem::swap(&mut bystander, &mut town.rigs[READER]);
    town.link(OWNER, READER);
    town.link(READER, GATEWAY);
    town.run(10);
    assert!(confirmed(&town.rigs[GATEWAY], &order).contains(&GATEWAY));
    assert!(bodies(&town.rigs[GATEWAY], &log).is_empty());
    town.unlink_all();
    assert_eq!(bodies(&town.rigs[SENSOR], &log), WHOLE);
    town.link(SENSOR, GATEWAY);
    // What the gateway keeps is asked of at once, before the sensor has erased.
    town.run(10);
    assert_eq!(
        (bodies(&town.rigs[GATEWAY], &log), bodies(&town.rigs[SENSOR], &log)),
        (ERASED.into(), ERASED.into())
    );
    assert_eq!(town.rigs[GATEWAY].verified(), [1.0, 4.0, 5.0, 6.0], "nor was it shown");
}

#[test]
fn an_order_by_who_may_erase_nothing_is_confirmed_by_nobody() {
    let mut town = town();
    // A sensor erases what it wrote itself, and a reader nothing: of logs that nobody has, they may name as many as they like.
    let own = ControlStream::Own;
    let orders = [(SENSOR, 2), (READER, 4)].map(|(at, seed)| (at, erasure(seed, LogId([9; 32]), 1, 9)));
    for (at, order) in &orders {
        issue(&mut town.rigs[*at], own, order.clone());
    }
    let order = erasure(1, LogId([9; 32]), 1, 9);
    issue(&mut town.rigs[OWNER], ControlStream::Root, order.clone());
    for other in [OWNER, SENSOR, READER] {
        town.link(other, GATEWAY);
    }
    town.run(30);
    assert_eq!(confirmed(&town.rigs[OWNER], &order), [OWNER, GATEWAY, READER]);
    for (_, order) in &orders {
        assert!(town.rigs[OWNER].node.authority.erasure(&order.hash()).is_some(), "it is known");
        assert!(confirmed(&town.rigs[OWNER], order).is_empty());
    }
}

#[test]
fn an_own_log_says_nothing_of_others() {
    let mut town = full_town();
    let log = log_of(&town.rigs[OWNER]);
    let [own, of_owner] = [erasure(2, log, 1, 2), erasure(1, log, 2, 4)];
    town.link(SENSOR, GATEWAY);
    issue(&mut town.rigs[SENSOR], ControlStream::Own, own.clone());
    let stream = StreamSpec::new(".control", &ControlStream::Own.to_string()).expect("a stream");
    let content = Content::Control(Box::new(of_owner.clone().into()));
    let refused = town.rigs[SENSOR].node.append(Ticket(901), &stream, content);
    assert!(matches!(refused, Err(PublishError::Reserved { .. })), "nor does its program say it");
    town.run(20);
    // Who writes otherwise than the program would, enters there what the owner once signed.
    issue(&mut town.rigs[OWNER], ControlStream::Root, of_owner.clone());
    let log_in = |rig: &Rig, stream: ControlStream| {
        let named = |log: &LogId| {
            rig.node.logs.get(log).is_some_and(|it| control::stream_of(it.header()) == Some(stream))
        };
        rig.node.frontier().map(|(log, ..)| log).find(named).expect("a log")
    };
    let owner = &town.rigs[OWNER];
    let root = log_in(owner, ControlStream::Root);
    let chunk = owner.store.read(&root, 0, 1 << 20).expect("read").expect("held");
    let entries = Run::from_bytes(&chunk.bytes).expect("a run").entries;
    let gateway = &town.rigs[GATEWAY];
    let state = gateway.node.logs.get(&log_in(gateway, ControlStream::Own)).expect("held").clone();
    let node = &mut town.rigs[GATEWAY].node;
    node.entered(&state, 7, &entries);
    assert!(node.authority.erasure(&own.hash()).is_some());
    assert!(node.authority.erasure(&of_owner.hash()).is_none());
}

#[test]
fn what_was_erased_here_alone_is_given_to_nobody_and_fetched_from_somebody_else() {
    let mut town = full_town();
    let log = log_of(&town.rigs[OWNER]);
    let gateway = &mut town.rigs[GATEWAY];
    let erased = gateway.store.erase(&log, 3..4).expect("erased");
    gateway.handle(Input::Erased { entries: erased, left: vec![], done: true, ordered: false });
    town.rigs.push(rig(5, &[Right::Relay, Right::Read], Config::default()));
    town.link(4, GATEWAY);
    town.run(30);
    assert_eq!(bodies(&town.rigs[4], &log), [true; 3], "up to there it has all");
    let refused = |town: &mut Town| {
        let events = town.rigs[4].events();
        events.into_iter().filter(|event| matches!(event, Event::Refused(_))).count()
    };
    assert_eq!(refused(&mut town), 0, "and was not offered what it would refuse");
    // After a restart too.
    town.unlink_all();
    restart(&mut town.rigs[GATEWAY], 3, &[Right::Relay, Right::Read], confirming());
    town.link(4, GATEWAY);
    town.run(30);
    assert_eq!((bodies(&town.rigs[4], &log).len(), refused(&mut town)), (3, 0));
    town.link(4, OWNER);
    town.run(60);
    assert_eq!(bodies(&town.rigs[4], &log), WHOLE, "the owner has it still");
    assert_eq!(bodies(&town.rigs[GATEWAY], &log), [true, true, true, false, true, true, true]);
}

#[test]
fn whoever_leaves_bodies_out_on_the_way_is_refused_and_asked_again_later() {
    let mut town = full_town();
    let log = log_of(&town.rigs[OWNER]);
    town.rigs.push(rig(5, &[Right::Relay, Right::Read], Config::default()));
    // The gateway's disk has been tampered with: its node knows of nothing.
    town.rigs[GATEWAY].store.erase(&log, 3..4).expect("erased");
    town.link(4, GATEWAY);
    town.run(20);
    assert_eq!(bodies(&town.rigs[4], &log).len(), 0);
    let refused = |event: &Event| matches!(event, Event::Refused(it) if it.kind == RefusedKind::LacksBody);
    let count = town.rigs[4].events().iter().filter(|event| refused(event)).count();
    assert!((1..20).contains(&count), "{count} times");
    assert!(town.rigs[4].closes().is_empty(), "its link stays");
    // The order was late: it is taken then.
    issue(&mut town.rigs[OWNER], ControlStream::Root, erasure(1, log, 3, 4));
    town.link(OWNER, GATEWAY);
    town.run(90);
    assert_eq!(bodies(&town.rigs[4], &log), [true, true, true, false, true, true, true]);
}
