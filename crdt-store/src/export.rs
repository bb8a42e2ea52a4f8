//! Logs in a file, which a person carries to where no link goes: runs as they travel, each with a check.
//!
//! ```text
//! file    = "MSECCOPY" format:u8 space:32 c0:8 chunk*        c0 = first 8 bytes of BLAKE3(what stands before it)
//! chunk   = "MSECRUN" kind:u8 length:u32 c1:8 c2:8 payload   little endian; c1 = first 8 bytes of BLAKE3(what stands
//!                                                            before it in the chunk), c2 = those of BLAKE3(payload)
//! kind    = 0: a run, encoded as on the wire
//!           2: what stands for the entries of a log that were let go; its next run begins there
//!           3: the evidence that the log before it was forked
//!           1: the end, and what follows is not read; its payload is the number of runs before it, a u64
//! ```
//!
//! The runs of a log follow one another, from its first entry on: its header with the grants of its author comes first, so
//! that a stranger can verify them. Each is under the log's head, as in a catch-up.
//!
//! Evidence comes after the runs of its log: whoever had none of it takes the history that is in the file, and shows it as contested.
//!
//! The checks tell damage from what somebody made up, and nothing else: anybody can compute them. What is taken in was
//! verified as what a stranger sends is. Where a chunk is damaged, the next one is looked for by what chunks begin with;
//! later runs of the same log then have a gap before them, and wait for another copy. Without its end a file is torn.
//!
//! Whatever a file says, reading it takes the memory of one chunk, and work that is linear in its length.

mod chunk;
mod import;
mod write;

pub use import::{ImportTerms, Imported, import};
pub use write::{Exported, export};

/// The version of the format. A file of another one is refused.
const FORMAT: u8 = 1;

#[cfg(test)]
mod tests;
