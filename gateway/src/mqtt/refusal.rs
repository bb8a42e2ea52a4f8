//! What is not taken, and why: for the log, for the page, and for whoever has to mend it.

use std::collections::BTreeMap;
use std::time::Duration;

use msec_peer::PublishFailed;
use msec_peer::store::STREAM_BYTES_MAX;

/// How deep a payload may be nested. A deeper one is refused.
pub const NEST_MAX: usize = 16;
/// How many characters of foreign text an error shows. The rest is cut.
const EXCERPT_CHARS_MAX: usize = 60;
/// How long a device is not complained about again for the same reason. What it does meanwhile is counted, and said with the
/// next complaint.
const QUIET: Duration = Duration::from_secs(60);
/// How many lines are written in [`QUIET`], whoever they are about. What is beyond is counted, and not written.
const LINES_MAX: usize = 60;
/// How many pairs of device and reason are remembered. Past it the quietest is forgotten.
const REMEMBERED_MAX: usize = 1_024;

/// A message that is not taken, and never acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No rule is for its topic.
    #[error(
        "no rule is for this topic: add a [[mqtt.rule]] to the file, or let the device publish elsewhere"
    )]
    NoRule,
    /// The payload is no reading.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The name that the rule gives to the stream is none.
    #[error(
        "the rule makes this the stream `{}`: a stream has a name of 1 to {STREAM_BYTES_MAX} bytes, without control characters", cut(.stream)
    )]
    Stream {
        /// The name.
        stream: String,
    },
    /// There are as many streams as there may be.
    #[error("this would be stream number {} of this gateway: raise `streams_max` in [mqtt] if that is meant", .max + 1)]
    StreamsFull {
        /// How many there may be.
        max: usize,
    },
    /// The packet is longer than it may be.
    #[error("a packet of {bytes} bytes: send at most {max}, or raise `packet_bytes_max` in [mqtt]")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        max: usize,
    },
    /// The peer does not publish it: it may not, or the disk refuses.
    #[error(transparent)]
    Publish(#[from] PublishFailed),
    /// Somebody who is not let in.
    #[error("not let in{}: {why}", .name.as_deref().map_or_else(String::new, |name| format!(" as `{}`", cut(name))))]
    Denied {
        /// Who it says it is.
        name: Option<String>,
        /// Why, and what to do.
        why: &'static str,
    },
    /// Something that MQTT does not allow, or that is not spoken here.
    #[error("disconnected: {why}")]
    Protocol {
        /// What.
        why: String,
    },
}

impl Refusal {
    /// What tells it apart from others, for who is not to hear the same again and again.
    fn kind(&self) -> &'static str {
        match self {
            Self::NoRule => "no rule",
            Self::Payload(_) => "payload",
            Self::Stream { .. } => "stream",
            Self::StreamsFull { .. } => "streams full",
            Self::TooLong { .. } => "too long",
            Self::Publish(_) => "publish",
            Self::Denied { why, .. } => why,
            Self::Protocol { .. } => "protocol",
        }
    }
}

/// A payload that is no reading.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// Nothing at all.
    #[error("the payload is empty: send a number, or a JSON object")]
    Empty,
    /// It is not JSON.
    #[error("the payload is neither a number nor JSON: send a number such as 48.5, or a JSON object")]
    NotJson,
    /// It is nested too deep.
    #[error("the payload is nested deeper than {NEST_MAX}: send a flat object")]
    TooDeep,
    /// Text, or anything else, where a number is due.
    #[error("{found}{at} is not a number: send it without quotes, such as 48.5")]
    NotANumber {
        /// The beginning of what is there.
        found: String,
        /// Where.
        at: String,
    },
    /// Not a number, or one that a double cannot hold.
    #[error("the value is not a finite number: send nothing when there is nothing to say")]
    NotFinite,
    /// The object has no value.
    #[error("the object has no `{key}`: name the key of the value as `value` in the rule")]
    NoValue {
        /// Where it should stand.
        key: String,
    },
    /// The quality is none.
    #[error("{text} is no quality: write \"good\", \"uncertain\" or \"bad\", or leave it out")]
    Quality {
        /// The beginning of what is there.
        text: String,
    },
    /// The position is none.
    #[error(
        "`{latitude}` and `{longitude}` are no place on Earth: write degrees as numbers, or leave both out"
    )]
    Position {
        /// Where the degrees north should stand.
        latitude: String,
        /// Where the degrees east should.
        longitude: String,
    },
    /// The time is none.
    #[error("{text} is not a time since 2000: write milliseconds since 1970, or RFC 3339, or leave it out")]
    Time {
        /// The beginning of what is there.
        text: String,
    },
}

