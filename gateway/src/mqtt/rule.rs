//! Which topics are taken, and which streams they become.
//!
//! A filter is MQTT's (section 4.7): `+` stands for one level, `#` for all that follow, and neither for a first level that
//! begins with `$`. What a wildcard stands for can be named in the stream: `{1}` is the first one's, and so on; what `#`
//! stands for keeps its slashes.

use std::fmt;
use std::str::FromStr;

use msec_peer::identity::CollectionPath;
use msec_peer::store::STREAM_BYTES_MAX;
use msec_peer::{Place, StreamName, StreamSpec};

use super::device::Device;
use super::payload::Layout;
use super::refusal::Refusal;

/// The longest filter, in bytes. A longer one is refused where the file is read.
pub const FILTER_BYTES_MAX: usize = 256;

/// What becomes of the messages of some topics.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Which topics.
    pub filter: Filter,
    /// The collection that their streams are in.
    pub collection: CollectionPath,
    /// The names of the streams.
    pub stream: Template,
    /// The unit of the values, in UCUM.
    pub unit: String,
    /// Where they are measured; `None`: where the device stands.
    pub place: Option<Place>,
    /// Where value and time stand in a payload that is an object.
    pub layout: Layout,
}

impl Rule {
    /// The stream of this topic; `None` if the rule is not for it.
    pub fn stream(&self, topic: &str, device: &Device) -> Option<Result<StreamSpec, Refusal>> {
        let levels = self.filter.matches(topic)?;
        let stream = self.stream.fill(&device.name, &levels);
        if stream.is_empty() || stream.len() > STREAM_BYTES_MAX || stream.chars().any(char::is_control) {
            return Some(Err(Refusal::Stream { stream }));
        }
        let name = StreamName { collection: self.collection.clone(), stream };
        // What moves has no place of its own: each of its readings has one.
        let place = if self.layout.position.is_some() { None } else { self.place.or(device.place) };
        Some(Ok(StreamSpec { name, unit: Some(self.unit.clone()), place }))
    }
}

/// A topic filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    levels: Vec<Level>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Level {
    Name(String),
    /// `+`
    One,
    /// `#`
    Rest,
}

/// A text that is no topic filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a topic filter: write levels with `/` between them, `+` for any one level and `#` for all that follow, each alone in its level, such as `sensors/+/noise`; at most {FILTER_BYTES_MAX} bytes"
)]
pub struct NotAFilter;

impl FromStr for Filter {
    type Err = NotAFilter;

    fn from_str(text: &str) -> Result<Self, NotAFilter> {
        if text.is_empty() || text.len() > FILTER_BYTES_MAX || text.chars().any(char::is_control) {
            return Err(NotAFilter);
        }
        let level = |level: &str| match level {
            "+" => Ok(Level::One),
            "#" => Ok(Level::Rest),
            name if name.contains(['+', '#']) => Err(NotAFilter),
            name => Ok(Level::Name(name.to_owned())),
        };
        let levels: Vec<_> = text.split('/').map(level).collect::<Result<_, _>>()?;
        let rest = levels.iter().position(|level| *level == Level::Rest);
        if rest.is_some_and(|at| at + 1 != levels.len()) {
            return Err(NotAFilter);
        }
        Ok(Self { levels })
    }
}

impl Filter {
    /// How many wildcards it has.
    pub fn wildcards(&self) -> usize {
        self.levels.iter().filter(|level| !matches!(level, Level::Name(_))).count()
    }

    /// What its wildcards stand for in this topic; `None` if it does not match.
    fn matches<'t>(&self, topic: &'t str) -> Option<Vec<&'t str>> {
        if topic.starts_with('$') && !matches!(self.levels.first(), Some(Level::Name(_))) {
            return None;
        }
        let mut found = Vec::new();
        let mut rest = Some(topic);
        for level in &self.levels {
            if *level == Level::Rest {
                // `a/#` matches `a` too.
                found.push(rest.unwrap_or(""));
                return Some(found);
            }
            let here = rest?;
            let (name, after) = match here.split_once('/') {
                Some((name, after)) => (name, Some(after)),
                None => (here, None),
            };
            match level {
                Level::Name(wanted) if wanted != name => return None,
                Level::Name(_) => {}
                Level::One | Level::Rest => found.push(name),
            }
            rest = after;
        }
        rest.is_none().then_some(found)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, level) in self.levels.iter().enumerate() {
            let slash = if i > 0 { "/" } else { "" };
            match level {
                Level::Name(name) => write!(f, "{slash}{name}")?,
                Level::One => write!(f, "{slash}+")?,
                Level::Rest => write!(f, "{slash}#")?,
            }
        }
        Ok(())
    }
}

/// The name of a stream, with gaps to be filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Device,
    /// What a wildcard stands for, counted from 0.
    Wildcard(usize),
}

/// A text that is no name of a stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotATemplate {
    /// A brace does not close, or holds something else.
    #[error(
        "not the name of a stream: in braces stand `{{device}}`, or `{{1}}`, `{{2}}`, … for the wildcards of the topic"
    )]
    Brace,
    /// The filter has not that many wildcards.
    #[error("`{{{named}}}` names a wildcard that the topic has not: it has {}", count(*.found))]
    Wildcard {
        /// Which one.
        named: usize,
        /// How many there are.
        found: usize,
    },
    /// It is empty, too long, or holds control characters.
    #[error("a stream has a name of 1 to {STREAM_BYTES_MAX} bytes, without control characters")]
    Name,
}

