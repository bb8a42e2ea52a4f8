//! What gossip promises, checked from outside.
//!
//! `world` runs many machines in virtual time under faults; `rig` holds one machine and speaks the wire format to it, in
//! an encoding of its own (`wire`), so that a change of the format fails here.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod bounds;
mod broadcast;
mod city;
mod convergence;
mod cost;
mod hostile;
mod laws;
mod lazy;
mod marks;
mod offers;
mod pair;
mod places;
mod push;
mod quotas;
mod reconcile;
mod resume;
mod rig;
mod roles;
mod slow;
mod strangers;
mod want_ids;
mod wants;
mod wire;
mod withheld;
mod world;
