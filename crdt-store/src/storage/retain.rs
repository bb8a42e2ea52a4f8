//! Retention: what is let go because it is old, or because there is no room for it.
//!
//! A rule is of a collection and those below it; of several, the longest path counts. In this order:
//!
//! | what | lets go |
//! |---|---|
//! | claims of roll-ups older than `roll_ups_ms` | entries of claims, from the beginning of each log that has no readings |
//! | older than `raw_ms` | entries of readings, from the beginning of each log |
//! | more than `bytes_max` in the logs of one rule | the oldest readings of what is left, whatever log they are in, until the rest fits |
//!
//! The last entries of each log stay, so that each stream has a latest value. Nothing goes that others may not have: beyond
//! [`RetentionTerms::vouched`] everything stays. Nor do readings of which a rule keeps roll-ups, before claims stand for them: a log is
//! let go up to where one of those ends, so that each reading is counted once. Nor anything from the first entry on that is no
//! reading, such as a change of a document: that is erased whole, or not at all.
//!
//! Where a rule's logs are over its cap after that, nothing is refused: what comes is stored, for it may be the only copy, and
//! [`Retained::over`] says by how much. The age of an entry is that of its newest reading, and of all before it in its log: a clock
//! that was ahead once keeps what follows for longer. The age of a claim is when it was made.
//!
//! What may go is looked for beside the thread that writes ([`Queries::outdated`]), since that reads what lies where of each log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use msec_identity::{CollectionPath, LogId, UnixMillis};

use super::held::HeldLog;
use super::shared::{Queries, Shared};
use super::view::View;
use super::{Store, roll_ups};
use crate::error::StorageError;
use crate::log::{Entry, EntryKind, LogState, TimeQuality};

/// How long what lies in a collection is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Of which collection, and those below it.
    pub collection: CollectionPath,
    /// For how long raw readings are kept, in milliseconds. `None`: for ever.
    pub raw_ms: Option<u64>,
    /// For how long claims of what they come to are kept, in milliseconds. `None`: for ever. Unless it is 0, readings go only
    /// once claims by hours, or shorter ones, stand for them.
    pub roll_ups_ms: Option<u64>,
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
    /// Logs of which something is old and stays, since too few others hold it.
    pub unvouched: u64,
    /// Logs of which something is old and stays, since no claims stand for it yet.
    pub unclaimed: u64,
}

/// What may be let go, before it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outdated {
    /// Which logs, and up to which entry each: for [`super::Storage::prune`].
    pub logs: Vec<(LogId, u64)>,
    /// What that comes to.
    pub retained: Retained,
}

/// A log under a rule.
struct Ruled {
    log: Arc<HeldLog>,
    vouched: u64,
    /// Where claims end that stand for what is held, one after the other. `None`: none are waited for.
    claimed: Option<Vec<u64>>,
    /// Entries below this one are let go.
    end: u64,
}

/// What goes next of a log, all of it or nothing.
struct Step {
    end: u64,
    /// The greatest time in the log up to there.
    greatest: UnixMillis,
}

/// Why nothing goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stays {
    Last,
    Unvouched,
    Unclaimed,
}

impl Queries {
    /// What may be let go by these terms. It stays so until it is: what others hold, or claims stand for, only grows.
    pub fn outdated(&self, terms: &RetentionTerms<'_>) -> Result<Outdated, StorageError> {
        let _stay = self.0.files_stay();
        self.0.note(outdated(&self.0, terms))
    }
}

impl Store {
    /// As [`super::Storage::retain`].
    pub(super) fn let_go_by(&mut self, terms: &RetentionTerms<'_>) -> Result<Retained, StorageError> {
        let Outdated { logs, retained } = super::Storage::queries(self).outdated(terms)?;
        self.let_go(&logs)?;
        Ok(retained)
    }
}

fn outdated(shared: &Shared, terms: &RetentionTerms<'_>) -> Result<Outdated, StorageError> {
    let view = shared.view();
    let (mut done, mut outdated) = (Retained::default(), Vec::new());
    for (rule, mut logs) in ruled(shared, &view, terms)? {
        let rule = &terms.rules[rule];
        let since = |age_ms: u64| UnixMillis(terms.now.0.saturating_sub_unsigned(age_ms));
        if let Some(before) = rule.roll_ups_ms.map(since) {
            logs.iter_mut().try_for_each(|it| it.let_go_claims(&view, before, &mut done))?;
        }
        if let Some(since) = rule.raw_ms.map(since) {
            logs.iter_mut().try_for_each(|it| it.let_go_before(&view, since, &mut done))?;
        }
        if let Some(bytes_max) = rule.bytes_max {
            let over = fit(&view, &mut logs, bytes_max, &mut done)?;
            done.over.extend((over > 0).then(|| (rule.collection.clone(), over)));
        }
        let gone = logs.iter().filter(|it| it.end > it.log.begin().max(1));
        outdated.extend(gone.map(|it| (it.log.id(), it.end)));
    }
    Ok(Outdated { logs: outdated, retained: done })
}

