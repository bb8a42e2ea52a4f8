//! Central Auckland: the 21 places where pedestrians are counted, and what was counted there in two fortnights.
//!
//! The rows are as they were published (see the README beside them). `date` is a service day, from 6:00 to 5:59 of the next
//! morning, and hours are local. Here they become hours of UTC. Each fortnight has one change of the clocks in it:
//!
//! - in spring the hour from 2:00 does not exist: the row is missing, and the day's 24th row, 6:00 of the next morning, stands
//!   under the day before, so that its key comes twice. The second one is the later hour;
//! - in autumn the hour from 2:00 comes twice and has one row, with both counts in it. Each of the two hours gets half; an
//!   odd one goes to the first.
//!
//! A row of an hour that the clocks skipped (other years have one, of zeros) is no hour and is left out.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use msec_crdt_store::Place;
use msec_identity::UnixMillis;

use super::earth::Corner;
use super::error::MapError;
use super::plan::Plan;
use super::point::Point;
use super::sketch::Sketch;
use super::warp::Warp;
use crate::seed::Dice;

/// Places where pedestrians are counted.
pub const AUCKLAND_PLACES: usize = 21;

/// Whose counts they are.
const ATTRIBUTION: &str =
    "Counts: Heart of the City Auckland, pedestrian monitoring system, CC BY 4.0. Streets: made up";

const LOCATIONS: &str = include_str!("../../data/auckland/locations.csv");
const SPRING: &str = include_str!("../../data/auckland/counts-2024-09.csv");
const AUTUMN: &str = include_str!("../../data/auckland/counts-2024-04.csv");

/// New Zealand's rule since 2007: summer time from the last Sunday of September, 2:00, to the first Sunday of April, 3:00.
const NEW_ZEALAND: &str = "NZST-12NZDT,M9.5.0,M4.1.0/3";

/// When a service day begins.
const DAY_BEGINS: i8 = 6;

/// Which fortnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fortnight {
    /// 22 September to 5 October 2024: clocks go forward on the 29th. 335 hours.
    Spring,
    /// 31 March to 13 April 2024: clocks go back on 7 April. 337 hours.
    Autumn,
}

/// One hour of counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedHour {
    /// When it begins.
    pub start: UnixMillis,
    /// How many went past each place, in the order of [`Auckland::places`]; `None` where nothing was measured.
    pub counts: [Option<u32>; AUCKLAND_PLACES],
}

/// Real counts of pedestrians.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auckland {
    /// The name and the place of each counter.
    pub places: Vec<(String, Place)>,
    /// Hour by hour.
    pub hours: Vec<CountedHour>,
}

impl Auckland {
    /// The counts of a fortnight.
    pub fn counts(fortnight: Fortnight) -> Self {
        let rows = match fortnight {
            Fortnight::Spring => SPRING,
            Fortnight::Autumn => AUTUMN,
        };
        let places = places();
        let names: Vec<&str> = places.iter().map(|(name, _)| name.as_str()).collect();
        let hours = hours(rows, &names).expect("the rows are in the program, and a test reads them");
        Self { places, hours }
    }
}

/// The name and the place of each counter.
fn places() -> Vec<(String, Place)> {
    let place = |line: &str| {
        let mut fields = line.rsplitn(3, ',');
        let longitude: f64 = fields.next()?.trim().parse().ok()?;
        let latitude: f64 = fields.next()?.parse().ok()?;
        Some((fields.next()?.to_owned(), Place::from_degrees(latitude, longitude)?))
    };
    LOCATIONS.lines().skip(1).filter_map(place).collect()
}

/// A row that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {0} is no row of counts: it needs a date, a range of an hour, and a count or nothing for each place"
)]
struct NoCounts(usize);

/// The rows as hours of UTC, in order.
fn hours(rows: &str, places: &[&str]) -> Result<Vec<CountedHour>, NoCounts> {
    let zone = TimeZone::posix(NEW_ZEALAND).expect("the rule is well-formed");
    let mut lines = rows.lines().enumerate();
    let header: Vec<&str> = lines.next().map_or_else(Vec::new, |(_, line)| line.split(',').collect());
    let columns: Option<Vec<usize>> =
        places.iter().map(|name| header.iter().position(|other| other == name)).collect();
    let columns = columns.ok_or(NoCounts(1))?;
    let mut hours = BTreeMap::new();
    let mut seen = BTreeMap::new();
    for (n, line) in lines {
        let row = Row::read(line, &columns).ok_or(NoCounts(n + 1))?;
        let repeated = seen.insert((row.day, row.hour), ()).is_some();
        let local = row.local(repeated).ok_or(NoCounts(n + 1))?;
        let at = |offset: Offset| offset.to_timestamp(local).ok().map(|time| time.as_millisecond());
        match zone.to_ambiguous_zoned(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => {
                hours.insert(at(offset).ok_or(NoCounts(n + 1))?, row.counts);
            }
            AmbiguousOffset::Fold { before, after } => {
                hours
                    .insert(at(before).ok_or(NoCounts(n + 1))?, row.counts.map(|c| c.map(|c| c.div_ceil(2))));
                hours.insert(at(after).ok_or(NoCounts(n + 1))?, row.counts.map(|c| c.map(|c| c / 2)));
            }
            AmbiguousOffset::Gap { .. } => {}
        }
    }
    Ok(hours.into_iter().map(|(start, counts)| CountedHour { start: UnixMillis(start), counts }).collect())
}

