//! MQTT 3.1.1 in: what devices publish becomes readings of streams, and is acknowledged once it is signed and on disk.
//!
//! | module | what it is |
//! |---|---|
//! | `device` | who may connect, and their tokens |
//! | `rule` | which topics become which streams |
//! | `payload` | a number, or an object with a number in it |
//! | `refusal` | what is not taken, and why; and how often that is said |
//! | `limits` | how much is taken |
//! | `frame` | bytes, cut into packets |
//! | `session` | the protocol without a socket, with the list of its transitions |
//! | `intake` | what all sessions share: from a message to a reading |
//! | `connection` | one socket and the session on it |
//! | `serve` | the listener |
//!
//! The codec is `mqtt-proto`: it parses slices without I/O, rejects what the standard rejects, is fuzzed where it is made, and
//! brings six small crates. `rmqtt-codec` brings regular expressions and a calendar, `mqtt-protocol-core` a client's state,
//! and `mqttbytes` was left years ago. Only its parser is used: the few answers are written here.

mod connection;
mod device;
mod frame;
mod intake;
mod limits;
mod payload;
mod refusal;
mod rule;
mod serve;
mod session;

pub use device::{DEVICE_NAME_BYTES_MAX, Device, NotATokenHash, TokenHash, is_device_name, random_token};
pub use frame::count_packets;
pub use intake::{Counts, Intake, Settings, Watcher};
pub use limits::{DEVICE_SESSIONS_MAX, IN_FLIGHT_TOTAL_MAX, Limits, STRANGERS_MAX};
pub use payload::{Layout, NotASelector, Selector, TIME_MIN, parse};
pub use refusal::{NEST_MAX, PayloadError, Refusal};
pub use rule::{FILTER_BYTES_MAX, Filter, NotAFilter, NotATemplate, Rule, Template};
pub use serve::{SHUTDOWN_GRACE, bind, serve};
pub use session::CLIENT_ID_BYTES_MAX;
