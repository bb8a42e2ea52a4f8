//! Answers about roll-ups: buckets from the index, from memory, and from claims where the bodies are gone.

mod chosen;
mod due;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::{Arc, PoisonError};

use msec_identity::{LogId, UnixMillis};

use super::claims::ClaimFacts;
use super::held::HeldLog;
use super::index::Rolled;
use super::shared::{Queries, Shared};
use super::view::View;
use crate::error::StorageError;
use crate::merkle::TreeHash;
use crate::rollup::{
    Bucket, ClaimView, Claimed, ROLL_UP_ROWS_MAX, Resolution, RollUpClaim, RollUpQuery, RollUpRow,
    RolledStream, Tally, Told, row_of,
};
use chosen::{Found, Known};
pub use due::{CLAIM_ENTRIES_MAX, Due, DueQuery, ROLL_UPS_STREAM, Says, Statement};

/// Roots of logs' first entries that are remembered, some 130 bytes each. At one more, all are forgotten.
pub(super) const ROOTS_MAX: usize = 8_192;

/// A bucket, and what is known of it where claims stand for readings.
type Counted = (Bucket, Option<Claimed>);

impl Queries {
    /// The buckets that are wanted, the newest first, and of one time in the order of the streams' names.
    ///
    /// # Errors
    ///
    /// [`StorageError::NoRollUps`] if the store keeps none.
    pub fn roll_ups(&self, query: &RollUpQuery) -> Result<Vec<RollUpRow>, StorageError> {
        let _stay = self.0.files_stay();
        let _still = self.0.still();
        self.0.note(newest_first(&self.0, query))
    }

    /// The claims about a log that are held, those that begin first, and who says so: peers whose logs are of the log's own
    /// collection, so that whoever sees the one sees the other. Of a log that is not held nothing is known.
    pub fn claims(&self, log: &LogId) -> Result<Vec<ClaimView>, StorageError> {
        let _stay = self.0.files_stay();
        let _still = self.0.still();
        self.0.note(self.0.claims_about(log))
    }

    /// The claims that stand for a log's first entries, one after the other, as [`Queries::roll_ups`] takes them once those have
    /// lost their bodies. Their buckets are of that resolution or shorter. Up to where any of them ends, bodies can go.
    pub fn chain(&self, log: &LogId, resolution: Resolution) -> Result<Vec<ClaimView>, StorageError> {
        let _stay = self.0.files_stay();
        let _still = self.0.still();
        let Some(held) = self.0.log(log) else { return Ok(Vec::new()) };
        let known = Known { shared: &self.0, view: &self.0.view() };
        let chosen = self.0.note(known.chosen(&held, resolution, held.end()))?;
        let mut end = 0;
        let follow = chosen.into_iter().map(|it| it.view).take_while(|it| {
            let follows = it.from == end;
            end = it.to;
            follows
        });
        Ok(follow.collect())
    }
}

/// Where claims end that stand one after the other for what is held of a log, with buckets of an hour or shorter ones.
pub(super) fn claimed(shared: &Shared, view: &View, log: &HeldLog) -> Result<Vec<u64>, StorageError> {
    let _still = shared.still();
    let chosen = Known { shared, view }.chosen(log, Resolution::Hour, log.end())?;
    let mut end = log.begin();
    let left = chosen.into_iter().map(|it| it.view).skip_while(|it| it.to <= log.begin());
    let follow = left.take_while(|it| {
        let follows = it.from <= end;
        end = it.to;
        follows
    });
    Ok(follow.map(|it| it.to).collect())
}

/// Streams with the logs that they went on in.
fn streams(shared: &Shared, query: &RollUpQuery) -> BTreeMap<RolledStream, Vec<Arc<HeldLog>>> {
    let mut streams = BTreeMap::<_, Vec<_>>::new();
    for (id, log) in shared.logs().iter() {
        let header = &log.facts.header;
        if query.wants(id, header) {
            streams.entry(RolledStream::by(header)).or_default().push(log.clone());
        }
    }
    streams
}

