//! The registry of things of a collection: a document that every peer which may write there edits, alone or together.

use std::collections::BTreeMap;
use std::sync::Arc;

use msec_crdt_store::{
    CHANGES_BYTES_MAX, ChangeEntry, ChangesQuery, DOCUMENT_OPS_MAX, DRAFT_PREDS_MAX, Document, Draft, Held,
    REGISTRY_STREAM, Snapshot, Thing, ThingError, ThingPatch, ThingView, Things,
};
use msec_identity::{CollectionPath, LogId, PathError, UnixMillis};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::error::{EditFailed, PeerClosed, PublishFailed, RegistryFailed};
use super::peer::Peer;
use super::subscription::{Notice, Subscription};
use crate::net::wall_clock;
use crate::node::{Content, Event, PublishError, StreamName, StreamSpec};

/// How often an edit is made again because its log has changed meanwhile. Beyond it the edit fails, and nothing of it is
/// kept: a log changes when a store was cut back, which does not happen again and again.
const EDIT_TRIES_MAX: usize = 4;
/// The most changes that one edit is made of: as many as overwrite all that a document may hold. Beyond it the edit fails, half
/// made: somebody brings as much as it takes away.
const EDIT_PARTS_MAX: usize = DOCUMENT_OPS_MAX / DRAFT_PREDS_MAX;
/// So many operations come before another snapshot of a registry is kept: fewer are read and folded in a few milliseconds.
const SNAPSHOT_OPERATIONS_MIN: usize = 1_000;
/// And so many hundredths of what the last one has, so that what is written for an operation stays the same, however many there are.
const SNAPSHOT_GROWTH_PERCENT: usize = 12;
/// The most bytes of changes that are folded in one batch, unless a single page has more. Each batch costs as much as the
/// document is long.
const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;
/// No log's id: for drafts that are thrown away.
const NO_LOG: LogId = LogId([0; 32]);

/// A registry, as this peer holds it. Clones are the same one, and keep what was folded: open it once, and keep it.
///
/// What is read is what this peer holds, whether it is linked with anybody or not. An edit is acknowledged once it is signed
/// and on this peer's disk; the others have it when they meet. See [`Thing`] for what it holds, and [`ThingView`] for what
/// happens when two edit one thing while they are apart.
#[derive(Debug, Clone)]
pub struct Registry {
    peer: Peer,
    stream: StreamSpec,
    state: Arc<Mutex<State>>,
}

/// What there is of a registry, and up to where in each log.
pub(super) struct Shown {
    pub(super) things: Things,
    pub(super) ends: BTreeMap<LogId, u64>,
    /// How many changes wait for others.
    pub(super) held: usize,
}

/// What was folded so far.
#[derive(Debug, Default)]
struct State {
    document: Document,
    /// Where in each log to read on.
    from: BTreeMap<LogId, u64>,
    /// That of the store's pages that were read. `None`: none were.
    generation: Option<u64>,
    /// How many operations the last snapshot has.
    kept: usize,
    batches: u64,
    /// Whether something was read that found no room, and is to be read again.
    left: bool,
    /// The log that this peer's edits stand in, once there was one.
    own: Option<LogId>,
}

impl Peer {
    /// The registry of things of a collection.
    pub fn registry(&self, collection: &str) -> Result<Registry, PathError> {
        let collection: CollectionPath = collection.parse()?;
        let name = StreamName { collection, stream: REGISTRY_STREAM.to_owned() };
        let stream = StreamSpec { name, unit: Some(String::new()), place: None };
        Ok(Registry { peer: self.clone(), stream, state: Arc::default() })
    }
}

impl Registry {
    /// All things, by id.
    pub async fn things(&self) -> Result<Things, RegistryFailed> {
        self.is_shown()?;
        let mut state = self.state.lock().await;
        self.refresh(&mut state).await?;
        Ok(state.document.things()?)
    }

    /// All there is, as of one moment.
    pub(super) async fn shown(&self) -> Result<Shown, RegistryFailed> {
        self.is_shown()?;
        let mut state = self.state.lock().await;
        self.refresh(&mut state).await?;
        let held = state.document.held().iter().map(|held| held.changes).sum();
        Ok(Shown { things: state.document.things()?, ends: state.document.positions(), held })
    }

    /// Whether this peer is fresh enough to show it. Who edits it goes on.
    fn is_shown(&self) -> Result<(), RegistryFailed> {
        self.peer.withholding().left_out(&self.stream.name.collection)?;
        Ok(())
    }

