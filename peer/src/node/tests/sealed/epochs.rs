//! When epochs begin, who makes them, and what each reader gets.

use std::collections::BTreeSet;

use super::*;

/// The deputy's grant.
fn of_deputy() -> GrantId {
    grant(&Identity::from_seed([5; 32]), &[Right::Relay, Right::Read, Right::Manage], 30).id()
}

#[test]
fn a_revoked_reader_reads_nothing_of_the_epoch_that_begins_then() {
    let mut town = sealed_town();
    write(&mut town.rigs[SENSOR], 1.0);
    town.run(5);
    assert_eq!(read(&town.rigs[READER]), [1.0]);
    let first = head(&town.rigs[READER]).0;
    // It has the old epoch, and a copy of all that follows: it is linked with a relay that has not heard yet.
    let of_reader = grant(&Identity::from_seed([4; 32]), &[Right::Read], 30).id();
    issue(&mut town.rigs[OWNER], ControlStream::Root, revoke(of_reader));
    town.run(5);
    let (second, number) = head(&town.rigs[SENSOR]);
    assert_eq!((number, second == first), (1, false), "it began at once");
    write(&mut town.rigs[SENSOR], 2.0);
    town.run(5);
    assert_eq!(read(&town.rigs[DEPUTY]), [1.0, 2.0]);
    // Even with all that others hold on its disk.
    let stolen = town.rigs[RELAY].store.queries().unsealing(Arc::new(town.rigs[READER].node.keys()));
    let values: Vec<_> =
        stolen.query(&Query::default()).expect("answers").iter().map(|row| row.reading.value).collect();
    assert_eq!(values, [1.0]);
    let reader = Identity::from_seed([4; 32]).peer();
    let for_reader = |of: EpochId| {
        let all = wraps(&town.rigs[RELAY]);
        all.iter().flat_map(Wraps::of_epoch).filter(|it| it.epoch() == of && it.holder() == reader).count()
    };
    assert_eq!((for_reader(first), for_reader(second)), (1, 0));
}

#[test]
fn who_comes_later_reads_what_its_grant_covers_and_nothing_older() {
    let mut town = sealed_town();
    write(&mut town.rigs[SENSOR], 1.0);
    town.run(5);
    // Its grant begins now.
    let now = town.rigs[RELAY].wall;
    let late = grant_from(8, &[Right::Read], now);
    town.rigs.push(rig_with(8, vec![late.clone()], near_relay(), MemoryDir::default()));
    town.rigs[5].wall = now;
    issue(&mut town.rigs[OWNER], ControlStream::Root, late);
    town.link(5, RELAY);
    town.run(20);
    assert_eq!(head(&town.rigs[OWNER]).1, 0, "the first epoch is no minute old");
    let waiting = town.rigs[OWNER].node.sealed_view()[0].waiting.clone();
    assert_eq!(waiting, [(Identity::from_seed([8; 32]).peer(), Waits::Epoch)]);
    write(&mut town.rigs[SENSOR], 2.0);
    town.run(60);
    assert_eq!(head(&town.rigs[OWNER]).1, 1, "one for all who wait");
    write(&mut town.rigs[SENSOR], 3.0);
    town.run(5);
    assert_eq!(read(&town.rigs[5]), [3.0], "it holds the rest, and does not read it");
    assert_eq!(read(&town.rigs[READER]), [1.0, 2.0, 3.0]);
    town.run(120);
    assert_eq!(head(&town.rigs[OWNER]).1, 1, "nobody waits any more");
}

#[test]
fn an_epoch_that_is_old_is_followed_by_another_and_writers_need_no_new_wrap() {
    let mut town = sealed_town();
    write(&mut town.rigs[SENSOR], 1.0);
    town.run(2);
    town.unlink_all();
    for rig in &mut town.rigs {
        rig.pass(Duration::from_secs(7 * 24 * 3600));
        rig.sync();
    }
    town.rigs[OWNER].pass(Duration::from_secs(30));
    town.rigs[OWNER].sync();
    assert_eq!(head(&town.rigs[OWNER]).1, 1);
    link_all(&mut town);
    town.run(10);
    write(&mut town.rigs[SENSOR], 2.0);
    town.run(10);
    assert_eq!(read(&town.rigs[READER]), [1.0, 2.0]);
    let sensor = Identity::from_seed([2; 32]).peer();
    let all = wraps(&town.rigs[RELAY]);
    assert_eq!(all.iter().flat_map(Wraps::of_epoch).filter(|it| it.holder() == sensor).count(), 1);
}

