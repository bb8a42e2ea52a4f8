//! The file as it is written, before anything is believed.

use std::path::PathBuf;

use serde::Deserialize;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawConfig {
    pub(super) peer: RawPeer,
    pub(super) page: RawPage,
    pub(super) mqtt: RawMqtt,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawPeer {
    pub(super) data_dir: PathBuf,
    pub(super) listen: String,
    pub(super) contacts: Vec<String>,
    pub(super) advertise: Vec<String>,
    pub(super) thrifty: Vec<String>,
    pub(super) leases: Vec<String>,
    pub(super) claims: Vec<String>,
    pub(super) keep_copies: u64,
    pub(super) mdns: bool,
    pub(super) keep: Vec<RawKeep>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKeep {
    pub(super) collection: String,
    pub(super) raw_days: Option<u64>,
    pub(super) roll_ups_days: Option<u64>,
    pub(super) bytes_max: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawPage {
    pub(super) enabled: bool,
    pub(super) listen: String,
    pub(super) zone: String,
    pub(super) token: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawMqtt {
    pub(super) enabled: bool,
    pub(super) listen: String,
    pub(super) connections_max: u64,
    pub(super) in_flight_max: u64,
    pub(super) packet_bytes_max: u64,
    pub(super) streams_max: u64,
    pub(super) keep_alive_min_s: u64,
    pub(super) keep_alive_max_s: u64,
    pub(super) connect_timeout_s: u64,
    pub(super) device: Vec<RawDevice>,
    pub(super) rule: Vec<RawRule>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDevice {
    pub(super) name: String,
    pub(super) token: String,
    pub(super) place: Option<[f64; 2]>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    pub(super) topic: String,
    pub(super) collection: String,
    pub(super) stream: String,
    #[serde(default = "one")]
    pub(super) unit: String,
    pub(super) place: Option<[f64; 2]>,
    #[serde(default = "value")]
    pub(super) value: String,
    #[serde(default = "time")]
    pub(super) time: String,
    pub(super) quality: Option<String>,
    pub(super) position: Option<[String; 2]>,
}

fn one() -> String {
    "1".into()
}

fn value() -> String {
    "value".into()
}

fn time() -> String {
    "time".into()
}

impl Default for RawPeer {
    fn default() -> Self {
        Self {
            data_dir: "msec-data".into(),
            listen: "0.0.0.0:4000".into(),
            contacts: Vec::new(),
            advertise: Vec::new(),
            thrifty: Vec::new(),
            leases: Vec::new(),
            claims: Vec::new(),
            keep_copies: 2,
            mdns: true,
            keep: Vec::new(),
        }
    }
}

impl Default for RawPage {
    fn default() -> Self {
        Self { enabled: true, listen: "127.0.0.1:8080".into(), zone: "UTC".into(), token: String::new() }
    }
}

impl Default for RawMqtt {
    fn default() -> Self {
        let limits = crate::mqtt::Limits::default();
        Self {
            enabled: true,
            listen: "127.0.0.1:1883".into(),
            connections_max: limits.connections_max as u64,
            in_flight_max: limits.in_flight_max as u64,
            packet_bytes_max: limits.packet_bytes_max as u64,
            streams_max: limits.streams_max as u64,
            keep_alive_min_s: limits.keep_alive_min.as_secs(),
            keep_alive_max_s: limits.keep_alive_max.as_secs(),
            connect_timeout_s: limits.connect_timeout.as_secs(),
            device: Vec::new(),
            rule: Vec::new(),
        }
    }
}
