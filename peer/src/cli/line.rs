//! A line of standard input: `[TIME] VALUE [QUALITY] [@LAT,LON]`.

use msec_crdt_store::ValueQuality;
use msec_identity::UnixMillis;

use super::values::{PlaceArg, moment};
use crate::control::ReadingLine;

/// Numbers below it are seconds that somebody took for milliseconds: a clock that was never set says it with RFC 3339.
const YEAR_2000_MS: i64 = 946_684_800_000;

/// What holds of a reading that does not say it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Unsaid {
    /// How good it is.
    pub(super) quality: ValueQuality,
    /// Where it was measured.
    pub(super) place: Option<(f64, f64)>,
}

impl Unsaid {
    /// A reading that says no more than when and what.
    pub(super) fn reading(self, time: Option<UnixMillis>, value: f64) -> ReadingLine {
        let Self { quality, place } = self;
        ReadingLine { time, value, quality, place }
    }
}

/// Reads a line; an empty one is nothing.
pub(super) fn reading(line: &str, unsaid: Unsaid) -> Result<Option<ReadingLine>, String> {
    let wrong = || {
        format!(
            "`{line}` is not a reading: write VALUE, or TIME VALUE with milliseconds since 1970 or 2026-11-24T18:00:00Z, \
             and behind it uncertain or bad, and @LAT,LON, where that is so"
        )
    };
    let mut words = line.split_whitespace().peekable();
    let Some(first) = words.next() else { return Ok(None) };
    let (time, value) = match words.next_if(|word| !is_remark(word)) {
        None => (None, first),
        Some(value) => match first.parse() {
            Ok(millis) if millis < YEAR_2000_MS => {
                return Err(format!(
                    "`{line}`: {millis} is not a time since 2000: write milliseconds since 1970, or 2026-11-24T18:00:00Z"
                ));
            }
            Ok(millis) => (Some(UnixMillis(millis)), value),
            Err(_) => (Some(moment(first).ok_or_else(wrong)?), value),
        },
    };
    let mut unsaid = unsaid;
    if let Some(quality) = words.peek().and_then(|word| ValueQuality::of_name(word)) {
        unsaid.quality = quality;
        words.next();
    }
    if let Some(place) = words.peek().and_then(|word| word.strip_prefix('@')) {
        let PlaceArg(latitude, longitude) = place.parse()?;
        unsaid.place = Some((latitude, longitude));
        words.next();
    }
    match (value.parse::<f64>(), words.next()) {
        (Ok(value), None) if value.is_finite() => Ok(Some(unsaid.reading(time, value))),
        (Ok(value), None) => {
            Err(format!("`{value}` is not a finite number: leave it out where nothing was measured"))
        }
        _ => Err(wrong()),
    }
}

/// Whether a word says something of a value, and is none itself.
fn is_remark(word: &str) -> bool {
    word.starts_with('@') || ValueQuality::of_name(word).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Option<ReadingLine>, String> {
        reading(line, Unsaid::default())
    }

    #[test]
    fn lines_are_readings_or_say_what_is_wrong() {
        let line = |time, value| Ok(Some(Unsaid::default().reading(time, value)));
        assert_eq!(read("48.5"), line(None, 48.5));
        assert_eq!(read("1764000000000 -48.5"), line(Some(UnixMillis(1_764_000_000_000)), -48.5));
        assert!(read("1764000000 1").is_err_and(|e| e.contains("milliseconds")), "seconds, by mistake");
        assert_eq!(read("1970-01-01T00:00:01Z 1"), line(Some(UnixMillis(1000)), 1.0));
        assert_eq!(read("  "), Ok(None));
        assert!(read("1764000000000 2 3").is_err_and(|e| e.contains("TIME VALUE")));
        assert!(read("warm").is_err_and(|e| e.contains("TIME VALUE")));
        assert!(read("NaN").is_err_and(|e| e.contains("finite")));
    }

    #[test]
    fn behind_a_value_stands_how_good_it_is_and_where_it_was_measured() {
        let (time, place) = (Some(UnixMillis(1_764_000_000_000)), Some((43.46, -3.79)));
        let line = |time, quality, place| Ok(Some(Unsaid { quality, place }.reading(time, 48.5)));
        assert_eq!(read("48.5 bad"), line(None, ValueQuality::Bad, None));
        assert_eq!(read("48.5 @43.46,-3.79"), line(None, ValueQuality::Good, place));
        assert_eq!(
            read("1764000000000 48.5 uncertain @43.46,-3.79"),
            line(time, ValueQuality::Uncertain, place)
        );
        let unsaid = Unsaid { quality: ValueQuality::Uncertain, place };
        assert_eq!(reading("48.5", unsaid), line(None, ValueQuality::Uncertain, place));
        assert_eq!(reading("48.5 good @1,2", unsaid), line(None, ValueQuality::Good, Some((1.0, 2.0))));
        for wrong in ["48.5 @43.46,-3.79 bad", "48.5 bad bad", "bad", "@43.46,-3.79", "48.5 poor", "bad 48.5"]
        {
            assert!(read(wrong).is_err_and(|e| e.contains("@LAT,LON")), "{wrong}");
        }
        assert!(read("48.5 @91,0").is_err_and(|e| e.contains("is not a place")));
    }
}
