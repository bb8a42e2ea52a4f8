//! What happens to a store until the power is cut.

use std::collections::BTreeMap;

use super::super::*;
use super::keep_fold;
use crate::log::Fork;
use crate::merkle::{CompactRange, TreeHash};

/// What stands for entries of the log that is adopted ends here.
const ADOPTED: u64 = 6;

/// Commits of runs, and what each is followed by.
pub(super) struct Story {
    commits: Vec<(Vec<VerifiedRun>, Next)>,
    /// What shows that the third log was forked.
    fork: Arc<Fork>,
}

/// What a commit is followed by.
#[derive(Debug, Clone, Copy)]
pub(super) enum Next {
    Nothing,
    Sync,
    /// The first log is let go up to a part of it, in 16ths.
    Prune(u64),
    /// The entry at a part of the first log is erased, in 16ths.
    Erase(u64),
    /// Segments are rewritten where so many hundredths are dead.
    Compact(u8),
    /// An app keeps what it folded of the first log, if this build has documents.
    Fold,
    /// The third log turns out to be forked.
    Contest,
    /// The node leaves itself a note.
    Keep,
    /// It is left so that it opens quickly, and goes on.
    Close,
    /// The process ends, and another one opens it: what that finds counts as durable.
    Reopen,
    /// A fourth log, whose beginning others have let go, has come with the commit.
    Adopt,
}

/// What was acknowledged.
#[derive(Debug, Default)]
pub(super) struct Acknowledged {
    pub(super) commits: usize,
    /// Where the first log begins.
    pub(super) begin: u64,
    /// Which of its entries are erased.
    pub(super) erased: Vec<u64>,
    /// Whether the third one is contested.
    pub(super) contested: bool,
    /// The last note: the number of the commit that was before it.
    pub(super) note: Option<u8>,
    /// When that was.
    pub(super) epoch: Option<Epoch>,
}

impl Story {
    /// Commits with so many entries for each of three logs.
    pub(super) fn of(commits: &[([usize; 3], Next)]) -> Self {
        let mut writers = [writer("a"), writer("bb"), writer("ccc")];
        let mut fourth = writer("dddd");
        let commit = |(counts, next): &([usize; 3], Next)| {
            let written = writers.iter_mut().zip(counts).filter(|(_, n)| **n > 0);
            let mut runs: Vec<_> = written.map(|(writer, n)| writer.run(*n)).collect();
            if matches!(next, Next::Adopt) {
                runs.push(more_of(&mut fourth));
            }
            (runs, *next)
        };
        let commits = commits.iter().map(commit).collect();
        Self { commits, fork: contested::evidence(&contested::forked("ccc")) }
    }

    pub(super) fn commits(&self) -> &[(Vec<VerifiedRun>, Next)] {
        &self.commits
    }

    /// Plays it until the disk breaks.
    pub(super) fn play(&self, dir: &MemoryDir, config: &StoreConfig) -> Acknowledged {
        let mut acknowledged = Acknowledged::default();
        let Ok((mut store, _)) = Store::open_with(dir.clone(), config.clone()) else { return acknowledged };
        for (seq, (runs, next)) in (1..).zip(&self.commits) {
            if store.apply(seq, runs).is_err() {
                return acknowledged;
            }
            if let Next::Reopen = next {
                // Two that are open would write to one index.
                drop(store);
                let Ok((opened, _)) = Store::open_with(dir.clone(), config.clone()) else {
                    return acknowledged;
                };
                store = opened;
            }
            match self.follow(&mut store, seq as usize, *next, &mut acknowledged) {
                Ok(false) => {}
                Ok(true) => acknowledged.commits = seq as usize,
                Err(_) => return acknowledged,
            }
        }
        store.close();
        acknowledged
    }

    /// What comes after a commit. Whether all that was applied is durable then.
    fn follow(
        &self,
        store: &mut Store,
        commits: usize,
        next: Next,
        acknowledged: &mut Acknowledged,
    ) -> Result<bool, StorageError> {
        match next {
            Next::Nothing => return Ok(false),
            Next::Reopen => {}
            Next::Sync | Next::Adopt => drop(store.sync()?),
            Next::Prune(part) => {
                let (log, end) = self.place(commits, part);
                store.prune(&[(log, end)])?;
                if end > 1 {
                    acknowledged.begin = acknowledged.begin.max(end);
                }
            }
            Next::Erase(part) => {
                let (log, at) = self.place(commits, part);
                store.erase(&log, at..at + 1)?;
                if at > 0 {
                    acknowledged.erased.push(at);
                }
            }
            Next::Compact(percent) => drop(store.compact(percent)?),
            Next::Fold => keep_fold(store)?,
            Next::Contest => {
                store.contest(&self.fork)?;
                acknowledged.contested = true;
                return Ok(false);
            }
            Next::Keep => {
                store.sync()?;
                acknowledged.commits = commits;
                store.keep(&[commits as u8])?;
                (acknowledged.note, acknowledged.epoch) = (Some(commits as u8), Some(store.segment.epoch));
            }
            Next::Close => {
                store.sync()?;
                acknowledged.commits = commits;
                store.close();
            }
        }
        Ok(true)
    }

