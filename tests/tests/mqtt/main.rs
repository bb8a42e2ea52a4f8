//! `msec-gateway run` and MQTT: what is taken, what is refused, and that nothing acknowledged is lost.
#![allow(clippy::disallowed_methods, reason = "tests watch real programs, in real time")]

mod crash;
mod measure;
mod refused;
mod run;
mod sessions;

use msec_tests::mqtt::Gateway;

/// The program `msec-gateway`.
const GATEWAY: &str = env!("CARGO_BIN_EXE_msec-gateway-under-test");

/// A gateway that may do everything in `parks`.
fn gateway(settings: &str) -> Gateway {
    Gateway::new(GATEWAY, "relay,read,write", settings)
}
