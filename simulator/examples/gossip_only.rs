//! Measures bare gossip machines: how many events a second of computing, and how much memory each takes.
//!
//! ```text
//! cargo run --release -p msec-simulator --example gossip_only -- 100000
//! ```
//!
//! The arguments: how many peers, how many entries of 200 bytes are published, a second apart and each by another peer
//! (default 10), how many seconds follow (default 20), and the seed (default 1). Everybody has eight neighbours in the mean, 5
//! to 50 ms away. Prints one line of JSON.

use std::time::Duration;

use msec_simulator::{GossipOnly, GossipOnlyConfig, Links, Seed};

const SECOND: Duration = Duration::from_secs(1);
const ENTRY_BYTES: usize = 200;
const CHORDS: usize = 3;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<u64> = std::env::args().skip(1).map(|text| text.parse()).collect::<Result<_, _>>()?;
    let argument = |n: usize, default: u64| arguments.get(n).copied().unwrap_or(default);
    let (peers, entries, after, seed) =
        (argument(0, 1_000), argument(1, 10), argument(2, 20), Seed(argument(3, 1)));
    let mut dice = seed.dice("gossip_only", 0);
    let before = resident_kb().unwrap_or(0);
    let latency = Duration::from_millis(5)..Duration::from_millis(50);
    let links = Links::ring_with_chords(peers as usize, CHORDS, latency, &mut dice);
    let mut city = GossipOnly::new(seed, links, GossipOnlyConfig::default())?;
    city.run_until(SECOND * 3);
    let idle = resident_kb().unwrap_or(0);
    for _ in 0..entries {
        city.publish(dice.index(peers as usize), ENTRY_BYTES);
        city.run_until(city.time() + SECOND);
    }
    city.run_until(city.time() + SECOND * after as u32);
    let end = resident_kb().unwrap_or(0);
    let report = city.report();
    let bytes_a_peer = |kb: u64| kb.saturating_sub(before) * 1_024 / peers.max(1);
    let mut line = serde_json::to_value(&report)?;
    line["events_per_cpu_s"] = ((report.events as f64 / report.cpu_s) as u64).into();
    line["peer_seconds_per_cpu_s"] = ((peers as f64 * report.simulated_s / report.cpu_s) as u64).into();
    line["bytes_a_peer_at_3_s"] = bytes_a_peer(idle).into();
    line["bytes_a_peer_at_the_end"] = bytes_a_peer(end).into();
    line["peak_kb"] = field_kb("VmHWM:").into();
    println!("{line}");
    Ok(())
}

fn resident_kb() -> Option<u64> {
    field_kb("VmRSS:")
}

/// A line of what the system knows about this process; `None` where it does not tell.
fn field_kb(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
