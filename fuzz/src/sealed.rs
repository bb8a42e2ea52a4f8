//! One sealed collection of the town: an epoch, its reader, and what a sensor sealed there.

use std::sync::LazyLock;

use msec_identity::sealed::{
    BodyPlace, DataKey, Day, EpochRecord, EpochSecret, NamesSecret, SealedBody, SealedDataKey, SealingKey,
    Wrap, WrapList, Wraps,
};
use msec_identity::{LogId, Verified};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::town::{self, NOW};

/// All that there is of it.
pub struct Sealed {
    /// The epoch.
    pub epoch: Verified<EpochRecord>,
    secret: EpochSecret,
    /// The gateway's key, which the epoch is wrapped for.
    pub reader: SealingKey,
    /// The epoch's secrets for the gateway.
    pub wrap: Vec<u8>,
    /// That wrap as its maker enters it.
    pub wraps: Vec<u8>,
    key: DataKey,
    /// The key of the sensor's day.
    pub data_key: Vec<u8>,
    /// A body of that day.
    pub body: Vec<u8>,
}

const LOG: LogId = LogId([0x22; 32]);
const PLACE: BodyPlace = BodyPlace { log: LOG, position: 7, salt: [0x33; 16] };

/// It, made once.
pub fn collection() -> &'static Sealed {
    static SEALED: LazyLock<Sealed> = LazyLock::new(make);
    &SEALED
}

fn make() -> Sealed {
    let rng = &mut ChaCha20Rng::from_seed([1; 32]);
    let secret = EpochSecret::draw(NamesSecret::draw(rng), rng);
    let signer = (town::manifest().space(), town::root().peer());
    let epoch = town::root().sign(secret.record(signer, town::noise(), None, NOW));
    let reader = town::gateway().sealing_key(town::manifest().space(), 0, NOW);
    let wrap = Wrap::for_reader(&secret, &epoch, reader.endorsement(), Some(NOW), rng).expect("a valid key");
    let key = DataKey::draw(epoch.id(), LOG, Day::of(NOW), rng);
    let data_key = key.seal(&epoch, rng).expect("the key's epoch").to_bytes();
    let body = SealedBody::seal(b"48.5", &key, 3, &PLACE).expect("the key's log").to_bytes();
    let of_one = WrapList::new(vec![wrap.clone()]).expect("one");
    let wraps = Wraps { space: signer.0, issuer: signer.1, epoch: epoch.id(), wraps: of_one };
    let wraps = town::root().sign(wraps).to_bytes();
    Sealed { wrap: wrap.to_bytes(), wraps, epoch, secret, reader, key, data_key, body }
}

/// A body opens if it is the one that was sealed, and no other does.
pub fn body(bytes: &[u8]) {
    let Ok(body) = SealedBody::from_bytes(bytes) else { return };
    assert_eq!(body.to_bytes(), bytes, "one encoding");
    let ours = collection();
    assert_eq!(body.open(&ours.key, &PLACE).is_ok(), bytes == ours.body);
}

/// So does a data key. Anybody can seal one to an epoch; a fuzzer cannot.
pub fn data_key(bytes: &[u8]) {
    let Ok(key) = SealedDataKey::from_bytes(bytes) else { return };
    assert_eq!(key.to_bytes(), bytes, "one encoding");
    let ours = collection();
    assert_eq!(key.open(&ours.epoch, &ours.secret).is_ok(), bytes == ours.data_key);
}

/// So does a wrap.
pub fn wrap(bytes: &[u8]) {
    let Ok(wrap) = Wrap::from_bytes(bytes) else { return };
    assert_eq!(wrap.to_bytes(), bytes, "one encoding");
    let ours = collection();
    assert_eq!(wrap.open(&ours.epoch, &ours.reader).is_ok(), bytes == ours.wrap);
}
