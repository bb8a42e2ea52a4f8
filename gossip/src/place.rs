//! Places on Earth, as coarse as an interest asks: [`Spot`]s, and the [`Cell`]s of a quadtree that hold them.
//!
//! Follows G. M. Morton, "A Computer Oriented Geodetic Data Base and a New Technique in File Sequencing" (IBM, 1966).
//! Latitude (WGS 84) is cut into 2^20 rows, from south to north, and longitude into 2^20 columns, from west to east. A
//! spot is where a row meets a column: 19 m by 38 m on the equator. Its number is a 1, and after it the bits of row and
//! column in turns, the row's first and each number's highest first. A cell of a level is all spots whose numbers begin
//! with the same bits: a 1, and two more for each level. All is reckoned in integers, so that all peers put a place into
//! the same cell.

use std::fmt;
use std::num::NonZeroU64;

/// The level of a [`Spot`], and the finest of a `Cell`.
pub const LEVEL_MAX: u8 = 20;
/// The level of the finest cell that a leaf tells of its interest: 1.2 km from south to north, and 2.4 km from west to east
/// on the equator (1.8 km in Santander, 1.2 km in Oslo).
pub const LEVEL_TOLD: u8 = 14;

/// One past the last row, and column.
const SIDE: u32 = 1 << LEVEL_MAX;
const LATITUDE_MAX_E7: i64 = 900_000_000;
const LONGITUDE_MAX_E7: i64 = 1_800_000_000;
/// The shortest degree of latitude (WGS 84, at the equator): whoever reckons with it reaches no less far than was asked.
const DEGREE_M: i64 = 110_574;
const DEGREE_E7: i64 = 10_000_000;
/// What stands for 1 in fractions.
const ONE: i64 = 1 << 30;
/// Half a turn, in radians and rounded up, and in degrees.
const HALF_TURN: i64 = 3_373_259_427;
const HALF_TURN_E7: i64 = 1_800_000_000;
/// More than what is lost to rounding in a cosine.
const ROUNDING: i64 = 8;
/// Rows or columns of a cell of [`LEVEL_TOLD`].
const TOLD: u32 = 1 << (LEVEL_MAX - LEVEL_TOLD);

/// Where something is, to 38 m.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot(NonZeroU64);

/// A cell of the quadtree: the spots in it, or one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Cell(u64);

/// All spots between two rows and two columns, those included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Rectangle {
    pub(crate) rows: [u32; 2],
    pub(crate) columns: [u32; 2],
}

impl Spot {
    /// Where that is: latitude and longitude in units of 1e-7 degrees. `None` off the Earth.
    pub fn at(latitude_e7: i32, longitude_e7: i32) -> Option<Self> {
        let (latitude, longitude) = (latitude_e7.into(), longitude_e7.into());
        let cell = is_on_earth(latitude, longitude).then(|| Cell::at(row(latitude), column(longitude)))?;
        Self::from_number(cell.0)
    }

    /// The spot of that number; `None` if none has it.
    pub fn from_number(number: u64) -> Option<Self> {
        let is_spot = Cell::from_number(number).is_some_and(|cell| cell.level() == LEVEL_MAX);
        NonZeroU64::new(number).filter(|_| is_spot).map(Self)
    }

    /// Its number.
    pub fn number(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Debug for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spot({:x})", self.0)
    }
}

impl Cell {
    /// The whole Earth.
    pub(crate) const EARTH: Self = Self(1);

    /// The cell of that number; `None` if none has it.
    pub(crate) fn from_number(number: u64) -> Option<Self> {
        let bits = number.checked_ilog2()?;
        (bits % 2 == 0 && bits <= 2 * u32::from(LEVEL_MAX)).then_some(Self(number))
    }

    pub(crate) fn number(self) -> u64 {
        self.0
    }

    pub(crate) fn level(self) -> u8 {
        (self.0.ilog2() / 2) as u8
    }

