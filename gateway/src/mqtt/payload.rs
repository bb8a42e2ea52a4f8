//! What a message says: a JSON number, or an object with a number in it.
//!
//! A reader that guesses is a reader that is wrong some day. A text that looks like a number is refused, and so is a number
//! that a double cannot hold, a time that cannot be meant, and anything after the end.

use std::str::FromStr;

use jiff::Timestamp;
use msec_peer::identity::UnixMillis;
use msec_peer::{Place, Reading, ValueQuality};
use serde_json::Value;

use super::refusal::{NEST_MAX, PayloadError};

/// The earliest time that a payload may name: 2000-01-01. What is before it is a clock that was never set, or seconds where
/// milliseconds are due, and is refused.
pub const TIME_MIN: UnixMillis = UnixMillis(946_684_800_000);

/// Where a reading stands in an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The value.
    pub value: Selector,
    /// The time. An object without it was measured when it came.
    pub time: Selector,
    /// How good the value is. An object without it is good; `None`: all are.
    pub quality: Option<Selector>,
    /// Degrees north and degrees east, of what moves. `None`: it does not.
    pub position: Option<[Selector; 2]>,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            value: Selector::Key("value".into()),
            time: Selector::Key("time".into()),
            quality: None,
            position: None,
        }
    }
}

/// Names a part of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// Under this key.
    Key(String),
    /// Where this JSON pointer (RFC 6901) leads; it begins with a slash.
    Pointer(String),
}

impl Selector {
    fn find<'v>(&self, object: &'v Value) -> Option<&'v Value> {
        match self {
            Self::Key(key) => object.get(key),
            Self::Pointer(pointer) => object.pointer(pointer),
        }
    }

    /// As it stands in the file.
    pub fn as_str(&self) -> &str {
        let (Self::Key(text) | Self::Pointer(text)) = self;
        text
    }
}

/// An empty text selects nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write a key of the object, such as `value`, or a JSON pointer into it, such as `/ENERGY/Power`")]
pub struct NotASelector;

impl FromStr for Selector {
    type Err = NotASelector;

    fn from_str(text: &str) -> Result<Self, NotASelector> {
        match text {
            "" | "/" => Err(NotASelector),
            pointer if pointer.starts_with('/') => Ok(Self::Pointer(pointer.to_owned())),
            key => Ok(Self::Key(key.to_owned())),
        }
    }
}

/// Reads a payload that came at `now`.
pub fn parse(payload: &[u8], layout: &Layout, now: UnixMillis) -> Result<Reading, PayloadError> {
    let text = std::str::from_utf8(payload).map_err(|_| PayloadError::NotJson)?;
    if depth(text) > NEST_MAX {
        return Err(PayloadError::TooDeep);
    }
    let json: Value = serde_json::from_str(text).map_err(|error| match text.trim() {
        "" => PayloadError::Empty,
        _ if error.to_string().contains("number out of range") => PayloadError::NotFinite,
        "NaN" | "nan" | "Infinity" | "-Infinity" | "inf" | "-inf" => PayloadError::NotFinite,
        _ => PayloadError::NotJson,
    })?;
    if !json.is_object() {
        return Ok(Reading::new(now, number(&json, None)?));
    }
    let found = layout.value.find(&json);
    let missing = || PayloadError::NoValue { key: layout.value.as_str().to_owned() };
    let value = number(found.ok_or_else(missing)?, Some(layout.value.as_str()))?;
    let time = match layout.time.find(&json) {
        Some(Value::Null) | None => now,
        Some(time) => instant(time).ok_or_else(|| PayloadError::Time { text: excerpt(time) })?,
    };
    let quality =
        layout.quality.as_ref().and_then(|at| at.find(&json)).map_or(Ok(ValueQuality::Good), quality)?;
    let place = match &layout.position {
        Some(position) => place(position, &json)?,
        None => None,
    };
    Ok(Reading { time, value, quality, place })
}

fn quality(value: &Value) -> Result<ValueQuality, PayloadError> {
    match value {
        Value::Null => Ok(ValueQuality::Good),
        _ => value
            .as_str()
            .and_then(ValueQuality::of_name)
            .ok_or_else(|| PayloadError::Quality { text: excerpt(value) }),
    }
}

