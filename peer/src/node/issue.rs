//! What whoever grants and revokes needs of a node: what it may issue under, which logs a grant carries, its signature.

use std::collections::BTreeSet;

use msec_identity::{
    Admissible, Authority, CollectionPath, ControlRecord, GrantId, Holder, LogId, PeerId, Shown,
};
#[cfg(all(feature = "net", feature = "index"))]
use msec_identity::{ControlStream, Record, Verified};

use super::Node;
#[cfg(all(feature = "net", feature = "index"))]
use super::StreamName;
use super::logs::key_of;

/// A log whose header shows a grant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogUnder {
    /// The log.
    pub log: LogId,
    /// In which collection.
    pub collection: CollectionPath,
    /// Which stream of it.
    pub stream: String,
    /// Who writes it.
    pub author: PeerId,
    /// How many of its entries count and are on disk here.
    pub size: u64,
    /// The root at that size.
    pub root: [u8; 32],
    /// How many are held, whether they count or not.
    pub held: u64,
    /// The root of those.
    pub held_root: [u8; 32],
}

impl LogUnder {
    /// Whether its holder issues in it what others may.
    pub fn is_control(&self) -> bool {
        self.collection.is_control()
    }
}

impl Node {
    /// The logs that are held and show a grant, in the order of their ids.
    pub fn logs_under(&self, grant: &GrantId) -> Vec<LogUnder> {
        let shows = |shown: &Shown| matches!(shown, Shown::Grants(grants) if grants.contains(grant));
        let logs = self.logs.shown().filter(|(_, shown)| shows(shown)).map(|(log, _)| log);
        let under = |log: &LogId| {
            let state = self.logs.get(log)?;
            let header = state.header();
            // Nothing that a power cut could take away is promised to count.
            let (size, root) = match self.gossip.on_disk(&key_of(log)) {
                Some((version, _)) => (version.size, version.digest),
                None => (0, [0; 32]),
            };
            Some(LogUnder {
                log: *log,
                collection: header.collection().clone(),
                stream: header.stream().to_owned(),
                author: header.author(),
                size,
                root,
                held: state.size(),
                held_root: state.root(),
            })
        };
        logs.filter_map(under).collect()
    }
}

/// What somebody says would take away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fall {
    /// Logs of which something that is held and counts would count no more.
    pub lost_logs: usize,
    /// How many entries of them.
    pub lost_entries: u64,
    /// Logs that would be cut, of which something goes on to count.
    pub kept_logs: usize,
    /// How many entries of them.
    pub kept_entries: u64,
    /// Whose grants would count no more, in order.
    pub holders: BTreeSet<Holder>,
}

impl Node {
    /// What would be taken away if these records counted, of what this peer holds. Nothing is changed.
    pub fn what_falls(&self, records: impl IntoIterator<Item = ControlRecord>) -> Fall {
        let mut after = self.authority.clone();
        for record in records {
            // What does not count takes nothing away.
            let _ = after.learn(record);
        }
        let counts = |authority: &Authority, log: &LogId, shown: &Shown, held: u64| match authority
            .admissible(log, shown)
        {
            Admissible::All => (held, false),
            Admissible::UpTo(cut) => (cut.size.min(held), true),
            Admissible::Nothing => (0, true),
        };
        let mut fall = Fall::default();
        for (log, shown) in self.logs.shown() {
            let Some(state) = self.logs.get(log) else { continue };
            let (before, was_cut) = counts(&self.authority, log, shown, state.size());
            let (now, is_cut) = counts(&after, log, shown, state.size());
            // The mesh's own logs are not what anybody asks about.
            if state.header().collection().is_reserved() {
                continue;
            }
            if now < before {
                fall.lost_logs += 1;
                fall.lost_entries += before - now;
            } else if is_cut && !was_cut {
                fall.kept_logs += 1;
                fall.kept_entries += now;
            }
        }
        let counted = |authority: &Authority, id: &GrantId| authority.stands(id) && !authority.is_revoked(id);
        for grant in self.authority.all_grants() {
            let id = grant.id();
            if counted(&self.authority, &id) && !counted(&after, &id) {
                fall.holders.insert(grant.holder);
            }
        }
        fall
    }
}

/// A log of what apps write.
#[cfg(all(feature = "net", feature = "index"))]
pub(crate) struct DataLog {
    pub(crate) log: LogId,
    pub(crate) header: std::sync::Arc<msec_crdt_store::LogHeader>,
    /// How many entries are held.
    pub(crate) size: u64,
    /// The grants that it shows.
    pub(crate) grants: Vec<GrantId>,
}

#[cfg(all(feature = "net", feature = "index"))]
impl Node {
    /// The logs that are held but for the mesh's own, in the order of their ids.
    pub(crate) fn data_logs(&self) -> Vec<DataLog> {
        let data = self.logs.held().filter(|state| !state.header().collection().is_reserved());
        data.map(|state| DataLog {
            log: state.log(),
            header: state.header().clone(),
            size: state.size(),
            grants: match self.logs.shown_by(&state.log()) {
                Some(Shown::Grants(grants)) => grants.clone(),
                _ => Vec::new(),
            },
        })
        .collect()
    }

    /// Whose a log is that is held, and where.
    pub(crate) fn header_of(&self, log: &LogId) -> Option<std::sync::Arc<msec_crdt_store::LogHeader>> {
        self.logs.get(log).map(|state| state.header().clone())
    }

    /// The logs that are held of these collections, and how long they are.
    pub(crate) fn logs_in(&self, collection: &CollectionPath) -> Vec<(LogId, PeerId, String, u64)> {
        let of = self.logs.held().filter(|state| state.header().collection() == collection);
        of.map(|state| {
            (state.log(), state.header().author(), state.header().stream().to_owned(), state.size())
        })
        .collect()
    }

    /// How much of a log is held, whether it counts or not, and the root of that.
    pub(crate) fn log_held(&self, log: &LogId) -> Option<(u64, [u8; 32])> {
        self.logs.get(log).map(|state| (state.size(), state.root()))
    }

    /// The collection of a log that is held.
    pub(crate) fn collection_of(&self, log: &LogId) -> Option<CollectionPath> {
        self.logs.get(log).map(|state| state.header().collection().clone())
    }

    /// Whether this peer may issue there now.
    pub(crate) fn may_issue_in(&self, stream: ControlStream) -> bool {
        self.may_issue(&StreamName { collection: CollectionPath::control(), stream: stream.to_string() })
    }

    /// What it was given when it joined.
    pub(crate) fn papers(&self) -> &[ControlRecord] {
        &self.papers
    }

    /// Signs a record as this peer. Whether it counts is for others to find.
    pub(crate) fn sign<R: Record>(&self, record: R) -> Verified<R> {
        self.identity.sign(record)
    }

    /// Civil time, as the system shows it.
    pub(crate) fn wall_now(&self) -> msec_identity::UnixMillis {
        self.now.wall
    }
}
