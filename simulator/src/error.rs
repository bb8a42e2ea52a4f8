//! What can go wrong, an enum for each operation. Each says what to do next.

use msec_peer::node::ConfigError;

/// A link that cannot be simulated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
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
    /// Not a time.
    #[error("`{name}` is a time: give it milliseconds from 0 to an hour, not {value}")]
    NotATime {
        /// Which setting.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// Not a factor.
    #[error("`{name}` is a factor: give it a value from 0.001 to 1000, not {value}")]
    NotAFactor {
        /// Which setting.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// Quantiles in the wrong order.
    #[error(
        "`jitter_ms` is the median and `jitter_p99_ms` the 99th percentile of one time: make {p99} at least as much as {median}, and both 0 for none"
    )]
    Jitter {
        /// The median.
        median: f64,
        /// The 99th percentile.
        p99: f64,
    },
    /// A channel that is never good.
    #[error(
        "`burst_share` is the share of the time in which a channel is bad: make it less than 1, or say `loss`"
    )]
    AlwaysBad,
    /// Frames that there are not.
    #[error(
        "a frame carries 1 to 65535 bytes, and adds at most 1500 bytes and a second: mend `frame_bytes` ({bytes}), `frame_overhead_bytes` ({overhead_bytes}) or `frame_overhead_us` ({overhead_us})"
    )]
    Frame {
        /// What a frame carries.
        bytes: u32,
        /// What it adds.
        overhead_bytes: u32,
        /// The time that it adds.
        overhead_us: u32,
    },
    /// A range that there is not.
    #[error(
        "`range_m` is how far a radio reaches: give it more than 0 and at most 1000000 metres, not {range}"
    )]
    Range {
        /// The range.
        range: f64,
    },
    /// A radio with two rates.
    #[error(
        "a radio sends and receives at one rate: make `up_bps` and `down_bps` equal, not {up} and {down}"
    )]
    TwoRates {
        /// Bits a second sent.
        up: u64,
        /// Bits a second received.
        down: u64,
    },
    /// NAT on a radio.
    #[error("peers that hear each other by radio have no NAT between them: leave out `nat`, or `range_m`")]
    RadioBehindNat,
    /// What only radios do.
    #[error(
        "only a radio is LoRa or carries announcements: give the class a `range_m`, or leave out `lora` and `announces`"
    )]
    NotARadio,
    /// A LoRa radio that there is not.
    #[error(
        "a LoRa radio has a spreading factor from 7 to 12, a bandwidth from 7800 to 500000 Hz, a coding rate from 1 to 4, 6 to 65535 preamble symbols, and frames of at most 255 bytes"
    )]
    Lora,
    /// Not even one frame may be sent.
    #[error("a duty cycle of {share} leaves no time for one frame in an hour: make it more")]
    DutyCycle {
        /// The share of an hour.
        share: f64,
    },
    /// No such class is built in.
    #[error("no class `{like}` is built in: say `like` one of {}", built_in())]
    Like {
        /// The name.
        like: String,
    },
    /// Too many classes.
    #[error("a network has at most {} classes of links, not {found}", crate::NetworkModel::CLASSES_MAX)]
    Classes {
        /// How many.
        found: usize,
    },
    /// Too many interfaces.
    #[error("a peer has at most {} interfaces, not {found}", crate::link::INTERFACES_MAX)]
    Interfaces {
        /// How many.
        found: usize,
    },
    /// An interface of a class that there is not.
    #[error("there is no class {class}: the network has {classes}, counted from 0")]
    NoSuchClass {
        /// The class.
        class: crate::ClassId,
        /// How many there are.
        classes: usize,
    },
    /// The wire was not built in.
    #[error(
        "this build cannot simulate QUIC: build msec-simulator with its feature `quic`, which is on by default"
    )]
    NoQuic,
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
    /// Its interfaces are refused.
    #[error(transparent)]
    Interfaces(#[from] LinkError),
}

/// A clock that no peer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClockError {
    /// It would jump too far.
    #[error("a clock jumps by {} s at most, not by {by_s}", crate::JUMP_S_MAX)]
    Jump {
        /// How far.
        by_s: i64,
    },
    /// It would run too fast, or too slowly.
    #[error(
        "a clock drifts by {} ppm at most, not by {ppm}: a cheap oscillator has 100",
        crate::DRIFT_PPM_MAX
    )]
    Drift {
        /// How far.
        ppm: i32,
    },
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

/// The names of the classes that are built in.
fn built_in() -> String {
    let names: Vec<_> = crate::LinkClass::built_in().into_iter().map(|class| class.name).collect();
    names.join(", ")
}
