//! Sealed logs: what answers show to whom, and what nobody is shown.

use std::sync::Arc;

use msec_identity::sealed::{
    BodyPlace, DataKey, Day, EpochRecord, EpochSecret, Keyring, NamesSecret, SealedBody, SealedDataKey,
};
use msec_identity::{CollectionPath, LogId, Verified};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::*;
use crate::log::Place;
use crate::query::{Query, Row};
use crate::sealed::{Label, SealedContent, Unseal};

const POWER: &str = "homes/power";
const HOUR_MS: i64 = 3_600_000;

#[derive(Debug)]
struct Keys(Keyring);

impl Unseal for Keys {
    fn reads(&self, collection: &CollectionPath) -> bool {
        collection.as_str() == POWER
    }

    fn data_key(&self, sealed: &SealedDataKey) -> Option<DataKey> {
        self.0.open(sealed)
    }
}

/// An epoch, and a meter that seals to it.
struct Home {
    rng: ChaCha20Rng,
    epoch: Verified<EpochRecord>,
    secret: EpochSecret,
    meter: Identity,
    log: OwnLog,
    key: Option<(DataKey, u64)>,
}

impl Home {
    fn new(seed: u8) -> Self {
        let mut rng = ChaCha20Rng::from_seed([seed; 32]);
        let manager = Identity::from_seed([1; 32]);
        let secret = EpochSecret::draw(NamesSecret::draw(&mut rng), &mut rng);
        let path = || POWER.parse::<CollectionPath>().expect("a path");
        let record = secret.record((SpaceId([0; 32]), manager.peer()), path(), None, START);
        let epoch = manager.sign(record);
        let meter = Identity::from_seed([seed; 32]);
        let name = secret.names().stream(&SpaceId([0; 32]), &path(), "meter-1").to_string();
        let header = LogHeader::new(SpaceId([0; 32]), path(), &name, meter.peer(), [1; 16]).with_unit("1");
        Self { rng, epoch, secret, meter, log: OwnLog::create(header), key: None }
    }

    fn keys(&self) -> Arc<Keys> {
        let mut ring = Keyring::default();
        assert!(ring.add(&self.epoch, self.secret.clone()));
        Arc::new(Keys(ring))
    }

    fn id(&self) -> LogId {
        self.log.header().id()
    }

    fn salt(&mut self) -> [u8; 16] {
        let mut salt = [0; 16];
        self.rng.fill_bytes(&mut salt);
        salt
    }

    /// A body for a place that may not be where it will lie.
    fn seal(&mut self, content: &SealedContent, position: u64) -> (SealedBody, [u8; 16]) {
        let salt = self.salt();
        let (key, at) = self.key.clone().expect("a key");
        let place = BodyPlace { log: self.id(), position, salt };
        let bytes = content.to_bytes().expect("good readings");
        (SealedBody::seal(&bytes, &key, at, &place).expect("sealed"), salt)
    }

    fn append(&mut self, content: &SealedContent) {
        let position = self.log.next_position();
        let (body, salt) = self.seal(content, position);
        let at = self.log.append_sealed(START, TimeQuality::Synchronised, salt, &body).expect("appended");
        assert_eq!(at, position);
    }

    fn begin_day(&mut self, day: i32) {
        let (id, epoch) = (self.id(), self.epoch.clone());
        let key = DataKey::draw(epoch.id(), id, Day(day), &mut self.rng);
        let sealed = key.seal(&epoch, &mut self.rng).expect("its epoch");
        let salt = self.salt();
        let at = self.log.append_data_key(START, TimeQuality::Synchronised, salt, &sealed).expect("appended");
        self.key = Some((key, at));
        let label =
            Label { stream: "meter-1".into(), unit: "kW".into(), place: Place::from_degrees(43.4, -3.8) };
        self.append(&SealedContent::Label(label));
    }

    fn write(&mut self, values: impl IntoIterator<Item = i64>) {
        for value in values {
            self.append(&readings(value));
        }
    }

    fn sign(&mut self) -> VerifiedRun {
        self.log.sign(&self.meter, START).expect("something to sign")
    }
}

/// Measured so many hours after the start.
fn readings(value: i64) -> SealedContent {
    SealedContent::Readings(vec![Reading::new(START.saturating_add(value * HOUR_MS), value as f64)])
}

fn shown(rows: &[Row]) -> Vec<f64> {
    rows.iter().map(|row| row.reading.value).collect()
}