fn count(wildcards: usize) -> String {
    match wildcards {
        0 => "none".into(),
        1 => "one, `{1}`".into(),
        n => format!("{n}, `{{1}}` to `{{{n}}}`"),
    }
}

impl Template {
    /// Parses it, for a filter with so many wildcards.
    pub fn parse(text: &str, wildcards: usize) -> Result<Self, NotATemplate> {
        if text.is_empty() || text.len() > STREAM_BYTES_MAX || text.chars().any(char::is_control) {
            return Err(NotATemplate::Name);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (gap, after) = after.split_once('}').ok_or(NotATemplate::Brace)?;
            if before.contains('}') {
                return Err(NotATemplate::Brace);
            }
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(match gap {
                "device" => Part::Device,
                number => match number.parse::<usize>().map_err(|_| NotATemplate::Brace)? {
                    0 => return Err(NotATemplate::Brace),
                    named if named > wildcards => {
                        return Err(NotATemplate::Wildcard { named, found: wildcards });
                    }
                    named => Part::Wildcard(named - 1),
                },
            });
            rest = after;
        }
        if rest.contains('}') {
            return Err(NotATemplate::Brace);
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    fn fill(&self, device: &str, wildcards: &[&str]) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Device => device.to_owned(),
            Part::Wildcard(n) => wildcards.get(*n).copied().unwrap_or_default().to_owned(),
        };
        self.parts.iter().map(part).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mqtt::device::TokenHash;

    fn filter(text: &str) -> Filter {
        text.parse().expect("a filter")
    }

    #[test]
    fn filters_match_as_the_standard_says() {
        for (pattern, topic, found) in [
            ("sport/tennis", "sport/tennis", Some(vec![])),
            ("sport/+", "sport/tennis", Some(vec!["tennis"])),
            ("sport/+", "sport/", Some(vec![""])),
            ("sport/+", "sport", None),
            ("sport/+", "sport/tennis/one", None),
            ("+/+", "/finance", Some(vec!["", "finance"])),
            ("/+", "/finance", Some(vec!["finance"])),
            ("+", "/finance", None),
            ("sport/#", "sport", Some(vec![""])),
            ("sport/#", "sport/tennis/one", Some(vec!["tennis/one"])),
            ("#", "a/b", Some(vec!["a/b"])),
            ("#", "$SYS/x", None),
            ("+/x", "$SYS/x", None),
            ("$SYS/+", "$SYS/x", Some(vec!["x"])),
            ("+/noise/#", "mic/noise/a/b", Some(vec!["mic", "a/b"])),
        ] {
            assert_eq!(filter(pattern).matches(topic), found, "{pattern} {topic}");
            assert_eq!(filter(pattern).to_string(), pattern);
        }
        for text in ["", "a+", "a/#/b", "#a", "a/b#", "a\0", &"x".repeat(FILTER_BYTES_MAX + 1)] {
            assert_eq!(text.parse::<Filter>(), Err(NotAFilter), "{text:?}");
        }
    }

    #[test]
    fn a_topic_becomes_a_stream() {
        let device = Device { name: "mic".into(), token: TokenHash::of(b"x"), place: None };
        let filter = filter("sensors/+/#");
        let rule = Rule {
            stream: Template::parse("{device}-{1}:{2}", filter.wildcards()).expect("a template"),
            filter,
            collection: "parks/noise".parse().expect("a collection"),
            unit: "dB".into(),
            place: Place::from_degrees(43.0, -3.0),
            layout: Layout::default(),
        };
        let spec = rule.stream("sensors/7/a/b", &device).expect("a match").expect("a stream");
        assert_eq!((spec.name.stream.as_str(), spec.unit.as_deref()), ("mic-7:a/b", Some("dB")));
        assert_eq!(spec.place, rule.place);
        assert!(rule.stream("other", &device).is_none());
        let long = format!("sensors/7/{}", "x".repeat(STREAM_BYTES_MAX));
        assert!(matches!(rule.stream(&long, &device), Some(Err(Refusal::Stream { .. }))));
        let moving = Layout {
            position: Some(["lat", "lon"].map(|key| key.parse().expect("a key"))),
            ..Layout::default()
        };
        let moving = Rule { layout: moving, ..rule };
        let spec = moving.stream("sensors/7/a/b", &device).expect("a match").expect("a stream");
        assert_eq!(spec.place, None, "its place is that of its readings");
    }

    #[test]
    fn gaps_that_cannot_be_filled_are_refused() {
        for text in ["{", "a}", "{}", "{x}", "{0}", "{1", "}{1}", "{-1}"] {
            assert_eq!(Template::parse(text, 1), Err(NotATemplate::Brace), "{text}");
        }
        let error = Template::parse("{2}", 1).expect_err("refused");
        assert_eq!(error.to_string(), "`{2}` names a wildcard that the topic has not: it has one, `{1}`");
        assert_eq!(Template::parse("", 1), Err(NotATemplate::Name));
    }

    proptest! {
        #[test]
        fn any_filter_any_topic_any_template(pattern in "[a+#/$]{0,12}", topic in "[a/$+]{0,12}", text in ".{0,20}") {
            let Ok(filter) = pattern.parse::<Filter>() else { return Ok(()) };
            let found = filter.matches(&topic);
            prop_assert!(found.as_ref().is_none_or(|found| found.len() == filter.wildcards()));
            if let Ok(template) = Template::parse(&text, filter.wildcards()) {
                template.fill("device", &found.unwrap_or_default());
            }
        }
    }
}
