//! How long a message takes on a link, and whether it comes at all.
//!
//! | module | what it holds |
//! |---|---|
//! | `model` | [`LinkModel`]: links of peers that name no interface; each connection is alone |
//! | `class` | [`LinkClass`]: what an interface is plugged into, as plain settings; `built_in` has those that cities have |
//! | `settings` | [`ClassSettings`]: what a scenario says about a class |
//! | `framing`, `lora` | how many packets and frames a message makes, and how long they take to leave |
//! | `delay`, `burst`, `duty`, `maths` | the time under way; losses in bursts; silence that a regulator asks for |
//! | `shaper` | one direction of an interface: a queue with a rate, live messages first |
//! | `strain` | [`Degradation`]: a class or a peer that does worse than usual |
//! | `lines` | all interfaces of a world, and what they carry |

mod built_in;
mod burst;
mod class;
mod delay;
mod duty;
mod framing;
mod lines;
mod lora;
mod maths;
mod medium;
mod model;
mod settings;
mod shaper;
mod strain;
mod traffic;

pub use class::{ClassId, INTERFACES_MAX, LinkClass};
pub use lora::Lora;
pub use model::LinkModel;
pub use settings::ClassSettings;
pub use strain::{Degradation, Strained};
pub use traffic::ClassTraffic;

pub(crate) use framing::PACKET_BYTES;
pub(crate) use lines::{Left, Lines, Received, Route};
pub(crate) use model::Line;
pub(crate) use shaper::{Half, Ripe, Stage};

/// What waits on a link, in bytes, before messages are shed; as in the driver's queues.
pub(crate) const QUEUE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What kind of a message it is, as far as a link cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sent before the sender admitted the other side.
    Handshake,
    /// On the main stream.
    Live,
    /// On a stream of its own, at lower priority.
    Chunk,
}
