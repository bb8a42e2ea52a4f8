//! The drivers: what carries a [`crate::node::Node`] on a real machine.
//!
//! | module | what it does |
//! |---|---|
//! | `tls` | QUIC's TLS with a throw-away raw public key: it encrypts, and identifies nobody |
//! | `endpoint` | one UDP socket: takes in and makes connections |
//! | `sockets` | that socket, and what else carries links |
//! | `wide` | iroh, behind the feature of that name |
//! | `reception` | where connections become links, and strangers are turned away under load |
//! | `carrier` | what a link needs of a connection |
//! | `link` | one connection: frames in, two bounded queues out |
//! | `queue` | those queues: bounded in bytes, never waited for |
//! | `disk` | the storage thread |
//! | `driver` | the loop that owns the node |
//! | `withholding` | what apps are not shown, as the loop says it |
//! | `throttle` | a few lines a minute |
//! | `clock` | how far this machine's clock may be off |
//! | `interfaces` | where this machine is |
//! | `mdns` | finds neighbours on the own link |
//! | [`probe`] | a link by hand, for whoever wants to say what a node never says |
//!
//! These modules read clocks and draw randomness, so that nothing else has to.
#![allow(clippy::disallowed_methods, reason = "drivers are where time and randomness come from")]

mod carrier;
mod clock;
mod disk;
mod driver;
mod endpoint;
mod error;
mod guest;
mod interfaces;
mod link;
mod mdns;
#[cfg(feature = "index")]
mod pairing;
pub mod probe;
mod queue;
mod reception;
mod sockets;
mod throttle;
mod tls;
#[cfg(feature = "iroh")]
mod wide;
mod withholding;

pub(crate) use disk::Disk;
pub use driver::wall_clock;
pub(crate) use driver::{Command, Driver};
use endpoint::bind;
pub use error::BindError;
pub(crate) use guest::come_in;
pub use link::Remote;
#[cfg(feature = "index")]
pub(crate) use pairing::Pairing;
pub(crate) use sockets::{Addresses, Sockets};
pub use throttle::Throttle;
#[cfg(feature = "iroh")]
pub(crate) use wide::WideArea;
#[cfg(feature = "iroh")]
pub use wide::{DIRECT_MAX, IrohAddress, ParseIrohAddressError};
pub(crate) use withholding::Withholding;

/// 32 bytes from the system's generator.
pub fn random_seed() -> [u8; 32] {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).expect("an operating system that gives randomness");
    seed
}
