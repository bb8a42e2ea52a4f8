//! Leases: what a peer withholds that has not heard from an issuer for too long.

use msec_identity::{
    Beat, Class, Classified, ControlRecord, ControlStream, Cut, Cuts, LogId, Question, Revocation, Unverified,
};

use super::prefixes::Town;
use super::revoked::issue;
use super::*;
use crate::node::lease::Verdict;

const OWNER: usize = 0;
const SENSOR: usize = 1;
const GATEWAY: usize = 2;
const LATE: usize = 3;

/// The owner's own peer, a sensor that wants nothing, and two who relay and read. Nobody is linked.
fn town() -> Town {
    let owner = rig(1, &[Right::Relay, Right::Read, Right::Write, Right::Manage], Config::default());
    let wants_nothing =
        Config { contacts: vec![contact(3)], interest: Interest::none(), ..Config::default() };
    let reader = |seed| rig(seed, &[Right::Relay, Right::Read], Config::default());
    Town::with([owner, rig(2, &[Right::Write], wants_nothing), reader(3), reader(4)])
}

fn write(rig: &mut Rig, values: impl IntoIterator<Item = u64>) {
    for value in values {
        rig.publish(value, value as f64);
        rig.pass(WINDOW);
        rig.sync();
    }
}

fn classified(class: Class, number: u64) -> ControlRecord {
    let (space, issuer) = (manifest().space(), root().peer());
    let collection = "parks".parse().expect("a path");
    root().sign(Classified { space, issuer, collection, class, number }).into()
}

/// The gateway holds three readings of a class, has heard from the owner, and then from nobody for so long.
fn alone_for(class: Class, seconds: u64) -> Town {
    let mut town = town();
    issue(&mut town.rigs[OWNER], ControlStream::Root, classified(class, 1));
    write(&mut town.rigs[SENSOR], 1..=3);
    town.link(SENSOR, GATEWAY);
    town.link(GATEWAY, OWNER);
    town.run(20);
    assert_eq!(town.stored(GATEWAY), [1.0, 2.0, 3.0]);
    assert!(town.rigs[GATEWAY].node.withheld().is_empty());
    town.unlink_all();
    pass(&mut town, seconds);
    town.rigs.iter_mut().for_each(|rig| drop(rig.events()));
    town
}

fn pass(town: &mut Town, seconds: u64) {
    town.rigs.iter_mut().for_each(|rig| rig.pass(Duration::from_secs(seconds)));
}

fn said(rig: &mut Rig) -> Vec<(Class, Freshness)> {
    let said = |event| match event {
        Event::Lease { class, freshness } => Some((class, freshness)),
        _ => None,
    };
    rig.events().into_iter().filter_map(said).collect()
}

fn age(rig: &Rig, class: Class) -> Option<u64> {
    let view = rig.node.leases().into_iter().find(|view| view.class == class).expect("each has one");
    view.age.map(|age| age.as_secs())
}

#[test]
fn what_is_personal_is_given_within_the_lease_and_not_beyond_it() {
    for (seconds, given) in [(3_500, 3), (3_601, 0)] {
        let mut town = alone_for(Class::Personal, seconds);
        assert_eq!(town.rigs[GATEWAY].node.withheld().is_empty(), given > 0, "after {seconds} s");
        town.link(LATE, GATEWAY);
        town.run(30);
        assert_eq!(town.stored(LATE).len(), given, "after {seconds} s");
        // Whoever was let in at the door is not even told the names.
        let known = town.rigs[LATE].node.sizes().gossip.hearsay;
        assert!(given > 0 || known == 0, "{known} names");
    }
}

