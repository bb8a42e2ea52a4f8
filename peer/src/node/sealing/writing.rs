//! What is published in a sealed collection: sealed before it is an entry.
//!
//! One stream, from one reading to the next:
//!
//! | what it has | what happens |
//! |---|---|
//! | no epoch that counts, where one did once or the invitation names one | the publisher is told so: nothing goes there in clear |
//! | no names yet | the publisher is told to try again: a manager's peer has to wrap for this one first |
//! | no key for this log, day and epoch, or one that was erased, or another unit or place than the key's label | a new key, sealed; its label; then the reading |
//! | the key | the reading |
//!
//! Each reading is an entry, so that it can be erased alone. Stream, unit and place are in the label; the header shows a keyed hash of
//! the stream's name. Documents, claims and countersignatures are refused there: what they are made of would be in clear, or be nobody's.

use std::ops::Range;

use msec_crdt_store::{
    COMMITMENT_SALT_BYTES, EntryError, Label, LogHeader, Reading, SealedContent, TimeQuality,
};
use msec_identity::sealed::{BodyPlace, DataKey, Day, EpochRecord, LogSealer, SealedBody};
use msec_identity::{CollectionPath, ControlRecord, LogId, UnixMillis, Verified};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use crate::node::{Content, Node, PublishError, StreamName, StreamSpec, Ticket};

/// Readings that are taken at a time: each is an entry of its own, and all are signed together.
pub const SEALED_READINGS_MAX: usize = 256;
/// What a sealed reading takes at most, with all around it.
const READING_BYTES_MAX: usize = 256;
/// What a key and its label take at most.
const KEY_BYTES_MAX: usize = 1024;

/// What is kept of a stream that is sealed: nothing that opens what was written on another day.
#[derive(Debug)]
pub(super) struct Writer {
    log: LogId,
    sealer: LogSealer,
    label: Label,
    /// Where the key lies; its label lies right behind it.
    key_at: u64,
}

impl Node {
    /// The epoch to which a collection is sealed: that of the nearest sealed collection that it is or lies in. What was sealed once is
    /// never written in clear again, whether an epoch counts there or not.
    pub(in crate::node) fn epoch_for(
        &mut self,
        collection: &CollectionPath,
    ) -> Result<Option<Verified<EpochRecord>>, PublishError> {
        if collection.is_reserved() {
            return Ok(None);
        }
        self.know_sealed();
        let covering = self.sealing.heads.iter().filter(|(sealed, _)| sealed.covers(collection));
        if let Some((_, epoch)) = covering.max_by_key(|(sealed, _)| sealed.as_str().len()) {
            return Ok(Some(epoch.clone()));
        }
        let told = self.papers.iter().filter_map(|record| match record {
            ControlRecord::EpochRecord(epoch) => Some(&epoch.claims().collection),
            _ => None,
        });
        match self.sealing.headless.keys().chain(told).find(|sealed| sealed.covers(collection)) {
            Some(sealed) => Err(PublishError::NoEpoch { sealed: sealed.clone() }),
            None => Ok(None),
        }
    }

    /// Publishes into a sealed collection.
    pub(in crate::node) fn append_sealed(
        &mut self,
        ticket: Ticket,
        spec: &StreamSpec,
        epoch: &Verified<EpochRecord>,
        content: Content,
    ) -> Result<(), PublishError> {
        let collection = spec.name.collection.clone();
        let Content::Readings(readings) = content else {
            return Err(PublishError::OnlyReadings { collection });
        };
        if epoch.collection != collection {
            return Err(PublishError::BelowSealed { collection, sealed: epoch.collection.clone() });
        }
        self.may_append(spec)?;
        if readings.len() > SEALED_READINGS_MAX {
            return Err(PublishError::TooManySealed { count: readings.len() });
        }
        let space = self.authority.space();
        let Some(names) = self.sealing.names.get(&epoch.names) else {
            return Err(PublishError::NotWrapped { collection });
        };
        let stream = names.stream(&space, &collection, &spec.name.stream).to_string();
        let sealed = StreamSpec { name: StreamName { collection, stream }, unit: None, place: None };
        let label = self.label_of(spec, &sealed.name)?;
        let contents = contents(&readings, &label, &spec.name)?;
        if self.logs.own_mut(&sealed.name).is_none() {
            self.start_log(&sealed)?;
        }
        let charged = self.may_write_now(&self.logs.written_by(&sealed.name))?;
        let (time, quality) = self.entry_time();
        let log = self.logs.own_mut(&sealed.name).expect("a stream that was started");
        if !log.has_room(contents.len() * READING_BYTES_MAX + KEY_BYTES_MAX) {
            return Err(EntryError::Busy.into());
        }
        let before = log.pending_bytes();
        let id = log.header().id();
        let gone = self.authority.may_lack(&id, &self.identity.peer(), &sealed.name.collection);
        let writer = self.sealing.writers.entry(sealed.name.clone());
        let writer = writer.or_insert_with(|| Writer::new(id, label.clone()));
        if writer.log != id {
            *writer = Writer::new(id, label.clone());
        }
        writer.forget_erased(&gone);
        let mut entry = Appending { log, time, quality, rng: &mut self.rng };
        let written = writer.write(&mut entry, epoch, label, &contents);
        if written.is_err() {
            // What was half written is no key that anything is sealed under.
            writer.sealer.forget();
        }
        let after = log_bytes(entry.log);
        self.commits.wrote(after - before);
        let (first, last) = written?;
        self.logs.wait_for(&sealed.name, ticket, last);
        // Each reading is an entry, and so are keys and labels.
        let bytes = (after - before) / (last - first + 1) as usize;
        (first..=last).for_each(|_| self.wrote_under(charged, bytes));
        self.await_commit(&sealed.name.collection, (last - first + 1) as usize, std::time::Duration::ZERO);
        Ok(())
    }

