//! Peers whose links are carried by iroh: what the mesh does is the same, and nothing leaves the machine.
//!
//! | module | what it holds |
//! |---|---|
//! | `admission` | what a stranger may do |
//! | `conformance` | the test bodies that need nobody between two peers |
//! | `quiet` | whole programs in a network namespace, and every packet that leaves them |
//! | `namespace` | that namespace |
//! | `recorder` | what records the packets, and reads them |
#![allow(clippy::disallowed_methods, reason = "tests watch real peers, in real time")]

mod admission;
mod conformance;
mod namespace;
mod quiet;
mod recorder;
