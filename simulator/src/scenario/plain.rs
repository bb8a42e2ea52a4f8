//! The link of peers that name no interface.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::link::LinkModel;

/// One link to everybody: what a `[plain]` table says. Start from `Default`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlainSpec {
    /// The time that a message takes at least, in milliseconds. Default: 20.
    pub latency_ms: f64,
    /// How much longer it takes at most, in milliseconds. Default: 5.
    pub jitter_ms: f64,
    /// How often a message is lost, 0 to 1. Default: never.
    pub loss: f64,
    /// How often it comes twice; on unreliable links only. Default: never.
    pub duplication: f64,
    /// How often others overtake it; on unreliable links only. Default: never.
    pub reordering: f64,
    /// Bytes a second in each direction. Default: without limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_s: Option<u64>,
    /// Whether what is lost comes later, and in order, as with QUIC. Default: yes.
    pub reliable: bool,
}

impl Default for PlainSpec {
    fn default() -> Self {
        Self {
            latency_ms: 20.0,
            jitter_ms: 5.0,
            loss: 0.0,
            duplication: 0.0,
            reordering: 0.0,
            bytes_per_s: None,
            reliable: true,
        }
    }
}

impl PlainSpec {
    /// The link, checked.
    pub(super) fn model(&self) -> Result<LinkModel, String> {
        const MS_MAX: f64 = 3_600_000.0;
        for (name, value) in [("latency_ms", self.latency_ms), ("jitter_ms", self.jitter_ms)] {
            if !(0.0..=MS_MAX).contains(&value) {
                return Err(format!("{name} is 0 to {MS_MAX}, not {value}"));
            }
        }
        let model = LinkModel {
            latency: Duration::from_secs_f64(self.latency_ms / 1_000.0),
            jitter: Duration::from_secs_f64(self.jitter_ms / 1_000.0),
            loss: self.loss,
            duplication: self.duplication,
            reordering: self.reordering,
            bandwidth: self.bytes_per_s,
            reliable: self.reliable,
        };
        model.check().map_err(|error| error.to_string())?;
        Ok(model)
    }
}
