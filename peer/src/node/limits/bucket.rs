//! Credit that fills up with time: a token bucket (RFC 2697's committed rate and burst).

use std::time::Duration;

/// So many in a time, and as many at once after a rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) most: u64,
    pub(super) in_ms: u64,
}

impl Rate {
    pub(super) const fn in_a_minute(most: u64) -> Self {
        Self { most, in_ms: 60_000 }
    }

    pub(super) const fn in_a_day(most: u64) -> Self {
        Self { most, in_ms: 24 * 60 * 60_000 }
    }

    /// What may have been used up in that time.
    fn parts_in(self, ms: u64) -> i128 {
        i128::from(self.most) * i128::from(ms)
    }

    /// What one of them costs, in the same parts.
    fn parts_of(self, many: u64) -> i128 {
        i128::from(many) * i128::from(self.in_ms)
    }

    /// Whether there is room for more where `taken` was taken since a time, `passed_ms` ago: over a long time no more than the rate,
    /// and one burst.
    pub(super) fn has_room(self, taken: u64, passed_ms: u64) -> bool {
        self.parts_of(taken) < self.parts_in(passed_ms.saturating_add(self.in_ms))
    }
}

/// Whoever has any credit may overdraw it, so that nothing is ever too large.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    credit: i128,
    filled_ms: u64,
}

impl Bucket {
    pub(super) fn full(now: Duration, rate: Rate) -> Self {
        Self { credit: rate.parts_in(rate.in_ms), filled_ms: ms(now) }
    }

    /// How long until there is credit again; `None`: there is some.
    pub(super) fn is_empty_for(&mut self, now: Duration, rate: Rate) -> Option<Duration> {
        let passed = ms(now).saturating_sub(self.filled_ms);
        self.filled_ms = self.filled_ms.max(ms(now));
        self.credit = (self.credit + rate.parts_in(passed)).min(rate.parts_in(rate.in_ms));
        if self.credit > 0 {
            return None;
        }
        let wait = match rate.most {
            0 => u64::MAX,
            most => u64::try_from(-self.credit / i128::from(most)).unwrap_or(u64::MAX).saturating_add(1),
        };
        Some(Duration::from_millis(wait))
    }

    pub(super) fn is_full(&mut self, now: Duration, rate: Rate) -> bool {
        self.is_empty_for(now, rate).is_none() && self.credit >= rate.parts_in(rate.in_ms)
    }

    pub(super) fn charge(&mut self, many: u64, rate: Rate) {
        self.credit -= rate.parts_of(many);
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_is_there_at_once_and_then_one_comes_after_the_other() {
        let rate = Rate::in_a_minute(6);
        let mut bucket = Bucket::full(Duration::ZERO, rate);
        for _ in 0..6 {
            assert_eq!(bucket.is_empty_for(Duration::ZERO, rate), None);
            bucket.charge(1, rate);
        }
        let wait = bucket.is_empty_for(Duration::ZERO, rate).expect("empty");
        assert!(wait <= Duration::from_millis(1), "{wait:?}");
        bucket.charge(1, rate);
        let wait = bucket.is_empty_for(Duration::ZERO, rate).expect("overdrawn");
        assert!((10_000..=10_001).contains(&wait.as_millis()), "{wait:?}");
        assert_eq!(bucket.is_empty_for(wait, rate), None);
        assert_eq!(
            bucket.is_empty_for(Duration::from_secs(86_400), rate),
            None,
            "no more than a minute's worth"
        );
        bucket.charge(7, rate);
        assert!(bucket.is_empty_for(Duration::from_secs(86_400), rate).is_some());
    }

    #[test]
    fn nothing_a_day_is_never_and_a_clock_that_stands_gives_nothing() {
        let none = Rate::in_a_day(0);
        let mut bucket = Bucket::full(Duration::ZERO, none);
        assert!(bucket.is_empty_for(Duration::from_secs(1 << 40), none).is_some());
        assert!(!none.has_room(0, u64::MAX));
    }

    #[test]
    fn over_a_long_time_it_is_the_rate_and_one_burst() {
        let rate = Rate::in_a_minute(6);
        assert!(rate.has_room(5, 0) && !rate.has_room(6, 0));
        assert!(rate.has_room(11, 60_000) && !rate.has_room(12, 60_000));
        assert!(!rate.has_room(u64::MAX, u64::MAX), "nor does it overflow");
    }
}
