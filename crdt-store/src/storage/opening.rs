//! Opening a store: from its index and what came after, or from all its segments; and cutting it back to what verifies.

use std::sync::Arc;

use super::answer;
use super::compact;
use super::index::AnyIndex;
use super::ledger::{LEDGER, Ledger, Told};
use super::replay::Replay;
use super::segments::{self, Segment, name_of};
use super::shared::DOUBT;
use super::view::View;
use super::{Cut, Medium, StoreConfig};
use crate::error::StorageError;

/// The file in which the index lies.
pub(super) const INDEX: &str = "index.redb";

/// A store that was read back, and is whole again.
pub(super) struct Reopened {
    pub(super) replay: Replay,
    pub(super) index: Option<AnyIndex>,
    pub(super) segment: Segment,
    pub(super) ledger: Ledger,
    pub(super) cut: Option<Cut>,
}

/// Reads the store on `medium`, and cuts it back to what verifies.
pub(super) fn open(medium: &Arc<dyn Medium>, config: &StoreConfig) -> Result<Reopened, StorageError> {
    if Told::read(medium.as_ref())?.is_erasing {
        // Where something is still to be erased, all is read again: what is missing is noticed, and cut off, before that.
        medium.remove(INDEX)?;
    }
    let (mut replay, index) = read(medium, config)?;
    let is_damaged = replay.gaps || replay.bad.iter().any(|bad| !bad.torn);
    let (last, end, check) = replay.end;
    sync_found(medium.as_ref(), last)?;
    let epoch = match replay.epoch {
        Some(epoch) if !is_damaged => epoch,
        before => before.unwrap_or_default().next(config.fresh),
    };
    // Before the damage is gone, it is written down: no later start may take the logs for whole.
    let marked = match is_damaged {
        true => Some(segments::begin_with_cut(medium, last + 1, epoch, replay.run)?),
        false => None,
    };
    let cut = cut_back(medium.as_ref(), &replay, is_damaged)?;
    let segment = match marked {
        Some(segment) => {
            replay.distrust_logs();
            segment
        }
        None if end == 0 => Segment::create(medium.clone(), last.max(replay.told.first), epoch, replay.run)?,
        None => Segment::open(medium.clone(), last, epoch, end, check),
    };
    if medium.len(DOUBT)?.is_some() {
        medium.remove(DOUBT)?;
        medium.sync_dir()?;
    }
    compact::remove_ending(medium.as_ref(), compact::BESIDE)?;
    compact::remove_segments_before(medium.as_ref(), replay.told.first)?;
    let ledger = Ledger::open(medium.clone(), Told::clone(&replay.told))?;
    Ok(Reopened { replay, index, segment, ledger, cut })
}

/// Makes durable what was found. A process that was killed leaves the end of the last segment, or a record of the ledger, to
/// a kernel that has not written it yet; from here on others are told of it, and own logs go on behind it.
fn sync_found(medium: &dyn Medium, last: u32) -> Result<(), StorageError> {
    let found = [name_of(last), LEDGER.to_owned()].map(|name| (medium.len(&name), name));
    let mut is_new = true;
    for (len, name) in found {
        if len?.is_some() {
            medium.sync(&name)?;
            is_new = false;
        }
    }
    if !is_new {
        medium.sync_dir()?;
    }
    Ok(())
}

/// Cuts off what cannot be read.
fn cut_back(medium: &dyn Medium, replay: &Replay, is_damaged: bool) -> Result<Option<Cut>, StorageError> {
    let Some(first) = replay.bad.first() else {
        let nowhere = Cut { segment: replay.end.0, at: replay.end.1, bytes: 0, torn: false };
        return Ok(is_damaged.then_some(nowhere));
    };
    let ends: Vec<_> = replay.bad.iter().map(|bad| (bad.segment, bad.at, bad.len)).collect();
    segments::set_aside(medium, &ends);
    for bad in &replay.bad {
        let name = name_of(bad.segment);
        medium.set_len(&name, bad.at)?;
        medium.sync(&name)?;
    }
    let bytes = replay.bad.iter().map(|bad| bad.len - bad.at).sum();
    Ok(Some(Cut { segment: first.segment, at: first.at, bytes, torn: !is_damaged }))
}

