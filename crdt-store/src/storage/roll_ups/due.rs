//! What a peer may truly say of the logs that it holds: claims of what its entries come to, and countersignatures of what
//! others claimed.
//!
//! | what is held | what is due |
//! |---|---|
//! | a claim of somebody else that fits the log, with all its entries | it is recomputed; if it comes to the same, a countersignature |
//! | entries after the last one that this peer has claimed, or countersigned from there on | a claim, as far as one goes |
//!
//! All of it is read from the store: whoever is stopped goes on where its logs end.

use std::collections::BTreeSet;
use std::ops::Range;

use msec_identity::{CollectionPath, LogId, PeerId};

use super::super::held::HeldLog;
use super::super::shared::Queries;
use super::super::view::View;
use super::chosen::Known;
use super::{Found, rolled};
use crate::error::{ClaimError, StorageError};
use crate::rollup::{ClaimHash, ClaimView, Confirmed, Recompute, Recomputed, Resolution};

/// The most entries of which one claim is made. More are claimed by several; claims of others over more are not
/// countersigned. It is what is read in about a second from an SD card.
pub const CLAIM_ENTRIES_MAX: u64 = 100_000;

/// The most entries that are read for one answer, but for those of one claim: others ask, too.
const ENTRIES_READ_MAX: u64 = 2 * CLAIM_ENTRIES_MAX;

/// The stream of a collection in which a peer claims and countersigns.
pub const ROLL_UPS_STREAM: &str = "roll-ups";

/// What a peer is willing to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueQuery {
    /// Who asks.
    pub me: PeerId,
    /// Of logs in this collection and those below it.
    pub collection: CollectionPath,
    /// How long the buckets are that it claims. Those of others may be of any length.
    pub resolution: Resolution,
    /// Whether it claims and countersigns what others wrote, too.
    pub of_others: bool,
    /// At most so many.
    pub limit: usize,
}

/// What is due, or the first of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Due {
    /// At most as many as were asked for.
    pub statements: Vec<Statement>,
    /// Whether there may be more, once these are said: ask again.
    pub more: bool,
}

/// Something that is due.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The collection of the log that it is about, where it is to be said.
    pub collection: CollectionPath,
    /// What.
    pub says: Says,
}

/// What a statement says.
#[derive(Debug, Clone, PartialEq)]
pub enum Says {
    /// What entries come to.
    Claim(Recomputed),
    /// That somebody's claim is right.
    Countersignature(Confirmed),
}

impl Queries {
    /// What is due. `refused` are claims that were looked at before and are not right; it learns further ones.
    pub fn due(&self, query: &DueQuery, refused: &mut BTreeSet<ClaimHash>) -> Result<Due, StorageError> {
        let logs = self.0.wanted(|header| {
            let is_own = header.author() == query.me;
            query.collection.covers(header.collection()) && (is_own || query.of_others)
        });
        let mut due = Due::default();
        let mut left = Left { statements: query.limit, entries: ENTRIES_READ_MAX };
        for log in logs.into_iter().filter(|log| log.newest().is_some()) {
            let collection = log.facts.header.collection().clone();
            let done = self.0.note(self.due_of(&log.id(), query, refused, &mut left))?;
            let says = done.into_iter().map(|says| Statement { collection: collection.clone(), says });
            due.statements.extend(says);
            if left.is_nothing() {
                due.more = true;
                break;
            }
        }
        Ok(due)
    }

