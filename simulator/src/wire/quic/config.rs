//! How the QUIC of a simulated peer is set up: as the driver's, with all randomness and all clocks handed in.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use msec_peer::wire::{BIDI_STREAMS_MAX, CONNECTION_WINDOW, KEEP_ALIVE, SEND_WINDOW, STREAM_WINDOW};
use quinn_proto::{
    ClientConfig, ConnectionId, ConnectionIdGenerator, Endpoint, EndpointConfig, IdleTimeout, InvalidCid,
    NoneTokenStore, ServerConfig, TimeSource, TransportConfig, VarInt,
};

use super::keys::{self, Secret};
use super::session::NullTls;
use crate::seed::{Dice, Seed};
use crate::space::EPOCH;

/// A connection id as quinn's own generator makes it: random bytes, then bytes by which it is known again.
const CID_BYTES: usize = 8;
const CID_RANDOM_BYTES: usize = 3;
/// What a client calls a server before it is told how, as in quinn.
const FIRST_CID_BYTES: usize = 20;

/// Civil time, for what expires after hours. Timers have virtual time.
#[derive(Debug, Clone, Default)]
pub(super) struct Clock(Arc<AtomicU64>);

impl Clock {
    pub(super) fn set(&self, time: Duration) {
        self.0.store(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        let epoch = Duration::from_millis(u64::try_from(EPOCH.0).unwrap_or_default());
        UNIX_EPOCH + epoch + Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// What holds for all connections: the driver's settings, but for path MTU discovery, which is off: datagrams carry 1,200
/// bytes at most, what every path must carry (RFC 9000, section 14), where the driver would find 1,452 on most.
pub(super) fn transport(idle_timeout: Duration) -> TransportConfig {
    let idle = IdleTimeout::try_from(idle_timeout).unwrap_or_else(|_| VarInt::MAX.into());
    let mut config = TransportConfig::default();
    config
        .max_concurrent_bidi_streams(VarInt::from_u32(BIDI_STREAMS_MAX))
        // None before admission; see `link`.
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(None)
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_idle_timeout(Some(idle))
        .mtu_discovery_config(None);
    config
}

/// The endpoint of one life of a peer, and the configuration that it dials with. Each life has keys of its own, as each
/// process has: nobody knows the connections of the one before.
pub(super) fn endpoint(
    seed: Seed,
    life: u64,
    transport: &Arc<TransportConfig>,
    clock: &Clock,
) -> (Endpoint, ClientConfig) {
    let mut dice = seed.dice("quic", life);
    let mut config = EndpointConfig::new(Arc::new(Secret(dice.bytes())));
    let cids = (dice.bytes(), seed.dice("quic connection ids", life));
    config.rng_seed(Some(dice.bytes())).cid_generator(move || {
        let (key, dice) = cids.clone();
        Box::new(Cids { key, dice })
    });
    let token_key = Arc::new(Secret(dice.bytes()));

    let tls = Arc::new(NullTls::new(seed.dice("quic hellos", life)));
    let mut server = ServerConfig::new(tls.clone(), token_key);
    server.transport_config(transport.clone()).time_source(Arc::new(clock.clone()));
    // As in the driver, where quinn keeps no log of tokens: an address proves itself by Retry, each time.
    server.validation_token.sent(0);

    let first_cids = Mutex::new(seed.dice("quic first connection ids", life));
    let mut client = ClientConfig::new(tls);
    client
        .transport_config(transport.clone())
        .token_store(Arc::new(NoneTokenStore))
        .initial_dst_cid_provider(Arc::new(move || {
            let bytes = first_cids.lock().expect("nobody panics while holding this lock").bytes();
            ConnectionId::new(&bytes[..FIRST_CID_BYTES])
        }));

    let server = Some(Arc::new(server));
    (Endpoint::new(Arc::new(config), server, false, None), client)
}

/// Connection ids that their maker knows again, so that it answers what was meant for an earlier life as little as a real
/// peer does.
struct Cids {
    key: [u8; 32],
    dice: Dice,
}

impl Cids {
    fn check(&self, random: &[u8]) -> [u8; CID_BYTES - CID_RANDOM_BYTES] {
        let mut check = [0; CID_BYTES - CID_RANDOM_BYTES];
        keys::expand("connection id", &[&self.key, random], &mut check);
        check
    }
}

impl ConnectionIdGenerator for Cids {
    fn generate_cid(&mut self) -> ConnectionId {
        let random = self.dice.bytes();
        let random = &random[..CID_RANDOM_BYTES];
        ConnectionId::new(&[random, &self.check(random)].concat())
    }

    fn validate(&self, cid: &ConnectionId) -> Result<(), InvalidCid> {
        let (random, check) = cid.split_at_checked(CID_RANDOM_BYTES).ok_or(InvalidCid)?;
        if self.check(random) == check { Ok(()) } else { Err(InvalidCid) }
    }

    fn cid_len(&self) -> usize {
        CID_BYTES
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_id_is_known_to_its_own_life_only() {
        let cids = |life| Cids { key: [life; 32], dice: Seed(1).dice("test", life.into()) };
        let (mut mine, other) = (cids(1), cids(2));
        let (one, two) = (mine.generate_cid(), mine.generate_cid());
        assert_ne!(one, two);
        assert_eq!(one.len(), mine.cid_len());
        assert!(mine.validate(&one).is_ok() && mine.validate(&two).is_ok());
        assert!(other.validate(&one).is_err());
        assert!(mine.validate(&ConnectionId::new(&[1, 2])).is_err());
    }

    #[test]
    fn civil_time_is_virtual() {
        let clock = Clock::default();
        let before = clock.now();
        clock.set(Duration::from_secs(90));
        assert_eq!(clock.now().duration_since(before).expect("later"), Duration::from_secs(90));
    }
}
