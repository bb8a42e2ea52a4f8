//! What is refused, and what somebody tries who lies.

use msec_identity::sealed::{EpochSecret, NamesSecret, Wrap, WrapList};

use super::*;

fn refusal(rig: &mut Rig, spec: StreamSpec, content: Content) -> PublishError {
    rig.handle(Input::Publish { ticket: Ticket(3), stream: spec, content });
    let at = rig.outputs.iter().position(|output| matches!(output, Output::Published { .. }));
    match rig.outputs.remove(at.expect("an answer")) {
        Some(Output::Published { result: Err(error), .. }) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_goes_into_a_sealed_collection_in_clear() {
    let mut town = sealed_town();
    let sensor = &mut town.rigs[SENSOR];
    let spec = |collection: &str| StreamSpec::new(collection, "meter-1").expect("a stream");
    let readings = |count: usize| Content::Readings(vec![Reading::new(START, 1.0); count]);
    let change = Content::Change { log: LogId([1; 32]), body: vec![1] };
    assert!(matches!(refusal(sensor, spec(DIARY), change), PublishError::OnlyReadings { .. }));
    let below = refusal(sensor, spec("parks/diary/home"), readings(1));
    assert!(
        matches!(&below, PublishError::BelowSealed { .. })
            && below.to_string().contains("publish to `parks/diary`")
    );
    let many = refusal(sensor, spec(DIARY), readings(SEALED_READINGS_MAX + 1));
    assert!(matches!(many, PublishError::TooManySealed { count } if count == SEALED_READINGS_MAX + 1));
    assert!(matches!(refusal(sensor, spec(DIARY), readings(0)), PublishError::Entry(_)));
    sensor.handle(Input::OpenLog { ticket: Ticket(4), stream: spec(DIARY) });
    assert_eq!(sensor.acknowledged(), [(4, false)]);
    let held = entries(sensor).into_iter().filter(|(.., it)| it.kind != EntryKind::Control);
    assert!(held.into_iter().all(|(.., it)| it.kind == EntryKind::Header));
    // Beside it everything is as it was.
    sensor.publish(5, 1.0);
    sensor.pass(WINDOW);
    sensor.sync();
    assert_eq!(sensor.acknowledged(), [(5, true)]);
}

#[test]
fn only_who_manages_and_reads_seals_and_only_what_is_empty() {
    let mut town = town();
    for (peer, may) in [(SENSOR, false), (READER, false), (RELAY, false)] {
        assert_eq!(seal(&mut town.rigs[peer]), [(800, may)], "{peer}");
    }
    town.rigs[SENSOR].publish(1, 1.0);
    town.run(5);
    let owner = &mut town.rigs[OWNER];
    let noise = "parks/noise".parse().expect("a path");
    owner.handle(Input::Seal { ticket: Ticket(9), collection: noise });
    let parks = "parks".parse().expect("a path");
    owner.handle(Input::Seal { ticket: Ticket(10), collection: parks });
    let control = CollectionPath::control();
    owner.handle(Input::Seal { ticket: Ticket(11), collection: control });
    assert_eq!(owner.acknowledged(), [(9, false), (10, false), (11, false)]);
    assert_eq!(seal(owner), [(800, true)]);
    assert_eq!(seal(owner), [(800, false)], "it is sealed");
}

/// Whoever manages may say whatever it wants in its own log; nobody opens what is not the epoch's.
#[test]
fn false_wraps_take_nobodys_place() {
    let mut town = town();
    town.unlink_all();
    assert_eq!(seal(&mut town.rigs[OWNER]), [(800, true)]);
    // The deputy hears of the epoch, and is faster with something that it calls wraps.
    let of_deputy = grant(&Identity::from_seed([5; 32]), &[Right::Relay, Right::Read, Right::Manage], 30);
    for peer in [OWNER, READER, SENSOR] {
        town.link(peer, DEPUTY);
    }
    town.run(1);
    let deputy = Identity::from_seed([5; 32]);
    let (id, _) = head(&town.rigs[DEPUTY]);
    let record = town.rigs[DEPUTY].node.authority.epoch(&id).expect("known").clone();
    let rng = &mut ChaCha20Rng::from_seed([77; 32]);
    let other = EpochSecret::draw(NamesSecret::draw(rng), rng);
    let false_record = deputy.sign(other.record(
        (manifest().space(), deputy.peer()),
        record.collection.clone(),
        None,
        START,
    ));
    let endorsed =
        |seed: u8| Identity::from_seed([seed; 32]).sealing_key(manifest().space(), 0, UnixMillis(i64::MAX));
    let of_false =
        Wrap::for_reader(&other, &false_record, endorsed(4).endorsement(), None, rng).expect("wraps");
    // The bytes of one wrap with the name of the other epoch, and one that is for somebody else.
    let mut bytes = of_false.to_bytes();
    let at = bytes.windows(32).position(|it| *it == false_record.id().0).expect("its epoch");
    bytes[at..at + 32].copy_from_slice(&id.0);
    let forged = Wrap::from_bytes(&bytes).expect("a wrap");
    let for_sensor =
        Wrap::for_reader(&other, &false_record, endorsed(2).endorsement(), None, rng).expect("wraps");
    let wraps = WrapList::new(vec![forged, for_sensor]).expect("few");
    let record = Wraps { space: manifest().space(), issuer: deputy.peer(), epoch: id, wraps };
    issue(&mut town.rigs[DEPUTY], ControlStream::Under(of_deputy.id()), deputy.sign(record));
    town.run(20);
    write(&mut town.rigs[SENSOR], 1.0);
    town.run(5);
    assert_eq!(read(&town.rigs[READER]), [1.0], "the owner's wrap is opened, whatever came before");
    assert!(!town.rigs[SENSOR].node.keys().holds(&id));
}

/// Wraps that stand in the log of somebody who did not sign them say nothing of who was wrapped for.
#[test]
fn wraps_of_somebody_else_are_nobodys_word() {
    let mut town = sealed_town();
    let all = wraps(&town.rigs[OWNER]);
    let before: PeerId = root().peer();
    let mut stolen = all.iter().find(|it| it.issuer == before).expect("the owner's").clone();
    stolen.epoch = EpochId([9; 32]);
    let copied: ControlRecord = root().sign(stolen).into();
    let of_deputy = grant(&Identity::from_seed([5; 32]), &[Right::Relay, Right::Read, Right::Manage], 30);
    issue(&mut town.rigs[DEPUTY], ControlStream::Under(of_deputy.id()), copied);
    town.run(5);
    let known = |rig: &Rig| rig.node.sealing.wrapped.of.keys().copied().collect::<Vec<_>>();
    assert_eq!(known(&town.rigs[OWNER]), [head(&town.rigs[OWNER]).0]);
}

#[test]
fn a_sensor_with_an_older_copy_of_its_store_goes_on_in_another_log_under_another_key() {
    let mut town = sealed_town();
    write(&mut town.rigs[SENSOR], 1.0);
    town.run(5);
    // An older copy of its store.
    let copy = town.rigs[SENSOR].dir.copy();
    write(&mut town.rigs[SENSOR], 2.0);
    town.run(5);
    town.unlink(SENSOR);
    let papers = vec![grant(&Identity::from_seed([2; 32]), &[Right::Write], 30)];
    town.rigs[SENSOR] = rig_with(2, papers, near_relay(), copy);
    let wall = town.rigs[OWNER].wall;
    town.rigs[SENSOR].wall = wall;
    town.link(SENSOR, RELAY);
    town.run(5);
    write(&mut town.rigs[SENSOR], 3.0);
    town.run(60);
    assert_eq!(read(&town.rigs[READER]), [1.0, 2.0, 3.0]);
    let reader = &town.rigs[READER].node;
    assert_eq!(reader.frontier().filter(|(log, ..)| !reader.is_control_log(log)).count(), 2, "another log");
}

/// As its invitation is written, which tells of what is sealed.
fn newcomer(seed: u8, sealed: &[ControlRecord]) -> Rig {
    let identity = Identity::from_seed([seed; 32]);
    let papers = [ControlRecord::from(grant(&identity, &[Right::Write], 30))];
    rig_of(
        seed,
        papers.into_iter().chain(sealed.iter().cloned()).collect(),
        near_relay(),
        MemoryDir::default(),
    )
}

fn held_in_clear(rig: &Rig) -> usize {
    entries(rig).into_iter().filter(|(.., entry)| entry.kind == EntryKind::Readings).count()
}

#[test]
fn a_writer_that_never_heard_of_the_epoch_writes_nothing_in_clear() {
    let mut town = sealed_town();
    let resource = "parks".parse().expect("a path");
    let sealed = town.rigs[OWNER].node.sealed_within(&resource);
    assert_eq!(sealed.len(), 1);
    let mut sensor = newcomer(7, &sealed);
    sensor.wall = town.rigs[RELAY].wall;
    let answers = write_to(&mut sensor, "meter-1", 1.0);
    let [(1, Err(error))] = &answers[..] else { panic!("{answers:?}") };
    assert!(matches!(error, PublishError::NoEpoch { .. }) && error.is_passing(), "{error}");
    let spec = StreamSpec::new("parks/diary/home", "meter-1").expect("a stream");
    let readings = Content::Readings(vec![Reading::new(START, 1.0)]);
    assert!(matches!(refusal(&mut sensor, spec, readings), PublishError::NoEpoch { .. }), "nor below");
    // Beside it it writes, before it meets anybody.
    sensor.publish(5, 1.0);
    sensor.pass(WINDOW);
    sensor.sync();
    assert_eq!(sensor.acknowledged(), [(5, true)]);
    assert_eq!(sensor.node.sealed_within(&resource), sealed, "it tells whom it lets in");
    // Once it has met them it goes on, sealed.
    town.rigs[SENSOR] = sensor;
    town.link(SENSOR, RELAY);
    town.run(10);
    write(&mut town.rigs[SENSOR], 2.0);
    town.run(10);
    assert!(read(&town.rigs[READER]).contains(&2.0));
    assert_eq!(held_in_clear(&town.rigs[SENSOR]), 1, "that beside it");
}

#[test]
fn a_collection_stays_sealed_when_the_manager_who_sealed_it_is_cut_at_nothing() {
    let mut town = town();
    assert_eq!(seal(&mut town.rigs[DEPUTY]), [(800, true)]);
    town.run(10);
    write(&mut town.rigs[SENSOR], 1.0);
    town.run(2);
    // The owner sleeps after it has said so.
    let of_deputy = grant(&Identity::from_seed([5; 32]), &[Right::Relay, Right::Read, Right::Manage], 30);
    issue(&mut town.rigs[OWNER], ControlStream::Root, revoke(of_deputy.id()));
    town.run(2);
    assert!(town.rigs[SENSOR].node.sealed().is_empty());
    let answers = write_to(&mut town.rigs[SENSOR], "meter-1", 2.0);
    assert!(matches!(&answers[..], [(1, Err(PublishError::NoEpoch { .. }))]), "{answers:?}");
    // Another manager's peer begins an epoch, under the names that there were.
    town.run(80);
    assert_eq!(head(&town.rigs[SENSOR]).1, 0);
    let maker = town.rigs[SENSOR].node.sealed().values().next().map(|it| it.issuer);
    assert_eq!(maker, Some(root().peer()));
    write(&mut town.rigs[SENSOR], 3.0);
    town.run(120);
    assert_eq!(read(&town.rigs[READER]), [1.0, 3.0]);
    assert_eq!(held_in_clear(&town.rigs[SENSOR]), 0);
}