#[test]
fn who_has_the_key_is_shown_names_units_and_places_and_who_has_not_is_shown_nothing() {
    over_each_medium(|open| {
        let (mut store, _) = open();
        let mut home = Home::new(7);
        home.begin_day(1);
        home.write(0..3);
        home.begin_day(2);
        home.write(3..5);
        let mut clear = writer("mic");
        store.apply(1, &[home.sign(), clear.run(1)]).expect("applied");
        store.sync().expect("synced");
        assert_eq!(values(&*store), [0.0], "what is in clear");
        let queries = store.queries().unsealing(home.keys());
        let rows = queries
            .query(&Query { collection: POWER.parse().expect("a path"), ..Query::default() })
            .expect("answers");
        assert_eq!(shown(&rows), [4.0, 3.0, 2.0, 1.0, 0.0]);
        assert_eq!((rows[0].stream(), rows[0].unit(), rows[0].log), ("meter-1", "kW", home.id()));
        assert_eq!(rows[0].place, Place::from_degrees(43.4, -3.8));
        let page = Query {
            limit: 2,
            after: Some(rows[1].cursor()),
            collection: POWER.parse().expect("a path"),
            ..Query::default()
        };
        assert_eq!(shown(&queries.query(&page).expect("answers")), [2.0, 1.0]);
        let timed = Query {
            since: START.saturating_add(HOUR_MS),
            until: START.saturating_add(3 * HOUR_MS),
            ..page.clone()
        };
        assert_eq!(shown(&queries.query(&Query { after: None, ..timed }).expect("answers")), [2.0, 1.0]);
        let named = |stream: &str| Query { stream: Some(stream.into()), ..Query::default() };
        assert_eq!(queries.query(&named("meter-1")).expect("answers").len(), 5);
        assert_eq!(queries.query(&named("meter-2")).expect("answers").len(), 0);
        assert_eq!(
            shown(&queries.latest(&Query::default()).expect("answers")),
            [4.0, 0.0],
            "with what is in clear"
        );
        assert_eq!(shown(&queries.unsealed(&home.id(), 4..9).expect("answers")), [1.0, 2.0, 3.0]);
        // Another epoch's keys open none of it.
        let others = store.queries().unsealing(Home::new(8).keys());
        assert_eq!(others.query(&named("meter-1")).expect("answers"), []);
        assert_eq!(others.unsealed(&home.id(), 0..9).expect("answers"), []);
    });
}

#[test]
fn whoever_erases_a_key_erases_its_day() {
    over_each_medium(|open| {
        let (mut store, _) = open();
        let mut home = Home::new(7);
        home.begin_day(1);
        home.write(0..3);
        home.begin_day(2);
        home.write(3..5);
        store.apply(1, &[home.sign()]).expect("applied");
        store.sync().expect("synced");
        // The first key lies behind the header.
        store.erase(&home.id(), 1..2).expect("erased");
        let queries = store.queries().unsealing(home.keys());
        assert_eq!(shown(&queries.query(&Query::default()).expect("answers")), [4.0, 3.0]);
        store.erase(&home.id(), 8..9).expect("erased");
        let queries = store.queries().unsealing(home.keys());
        assert_eq!(
            shown(&queries.query(&Query::default()).expect("answers")),
            [4.0],
            "one reading can go alone"
        );
    });
}

/// What a writer that lies, or a relay that puts together what it carries, could show.
#[test]
fn copied_keys_moved_bodies_and_swapped_ones_are_shown_to_nobody() {
    let (mut home, mut thief) = (Home::new(7), Home::new(9));
    home.begin_day(1);
    home.write(0..2);
    let stolen = home.sign();
    // Somebody else who may write copies key, label and body into a log of its own, position by position.
    let quality = TimeQuality::Synchronised;
    for entry in &stolen.entries()[1..] {
        let crate::log::Body::Kept { salt, bytes } = &entry.body else { panic!("kept") };
        match SealedDataKey::from_bytes(bytes) {
            Ok(key) => drop(thief.log.append_data_key(START, quality, *salt, &key).expect("appended")),
            Err(_) => {
                let body = SealedBody::from_bytes(bytes).expect("a body");
                thief.log.append_sealed(START, quality, *salt, &body).expect("appended");
            }
        }
    }
    // The meter's own log: one body for another place, two that changed places, one under a key that lies behind it.
    let at = home.log.next_position();
    let (moved, salt) = home.seal(&readings(50), at + 7);
    home.log.append_sealed(START, quality, salt, &moved).expect("appended");
    let [one, other] = [51, 52].map(|value| home.seal(&readings(value), at + value as u64 - 50));
    home.log.append_sealed(START, quality, other.1, &other.0).expect("appended");
    home.log.append_sealed(START, quality, one.1, &one.0).expect("appended");
    let later = home.log.next_position() + 1;
    home.key = home.key.take().map(|(key, _)| (key, later));
    let (early, salt) = home.seal(&readings(53), later - 1);
    home.log.append_sealed(START, quality, salt, &early).expect("appended");
    home.key = home.key.take().map(|(key, _)| (key, 1));
    home.write([60]);
    let (_, mut store) = in_memory();
    store
        .apply(1, &[stolen, home.sign(), thief.log.sign(&thief.meter, START).expect("signed")])
        .expect("applied");
    let queries = store.queries().unsealing(home.keys());
    assert_eq!(shown(&queries.query(&Query::default()).expect("answers")), [60.0, 1.0, 0.0]);
    let thiefs = queries.unsealed(&thief.log.header().id(), 0..10).expect("answers");
    assert_eq!(thiefs, [], "what was copied opens nowhere");
}

/// It is bound to its log and its position: whoever published it seals it again.
#[test]
fn what_was_sealed_for_one_log_does_not_move_to_the_next() {
    let mut home = Home::new(7);
    home.begin_day(1);
    home.write(0..3);
    let mut next = Home::new(8).log;
    next.begin(START, TimeQuality::Synchronised);
    assert!(home.log.is_pending() && home.log.hand_over(&mut next).is_empty());
    assert_eq!(next.next_position(), 1);
}
