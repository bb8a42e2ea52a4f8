//! What can be said on the command line, and the scenario that it makes.

use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use crate::city::Scenario;
use crate::link::LinkModel;
use crate::wire::Wire;

const EXAMPLES: &str = "Examples:
  msec-sim run
  msec-sim run --nodes 200 --seconds 120 --seed 7 --json
  msec-sim run --loss 0.1 --unreliable
  msec-sim run --wire quic
  msec-sim run --crash 10 --partition 20 --drain-s 90";

/// Simulates a city of peers in virtual time, running the node that ships.
#[derive(Debug, Parser)]
#[command(name = "msec-sim", version, after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run one city with one seed, and report what became of it.
    #[command(after_help = EXAMPLES)]
    Run(Options),
    /// Make a page, and tables for other programs, from what `run --record` wrote.
    Report(super::report::ReportArgs),
}

/// The flags of `run`. What they mean together is checked by [`Scenario::check`].
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Peers: one in ten is a gateway, one in twenty a citizen, the others are sensors
    #[arg(long, value_name = "N", default_value_t = 50)]
    nodes: usize,
    /// Virtual seconds in which sensors publish
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// Virtual seconds after that, in which everything can arrive
    #[arg(long, value_name = "N", default_value_t = 60)]
    drain_s: u64,
    /// Virtual seconds between two readings of a sensor
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = positive)]
    period_s: f64,
    /// Whence all randomness comes: the same seed, the same run
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The least time that a message takes
    #[arg(long, value_name = "MS", default_value_t = 20)]
    latency_ms: u64,
    /// How much longer it takes at most
    #[arg(long, value_name = "MS", default_value_t = 5)]
    jitter_ms: u64,
    /// The probability that a message is lost, from 0 to 1; it then comes later
    #[arg(long, value_name = "P", default_value_t = 0.01)]
    loss: f64,
    /// Lose messages for good, double and reorder them (each in 1 of 20): harsher than QUIC
    #[arg(long)]
    unreliable: bool,
    /// What carries messages: a model of QUIC, or QUIC itself on simulated datagrams
    #[arg(long, value_enum, default_value = "modelled")]
    wire: WireName,
    /// Crash so many peers in the middle third, and start each again after 5 s
    #[arg(long, value_name = "N", default_value_t = 0)]
    crash: usize,
    /// Cut half of the city from the other half for so many seconds, from a third of the time on
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    partition: u64,
    /// Print one JSON object as the last line
    #[arg(long)]
    pub(super) json: bool,
}

/// A wire, as it is named on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WireName {
    Modelled,
    Quic,
}

impl Options {
    pub(super) fn scenario(&self) -> Scenario {
        let harsh = if self.unreliable { 0.05 } else { 0.0 };
        Scenario {
            nodes: self.nodes,
            seed: self.seed,
            publish: Duration::from_secs(self.seconds),
            drain: Duration::from_secs(self.drain_s),
            period: Duration::from_secs_f64(self.period_s),
            link: LinkModel {
                latency: Duration::from_millis(self.latency_ms),
                jitter: Duration::from_millis(self.jitter_ms),
                loss: self.loss,
                duplication: harsh,
                reordering: harsh,
                bandwidth: None,
                reliable: !self.unreliable,
            },
            wire: match self.wire {
                WireName::Modelled => Wire::Modelled,
                WireName::Quic => Wire::Quic,
            },
            crash: self.crash,
            partition: Duration::from_secs(self.partition),
        }
    }
}

/// A time that a [`Duration`] can be, and that is more than nothing.
fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.001..=1e9).contains(&seconds) => Ok(seconds),
        _ => Err("give it seconds, at least 0.001, such as 0.5".into()),
    }
}
