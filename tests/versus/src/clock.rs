//! Time, as a driver of measurements may look at it: wall, CPU, and what a process takes of the machine.

use std::fs;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// How long something takes.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

#[expect(
    clippy::disallowed_methods,
    reason = "how long it took is measured here, and decides nothing in a core"
)]
impl Stopwatch {
    /// From now on.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Seconds since then.
    pub fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }

    /// Milliseconds since then.
    pub fn ms(self) -> f64 {
        self.seconds() * 1e3
    }
}

/// Waits.
#[expect(clippy::disallowed_methods, reason = "whoever asks at a given rate has to wait for the next time")]
pub fn pause(seconds: f64) {
    std::thread::sleep(Duration::from_secs_f64(seconds.max(0.0)));
}

/// Seconds of CPU that all threads of this process have taken so far, in the kernel too.
pub fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The most memory that this process ever had resident, in bytes.
pub fn peak_memory_bytes() -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

/// The value below which `percent` of 100 lie: the least one that does, so that it was measured. NaN of nothing.
pub fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * percent).div_ceil(100);
    values.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let mut values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!((percentile(&mut values, 50), percentile(&mut values, 99)), (100.0, 198.0));
        assert_eq!(percentile(&mut [7.0], 99), 7.0);
        assert!(percentile(&mut [], 50).is_nan());
    }

    #[test]
    fn a_process_takes_cpu_and_memory() {
        let before = cpu_seconds();
        let sum: u64 = (0..10_000_000u64).map(crate::seed::mix).fold(0, u64::wrapping_add);
        assert!(sum > 0 && cpu_seconds() > before);
        assert!(peak_memory_bytes().expect("read") > 1_000_000);
    }
}