/// Whoever held some of it before knows its name.
#[test]
fn a_withheld_log_asked_by_name_tells_neither_size_nor_root() {
    let mut town = town();
    let mut open = Config::default();
    open.leases.set("personal=1h,open".parse().expect("a lease"));
    town.rigs[LATE] = rig(4, &[Right::Relay, Right::Read], open);
    issue(&mut town.rigs[OWNER], ControlStream::Root, classified(Class::Personal, 1));
    write(&mut town.rigs[SENSOR], 1..=2);
    for (a, b) in [(SENSOR, GATEWAY), (GATEWAY, OWNER), (LATE, GATEWAY)] {
        town.link(a, b);
    }
    town.run(20);
    assert_eq!(town.stored(LATE), [1.0, 2.0]);
    town.unlink_all();
    pass(&mut town, 3_601);
    write(&mut town.rigs[SENSOR], [3]);
    town.link(SENSOR, GATEWAY);
    town.run(10);
    town.unlink_all();
    assert!(!town.rigs[GATEWAY].node.withheld().is_empty());
    town.rigs[LATE].heard = Some(Vec::new());
    town.link(LATE, GATEWAY);
    town.run(60);
    let gateway = &town.rigs[GATEWAY].node;
    let data = gateway.frontier().find(|(log, ..)| !gateway.is_control_log(log)).expect("a log");
    assert_eq!(data.1, 4, "it holds all three, and the header");
    let heard = town.rigs[LATE].heard.take().expect("listens");
    assert!(!heard.is_empty());
    let tells = |bytes: &Vec<u8>| bytes.windows(32).any(|part| part == data.2);
    assert!(!heard.iter().any(tells));
    assert_eq!(town.stored(LATE), [1.0, 2.0]);
}

#[test]
fn what_moves_something_is_withheld_after_a_minute_and_what_is_public_never() {
    let town = alone_for(Class::Actuation, 61);
    assert!(!town.rigs[GATEWAY].node.withheld().is_empty());
    let mut town = alone_for(Class::Public, 50 * 3600);
    assert!(town.rigs[GATEWAY].node.withheld().is_empty());
    town.link(LATE, GATEWAY);
    town.run(20);
    assert_eq!(town.stored(LATE).len(), 3);
}

#[test]
fn what_comes_meanwhile_is_stored_and_shown_to_nobody_and_all_of_it_is_given_once_an_issuer_answers() {
    let mut town = alone_for(Class::Personal, 3_601);
    write(&mut town.rigs[SENSOR], 4..=5);
    town.link(SENSOR, GATEWAY);
    town.link(LATE, GATEWAY);
    town.run(20);
    assert_eq!((town.stored(GATEWAY).len(), town.stored(LATE).len()), (5, 0));
    assert!(town.rigs[GATEWAY].verified().is_empty());
    assert_eq!(town.rigs[GATEWAY].node.withheld().collections(), ["parks".parse().expect("a path")]);
    town.link(GATEWAY, OWNER);
    town.run(15);
    assert!(town.rigs[GATEWAY].node.withheld().is_empty() && town.rigs[LATE].node.withheld().is_empty());
    assert_eq!(town.stored(LATE), [1.0, 2.0, 3.0, 4.0, 5.0]);
    write(&mut town.rigs[SENSOR], [6]);
    town.run(1);
    assert_eq!(town.rigs[LATE].verified().last(), Some(&6.0));
}

/// Its own pushes travel, and what it writes itself is acknowledged and stored.
#[test]
fn who_wants_nothing_of_others_gives_what_it_wrote_and_an_owner_goes_on_writing() {
    let mut town = alone_for(Class::Personal, 3_601);
    assert!(town.rigs[SENSOR].node.withheld().is_empty(), "it holds nothing of others");
    town.rigs[GATEWAY].handle(Input::Timeout);
    write(&mut town.rigs[OWNER], [9]);
    assert_eq!(town.stored(OWNER).last(), Some(&9.0));
    assert!(town.rigs[OWNER].node.withheld().is_empty(), "an issuer is fresh by its own word");
}

