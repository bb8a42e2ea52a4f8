//! What a scenario says about a class of links: which one it is like, and what differs.

use serde::{Deserialize, Serialize};

use super::class::LinkClass;
use super::lora::Lora;
use crate::error::LinkError;

/// A `[link.<name>]` table. What it does not name is as in the built-in class of `like`, or of the table's own name, or
/// as in a wire that does nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClassSettings {
    /// The built-in class that it starts from.
    pub like: Option<String>,
    /// See [`LinkClass::latency_ms`].
    pub latency_ms: Option<f64>,
    /// See [`LinkClass::jitter_ms`].
    pub jitter_ms: Option<f64>,
    /// See [`LinkClass::jitter_p99_ms`]. Where only the median is named, it is in the same proportion as before.
    pub jitter_p99_ms: Option<f64>,
    /// See [`LinkClass::loss`].
    pub loss: Option<f64>,
    /// See [`LinkClass::burst_loss`].
    pub burst_loss: Option<f64>,
    /// See [`LinkClass::burst_share`].
    pub burst_share: Option<f64>,
    /// See [`LinkClass::burst_ms`].
    pub burst_ms: Option<f64>,
    /// See [`LinkClass::up_bps`].
    pub up_bps: Option<u64>,
    /// See [`LinkClass::down_bps`].
    pub down_bps: Option<u64>,
    /// See [`LinkClass::queue_bytes`].
    pub queue_bytes: Option<usize>,
    /// See [`LinkClass::frame_bytes`].
    pub frame_bytes: Option<u32>,
    /// See [`LinkClass::frame_overhead_bytes`].
    pub frame_overhead_bytes: Option<u32>,
    /// See [`LinkClass::frame_overhead_us`].
    pub frame_overhead_us: Option<u32>,
    /// See [`LinkClass::lora`].
    pub lora: Option<Lora>,
    /// See [`LinkClass::duty_cycle`].
    pub duty_cycle: Option<f64>,
    /// See [`LinkClass::range_m`].
    pub range_m: Option<f64>,
    /// See [`LinkClass::announces`].
    pub announces: Option<bool>,
    /// See [`LinkClass::nat`].
    pub nat: Option<bool>,
}

/// Takes each setting that is there.
macro_rules! take {
    ($from:expr => $to:expr; $($field:ident),+) => {
        $(if let Some(value) = $from.$field { $to.$field = value; })+
    };
}

impl ClassSettings {
    /// The class that is meant, checked.
    pub fn class(&self, name: &str) -> Result<LinkClass, LinkError> {
        let base = match &self.like {
            Some(like) => LinkClass::named(like).ok_or_else(|| LinkError::Like { like: like.clone() })?,
            None => LinkClass::named(name).unwrap_or_else(|| LinkClass::wire(name)),
        };
        let mut class = LinkClass { name: name.to_owned(), ..base };
        if let (Some(jitter_ms), None) = (self.jitter_ms, self.jitter_p99_ms) {
            let tail = if class.jitter_ms > 0.0 { class.jitter_p99_ms / class.jitter_ms } else { 1.0 };
            class.jitter_p99_ms = jitter_ms * tail;
        }
        take!(self => class; latency_ms, jitter_ms, jitter_p99_ms, loss, burst_loss, burst_share, burst_ms);
        take!(self => class; up_bps, down_bps, queue_bytes, frame_bytes, frame_overhead_bytes, frame_overhead_us);
        take!(self => class; duty_cycle, announces, nat);
        class.lora = self.lora.or(class.lora);
        class.range_m = self.range_m.or(class.range_m);
        class.check()?;
        Ok(class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(name: &str, json: &str) -> Result<LinkClass, String> {
        let settings: ClassSettings = serde_json::from_str(json).map_err(|error| error.to_string())?;
        settings.class(name).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_named_differs_and_the_rest_is_as_built_in() {
        let lte = class("lte", r#"{"latency_ms": 40, "jitter_ms": 10}"#).expect("a class");
        let expected =
            LinkClass { latency_ms: 40.0, jitter_ms: 10.0, jitter_p99_ms: 120.0, ..LinkClass::lte() };
        assert_eq!(lte, expected);
        let public = class("office", r#"{"like": "dsl", "nat": false}"#).expect("a class");
        assert_eq!(public, LinkClass { name: "office".into(), nat: false, ..LinkClass::dsl() });
        assert_eq!(class("cable", r#"{"loss": 0.5}"#).expect("a class").up_bps, LinkClass::wire("").up_bps);
        let slow =
            class("lora", r#"{"lora": {"spreading_factor": 12}, "frame_bytes": 51}"#).expect("a class");
        assert_eq!(slow.lora, Some(Lora { spreading_factor: 12, ..Lora::default() }));
    }

    #[test]
    fn what_is_unknown_or_impossible_is_refused_in_words() {
        let error = class("lte", r#"{"latency": 4}"#).expect_err("an unknown key");
        assert!(error.contains("unknown field `latency`"), "{error}");
        let error = class("x", r#"{"like": "lt"}"#).expect_err("an unknown class");
        assert!(error.contains("`lt`") && error.contains("lte"), "{error}");
        assert!(class("lte", r#"{"loss": 2}"#).is_err());
        assert!(class("lora", r#"{"lora": {"spreading": 12}}"#).is_err());
    }
}