    /// What the readings are labelled. What is not said is as it was said last, since this peer was started.
    fn label_of(&self, spec: &StreamSpec, sealed: &StreamName) -> Result<Label, PublishError> {
        let before = self.sealing.writers.get(sealed).map(|writer| &writer.label);
        let unit = spec.unit.clone().or_else(|| before.map(|label| label.unit.clone()));
        let label = Label {
            stream: spec.name.stream.clone(),
            unit: unit.unwrap_or_else(|| "1".into()),
            place: spec.place.or_else(|| before.and_then(|label| label.place)),
        };
        // As strict as with a log in clear.
        let header = LogHeader::new(
            self.authority.space(),
            spec.name.collection.clone(),
            &label.stream,
            self.peer(),
            [0; 16],
        );
        header.with_unit(&label.unit).with_place(label.place).check().map_err(EntryError::from)?;
        Ok(label)
    }
}

fn log_bytes(log: &msec_crdt_store::OwnLog) -> usize {
    log.pending_bytes()
}

/// What is sealed of each reading.
fn contents(readings: &[Reading], label: &Label, stream: &StreamName) -> Result<Vec<Vec<u8>>, PublishError> {
    if label.place.is_some() && readings.iter().any(|reading| reading.place.is_some()) {
        return Err(PublishError::FixedPlace { stream: stream.clone() });
    }
    let one =
        |reading: &Reading| SealedContent::Readings(vec![*reading]).to_bytes().map_err(EntryError::from);
    // None at all are refused as they are in clear.
    if readings.is_empty() {
        SealedContent::Readings(Vec::new()).to_bytes().map_err(EntryError::from)?;
    }
    Ok(readings.iter().map(one).collect::<Result<_, _>>()?)
}

/// The end of a log, and what an entry is made with.
struct Appending<'a> {
    log: &'a mut msec_crdt_store::OwnLog,
    time: UnixMillis,
    quality: TimeQuality,
    rng: &'a mut ChaCha20Rng,
}

impl Appending<'_> {
    fn salt(&mut self) -> [u8; COMMITMENT_SALT_BYTES] {
        let mut salt = [0; COMMITMENT_SALT_BYTES];
        self.rng.fill_bytes(&mut salt);
        salt
    }

    fn seal(&mut self, content: &[u8], key: &DataKey, key_at: u64) -> Result<u64, PublishError> {
        let salt = self.salt();
        let place = BodyPlace { log: key.log(), position: self.log.next_position(), salt };
        let body = SealedBody::seal(content, key, key_at, &place)?;
        Ok(self.log.append_sealed(self.time, self.quality, salt, &body)?)
    }
}

impl Writer {
    fn new(log: LogId, label: Label) -> Self {
        Self { log, sealer: LogSealer::new(log), label, key_at: 0 }
    }

    /// Forgets the key if its entry or that of its label is erased: nobody opens any more what is sealed under it.
    fn forget_erased(&mut self, erased: &[Range<u64>]) {
        let is_gone = |at: u64| erased.iter().any(|stretch| stretch.contains(&at));
        if is_gone(self.key_at) || is_gone(self.key_at + 1) {
            self.sealer.forget();
        }
    }

    /// Appends the readings, and before them what they need. Returns the positions of the first and the last entry.
    fn write(
        &mut self,
        entry: &mut Appending<'_>,
        epoch: &Verified<EpochRecord>,
        label: Label,
        contents: &[Vec<u8>],
    ) -> Result<(u64, u64), PublishError> {
        if label != self.label {
            self.sealer.forget();
            self.label = label;
        }
        let first = entry.log.next_position();
        let (key, sealed) = self.sealer.key(epoch, Day::of(entry.time), entry.rng)?;
        if let Some(sealed) = sealed {
            let salt = entry.salt();
            self.key_at = entry.log.append_data_key(entry.time, entry.quality, salt, &sealed)?;
            let label = SealedContent::Label(self.label.clone()).to_bytes().map_err(EntryError::from)?;
            entry.seal(&label, key, self.key_at)?;
        }
        let mut last = first;
        for content in contents {
            last = entry.seal(content, key, self.key_at)?;
        }
        Ok((first, last))
    }
}