/// Nobody above it has to be there, as nobody is where the root lies in a safe: its own right is what has to be renewed.
#[test]
fn a_manager_that_is_cut_off_withholds_once_its_own_right_has_ended() {
    let manages = grant(&Identity::from_seed([9; 32]), &[Right::Manage, Right::Relay, Right::Read], 2);
    let mut town = town();
    let boss = rig_with(9, vec![manages], Config::default(), MemoryDir::default());
    town.rigs[GATEWAY] = boss;
    issue(&mut town.rigs[OWNER], ControlStream::Root, classified(Class::Personal, 1));
    write(&mut town.rigs[SENSOR], 1..=3);
    town.link(SENSOR, GATEWAY);
    town.link(GATEWAY, OWNER);
    town.run(20);
    town.unlink_all();
    for hours in [2, 24, 20] {
        pass(&mut town, hours * 3_600);
        assert!(town.rigs[GATEWAY].node.withheld().is_empty(), "by its own word");
    }
    pass(&mut town, 3 * 3_600);
    assert!(!town.rigs[GATEWAY].node.withheld().is_empty());
    town.link(LATE, GATEWAY);
    town.run(20);
    assert!(town.stored(LATE).is_empty());
}

#[test]
fn a_restart_is_stale_until_an_issuer_answers() {
    let mut town = alone_for(Class::Personal, 10);
    let papers = vec![grant(&Identity::from_seed([3; 32]), &[Right::Relay, Right::Read], 30)];
    let dir = town.rigs[GATEWAY].dir.clone();
    let reader = Config { contacts: vec![contact(1)], ..Config::default() };
    town.rigs[GATEWAY] = rig_with(3, papers, reader, dir);
    town.link(LATE, GATEWAY);
    town.run(20);
    assert_eq!((town.stored(GATEWAY).len(), town.stored(LATE).len()), (3, 0));
    assert_eq!(age(&town.rigs[GATEWAY], Class::Personal), None, "unknown age is stale");
    town.link(GATEWAY, OWNER);
    town.run(15);
    assert_eq!(town.stored(LATE).len(), 3);
}

#[test]
fn a_gateway_that_is_cut_off_refuses_a_reader_whose_rights_are_over_once_its_lease_is() {
    let mut town = alone_for(Class::Actuation, 61);
    let reader = grant(&Identity::from_seed([4; 32]), &[Right::Relay, Right::Read], 30);
    let (space, issuer) = (manifest().space(), root().peer());
    let revoked = Revocation {
        space,
        issuer,
        grant: reader.id(),
        cuts: Cuts::default(),
        at: START,
        reason: "lost".parse().expect("a reason"),
    };
    issue(&mut town.rigs[OWNER], ControlStream::Root, root().sign(revoked));
    town.link(LATE, GATEWAY);
    town.run(60);
    assert!(town.stored(LATE).is_empty(), "the gateway has not heard of it, and gives nothing all the same");
}

#[test]
fn a_class_that_is_said_later_is_withheld_by_whoever_hears_of_it_and_given_again_when_it_is_taken_back() {
    let mut town = alone_for(Class::Public, 10);
    issue(&mut town.rigs[OWNER], ControlStream::Root, classified(Class::Actuation, 2));
    town.link(GATEWAY, OWNER);
    town.run(2);
    assert_eq!(town.rigs[GATEWAY].node.leases()[2].collections.len(), 1);
    town.unlink_all();
    pass(&mut town, 61);
    assert!(!town.rigs[GATEWAY].node.withheld().is_empty());
    issue(&mut town.rigs[OWNER], ControlStream::Root, classified(Class::Public, 3));
    town.link(GATEWAY, OWNER);
    town.run(5);
    town.unlink_all();
    pass(&mut town, 3_601);
    assert!(town.rigs[GATEWAY].node.withheld().is_empty());
}

#[test]
fn staleness_is_said_once_and_its_end_once() {
    let mut town = alone_for(Class::Personal, 3_601);
    assert_eq!(said(&mut town.rigs[GATEWAY]), [], "it was said already, and read");
    let mut town = alone_for(Class::Personal, 3_000);
    for _ in 0..20 {
        pass(&mut town, 100);
    }
    assert_eq!(said(&mut town.rigs[GATEWAY]), [(Class::Personal, Freshness::Closed)]);
    town.link(GATEWAY, OWNER);
    town.run(10);
    assert_eq!(said(&mut town.rigs[GATEWAY]), [(Class::Personal, Freshness::Fresh)]);
    town.unlink_all();
    for _ in 0..40 {
        pass(&mut town, 3_600);
    }
    let said = said(&mut town.rigs[GATEWAY]);
    assert_eq!(said, [(Class::Personal, Freshness::Closed), (Class::Public, Freshness::Open)]);
}

