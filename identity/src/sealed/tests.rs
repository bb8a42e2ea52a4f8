use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::error::{OpenError, SealError};
use crate::id::{LogId, SpaceId};
use crate::keys::Identity;
use crate::record::{Unverified, Verified};
use crate::time::UnixMillis;

const NOW: UnixMillis = UnixMillis(1_767_225_600_000);
const SPACE: SpaceId = SpaceId([0x11; 32]);
/// Where the key of the day lies.
const KEY_AT: u64 = 3;
const LOG: LogId = LogId([0x22; 32]);

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// A manager with two epochs of one collection, and a reader.
struct City {
    manager: Identity,
    epochs: [(EpochSecret, Verified<EpochRecord>); 2],
    reader: SealingKey,
}

fn city() -> City {
    let manager = Identity::from_seed([1; 32]);
    let mut rng = rng(1);
    let names = NamesSecret::draw(&mut rng);
    let signers = (SPACE, manager.peer());
    let path = || "homes/power".parse().expect("a path");
    let first = EpochSecret::draw(names.clone(), &mut rng);
    let first_record = manager.sign(first.record(signers, path(), None, NOW));
    let second = EpochSecret::draw(names, &mut rng);
    let second_record = manager.sign(second.record(signers, path(), Some(&first_record), NOW));
    let reader = Identity::from_seed([2; 32]).sealing_key(SPACE, 0, NOW);
    City { manager, epochs: [(first, first_record), (second, second_record)], reader }
}

fn place() -> BodyPlace {
    BodyPlace { log: LOG, position: 7, salt: [0x33; 16] }
}

fn data_key(epoch: &EpochRecord, day: i32, seed: u8) -> DataKey {
    DataKey::draw(epoch.id(), LOG, Day(day), &mut rng(seed))
}

#[test]
fn from_the_manager_to_the_reader_by_way_of_the_writer() {
    let City { epochs: [(secret, record), _], reader, .. } = city();
    let wrap =
        Wrap::for_reader(&secret, &record, reader.endorsement(), Some(NOW), &mut rng(2)).expect("wraps");
    let wrap = Wrap::from_bytes(&wrap.to_bytes()).expect("reads back");
    let Opened::Reader(opened) = wrap.open(&record, &reader).expect("opens") else { panic!("for a reader") };

    let key = data_key(&record, 20_454, 3);
    let sealed = key.seal(&record, &mut rng(4)).expect("seals");
    let body = SealedBody::seal(b"3.2 kW", &key, KEY_AT, &place()).expect("seals").to_bytes();

    let sealed = SealedDataKey::from_bytes(&sealed.to_bytes()).expect("reads back");
    let key = sealed.open(&record, &opened).expect("opens");
    let body = SealedBody::from_bytes(&body).expect("reads back");
    assert_eq!(body.open(&key, &place()).expect("opens").as_slice(), b"3.2 kW");
}

#[test]
fn what_a_relay_carries_holds_no_secret_and_no_plaintext() {
    let City { epochs: [(secret, record), _], reader, .. } = city();
    let key = data_key(&record, 20_454, 3);
    let plaintext = b"3.2 kW, nobody at home";
    let carried = [
        record.to_bytes(),
        reader.endorsement().to_bytes(),
        Wrap::for_reader(&secret, &record, reader.endorsement(), None, &mut rng(2))
            .expect("wraps")
            .to_bytes(),
        key.seal(&record, &mut rng(4)).expect("seals").to_bytes(),
        SealedBody::seal(plaintext, &key, KEY_AT, &place()).expect("seals").to_bytes(),
    ]
    .concat();
    let (secret, sealing) = (secret.to_bytes(), *reader.secret().as_bytes());
    for hidden in [&plaintext[..], &secret[..32], &secret[32..], key.key.as_slice(), &sealing] {
        assert!(hidden.chunks_exact(8).all(|part| !carried.windows(8).any(|it| it == part)));
    }
}

