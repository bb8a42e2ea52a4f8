//! What both screens show.

use std::fmt;

use crate::words::word;

const CONTEXT: &str = "msec/pairing/1 words";

/// Four words that are the same on both screens if nobody stands between, and else but once in four thousand million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SafetyWords([u8; 4]);

impl SafetyWords {
    /// Those of a handshake: of its hash, which covers the keys of both.
    pub(super) fn of(handshake_hash: &[u8]) -> Self {
        let [a, b, c, d, ..] = blake3::derive_key(CONTEXT, handshake_hash);
        Self([a, b, c, d])
    }

    /// Each word.
    pub fn words(&self) -> [&'static str; 4] {
        self.0.map(word)
    }
}

impl fmt::Display for SafetyWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().join(" "))
    }
}
