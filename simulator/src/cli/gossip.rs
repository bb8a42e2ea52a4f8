//! `msec-sim gossip`.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use super::FOUND;
use super::progress::ProgressLine;
use crate::gossip_only::{GossipOnly, GossipOnlyConfig, Links};
use crate::seed::Seed;

pub(super) const EXAMPLES: &str = "Examples:
  msec-sim gossip
  msec-sim gossip --peers 100000 --json      # about two gigabytes, and a minute or two";

/// From one peer to the next, as in a city.
const LATENCY: std::ops::Range<Duration> = Duration::from_millis(5)..Duration::from_millis(50);

/// Chords that each peer draws, beside its two neighbours in the ring: eight neighbours in the mean.
const CHORDS: usize = 3;

/// Time to meet, before the first message.
const MEETING: Duration = Duration::from_secs(3);

#[derive(Debug, clap::Args)]
pub(super) struct GossipArgs {
    /// How many machines: each the gossip of a peer, without its node, keys and disk
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(3..=1_000_000))]
    peers: u64,
    /// Messages, a second apart, each published by another peer
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=100_000))]
    messages: u64,
    /// Bytes of a message
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=16_384))]
    bytes: u64,
    /// Virtual seconds after the last one
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(0..=1_000_000))]
    after: u64,
    /// Whence all randomness comes: the same seed, the same run
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Print one JSON object as the last line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: GossipArgs) -> anyhow::Result<ExitCode> {
    let (seed, line) = (Seed(args.seed), ProgressLine::on_terminal());
    let mut dice = seed.dice("gossip_only", 0);
    let peers = args.peers as usize;
    line.say(&format!("{peers} machines meet"));
    let links = Links::ring_with_chords(peers, CHORDS, LATENCY, &mut dice);
    let mut city = GossipOnly::new(seed, links, GossipOnlyConfig::default())?;
    city.run_until(MEETING);
    for nth in 0..args.messages {
        line.say(&format!(
            "{nth} of {} messages published, {} s simulated",
            args.messages,
            city.time().as_secs()
        ));
        city.publish(dice.index(peers), args.bytes as usize);
        city.run_until(city.time() + Duration::from_secs(1));
    }
    city.run_until(city.time() + Duration::from_secs(args.after));
    line.clear();
    let report = city.report();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{} machines, {} links, seed {}: {:.0} s",
        report.peers, report.links, args.seed, report.simulated_s
    )?;
    writeln!(
        out,
        "delivered  {} (one for each message and peer), {} missed",
        report.deliveries, report.missed
    )?;
    writeln!(
        out,
        "latency    p50 {} ms, p99 {} ms, last {} ms",
        report.p50_ms, report.p99_ms, report.last_ms
    )?;
    writeln!(
        out,
        "sent       {} messages, {:.0} bytes for each delivery",
        report.messages, report.bytes_per_delivery
    )?;
    let rate = report.events as f64 / report.cpu_s.max(0.001);
    writeln!(out, "cost       {} events in {:.2} s of CPU: {rate:.0} a second", report.events, report.cpu_s)?;
    writeln!(out, "digest     {}", report.digest)?;
    if args.json {
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
    }
    Ok(if report.missed == 0 { ExitCode::SUCCESS } else { ExitCode::from(FOUND) })
}
