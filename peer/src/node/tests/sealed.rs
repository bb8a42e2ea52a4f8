//! Sealed collections: a manager, those who write, those who carry, and those who read.

mod epochs;
mod nothing;
mod refused;
mod wraps;

use std::sync::Arc;

use msec_crdt_store::{EntryKind, Query, Row, Run};
use msec_identity::sealed::{SealedDataKey, Wraps};
use msec_identity::{
    ControlRecord, ControlStream, Cuts, EpochId, Erasure, GrantId, PeerId, Revocation, Stretch, Stretches,
};

use super::prefixes::Town;
use super::revoked::issue;
use super::*;

const OWNER: usize = 0;
const SENSOR: usize = 1;
const RELAY: usize = 2;
const READER: usize = 3;
/// Another reader, who also manages.
const DEPUTY: usize = 4;

const DIARY: &str = "parks/diary";

fn all_rights() -> [Right; 4] {
    [Right::Relay, Right::Read, Right::Write, Right::Manage]
}

/// A grant that begins then, and lasts for thirty days from the start.
fn grant_from(holder: u8, rights: &[Right], from: UnixMillis) -> Verified<Grant> {
    let like = grant(&Identity::from_seed([holder; 32]), rights, 30);
    root().sign(Grant { not_before: from, ..Grant::clone(&like) })
}

/// Who keeps a link with the relay.
fn near_relay() -> Config {
    Config { contacts: vec![contact(3)], ..Config::default() }
}

/// The owner's own peer, a sensor, a relay that may not read, a reader, and a deputy. All of them are linked with the relay.
fn town() -> Town {
    let mut town = Town::with([
        rig(1, &all_rights(), near_relay()),
        rig(2, &[Right::Write], near_relay()),
        rig(3, &[Right::Relay], Config::default()),
        rig(4, &[Right::Read], near_relay()),
        rig(5, &[Right::Relay, Right::Read, Right::Manage], near_relay()),
    ]);
    link_all(&mut town);
    town
}

fn link_all(town: &mut Town) {
    for peer in [OWNER, SENSOR, READER, DEPUTY] {
        town.link(peer, RELAY);
    }
}

/// The owner seals the diary.
fn seal(rig: &mut Rig) -> Vec<(u64, bool)> {
    rig.handle(Input::Seal { ticket: Ticket(800), collection: DIARY.parse().expect("a path") });
    rig.pass(WINDOW);
    rig.sync();
    rig.acknowledged()
}

/// A town in which the diary is sealed, and everybody was wrapped for.
fn sealed_town() -> Town {
    let mut town = town();
    assert_eq!(seal(&mut town.rigs[OWNER]), [(800, true)]);
    town.run(10);
    town
}

fn write_to(rig: &mut Rig, stream: &str, value: f64) -> Vec<(u64, Result<Receipt, PublishError>)> {
    let stream = StreamSpec::new(DIARY, stream).expect("a stream").unit("kW");
    let readings = vec![Reading::new(rig.wall, value)];
    rig.handle(Input::Publish { ticket: Ticket(1), stream, content: Content::Readings(readings) });
    rig.pass(WINDOW);
    rig.sync();
    let mut answers = Vec::new();
    while let Some(at) = rig.outputs.iter().position(|output| matches!(output, Output::Published { .. })) {
        if let Some(Output::Published { ticket, result }) = rig.outputs.remove(at) {
            answers.push((ticket.0, result));
        }
    }
    answers
}

fn write(rig: &mut Rig, value: f64) {
    let answers = write_to(rig, "meter-1", value);
    assert!(matches!(&answers[..], [(1, Ok(_))]), "{answers:?}");
}

fn rows(rig: &Rig) -> Vec<Row> {
    let queries = rig.store.queries().unsealing(Arc::new(rig.node.keys()));
    queries.query(&Query::default()).expect("answers")
}

/// What somebody reads, the oldest first.
fn read(rig: &Rig) -> Vec<f64> {
    rows(rig).iter().rev().map(|row| row.reading.value).collect()
}

