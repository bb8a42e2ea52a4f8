//! A rule and a topic that it is for: a line each for the filter, the stream's template, the device and the topic.

use crate::town;
use msec_crdt_store::STREAM_BYTES_MAX;
use msec_gateway::mqtt::{Device, Filter, Layout, Rule, Template, TokenHash, is_device_name};

pub(super) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.splitn(4, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (filter, template, device, topic) = (next(), next(), next(), next());
    let Ok(filter) = filter.parse::<Filter>() else { return };
    let Ok(stream) = Template::parse(template, filter.wildcards()) else { return };
    if !is_device_name(device) {
        return;
    }
    let device = Device { name: device.to_owned(), token: TokenHash::of(b"token"), place: None };
    let (unit, layout) = ("dB".to_owned(), Layout::default());
    let rule = Rule { filter, collection: town::noise(), stream, unit, place: None, layout };
    if let Some(Ok(spec)) = rule.stream(topic, &device) {
        let stream = spec.name.stream;
        assert!((1..=STREAM_BYTES_MAX).contains(&stream.len()) && !stream.chars().any(char::is_control));
    }
}
