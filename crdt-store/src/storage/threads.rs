//! Work that is spread over the machine's cores: a Raspberry Pi has four, and each is slow.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// At most so many threads work at once.
const THREADS_MAX: usize = 4;
/// Below so many things for each, starting a thread costs more than it saves.
const THINGS_MIN: usize = 64;

/// Whether `check` holds for all parts of `things`, which are looked at side by side.
pub(super) fn all_in_parallel<T: Send>(things: &mut [T], check: impl Fn(&mut [T]) -> bool + Sync) -> bool {
    let cores = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let part = things.len().div_ceil(cores).max(THINGS_MIN);
    let all = AtomicBool::new(true);
    thread::scope(|scope| {
        let mut parts = things.chunks_mut(part);
        // This thread takes the first part itself.
        let own = parts.next();
        for part in parts {
            scope.spawn(|| {
                if !check(part) {
                    all.store(false, Ordering::Relaxed);
                }
            });
        }
        if own.is_some_and(|part| !check(part)) {
            all.store(false, Ordering::Relaxed);
        }
    });
    all.into_inner()
}
