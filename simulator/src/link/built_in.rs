//! The classes that cities have.
//!
//! Where a figure was measured or is fixed by a standard, the source stands beside it. What is *chosen* is of the size
//! that people who run such links report; a scenario that knows better says so in its `[link.…]` table.

use super::class::{ClassId, LinkClass};
use super::lora::Lora;

/// Those that are built in have the same places in every model that starts from the default.
impl ClassId {
    /// See [`LinkClass::ethernet`].
    pub const ETHERNET: Self = Self(0);
    /// See [`LinkClass::fibre`].
    pub const FIBRE: Self = Self(1);
    /// See [`LinkClass::dsl`].
    pub const DSL: Self = Self(2);
    /// See [`LinkClass::lte`].
    pub const LTE: Self = Self(3);
    /// See [`LinkClass::wifi`].
    pub const WIFI: Self = Self(4);
    /// See [`LinkClass::mesh`].
    pub const MESH: Self = Self(5);
    /// See [`LinkClass::lora`].
    pub const LORA: Self = Self(6);
}

impl LinkClass {
    /// All that are built in, by their [`ClassId`]s.
    pub fn built_in() -> Vec<Self> {
        vec![
            Self::ethernet(),
            Self::fibre(),
            Self::dsl(),
            Self::lte(),
            Self::wifi(),
            Self::mesh(),
            Self::lora(),
        ]
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::built_in().into_iter().find(|class| class.name == name)
    }

    /// A cable of 100 Mbit/s to the city's own network: IEEE 802.3 adds 38 bytes to a frame of up to 1,500 (preamble,
    /// header, checksum and gap). Latency: chosen, a few switches.
    pub fn ethernet() -> Self {
        Self {
            latency_ms: 0.3,
            jitter_ms: 0.05,
            jitter_p99_ms: 0.5,
            loss: 1e-6,
            up_bps: 100_000_000,
            down_bps: 100_000_000,
            frame_overhead_bytes: 38,
            ..Self::wire("ethernet")
        }
    }

    /// Fibre to the building, 500 Mbit/s down and 250 up, over a shared passive network (ITU-T G.984 gives up to 2,488
    /// and 1,244 Mbit/s to all of a tree). Its frames add 23 bytes: 5 of GEM and 18 of Ethernet. Rates and times: chosen.
    pub fn fibre() -> Self {
        Self {
            latency_ms: 2.0,
            jitter_ms: 0.5,
            jitter_p99_ms: 4.0,
            loss: 1e-5,
            up_bps: 250_000_000,
            down_bps: 500_000_000,
            frame_overhead_bytes: 23,
            ..Self::wire("fibre")
        }
    }

    /// DSL on a copper pair, 16 Mbit/s down and 1 up, near the ceiling of ADSL2+ (ITU-T G.992.5). Frames carry 1,492 bytes
    /// and add 8 of PPPoE (RFC 2516), 18 of Ethernet and, in ATM's cells of 53 for 48, a tenth of their length (RFC 2684):
    /// 150 bytes on a full one. Times: chosen, an interleaved line. A home router's NAT lets nobody in.
    pub fn dsl() -> Self {
        Self {
            latency_ms: 10.0,
            jitter_ms: 2.0,
            jitter_p99_ms: 20.0,
            loss: 1e-4,
            burst_share: 0.0005,
            burst_ms: 100.0,
            up_bps: 1_000_000,
            down_bps: 16_000_000,
            frame_bytes: 1_492,
            frame_overhead_bytes: 176,
            nat: true,
            ..Self::wire("dsl")
        }
    }

    /// LTE: 14.7 Mbit/s down, 13.6 up and 53 ms there and back on average in five cities (Ofcom, "Measuring mobile
    /// broadband performance in the UK", April 2015). The 53 ms are split into two ways of 20 ms at least and 5 ms in
    /// the median; the tail is chosen, and so are bursts: hand-overs and bad spots of half a second, 1 % of the time. The
    /// radio repeats what it loses. PDCP, RLC and MAC add about 8 bytes (3GPP TS 36.321 to 36.323). Operators let nobody
    /// in (RFC 6888).
    pub fn lte() -> Self {
        Self {
            latency_ms: 20.0,
            jitter_ms: 5.0,
            jitter_p99_ms: 60.0,
            loss: 0.001,
            burst_share: 0.01,
            burst_ms: 500.0,
            up_bps: 13_600_000,
            down_bps: 14_700_000,
            frame_overhead_bytes: 8,
            nat: true,
            ..Self::wire("lte")
        }
    }

