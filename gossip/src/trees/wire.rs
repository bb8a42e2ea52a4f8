//! What peers say about trees, byte by byte.
//!
//! A vector says for each tree how far its root is, and whether the receiver is the sender's parent there. Trees are
//! ordered and told by their differences: where there are many, their names are small numbers and a step takes three
//! bytes; the way takes one to three.

use serde::{Deserialize, Serialize};

use super::dist::{Dist, TreeId};
use crate::bounded;

/// The most steps in one vector. `Config::trees_max` is at most this, so that a whole vector is one message.
pub(crate) const STEPS_MAX: usize = 512;

/// A message about trees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TreeMessage {
    /// How far the sender is from roots.
    Vector {
        extent: Extent,
        #[serde(deserialize_with = "bounded::seq::<_, _, STEPS_MAX>")]
        steps: Vec<Step>,
    },
    /// A hash of the vector that the receiver should have of us by now.
    Check { sum: Sum },
    /// The receiver's vector isn't what we have: say all of it.
    Retell,
}

/// How much of it a vector tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Extent {
    /// What changed since the last one.
    Changes,
    /// All there is: what isn't in it is gone.
    Whole,
    /// As `Whole`, by a sender that knows nothing of the receiver yet.
    First,
}

pub(crate) type Sum = [u8; 8];

/// One tree of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// How much larger the tree's name is than the one before it. Never zero.
    skip: u32,
    way: Way,
}

/// A distance, and in the lowest bit whether the receiver is the parent of who says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Way(u16);

impl Way {
    pub(crate) fn new(dist: Dist, to_parent: bool) -> Self {
        Self(dist.0 << 1 | u16::from(to_parent))
    }

    pub(crate) fn dist(self) -> Dist {
        Dist(self.0 >> 1)
    }

    pub(crate) fn is_to_parent(self) -> bool {
        self.0 & 1 == 1
    }

    /// Whether there is anything to remember.
    pub(crate) fn says_something(self) -> bool {
        self.dist().is_some() || self.is_to_parent()
    }
}

/// `ways`, which are in order, as they travel.
pub(crate) fn steps(ways: &[(TreeId, Way)]) -> Vec<Step> {
    let mut last = 0;
    let step = |(tree, way): &(TreeId, Way)| {
        let skip = tree.0 - last;
        last = tree.0;
        Step { skip, way: *way }
    };
    ways.iter().map(step).collect()
}

/// The trees of `steps` and their ways. Ends where a name would be too large.
pub(crate) fn ways(steps: &[Step]) -> impl Iterator<Item = (TreeId, Way)> {
    steps.iter().scan(0u32, |last, step| {
        *last = last.checked_add(step.skip)?;
        Some((TreeId(*last), step.way))
    })
}

impl TreeMessage {
    /// Whether all its trees have names that grow.
    pub(crate) fn is_ordered(&self) -> bool {
        match self {
            Self::Vector { steps, .. } => {
                steps.iter().all(|step| step.skip > 0) && ways(steps).count() == steps.len()
            }
            Self::Check { .. } | Self::Retell => true,
        }
    }
}

const SUM_CONTEXT: &str = "msec/gossip/tree/sum/1";

/// What [`TreeMessage::Check`] carries for these ways, which are in order.
pub(crate) fn sum(ways: impl Iterator<Item = (TreeId, Way)>) -> Sum {
    let mut hasher = blake3::Hasher::new_derive_key(SUM_CONTEXT);
    for (tree, way) in ways {
        let ([a, b, c, d], [e, f]) = (tree.0.to_be_bytes(), way.0.to_be_bytes());
        hasher.update(&[a, b, c, d, e, f]);
    }
    let [a, b, c, d, e, f, g, h, ..] = *hasher.finalize().as_bytes();
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ways_travel(ways_in in prop::collection::btree_map(1u32.., any::<u16>(), 0..20)) {
            let given: Vec<_> = ways_in.into_iter().map(|(tree, way)| (TreeId(tree), Way(way))).collect();
            let message = TreeMessage::Vector { extent: Extent::Whole, steps: steps(&given) };
            let bytes = postcard::to_allocvec(&message).unwrap();
            let read: TreeMessage = postcard::from_bytes(&bytes).unwrap();
            prop_assert!(read.is_ordered());
            let TreeMessage::Vector { steps, .. } = read else { panic!("{read:?}") };
            prop_assert_eq!(ways(&steps).collect::<Vec<_>>(), given);
        }
    }

    #[test]
    fn names_that_stand_still_or_overflow_are_out_of_order() {
        let vector = |skips: &[u32]| {
            let steps = skips.iter().map(|skip| Step { skip: *skip, way: Way(0) }).collect();
            TreeMessage::Vector { extent: Extent::Changes, steps }
        };
        assert!(vector(&[1, 1, u32::MAX - 2]).is_ordered());
        assert!(!vector(&[1, 1, u32::MAX - 1]).is_ordered());
        assert!(!vector(&[0]).is_ordered());
        assert!(!vector(&[5, 0]).is_ordered());
    }

    #[test]
    fn a_way_is_a_distance_and_a_bit() {
        for (dist, to_parent) in [(Dist::ZERO, true), (Dist(77), false), (Dist::NONE, true)] {
            let way = Way::new(dist, to_parent);
            assert_eq!((way.dist(), way.is_to_parent()), (dist, to_parent));
        }
        assert!(!Way::new(Dist::NONE, false).says_something());
        assert!(Way::new(Dist::NONE, true).says_something());
    }
}