#[test]
fn the_wall_clock_may_jump_and_nothing_becomes_fresher_or_staler_by_that() {
    for days in [-20, 20] {
        let mut town = alone_for(Class::Personal, 3_000);
        let rig = &mut town.rigs[GATEWAY];
        rig.wall = rig.wall.saturating_add(days * DAY_MS);
        rig.handle(Input::Timeout);
        assert!(rig.node.withheld().is_empty());
        assert!((3_000..3_030).contains(&age(rig, Class::Personal).expect("known")));
        rig.pass(Duration::from_secs(601));
        assert!(!rig.node.withheld().is_empty());
        rig.wall = rig.wall.saturating_add(-days * DAY_MS);
        rig.handle(Input::Timeout);
        assert!(!rig.node.withheld().is_empty());
    }
}

#[test]
fn who_takes_the_clock_back_to_before_all_grants_is_not_shown_more() {
    let mut town = alone_for(Class::Personal, 3_601);
    let rig = &mut town.rigs[GATEWAY];
    rig.wall = UnixMillis(0);
    rig.handle(Input::Timeout);
    assert!(!rig.node.withheld().is_empty());
}

fn beat(signer: &Identity, beat: Beat) -> Unverified<Beat> {
    signer.sign(beat).into()
}

fn said_by(issuer: &Identity) -> Beat {
    let (space, issuer) = (manifest().space(), issuer.peer());
    Beat { space, issuer, of: Question([0; 32]), logs: Cuts::default(), at: START }
}

/// The gateway hears that, in answer to a nonce that it draws now.
fn hear(rig: &mut Rig, beat: Unverified<Beat>) -> Verdict {
    let now = rig.mono;
    rig.node.now.mono = now;
    let verdict = rig.node.check_beat(now, beat);
    rig.handle(Input::Timeout);
    verdict
}

#[test]
fn a_beat_of_somebody_who_issues_nothing_of_another_space_or_forged_makes_nothing_fresh() {
    let mut town = alone_for(Class::Personal, 3_601);
    let rig = &mut town.rigs[GATEWAY];
    let (root, reader) = (root(), Identity::from_seed([4; 32]));
    assert_eq!(hear(rig, beat(&reader, said_by(&reader))), Verdict::Idle);
    assert_eq!(hear(rig, beat(&reader, said_by(&root))), Verdict::Forged);
    let elsewhere = Beat { space: msec_identity::SpaceId([1; 32]), ..said_by(&root) };
    assert_eq!(hear(rig, beat(&root, elsewhere)), Verdict::Forged);
    let cut = |n: u8| Cut { log: LogId([n; 32]), size: 0, root: [0; 32] };
    let long = Beat { logs: Cuts::new((0..33).map(cut)).expect("cuts"), ..said_by(&root) };
    assert_eq!(hear(rig, beat(&root, long)), Verdict::Forged);
    assert!(!rig.node.withheld().is_empty());
    assert_eq!(hear(rig, beat(&root, said_by(&root))), Verdict::Counts);
    assert!(rig.node.withheld().is_empty());
}

#[test]
fn a_beat_makes_nothing_fresh_before_all_is_held_that_its_issuer_had_said() {
    let mut town = alone_for(Class::Personal, 3_601);
    let rig = &mut town.rigs[GATEWAY];
    let (log, size, of_log) =
        rig.node.frontier().find(|(log, ..)| rig.node.is_control_log(log)).expect("held");
    let named = |size, root| {
        let cut = Cut { log, size, root };
        Beat { logs: Cuts::new([cut]).expect("a cut"), ..said_by(&super::root()) }
    };
    assert_eq!(hear(rig, beat(&root(), named(size + 1, [1; 32]))), Verdict::Counts);
    assert!(!rig.node.withheld().is_empty(), "an entry lacks");
    assert_eq!(hear(rig, beat(&root(), named(size, [1; 32]))), Verdict::Counts);
    assert!(!rig.node.withheld().is_empty(), "another history is held");
    rig.pass(Duration::from_secs(1));
    assert_eq!(hear(rig, beat(&root(), named(size, of_log))), Verdict::Counts);
    assert!(rig.node.withheld().is_empty());
}

