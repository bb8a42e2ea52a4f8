//! A manager's peer: new epochs, and wraps of those that there are.
//!
//! Whoever made the current epoch of a collection tends it, as long as it manages the collection and reads it. For one collection:
//!
//! | what it finds | what it does |
//! |---|---|
//! | a reader of the current epoch may read no more, as far as those say for whom it was wrapped who manage | a new epoch, at once |
//! | the current epoch is older than [`Config::epoch_max_age`] | a new epoch |
//! | a reader whose grant begins later than the current epoch | a new epoch, once the current one is a minute old: one for all who wait |
//! | it cannot open the current epoch | a new epoch |
//! | a reader or writer that an epoch was not wrapped for, which its grant covers | wraps, [`WRAPS_PER_TURN`] at a time, then others have their turn |
//! | what was sealed once has no epoch that counts: its maker's log was cut | a first one, within half a minute or up to twice that |
//! | somebody else made the current epoch | the same, once it was left undone for [`Config::seal_takeover`] and up to half as long again; where that one manages no more, within half a minute |
//!
//! Two managers that begin an epoch at the same time both wrap theirs; the lower hash is the current one, and what was sealed to the other stays
//! readable. A peer whose clock was never set makes nothing: it cannot tell who may read now.
//!
//! [`Config::epoch_max_age`]: crate::node::Config::epoch_max_age
//! [`Config::seal_takeover`]: crate::node::Config::seal_takeover

use std::collections::BTreeMap;
use std::time::Duration;

use msec_identity::sealed::{
    EpochRecord, EpochSecret, NamesSecret, SealingEndorsement, WRAPS_MAX, Wrap, WrapList, Wraps,
};
use msec_identity::{CollectionPath, ControlStream, Entitled, EpochId, PeerId, Right, UnixMillis, Verified};
use rand_core::Rng;

use crate::node::receipts::NOBODY;
use crate::node::{Content, Node, Output, PublishError, StreamName, StreamSpec, Ticket};

/// Wraps that are made before others have their turn: each takes about 0.15 ms.
const WRAPS_PER_TURN: usize = WRAPS_MAX;
/// How long others have it then.
const TURN_PAUSE: Duration = Duration::from_millis(10);
/// How old an epoch is at least before one begins for who came later.
const JOINERS_WAIT_MS: i64 = 60_000;
/// Up to how long it takes until somebody goes on for a manager that manages no more.
const ORPHAN_JITTER: Duration = Duration::from_secs(30);

/// One wrap to be made.
struct Wanted {
    holder: PeerId,
    reads: bool,
    key: Verified<SealingEndorsement>,
}

impl Node {
    /// Remembers for whom an epoch was wrapped.
    pub(super) fn note_wrapped(&mut self, epoch: EpochId, wrap: &Wrap, by: PeerId) {
        let (me, authority, sealing) = (self.identity.peer(), &self.authority, &mut self.sealing);
        let heads = &sealing.heads;
        let worth = |id: &EpochId| {
            let record = authority.epoch(id);
            let is_head = |it: &EpochRecord| heads.get(&it.collection).is_some_and(|head| head.id() == *id);
            (
                record.is_none_or(|it| is_head(it)),
                record.is_some_and(|it| it.issuer == me),
                record.map(|it| it.not_before),
            )
        };
        sealing.wrapped.note(epoch, (wrap.holder(), wrap.reads(), by), worth);
    }

    /// Begins to seal a collection in which nothing lies yet.
    pub(in crate::node) fn seal(&mut self, ticket: Ticket, collection: CollectionPath) {
        self.know_sealed();
        if let Err(error) = self.seal_first(ticket, collection) {
            self.output(Output::Published { ticket, result: Err(error) });
        }
    }

    fn seal_first(&mut self, ticket: Ticket, collection: CollectionPath) -> Result<(), PublishError> {
        if collection.is_reserved() || collection == CollectionPath::everything() {
            return Err(PublishError::Reserved { collection });
        }
        if self.sealing.heads.contains_key(&collection) || self.sealing.made.contains_key(&collection) {
            return Err(PublishError::IsSealed { collection });
        }
        let Some(now) = self.wall() else { return Err(PublishError::ClockUnset) };
        let Some(stream) = self.manages(&collection, now) else {
            return Err(PublishError::NotManaged { peer: self.peer(), collection });
        };
        let lies_there = |state: &msec_crdt_store::LogState| collection.covers(state.header().collection());
        let logs = self.logs.held().filter(|state| lies_there(state)).count();
        // What was sealed once holds what was sealed then.
        if logs > 0 && !self.sealing.headless.contains_key(&collection) {
            return Err(PublishError::InClear { collection, logs });
        }
        self.begin_epoch(ticket, stream, &collection, now)
    }