struct Row {
    /// The service day.
    day: Date,
    hour: i8,
    counts: [Option<u32>; AUCKLAND_PLACES],
}

impl Row {
    fn read(line: &str, columns: &[usize]) -> Option<Self> {
        let fields: Vec<&str> = line.split(',').collect();
        let day = fields.first()?.parse().ok()?;
        let (hour, _) = fields.get(1)?.split_once(":00-")?;
        let mut counts = [None; AUCKLAND_PLACES];
        for (count, column) in counts.iter_mut().zip(columns) {
            *count = match *fields.get(*column)? {
                "" => None,
                // Published as a number with a decimal: `94.0`.
                text => Some(text.strip_suffix(".0").unwrap_or(text).parse().ok()?),
            };
        }
        Some(Self { day, hour: hour.parse().ok()?, counts })
    }

    /// The beginning of its hour, by the clock on the wall.
    fn local(&self, repeated: bool) -> Option<DateTime> {
        let next_day = self.hour < DAY_BEGINS || repeated;
        let date = if next_day { self.day.tomorrow().ok()? } else { self.day };
        DateTime::new(date.year(), date.month(), date.day(), self.hour, 0, 0, 0).ok()
    }
}

/// Where the counters are drawn on the plan: the most southern and western of them, with a margin.
const CORNER_DEG: (f64, f64) = (-36.8600, 174.7580);

/// Made up, around the real places: the waterfront along Quay Street in the north, Queen Street's valley, Karangahape Road's
/// ridge in the south.
const CORNERS: [[(f64, f64); 4]; 5] = [
    [(0.0, 1_960.0), (330.0, 1_960.0), (860.0, 1_930.0), (1_250.0, 1_820.0)],
    [(0.0, 1_700.0), (330.0, 1_710.0), (860.0, 1_690.0), (1_250.0, 1_600.0)],
    [(0.0, 1_150.0), (340.0, 1_150.0), (860.0, 1_150.0), (1_250.0, 1_120.0)],
    [(0.0, 600.0), (300.0, 620.0), (820.0, 650.0), (1_250.0, 640.0)],
    [(0.0, 60.0), (260.0, 80.0), (780.0, 100.0), (1_250.0, 120.0)],
];
const LETTERS: [&str; 4] = ["HHH", "ccc", "rcp", "rrr"];
const SIZE_M: (f64, f64) = (1_260.0, 2_150.0);

/// The map: real places in streets that are made up.
pub(crate) fn draw(dice: &mut Dice) -> Result<Sketch, MapError> {
    let rows: Vec<&[(f64, f64)]> = CORNERS.iter().map(|row| row.as_slice()).collect();
    let mut drawn = Plan::new(&rows, &LETTERS, 1.0).draw(dice);
    let mut harbour = CORNERS[0].map(|(x, y)| Point::new(x, y)).to_vec();
    harbour.extend(
        [(2_000.0, 1_820.0), (2_000.0, 3_000.0), (-700.0, 3_000.0), (-700.0, 1_960.0)]
            .map(|(x, y)| Point::new(x, y)),
    );
    drawn.water.push(super::plan::outline(&harbour));
    let warp = Warp::new(SIZE_M.0, SIZE_M.1, 500.0, 18.0, dice);
    let sketch = Sketch::of("auckland", CORNER_DEG, SIZE_M, drawn, &warp);
    let corner = Corner::new(CORNER_DEG.0, CORNER_DEG.1, SIZE_M.1);
    let fixed = places().into_iter().map(|(name, place)| {
        let (latitude, longitude) = place.degrees();
        (name, corner.point(latitude, longitude))
    });
    Ok(Sketch { fixed: fixed.collect(), attribution: Some(ATTRIBUTION), ..sketch })
}

#[cfg(test)]
mod tests;
