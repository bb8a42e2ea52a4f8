//! Control entries: who may do what, as the logs in [`CollectionPath::control`] say it, and what follows when that changes.
//!
//! Everybody holds them all, whatever else they want. Each counts as soon as it is verified; an own one once it is on disk. What then
//! may no longer be done ends at once: links of those who hold no grant any more, and logs at the entry up to which they count.

use std::collections::BTreeMap;

use msec_crdt_store::{Bound, ControlEntry, Entry, EntryKind, LogHeader, LogState};
use msec_gossip::Topic;
use msec_identity::{
    Admissible, Change, CollectionPath, ControlRecord, ControlStream, Entered, Holder, LogId, Record, Right,
    Shown,
};

use super::{Content, Node, PublishError, StreamName};

/// What all of them belong to. Everybody wants it, whatever else.
pub(super) fn control() -> Topic {
    Topic::new(CollectionPath::control().as_str()).expect("a topic")
}

/// Under what the author of a control log issues in it; `None`: it is none.
pub(super) fn stream_of(header: &LogHeader) -> Option<ControlStream> {
    if header.collection().is_control() { header.stream().parse().ok() } else { None }
}

/// Whether a control log is that of a root.
fn is_of_root(state: &LogState) -> bool {
    matches!(state.header().stream().parse(), Ok(ControlStream::Root))
}

impl Node {
    /// Takes in what the store held of who may do what: control entries, and what the headers of all logs show.
    pub(super) fn load_control(&mut self, entries: Vec<ControlEntry>, logs: &[LogState]) {
        let is_control = |state: &LogState| state.header().collection().is_control();
        let (control, others): (Vec<_>, Vec<_>) = logs.iter().partition(|state| is_control(state));
        let by_id: BTreeMap<_, _> = control.iter().map(|state| (state.log(), *state)).collect();
        // What roots say comes first: who the roots are, by whose word the chains count that others show.
        let is_root = |log: &LogId| by_id.get(log).is_some_and(|state| is_of_root(state));
        let (of_roots, of_managers): (Vec<_>, Vec<_>) = entries.into_iter().partition(|it| is_root(&it.log));
        let enter = |node: &mut Self, entries: Vec<ControlEntry>| {
            for ControlEntry { log, position, record } in entries {
                if let Some(state) = by_id.get(&log) {
                    let _ = node.enter(state, position, &record);
                }
            }
        };
        enter(self, of_roots);
        control.iter().for_each(|state| self.learn_shown(state.header()));
        enter(self, of_managers);
        others.into_iter().for_each(|state| self.learn_shown(state.header()));
        self.look_at_wraps();
    }

    /// The grants that the header of a log shows count from now on, where they count at all.
    pub(super) fn learn_shown(&mut self, header: &LogHeader) {
        let change = self.authority.learn_shown(&header.author(), header.grants().map(ControlRecord::from));
        self.rights_changed(&change);
    }

    /// Entries of a log were verified, from that position on.
    pub(super) fn entered(&mut self, state: &LogState, from: u64, entries: &[Entry]) {
        let mut change = Change::default();
        for (entry, position) in entries.iter().zip(from..) {
            if let (EntryKind::Control, Some(record)) = (entry.kind, entry.body.bytes())
                && let Some(entered) = self.enter(state, position, record)
            {
                change.join(entered);
            }
        }
        self.rights_changed(&change);
        self.look_at_wraps();
        self.lease_entries_came();
    }

    fn enter(&mut self, state: &LogState, position: u64, record: &[u8]) -> Option<Change> {
        let (log, header) = (state.log(), state.header());
        if !header.collection().is_control() {
            return None;
        }
        let stream = stream_of(header)?;
        let record = ControlRecord::from_bytes(record).ok()?;
        if stream == ControlStream::Own && !record.is_of_itself(&header.author()) {
            tracing::warn!(%log, position, "a control entry that its log is not for");
            return None;
        }
        let revocation = match &record {
            ControlRecord::Revocation(it) if self.confirms() => {
                Some((it.claims().grant, it.claims().hash(), it.claims().at))
            }
            _ => None,
        };
        let rotates = matches!(record, ControlRecord::Rotation(_));
        let erasure = match &record {
            ControlRecord::Erasure(it) => Some((it.claims().hash(), it.claims().at)),
            _ => None,
        };
        if let ControlRecord::Wraps(wraps) = &record
            && wraps.claims().issuer == header.author()
            && wraps.claims().space == self.authority.space()
        {
            self.wraps_entered(wraps.claims().clone());
        }
        let place = Entered { log, author: header.author(), under: stream.under(), position };
        let entered = self.authority.enter(place, record);
        if let Err(error) = &entered {
            tracing::warn!(%log, position, %error, "a control entry does not count");
        } else if let Some((grant, hash, at)) = revocation {
            self.knows_of(grant, hash, at);
        } else if let Some((hash, at)) = erasure {
            self.knows_erasure(hash, at);
        }
        if rotates && entered.is_ok() {
            self.review_soon();
        }
        entered.ok()
    }

