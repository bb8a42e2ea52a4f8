//! Strangers, liars and noise: each is refused for what it is, nothing of it is kept or passed on, and honest peers go on.
//!
//! | module | what it tries |
//! |---|---|
//! | `admission` | to get in without the right to, or to keep others out |
//! | `stolen` | to be somebody else, by a Noise key that was stolen |
//! | `replay` | to be somebody else, by what was recorded of it |
//! | `noise` | bytes, frames and streams that nobody expects |
//! | `lies` | to be believed, once admitted |
//! | `scene` | who is attacked |
//!
//! Somebody who ends QUIC on both sides is in `wire`: `somebody_who_ends_quic_on_both_sides_is_refused_by_both`.
#![allow(clippy::disallowed_methods, reason = "tests watch real peers, in real time")]

mod admission;
mod lies;
mod noise;
mod replay;
mod scene;
mod stolen;
