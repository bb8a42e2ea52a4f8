//! Who is to hold what lies in a collection, asked once for each.

use std::collections::BTreeMap;

use msec_identity::CollectionPath;

use super::delivery::is_reached;
use crate::peer::PeerIndex;
use crate::world::World;

/// Readers that can be reached, by collection: a city of ten thousand has as many logs, and a few hundred collections.
pub(super) struct Readers<'a> {
    world: &'a World,
    reached: Vec<PeerIndex>,
    of: BTreeMap<CollectionPath, Vec<PeerIndex>>,
}

impl<'a> Readers<'a> {
    pub(super) fn new(world: &'a World) -> Self {
        let reached = world.peers().filter(|peer| is_reached(world, *peer)).collect();
        Self { world, reached, of: BTreeMap::new() }
    }

    /// Those who are to hold what lies there, in order.
    pub(super) fn of(&mut self, collection: &CollectionPath) -> &[PeerIndex] {
        if !self.of.contains_key(collection) {
            let reads = |peer: &PeerIndex| self.world.is_reader(*peer, collection);
            let readers = self.reached.iter().copied().filter(reads).collect();
            self.of.insert(collection.clone(), readers);
        }
        &self.of[collection]
    }
}