    /// The cell that it is a quarter of; the Earth's is the Earth.
    pub(crate) fn parent(self) -> Self {
        Self((self.0 >> 2).max(1))
    }

    /// Whether all of `other` lies in it.
    pub(crate) fn contains(self, other: Self) -> bool {
        let finer = other.level().checked_sub(self.level());
        finer.is_some_and(|levels| other.0 >> (2 * levels) == self.0)
    }

    pub(crate) fn holds(self, spot: Spot) -> bool {
        self.contains(Self(spot.number()))
    }

    fn at(row: u32, column: u32) -> Self {
        let mut number = 1;
        for bit in (0..LEVEL_MAX).rev() {
            number = number << 2 | u64::from(row >> bit & 1) << 1 | u64::from(column >> bit & 1);
        }
        Self(number)
    }

    pub(crate) fn rectangle(self) -> Rectangle {
        let (mut row, mut column) = (0, 0);
        for bit in (0..self.level()).rev() {
            let quarter = (self.0 >> (2 * bit)) as u32;
            (row, column) = (row << 1 | quarter >> 1 & 1, column << 1 | quarter & 1);
        }
        let finer = LEVEL_MAX - self.level();
        let all = |at: u32| [at << finer, ((at + 1) << finer) - 1];
        Rectangle { rows: all(row), columns: all(column) }
    }
}

impl Rectangle {
    /// No spot.
    pub(crate) const NOWHERE: Self = Self { rows: [1, 0], columns: [1, 0] };

    /// From the south-western to the north-eastern corner, each a latitude and a longitude in units of 1e-7 degrees. Two
    /// rectangles if the 180th meridian lies between. `None` if a corner is off the Earth, or the first lies north of the
    /// second.
    pub(crate) fn between((south, west): (i64, i64), (north, east): (i64, i64)) -> Option<Vec<Self>> {
        if south > north || !is_on_earth(south, west) || !is_on_earth(north, east) {
            return None;
        }
        let rows = [row(south), row(north)];
        let columns = [column(west), column(east)];
        Some(if west <= east {
            vec![Self { rows, columns }]
        } else {
            let [west, east] = columns;
            vec![Self { rows, columns: [west, SIDE - 1] }, Self { rows, columns: [0, east] }]
        })
    }

    /// All within `radius_m` of a place, and some more. `None` off the Earth.
    pub(crate) fn around((latitude, longitude): (i64, i64), radius_m: u32) -> Option<Vec<Self>> {
        if !is_on_earth(latitude, longitude) {
            return None;
        }
        let half = i64::from(radius_m) * DEGREE_E7 / DEGREE_M + 1;
        let south = (latitude - half).max(-LATITUDE_MAX_E7);
        let north = (latitude + half).min(LATITUDE_MAX_E7);
        // Where the circle comes nearest to a pole, the meridians are closest.
        let half = match cosine(latitude.abs() + half) {
            0 => LONGITUDE_MAX_E7,
            cosine => half * ONE / cosine,
        };
        let (west, east) = if half >= LONGITUDE_MAX_E7 {
            (-LONGITUDE_MAX_E7, LONGITUDE_MAX_E7)
        } else {
            let around = 2 * LONGITUDE_MAX_E7;
            let (west, east) = (longitude - half, longitude + half);
            (
                if west < -LONGITUDE_MAX_E7 { west + around } else { west },
                if east > LONGITUDE_MAX_E7 { east - around } else { east },
            )
        };
        Self::between((south, west), (north, east))
    }

    /// Whether the two share a spot, or lie side by side.
    pub(crate) fn touches(&self, other: &Self) -> bool {
        let meet =
            |a: [u32; 2], b: [u32; 2]| a[0] <= b[1].saturating_add(1) && b[0] <= a[1].saturating_add(1);
        meet(self.rows, other.rows) && meet(self.columns, other.columns)
    }

