//! The handle that an app holds.

use std::net::SocketAddr;
#[cfg(any(feature = "index", feature = "documents"))]
use std::ops::Range;
#[cfg(feature = "index")]
use std::sync::Arc;

#[cfg(feature = "index")]
use msec_crdt_store::{ClaimView, LetGo, RollUpQuery, RollUpRow};
use msec_crdt_store::{FileDir, Query, Reading, Row, Store};
#[cfg(any(feature = "index", feature = "documents"))]
use msec_identity::LogId;
use msec_identity::{Authority, PeerId};
use tokio::sync::{broadcast, mpsc, oneshot};

#[cfg(feature = "index")]
use super::claiming::Claiming;
use super::config::PeerConfig;
use super::data_dir::store_config;
#[cfg(any(feature = "index", feature = "documents"))]
use super::error::EraseFailed;
use super::error::{OpenError, PeerClosed, PublishFailed, QueryFailed};
use super::pending::Pending;
#[cfg(feature = "index")]
use super::retaining::Retaining;
use super::status::{Neighbour, Status};
use super::subscription::{EVENTS_MAX, Subscription};
use super::withholding::CollectionWithheld;
#[cfg(feature = "iroh")]
use crate::net::IrohAddress;
use crate::net::{BindError, Command, Disk, Driver, Sockets, Withholding, random_seed};
use crate::node::{Content, Event, Node, Parts, Receipt, StreamSpec};

/// Commands that may wait for the peer. Beyond it, whoever commands waits.
pub const COMMANDS_MAX: usize = 256;

/// A running peer. Clones are the same peer; when the last one is dropped it closes.
#[derive(Clone)]
pub struct Peer {
    id: PeerId,
    address: SocketAddr,
    #[cfg(feature = "iroh")]
    iroh_address: Option<IrohAddress>,
    commands: mpsc::Sender<Command>,
    events: broadcast::WeakSender<Event>,
    disk: Disk,
    withholding: Withholding,
    #[cfg(feature = "index")]
    dir: super::DataDir,
    /// What was found when the store was opened.
    cut: Option<msec_crdt_store::Cut>,
    /// Claims as long as the peer is held.
    #[cfg(feature = "index")]
    _claiming: Option<Arc<Claiming>>,
    /// Lets go of what is old as long as the peer is held.
    #[cfg(feature = "index")]
    retaining: Option<Arc<Retaining>>,
}

impl Peer {
    /// Opens the peer: locks and reads its store, binds its socket, dials its contacts.
    pub async fn open(config: PeerConfig) -> Result<Self, OpenError> {
        #[cfg(feature = "index")]
        let (claims, keep) = (config.claims.clone(), config.keep.clone());
        #[cfg(feature = "index")]
        keep.check()?;
        let PeerConfig { dir, identity, membership, addresses, mdns, advertise, node: mut settings, .. } =
            config;
        // Checked with the other settings; where the machine is, is looked at when the peer runs.
        settings.advertise.clone_from(&advertise);
        if let Some(membership) = &membership {
            dir.join(membership)?;
        }
        let membership = dir.membership()?.ok_or(OpenError::NoSpace)?;
        let store_dir = dir.store();
        let opened =
            tokio::task::spawn_blocking(move || Store::open_with(FileDir::open(store_dir)?, store_config()));
        let opened = opened.await;
        let (store, opened) = opened.expect("opening a store does not panic")?;
        let cut = opened.cut;
        if let Some(cut) = cut {
            tracing::warn!(bytes = cut.bytes, torn = cut.torn, "the store was cut back to what verifies");
        }
        let sockets = Sockets::bind(&addresses).await?;
        let bound = sockets.address();
        let address = bound.map_err(|source| BindError::Io { address: addresses.listen, source })?;
        #[cfg(feature = "iroh")]
        let iroh_address = sockets.iroh_address();
        let id = identity.peer();
        let parts = Parts {
            config: settings,
            identity,
            authority: Authority::new(membership.manifest.clone()),
            papers: membership.papers(),
            opened,
            seed: random_seed(),
        };
        let (commands, command_rx) = mpsc::channel(COMMANDS_MAX);
        let (events, _) = broadcast::channel(EVENTS_MAX);
        let weak = events.downgrade();
        let mut driver = Driver::new(
            |now| Node::new(parts, now),
            sockets,
            (address, advertise),
            store,
            command_rx,
            events,
        )?;
        if mdns {
            driver.discover();
        }
        let (disk, withholding) = (driver.disk(), driver.withholding());
        driver.begin();
        tokio::spawn(driver.run());
        // What lies beyond the end of a log is shown to nobody, not even at once.
        disk.fence().await.ok_or(OpenError::Ended)?;
        #[cfg(feature = "index")]
        let claimed = claims.as_ref().map_or_else(Vec::new, |claims| claims.collections.clone());
        #[cfg(feature = "index")]
        let claiming =
            claims.map(|config| Arc::new(Claiming::start(config, id, commands.downgrade(), disk.clone())));
        #[cfg(feature = "index")]
        let retaining = (!keep.rules.is_empty())
            .then(|| Arc::new(Retaining::start(keep, claimed, commands.downgrade(), disk.clone())));
        let peer = Self {
            id,
            address,
            #[cfg(feature = "iroh")]
            iroh_address,
            commands,
            events: weak,
            disk,
            withholding,
            #[cfg(feature = "index")]
            dir,
            cut,
            #[cfg(feature = "index")]
            _claiming: claiming,
            #[cfg(feature = "index")]
            retaining,
        };
        #[cfg(feature = "index")]
        peer.keep_the_door().await;
        Ok(peer)
    }

