//! Control entries and receipts, as they lie on disk: the fold keeps neither reasons nor signatures.

use msec_crdt_store::{CompactRange, EntryKind, Prefix, Run};
use msec_identity::{CollectionPath, ControlRecord, ControlStream, LogId};

use super::error::AccessFailed;
use crate::node::{Content, StreamSpec};
use crate::sdk::Peer;
use crate::sdk::error::PeerClosed;

/// The most records that are read at once. Of further ones, those in the logs with the highest ids, nothing is shown.
const RECORDS_READ_MAX: usize = 65_536;

impl Peer {
    /// What stands in the logs of a collection of the mesh's own. Each was issued by its log's author, who signed the head above it: its
    /// own signature is for those who are shown it without that.
    pub(super) async fn records_in(
        &self,
        collection: CollectionPath,
    ) -> Result<Vec<ControlRecord>, AccessFailed> {
        let logs = self.look(move |node| node.logs_in(&collection)).await?;
        let mut records = Vec::new();
        for (log, author, _, size) in logs {
            let mut from = 0;
            while from < size && records.len() < RECORDS_READ_MAX {
                let chunk = self.disk().chunk(log, from).await.ok_or(PeerClosed)??;
                let Some(chunk) = chunk.filter(|chunk| chunk.end > from) else { break };
                from = chunk.end;
                let Ok(run) = Run::from_bytes(&chunk.bytes) else { continue };
                let bodies = run.entries.iter().filter(|entry| entry.kind == EntryKind::Control);
                let read = bodies.filter_map(|entry| ControlRecord::from_bytes(entry.body.bytes()?).ok());
                records.extend(read.filter(|record| record.issuer() == Some(author)));
            }
        }
        Ok(records)
    }

    /// What roots and managers said, as far as it is held: what the peer was given when it joined, too.
    pub(super) async fn control_records(&self) -> Result<Vec<ControlRecord>, AccessFailed> {
        let mut records = self.look(|node| node.papers().to_vec()).await?;
        records.extend(self.records_in(CollectionPath::control()).await?);
        Ok(records)
    }

    /// The root of a log at that size.
    pub(super) async fn root_at(&self, log: LogId, size: u64) -> Result<[u8; 32], AccessFailed> {
        let held = self.look(move |node| node.log_held(&log)).await?;
        let (held, root) =
            held.filter(|(held, _)| *held >= size).ok_or(AccessFailed::NotHeld { log, size })?;
        if held == size {
            return Ok(root);
        }
        // What lies beyond the end of a log is read for nobody.
        let cut_below = || AccessFailed::CutBelow { log, held };
        let mut range = CompactRange::empty(0);
        while range.end() < size {
            let chunk = self.disk().chunk(log, range.end()).await.ok_or(PeerClosed)??;
            let chunk = chunk.filter(|chunk| chunk.end > range.end()).ok_or_else(cut_below)?;
            if Prefix::is_meant(&chunk.bytes) {
                return Err(AccessFailed::LetGo { log, begin: chunk.end });
            }
            let run = Run::from_bytes(&chunk.bytes).map_err(|_| cut_below())?;
            let room = usize::try_from(size - range.end()).unwrap_or(usize::MAX);
            run.entries.iter().take(room).for_each(|entry| range.push(entry.leaf()));
        }
        Ok(range.root())
    }

    /// Enters a record in this peer's own control log, and waits until it is signed and on disk.
    pub(in crate::sdk) async fn enter(
        &self,
        stream: ControlStream,
        record: impl Into<ControlRecord>,
    ) -> Result<(), AccessFailed> {
        let stream = StreamSpec::new(CollectionPath::control().as_str(), &stream.to_string())?;
        let pending = self.hand_over(stream, Content::Control(Box::new(record.into()))).await?;
        pending.await?;
        Ok(())
    }
}