fn head(rig: &Rig) -> (EpochId, u32) {
    let head = rig.node.sealed().values().next().expect("sealed");
    (head.id(), head.number)
}

fn revoke(grant: GrantId) -> Verified<Revocation> {
    root().sign(Revocation {
        space: manifest().space(),
        issuer: root().peer(),
        grant,
        cuts: Cuts::default(),
        at: START,
        reason: "gone".parse().expect("a reason"),
    })
}

/// All entries of all logs that somebody holds.
fn entries(rig: &Rig) -> Vec<(LogId, u64, msec_crdt_store::Entry)> {
    let mut found = Vec::new();
    for (log, size, _) in rig.node.frontier() {
        let chunk = rig.store.read(&log, 0, 1 << 20).expect("read").expect("held");
        let run = Run::from_bytes(&chunk.bytes).expect("a run");
        assert_eq!(run.entries.len() as u64, size);
        found.extend((0..).zip(run.entries).map(|(position, entry)| (log, position, entry)));
    }
    found
}

/// The wraps that were entered, as anybody holds them.
fn wraps(rig: &Rig) -> Vec<Wraps> {
    let records = entries(rig).into_iter().filter_map(|(.., entry)| {
        let bytes = entry.body.bytes().filter(|_| entry.kind == EntryKind::Control)?;
        ControlRecord::from_bytes(bytes).ok()
    });
    records
        .filter_map(|record| match record {
            ControlRecord::Wraps(it) => Some(it.claims().clone()),
            _ => None,
        })
        .collect()
}

#[test]
fn what_a_sensor_seals_a_relay_carries_and_only_a_reader_reads() {
    let mut town = sealed_town();
    for value in 1..=3 {
        write(&mut town.rigs[SENSOR], f64::from(value));
    }
    town.run(10);
    for reader in [READER, DEPUTY, OWNER] {
        assert_eq!(read(&town.rigs[reader]), [1.0, 2.0, 3.0], "{reader}");
    }
    let row = &rows(&town.rigs[READER])[0];
    assert_eq!((row.stream(), row.unit(), row.collection().as_str()), ("meter-1", "kW", DIARY));
    // The relay holds all of it, and so does the sensor: neither reads.
    for blind in [RELAY, SENSOR] {
        assert_eq!(read(&town.rigs[blind]), [0.0; 0]);
        let sealed = entries(&town.rigs[blind]).into_iter().filter(|(.., it)| it.kind == EntryKind::Sealed);
        assert_eq!(sealed.count(), 4, "three readings and a label");
        assert!(!town.rigs[blind].node.keys().holds(&head(&town.rigs[blind]).0));
    }
    let view = &town.rigs[RELAY].node.sealed_view()[0];
    assert_eq!((view.number, view.readers, view.writers, view.opened), (0, 3, 2, 0));
    assert_eq!((view.entries, &view.waiting[..]), (5, &[][..]));
    // Who is subscribed is told where it lies.
    let told = |event: &Event| matches!(event, Event::Sealed { from, end, .. } if from < end);
    assert!(town.rigs[READER].events().iter().any(told));
}

#[test]
fn a_writer_that_nothing_was_wrapped_for_is_told_to_try_again_and_then_goes_on() {
    let mut town = sealed_town();
    // A sensor that the owner has not met comes while that sleeps.
    town.unlink(OWNER);
    town.rigs[SENSOR] = rig(7, &[Right::Write], near_relay());
    town.rigs[SENSOR].wall = town.rigs[RELAY].wall;
    town.link(SENSOR, RELAY);
    town.run(10);
    let answers = write_to(&mut town.rigs[SENSOR], "meter-1", 1.0);
    let [(1, Err(error))] = &answers[..] else { panic!("{answers:?}") };
    assert!(matches!(error, PublishError::NotWrapped { .. }) && error.is_passing());
    assert_eq!(
        town.rigs[SENSOR]
            .node
            .frontier()
            .filter(|(log, ..)| !town.rigs[SENSOR].node.is_control_log(log))
            .count(),
        0
    );
    // Or another manager does it.
    town.run(1_000);
    write(&mut town.rigs[SENSOR], 1.0);
    town.run(10);
    assert_eq!(read(&town.rigs[READER]), [1.0]);
}