/// Both degrees, or none of them.
fn place(position: &[Selector; 2], object: &Value) -> Result<Option<Place>, PayloadError> {
    let [latitude, longitude] = position.each_ref().map(|at| at.find(object).filter(|it| !it.is_null()));
    let (latitude, longitude) = match (latitude, longitude) {
        (None, None) => return Ok(None),
        (latitude, longitude) => (latitude.and_then(Value::as_f64), longitude.and_then(Value::as_f64)),
    };
    let place = latitude.zip(longitude).and_then(|(north, east)| Place::from_degrees(north, east));
    place.map(Some).ok_or_else(|| {
        let [latitude, longitude] = position.each_ref().map(|at| at.as_str().to_owned());
        PayloadError::Position { latitude, longitude }
    })
}

fn number(value: &Value, key: Option<&str>) -> Result<f64, PayloadError> {
    let Value::Number(number) = value else {
        let at = key.map_or_else(String::new, |key| format!(" under `{key}`"));
        return Err(PayloadError::NotANumber { found: excerpt(value), at });
    };
    number.as_f64().filter(|value| value.is_finite()).ok_or(PayloadError::NotFinite)
}

/// Milliseconds since 1970, or RFC 3339.
fn instant(value: &Value) -> Option<UnixMillis> {
    let millis = match value {
        // The same range for both: what no calendar shows is no time.
        Value::Number(number) => Timestamp::from_millisecond(number.as_i64()?).ok()?.as_millisecond(),
        Value::String(text) => text.parse::<Timestamp>().ok()?.as_millisecond(),
        _ => return None,
    };
    (millis >= TIME_MIN.0).then_some(UnixMillis(millis))
}