    /// Whether a spot lies in it.
    pub(crate) fn holds(&self, spot: Spot) -> bool {
        let at = Cell(spot.number()).rectangle();
        self.contains(&at)
    }

    /// Whether all of `other` lies in it.
    pub(crate) fn contains(&self, other: &Self) -> bool {
        let holds = |outer: [u32; 2], inner: [u32; 2]| outer[0] <= inner[0] && inner[1] <= outer[1];
        *other == Self::NOWHERE || holds(self.rows, other.rows) && holds(self.columns, other.columns)
    }

    /// What lies in both.
    pub(crate) fn meet(&self, other: &Self) -> Self {
        let both = |a: [u32; 2], b: [u32; 2]| [a[0].max(b[0]), a[1].min(b[1])];
        let (rows, columns) = (both(self.rows, other.rows), both(self.columns, other.columns));
        let is_nowhere = rows[0] > rows[1] || columns[0] > columns[1];
        if is_nowhere { Self::NOWHERE } else { Self { rows, columns } }
    }

    /// The least that holds both.
    pub(crate) fn join(&mut self, other: &Self) {
        let both = |a: [u32; 2], b: [u32; 2]| [a[0].min(b[0]), a[1].max(b[1])];
        (self.rows, self.columns) = (both(self.rows, other.rows), both(self.columns, other.columns));
    }

    /// What of it a leaf tells: it is made of cells of [`LEVEL_TOLD`], holds all of this one, and depends on nothing but in
    /// which of these cells its middle lies, and how many of them it is long and wide.
    pub(crate) fn told(&self) -> Self {
        let told = |[first, last]: [u32; 2]| {
            let (middle, half) = ((first + last) / 2 / TOLD, (last - first).div_ceil(2).div_ceil(TOLD));
            let end = (middle + half).min(SIDE / TOLD - 1);
            [middle.saturating_sub(half) * TOLD, end * TOLD + (TOLD - 1)]
        };
        Self { rows: told(self.rows), columns: told(self.columns) }
    }

    /// Cells that cover it: all of one level, the finest at which they are no more than `max`, and no finer than `level`.
    pub(crate) fn cells(&self, level: u8, max: u32) -> Vec<Cell> {
        let mut coarser = LEVEL_MAX - level;
        let span = |[first, last]: [u32; 2], coarser: u8| (first >> coarser)..=(last >> coarser);
        let count = |range: std::ops::RangeInclusive<u32>| range.end() - range.start() + 1;
        let is_few = |coarser: u8| {
            count(span(self.rows, coarser)).saturating_mul(count(span(self.columns, coarser))) <= max
        };
        while !is_few(coarser) {
            coarser += 1;
        }
        let mut cells = Vec::new();
        for row in span(self.rows, coarser) {
            for column in span(self.columns, coarser) {
                cells.push(Cell(Cell::at(row << coarser, column << coarser).0 >> (2 * coarser)));
            }
        }
        cells
    }
}

fn is_on_earth(latitude: i64, longitude: i64) -> bool {
    let within = |it: i64, max: i64| (-max..=max).contains(&it);
    within(latitude, LATITUDE_MAX_E7) && within(longitude, LONGITUDE_MAX_E7)
}

fn row(latitude: i64) -> u32 {
    nth(latitude + LATITUDE_MAX_E7, 2 * LATITUDE_MAX_E7)
}

fn column(longitude: i64) -> u32 {
    nth(longitude + LONGITUDE_MAX_E7, 2 * LONGITUDE_MAX_E7)
}

/// The last one has its far end too.
fn nth(at: i64, of: i64) -> u32 {
    ((at << LEVEL_MAX) / of).clamp(0, i64::from(SIDE - 1)) as u32
}

