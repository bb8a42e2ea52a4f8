//! Answers from sealed logs, for whoever has keys.
//!
//! Nothing of what is sealed is in the index, in no roll-up and in no cache: an answer reads the logs from their ends backwards and
//! opens what may be wanted. An entry that was written long before the time that is asked for is passed over unopened, since a
//! reading is measured before it is written, or [`AHEAD_MAX_MS`] after it by a clock that is wrong: what claims more is not
//! found by a query for a time. What cannot be opened, for want of a key, because the key was erased, or because somebody lies, is passed over.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use msec_identity::sealed::{BodyPlace, DataKey, SealedBody, SealedDataKey};
use msec_identity::{LogId, UnixMillis};

use super::held::HeldLog;
use super::shared::{Queries, Shared};
use super::view::View;
use crate::error::StorageError;
use crate::log::{Body, Entry, EntryKind, LogHeader};
use crate::query::{QUERY_ROWS_MAX, Query, Row};
use crate::reading::Reading;
use crate::sealed::{SealedContent, Unseal};

/// How long after its entry was written a reading may claim to be measured, and still be found by time: a day.
const AHEAD_MAX_MS: i64 = 24 * 3600 * 1000;
/// Data keys of one log that one answer opens, at about 0.1 ms each: eleven years, of a new one a day. What lies under further ones,
/// older ones, is not in the answer.
const KEYS_OPENED_MAX: usize = 4_096;
/// Entries that [`Queries::unsealed`] reads at a time.
pub const UNSEALED_ENTRIES_MAX: u64 = 16_384;

/// Opens entries of one log.
struct Opener<'a> {
    view: &'a View,
    log: &'a HeldLog,
    keys: &'a dyn Unseal,
    opened: BTreeMap<u64, Option<Opened>>,
}

/// What was in an entry, and the header as it is shown.
type Unsealed = (Arc<LogHeader>, Vec<Reading>);

/// A data key, and what it is labelled.
#[derive(Clone)]
struct Opened {
    key: DataKey,
    header: Arc<LogHeader>,
}

impl<'a> Opener<'a> {
    fn new(view: &'a View, log: &'a HeldLog, keys: &'a dyn Unseal) -> Self {
        Self { view, log, keys, opened: BTreeMap::new() }
    }

    /// The readings in an entry, and the header as it is shown.
    fn readings(&mut self, position: u64, entry: &Entry) -> Result<Option<Unsealed>, StorageError> {
        let Some(body) = sealed_body(entry) else { return Ok(None) };
        if body.key_at() >= position {
            return Ok(None);
        }
        let Some(Opened { key, header }) = self.key(body.key_at())? else { return Ok(None) };
        match self.content(&body, position, entry, &key) {
            Some(SealedContent::Readings(readings)) => Ok(Some((header, readings))),
            _ => Ok(None),
        }
    }

    fn content(
        &self,
        body: &SealedBody,
        position: u64,
        entry: &Entry,
        key: &DataKey,
    ) -> Option<SealedContent> {
        let Body::Kept { salt, .. } = &entry.body else { return None };
        let place = BodyPlace { log: self.log.id(), position, salt: *salt };
        let content = body.open(key, &place).ok()?;
        SealedContent::from_bytes(&content)
    }

    fn key(&mut self, at: u64) -> Result<Option<Opened>, StorageError> {
        if let Some(known) = self.opened.get(&at) {
            return Ok(known.clone());
        }
        if self.opened.len() >= KEYS_OPENED_MAX {
            return Ok(None);
        }
        let opened = self.open_key(at)?;
        self.opened.insert(at, opened.clone());
        Ok(opened)
    }

    fn open_key(&self, at: u64) -> Result<Option<Opened>, StorageError> {
        if !self.log.shows(at) || !self.log.shows(at + 1) {
            return Ok(None);
        }
        let entry = self.view.entry(self.log, at)?;
        let (EntryKind::DataKey, Some(bytes)) = (entry.kind, entry.body.bytes()) else { return Ok(None) };
        // One of another log counts for nothing here: anybody can copy it.
        let sealed = SealedDataKey::from_bytes(bytes).ok().filter(|sealed| sealed.log() == self.log.id());
        let Some(key) = sealed.and_then(|sealed| self.keys.data_key(&sealed)) else { return Ok(None) };
        let label = self.view.entry(self.log, at + 1)?;
        let Some(body) = sealed_body(&label).filter(|body| body.key_at() == at) else { return Ok(None) };
        let Some(SealedContent::Label(said)) = self.content(&body, at + 1, &label, &key) else {
            return Ok(None);
        };
        let header = self.log.facts.header.shown_as(&said);
        Ok(header.check().is_ok().then(|| Opened { key, header: Arc::new(header) }))
    }
}

fn sealed_body(entry: &Entry) -> Option<SealedBody> {
    match (entry.kind, entry.body.bytes()) {
        (EntryKind::Sealed, Some(bytes)) => SealedBody::from_bytes(bytes).ok(),
        _ => None,
    }
}

impl Shared {
    /// The logs of sealed collections that a query may want something of, as far as that is known before anything is opened.
    fn wanted_sealed(&self, query: &Query, keys: &dyn Unseal) -> Vec<Arc<HeldLog>> {
        self.wanted(|header| {
            header.may_be_sealed()
                && query.author.is_none_or(|author| author == header.author())
                && query.collection.covers(header.collection())
                && keys.reads(header.collection())
        })
    }

