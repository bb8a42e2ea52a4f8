//! This machine's clocks: the one that never jumps, and how far the other one may be off, as far as the system tells.
//!
//! What sets the clock of a Raspberry Pi, and of most machines with systemd, is `systemd-timesyncd`. While it runs there is
//! its directory under /run, and from the first answer of a time server on a file in it, touched with each further answer
//! (systemd-timesyncd.service(8)). A machine without a clock that goes on while it is off boots with the time of its last
//! day: a plausible time, and a wrong one, until that file is there. Of what other programs set, nothing is said here:
//! the kernel's own bound (adjtimex) is out of reach of safe code.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use msec_crdt_store::{ClockBound, TimeQuality};
use msec_identity::UnixMillis;
use tokio::time::sleep;

/// How long a loop that waits for a [`Moment`] waits at most before it looks again. The timers of a process stand still while the
/// machine sleeps.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// A moment on the clock that nobody sets, and that goes on while the machine sleeps: what was an hour old when a laptop was closed
/// is a day old the next day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment(Duration);

impl Moment {
    pub(super) fn now() -> Self {
        Self(since_boot())
    }

    pub(super) fn elapsed(self) -> Duration {
        since_boot().saturating_sub(self.0)
    }

    /// Waits until so much has elapsed since, or for [`LOOK_AGAIN`] if that is less; for ever if there is no `due`.
    pub(super) async fn wait_for(self, due: Option<Duration>) {
        match due {
            Some(due) => sleep(due.saturating_sub(self.elapsed()).min(LOOK_AGAIN)).await,
            None => std::future::pending().await,
        }
    }
}

/// CLOCK_BOOTTIME of clock_gettime(2): CLOCK_MONOTONIC stands still in suspend.
fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// The directory of `systemd-timesyncd`.
const TIMESYNCD: &str = "/run/systemd/timesync";
/// The file that it touches.
const SYNCHRONISED: &str = "synchronized";
/// How far off an answer may be that it takes: `RootDistanceMaxSec=` of timesyncd.conf(5), as it comes.
const ANSWER_OFF_MS_MAX: u64 = 5_000;
/// A clock that nobody corrects goes wrong by at most a part in so many: what the kernel reckons with (500 ppm).
const DRIFT_PARTS: u64 = 2_000;

/// What the system knows of its clock, which shows `now`. `None`: nothing.
pub(super) fn told(now: UnixMillis) -> Option<TimeQuality> {
    told_in(Path::new(TIMESYNCD), now)
}

fn told_in(dir: &Path, now: UnixMillis) -> Option<TimeQuality> {
    if !dir.is_dir() {
        return None;
    }
    let answered = dir.join(SYNCHRONISED).metadata().and_then(|file| file.modified());
    let Ok(answered) = answered else { return Some(TimeQuality::Unsynchronised) };
    Some(bound(millis(answered), now).map_or(TimeQuality::Unsynchronised, TimeQuality::Bounded))
}

/// How far a clock may be off that was corrected then. One that was put back since is as if it had just been corrected.
fn bound(answered: UnixMillis, now: UnixMillis) -> Option<ClockBound> {
    let since = u64::try_from(now.0.saturating_sub(answered.0)).unwrap_or_default();
    ClockBound::of_ms(ANSWER_OFF_MS_MAX + since / DRIFT_PARTS)
}

fn millis(time: SystemTime) -> UnixMillis {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    const DAY_MS: i64 = 86_400_000;

    /// Linux counts the time that it slept in its uptime (proc_uptime(5)).
    #[test]
    fn a_moment_counts_the_time_that_the_machine_sleeps() {
        let uptime = fs::read_to_string("/proc/uptime").expect("Linux says how long it is up");
        let uptime: f64 = uptime.split(' ').next().expect("a number").parse().expect("a number");
        let moment = Moment::now();
        assert!((moment.0.as_secs_f64() - uptime).abs() < 5.0, "{moment:?} {uptime}");
        assert!(moment.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn what_timesyncd_leaves_in_its_directory_tells_how_far_the_clock_may_be_off() {
        let dir = tempfile::tempdir().expect("a directory");
        let answered = UnixMillis(1_790_000_000_000);
        let within = |ms| Some(TimeQuality::Bounded(ClockBound::of_ms(ms).expect("a bound")));
        let (absent, here) = (dir.path().join("absent"), dir.path());
        assert_eq!(told_in(&absent, answered), None, "it does not run");
        assert_eq!(told_in(here, answered), Some(TimeQuality::Unsynchronised), "no server has answered yet");
        let file = File::create(here.join(SYNCHRONISED)).expect("a file");
        file.set_modified(UNIX_EPOCH + Duration::from_millis(answered.0 as u64)).expect("touched");
        assert_eq!(told_in(here, answered), within(5_000));
        assert_eq!(told_in(here, answered.saturating_add(DAY_MS)), within(48_200), "it drifts");
        assert_eq!(told_in(here, answered.saturating_add(-DAY_MS)), within(5_000), "it was put back");
        assert_eq!(told_in(here, UnixMillis(i64::MAX)), Some(TimeQuality::Unsynchronised));
    }
}
