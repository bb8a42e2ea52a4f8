//! What was really measured: Auckland's pedestrians and Norway's air, as streams of readings.
//!
//! A directory holds `auckland-pedestrians/*.csv.gz` and `norway-air/*.csv.gz`, as in `data/`, where their sources stand. In
//! Auckland's tables `date` is a service day, from 6:00 to 5:59 of the next morning, and hours are local: here they become
//! UTC. Of an hour that comes twice the first row counts, and one that the clocks skip is the hour after.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use flate2::read::GzDecoder;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use msec_crdt_store::Reading;
use msec_identity::UnixMillis;

/// New Zealand's rule since 2007.
const NEW_ZEALAND: &str = "NZST-12NZDT,M9.5.0,M4.1.0/3";
/// When a service day begins.
const DAY_BEGINS: i8 = 6;
/// The columns of Norway's tables, and their units.
const AIR: [(&str, &str); 4] =
    [("pm25", "ug/m3"), ("temperature", "Cel"), ("windSpeed", "m/s"), ("rain", "mm")];
/// So many bytes of a table are read, unpacked: the largest here has 7 MB.
const TABLE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What one sensor measured, in order of time.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Which one.
    pub name: String,
    /// Of what the values are, in UCUM's notation.
    pub unit: &'static str,
    /// What it measured.
    pub readings: Vec<Reading>,
}

/// Streams that were measured side by side: one table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Which one.
    pub name: String,
    /// Its columns.
    pub streams: Vec<Stream>,
}

impl Table {
    /// How many readings it holds.
    pub fn len(&self) -> usize {
        self.streams.iter().map(|stream| stream.readings.len()).sum()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Row by row: a time, and what each stream measured then.
    pub fn rows(&self) -> BTreeMap<i64, Vec<Option<f64>>> {
        let mut rows: BTreeMap<i64, Vec<Option<f64>>> = BTreeMap::new();
        for (column, stream) in self.streams.iter().enumerate() {
            for reading in &stream.readings {
                let row = rows.entry(reading.time.0).or_insert_with(|| vec![None; self.streams.len()]);
                row[column] = Some(reading.value);
            }
        }
        rows
    }
}

/// The extract that lies in this repository.
pub fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data")
}

/// Auckland's counts in that directory.
pub fn auckland(data: &Path) -> anyhow::Result<Table> {
    let zone = TimeZone::posix(NEW_ZEALAND)?;
    let mut streams = Vec::new();
    for path in tables(&data.join("auckland-pedestrians"))? {
        let local = |date: &str, hour: &str| {
            let hour: i8 = hour.split(':').next()?.parse().ok()?;
            let day: Date = date.parse().ok()?;
            let day = if hour < DAY_BEGINS { day.tomorrow().ok()? } else { day };
            utc_of(day.at(hour, 0, 0, 0), &zone)
        };
        add(&mut streams, &path, |name| (name != "year").then_some((name, "1")), local)?;
    }
    Ok(Table { name: "auckland".to_owned(), streams })
}

/// The air at each of Norway's stations in that directory.
pub fn norway(data: &Path) -> anyhow::Result<Vec<Table>> {
    let mut stations = Vec::new();
    for path in tables(&data.join("norway-air"))? {
        let mut streams = Vec::new();
        let utc = |date: &str, time: &str| utc_of(format!("{date}T{time}").parse().ok()?, &TimeZone::UTC);
        add(&mut streams, &path, |name| AIR.into_iter().find(|(air, _)| *air == name), utc)?;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let name = file.trim_end_matches(".csv.gz").to_owned();
        streams.iter_mut().for_each(|stream| stream.name = format!("{name} {}", stream.name));
        stations.push(Table { name, streams });
    }
    Ok(stations)
}

/// So many readings, of all streams alike. Where the data has fewer they come again, a whole number of years later.
pub fn readings(data: &Path, count: usize) -> anyhow::Result<Vec<Stream>> {
    let mut streams = auckland(data)?.streams;
    streams.extend(norway(data)?.into_iter().flat_map(|station| station.streams));
    let held: usize = streams.iter().map(|stream| stream.readings.len()).sum();
    anyhow::ensure!(held > 0, "there are no readings in {}", data.display());
    let (mut left, of) = (count, streams.len());
    for (n, stream) in streams.iter_mut().enumerate() {
        let wanted = left / (of - n);
        repeat(&mut stream.readings, wanted);
        left -= stream.readings.len();
    }
    streams.retain(|stream| !stream.readings.is_empty());
    Ok(streams)
}

