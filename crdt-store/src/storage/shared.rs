//! What the thread that writes shares with those that read.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use msec_identity::LogId;

use super::claims::Claims;
use super::erase::Tombstones;
use super::held::HeldLog;
use super::index::AnyIndex;
#[cfg(feature = "index")]
use super::unseal::newest_to_front;
use super::view::View;
use super::{Chunk, Medium, answer};
use crate::changes::{CHANGES_BYTES_MAX, ChangeEntry, ChangesPage, ChangesQuery};
use crate::error::StorageError;
use crate::log::{Body, EntryKind, LogHeader};
use crate::merkle::TreeHash;
#[cfg(feature = "index")]
use crate::query::QUERY_ROWS_MAX;
use crate::query::{Query, Row};
#[cfg(feature = "index")]
use crate::sealed::Unseal;

/// A file that is there when an entry was not what was written, or the index could not be read: the next opening reads everything.
pub(super) const DOUBT: &str = "doubt";

/// All logs, and where they lie. A reader takes what it needs of it, and then holds nobody up: entries never change.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) medium: Arc<dyn Medium>,
    logs: RwLock<BTreeMap<LogId, Arc<HeldLog>>>,
    index: RwLock<Option<AnyIndex>>,
    /// Held by who reads from files, and alone by who puts others in their place.
    files: RwLock<()>,
    /// Those that the index does not have.
    claims: RwLock<Claims>,
    /// Who writes it moves what is in memory to the index: whoever joins both holds it, so that nothing counts twice.
    moving: RwLock<()>,
    /// Roots of logs' first entries that were computed from what is held, at most [`super::roll_ups::ROOTS_MAX`] of them.
    pub(super) roots: Mutex<BTreeMap<(LogId, u64), TreeHash>>,
    /// As the ledger has them.
    tombstones: RwLock<Tombstones>,
    /// Logs that were forked, as the ledger has them, and from where on what is held of them is contested.
    contested: RwLock<BTreeMap<LogId, u64>>,
    /// Another number whenever something is erased, or taken back that was not durable.
    generation: AtomicU64,
    /// Whether the index failed somebody, and is to be made again.
    index_failed: AtomicBool,
    doubted: AtomicBool,
}

impl Shared {
    pub(super) fn new(
        medium: Arc<dyn Medium>,
        logs: BTreeMap<LogId, Arc<HeldLog>>,
        claims: Claims,
        index: Option<AnyIndex>,
    ) -> Self {
        Self {
            medium,
            logs: RwLock::new(logs),
            index: RwLock::new(index),
            files: RwLock::new(()),
            claims: RwLock::new(claims),
            moving: RwLock::new(()),
            roots: Mutex::default(),
            tombstones: RwLock::default(),
            contested: RwLock::default(),
            generation: AtomicU64::new(0),
            index_failed: AtomicBool::new(false),
            doubted: AtomicBool::new(false),
        }
    }

    pub(super) fn logs(&self) -> RwLockReadGuard<'_, BTreeMap<LogId, Arc<HeldLog>>> {
        self.logs.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A log as it is now.
    pub(super) fn log(&self, log: &LogId) -> Option<Arc<HeldLog>> {
        self.logs().get(log).cloned()
    }

    pub(super) fn logs_mut(&self) -> RwLockWriteGuard<'_, BTreeMap<LogId, Arc<HeldLog>>> {
        self.logs.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn claims(&self) -> RwLockReadGuard<'_, Claims> {
        self.claims.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn claims_mut(&self) -> RwLockWriteGuard<'_, Claims> {
        self.claims.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what is in memory there while it is held. Whoever reads files too holds them first.
    pub(super) fn still(&self) -> RwLockReadGuard<'_, ()> {
        self.moving.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for those who join memory and index, and keeps them waiting.
    pub(super) fn moving(&self) -> RwLockWriteGuard<'_, ()> {
        self.moving.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what was erased.
    pub(super) fn set_tombstones(&self, tombstones: Tombstones) {
        *self.tombstones.write().unwrap_or_else(PoisonError::into_inner) = tombstones;
        self.begin_generation();
    }

