//! Catch-up: a fresh peer fetches real readings from one that has them, over loopback.
//!
//! Each side is a process of its own, started from this very program ([`Role`]): one prepares what the first side holds, one
//! serves it, one fetches it. The two that are measured say when they are ready and what they took on their standard output;
//! the one that serves ends when its standard input does.

mod ours;
mod samod;
mod sqlite;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::city::{self, Stream};
use crate::clock::{Stopwatch, cpu_seconds, pause, peak_memory_bytes};
use crate::program::word;

/// How often it is looked whether a process has ended.
const LOOK_S: f64 = 0.05;
/// Begins the line by which a server says where it is.
const READY: &str = "ready ";

/// Who catches up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Who {
    /// Two peers that ship, over QUIC.
    Ours,
    /// Two samod repositories, over TCP.
    Samod,
    /// A file that is copied over TCP, and checked.
    Sqlite,
}

/// What a process of this program does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Writes what the first side holds.
    Prepare,
    /// Is the first side.
    Serve,
    /// Is the fresh one.
    Fetch,
}

/// One side, or one comparison.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// Who.
    pub who: Who,
    /// Readings in an entry, or in a change.
    pub per_entry: usize,
    /// Readings in all.
    pub readings: usize,
}

/// What one side took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Side {
    /// From the start until everything was there; for the side that serves, until it was told to end.
    pub seconds: f64,
    /// How much of that passed before the two were linked.
    pub linking_s: f64,
    /// Seconds of CPU from then on.
    pub cpu_s: f64,
    /// The most memory that its process ever had.
    pub peak_bytes: u64,
    /// How many readings are there.
    pub readings: usize,
}

/// What came out.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// The side that has them.
    pub server: Side,
    /// The fresh one.
    pub client: Side,
    /// Bytes that passed over loopback in both directions, with the headers of their packets.
    pub wire_bytes: u64,
}

impl Job {
    /// Does this process's part. `home` is the directory of the job, `address` where the server is.
    pub fn play(&self, role: Role, home: &Path, data: &Path, address: &str) -> anyhow::Result<()> {
        match role {
            Role::Prepare => {
                let streams = city::readings(data, self.readings)?;
                match self.who {
                    Who::Ours => ours::prepare(home, &streams, self.per_entry),
                    Who::Samod => samod::prepare(home, streams, self.per_entry),
                    Who::Sqlite => sqlite::prepare(home, &streams),
                }
            }
            Role::Serve => {
                let mut meter = None;
                let mut until_told = |address: String| {
                    meter = Some(Meter::start());
                    println!("{READY}{address}");
                    // It ends when whoever started this process closes it.
                    let _ = std::io::stdin().read(&mut [0]);
                };
                match self.who {
                    Who::Ours => ours::serve(home, &mut until_told)?,
                    Who::Samod => samod::serve(home, &mut until_told)?,
                    Who::Sqlite => sqlite::serve(home, &mut until_told)?,
                }
                let meter = meter.context("the server never was ready")?;
                println!("{}", serde_json::to_string(&meter.read(self.readings, 0.0)?)?);
                Ok(())
            }
            Role::Fetch => {
                let meter = Meter::start();
                let fetched = match self.who {
                    Who::Ours => ours::fetch(home, address, meter.clock)?,
                    Who::Samod => samod::fetch(home, address, meter.clock)?,
                    Who::Sqlite => sqlite::fetch(home, address, meter.clock)?,
                };
                println!("{}", serde_json::to_string(&meter.read(fetched.readings, fetched.linking_s)?)?);
                Ok(())
            }
        }
    }

    /// Runs both sides. `None`: it took longer than `limit_s`.
    pub fn run(&self, place: &Path, data: &Path, limit_s: f64) -> anyhow::Result<Option<Outcome>> {
        let home = tempfile::tempdir_in(place)?;
        let mut preparing = self.start(Role::Prepare, home.path(), data, "")?;
        let prepared = preparing.wait()?;
        ensure!(prepared.success(), "preparing {:?} failed: its words stand above", self.who);
        let mut server = Running(self.start(Role::Serve, home.path(), data, "")?);
        let mut lines = BufReader::new(server.0.stdout.take().context("a server speaks")?).lines();
        let ready = lines.next().transpose()?.unwrap_or_default();
        let Some(address) = ready.strip_prefix(READY) else { bail!("the server said {ready:?}") };
        let before = loopback_bytes()?;
        let mut client = Running(self.start(Role::Fetch, home.path(), data, address)?);
        let clock = Stopwatch::start();
        while client.0.try_wait()?.is_none() {
            if clock.seconds() > limit_s {
                return Ok(None);
            }
            pause(LOOK_S);
        }
        let wire_bytes = loopback_bytes()? - before;
        let mut said = String::new();
        client.0.stdout.take().context("a client speaks")?.read_to_string(&mut said)?;
        let client: Side =
            serde_json::from_str(said.trim()).context("the client failed: its words stand above")?;
        ensure!(client.readings == self.readings, "{} of {} readings came", client.readings, self.readings);
        drop(server.0.stdin.take());
        let said = lines.next().transpose()?.unwrap_or_default();
        let server = serde_json::from_str(&said).context("the server failed: its words stand above")?;
        Ok(Some(Outcome { server, client, wire_bytes }))
    }

    fn start(&self, role: Role, home: &Path, data: &Path, address: &str) -> anyhow::Result<Child> {
        let child = Command::new(std::env::current_exe()?)
            .args(["--role", &word(role), "--who", &word(self.who), "--address", address])
            .args(["--per-entry", &self.per_entry.to_string(), "--readings", &self.readings.to_string()])
            .arg("--dir")
            .arg(home)
            .arg("--data")
            .arg(data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        Ok(child)
    }
}

/// What the fresh side has in the end.
#[derive(Clone, Copy, Debug)]
struct Fetched {
    readings: usize,
    linking_s: f64,
}

/// A process that is killed when nobody waits for it any more.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Measures this process from now on.
#[derive(Clone, Copy, Debug)]
struct Meter {
    clock: Stopwatch,
    cpu_s: f64,
}

impl Meter {
    fn start() -> Self {
        Self { clock: Stopwatch::start(), cpu_s: cpu_seconds() }
    }

    fn read(self, readings: usize, linking_s: f64) -> anyhow::Result<Side> {
        let (seconds, cpu_s) = (self.clock.seconds(), cpu_seconds() - self.cpu_s);
        Ok(Side { seconds, linking_s, cpu_s, peak_bytes: peak_memory_bytes()?, readings })
    }
}

/// Bytes that loopback has carried so far in this network namespace.
fn loopback_bytes() -> anyhow::Result<u64> {
    let devices = fs::read_to_string("/proc/net/dev")?;
    let line = devices.lines().find_map(|line| line.trim_start().strip_prefix("lo:"));
    let received = line.and_then(|line| line.split_whitespace().next()).context("there is no loopback")?;
    Ok(received.parse()?)
}

/// How many readings streams hold.
fn count(streams: &[Stream]) -> usize {
    streams.iter().map(|stream| stream.readings.len()).sum()
}
