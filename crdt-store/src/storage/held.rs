//! What the store knows of a log in memory: its state, and of its entries what is not in the index yet.

use std::sync::Arc;

use msec_identity::{LogId, RecordError, UnixMillis, Unverified, Verified, Verifier};

use super::Epoch;
use super::stretch::{Laid, Newest, Stretch};
use crate::log::{Entry, Head, LogHeader, LogState};
use crate::merkle::{CompactRange, TreeHash};
use crate::rollup::{RollUps, Told};

/// A hash is kept for every whole subtree of 16 entries, of 256, and so on: two bytes an entry. What lies between is
/// read and hashed when it is asked for.
pub(super) const NODE_LEVELS: u32 = 4;

/// A head, which is checked before anybody sees it.
#[derive(Debug, Clone)]
pub(super) enum SignedHead {
    /// Its author signed it.
    Verified(Verified<Head>),
    /// It was read back. One check when all is read covers what lies below the last one.
    Read(Unverified<Head>),
}

/// A log as of its last entry.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) header: Arc<LogHeader>,
    /// Leaves `0..size`.
    pub(super) held: CompactRange,
    /// Leaves `size..head.size`.
    pub(super) rest: CompactRange,
    pub(super) head: SignedHead,
    /// Whether all of it was written here, and nothing can be missing.
    pub(super) continuable: bool,
    /// The number of its last run; 0 if it has none.
    pub(super) run: u64,
    pub(super) newest: Option<Newest>,
    /// When the last entry was written, as [`LogState::latest`] has it.
    pub(super) latest: Option<UnixMillis>,
}

/// What stands for the entries of a log that were let go.
#[derive(Debug)]
pub(super) struct Base {
    /// Entry 0, which stays.
    pub(super) first: Entry,
    /// Leaves `1..end`.
    pub(super) between: CompactRange,
    /// The log as of its last entry that was let go.
    pub(super) facts: Facts,
    /// When that was written down.
    pub(super) epoch: Epoch,
}

impl Base {
    pub(super) fn log(&self) -> LogId {
        self.facts.head.claims().log
    }

    /// The first entry that was not let go.
    pub(super) fn end(&self) -> u64 {
        self.facts.held.end()
    }
}

/// One log: some hundred bytes, and 64 for each stretch that is not in the index.
#[derive(Debug, Clone)]
pub(super) struct HeldLog {
    /// What the index calls it.
    pub(super) number: u32,
    /// A hash of what makes a stream one: collection, name and author.
    pub(super) stream: u128,
    pub(super) facts: Facts,
    /// What was let go of it.
    pub(super) base: Option<Arc<Base>>,
    /// Whether the index knows it.
    pub(super) has_row: bool,
    /// Below this one, the index has no entries.
    pub(super) swept: u64,
    /// Entries below this one are in the index, or were let go.
    pub(super) indexed: u64,
    /// Where the other ones lie.
    pub(super) tail: Vec<Stretch>,
    /// The subtrees that became whole since, those of 16 entries first.
    pub(super) nodes: Vec<Vec<TreeHash>>,
    /// Whether the index knows less of it.
    pub(super) changed: bool,
    /// What the entries that are durable and not in the index come to, if roll-ups are kept.
    pub(super) rolled: Option<Arc<RollUps>>,
    /// Up to where it counts, if that is not all of it.
    pub(super) sight: Option<Sight>,
}

/// Up to where a log is shown and served, where its author lost the right to write it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sight {
    /// The first entry that is not.
    pub(super) end: u64,
    /// The newest reading before that, of those that were held when it was looked for.
    pub(super) newest: Option<Newest>,
}

impl SignedHead {
    pub(super) fn claims(&self) -> &Head {
        match self {
            Self::Verified(head) => head,
            Self::Read(head) => head.claims(),
        }
    }

    /// Whether `other` is this very record, under this very signature.
    pub(super) fn is(&self, other: &Unverified<Head>) -> bool {
        match self {
            Self::Verified(head) => head.is(other),
            Self::Read(head) => head == other,
        }
    }

