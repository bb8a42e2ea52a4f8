//! The parts of a recording that are counts.

use serde::{Deserialize, Serialize};

use crate::histogram::Histogram;
use crate::metrics::Metrics;

/// How long it took from publishing to verified, for the readers of one population.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LatencyRecord {
    /// The population that reads.
    pub readers: String,
    /// One count for each reading and reader.
    pub histogram: Histogram,
}

/// How things stood at one time. What is marked as a sum counts from the start of the run, so that rows may be dropped
/// and the others stay true.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SeriesRow {
    /// Virtual time.
    pub t_s: f64,
    /// Time on the clock on the wall.
    pub wall_s: f64,
    /// Inputs that nodes have handled: a sum.
    pub events: u64,
    /// Peers that are up.
    pub peers_up: u32,
    /// Links that are up.
    pub links: u32,
    /// Readings that were acknowledged: a sum.
    pub published: u64,
    /// Readings times readers that have them: a sum.
    pub delivered: u64,
    /// Entries times readers that are not there yet.
    pub lag: u64,
    /// Bytes of messages sent: a sum.
    pub bytes: u64,
    /// Bytes on the wire by link class, in the order of [`Recording::classes`](super::Recording::classes); sums.
    pub bytes_by_class: Vec<u64>,
    /// Seconds of airtime by link class; sums. 0 for a class without radio.
    pub airtime_s_by_class: Vec<f64>,
}

/// What one class of links carried. What went over two, the sender's and the receiver's, is counted in both.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassRecord {
    /// Its name.
    pub name: String,
    /// Messages sent, each once.
    pub messages: u64,
    /// Bytes on the wire, with the overhead of packets and frames, and what was sent again.
    pub bytes: u64,
    /// Packets that were lost, and sent again.
    pub lost: u64,
    /// Messages for which there was no room, or no time on air.
    pub shed: u64,
    /// How long the air was taken, over all senders. 0 without radio.
    pub airtime_s: f64,
    /// The longest that a message waited before it was sent.
    pub queue_max_ms: f64,
    /// The share of the time in which the busiest interface was in use, from 0 to 1.
    pub busiest_share: f64,
}

/// A fault, and how the city came out of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FaultRecord {
    /// What went wrong, in words.
    pub what: String,
    /// When it began.
    pub from_s: f64,
    /// When it was over; the same for one that strikes once.
    pub until_s: f64,
    /// How long after that all agreed again. `None`: not before the run's end or the next look.
    pub agreed_after_s: Option<f64>,
}

/// A grant that was revoked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RevocationRecord {
    /// Whose, by whom and with which cut, in words.
    pub what: String,
    /// When it was issued.
    pub issued_s: f64,
    /// Peers that could be reached: linked with its issuer then, over whomever, and up since.
    pub reachable: u32,
    /// After how many seconds each of them that did knew of it, in order.
    pub known_after_s: Vec<f32>,
    /// Of those who came, or came back, after it was issued: how many seconds after that they knew of it, in order.
    pub returned_after_s: Vec<f32>,
    /// Bytes that reached the holder after it was issued, or that lie beyond the cut and reached somebody who did not know of it.
    pub exposed_bytes: u64,
    /// How many seconds after it was issued the last of them did.
    pub exposed_for_s: f64,
}

/// What one checker found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct VerdictRecord {
    /// Its name.
    pub checker: String,
    /// Whether it checks what must hold at every step (safety), or what must come in the end (liveness).
    pub safety: bool,
    /// How often it looked at something.
    pub looked: u64,
    /// How often that was wrong.
    pub violations: u64,
    /// The first of those, in words.
    pub first: Vec<String>,
}

/// The same scenario and seed over `quinn-proto` connections, compared with the links of the model. A ratio is QUIC's
/// figure over the model's: 1.1 says that QUIC took a tenth more.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WireComparison {
    /// Of the time within which half of all deliveries were done.
    pub latency_p50_ratio: f64,
    /// Of the time within which 99 in 100 were done.
    pub latency_p99_ratio: f64,
    /// Of the bytes sent.
    pub bytes_ratio: f64,
    /// Whether both came to the same end: all agreed.
    pub both_converged: bool,
}

impl WireComparison {
    /// Compares what was counted over the model with what was counted over QUIC. Bytes are those on the lines, if there are
    /// any that count them, and those of messages against those of datagrams if not.
    pub fn of(model: &Metrics, quic: &Metrics) -> Self {
        let ratio = |quic: f64, model: f64| if model > 0.0 { quic / model } else { 1.0 };
        let bytes_ratio = match model.line_bytes {
            0 => ratio(quic.bytes as f64, model.bytes as f64),
            on_lines => ratio(quic.line_bytes as f64, on_lines as f64),
        };
        Self {
            latency_p50_ratio: ratio(quic.p50_ms, model.p50_ms),
            latency_p99_ratio: ratio(quic.p99_ms, model.p99_ms),
            bytes_ratio,
            both_converged: model.converged && quic.converged,
        }
    }
}

/// What was more than a recording holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Of what there was more.
    pub what: String,
    /// How many are in the recording.
    pub kept: u64,
    /// Out of how many.
    pub of: u64,
}