fn newest_first(shared: &Shared, query: &RollUpQuery) -> Result<Vec<RollUpRow>, StorageError> {
    let limit = query.limit.min(ROLL_UP_ROWS_MAX);
    let wanted = query.resolution.number(query.since)..=query.resolution.number(before(query.until));
    let mut rows: Vec<RollUpRow> = Vec::new();
    if limit == 0 || query.since >= query.until {
        return Ok(rows);
    }
    let view = shared.view();
    let known = Known { shared, view: &view };
    // Once there are as many as are wanted, streams that come later only add what is newer.
    let mut least = *wanted.start();
    for (of, logs) in streams(shared, query) {
        let newest = match &query.after {
            Some(after) if after.of < of => query.resolution.number(after.begin),
            Some(after) => query.resolution.number(after.begin).saturating_sub(1),
            None => i64::MAX,
        };
        let numbers = least..=newest.min(*wanted.end());
        if numbers.is_empty() {
            continue;
        }
        let mut buckets = BTreeMap::<i64, Counted>::new();
        for log in &logs {
            for (number, counted) in of_log(&known, log, query.resolution, &numbers, limit)? {
                join(&mut buckets, number, counted);
            }
        }
        let mut contested = BTreeSet::new();
        for log in &logs {
            contested.extend(shared.contested_buckets(&view, log, query)?);
        }
        let place = logs.iter().rev().find_map(|log| log.facts.header.place());
        for (number, (bucket, claimed)) in buckets.into_iter().rev().take(limit) {
            let (resolution, begin) = (query.resolution, query.resolution.begin(number));
            let contested = contested.contains(&number);
            rows.push(RollUpRow { of: of.clone(), place, resolution, begin, bucket, claimed, contested });
        }
        if rows.len() >= 2 * limit {
            cut(&mut rows, limit);
            least = least.max(rows.last().map_or(least, |last| query.resolution.number(last.begin) + 1));
        }
    }
    cut(&mut rows, limit);
    Ok(rows)
}

/// The last moment before this one.
fn before(time: UnixMillis) -> UnixMillis {
    time.saturating_add(-1)
}

fn cut(rows: &mut Vec<RollUpRow>, limit: usize) {
    rows.sort_by(|a, b| b.begin.cmp(&a.begin).then_with(|| a.of.cmp(&b.of)));
    rows.truncate(limit);
}

fn join(buckets: &mut BTreeMap<i64, Counted>, number: i64, (bucket, claimed): Counted) {
    let (joined, known) = buckets.entry(number).or_default();
    joined.join(&bucket);
    match (known, claimed) {
        (Some(known), Some(claimed)) => known.join(&claimed),
        (known @ None, claimed) => *known = claimed,
        (Some(_), None) => {}
    }
}

/// The buckets of one log with these numbers: the newest of them, at least as many as are wanted.
fn of_log(
    known: &Known<'_>,
    log: &HeldLog,
    resolution: Resolution,
    numbers: &RangeInclusive<i64>,
    limit: usize,
) -> Result<BTreeMap<i64, Counted>, StorageError> {
    let rolled = rolled(known.view, log)?;
    let mut buckets = match resolution {
        // Buckets that were rolled up as they came count what is not shown, too.
        _ if log.is_cut() => measured(known.view, log, resolution, numbers, limit)?,
        Resolution::Minute => measured(known.view, log, resolution, numbers, limit)?,
        Resolution::Hour | Resolution::Day => counted(known.view, log, resolution, numbers)?,
    };
    // Bodies that are gone, before the first one that is there.
    if log.begin() > 0 || rolled.left_out.erased > 0 {
        for chosen in known.chosen(log, resolution, rolled.gone.min(log.end()))? {
            let ClaimFacts { first, last, resolution: shorter, .. } = chosen.facts;
            let number = |it| resolution.number(shorter.begin(it));
            if first > last || number(last) < *numbers.start() || number(first) > *numbers.end() {
                continue;
            }
            // What it says of each bucket is joined first: it counts once there.
            let mut said = BTreeMap::<i64, Bucket>::new();
            for (at, bucket) in known.read(&chosen.view)?.buckets() {
                if numbers.contains(&number(*at)) {
                    said.entry(number(*at)).or_default().join(bucket);
                }
            }
            for (number, bucket) in said {
                join(&mut buckets, number, (bucket, Some(chosen.claimed())));
            }
        }
    }
    while buckets.len() > limit {
        buckets.pop_first();
    }
    Ok(buckets)
}

/// What the entries of a log come to that have their bodies, beside buckets.
pub(super) fn rolled(view: &View, log: &HeldLog) -> Result<Rolled, StorageError> {
    let newer = log.rolled.as_ref().ok_or(StorageError::NoRollUps)?;
    let older = match &view.index {
        Some(index) if log.has_row => index.rolled(log.number).map_err(StorageError::Index)?,
        _ => Rolled { end: log.indexed, gone: log.indexed, ..Rolled::default() },
    };
    if older.end != log.indexed {
        return Err(StorageError::Index("roll-ups are missing in it".into()));
    }
    Ok(older.joined(newer))
}

