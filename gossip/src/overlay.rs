//! Who is linked with whom.

mod config;
mod io;
mod machine;

pub use config::Config;
pub use io::{ContactId, DialFailure, Input, Leave, Lost, Output, Role, Source};
pub use machine::Overlay;

/// The longest record. A longer one is not told, and refused from others.
pub const RECORD_BYTES_MAX: usize = 256;
