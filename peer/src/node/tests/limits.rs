//! What grants allow at most, and who holds whom to it.

use msec_crdt_store::{LogHeader, OwnLog, Place, Run, TimeQuality};
use msec_identity::{Area, Caveats, ControlRecord, ControlStream, Rotation};

use super::super::limits::{SAID_ENTRIES_MAX, SAID_LOGS_HELD_MAX, SAID_LOGS_MAX};
use super::prefixes::Town;
use super::revoked::issue;
use super::*;

const SENSOR: usize = 0;
const GATEWAY: usize = 1;
const LATE: usize = 2;

/// A grant that begins now.
fn limited(seed: u8, rights: &[Right], limits: Caveats) -> Verified<Grant> {
    let like = Grant::clone(&grant(&Identity::from_seed([seed; 32]), rights, 30));
    root().sign(Grant { not_before: START, caveats: Some(limits), ..like })
}

fn writer(limits: Caveats) -> Rig {
    let papers = vec![limited(2, &[Right::Write], limits)];
    rig_with(2, papers, Config { contacts: vec![contact(3)], ..Config::default() }, MemoryDir::default())
}

fn write(rig: &mut Rig, stream: &str, place: Option<Place>, value: f64) -> Option<PublishError> {
    let stream = StreamSpec::new("parks/noise", stream).expect("a stream").place(place);
    let content = Content::Readings(vec![Reading::new(rig.wall, value)]);
    rig.handle(Input::Publish { ticket: Ticket(1), stream, content });
    let mut refused = rig.outputs.iter().position(|output| matches!(output, Output::Published { .. }));
    let error = refused.take().and_then(|at| rig.outputs.remove(at)).and_then(|output| match output {
        Output::Published { result, .. } => result.err(),
        _ => None,
    });
    rig.pass(WINDOW);
    rig.sync();
    rig.acknowledged();
    error
}

fn held(rig: &Rig) -> u64 {
    rig.node.frontier().filter(|(log, ..)| !rig.node.is_control_log(log)).map(|(_, size, _)| size - 1).sum()
}

#[test]
fn an_honest_writer_begins_no_more_logs_than_it_may() {
    let mut sensor = writer(Caveats { logs_max: Some(2), ..Caveats::default() });
    for stream in ["a", "b", "a"] {
        assert!(write(&mut sensor, stream, None, 1.0).is_none());
    }
    let refused = write(&mut sensor, "c", None, 1.0).expect("refused");
    assert!(matches!(refused, PublishError::LogsUsedUp { .. }) && !refused.is_passing(), "{refused}");
}

#[test]
fn a_stream_has_no_more_incarnations_than_its_writer_may_begin() {
    let limits = Caveats { incarnations_max: Some(1), ..Caveats::default() };
    let mut sensor = writer(limits);
    assert!(write(&mut sensor, "a", None, 1.0).is_none());
    let header = sensor.node.logs.held().next().expect("a log").header().clone();
    sensor.node.abandon_own(&header, header.id());
    let refused = write(&mut sensor, "a", None, 2.0).expect("refused");
    assert!(matches!(refused, PublishError::LogsUsedUp { .. }), "{refused}");
    assert!(write(&mut sensor, "b", None, 3.0).is_none(), "another stream");
}

/// Two machines with one key: neither knows of the other's log.
#[test]
fn of_too_many_logs_the_same_ones_count_wherever_they_came_first() {
    let cheater = |n: u8| {
        let mut rig = writer(Caveats { logs_max: Some(1), ..Caveats::default() });
        // Another machine draws other randomness.
        (0..n).for_each(|_| rig.node.rng.fill_bytes(&mut [0; 1]));
        assert!(write(&mut rig, &format!("mic-{n}"), None, n.into()).is_none());
        rig
    };
    let mut town = Town::with([cheater(1), gateway(), gateway(), cheater(2)]);
    for (at, order) in [(GATEWAY, [0, 3]), (LATE, [3, 0])] {
        for from in order {
            town.link(from, at);
            town.run(20);
            town.unlink_all();
        }
    }
    let logs = [0, 3].map(|n| town.rigs[n].node.frontier().next().expect("a log").0);
    let value = if logs[0] < logs[1] { 1.0 } else { 2.0 };
    assert_eq!((town.stored(GATEWAY), town.stored(LATE)), (vec![value], vec![value]));
    // A restart comes to the same.
    let papers = vec![grant(&Identity::from_seed([3; 32]), &[Right::Relay, Right::Read], 30)];
    for at in [GATEWAY, LATE] {
        let dir = town.rigs[at].dir.clone();
        town.rigs[at] = rig_with(3, papers.clone(), Config::default(), dir);
        town.run(1);
        assert_eq!(town.stored(at), [value]);
    }
}