/// How deep brackets and braces are nested, outside of strings. Counted before anything is built from them.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// The beginning of a value, for an error.
fn excerpt(value: &Value) -> String {
    super::refusal::cut(&value.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    fn read(payload: &str) -> Result<(i64, f64), PayloadError> {
        parse(payload.as_bytes(), &Layout::default(), NOW).map(|reading| (reading.time.0, reading.value))
    }

    #[test]
    fn numbers_and_objects_are_readings() {
        for (payload, expected) in [
            ("48.5", (NOW.0, 48.5)),
            (" -1e3\n", (NOW.0, -1000.0)),
            ("18446744073709551616", (NOW.0, 18_446_744_073_709_551_616.0)),
            (r#"{"value": 3, "battery": "low"}"#, (NOW.0, 3.0)),
            (r#"{"value": 3, "time": null}"#, (NOW.0, 3.0)),
            (r#"{"value": 3, "time": 1600000000000}"#, (1_600_000_000_000, 3.0)),
            (r#"{"value": 3, "time": "2020-09-13T12:26:40.5Z"}"#, (1_600_000_000_500, 3.0)),
            (r#"{"value": 3, "time": "2020-09-13T14:26:40+02:00"}"#, (1_600_000_000_000, 3.0)),
        ] {
            assert_eq!(read(payload), Ok(expected), "{payload}");
        }
    }

    #[test]
    fn pointers_lead_into_objects() {
        let layout = Layout { value: "/ENERGY/Power".parse().expect("a pointer"), ..Layout::default() };
        let reading = parse(br#"{"ENERGY": {"Power": 7}}"#, &layout, NOW).expect("a reading");
        assert_eq!(reading.value, 7.0);
        assert_eq!("".parse::<Selector>(), Err(NotASelector));
    }

    #[test]
    fn how_good_a_value_is_and_where_it_was_measured_stand_where_the_rule_says() {
        let selector = |text: &str| text.parse::<Selector>().expect("a selector");
        let layout = Layout {
            quality: Some(selector("q")),
            position: Some([selector("/at/0"), selector("/at/1")]),
            ..Layout::default()
        };
        let read = |payload: &str| {
            parse(payload.as_bytes(), &layout, NOW).map(|reading| (reading.quality, reading.place))
        };
        let place = Place::from_degrees(43.46, -3.79);
        for (payload, expected) in [
            ("3", (ValueQuality::Good, None)),
            (r#"{"value": 3}"#, (ValueQuality::Good, None)),
            (r#"{"value": 3, "q": null, "at": null}"#, (ValueQuality::Good, None)),
            (r#"{"value": 3, "q": "bad"}"#, (ValueQuality::Bad, None)),
            (r#"{"value": 3, "q": "uncertain", "at": [43.46, -3.79]}"#, (ValueQuality::Uncertain, place)),
        ] {
            assert_eq!(read(payload), Ok(expected), "{payload}");
        }
        for payload in [r#"{"value": 3, "q": "poor"}"#, r#"{"value": 3, "q": 1}"#] {
            assert!(matches!(read(payload), Err(PayloadError::Quality { .. })), "{payload}");
        }
        for at in ["[43.46]", "[91, 0]", r#"["43.46", "-3.79"]"#, "[null, 1]", "[1e308, 0]"] {
            let payload = format!(r#"{{"value": 3, "at": {at}}}"#);
            assert!(matches!(read(&payload), Err(PayloadError::Position { .. })), "{payload}");
        }
        let plain = parse(br#"{"value": 3, "q": "bad", "at": [43.46, -3.79]}"#, &Layout::default(), NOW);
        assert_eq!(plain, Ok(Reading::new(NOW, 3.0)), "what no rule names is not read");
    }

    #[test]
    fn what_is_no_finite_number_is_refused() {
        for payload in ["NaN", "Infinity", "-inf", "1e999", "-1e999", r#"{"value": 1e999}"#] {
            assert_eq!(read(payload), Err(PayloadError::NotFinite), "{payload}");
        }
        for payload in ["\"48.5\"", "true", "null", "[1]", r#"{"value": "48.5"}"#, r#"{"value": {}}"#] {
            assert!(matches!(read(payload), Err(PayloadError::NotANumber { .. })), "{payload}");
        }
        for payload in ["warm", "48,5", "1 2", "{", "0x10", "+1", "{\"value\": NaN}", "48.5\0"] {
            assert_eq!(read(payload), Err(PayloadError::NotJson), "{payload}");
        }
        assert_eq!(read(""), Err(PayloadError::Empty));
        assert_eq!(read(r#"{"temperature": 1}"#), Err(PayloadError::NoValue { key: "value".into() }));
        assert_eq!(parse(&[0xff], &Layout::default(), NOW), Err(PayloadError::NotJson));
    }

    #[test]
    fn times_that_cannot_be_meant_are_refused() {
        for time in [
            "1600000000",
            "-1",
            "1.5",
            "1e300",
            "9223372036854775807",
            "\"noon\"",
            "\"1970-01-01T00:00:00Z\"",
            "[]",
        ] {
            let payload = format!(r#"{{"value": 3, "time": {time}}}"#);
            assert!(matches!(read(&payload), Err(PayloadError::Time { .. })), "{time}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |n: usize| format!(r#"{{"value": 1, "x": {}0{}}}"#, "[".repeat(n), "]".repeat(n));
        assert!(read(&nested(NEST_MAX - 1)).is_ok());
        assert_eq!(read(&nested(NEST_MAX)), Err(PayloadError::TooDeep));
        assert!(read(r#"{"value": 1, "x": "[[[[[[[[[[[[[[[[[[[[[[[\\\"[[["}"#).is_ok(), "in a string");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = parse(&bytes, &Layout::default(), NOW);
        }

        #[test]
        fn what_is_read_is_finite_and_a_time(text in r#"(\{"(value|time)": ?)?[-+0-9.eE"NaInftyul:\[\]{},]{0,20}\}?"#) {
            if let Ok((time, value)) = read(&text) {
                prop_assert!(value.is_finite() && time >= TIME_MIN.0);
            }
        }

        #[test]
        fn any_double_comes_back(value in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
            let text = serde_json::to_string(&value).expect("a number");
            prop_assert_eq!(read(&text).expect("a reading").1.to_bits(), value.to_bits());
        }
    }
}
