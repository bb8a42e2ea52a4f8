//! Rights that end: what a writer, its readers and those in between do then.

use msec_crdt_store::{CompactRange, Run};
use msec_identity::{
    ControlRecord, ControlStream, Cut, Cuts, GrantId, Record, Restoration, Revocation, Succession, Verified,
};

use super::prefixes::Town;
use super::*;

const OWNER: usize = 0;
const SENSOR: usize = 1;
/// Two who relay and read.
const GATEWAY: usize = 2;
const LATE: usize = 3;

/// The owner's own peer, a sensor, and two who hold what it writes. Nobody is linked.
fn town() -> Town {
    let owner = rig(1, &[Right::Relay, Right::Read, Right::Write, Right::Manage], Config::default());
    let reader = |seed| rig(seed, &[Right::Relay, Right::Read], Config::default());
    Town::with([owner, sensor(), reader(3), reader(4)])
}

/// The one grant of the sensor.
fn grant_of_sensor() -> GrantId {
    grant(&Identity::from_seed([2; 32]), &[Right::Write], 30).id()
}

fn write(rig: &mut Rig, values: impl IntoIterator<Item = u64>) {
    for value in values {
        rig.publish(value, value as f64);
        rig.pass(WINDOW);
        rig.sync();
    }
}

/// Where the only log of data that a peer holds would be cut at so many entries.
fn cut_at(rig: &Rig, size: u64) -> Cut {
    let mut logs = rig.node.frontier().map(|(log, ..)| log).filter(|log| !rig.node.is_control_log(log));
    let log = logs.next().expect("a log");
    let chunk = rig.store.read(&log, 0, 1 << 20).expect("read").expect("held");
    let run = Run::from_bytes(&chunk.bytes).expect("parses").up_to(size).expect("entries");
    let mut tree = CompactRange::empty(0);
    run.entries.iter().for_each(|entry| tree.push(entry.leaf()));
    Cut { log, size, root: tree.root() }
}

fn revocation(grant: GrantId, cuts: impl IntoIterator<Item = Cut>) -> Verified<Revocation> {
    root().sign(Revocation {
        space: manifest().space(),
        issuer: root().peer(),
        grant,
        cuts: Cuts::new(cuts).expect("cuts"),
        at: START,
        reason: "lost".parse().expect("a reason"),
    })
}

/// Says that in a control log.
pub(super) fn issue(rig: &mut Rig, under: ControlStream, record: impl Into<ControlRecord>) {
    let stream = StreamSpec::new(".control", &under.to_string()).expect("a stream");
    let content = Content::Control(Box::new(record.into()));
    rig.handle(Input::Publish { ticket: Ticket(900), stream, content });
    rig.pass(WINDOW);
    rig.sync();
    assert_eq!(rig.acknowledged(), [(900, true)]);
}

/// Whether two that have settled compare equal: then neither looks where they differ.
fn agree(town: &mut Town, a: usize, b: usize) -> bool {
    let looked = |town: &Town| {
        let stats = [a, b].map(|n| town.rigs[n].node.gossip_stats());
        stats.map(|it| it.summarised + it.coded + it.listed + it.wanted)
    };
    let before = looked(town);
    town.run(70);
    before == looked(town)
}

#[test]
fn what_a_revoked_writer_wrote_beyond_the_cut_is_shown_to_nobody_and_given_to_nobody() {
    let mut town = town();
    write(&mut town.rigs[SENSOR], 1..=5);
    town.link(SENSOR, GATEWAY);
    town.link(GATEWAY, OWNER);
    town.run(20);
    assert_eq!((town.stored(GATEWAY).len(), town.stored(OWNER).len()), (5, 5));
    let revoked = revocation(grant_of_sensor(), [cut_at(&town.rigs[OWNER], 4)]);
    issue(&mut town.rigs[OWNER], ControlStream::Root, revoked);
    town.run(1);
    for peer in [GATEWAY, OWNER] {
        assert_eq!(town.stored(peer), [1.0, 2.0, 3.0]);
    }
    assert_eq!(town.rigs[GATEWAY].closes(), [CloseReason::Expired], "it is let go");
    // Whoever comes later is given what counts, and all three are equal.
    town.link(LATE, GATEWAY);
    town.run(20);
    assert_eq!(town.stored(LATE), [1.0, 2.0, 3.0]);
    assert!(agree(&mut town, LATE, GATEWAY) && agree(&mut town, GATEWAY, OWNER));
    // The sensor is refused, and what it goes on to write stays with it.
    town.unlink_all();
    write(&mut town.rigs[SENSOR], [6]);
    town.rigs[GATEWAY].closes();
    town.link(SENSOR, GATEWAY);
    town.run(1);
    assert_eq!(town.rigs[GATEWAY].closes(), [CloseReason::Refused(Refusal::Stranger)]);
    assert_eq!(town.stored(GATEWAY), [1.0, 2.0, 3.0]);
}

