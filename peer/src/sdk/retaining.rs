//! Letting go of what is old, as time goes by.
//!
//! | when | what |
//! |---|---|
//! | a minute after it opened, then [`Keep::every`] after the last time | it is noted what is on disk of the logs under rules |
//! | two minutes later, in which rounds of reconciliation pass | what [`Keep::copies`] neighbours hold of that is vouched for |
//! | then | what is outdated of it is let go, a few logs between two commits |
//! | once a quarter of the disk was let go | segments are rewritten where half is dead, one between two commits |
//! | something fails, or the clock was never set | the next time |
//!
//! Nothing of that is remembered but what was let go, and that stands in the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use msec_crdt_store::{Outdated, Retention, RetentionTerms, StorageError};
use msec_identity::{CollectionPath, LogId};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::status::{Kept, Over};
use crate::net::{Command, Disk, wall_clock};

/// The most rules. More are refused.
pub const KEEP_RULES_MAX: usize = 64;

/// The most copies that may be asked for: a relay has few neighbours that hold what it holds.
pub const KEEP_COPIES_MAX: usize = 16;

/// How long after it opened a peer lets go of something for the first time, at most.
const FIRST_AFTER: Duration = Duration::from_secs(60);

/// How long neighbours have to say that they hold what was noted. Neighbours that agree compare once a minute, and a quarter later
/// at most.
const SETTLE: Duration = Duration::from_secs(120);

/// The shortest pause between two looks at the store.
const EVERY_MIN: Duration = Duration::from_millis(100);

/// Logs that are let go of between two commits: of each, what stays is rolled up anew.
const LOGS_AT_ONCE: usize = 4;

/// Segments are rewritten once so many hundredths of their bytes were let go since the last time.
const LET_GO_PERCENT: u64 = 25;

/// Those of which so many hundredths are dead, or more.
const DEAD_PERCENT: u8 = 50;

/// What a peer keeps, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// How long after it let go of something it looks again. Default: 1 h.
    pub every: Duration,
    /// How many neighbours have to hold what is let go of here, at most [`KEEP_COPIES_MAX`]. 0: nobody has to, and what only this peer holds is lost. Default: 2.
    pub copies: usize,
    /// What is kept; at most [`KEEP_RULES_MAX`]. Of several that cover a collection the one with the longest path counts; where
    /// none does, all is kept. Default: none.
    pub rules: Vec<Retention>,
}

impl Default for Keep {
    fn default() -> Self {
        Self { every: Duration::from_secs(3600), copies: 2, rules: Vec::new() }
    }
}

/// Rules that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeepError {
    /// Nothing would ever go.
    #[error(
        "this rule keeps everything for ever: say for how long readings are kept, or how many bytes they may take"
    )]
    KeepsAll,
    /// Roll-ups would go before what they are of.
    #[error(
        "roll-ups would go before the readings that they are made of: keep them for as long as readings or longer, or for 0 to \
         do without them"
    )]
    RollUpsFirst,
    /// Two rules for one collection.
    #[error("there are two rules for `{collection}`: leave one away")]
    Twice {
        /// Which collection.
        collection: CollectionPath,
    },
    /// More copies than a peer may have neighbours for.
    #[error(
        "{copies} neighbours are too many: at most {KEEP_COPIES_MAX} have to hold what is let go of here"
    )]
    Copies {
        /// How many there are.
        copies: usize,
    },
    /// More rules than are looked at.
    #[error(
        "{rules} rules are too many: at most {KEEP_RULES_MAX}; a rule counts for all collections below its own"
    )]
    TooMany {
        /// How many there are.
        rules: usize,
    },
}

impl Keep {
    /// Whether all of its rules can be meant.
    pub fn check(&self) -> Result<(), KeepError> {
        if self.rules.len() > KEEP_RULES_MAX {
            return Err(KeepError::TooMany { rules: self.rules.len() });
        }
        if self.copies > KEEP_COPIES_MAX {
            return Err(KeepError::Copies { copies: self.copies });
        }
        let mut seen = BTreeSet::new();
        for rule in &self.rules {
            Self::check_rule(rule)?;
            if !seen.insert(&rule.collection) {
                return Err(KeepError::Twice { collection: rule.collection.clone() });
            }
        }
        Ok(())
    }

    /// Whether one rule can be meant.
    pub fn check_rule(rule: &Retention) -> Result<(), KeepError> {
        if rule.raw_ms.is_none() && rule.bytes_max.is_none() {
            return Err(KeepError::KeepsAll);
        }
        match (rule.raw_ms, rule.roll_ups_ms) {
            (_, None | Some(0)) => Ok(()),
            (Some(raw_ms), Some(roll_ups_ms)) if roll_ups_ms >= raw_ms => Ok(()),
            _ => Err(KeepError::RollUpsFirst),
        }
    }

    /// Says where readings wait for claims that this peer does not make.
    fn warn_of_missing_claims(&self, claimed: &[CollectionPath]) {
        let waits = |rule: &&Retention| rule.roll_ups_ms != Some(0);
        for rule in self.rules.iter().filter(waits) {
            if !claimed.iter().any(|it| it.covers(&rule.collection)) {
                tracing::warn!(
                    "readings in `{}` are let go only once claims stand for them, and this peer claims nothing there: turn claims \
                     on, unless other peers claim, or keep roll-ups for 0",
                    rule.collection
                );
            }
        }
    }
}

