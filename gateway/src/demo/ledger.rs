//! The observer's notebook. No peer ever sees it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use msec_identity::{LogId, PeerId, UnixMillis};
use msec_peer::{Reading, Receipt, Refused};

/// Three gateways and the citizen.
pub(super) const READERS: usize = 4;

/// What was published, and who verified it when.
#[derive(Debug)]
pub(super) struct Ledger {
    sensors: BTreeMap<PeerId, usize>,
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    readings: BTreeMap<(usize, UnixMillis), Noted>,
    refused: Vec<Refused>,
    /// How many readings each reader has on its disk.
    stored: [u64; READERS],
}

#[derive(Debug, Default)]
struct Noted {
    /// When it was handed to the sensor's peer.
    handed: Option<Instant>,
    /// Where it stands, once acknowledged.
    receipt: Option<Receipt>,
    verified: [Option<Instant>; READERS],
}

impl Noted {
    /// From the sensor's hand until the last reader verified it.
    fn latency(&self) -> Option<Duration> {
        let handed = self.handed?;
        self.verified.iter().try_fold(Duration::ZERO, |longest, at| {
            Some(longest.max((*at)?.saturating_duration_since(handed)))
        })
    }
}

/// How many readings went how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    /// Acknowledged by their sensor: signed, and on its disk.
    pub(super) published: usize,
    /// Of those, verified by all four readers.
    pub(super) verified: usize,
}

impl Ledger {
    pub(super) fn new(sensors: Vec<PeerId>) -> Self {
        let sensors = sensors.into_iter().enumerate().map(|(i, peer)| (peer, i)).collect();
        Self { sensors, pages: Mutex::default() }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().expect("nobody panics while writing")
    }

    pub(super) fn sensor(&self, peer: &PeerId) -> Option<usize> {
        self.sensors.get(peer).copied()
    }

    pub(super) fn publishing(&self, sensor: usize, readings: &[Reading], at: Instant) {
        let mut pages = self.pages();
        for reading in readings {
            pages.readings.entry((sensor, reading.time)).or_default().handed = Some(at);
        }
    }

    pub(super) fn published(&self, sensor: usize, readings: &[Reading], receipt: Receipt) {
        let mut pages = self.pages();
        for reading in readings {
            pages.readings.entry((sensor, reading.time)).or_default().receipt = Some(receipt);
        }
    }

    /// A reader verified it. What was verified before it was published now, in an earlier run of the same city, is not
    /// counted.
    pub(super) fn verified(&self, reader: usize, sensor: usize, time: UnixMillis, at: Instant) {
        if let Some(noted) = self.pages().readings.get_mut(&(sensor, time)) {
            noted.verified[reader].get_or_insert(at);
        }
    }

    pub(super) fn stored(&self, reader: usize, readings: u64) {
        self.pages().stored[reader] += readings;
    }

    /// How many readings are on the disk of the reader that has the fewest.
    pub(super) fn fewest_stored(&self) -> u64 {
        self.pages().stored.iter().copied().min().unwrap_or(0)
    }

    pub(super) fn refuse(&self, refused: Refused) {
        self.pages().refused.push(refused);
    }

    pub(super) fn refused(&self) -> Vec<Refused> {
        self.pages().refused.clone()
    }

    pub(super) fn counts(&self) -> Counts {
        let pages = self.pages();
        let published = pages.readings.values().filter(|noted| noted.receipt.is_some());
        published.fold(Counts::default(), |counts, noted| Counts {
            published: counts.published + 1,
            verified: counts.verified + usize::from(noted.latency().is_some()),
        })
    }

    /// Readings that were published, and not verified by all readers.
    pub(super) fn lost(&self) -> usize {
        let counts = self.counts();
        counts.published - counts.verified
    }

    /// What was published, as it must lie in every reader's store.
    pub(super) fn entries(&self) -> Vec<(usize, LogId, u64, UnixMillis)> {
        let pages = self.pages();
        let entry = |((sensor, time), noted): (&(usize, UnixMillis), &Noted)| {
            noted.receipt.map(|receipt| (*sensor, receipt.log, receipt.position, *time))
        };
        pages.readings.iter().filter_map(entry).collect()
    }

    /// The times from publishing to the last reader, the shortest first.
    pub(super) fn latencies(&self) -> Vec<Duration> {
        let mut latencies: Vec<_> = self.pages().readings.values().filter_map(Noted::latency).collect();
        latencies.sort_unstable();
        latencies
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_verified_when_the_last_reader_has() {
        let peer = PeerId([1; 32]);
        let ledger = Ledger::new(vec![peer]);
        let (now, time) = (Instant::now(), UnixMillis(5));
        let readings = [Reading::new(time, 1.0)];
        ledger.verified(0, 0, time, now);
        ledger.publishing(0, &readings, now);
        ledger.published(0, &readings, Receipt { log: LogId([0; 32]), position: 1 });
        for reader in 0..READERS {
            assert_eq!(ledger.lost(), 1, "reader {reader} is missing");
            ledger.verified(reader, 0, time, now + Duration::from_millis(reader as u64));
        }
        assert_eq!(ledger.counts(), Counts { published: 1, verified: 1 });
        assert_eq!(ledger.latencies(), [Duration::from_millis(3)]);
        assert_eq!(ledger.entries().len(), 1);
    }
}
