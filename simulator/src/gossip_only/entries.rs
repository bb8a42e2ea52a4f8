//! What was published, and how an entry looks on the wire.
//!
//! A payload is where its entries begin and end in their author's log, 8 bytes each, and then the entries themselves: arbitrary
//! bytes of the length that was asked for. Everybody finds them here again when a neighbour wants them: the log of an author
//! is the same for all, so it is kept once.

use std::collections::BTreeMap;
use std::time::Duration;

use msec_peer::gossip::{Key, Version};

use crate::seed::Seed;

/// Bytes of a payload before its entries.
const HEADER_BYTES: usize = 16;

/// Where a chunk ends, if it holds one entry at least: as the node's.
const CHUNK_BYTES_MAX: usize = 256 << 10;

/// An entry that was published: whose, and the how-many-th.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Published {
    /// Who published it.
    pub author: u32,
    /// Where it stands in the author's log.
    pub position: u64,
}

#[derive(Debug, Clone)]
struct Entry {
    at: Duration,
    bytes: usize,
    /// The digest of the log up to and with it.
    digest: [u8; 32],
}

/// The logs of all authors.
#[derive(Debug)]
pub(crate) struct Entries {
    seed: Seed,
    logs: BTreeMap<u32, Vec<Entry>>,
    authors: BTreeMap<Key, u32>,
}

impl Entries {
    pub(crate) fn new(seed: Seed) -> Self {
        Self { seed, logs: BTreeMap::new(), authors: BTreeMap::new() }
    }

    /// Adds an entry, and gives what the author's machine is told: the key, the version, and the payload.
    pub(crate) fn add(&mut self, author: u32, at: Duration, bytes: usize) -> (Key, Version, Vec<u8>) {
        let key = self.key(author);
        self.authors.insert(key, author);
        let log = self.logs.entry(author).or_default();
        let before = log.last().map_or(key.0, |entry| entry.digest);
        let size = log.len() as u64 + 1;
        let digest = *blake3::Hasher::new().update(&before).update(&size.to_le_bytes()).finalize().as_bytes();
        log.push(Entry { at, bytes, digest });
        let payload = self.payload(author, size - 1, size);
        (key, Version { size, digest }, payload)
    }

    /// The log of an author.
    pub(crate) fn key(&self, author: u32) -> Key {
        Key(self.seed.derive("gossip-only/log", author.into()))
    }

    /// The log that is meant by a key, or by the name that stands in for it, and its author.
    pub(crate) fn meant(&self, asked: &Key) -> Option<(Key, u32)> {
        let (key, author) = self.authors.range(asked..).next()?;
        asked.names(key).then_some((*key, *author))
    }

    pub(crate) fn author(&self, key: &Key) -> Option<u32> {
        self.authors.get(key).copied()
    }

    /// What a log of that size is.
    pub(crate) fn version(&self, author: u32, size: u64) -> Option<Version> {
        let entry = self.logs.get(&author)?.get(usize::try_from(size.checked_sub(1)?).ok()?)?;
        Some(Version { size, digest: entry.digest })
    }

    /// When that entry was published.
    pub(crate) fn published(&self, author: u32, position: u64) -> Option<Duration> {
        self.logs.get(&author)?.get(usize::try_from(position).ok()?).map(|entry| entry.at)
    }

    /// All entries, in order.
    pub(crate) fn messages(&self) -> impl Iterator<Item = Published> {
        let of = |(author, log): (&u32, &Vec<Entry>)| {
            let author = *author;
            (0..log.len() as u64).map(move |position| Published { author, position })
        };
        self.logs.iter().flat_map(of)
    }

    /// As much of a log from `from` on, up to `size`, as goes into one chunk; `None` if there is nothing.
    pub(crate) fn chunk(&self, author: u32, from: u64, size: u64) -> Option<Vec<u8>> {
        let log = self.logs.get(&author)?;
        let (mut to, mut bytes) = (from, HEADER_BYTES);
        while to < size.min(log.len() as u64) {
            bytes += log[to as usize].bytes;
            if to > from && bytes > CHUNK_BYTES_MAX {
                break;
            }
            to += 1;
        }
        (to > from).then(|| self.payload(author, from, to))
    }

    fn payload(&self, author: u32, from: u64, to: u64) -> Vec<u8> {
        let entries = self.logs.get(&author).map_or(&[][..], |log| &log[from as usize..to as usize]);
        let bytes: usize = entries.iter().map(|entry| entry.bytes).sum();
        let mut payload = Vec::with_capacity(HEADER_BYTES + bytes);
        payload.extend(from.to_le_bytes());
        payload.extend(to.to_le_bytes());
        for entry in entries {
            payload.resize(payload.len() + entry.bytes, entry.digest[0]);
        }
        payload
    }
}

/// Where the entries of a payload begin and end.
pub(crate) fn span(payload: &[u8]) -> Option<(u64, u64)> {
    let word = |at: usize| payload.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
    Some((word(0)?, word(8)?)).filter(|(from, to)| from < to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_hold_what_fits_and_say_what_they_hold() {
        let mut entries = Entries::new(Seed(1));
        for _ in 0..3 {
            entries.add(7, Duration::ZERO, 100_000);
        }
        let (key, version, payload) = entries.add(7, Duration::from_secs(1), 300_000);
        assert_eq!((entries.author(&key), version.size, span(&payload)), (Some(7), 4, Some((3, 4))));
        assert_eq!(payload.len(), HEADER_BYTES + 300_000);
        let chunk = |from, size| entries.chunk(7, from, size).and_then(|chunk| span(&chunk));
        assert_eq!(chunk(0, 4), Some((0, 2)), "two of 100,000 fit");
        assert_eq!(chunk(3, 4), Some((3, 4)), "one goes, however large");
        assert_eq!((chunk(0, 1), chunk(4, 9), chunk(9, 4)), (Some((0, 1)), None, None));
        assert_eq!(entries.version(7, 4), Some(version));
        assert_eq!((entries.version(7, 0), entries.version(8, 1)), (None, None));
        assert_eq!(entries.messages().count(), 4);
    }

    #[test]
    fn what_is_no_payload_has_no_span() {
        assert_eq!(span(&[]), None);
        assert_eq!(span(&[0; 16]), None);
        assert_eq!(span(&[1; 15]), None);
    }
}
