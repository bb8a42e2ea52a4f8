//! What can be wrong with a recording. Each says what to do next.

use super::{RECORDING_BYTES_MAX, VERSION};

/// A recording that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file is not there, or may not be touched.
    #[error("the recording cannot be read or written: look at its path and rights")]
    Io(#[from] std::io::Error),
    /// More than a run ever writes.
    #[error(
        "{bytes} bytes are more than a recording has ({RECORDING_BYTES_MAX} at most): is this the right file?"
    )]
    TooLong {
        /// Its length.
        bytes: u64,
    },
    /// It ends too early.
    #[error(
        "the recording ends too early, as if its writing or copying had been cut short: copy or record it again"
    )]
    Truncated,
    /// Something else.
    #[error("this is no recording: write one with `msec-sim run SCENARIO --record FILE`")]
    NotARecording(#[source] serde_json::Error),
    /// Of another time.
    #[error(
        "this recording is of version {found}, and this program reads version {VERSION}: record the run again, or report with the program that recorded it"
    )]
    Version {
        /// The version that it names.
        found: u64,
    },
    /// It is what it says, and something in it cannot be.
    #[error("the recording contradicts itself ({what}): record the run again")]
    Contradiction {
        /// What cannot be.
        what: String,
    },
    /// A number that JSON cannot say.
    #[error("the recording cannot be written down")]
    Unwritable(#[source] serde_json::Error),
}