#[test]
fn after_a_restart_a_manager_opens_its_own_wraps_and_a_writer_goes_on_with_a_new_key() {
    let mut town = sealed_town();
    write(&mut town.rigs[SENSOR], 1.0);
    town.run(5);
    town.unlink_all();
    for (peer, seed, rights) in
        [(OWNER, 1, &all_rights()[..]), (SENSOR, 2, &[Right::Write]), (READER, 4, &[Right::Read])]
    {
        let papers = vec![grant(&Identity::from_seed([seed; 32]), rights, 30)];
        let (dir, wall) = (town.rigs[peer].dir.clone(), town.rigs[peer].wall);
        town.rigs[peer] = rig_with(seed, papers, near_relay(), dir);
        town.rigs[peer].wall = wall;
        town.rigs[peer].pass(WINDOW);
    }
    assert!(town.rigs[OWNER].node.keys().holds(&head(&town.rigs[OWNER]).0));
    assert_eq!(read(&town.rigs[READER]), [1.0]);
    write(&mut town.rigs[SENSOR], 2.0);
    link_all(&mut town);
    town.run(10);
    assert_eq!(read(&town.rigs[READER]), [1.0, 2.0]);
    let reader = &town.rigs[READER];
    let data = reader.node.frontier().filter(|(log, ..)| !reader.node.is_control_log(log)).count();
    assert_eq!(data, 1, "one log, with a key of before and one of after");
    let keys = entries(reader).into_iter().filter(|(.., it)| it.kind == EntryKind::DataKey);
    assert_eq!(keys.count(), 2);
    assert_eq!(head(reader).1, 0, "nobody had a reason for another epoch");
}

