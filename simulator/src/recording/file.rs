//! Recordings as files.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use serde::Deserialize;

use super::{NO_DISTRICT, Recording, RecordingError};

/// The version of the format that is written and read.
pub const VERSION: u32 = 1;

/// The longest recording that is read. A longer file is refused: what is within all bounds is shorter.
pub const RECORDING_BYTES_MAX: u64 = 512 * 1_024 * 1_024;

/// All that every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

impl Recording {
    /// Writes it to a file, within its bounds. Returns how many bytes it takes.
    pub fn write(&mut self, path: &Path) -> Result<u64, RecordingError> {
        self.bound();
        self.check()?;
        let mut file = BufWriter::new(File::create(path)?);
        serde_json::to_writer(&mut file, self).map_err(|error| match error.io_error_kind() {
            Some(kind) => RecordingError::Io(kind.into()),
            None => RecordingError::Unwritable(error),
        })?;
        file.flush()?;
        Ok(file.get_ref().metadata()?.len())
    }

    /// Reads it from a file.
    pub fn read(path: &Path) -> Result<Self, RecordingError> {
        let mut bytes = Vec::new();
        File::open(path)?.take(RECORDING_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        Self::from_json(&bytes)
    }

    /// Reads it from the bytes of a file. They may be anything: what comes out is within its bounds, and nothing in it
    /// points to what is not there.
    pub fn from_json(bytes: &[u8]) -> Result<Self, RecordingError> {
        if bytes.len() as u64 > RECORDING_BYTES_MAX {
            return Err(RecordingError::TooLong { bytes: bytes.len() as u64 });
        }
        let Versioned { version } = parse(bytes)?;
        if version != u64::from(VERSION) {
            return Err(RecordingError::Version { found: version });
        }
        let mut recording: Self = parse(bytes)?;
        recording.check()?;
        recording.bound();
        Ok(recording)
    }

    /// Refuses what points to nothing, goes back in time, or is no number.
    pub(super) fn check(&self) -> Result<(), RecordingError> {
        self.check_places().and_then(|()| self.check_links()).and_then(|()| self.check_times())
    }

    fn check_places(&self) -> Result<(), RecordingError> {
        let map = &self.map;
        demand(map.width_m.is_finite() && map.height_m.is_finite(), || "the map has no size".into())?;
        demand(map.width_m >= 0.0 && map.height_m >= 0.0, || "the map has a negative size".into())?;
        let on_earth = |at: &[f32; 2]| at.iter().all(|metres| metres.abs() < EARTH_M);
        let lines = map.streets.iter().chain(&map.water).chain(&map.parks);
        demand(lines.flatten().all(on_earth), || "a street or a shore is nowhere on Earth".into())?;
        demand(map.districts.iter().all(|it| on_earth(&it.centre)), || {
            "a district is nowhere on Earth".into()
        })?;
        for (index, peer) in self.peers.iter().enumerate() {
            let known = peer.district == NO_DISTRICT || usize::from(peer.district) < map.districts.len();
            demand(known, || format!("peer {index} is in a district that is not there"))?;
            let track = &peer.track;
            let somewhere = on_earth(&peer.at) && track.iter().all(|(_, at)| on_earth(at));
            demand(somewhere, || format!("peer {index} is nowhere on Earth"))?;
            let in_order = track.iter().all(|(time, _)| time.is_finite())
                && track.windows(2).all(|pair| pair[0].0 <= pair[1].0);
            demand(in_order, || format!("peer {index} moves back in time"))?;
        }
        Ok(())
    }

    fn check_links(&self) -> Result<(), RecordingError> {
        let is_peer = |index: u32| (index as usize) < self.peers.len();
        for (index, link) in self.links.iter().enumerate() {
            demand(is_peer(link.a) && is_peer(link.b), || format!("link {index} leads to no peer"))?;
            let until = link.down_s.unwrap_or(f64::MAX);
            let lasts = link.up_s.is_finite() && until.is_finite() && link.up_s <= until;
            demand(lasts, || format!("link {index} ends before it begins"))?;
        }
        for (index, message) in self.spread.iter().enumerate() {
            let arrived = &message.arrivals;
            let known = is_peer(message.author) && arrived.iter().all(|(peer, _)| is_peer(*peer));
            demand(known, || format!("message {index} comes from or to no peer"))?;
            let after = arrived.iter().all(|(_, after)| after.is_finite() && *after >= 0.0);
            demand(after && message.published_s.is_finite(), || {
                format!("message {index} comes before it was sent")
            })?;
        }
        Ok(())
    }

    fn check_times(&self) -> Result<(), RecordingError> {
        let classes = self.classes.len();
        for (index, row) in self.series.iter().enumerate() {
            let numbers = row.airtime_s_by_class.iter().chain([&row.t_s, &row.wall_s]);
            demand(numbers.copied().all(f64::is_finite), || format!("row {index} holds what is no number"))?;
            let complete = row.bytes_by_class.len() == classes && row.airtime_s_by_class.len() == classes;
            demand(complete, || format!("row {index} has not one value for each link class"))?;
        }
        let in_order = self.series.windows(2).all(|pair| pair[0].t_s <= pair[1].t_s);
        demand(in_order, || "the series goes back in time".into())?;
        for (index, revoked) in self.revocations.iter().enumerate() {
            let times = revoked.known_after_s.iter().chain(&revoked.returned_after_s);
            let in_order = |times: &[f32]| times.windows(2).all(|pair| pair[0] <= pair[1]);
            let is_told = times.copied().all(|after| after.is_finite() && after >= 0.0)
                && in_order(&revoked.known_after_s)
                && in_order(&revoked.returned_after_s)
                && revoked.issued_s.is_finite()
                && revoked.exposed_for_s.is_finite();
            demand(is_told, || format!("revocation {index} is known before it is issued, or out of order"))?;
        }
        for (index, fault) in self.faults.iter().enumerate() {
            let numbers = [Some(fault.from_s), Some(fault.until_s), fault.agreed_after_s];
            let lasts = numbers.into_iter().flatten().all(f64::is_finite) && fault.from_s <= fault.until_s;
            demand(lasts, || format!("fault {index} ends before it begins"))?;
        }
        let classes = self.classes.iter().flat_map(|it| [it.airtime_s, it.queue_max_ms, it.busiest_share]);
        let wires = self.wires.iter();
        let wires = wires.flat_map(|it| [it.latency_p50_ratio, it.latency_p99_ratio, it.bytes_ratio]);
        let metrics = &self.metrics;
        let totals = [metrics.simulated_s, metrics.wall_s, metrics.cpu_s];
        demand(classes.chain(wires).chain(totals).all(f64::is_finite), || "a figure is no number".into())
    }
}

/// More than half way round.
const EARTH_M: f32 = 2.1e7;

fn demand(holds: bool, what: impl FnOnce() -> String) -> Result<(), RecordingError> {
    if holds { Ok(()) } else { Err(RecordingError::Contradiction { what: what() }) }
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, RecordingError> {
    serde_json::from_slice(bytes).map_err(|error| {
        if error.is_eof() && !bytes.is_empty() {
            RecordingError::Truncated
        } else {
            RecordingError::NotARecording(error)
        }
    })
}
