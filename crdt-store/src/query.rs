//! What an app asks of the store.

mod area;

use std::sync::Arc;

use msec_identity::{CollectionPath, LogId, PeerId, UnixMillis};

pub use self::area::Area;
use crate::log::{LogHeader, Place, TimeQuality};
use crate::reading::Reading;

/// The most rows that one query gives, whatever its limit says. Page with `after`.
pub const QUERY_ROWS_MAX: usize = 100_000;

/// Which readings; the newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Of this collection and those below it.
    pub collection: CollectionPath,
    /// But not of these and those below them.
    pub without: Vec<CollectionPath>,
    /// Of streams with this name only.
    pub stream: Option<String>,
    /// Of this author only.
    pub author: Option<PeerId>,
    /// Measured near a place only; what has no place is nowhere near.
    pub near: Option<Near>,
    /// Measured in an area only; what has no place is in none. With `near`, both must hold.
    pub within: Option<Area>,
    /// Measured at this time or later.
    pub since: UnixMillis,
    /// Measured before this time.
    pub until: UnixMillis,
    /// At most so many, and at most [`QUERY_ROWS_MAX`].
    pub limit: usize,
    /// After this one only: the last row of the page before. Nothing is left out and nothing comes twice, however many rows
    /// have one time; what was measured later and came since is on no page.
    pub after: Option<RowCursor>,
}

/// A row's place in an answer: the greatest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowCursor {
    /// When it was measured.
    pub time: UnixMillis,
    /// The log.
    pub log: LogId,
    /// The position of its entry.
    pub position: u64,
    /// Which reading of the entry.
    pub index: u32,
}

impl Default for Query {
    /// Everything, up to the limit.
    fn default() -> Self {
        Self {
            collection: CollectionPath::everything(),
            without: Vec::new(),
            stream: None,
            author: None,
            near: None,
            within: None,
            since: UnixMillis(i64::MIN),
            until: UnixMillis(i64::MAX),
            limit: QUERY_ROWS_MAX,
            after: None,
        }
    }
}

impl Query {
    /// Whether readings of this log are wanted, whenever they were measured. Where it names no place, each reading may be
    /// somewhere else.
    pub fn wants(&self, header: &LogHeader) -> bool {
        // The author first: it rules out most.
        self.author.is_none_or(|author| author == header.author())
            && self.collection.covers(header.collection())
            && !self.without.iter().any(|it| it.covers(header.collection()))
            && self.stream.as_ref().is_none_or(|stream| stream == header.stream())
            && (header.place().is_none() || self.wants_place(header.place()))
    }

    /// Whether what was measured at this place is wanted.
    pub fn wants_place(&self, place: Option<Place>) -> bool {
        is_wanted(self.near, self.within, place)
    }

    /// Whether a reading at this place is wanted.
    pub(crate) fn wants_reading(&self, at: &RowCursor) -> bool {
        (self.since..self.until).contains(&at.time) && self.after.is_none_or(|after| *at < after)
    }
}

/// Whether a place is where it is asked for.
pub(crate) fn is_wanted(near: Option<Near>, within: Option<Area>, place: Option<Place>) -> bool {
    near.is_none_or(|near| place.is_some_and(|place| near.covers(place)))
        && within.is_none_or(|area| place.is_some_and(|place| area.covers(place)))
}

/// The places within a distance of one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    centre: Place,
    radius_m: f64,
}

impl Near {
    /// Within so many metres of `centre`; `None` if that is no distance.
    pub fn new(centre: Place, radius_m: f64) -> Option<Self> {
        (radius_m.is_finite() && radius_m >= 0.0).then_some(Self { centre, radius_m })
    }

    /// Whether a place lies there.
    pub fn covers(self, place: Place) -> bool {
        self.centre.distance_m(place) <= self.radius_m
    }
}

