//! How long a LoRa frame is on air, by the formula of Semtech's AN1200.13 (and section 4.1.1.7 of the SX1276's data
//! sheet), with explicit header and checksum.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a LoRa radio is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lora {
    /// From 7, fast and near, to 12, slow and far. Default: 7.
    pub spreading_factor: u32,
    /// Default: 125,000, as in EU868.
    pub bandwidth_hz: u32,
    /// From 1 (4/5) to 4 (4/8). Default: 1, as in LoRaWAN.
    pub coding_rate: u32,
    /// Default: 8, as in LoRaWAN.
    pub preamble_symbols: u32,
}

/// A symbol that lasts longer needs the optimisation for low data rates.
const LOW_RATE_SYMBOL: Duration = Duration::from_millis(16);

impl Default for Lora {
    fn default() -> Self {
        Self { spreading_factor: 7, bandwidth_hz: 125_000, coding_rate: 1, preamble_symbols: 8 }
    }
}

impl Lora {
    /// Whether there is such a radio.
    pub(super) fn is_possible(&self) -> bool {
        (7..=12).contains(&self.spreading_factor)
            && (7_800..=500_000).contains(&self.bandwidth_hz)
            && (1..=4).contains(&self.coding_rate)
            && (6..=65_535).contains(&self.preamble_symbols)
    }

    /// How long a frame with that many bytes after the radio's own header is on air.
    pub fn time_on_air(&self, bytes: u32) -> Duration {
        let symbol_ns = (1u64 << self.spreading_factor) * 1_000_000_000 / u64::from(self.bandwidth_hz);
        let low_rate = u32::from(Duration::from_nanos(symbol_ns) > LOW_RATE_SYMBOL);
        let bits = (8 * bytes + 28 + 16).saturating_sub(4 * self.spreading_factor);
        let groups = bits.div_ceil(4 * (self.spreading_factor - 2 * low_rate));
        let symbols = 8 + groups * (self.coding_rate + 4);
        // The preamble ends with four and a quarter symbols of its own.
        let quarters = u64::from(self.preamble_symbols) * 4 + 17 + u64::from(symbols) * 4;
        Duration::from_nanos(symbol_ns * quarters / 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Semtech's calculator, and the sheet that The Things Network publishes after it, give.
    #[test]
    fn times_on_air_are_the_published_ones() {
        let lora = |spreading_factor, coding_rate| Lora { spreading_factor, coding_rate, ..Lora::default() };
        for (lora, bytes, micros) in [
            (lora(7, 1), 10, 41_216),
            (lora(9, 1), 13, 164_864),
            (lora(11, 1), 10, 577_536),
            (lora(12, 1), 10, 991_232),
            // The longest frames of LoRaWAN's slowest and fastest rate in EU868.
            (lora(12, 1), 64, 2_793_472),
            (lora(7, 1), 235, 368_896),
            // Eleven bytes make 32 symbols after the header where each nibble is sent as a byte.
            (lora(7, 4), 11, 53_504),
        ] {
            assert_eq!(lora.time_on_air(bytes).as_micros(), micros, "{lora:?}, {bytes} bytes");
        }
    }

    #[test]
    fn a_wider_band_is_faster_and_more_correction_slower() {
        let narrow = Lora::default();
        let wide = Lora { bandwidth_hz: 250_000, ..narrow };
        assert_eq!(narrow.time_on_air(50), wide.time_on_air(50) * 2);
        assert!(Lora { coding_rate: 4, ..narrow }.time_on_air(50) > narrow.time_on_air(50));
        assert!(narrow.is_possible() && !Lora { spreading_factor: 13, ..narrow }.is_possible());
    }
}