    /// Who it is.
    pub fn id(&self) -> PeerId {
        self.id
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens for iroh. `None`: it does not.
    #[cfg(feature = "iroh")]
    pub fn iroh_address(&self) -> Option<&IrohAddress> {
        self.iroh_address.as_ref()
    }

    /// How the store was cut back when it was opened, if it was.
    pub fn store_cut(&self) -> Option<msec_crdt_store::Cut> {
        self.cut
    }

    /// Publishes readings as one entry of a stream of this peer. When this returns, they are signed and on disk.
    pub async fn publish(&self, stream: &StreamSpec, readings: &[Reading]) -> Result<Receipt, PublishFailed> {
        self.enqueue(stream, readings).await?.await
    }

    /// Hands readings to the peer, as one entry, and does not wait for the disk: the answer is what [`Pending`] becomes. What
    /// one task hands over keeps its order. Waits while [`COMMANDS_MAX`] commands wait for the peer.
    pub async fn enqueue(&self, stream: &StreamSpec, readings: &[Reading]) -> Result<Pending, PeerClosed> {
        self.hand_over(stream.clone(), Content::Readings(readings.to_vec())).await
    }

    /// Hands something over, to be published as one entry.
    pub(super) async fn hand_over(
        &self,
        stream: StreamSpec,
        content: Content,
    ) -> Result<Pending, PeerClosed> {
        hand_over(&self.commands, stream, content).await
    }

    /// The log that a stream of this peer writes, which is started if there is none.
    #[cfg(feature = "documents")]
    pub(super) async fn open_log(&self, stream: StreamSpec) -> Result<LogId, PublishFailed> {
        Ok(self.ask(|answer| Command::OpenLog { stream, answer }).await??.log)
    }

    /// The way to the store.
    #[cfg(any(feature = "index", feature = "documents"))]
    pub(super) fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Everything that happens from now on.
    pub fn subscribe(&self) -> Subscription {
        let closed = || broadcast::channel(1).1;
        let events = self.events.upgrade().map_or_else(closed, |events| events.subscribe());
        Subscription::new(
            events,
            #[cfg(feature = "index")]
            self.disk.clone(),
        )
    }

    /// What is withheld from apps and neighbours now, the most protective first: no issuer was heard from for too long. What is asked of
    /// more than that is answered without it.
    pub fn withheld(&self) -> Vec<CollectionWithheld> {
        self.withholding.all()
    }

    #[cfg(feature = "documents")]
    pub(super) fn withholding(&self) -> &Withholding {
        &self.withholding
    }

    /// Readings that are held, the newest first.
    pub async fn query(&self, query: Query) -> Result<Vec<Row>, QueryFailed> {
        let query = self.shown(query)?;
        Ok(self.disk.query(query).await.ok_or(PeerClosed)??)
    }

    /// The newest reading of each stream in the store, the newest first; of those streams whose newest reading the query
    /// wants.
    #[cfg(feature = "index")]
    pub async fn latest(&self, query: Query) -> Result<Vec<Row>, QueryFailed> {
        let query = self.shown(query)?;
        Ok(self.disk.latest(query).await.ok_or(PeerClosed)??)
    }

    /// What the readings of minutes, hours or days come to, the newest first. Where bodies are gone, claims stand for them.
    #[cfg(feature = "index")]
    pub async fn roll_ups(&self, mut query: RollUpQuery) -> Result<Vec<RollUpRow>, QueryFailed> {
        query.without.extend(self.withholding.left_out(&query.collection)?);
        Ok(self.disk.with(move |queries| queries.roll_ups(&query)).await.ok_or(PeerClosed)??)
    }

    /// The claims about a log that are held: what its entries come to, who says so, and who recomputed it.
    #[cfg(feature = "index")]
    pub async fn claims(&self, log: LogId) -> Result<Vec<ClaimView>, QueryFailed> {
        if let Some(collection) = self.look(move |node| node.collection_of(&log)).await? {
            self.withholding.left_out(&collection)?;
        }
        Ok(self.disk.with(move |queries| queries.claims(&log)).await.ok_or(PeerClosed)??)
    }

    /// A query without what is withheld.
    fn shown(&self, mut query: Query) -> Result<Query, CollectionWithheld> {
        query.without.extend(self.withholding.left_out(&query.collection)?);
        Ok(query)
    }

    /// Erases salt and body of these entries of a log, for good, on this peer alone: on return nothing of them is left in its files, nor
    /// in what it answers or passes on. It keeps a tombstone, and takes such a body from nobody. Others keep theirs, and take no entry
    /// without its body from this one: whoever asks it for these entries, or for what comes after them, gets them elsewhere or not at all. To
    /// have something erased everywhere, see `Peer::erase`. A header stays. All of the store is read.
    #[cfg(any(feature = "index", feature = "documents"))]
    pub async fn erase_here(&self, log: LogId, entries: Range<u64>) -> Result<(), EraseFailed> {
        self.erase_all_here(vec![(log, entries)]).await
    }

    /// As [`Self::erase_here`], for entries of several logs: all of the store is read only once.
    #[cfg(any(feature = "index", feature = "documents"))]
    pub async fn erase_all_here(&self, entries: Vec<(LogId, Range<u64>)>) -> Result<(), EraseFailed> {
        self.disk.erase(entries).await.ok_or(PeerClosed)?.map_err(EraseFailed::Store)
    }

    /// The neighbours that it is linked with.
    pub async fn neighbours(&self) -> Result<Vec<Neighbour>, PeerClosed> {
        self.ask(|answer| Command::Neighbours { answer }).await
    }

    /// How it is.
    pub async fn status(&self) -> Result<Status, PeerClosed> {
        let status = self.ask(|answer| Command::Status { answer }).await?;
        #[cfg(feature = "index")]
        let status = {
            let gone = self.disk.with(|queries| queries.let_go()).await.ok_or(PeerClosed)?;
            let let_go_entries = gone.iter().map(LetGo::entries).sum();
            Status {
                entries: status.entries.saturating_sub(let_go_entries),
                let_go_logs: gone.len(),
                let_go_entries,
                retention: self.retaining.as_ref().map(|it| it.kept()),
                ..status
            }
        };
        Ok(status)
    }

    /// The logs that lack their beginning, since it was let go, in the order of their ids.
    #[cfg(feature = "index")]
    pub async fn let_go(&self) -> Result<Vec<LetGo>, PeerClosed> {
        self.disk.with(|queries| queries.let_go()).await.ok_or(PeerClosed)
    }

    /// Acknowledges what is being published, tells the neighbours, and lets go of the store.
    pub async fn close(self) {
        // Closed already: nothing to wait for.
        let _ = self.ask(|answer| Command::Close { answer }).await;
    }

    /// Looks at the node.
    #[cfg(feature = "index")]
    pub(super) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Node) -> T + Send + 'static,
    ) -> Result<T, PeerClosed> {
        self.ask(|answer: oneshot::Sender<T>| {
            Command::Look(Box::new(move |node: &Node| drop(answer.send(look(node)))))
        })
        .await
    }

    pub(super) async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, PeerClosed> {
        let (answer, answered) = oneshot::channel();
        self.commands.send(command(answer)).await.map_err(|_| PeerClosed)?;
        answered.await.map_err(|_| PeerClosed)
    }
}

