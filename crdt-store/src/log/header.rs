//! The first entry of every log: which stream it carries, whose it is, and by what right it is written.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use msec_identity::{
    Authority, ChainError, CollectionPath, Grant, LogId, PeerId, Shown, SpaceId, Unverified, Verified,
    Written,
};
use serde::Serialize;

use crate::error::LogNameError;
#[cfg(feature = "index")]
use crate::sealed::Label;

/// The longest name of a stream or a unit, in bytes.
pub const STREAM_BYTES_MAX: usize = 128;
/// The most grants that a header carries, those among them that others hang on.
pub const HEADER_GRANTS_MAX: usize = 16;

const DOMAIN: &str = "msec/log/1";
const ID_DOMAIN: &str = "msec/log-id/1";

/// A place on Earth (WGS 84), in units of 1e-7 degrees: about a centimetre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Place {
    /// Latitude, north positive, -90e7 to 90e7.
    #[n(0)]
    pub latitude_e7: i32,
    /// Longitude, east positive, -180e7 to 180e7.
    #[n(1)]
    pub longitude_e7: i32,
}

impl Place {
    /// The place at these degrees; `None` off the Earth.
    pub fn from_degrees(latitude: f64, longitude: f64) -> Option<Self> {
        let on_earth = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        on_earth.then(|| Self {
            latitude_e7: (latitude * 1e7).round() as i32,
            longitude_e7: (longitude * 1e7).round() as i32,
        })
    }

    /// Latitude and longitude in degrees.
    pub fn degrees(self) -> (f64, f64) {
        (f64::from(self.latitude_e7) / 1e7, f64::from(self.longitude_e7) / 1e7)
    }

    /// The distance along the ground in metres, on a sphere of the Earth's mean radius (haversine): up to 0.6 % off.
    pub fn distance_m(self, other: Self) -> f64 {
        const EARTH_RADIUS_M: f64 = 6_371_008.8;
        let ((lat_a, lon_a), (lat_b, lon_b)) = (self.degrees(), other.degrees());
        let (lat_a, lat_b) = (lat_a.to_radians(), lat_b.to_radians());
        let half = |a: f64, b: f64| ((b - a) / 2.0).sin().powi(2);
        let h = half(lat_a, lat_b) + lat_a.cos() * lat_b.cos() * half(lon_a.to_radians(), lon_b.to_radians());
        2.0 * EARTH_RADIUS_M * h.sqrt().min(1.0).asin()
    }

    pub(crate) fn is_on_earth(self) -> bool {
        self.latitude_e7.unsigned_abs() <= 900_000_000 && self.longitude_e7.unsigned_abs() <= 1_800_000_000
    }
}

impl Serialize for Place {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.degrees().serialize(serializer)
    }
}

/// The body of entry 0.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct LogHeader {
    #[n(0)]
    domain: String,
    #[n(1)]
    space: SpaceId,
    #[n(2)]
    collection: CollectionPath,
    #[n(3)]
    stream: String,
    #[n(4)]
    author: PeerId,
    #[cbor(n(5), with = "minicbor::bytes")]
    incarnation: [u8; 16],
    #[n(6)]
    predecessor: Option<LogId>,
    #[n(7)]
    unit: String,
    #[n(8)]
    place: Option<Place>,
    #[n(9)]
    grants: Vec<ByteVec>,
}

impl LogHeader {
    /// The header of a log for `stream`. The incarnation is drawn at random by the caller, once for each new log.
    pub fn new(
        space: SpaceId,
        collection: CollectionPath,
        stream: &str,
        author: PeerId,
        incarnation: [u8; 16],
    ) -> Self {
        Self {
            domain: DOMAIN.into(),
            space,
            collection,
            stream: stream.into(),
            author,
            incarnation,
            predecessor: None,
            unit: String::new(),
            place: None,
            grants: Vec::new(),
        }
    }

    /// With the unit of its values, in UCUM's case-sensitive notation; "1" counts things.
    #[must_use]
    pub fn with_unit(mut self, unit: &str) -> Self {
        self.unit = unit.into();
        self
    }

    /// With the place where the values are measured.
    #[must_use]
    pub fn with_place(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }

    /// As the continuation of a log that can't be continued.
    #[must_use]
    pub fn with_predecessor(mut self, predecessor: Option<LogId>) -> Self {
        self.predecessor = predecessor;
        self
    }