#[test]
fn a_writer_draws_a_key_when_day_or_epoch_changes_and_forgets_the_old_one() {
    let City { epochs: [(secret, record), (_, next)], .. } = city();
    let (mut sealer, mut rng) = (LogSealer::new(LOG), rng(5));
    let (first, sealed) = sealer.key(&record, Day(1), &mut rng).expect("seals");
    let body = SealedBody::seal(b"48.5", first, KEY_AT, &place()).expect("seals");
    let opened = sealed.expect("a new key").open(&record, &secret).expect("opens");
    assert_eq!(body.open(&opened, &place()).expect("opens").as_slice(), b"48.5");
    let (again, sealed) = sealer.key(&record, Day(1), &mut rng).expect("seals");
    assert!(sealed.is_none() && body.open(again, &place()).is_ok());
    for (epoch, day) in [(&record, 2), (&next, 2), (&record, 1)] {
        let (other, sealed) = sealer.key(epoch, Day(day), &mut rng).expect("seals");
        assert!(sealed.is_some_and(|it| (it.epoch(), it.day(), it.log()) == (epoch.id(), Day(day), LOG)));
        assert!(body.open(other, &place()).is_err());
    }
    sealer.forget();
    assert!(sealer.key(&record, Day(1), &mut rng).expect("seals").1.is_some());
}

#[test]
fn a_writer_gets_names_and_no_way_to_read() {
    let City { epochs: [(secret, record), _], reader: writer, .. } = city();
    let holder = writer.endorsement();
    let wrap = Wrap::for_writer(secret.names(), &record, holder, Some(NOW), &mut rng(2)).expect("wraps");
    assert!(!wrap.reads());
    let Opened::Writer(names) = wrap.open(&record, &writer).expect("opens") else { panic!("for a writer") };
    let path = "homes/power".parse().expect("a path");
    let name = names.stream(&SPACE, &path, "meter-1");
    assert_eq!(name, secret.names().stream(&SPACE, &path, "meter-1"));
    assert_ne!(name, names.stream(&SPACE, &path, "meter-2"));
    assert_ne!(name, names.stream(&SpaceId([0; 32]), &path, "meter-1"));
    assert_ne!(names.collection(&SPACE, &path), names.stream(&SPACE, &path, ""));
    assert_eq!(name.to_string().len(), 32);
}

#[test]
fn a_reader_of_an_old_epoch_opens_nothing_of_a_new_one() {
    let City { epochs: [(old, old_record), (new, new_record)], reader, .. } = city();
    assert_eq!((new_record.number, new_record.previous), (1, Some(old_record.id())));
    let key = data_key(&new_record, 1, 3);
    let sealed = key.seal(&new_record, &mut rng(4)).expect("seals");
    assert_eq!(sealed.open(&old_record, &old).expect_err("old"), OpenError::Epoch);
    assert_eq!(sealed.open(&new_record, &old).expect_err("old"), OpenError::Epoch);
    assert!(sealed.open(&new_record, &new).is_ok());
    // Not even if it takes the checks out of its way.
    let aad = context(&(new_record.id(), LOG, Day(1)));
    let bytes = sealed.to_bytes();
    let (enc, ciphertext) =
        (bytes[bytes.len() - 82..][..32].try_into().expect("32"), &bytes[bytes.len() - 48..]);
    assert!(suite::open(new.secret(), &enc, b"msec/data-key/1", &aad, ciphertext).is_some());
    assert!(suite::open(old.secret(), &enc, b"msec/data-key/1", &aad, ciphertext).is_none());

    // Nor with a wrap of the old epoch that is shown as one of the new.
    let wrap = Wrap::for_reader(&old, &old_record, reader.endorsement(), None, &mut rng(5)).expect("wraps");
    assert!(matches!(wrap.open(&new_record, &reader), Err(OpenError::Epoch)));
    let crossed = Wrap::for_reader(&old, &new_record, reader.endorsement(), None, &mut rng(5));
    assert_eq!(crossed.expect_err("refused"), SealError::Epoch);
}

