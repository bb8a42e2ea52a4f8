//! Durable appends: readings that nobody can compress, from writers who wait until each is on disk.
//!
//! One thread plays the writers and the store in turn, so that nothing but the store is measured. Three loads:
//!
//! - [`Load::Burst`]: each writer asks again as soon as it was answered, so that every window is full: what a store can take;
//! - [`Load::Steady`] by [`Mode::Prompt`]: readings come at a rate, and whatever waits is committed as soon as the last sync
//!   has ended;
//! - [`Load::Steady`] by [`Mode::Thrifty`]: the same, and a sync waits for a full window or a second.

mod append;
mod contenders;
mod fjall;
mod ours;
mod peer;
mod redb;
mod sqlite;

use std::collections::VecDeque;
use std::path::Path;

pub use contenders::{ALL, CONTENDERS, Contender};

use self::append::Append;
use self::fjall::Fjall;
use self::ours::Ours;
use self::peer::Running;
use self::redb::Redb;
use self::sqlite::Sqlite;

use crate::clock::{Stopwatch, cpu_seconds, pause, percentile};
use crate::{disk, seed};

/// Who write.
pub const WRITERS: usize = 50;
/// The readings of a full window.
pub const WINDOW: usize = 50;
/// How long a reading is.
pub const BODY_BYTES: usize = 200;
/// The longest that a thrifty store lets a reading wait.
const THRIFTY_WAIT_S: f64 = 1.0;
/// Windows that are written before anything is measured: files grow, headers are written, trees get their second level.
const WARM_UP_WINDOWS: usize = 20;

/// One reading that somebody wants on disk.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Which log it belongs to.
    pub log: usize,
    /// The how-manieth of its log it is.
    pub position: u64,
    /// What nobody can compress.
    pub body: [u8; BODY_BYTES],
}

/// Something that holds readings.
pub trait Durable {
    /// Takes the readings of a window. `done` is told how many of them are on disk, whenever there are more.
    fn window(&mut self, offers: &[Offer], done: &mut dyn FnMut(usize)) -> anyhow::Result<()>;

    /// Lets go of what is held.
    fn close(self: Box<Self>) -> anyhow::Result<()>;
}

/// When readings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As soon as the last sync has ended.
    Prompt,
    /// When a window is full, or after a second.
    Thrifty,
}

/// When readings come.
#[derive(Clone, Copy, Debug)]
pub enum Load {
    /// As soon as the one before was answered.
    Burst,
    /// So many a second.
    Steady {
        /// How many.
        rate: f64,
        /// When they are written.
        mode: Mode,
    },
}

/// How much is measured: whichever comes first.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    /// Readings.
    pub readings: usize,
    /// Seconds.
    pub seconds: f64,
}

/// What came out.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// How many readings were acknowledged.
    pub readings: usize,
    /// In what time.
    pub seconds: f64,
    /// How long half of them waited.
    pub p50_ms: f64,
    /// How long 99 of 100 waited.
    pub p99_ms: f64,
    /// Bytes written for each, closing included.
    pub written_per_reading: f64,
    /// Microseconds of CPU for each.
    pub cpu_us: f64,
}

/// Runs one load on one store whose files lie in `directory`.
pub fn run(
    mut store: Box<dyn Durable>,
    logs: usize,
    load: Load,
    length: Length,
    directory: &Path,
) -> anyhow::Result<Outcome> {
    let mut offers = Offers { logs, next: 0 };
    for _ in 0..WARM_UP_WINDOWS {
        store.window(&offers.take(WINDOW), &mut |_| ())?;
    }
    let (written, cpu) = (disk::written_bytes()?, cpu_seconds());
    let clock = Stopwatch::start();
    let mut waits = match load {
        Load::Burst => burst(store.as_mut(), &mut offers, length, clock)?,
        Load::Steady { rate, mode } => steady(store.as_mut(), &mut offers, length, clock, rate, mode)?,
    };
    let (seconds, cpu) = (clock.seconds(), cpu_seconds() - cpu);
    store.close()?;
    let readings = waits.len();
    anyhow::ensure!(readings > 0, "nothing was acknowledged in {}", directory.display());
    Ok(Outcome {
        readings,
        seconds,
        p50_ms: percentile(&mut waits, 50) * 1e3,
        p99_ms: percentile(&mut waits, 99) * 1e3,
        written_per_reading: (disk::written_bytes()? - written) as f64 / readings as f64,
        cpu_us: cpu / readings as f64 * 1e6,
    })
}

/// Each writer asks again as soon as it was answered. Returns how long each reading waited, in seconds.
fn burst(
    store: &mut dyn Durable,
    offers: &mut Offers,
    length: Length,
    clock: Stopwatch,
) -> anyhow::Result<Vec<f64>> {
    let mut waits = Vec::with_capacity(length.readings);
    let mut asked = [clock.seconds(); WRITERS];
    while waits.len() < length.readings && clock.seconds() < length.seconds {
        let window = offers.take(WRITERS);
        let mut before = 0;
        store.window(&window, &mut |done| {
            let now = clock.seconds();
            for writer in &mut asked[before..done] {
                waits.push(now - *writer);
                *writer = now;
            }
            before = done;
        })?;
        anyhow::ensure!(before == WRITERS, "{before} of {WRITERS} readings were acknowledged");
    }
    Ok(waits)
}

/// Readings come at a rate. Returns how long each waited, in seconds.
fn steady(
    store: &mut dyn Durable,
    offers: &mut Offers,
    length: Length,
    clock: Stopwatch,
    rate: f64,
    mode: Mode,
) -> anyhow::Result<Vec<f64>> {
    let mut waits = Vec::with_capacity(length.readings);
    let mut waiting: VecDeque<f64> = VecDeque::new();
    let mut come = 0usize;
    while waits.len() < length.readings && clock.seconds() < length.seconds {
        let now = clock.seconds();
        while come as f64 / rate <= now {
            waiting.push_back(come as f64 / rate);
            come += 1;
        }
        let oldest = waiting.front().copied();
        let due = oldest.is_some_and(|oldest| {
            mode == Mode::Prompt || waiting.len() >= WINDOW || now - oldest >= THRIFTY_WAIT_S
        });
        if !due {
            let patience = oldest.map_or(f64::INFINITY, |oldest| oldest + THRIFTY_WAIT_S);
            pause((come as f64 / rate).min(patience) - now);
            continue;
        }
        let size = waiting.len().min(WINDOW);
        let window: Vec<f64> = waiting.drain(..size).collect();
        let mut before = 0;
        store.window(&offers.take(size), &mut |done| {
            let now = clock.seconds();
            waits.extend(window[before..done].iter().map(|came| now - came));
            before = done;
        })?;
    }
    Ok(waits)
}

/// Where readings come from: the writers in turn, each for its log.
struct Offers {
    logs: usize,
    next: u64,
}

impl Offers {
    fn take(&mut self, count: usize) -> Vec<Offer> {
        (0..count).map(|_| self.one()).collect()
    }

    fn one(&mut self) -> Offer {
        let (n, logs) = (self.next, self.logs as u64);
        self.next += 1;
        let mut body = [0; BODY_BYTES];
        for (part, bytes) in body.chunks_mut(32).enumerate() {
            bytes.copy_from_slice(&seed::bytes(&[n, part as u64])[..bytes.len()]);
        }
        Offer { log: (n % logs) as usize, position: n / logs, body }
    }
}

#[cfg(test)]
mod tests;
