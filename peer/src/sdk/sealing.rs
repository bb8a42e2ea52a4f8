//! Sealed collections, for apps.

use std::ops::Range;

use msec_crdt_store::Row;
use msec_identity::{CollectionPath, LogId};

use super::error::{PeerClosed, PublishFailed, QueryFailed};
use super::peer::Peer;
use crate::net::Command;
use crate::node::{Receipt, SealedView};

impl Peer {
    /// Begins to seal a collection in which nothing lies yet: makes its first epoch, wrapped for this peer. When this returns, that is on disk.
    /// This peer has to manage and to read it. From then on whatever is published there is sealed, by whoever knows of the epoch; for whom it
    /// is wrapped follows from the grants.
    pub async fn seal(&self, collection: CollectionPath) -> Result<Receipt, PublishFailed> {
        Ok(self.ask(|answer| Command::Seal { collection, answer }).await??)
    }

    /// The sealed collections that this peer knows of: their epochs, for how many those were wrapped, and who waits for what.
    pub async fn sealed(&self) -> Result<Vec<SealedView>, PeerClosed> {
        self.look(|node| node.sealed_view()).await
    }

    /// The readings in sealed entries of a log, as far as this peer reads them: those that [`crate::Event::Sealed`] tells of. At
    /// most [`crate::store::UNSEALED_ENTRIES_MAX`] entries are read.
    pub async fn unsealed(&self, log: LogId, entries: Range<u64>) -> Result<Vec<Row>, QueryFailed> {
        if let Some(collection) = self.look(move |node| node.collection_of(&log)).await? {
            self.withholding().left_out(&collection)?;
        }
        Ok(self.disk().with(move |queries| queries.unsealed(&log, entries)).await.ok_or(PeerClosed)??)
    }
}
