//! Two sets that differ: what reconciliation is measured on.

use crate::seed::{self, Dice};

/// An item's name.
pub type Id = [u8; 32];

/// Where the differences lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Drawn uniformly.
    Spread,
    /// One run, in the order of the names.
    Clustered,
}

/// Two sides, which hold most items both, and some alone: half of those on each side.
#[derive(Clone, Debug)]
pub struct Sets {
    /// All items, in order.
    pub all: Vec<Id>,
    /// Which of them differ, in order, and whether the first side has it.
    pub differ: Vec<(usize, bool)>,
}

impl Sets {
    /// `items` in all, `differences` of them on one side only.
    pub fn new(items: usize, differences: usize, shape: Shape, seed: u64) -> Self {
        let mut all: Vec<Id> = (0..items as u64).map(|item| seed::bytes(&[seed, 0x17e5, item])).collect();
        all.sort_unstable();
        let mut dice = Dice::new(&[seed, 0xd1ff]);
        let places = places(items, differences, shape, &mut dice).into_iter().enumerate();
        let differ = places.map(|(turn, place)| (place, is_first(turn, differences, shape))).collect();
        Self { all, differ }
    }

    /// What a side holds, in order, with the place among all.
    pub fn side(&self, is_first: bool) -> impl Iterator<Item = (usize, &Id)> {
        let mut differ = self.differ.iter().peekable();
        self.all.iter().enumerate().filter(move |(place, _)| {
            match differ.next_if(|(differs, _)| differs == place) {
                Some((_, has_first)) => *has_first == is_first,
                None => true,
            }
        })
    }
}

/// Which side has the difference of this turn: when spread, by turns; in a run, the first half is one side's.
pub fn is_first(turn: usize, differences: usize, shape: Shape) -> bool {
    match shape {
        Shape::Spread => turn.is_multiple_of(2),
        Shape::Clustered => turn < differences / 2,
    }
}

/// `count` of `0..items`, in order.
pub fn places(items: usize, count: usize, shape: Shape, dice: &mut Dice) -> Vec<usize> {
    match shape {
        Shape::Clustered => {
            let start = dice.below((items - count + 1) as u64) as usize;
            (start..start + count).collect()
        }
        Shape::Spread => {
            let mut taken = std::collections::BTreeSet::new();
            while taken.len() < count {
                taken.insert(dice.below(items as u64) as usize);
            }
            taken.into_iter().collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_lacks_half_of_the_differences() {
        for shape in [Shape::Spread, Shape::Clustered] {
            let sets = Sets::new(1_000, 40, shape, 3);
            let side =
                |is_first| sets.side(is_first).map(|(_, id)| *id).collect::<std::collections::BTreeSet<_>>();
            let (one, other) = (side(true), side(false));
            assert_eq!((one.len(), other.len()), (980, 980));
            assert_eq!(one.symmetric_difference(&other).count(), 40);
            assert_eq!(one.union(&other).count(), 1_000);
        }
    }
}