/// Cuts or repeats readings until there are `count`.
fn repeat(readings: &mut Vec<Reading>, count: usize) {
    const YEAR_MS: i64 = 365 * 24 * 3600 * 1000;
    let (Some(first), Some(last)) = (readings.first().copied(), readings.last().copied()) else { return };
    let shift = ((last.time.0 - first.time.0) / YEAR_MS + 1) * YEAR_MS;
    let original = readings.len();
    while readings.len() < count {
        let before = readings[readings.len() - original];
        readings.push(Reading { time: before.time.saturating_add(shift), ..before });
    }
    readings.truncate(count);
}

/// The tables in a directory, in the order of their names.
fn tables(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let read = fs::read_dir(directory).with_context(|| {
        format!("{} cannot be read: give --data a directory that has it", directory.display())
    })?;
    let mut paths: Vec<PathBuf> =
        read.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.retain(|path| path.to_string_lossy().ends_with(".csv.gz"));
    paths.sort();
    anyhow::ensure!(!paths.is_empty(), "{} holds no .csv.gz", directory.display());
    Ok(paths)
}

/// Adds what a table holds. `column` says which columns count, `time` what the first two fields of a row mean.
fn add<'a>(
    streams: &mut Vec<Stream>,
    path: &Path,
    column: impl Fn(&str) -> Option<(&str, &'static str)> + 'a,
    time: impl Fn(&str, &str) -> Option<i64>,
) -> anyhow::Result<()> {
    let mut text = String::new();
    let file = GzDecoder::new(File::open(path)?).take(TABLE_BYTES_MAX);
    { file }.read_to_string(&mut text).with_context(|| format!("{} is no gzip'd text", path.display()))?;
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default().split(',').skip(2);
    let mut places: Vec<Option<usize>> = Vec::new();
    for field in header {
        places.push(column(field).map(|(name, unit)| {
            streams.iter().position(|stream| stream.name == name).unwrap_or_else(|| {
                streams.push(Stream { name: name.to_owned(), unit, readings: Vec::new() });
                streams.len() - 1
            })
        }));
    }
    for (n, line) in lines.enumerate() {
        let mut fields = line.split(',');
        let at = time(fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let at = at.with_context(|| format!("{}, line {}: no date and time", path.display(), n + 2))?;
        for (field, place) in fields.zip(&places) {
            let (Some(place), Ok(value)) = (place, field.parse::<f64>()) else { continue };
            streams[*place].readings.push(Reading::new(UnixMillis(at), value));
        }
    }
    for stream in streams {
        stream.readings.sort_by_key(|reading| reading.time);
        stream.readings.dedup_by_key(|reading| reading.time);
    }
    Ok(())
}

fn utc_of(local: DateTime, zone: &TimeZone) -> Option<i64> {
    Some(zone.to_ambiguous_timestamp(local).compatible().ok()?.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_of_auckland_is_read() {
        let table = auckland(&committed()).expect("the extract is read");
        assert_eq!(table.streams.len(), 21);
        // One row of 184,443 cells has the name of another: the hour after the clocks skipped one.
        assert_eq!(table.len(), 184_443 - 21);
        let first = table.streams[0].readings[0];
        // 6:00 on 1 January in Auckland is 17:00 of the day before in UTC.
        assert_eq!(first.time, UnixMillis(1_704_042_000_000));
        assert_eq!(table.rows().len(), table.rows().keys().filter(|time| *time % 3_600_000 == 0).count());
    }

    #[test]
    fn norway_has_four_columns_a_station() {
        let stations = norway(&committed()).expect("the extract is read");
        assert_eq!(stations.len(), 5);
        assert!(stations.iter().all(|station| station.streams.len() == 4));
        let readings: usize = stations.iter().map(Table::len).sum();
        assert_eq!(readings, 169_227);
    }

    #[test]
    fn as_many_readings_as_are_asked_for_in_order_of_time() {
        for count in [41, 1_000, 500_000] {
            let streams = readings(&committed(), count).expect("read");
            assert_eq!(streams.iter().map(|stream| stream.readings.len()).sum::<usize>(), count);
            for stream in streams {
                assert!(stream.readings.is_sorted_by(|a, b| a.time < b.time), "{}", stream.name);
            }
        }
    }
}
