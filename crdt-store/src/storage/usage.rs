//! What is held, what was let go, and what of the disk it takes.

use msec_identity::LogId;

use super::segments;
use super::shared::{Queries, Shared};
use crate::error::StorageError;
use crate::log::LogState;

/// A log that lacks its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetGo {
    /// The log as it is now.
    pub state: LogState,
    /// The entries from 1 up to this one are gone.
    pub begin: u64,
}

impl LetGo {
    /// Which log.
    pub fn log(&self) -> LogId {
        self.state.log()
    }

    /// How many entries are gone. Entry 0, the header, stays.
    pub fn entries(&self) -> u64 {
        self.begin.saturating_sub(1)
    }
}

/// What of the disk is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// All bytes of segments.
    pub segments_bytes: u64,
    /// Those of entries that are held. What else there is are heads and hashes of runs, and what is dead.
    pub entries_bytes: u64,
}

impl Queries {
    /// The logs that lack their beginning, in the order of their ids.
    pub fn let_go(&self) -> Vec<LetGo> {
        let logs = self.0.logs();
        let gone = logs.values().filter(|log| log.begin() > 1);
        gone.map(|log| LetGo { state: log.state(), begin: log.begin() }).collect()
    }

    /// All bytes of segments.
    pub fn segments_bytes(&self) -> Result<u64, StorageError> {
        let _stay = self.0.files_stay();
        segments_bytes(&self.0)
    }

    /// What of the disk is used. It is looked up where each stretch of each log lies.
    pub fn usage(&self) -> Result<Usage, StorageError> {
        let _stay = self.0.files_stay();
        self.0.note(usage(&self.0))
    }
}

fn segments_bytes(shared: &Shared) -> Result<u64, StorageError> {
    let medium = shared.medium.as_ref();
    Ok(segments::bytes_of(medium, &segments::list(medium)?)?)
}

fn usage(shared: &Shared) -> Result<Usage, StorageError> {
    let view = shared.view();
    let mut usage = Usage { segments_bytes: segments_bytes(shared)?, entries_bytes: 0 };
    let logs: Vec<_> = shared.logs().values().cloned().collect();
    for log in logs {
        for stretch in view.stretches(&log) {
            usage.entries_bytes += u64::from(stretch?.len);
        }
    }
    Ok(usage)
}
