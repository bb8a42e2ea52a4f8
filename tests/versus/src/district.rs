//! A district's year in one store: many streams, each written by a sensor of its own, that speak in turn.
//!
//! Values are those of [`city`]; they come a minute apart, so that the day of a stream is what an app asks for most often.
//! Each entry has a head of its own, as it has where sensors send what they measured every hour.

use std::path::Path;

use anyhow::ensure;
use msec_crdt_store::{
    FileDir, LogHeader, OwnLog, Query, Reading, Storage, Store, StoreConfig, TimeQuality, VerifiedRun,
};
use msec_identity::{Identity, SpaceId, UnixMillis};

use crate::city::{self, Stream};
use crate::seed;

/// When it begins.
const START_MS: i64 = 1_700_006_400_000;
/// Between two readings of a stream.
const STEP_MS: i64 = 60_000;
/// The readings of a day.
pub const DAY_READINGS: u64 = 24 * 3_600_000 / STEP_MS as u64;
/// So many runs are committed together, as they come from a city within a window.
const COMMIT_RUNS: u64 = 5_000;

/// What is written, and can be told again.
#[derive(Debug)]
pub struct District {
    sources: Vec<Stream>,
    streams: u64,
    per_entry: u64,
    entries: u64,
}

impl District {
    /// As many streams, each of so many entries of `per_entry` readings, from the real ones in `data`.
    pub fn new(data: &Path, streams: u64, entries: u64, per_entry: u64) -> anyhow::Result<Self> {
        // A year of each, or all that there is.
        Ok(Self { sources: city::readings(data, 350_000)?, streams, per_entry, entries })
    }

    /// How many readings each stream has.
    pub fn per_stream(&self) -> u64 {
        self.entries * self.per_entry
    }

    /// The reading of a stream that stands there.
    pub fn reading(&self, stream: u64, at: u64) -> Reading {
        let source = &self.source(stream).readings;
        let shift = seed::mix_all(&[stream]) % source.len() as u64;
        let value = source[((shift + at) % source.len() as u64) as usize].value;
        Reading::new(UnixMillis(START_MS + at as i64 * STEP_MS), value)
    }

    fn source(&self, stream: u64) -> &Stream {
        &self.sources[(stream % self.sources.len() as u64) as usize]
    }

    fn name(&self, stream: u64) -> String {
        format!("{}-{stream}", self.source(stream).name)
    }

    /// Writes all of it into a store, every log an entry before any of them the next.
    pub fn write(&self, store: &mut Store, mut progress: impl FnMut(u64)) -> anyhow::Result<()> {
        let mut writers: Vec<(Identity, OwnLog)> =
            (0..self.streams).map(|stream| self.writer(stream)).collect::<Result<_, _>>()?;
        let (mut commits, mut runs) = (0, Vec::new());
        for entry in 0..self.entries {
            for (stream, (identity, log)) in (0..).zip(&mut writers) {
                runs.extend(self.entry(stream, entry, identity, log)?);
                if runs.len() as u64 == COMMIT_RUNS {
                    commits += 1;
                    commit(store, commits, &mut runs)?;
                }
            }
            progress(entry + 1);
        }
        commit(store, commits + 1, &mut runs)
    }

    fn writer(&self, stream: u64) -> anyhow::Result<(Identity, OwnLog)> {
        let identity = Identity::from_seed(seed::bytes(&[0x51, stream]));
        let collection = format!("district/{}", stream % 100).parse()?;
        let header =
            LogHeader::new(SpaceId([1; 32]), collection, &self.name(stream), identity.peer(), [0; 16]);
        let log = OwnLog::create(header.with_unit(self.source(stream).unit));
        Ok((identity, log))
    }

    fn entry(
        &self,
        stream: u64,
        entry: u64,
        identity: &Identity,
        log: &mut OwnLog,
    ) -> anyhow::Result<Option<VerifiedRun>> {
        let readings: Vec<Reading> = (entry * self.per_entry..(entry + 1) * self.per_entry)
            .map(|at| self.reading(stream, at))
            .collect();
        let now = readings.last().map_or(UnixMillis(0), |reading| reading.time);
        let salt = seed::bytes(&[stream, entry]);
        let salt = *salt.first_chunk().expect("sixteen of thirty-two bytes");
        log.append_readings(now, TimeQuality::Synchronised, salt, &readings)?;
        Ok(log.sign(identity, now))
    }

    /// Asks for the latest value of each stream, and looks whether it is that.
    pub fn latest(&self, store: &Store, ask: &mut dyn FnMut(&mut dyn FnMut())) -> anyhow::Result<()> {
        let mut answer = None;
        ask(&mut || answer = Some(store.latest(&Query::default())));
        let Some(rows) = answer.transpose()? else { return Ok(()) };
        ensure!(rows.len() as u64 == self.streams, "{} latest values of {}", rows.len(), self.streams);
        let last = self.reading(0, self.per_stream() - 1).time;
        ensure!(rows.iter().all(|row| row.reading.time == last), "a latest value is not the latest");
        Ok(())
    }

    /// Asks for the readings of a day of a stream, from its `from`th on, and looks whether they are those.
    pub fn day(
        &self,
        store: &Store,
        (stream, from): (u64, u64),
        ask: &mut dyn FnMut(&mut dyn FnMut()),
    ) -> anyhow::Result<()> {
        let end = (from + DAY_READINGS).min(self.per_stream());
        let time = |at: u64| UnixMillis(START_MS + at as i64 * STEP_MS);
        let query = Query {
            stream: Some(self.name(stream)),
            since: time(from),
            until: time(end),
            ..Query::default()
        };
        let mut answer = None;
        ask(&mut || answer = Some(store.query(&query)));
        let Some(rows) = answer.transpose()? else { return Ok(()) };
        let wanted = (from..end).rev().map(|at| self.reading(stream, at));
        ensure!(
            rows.iter().map(|row| row.reading).eq(wanted),
            "a day of {} came back otherwise than it was written",
            self.name(stream)
        );
        Ok(())
    }
}

/// Opens the store in that directory, or a new one, as a peer does.
pub fn open(directory: &Path, roll_ups: bool) -> anyhow::Result<Store> {
    let config = StoreConfig { index: true, roll_ups, ..StoreConfig::default() };
    let (store, opened) = Store::open_with(FileDir::open(directory)?, config)?;
    ensure!(opened.cut.is_none(), "the store was cut back: {:?}", opened.cut);
    Ok(store)
}

fn commit(store: &mut Store, number: u64, runs: &mut Vec<VerifiedRun>) -> anyhow::Result<()> {
    store.apply(number, runs)?;
    store.sync()?;
    runs.clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_district_gives_back_what_it_was_given() {
        let directory = tempfile::tempdir().expect("a directory");
        let district = District::new(&city::committed(), 50, 40, 60).expect("made");
        let mut store = open(directory.path(), true).expect("opens");
        district.write(&mut store, |_| {}).expect("written");
        drop(store);
        let store = open(directory.path(), true).expect("opens again");
        let mut asked = 0;
        let mut ask = |question: &mut dyn FnMut()| {
            question();
            asked += 1;
        };
        district.latest(&store, &mut ask).expect("the latest values");
        for stream in [0, 7, 49] {
            district.day(&store, (stream, 600), &mut ask).expect("a day");
        }
        assert_eq!(asked, 4);
    }
}
