//! Samples of something that goes on for nobody knows how long, in a bounded room.

/// Keeps at most `max` samples, spread evenly over all that were offered: when it is full, every other one goes, and from
/// then on only every other one is taken. Never fewer than half of `max` are left.
#[derive(Debug, Clone, PartialEq)]
pub struct Thinned<T> {
    rows: Vec<T>,
    max: usize,
    /// Each so many-th is taken.
    stride: u64,
    offered: u64,
}

impl<T> Thinned<T> {
    /// Room for so many, two at least.
    pub fn new(max: usize) -> Self {
        Self { rows: Vec::new(), max: max.max(2), stride: 1, offered: 0 }
    }

    /// Offers the next sample.
    pub fn push(&mut self, row: T) {
        if self.offered.is_multiple_of(self.stride) {
            if self.rows.len() == self.max {
                let mut keep = false;
                self.rows.retain(|_| {
                    keep = !keep;
                    keep
                });
                self.stride *= 2;
            }
            if self.offered.is_multiple_of(self.stride) {
                self.rows.push(row);
            }
        }
        self.offered += 1;
    }

    /// How many were offered.
    pub fn offered(&self) -> u64 {
        self.offered
    }

    /// What was kept, in order.
    pub fn rows(&self) -> &[T] {
        &self.rows
    }

    /// What was kept, in order.
    pub fn into_rows(self) -> Vec<T> {
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_spread_evenly() {
        for max in [2, 3, 8, 9, 100] {
            let mut thinned = Thinned::new(max);
            for n in 0..1_000_u64 {
                thinned.push(n);
                let rows = thinned.rows();
                assert!(rows.len() <= max);
                assert!(rows.len() >= (max / 2).min(n as usize + 1), "{} of {max} after {n}", rows.len());
                assert_eq!(rows[0], 0);
                assert!(rows.windows(3).all(|w| w[1] - w[0] == w[2] - w[1]), "{rows:?}");
            }
            assert_eq!(thinned.offered(), 1_000);
        }
    }
}
