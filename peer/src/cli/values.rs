//! What stands behind the flags: text that means something, and what is wrong with it if it does not.

use std::net::SocketAddr;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp};
use msec_crdt_store::ValueQuality;
use msec_identity::{PeerId, UnixMillis};

use super::line::{Unsaid, reading};
use crate::control::{Near, Within};
#[cfg(feature = "iroh")]
use crate::net::IrohAddress;
use crate::sdk::PeerConfig;

/// `ADDR` or `ID@ADDR`, where ADDR may be an iroh address.
#[derive(Debug, Clone)]
pub(super) struct ContactArg {
    address: ContactAddress,
    peer: Option<PeerId>,
}

#[derive(Debug, Clone)]
enum ContactAddress {
    Udp(SocketAddr),
    #[cfg(feature = "iroh")]
    Iroh(IrohAddress),
}

impl ContactArg {
    /// Makes it a contact of the peer.
    pub(super) fn add_to(&self, config: PeerConfig) -> PeerConfig {
        match (&self.address, self.peer) {
            (ContactAddress::Udp(address), None) => config.contact(*address),
            (ContactAddress::Udp(address), Some(peer)) => config.contact_peer(*address, peer),
            #[cfg(feature = "iroh")]
            (ContactAddress::Iroh(address), None) => config.contact_iroh(address.clone()),
            #[cfg(feature = "iroh")]
            (ContactAddress::Iroh(address), Some(peer)) => config.contact_iroh_peer(address.clone(), peer),
        }
    }
}

impl FromStr for ContactAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("iroh:") {
            #[cfg(feature = "iroh")]
            return text.parse().map(Self::Iroh).map_err(|e| format!("{e}"));
            #[cfg(not(feature = "iroh"))]
            return Err("this `msec` was built without iroh: build it with `--features iroh`".into());
        }
        text.parse().map(Self::Udp).map_err(|_| {
            format!("`{text}` is not an address: write it as 192.0.2.7:4000 or [2001:db8::7]:4000")
        })
    }
}

impl FromStr for ContactArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (peer, address) = match text.split_once('@') {
            Some((peer, address)) => (Some(peer.parse().map_err(|e| format!("{e}"))?), address),
            None => (None, text),
        };
        Ok(Self { address: address.parse()?, peer })
    }
}

/// `COLLECTION/STREAM`: the last segment names the stream.
#[derive(Debug, Clone)]
pub(super) struct StreamArg {
    pub(super) collection: String,
    pub(super) stream: String,
}

impl FromStr for StreamArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.rsplit_once('/')
            .filter(|(collection, stream)| !collection.is_empty() && !stream.is_empty())
            .map(|(collection, stream)| Self { collection: collection.into(), stream: stream.into() })
            .ok_or_else(|| {
                format!("`{text}` does not name a stream: write COLLECTION/STREAM, such as parks/noise/mic-1")
            })
    }
}

/// `LAT,LON` in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PlaceArg(pub(super) f64, pub(super) f64);

impl FromStr for PlaceArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Vec<f64> = text.split(',').filter_map(|part| part.trim().parse().ok()).collect();
        match numbers[..] {
            [latitude, longitude] if on_earth(latitude, longitude) => Ok(Self(latitude, longitude)),
            _ => Err(format!("`{text}` is not a place: write LAT,LON in degrees, such as 43.46,-3.79")),
        }
    }
}

/// `LAT,LON,RADIUS`, the radius in metres, or in kilometres with `km` behind it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct NearArg(pub(super) Near);

impl FromStr for NearArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (place, radius) = text.rsplit_once(',')?;
            let PlaceArg(latitude, longitude) = place.parse().ok()?;
            let radius = radius.trim();
            let (number, metres) = match (radius.strip_suffix("km"), radius.strip_suffix('m')) {
                (Some(number), _) => (number, 1000.0),
                (None, Some(number)) => (number, 1.0),
                (None, None) => (radius, 1.0),
            };
            let radius_m = number.trim().parse::<f64>().ok()? * metres;
            (radius_m.is_finite() && radius_m >= 0.0).then_some(Self(Near { latitude, longitude, radius_m }))
        };
        parse().ok_or_else(|| {
            format!(
                "`{text}` is not a place with a radius: write LAT,LON,RADIUS, such as 43.46,-3.79,500 or 43.46,-3.79,2km"
            )
        })
    }
}

/// `SOUTH,WEST,NORTH,EAST` in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct WithinArg(pub(super) Within);

impl FromStr for WithinArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Vec<f64> = text.split(',').map_while(|part| part.trim().parse().ok()).collect();
        match numbers[..] {
            [south, west, north, east]
                if on_earth(south, west) && on_earth(north, east) && south <= north =>
            {
                Ok(Self(Within { south, west, north, east }))
            }
            _ => Err(format!(
                "`{text}` is not an area: write SOUTH,WEST,NORTH,EAST in degrees, such as 43.42,-3.85,43.47,-3.76"
            )),
        }
    }
}

fn on_earth(latitude: f64, longitude: f64) -> bool {
    (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude)
}

/// A time: so long ago, a date, or a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum TimeArg {
    /// So many milliseconds before now.
    Ago(i64),
    /// That moment.
    At(UnixMillis),
}

impl TimeArg {
    /// The time that is meant, if it is `now`.
    pub(super) fn from(self, now: UnixMillis) -> UnixMillis {
        match self {
            Self::Ago(millis) => now.saturating_add(-millis),
            Self::At(time) => time,
        }
    }
}