/// Reads what lies on `medium`, and changes nothing but the index.
pub(super) fn read(
    medium: &Arc<dyn Medium>,
    config: &StoreConfig,
) -> Result<(Replay, Option<AnyIndex>), StorageError> {
    let told = Arc::new(Told::read(medium.as_ref())?);
    let (mut replay, index) = read_all(medium, config, &told)?;
    let view = View { medium: medium.clone(), index };
    for log in replay.logs.values_mut().filter(|log| !log.has_newest()) {
        // It was let go after the index was written.
        let newest = answer::newest_of(&view, log);
        let log = Arc::make_mut(log);
        match newest {
            Ok(newest) => (log.facts.newest, log.changed) = (newest, true),
            Err(error) => tracing::warn!(%error, "a log's newest reading cannot be read"),
        }
    }
    Ok((replay, view.index))
}

fn read_all(
    medium: &Arc<dyn Medium>,
    config: &StoreConfig,
    told: &Arc<Told>,
) -> Result<(Replay, Option<AnyIndex>), StorageError> {
    let every = config.checkpoint_bytes;
    let is_doubted = medium.len(DOUBT)?.is_some();
    if let Some(index) = open_index(medium, config, !is_doubted) {
        let loaded = index.load().map_err(StorageError::Index);
        let replay = match loaded {
            Ok(Some(loaded)) if loaded.checkpoint.roll_ups != config.roll_ups => None,
            Ok(Some(loaded)) => Replay::from_index(medium.as_ref(), loaded, told.clone()).transpose(),
            Ok(None) => Some(Ok(Replay::of(told.clone(), config.roll_ups))),
            Err(error) => Some(Err(error)),
        };
        let read = replay.map(|replay| {
            let mut replay = replay?;
            replay.run(medium.as_ref(), Some(&index), every)?;
            Ok(replay.verify_heads().then_some(replay))
        });
        match read.transpose() {
            Ok(Some(Some(replay))) => return Ok((replay, Some(index))),
            Err(StorageError::Index(error)) => tracing::warn!(%error, "the store's index is made again"),
            Err(error) => return Err(error),
            Ok(_) => tracing::warn!("the store's index is not that of its segments: it is made again"),
        }
        index.detach();
    }
    let mut index = open_index(medium, config, false);
    let mut replay = Replay::of(told.clone(), config.roll_ups);
    match replay.run(medium.as_ref(), index.as_ref(), every) {
        Err(StorageError::Index(error)) => {
            tracing::warn!(%error, "the store has no index: it needs more memory, and longer to open");
            index.take().iter().for_each(|index| index.detach());
            replay = Replay::of(told.clone(), config.roll_ups);
            replay.run(medium.as_ref(), None, every)?;
        }
        done => done?,
    }
    if replay.verify_heads() {
        return Ok((replay, index));
    }
    // Some head is not its author's. Which is the last one that is?
    index.take().iter().for_each(|index| index.detach());
    let index = open_index(medium, config, false);
    let mut replay = Replay::strict(told.clone(), config.roll_ups);
    replay.run(medium.as_ref(), None, every)?;
    Ok((replay, index))
}

/// Opens the index, or an empty one in its place; `None` if there is to be none, or it cannot be made.
#[cfg(feature = "index")]
fn open_index(medium: &Arc<dyn Medium>, config: &StoreConfig, keep: bool) -> Option<AnyIndex> {
    if !config.index {
        return None;
    }
    match super::redb::RedbIndex::open(medium, INDEX, keep) {
        Ok(index) => Some(Arc::new(index)),
        Err(error) if keep => {
            tracing::warn!(%error, "the store's index cannot be opened: it is made again");
            open_index(medium, config, false)
        }
        Err(error) => {
            tracing::warn!(%error, "the store has no index: it needs more memory, and longer to open");
            None
        }
    }
}

/// This build has no index: all is replayed.
#[cfg(not(feature = "index"))]
fn open_index(_: &Arc<dyn Medium>, _: &StoreConfig, _: bool) -> Option<AnyIndex> {
    None
}