    /// The control stream in which this peer may enter epochs of a collection: by one grant it manages it and reads it, or as a root.
    fn manages(&self, collection: &CollectionPath, now: UnixMillis) -> Option<ControlStream> {
        let me = self.peer();
        if !self.authority.allows(&me, Right::Read, collection, Some(now)) {
            return None;
        }
        // Where several roots must agree, what one of them says alone does not count.
        if self.authority.roots().contains(&me) && self.authority.threshold() == 1 {
            return Some(ControlStream::Root);
        }
        let manages = |grant: &&Verified<msec_identity::Grant>| {
            grant.rights.contains(Right::Manage)
                && grant.rights.contains(Right::Read)
                && grant.resource.covers(collection)
                && grant.is_valid(Some(now))
        };
        let longest = self.grants().filter(manages).max_by_key(|grant| (grant.not_after, grant.id()));
        longest.map(|grant| ControlStream::Under(grant.id()))
    }

    /// Wraps a new epoch for this peer, and enters it: in this order, so that no crash leaves one that nobody opens.
    fn begin_epoch(
        &mut self,
        ticket: Ticket,
        stream: ControlStream,
        collection: &CollectionPath,
        now: UnixMillis,
    ) -> Result<(), PublishError> {
        let head = self.sealing.heads.get(collection).cloned();
        // Names outlive epochs, also those that count no more.
        let before = head.as_ref().or_else(|| self.sealing.headless.get(collection));
        let names = before.and_then(|before| self.sealing.names.get(&before.names).cloned());
        let names = names.unwrap_or_else(|| NamesSecret::draw(&mut self.rng));
        let secret = EpochSecret::draw(names, &mut self.rng);
        let (space, me) = (self.authority.space(), self.peer());
        let record = secret.record((space, me), collection.clone(), head.as_deref(), now);
        let record = self.identity.sign(record);
        let key = self.sealing_key();
        let wrap = Wrap::for_reader(&secret, &record, key.endorsement(), Some(now), &mut self.rng)?;
        let id = record.id();
        self.enter_wraps(stream, id, vec![wrap])?;
        let name = StreamName { collection: CollectionPath::control(), stream: stream.to_string() };
        let spec = StreamSpec { name, unit: None, place: None };
        self.append(ticket, &spec, Content::Control(Box::new(record.into())))?;
        self.sealing.made.insert(collection.clone(), id);
        Ok(())
    }

    fn enter_wraps(
        &mut self,
        stream: ControlStream,
        epoch: EpochId,
        wraps: Vec<Wrap>,
    ) -> Result<(), PublishError> {
        let (space, issuer) = (self.authority.space(), self.peer());
        let holders: Vec<_> = wraps.clone();
        let wraps = WrapList::new(wraps).expect("no turn makes more than a record holds");
        let record = self.identity.sign(Wraps { space, issuer, epoch, wraps });
        self.enter_record(stream, record)?;
        holders.iter().for_each(|wrap| self.note_wrapped(epoch, wrap, issuer));
        Ok(())
    }

    /// Does what is to be done for the collections that this peer manages.
    pub(super) fn make(&mut self) {
        let Some(now) = self.wall() else { return };
        let authority = &self.authority;
        self.sealing.made.retain(|_, id| authority.epoch(id).is_none());
        let sealing = &self.sealing;
        let collections: Vec<_> = sealing.heads.keys().chain(sealing.headless.keys()).cloned().collect();
        for collection in collections {
            let Some(stream) = self.manages(&collection, now) else {
                self.sealing.takes_over.remove(&collection);
                continue;
            };
            if self.sealing.made.contains_key(&collection) {
                continue;
            }
            match self.tend_one(stream, &collection, now) {
                Ok(true) => self.look_at(self.now.mono + TURN_PAUSE),
                Ok(false) => {}
                Err(error) => tracing::debug!(%collection, %error, "an epoch waits for its wraps"),
            }
        }
    }

    fn look_at(&mut self, at: Duration) {
        self.sealing.due = Some(self.sealing.due.map_or(at, |due| due.min(at)));
    }

