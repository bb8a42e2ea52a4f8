//! How much is taken from devices.

use std::time::Duration;

/// Readings of all sessions that may wait for the disk. Beyond it sessions wait until some are stored. One stream's unsigned
/// readings are bounded by the peer at 256 KiB, of which that many take half: whoever is in time is never told to slow down.
pub const IN_FLIGHT_TOTAL_MAX: usize = 2_048;
/// Connections that have not said who they are. Beyond it newcomers are closed at once; those who are in are not touched.
pub const STRANGERS_MAX: usize = 64;
/// Sessions of one device. Further ones are told that the server is unavailable.
pub const DEVICE_SESSIONS_MAX: usize = 16;

/// How much is taken from devices. See `default.toml` for what each is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Sessions at once. Further ones are told that the server is unavailable. Default: 256.
    pub connections_max: usize,
    /// Messages of one session that wait for the disk. Beyond it the session's socket is not read. Default: 64.
    pub in_flight_max: usize,
    /// The longest packet, in bytes. Whoever sends a longer one is disconnected. Default: 16 KiB.
    pub packet_bytes_max: usize,
    /// Streams that devices may make while the gateway runs. A message for a further one is refused. Default: 4,096.
    pub streams_max: usize,
    /// The shortest keep-alive that is believed; a shorter one counts as this. Default: 5 s.
    pub keep_alive_min: Duration,
    /// The longest keep-alive; a longer one, and none, counts as this. Default: an hour.
    pub keep_alive_max: Duration,
    /// How long a connection has to say who it is. Default: 10 s.
    pub connect_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 256,
            in_flight_max: 64,
            packet_bytes_max: 16 * 1024,
            streams_max: 4_096,
            keep_alive_min: Duration::from_secs(5),
            keep_alive_max: Duration::from_secs(3_600),
            connect_timeout: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// How long a client with this keep-alive may send nothing: one and a half times as long (section 3.1.2.10).
    pub(super) fn silence_max(&self, keep_alive_s: u16) -> Duration {
        let asked = match keep_alive_s {
            0 => self.keep_alive_max,
            seconds => Duration::from_secs(seconds.into()),
        };
        // Not `clamp`, which panics where the bounds are crossed.
        asked.max(self.keep_alive_min).min(self.keep_alive_max) * 3 / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keep_alive_stays_within_its_bounds() {
        let limits = Limits::default();
        let seconds = |keep_alive| limits.silence_max(keep_alive).as_secs_f64();
        assert_eq!([seconds(60), seconds(1), seconds(0), seconds(u16::MAX)], [90.0, 7.5, 5_400.0, 5_400.0]);
    }
}