#[test]
fn a_wrap_is_for_its_holder_and_for_a_key_that_is_endorsed() {
    let City { epochs: [(secret, record), _], reader, .. } = city();
    let other = Identity::from_seed([3; 32]).sealing_key(SPACE, 0, NOW);
    let wrap =
        Wrap::for_reader(&secret, &record, reader.endorsement(), Some(NOW), &mut rng(2)).expect("wraps");
    assert!(matches!(wrap.open(&record, &other), Err(OpenError::Holder)));
    let renewed = Identity::from_seed([2; 32]).sealing_key(SPACE, 1, NOW);
    assert!(matches!(wrap.open(&record, &renewed), Err(OpenError::Broken)));
    let late = Some(NOW.saturating_add(1));
    let refused = Wrap::for_reader(&secret, &record, reader.endorsement(), late, &mut rng(2));
    assert!(matches!(refused, Err(SealError::Expired { .. })));
    assert!(Wrap::for_reader(&secret, &record, reader.endorsement(), None, &mut rng(2)).is_ok());
}

#[test]
fn a_wrap_that_holds_something_else_than_the_record_says_is_refused() {
    let City { epochs: [(_, record), (other, _)], reader, .. } = city();
    // A stranger needs no key to make it: base mode proves no sender.
    let aad = context(&(record.space, &record.collection, record.id(), reader.endorsement().peer));
    for (info, secrets) in
        [(&b"msec/wrap/1 read"[..], other.to_bytes().to_vec()), (b"msec/wrap/1 write", vec![9; 32])]
    {
        let public = reader.endorsement().public;
        let capsule = suite::seal(&public, info, &aad, &secrets, &mut rng(6)).expect("seals");
        let mut e = minicbor::Encoder::new(Vec::new());
        e.array(4).and_then(|e| e.encode(record.id())).expect("written");
        e.encode(reader.endorsement().peer).and_then(|e| e.bytes(&capsule.enc)).expect("written");
        e.bytes(&capsule.ciphertext).expect("written");
        let wrap = Wrap::from_bytes(&e.into_writer()).expect("a wrap");
        assert!(matches!(wrap.open(&record, &reader), Err(OpenError::WrongKey)));
    }
}

#[test]
fn another_logs_days_epochs_or_positions_key_is_refused() {
    let City { epochs: [(_, record), (_, next)], .. } = city();
    let key = data_key(&record, 1, 3);
    let body = SealedBody::seal(b"48.5", &key, KEY_AT, &place()).expect("seals");
    let refused = |key: &DataKey, place: BodyPlace| body.open(key, &place).expect_err("refused");
    assert_eq!(refused(&data_key(&next, 1, 3), place()), OpenError::WrongKey);
    assert_eq!(refused(&data_key(&record, 2, 3), place()), OpenError::WrongKey);
    assert_eq!(refused(&data_key(&record, 1, 4), place()), OpenError::WrongKey);
    let other = LogId([0x44; 32]);
    assert_eq!(refused(&key, BodyPlace { log: other, ..place() }), OpenError::Log);
    let theirs = DataKey { log: other, ..key.clone() };
    assert_eq!(refused(&theirs, BodyPlace { log: other, ..place() }), OpenError::WrongKey);
    for position in [6, 8] {
        assert_eq!(refused(&key, BodyPlace { position, ..place() }), OpenError::WrongKey);
    }
    assert_eq!(refused(&key, BodyPlace { salt: [0; 16], ..place() }), OpenError::WrongKey);
    let elsewhere = SealedBody::seal(b"48.5", &key, KEY_AT, &BodyPlace { log: other, ..place() });
    assert_eq!(elsewhere.expect_err("refused"), SealError::Log);
}

/// What a partitioning oracle needs is a ciphertext that opens under several keys. The tag of ChaCha20Poly1305 alone does not
/// rule it out; here a body opens under the key of its commitment, or under none.
#[test]
fn no_mixture_of_two_bodies_opens_under_either_key() {
    let City { epochs: [(_, record), _], .. } = city();
    let keys = [data_key(&record, 1, 3), data_key(&record, 1, 4)];
    let bodies = keys
        .each_ref()
        .map(|key| SealedBody::seal(b"48.5", key, KEY_AT, &place()).expect("seals").to_bytes());
    // `83`, the key's place in 1, then the commitment in 34.
    let commitment = 2..36;
    let mixed = |one: &[u8], other: &[u8]| {
        let mut bytes = one.to_vec();
        bytes[commitment.clone()].copy_from_slice(&other[commitment.clone()]);
        SealedBody::from_bytes(&bytes).expect("a body")
    };
    let mixtures = [mixed(&bodies[0], &bodies[1]), mixed(&bodies[1], &bodies[0])];
    let outcomes =
        mixtures.map(|body| keys.each_ref().map(|key| body.open(key, &place()).expect_err("refused")));
    let (wrong, broken) = (OpenError::WrongKey, OpenError::Broken);
    assert_eq!(outcomes, [[wrong, broken], [broken, wrong]]);
}