/// The cosine of an angle from 0 in units of 1e-7 degrees, times [`ONE`]: no more than it is, and 0 where that is below
/// a thousandth. The first terms of its series, which are too small by less than 9 in 10,000.
fn cosine(angle: i64) -> i64 {
    // Of more than 90 degrees there is no end to what lies within.
    let angle = angle.min(LATITUDE_MAX_E7) * HALF_TURN / HALF_TURN_E7;
    let square = angle * angle / ONE;
    let times = |with: i64| square * with / ONE;
    let cosine = ONE - times(ONE / 2 - times(ONE / 24 - times(ONE / 720))) - ROUNDING;
    if cosine * 1_000 < ONE { 0 } else { cosine }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::vectors;

    #[test]
    fn the_spot_of_a_place_is_this() {
        for name in ["spot of a place", "spot of a place in the south-west", "spot of the last place"] {
            let (of, made) = vectors::value(name);
            let degrees = |bytes: &[u8]| i32::from_be_bytes(bytes.try_into().unwrap());
            let spot = Spot::at(degrees(&of[0]), degrees(&of[1])).unwrap();
            assert_eq!(postcard::to_allocvec(&spot.number()).unwrap(), made, "{name}");
        }
    }

    #[test]
    fn the_earth_has_ends() {
        assert!(Spot::at(900_000_000, -1_800_000_000).is_some());
        assert_eq!(Spot::at(900_000_001, 0), None);
        assert_eq!(Spot::at(0, i32::MIN), None);
        for number in [0, 1, (1 << 40) - 1, 1 << 41, u64::MAX] {
            assert_eq!(Spot::from_number(number), None, "{number:x}");
        }
    }

    #[test]
    fn a_cosine_is_a_bit_too_small() {
        for degrees in 0..900 {
            let exact = (f64::from(degrees) / 10.0).to_radians().cos();
            let ours = cosine(i64::from(degrees) * DEGREE_E7 / 10) as f64 / ONE as f64;
            assert!(ours <= exact && exact - ours < 0.002, "{degrees}: {ours} for {exact}");
        }
        assert_eq!(cosine(i64::MAX / HALF_TURN), 0);
    }

    fn any_rectangle() -> impl Strategy<Value = Rectangle> {
        let span = (0..SIDE, 0u32..3_000).prop_map(|(first, more)| [first, (first + more).min(SIDE - 1)]);
        (span.clone(), span).prop_map(|(rows, columns)| Rectangle { rows, columns })
    }

    proptest! {
        #[test]
        fn cells_cover_their_rectangle(it in any_rectangle(), level in 0..=LEVEL_MAX, max in 1u32..40, at in any::<[u32; 2]>()) {
            let cells = it.cells(level, max);
            prop_assert!(!cells.is_empty() && cells.len() <= max as usize);
            prop_assert!(cells.iter().all(|cell| cell.level() <= level && cell.level() == cells[0].level()));
            let within = |[first, last]: [u32; 2], at: u32| first + at % (last - first + 1);
            let there = Cell::at(within(it.rows, at[0]), within(it.columns, at[1]));
            prop_assert!(cells.iter().any(|cell| cell.contains(there)));
            for cell in cells {
                prop_assert!(cell.rectangle().touches(&it));
                prop_assert_eq!(cell.rectangle().cells(cell.level(), 1), [cell]);
                prop_assert!(cell.parent().contains(cell) && !cell.contains(cell.parent()) || cell == Cell::EARTH);
            }
        }

        /// What is told of a span says where its middle is, to a cell, and no more.
        #[test]
        fn what_is_told_is_around_the_cell_of_the_middle(it in any_rectangle(), by in 0u32..TOLD) {
            let told = it.told();
            let mut both = told;
            both.join(&it);
            prop_assert_eq!(both, told);
            let middle = (it.rows[0] + it.rows[1]) / 2;
            let moved = |at: u32| (at - middle % TOLD).wrapping_add(by);
            if it.rows[0] >= TOLD && it.rows[1] < SIDE - TOLD {
                let elsewhere = Rectangle { rows: it.rows.map(moved), ..it };
                prop_assert_eq!(elsewhere.told(), told);
            }
        }
    }
}
