//! What an app asks of the store about roll-ups, and about the claims that stand for entries.

use msec_identity::{CollectionPath, LogId, PeerId, UnixMillis};

use super::bucket::{Bucket, Resolution};
use super::claim::ClaimHash;
use crate::log::{LogHeader, Place};
use crate::merkle::TreeHash;
use crate::query::{Area, Near, is_wanted};

/// The most rows that one question gives, whatever its limit says. Page with `after`.
pub const ROLL_UP_ROWS_MAX: usize = 10_000;

/// Which buckets; the newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct RollUpQuery {
    /// How long the buckets are.
    pub resolution: Resolution,
    /// Of this collection and those below it.
    pub collection: CollectionPath,
    /// But not of these and those below them.
    pub without: Vec<CollectionPath>,
    /// Of streams with this name only.
    pub stream: Option<String>,
    /// Of this author only.
    pub author: Option<PeerId>,
    /// Of this log only.
    pub log: Option<LogId>,
    /// Of streams that are measured near a place only: one that moves is nowhere near.
    pub near: Option<Near>,
    /// Of streams that are measured in an area only: one that moves is in none. With `near`, both must hold.
    pub within: Option<Area>,
    /// Buckets that hold this time, and later ones.
    pub since: UnixMillis,
    /// Buckets that begin before this time.
    pub until: UnixMillis,
    /// At most so many, and at most [`ROLL_UP_ROWS_MAX`].
    pub limit: usize,
    /// After this one only: the last row of the page before.
    pub after: Option<RollUpCursor>,
}

/// A stream, as its readings are counted together: the logs that it went on in are one, unless the unit changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RolledStream {
    /// The collection.
    pub collection: CollectionPath,
    /// The stream.
    pub stream: String,
    /// Who wrote it.
    pub author: PeerId,
    /// The unit of its values.
    pub unit: String,
}

/// A row's place in an answer: of the newest bucket the first stream comes first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RollUpCursor {
    /// When the bucket begins.
    pub begin: UnixMillis,
    /// The stream.
    pub of: RolledStream,
}

/// One bucket of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct RollUpRow {
    /// Which stream.
    pub of: RolledStream,
    /// Where it is measured, if the log that it writes says so.
    pub place: Option<Place>,
    /// How long the bucket is.
    pub resolution: Resolution,
    /// When it begins.
    pub begin: UnixMillis,
    /// What the readings in it come to.
    pub bucket: Bucket,
    /// Whether claims stand for some of them.
    pub claimed: Option<Claimed>,
    /// Whether the writer signed two histories of a log, and some of them are of one of those only.
    pub contested: bool,
}

/// What is known of readings whose bodies are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Claimed {
    /// How many claims went into it.
    pub claims: u32,
    /// How many peers said so, of the claim of which the fewest did: its makers and those who countersigned.
    pub vouchers: u32,
    /// Whether the stream's writer is among them, each time.
    pub by_author: bool,
}

impl Claimed {
    /// What is known of both together.
    pub(crate) fn join(&mut self, other: &Self) {
        self.claims = self.claims.saturating_add(other.claims);
        self.vouchers = self.vouchers.min(other.vouchers);
        self.by_author &= other.by_author;
    }
}

/// A claim that is held, whoever made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimView {
    /// Its name.
    pub hash: ClaimHash,
    /// The log that it is about.
    pub log: LogId,
    /// The first entry.
    pub from: u64,
    /// The entry after the last.
    pub to: u64,
    /// The root of the log's first `to` entries, as it says.
    pub root: TreeHash,
    /// How long its buckets are.
    pub resolution: Resolution,
    /// Entries of readings that had lost their bodies when it was made.
    pub erased: u64,
    /// Whether the log that is held has that root; `None` where it is not held so far, or what shows it was let go.
    pub fits: Option<bool>,
    /// Who made it, in the order of their ids.
    pub makers: Vec<PeerId>,
    /// Who else recomputed it from the entries and said so.
    pub countersigned: Vec<PeerId>,
    /// The entries that say so: those of its makers, as log and position.
    pub at: Vec<(LogId, u64)>,
    /// The entries that countersign it.
    pub countersigned_at: Vec<(LogId, u64)>,
}

impl ClaimView {
    /// How many peers say so.
    pub fn vouchers(&self) -> usize {
        self.makers.len() + self.countersigned.len()
    }
}

impl RollUpQuery {
    /// Everything of that resolution, up to the limit.
    pub fn every(resolution: Resolution) -> Self {
        Self {
            resolution,
            collection: CollectionPath::everything(),
            without: Vec::new(),
            stream: None,
            author: None,
            log: None,
            near: None,
            within: None,
            since: UnixMillis(i64::MIN),
            until: UnixMillis(i64::MAX),
            limit: ROLL_UP_ROWS_MAX,
            after: None,
        }
    }

    /// Whether buckets of this log are wanted.
    pub(crate) fn wants(&self, log: &LogId, header: &LogHeader) -> bool {
        self.log.is_none_or(|wanted| wanted == *log)
            && self.author.is_none_or(|author| author == header.author())
            && self.collection.covers(header.collection())
            && !self.without.iter().any(|it| it.covers(header.collection()))
            && self.stream.as_ref().is_none_or(|stream| stream == header.stream())
            && is_wanted(self.near, self.within, header.place())
    }
}

impl RolledStream {
    pub(crate) fn by(header: &LogHeader) -> Self {
        Self {
            collection: header.collection().clone(),
            stream: header.stream().to_owned(),
            author: header.author(),
            unit: header.unit().to_owned(),
        }
    }
}

impl RollUpRow {
    /// Where the next page goes on.
    pub fn cursor(&self) -> RollUpCursor {
        RollUpCursor { begin: self.begin, of: self.of.clone() }
    }

    /// When the bucket ends.
    pub fn end(&self) -> UnixMillis {
        self.begin.saturating_add(self.resolution.millis())
    }
}