#[test]
fn an_honest_writer_waits_when_its_minute_is_used_up() {
    let mut sensor = writer(Caveats { rate_per_minute: Some(3), ..Caveats::default() });
    for n in 0..3 {
        assert!(write(&mut sensor, "a", None, n.into()).is_none());
    }
    let over = std::iter::repeat_with(|| write(&mut sensor, "a", None, 9.0)).take(2).flatten().last();
    let over = over.expect("refused");
    assert!(matches!(over, PublishError::OverLimit { .. }) && over.is_passing(), "{over}");
    sensor.pass(Duration::from_secs(21));
    assert!(write(&mut sensor, "a", None, 4.0).is_none());
}

#[test]
fn what_a_writer_says_beyond_its_rate_comes_later() {
    let (per_minute, per_day) = (Some(3), Some(100));
    for limits in [
        Caveats { rate_per_minute: per_minute, ..Caveats::default() },
        Caveats { bytes_per_day: per_day, ..Caveats::default() },
    ] {
        let mut town = Town::with([writer(limits.clone()), gateway()]);
        town.link(SENSOR, GATEWAY);
        town.run(1);
        for n in 0..40 {
            // It does not hold itself to it.
            town.rigs[SENSOR].node.limits = Limits::default();
            assert!(write(&mut town.rigs[SENSOR], "a", None, n.into()).is_none());
            town.run(0);
        }
        let first = held(&town.rigs[GATEWAY]);
        assert!((1..20).contains(&first), "{first} of 40, {limits:?}");
        let refused = town.rigs[GATEWAY]
            .events()
            .into_iter()
            .any(|event| matches!(event, Event::Refused(Refused { kind: RefusedKind::OverBound, .. })));
        assert!(refused && town.rigs[GATEWAY].closes().is_empty(), "it says so, and keeps the link");
        let later = if limits.bytes_per_day.is_some() { 7 * DAY_MS } else { 15 * 60_000 };
        town.rigs.iter_mut().for_each(|rig| rig.wall = rig.wall.saturating_add(later));
        town.run(300);
        assert_eq!(held(&town.rigs[GATEWAY]), 40, "{limits:?}");
    }
}

#[test]
fn whoever_may_read_so_much_a_day_is_given_no_more_and_goes_on_the_next_day() {
    let writer = rig(2, &[Right::Write], Config { contacts: vec![contact(3)], ..Config::default() });
    let limits = Caveats { bytes_per_day: Some(5_000), ..Caveats::default() };
    let reader =
        rig_with(5, vec![limited(5, &[Right::Read], limits)], Config::default(), MemoryDir::default());
    let mut town = Town::with([writer, gateway(), reader]);
    town.link(SENSOR, GATEWAY);
    town.link(LATE, GATEWAY);
    town.run(2);
    for n in 0..60 {
        assert!(write(&mut town.rigs[SENSOR], "a", None, n.into()).is_none());
        town.run(1);
    }
    let given = town.stored(LATE).len();
    assert_eq!(town.stored(GATEWAY).len(), 60);
    assert!((1..40).contains(&given), "{given}");
    town.unlink_all();
    for rig in &mut town.rigs {
        rig.pass(Duration::from_secs(24 * 3600));
    }
    town.link(LATE, GATEWAY);
    town.run(20);
    assert!(town.stored(LATE).len() > given);
}