/// One reading and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The log.
    pub log: LogId,
    /// The position of its entry.
    pub position: u64,
    /// Which reading of the entry it is.
    pub index: u32,
    /// Who writes the log, and what: shared by all rows of it.
    pub header: Arc<LogHeader>,
    /// Where it was measured: the log's place, or else the reading's own.
    pub place: Option<Place>,
    /// What the writer knew of its clock.
    pub clock: TimeQuality,
    /// The reading.
    pub reading: Reading,
    /// Whether the writer signed two histories of the log, and this is not known to be in both.
    pub contested: bool,
}

impl Row {
    /// The row for a reading in the entry at that position of that log, with its number there.
    pub fn of(
        header: &Arc<LogHeader>,
        log: LogId,
        (position, index): (u64, u32),
        clock: TimeQuality,
        reading: Reading,
    ) -> Self {
        Self {
            log,
            position,
            index,
            place: header.place().or(reading.place),
            header: header.clone(),
            clock,
            reading,
            contested: false,
        }
    }

    /// Who wrote it.
    pub fn author(&self) -> PeerId {
        self.header.author()
    }

    /// The collection.
    pub fn collection(&self) -> &CollectionPath {
        self.header.collection()
    }

    /// The stream.
    pub fn stream(&self) -> &str {
        self.header.stream()
    }

    /// The unit of the value.
    pub fn unit(&self) -> &str {
        self.header.unit()
    }

    /// Where the next page goes on.
    pub fn cursor(&self) -> RowCursor {
        RowCursor { time: self.reading.time, log: self.log, position: self.position, index: self.index }
    }
}

#[cfg(test)]
mod tests {
    use msec_identity::SpaceId;

    use super::*;

    #[test]
    fn near_is_a_distance_on_the_ground() {
        let place = |latitude, longitude| Place::from_degrees(latitude, longitude).expect("on Earth");
        let (santander, pier) = (place(43.4623, -3.8100), place(43.4600, -3.7900));
        let near = |radius_m| Near::new(santander, radius_m).expect("a distance");
        // 0.0023 degrees north and 0.02 east at that latitude: 256 m and 1,614 m.
        assert!(near(1_700.0).covers(pier) && !near(1_600.0).covers(pier));
        assert!(near(0.0).covers(santander));
        let (east, west) = (place(0.0, 179.999), place(0.0, -179.999));
        assert!(Near::new(east, 300.0).expect("a distance").covers(west), "across the date line");
        assert_eq!(Near::new(santander, f64::NAN), None);
        assert_eq!(Near::new(santander, -1.0), None);
    }

    #[test]
    fn a_moving_sensor_is_where_its_reading_says_and_a_fixed_one_where_its_log_does() {
        let place = |latitude| Place::from_degrees(latitude, -3.8).expect("on Earth");
        let collection: CollectionPath = "parks/noise".parse().expect("a path");
        let moving = LogHeader::new(SpaceId([1; 32]), collection, "mic-1", PeerId([2; 32]), [3; 16]);
        let fixed = moving.clone().with_place(Some(place(43.0)));
        let query = Query { near: Near::new(place(44.0), 1_000.0), ..Query::default() };
        assert!(query.wants(&moving) && !query.wants(&fixed));
        let row = |header: LogHeader, at: Option<Place>| {
            let reading = Reading { place: at, ..Reading::new(UnixMillis(5), 48.5) };
            Row::of(&Arc::new(header), LogId([4; 32]), (1, 0), TimeQuality::Synchronised, reading)
        };
        let places = [Some(place(44.0)), Some(place(43.0)), None];
        let near = places.map(|at| query.wants_place(row(moving.clone(), at).place));
        assert_eq!(near, [true, false, false]);
        let query = Query { within: Area::new(place(43.5), place(44.5)), ..Query::default() };
        assert!(query.wants(&moving) && !query.wants(&fixed));
        let within = places.map(|at| query.wants_place(row(moving.clone(), at).place));
        assert_eq!(within, [true, false, false]);
        assert_eq!(row(fixed, Some(place(44.0))).place, Some(place(43.0)));
    }
}