/// Foreign text for a line of a log: short, and with control characters made visible.
pub(super) fn cut(text: &str) -> String {
    let mut short: String = text.chars().take(EXCERPT_CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(EXCERPT_CHARS_MAX).is_some() {
        short.push('…');
    }
    short
}

/// Keeps a device that is stuck from filling the log.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    seen: BTreeMap<(String, &'static str), Seen>,
    /// When the window began in which lines are counted, and how many there were.
    window: Option<(Duration, usize)>,
}

#[derive(Debug)]
struct Seen {
    at: Duration,
    untold: u64,
}

impl Complaints {
    /// The line to write about a refusal; `None` while a line about the same is fresh.
    pub(super) fn line(
        &mut self,
        now: Duration,
        device: &str,
        topic: Option<&str>,
        refusal: &Refusal,
    ) -> Option<String> {
        let key = (device.to_owned(), refusal.kind());
        if let Some(seen) = self.seen.get_mut(&key)
            && now < seen.at + QUIET
        {
            seen.untold += 1;
            return None;
        }
        let (began, lines) = self.window.filter(|(began, _)| now < *began + QUIET).unwrap_or((now, 0));
        if lines >= LINES_MAX {
            return None;
        }
        self.window = Some((began, lines + 1));
        let untold = self.seen.insert(key, Seen { at: now, untold: 0 }).map_or(0, |seen| seen.untold);
        if self.seen.len() > REMEMBERED_MAX {
            let quietest = self.seen.iter().min_by_key(|(_, seen)| seen.at).map(|(key, _)| key.clone());
            quietest.and_then(|key| self.seen.remove(&key));
        }
        let more =
            if untold > 0 { format!(" ({untold} more since the last line about it)") } else { String::new() };
        let topic = topic.map_or_else(String::new, |topic| format!(" on `{}`", cut(topic)));
        Some(format!("{}{topic}: {refusal}{more}", cut(device)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stuck_device_is_complained_about_once_a_minute() {
        let mut complaints = Complaints::default();
        let mut line = |seconds, device: &str, refusal: &Refusal| {
            complaints.line(Duration::from_secs(seconds), device, Some("a/b"), refusal)
        };
        let first = line(0, "mic", &Refusal::NoRule).expect("a line");
        assert!(first.starts_with("mic on `a/b`: no rule is for this topic"), "{first}");
        for second in 1..60 {
            assert_eq!(line(second, "mic", &Refusal::NoRule), None);
        }
        assert!(line(5, "mic", &PayloadError::Empty.into()).is_some(), "another reason");
        assert!(line(5, "tap", &Refusal::NoRule).is_some(), "another device");
        let again = line(60, "mic", &Refusal::NoRule).expect("a line");
        assert!(again.ends_with("(59 more since the last line about it)"), "{again}");
    }

    #[test]
    fn many_devices_fill_neither_the_log_nor_the_memory() {
        let mut complaints = Complaints::default();
        let mut lines = 0;
        for n in 0..100_000u64 {
            let now = Duration::from_millis(10 * n);
            lines +=
                usize::from(complaints.line(now, &format!("device {n}"), None, &Refusal::NoRule).is_some());
        }
        assert!((LINES_MAX * 16..=LINES_MAX * 17).contains(&lines), "{lines} lines in 1,000 s");
        assert!(complaints.seen.len() <= REMEMBERED_MAX);
    }

    #[test]
    fn foreign_text_is_short_and_harmless() {
        assert_eq!(cut("a\u{1b}[31m\n"), "a\\u{1b}[31m\\n");
        assert_eq!(cut(&"é".repeat(100)).chars().count(), EXCERPT_CHARS_MAX + 1);
    }
}