/// The disk answers in the moment after the revocation came.
#[test]
fn what_was_asked_of_the_disk_before_a_revocation_came_is_given_to_nobody_after_it() {
    for right_of in [2, 4] {
        let (mut sensor, mut gateway) = (sensor(), gateway());
        connect(&mut sensor, &mut gateway, 0);
        write(&mut sensor, 1..=4);
        exchange(&mut sensor, &mut gateway, 0);
        gateway.pass(WINDOW);
        gateway.sync();
        let mut late = rig(4, &[Right::Relay, Right::Read], Config::default());
        connect(&mut late, &mut gateway, 1);
        while !gateway.outputs.iter().any(|output| matches!(output, Output::Read { .. })) {
            late.pass(Duration::from_millis(500));
            gateway.pass(Duration::from_millis(500));
            exchange(&mut late, &mut gateway, 1);
        }
        let rights: &[Right] = if right_of == 2 { &[Right::Write] } else { &[Right::Relay, Right::Read] };
        let over = grant(&Identity::from_seed([right_of; 32]), rights, 30).id();
        let cuts = (right_of == 2).then(|| cut_at(&sensor, 2));
        let change = gateway.node.authority.learn(revocation(over, cuts).into()).expect("signed");
        gateway.node.rights_changed(&change);
        answer_reads(&mut gateway);
        exchange(&mut late, &mut gateway, 1);
        assert_eq!(late.verified(), [0.0; 0], "whose right was over: {right_of}");
    }
}

#[test]
fn of_a_log_that_no_revocation_names_nothing_counts_and_it_is_as_if_it_had_never_been_held() {
    let mut town = town();
    write(&mut town.rigs[SENSOR], 1..=3);
    town.link(SENSOR, GATEWAY);
    town.run(10);
    town.unlink_all();
    issue(&mut town.rigs[OWNER], ControlStream::Root, revocation(grant_of_sensor(), []));
    // The owner never held it, the gateway did.
    town.link(GATEWAY, OWNER);
    town.run(20);
    assert_eq!((town.stored(GATEWAY), town.stored(OWNER)), (vec![], vec![]));
    town.link(LATE, GATEWAY);
    town.run(20);
    let late = &town.rigs[LATE].node;
    assert_eq!(late.frontier().filter(|(log, ..)| !late.is_control_log(log)).count(), 0);
    assert!(agree(&mut town, GATEWAY, OWNER) && agree(&mut town, LATE, GATEWAY));
}

#[test]
fn a_restart_forgets_no_revocation() {
    let mut town = town();
    write(&mut town.rigs[SENSOR], 1..=3);
    town.link(SENSOR, GATEWAY);
    town.link(GATEWAY, OWNER);
    town.run(20);
    let revoked = revocation(grant_of_sensor(), [cut_at(&town.rigs[OWNER], 3)]);
    issue(&mut town.rigs[OWNER], ControlStream::Root, revoked);
    town.run(1);
    town.unlink_all();
    let papers = vec![grant(&Identity::from_seed([3; 32]), &[Right::Relay, Right::Read], 30)];
    let dir = town.rigs[GATEWAY].dir.clone();
    town.rigs[GATEWAY] = rig_with(3, papers, Config::default(), dir);
    town.run(1);
    assert_eq!(town.stored(GATEWAY), [1.0, 2.0]);
    town.link(SENSOR, GATEWAY);
    town.run(1);
    assert_eq!(town.rigs[GATEWAY].closes(), [CloseReason::Refused(Refusal::Stranger)]);
    town.link(LATE, GATEWAY);
    town.run(20);
    assert_eq!(town.stored(LATE), [1.0, 2.0]);
    assert!(agree(&mut town, LATE, GATEWAY));
}

