//! Sealed collections: who makes epochs, who wraps them for whom, and how what is published there is sealed.
//!
//! A collection is sealed once an epoch of it counts ([`msec_identity::Authority::sealed`]), with all that lies below it. All that is said of
//! it travels as control entries, which everybody holds:
//!
//! ```text
//! who may read or write there   --> its sealing key, in its own control log (`own`)
//! a manager                     --> wraps for itself, then the epoch, in its control log: so that no crash leaves an epoch without a reader
//! the same                      --> wraps for all others, 80 to a record, 80 at a time
//! a writer that has the names   --> in its log: the day's key, sealed to the epoch; its label; then a body for each reading
//! a reader                      --> opens its wraps, and gives whoever queries the store what it holds ([`Keys`])
//! ```
//!
//! `making` has the transitions of a manager's peer, `writing` those of a writer's. There is no other storage of secrets: whoever made an
//! epoch wrapped it for itself, and opens that after a restart. A writer keeps the day's key in memory; after a restart it draws another.
//!
//! What readers get: every epoch that began while they could read, and nothing older. What is sealed to an epoch that lost against another one of the
//! same number, or whose maker was revoked since, stays readable to those who were given it.
//!
//! Names outlive epochs. So a writer that was wrapped for once goes on in every later epoch without being wrapped for again.

mod keys;
#[cfg(any(feature = "index", not(feature = "net")))]
mod making;
#[cfg(any(feature = "index", not(feature = "net")))]
mod view;
#[cfg(any(feature = "index", not(feature = "net")))]
mod wrapped;
mod writing;

use std::collections::BTreeMap;
#[cfg(any(feature = "index", not(feature = "net")))]
use std::collections::BTreeSet;
use std::time::Duration;

use msec_identity::sealed::{EpochRecord, NamesSecret, Opened, SealingKey, Wrap, Wraps};
use msec_identity::{CollectionPath, ControlStream, EpochId, PeerId, Right, UnixMillis, Verified};

pub use self::keys::Keys;
#[cfg(any(feature = "index", not(feature = "net")))]
pub use self::view::{SealedView, Waits};
pub use self::writing::SEALED_READINGS_MAX;
use self::writing::Writer;
use super::receipts::NOBODY;
use super::{Content, Node, StreamName, StreamSpec};

/// Whether this program makes epochs, and opens what is sealed. A sensor's, which is built without `index`, only seals.
const MAKES: bool = cfg!(any(feature = "index", not(feature = "net")));

/// Wraps that wait for their epoch's record: those for this peer, and of each maker that for itself. Of further ones none is kept, until the
/// next start, when all records are known before wraps are looked at.
const UNOPENED_MAX: usize = 4_096;
/// The most of them by one issuer.
const UNOPENED_OF_ONE_ISSUER_MAX: usize = 64;
/// How often it is looked for what time brings: grants that end, epochs that grow old.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// How long a sealing key is endorsed.
const KEY_VALID_MS: i64 = 365 * DAY_MS;
/// How long before the end of that it is endorsed again.
const KEY_RENEWED_MS: i64 = 30 * DAY_MS;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// What is known of sealed collections.
#[derive(Debug, Default)]
pub(super) struct Sealing {
    /// The current epoch of each.
    heads: BTreeMap<CollectionPath, Verified<EpochRecord>>,
    /// An epoch of each that was sealed once and has none that counts.
    headless: BTreeMap<CollectionPath, Verified<EpochRecord>>,
    /// Whether something came on which that depends.
    stale: bool,
    /// When to look again.
    due: Option<Duration>,
    /// This peer's key, once something is wrapped for it.
    key: Option<SealingKey>,
    /// Until when it was endorsed last, on disk or on the way there.
    endorsed_until: Option<UnixMillis>,
    /// Wraps that were entered, and not looked at yet: what comes with them may be their epoch.
    entered: Vec<Wraps>,
    /// Wraps whose epoch is not known yet, by issuer, epoch and holder: a false one takes no other's place.
    pub(in crate::node) unopened: BTreeMap<(PeerId, EpochId, PeerId), Wrap>,
    /// The names' secrets by what epoch records say of them.
    names: BTreeMap<[u8; 32], NamesSecret>,
    /// What it reads.
    keys: Keys,
    /// The streams that it seals.
    writers: BTreeMap<StreamName, Writer>,
    #[cfg(any(feature = "index", not(feature = "net")))]
    pub(in crate::node) wrapped: wrapped::Wrapped,
    #[cfg(any(feature = "index", not(feature = "net")))]
    /// Epochs that it made and that are not on disk yet.
    made: BTreeMap<CollectionPath, EpochId>,
    /// Whose sealing key is one that everybody can open: nothing is wrapped for it before the next start.
    #[cfg(any(feature = "index", not(feature = "net")))]
    unfit: BTreeSet<PeerId>,
    #[cfg(any(feature = "index", not(feature = "net")))]
    /// When it does what another manager leaves undone.
    takes_over: BTreeMap<CollectionPath, Duration>,
}

