//! When the neighbours are told what changed.
//!
//! Source: RFC 8405, SPF back-off: a single change is told soon, and the more follow the longer they are collected. What
//! is told within a storm is most often wrong a moment later.
//!
//! | what | when it is told |
//! |---|---|
//! | a way or a parent is lost; a neighbour comes | at once; `URGENT_GAP` after the last time at the earliest |
//! | anything else, after `CALM` without any | after `DELAY_MIN` |
//! | anything else, sooner than that | after a time that doubles with each telling, up to `DELAY_MAX` |

use std::time::Duration;

/// Between two times at which something urgent is told.
const URGENT_GAP: Duration = Duration::from_millis(50);

/// How long changes are collected before they are told, when there were none lately.
const DELAY_MIN: Duration = Duration::from_millis(100);

/// And at most. A new tree then takes some seconds to reach a whole city.
const DELAY_MAX: Duration = Duration::from_millis(800);

/// How long nothing is told until the next change is a single one.
const CALM: Duration = Duration::from_secs(4);

/// When to tell what.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// All that is new is told then.
    all_at: Option<Duration>,
    /// What is urgent is told then.
    urgent_at: Option<Duration>,
    last_all: Option<Duration>,
    last: Option<Duration>,
    delay: Duration,
}

impl Pace {
    /// Something is new.
    pub(super) fn soon(&mut self, now: Duration) {
        if self.all_at.is_none() {
            let is_calm = self.last_all.is_none_or(|last| now.saturating_sub(last) >= CALM);
            self.delay = if is_calm { DELAY_MIN } else { (self.delay * 2).clamp(DELAY_MIN, DELAY_MAX) };
            self.all_at = Some(now.saturating_add(self.delay));
        }
    }

    /// Something is urgent.
    pub(super) fn at_once(&mut self, now: Duration) {
        if self.urgent_at.is_none() {
            let earliest = self.last.map_or(now, |last| last.saturating_add(URGENT_GAP));
            self.urgent_at = Some(earliest.max(now));
        }
    }

    /// When something is to be told.
    pub(super) fn next(&self) -> Option<Duration> {
        [self.all_at, self.urgent_at].into_iter().flatten().min()
    }

    /// It is being told. Returns whether that is all, or only what is urgent.
    pub(super) fn told(&mut self, now: Duration) -> bool {
        let all = self.all_at.is_some_and(|at| at <= now);
        if all {
            (self.all_at, self.last_all) = (None, Some(now));
        }
        (self.urgent_at, self.last) = (None, Some(now));
        all
    }
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
            assert!(pace.told(now));
        }
        assert_eq!(waits, [100, 200, 400, 800, 800, 800, 800].map(ms));
        assert_eq!(pace.next(), None);
        now += CALM;
        pace.soon(now);
        assert_eq!(pace.next(), Some(now + DELAY_MIN));
    }

    #[test]
    fn what_is_urgent_does_not_wait_for_the_rest() {
        let mut pace = Pace::default();
        pace.soon(ms(0));
        pace.at_once(ms(10));
        assert_eq!(pace.next(), Some(ms(10)));
        assert!(!pace.told(ms(10)), "the rest waits");
        pace.at_once(ms(20));
        assert_eq!(pace.next(), Some(ms(10) + URGENT_GAP));
        assert!(!pace.told(ms(60)));
        assert_eq!(pace.next(), Some(ms(100)));
        assert!(pace.told(ms(100)));
    }
}