/// What a new root says counts by the word of the old ones, in whatever order the store tells of it.
#[test]
fn a_restart_knows_the_managers_that_a_later_root_let_in() {
    let (later, manager) = (Identity::from_seed([8; 32]), Identity::from_seed([9; 32]));
    let like = Grant::clone(&grant(&manager, &[Right::Manage, Right::Read, Right::Relay], 30));
    let of_manager = later.sign(Grant { issuer: later.peer(), depth: 1, ..like });
    let succession = root().sign(Succession {
        space: manifest().space(),
        issuer: root().peer(),
        previous: manifest().space().0,
        serial: 1,
        roots: vec![root().peer(), later.peer()],
        threshold: 1,
        cuts: Cuts::default(),
        at: START,
    });
    let mut town = town();
    town.rigs.push(rig_with(9, vec![of_manager.clone()], Config::default(), MemoryDir::default()));
    let boss = 4;
    // It came with its invitation.
    let change = town.rigs[boss].node.authority.learn(succession.clone().into()).expect("signed");
    town.rigs[boss].node.rights_changed(&change);
    issue(&mut town.rigs[OWNER], ControlStream::Root, succession);
    town.link(OWNER, GATEWAY);
    town.run(5);
    town.link(boss, GATEWAY);
    town.run(20);
    issue(&mut town.rigs[boss], ControlStream::Under(of_manager.id()), revocation_of_nothing(&manager));
    town.run(20);
    let gateway = &town.rigs[GATEWAY].node;
    assert_eq!(gateway.frontier().filter(|(log, ..)| gateway.is_control_log(log)).count(), 2);
    assert!(gateway.authority().stands(&of_manager.id()));
    town.unlink_all();
    let papers = vec![grant(&Identity::from_seed([3; 32]), &[Right::Relay, Right::Read], 30)];
    let dir = town.rigs[GATEWAY].dir.clone();
    let gateway = rig_with(3, papers, Config::default(), dir);
    assert!(gateway.node.authority().stands(&of_manager.id()));
}

/// Some entry for a control log.
fn revocation_of_nothing(issuer: &Identity) -> Verified<Revocation> {
    let nothing = revocation(GrantId([7; 32]), []);
    issuer.sign(Revocation { issuer: issuer.peer(), ..Revocation::clone(&nothing) })
}

/// Backdated or not: what comes after the cut is not taken, whoever brings it.
#[test]
fn who_knows_of_a_revocation_takes_no_more_from_who_does_not() {
    let mut town = town();
    write(&mut town.rigs[SENSOR], 1..=2);
    town.link(SENSOR, OWNER);
    town.run(10);
    town.unlink_all();
    let revoked = revocation(grant_of_sensor(), [cut_at(&town.rigs[OWNER], 2)]);
    issue(&mut town.rigs[OWNER], ControlStream::Root, revoked);
    town.link(OWNER, GATEWAY);
    town.run(20);
    town.unlink_all();
    write(&mut town.rigs[SENSOR], 3..=4);
    town.link(SENSOR, LATE);
    town.run(10);
    assert_eq!(town.stored(LATE).len(), 4);
    town.unlink_all();
    town.link(LATE, GATEWAY);
    town.run(20);
    assert_eq!((town.stored(LATE), town.stored(GATEWAY)), (vec![1.0], vec![1.0]));
    assert!(agree(&mut town, LATE, GATEWAY));
}

#[test]
fn what_a_restoration_names_comes_back_and_is_fetched_by_who_lacks_it() {
    let mut town = town();
    write(&mut town.rigs[SENSOR], 1..=4);
    town.link(SENSOR, GATEWAY);
    town.run(10);
    town.unlink_all();
    let revoked = revocation(grant_of_sensor(), []);
    let restored = root().sign(Restoration {
        space: manifest().space(),
        issuer: root().peer(),
        revocation: revoked.hash(),
        cuts: Cuts::new([cut_at(&town.rigs[GATEWAY], 3)]).expect("cuts"),
        at: START,
    });
    issue(&mut town.rigs[OWNER], ControlStream::Root, revoked);
    town.link(GATEWAY, OWNER);
    town.run(20);
    assert_eq!((town.stored(GATEWAY), town.stored(OWNER)), (vec![], vec![]));
    issue(&mut town.rigs[OWNER], ControlStream::Root, restored);
    town.run(40);
    assert_eq!((town.stored(GATEWAY), town.stored(OWNER)), (vec![1.0, 2.0], vec![1.0, 2.0]));
    assert!(agree(&mut town, GATEWAY, OWNER));
}