    /// The encoding of a signed record.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Verified(head) => head.to_bytes(),
            Self::Read(head) => head.to_bytes(),
        }
    }
}

impl Facts {
    /// Of a log of which nothing is held yet.
    pub(super) fn new(header: Arc<LogHeader>, head: SignedHead) -> Self {
        let (held, rest) = (CompactRange::empty(0), CompactRange::empty(0));
        Self { header, held, rest, head, continuable: true, run: 0, newest: None, latest: None }
    }

    /// Checks the signature, if nobody has yet.
    pub(super) fn verify(&mut self, verifier: &Verifier) -> Result<(), RecordError> {
        if let SignedHead::Read(head) = &self.head {
            self.head = SignedHead::Verified(head.clone().verify_by(verifier, &self.header.author())?);
        }
        Ok(())
    }
}

impl HeldLog {
    pub(super) fn new(number: u32, facts: Facts, roll_ups: bool) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(facts.header.author().as_bytes()).update(facts.header.stream().as_bytes());
        hasher.update(&[0]).update(facts.header.collection().as_str().as_bytes());
        let hash = hasher.finalize();
        let hash = hash.as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes");
        let stream = u128::from_le_bytes(*hash);
        let indexed = facts.held.end();
        let rolled = roll_ups.then(|| Arc::new(RollUps::after(indexed)));
        Self {
            number,
            stream,
            facts,
            rolled,
            base: None,
            has_row: false,
            swept: 0,
            indexed,
            tail: Vec::new(),
            nodes: Vec::new(),
            changed: true,
            sight: None,
        }
    }

    /// One of which nothing is held yet but what stands for its beginning.
    pub(super) fn from_base(number: u32, base: &Arc<Base>, roll_ups: bool) -> Self {
        Self { base: Some(base.clone()), ..Self::new(number, base.facts.clone(), roll_ups) }
    }

    pub(super) fn id(&self) -> LogId {
        self.facts.head.claims().log
    }

    pub(super) fn size(&self) -> u64 {
        self.facts.held.end()
    }

    /// The first entry that was not let go; 0 if none was. Entry 0 is in the base.
    pub(super) fn begin(&self) -> u64 {
        self.base.as_ref().map_or(0, |base| base.end())
    }

    /// The log, as if all of it were shown.
    pub(super) fn whole(log: &Arc<Self>) -> Arc<Self> {
        if log.sight.is_none() { log.clone() } else { Arc::new(Self { sight: None, ..Self::clone(log) }) }
    }

    /// The first entry that is not shown, nor served.
    pub(super) fn end(&self) -> u64 {
        self.sight.map_or(self.size(), |sight| sight.end.min(self.size()))
    }

    /// Whether there are entries that are not shown.
    pub(super) fn is_cut(&self) -> bool {
        self.end() < self.size()
    }

    /// Whether the entry at that position is there, and shown.
    pub(super) fn shows(&self, position: u64) -> bool {
        (self.begin()..self.end()).contains(&position)
    }

    /// The newest reading that is shown.
    pub(super) fn newest(&self) -> Option<&Newest> {
        match &self.sight {
            Some(sight) if self.is_cut() => sight.newest.as_ref(),
            _ => self.facts.newest.as_ref(),
        }
    }

    /// Lets go what lies below the end of a base, which was written down.
    pub(super) fn let_go(&mut self, base: Arc<Base>) {
        self.tail.retain(|stretch| stretch.end > base.end());
        (self.base, self.changed) = (Some(base), true);
    }

    /// Whether the newest reading was not let go.
    pub(super) fn has_newest(&self) -> bool {
        self.facts.newest.is_none_or(|newest| newest.key.position >= self.begin())
    }

    /// The log's state.
    ///
    /// # Panics
    ///
    /// If its head was not checked, which is a bug: opening does.
    pub(super) fn state(&self) -> LogState {
        let SignedHead::Verified(head) = &self.facts.head else { panic!("opening checks every head") };
        LogState {
            header: self.facts.header.clone(),
            held: self.facts.held.clone(),
            rest: self.facts.rest.clone(),
            head: head.clone(),
            latest: self.facts.latest,
        }
    }

    /// Adds entries that were verified under `head`. Returns how many readings are in them.
    pub(super) fn add(
        &mut self,
        laid: &Laid<'_>,
        leaves: &[TreeHash],
        rest: CompactRange,
        head: SignedHead,
    ) -> u64 {
        let from = self.size();
        let readings = laid.stretches(from, &mut self.facts.newest, |stretch| self.tail.push(stretch));
        for leaf in leaves {
            let nodes = &mut self.nodes;
            self.facts.held.push_telling(*leaf, |level, _, hash| {
                if level.is_multiple_of(NODE_LEVELS) {
                    let at = (level / NODE_LEVELS - 1) as usize;
                    if nodes.len() <= at {
                        nodes.resize(at + 1, Vec::new());
                    }
                    nodes[at].push(hash);
                }
            });
        }
        (self.facts.rest, self.facts.head, self.facts.run) = (rest, head, laid.run);
        self.facts.latest = laid.entries.last().and_then(Entry::read_at);
        self.changed = true;
        debug_assert!(self.tail.last().is_none_or(|last| last.end == self.size()), "all lie somewhere");
        readings
    }

    /// Rolls up entries that are durable now, the next ones. Returns how many more bytes of memory that takes; fewer, where older
    /// rows are left out.
    pub(super) fn roll_up<'a>(&mut self, told: impl IntoIterator<Item = &'a Told>) -> isize {
        let Some(rolled) = self.rolled.as_mut().map(Arc::make_mut) else { return 0 };
        let before = rolled.bytes();
        told.into_iter().for_each(|told| rolled.add(told));
        rolled.bytes() as isize - before as isize
    }

    /// Takes back what was added since it was like this.
    pub(super) fn go_back(&mut self, facts: Facts) {
        let size = facts.held.end();
        self.tail.retain(|stretch| stretch.end <= size);
        let indexed = self.indexed;
        for (nodes, level) in self.nodes.iter_mut().zip((1..).map(|n| n * NODE_LEVELS)) {
            nodes.truncate(((size >> level) - (indexed >> level)) as usize);
        }
        self.facts = facts;
    }

    /// The root of the subtree of that level that starts at that leaf, if it is not in the index.
    pub(super) fn node(&self, level: u32, start: u64) -> Option<&TreeHash> {
        let nodes = self.nodes.get((level / NODE_LEVELS).checked_sub(1)? as usize)?;
        nodes.get((start >> level).checked_sub(self.indexed >> level)? as usize)
    }

    /// The subtrees that are not in the index: level, first leaf and root.
    #[cfg(feature = "index")]
    pub(super) fn new_nodes(&self) -> impl Iterator<Item = (u32, u64, &TreeHash)> {
        let levels = self.nodes.iter().zip((1..).map(|n| n * NODE_LEVELS));
        levels.flat_map(|(nodes, level)| {
            nodes.iter().zip(self.indexed >> level..).map(move |(node, at)| (level, at << level, node))
        })
    }

    /// All of it is in the index now.
    pub(super) fn forget_indexed(&mut self) {
        self.indexed = self.size();
        (self.tail, self.nodes) = (Vec::new(), Vec::new());
        (self.changed, self.has_row, self.swept) = (false, true, self.begin());
        self.rolled = self.rolled.take().map(|_| Arc::new(RollUps::after(self.indexed)));
    }

    /// The stretch that holds that position, if it is not in the index: its place in the tail.
    pub(super) fn in_tail(&self, position: u64) -> Option<usize> {
        let after = self.tail.partition_point(|stretch| stretch.from <= position);
        after.checked_sub(1).filter(|at| self.tail[*at].holds(position))
    }
}