    /// The peer, and the name of the stream.
    pub(super) fn place(&self) -> (&Peer, &StreamName) {
        (&self.peer, &self.stream.name)
    }

    /// One thing; `None` if there is none of that id.
    pub async fn thing(&self, id: &str) -> Result<Option<ThingView>, RegistryFailed> {
        self.is_shown()?;
        let mut state = self.state.lock().await;
        self.refresh(&mut state).await?;
        Ok(state.document.thing(id)?)
    }

    /// Changes that wait for others which this peer does not hold yet.
    pub async fn held(&self) -> Result<Vec<Held>, RegistryFailed> {
        let mut state = self.state.lock().await;
        self.refresh(&mut state).await?;
        Ok(state.document.held())
    }

    /// How many changes were refused since the registry was opened: written under a foreign actor, or malformed.
    pub async fn refused(&self) -> Result<u64, RegistryFailed> {
        let mut state = self.state.lock().await;
        self.refresh(&mut state).await?;
        Ok(state.document.refused())
    }

    /// How many batches of changes were folded since the registry was opened. Whoever catches up needs one, unless there are many
    /// megabytes of changes, and none if nothing came since the last snapshot.
    pub async fn batches(&self) -> u64 {
        self.state.lock().await.batches
    }

    /// The document in Automerge's own format, for programs that read it.
    pub async fn save(&self) -> Result<Vec<u8>, RegistryFailed> {
        let mut state = self.state.lock().await;
        self.refresh(&mut state).await?;
        Ok(state.document.save())
    }

    /// Adds a thing. When this returns, it is signed and on disk.
    pub async fn add(&self, thing: &Thing) -> Result<(), EditFailed> {
        self.edit(|document, log, now| document.add_thing(log, now, thing).map(Some)).await
    }

    /// Changes a thing. When this returns, that is signed and on disk.
    pub async fn set(&self, id: &str, patch: &ThingPatch) -> Result<(), EditFailed> {
        self.edit(|document, log, now| document.set_thing(log, now, id, patch)).await
    }

    /// Removes a thing. When this returns, that is signed and on disk.
    pub async fn remove(&self, id: &str) -> Result<(), EditFailed> {
        self.edit(|document, log, now| document.remove_thing(log, now, id).map(Some)).await
    }

    /// A watch that ends each wait when the registry may have changed.
    pub fn watch(&self) -> RegistryWatch {
        RegistryWatch { name: self.stream.name.clone(), events: self.peer.subscribe() }
    }