#[test]
fn a_revoked_peer_writes_nothing_and_with_a_new_grant_it_goes_on_in_another_log() {
    let mut town = town();
    write(&mut town.rigs[SENSOR], 1..=2);
    town.link(SENSOR, OWNER);
    town.run(10);
    town.unlink_all();
    let revoked = revocation(grant_of_sensor(), [cut_at(&town.rigs[OWNER], 3)]);
    let again = grant(&Identity::from_seed([2; 32]), &[Right::Write], 31);
    let sensor = &mut town.rigs[SENSOR];
    // It hears of it from a file that somebody carries, say.
    let learn = |sensor: &mut Rig, record: ControlRecord| {
        let change = sensor.node.authority.learn(record).expect("signed");
        sensor.node.rights_changed(&change);
        sensor.sync();
    };
    learn(sensor, revoked.clone().into());
    sensor.publish(7, 3.0);
    assert!(sensor.acknowledged().contains(&(7, false)));
    learn(sensor, again.into());
    write(sensor, [3]);
    assert_eq!(sensor.node.frontier().count(), 2, "another log");
    issue(&mut town.rigs[OWNER], ControlStream::Root, revoked);
    town.link(SENSOR, OWNER);
    town.run(20);
    assert_eq!(town.stored(OWNER), [1.0, 2.0, 3.0]);
    assert!(agree(&mut town, SENSOR, OWNER));
}

/// The store is asked before it has what waits for it, and has nothing to object.
#[test]
fn another_history_that_was_on_its_way_to_the_disk_is_not_told_of() {
    for is_meant in [true, false] {
        let (mut sensor, mut gateway) = (sensor(), gateway());
        connect(&mut sensor, &mut gateway, 0);
        write(&mut sensor, 1..=3);
        exchange(&mut sensor, &mut gateway, 0);
        let mut cut = cut_at(&sensor, 3);
        if !is_meant {
            cut.root = [7; 32];
        }
        let change = gateway.node.authority.learn(revocation(grant_of_sensor(), [cut]).into());
        gateway.node.rights_changed(&change.expect("signed"));
        let told =
            |rig: &Rig| rig.node.gossip.held(&crate::node::logs::key_of(&cut.log)).map(|held| held.size);
        for _ in 0..2 {
            gateway.outputs.extend(std::iter::from_fn(|| gateway.node.poll_output()));
            gateway.sync();
            assert_eq!(told(&gateway), Some(0), "nobody knows yet");
        }
        gateway.pass(WINDOW);
        gateway.sync();
        gateway.sync();
        assert_eq!(told(&gateway), Some(if is_meant { 3 } else { 0 }));
    }
}

#[test]
fn apps_write_nothing_in_the_meshs_own_collections_and_only_managers_say_who_may() {
    let mut sensor = sensor();
    let stream = |name: &str| StreamSpec::new(name, "root").expect("a stream");
    let reading = || Content::Readings(vec![Reading::new(START, 1.0)]);
    let record = || Content::Control(Box::new(revocation(grant_of_sensor(), []).into()));
    let tries =
        [(".control", reading()), (".other/x", reading()), (".control", record()), ("parks", record())];
    for (name, content) in tries {
        sensor.handle(Input::Publish { ticket: Ticket(1), stream: stream(name), content });
        assert_eq!(sensor.acknowledged(), [(1, false)], "{name}");
    }
    assert_eq!(sensor.node.frontier().count(), 0);
}

