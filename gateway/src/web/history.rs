use std::collections::VecDeque;

use serde::{Serialize, Serializer};

/// How many readings of a place the page remembers: a month of hours and some. Past it the oldest are forgotten.
pub const HISTORY_MAX: usize = 1_024;

/// How many readings of all places the page remembers: two megabytes. Where there are many places, each has its part of them, and
/// [`super::PLACES_MAX`] places have 32 each.
pub const HISTORIES_MAX: usize = 65_536;

/// How many readings each of so many places may have.
pub(super) fn share(places: usize) -> usize {
    (HISTORIES_MAX / places.max(1)).min(HISTORY_MAX)
}

/// The latest readings of one place, sorted by time, one for each time.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct History {
    readings: VecDeque<(i64, f64)>,
}

impl History {
    /// Puts a reading in its place, of at most `max`. Says whether that changed anything: not if it was known already, nor if
    /// it is older than all that a full history remembers.
    pub(super) fn insert(&mut self, time_ms: i64, value: f64, max: usize) -> bool {
        match self.readings.binary_search_by_key(&time_ms, |&(time_ms, _)| time_ms) {
            Ok(at) if self.readings[at].1 == value => return false,
            Ok(at) => self.readings[at].1 = value,
            Err(0) if self.readings.len() >= max => return false,
            Err(at) => {
                self.readings.insert(at, (time_ms, value));
                self.shorten(max);
            }
        }
        true
    }

    /// Forgets the oldest, down to so many.
    pub(super) fn shorten(&mut self, max: usize) {
        let over = self.readings.len().saturating_sub(max);
        if over > 0 {
            self.readings.drain(..over);
            if self.readings.capacity() > 2 * max {
                self.readings.shrink_to(max);
            }
        }
    }
}

/// `[[time_ms, ...], [value, ...]]`
impl Serialize for History {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (times, values): (Vec<i64>, Vec<f64>) = self.readings.iter().copied().unzip();
        (times, values).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(readings: &[(i64, f64)]) -> History {
        let mut history = History::default();
        for &(time_ms, value) in readings {
            history.insert(time_ms, value, HISTORY_MAX);
        }
        history
    }

    #[test]
    fn sorts_what_comes_out_of_order() {
        assert_eq!(history(&[(2, 2.0), (3, 3.0), (1, 1.0)]).readings, [(1, 1.0), (2, 2.0), (3, 3.0)]);
    }

    #[test]
    fn the_latest_wins_and_a_repetition_changes_nothing() {
        let mut history = history(&[(1, 1.0), (2, 2.0)]);
        assert!(!history.insert(1, 1.0, HISTORY_MAX));
        assert!(history.insert(1, 9.0, HISTORY_MAX));
        assert_eq!(history.readings, [(1, 9.0), (2, 2.0)]);
    }

    #[test]
    fn forgets_the_oldest_and_never_takes_it_back() {
        let mut history = History::default();
        for time_ms in 0..HISTORY_MAX as i64 + 10 {
            assert!(history.insert(time_ms, 0.0, HISTORY_MAX));
        }
        assert!(!history.insert(3, 0.0, HISTORY_MAX), "older than all that is remembered");
        assert_eq!(history.readings.len(), HISTORY_MAX);
        assert_eq!(history.readings[0].0, 10);
    }

    #[test]
    fn is_written_as_two_columns() {
        let json = serde_json::to_string(&history(&[(1, 1.5), (2, 2.0)])).unwrap();
        assert_eq!(json, "[[1,2],[1.5,2.0]]");
    }
}