/// The logs of each rule that is the longest one for some, by its place.
fn ruled(
    shared: &Shared,
    view: &View,
    terms: &RetentionTerms<'_>,
) -> Result<BTreeMap<usize, Vec<Ruled>>, StorageError> {
    let mut ruled: BTreeMap<_, Vec<_>> = BTreeMap::new();
    // What is not shown takes room, too.
    let logs: Vec<_> = shared.logs().values().filter(|log| log.size() > 1).map(HeldLog::whole).collect();
    for log in logs {
        let collection = log.facts.header.collection();
        let rules = terms.rules.iter().enumerate().filter(|(_, rule)| rule.collection.covers(collection));
        let Some((nth, rule)) = rules.max_by_key(|(_, rule)| rule.collection.as_str().len()) else {
            continue;
        };
        let claimed = match rule.roll_ups_ms {
            Some(0) => None,
            _ => Some(roll_ups::claimed(shared, view, &log)?),
        };
        let (vouched, end) = ((terms.vouched)(&log.state()), log.begin().max(1));
        ruled.entry(nth).or_default().push(Ruled { log, vouched, claimed, end });
    }
    Ok(ruled)
}

impl Ruled {
    /// What goes next, if it may.
    fn next(&self, view: &View) -> Result<Result<Step, Stays>, StorageError> {
        let last = self.log.size() - 1;
        if self.end >= last {
            return Ok(Err(Stays::Last));
        }
        let end = match &self.claimed {
            None => view.stretch(&self.log, self.end)?.end,
            Some(ends) => match ends.iter().find(|end| **end > self.end) {
                Some(end) => *end,
                None => return Ok(Err(Stays::Unclaimed)),
            },
        };
        if end > last {
            return Ok(Err(Stays::Last));
        }
        if end > self.vouched {
            return Ok(Err(Stays::Unvouched));
        }
        Ok(Ok(Step { end, greatest: view.stretch(&self.log, end - 1)?.greatest }))
    }

    /// Lets go of a step. `false`: something in it is no reading, and nothing goes from there on.
    fn let_go(&mut self, view: &View, step: &Step, done: &mut Retained) -> Result<bool, StorageError> {
        let (mut at, mut bytes) = (self.end, 0);
        while at < step.end {
            let stretch = view.stretch(&self.log, at)?;
            for ((entry, len), position) in view.entries(&stretch)?.into_iter().zip(stretch.from..) {
                if position < at || position >= step.end {
                    continue;
                }
                if !matches!(entry.kind, EntryKind::Readings | EntryKind::Header) {
                    return Ok(false);
                }
                bytes += len as u64;
            }
            at = stretch.end;
        }
        done.entries += step.end - self.end;
        done.bytes += bytes;
        self.end = step.end;
        Ok(true)
    }

    /// Lets go of the readings that are older.
    fn let_go_before(
        &mut self,
        view: &View,
        since: UnixMillis,
        done: &mut Retained,
    ) -> Result<(), StorageError> {
        if self.log.facts.newest.is_none() {
            return Ok(());
        }
        let stays = loop {
            match self.next(view)? {
                Ok(step) if step.greatest >= since || !self.let_go(view, &step, done)? => return Ok(()),
                Ok(_) => {}
                Err(stays) => break stays,
            }
        };
        let is_old = |at| Ok::<_, StorageError>(view.stretch(&self.log, at)?.greatest < since);
        match stays {
            Stays::Unvouched => done.unvouched += u64::from(is_old(self.end)?),
            Stays::Unclaimed => done.unclaimed += u64::from(is_old(self.end)?),
            Stays::Last => {}
        }
        Ok(())
    }

    /// Lets go of claims that are older, where a log has nothing else. One that was made by a clock that was never set is as old as
    /// the next one.
    fn let_go_claims(
        &mut self,
        view: &View,
        before: UnixMillis,
        done: &mut Retained,
    ) -> Result<(), StorageError> {
        let last = self.log.size() - 1;
        if self.log.facts.newest.is_some() {
            return Ok(());
        }
        let (mut at, mut bytes) = (self.end, 0);
        while at < last.min(self.vouched) {
            let stretch = view.stretch(&self.log, at)?;
            for ((entry, len), position) in view.entries(&stretch)?.into_iter().zip(stretch.from..) {
                if position < at {
                    continue;
                }
                let is_dated = entry.quality != TimeQuality::Unsynchronised;
                if !is_claim(&entry)
                    || position >= last.min(self.vouched)
                    || (is_dated && entry.time >= before)
                {
                    return Ok(());
                }
                (at, bytes) = (position + 1, bytes + len as u64);
                if is_dated {
                    done.entries += at - self.end;
                    done.bytes += std::mem::take(&mut bytes);
                    self.end = at;
                }
            }
        }
        Ok(())
    }
}

fn is_claim(entry: &Entry) -> bool {
    matches!(entry.kind, EntryKind::Claim | EntryKind::Countersignature)
}

/// Lets go the oldest readings of what is left until the rest has so many bytes. Returns how many it has beyond that.
fn fit(view: &View, logs: &mut [Ruled], bytes_max: u64, done: &mut Retained) -> Result<u64, StorageError> {
    let (mut bytes, mut oldest) = (0_u64, BTreeSet::new());
    for (n, it) in logs.iter().enumerate() {
        for stretch in view.stretches(&it.log) {
            let stretch = stretch?;
            if stretch.end <= it.end {
                break;
            }
            bytes += u64::from(stretch.len);
        }
        if it.log.facts.newest.is_some() {
            oldest.extend(it.next(view)?.ok().map(|step| (step.greatest, it.log.id(), n)));
        }
    }
    while bytes > bytes_max
        && let Some((.., n)) = oldest.pop_first()
    {
        let Ok(step) = logs[n].next(view)? else { continue };
        let before = done.bytes;
        if !logs[n].let_go(view, &step, done)? {
            continue;
        }
        bytes = bytes.saturating_sub(done.bytes - before);
        oldest.extend(logs[n].next(view)?.ok().map(|next| (next.greatest, logs[n].log.id(), n)));
    }
    Ok(bytes.saturating_sub(bytes_max))
}
