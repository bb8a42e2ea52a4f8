//! What a run without nodes is tuned by.

use std::time::Duration;

use msec_peer::gossip::{self, ConfigError};

use crate::error::LinkError;

/// The machines' numbers, and what links do to messages. Start from `Default`.
#[derive(Debug, Clone, PartialEq)]
pub struct GossipOnlyConfig {
    /// Every machine's.
    pub gossip: gossip::Config,
    /// All links come up within so long. Default: 2 s. Chosen: rounds of reconciliation are then spread over their interval.
    pub join_within: Duration,
    /// Up to so much on top of a link's latency, for each message anew. Default: 5 ms. Chosen: Wi-Fi's, without load.
    pub jitter: Duration,
    /// How many messages are lost, from 0 to 1; each for itself, and nobody is told. Default: 0.01. Chosen.
    pub loss: f64,
    /// Bytes a second of each direction of a link; `None` is without limit. Default: 1 MB/s. Chosen: 8 Mbit/s, as much
    /// as an old DSL line.
    pub bandwidth: Option<u64>,
    /// While more bytes than this wait for a link, further messages are shed, and gossip is told. Default: 4 MiB, as the driver's.
    pub queue_bytes_max: u64,
    /// What each message costs beside its bytes: headers of Ethernet, IP, UDP and QUIC, and the tag. Default: 80 bytes: 14 + 20
    /// + 8 + about 22 + 16.
    pub overhead_bytes: u64,
}

impl Default for GossipOnlyConfig {
    fn default() -> Self {
        Self {
            gossip: gossip::Config::default(),
            join_within: Duration::from_secs(2),
            jitter: Duration::from_millis(5),
            loss: 0.01,
            bandwidth: Some(1_000_000),
            queue_bytes_max: 4 << 20,
            overhead_bytes: 80,
        }
    }
}

/// A run that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum GossipOnlyError {
    /// The machines refuse their numbers.
    #[error(transparent)]
    Gossip(#[from] ConfigError),
    /// The links are refused.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl GossipOnlyConfig {
    /// Refuses what cannot be simulated.
    pub fn check(&self) -> Result<(), GossipOnlyError> {
        self.gossip.check()?;
        // Also refuses a NaN.
        if !(0.0..=1.0).contains(&self.loss) {
            return Err(LinkError::NotAProbability { name: "loss", value: self.loss }.into());
        }
        if self.bandwidth == Some(0) {
            return Err(LinkError::NoBandwidth.into());
        }
        Ok(())
    }
}