    /// Something of what was shown is gone.
    pub(super) fn begin_generation(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// As long as it is the same, nothing that was shown is gone but what was let go.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// How many of these entries were erased.
    pub(super) fn erased(&self, log: &LogId, entries: Range<u64>) -> u64 {
        self.tombstones.read().unwrap_or_else(PoisonError::into_inner).count_in(log, entries)
    }

    /// Remembers that a log was forked, and which of its entries is the first that may not be in both histories.
    pub(super) fn mark_contested(&self, log: LogId, first: u64) {
        self.contested.write().unwrap_or_else(PoisonError::into_inner).insert(log, first);
    }

    /// That entry, if the log was forked.
    pub(super) fn contested_from(&self, log: &LogId) -> Option<u64> {
        self.contested.read().unwrap_or_else(PoisonError::into_inner).get(log).copied()
    }

    /// Marks the rows that only one history of a forked log may have.
    pub(super) fn marked(&self, mut rows: Vec<Row>) -> Vec<Row> {
        let contested = self.contested.read().unwrap_or_else(PoisonError::into_inner);
        if !contested.is_empty() {
            let is_contested =
                |row: &Row| contested.get(&row.log).is_some_and(|first| row.position >= *first);
            rows.iter_mut().for_each(|row| row.contested = is_contested(row));
        }
        rows
    }

    pub(super) fn index(&self) -> Option<AnyIndex> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_index(&self, index: Option<AnyIndex>) {
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = index;
        self.index_failed.store(false, Ordering::Relaxed);
    }

    pub(super) fn index_has_failed(&self) -> bool {
        self.index_failed.load(Ordering::Relaxed)
    }

    /// Until this is dropped, no entry is read for anybody else.
    pub(super) fn files_change(&self) -> RwLockWriteGuard<'_, ()> {
        self.files.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until this is dropped, entries lie where they are.
    pub(super) fn files_stay(&self) -> RwLockReadGuard<'_, ()> {
        self.files.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn view(&self) -> View {
        View { medium: self.medium.clone(), index: self.index() }
    }

    /// The logs that are wanted, as they are now, in the order of their ids.
    pub(super) fn wanted(&self, wants: impl Fn(&LogHeader) -> bool) -> Vec<Arc<HeldLog>> {
        self.logs().values().filter(|log| wants(&log.facts.header)).cloned().collect()
    }

    /// Remembers what an error means for the next opening, and for the index.
    pub(super) fn note<T>(&self, result: Result<T, StorageError>) -> Result<T, StorageError> {
        if let Err(StorageError::Index(_)) = &result {
            self.index_failed.store(true, Ordering::Relaxed);
        }
        match &result {
            Err(StorageError::Damaged | StorageError::Index(_))
                if !self.doubted.swap(true, Ordering::Relaxed) =>
            {
                let written = self.medium.write_at(DOUBT, 0, b"?").and_then(|()| self.medium.sync(DOUBT));
                if let Err(error) = written.and_then(|()| self.medium.sync_dir()) {
                    tracing::warn!(%error, "the next start will not know that the store is damaged");
                }
            }
            _ => {}
        }
        result
    }

    pub(super) fn read(
        &self,
        log: &LogId,
        from: u64,
        bytes_max: usize,
    ) -> Result<Option<Chunk>, StorageError> {
        let _stay = self.files_stay();
        let Some(log) = self.log(log) else { return Ok(None) };
        if from < log.begin() {
            let prefix = self.note(self.prefix_of(&log))?;
            return Ok(prefix.map(|bytes| Chunk { from: 0, end: log.begin(), bytes }));
        }
        self.note(self.view().chunk(&log, from, bytes_max))
    }

    fn changes_of(&self, query: &ChangesQuery) -> Result<ChangesPage, StorageError> {
        let _stay = self.files_stay();
        // Before anything is read: what goes meanwhile makes it another one.
        let generation = self.generation();
        let view = self.view();
        let mut page = ChangesPage { next: query.from.clone(), generation, ..ChangesPage::default() };
        let mut bytes = 0;
        for log in self.wanted(|header| query.wants(header)) {
            let next = page.next.entry(log.id()).or_insert(0);
            *next = log.begin().max(*next);
            while *next < log.end() {
                let stretch = view.stretch(&log, *next)?;
                for ((entry, len), position) in view.entries(&stretch)?.into_iter().zip(stretch.from..) {
                    if position < *next || position >= log.end() {
                        continue;
                    }
                    // Entries of other kinds count too: they are read to be told apart.
                    if bytes > 0 && bytes + len > CHANGES_BYTES_MAX {
                        page.more = true;
                        return Ok(page);
                    }
                    bytes += len;
                    if entry.kind == EntryKind::Change {
                        // One that is being erased is still there.
                        let is_erased = self.erased(&log.id(), position..position + 1) > 0;
                        match entry.body {
                            Body::Kept { bytes: body, .. } if !is_erased => {
                                page.entries.push(ChangeEntry { log: log.id(), position, body });
                            }
                            _ => drop(page.erased.insert(log.id())),
                        }
                    }
                    *next += 1;
                }
            }
        }
        Ok(page)
    }
}

/// What answers apps, on any thread, while another one commits. It sees what was applied, durable or not.
#[derive(Debug, Clone)]
pub struct Queries(pub(super) Arc<Shared>, #[cfg(feature = "index")] Option<Arc<dyn Unseal>>);

impl Queries {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(
            shared,
            #[cfg(feature = "index")]
            None,
        )
    }

    /// The same, who opens what is sealed with these keys.
    #[cfg(feature = "index")]
    #[must_use]
    pub fn unsealing(self, keys: Arc<dyn Unseal>) -> Self {
        Self(self.0, Some(keys))
    }

    #[cfg(feature = "index")]
    pub(super) fn shared(&self) -> &Shared {
        &self.0
    }

    #[cfg(feature = "index")]
    pub(super) fn keys(&self) -> Option<&dyn Unseal> {
        self.1.as_deref()
    }

    /// The readings that a query wants, the newest first.
    pub fn query(&self, query: &Query) -> Result<Vec<Row>, StorageError> {
        let _stay = self.0.files_stay();
        let logs = self.0.wanted(|header| query.wants(header));
        let rows = self.0.note(answer::newest_first(&self.0.view(), &logs, query))?;
        #[cfg(feature = "index")]
        let mut rows = rows;
        #[cfg(feature = "index")]
        if let Some(keys) = self.keys() {
            rows.extend(self.0.note(self.0.query_sealed(query, keys))?);
            newest_to_front(&mut rows, query.limit.min(QUERY_ROWS_MAX));
        }
        Ok(self.0.marked(rows))
    }

    /// The newest reading of each stream, the newest first; of those streams whose newest reading the query wants.
    pub fn latest(&self, query: &Query) -> Result<Vec<Row>, StorageError> {
        let rows = {
            let logs = self.0.logs();
            let wanted = logs.values().map(|log| &**log).filter(|log| query.wants(&log.facts.header));
            answer::latest(wanted, query)
        };
        #[cfg(feature = "index")]
        let mut rows = rows;
        #[cfg(feature = "index")]
        if let Some(keys) = self.keys() {
            let _stay = self.0.files_stay();
            rows.extend(self.0.note(self.0.latest_sealed(query, keys))?);
            newest_to_front(&mut rows, query.limit.min(QUERY_ROWS_MAX));
        }
        Ok(self.0.marked(rows))
    }

    /// Reads change entries for an app that folds a document, a page at a time.
    pub fn changes(&self, query: &ChangesQuery) -> Result<ChangesPage, StorageError> {
        self.0.note(self.0.changes_of(query))
    }
}
