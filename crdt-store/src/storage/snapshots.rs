//! What apps folded of the changes of a stream, kept beside the segments so that a document opens quickly.
//!
//! ```text
//! snapshot = "MSECSNAP" turn:u64 length:u64 c:32 payload     little endian; c = BLAKE3(what stands before it, payload)
//! payload  = collection stream count (log begin end root)* bytes     in CBOR: what stands from `begin` to `end` of each log
//!                                                            is in it; root = that of the entries below `end`
//! ```
//!
//! Each lies in a file of its own, `NAME.snapshot`, where NAME is made from collection and stream. It is written beside, synced,
//! and then takes the other's place. It can be thrown away: where none can be read, or a log is not held to that root, all changes
//! are folded, and come to the same. An erasure, of whatever it is, removes them all, and they are in no export.

use std::collections::BTreeMap;
use std::io;

use minicbor::{Decoder, Encoder};
use msec_identity::{CollectionPath, LogId};

use super::compact::{BESIDE, SNAPSHOT};
use super::shared::Shared;
use super::{Medium, Queries, Storage, Store};
use crate::changes::{SNAPSHOT_BYTES_MAX, Snapshot};
use crate::error::StorageError;
use crate::merkle::TreeHash;

/// Snapshots that a store keeps. For a further one, that which was written first is removed.
const SNAPSHOTS_MAX: usize = 16;
/// Bytes of all of them, unless a single one is longer. For more, those that were written first are removed.
const SNAPSHOTS_BYTES_MAX: u64 = 2 * SNAPSHOT_BYTES_MAX as u64;
/// The most bytes that a file has beside what was folded: names, and some 90 for each log. A longer one is not read.
const FACTS_BYTES_MAX: usize = 1024 * 1024;

const MAGIC: &[u8; 8] = b"MSECSNAP";
/// What stands before the check.
const HEADER_BYTES: usize = 24;
const CHECK_BYTES: usize = 32;
const INFALLIBLE: &str = "encoding to a buffer cannot fail";

impl Store {
    /// As [`Storage::keep_snapshot`].
    pub(super) fn keep_fold(&mut self, snapshot: &Snapshot) -> Result<bool, StorageError> {
        // What it covers is durable before it is.
        self.sync()?;
        if snapshot.generation != self.shared.generation() || snapshot.bytes.len() > SNAPSHOT_BYTES_MAX {
            return Ok(false);
        }
        let Some(covers) = self.shared.covered(&snapshot.covers)? else { return Ok(false) };
        let payload = write(snapshot, &covers);
        let medium = self.shared.medium.clone();
        let name = name_of(&snapshot.collection, &snapshot.stream);
        let turn = make_room(medium.as_ref(), &name, payload.len() as u64)?;
        let mut header = Vec::with_capacity(HEADER_BYTES + CHECK_BYTES);
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&turn.to_le_bytes());
        header.extend_from_slice(&(payload.len() as u64).to_le_bytes());
        let check = check(&header, &payload);
        header.extend_from_slice(&check);
        let beside = format!("{name}{BESIDE}");
        medium.remove(&beside)?;
        let written = medium.write_at(&beside, 0, &header);
        let written = written.and_then(|()| medium.write_at(&beside, header.len() as u64, &payload));
        if let Err(error) = written.and_then(|()| medium.sync(&beside)) {
            // It would only take room.
            let _ = medium.remove(&beside);
            return Err(error.into());
        }
        {
            let _nobody_reads = self.shared.files_change();
            medium.rename(&beside, &name)?;
        }
        medium.sync_dir()?;
        Ok(true)
    }
}

impl Queries {
    /// What was kept by [`Storage::keep_snapshot`] for a stream; `None` if nothing was, or it is not of what is held now.
    pub fn snapshot(
        &self,
        collection: &CollectionPath,
        stream: &str,
    ) -> Result<Option<Snapshot>, StorageError> {
        // Before it is read: what is erased meanwhile makes it another one.
        let generation = self.0.generation();
        let _stay = self.0.files_stay();
        let Some(found) = read(self.0.medium.as_ref(), &name_of(collection, stream)).unwrap_or(None) else {
            return Ok(None);
        };
        let Some(payload) = parse(&found).filter(|it| it.collection == *collection && it.stream == stream)
        else {
            tracing::warn!(%collection, stream, "a snapshot of a document cannot be read: all its changes are folded");
            return Ok(None);
        };
        let covers = payload.covers.iter().map(|(log, covered)| (*log, covered.end)).collect();
        if self.0.note(self.0.covered(&covers))? != Some(payload.covers) {
            return Ok(None);
        }
        let bytes = payload.bytes;
        Ok(Some(Snapshot {
            collection: collection.clone(),
            stream: stream.into(),
            covers,
            generation,
            bytes,
        }))
    }
}

/// What a snapshot has of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Covered {
    begin: u64,
    end: u64,
    root: TreeHash,
}

