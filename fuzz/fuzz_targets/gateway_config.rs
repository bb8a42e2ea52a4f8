//! The gateway's settings.
#![no_main]

use libfuzzer_sys::fuzz_target;
use msec_gateway::config::{DEVICES_MAX, RULES_MAX, parse};

fuzz_target!(|text: &str| match parse(text) {
    Ok(config) => {
        let settings = config.mqtt.settings;
        assert!(settings.devices.len() <= DEVICES_MAX && settings.rules.len() <= RULES_MAX);
    }
    Err(fault) => {
        let lines = text.split('\n').count();
        assert!(fault.line.is_none_or(|line| (1..=lines).contains(&line)), "a line that is there");
        assert!(!fault.to_string().is_empty());
    }
});