#[test]
fn lengths_of_one_class_are_the_same_and_the_longest_fits_a_body() {
    let City { epochs: [(_, record), _], .. } = city();
    let key = data_key(&record, 20_454, 3);
    let sealed = |len: usize| SealedBody::seal(&vec![1; len], &key, KEY_AT, &place()).map(|it| it.to_bytes());
    let len = |content| sealed(content).expect("seals").len();
    assert_eq!(len(0), len(31));
    assert_ne!(len(31), len(32));
    assert!(len(SEALED_CONTENT_BYTES_MAX) < 64 * 1024);
    let longest = sealed(SEALED_CONTENT_BYTES_MAX).expect("seals");
    let opened = SealedBody::from_bytes(&longest).expect("reads back").open(&key, &place()).expect("opens");
    assert_eq!(opened.len(), SEALED_CONTENT_BYTES_MAX);
    let bytes = SEALED_CONTENT_BYTES_MAX + 1;
    assert_eq!(sealed(bytes).expect_err("too long"), SealError::TooLong { bytes });
}

#[test]
fn debug_shows_no_secret() {
    let identity = Identity::from_seed([0x5a; 32]);
    let names = NamesSecret::from_bytes([0x5b; 32]);
    let secret = EpochSecret::from_bytes(&[0x5c; 64]);
    let key = DataKey { key: zeroize::Zeroizing::new([0x5d; 32]), ..data_key(&city().epochs[0].1, 1, 3) };
    let opened = Opened::Writer(names.clone());
    let shown = format!("{:?} {names:?} {secret:?} {key:?} {opened:?}", identity.sealing_key(SPACE, 0, NOW));
    for byte in [0x5au8, 0x5b, 0x5c, 0x5d] {
        let (hex, decimal) = (format!("{byte:02x}{byte:02x}"), format!("{byte}, {byte}"));
        assert!(!shown.contains(&hex) && !shown.contains(&decimal), "{shown}");
    }
}

#[test]
fn a_sealing_key_is_the_same_each_time_and_another_for_each_number() {
    let public =
        |seed, number| Identity::from_seed([seed; 32]).sealing_key(SPACE, number, NOW).endorsement().public;
    assert_eq!(public(2, 0), public(2, 0));
    assert_ne!(public(2, 0), public(2, 1));
    assert_ne!(public(2, 0), public(3, 0));
}

/// `vectors/sealed.txt`: hex up to the first two spaces, line by line; then what it is. An empty line parts what stands alone.
#[test]
fn what_is_sealed_is_these_bytes() {
    let City { manager, epochs: [(secret, record), _], reader } = city();
    let wrap = Wrap::for_reader(&secret, &record, reader.endorsement(), None, &mut rng(2)).expect("wraps");
    let key = data_key(&record, 20_454, 3);
    let sealed = key.seal(&record, &mut rng(4)).expect("seals");
    let body = SealedBody::seal(b"3.2 kW", &key, KEY_AT, &place()).expect("seals");
    let made = [
        reader.endorsement().to_bytes(),
        record.to_bytes(),
        wrap.to_bytes(),
        sealed.to_bytes(),
        body.to_bytes(),
    ];
    let made = made.map(|bytes| data_encoding::HEXLOWER.encode(&bytes));
    let text = include_str!("../../vectors/sealed.txt");
    let hex = |part: &str| {
        let lines = part.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| line.split("  ").next()).collect::<String>().replace(' ', "")
    };
    let kept: Vec<String> = text.split("\n\n").map(hex).collect();
    assert_eq!(kept, made);
    let parsed = Unverified::<EpochRecord>::from_bytes(&record.to_bytes()).expect("parses");
    assert!(parsed.verify(&manager.peer()).is_ok());
}

