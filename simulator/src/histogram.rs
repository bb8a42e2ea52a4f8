//! How long things took, counted in buckets whose width grows with the time. Each power of two is cut into 32 equal
//! buckets, as in HdrHistogram: counting costs a shift, two histograms add up to one, and a quantile is never too low and
//! at most 1/32 (3.2 %) too high. Times below 32 us are exact.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Each power of two is cut into two to the power of this.
const CUT_BITS: u32 = 5;

const CUTS: u64 = 1 << CUT_BITS;

/// How many buckets there are, for all of a `u64` of microseconds. A longer time is counted in the last one.
pub const BUCKETS: usize = (CUTS + (u64::BITS - CUT_BITS) as u64 * CUTS) as usize;

/// Counts times. Only buckets that hold something take room.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Histogram {
    /// What was counted by bucket, in order.
    buckets: Vec<(u16, u64)>,
    max_us: u64,
}

/// A histogram as it is written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Written {
    max_us: u64,
    buckets: Vec<(u16, u64)>,
}

/// Some of what a histogram holds: all that took longer than `from`, and not longer than `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// The longest time of the bucket before it; no time took so long or less.
    pub from: Duration,
    /// The longest time in it.
    pub to: Duration,
    /// How many took so long.
    pub count: u64,
}

impl Histogram {
    /// Counts one that took so long.
    pub fn add(&mut self, time: Duration) {
        self.add_many(time, 1);
    }

    /// Counts some that took so long.
    pub fn add_many(&mut self, time: Duration, count: u64) {
        if count == 0 {
            return;
        }
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.max_us = self.max_us.max(us);
        self.put(bucket_of(us), count);
    }

    /// Counts all that the other counted.
    pub fn merge(&mut self, other: &Self) {
        self.max_us = self.max_us.max(other.max_us);
        for (bucket, count) in &other.buckets {
            self.put(*bucket, *count);
        }
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum: u64, (_, count)| sum.saturating_add(*count))
    }

    /// The longest, exactly (to the microsecond). `None` if nothing was counted.
    pub fn max(&self) -> Option<Duration> {
        (!self.buckets.is_empty()).then_some(Duration::from_micros(self.max_us))
    }

    /// A time within which this share (from 0 to 1) of all were done: never below the exact one, and at most 1/32 above.
    /// `None` if nothing was counted.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let count = self.count();
        let rank = ((count as f64 * share).ceil() as u64).clamp(1, count.max(1));
        let mut sum = 0_u64;
        for (bucket, count) in &self.buckets {
            sum = sum.saturating_add(*count);
            if sum >= rank {
                return Some(Duration::from_micros(last_of(*bucket).min(self.max_us)));
            }
        }
        None
    }

    /// What was counted, from the shortest to the longest.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> {
        self.buckets.iter().map(|(bucket, count)| Bucket {
            from: Duration::from_micros(bucket.checked_sub(1).map_or(0, last_of)),
            to: Duration::from_micros(last_of(*bucket).min(self.max_us)),
            count: *count,
        })
    }

    fn put(&mut self, bucket: u16, count: u64) {
        match self.buckets.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(at) => self.buckets[at].1 = self.buckets[at].1.saturating_add(count),
            Err(at) => self.buckets.insert(at, (bucket, count)),
        }
    }
}

fn bucket_of(us: u64) -> u16 {
    if us < CUTS {
        return us as u16;
    }
    let shift = us.ilog2() - CUT_BITS;
    // The leading one and the next five bits say which bucket, and `shift` says of which power of two.
    (u64::from(shift) * CUTS + (us >> shift)) as u16
}

/// The longest time in a bucket, in microseconds.
fn last_of(bucket: u16) -> u64 {
    let bucket = u64::from(bucket);
    if bucket < CUTS {
        return bucket;
    }
    let shift = bucket / CUTS - 1;
    let first = (CUTS + bucket % CUTS) << shift;
    first + ((1 << shift) - 1)
}

impl From<Histogram> for Written {
    fn from(it: Histogram) -> Self {
        Self { max_us: it.max_us, buckets: it.buckets }
    }
}

impl TryFrom<Written> for Histogram {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        if written.buckets.len() > BUCKETS {
            return Err(format!("a histogram has at most {BUCKETS} buckets"));
        }
        let mut histogram =
            Self { buckets: Vec::with_capacity(written.buckets.len()), max_us: written.max_us };
        for (bucket, count) in written.buckets {
            if usize::from(bucket) >= BUCKETS {
                return Err(format!("a histogram's buckets are 0 to {}, not {bucket}", BUCKETS - 1));
            }
            if count > 0 {
                histogram.put(bucket, count);
            }
        }
        Ok(histogram)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn us(us: u64) -> Duration {
        Duration::from_micros(us)
    }

    fn of(times: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        times.iter().for_each(|time| histogram.add(us(*time)));
        histogram
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        for bucket in 0..BUCKETS as u16 {
            assert_eq!(bucket_of(last_of(bucket)), bucket);
            if let Some(next) = last_of(bucket).checked_add(1) {
                assert_eq!(bucket_of(next), bucket + 1);
            }
        }
        assert_eq!(last_of(BUCKETS as u16 - 1), u64::MAX);
    }

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!((of(&[]).quantile(0.5), of(&[]).max(), of(&[]).count()), (None, None, 0));
    }

    #[test]
    fn a_histogram_is_written_and_read() {
        let histogram = of(&[0, 31, 32, 1_000_000, u64::MAX]);
        let text = serde_json::to_string(&histogram).unwrap();
        assert_eq!(serde_json::from_str::<Histogram>(&text).unwrap(), histogram);
        let strange = r#"{"max_us":5,"buckets":[[1920,1]]}"#;
        let error = serde_json::from_str::<Histogram>(strange).unwrap_err().to_string();
        assert!(error.contains("0 to 1919, not 1920"), "{error}");
    }

    /// Times as they come: of every magnitude.
    fn times() -> impl Strategy<Value = Vec<u64>> {
        proptest::collection::vec((0..40_u32, any::<u64>()).prop_map(|(bits, us)| us >> (24 + bits)), 1..200)
    }

    proptest! {
        #[test]
        fn a_quantile_is_never_too_low_and_a_32nd_too_high_at_most(mut times in times(), share in 0.0..=1.0) {
            let found = of(&times).quantile(share).unwrap();
            times.sort_unstable();
            let rank = ((times.len() as f64 * share).ceil() as usize).clamp(1, times.len());
            let exact = times[rank - 1];
            prop_assert!(found >= us(exact));
            prop_assert!(found <= us(exact + exact / 32));
        }

        #[test]
        fn two_histograms_add_up_to_one(a in times(), b in times()) {
            let mut merged = of(&a);
            merged.merge(&of(&b));
            let mut backwards = of(&b);
            backwards.merge(&of(&a));
            prop_assert_eq!(&merged, &backwards);
            prop_assert_eq!(&merged, &of(&[a, b].concat()));
            let sum: u64 = merged.buckets().map(|bucket| bucket.count).sum();
            prop_assert_eq!(sum, merged.count());
        }
    }
}
