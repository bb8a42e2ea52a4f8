//! How far this machine's clock may be off, as far as the system tells.
//!
//! What sets the clock of a Raspberry Pi, and of most machines with systemd, is `systemd-timesyncd`. While it runs there is
//! its directory under /run, and from the first answer of a time server on a file in it, touched with each further answer
//! (systemd-timesyncd.service(8)). A machine without a clock that goes on while it is off boots with the time of its last
//! day: a plausible time, and a wrong one, until that file is there. Of what other programs set, nothing is said here:
//! the kernel's own bound (adjtimex) is out of reach of safe code.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use msec_crdt_store::{ClockBound, TimeQuality};
use msec_identity::UnixMillis;

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
    use std::fs::File;
    use std::time::Duration;

    use super::*;

    const DAY_MS: i64 = 86_400_000;

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