impl Sealing {
    /// When to look again.
    pub(super) fn due(&self) -> Option<Duration> {
        self.due
    }

    fn seals(&self) -> bool {
        !self.heads.is_empty() || !self.headless.is_empty()
    }

    /// Grants changed, or epochs or keys came. Where nothing is sealed, grants are nothing to look at.
    pub(super) fn changed(&mut self, epochs_came: bool) {
        self.stale = true;
        if epochs_came || self.seals() {
            self.due = Some(Duration::ZERO);
        }
    }
}

impl Node {
    /// What this peer opens of what is sealed: shared, and always as it is now.
    pub fn keys(&self) -> Keys {
        self.sealing.keys.clone()
    }

    /// The sealed collections and their current epochs.
    pub fn sealed(&self) -> &BTreeMap<CollectionPath, Verified<EpochRecord>> {
        &self.sealing.heads
    }

    /// Wraps were entered by whoever signs the log that they stand in. They are looked at once all is known that came with them.
    pub(super) fn wraps_entered(&mut self, wraps: Wraps) {
        self.sealing.entered.push(wraps);
    }

    /// Looks at the wraps that were entered: opens those for this peer, and notes for whom the others are.
    pub(super) fn look_at_wraps(&mut self) {
        let entered = std::mem::take(&mut self.sealing.entered);
        if entered.is_empty() {
            return;
        }
        self.know_sealed();
        let me = self.peer();
        for wraps in entered {
            let (id, issuer) = (wraps.epoch, wraps.issuer);
            let record = self.authority.epoch(&id).cloned();
            if !self.authority.managed_once(&issuer, record.as_ref().map(|record| &record.collection)) {
                continue;
            }
            for wrap in wraps.of_epoch() {
                match &record {
                    Some(record) => self.take_wrap(record, wrap, issuer),
                    None if [me, issuer].contains(&wrap.holder()) => self.keep_unopened(id, wrap, issuer),
                    None => {}
                }
            }
        }
    }

    fn keep_unopened(&mut self, epoch: EpochId, wrap: &Wrap, by: PeerId) {
        let unopened = &mut self.sealing.unopened;
        let [lowest, highest] = [0, u8::MAX].map(|byte| (by, EpochId([byte; 32]), PeerId([byte; 32])));
        let of_one = unopened.range(lowest..=highest).count();
        if unopened.len() < UNOPENED_MAX && of_one < UNOPENED_OF_ONE_ISSUER_MAX {
            unopened.insert((by, epoch, wrap.holder()), wrap.clone());
        }
    }

    /// A wrap of an epoch that is known, by somebody who managed its collection.
    fn take_wrap(&mut self, record: &Verified<EpochRecord>, wrap: &Wrap, by: PeerId) {
        if wrap.holder() == self.peer() {
            if !self.sealing.keys.holds(&record.id()) {
                self.open_wrap(record, wrap);
            }
            self.sealing.due = Some(Duration::ZERO);
        }
        #[cfg(any(feature = "index", not(feature = "net")))]
        if self.is_believed(&by, record) {
            self.note_wrapped(record.id(), wrap, by);
        }
        #[cfg(not(any(feature = "index", not(feature = "net"))))]
        let _ = by;
    }

