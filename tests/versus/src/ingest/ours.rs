//! Ours: a reading an entry, a signature for each log of a window, one sync.

use std::path::Path;

use msec_crdt_store::{FileDir, LogHeader, OwnLog, Storage, Store, StoreConfig, TimeQuality};
use msec_identity::{Identity, SpaceId, UnixMillis};

use super::{Durable, Offer};
use crate::seed;

/// The store that ships.
pub(super) struct Ours {
    store: Store,
    identity: Identity,
    logs: Vec<OwnLog>,
    commits: u64,
}

impl Ours {
    /// A store in that directory, and so many logs of one author.
    pub(super) fn create(directory: &Path, logs: usize) -> anyhow::Result<Self> {
        let config = StoreConfig { index: true, ..StoreConfig::default() };
        let (store, _) = Store::open_with(FileDir::open(directory)?, config)?;
        let identity = Identity::from_seed([7; 32]);
        let mut own = Vec::new();
        for log in 0..logs {
            let mut incarnation = [0; 16];
            incarnation[..8].copy_from_slice(&(log as u64).to_le_bytes());
            let stream = format!("sensor-{log}");
            let header = LogHeader::new(
                SpaceId([1; 32]),
                "parks/noise".parse()?,
                &stream,
                identity.peer(),
                incarnation,
            );
            own.push(OwnLog::create(header));
        }
        Ok(Self { store, identity, logs: own, commits: 0 })
    }
}

impl Durable for Ours {
    fn window(&mut self, offers: &[Offer], done: &mut dyn FnMut(usize)) -> anyhow::Result<()> {
        for offer in offers {
            let now = UnixMillis(1_700_000_000_000 + offer.position as i64);
            let salt = seed::bytes(&[offer.log as u64, offer.position]);
            let salt = *salt.first_chunk().expect("sixteen of thirty-two bytes");
            // The kind says how a body is read, and the store reads none: these are bytes that nobody can compress.
            self.logs[offer.log].append_change(now, TimeQuality::Synchronised, salt, offer.body.to_vec())?;
        }
        let (identity, now) = (&self.identity, UnixMillis(1_700_000_000_000 + self.commits as i64));
        let runs: Vec<_> = self.logs.iter_mut().filter_map(|log| log.sign(identity, now)).collect();
        self.commits += 1;
        self.store.apply(self.commits, &runs)?;
        self.store.sync()?;
        done(offers.len());
        Ok(())
    }

    fn close(mut self: Box<Self>) -> anyhow::Result<()> {
        self.store.close();
        Ok(())
    }
}