    /// The readings in sealed logs that a query wants, the newest first.
    pub(super) fn query_sealed(&self, query: &Query, keys: &dyn Unseal) -> Result<Vec<Row>, StorageError> {
        let view = self.view();
        let mut rows = Vec::new();
        for log in self.wanted_sealed(query, keys) {
            newest_of_sealed(&view, &log, query, keys, &mut rows)?;
        }
        newest_to_front(&mut rows, query.limit.min(QUERY_ROWS_MAX));
        Ok(rows)
    }

    /// The newest reading of each sealed stream.
    pub(super) fn latest_sealed(&self, query: &Query, keys: &dyn Unseal) -> Result<Vec<Row>, StorageError> {
        let view = self.view();
        let whole = Query {
            since: UnixMillis(i64::MIN),
            until: UnixMillis(i64::MAX),
            near: None,
            within: None,
            after: None,
            limit: 1,
            ..query.clone()
        };
        let mut newest: BTreeMap<_, Row> = BTreeMap::new();
        for log in self.wanted_sealed(query, keys) {
            let mut rows = Vec::new();
            newest_of_sealed(&view, &log, &whole, keys, &mut rows)?;
            newest_to_front(&mut rows, 1);
            for row in rows {
                let stream = (row.author(), row.collection().clone(), row.stream().to_owned());
                let before = newest.get(&stream);
                if before.is_none_or(|before| before.cursor() < row.cursor()) {
                    newest.insert(stream, row);
                }
            }
        }
        let wanted = |row: &Row| query.wants_reading(&row.cursor()) && query.wants_place(row.place);
        let mut rows: Vec<_> = newest.into_values().filter(wanted).collect();
        newest_to_front(&mut rows, query.limit.min(QUERY_ROWS_MAX));
        Ok(rows)
    }
}

/// Adds what a query wants of a log. What is too old for the answer is thrown away meanwhile.
fn newest_of_sealed(
    view: &View,
    log: &HeldLog,
    query: &Query,
    keys: &dyn Unseal,
    rows: &mut Vec<Row>,
) -> Result<(), StorageError> {
    let limit = query.limit.min(QUERY_ROWS_MAX);
    if limit == 0 {
        return Ok(());
    }
    let mut opener = Opener::new(view, log, keys);
    let mut since = query.since;
    for stretch in view.stretches(log) {
        let stretch = stretch?;
        for ((entry, _), position) in view.entries(&stretch)?.into_iter().zip(stretch.from..) {
            let is_old = entry.quality.is_set() && entry.time.saturating_add(AHEAD_MAX_MS) < since;
            if !log.shows(position) || is_old {
                continue;
            }
            let Some((header, readings)) = opener.readings(position, &entry)? else { continue };
            if !query.wants(&header) {
                continue;
            }
            let row = |(index, reading): (u32, Reading)| {
                Row::of(&header, log.id(), (position, index), entry.quality, reading)
            };
            let wanted = |row: &Row| query.wants_reading(&row.cursor()) && query.wants_place(row.place);
            rows.extend((0..).zip(readings).map(row).filter(wanted));
        }
        if rows.len() > limit + limit / 4 + 1_024 {
            newest_to_front(rows, limit);
            since = rows.last().map_or(since, |last| since.max(last.reading.time));
        }
    }
    Ok(())
}

/// Puts the newest first, and leaves out what is beyond the limit.
pub(super) fn newest_to_front(rows: &mut Vec<Row>, limit: usize) {
    rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.cursor()));
    rows.truncate(limit);
}

impl Queries {
    /// The readings in sealed entries of a log, in the order in which they were written: what a subscriber is shown of entries that came.
    /// At most [`UNSEALED_ENTRIES_MAX`] entries are read, from the first one on.
    pub fn unsealed(&self, log: &LogId, entries: Range<u64>) -> Result<Vec<Row>, StorageError> {
        let shared = self.shared();
        let (_stay, Some(keys)) = (shared.files_stay(), self.keys()) else { return Ok(Vec::new()) };
        let Some(log) = shared.log(log).filter(|log| keys.reads(log.facts.header.collection())) else {
            return Ok(Vec::new());
        };
        let view = shared.view();
        let mut opener = Opener::new(&view, &log, keys);
        let end = entries.end.min(log.end()).min(entries.start.saturating_add(UNSEALED_ENTRIES_MAX));
        let (mut at, mut rows) = (entries.start.max(log.begin()), Vec::new());
        while at < end {
            let stretch = view.stretch(&log, at)?;
            for ((entry, _), position) in view.entries(&stretch)?.into_iter().zip(stretch.from..) {
                if !(at..end).contains(&position) {
                    continue;
                }
                if let Some((header, readings)) = opener.readings(position, &entry)? {
                    let clock = entry.quality;
                    let row =
                        |(index, reading)| Row::of(&header, log.id(), (position, index), clock, reading);
                    rows.extend((0..).zip(readings).map(row));
                }
            }
            at = stretch.end;
        }
        Ok(shared.marked(rows))
    }
}
