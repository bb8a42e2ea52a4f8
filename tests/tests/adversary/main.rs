//! Strangers, liars and noise: each is refused for what it is, nothing of it is kept or passed on, and honest peers go on.
//!
//! | module | what it tries |
//! |---|---|
//! | `admission` | to get in without the right to, or to keep others out |
//! | `noise` | bytes, frames and streams that nobody expects |
//! | `lies` | to be believed, once admitted |
//! | `scene` | who is attacked |
#![allow(clippy::disallowed_methods, reason = "tests watch real peers, in real time")]

mod admission;
mod lies;
mod noise;
mod scene;
