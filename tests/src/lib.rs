//! End to end, adversarial and conformance tests: what only whole peers on real sockets can show.
//!
//! | module | what it holds |
//! |---|---|
//! | [`wait`] | waiting on conditions, never on time |
//! | [`town`] | a space with its peers in a temporary directory, and notes of what a peer tells |
//! | [`desk`] | `msec` run by hand, on peers in a temporary directory |
//! | [`process`] | programs that are started, read from, killed |
//! | [`terminal`] | programs at a terminal, as a person has one |
//! | [`lan`] | a LAN of network namespaces |
//! | [`proxy`] | a UDP proxy that drops, doubles, overtakes, corrupts, cuts, and is slow |
//! | [`raw`] | QUIC by hand, without a node: for what not even a probe says |
//! | [`mqtt`] | an MQTT client by hand, and a gateway to talk to |
//! | [`forge`] | runs, and the messages of gossip that carry them, true and false |
//! | [`conformance`] | test bodies over a [`conformance::Mesh`], simulated or on loopback QUIC |
//!
//! The tests are in `tests/`, one topic a file: `by_hand`, `keys`, `replacing`, `inviting`, `bad_input`, `processes`, `slow`, `store`, `wire`, `adversary`, `access`, `moving`, `demo`,
//! `mqtt`, `simulate`, `conformance`, and behind its feature `iroh`. A test that is ignored as "a bug" shows one: it fails until that is mended.
#![allow(clippy::disallowed_methods, reason = "tests watch real peers, in real time")]

pub mod conformance;
pub mod desk;
pub mod forge;
pub mod lan;
pub mod mqtt;
pub mod process;
pub mod proxy;
pub mod raw;
pub mod terminal;
pub mod town;
pub mod wait;