impl FromStr for TimeArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(time) = moment(text) {
            return Ok(Self::At(time));
        }
        if let Ok(date) = text.parse::<Date>()
            && let Ok(midnight) = date.to_zoned(TimeZone::UTC)
        {
            return Ok(Self::At(UnixMillis(midnight.timestamp().as_millisecond())));
        }
        let days = SpanRelativeTo::days_are_24_hours();
        let span = text.parse::<Span>().and_then(|span| span.to_duration(days));
        let millis = span.ok().map(|span| span.as_millis()).and_then(|ms| i64::try_from(ms).ok());
        millis.filter(|ms| *ms >= 0).map(Self::Ago).ok_or_else(|| {
            format!("`{text}` is not a time: write 90m, 24h or 7d, a date such as 2026-11-24, or 2026-11-24T18:00:00Z")
        })
    }
}

/// A time as in RFC 3339.
pub(super) fn moment(text: &str) -> Option<UnixMillis> {
    text.parse::<Timestamp>().ok().map(|time| UnixMillis(time.as_millisecond()))
}

/// A time as people read it, in UTC; what lies outside of the years that have names is shown in milliseconds.
pub(super) fn show_time(millis: i64) -> String {
    Timestamp::from_millisecond(millis).map_or_else(|_| millis.to_string(), |time| format!("{time:.3}"))
}

/// A number on the command line.
pub(super) fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number: write it as 48.5"))
}

/// An address to listen on.
pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is not an address: write it as 0.0.0.0:4000 or [::]:4000"))
}

/// How good a value is.
pub(super) fn quality(text: &str) -> Result<ValueQuality, String> {
    ValueQuality::of_name(text).ok_or_else(|| format!("`{text}` is no quality: write good, uncertain or bad"))
}

/// How many of the kinds of values above a text is.
pub(super) fn kinds(text: &str) -> usize {
    let time = text.parse::<TimeArg>().map(|time| show_time(time.from(UnixMillis(0)).0));
    let kinds = [
        text.parse::<ContactArg>().is_ok(),
        text.parse::<StreamArg>().is_ok(),
        text.parse::<PlaceArg>().is_ok(),
        text.parse::<NearArg>().is_ok(),
        text.parse::<WithinArg>().is_ok(),
        time.is_ok(),
        matches!(reading(text, Unsaid::default()), Ok(Some(_))),
    ];
    kinds.into_iter().filter(|is| *is).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn contacts_and_streams_say_what_is_wrong() {
        assert!("127.0.0.1:4000".parse::<ContactArg>().is_ok());
        assert!("127.0.0.1".parse::<ContactArg>().is_err_and(|e| e.contains("192.0.2.7:4000")));
        assert!("abc@127.0.0.1:1".parse::<ContactArg>().is_err_and(|e| e.contains("64 hexadecimal")));
        let iroh = "iroh:abc/127.0.0.1:1".parse::<ContactArg>();
        let expected = if cfg!(feature = "iroh") { "64 hexadecimal" } else { "--features iroh" };
        assert!(iroh.is_err_and(|e| e.contains(expected)));
        assert!("noise".parse::<StreamArg>().is_err_and(|e| e.contains("COLLECTION/STREAM")));
    }

    #[test]
    fn places_are_on_earth_and_radii_have_units() {
        assert_eq!("43.46,-3.79".parse(), Ok(PlaceArg(43.46, -3.79)));
        for text in ["91,0", "43.46", "43.46,-3.79,1", "a,b", "NaN,0"] {
            assert!(text.parse::<PlaceArg>().is_err_and(|e| e.contains("LAT,LON")), "{text}");
        }
        let metres = |text: &str| text.parse::<NearArg>().map(|near| near.0.radius_m);
        assert_eq!(metres("43.46,-3.79,500"), Ok(500.0));
        assert_eq!(metres("43.46,-3.79,500 m"), Ok(500.0));
        assert_eq!(metres("43.46,-3.79,2km"), Ok(2000.0));
        for text in ["43.46,-3.79", "43.46,-3.79,-1", "43.46,-3.79,inf", "43.46,-3.79,2 miles"] {
            assert!(metres(text).is_err_and(|e| e.contains("LAT,LON,RADIUS")), "{text}");
        }
    }

    #[test]
    fn areas_have_their_south_below_their_north() {
        let port = Within { south: 43.42, west: -3.85, north: 43.47, east: -3.76 };
        assert_eq!("43.42,-3.85,43.47,-3.76".parse(), Ok(WithinArg(port)));
        assert!("-20,177,-15,-178".parse::<WithinArg>().is_ok(), "across the date line");
        for text in
            ["43.47,-3.85,43.42,-3.76", "43.42,-3.85,43.47", "0,0,91,0", "0,0,1,a", "0,0,NaN,1", "0,0,1,1,1"]
        {
            assert!(text.parse::<WithinArg>().is_err_and(|e| e.contains("SOUTH,WEST")), "{text}");
        }
    }

    #[test]
    fn times_are_moments_dates_or_how_long_ago() {
        let now = UnixMillis(1_764_000_000_000);
        let time = |text: &str| text.parse::<TimeArg>().map(|time| time.from(now).0);
        assert_eq!(time("24h"), Ok(now.0 - 24 * 3600 * 1000));
        assert_eq!(time("7d"), Ok(now.0 - 7 * 24 * 3600 * 1000));
        assert_eq!(time("1970-01-02"), Ok(24 * 3600 * 1000));
        assert_eq!(time("1970-01-01T01:00:00+01:00"), Ok(0));
        for text in ["yesterday", "", "-5m", "24", "2026-13-01"] {
            assert!(time(text).is_err_and(|e| e.contains("24h")), "{text}");
        }
        assert_eq!(show_time(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(show_time(i64::MAX), i64::MAX.to_string());
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "([0-9a-f]{0,64}@)?(iroh:)?.{0,40}") {
            kinds(&text);
        }
    }
}
