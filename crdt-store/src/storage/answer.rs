//! Answers to queries: the newest readings of many logs.

use std::sync::Arc;

use super::held::HeldLog;
use super::stretch::Newest;
use super::view::View;
use crate::error::StorageError;
use crate::log::TimeQuality;
use crate::query::{QUERY_ROWS_MAX, Query, Row, RowCursor};
use crate::reading::Reading;

/// A place in an answer, and what is there: its number in a list. What is sorted is always this.
type Ranked = (RowCursor, usize);

/// The newest readings that were found so far.
struct Best {
    ranked: Vec<Ranked>,
    /// Readings with the clock that they were measured by, and which of the logs they are in.
    found: Vec<(TimeQuality, Reading, usize)>,
    limit: usize,
    /// The last one that is part of the answer, if there are as many as are wanted: what is older is not.
    last: Option<RowCursor>,
}

impl Best {
    fn add(&mut self, key: RowCursor, clock: TimeQuality, reading: Reading, log: usize) {
        if self.last.is_none_or(|last| key > last) {
            self.ranked.push((key, self.found.len()));
            self.found.push((clock, reading, log));
        }
    }

    /// Forgets what is too old to be part of the answer, if that is worth it by now.
    fn tidy(&mut self) {
        let many = if self.last.is_none() { self.limit } else { self.limit + self.limit / 4 + 16 };
        if self.ranked.len() >= many {
            self.cut();
        }
    }

    fn cut(&mut self) {
        newest_to_front(&mut self.ranked);
        self.ranked.truncate(self.limit);
        self.last = self.ranked.get(self.limit - 1).map(|(key, _)| *key);
        self.found = self.ranked.iter().map(|(_, at)| self.found[*at]).collect();
        (0..).zip(&mut self.ranked).for_each(|(n, (_, at))| *at = n);
    }
}

fn newest_to_front(ranked: &mut [Ranked]) {
    ranked.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
}

/// The logs that have readings, those with the newest ones first.
fn ranked(logs: &[Arc<HeldLog>]) -> Vec<Ranked> {
    let newest = logs.iter().enumerate().filter_map(|(n, log)| Some((log.newest()?.key, n)));
    let mut ranked: Vec<_> = newest.collect();
    newest_to_front(&mut ranked);
    ranked
}

/// The readings that a query wants.
///
/// The logs with the newest readings come first, and each is read from its last entry backwards until it says that there
/// was nothing newer before. Its times may go back and forth: those of a clock that was set are not those of before.
pub(super) fn newest_first(
    view: &View,
    logs: &[Arc<HeldLog>],
    query: &Query,
) -> Result<Vec<Row>, StorageError> {
    let limit = query.limit.min(QUERY_ROWS_MAX);
    if limit == 0 {
        return Ok(Vec::new());
    }
    let mut best = Best { ranked: Vec::new(), found: Vec::new(), limit, last: None };
    for (newest, n) in ranked(logs) {
        let log = &logs[n];
        if best.last.is_some_and(|last| newest <= last) {
            break;
        }
        for stretch in view.stretches(log) {
            let stretch = stretch?;
            let since = best.last.map_or(query.since, |last| query.since.max(last.time));
            if stretch.greatest < since {
                break;
            }
            if !stretch.has(since, query.until)
                || query.after.is_some_and(|after| stretch.oldest > after.time)
            {
                continue;
            }
            for ((entry, _), position) in view.entries(&stretch)?.into_iter().zip(stretch.from..) {
                if !log.shows(position) {
                    continue;
                }
                for (index, reading) in (0..).zip(entry.readings()) {
                    let key = RowCursor { time: reading.time, log: log.id(), position, index };
                    let place = log.facts.header.place().or(reading.place);
                    if query.wants_reading(&key) && query.wants_place(place) {
                        best.add(key, entry.quality, reading, n);
                    }
                }
            }
            best.tidy();
        }
    }
    best.cut();
    let rows = best.ranked.iter().zip(&best.found);
    Ok(rows.map(|((key, _), (clock, reading, log))| row(&logs[*log], key, *clock, *reading)).collect())
}

/// The newest reading of what is left of a log, and shown.
pub(super) fn newest_of(view: &View, log: &HeldLog) -> Result<Option<Newest>, StorageError> {
    let mut newest: Option<Newest> = None;
    for stretch in view.stretches(log) {
        let stretch = stretch?;
        if newest.is_some_and(|newest| newest.key.time > stretch.greatest) {
            break;
        }
        for ((entry, _), position) in view.entries(&stretch)?.into_iter().zip(stretch.from..) {
            if !log.shows(position) {
                continue;
            }
            for (index, reading) in (0..).zip(entry.readings()) {
                let key = RowCursor { time: reading.time, log: log.id(), position, index };
                if newest.is_none_or(|newest| key > newest.key) {
                    newest = Some(Newest { key, clock: entry.quality, reading });
                }
            }
        }
    }
    Ok(newest)
}

/// The newest reading of each stream, if the query wants it. The logs that a stream went on in are one stream.
pub(super) fn latest<'a>(logs: impl Iterator<Item = &'a HeldLog>, query: &Query) -> Vec<Row> {
    let newest = logs.filter_map(|log| {
        let it = log.newest()?;
        Some((log.stream, row(log, &it.key, it.clock, it.reading)))
    });
    let rows: Vec<(u128, Row)> = newest.collect();
    let mut ranked: Vec<(u128, Ranked)> =
        rows.iter().enumerate().map(|(n, (stream, row))| (*stream, (row.cursor(), n))).collect();
    ranked.sort_unstable_by(|(a, a_at), (b, b_at)| a.cmp(b).then_with(|| b_at.cmp(a_at)));
    ranked.dedup_by_key(|(stream, _)| *stream);
    let wanted =
        |(_, (key, n)): &(u128, Ranked)| query.wants_reading(key) && query.wants_place(rows[*n].1.place);
    let mut ranked: Vec<Ranked> = ranked.into_iter().filter(wanted).map(|(_, ranked)| ranked).collect();
    newest_to_front(&mut ranked);
    ranked.iter().take(query.limit.min(QUERY_ROWS_MAX)).map(|(_, n)| rows[*n].1.clone()).collect()
}

fn row(log: &HeldLog, key: &RowCursor, clock: TimeQuality, reading: Reading) -> Row {
    Row::of(&log.facts.header, key.log, (key.position, key.index), clock, reading)
}
