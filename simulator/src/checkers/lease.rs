//! What is withheld of a class of data is withheld.

use super::{Checker, Kind};
use crate::world::World;

/// The checker. What a peer sends and shows is compared as it happens with when the last answer of an issuer came to it: no word of a node
/// counts of how fresh it is.
#[derive(Debug, Default)]
pub struct Lease {
    /// How many were reported.
    seen: usize,
}

impl Checker for Lease {
    fn name(&self) -> &'static str {
        "lease"
    }

    fn kind(&self) -> Kind {
        Kind::Safety
    }

    fn during(&mut self, world: &World) -> Vec<String> {
        let found = world.leases().seen[self.seen..].to_vec();
        self.seen = world.leases().seen.len();
        found
    }
}

#[cfg(test)]
mod tests;
