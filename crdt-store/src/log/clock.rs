//! What a writer knows of its clock.

/// The largest power of two that a bound is written with: 2^31 ms are 24 days.
const POWER_MAX: u8 = 31;
/// The code of a bound of a millisecond; those above it follow.
const FIRST_CODE: u8 = 2;

/// What is known of the clock that gave an entry its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeQuality {
    /// The clock was set, as far as the writer can tell.
    Synchronised,
    /// The clock was never set since it booted. Such entries sort by their position.
    Unsynchronised,
    /// The clock was set, and is off by no more than that.
    Bounded(ClockBound),
    /// Something that a later version knows.
    Other(u8),
}

/// How far a clock may be off, at most: a power of two in milliseconds, since nobody knows it better than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClockBound {
    power: u8,
}

impl ClockBound {
    /// The smallest bound that holds so many milliseconds; `None` if there is none: a clock that may be off by more than 24
    /// days says nothing.
    pub fn of_ms(ms: u64) -> Option<Self> {
        (0..=POWER_MAX).map(|power| Self { power }).find(|bound| bound.ms() >= ms)
    }

    /// The bound in milliseconds.
    pub fn ms(self) -> u64 {
        1 << self.power
    }
}

impl TimeQuality {
    /// Whether the clock was set, as far as the writer could tell.
    pub fn is_set(self) -> bool {
        matches!(self, Self::Synchronised | Self::Bounded(_))
    }

    /// How far the clock may have been off, if the writer knew.
    pub fn bound(self) -> Option<ClockBound> {
        match self {
            Self::Bounded(bound) => Some(bound),
            Self::Synchronised | Self::Unsynchronised | Self::Other(_) => None,
        }
    }

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Synchronised => 0,
            Self::Unsynchronised => 1,
            Self::Bounded(bound) => FIRST_CODE + bound.power,
            Self::Other(code) => code,
        }
    }

    pub(crate) fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Synchronised,
            1 => Self::Unsynchronised,
            other => match other - FIRST_CODE {
                power @ ..=POWER_MAX => Self::Bounded(ClockBound { power }),
                _ => Self::Other(other),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_means_one_thing_and_comes_back() {
        let all: Vec<_> = (0..=u8::MAX).map(TimeQuality::from_code).collect();
        assert!((0..=u8::MAX).zip(&all).all(|(code, quality)| quality.code() == code));
        let bounds: Vec<_> = all.iter().filter_map(|quality| quality.bound()).collect();
        assert_eq!(bounds.len(), 32);
        assert!(bounds.is_sorted_by(|a, b| a.ms() * 2 == b.ms()));
        assert_eq!(all.iter().filter(|quality| quality.is_set()).count(), 33);
        assert_eq!(all[34], TimeQuality::Other(34), "what a later version knows is kept");
    }

    #[test]
    fn a_bound_is_never_below_what_it_holds() {
        for (ms, expected) in [(0, Some(1)), (1, Some(1)), (2, Some(2)), (3, Some(4)), (5_600, Some(8_192))] {
            assert_eq!(ClockBound::of_ms(ms).map(ClockBound::ms), expected, "{ms}");
        }
        assert_eq!(ClockBound::of_ms(1 << 31).map(ClockBound::ms), Some(1 << 31));
        assert_eq!(ClockBound::of_ms((1 << 31) + 1), None);
        assert_eq!(ClockBound::of_ms(u64::MAX), None);
    }
}
