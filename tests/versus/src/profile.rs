//! What a run spends its time on: how often each kind of event comes, and what handling it takes.

use std::collections::BTreeMap;
use std::fmt::Write;

use rustix::time::{ClockId, clock_gettime};

use crate::queue::{Micros, SECOND};

/// All events of one kind.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    count: u64,
    /// Of these, nothing followed.
    idle: u64,
    nanos: u64,
}

/// Counted since the last report.
#[derive(Debug)]
pub struct Profile {
    by_kind: BTreeMap<&'static str, Spent>,
    since: Micros,
    started: u64,
}

impl Profile {
    /// Nothing so far.
    pub fn new(now: Micros) -> Self {
        Self { by_kind: BTreeMap::new(), since: now, started: nanos() }
    }

    /// One was handled, from `begun` on.
    pub(crate) fn handled(&mut self, kind: &'static str, begun: u64, is_idle: bool) {
        let spent = self.by_kind.entry(kind).or_default();
        spent.count += 1;
        spent.idle += u64::from(is_idle);
        spent.nanos += nanos().saturating_sub(begun);
    }

    /// Says what came since the last report, for so many nodes, and begins anew.
    pub fn report(&mut self, now: Micros, nodes: u32) -> String {
        let each = f64::from(nodes) * (now - self.since).max(1) as f64 / SECOND as f64;
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        let (from, to) = (self.since / SECOND, now / SECOND);
        let took = seconds(nanos().saturating_sub(self.started));
        let mut out = format!("virtual seconds {from} to {to} took {took:.1} s\n");
        let mut all: Vec<_> = std::mem::take(&mut self.by_kind).into_iter().collect();
        all.sort_by_key(|(kind, spent)| (std::cmp::Reverse(spent.nanos), *kind));
        for (kind, spent) in all {
            let (rate, idle) = (spent.count as f64 / each, 100 * spent.idle / spent.count.max(1));
            let (cpu, one) = (seconds(spent.nanos), spent.nanos / spent.count.max(1));
            let _ = writeln!(
                out,
                "{kind:>16} {rate:>9.4} a node and second, {idle:>3} % idle, {one:>7} ns each, {cpu:>6.1} s"
            );
        }
        *self = Self::new(now);
        out
    }
}

/// A clock that only counts up: differences are what is measured.
pub(crate) fn nanos() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_what_came_since_and_begins_anew() {
        let mut profile = Profile::new(0);
        for is_idle in [true, false, false, false] {
            profile.handled("ping", nanos(), is_idle);
        }
        let report = profile.report(2 * SECOND, 2);
        assert!(report.contains("ping    1.0000 a node and second,  25 % idle"), "{report}");
        assert_eq!(profile.report(3 * SECOND, 2).lines().count(), 1);
    }
}
