//! So many at once, and one more after each pause.

use std::time::Duration;

/// A number of things that may be done, which fills up again with time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    max: u32,
    /// How long it takes until one more may be done.
    pause: Duration,
    left: u32,
    /// When it was filled up last, by whole pauses.
    filled: Duration,
}

impl Budget {
    /// A full one.
    pub(super) const fn new(max: u32, pause: Duration) -> Self {
        Self { max, pause, left: max, filled: Duration::ZERO }
    }

    /// Whether one may be done now; then it counts.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        let missing = self.max - self.left;
        let pauses = now.saturating_sub(self.filled).as_nanos() / self.pause.as_nanos().max(1);
        if pauses >= missing.into() {
            (self.left, self.filled) = (self.max, now);
        } else {
            // Fewer than are missing, so it fits.
            let pauses = pauses as u32;
            self.left += pauses;
            self.filled += self.pause * pauses;
        }
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }

    /// When one may be done again, after one might not.
    pub(super) fn due(&self) -> Duration {
        self.filled + self.pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn it_gives_so_many_at_once_and_then_one_a_pause() {
        let mut it = Budget::new(3, S(2));
        let taken = |it: &mut Budget, at, tries| (0..tries).filter(|_| it.take(S(at))).count();
        assert_eq!(taken(&mut it, 100, 9), 3);
        assert_eq!(it.due(), S(102));
        assert_eq!(taken(&mut it, 101, 9), 0);
        assert_eq!(taken(&mut it, 103, 9), 1, "and a second of the next pause is over");
        assert_eq!(it.due(), S(104));
        assert_eq!(taken(&mut it, 104, 9), 1);
        assert_eq!(taken(&mut it, 1_000, 9), 3, "never more than at first");
    }
}