    /// Finds out which collections are sealed now, and opens what was wrapped for this peer.
    pub(super) fn know_sealed(&mut self) {
        if !std::mem::take(&mut self.sealing.stale) {
            return;
        }
        self.sealing.heads = self.authority.sealed();
        let heads = &self.sealing.heads;
        let once = self.authority.once_sealed().filter(|epoch| !heads.contains_key(&epoch.collection));
        self.sealing.headless = once.map(|epoch| (epoch.collection.clone(), epoch.clone())).collect();
        let known: Vec<_> = self.sealing.unopened.keys().copied().collect();
        for of in known {
            let (by, epoch, _) = of;
            let Some(record) = self.authority.epoch(&epoch).cloned() else { continue };
            let Some(wrap) = self.sealing.unopened.remove(&of) else { continue };
            if self.authority.managed_once(&by, Some(&record.collection)) {
                self.take_wrap(&record, &wrap, by);
            }
        }
    }

    fn open_wrap(&mut self, record: &Verified<EpochRecord>, wrap: &Wrap) {
        let key = self.sealing_key();
        match wrap.open(record, &key) {
            Ok(Opened::Reader(secret)) => {
                self.sealing.names.insert(record.names, secret.names().clone());
                if MAKES {
                    self.sealing.keys.add(record, secret);
                }
            }
            Ok(Opened::Writer(names)) => drop(self.sealing.names.insert(record.names, names)),
            // Base mode proves no sender: what is not what the record says is nobody's word.
            Err(error) => {
                tracing::warn!(collection = %record.collection, %error, "a wrap for this peer does not open")
            }
        }
    }

    fn sealing_key(&mut self) -> SealingKey {
        if let Some(key) = &self.sealing.key {
            return key.clone();
        }
        let key = self.endorse_until(self.key_valid_until());
        self.sealing.key.insert(key).clone()
    }

    fn endorse_until(&self, until: UnixMillis) -> SealingKey {
        self.identity.sealing_key(self.authority.space(), 0, until)
    }

    /// Without end, where the clock was never set: nothing else would be wrapped for a sensor without one.
    fn key_valid_until(&self) -> UnixMillis {
        self.wall().map_or(UnixMillis(i64::MAX), |now| now.saturating_add(KEY_VALID_MS))
    }

    /// Does what is to be done now.
    pub(super) fn tend_sealing(&mut self) {
        if self.sealing.due.is_none_or(|due| due > self.now.mono) {
            return;
        }
        self.know_sealed();
        if !self.sealing.seals() {
            self.sealing.due = None;
            return;
        }
        self.sealing.due = Some(self.now.mono + LOOK_EVERY);
        self.endorse_key();
        #[cfg(any(feature = "index", not(feature = "net")))]
        self.make();
    }

    /// Says to which key this peer's wraps are to be sealed, if it may read or write something that is sealed.
    fn endorse_key(&mut self) {
        let now = self.wall();
        let has_business = |node: &Self| {
            let mut own = node
                .grants()
                .filter(|grant| grant.is_valid(now))
                .filter(|grant| grant.rights.contains(Right::Read) || grant.rights.contains(Right::Write));
            own.any(|grant| node.sealing.heads.keys().any(|sealed| grant.resource.covers(sealed)))
        };
        let lasts = |until: UnixMillis| now.is_none_or(|now| until > now.saturating_add(KEY_RENEWED_MS));
        let said = self.authority.sealing_key(&self.peer()).map(|key| key.not_after);
        if said.into_iter().chain(self.sealing.endorsed_until).any(lasts) || !has_business(self) {
            return;
        }
        let until = self.key_valid_until();
        let key = self.endorse_until(until);
        let record = key.endorsement().clone();
        self.sealing.key = Some(key);
        match self.enter_record(ControlStream::Own, record) {
            Ok(()) => self.sealing.endorsed_until = Some(until),
            Err(error) => tracing::debug!(%error, "the sealing key is not endorsed yet"),
        }
    }

    /// Enters a record in a control log of this peer. Nobody waits for it.
    fn enter_record(
        &mut self,
        stream: ControlStream,
        record: impl Into<msec_identity::ControlRecord>,
    ) -> Result<(), super::PublishError> {
        let name = StreamName { collection: CollectionPath::control(), stream: stream.to_string() };
        let spec = StreamSpec { name, unit: None, place: None };
        self.append(NOBODY, &spec, Content::Control(Box::new(record.into())))
    }
}
