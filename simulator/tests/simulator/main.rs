//! Whole cities and small worlds, from outside the crate.

mod city;
mod classes;
mod command_line;
mod cost;
mod disks;
mod faults;
mod healing;
mod hostile;
mod links;
mod resume;
mod retention;
mod revocation;
mod rig;
mod slow;
mod strangers;
mod swarm;
