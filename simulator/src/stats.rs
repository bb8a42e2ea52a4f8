//! Medians of few runs, and how far they can be trusted.

/// A median with an interval that holds the true one with a probability of 95 % at least, whatever the distribution:
/// between two order statistics (Conover, "Practical Nonparametric Statistics", section 3.2). Of fewer than six values no
/// two are far enough apart for that; then it is all of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Median {
    /// The median.
    pub median: f64,
    /// Where the interval begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
    /// The greatest value of all.
    pub max: f64,
    /// How many of them are not 0.
    pub some: usize,
    /// Of how many values.
    pub of: usize,
}

/// Up to so many values the interval is exact.
const EXACT_MAX: usize = 1_000;

/// How sure an interval is to hold the true median.
const CONFIDENCE: f64 = 0.95;

impl Median {
    /// Of these values, in any order. `None` of none. What is no number is passed over.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let of = sorted.len();
        let (first, last) = (*sorted.first()?, *sorted.last()?);
        let median = (sorted[(of - 1) / 2] + sorted[of / 2]) / 2.0;
        let out = outside(of);
        let (low, high) = if out == 0 { (first, last) } else { (sorted[out - 1], sorted[of - out]) };
        let some = sorted.iter().filter(|value| **value != 0.0).count();
        Some(Self { median, low, high, max: last, some, of })
    }

    /// Whether the intervals of two have nothing in common: the difference is beyond the noise.
    pub fn differs(&self, other: &Self) -> bool {
        self.low > other.high || other.low > self.high
    }
}

/// The rank, from either end, at which an interval of that confidence ends; 0 if there is none.
fn outside(n: usize) -> usize {
    if n > EXACT_MAX {
        // The normal approximation; 0.5 to the power of so many is not a number above 0 any more.
        return (n as f64 / 2.0 - 0.98 * (n as f64).sqrt()) as usize;
    }
    // P(fewer than k of n fair coins) for growing k.
    let mut term = 0.5_f64.powi(i32::try_from(n).unwrap_or(i32::MAX));
    let mut below = 0.0;
    for k in 0..n {
        below += term;
        if 1.0 - 2.0 * below < CONFIDENCE {
            return k;
        }
        term *= (n - k) as f64 / (k + 1) as f64;
    }
    n / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_the_tables() {
        // Conover, table A3: for n = 6, 10, 20 and 50 the intervals are X(1)..X(6), X(2)..X(9), X(6)..X(15), X(18)..X(33).
        assert_eq!([5, 6, 10, 20, 50].map(outside), [0, 1, 2, 6, 18]);
    }

    #[test]
    fn a_median_and_its_interval() {
        assert_eq!(Median::of([]), None);
        assert_eq!(
            Median::of([3.0]),
            Some(Median { median: 3.0, low: 3.0, high: 3.0, max: 3.0, some: 1, of: 1 })
        );
        assert_eq!(
            Median::of([4.0, 1.0, f64::NAN]),
            Some(Median { median: 2.5, low: 1.0, high: 4.0, max: 4.0, some: 2, of: 2 })
        );
        let ten = Median::of((1..=10).map(f64::from)).expect("ten");
        assert_eq!((ten.median, ten.low, ten.high), (5.5, 2.0, 9.0));
        let more = Median::of((10..=19).map(f64::from)).expect("ten");
        assert!(ten.differs(&more) && more.differs(&ten) && !ten.differs(&ten));
    }
}
