//! Waiting on conditions, never on time: a condition that comes to hold late is no failure on a busy machine.

use std::time::{Duration, Instant};

/// How long anything may take before it counts as not happening. Far more than it takes.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Waits until something holds.
///
/// # Panics
///
/// After [`PATIENCE`], naming `what` was waited for.
pub async fn wait_until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "waited {} s in vain until {what}", PATIENCE.as_secs());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// As [`wait_until`], for tests without a runtime.
///
/// # Panics
///
/// After [`PATIENCE`], naming `what` was waited for.
pub fn block_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited {} s in vain until {what}", PATIENCE.as_secs());
        std::thread::sleep(LOOK_EVERY);
    }
}