/// A peer that does not stay open for this.
#[cfg(feature = "index")]
pub(super) struct WeakPeer {
    commands: mpsc::WeakSender<Command>,
    /// All but the way to it.
    rest: Box<dyn Fn(mpsc::Sender<Command>) -> Peer + Send + Sync>,
}

#[cfg(feature = "index")]
impl WeakPeer {
    /// The peer, if it is still open.
    pub(super) fn upgrade(&self) -> Option<Peer> {
        Some((self.rest)(self.commands.upgrade()?))
    }
}

#[cfg(feature = "index")]
impl Peer {
    /// The same peer, which closes all the same.
    pub(super) fn downgrade(&self) -> WeakPeer {
        let (id, address, events) = (self.id, self.address, self.events.clone());
        let (disk, dir, cut) = (self.disk.clone(), self.dir.clone(), self.cut);
        let withholding = self.withholding.clone();
        #[cfg(feature = "iroh")]
        let iroh_address = self.iroh_address.clone();
        let rest = move |commands| Self {
            id,
            address,
            #[cfg(feature = "iroh")]
            iroh_address: iroh_address.clone(),
            commands,
            events: events.clone(),
            disk: disk.clone(),
            withholding: withholding.clone(),
            dir: dir.clone(),
            cut,
            _claiming: None,
            retaining: None,
        };
        WeakPeer { commands: self.commands.downgrade(), rest: Box::new(rest) }
    }

    /// Where it lives.
    pub(super) fn dir(&self) -> &super::DataDir {
        &self.dir
    }

    /// Asks for something that nothing answers.
    pub(super) async fn tell(&self, command: Command) -> Result<(), PeerClosed> {
        self.commands.send(command).await.map_err(|_| PeerClosed)
    }

    /// As [`Self::tell`], unless the peer has no room.
    pub(super) fn try_tell(&self, command: Command) {
        let _ = self.commands.try_send(command);
    }
}

/// Hands something over to a peer, to be published as one entry.
pub(super) async fn hand_over(
    commands: &mpsc::Sender<Command>,
    stream: StreamSpec,
    content: Content,
) -> Result<Pending, PeerClosed> {
    let (answer, answered) = oneshot::channel();
    commands.send(Command::Publish { stream, content, answer }).await.map_err(|_| PeerClosed)?;
    Ok(Pending { answered })
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").field("id", &self.id).field("address", &self.address).finish_non_exhaustive()
    }
}
