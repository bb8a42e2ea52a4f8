//! A few lines a minute: strangers must not write an operator's log.

use std::time::{Duration, Instant};

/// Lets so many lines a minute through, and counts the rest.
#[derive(Debug)]
pub struct Throttle {
    lines_max: u32,
    since: Instant,
    lines: u32,
    held_back: u64,
}

impl Throttle {
    /// At most so many lines a minute.
    pub fn new(lines_max: u32) -> Self {
        Self { lines_max, since: Instant::now(), lines: 0, held_back: 0 }
    }

    /// Whether a line may be written now. If it may: how many were held back since the last one.
    pub fn pass(&mut self) -> Option<u64> {
        if self.since.elapsed() >= Duration::from_secs(60) {
            self.since = Instant::now();
            self.lines = 0;
        }
        if self.lines >= self.lines_max {
            self.held_back += 1;
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_lines_pass_and_the_rest_is_counted() {
        let mut throttle = Throttle::new(2);
        assert_eq!([throttle.pass(), throttle.pass(), throttle.pass()], [Some(0), Some(0), None]);
        throttle.since -= Duration::from_secs(61);
        assert_eq!(throttle.pass(), Some(1));
    }
}
