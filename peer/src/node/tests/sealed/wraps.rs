//! Whose word counts for whom epochs were wrapped, and how much of it is known.

use msec_identity::sealed::{EpochRecord, EpochSecret, NamesSecret, Wrap, WrapList};

use super::*;

fn endorsed(seed: u8) -> msec_identity::sealed::SealingKey {
    Identity::from_seed([seed; 32]).sealing_key(manifest().space(), 0, UnixMillis(i64::MAX))
}

/// An epoch that somebody makes.
fn made(by: &Identity, previous: Option<&EpochRecord>, seed: u8) -> (Verified<EpochRecord>, EpochSecret) {
    let rng = &mut ChaCha20Rng::from_seed([seed; 32]);
    let secret = EpochSecret::draw(NamesSecret::draw(rng), rng);
    let collection = DIARY.parse().expect("a path");
    let record = secret.record((manifest().space(), by.peer()), collection, previous, START);
    (by.sign(record), secret)
}

/// What somebody calls wraps of an epoch, for these holders.
fn false_wraps(by: &Identity, of: EpochId, holders: &[u8]) -> Verified<Wraps> {
    let (record, secret) = made(by, None, 90);
    let one = |holder: &u8| {
        let rng = &mut ChaCha20Rng::from_seed([91; 32]);
        let wrap = Wrap::for_reader(&secret, &record, endorsed(*holder).endorsement(), None, rng);
        let mut bytes = wrap.expect("wraps").to_bytes();
        let at = bytes.windows(32).position(|it| *it == record.id().0).expect("its epoch");
        bytes[at..at + 32].copy_from_slice(&of.0);
        Wrap::from_bytes(&bytes).expect("a wrap")
    };
    let wraps = WrapList::new(holders.iter().map(one).collect()).expect("few");
    by.sign(Wraps { space: manifest().space(), issuer: by.peer(), epoch: of, wraps })
}

fn deputys() -> ControlStream {
    let deputy = Identity::from_seed([5; 32]);
    ControlStream::Under(grant(&deputy, &[Right::Relay, Right::Read, Right::Manage], 30).id())
}

#[test]
fn wraps_by_who_manages_elsewhere_begin_no_epoch() {
    let mut town = sealed_town();
    let elsewhere = Identity::from_seed([8; 32]);
    let like = grant(&elsewhere, &[Right::Read, Right::Manage], 30);
    let harbour = Grant { resource: "harbour".parse().expect("a path"), ..Grant::clone(&like) };
    let harbour = root().sign(harbour);
    town.rigs.push(rig_with(8, vec![harbour.clone()], near_relay(), MemoryDir::default()));
    town.rigs[5].wall = town.rigs[RELAY].wall;
    town.link(5, RELAY);
    town.run(5);
    // For somebody who may not read, as if that had been a reader.
    let of = head(&town.rigs[OWNER]).0;
    let wraps = false_wraps(&elsewhere, of, &[60]);
    issue(&mut town.rigs[5], ControlStream::Under(harbour.id()), wraps);
    town.run(90);
    assert_eq!(head(&town.rigs[OWNER]), (of, 0));
    let noted = &town.rigs[OWNER].node.sealing.wrapped.of[&of];
    assert!(noted.iter().all(|(.., by)| *by != elsewhere.peer()));
    // Who manages there is believed, and an epoch begins once for it.
    issue(&mut town.rigs[DEPUTY], deputys(), false_wraps(&Identity::from_seed([5; 32]), of, &[60]));
    town.run(90);
    assert_eq!(head(&town.rigs[OWNER]).1, 1);
}

