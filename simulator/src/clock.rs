//! A peer's two clocks. They may run fast or slow; the civil one may jump, and may never have been set.

use std::time::Duration;

use msec_identity::UnixMillis;
use msec_peer::node::Now;

use crate::error::ClockError;
use crate::space::EPOCH;

/// The furthest that a clock may drift: five times the worst oscillator that is sold, and slow enough for its time to pass.
pub const DRIFT_PPM_MAX: i32 = 500_000;
/// The furthest that a clock may jump: a hundred years.
pub const JUMP_S_MAX: i64 = 100 * 366 * 24 * 3600;

const MILLION: i128 = 1_000_000;
const NANOS_A_SECOND: i128 = 1_000_000_000;
const NANOS_A_MILLI: i128 = 1_000_000;

/// Both clocks of a peer, as functions of the world's time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// The world's time since which the rate holds.
    since: Duration,
    /// What the monotonic clock showed then.
    mono: Duration,
    /// What the civil clock showed then, in nanoseconds since 1970.
    wall_ns: i128,
    /// Parts per million by which both are too fast.
    ppm: i32,
    /// Nothing sets it: it begins in 1970 at each start.
    unset: bool,
}

/// Civil time in the world.
pub(crate) fn civil(time: Duration) -> UnixMillis {
    EPOCH.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { since: Duration::ZERO, mono: Duration::ZERO, wall_ns: epoch_ns(), ppm: 0, unset: false }
    }

    /// What both show.
    pub(crate) fn now(&self, time: Duration) -> Now {
        let passed = self.passed(time);
        let wall = (self.wall_ns + nanos(passed)).div_euclid(NANOS_A_MILLI);
        Now { mono: self.mono + passed, wall: UnixMillis(i64::try_from(wall).unwrap_or(i64::MAX)) }
    }

    /// The first time in the world at which the monotonic clock shows that.
    pub(crate) fn when(&self, mono: Duration) -> Duration {
        let wait = mono.saturating_sub(self.mono);
        if self.ppm == 0 {
            return self.since.saturating_add(wait);
        }
        let rate = MILLION + i128::from(self.ppm);
        // Rounded up: what passes is rounded down, and a peer that is woken early would be woken again at once.
        let passes = (nanos(wait) * MILLION + rate - 1) / rate;
        self.since.saturating_add(duration(passes))
    }

    /// The peer starts: its monotonic clock begins anew, and a civil clock that nothing sets does too.
    pub(crate) fn start(&mut self, time: Duration) {
        self.rebase(time);
        self.mono = Duration::ZERO;
        if self.unset {
            self.wall_ns = 0;
        }
    }

    /// The civil clock jumps.
    pub(crate) fn jump(&mut self, time: Duration, by_s: i64) -> Result<(), ClockError> {
        if by_s.unsigned_abs() > JUMP_S_MAX.unsigned_abs() {
            return Err(ClockError::Jump { by_s });
        }
        self.rebase(time);
        self.wall_ns += i128::from(by_s) * NANOS_A_SECOND;
        Ok(())
    }

    /// Both clocks run faster from now on, or slower.
    pub(crate) fn drift(&mut self, time: Duration, ppm: i32) -> Result<(), ClockError> {
        if ppm.unsigned_abs() > DRIFT_PPM_MAX.unsigned_abs() {
            return Err(ClockError::Drift { ppm });
        }
        self.rebase(time);
        self.ppm = ppm;
        Ok(())
    }

    /// The civil clock shows what it would if nothing had set it since the peer started.
    pub(crate) fn unset(&mut self, time: Duration) {
        self.rebase(time);
        self.unset = true;
        self.wall_ns = nanos(self.mono);
    }

    /// The civil clock is set right, and both run as they should.
    pub(crate) fn correct(&mut self, time: Duration) {
        self.rebase(time);
        *self = Self { ppm: 0, unset: false, wall_ns: epoch_ns() + nanos(time), ..*self };
    }

    fn rebase(&mut self, time: Duration) {
        let passed = self.passed(time);
        self.mono += passed;
        self.wall_ns += nanos(passed);
        self.since = time;
    }

    /// How much time passes on them while the world goes from `since` to then.
    fn passed(&self, time: Duration) -> Duration {
        let passed = time.saturating_sub(self.since);
        if self.ppm == 0 {
            return passed;
        }
        duration(nanos(passed) * (MILLION + i128::from(self.ppm)) / MILLION)
    }
}

fn epoch_ns() -> i128 {
    i128::from(EPOCH.0) * NANOS_A_MILLI
}

fn nanos(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX)
}

fn duration(nanos: i128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_good_clock_shows_the_worlds_time() {
        let mut clock = Clock::new();
        clock.start(s(5));
        assert_eq!(clock.now(s(7)), Now { mono: s(2), wall: civil(s(7)) });
        assert_eq!(clock.when(s(2)), s(7));
    }

    #[test]
    fn a_wake_comes_when_the_drifting_clock_shows_it_and_no_nanosecond_before() {
        for ppm in [-DRIFT_PPM_MAX, -40, 0, 1, 33_333, DRIFT_PPM_MAX] {
            let mut clock = Clock::new();
            clock.start(s(1));
            clock.drift(s(3), ppm).expect("a drift");
            for due in (0..2_000u64).map(|n| s(2) + Duration::from_nanos(n * n * 7_919 + n)) {
                let at = clock.when(due);
                assert!(clock.now(at).mono >= due, "{ppm} ppm: woken too early");
                let before = at.saturating_sub(Duration::from_nanos(1));
                assert!(before < s(3) || clock.now(before).mono < due, "{ppm} ppm: woken too late");
            }
        }
    }

    #[test]
    fn drift_moves_both_and_a_jump_the_civil_one() {
        let mut clock = Clock::new();
        clock.start(s(0));
        clock.drift(s(10), 100_000).expect("a drift");
        assert_eq!(clock.now(s(20)), Now { mono: s(21), wall: civil(s(21)) });
        clock.jump(s(20), -3_600).expect("a jump");
        assert_eq!(clock.now(s(20)).mono, s(21));
        assert_eq!(clock.now(s(20)).wall.0, civil(s(21)).0 - 3_600_000);
        clock.correct(s(30));
        assert_eq!(clock.now(s(31)).wall, civil(s(31)));
        assert_eq!(clock.now(s(31)).mono, s(33));
    }

    #[test]
    fn a_clock_that_is_never_set_begins_in_1970_at_each_start() {
        let mut clock = Clock::new();
        clock.start(s(0));
        clock.unset(s(4));
        assert_eq!(clock.now(s(5)).wall, UnixMillis(5_000));
        clock.start(s(100));
        assert_eq!(clock.now(s(101)).wall, UnixMillis(1_000));
        clock.correct(s(110));
        assert_eq!(clock.now(s(110)).wall, civil(s(110)));
    }

    #[test]
    fn what_no_clock_does_is_refused() {
        let mut clock = Clock::new();
        assert!(clock.drift(s(0), -1_000_000).is_err());
        assert!(clock.jump(s(0), i64::MIN).is_err());
    }
}