#[test]
fn whoever_may_read_in_a_place_is_given_what_lies_there() {
    let writer = rig(2, &[Right::Write], Config { contacts: vec![contact(3)], ..Config::default() });
    let place =
        Area { south_e7: 434_000_000, west_e7: -39_000_000, north_e7: 435_000_000, east_e7: -37_000_000 };
    let limits = Caveats { place: Some(place), ..Caveats::default() };
    let reader =
        rig_with(5, vec![limited(5, &[Right::Read], limits)], Config::default(), MemoryDir::default());
    let mut town = Town::with([writer, gateway(), reader]);
    let at = |latitude, longitude| Place::from_degrees(latitude, longitude);
    let all = [at(43.46, -3.80), at(43.51, -3.80), None];
    town.link(SENSOR, GATEWAY);
    for (n, place) in (0u8..).zip(all) {
        assert!(write(&mut town.rigs[SENSOR], &format!("mic-{n}"), place, n.into()).is_none());
    }
    town.run(5);
    town.link(LATE, GATEWAY);
    town.run(20);
    for (n, place) in (0u8..).zip(all) {
        assert!(write(&mut town.rigs[SENSOR], &format!("mic-{n}"), place, f64::from(n) + 10.0).is_none());
    }
    town.run(20);
    let mut given = town.stored(LATE);
    given.sort_by(f64::total_cmp);
    assert_eq!(given, [0.0, 2.0, 10.0, 12.0]);
    assert_eq!(town.stored(GATEWAY).len(), 6);
}

#[test]
fn a_writer_that_is_limited_to_a_place_begins_nothing_elsewhere() {
    let place =
        Area { south_e7: 434_000_000, west_e7: -39_000_000, north_e7: 435_000_000, east_e7: -37_000_000 };
    let mut sensor = writer(Caveats { place: Some(place), ..Caveats::default() });
    for place in [None, Place::from_degrees(43.51, -3.80)] {
        let refused = write(&mut sensor, "a", place, 1.0).expect("refused");
        assert!(matches!(refused, PublishError::Elsewhere { .. }), "{refused}");
    }
    assert!(write(&mut sensor, "a", Place::from_degrees(43.46, -3.80), 1.0).is_none());
}

/// A visitor with a machine like many others of its: each begins a log of its own.
fn visitor(n: usize) -> Rig {
    let mut rig = rig(5, &[Right::Read], Config::default());
    // Another machine draws other randomness.
    (0..n).for_each(|_| rig.node.rng.fill_bytes(&mut [0; 1]));
    // It ends no key that is in use.
    let rotation = Rotation { since: START.saturating_add(-DAY_MS), ..Rotation::clone(&rig.node.rotation()) };
    let rotation = Identity::from_seed([5; 32]).sign(rotation);
    issue(&mut rig, ControlStream::Own, rotation);
    rig
}

/// How many logs are held of what peers say of themselves, and the logs that count.
fn said(rig: &Rig) -> (usize, Vec<LogId>) {
    let told = |log: &LogId| rig.node.gossip.held(&crate::node::logs::key_of(log)).map_or(0, |it| it.size);
    let counting = rig.node.frontier().map(|(log, ..)| log).filter(|log| told(log) > 0);
    (rig.node.sizes().said_logs, counting.collect())
}