    fn due_of(
        &self,
        log: &LogId,
        query: &DueQuery,
        refused: &mut BTreeSet<ClaimHash>,
        left: &mut Left,
    ) -> Result<Vec<Says>, StorageError> {
        let (mut due, _stay) = (Vec::new(), self.0.files_stay());
        // The log as it is while nothing moves; what lies where in it never changes.
        let (log, view, found, gone) = {
            let _still = self.0.still();
            let Some(log) = self.0.log(log) else { return Ok(due) };
            let view = self.0.view();
            let rolled = rolled(&view, &log)?;
            let found = Known { shared: &self.0, view: &view }.claims(&log)?;
            let is_whole = log.begin() == 0 && rolled.left_out.erased == 0;
            let gone = if is_whole { 0 } else { rolled.gone.max(log.begin()) };
            (log, view, found, gone)
        };
        let mut vouched: Vec<Range<u64>> = Vec::new();
        let mut end = gone;
        for Found { view: claim, .. } in &found {
            let is_made = claim.makers.contains(&query.me);
            if is_made || claim.countersigned.contains(&query.me) {
                vouched.push(claim.from..claim.to);
            } else if !left.is_nothing() && claim.from >= gone && !refused.contains(&claim.hash) {
                left.read(claim.from..claim.to);
                match self.confirmed(&view, &log, claim)? {
                    Some(Ok(confirmed)) => {
                        left.say();
                        due.push(Says::Countersignature(confirmed));
                        vouched.push(claim.from..claim.to);
                    }
                    Some(Err(error)) => {
                        tracing::warn!(log = %claim.log, from = claim.from, to = claim.to, makers = ?claim.makers, %error, "a claim is not countersigned");
                        refused.insert(claim.hash);
                    }
                    None => {}
                }
            }
            end = if is_made { end.max(claim.to) } else { end };
        }
        // What this peer countersigned counts where it goes on from its own.
        while let Some(next) = vouched.iter().filter(|it| it.start == end).map(|it| it.end).max() {
            end = next;
        }
        while !left.is_nothing() && end < log.end() {
            let Some(claim) = recomputed(&view, &log, query.resolution, end..log.end())? else { break };
            left.read(end..claim.as_claim().to());
            left.say();
            end = claim.as_claim().to();
            due.push(Says::Claim(claim));
        }
        Ok(due)
    }

    /// Recomputes a claim of somebody else. `None`: its entries are not all held, are another log's, or are too many.
    fn confirmed(
        &self,
        view: &View,
        log: &HeldLog,
        claim: &ClaimView,
    ) -> Result<Option<Result<Confirmed, crate::error::ConfirmError>>, StorageError> {
        if claim.fits != Some(true) || claim.to - claim.from > CLAIM_ENTRIES_MAX {
            return Ok(None);
        }
        let own = recomputed(view, log, claim.resolution, claim.from..claim.to)?;
        let Some(own) = own.filter(|own| own.as_claim().to() == claim.to) else { return Ok(None) };
        let said = Known { shared: &self.0, view }.read(claim)?;
        Ok(Some(own.confirm(&said)))
    }

    /// What entries of a log come to, as far as one claim goes, for whoever holds them. `None` if they are not held, or the
    /// first one alone is more than a claim of that resolution can say.
    pub fn recompute(
        &self,
        log: &LogId,
        resolution: Resolution,
        entries: Range<u64>,
    ) -> Result<Option<Recomputed>, StorageError> {
        let Some(held) = self.0.log(log).filter(|held| entries.end <= held.end()) else { return Ok(None) };
        let _stay = self.0.files_stay();
        self.0.note(recomputed(&self.0.view(), &held, resolution, entries))
    }
}

/// What one answer may still say and read.
struct Left {
    statements: usize,
    entries: u64,
}

impl Left {
    fn is_nothing(&self) -> bool {
        self.statements == 0 || self.entries == 0
    }

    fn say(&mut self) {
        self.statements = self.statements.saturating_sub(1);
    }

    fn read(&mut self, entries: Range<u64>) {
        self.entries = self.entries.saturating_sub(entries.end.saturating_sub(entries.start));
    }
}

fn recomputed(
    view: &View,
    log: &HeldLog,
    resolution: Resolution,
    entries: Range<u64>,
) -> Result<Option<Recomputed>, StorageError> {
    let mut end = entries.end.min(entries.start.saturating_add(CLAIM_ENTRIES_MAX));
    while entries.start < end {
        let Some(before) = view.prefix(log, entries.start)? else { return Ok(None) };
        let mut it = Recompute::begin(log.id(), resolution, before);
        let done = add_entries(view, log, &mut it, entries.start..end)?;
        match it.finish() {
            Ok(claim) => return Ok(Some(claim)),
            // Half of what there was has room, or half of that.
            Err(ClaimError::Bytes { .. }) => end = entries.start + (done - entries.start) / 2,
            Err(ClaimError::Empty | ClaimError::Buckets) => return Ok(None),
        }
    }
    Ok(None)
}

/// Adds entries, as far as there is room for their buckets. Returns the position after the last one.
fn add_entries(
    view: &View,
    log: &HeldLog,
    it: &mut Recompute,
    entries: Range<u64>,
) -> Result<u64, StorageError> {
    let mut at = entries.start;
    while at < entries.end {
        let stretch = view.stretch(log, at)?;
        for ((entry, _), position) in view.entries(&stretch)?.into_iter().zip(stretch.from..) {
            if position < at || position >= entries.end {
                continue;
            }
            if it.push(&entry).is_err() {
                return Ok(at);
            }
            at += 1;
        }
    }
    Ok(at)
}
