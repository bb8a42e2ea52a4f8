//! What can go wrong, an enum for each operation. Each says what to do next.

use std::time::Duration;

use msec_peer::node::ConfigError;

/// A link that cannot be simulated.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum LinkError {
    /// Not a probability.
    #[error("`{name}` is a probability: give it a value from 0 to 1, not {value}")]
    NotAProbability {
        /// Which setting.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// Nothing would ever arrive.
    #[error("a link without bandwidth carries nothing: give it at least one byte a second")]
    NoBandwidth,
}

/// A peer that cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum AddPeerError {
    /// More peers than there are addresses.
    #[error("a world holds at most {} peers", crate::PEERS_MAX)]
    Full,
    /// The rights are granted on something that is no collection.
    #[error(transparent)]
    Collection(#[from] msec_identity::PathError),
    /// The node refuses its settings.
    #[error(transparent)]
    Settings(#[from] ConfigError),
}

/// A peer that cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum RestartError {
    /// It runs.
    #[error("the peer is up: crash it first")]
    Up,
    /// Its store cannot be opened.
    #[error("the store cannot be opened")]
    Store(#[from] msec_crdt_store::StorageError),
}

/// A city that cannot be simulated.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// Too few peers, or too many.
    #[error(
        "a city has 3 to {} peers (one gateway, one sensor and one citizen at least), not {nodes}: say for instance --nodes 50",
        crate::PEERS_MAX
    )]
    Nodes {
        /// How many.
        nodes: usize,
    },
    /// Nothing would be published.
    #[error(
        "sensors publish every {period:?} for {publish:?}, so that some would publish nothing: make --seconds at least as long as --period-s"
    )]
    NothingToPublish {
        /// Time between two readings.
        period: Duration,
        /// How long they publish.
        publish: Duration,
    },
    /// More to crash than there is.
    #[error("{crash} peers are to crash, and the city has {nodes}: crash fewer")]
    Crash {
        /// How many are to crash.
        crash: usize,
        /// How many there are.
        nodes: usize,
    },
    /// A fault would not be over before the city has to agree.
    #[error(
        "a fault lasts until second {until} of {end}: make --seconds or --drain-s longer, so that the city has {} s to agree after it", crate::AGREE_WITHIN.as_secs()
    )]
    FaultTooLate {
        /// When it ends.
        until: u64,
        /// When the run ends.
        end: u64,
    },
    /// The links are refused.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// A peer is refused.
    #[error(transparent)]
    Peer(#[from] AddPeerError),
}