/// Lets go, for as long as this lives.
#[derive(Debug)]
pub(super) struct Retaining {
    task: JoinHandle<()>,
    kept: Arc<Mutex<Kept>>,
}

impl Retaining {
    pub(super) fn start(
        keep: Keep,
        claimed: Vec<CollectionPath>,
        commands: mpsc::WeakSender<Command>,
        disk: Disk,
    ) -> Self {
        keep.warn_of_missing_claims(&claimed);
        let kept = Arc::new(Mutex::new(Kept { rules: keep.rules.len(), ..Kept::default() }));
        let told = kept.clone();
        let task = tokio::spawn(async move {
            let (mut pause, mut waste) = (keep.every.min(FIRST_AFTER), 0);
            loop {
                sleep(pause).await;
                pause = keep.every.max(EVERY_MIN);
                match look(&keep, &commands, &disk, &told, &mut waste).await {
                    Ok(()) => {}
                    Err(NotLetGo::Closed) => return,
                    Err(error) => tracing::warn!(%error, "nothing is let go now, but the next time"),
                }
            }
        });
        Self { task, kept }
    }

    /// What became of the rules so far.
    pub(super) fn kept(&self) -> Kept {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Retaining {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why nothing was let go.
#[derive(Debug, thiserror::Error)]
enum NotLetGo {
    #[error("the peer is closed")]
    Closed,
    #[error("the clock shows a time before 2020: set it")]
    Clock,
    #[error("the store refuses")]
    Store(#[from] StorageError),
}

/// Notes what there is, waits, and lets go of what is outdated by then. `waste` counts the bytes that compaction would give back.
async fn look(
    keep: &Keep,
    commands: &mpsc::WeakSender<Command>,
    disk: &Disk,
    told: &Mutex<Kept>,
    waste: &mut u64,
) -> Result<(), NotLetGo> {
    let collections = keep.rules.iter().map(|rule| rule.collection.clone()).collect();
    let mark = ask(commands, |answer| Command::Mark { collections, answer }).await?;
    let vouched = if keep.copies == 0 {
        None
    } else {
        sleep(keep.every.min(SETTLE)).await;
        let copies = keep.copies;
        Some(ask(commands, |answer| Command::Vouched { mark, copies, answer }).await?)
    };
    let now = wall_clock();
    if !now.is_plausible() {
        return Err(NotLetGo::Clock);
    }
    let rules = keep.rules.clone();
    let found = disk.with(move |queries| {
        let vouched = |log: &LogId| vouched_for(vouched.as_ref(), log);
        queries.outdated(&RetentionTerms { rules: &rules, now, vouched: &|state| vouched(&state.log()) })
    });
    let Outdated { logs, retained } = found.await.ok_or(NotLetGo::Closed)??;
    for logs in logs.chunks(LOGS_AT_ONCE) {
        disk.prune(logs.to_vec()).await.ok_or(NotLetGo::Closed)??;
    }
    if retained.entries > 0 {
        let (entries, bytes) = (retained.entries, retained.bytes);
        tracing::info!(entries, bytes, logs = logs.len(), "let go of what is old, or has no room");
    }
    *waste += retained.bytes;
    {
        let mut kept = told.lock().unwrap_or_else(PoisonError::into_inner);
        kept.looked_ms = Some(now.0);
        kept.let_go_entries += retained.entries;
        kept.let_go_bytes += retained.bytes;
        (kept.unvouched_logs, kept.unclaimed_logs) = (retained.unvouched, retained.unclaimed);
        let over = retained.over.into_iter();
        kept.over = over.map(|(of, bytes)| Over { collection: of.as_str().to_owned(), bytes }).collect();
    }
    compact(disk, waste).await
}

/// Up to which entry a log is held by others; any of it, where nobody has to.
fn vouched_for(vouched: Option<&BTreeMap<LogId, u64>>, log: &LogId) -> u64 {
    vouched.map_or(u64::MAX, |vouched| vouched.get(log).copied().unwrap_or(0))
}

/// Rewrites segments if that gives enough back.
async fn compact(disk: &Disk, waste: &mut u64) -> Result<(), NotLetGo> {
    if *waste == 0 {
        return Ok(());
    }
    let stored = disk.with(msec_crdt_store::Queries::segments_bytes).await.ok_or(NotLetGo::Closed)??;
    if *waste * 100 < LET_GO_PERCENT * stored {
        return Ok(());
    }
    let done = disk.compact(DEAD_PERCENT).await.ok_or(NotLetGo::Closed)??;
    *waste = 0;
    tracing::info!(
        rewritten = done.rewritten,
        removed = done.removed,
        bytes = done.bytes,
        "segments were rewritten"
    );
    Ok(())
}

/// Asks the driver, which is not kept from closing by this.
async fn ask<T>(
    commands: &mpsc::WeakSender<Command>,
    command: impl FnOnce(oneshot::Sender<T>) -> Command,
) -> Result<T, NotLetGo> {
    let (answer, answered) = oneshot::channel();
    let commands = commands.upgrade().ok_or(NotLetGo::Closed)?;
    commands.send(command(answer)).await.map_err(|_| NotLetGo::Closed)?;
    drop(commands);
    answered.await.map_err(|_| NotLetGo::Closed)
}

#[cfg(test)]
mod tests;
