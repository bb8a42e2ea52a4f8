//! Who could be dialled: configured, discovered and heard of, and how it went the last time.
//!
//! | a contact by hearsay | goes to |
//! |---|---|
//! | is told and checked | the passive view; a random one that has no room there is remembered |
//! | becomes a neighbour | it is linked, and neither dialled nor displaced |
//! | was left in peace | the passive view |
//! | is lost, does not answer, or was not known to live for `hearsay_ttl` | it is remembered |
//! | was not known to live for `remembered_ttl`, or longest of `remembered_max` | it is forgotten |

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use msec_identity::PeerId;

use super::config::Config;
use super::contact::{Contact, Place};
use super::dice::Dice;
use super::io::{ContactId, DialFailure, Source};
use super::message::Record;

/// Who was known to live so lately, by those whom we reach, lives in our part.
const HERE_MAX: Duration = Duration::from_secs(120);

/// First pause after a contact had no room for us.
const REFUSED_PAUSE: Duration = Duration::from_secs(4);

/// What [`Contacts::add`] takes.
pub(super) struct Heard {
    pub(super) id: ContactId,
    pub(super) source: Source,
    pub(super) peer: Option<PeerId>,
    pub(super) record: Option<Record>,
    pub(super) lived_at: Duration,
}

/// What a dial that succeeded tells.
pub(super) struct Reached {
    /// As [`Contact::is_strange`] was.
    pub(super) strange: bool,
    pub(super) fixed: bool,
    pub(super) leaf: bool,
    pub(super) source: Source,
}

#[derive(Debug, Default)]
pub(super) struct Contacts {
    table: BTreeMap<ContactId, Contact>,
    /// The contact by hearsay, or with a record, of each peer. One peer is one entry.
    by_peer: BTreeMap<PeerId, ContactId>,
    /// Those with a record: who is told of them looks here first. Of two that have one record, the last.
    by_record: BTreeMap<Record, ContactId>,
    /// The remembered ones, the one that lived longest ago first.
    by_age: BTreeSet<(Duration, ContactId)>,
    /// Those that are fixed, linked, passive and remembered: the few are looked at often, the many seldom.
    places: [BTreeSet<ContactId>; 4],
    /// Those who were dropped, to be told to the node.
    pub(super) forgotten: Vec<ContactId>,
}

