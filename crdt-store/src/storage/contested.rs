//! Logs whose authors signed two histories: what shows it is kept in the ledger, and what is held of them is marked.

use std::collections::BTreeMap;
use std::sync::Arc;

use msec_identity::LogId;

use super::Store;
use super::ledger::Record;
use crate::error::StorageError;
use crate::log::Fork;

/// Forked logs of which a store keeps the evidence, up to 32 KiB each and usually 1. Beyond it no more is kept: of a log that was
/// forked then, each peer goes on with the history that it saw first.
pub const CONTESTED_MAX: usize = 1_024;

impl Store {
    /// The logs that were forked.
    pub fn contested(&self) -> &BTreeMap<LogId, Arc<Fork>> {
        &self.ledger.told.contested
    }

    pub(super) fn keep_evidence(&mut self, fork: &Arc<Fork>) -> Result<(), StorageError> {
        if self.contested().contains_key(&fork.log()) {
            return Ok(());
        }
        if self.contested().len() >= CONTESTED_MAX {
            return Err(StorageError::TooManyForks);
        }
        self.ledger.write(&[Record::Contested(fork.clone())])?;
        self.shared.mark_contested(fork.log());
        Ok(())
    }
}