    /// Does what follows when grants stand otherwise than before.
    pub(super) fn rights_changed(&mut self, change: &Change) {
        if change.is_empty() {
            return;
        }
        self.sealing.changed(change.sealed);
        self.look_at_leases_soon();
        if !change.grants.is_empty() || change.everything {
            self.review_soon();
            self.ends_changed(change);
        }
        let me = Holder::Peer(self.peer());
        if change.everything || change.grants.iter().any(|(holder, _)| *holder == me) {
            self.wants_what_it_may();
        }
        self.erasures_changed(change);
        let concerns = |shown: &Shown| match shown {
            Shown::Root(_) => change.everything,
            Shown::Grants(grants) => {
                change.everything || change.grants.iter().any(|(_, grant)| grants.contains(grant))
            }
        };
        let concerned = self.logs.shown().filter(|(_, shown)| concerns(shown));
        let bounds: Vec<_> = concerned.map(|(log, shown)| (*log, self.bound_by(log, shown))).collect();
        for (log, bound) in bounds {
            self.bound_log(log, bound);
        }
    }

    /// Up to where a log counts that is written by that right; `None`: all of it does.
    pub(super) fn bound_by(&self, log: &LogId, shown: &Shown) -> Option<Bound> {
        self.logs.get(log).and_then(|state| self.bound_of(log, state.header(), shown))
    }

    /// The same of a log that shows that, whether it is held or not.
    pub(super) fn bound_of(&self, log: &LogId, header: &LogHeader, shown: &Shown) -> Option<Bound> {
        if self.is_said_too_often(header, log) {
            return Some(Bound::nothing());
        }
        // Control logs are held whole: what their authors still revoke binds, whatever became of them.
        if header.collection().is_control() {
            return None;
        }
        let within = self.shown_within(log, header, shown);
        match self.authority.admissible(log, within.as_ref().unwrap_or(shown)) {
            Admissible::All => None,
            Admissible::UpTo(cut) => Some(Bound { size: cut.size, root: cut.root }),
            Admissible::Nothing => Some(Bound::nothing()),
        }
    }

    /// Whether a log that is held is one of control entries.
    pub fn is_control_log(&self, log: &LogId) -> bool {
        self.logs.get(log).is_some_and(|state| state.header().collection().is_control())
    }

    /// Whether this peer may issue control entries in that stream.
    pub(super) fn may_issue(&self, name: &StreamName) -> bool {
        let me = self.peer();
        match name.stream.parse() {
            Ok(ControlStream::Root) => self.authority.roots().contains(&me),
            Ok(ControlStream::Under(id)) => self.authority.grant(&id).is_some_and(|grant| {
                grant.holder == Holder::Peer(me)
                    && grant.rights.contains(Right::Manage)
                    && grant.is_valid(self.wall())
                    && self.authority.stands(&id)
                    && !self.authority.is_revoked(&id)
            }),
            Ok(ControlStream::Own) => self.grants().any(|grant| grant.is_valid(self.wall())),
            Err(_) => false,
        }
    }

    /// Whether that belongs where it is to be published.
    pub(super) fn check_place(
        &self,
        name: &StreamName,
        content: Option<&Content>,
    ) -> Result<(), PublishError> {
        let is_control = name.collection.is_control();
        let fits = match content {
            Some(Content::Control(record)) => match **record {
                ControlRecord::Receipt(_) => name.collection == CollectionPath::receipts(),
                _ => {
                    is_control
                        && (name.stream.parse() != Ok(ControlStream::Own)
                            || record.is_of_itself(&self.peer()))
                }
            },
            Some(_) => !name.collection.is_reserved(),
            None => is_control || !name.collection.is_reserved(),
        };
        if fits { Ok(()) } else { Err(PublishError::Reserved { collection: name.collection.clone() }) }
    }
}
