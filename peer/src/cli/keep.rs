//! `--keep`: for how long what lies in a collection is kept.

use std::str::FromStr;

use crate::sdk::Keep;
use jiff::{Span, SpanRelativeTo};
use msec_crdt_store::Retention;
use msec_identity::CollectionPath;

const EXAMPLE: &str = "write COLLECTION,raw=30d,roll-ups=3650d,bytes=8GB, some of them; \"\" is everything";

/// `COLLECTION,raw=AGE,roll-ups=AGE,bytes=SIZE`, in any order and some of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeepArg(pub(super) Retention);

impl FromStr for KeepArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',');
        let collection = parts.next().unwrap_or_default().trim();
        let collection: CollectionPath = match collection {
            "\"\"" => CollectionPath::everything(),
            path => path.parse().map_err(|error| format!("{error}"))?,
        };
        let mut rule = Retention { collection, raw_ms: None, roll_ups_ms: None, bytes_max: None };
        for part in parts {
            let (key, value) =
                part.split_once('=').ok_or_else(|| format!("`{part}` says nothing: {EXAMPLE}"))?;
            let place = match key.trim() {
                "raw" => &mut rule.raw_ms,
                "roll-ups" => &mut rule.roll_ups_ms,
                "bytes" => &mut rule.bytes_max,
                other => return Err(format!("`{other}` is not known: {EXAMPLE}")),
            };
            let value = if key.trim() == "bytes" { bytes(value.trim())? } else { age_ms(value.trim())? };
            if place.replace(value).is_some() {
                return Err(format!("`{}` is said twice: leave one away", key.trim()));
            }
        }
        Keep::check_rule(&rule).map_err(|error| error.to_string())?;
        Ok(Self(rule))
    }
}

/// `90m`, `24h` or `30d`; 0 needs no unit.
fn age_ms(text: &str) -> Result<u64, String> {
    if text == "0" {
        return Ok(0);
    }
    let days = SpanRelativeTo::days_are_24_hours();
    let span = text.parse::<Span>().and_then(|span| span.to_duration(days)).ok();
    let millis = span.and_then(|span| u64::try_from(span.as_millis()).ok());
    millis.ok_or_else(|| format!("`{text}` is not an age: write 24h, 30d or 3650d"))
}

/// A number, and `kB`, `MB` or `GB` behind it if need be.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000), ("", 1)];
    let read = units.iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, *size)));
    let bytes =
        read.and_then(|(number, size): (_, u64)| number.trim().parse::<u64>().ok()?.checked_mul(size));
    bytes.ok_or_else(|| format!("`{text}` is not a size: write 500MB, 8GB, or how many bytes"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rules_are_read_or_say_what_is_wrong() {
        let rule = |text: &str| text.parse::<KeepArg>().map(|it| it.0);
        let all = rule("parks/noise,raw=30d,roll-ups=3650d,bytes=8GB").expect("a rule");
        let day = 24 * 3600 * 1000;
        assert_eq!(all.collection.as_str(), "parks/noise");
        assert_eq!(
            (all.raw_ms, all.roll_ups_ms, all.bytes_max),
            (Some(30 * day), Some(3650 * day), Some(8_000_000_000))
        );
        let some = rule("\"\",bytes=12, roll-ups=0").expect("a rule");
        assert_eq!(
            (some.collection.as_str(), some.raw_ms, some.roll_ups_ms, some.bytes_max),
            ("", None, Some(0), Some(12))
        );
        for (text, says) in [
            ("parks", "keeps everything"),
            ("parks,raw=30d,roll-ups=7d", "before the readings"),
            ("parks,raw", "says nothing"),
            ("parks,raw=30", "not an age"),
            ("parks,raw=1d,raw=2d", "twice"),
            ("parks,size=3", "not known"),
            ("parks,bytes=3TB", "not a size"),
            ("parks,bytes=99999999999GB", "not a size"),
            ("/parks,raw=1d", "`/parks`"),
        ] {
            let error = rule(text).expect_err(text);
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[a-z/]{0,8}(,(raw|roll-ups|bytes)=.{0,12}){0,3}") {
            let _ = text.parse::<KeepArg>();
        }
    }
}
