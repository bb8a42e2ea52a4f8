//! Retention: what is let go because it is old, or because there is no room for it.
//!
//! A rule is of a collection and those below it; of several, the longest path counts. In this order:
//!
//! | what | lets go |
//! |---|---|
//! | older than `raw_ms` | entries of readings, from the beginning of each log |
//! | more than `bytes_max` in the logs of one rule | the oldest of what is left, whatever log it is in, until the rest fits |
//!
//! The last entries of each log stay, so that each stream has a latest value. Neither lets go what others may not have: beyond [`RetentionTerms::vouched`] everything stays. Nor what roll-ups are to be made
//! of, as long as [`RetentionTerms::covered`] says so. Nor anything from the first entry on that is no reading, such as a change of a
//! document: that is erased whole, or not at all.
//!
//! Where a rule's logs are over its cap after that, nothing is refused: what comes is stored, for it may be the only copy, and
//! [`Retained::over`] says by how much. The age of an entry is that of its newest reading, and of all before it in its log: a clock
//! that was ahead once keeps what follows for longer.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use msec_identity::{CollectionPath, LogId, UnixMillis};

use super::held::HeldLog;
use super::stretch::Stretch;
use super::view::View;
use super::{Storage, Store};
use crate::error::StorageError;
use crate::log::{EntryKind, LogState};

/// How long the readings of a collection are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Of which collection, and those below it.
    pub collection: CollectionPath,
    /// For how long raw readings are kept, in milliseconds. `None`: for ever.
    pub raw_ms: Option<u64>,
    /// How many bytes their entries may take, in the logs of this rule together. `None`: any number.
    pub bytes_max: Option<u64>,
}

/// What may be let go.
pub struct RetentionTerms<'a> {
    /// What is kept. A collection without a rule is kept whole.
    pub rules: &'a [Retention],
    /// The time.
    pub now: UnixMillis,
    /// Up to which entry a log is anchored, or held by as many others as it takes.
    pub vouched: &'a dyn Fn(&LogState) -> u64,
    /// Whether claims of roll-ups cover these entries, or none are wanted.
    pub covered: &'a dyn Fn(&LogId, Range<u64>) -> bool,
}

/// What was let go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retained {
    /// How many entries.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Which rules' logs are over their cap all the same, and by how many bytes.
    pub over: Vec<(CollectionPath, u64)>,
}

/// A log under a rule.
struct Ruled {
    log: Arc<HeldLog>,
    vouched: u64,
    /// Entries below this one are let go.
    end: u64,
}

impl Store {
    /// As [`Storage::retain`].
    pub(super) fn let_go_by(&mut self, terms: &RetentionTerms<'_>) -> Result<Retained, StorageError> {
        self.sync()?;
        let view = self.shared.view();
        let (mut done, mut pruned) = (Retained::default(), Vec::new());
        for (rule, mut logs) in self.ruled(terms) {
            let rule = &terms.rules[rule];
            if let Some(raw_ms) = rule.raw_ms {
                let since = UnixMillis(terms.now.0.saturating_sub_unsigned(raw_ms));
                for it in &mut logs {
                    while let Some(stretch) = it.first(&view, terms)?.filter(|first| first.greatest < since) {
                        it.let_go(&stretch, &mut done);
                    }
                }
            }
            if let Some(bytes_max) = rule.bytes_max {
                let over = fit(&view, terms, &mut logs, bytes_max, &mut done)?;
                done.over.extend((over > 0).then(|| (rule.collection.clone(), over)));
            }
            pruned.extend(logs.iter().filter(|it| it.end > 1).map(|it| (it.log.id(), it.end)));
        }
        self.let_go(&pruned)?;
        Ok(done)
    }

    /// The logs of each rule that is the longest one for some, by its place.
    fn ruled(&self, terms: &RetentionTerms<'_>) -> BTreeMap<usize, Vec<Ruled>> {
        let mut ruled: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for log in self.shared.logs().values().filter(|log| log.size() > 1) {
            let collection = log.facts.header.collection();
            let rules = terms.rules.iter().enumerate().filter(|(_, rule)| rule.collection.covers(collection));
            let Some((rule, _)) = rules.max_by_key(|(_, rule)| rule.collection.as_str().len()) else {
                continue;
            };
            let (vouched, end) = ((terms.vouched)(&log.state()), log.begin().max(1));
            ruled.entry(rule).or_default().push(Ruled { log: log.clone(), vouched, end });
        }
        ruled
    }
}

impl Ruled {
    /// The first entries that are left, if they may be let go.
    fn first(&self, view: &View, terms: &RetentionTerms<'_>) -> Result<Option<Stretch>, StorageError> {
        if self.end >= self.log.size().min(self.vouched) {
            return Ok(None);
        }
        let stretch = view.stretch(&self.log, self.end)?;
        let is_last = stretch.end == self.log.size();
        if is_last || stretch.end > self.vouched || !(terms.covered)(&self.log.id(), self.end..stretch.end) {
            return Ok(None);
        }
        let is_reading = |kind| matches!(kind, EntryKind::Readings | EntryKind::Header);
        let all = view.entries(&stretch)?.iter().all(|(entry, _)| is_reading(entry.kind));
        Ok(all.then_some(stretch))
    }

    fn let_go(&mut self, stretch: &Stretch, done: &mut Retained) {
        done.entries += stretch.end - self.end;
        done.bytes += u64::from(stretch.len);
        self.end = stretch.end;
    }
}

/// Lets go the oldest of what is left until the rest has so many bytes. Returns how many it has beyond that.
fn fit(
    view: &View,
    terms: &RetentionTerms<'_>,
    logs: &mut [Ruled],
    bytes_max: u64,
    done: &mut Retained,
) -> Result<u64, StorageError> {
    let (mut bytes, mut oldest) = (0, BTreeSet::new());
    for (n, it) in logs.iter().enumerate() {
        for stretch in view.stretches(&it.log) {
            let stretch = stretch?;
            if stretch.end <= it.end {
                break;
            }
            bytes += u64::from(stretch.len);
        }
        oldest.extend(it.first(view, terms)?.map(|first| (first.greatest, it.log.id(), n)));
    }
    while bytes > bytes_max
        && let Some((.., n)) = oldest.pop_first()
    {
        let Some(first) = logs[n].first(view, terms)? else { continue };
        logs[n].let_go(&first, done);
        bytes -= u64::from(first.len);
        oldest.extend(logs[n].first(view, terms)?.map(|next| (next.greatest, logs[n].log.id(), n)));
    }
    Ok(bytes.saturating_sub(bytes_max))
}
