//! Civil time, as records carry it.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// A clock that shows less than this (2020-01-01T00:00:00Z) has not been set since it booted.
pub const SYNCHRONISED_SINCE: UnixMillis = UnixMillis(1_577_836_800_000);

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[cbor(transparent)]
pub struct UnixMillis(#[n(0)] pub i64);

impl UnixMillis {
    /// Whether a clock that shows this can have been set.
    pub fn is_plausible(self) -> bool {
        self >= SYNCHRONISED_SINCE
    }

    /// This time moved by so many milliseconds, held at the ends of the range.
    pub fn saturating_add(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}