fn flipped(bytes: &[u8], at: usize, bit: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = at % bytes.len();
    bytes[at] ^= 1 << bit;
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_is_sealed_opens(content in proptest::collection::vec(any::<u8>(), 0..2_000), day: i32, position: u64) {
        let City { epochs: [(_, record), _], .. } = city();
        let key = data_key(&record, day, 3);
        let place = BodyPlace { position, ..place() };
        let body = SealedBody::seal(&content, &key, KEY_AT, &place).expect("seals");
        let body = SealedBody::from_bytes(&body.to_bytes()).expect("reads back");
        prop_assert_eq!(body.open(&key, &place).expect("opens").to_vec(), content);
    }

    #[test]
    fn no_flipped_bit_opens(at in 0usize..400, bit in 0u8..8) {
        let City { epochs: [(secret, record), _], reader, .. } = city();
        let key = data_key(&record, 20_454, 3);
        let body = SealedBody::seal(b"48.5", &key, KEY_AT, &place()).expect("seals").to_bytes();
        if let Ok(body) = SealedBody::from_bytes(&flipped(&body, at, bit)) {
            prop_assert!(body.open(&key, &place()).is_err());
        }
        let sealed = key.seal(&record, &mut rng(4)).expect("seals").to_bytes();
        if let Ok(sealed) = SealedDataKey::from_bytes(&flipped(&sealed, at, bit)) {
            prop_assert!(sealed.open(&record, &secret).is_err());
        }
        let wrap = Wrap::for_reader(&secret, &record, reader.endorsement(), None, &mut rng(2)).expect("wraps");
        if let Ok(wrap) = Wrap::from_bytes(&flipped(&wrap.to_bytes(), at, bit)) {
            prop_assert!(wrap.open(&record, &reader).is_err());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = SealedBody::from_bytes(&bytes);
        let _ = SealedDataKey::from_bytes(&bytes);
        let _ = Wrap::from_bytes(&bytes);
        let _ = Unverified::<EpochRecord>::from_bytes(&bytes);
        let _ = Unverified::<SealingEndorsement>::from_bytes(&bytes);
    }

    #[test]
    fn what_decodes_is_what_would_be_written(ciphertext in proptest::collection::vec(any::<u8>(), 0..90), kind in 0u8..3) {
        let mut e = minicbor::Encoder::new(Vec::new());
        let written = match kind {
            0 => e.array(3).and_then(|e| e.u8(1)),
            1 => e.array(5).and_then(|e| e.bytes(&[1; 32])).and_then(|e| e.bytes(&[1; 32])).and_then(|e| e.u8(1)),
            _ => e.array(4).and_then(|e| e.bytes(&[1; 32])).and_then(|e| e.bytes(&[1; 32])),
        };
        written.and_then(|e| e.bytes(&[1; 32])).and_then(|e| e.bytes(&ciphertext)).expect("a vector grows");
        let bytes = e.into_writer();
        let again = match kind {
            0 => SealedBody::from_bytes(&bytes).map(|it| it.to_bytes()),
            1 => SealedDataKey::from_bytes(&bytes).map(|it| it.to_bytes()),
            _ => Wrap::from_bytes(&bytes).map(|it| it.to_bytes()),
        };
        let right = match kind { 0 => ciphertext.len() > 16, 1 => ciphertext.len() == 48, _ => [48, 80].contains(&ciphertext.len()) };
        prop_assert_eq!(again, if right { Ok(bytes) } else { Err(OpenError::Malformed) });
    }
}

#[test]
fn the_longest_encodings_are_within_their_bounds() {
    let City { epochs: [(secret, record), _], reader, .. } = city();
    let wrap = Wrap::for_reader(&secret, &record, reader.endorsement(), None, &mut rng(2)).expect("wraps");
    assert_eq!(wrap.to_bytes().len(), WRAP_BYTES_MAX);
    for day in [i32::MIN, 0, i32::MAX] {
        let key = data_key(&record, day, 3);
        let sealed = key.seal(&record, &mut rng(4)).expect("seals");
        assert_eq!(SealedDataKey::from_bytes(&sealed.to_bytes()), Ok(sealed));
    }
}
