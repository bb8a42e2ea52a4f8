//! When the neighbours are told what changed.
//!
//! Source: RFC 8405, SPF back-off: a single change is told soon, and the more follow the longer they are collected. What
//! is told within a storm is most often wrong a moment later.
//!
//! | what | when it is told |
//! |---|---|
//! | a way or a parent is lost; a neighbour comes | at once; after a gap that doubles with each telling, up to `GAP_MAX` |
//! | a way comes, its parent changes, or it is far longer or shorter | after a time that doubles with each telling, up to `DELAY_MAX` |
//! | a way is a little longer or shorter | with the first telling after `SMALL_GAP` |
//!
//! Both times begin anew after `CALM` without any: then all is told after `DELAY_MIN`.

use std::time::Duration;

/// Between two times at which something urgent is told.
const GAP_MIN: Duration = Duration::from_millis(50);

/// And at most: while a city is being made, ways are lost all the time. `HOLD` allows for it.
const GAP_MAX: Duration = Duration::from_millis(100);

/// Between two times at which little changes are told. What follows from one change takes less.
const SMALL_GAP: Duration = Duration::from_secs(4);

/// How long changes are collected before they are told, when there were none lately.
const DELAY_MIN: Duration = Duration::from_millis(100);

/// And at most. A new tree then takes some seconds to reach a whole city.
const DELAY_MAX: Duration = Duration::from_millis(800);

/// How long nothing is told until the next change is a single one.
const CALM: Duration = Duration::from_secs(4);

/// When to tell what.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// All but little changes is told then.
    large_at: Option<Duration>,
    /// All is told then.
    small_at: Option<Duration>,
    /// What is urgent is told then.
    urgent_at: Option<Duration>,
    last_large: Option<Duration>,
    last_small: Option<Duration>,
    last_urgent: Option<Duration>,
    last: Option<Duration>,
    delay: Duration,
    gap: Duration,
}

/// What is being told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// What is urgent.
    Urgent,
    /// And what changed much.
    Large,
    /// And what changed a little.
    All,
}

impl Pace {
    /// Something is new, or much changed.
    pub(super) fn soon(&mut self, now: Duration) {
        if self.large_at.is_none() {
            self.delay = if is_calm(now, self.last_large, CALM) {
                DELAY_MIN
            } else {
                (self.delay * 2).clamp(DELAY_MIN, DELAY_MAX)
            };
            self.large_at = Some(now.saturating_add(self.delay));
        }
    }

    /// Something changed a little.
    pub(super) fn sometime(&mut self, now: Duration) {
        if self.small_at.is_none() {
            let earliest = self.last_small.map_or(now, |last| last.saturating_add(SMALL_GAP));
            self.small_at = Some(earliest.max(now.saturating_add(DELAY_MIN)));
        }
    }

    /// Something is urgent.
    pub(super) fn at_once(&mut self, now: Duration) {
        if self.urgent_at.is_none() {
            self.gap = if is_calm(now, self.last_urgent, CALM) {
                Duration::ZERO
            } else {
                (self.gap * 2).clamp(GAP_MIN, GAP_MAX)
            };
            let earliest = self.last.map_or(now, |last| last.saturating_add(self.gap));
            self.urgent_at = Some(earliest.max(now));
        }
    }

    /// When something is to be told.
    pub(super) fn next(&self) -> Option<Duration> {
        [self.large_at, self.small_at, self.urgent_at].into_iter().flatten().min()
    }

    /// It is being told. Returns how much.
    pub(super) fn told(&mut self, now: Duration) -> Due {
        let is_due = |at: Option<Duration>| at.is_some_and(|at| at <= now);
        let due =
            if is_due(self.small_at) || (is_due(self.large_at) && is_calm(now, self.last_small, SMALL_GAP)) {
                Due::All
            } else if is_due(self.large_at) {
                Due::Large
            } else {
                Due::Urgent
            };
        if due >= Due::Large {
            (self.large_at, self.last_large) = (None, Some(now));
        }
        if due == Due::All {
            (self.small_at, self.last_small) = (None, Some(now));
        }
        if self.urgent_at.take().is_some() {
            self.last_urgent = Some(now);
        }
        self.last = Some(now);
        due
    }
}

/// Whether the last one is that long ago.
fn is_calm(now: Duration, last: Option<Duration>, calm: Duration) -> bool {
    last.is_none_or(|last| now.saturating_sub(last) >= calm)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn one_change_is_told_soon_and_many_are_collected() {
        let mut pace = Pace::default();
        let mut now = ms(0);
        let mut waits = Vec::new();
        for _ in 0..7 {
            pace.soon(now);
            pace.soon(now + ms(1));
            let next = pace.next().unwrap();
            waits.push(next - now);
            now = next;
            assert!(pace.told(now) >= Due::Large);
        }
        assert_eq!(waits, [100, 200, 400, 800, 800, 800, 800].map(ms));
        assert_eq!(pace.next(), None);
        now += CALM;
        pace.soon(now);
        assert_eq!(pace.next(), Some(now + DELAY_MIN));
    }

    #[test]
    fn little_changes_are_told_now_and_then_and_when_it_is_calm_soon() {
        let mut pace = Pace::default();
        pace.sometime(ms(0));
        assert_eq!(pace.next(), Some(DELAY_MIN));
        assert_eq!(pace.told(DELAY_MIN), Due::All);
        pace.sometime(ms(150));
        assert_eq!(pace.next(), Some(DELAY_MIN + SMALL_GAP));
        pace.soon(ms(150));
        assert_eq!(pace.told(ms(350)), Due::Large, "the little change waits");
        pace.soon(DELAY_MIN + SMALL_GAP - ms(1));
        assert_eq!(pace.told(DELAY_MIN + SMALL_GAP), Due::All, "and is told with what comes then");
        assert_eq!(pace.next(), None);
    }

    #[test]
    fn what_is_urgent_does_not_wait_for_the_rest() {
        let mut pace = Pace::default();
        pace.soon(ms(0));
        pace.at_once(ms(10));
        assert_eq!(pace.next(), Some(ms(10)));
        assert_eq!(pace.told(ms(10)), Due::Urgent, "the rest waits");
        pace.at_once(ms(20));
        assert_eq!(pace.next(), Some(ms(10) + GAP_MIN));
        assert_eq!(pace.told(ms(60)), Due::Urgent);
        assert_eq!(pace.next(), Some(ms(100)));
        assert_eq!(pace.told(ms(100)), Due::All);
    }

    #[test]
    fn what_is_urgent_all_the_time_is_collected() {
        let (mut pace, mut now) = (Pace::default(), ms(0));
        let mut waits = Vec::new();
        for _ in 0..5 {
            pace.at_once(now);
            let next = pace.next().unwrap();
            waits.push(next - now);
            now = next;
            pace.told(now);
        }
        assert_eq!(waits, [0, 50, 100, 100, 100].map(ms));
    }
}