    /// Wi-Fi of 20 MHz and one antenna at a middling 39 Mbit/s (IEEE 802.11n, MCS 4). A frame adds 36 bytes of header and
    /// checksum, and the time of DIFS 34 us, half of 15 slots of 9 us, a preamble of 36 us, SIFS 16 us and an
    /// acknowledgement of 28 us: 182 us. Range outdoors in a street, losses after retries, and bursts (somebody else's
    /// traffic, a passing bus): chosen.
    pub fn wifi() -> Self {
        Self {
            latency_ms: 0.5,
            jitter_ms: 1.0,
            jitter_p99_ms: 20.0,
            loss: 0.002,
            burst_share: 0.01,
            burst_ms: 200.0,
            up_bps: 39_000_000,
            down_bps: 39_000_000,
            frame_overhead_bytes: 36,
            frame_overhead_us: 182,
            range_m: Some(80.0),
            announces: true,
            ..Self::wire("wifi")
        }
    }

    /// A mesh of IEEE 802.15.4 at 2.4 GHz, one hop: 250 kbit/s, frames of 127 bytes. Of those 23 are MAC header and checksum
    /// and 5 a fragment's header (RFC 4944), so that 99 carry a packet; 6 more go before it on air. Carrier sense
    /// takes 3.5 back-off periods of 320 us on average and 128 us, turning round 192 us, and an acknowledgement with its
    /// wait 544 us: 1,984 us. A packet of 1,228 bytes makes 13 frames. Range in a street and losses after retries: chosen.
    pub fn mesh() -> Self {
        Self {
            latency_ms: 2.0,
            jitter_ms: 3.0,
            jitter_p99_ms: 40.0,
            loss: 0.01,
            burst_share: 0.02,
            burst_ms: 300.0,
            up_bps: 250_000,
            down_bps: 250_000,
            frame_bytes: 99,
            frame_overhead_bytes: 34,
            frame_overhead_us: 1_984,
            range_m: Some(120.0),
            announces: true,
            ..Self::wire("mesh")
        }
    }

    /// LoRa as in LoRaWAN's fastest rate in EU868, spreading factor 7: frames carry at most 222 bytes and add 13 (LoRaWAN
    /// Regional Parameters, DR5), and a peer is on air for 1 % of any hour (ETSI EN 300 220). Range and losses: chosen.
    /// A packet of 1,228 bytes makes 6 frames, 2 s on air. QUIC's keep-alives alone would take more than is allowed, and
    /// are not counted here: what is measured is better than what would be.
    pub fn lora() -> Self {
        Self {
            latency_ms: 10.0,
            jitter_ms: 5.0,
            jitter_p99_ms: 100.0,
            loss: 0.02,
            burst_share: 0.02,
            burst_ms: 1_000.0,
            up_bps: 5_470,
            down_bps: 5_470,
            frame_bytes: 222,
            frame_overhead_bytes: 13,
            lora: Some(Lora::default()),
            duty_cycle: 0.01,
            range_m: Some(2_000.0),
            ..Self::wire("lora")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_possible_and_lie_at_their_places() {
        let classes = LinkClass::built_in();
        for class in &classes {
            class.check().unwrap_or_else(|error| panic!("{}: {error}", class.name));
            assert_eq!(LinkClass::named(&class.name).as_ref(), Some(class));
        }
        for (id, name) in [
            (ClassId::ETHERNET, "ethernet"),
            (ClassId::FIBRE, "fibre"),
            (ClassId::DSL, "dsl"),
            (ClassId::LTE, "lte"),
            (ClassId::WIFI, "wifi"),
            (ClassId::MESH, "mesh"),
            (ClassId::LORA, "lora"),
        ] {
            assert_eq!(classes[usize::from(id.0)].name, name);
        }
    }
}
