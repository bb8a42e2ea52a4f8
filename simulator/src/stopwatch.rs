//! How long a run took on the machine that ran it: the one place that looks at a real clock.
#![allow(
    clippy::disallowed_methods,
    reason = "the cost of a run is measured in real time; nothing in it depends on it"
)]

use std::time::{Duration, Instant};

/// Measures wall time, and the time that this thread was computing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch {
    started: Instant,
    cpu: Option<Duration>,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), cpu: thread_cpu() }
    }

    /// Wall time since the start.
    pub(crate) fn wall(&self) -> Duration {
        self.started.elapsed()
    }

    /// Time that the thread was computing since the start; wall time where the system does not tell.
    pub(crate) fn cpu(&self) -> Duration {
        match (self.cpu, thread_cpu()) {
            (Some(before), Some(now)) => now.saturating_sub(before),
            _ => self.wall(),
        }
    }
}

/// Some instant. Whoever needs one as the name of virtual time's beginning takes it from here, and compares it with none of
/// another call.
#[cfg(feature = "quic")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// The first number is the time on a processor, in nanoseconds (Linux, `Documentation/scheduler/sched-stats.rst`).
fn thread_cpu() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}
