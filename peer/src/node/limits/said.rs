//! Room for logs in the mesh's own collections, which no grant limits.
//!
//! | log | who may write it | how many are held | how long it becomes |
//! |---|---|---|---|
//! | control, of a root or under a grant | roots and managers | [`CONTROL_LOGS_MAX`], whatever else is held | without end |
//! | control, `own` | whoever holds a grant | half of [`super::super::Config::logs_max`], of one author [`SAID_LOGS_HELD_MAX`] | [`SAID_ENTRIES_MAX`], where its author does not manage |
//! | receipts | whoever reads, relays or manages | the same again for each author | [`RECEIPTS_MAX`], or [`SAID_ENTRIES_MAX`] where its author only reads |
//!
//! Of what one author says of itself, and of its receipts, the [`SAID_LOGS_MAX`] logs with the lowest ids count, whichever came first. An
//! honest peer begins one, and another one each time that its store is not what it was.

use std::collections::{BTreeMap, BTreeSet};

use msec_crdt_store::{LogHeader, Run};
use msec_identity::{ControlStream, GrantId, LogId, PeerId, Right, Shown};

use super::super::control::stream_of;
use super::super::receipts::{RECEIPTS_MAX, carries};
use super::super::{Node, PublishError, StreamName};
use super::counted::{add, is_among};

/// The most control logs that are held of roots and managers. A further one is dropped.
pub const CONTROL_LOGS_MAX: usize = 16_384;
/// How many logs count of what one author says of itself, and as many of its receipts.
pub(in crate::node) const SAID_LOGS_MAX: u16 = 8;
/// How many of them are held, whether they count or not. Further ones are dropped, whatever their ids.
pub(in crate::node) const SAID_LOGS_HELD_MAX: usize = 16;
/// How many entries such a log has at most, with its header. Beyond it, its author is refused, and nobody takes more.
pub(in crate::node) const SAID_ENTRIES_MAX: u64 = 512;

/// Whose room a log takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::node) enum Room {
    /// What apps write.
    Data,
    /// What everybody may say.
    Said,
    /// What roots and managers say.
    Control,
}

impl Room {
    pub(in crate::node) fn of(header: &LogHeader) -> Self {
        match stream_of(header) {
            Some(ControlStream::Root | ControlStream::Under(_)) => Self::Control,
            _ if header.collection().is_reserved() => Self::Said,
            _ => Self::Data,
        }
    }
}

/// The logs that are held in the mesh's own collections.
#[derive(Debug, Default)]
pub(in crate::node) struct Said {
    /// By author, and whether they are control logs.
    by: BTreeMap<(PeerId, bool), BTreeSet<LogId>>,
    /// How many these are.
    pub(in crate::node) said: usize,
    /// How many there are of roots and managers.
    pub(in crate::node) control: usize,
}

impl Said {
    /// A log is held from now on. Returns the one that does not count any more.
    pub(super) fn add(&mut self, header: &LogHeader, log: LogId) -> Option<LogId> {
        match Room::of(header) {
            Room::Data => None,
            Room::Control => {
                self.control += 1;
                None
            }
            Room::Said => {
                self.said += 1;
                add(self.by.entry(key(header)).or_default(), log, SAID_LOGS_MAX)
            }
        }
    }

    /// Whether too many others of its author count before it.
    fn is_beyond(&self, header: &LogHeader, log: &LogId) -> bool {
        let others = || self.by.get(&key(header));
        Room::of(header) == Room::Said && others().is_some_and(|logs| !is_among(logs, log, SAID_LOGS_MAX))
    }

    fn of_author(&self, author: PeerId, is_control: bool) -> usize {
        self.by.get(&(author, is_control)).map_or(0, BTreeSet::len)
    }
}

fn key(header: &LogHeader) -> (PeerId, bool) {
    (header.author(), header.collection().is_control())
}

/// How many entries of a log are taken at most, by the grants that it shows.
fn entries_max(header: &LogHeader, good: &[GrantId]) -> Option<u64> {
    if Room::of(header) != Room::Said {
        return None;
    }
    let by = |is_enough: fn(msec_identity::Rights) -> bool| {
        header.grants().any(|grant| is_enough(grant.claims().rights) && good.contains(&grant.claims().id()))
    };
    match header.collection().is_control() {
        true => (!by(|rights| rights.contains(Right::Manage))).then_some(SAID_ENTRIES_MAX),
        false => Some(if by(carries) { RECEIPTS_MAX } else { SAID_ENTRIES_MAX }),
    }
}

impl Node {
    /// Whether there is no room for another log. What is not told whose it is has to say so before it is held.
    pub(in crate::node) fn is_full_for(&self, header: Option<&LogHeader>) -> bool {
        let Some(header) = header else { return false };
        let said = &self.limits.said;
        match Room::of(header) {
            Room::Control => said.control >= CONTROL_LOGS_MAX,
            Room::Data => self.data_logs_len() >= self.config.logs_max,
            Room::Said => {
                let (author, is_control) = key(header);
                said.said >= self.said_logs_max() || said.of_author(author, is_control) >= SAID_LOGS_HELD_MAX
            }
        }
    }

    fn said_logs_max(&self) -> usize {
        self.config.logs_max.div_ceil(2)
    }

    /// How many logs are held that apps write.
    pub(in crate::node) fn data_logs_len(&self) -> usize {
        self.logs.len() - self.limits.said.said - self.limits.said.control
    }

    /// Whether nothing of a log counts, since its author began too many.
    pub(in crate::node) fn is_said_too_often(&self, header: &LogHeader, log: &LogId) -> bool {
        self.limits.said.is_beyond(header, log)
    }

    /// How many entries of a run's log are taken at most.
    pub(in crate::node) fn entries_max(&self, run: &Run) -> Option<u64> {
        let most = |header: &LogHeader, shown: &Shown| match shown {
            Shown::Grants(grants) => entries_max(header, grants),
            Shown::Root(_) => None,
        };
        if let Some(state) = self.logs.get(&run.log) {
            return most(state.header(), self.logs.shown_by(&run.log)?);
        }
        let header = self.header_of_new(run).filter(|header| Room::of(header) == Room::Said)?;
        most(&header, &header.right_to_write(&self.authority).ok()?)
    }

    /// Whether this peer may begin one more log of that stream.
    pub(in crate::node) fn may_say(&self, name: &StreamName) -> bool {
        let is_own = || !matches!(name.stream.parse(), Ok(ControlStream::Root | ControlStream::Under(_)));
        let is_control = name.collection.is_control();
        !name.collection.is_reserved()
            || is_control && !is_own()
            || self.limits.said.of_author(self.peer(), is_control) < SAID_LOGS_MAX.into()
    }

    /// Whether there is room in the log that an own stream writes for one more entry.
    pub(in crate::node) fn check_length(&self, name: &StreamName) -> Result<(), PublishError> {
        let is_full = |(header, by, size): (&LogHeader, &[GrantId], u64)| {
            entries_max(header, by).is_some_and(|max| size >= max)
        };
        match self.logs.own_by(name).is_some_and(is_full) {
            true => Err(PublishError::LogsUsedUp { peer: self.peer(), stream: name.clone() }),
            false => Ok(()),
        }
    }
}
