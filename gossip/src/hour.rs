//! When somebody last said something, as coarse as an interest asks.

use std::num::NonZeroU32;

use msec_identity::UnixMillis;

const HOUR_MS: i64 = 3_600_000;

/// An hour of civil time, counted from 1970; the first one is none.
///
/// Whole hours, so that peers which ask for "the last two hours" one after the other have equal interests, and compare
/// the same (see [`crate::Interest`]); nor does it tell to the minute when somebody was switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(NonZeroU32);

impl Hour {
    /// The hour in which that was. `None` before 1970-01-01T01:00, and half a million years later.
    pub fn of(time: UnixMillis) -> Option<Self> {
        u32::try_from(time.0.div_euclid(HOUR_MS)).ok().and_then(Self::from_number)
    }

    /// The number that [`Hour::number`] gave.
    pub fn from_number(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// How many hours after 1970 it began.
    pub fn number(self) -> u32 {
        self.0.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_begin_on_the_hour() {
        let number = |ms| Hour::of(UnixMillis(ms)).map(Hour::number);
        assert_eq!(number(3_600_000 * 490_000), Some(490_000));
        assert_eq!(number(3_600_000 * 490_000 - 1), Some(489_999));
        assert_eq!(
            (number(3_599_999), number(-1), number(i64::MIN), number(i64::MAX)),
            (None, None, None, None)
        );
        assert_eq!(Hour::from_number(0), None);
    }
}
