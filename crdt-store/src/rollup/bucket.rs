//! What is said of the readings of a minute, an hour or a day.

use std::ops::RangeInclusive;

use msec_identity::UnixMillis;

use super::sum::ExactSum;
use crate::reading::{Reading, ValueQuality};

/// The most that is counted: it stays there.
const COUNT_MAX: u64 = i64::MAX as u64;

/// How long a bucket is. All are of UTC, from whole multiples since 1970: other days are made of hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
}

impl Resolution {
    /// All of them, the finest first.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// How long a bucket is.
    pub fn millis(self) -> i64 {
        match self {
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }

    /// The number of the bucket that holds a time, from 0 in 1970.
    pub fn number(self, time: UnixMillis) -> i64 {
        time.0.div_euclid(self.millis())
    }

    /// When the bucket of that number begins.
    pub fn begin(self, number: i64) -> UnixMillis {
        UnixMillis(number.saturating_mul(self.millis()))
    }

    /// The numbers that buckets can have.
    pub(super) fn numbers(self) -> RangeInclusive<i64> {
        self.number(UnixMillis(i64::MIN))..=self.number(UnixMillis(i64::MAX))
    }

    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    pub(crate) fn of_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

/// What is said of some readings. Good ones count; of uncertain and of bad ones only how many there are is told, since nobody
/// can take them out of a sum again.
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    pub(super) count: u64,
    pub(super) uncertain: u64,
    pub(super) bad: u64,
    /// Infinite while nothing counts.
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) sum: ExactSum,
}

impl Default for Bucket {
    fn default() -> Self {
        let (min, max) = (f64::INFINITY, f64::NEG_INFINITY);
        Self { count: 0, uncertain: 0, bad: 0, min, max, sum: ExactSum::default() }
    }
}

impl Bucket {
    /// That of one good reading with a finite value, which is not minus zero.
    pub(super) fn of(value: f64) -> Self {
        let mut it = Self::default();
        it.add_value(value);
        it
    }

    /// Good readings with a finite value.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Readings whose value is doubtful.
    pub fn uncertain(&self) -> u64 {
        self.uncertain
    }

    /// Readings whose value is known to be wrong, or is infinite.
    pub fn bad(&self) -> u64 {
        self.bad
    }

    /// The least value that counts. Minus zero counts as zero.
    pub fn min(&self) -> Option<f64> {
        (self.count > 0).then_some(self.min)
    }

    /// The greatest value that counts.
    pub fn max(&self) -> Option<f64> {
        (self.count > 0).then_some(self.max)
    }

    /// The double nearest to the exact sum of the values that count. Infinite if it lies beyond the largest.
    pub fn sum(&self) -> f64 {
        self.sum.round()
    }

    /// That sum divided by how many count, and never beyond the least or the greatest value.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| (self.sum() / self.count as f64).clamp(self.min, self.max))
    }

    pub(super) fn add_all(&mut self, readings: &[Reading]) {
        let counts = |it: &&Reading| it.quality == ValueQuality::Good && it.value.is_finite();
        // Minus zero becomes zero, so that it does not matter which came first.
        self.sum.add_all(readings.iter().filter(counts).map(|reading| reading.value + 0.0));
        for reading in readings {
            let counted = match reading.quality {
                ValueQuality::Good if reading.value.is_finite() => {
                    let value = reading.value + 0.0;
                    (self.min, self.max) = (self.min.min(value), self.max.max(value));
                    &mut self.count
                }
                ValueQuality::Uncertain => &mut self.uncertain,
                ValueQuality::Good | ValueQuality::Bad => &mut self.bad,
            };
            *counted = plus(*counted, 1);
        }
    }

    /// Adds one good reading with a finite value, which is not minus zero.
    pub(super) fn add_value(&mut self, value: f64) {
        self.sum.add(value);
        (self.min, self.max) = (self.min.min(value), self.max.max(value));
        self.count = plus(self.count, 1);
    }

    /// Adds what is said of other readings.
    pub fn join(&mut self, other: &Self) {
        self.count = plus(self.count, other.count);
        self.uncertain = plus(self.uncertain, other.uncertain);
        self.bad = plus(self.bad, other.bad);
        (self.min, self.max) = (self.min.min(other.min), self.max.max(other.max));
        self.sum.join(&other.sum);
    }

    /// Readings, whatever they are worth.
    pub(super) fn readings(&self) -> u128 {
        [self.count, self.uncertain, self.bad].map(u128::from).iter().sum()
    }

    /// Whether some readings can be so: those who can't recompute it have nothing else to judge it by.
    pub(super) fn is_possible(&self) -> bool {
        if self.readings() == 0 {
            return false;
        }
        if self.count == 0 {
            return *self == Self { uncertain: self.uncertain, bad: self.bad, ..Self::default() };
        }
        let is_value = |value: f64| value.is_finite() && value.to_bits() != (-0.0f64).to_bits();
        if !is_value(self.min) || !is_value(self.max) || self.min > self.max {
            return false;
        }
        // All but one may be the least, and all but one the greatest.
        let (mut above, mut below) = (self.sum.clone(), self.sum.clone());
        above.subtract_times(self.min, self.count - 1);
        above.subtract_times(self.max, 1);
        below.subtract_times(self.max, self.count - 1);
        below.subtract_times(self.min, 1);
        if self.count == 1 {
            return self.min == self.max && above.is_zero();
        }
        !above.is_negative() && (below.is_negative() || below.is_zero())
    }
}

