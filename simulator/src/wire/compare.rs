//! One run on both wires: whether they agree, and by how much the model is kinder than QUIC.

use serde::Serialize;

use super::Wire;
use crate::metrics::Metrics;
use crate::recording::WireComparison;
use crate::world::World;

/// What one wire came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WireRun {
    /// What was counted.
    pub metrics: Metrics,
    /// Half of the deliveries took so many milliseconds at most.
    pub latency_p50_ms: u64,
    /// And 99 of 100.
    pub latency_p99_ms: u64,
    /// Bytes that were sent: of QUIC those of its datagrams, with the headers of UDP and IPv4, of the model those of the
    /// messages.
    pub sent_bytes: u64,
    /// Bytes on the lines of interfaces, frames and what was sent again among them; of the model without keep-alives.
    pub line_bytes: u64,
    /// How long radios were on air, all of them together.
    pub airtime_s: f64,
    /// Datagrams that were sent. The model has none.
    pub datagrams: u64,
    /// Of those, how many were lost.
    pub datagrams_lost: u64,
}

impl WireRun {
    /// Looks at a run at its end.
    pub fn of(world: &World, metrics: Metrics) -> Self {
        let delays = world.delays();
        let (datagrams, classes) = (world.datagrams(), world.traffic_by_class());
        Self {
            latency_p50_ms: delays.quantile_ms(0.5).unwrap_or_default(),
            latency_p99_ms: delays.quantile_ms(0.99).unwrap_or_default(),
            sent_bytes: datagrams.map_or(metrics.bytes, |it| it.bytes),
            line_bytes: classes.iter().map(|class| class.wire_bytes).sum(),
            airtime_s: classes.iter().map(|class| class.airtime_s).sum(),
            datagrams: datagrams.map_or(0, |it| it.sent),
            datagrams_lost: datagrams.map_or(0, |it| it.lost),
            metrics,
        }
    }
}

/// The same on both wires.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BothWires {
    /// On the model.
    pub modelled: WireRun,
    /// On QUIC.
    pub quic: WireRun,
}

impl BothWires {
    /// QUIC's figures over the model's. Bytes are those on lines, and where no peer has an interface those that were sent.
    /// Both have converged if both missed nothing and broke nothing that has to hold, too.
    pub fn compared(&self) -> WireComparison {
        let (quic, modelled) = (&self.quic, &self.modelled);
        WireComparison {
            latency_p50_ratio: ratio(quic.latency_p50_ms, modelled.latency_p50_ms),
            latency_p99_ratio: ratio(quic.latency_p99_ms, modelled.latency_p99_ms),
            bytes_ratio: match modelled.line_bytes {
                0 => ratio(quic.sent_bytes, modelled.sent_bytes),
                on_lines => ratio(quic.line_bytes, on_lines),
            },
            both_converged: modelled.metrics.is_good() && quic.metrics.is_good(),
        }
    }
}

/// Runs something on both wires, one after the other. `run` builds the same city each time, but for
/// [`crate::NetworkModel::wire`], lets it run to its end, and gives [`WireRun::of`] it.
pub fn compare_wires<E>(mut run: impl FnMut(Wire) -> Result<WireRun, E>) -> Result<BothWires, E> {
    Ok(BothWires { modelled: run(Wire::Modelled)?, quic: run(Wire::Quic)? })
}

/// Of nothing to nothing: they are equal.
fn ratio(of: u64, to: u64) -> f64 {
    if of == to { 1.0 } else { of as f64 / to as f64 }
}