/// The buckets with these numbers of the entries that have their bodies, the newest of them: they are counted now. As with
/// readings, a log is read from its last entry backwards, until it says that there was nothing newer before.
fn measured(
    view: &View,
    log: &HeldLog,
    resolution: Resolution,
    numbers: &RangeInclusive<i64>,
    limit: usize,
) -> Result<BTreeMap<i64, Counted>, StorageError> {
    let mut least = *numbers.start();
    let until = resolution.begin(numbers.end().saturating_add(1));
    let mut tally = Tally::new(resolution);
    for stretch in view.stretches(log) {
        let stretch = stretch?;
        let since = resolution.begin(least);
        if stretch.greatest < since {
            break;
        }
        if !stretch.has(since, until) {
            continue;
        }
        let entries = view.entries(&stretch)?.into_iter().zip(stretch.from..);
        for ((entry, _), _) in entries.filter(|(_, position)| log.shows(*position)) {
            let mut told = Told::by(&entry);
            told.retain(|time| (least..=*numbers.end()).contains(&resolution.number(time)));
            tally.add(&told);
        }
        if tally.buckets.len() > limit {
            let over = tally.buckets.len() - limit;
            // What is older than as many as are wanted is not looked for any more.
            least = tally.buckets.keys().nth(over).copied().unwrap_or(least);
            tally.buckets = tally.buckets.split_off(&least);
        }
    }
    Ok(tally.buckets.into_iter().map(|(number, bucket)| (number, (bucket, None))).collect())
}

/// The buckets with these numbers of the entries that have their bodies. Which rows are kept is not a matter of what is in the
/// index by now: of both together the newest ones count.
fn counted(
    view: &View,
    log: &HeldLog,
    resolution: Resolution,
    numbers: &RangeInclusive<i64>,
) -> Result<BTreeMap<i64, Counted>, StorageError> {
    let newer = log.rolled.as_ref().ok_or(StorageError::NoRollUps)?;
    let oldest = row_of(*numbers.start());
    let mut rows: BTreeMap<_, _> = newer.rows_from(resolution, oldest).collect();
    if let Some(index) = view.index.as_ref().filter(|_| log.has_row) {
        for (number, row) in index.rows(log.number, resolution, oldest).map_err(StorageError::Index)? {
            let joined = rows.entry(number).or_default();
            row.into_iter().for_each(|(number, bucket)| joined.entry(number).or_default().join(&bucket));
        }
    }
    let kept = rows.into_iter().rev().take(resolution.rows_kept()).flat_map(|(_, row)| row);
    Ok(kept.filter(|(number, _)| numbers.contains(number)).map(|(at, it)| (at, (it, None))).collect())
}

impl Shared {
    /// The claims about a log, as [`Queries::claims`] has them.
    fn claims_about(&self, log: &LogId) -> Result<Vec<ClaimView>, StorageError> {
        let Some(held) = self.log(log) else { return Ok(Vec::new()) };
        let found = Known { shared: self, view: &self.view() }.claims(&held)?;
        Ok(found.into_iter().map(|it| it.view).collect())
    }

    /// The root of a log's first entries; `None` if what shows it was let go. They never change: it is remembered.
    fn root(&self, view: &View, log: &HeldLog, size: u64) -> Result<Option<TreeHash>, StorageError> {
        let key = (log.id(), size);
        let roots = || self.roots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(root) = roots().get(&key) {
            return Ok(Some(*root));
        }
        let Some(root) = view.prefix(log, size)?.map(|range| range.root()) else { return Ok(None) };
        let mut roots = roots();
        if roots.len() >= ROOTS_MAX {
            roots.clear();
        }
        roots.insert(key, root);
        Ok(Some(root))
    }
}

/// The claim that an entry of a log makes.
pub(super) fn read_claim(view: &View, log: &HeldLog, position: u64) -> Result<RollUpClaim, StorageError> {
    let stretch = view.stretch(log, position)?;
    let entries = view.entries(&stretch)?.into_iter().zip(stretch.from..);
    let entry = entries.into_iter().find(|(_, at)| *at == position).map(|((entry, _), _)| entry);
    let claim = entry.as_ref().and_then(|entry| RollUpClaim::from_bytes(entry.body.bytes()?).ok());
    claim.ok_or(StorageError::Damaged)
}
