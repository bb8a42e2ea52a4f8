//! Sees what nodes hand to their disks and show to apps, and holds it against what authors really wrote.
//!
//! It believes no node's verification. What an author wrote is known from the author itself: what its app submitted, and the
//! commits of its own logs. What anybody else stores or shows has to be that, byte for byte, and of an author whom the
//! space's root gave the right to write there. All of it is checked when it happens, at the price of one hash an entry.

use std::collections::{BTreeMap, BTreeSet};

use msec_crdt_store::{Entry, EntryKind, LogHeader, Reading, VerifiedRun, decode_readings};
use msec_identity::{CollectionPath, ControlStream, LogId, PeerId, Right, Rights};
use msec_peer::node::{Measured, Receipt, StreamName};

use crate::PeerIndex;
use crate::ledger::keep;

/// The first half of a BLAKE3 hash: nobody here looks for collisions.
type Print = [u8; 16];

/// The value of a reading, as something that can be looked up.
type Value = (i64, u64);

/// What it saw that must not be, each the first 10,000.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Stored or shown, and not what an author wrote by right.
    pub(crate) unverified: Vec<String>,
    /// An honest author wrote two histories of one log, and its disk was not to blame.
    pub(crate) rewritten: Vec<String>,
    /// A disk held less at a start than it had promised, and nothing was done to it.
    pub(crate) vanished: Vec<String>,
}

/// The witness.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    granted: BTreeMap<PeerId, Vec<(CollectionPath, Rights)>>,
    /// Who may write in control logs.
    issuers: BTreeSet<PeerId>,
    /// What apps submitted, by stream.
    submitted: BTreeMap<(PeerId, StreamName), BTreeSet<Value>>,
    logs: BTreeMap<LogId, Written>,
    /// Authors that may fork: copied devices, and those whose disk lost what it had promised.
    may_fork: BTreeSet<PeerId>,
    pub(crate) seen: Seen,
    /// How many entries were compared.
    pub(crate) compared: u64,
}

/// What the author of a log wrote.
#[derive(Debug)]
struct Written {
    author: PeerId,
    stream: StreamName,
    rightful: bool,
    entries: Vec<Line>,
    /// Further histories, by position, where the author forked.
    others: BTreeMap<u64, Vec<Line>>,
    /// How much of it the author's disk ever promised: it may have left since.
    promised: u64,
}

/// One entry that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line {
    entry: Print,
    readings: Print,
}

impl Witness {
    /// The root of the space gave a right.
    pub(crate) fn granted(&mut self, holder: PeerId, resource: CollectionPath, rights: Rights) {
        self.granted.entry(holder).or_default().push((resource, rights));
    }

    /// A peer has a control log of its own.
    pub(crate) fn issues(&mut self, holder: PeerId) {
        self.issuers.insert(holder);
    }

    /// An app asks its peer to publish.
    pub(crate) fn submitted(&mut self, author: PeerId, stream: &StreamName, readings: &[Reading]) {
        let all = self.submitted.entry((author, stream.clone())).or_default();
        all.extend(readings.iter().map(value));
    }

    /// This identity may write two histories of a log: it is on two devices, or forgot what it wrote.
    pub(crate) fn may_fork(&mut self, author: PeerId) {
        self.may_fork.insert(author);
    }

    /// A node hands runs to its disk. `promised`: how much of a log that has promised.
    pub(crate) fn commits(
        &mut self,
        peer: PeerIndex,
        id: PeerId,
        runs: &[VerifiedRun],
        promised: impl Fn(&LogId) -> u64,
    ) {
        for run in runs {
            let log = run.state().log();
            if run.state().header().author() == id {
                self.writes(peer, run, promised(&log));
            } else {
                self.stores(peer, run);
            }
        }
    }

    /// An author writes. Entries that its disk has not promised never left it, and may be others after a crash.
    pub(crate) fn writes(&mut self, peer: PeerIndex, run: &VerifiedRun, promised: u64) {
        let (log, header) = (run.state().log(), run.state().header().clone());
        let stream = stream_of(&header);
        let submitted = self.submitted.get(&(header.author(), stream.clone()));
        let known = |reading: &Reading| submitted.is_some_and(|all| all.contains(&value(reading)));
        let made_up = run.entries().iter().flat_map(readings_of).find(|reading| !known(reading));
        if let Some(reading) = made_up {
            let note = format!("peer {peer} wrote {reading:?} in log {log}, and no app asked it to");
            keep(&mut self.seen.unverified, note);
        }
        let rightful = self.may_write(&header);
        let may_fork = self.may_fork.contains(&header.author());
        let written = self.logs.entry(log).or_insert_with(|| Written::new(&header, rightful));
        written.promised = written.promised.max(promised);
        for (position, entry) in (run.from()..).zip(run.entries()) {
            let forked = written.write(position, line(entry), may_fork);
            if forked && !may_fork {
                let note = format!("peer {peer} wrote entry {position} of its log {log} twice, differently");
                keep(&mut self.seen.rewritten, note);
            }
        }
    }

    /// Somebody stores what another wrote.
    fn stores(&mut self, peer: PeerIndex, run: &VerifiedRun) {
        let log = run.state().log();
        self.compared += run.entries().len() as u64;
        let fault = match self.logs.get(&log) {
            None => Some("which nobody wrote".to_owned()),
            Some(written) if written.fits_header(run.state().header()) => {
                let mut entries = (run.from()..).zip(run.entries());
                let other = entries.find(|(position, entry)| {
                    let entry = entry_print(entry);
                    !written.has(*position, |line| line.entry == entry)
                });
                other.map(|(position, _)| format!("of which the author wrote another entry {position}"))
            }
            Some(written) => Some(written.fault().to_owned()),
        };
        if let Some(fault) = fault {
            let note = format!("peer {peer} stored a run of log {log}, {fault}");
            keep(&mut self.seen.unverified, note);
        }
    }

