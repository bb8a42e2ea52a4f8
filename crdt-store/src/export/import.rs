//! Taking logs in from a file.
//!
//! A file is a stranger that says a lot. Every run passes [`Run::verify`], and what is held already is left as it is, so that
//! a second import changes nothing.
//!
//! Own logs: where a file shows that this peer signed more of a log than its store takes for all of it, the store was cut
//! back, restored or copied, without knowing. Then no own log is continued past here, and an epoch begins, since the
//! numbers of runs may have gone back too ([`Store::distrust`]): before anything of it is taken, so that a crash in between
//! finds it so. An own log that the store does not know at all means the same. What came from a file counts as received:
//! its author never continues it.

use std::io::Read;
use std::sync::Arc;

use msec_identity::{Authority, LogId, PeerId, Unverified};

use super::FORMAT;
use super::chunk::{Chunks, Found};
use crate::error::{ImportError, RunError, StorageError};
use crate::log::{
    Fork, ForkEvidence, ForkTrace, Head, LogHeader, LogState, Prefix, Run, Traced, Verdict, VerifiedPrefix,
    VerifiedRun,
};
use crate::storage::{Storage, Store};

/// After so many bytes of new runs they are made durable.
const COMMIT_BYTES: u64 = 8 << 20;

/// Where the head of a file is damaged, and in so many bytes there is no chunk, it is no export.
const SEARCHED_BYTES_MAX: u64 = 1 << 20;

/// What is taken from a file.
pub struct ImportTerms<'a> {
    /// Who may do what in the space. Nothing of another space is taken.
    pub authority: &'a Authority,
    /// Who imports: its own logs are always taken.
    pub me: PeerId,
    /// Which logs of others are taken.
    pub wants: &'a dyn Fn(&LogHeader) -> bool,
    /// The most logs that are held. Runs of a further one are passed over, and counted.
    pub logs_max: usize,
}

/// What was taken from a file.
#[derive(Debug, Default)]
pub struct Imported {
    /// How many bytes were read.
    pub bytes: u64,
    /// Logs that were not held before.
    pub logs: u64,
    /// Entries that were not held before, of those and of others.
    pub entries: u64,
    /// Runs that were held already.
    pub known: u64,
    /// Logs that are not wanted.
    pub unwanted: u64,
    /// Runs of logs beyond [`ImportTerms::logs_max`].
    pub over_bound: u64,
    /// Runs that start beyond what is held: others that come before them are not in the file, or were damaged.
    pub gaps: u64,
    /// Logs that the file begins behind what is held of them, and that are left as they are: what is held would go, and that nobody
    /// has the entries between any more is only the file's word. Neighbours say it, or give them.
    pub behind: u64,
    /// Runs that lack bodies, and no erasure is known that covers those. They are counted as refused, too.
    pub lacking: u64,
    /// Runs that do not verify.
    pub refused: u64,
    /// What is wrong with the first of them.
    pub first_refusal: Option<RunError>,
    /// Forked logs of which the evidence was not held before.
    pub contested: u64,
    /// Evidence that shows nothing, and runs of logs that are known to be forked.
    pub passed_over: u64,
    /// Bytes that are no chunk.
    pub damaged_bytes: u64,
    /// Whether the file has its end, and every run of it.
    pub ended: bool,
    /// Whether the file showed that own entries were missing here: own streams go on in new logs.
    pub own_were_missing: bool,
}

impl Imported {
    /// Whether the file was read as it was written.
    pub fn is_whole(&self) -> bool {
        self.ended && self.damaged_bytes == 0
    }
}

/// Takes in what is whole of a file, verified, and says how far it is after each commit. On an error, what was taken before it is
/// durable all the same, unless the store failed.
pub fn import(
    store: &mut Store,
    terms: &ImportTerms<'_>,
    from: &mut dyn Read,
    told: &mut dyn FnMut(&Imported),
) -> Result<Imported, ImportError> {
    let mut import =
        Import { store, terms, done: Imported::default(), passed: None, prefix: None, seq: 0, unsynced: 0 };
    let read = import.read(Chunks::of(from), told);
    let synced = import.store.sync();
    read?;
    synced.map_err(ImportError::Store)?;
    Ok(import.done)
}