    /// With the grants that let its author write.
    #[must_use]
    pub fn with_grants<'a>(mut self, grants: impl IntoIterator<Item = &'a Verified<Grant>>) -> Self {
        self.grants = grants.into_iter().take(HEADER_GRANTS_MAX).map(|g| g.to_bytes().into()).collect();
        self
    }

    /// As it is shown to who can read the log: with what a sealed label says. Not the header of any log.
    #[cfg(feature = "index")]
    pub(crate) fn shown_as(&self, label: &Label) -> Self {
        let Label { stream, unit, place } = label.clone();
        Self { stream, unit, place, ..self.clone() }
    }

    /// Whether it looks like that of a sealed log, which says nothing of what it measures: a name of 32 hexadecimal digits, the unit
    /// "1", no place. One in clear may look so.
    pub fn may_be_sealed(&self) -> bool {
        let is_digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        self.stream.len() == 32
            && self.stream.bytes().all(is_digit)
            && self.unit == "1"
            && self.place.is_none()
    }

    /// The log's id: BLAKE3 over its names, each with its length.
    pub fn id(&self) -> LogId {
        let mut hasher = blake3::Hasher::new_derive_key(ID_DOMAIN);
        let parts: [&[u8]; 5] = [
            self.space.as_bytes(),
            self.collection.as_str().as_bytes(),
            self.stream.as_bytes(),
            self.author.as_bytes(),
            &self.incarnation,
        ];
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        LogId(*hasher.finalize().as_bytes())
    }

    /// Checks what the types leave open: a name for the collection and the stream, lengths, a place on Earth.
    pub fn check(&self) -> Result<(), LogNameError> {
        if self.domain != DOMAIN {
            return Err(LogNameError::OtherVersion);
        }
        if self.collection == CollectionPath::everything() {
            return Err(LogNameError::NoCollection);
        }
        for name in [&self.stream, &self.unit] {
            if name.len() > STREAM_BYTES_MAX || name.chars().any(char::is_control) {
                return Err(LogNameError::Name);
            }
        }
        if self.stream.is_empty() {
            return Err(LogNameError::Name);
        }
        if self.place.is_some_and(|p| !p.is_on_earth()) {
            return Err(LogNameError::OffEarth);
        }
        if self.grants.len() > HEADER_GRANTS_MAX {
            return Err(LogNameError::Grants { count: self.grants.len() });
        }
        Ok(())
    }

    /// Whether the grants that it shows let its author write there. No other grant counts, so that everybody who holds the
    /// log comes to the same answer, whatever else they know. The time of an entry proves nothing, so that expiry is not
    /// judged here.
    pub fn shows_right_to_write(&self, authority: &Authority) -> bool {
        self.right_to_write(authority).is_ok()
    }

    /// By what right it is written, as it shows it: [`Authority::admissible`] says how much of the log counts by that.
    pub fn right_to_write(&self, authority: &Authority) -> Result<Shown, ChainError> {
        let (author, collection, stream) = (self.author, &self.collection, self.stream.as_str());
        let place = self.place.map(|place| (place.latitude_e7, place.longitude_e7));
        authority.check_chain(&Written { author, collection, stream, place }, self.grants())
    }

    /// The grants that it shows; those that do not parse are left out.
    pub fn grants(&self) -> impl Iterator<Item = Unverified<Grant>> + '_ {
        self.grants.iter().filter_map(|bytes| Unverified::from_bytes(bytes).ok())
    }

    /// The space.
    pub fn space(&self) -> SpaceId {
        self.space
    }

    /// The collection.
    pub fn collection(&self) -> &CollectionPath {
        &self.collection
    }

    /// The stream.
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// Whose log it is.
    pub fn author(&self) -> PeerId {
        self.author
    }

    /// The log that this one continues: of its author, or of a device whose place its author took.
    pub fn predecessor(&self) -> Option<LogId> {
        self.predecessor
    }

    /// The unit of its values.
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// Where the values are measured.
    pub fn place(&self) -> Option<Place> {
        self.place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> LogHeader {
        let collection = "parks/noise".parse().expect("a path");
        LogHeader::new(SpaceId([1; 32]), collection, "mic-1", PeerId([2; 32]), [3; 16])
    }

    #[test]
    fn the_id_depends_on_every_name_and_nothing_else() {
        let id = header().id();
        assert_eq!(header().with_unit("dB").id(), id);
        let path = |text: &str| -> CollectionPath { text.parse().expect("a path") };
        let others = [
            LogHeader::new(SpaceId([9; 32]), path("parks/noise"), "mic-1", PeerId([2; 32]), [3; 16]),
            LogHeader::new(SpaceId([1; 32]), path("parks/nois"), "emic-1", PeerId([2; 32]), [3; 16]),
            LogHeader::new(SpaceId([1; 32]), path("parks/noise"), "mic-2", PeerId([2; 32]), [3; 16]),
            LogHeader::new(SpaceId([1; 32]), path("parks/noise"), "mic-1", PeerId([9; 32]), [3; 16]),
            LogHeader::new(SpaceId([1; 32]), path("parks/noise"), "mic-1", PeerId([2; 32]), [9; 16]),
        ];
        assert!(others.iter().all(|other| other.id() != id));
    }

    #[test]
    fn refuses_names_that_name_nothing() {
        assert!(header().check().is_ok());
        let nowhere = LogHeader { collection: CollectionPath::everything(), ..header() };
        assert!(matches!(nowhere.check(), Err(LogNameError::NoCollection)));
        assert!(matches!(LogHeader { stream: String::new(), ..header() }.check(), Err(LogNameError::Name)));
        assert!(matches!(header().with_unit("a\nb").check(), Err(LogNameError::Name)));
        let place = Place { latitude_e7: 910_000_000, longitude_e7: 0 };
        assert!(matches!(header().with_place(Some(place)).check(), Err(LogNameError::OffEarth)));
        assert_eq!(Place::from_degrees(91.0, 0.0), None);
    }
}