#[test]
fn when_the_table_of_wraps_is_full_nobody_is_wrapped_for_twice_and_a_revocation_still_begins_an_epoch() {
    let mut town = town();
    town.rigs.iter_mut().for_each(|rig| rig.node.sealing.wrapped.max = 3);
    assert_eq!(seal(&mut town.rigs[OWNER]), [(800, true)]);
    town.run(40);
    let most = |town: &Town| {
        let mut count = std::collections::BTreeMap::new();
        for wrap in wraps(&town.rigs[RELAY]).iter().flat_map(Wraps::of_epoch) {
            *count.entry((wrap.epoch(), wrap.holder())).or_insert(0) += 1;
        }
        (count.len(), count.values().copied().max())
    };
    assert_eq!(most(&town), (4, Some(1)), "owner, reader, deputy and sensor");
    assert!(town.rigs[OWNER].node.sealing.wrapped.of.is_empty(), "there is no room");
    let of_reader = grant(&Identity::from_seed([4; 32]), &[Right::Read], 30).id();
    let at = town.rigs[OWNER].wall;
    issue(
        &mut town.rigs[OWNER],
        ControlStream::Root,
        root().sign(Revocation { at, ..Revocation::clone(&revoke(of_reader)) }),
    );
    town.run(90);
    let (second, number) = head(&town.rigs[OWNER]);
    assert_eq!(number, 1, "one, and no more");
    let reader = Identity::from_seed([4; 32]).peer();
    let all = wraps(&town.rigs[RELAY]);
    assert!(all.iter().flat_map(Wraps::of_epoch).all(|it| it.holder() != reader || it.epoch() != second));
    assert_eq!(most(&town).1, Some(1));
    write(&mut town.rigs[SENSOR], 1.0);
    town.run(10);
    assert_eq!(read(&town.rigs[DEPUTY]), [1.0]);
}

/// Enters many records, of which each is signed with some others.
fn issue_all(rig: &mut Rig, under: ControlStream, records: Vec<ControlRecord>) {
    let stream = StreamSpec::new(".control", &under.to_string()).expect("a stream");
    for some in records.chunks(50) {
        for record in some {
            let content = Content::Control(Box::new(record.clone()));
            rig.handle(Input::Publish { ticket: Ticket(900), stream: stream.clone(), content });
        }
        rig.pass(WINDOW);
        rig.sync();
        assert!(rig.acknowledged().iter().all(|(_, done)| *done));
    }
    rig.pass(WINDOW);
    rig.sync();
}

#[test]
fn a_reader_of_two_thousand_epochs_opens_the_last_one_after_a_restart() {
    let mut owner = rig(1, &all_rights(), Config::default());
    let reader = endorsed(4);
    let (mut records, mut last): (Vec<ControlRecord>, Option<Verified<EpochRecord>>) = (Vec::new(), None);
    for _ in 0..2_000 {
        let (record, secret) = made(&root(), last.as_deref(), 3);
        let rng = &mut ChaCha20Rng::from_seed([4; 32]);
        let wrap = Wrap::for_reader(&secret, &record, reader.endorsement(), None, rng).expect("wraps");
        let (space, issuer, epoch) = (manifest().space(), root().peer(), record.id());
        let wraps = WrapList::new(vec![wrap]).expect("few");
        records.push(root().sign(Wraps { space, issuer, epoch, wraps }).into());
        records.push(record.clone().into());
        last = Some(record);
    }
    issue_all(&mut owner, ControlStream::Root, records);
    // As if it had all of it, and begins.
    let papers = vec![grant(&Identity::from_seed([4; 32]), &[Right::Read], 30)];
    let mut reader = rig_with(4, papers, Config::default(), owner.dir.copy());
    reader.pass(WINDOW);
    let last = last.expect("many");
    assert_eq!(head(&reader), (last.id(), 1_999));
    assert!(reader.node.keys().holds(&last.id()));
    assert_eq!(reader.node.sealed_view()[0].opened, 2_000);
}

#[test]
fn wraps_of_epochs_that_are_nowhere_take_nobodys_place() {
    let mut town = town();
    let deputy = Identity::from_seed([5; 32]);
    let nowhere = |n: u16| {
        let id = EpochId(*blake3::hash(&n.to_be_bytes()).as_bytes());
        ControlRecord::from(false_wraps(&deputy, id, &[2, 4]))
    };
    issue_all(&mut town.rigs[DEPUTY], deputys(), (0..1_100).map(nowhere).collect());
    town.run(10);
    for peer in [SENSOR, READER, RELAY] {
        let kept = town.rigs[peer].node.sealing.unopened.len();
        assert!(kept <= 64, "{kept} are kept by {peer}");
    }
    assert_eq!(seal(&mut town.rigs[OWNER]), [(800, true)]);
    town.run(10);
    write(&mut town.rigs[SENSOR], 1.0);
    town.run(5);
    assert_eq!(read(&town.rigs[READER]), [1.0]);
}
