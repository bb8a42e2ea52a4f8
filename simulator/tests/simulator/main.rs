//! Whole cities and small worlds, from outside the crate.

mod city;
mod classes;
mod command_line;
mod disks;
mod links;
mod rig;
mod strangers;
mod swarm;