/// What two counts are together. In whatever order they are added, the end is the same.
pub(super) fn plus(a: u64, b: u64) -> u64 {
    a.saturating_add(b).min(COUNT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(values: &[(f64, ValueQuality)]) -> Bucket {
        let mut bucket = Bucket::default();
        for (value, quality) in values {
            bucket.add_all(&[Reading { quality: *quality, ..Reading::new(UnixMillis(0), *value) }]);
        }
        bucket
    }

    #[test]
    fn only_good_and_finite_values_count() {
        use ValueQuality::{Bad, Good, Uncertain};
        let it = bucket(&[
            (4.5, Good),
            (-1.5, Good),
            (99.0, Uncertain),
            (-99.0, Bad),
            (f64::INFINITY, Good),
            (f64::NEG_INFINITY, Uncertain),
        ]);
        assert_eq!((it.count(), it.uncertain(), it.bad()), (2, 2, 2));
        assert_eq!((it.min(), it.max(), it.sum(), it.mean()), (Some(-1.5), Some(4.5), 3.0, Some(1.5)));
        let none = bucket(&[(99.0, Uncertain)]);
        assert_eq!((none.min(), none.max(), none.sum(), none.mean()), (None, None, 0.0, None));
    }

    #[test]
    fn a_mean_lies_between_what_it_is_the_mean_of() {
        let same = |value, times| bucket(&vec![(value, ValueQuality::Good); times]).mean();
        for times in 1..50 {
            assert_eq!(same(0.1, times), Some(0.1));
            assert_eq!(same(f64::MAX, times), Some(f64::MAX));
        }
    }

    #[test]
    fn days_before_1970_begin_at_midnight_too() {
        let day = Resolution::Day;
        assert_eq!([-1, 0, 86_399_999].map(|time| day.number(UnixMillis(time))), [-1, 0, 0]);
        assert_eq!(day.begin(-1), UnixMillis(-86_400_000));
        assert_eq!(Resolution::Minute.begin(*Resolution::Minute.numbers().start()), UnixMillis(i64::MIN));
    }

    #[test]
    fn what_no_readings_can_be_is_told_apart() {
        use ValueQuality::Good;
        let it = bucket(&[(1.0, Good), (2.0, Good), (4.0, Good)]);
        assert!(it.is_possible());
        let mut sums = [3.0, 5.9, 6.0, 9.0, 9.1].map(|sum| {
            let mut other = it.clone();
            other.sum = ExactSum::default();
            other.sum.add(sum);
            other.is_possible()
        });
        assert_eq!(sums, [false, false, true, true, false]);
        sums[0] = Bucket { min: 4.5, ..it.clone() }.is_possible();
        assert!(!sums[0] && !Bucket::default().is_possible());
        assert!(!Bucket { count: 0, uncertain: 1, ..it.clone() }.is_possible());
        assert!(!Bucket { min: -0.0, ..it }.is_possible());
    }
}
