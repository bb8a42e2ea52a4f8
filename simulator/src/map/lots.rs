//! Which streets there are in a district, or in all zones of a kind, so that one can be drawn by how much there is on it.

use std::collections::BTreeMap;

use super::district::DistrictKind;
use crate::seed::Dice;

/// Segments by what lies around them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lots(BTreeMap<Lot, Table>);

/// The zone's kind and the district; `None` is any.
pub(crate) type Lot = (Option<DistrictKind>, Option<usize>);

/// Segments, and the sum of the weights up to and with each.
#[derive(Debug, Clone, Default)]
struct Table {
    segments: Vec<usize>,
    upto: Vec<u64>,
}

impl Lots {
    /// Adds a segment. Its weight is how much there is on it.
    pub(crate) fn add(&mut self, segment: usize, kind: DistrictKind, district: usize, weight: u64) {
        for lot in [(None, None), (None, Some(district)), (Some(kind), None), (Some(kind), Some(district))] {
            let table = self.0.entry(lot).or_default();
            let before = table.upto.last().copied().unwrap_or(0);
            table.segments.push(segment);
            table.upto.push(before.saturating_add(weight.max(1)));
        }
    }

    /// One of the first of these lots that has any. 0 if none has.
    pub(crate) fn draw(&self, wanted: &[Lot], dice: &mut Dice) -> usize {
        let Some(table) = wanted.iter().find_map(|lot| self.0.get(lot)) else { return 0 };
        let mark = dice.below(table.upto.last().copied().unwrap_or(0));
        let n = table.upto.partition_point(|upto| *upto <= mark);
        table.segments.get(n).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    #[test]
    fn draws_by_weight_from_the_first_lot_that_has_any() {
        let mut lots = Lots::default();
        let mut dice = Seed(1).dice("test", 0);
        assert_eq!(lots.draw(&[(None, None)], &mut dice), 0);
        lots.add(3, DistrictKind::Park, 0, 10);
        lots.add(4, DistrictKind::Park, 1, 30);
        lots.add(5, DistrictKind::Centre, 1, 60);
        let fives = (0..1_000).filter(|_| lots.draw(&[(None, None)], &mut dice) == 5).count();
        assert!((520..680).contains(&fives), "{fives}");
        let park = |lots: &Lots, dice: &mut Dice| {
            lots.draw(&[(Some(DistrictKind::Park), Some(1)), (None, None)], dice)
        };
        assert!((0..50).all(|_| park(&lots, &mut dice) == 4));
        let harbour = [(Some(DistrictKind::Harbour), None), (None, Some(0))];
        assert_eq!(lots.draw(&harbour, &mut dice), 3);
    }
}
