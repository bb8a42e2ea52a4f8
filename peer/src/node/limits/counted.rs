//! How many logs a grant lets its holder write: of more than that, which ones count.
//!
//! Those whose ids are the lowest. So it is a function of the logs that are held, whatever came first, and whoever has too many gains
//! nothing but that others of its own fall: an honest writer never begins more than its grant allows. Each log that drives out
//! another one has a lower id than it, and ids are hashes: of n logs that somebody makes up, about `max * ln(n / max)` are taken.

use std::collections::{BTreeMap, BTreeSet};

use msec_identity::{Caveats, GrantId, LogId};

use super::super::StreamName;

/// The logs under grants that limit how many there are.
#[derive(Debug, Default)]
pub(super) struct Counted {
    logs: BTreeMap<GrantId, BTreeSet<LogId>>,
    incarnations: BTreeMap<(GrantId, StreamName), BTreeSet<LogId>>,
}

impl Counted {
    /// Counts a log under a grant. Returns those that do not count any more.
    pub(super) fn add(
        &mut self,
        grant: GrantId,
        limits: &Caveats,
        name: &StreamName,
        log: LogId,
    ) -> Vec<LogId> {
        let mut fallen = Vec::new();
        if let Some(max) = limits.logs_max {
            fallen.extend(add(self.logs.entry(grant).or_default(), log, max));
        }
        if let Some(max) = limits.incarnations_max {
            let of_stream = self.incarnations.entry((grant, name.clone())).or_default();
            fallen.extend(add(of_stream, log, max));
        }
        fallen
    }

    /// Whether a log counts under a grant, or would if it came.
    pub(super) fn has(&self, grant: &GrantId, limits: &Caveats, name: &StreamName, log: &LogId) -> bool {
        let has = |logs: Option<&BTreeSet<LogId>>, max: Option<u16>| {
            max.is_none_or(|max| logs.is_none_or(|logs| is_among(logs, log, max)) && max > 0)
        };
        has(self.logs.get(grant), limits.logs_max)
            && has(self.incarnations.get(&(*grant, name.clone())), limits.incarnations_max)
    }

    /// Whether one more may be begun.
    pub(super) fn has_room(&self, grant: &GrantId, limits: &Caveats, name: &StreamName) -> bool {
        let has = |logs: Option<&BTreeSet<LogId>>, max: Option<u16>| {
            max.is_none_or(|max| logs.map_or(0, BTreeSet::len) < usize::from(max))
        };
        has(self.logs.get(grant), limits.logs_max)
            && has(self.incarnations.get(&(*grant, name.clone())), limits.incarnations_max)
    }
}

/// Adds a log. Returns the one that was among the first `max`, and is no more.
pub(super) fn add(logs: &mut BTreeSet<LogId>, log: LogId, max: u16) -> Option<LogId> {
    let is_new = logs.insert(log);
    let beyond = logs.iter().nth(max.into()).copied();
    beyond.filter(|_| is_new)
}

pub(super) fn is_among(logs: &BTreeSet<LogId>, log: &LogId, max: u16) -> bool {
    logs.len() < usize::from(max) || logs.iter().take(max.into()).any(|it| it >= log)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(n: u8) -> LogId {
        LogId([n; 32])
    }

    fn name(stream: &str) -> StreamName {
        StreamName { collection: "parks".parse().expect("a path"), stream: stream.into() }
    }

    #[test]
    fn whatever_came_first_the_lowest_ids_count() {
        let grant = GrantId([1; 32]);
        let limits = Caveats { logs_max: Some(2), ..Caveats::default() };
        for order in [[1, 2, 3], [3, 2, 1], [2, 3, 1], [1, 3, 2]] {
            let mut counted = Counted::default();
            let mut fallen = BTreeSet::new();
            for n in order {
                fallen.extend(counted.add(grant, &limits, &name("a"), log(n)));
                assert!(counted.add(grant, &limits, &name("a"), log(n)).is_empty(), "known");
            }
            assert!(fallen.contains(&log(3)), "{order:?}");
            let counts = [1, 2, 3].map(|n| counted.has(&grant, &limits, &name("a"), &log(n)));
            assert_eq!(counts, [true, true, false], "{order:?}");
            assert!(!counted.has_room(&grant, &limits, &name("a")));
            assert!(
                counted.has(&grant, &limits, &name("b"), &log(0))
                    && !counted.has(&grant, &limits, &name("b"), &log(9))
            );
        }
    }

    #[test]
    fn incarnations_are_counted_by_stream() {
        let grant = GrantId([1; 32]);
        let limits = Caveats { incarnations_max: Some(1), ..Caveats::default() };
        let mut counted = Counted::default();
        assert!(counted.has_room(&grant, &limits, &name("a")));
        assert!(counted.add(grant, &limits, &name("a"), log(2)).is_empty());
        assert!(
            !counted.has_room(&grant, &limits, &name("a")) && counted.has_room(&grant, &limits, &name("b"))
        );
        assert_eq!(counted.add(grant, &limits, &name("a"), log(1)), [log(2)]);
        assert!(!counted.has(&grant, &limits, &name("a"), &log(2)));
    }
}