    pub(super) async fn edit(
        &self,
        draft: impl Fn(&Document, LogId, UnixMillis) -> Result<Option<Draft>, ThingError>,
    ) -> Result<(), EditFailed> {
        // Held throughout: the next edit builds on this one.
        let mut state = self.state.lock().await;
        let (mut tries, mut parts) = (0, 0);
        while tries < EDIT_TRIES_MAX && parts < EDIT_PARTS_MAX {
            self.refresh(&mut state).await?;
            let now = wall_clock();
            let log = match state.own {
                Some(log) => log,
                // An edit that is refused starts no log.
                None if draft(&state.document, NO_LOG, now)?.is_none() => return Ok(()),
                None => *state.own.insert(self.peer.open_log(self.stream.clone()).await?),
            };
            let Some(Draft { body, more }) = draft(&state.document, log, now)? else { return Ok(()) };
            let change = Content::Change { log, body };
            match self.peer.hand_over(self.stream.clone(), change).await?.await {
                // It is folded when it is read back from the store, as everybody else's: there is one way in.
                Ok(_) if more => parts += 1,
                Ok(_) => return Ok(()),
                Err(PublishFailed::Refused(PublishError::LogChanged { .. })) => {
                    (tries, state.own) = (tries + 1, None);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(if tries < EDIT_TRIES_MAX { EditFailed::Outwritten } else { EditFailed::LogKeepsChanging })
    }

    /// Folds what the store has got since the last time.
    async fn refresh(&self, state: &mut State) -> Result<(), RegistryFailed> {
        if state.generation.is_none() {
            self.open(state).await?;
        }
        loop {
            let mut applied = 0;
            loop {
                let (entries, more) = self.read(state).await?;
                if !entries.is_empty() {
                    let folded = away(state, |state| state.document.fold(entries)).await?;
                    state.batches += 1;
                    applied += folded.applied;
                    state.left |= folded.left;
                }
                if !more {
                    break;
                }
            }
            // What found no room is read again, unless nothing has moved.
            let again = std::mem::take(&mut state.left);
            if again {
                state.from.extend(state.document.positions());
            }
            if !again || applied == 0 {
                return self.keep(state).await;
            }
        }
    }

    /// Begins with the snapshot that the store keeps, if there is one.
    async fn open(&self, state: &mut State) -> Result<(), RegistryFailed> {
        let StreamName { collection, stream } = self.stream.name.clone();
        let read = self.peer.disk().with(move |queries| queries.snapshot(&collection, &stream));
        let Some(snapshot) = read.await.ok_or(PeerClosed)?? else { return Ok(()) };
        let opened = spawn_blocking(move || Document::from_snapshot(&snapshot.bytes));
        if let Some(document) = opened.await.expect("opening does not panic") {
            let (own, kept) = (state.own, document.operations());
            let (from, generation) = (snapshot.covers, Some(snapshot.generation));
            let (batches, left) = (state.batches, false);
            *state = State { document, from, generation, kept, batches, own, left };
        }
        Ok(())
    }

    /// Reads entries for one batch, and whether there are more.
    async fn read(&self, state: &mut State) -> Result<(Vec<ChangeEntry>, bool), RegistryFailed> {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        loop {
            let StreamName { collection, stream } = self.stream.name.clone();
            let query = ChangesQuery { collection, stream, from: state.from.clone() };
            let read = self.peer.disk().with(move |queries| queries.changes(&query));
            let page = read.await.ok_or(PeerClosed)??;
            if state.generation.replace(page.generation).is_some_and(|before| before != page.generation) {
                // Something that was folded is gone, for good: nobody is shown what was made of it.
                let (own, batches, generation) = (state.own, state.batches, Some(page.generation));
                *state = State { own, batches, generation, ..State::default() };
                (entries, bytes) = (Vec::new(), 0);
                continue;
            }
            state.document.lose(page.erased);
            bytes += page.entries.iter().map(|entry| entry.body.len()).sum::<usize>();
            entries.extend(page.entries);
            state.from = page.next;
            if !page.more || bytes + CHANGES_BYTES_MAX > BATCH_BYTES_MAX {
                return Ok((entries, page.more));
            }
        }
    }

    /// Lets the store keep a snapshot, if much has come since the last one.
    async fn keep(&self, state: &mut State) -> Result<(), RegistryFailed> {
        let operations = state.document.operations();
        let growth = state.kept / 100 * SNAPSHOT_GROWTH_PERCENT;
        if operations < state.kept + growth.max(SNAPSHOT_OPERATIONS_MIN) {
            return Ok(());
        }
        let bytes = away(state, |state| state.document.snapshot()).await;
        // Whether or not it is kept: it is not made again for each question.
        state.kept = operations;
        let (Some(bytes), Some(generation)) = (bytes, state.generation) else { return Ok(()) };
        let StreamName { collection, stream } = self.stream.name.clone();
        let covers = state.document.snapshot_covers();
        let snapshot = Snapshot { collection, stream, covers, generation, bytes };
        match self.peer.disk().keep_snapshot(snapshot).await.ok_or(PeerClosed)? {
            Ok(is_kept) => tracing::debug!(operations, is_kept, "a snapshot of a registry"),
            Err(error) => tracing::warn!(%error, "no snapshot of a registry is kept: it opens more slowly"),
        }
        Ok(())
    }
}

/// Works on what was folded, away from the loop that drives the peer. Whoever gives up meanwhile leaves an empty document,
/// which is opened again the next time.
async fn away<T: Send + 'static>(
    state: &mut State,
    work: impl FnOnce(&mut State) -> T + Send + 'static,
) -> T {
    let mut taken = std::mem::take(state);
    let work = move || {
        let done = work(&mut taken);
        (taken, done)
    };
    let (given, done) = spawn_blocking(work).await.expect("work on a document does not panic");
    *state = given;
    done
}

/// Tells when a registry may have changed.
#[derive(Debug)]
pub struct RegistryWatch {
    name: StreamName,
    events: Subscription,
}

impl RegistryWatch {
    /// Waits until changes of the registry are on this peer's disk, own ones too; `false` once the peer is closed.
    pub async fn changed(&mut self) -> bool {
        loop {
            match self.events.next().await {
                Some(Notice::Event(Event::Changed { header, .. })) => {
                    if *header.collection() == self.name.collection && header.stream() == self.name.stream {
                        return true;
                    }
                }
                // One of them may have been.
                Some(Notice::Missed(_)) => return true,
                Some(Notice::Event(_)) => {}
                None => return false,
            }
        }
    }
}