    /// A node shows readings of another to its app.
    pub(crate) fn shows(&mut self, peer: PeerIndex, shown: &Measured) {
        let Measured { log, header, position, readings, .. } = shown;
        self.compared += 1;
        let fault = match self.logs.get(log) {
            None => "of a log that nobody wrote",
            Some(written) if written.fits_header(header) => {
                let shown = readings_print(readings);
                if written.has(*position, |line| line.readings == shown) {
                    return;
                }
                "and the author wrote something else there"
            }
            Some(written) => written.fault(),
        };
        let note = format!("peer {peer} was shown {readings:?} at {position} of log {log}, {fault}");
        keep(&mut self.seen.unverified, note);
    }

    /// A node acknowledges what an app submitted: it must stand where it says.
    pub(crate) fn acknowledges(&mut self, peer: PeerIndex, receipt: Receipt, readings: &[Reading]) {
        let Receipt { log, position } = receipt;
        let readings = readings_print(readings);
        let written = self.logs.get_mut(&log);
        let stands = written.is_some_and(|written| {
            // It is on the disk, or so it is said.
            written.promised = written.promised.max(position + 1);
            written.has(position, |line| line.readings == readings)
        });
        if !stands {
            let note = format!("peer {peer} acknowledged entry {position} of log {log}, and wrote another");
            keep(&mut self.seen.unverified, note);
        }
    }

    /// A disk held less at a start than it had promised.
    pub(crate) fn vanished(&mut self, peer: PeerIndex, log: LogId, left: u64, had: u64) {
        let note =
            format!("peer {peer} starts with {left} of the {had} entries of log {log} that it had on disk");
        keep(&mut self.seen.vanished, note);
    }

    /// The first position at which a log has two histories.
    pub(crate) fn forked_at(&self, log: &LogId) -> Option<u64> {
        self.logs.get(log).and_then(|written| written.others.keys().next().copied())
    }

    /// Whether the root gave the author of this log the right to write it. The time does not count: an entry's own time
    /// proves nothing, and there are no checkpoints yet.
    fn may_write(&self, header: &LogHeader) -> bool {
        if header.collection().is_control() {
            let is_own = header.stream() == ControlStream::Own.to_string();
            return is_own || self.issuers.contains(&header.author());
        }
        let grants = self.granted.get(&header.author()).map_or([].as_slice(), Vec::as_slice);
        grants.iter().any(|(on, rights)| rights.contains(Right::Write) && on.covers(header.collection()))
    }
}

impl Written {
    fn new(header: &LogHeader, rightful: bool) -> Self {
        Self {
            author: header.author(),
            stream: stream_of(header),
            rightful,
            entries: Vec::new(),
            others: BTreeMap::new(),
            promised: 0,
        }
    }

    /// Writes an entry. `true`: it is another than stood there, and that may have left the author.
    fn write(&mut self, position: u64, what: Line, may_fork: bool) -> bool {
        if self.has(position, |line| *line == what) {
            return false;
        }
        let at = usize::try_from(position).unwrap_or(usize::MAX);
        if at < self.entries.len() && (may_fork || position < self.promised) {
            self.others.entry(position).or_default().push(what);
            return true;
        }
        // What stood there, and what followed, was never on the disk.
        self.entries.truncate(at);
        self.entries.push(what);
        false
    }

    fn has(&self, position: u64, is: impl Fn(&Line) -> bool) -> bool {
        let at = usize::try_from(position).unwrap_or(usize::MAX);
        self.entries.get(at).is_some_and(&is)
            || self.others.get(&position).is_some_and(|others| others.iter().any(is))
    }

    fn fits_header(&self, header: &LogHeader) -> bool {
        self.rightful
            && header.author() == self.author
            && header.stream() == self.stream.stream
            && *header.collection() == self.stream.collection
    }

    /// Why the header does not fit.
    fn fault(&self) -> &'static str {
        if self.rightful { "under another name" } else { "which its author had no right to write" }
    }
}

fn stream_of(header: &LogHeader) -> StreamName {
    StreamName { collection: header.collection().clone(), stream: header.stream().to_owned() }
}

fn value(reading: &Reading) -> Value {
    (reading.time.0, reading.value.to_bits())
}

/// The readings of an entry; none of one that holds something else, or nonsense.
fn readings_of(entry: &Entry) -> Vec<Reading> {
    match (entry.kind, entry.body.bytes()) {
        (EntryKind::Readings, Some(body)) => decode_readings(body).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn line(entry: &Entry) -> Line {
    Line { entry: entry_print(entry), readings: readings_print(&readings_of(entry)) }
}

fn entry_print(entry: &Entry) -> Print {
    // The same with its body and without.
    half(&blake3::hash(&entry.leaf()))
}

/// The same for the same readings, in whatever order.
fn readings_print(readings: &[Reading]) -> Print {
    let mut values: Vec<_> =
        readings.iter().map(|r| (r.time.0, r.value.to_bits(), r.quality as u8)).collect();
    values.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    for (time, value, quality) in values {
        hasher.update(&time.to_le_bytes()).update(&value.to_le_bytes()).update(&[quality]);
    }
    half(&hasher.finalize())
}

fn half(hash: &blake3::Hash) -> Print {
    *hash.as_bytes().first_chunk().expect("sixteen of thirty-two bytes")
}