/// A sensor that a manager let in, of whom nobody else has heard before.
#[test]
fn a_chain_is_shown_and_what_its_manager_entered_outlives_the_manager() {
    let all = [Right::Manage, Right::Write, Right::Read, Right::Relay];
    let manager = Identity::from_seed([9; 32]);
    let of_manager = root().sign(Grant { depth: 1, ..Grant::clone(&grant(&manager, &all, 30)) });
    let below = |holder: u8| {
        let like = grant(&Identity::from_seed([holder; 32]), &[Right::Write], 20);
        let parent = Some(of_manager.id());
        manager.sign(Grant { issuer: manager.peer(), parent, ..Grant::clone(&like) })
    };
    let (first, second) = (below(5), below(6));
    let config = || Config { contacts: vec![contact(3)], ..Config::default() };
    let started = |seed: u8, own: &Verified<Grant>| {
        let papers = vec![of_manager.clone(), own.clone()];
        let mut it = rig_with(seed, papers, config(), MemoryDir::default());
        write(&mut it, [seed.into()]);
        it
    };
    let mut town = town();
    town.rigs.push(rig_with(9, vec![of_manager.clone()], Config::default(), MemoryDir::default()));
    town.rigs.extend([started(5, &first), started(6, &second)]);
    let [boss, one, two] = [4, 5, 6];
    issue(&mut town.rigs[boss], ControlStream::Under(of_manager.id()), first);
    for peer in [boss, one, two, OWNER] {
        town.link(peer, GATEWAY);
    }
    town.run(20);
    assert_eq!(town.stored(OWNER).len(), 2);
    // The manager goes, with its control log up to the first grant.
    let owner = &town.rigs[OWNER].node;
    let control: Vec<_> = owner.frontier().filter(|(log, ..)| owner.is_control_log(log)).collect();
    let [(log, size, root)] = control[..] else { panic!("{control:?}") };
    let revoked = revocation(of_manager.id(), [Cut { log, size, root }]);
    issue(&mut town.rigs[OWNER], ControlStream::Root, revoked);
    town.run(1);
    assert_eq!(town.stored(OWNER), [5.0], "the second was entered nowhere");
    assert_eq!(town.stored(GATEWAY), [5.0]);
    write(&mut town.rigs[one], [50]);
    town.run(2);
    assert_eq!(town.stored(GATEWAY), [5.0, 50.0], "the first goes on");
    assert!(agree(&mut town, GATEWAY, OWNER));
}

/// Its manager writes it on a second machine. Who revokes the manager has seen the first one's log only.
#[test]
fn a_revocation_in_a_control_log_that_is_first_seen_after_its_managers_end_binds() {
    let manager = Identity::from_seed([9; 32]);
    let all = [Right::Manage, Right::Read, Right::Relay];
    let of_manager = root().sign(Grant { depth: 1, ..Grant::clone(&grant(&manager, &all, 30)) });
    let under = ControlStream::Under(of_manager.id());
    let like = Grant::clone(&grant(&Identity::from_seed([5; 32]), &[Right::Read], 20));
    let of_thief = manager.sign(Grant { issuer: manager.peer(), parent: Some(of_manager.id()), ..like });
    let machine = |n: u8| {
        let mut rig = rig_with(9, vec![of_manager.clone()], Config::default(), MemoryDir::default());
        // Another machine draws other randomness.
        (0..n).for_each(|_| rig.node.rng.fill_bytes(&mut [0; 1]));
        rig
    };
    let mut town = town();
    town.rigs.extend([machine(1), machine(2)]);
    let (first, second) = (4, 5);
    let is_out = |town: &Town, peer: usize| {
        let authority = town.rigs[peer].node.authority();
        authority.stands(&of_thief.id()) && authority.is_revoked(&of_thief.id())
    };
    issue(&mut town.rigs[first], under, of_thief.clone());
    town.link(first, OWNER);
    town.run(10);
    let owner = &town.rigs[OWNER].node;
    let control: Vec<_> = owner.frontier().filter(|(log, ..)| owner.is_control_log(log)).collect();
    let [(log, size, root)] = control[..] else { panic!("{control:?}") };
    let nothing = revocation(of_thief.id(), []);
    let out = manager.sign(Revocation { issuer: manager.peer(), ..Revocation::clone(&nothing) });
    issue(&mut town.rigs[second], under, out);
    town.link(second, GATEWAY);
    town.run(10);
    town.unlink_all();
    let ended = revocation(of_manager.id(), [Cut { log, size, root }]);
    issue(&mut town.rigs[OWNER], ControlStream::Root, ended);
    town.link(OWNER, LATE);
    town.run(10);
    assert!(!is_out(&town, OWNER) && !is_out(&town, LATE), "neither has heard of it");
    town.link(GATEWAY, LATE);
    town.run(20);
    for peer in [OWNER, GATEWAY, LATE] {
        assert!(is_out(&town, peer), "{peer}");
    }
    assert!(agree(&mut town, GATEWAY, LATE) && agree(&mut town, LATE, OWNER));
}
