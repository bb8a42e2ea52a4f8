//! A relay holds nothing: not in its store, nor in any byte that it received. The test holds all keys.

use msec_crdt_store::{Body, Entry, Medium, SealedContent, Unseal, encode_readings};
use msec_identity::sealed::{BodyPlace, DataKey, Opened, SealedBody};

use super::*;

/// Everything that nobody but readers may have, by name.
fn secrets(reader: &Rig, seed: u8) -> Vec<(String, Vec<u8>)> {
    let key = Identity::from_seed([seed; 32]).sealing_key(manifest().space(), 0, UnixMillis(i64::MAX));
    let me = Identity::from_seed([seed; 32]).peer();
    let mut found = Vec::new();
    let mut epochs = Vec::new();
    for of in wraps(reader) {
        for wrap in of.of_epoch().filter(|wrap| wrap.holder() == me) {
            let record = reader.node.authority.epoch(&of.epoch).expect("known").clone();
            let Ok(Opened::Reader(secret)) = wrap.open(&record, &key) else { panic!("for a reader") };
            let both = secret.reveal();
            found.push(("an epoch's private half".into(), both[..32].to_vec()));
            found.push(("the names' secret".into(), both[32..].to_vec()));
            epochs.push((record, secret));
        }
    }
    let all = entries(reader);
    for (log, at, entry) in all.iter().filter(|(.., entry)| entry.kind == EntryKind::DataKey) {
        let sealed = SealedDataKey::from_bytes(entry.body.bytes().expect("kept")).expect("a key");
        let (record, secret) = epochs.iter().find(|(it, _)| it.id() == sealed.epoch()).expect("wrapped");
        let key = sealed.open(record, secret).expect("opens");
        found.push(("a data key".into(), key.reveal().to_vec()));
        for (_, position, entry) in all.iter().filter(|(of, _, it)| of == log && it.kind == EntryKind::Sealed)
        {
            let Body::Kept { salt, bytes } = &entry.body else { panic!("kept") };
            let body = SealedBody::from_bytes(bytes).expect("a body");
            if body.key_at() == *at {
                let place = BodyPlace { log: *log, position: *position, salt: *salt };
                found.push(("a plaintext".into(), body.open(&key, &place).expect("opens").to_vec()));
            }
        }
    }
    found
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|it| it == part)
}

fn on_disk(rig: &Rig) -> Vec<u8> {
    let mut all = Vec::new();
    for (name, len) in rig.dir.lengths() {
        let mut bytes = vec![0; len];
        rig.dir.read_at(&name, 0, &mut bytes).expect("read");
        all.extend(bytes);
    }
    all
}

#[test]
fn a_relay_received_and_stored_nothing_that_opens_what_it_carries() {
    let mut town = town();
    town.rigs[RELAY].heard = Some(Vec::new());
    assert_eq!(seal(&mut town.rigs[OWNER]), [(800, true)]);
    town.run(10);
    // No short value: what is searched for should not be anywhere by chance.
    for value in [std::f64::consts::PI, 48.123_456_789, 1e-7 / 3.0] {
        write(&mut town.rigs[SENSOR], value);
    }
    town.run(5);
    issue(
        &mut town.rigs[OWNER],
        ControlStream::Root,
        revoke(grant(&Identity::from_seed([4; 32]), &[Right::Read], 30).id()),
    );
    town.run(5);
    write(&mut town.rigs[SENSOR], std::f64::consts::E);
    town.run(10);
    assert_eq!(read(&town.rigs[DEPUTY]).len(), 4);
    let mut hidden = secrets(&town.rigs[DEPUTY], 5);
    let count = |name: &str| hidden.iter().filter(|(it, _)| it == name).count();
    assert_eq!((count("an epoch's private half"), count("a data key"), count("a plaintext")), (2, 2, 6));
    hidden.push(("the stream's name".into(), b"meter-1".to_vec()));
    for row in rows(&town.rigs[DEPUTY]) {
        hidden.push(("a reading's encoding".into(), encode_readings(&[row.reading]).expect("encodes")));
    }
    let relay = &town.rigs[RELAY];
    let (disk, heard) = (on_disk(relay), relay.heard.as_ref().expect("tapped").concat());
    assert!(!disk.is_empty() && !heard.is_empty());
    for (name, secret) in &hidden {
        assert!(!holds(&disk, secret), "{name} on the relay's disk");
        assert!(!holds(&heard, secret), "{name} in what the relay received");
    }
    // The same search finds what is there: the ciphertexts, and what the sensor writes in clear.
    for (.., entry) in entries(relay).iter().filter(|(.., entry)| entry.kind == EntryKind::Sealed) {
        assert!(holds(&disk, entry.body.bytes().expect("kept")), "it carries all of it");
    }
    let reading = Reading::new(town.rigs[SENSOR].wall, 48.123_456_789);
    town.rigs[SENSOR].publish(9, reading.value);
    town.run(5);
    let relay = &town.rigs[RELAY];
    let (disk, heard) = (on_disk(relay), relay.heard.as_ref().expect("tapped").concat());
    for clear in [b"mic-1".to_vec(), encode_readings(&[reading]).expect("encodes")] {
        assert!(holds(&disk, &clear) && holds(&heard, &clear));
    }
}

/// A reading with 4,096 possible values: whoever holds all that a relay holds, and tries each, is told by nothing which it was.
#[test]
fn guessing_a_reading_of_few_values_is_confirmed_by_nothing_that_a_relay_holds() {
    let mut town = sealed_town();
    let secret = 1234;
    write(&mut town.rigs[SENSOR], f64::from(secret));
    town.run(5);
    let measured = rows(&town.rigs[DEPUTY])[0].reading;
    let guess = |value: i32| {
        let reading = Reading { value: f64::from(value), ..measured };
        SealedContent::Readings(vec![reading]).to_bytes().expect("encodes")
    };
    let all = entries(&town.rigs[RELAY]);
    let key = all.iter().find(|(.., it)| it.kind == EntryKind::DataKey).expect("a key");
    let sealed = SealedDataKey::from_bytes(key.2.body.bytes().expect("kept")).expect("a key");
    let mut bodies = all.iter().filter(|(.., it)| it.kind == EntryKind::Sealed);
    let (log, position, entry) = bodies.next_back().expect("a body");
    let Body::Kept { salt, bytes } = &entry.body else { panic!("kept") };
    let key_at = SealedBody::from_bytes(bytes).expect("a body").key_at();
    let place = BodyPlace { log: *log, position: *position, salt: *salt };
    let leaf = entry.leaf();
    // For each guess: the body that it would be under a key, and the commitment that it would have in clear.
    let confirmed = |key: &DataKey| {
        let is_it = |value: &i32| {
            let plain = guess(*value);
            let body = SealedBody::seal(&plain, key, key_at, &place).expect("seals").to_bytes();
            let in_clear = Entry { body: Body::Kept { salt: *salt, bytes: plain }, ..entry.clone() };
            body == *bytes || in_clear.leaf() == leaf
        };
        (0..4_096).filter(is_it).collect::<Vec<_>>()
    };
    let rng = &mut ChaCha20Rng::from_seed([3; 32]);
    let drawn = DataKey::draw(sealed.epoch(), *log, sealed.day(), rng);
    assert_eq!(confirmed(&drawn), [0; 0]);
    // Whoever has the key finds it so: the search can tell.
    let opened = town.rigs[DEPUTY].node.keys().data_key(&sealed).expect("wrapped for it");
    assert_eq!(confirmed(&opened), [secret]);
}