impl Shared {
    /// What is held of logs below these places; `None` if it is not all held, and shown.
    fn covered(&self, ends: &BTreeMap<LogId, u64>) -> Result<Option<BTreeMap<LogId, Covered>>, StorageError> {
        let (view, mut covers) = (self.view(), BTreeMap::new());
        for (id, end) in ends {
            let (end, log) = (*end, self.log(id));
            let Some(log) = log.filter(|log| (log.begin()..=log.end()).contains(&end)) else {
                return Ok(None);
            };
            let Some(range) = view.prefix(&log, end)? else { return Ok(None) };
            covers.insert(*id, Covered { begin: log.begin(), end, root: range.root() });
        }
        Ok(Some(covers))
    }
}

/// The name of the file for a stream.
fn name_of(collection: &CollectionPath, stream: &str) -> String {
    let hash = blake3::Hasher::new()
        .update(&(stream.len() as u64).to_le_bytes())
        .update(stream.as_bytes())
        .update(collection.as_str().as_bytes())
        .finalize();
    format!("{}{SNAPSHOT}", &hash.to_hex()[..16])
}

/// Removes what was written first until there is room for `bytes` more, and returns the turn of what comes.
fn make_room(medium: &dyn Medium, name: &str, bytes: u64) -> io::Result<u64> {
    let (mut there, mut total, mut last) = (BTreeMap::new(), bytes, 0);
    for other in medium.list()?.into_iter().filter(|other| other.ends_with(SNAPSHOT)) {
        // What has no header goes first.
        let turn = turn_of(medium, &other).unwrap_or(0);
        last = last.max(turn);
        if other != name {
            let len = medium.len(&other)?.unwrap_or(0);
            total = total.saturating_add(len);
            there.insert((turn, other), len);
        }
    }
    while (total > SNAPSHOTS_BYTES_MAX || there.len() >= SNAPSHOTS_MAX)
        && let Some(((_, other), len)) = there.pop_first()
    {
        medium.remove(&other)?;
        total = total.saturating_sub(len);
    }
    Ok(last.saturating_add(1))
}

fn turn_of(medium: &dyn Medium, name: &str) -> Option<u64> {
    let mut header = [0; HEADER_BYTES];
    medium.read_at(name, 0, &mut header).ok()?;
    let turn = header.strip_prefix(MAGIC)?.first_chunk()?;
    Some(u64::from_le_bytes(*turn))
}

fn check(header: &[u8], payload: &[u8]) -> [u8; CHECK_BYTES] {
    *blake3::Hasher::new().update(header).update(payload).finalize().as_bytes()
}

fn write(snapshot: &Snapshot, covers: &BTreeMap<LogId, Covered>) -> Vec<u8> {
    let mut payload = Vec::with_capacity(snapshot.bytes.len() + FACTS_BYTES_MAX);
    let mut e = Encoder::new(&mut payload);
    e.str(snapshot.collection.as_str())
        .and_then(|e| e.str(&snapshot.stream))
        .and_then(|e| e.u64(covers.len() as u64))
        .expect(INFALLIBLE);
    for (log, Covered { begin, end, root }) in covers {
        e.encode(log)
            .and_then(|e| e.u64(*begin))
            .and_then(|e| e.u64(*end))
            .and_then(|e| e.bytes(root))
            .expect(INFALLIBLE);
    }
    e.bytes(&snapshot.bytes).expect(INFALLIBLE);
    payload
}

struct Payload {
    collection: CollectionPath,
    stream: String,
    covers: BTreeMap<LogId, Covered>,
    bytes: Vec<u8>,
}

/// The file of that name; `None` if there is none, or it is too long.
fn read(medium: &dyn Medium, name: &str) -> io::Result<Option<Vec<u8>>> {
    let most = HEADER_BYTES + CHECK_BYTES + FACTS_BYTES_MAX + SNAPSHOT_BYTES_MAX;
    let Some(len) = medium.len(name)?.filter(|len| *len <= most as u64) else { return Ok(None) };
    let mut file = vec![0; len as usize];
    medium.read_at(name, 0, &mut file)?;
    Ok(Some(file))
}

/// What is in a file, if it is whole.
fn parse(file: &[u8]) -> Option<Payload> {
    let (header, rest) = file.split_at_checked(HEADER_BYTES)?;
    let (found, payload) = rest.split_first_chunk::<CHECK_BYTES>()?;
    let length = u64::from_le_bytes(*header.get(16..)?.first_chunk()?);
    if !header.starts_with(MAGIC) || length != payload.len() as u64 || check(header, payload) != *found {
        return None;
    }
    let mut d = Decoder::new(payload);
    let collection = d.str().ok()?.parse().ok()?;
    let stream = d.str().ok()?.to_owned();
    let (count, mut covers) = (d.u64().ok()?, BTreeMap::new());
    for _ in 0..count {
        let (log, begin, end) = (d.decode().ok()?, d.u64().ok()?, d.u64().ok()?);
        let root = d.bytes().ok()?.try_into().ok()?;
        covers.insert(log, Covered { begin, end, root });
    }
    let bytes = d.bytes().ok()?.to_vec();
    (d.position() == payload.len()).then_some(Payload { collection, stream, covers, bytes })
}