#[test]
fn each_day_has_a_key_and_each_change_of_unit_a_label() {
    let mut town = sealed_town();
    write(&mut town.rigs[SENSOR], 1.0);
    write(&mut town.rigs[SENSOR], 2.0);
    town.unlink_all();
    town.rigs.iter_mut().for_each(|rig| rig.pass(Duration::from_secs(24 * 3600)));
    write(&mut town.rigs[SENSOR], 3.0);
    let stream = StreamSpec::new(DIARY, "meter-1").expect("a stream").unit("W");
    let readings = vec![Reading::new(town.rigs[SENSOR].wall, 4.0)];
    town.rigs[SENSOR].handle(Input::Publish {
        ticket: Ticket(5),
        stream,
        content: Content::Readings(readings),
    });
    town.rigs[SENSOR].pass(WINDOW);
    town.rigs[SENSOR].sync();
    let keys = entries(&town.rigs[SENSOR]).into_iter().filter(|(.., it)| it.kind == EntryKind::DataKey);
    let days: Vec<_> = keys
        .map(|(.., it)| SealedDataKey::from_bytes(it.body.bytes().expect("kept")).expect("a key").day().0)
        .collect();
    assert_eq!(days.len(), 3);
    assert_eq!((days[1], days[2]), (days[0] + 1, days[0] + 1));
    link_all(&mut town);
    town.run(10);
    let read: Vec<_> =
        rows(&town.rigs[READER]).iter().rev().map(|row| (row.reading.value, row.unit().to_owned())).collect();
    assert_eq!(read.iter().map(|(_, unit)| &unit[..]).collect::<Vec<_>>(), ["kW", "kW", "kW", "W"]);
    assert_eq!(read.iter().map(|(value, _)| *value).collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn a_writer_whose_key_was_erased_draws_another_before_it_seals_again() {
    let mut town = sealed_town();
    write(&mut town.rigs[SENSOR], 1.0);
    write(&mut town.rigs[SENSOR], 2.0);
    town.run(10);
    let sensor = &town.rigs[SENSOR].node;
    let (log, size, _) =
        sensor.frontier().find(|(log, ..)| !sensor.is_control_log(log)).expect("what it wrote");
    let erase = |first, end| {
        let what = Stretches::new([Stretch { log, first, end }]).expect("stretches");
        let reason = "asked for".parse().expect("a reason");
        root().sign(Erasure { space: manifest().space(), issuer: root().peer(), what, at: START, reason })
    };
    issue(&mut town.rigs[OWNER], ControlStream::Root, erase(1, size));
    town.run(5);
    write(&mut town.rigs[SENSOR], 3.0);
    write(&mut town.rigs[SENSOR], 4.0);
    town.run(10);
    assert_eq!(read(&town.rigs[READER]), [3.0, 4.0]);
    let keys = |rig: &Rig| entries(rig).iter().filter(|(.., it)| it.kind == EntryKind::DataKey).count();
    assert_eq!(keys(&town.rigs[SENSOR]), 2, "one that is gone, and one for both");
    // Where even what comes next is to be erased, it goes on in another log, with a key there.
    issue(&mut town.rigs[OWNER], ControlStream::Root, erase(1, u64::MAX));
    town.run(5);
    write(&mut town.rigs[SENSOR], 5.0);
    town.run(10);
    assert_eq!(read(&town.rigs[READER]), [5.0]);
}

/// A reading as an entry, on the wire and on disk; the key of a day and its label come once a day.
#[test]
fn a_sealed_reading_takes_120_bytes_and_one_in_clear_47() {
    let mut town = sealed_town();
    write(&mut town.rigs[SENSOR], 48.5);
    town.rigs[SENSOR].publish(2, 48.5);
    town.rigs[SENSOR].pass(WINDOW);
    town.rigs[SENSOR].sync();
    let length = |kind| {
        let all = entries(&town.rigs[SENSOR]);
        let bytes = all
            .iter()
            .filter(|(.., entry)| entry.kind == kind)
            .map(|(.., entry)| minicbor::to_vec(entry).expect("encodes").len());
        bytes.collect::<Vec<_>>()
    };
    println!(
        "key {:?}, label and reading {:?}, in clear {:?}",
        length(EntryKind::DataKey),
        length(EntryKind::Sealed),
        length(EntryKind::Readings)
    );
    assert!(length(EntryKind::Sealed)[1] <= 120 && length(EntryKind::Readings)[0] <= 47);
    assert!(length(EntryKind::DataKey)[0] + length(EntryKind::Sealed)[0] <= 350);
}

#[test]
fn the_table_in_the_documents_names_tests_that_there_are() {
    let document = include_str!("../../../../docs/access.md");
    let table = document.split_once("## Sealed").and_then(|(_, rest)| rest.split_once("## At the same time"));
    let (table, _) = table.expect("the table");
    let sources = [
        include_str!("sealed.rs"),
        include_str!("sealed/epochs.rs"),
        include_str!("sealed/nothing.rs"),
        include_str!("sealed/refused.rs"),
        include_str!("sealed/wraps.rs"),
        include_str!("../../../../identity/src/authority/tests/sealed.rs"),
        include_str!("../../../../crdt-store/src/storage/tests/unseal.rs"),
        include_str!("../../sdk/access/erasing.rs"),
    ];
    let is_test = |name: &str| {
        let heads = [format!("#[test]\nfn {name}("), format!("#[tokio::test]\n    async fn {name}(")];
        sources.iter().any(|it| heads.iter().any(|head| it.contains(head)))
    };
    let last = |line: &'static str| line.strip_suffix(" |")?.rsplit_once("| ").map(|(_, cell)| cell);
    let cells: Vec<_> = table.lines().filter_map(last).filter(|cell| cell.starts_with('`')).collect();
    let names: Vec<_> = cells.iter().flat_map(|cell| cell.split('`').filter(|it| it.contains('_'))).collect();
    assert!(names.len() > 9, "{names:?}");
    assert_eq!(names.iter().filter(|name| !is_test(name)).collect::<Vec<_>>(), [&""; 0]);
}
