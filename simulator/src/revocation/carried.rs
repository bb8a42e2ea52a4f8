//! What a message carries of which log, for those who look at links.

use msec_crdt_store::{Prefix, Run};
use msec_identity::LogId;
use msec_peer::gossip::payloads;

/// What one message brings of a log.
#[derive(Debug)]
pub(crate) struct Carried {
    pub(crate) log: LogId,
    /// The position after the last entry that it brings.
    pub(crate) end: u64,
    pub(crate) bytes: usize,
    /// The entries themselves. `None`: it is a prefix, which stands for entries.
    run: Option<Run>,
}

/// All that a message brings. Nothing of what is no message of gossip.
pub(crate) fn carried(frame: &[u8]) -> Vec<Carried> {
    payloads(frame).into_iter().filter_map(of).collect()
}

fn of(payload: &[u8]) -> Option<Carried> {
    let bytes = payload.len();
    if Prefix::is_meant(payload) {
        let prefix = Prefix::from_bytes(payload).ok()?;
        return Some(Carried { log: prefix.log(), end: prefix.end(), bytes, run: None });
    }
    let run = Run::from_bytes(payload).ok()?;
    let end = run.from.saturating_add(run.entries.len() as u64);
    Some(Carried { log: run.log, end, bytes, run: Some(run) })
}

/// Bytes of what it brings from a position on.
pub(crate) fn beyond(carried: &Carried, size: u64) -> usize {
    if carried.end <= size {
        return 0;
    }
    let below = carried.run.as_ref().filter(|run| run.from < size).and_then(|run| run.clone().up_to(size));
    carried.bytes.saturating_sub(below.map_or(0, |run| run.to_bytes().len()))
}
