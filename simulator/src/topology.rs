//! Who lives in a city, and whom each dials.
//!
//! One peer in ten is a gateway, one in twenty a citizen, at least one of each; the others are sensors. Gateways form a
//! ring with chords, one for every other gateway; everybody else dials one or two of them.

use std::collections::BTreeSet;

use crate::error::AddPeerError;
use crate::peer::{PeerIndex, PeerSpec};
use crate::seed::Dice;
use crate::world::World;

/// The fewest peers that make a city.
pub const NODES_MIN: usize = 3;

/// The peers of a city, by what they do.
#[derive(Debug, Clone, Default)]
pub struct Population {
    /// They hold and relay everything.
    pub gateways: Vec<PeerIndex>,
    /// They publish.
    pub sensors: Vec<PeerIndex>,
    /// They read everything.
    pub citizens: Vec<PeerIndex>,
}

impl Population {
    /// Adds a city of that many peers, at least [`NODES_MIN`], to a world that has none.
    pub fn settle(world: &mut World, nodes: usize) -> Result<Self, AddPeerError> {
        let mut dice = world.seed().dice("topology", 0);
        let gateways = (nodes / 10).max(1);
        let citizens = (nodes / 20).max(1);
        let mut population = Self::default();
        for contacts in backbone(gateways, &mut dice) {
            population.gateways.push(world.add_peer(dialling(PeerSpec::gateway(), contacts))?);
        }
        for n in gateways..nodes {
            let contacts = some_of(gateways, &mut dice);
            if n < nodes - citizens {
                population.sensors.push(world.add_peer(dialling(PeerSpec::sensor(), contacts))?);
            } else {
                population.citizens.push(world.add_peer(dialling(PeerSpec::citizen(), contacts))?);
            }
        }
        Ok(population)
    }

    /// Everybody, gateways first.
    pub fn all(&self) -> impl Iterator<Item = PeerIndex> + '_ {
        self.gateways.iter().chain(&self.sensors).chain(&self.citizens).copied()
    }
}

fn dialling(spec: PeerSpec, contacts: BTreeSet<PeerIndex>) -> PeerSpec {
    contacts.into_iter().fold(spec, PeerSpec::contact)
}

/// Whom each gateway dials: the next in the ring, and of every other one another that is not beside it.
fn backbone(gateways: usize, dice: &mut Dice) -> Vec<BTreeSet<PeerIndex>> {
    let ring = |n: usize| (n + 1) % gateways;
    (0..gateways)
        .map(|n| {
            let mut contacts = BTreeSet::new();
            // Two gateways are one link, one is none.
            if ring(n) != n && !(gateways == 2 && n == 1) {
                contacts.insert(PeerIndex(ring(n)));
            }
            if n.is_multiple_of(2) && gateways > 3 {
                contacts.insert(PeerIndex((n + 2 + dice.index(gateways - 3)) % gateways));
            }
            contacts
        })
        .collect()
}

/// One or two gateways.
fn some_of(gateways: usize, dice: &mut Dice) -> BTreeSet<PeerIndex> {
    let wanted = 1 + dice.index(2);
    (0..wanted).map(|_| PeerIndex(dice.index(gateways))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NetworkModel, Seed};

    #[test]
    fn everybody_has_a_place() {
        for (nodes, gateways, citizens) in [(3, 1, 1), (25, 2, 1), (50, 5, 2), (200, 20, 10)] {
            let mut world = World::new(1, NetworkModel::default()).expect("a world");
            let city = Population::settle(&mut world, nodes).expect("a city");
            assert_eq!((city.gateways.len(), city.citizens.len()), (gateways, citizens));
            assert_eq!(city.all().count(), nodes);
            assert!(city.sensors.iter().all(|p| !world.spec(*p).expect("a sensor").contacts.is_empty()));
        }
    }

    #[test]
    fn the_backbone_is_a_ring_with_chords_and_no_link_to_oneself() {
        let mut dice = Seed(1).dice("test", 0);
        assert_eq!(backbone(1, &mut dice), [BTreeSet::new()]);
        assert_eq!(backbone(2, &mut dice).iter().map(BTreeSet::len).sum::<usize>(), 1);
        for gateways in 3..30 {
            for (n, contacts) in backbone(gateways, &mut dice).into_iter().enumerate() {
                assert!(contacts.contains(&PeerIndex((n + 1) % gateways)));
                assert!(!contacts.contains(&PeerIndex(n)));
                assert!(contacts.len() == if n % 2 == 0 && gateways > 3 { 2 } else { 1 });
            }
        }
    }
}