#[test]
fn a_beat_of_a_manager_counts_where_it_manages_and_not_after_its_end() {
    let manager = Identity::from_seed([9; 32]);
    let elsewhere = Grant {
        resource: "harbour".parse().expect("a path"),
        ..Grant::clone(&grant(&manager, &[Right::Manage], 30))
    };
    let here = grant(&manager, &[Right::Manage], 30);
    let mut town = alone_for(Class::Personal, 3_601);
    let rig = &mut town.rigs[GATEWAY];
    assert_eq!(hear(rig, beat(&manager, said_by(&manager))), Verdict::Idle);
    let learn = |rig: &mut Rig, record: ControlRecord| {
        let change = rig.node.authority.learn(record).expect("signed");
        rig.node.rights_changed(&change);
        rig.handle(Input::Timeout);
    };
    learn(rig, root().sign(elsewhere).into());
    assert_eq!(hear(rig, beat(&manager, said_by(&manager))), Verdict::Counts);
    assert!(!rig.node.withheld().is_empty(), "it is no issuer over this");
    learn(rig, here.clone().into());
    assert!(rig.node.withheld().is_empty(), "what it said counts from when its grant is known");
    let (space, issuer) = (manifest().space(), root().peer());
    let revoked = Revocation {
        space,
        issuer,
        grant: here.id(),
        cuts: Cuts::default(),
        at: START,
        reason: "left".parse().expect("a reason"),
    };
    learn(rig, root().sign(revoked).into());
    assert!(!rig.node.withheld().is_empty(), "and not after its end");
}

#[test]
fn a_city_that_fails_closed_for_what_is_public_gives_only_what_is_the_meshs_own() {
    let mut config = Config::default();
    config.leases.public = Lease { max_age: Duration::from_secs(60), closed: true };
    let mut town = town();
    town.rigs[GATEWAY] = rig(3, &[Right::Relay, Right::Read], config);
    write(&mut town.rigs[SENSOR], 1..=3);
    issue(&mut town.rigs[OWNER], ControlStream::Root, classified(Class::Public, 1));
    town.link(SENSOR, GATEWAY);
    town.link(GATEWAY, OWNER);
    town.run(20);
    town.unlink_all();
    pass(&mut town, 61);
    let withheld = town.rigs[GATEWAY].node.withheld().clone();
    assert_eq!(withheld.collections(), [CollectionPath::everything()]);
    assert!(
        !withheld.covers(&CollectionPath::control()) && withheld.covers(&"parks".parse().expect("a path"))
    );
    town.link(LATE, GATEWAY);
    town.run(20);
    let late = &town.rigs[LATE].node;
    assert!(late.frontier().all(|(log, ..)| late.is_control_log(&log)) && late.frontier().count() > 0);
}

/// A manager lets nobody in at first: nobody but its neighbour has heard of its grant.
#[test]
fn a_manager_answers_once_it_has_entered_something_so_that_all_know_by_what_right() {
    let all = [Right::Manage, Right::Write, Right::Read, Right::Relay];
    let manager = Identity::from_seed([9; 32]);
    let of_manager = root().sign(Grant { depth: 1, ..Grant::clone(&grant(&manager, &all, 30)) });
    let mut town = town();
    town.rigs.push(rig_with(9, vec![of_manager.clone()], Config::default(), MemoryDir::default()));
    let boss = 4;
    town.link(boss, GATEWAY);
    town.link(GATEWAY, LATE);
    town.run(20);
    assert_eq!(age(&town.rigs[LATE], Class::Public), None);
    let like = grant(&Identity::from_seed([7; 32]), &[Right::Read], 20);
    let below = Grant { issuer: manager.peer(), parent: Some(of_manager.id()), ..Grant::clone(&like) };
    issue(&mut town.rigs[boss], ControlStream::Under(of_manager.id()), manager.sign(below));
    town.run(20);
    // The public lease is that of what the grants allow, the parks: the manager stands over them.
    assert!(age(&town.rigs[LATE], Class::Public).is_some_and(|age| age < 20));
}