#[test]
fn of_two_epochs_of_two_managers_one_is_current_and_both_are_read() {
    let mut town = town();
    town.unlink_all();
    for manager in [OWNER, DEPUTY] {
        assert_eq!(seal(&mut town.rigs[manager]), [(800, true)], "each for itself");
    }
    // A sensor hears of one of them first.
    let mut second = rig(9, &[Right::Write], near_relay());
    second.wall = town.rigs[OWNER].wall;
    town.rigs.push(second);
    for (manager, sensor) in [(OWNER, SENSOR), (DEPUTY, 5)] {
        town.link(manager, sensor);
    }
    town.run(5);
    write(&mut town.rigs[SENSOR], 1.0);
    write(&mut town.rigs[5], 2.0);
    town.unlink_all();
    link_all(&mut town);
    town.link(5, RELAY);
    town.run(40);
    let heads: BTreeSet<_> = town.rigs.iter().map(head).collect();
    assert_eq!(heads.len(), 1, "all agree");
    write(&mut town.rigs[SENSOR], 3.0);
    write(&mut town.rigs[5], 4.0);
    town.run(10);
    for reader in [READER, OWNER, DEPUTY] {
        assert_eq!(read(&town.rigs[reader]), [1.0, 2.0, 3.0, 4.0], "{reader}");
    }
}

#[test]
fn another_manager_goes_on_for_one_that_is_gone() {
    let mut town = town();
    // The deputy begins, and is revoked.
    assert_eq!(seal(&mut town.rigs[DEPUTY]), [(800, true)]);
    town.run(10);
    write(&mut town.rigs[SENSOR], 1.0);
    town.run(2);
    let deputy = &town.rigs[DEPUTY].node;
    let control = deputy.frontier().find(|(log, ..)| {
        deputy.logs.get(log).is_some_and(|state| state.header().stream() == of_deputy().to_string())
    });
    let (log, size, root_hash) = control.expect("its control log");
    let revoked = root().sign(Revocation {
        cuts: Cuts::new([msec_identity::Cut { log, size, root: root_hash }]).expect("cuts"),
        ..Revocation::clone(&revoke(of_deputy()))
    });
    issue(&mut town.rigs[OWNER], ControlStream::Root, revoked);
    town.run(40);
    let owner = &town.rigs[OWNER];
    assert_eq!(
        (head(owner).1, owner.node.sealed().values().next().map(|it| it.issuer)),
        (1, Some(root().peer()))
    );
    write(&mut town.rigs[SENSOR], 2.0);
    // What is sealed is personal: it is given away again once the owner, who issues now, was heard from, and that is asked for at once.
    town.run(120);
    assert_eq!(read(&town.rigs[READER]), [1.0, 2.0]);
    assert_eq!(read(&town.rigs[DEPUTY]), [1.0], "who was there when it was a reader reads what was there");
}

#[test]
fn another_manager_wraps_for_who_comes_when_the_first_one_sleeps() {
    let mut town = sealed_town();
    town.unlink(OWNER);
    let late = grant_from(8, &[Right::Read], START.saturating_add(-1));
    town.rigs.push(rig_with(8, vec![late], near_relay(), MemoryDir::default()));
    town.rigs[5].wall = town.rigs[DEPUTY].wall;
    town.link(5, RELAY);
    write(&mut town.rigs[SENSOR], 1.0);
    town.run(300);
    assert_eq!(read(&town.rigs[5]), [0.0; 0], "it may be back any minute");
    town.run(700);
    assert_eq!(read(&town.rigs[5]), [1.0]);
    assert_eq!(head(&town.rigs[5]).1, 0);
}
