//! Who is linked with whom: few neighbours for each peer, and yet one graph, whoever leaves.
//!
//! [`crate::Overlay`] is a machine without I/O beside [`crate::Gossip`]. It knows no addresses: the node names contacts,
//! dials those that it is asked to, and tells what became of it. Who is [`Output::Up`] is a neighbour for gossip, until
//! it is [`Output::Down`].
//!
//! | module | what it is |
//! |---|---|
//! | `machine` | [`crate::Overlay`]: hands each input to the protocol that it is for |
//! | `io`, `stats`, `config` | what goes in and out, the counters and sizes, the numbers |
//! | `visit`, `seat`, `parting` | protocol: a link becomes a neighbour, and ends; who gets a place |
//! | `refill` | protocol: neighbours are missing; whom to dial |
//! | `walk` | protocol: records come around |
//! | `hearsay`, `checks` | what neighbours tell, until the node has checked it |
//! | `liveness` | protocol: who is silent is down; what a link costs |
//! | `optimise` | protocol: links become cheaper, but for the far ones |
//! | `merge` | protocol: two parts that forgot each other find each other again |
//! | `core`, `link`, `contact`, `contacts`, `dice` | what the protocols share: links, contacts, the deadlines, randomness |
//! | `message` | the wire format |

mod checks;
mod config;
mod contact;
mod contacts;
mod core;
mod dice;
mod hearsay;
mod io;
mod link;
mod liveness;
mod machine;
mod merge;
mod message;
mod optimise;
mod parting;
mod refill;
mod seat;
mod stats;
mod visit;
mod walk;

pub use config::Config;
pub use io::{ContactId, DialFailure, Input, Leave, Lost, Output, Role, Source};
pub use machine::Overlay;
pub use stats::{Stats, Tables};

/// The longest record. A longer one is not told, and refused from others.
pub const RECORD_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests;