    /// Looks after one collection. Says whether there may be more to do at once.
    fn tend_one(
        &mut self,
        stream: ControlStream,
        collection: &CollectionPath,
        now: UnixMillis,
    ) -> Result<bool, PublishError> {
        let Some(head) = self.sealing.heads.get(collection).cloned() else {
            if self.is_turn(collection, ORPHAN_JITTER, ORPHAN_JITTER) {
                self.begin_epoch(NOBODY, stream, collection, now)?;
            }
            return Ok(false);
        };
        let entitled = self.authority.entitled(collection, now);
        let begins = self.begins(&head, &entitled, now);
        let mut wanted = self.unwrapped(collection, &entitled, now, |_| true);
        if !begins && wanted.is_none() {
            self.sealing.takes_over.remove(collection);
            return Ok(false);
        }
        if self.acts_for(&head, collection, now) {
            if begins {
                self.begin_epoch(NOBODY, stream, collection, now)?;
                return Ok(true);
            }
        } else {
            // What it made itself it wraps, also where that is not the current epoch.
            let me = self.peer();
            wanted = self.unwrapped(collection, &entitled, now, |epoch| epoch.issuer == me);
        }
        let Some((epoch, secret, wanted)) = wanted else { return Ok(false) };
        let mut wraps = Vec::new();
        for it in wanted {
            let made = match it.reads {
                true => Wrap::for_reader(&secret, &epoch, &it.key, Some(now), &mut self.rng),
                false => Wrap::for_writer(secret.names(), &epoch, &it.key, Some(now), &mut self.rng),
            };
            match made {
                Ok(wrap) => wraps.push(wrap),
                Err(error) => {
                    tracing::warn!(holder = %it.holder, %error, "nothing can be wrapped for a peer");
                    self.sealing.unfit.insert(it.holder);
                }
            }
        }
        if wraps.is_empty() {
            return Ok(false);
        }
        self.enter_wraps(stream, epoch.id(), wraps)?;
        Ok(true)
    }

    /// Whether a new epoch is to begin.
    fn begins(&self, head: &EpochRecord, entitled: &BTreeMap<PeerId, Entitled>, now: UnixMillis) -> bool {
        let id = head.id();
        if !self.sealing.keys.holds(&id) {
            return true;
        }
        let age_ms = now.0.saturating_sub(head.not_before.0);
        let age_max_ms = i64::try_from(self.config.epoch_max_age.as_millis()).unwrap_or(i64::MAX);
        let reads = |holder: &PeerId| entitled.get(holder).is_some_and(|it| it.reads_from.is_some());
        let is_left = match self.sealing.wrapped.is_lost(&id) {
            true => self.lost_a_reader(head, now, reads),
            false => {
                let wrapped = self.sealing.wrapped.of.get(&id).into_iter().flatten();
                let mut left = wrapped.filter(|(holder, to_read, _)| *to_read && !reads(holder));
                left.any(|(.., by)| self.is_believed(by, head))
            }
        };
        let came_later = || {
            let later =
                entitled.iter().filter(|(_, it)| it.reads_from.is_some_and(|from| from > head.not_before));
            later.into_iter().any(|(holder, _)| {
                self.valid_key(holder, now).is_some() && !self.is_wrapped(&id, holder, true)
            })
        };
        is_left || age_ms >= age_max_ms || age_ms >= JOINERS_WAIT_MS && came_later()
    }

    /// Whether it is somebody's to say for whom an epoch was wrapped: this peer's, its maker's, and that of those who manage the collection
    /// now.
    pub(super) fn is_believed(&self, by: &PeerId, epoch: &EpochRecord) -> bool {
        let manages = |by| self.authority.allows(by, Right::Manage, &epoch.collection, self.wall());
        *by == self.peer() || *by == epoch.issuer || self.authority.roots().contains(by) || manages(by)
    }

    /// Whether the right to read of somebody ended since an epoch began: where it is not known any more for whom that was wrapped.
    fn lost_a_reader(&self, head: &EpochRecord, now: UnixMillis, reads: impl Fn(&PeerId) -> bool) -> bool {
        let readers = self.authority.readers(&head.collection, head.not_before);
        readers.iter().filter(|it| it.right == Right::Read && !reads(&it.holder)).any(|it| {
            let revoked = |at: Option<UnixMillis>| at.is_none_or(|at| at >= head.not_before);
            it.until < now || it.ended.as_ref().is_some_and(|ended| revoked(ended.at))
        })
    }

