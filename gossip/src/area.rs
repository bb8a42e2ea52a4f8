//! Where an interest is: a set of cells.

use crate::place::{Cell, LEVEL_MAX, LEVEL_TOLD, Rectangle, Spot};

/// The most cells of an interest. Of an area that needs more, the finest are widened to the cells that they are quarters of,
/// until it doesn't; of what others tell, more are refused.
pub const INTEREST_CELLS_MAX: usize = 64;
/// The most cells that cover one rectangle: they reach beyond it by a fifth of its length at each end, about.
const RECTANGLE_CELLS_MAX: u32 = 32;

/// A set of cells: none lies within another, and no four are all the quarters of one, so that equal areas are equal values.
/// In order of their numbers, so that the coarsest come first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Area(Vec<Cell>);

impl Area {
    pub(crate) fn everywhere() -> Self {
        Self(vec![Cell::EARTH])
    }

    pub(crate) fn is_everywhere(&self) -> bool {
        self.0 == [Cell::EARTH]
    }

    /// Covers the rectangles, none finer than `level`.
    pub(crate) fn of(rectangles: &[Rectangle], level: u8) -> Self {
        let mut area = Self(Vec::new());
        for rectangle in rectangles {
            area.add_all(&rectangle.cells(level, RECTANGLE_CELLS_MAX));
        }
        area.few()
    }

    /// The cells of these numbers, if that is how [`Area::numbers`] would tell of them.
    pub(crate) fn of_numbers(numbers: &[u64]) -> Option<Self> {
        let mut area = Self(Vec::new());
        for number in numbers.iter().take(INTEREST_CELLS_MAX) {
            area.add(Cell::from_number(*number)?);
        }
        (area.numbers() == numbers).then_some(area)
    }

    /// The numbers of its cells, in order.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        self.0.iter().map(|cell| cell.number()).collect()
    }

    pub(crate) fn holds(&self, spot: Spot) -> bool {
        self.0.iter().any(|cell| cell.holds(spot))
    }

    /// Whether all of `other` lies in it.
    pub(crate) fn contains(&self, other: &Self) -> bool {
        other.0.iter().all(|inner| self.has_around(*inner))
    }

    /// What lies in both. Each of its cells is one of either, or made of such.
    pub(crate) fn intersect(&self, other: &Self) -> Self {
        let mut both = Self(Vec::new());
        for (inner, outer) in [(self, other), (other, self)] {
            inner.0.iter().filter(|cell| outer.has_around(**cell)).for_each(|cell| both.add(*cell));
        }
        both
    }

    /// What lies in either, and more if that would be too many cells.
    pub(crate) fn unite(mut self, other: &Self) -> Self {
        self.add_all(&other.0);
        self.few()
    }

    /// What a leaf tells of it, see [`Rectangle::told`]: of each part that hangs together. However coarse its cells are:
    /// which they are may say where they were put around.
    pub(crate) fn told(&self) -> Self {
        if self.is_everywhere() {
            return self.clone();
        }
        let mut parts: Vec<Rectangle> = Vec::new();
        for cell in &self.0 {
            let mut part = cell.rectangle();
            while let Some(at) = parts.iter().position(|other| other.touches(&part)) {
                part.join(&parts.swap_remove(at));
            }
            parts.push(part);
        }
        let told: Vec<Rectangle> = parts.iter().map(Rectangle::told).collect();
        Self::of(&told, LEVEL_TOLD)
    }

    fn has_around(&self, inner: Cell) -> bool {
        self.0.iter().any(|outer| outer.contains(inner))
    }

    fn add_all(&mut self, cells: &[Cell]) {
        cells.iter().for_each(|cell| self.add(*cell));
    }

    /// Without what lies within another cell, and with quarters put together.
    fn add(&mut self, mut cell: Cell) {
        if self.has_around(cell) {
            return;
        }
        loop {
            self.0.retain(|inner| !cell.contains(*inner));
            self.0.insert(self.0.partition_point(|before| *before < cell), cell);
            let parent = cell.parent();
            if cell == parent || self.0.iter().filter(|quarter| quarter.parent() == parent).count() < 4 {
                return;
            }
            cell = parent;
        }
    }

    /// Widens the finest cells until there is room for all.
    fn few(mut self) -> Self {
        while self.0.len() > INTEREST_CELLS_MAX {
            let finest = self.0.last().map_or(LEVEL_MAX, |cell| cell.level());
            // The coarsest come first.
            let fine = self.0.split_off(self.0.partition_point(|cell| cell.level() < finest));
            fine.iter().for_each(|cell| self.add(cell.parent()));
        }
        self
    }
}