    /// A part of the first log, as it is after so many commits.
    pub(super) fn place(&self, commits: usize, part: u64) -> (LogId, u64) {
        let log = writer("a").log.header().id();
        (log, self.sizes(commits).get(&log).map_or(0, |size| (size * part / 16).min(size - 1)))
    }

    /// Entries of the first log as they lie on disk.
    pub(super) fn encoded(&self, positions: &[u64]) -> Vec<Vec<u8>> {
        let runs = self.commits.iter().flat_map(|(runs, _)| runs);
        let runs = runs.filter(|run| run.state().header().stream() == "a");
        let entries: Vec<_> = runs.flat_map(VerifiedRun::entries).collect();
        positions.iter().map(|at| minicbor::to_vec(entries[*at as usize]).expect("encodes")).collect()
    }

    /// How much of each log there is after so many commits.
    pub(super) fn sizes(&self, commits: usize) -> BTreeMap<LogId, u64> {
        let runs = self.commits[..commits].iter().flat_map(|(runs, _)| runs);
        runs.map(|run| (run.state().log(), run.state().size())).collect()
    }

    /// How much of each log there is in the end.
    pub(super) fn all(&self) -> BTreeMap<LogId, u64> {
        self.sizes(self.commits.len())
    }

    /// The root of each log at each size: it may begin, and be cut back to, where no run ended.
    pub(super) fn roots(&self) -> BTreeMap<(LogId, u64), TreeHash> {
        let (mut ranges, mut roots) = (BTreeMap::new(), BTreeMap::new());
        for run in self.commits.iter().flat_map(|(runs, _)| runs) {
            let log = run.state().log();
            let begun = || run.prefix().map_or_else(|| CompactRange::empty(0), |it| it.state().held.clone());
            let range = ranges.entry(log).or_insert_with(begun);
            roots.insert((log, range.end()), range.root());
            for leaf in &run.leaves {
                range.push(*leaf);
                roots.insert((log, range.end()), range.root());
            }
        }
        roots
    }

    /// The runs that a store lacks, in their order.
    pub(super) fn missing(&self, opened: &Opened) -> Vec<VerifiedRun> {
        let held: BTreeMap<_, _> = opened.logs.iter().map(|state| (state.log(), state.size())).collect();
        let runs = self.commits.iter().flat_map(|(runs, _)| runs);
        let lacks = |run: &&VerifiedRun| run.from >= held.get(&run.state().log()).copied().unwrap_or(0);
        runs.filter(lacks).cloned().collect()
    }
}

/// Commits, and what comes after them.
pub(super) fn commits() -> impl Strategy<Value = Vec<([usize; 3], Next)>> {
    let counts = [0usize..3, 0usize..3, 1usize..4];
    let next = prop_oneof![
        2 => Just(Next::Nothing),
        2 => Just(Next::Sync),
        1 => (0..=16u64).prop_map(Next::Prune),
        1 => (0..16u64).prop_map(Next::Erase),
        1 => (0..90u8).prop_map(Next::Compact),
        1 => Just(Next::Fold),
        1 => Just(Next::Contest),
        1 => Just(Next::Keep),
        1 => Just(Next::Close),
        1 => Just(Next::Reopen),
        1 => Just(Next::Adopt),
    ];
    proptest::collection::vec((counts, next), 1..9)
}

/// The next run of a log of which others hold no beginning any more: the first one comes with what stands for that.
fn more_of(writer: &mut Writer) -> VerifiedRun {
    if writer.written > 0 {
        return writer.run(2);
    }
    let before = writer.run(ADOPTED as usize - 1);
    let (_, mut source) = in_memory();
    source.apply(1, &[before, writer.run(1)]).expect("applied");
    let log = writer.log.header().id();
    source.prune(&[(log, ADOPTED)]).expect("pruned");
    let bytes = source.prefix(&log).expect("read").expect("some was let go");
    let prefix = received_prefix(&bytes);
    let rest = source.read(&log, ADOPTED, 10_000).expect("read").expect("one is left");
    received(&rest.bytes, Some(prefix.state())).after(Arc::new(prefix))
}
