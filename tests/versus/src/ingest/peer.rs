//! Ours as an app has it: a running peer, which signs, commits and acknowledges by itself.

use std::path::Path;

use msec_identity::UnixMillis;
use msec_peer::{Membership, Owner, Peer, PeerConfig, Reading, StreamSpec};
use tokio::runtime::Runtime;

use super::{Durable, Mode, Offer};

const COLLECTION: &str = "parks";
/// Doubles that nobody can compress, in each entry: its body takes 203 bytes.
const DOUBLES: usize = 19;

/// A peer on loopback, without neighbours.
#[derive(Debug)]
pub(super) struct Running {
    runtime: Runtime,
    peer: Peer,
    streams: Vec<StreamSpec>,
}

impl Running {
    /// A peer in that directory which writes so many streams.
    pub(super) fn create(directory: &Path, logs: usize, mode: Mode) -> anyhow::Result<Self> {
        let runtime = Runtime::new()?;
        let owner = Owner::found("versus")?;
        let config = PeerConfig::new(directory.join("peer"))?;
        let grant = owner.grant(config.peer(), COLLECTION, "write", 30)?;
        let config = config.join(Membership::new(owner.manifest(), [grant]));
        let config = match mode {
            Mode::Prompt => config,
            Mode::Thrifty => config.thrifty(COLLECTION.parse()?),
        };
        let peer = runtime.block_on(Peer::open(config))?;
        let stream = |log| StreamSpec::new("parks/noise", &format!("sensor-{log}"));
        let streams = (0..logs).map(stream).collect::<Result<_, _>>()?;
        Ok(Self { runtime, peer, streams })
    }
}

impl Durable for Running {
    fn window(&mut self, offers: &[Offer], done: &mut dyn FnMut(usize)) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            let mut pending = Vec::with_capacity(offers.len());
            for offer in offers {
                pending.push(self.peer.enqueue(&self.streams[offer.log], &readings(offer)).await?);
            }
            for (n, pending) in pending.into_iter().enumerate() {
                pending.await?;
                done(n + 1);
            }
            Ok(())
        })
    }

    fn close(self: Box<Self>) -> anyhow::Result<()> {
        self.runtime.block_on(self.peer.close());
        Ok(())
    }
}

/// An entry's readings, out of an offer's bytes: their lowest bit is set, so that no double is short.
fn readings(offer: &Offer) -> Vec<Reading> {
    let doubles = offer.body.as_chunks::<8>().0.iter().take(DOUBLES);
    let value = |bytes: &[u8; 8]| f64::from_bits((u64::from_le_bytes(*bytes) | 1) & !(1 << 62));
    let time = 1_700_000_000_000 + offer.position as i64 * 1_000;
    doubles.zip(time..).map(|(bytes, time)| Reading::new(UnixMillis(time), value(bytes))).collect()
}

#[cfg(test)]
mod tests {
    use msec_crdt_store::encode_readings;

    use super::*;
    use crate::ingest::{BODY_BYTES, Offers};

    #[test]
    fn a_body_is_as_long_as_it_says() {
        let offer = Offers { logs: 10, next: 7 }.one();
        assert_eq!(offer.body.len(), BODY_BYTES);
        assert_eq!(encode_readings(&readings(&offer)).expect("encodes").len(), 203);
    }
}
