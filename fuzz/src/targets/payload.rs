//! What a device sends to a topic. The first byte says how the rule for the topic reads it.

use crate::town::NOW;
use msec_gateway::mqtt::{Layout, TIME_MIN, parse};

pub(super) fn check(bytes: &[u8]) {
    let Some((which, payload)) = bytes.split_first() else { return };
    let selector = |text: &str| text.parse().expect("a key or a pointer");
    let (quality, position) = (Some(selector("q")), Some([selector("/a/1"), selector("/a/2")]));
    let layout = match which % 3 {
        0 => Layout::default(),
        1 => Layout { value: selector("/a/0/b"), time: selector("/t~1"), quality, position },
        _ => Layout { value: selector("time"), time: selector("value"), ..Layout::default() },
    };
    match parse(payload, &layout, NOW) {
        Ok(reading) => assert!(reading.value.is_finite() && reading.time >= TIME_MIN, "{reading:?}"),
        Err(error) => assert!(error.to_string().len() < 1_000, "what is said of it is short"),
    }
}