#[test]
fn a_visitor_takes_no_room_from_the_logs_of_managers() {
    let few = || Config { logs_max: 20, ..Config::default() };
    let holder = || rig(3, &[Right::Relay, Right::Read], few());
    let manager = Identity::from_seed([9; 32]);
    let of_manager = grant(&manager, &[Right::Manage, Right::Read, Right::Relay], 30);
    let below = |n: u8| {
        let like = Grant::clone(&grant(&Identity::from_seed([n; 32]), &[Right::Read], 20));
        manager.sign(Grant { issuer: manager.peer(), parent: Some(of_manager.id()), ..like })
    };
    let mut boss = rig_with(9, vec![of_manager.clone()], Config::default(), MemoryDir::default());
    issue(&mut boss, ControlStream::Under(of_manager.id()), below(8));
    let writer = writer(Caveats::default());
    let mut town = Town::with([writer, holder(), boss]);
    town.rigs.extend((0..30).map(visitor));
    for machine in 3..33 {
        town.link(machine, GATEWAY);
        town.run(2);
        town.unlink_all();
    }
    assert!(said(&town.rigs[GATEWAY]).0 <= 10, "half of what it holds of others");
    town.link(2, GATEWAY);
    town.link(SENSOR, GATEWAY);
    assert!(write(&mut town.rigs[SENSOR], "a", None, 1.0).is_none());
    town.run(5);
    assert!(town.rigs[GATEWAY].node.authority().grant(&below(8).id()).is_some());
    assert_eq!(town.stored(GATEWAY), [1.0]);
}

#[test]
fn of_what_a_peer_says_of_itself_the_same_logs_count_wherever_they_came_first() {
    let logs = SAID_LOGS_HELD_MAX;
    let mut town = Town::with([sensor(), gateway(), rig(4, &[Right::Relay, Right::Read], Config::default())]);
    town.rigs.extend((0..logs).map(visitor));
    let mut ids: Vec<_> = town.rigs[3..].iter().flat_map(|rig| said(rig).1).collect();
    ids.sort_unstable();
    ids.truncate(SAID_LOGS_MAX.into());
    for machine in 0..logs {
        for (at, nth) in [(GATEWAY, machine), (LATE, logs - 1 - machine)] {
            town.link(3 + nth, at);
            town.run(2);
            town.unlink_all();
        }
    }
    town.link(GATEWAY, LATE);
    town.run(30);
    assert_eq!((&said(&town.rigs[GATEWAY]).1, &said(&town.rigs[LATE]).1), (&ids, &ids));
    let dir = town.rigs[GATEWAY].dir.clone();
    let papers = vec![grant(&Identity::from_seed([3; 32]), &[Right::Relay, Right::Read], 30)];
    let again = rig_with(3, papers, Config::default(), dir);
    assert_eq!(said(&again).1, ids, "after a restart");
}

#[test]
fn what_a_peer_says_of_itself_ends_somewhere() {
    let (visitor, mut gateway) = (Identity::from_seed([5; 32]), gateway());
    let mut rig = rig(5, &[Right::Read], Config::default());
    let record = ControlRecord::from(rig.node.rotation());
    let of = |rights: &[Right]| {
        let shown = grant(&visitor, rights, 30);
        let collection = CollectionPath::control();
        let header = LogHeader::new(manifest().space(), collection, "own", visitor.peer(), [7; 16]);
        let mut log = OwnLog::create(header.with_grants(&[shown]));
        for _ in 0..SAID_ENTRIES_MAX + 9 {
            let (now, salt) = (START, [0; msec_crdt_store::COMMITMENT_SALT_BYTES]);
            log.append_control(now, TimeQuality::Synchronised, salt, record.to_bytes()).expect("appended");
        }
        Run::from_bytes(&log.sign(&visitor, START).expect("a run").to_bytes()).expect("parses")
    };
    let mut taken = |run: Run| gateway.node.clip(visitor.peer(), run).map(|run| run.entries.len() as u64);
    assert_eq!(taken(of(&[Right::Read])), Some(SAID_ENTRIES_MAX));
    assert_eq!(taken(of(&[Right::Read, Right::Manage])), Some(SAID_ENTRIES_MAX + 10), "a manager's");
    // An honest peer stops before.
    let mut said = 0;
    loop {
        let stream = StreamSpec::new(".control", "own").expect("a stream");
        let content = Content::Control(Box::new(record.clone()));
        rig.handle(Input::Publish { ticket: Ticket(said), stream, content });
        rig.sync();
        if rig.acknowledged().contains(&(said, false)) {
            break;
        }
        said += 1;
    }
    assert_eq!(said, SAID_ENTRIES_MAX - 1, "beside the header");
}
