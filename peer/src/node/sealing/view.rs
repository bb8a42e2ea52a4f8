//! Sealed collections, as people look at them.

use std::collections::BTreeMap;

use msec_identity::{CollectionPath, ControlRecord, EpochId, PeerId, UnixMillis};

use crate::node::Node;

/// A sealed collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedView {
    /// Which.
    pub collection: CollectionPath,
    /// Its current epoch.
    pub epoch: EpochId,
    /// The number of that.
    pub number: u32,
    /// Who made it.
    pub issuer: PeerId,
    /// When it began, by its maker's clock.
    pub since: UnixMillis,
    /// How many epochs count, with those before.
    pub epochs: usize,
    /// How many of those this peer opens.
    pub opened: usize,
    /// Readers that the current one was wrapped for.
    pub readers: usize,
    /// Writers that know the names.
    pub writers: usize,
    /// Who may read or write, and can't yet: in the order of their ids.
    pub waiting: Vec<(PeerId, Waits)>,
    /// Logs of it that are held.
    pub logs: usize,
    /// How many entries they have.
    pub entries: u64,
}

/// What somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Waits {
    /// It has not said to which key it wants to be wrapped: its peer has to run, and to be linked.
    Key,
    /// The endorsement of its key has ended: its peer has to run, and to be linked.
    NewKey,
    /// Its grant begins later than the epoch: it gets the next one.
    Epoch,
    /// A manager's peer has to wrap for it.
    Wrap,
}

impl Node {
    /// The sealed collections that are known, in the order of their names.
    pub fn sealed_view(&self) -> Vec<SealedView> {
        self.sealing.heads.keys().filter_map(|collection| self.view_of(collection)).collect()
    }

    /// One epoch each of the collections that are sealed as far as is known here, and lie in `resource` or above it: for whoever is let in
    /// there. Of two that lie in each other the upper one: all below it is sealed.
    pub fn sealed_within(&self, resource: &CollectionPath) -> Vec<ControlRecord> {
        let told = self.papers.iter().filter_map(|record| match record {
            ControlRecord::EpochRecord(epoch) => Some((epoch.claims().collection.clone(), record.clone())),
            _ => None,
        });
        let known = self.authority.once_sealed().chain(self.sealing.heads.values());
        let known = known.map(|epoch| (epoch.collection.clone(), ControlRecord::from(epoch.clone())));
        let all: BTreeMap<CollectionPath, ControlRecord> = told.chain(known).collect();
        let concerns = |path: &CollectionPath| path.covers(resource) || resource.covers(path);
        let is_upper = |path: &CollectionPath| !all.keys().any(|above| above != path && above.covers(path));
        let upper = all.iter().filter(|(path, _)| concerns(path) && is_upper(path));
        upper.map(|(_, record)| record.clone()).collect()
    }

    fn view_of(&self, collection: &CollectionPath) -> Option<SealedView> {
        let head = self.sealing.heads.get(collection)?;
        let (id, now) = (head.id(), self.now.wall);
        let epochs = self.authority.epochs_of(collection);
        let opened = epochs.iter().filter(|epoch| self.sealing.keys.holds(&epoch.id())).count();
        let logs: Vec<_> =
            self.logs.held().filter(|state| state.header().collection() == collection).collect();
        let mut view = SealedView {
            collection: collection.clone(),
            epoch: id,
            number: head.number,
            issuer: head.issuer,
            since: head.not_before,
            epochs: epochs.len(),
            opened,
            readers: 0,
            writers: 0,
            waiting: Vec::new(),
            logs: logs.len(),
            // The headers are in clear.
            entries: logs.iter().map(|state| state.size().saturating_sub(1)).sum(),
        };
        for (holder, it) in self.authority.entitled(collection, now) {
            let reads = it.reads_from.is_some();
            let is_done = match reads {
                true => self.is_wrapped(&id, &holder, true),
                false => self.has_names(&head.names, collection, &holder),
            };
            view.readers += usize::from(is_done && reads);
            view.writers += usize::from(is_done && it.writes);
            if is_done {
                continue;
            }
            let waits = match self.authority.sealing_key(&holder) {
                None => Waits::Key,
                Some(_) if self.valid_key(&holder, now).is_none() => Waits::NewKey,
                Some(_) if it.reads_from.is_some_and(|from| from > head.not_before) => Waits::Epoch,
                Some(_) => Waits::Wrap,
            };
            view.waiting.push((holder, waits));
        }
        Some(view)
    }
}
