//! The gateway's settings.

use msec_gateway::config::{DEVICES_MAX, RULES_MAX, parse};

pub(super) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match parse(text) {
        Ok(config) => {
            let settings = config.mqtt.settings;
            assert!(settings.devices.len() <= DEVICES_MAX && settings.rules.len() <= RULES_MAX);
        }
        Err(fault) => {
            let lines = text.split('\n').count();
            assert!(fault.line.is_none_or(|line| (1..=lines).contains(&line)), "a line that is there");
            assert!(!fault.to_string().is_empty());
        }
    }
}