    /// The first epoch that somebody lacks, and who: as many as one turn takes.
    fn unwrapped(
        &self,
        collection: &CollectionPath,
        entitled: &BTreeMap<PeerId, Entitled>,
        now: UnixMillis,
        of: impl Fn(&EpochRecord) -> bool,
    ) -> Option<(Verified<EpochRecord>, EpochSecret, Vec<Wanted>)> {
        let mut epochs = self.authority.epochs_of(collection);
        // The current one first: it is what is read next.
        epochs.reverse();
        let head = epochs.first().map(|head| head.id());
        for epoch in epochs.into_iter().filter(|epoch| of(epoch)) {
            let id = epoch.id();
            if self.sealing.wrapped.is_lost(&id) {
                continue;
            }
            let Some(secret) = self.sealing.keys.secret(&id) else { continue };
            let lacks = |(holder, it): (&PeerId, &Entitled)| {
                let reads = it.reads_from.is_some_and(|from| from <= epoch.not_before);
                let writes = it.writes && head == Some(id);
                let lacks = match reads {
                    true => !self.is_wrapped(&id, holder, true),
                    false => writes && !self.has_names(&epoch.names, collection, holder),
                };
                if !lacks {
                    return None;
                }
                Some(Wanted { holder: *holder, reads, key: self.valid_key(holder, now)?.clone() })
            };
            let wanted: Vec<_> = entitled.iter().filter_map(lacks).take(WRAPS_PER_TURN).collect();
            if !wanted.is_empty() {
                return Some((epoch.clone(), secret, wanted));
            }
        }
        None
    }

    /// The key to which something can be wrapped for a peer now.
    pub(super) fn valid_key(
        &self,
        holder: &PeerId,
        now: UnixMillis,
    ) -> Option<&Verified<SealingEndorsement>> {
        let key = self.authority.sealing_key(holder).filter(|key| key.is_valid(Some(now)));
        key.filter(|_| !self.sealing.unfit.contains(holder))
    }

    /// Whether an epoch was wrapped for somebody, by this peer or by whoever made the epoch, or nobody knows any more. What others say they
    /// did is not relied on.
    pub(super) fn is_wrapped(&self, epoch: &EpochId, holder: &PeerId, reads: bool) -> bool {
        if self.sealing.wrapped.is_lost(epoch) {
            return true;
        }
        let Some(wrapped) = self.sealing.wrapped.of.get(epoch) else { return false };
        let made_by = self.authority.epoch(epoch).map(|epoch| epoch.issuer);
        let by = [Some(self.peer()), made_by];
        by.into_iter().flatten().any(|by| wrapped.contains(&(*holder, reads, by)))
    }

    /// Whether somebody was told the names of a collection, with whichever epoch.
    pub(super) fn has_names(&self, names: &[u8; 32], collection: &CollectionPath, holder: &PeerId) -> bool {
        let epochs = self.authority.epochs_of(collection);
        let same = epochs.into_iter().filter(|epoch| epoch.names == *names).map(|epoch| epoch.id());
        let mut same = same.filter(|id| !self.sealing.wrapped.is_lost(id));
        same.any(|id| [true, false].into_iter().any(|reads| self.is_wrapped(&id, holder, reads)))
    }

    /// Whether it is this peer's turn: it made the current epoch, or whoever did leaves undone what there is to do.
    fn acts_for(&mut self, head: &EpochRecord, collection: &CollectionPath, now: UnixMillis) -> bool {
        if head.issuer == self.peer() {
            return true;
        }
        let (issuer, authority) = (&head.issuer, &self.authority);
        let goes_on = authority.allows(issuer, Right::Read, collection, Some(now))
            && (authority.roots().contains(issuer)
                || authority.allows(issuer, Right::Manage, collection, Some(now)));
        let (wait, jitter) = match goes_on {
            true => (self.config.seal_takeover, self.config.seal_takeover / 2),
            false => (Duration::ZERO, ORPHAN_JITTER),
        };
        self.is_turn(collection, wait, jitter)
    }

    /// Whether that long has gone by, and up to so much more, since there was something to do for a collection.
    fn is_turn(&mut self, collection: &CollectionPath, wait: Duration, jitter: Duration) -> bool {
        let jitter_ms = u64::try_from(jitter.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        let latest = self.now.mono + wait + jitter;
        let at = match self.sealing.takes_over.get(collection) {
            // What somebody may have done yet, nobody may now.
            Some(at) if *at <= latest => *at,
            _ => {
                let at = self.now.mono + wait + Duration::from_millis(self.rng.next_u64() % jitter_ms);
                self.sealing.takes_over.insert(collection.clone(), at);
                at
            }
        };
        if at > self.now.mono {
            self.look_at(at);
        }
        at <= self.now.mono
    }
}
