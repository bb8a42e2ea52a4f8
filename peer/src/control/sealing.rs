//! Sealed collections, as they are asked for and answered.

use msec_crdt_store::Query;
use msec_identity::{CollectionPath, PathError, PeerId};
use serde::{Deserialize, Serialize};

use super::message::Answer;
use super::server::in_full;
use crate::node::{SealedView, Waits};
use crate::sdk::{Peer, PublishFailed};

/// A sealed collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedLine {
    /// Which.
    pub collection: String,
    /// Its current epoch.
    pub epoch: msec_identity::EpochId,
    /// The number of that, from 0.
    pub number: u32,
    /// Who made it.
    pub issuer: PeerId,
    /// When it began, by its maker's clock, in milliseconds since 1970.
    pub since_ms: i64,
    /// How many epochs there are, with those before.
    pub epochs: usize,
    /// How many of those this peer opens.
    pub opened: usize,
    /// Readers that the current one was wrapped for.
    pub readers: usize,
    /// Writers that can write.
    pub writers: usize,
    /// Who may read or write, and can't yet.
    pub waiting: Vec<WaitingLine>,
    /// Logs of it that are held here.
    pub logs: usize,
    /// How many entries they have: keys, labels and readings.
    pub entries: u64,
}

/// Somebody who may read or write, and can't yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingLine {
    /// Who.
    pub peer: PeerId,
    /// For what.
    pub waits_for: WaitsFor,
}

/// What somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitsFor {
    /// It has not said to which key it wants to be wrapped.
    Key,
    /// The endorsement of its key has ended.
    NewKey,
    /// The next epoch, since its grant begins later than this one.
    Epoch,
    /// A manager's peer.
    Wrap,
}

/// Sealed entries that are held and that this peer can't read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadLine {
    /// In which collection.
    pub collection: String,
    /// How many.
    pub entries: u64,
}

impl From<SealedView> for SealedLine {
    fn from(view: SealedView) -> Self {
        let waiting = |(peer, waits): (PeerId, Waits)| WaitingLine {
            peer,
            waits_for: match waits {
                Waits::Key => WaitsFor::Key,
                Waits::NewKey => WaitsFor::NewKey,
                Waits::Epoch => WaitsFor::Epoch,
                Waits::Wrap => WaitsFor::Wrap,
            },
        };
        Self {
            collection: view.collection.to_string(),
            epoch: view.epoch,
            number: view.number,
            issuer: view.issuer,
            since_ms: view.since.0,
            epochs: view.epochs,
            opened: view.opened,
            readers: view.readers,
            writers: view.writers,
            waiting: view.waiting.into_iter().map(waiting).collect(),
            logs: view.logs,
            entries: view.entries,
        }
    }
}

/// Seals a collection, and answers how it is then.
pub(super) async fn seal(peer: &Peer, collection: &str) -> Result<Vec<Answer>, String> {
    let collection: CollectionPath = collection.parse().map_err(|error: PathError| error.to_string())?;
    match peer.seal(collection.clone()).await {
        Ok(_) => {}
        Err(PublishFailed::Refused(error)) if error.is_passing() => {
            return Ok(vec![Answer::TryAgain(in_full(&error))]);
        }
        Err(error) => return Err(in_full(&error)),
    }
    // It counts once the peer has looked at what is on disk now.
    epochs(peer, collection.as_str()).await
}

/// The sealed collections that are this one, or lie below it.
pub(super) async fn epochs(peer: &Peer, collection: &str) -> Result<Vec<Answer>, String> {
    let within: CollectionPath = collection.parse().map_err(|error: PathError| error.to_string())?;
    let sealed = peer.sealed().await.map_err(|error| error.to_string())?;
    let sealed = sealed.into_iter().filter(|view| within.covers(&view.collection));
    Ok(sealed.map(|view| Answer::Sealed(Box::new(view.into()))).collect())
}

/// What a query may have asked for and this peer holds sealed, of collections of which it opens no epoch.
pub(super) async fn unread(peer: &Peer, query: &Query) -> Result<Vec<Answer>, String> {
    let sealed = peer.sealed().await.map_err(|error| error.to_string())?;
    let closed = sealed
        .into_iter()
        .filter(|view| view.opened == 0 && view.entries > 0 && query.collection.covers(&view.collection));
    let line =
        |view: SealedView| UnreadLine { collection: view.collection.to_string(), entries: view.entries };
    Ok(closed.map(|view| Answer::Unread(line(view))).collect())
}
