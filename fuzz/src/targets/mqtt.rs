//! Bytes of a device, cut into MQTT packets.

use msec_gateway::mqtt::{Limits, count_packets};

pub(super) fn check(bytes: &[u8]) {
    let most = Limits::default().packet_bytes_max;
    if let Some(packets) = count_packets(bytes, most) {
        assert!(2 * packets <= bytes.len(), "a packet has two bytes at least");
        assert!(count_packets(bytes, 2 * most) >= Some(packets), "more is taken where more may come");
    }
}