struct Import<'a> {
    store: &'a mut Store,
    terms: &'a ImportTerms<'a>,
    done: Imported,
    /// The log that is not wanted, and is passed over.
    passed: Option<LogId>,
    /// What stands for the beginning of the log that follows.
    prefix: Option<Arc<VerifiedPrefix>>,
    seq: u64,
    unsynced: u64,
}

impl Import<'_> {
    fn read(&mut self, mut chunks: Chunks<'_>, told: &mut dyn FnMut(&Imported)) -> Result<(), ImportError> {
        let is_export = self.check_head(&mut chunks)?;
        let mut runs = 0;
        while let Some(found) = chunks.next().map_err(ImportError::Read)? {
            match found {
                Found::Run(bytes) => {
                    runs += 1;
                    self.take(&bytes).map_err(ImportError::Store)?;
                }
                Found::Prefix(bytes) => self.take_prefix(&bytes).map_err(ImportError::Store)?,
                Found::Evidence(bytes) => self.take_evidence(&bytes).map_err(ImportError::Store)?,
                Found::Damaged(bytes) => self.done.damaged_bytes += bytes,
                Found::End(count) => {
                    self.done.ended = count == runs;
                    break;
                }
            }
            if !is_export && runs == 0 && chunks.taken() > SEARCHED_BYTES_MAX {
                break;
            }
            if self.unsynced >= COMMIT_BYTES {
                self.unsynced = 0;
                self.done.bytes = chunks.taken();
                self.store.sync().map_err(ImportError::Store)?;
                told(&self.done);
            }
        }
        self.done.bytes = chunks.taken();
        if is_export || runs > 0 { Ok(()) } else { Err(ImportError::NotAnExport) }
    }

    /// Whether the file begins as an export of this space does. One whose first bytes are damaged may have whole runs.
    fn check_head(&self, chunks: &mut Chunks<'_>) -> Result<bool, ImportError> {
        let (known, ours) = (FORMAT, self.terms.authority.space());
        match chunks.head().map_err(ImportError::Read)? {
            None => Ok(false),
            Some(head) if head.format != known => Err(ImportError::Format { found: head.format, known }),
            Some(head) if head.space != ours => Err(ImportError::OtherSpace { theirs: head.space, ours }),
            Some(_) => Ok(true),
        }
    }

    /// Takes a run, if it is one that verifies and is wanted.
    fn take(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        let run = match Run::from_bytes(bytes) {
            Ok(run) => run,
            Err(error) => return self.refuse(error),
        };
        if self.passed == Some(run.log) {
            return Ok(());
        }
        if self.store.contested().contains_key(&run.log) {
            // No head of it is accepted any more.
            self.done.passed_over += 1;
            return Ok(());
        }
        let held = self.store.held(&run.log);
        if held.is_none() && self.store.logs_len() >= self.terms.logs_max {
            self.done.over_bound += 1;
            return Ok(());
        }
        if let Some((state, true)) = &held
            && self.was_forgotten(&run.head, state)
        {
            self.distrust()?;
        }
        let held = held.map(|(state, _)| state);
        let head = run.head.clone();
        let prefix = self.prefix.take().filter(|prefix| prefix.state().log() == run.log);
        if let Some((state, prefix)) = held.as_ref().zip(prefix.as_ref())
            && prefix.state().size() > state.size()
        {
            // On links two say so, or one for ten minutes; and what they say is compared first.
            self.done.behind += 1;
            self.passed = Some(run.log);
            return match prefix.contradicts(state) {
                Some(fork) => self.contest(fork),
                None => Ok(()),
            };
        }
        let prefix = prefix.filter(|_| held.is_none());
        let ground = held.as_ref().or_else(|| prefix.as_ref().map(|prefix| prefix.state()));
        match run.verify(ground, self.terms.authority) {
            Ok(Verdict::New(run)) => {
                let run = match prefix {
                    Some(prefix) => run.after(prefix),
                    None => run,
                };
                self.add(run, held.is_none(), bytes.len() as u64)
            }
            Ok(Verdict::Known) => {
                self.done.known += 1;
                self.compare(held.as_ref(), &head)
            }
            Ok(Verdict::Gap { .. }) => {
                self.done.gaps += 1;
                Ok(())
            }
            Err(error) => self.refuse(error),
        }
    }

    /// Takes what stands for the beginning of a log of which nothing is held. Where some is, the run after it shows what that is
    /// worth: it has a gap before it, or none.
    fn take_prefix(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        match Prefix::from_bytes(bytes).and_then(|prefix| prefix.verify(self.terms.authority)) {
            Ok(prefix) => {
                self.prefix = Some(Arc::new(prefix));
                Ok(())
            }
            Err(error) => self.refuse(error),
        }
    }

    /// Finds a fork where the file has as many entries of a log as the store, and others.
    fn compare(&mut self, held: Option<&LogState>, theirs: &Unverified<Head>) -> Result<(), StorageError> {
        let held = held.filter(|held| held.head().size == theirs.claims().size);
        let begun = held.and_then(|held| ForkTrace::begin(held, theirs, self.terms.authority.verifier()));
        match begun {
            Some((_, Traced::Fork(fork))) => self.contest(*fork),
            _ => Ok(()),
        }
    }

    /// Takes the evidence that a log was forked of which something is held, or whose author may write here: anybody can fork logs that
    /// nobody wants.
    fn take_evidence(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        let authority = self.terms.authority;
        let fork = ForkEvidence::from_bytes(bytes).and_then(|it| it.verify(authority.verifier()));
        let Ok(fork) = fork else {
            self.done.passed_over += 1;
            return Ok(());
        };
        let (log, header) = (fork.log(), fork.header());
        let is_held = self.store.held(&log).is_some();
        let is_ours = header.space() == authority.space() && header.shows_right_to_write(authority);
        if self.store.contested().contains_key(&log) || !(is_held || is_ours) {
            return Ok(());
        }
        self.contest(fork)
    }

    fn contest(&mut self, fork: Fork) -> Result<(), StorageError> {
        if fork.author() == self.terms.me {
            self.distrust()?;
        }
        match self.store.contest(&Arc::new(fork)) {
            Ok(()) => self.done.contested += 1,
            Err(StorageError::TooManyForks) => self.done.passed_over += 1,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Whether this peer signed the head, and has forgotten it: its store takes something else for the whole log.
    fn was_forgotten(&self, head: &Unverified<Head>, held: &LogState) -> bool {
        let claims = head.claims();
        let differs = claims.size > held.size() || (claims.size == held.size() && claims.root != held.root());
        let (me, verifier) = (&self.terms.me, self.terms.authority.verifier());
        held.header().author() == *me && differs && head.clone().verify_by(verifier, me).is_ok()
    }

    fn add(&mut self, run: VerifiedRun, is_new: bool, bytes: u64) -> Result<(), StorageError> {
        let header = run.state().header();
        let is_mine = header.author() == self.terms.me;
        if !is_mine && !(self.terms.wants)(header) {
            self.done.unwanted += 1;
            self.passed = Some(run.state().log());
            return Ok(());
        }
        if is_mine && is_new {
            self.distrust()?;
        }
        let entries = run.entries().len() as u64;
        self.seq += 1;
        self.store.apply(self.seq, &[run])?;
        self.done.logs += u64::from(is_new);
        self.done.entries += entries;
        self.unsynced += bytes;
        Ok(())
    }

    fn distrust(&mut self) -> Result<(), StorageError> {
        // Once is enough: what is taken from now on is received.
        if !std::mem::replace(&mut self.done.own_were_missing, true) {
            self.store.distrust()?;
        }
        Ok(())
    }

    fn refuse(&mut self, error: RunError) -> Result<(), StorageError> {
        self.done.refused += 1;
        self.done.lacking += u64::from(matches!(error, RunError::LacksBody { .. }));
        self.done.first_refusal.get_or_insert(error);
        Ok(())
    }
}
