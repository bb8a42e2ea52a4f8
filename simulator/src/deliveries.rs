//! What was delivered to whom, and how long it took: kept as it happens, so that nobody has to search at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use msec_identity::{CollectionPath, LogId};
use msec_peer::node::{Measured, Receipt};

use crate::PeerIndex;
use crate::histogram::Histogram;
use crate::ledger::Submission;

/// Peers that one followed message is noted for; further arrivals are only counted.
pub const ARRIVALS_MAX: usize = 20_000;

/// Deliveries of acknowledged readings to those who want them.
#[derive(Debug, Default)]
pub struct Deliveries {
    logs: BTreeMap<LogId, Track>,
    readers: BTreeMap<CollectionPath, Vec<PeerIndex>>,
    /// Which group each peer is in; group 0 unless said otherwise.
    groups: Vec<usize>,
    latencies: Vec<Histogram>,
    published: u64,
    expected: u64,
    delivered: u64,
    follow: usize,
    followed: Vec<Followed>,
}

/// One log.
#[derive(Debug, Default)]
struct Track {
    /// By position; the header holds no readings.
    entries: Vec<Option<Published>>,
    /// The position after the last one that each reader has.
    reached: BTreeMap<PeerIndex, u64>,
    followed: Vec<(u64, usize)>,
}

/// An entry that was acknowledged.
#[derive(Debug, Clone, Copy)]
struct Published {
    at: Duration,
    readings: u32,
    /// How many peers there were. Who came later is served what was before, and nobody waited for that.
    peers: usize,
}

/// A message on its way through the city.
#[derive(Debug, Clone)]
pub struct Followed {
    /// Who published it.
    pub author: PeerIndex,
    /// In which stream.
    pub stream: String,
    /// When.
    pub published: Duration,
    /// How many want it.
    pub readers: usize,
    /// Who had it when, the first [`ARRIVALS_MAX`].
    pub arrivals: Vec<(PeerIndex, Duration)>,
}

impl Deliveries {
    /// Puts a peer into a group. Latencies are told apart by the reader's group.
    pub fn put(&mut self, peer: PeerIndex, group: usize) {
        if self.groups.len() <= peer.0 {
            self.groups.resize(peer.0 + 1, 0);
        }
        self.groups[peer.0] = group;
    }

    /// Follows the next message that is acknowledged.
    pub fn follow_next(&mut self) {
        self.follow += 1;
    }

    /// The messages that were followed.
    pub fn followed(&self) -> &[Followed] {
        &self.followed
    }

    /// Readings that were acknowledged.
    pub fn published(&self) -> u64 {
        self.published
    }

    /// How many of those have arrived.
    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Readings times readers that have not got them yet.
    pub fn lag(&self) -> u64 {
        self.expected.saturating_sub(self.delivered)
    }

    /// From publishing to where it is verified, by group of readers.
    pub fn latencies(&self) -> &[Histogram] {
        &self.latencies
    }

    /// All groups together.
    pub fn latency(&self) -> Histogram {
        let mut all = Histogram::default();
        self.latencies.iter().for_each(|one| all.merge(one));
        all
    }

    /// Those who want a collection, as `compute` finds them; asked once.
    pub(crate) fn readers(
        &mut self,
        collection: &CollectionPath,
        compute: impl FnOnce() -> Vec<PeerIndex>,
    ) -> &[PeerIndex] {
        if !self.readers.contains_key(collection) {
            self.readers.insert(collection.clone(), compute());
        }
        &self.readers[collection]
    }

    /// Who reads what is not as it was.
    pub(crate) fn peers_changed(&mut self) {
        self.readers.clear();
    }

    /// There is one peer more than before, which comes last.
    pub(crate) fn came(&mut self, peer: PeerIndex, wants: impl Fn(&CollectionPath) -> bool) {
        for (collection, readers) in &mut self.readers {
            if wants(collection) {
                readers.push(peer);
            }
        }
    }

    /// Something was acknowledged that so many others want, of so many peers that there are.
    pub(crate) fn acknowledged(
        &mut self,
        submission: &Submission,
        receipt: Receipt,
        readers: usize,
        peers: usize,
    ) {
        let readings = submission.readings.len() as u32;
        self.published += u64::from(readings);
        self.expected += u64::from(readings) * readers as u64;
        let track = self.logs.entry(receipt.log).or_default();
        let at = receipt.position as usize;
        if track.entries.len() <= at {
            track.entries.resize(at + 1, None);
        }
        track.entries[at] = Some(Published { at: submission.at, readings, peers });
        if self.follow > 0 && readers > 0 {
            self.follow -= 1;
            track.followed.push((receipt.position, self.followed.len()));
            self.followed.push(Followed {
                author: submission.peer,
                stream: format!("{}/{}", submission.stream.collection.as_str(), submission.stream.stream),
                published: submission.at,
                readers,
                arrivals: Vec::new(),
            });
        }
    }

    /// A reader has verified an entry. What it verified before is not counted again.
    pub(crate) fn verified(&mut self, now: Duration, reader: PeerIndex, measured: &Measured) {
        let Some(track) = self.logs.get_mut(&measured.log) else { return };
        let reached = track.reached.entry(reader).or_default();
        if measured.position < *reached {
            return;
        }
        *reached = measured.position + 1;
        let entry = track.entries.get(measured.position as usize).copied().flatten();
        let Some(Published { at: published, readings, peers }) = entry else { return };
        self.delivered += u64::from(readings);
        if reader.0 >= peers {
            self.expected += u64::from(readings);
            return;
        }
        let group = self.groups.get(reader.0).copied().unwrap_or(0);
        if self.latencies.len() <= group {
            self.latencies.resize_with(group + 1, Histogram::default);
        }
        let latency = now.saturating_sub(published);
        self.latencies[group].add_many(latency, readings.into());
        for (_, followed) in track.followed.iter().filter(|(position, _)| *position == measured.position) {
            let followed = &mut self.followed[*followed];
            if followed.arrivals.len() < ARRIVALS_MAX {
                followed.arrivals.push((reader, latency));
            }
        }
    }
}