impl Contacts {
    pub(super) fn get(&self, id: ContactId) -> Option<&Contact> {
        self.table.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: ContactId) -> Option<&mut Contact> {
        self.table.get_mut(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ContactId, &Contact)> {
        self.table.iter().map(|(id, contact)| (*id, contact))
    }

    pub(super) fn count(&self, place: Place) -> usize {
        self.places[place as usize].len()
    }

    /// Those who stand there, in order.
    pub(super) fn in_place(&self, place: Place) -> impl Iterator<Item = (ContactId, &Contact)> {
        let ids = self.places[place as usize].iter();
        ids.filter_map(|id| Some((*id, self.table.get(id)?)))
    }

    /// Whether this peer was lately known to live in our part.
    pub(super) fn is_here(&self, peer: &PeerId, now: Duration) -> bool {
        let contact = self.by_peer.get(peer).and_then(|id| self.table.get(id));
        contact.is_some_and(|it| !it.failed && now.saturating_sub(it.lived_at) < HERE_MAX)
    }

    /// The record that is known of a peer.
    pub(super) fn record_of(&self, peer: &PeerId) -> Option<&Record> {
        self.table.get(self.by_peer.get(peer)?)?.record.as_ref()
    }

    /// The contact that has this very record.
    pub(super) fn with_record(&self, record: &Record) -> Option<ContactId> {
        self.by_record.get(record).copied()
    }

    /// Takes in a contact, and makes room for it.
    pub(super) fn add(&mut self, heard: Heard, is_linked: bool, config: &Config, dice: &mut Dice) {
        let Heard { id, source, peer, record, lived_at } = heard;
        let fixed = source != Source::Hearsay;
        let is_fixed = self.get(id).is_some_and(Contact::is_fixed);
        if fixed && !is_fixed && self.count(Place::Fixed) >= config.fixed_max {
            // It stays what it was, if anything.
            if !self.table.contains_key(&id) {
                self.forgotten.push(id);
            }
            return;
        }
        if !self.table.contains_key(&id) {
            let contact = Contact::new(source);
            self.places[Place::Remembered as usize].insert(id);
            self.by_age.insert((contact.lived_at, id));
            self.table.insert(id, contact);
        }
        if let Some(peer) = peer
            && (!fixed || record.is_some())
            && let Some(other) = self.by_peer.insert(peer, id).filter(|other| *other != id)
            && self.table.get(&other).is_some_and(|other| !other.is_fixed())
        {
            self.drop_entry(other);
            self.by_peer.insert(peer, id);
        }
        let contact = self.table.get_mut(&id).expect("it was just put there");
        if peer.is_some() && contact.peer != peer {
            let before = contact.peer.take();
            contact.peer = peer;
            if let Some(before) = before.filter(|before| self.by_peer.get(before) == Some(&id)) {
                self.by_peer.remove(&before);
            }
        }
        let contact = self.table.get_mut(&id).expect("it is still there");
        contact.source = contact.source.min(source);
        if let Some(record) = record {
            self.set_record(id, Some(record));
        }
        self.lives(id, lived_at);
        let contact = self.table.get(&id).expect("it is still there");
        let place = match () {
            () if fixed || contact.is_fixed() => Place::Fixed,
            () if is_linked => Place::Linked,
            () => Place::Passive,
        };
        self.place(id, place, config, dice);
    }

    /// Somebody told, `age` after it was known to live, of what we know already.
    pub(super) fn heard_again(&mut self, id: ContactId, lived_at: Duration) {
        self.lives(id, lived_at);
    }

    /// It may not be dialled any more.
    pub(super) fn gone(&mut self, id: ContactId) {
        self.drop_entry(id);
    }

    pub(super) fn dialled(&mut self, id: ContactId, now: Duration) {
        if let Some(contact) = self.table.get_mut(&id) {
            contact.tried_at = now;
            contact.dialling = Some(now);
        }
    }

    /// A dial led to a link with `peer`.
    pub(super) fn reached(&mut self, id: ContactId, peer: PeerId, now: Duration, config: &Config) -> Reached {
        self.lived(id, now);
        let Some(contact) = self.table.get_mut(&id) else {
            return Reached { strange: false, fixed: false, leaf: false, source: Source::Hearsay };
        };
        let reached = Reached {
            strange: contact.is_strange(),
            fixed: contact.is_fixed(),
            leaf: contact.leaf,
            source: contact.source,
        };
        contact.dialling = None;
        (contact.failures, contact.failed, contact.denied) = (0, false, false);
        // Whom we are to keep is looked for until it is a neighbour.
        contact.met |= !(config.keep_configured && contact.source == Source::Configured);
        if contact.is_fixed() {
            contact.peer = Some(peer);
        }
        reached
    }

    /// A dial, or a greeting, led to nothing.
    pub(super) fn failed(
        &mut self,
        id: ContactId,
        why: DialFailure,
        now: Duration,
        config: &Config,
        dice: &mut Dice,
    ) {
        let Some(contact) = self.table.get_mut(&id) else { return };
        contact.dialling = None;
        match why {
            DialFailure::Refused => {
                contact.pause(now, REFUSED_PAUSE, contact.refusals, config.backoff_max, dice);
                contact.refusals = contact.refusals.saturating_add(1);
                return self.lived(id, now);
            }
            DialFailure::Denied => {
                contact.denied = true;
                contact.not_before = now.saturating_add(config.backoff_max);
            }
            DialFailure::Unreachable | DialFailure::TimedOut => {
                contact.failed = true;
                contact.back_off(now, config, dice);
            }
        }
        if contact.place == Place::Passive {
            self.place(id, Place::Remembered, config, dice);
        }
    }

    /// A dial led to nothing, and is not waited for any more. It counts once, as what it came to, and the pause begins now: a
    /// handshake that is cut off has taken longer than the pause since it was silent, and whoever is swamped by handshakes
    /// would be asked again at once.
    pub(super) fn failed_late(
        &mut self,
        id: ContactId,
        why: DialFailure,
        now: Duration,
        config: &Config,
        dice: &mut Dice,
    ) {
        if let Some(contact) = self.table.get_mut(&id) {
            contact.failures = contact.failures.saturating_sub(1);
        }
        self.failed(id, why, now, config, dice);
    }

    /// A dial is not waited for any more; its answer may still come.
    pub(super) fn too_late(&mut self, id: ContactId, now: Duration, config: &Config, dice: &mut Dice) {
        let since = self.table.get(&id).and_then(|contact| contact.dialling);
        self.failed(id, DialFailure::TimedOut, now, config, dice);
        if let Some(contact) = self.table.get_mut(&id) {
            contact.dialling = since;
        }
    }

    /// `peer` became a neighbour.
    pub(super) fn linked(&mut self, peer: &PeerId, leaf: bool, config: &Config, dice: &mut Dice) {
        for id in self.of_peer(peer) {
            if let Some(contact) = self.table.get_mut(&id) {
                contact.leaf = leaf;
                contact.met = true;
                (contact.failed, contact.denied) = (false, false);
                (contact.failures, contact.refusals) = (0, 0);
                if !contact.is_fixed() {
                    self.place(id, Place::Linked, config, dice);
                }
            }
        }
    }

    /// `peer` is a neighbour no more. `lost`: it did not leave in peace.
    pub(super) fn unlinked(
        &mut self,
        peer: &PeerId,
        lost: bool,
        now: Duration,
        config: &Config,
        dice: &mut Dice,
    ) {
        for id in self.of_peer(peer) {
            let Some(contact) = self.table.get_mut(&id) else { continue };
            let fixed = contact.is_fixed();
            if lost {
                (contact.failed, contact.tried_at) = (true, now);
                contact.back_off(now, config, dice);
            } else {
                self.lived(id, now);
            }
            if !fixed {
                self.place(id, if lost { Place::Remembered } else { Place::Passive }, config, dice);
            }
        }
    }

    /// `peer` misbehaved: it is not dialled before then.
    pub(super) fn deny(&mut self, peer: &PeerId, until: Duration) {
        for id in self.of_peer(peer) {
            if let Some(contact) = self.table.get_mut(&id) {
                (contact.denied, contact.not_before) = (true, until);
            }
        }
    }

    /// What was not known to live for too long steps back.
    pub(super) fn expire(&mut self, now: Duration, config: &Config, dice: &mut Dice) {
        let age = |contact: &Contact| now.saturating_sub(contact.lived_at);
        let old = |place, ttl| {
            let old = self.in_place(place).filter(|(_, contact)| age(contact) > ttl);
            old.map(|(id, _)| id).collect::<Vec<_>>()
        };
        let passive = old(Place::Passive, config.hearsay_ttl);
        let remembered = old(Place::Remembered, config.remembered_ttl);
        for id in passive {
            self.place(id, Place::Remembered, config, dice);
        }
        for id in remembered {
            self.drop_entry(id);
            self.forgotten.push(id);
        }
    }

    fn of_peer(&self, peer: &PeerId) -> Vec<ContactId> {
        let fixed = self.in_place(Place::Fixed).filter(|(_, contact)| contact.peer.as_ref() == Some(peer));
        let mut ids: Vec<_> = fixed.map(|(id, _)| id).collect();
        ids.extend(self.by_peer.get(peer).filter(|id| !self.places[Place::Fixed as usize].contains(id)));
        ids
    }

    /// Moves a contact, and whatever has no room afterwards.
    fn place(&mut self, id: ContactId, place: Place, config: &Config, dice: &mut Dice) {
        self.set_place(id, place);
        if self.count(Place::Passive) > config.passive_max {
            let others = self.places[Place::Passive as usize].iter().filter(|other| **other != id);
            let others: Vec<_> = others.copied().collect();
            let displaced = dice.pick(&others).unwrap_or(id);
            self.set_place(displaced, Place::Remembered);
        }
        if self.count(Place::Remembered) > config.remembered_max
            && let Some((_, oldest)) = self.by_age.first().copied()
        {
            self.drop_entry(oldest);
            self.forgotten.push(oldest);
        }
    }

    fn set_place(&mut self, id: ContactId, place: Place) {
        if let Some(contact) = self.table.get_mut(&id) {
            self.places[contact.place as usize].remove(&id);
            self.places[place as usize].insert(id);
            contact.place = place;
            if place == Place::Remembered {
                self.by_age.insert((contact.lived_at, id));
                self.set_record(id, None);
            } else {
                self.by_age.remove(&(contact.lived_at, id));
            }
        }
    }

    /// As [`Contact::lives`].
    fn lives(&mut self, id: ContactId, at: Duration) {
        self.lived(id, at);
        if let Some(contact) = self.table.get_mut(&id) {
            contact.lives(at);
        }
    }

    /// It was known to live then.
    fn lived(&mut self, id: ContactId, at: Duration) {
        let Some(contact) = self.table.get_mut(&id).filter(|contact| contact.lived_at < at) else { return };
        let before = std::mem::replace(&mut contact.lived_at, at);
        if contact.place == Place::Remembered {
            self.by_age.remove(&(before, id));
            self.by_age.insert((at, id));
        }
    }

    fn set_record(&mut self, id: ContactId, record: Option<Record>) {
        let Some(contact) = self.table.get_mut(&id) else { return };
        let before = std::mem::replace(&mut contact.record, record.clone());
        if let Some(before) = before.filter(|before| self.by_record.get(before) == Some(&id)) {
            self.by_record.remove(&before);
        }
        if let Some(record) = record {
            self.by_record.insert(record, id);
        }
    }

    fn drop_entry(&mut self, id: ContactId) {
        self.set_record(id, None);
        if let Some(contact) = self.table.remove(&id) {
            self.places[contact.place as usize].remove(&id);
            self.by_age.remove(&(contact.lived_at, id));
            if let Some(peer) = contact.peer.filter(|peer| self.by_peer.get(peer) == Some(&id)) {
                self.by_peer.remove(&peer);
            }
        }
    }
}

#[cfg(test)]
mod tests;
