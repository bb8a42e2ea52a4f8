//! What it costs: how long a PUBACK takes beside what the disk takes alone, and the memory of an idle gateway.
//!
//! Worth something in release only, on a machine that does nothing else:
//! `cargo test --release -p msec-tests --test mqtt measure -- --ignored --nocapture`

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use msec_tests::mqtt::{Client, Publisher};

use crate::gateway;

/// How long messages are published, unless `MSEC_MEASURE_SECONDS` says otherwise.
const SECONDS: u64 = 30;
/// Syncs of the disk alone.
const SYNCS: usize = 500;

/// The most that an idle gateway may have resident, in kB, beside what is read of the program's own file: how large that is
/// is the compiler's business.
const IDLE_KB_MAX: u64 = 25_000;
/// How much longer than the commit window, which is zero, 99 of 100 acknowledgements may take at most.
const P99_MAX: Duration = Duration::from_millis(20);

#[test]
fn an_idle_gateway_takes_little_memory() {
    let mut gateway = gateway("");
    gateway.start();
    let resident = status_kb(gateway.process.as_ref().expect("it runs").id(), "RssAnon:");
    assert!(resident < IDLE_KB_MAX, "{resident} kB, even without optimisation");
}

#[test]
#[ignore = "a measurement: see the top of the file"]
fn puback_latency_and_memory() {
    let seconds =
        std::env::var("MSEC_MEASURE_SECONDS").map_or(SECONDS, |text| text.parse().expect("a number"));
    let mut gateway = gateway("");
    let address = gateway.start();
    // A moment of peace: it has opened, and nobody has come.
    std::thread::sleep(Duration::from_secs(2));
    let pid = gateway.process.as_ref().expect("it runs").id();
    let idle_kb = resident_kb(pid);
    let before = std::fs::metadata(gateway.home().join("store/00000001.msec")).expect("a store").len();

    let every = Duration::from_millis(1);
    let publisher = Publisher { first: 0, every, in_flight: 20, length: Duration::from_secs(seconds) };
    let started = Instant::now();
    let published = publisher.run(Client::mic(address), "sensors/mic", |_| {});
    let took = started.elapsed();
    let busy_kb = resident_kb(pid);
    assert_eq!(published.acknowledged.len() as u64, published.sent, "all are acknowledged");
    let written =
        std::fs::metadata(gateway.home().join("store/00000001.msec")).expect("a store").len() - before;

    let mut latencies = published.latencies;
    latencies.sort_unstable();
    // A commit holds what came during the one before it.
    let median = percentile(&latencies, 0.5).as_secs_f64();
    let per_commit = ((published.sent as f64 / took.as_secs_f64()) * median).clamp(1.0, 20.0);
    let bytes = (written as f64 / published.sent as f64 * per_commit) as usize;
    let mut syncs = syncs(&gateway.home().join("store/probe"), bytes);
    syncs.sort_unstable();
    println!(
        "PUBACK    p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms: {} messages in {:.1} s, {:.0}/s, 20 in flight",
        millis(percentile(&latencies, 0.5)),
        millis(percentile(&latencies, 0.99)),
        millis(percentile(&latencies, 1.0)),
        published.sent,
        took.as_secs_f64(),
        published.sent as f64 / took.as_secs_f64(),
    );
    println!(
        "fdatasync p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms: {SYNCS} appends of {bytes} bytes, in the same directory",
        millis(percentile(&syncs, 0.5)),
        millis(percentile(&syncs, 0.99)),
        millis(percentile(&syncs, 1.0)),
    );
    assert!(percentile(&latencies, 0.99) < P99_MAX, "on a machine that does nothing else");
    assert!(idle_kb < IDLE_KB_MAX, "{idle_kb} kB");
    println!("VmRSS     {:.1} MB idle, {:.1} MB after that", idle_kb as f64 / 1e3, busy_kb as f64 / 1e3);
}

/// How long the disk takes to make an append durable, and nothing else.
fn syncs(path: &Path, bytes: usize) -> Vec<Duration> {
    let mut file = File::create(path).expect("a file");
    let data = vec![7; bytes];
    let sync = |_| {
        let started = Instant::now();
        file.write_all(&data).expect("written");
        file.sync_data().expect("synced");
        started.elapsed()
    };
    (0..SYNCS).map(sync).collect()
}

fn resident_kb(pid: u32) -> u64 {
    status_kb(pid, "VmRSS:")
}

fn status_kb(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("a size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// The duration below which that part of the sorted ones lies.
fn percentile(sorted: &[Duration], part: f64) -> Duration {
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
