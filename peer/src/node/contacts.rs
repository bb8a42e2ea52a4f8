//! The contact book: where somebody can be dialled, under the names by which the overlay knows contacts.
//!
//! The overlay decides who is dialled, and when; where that is, only the book knows. A contact is configured, was found on an
//! own link, or is hearsay: addresses that the peer which lives there has signed. Of a peer that is known there is one contact
//! with all its addresses, the best known first: what it signs is added to what was configured. Only several configured or
//! discovered addresses, of which nobody knew that they are one peer's, stay several contacts.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use msec_gossip::overlay::{ContactId, DialFailure, Source};
use msec_identity::{AddressRecord, PeerId, Verified};

use super::Contact;

/// Dials in a row that nobody answers before a contact that was found on the own link is given up, until it is found again.
const DISCOVERED_TRIES_MAX: u32 = 6;

/// The contacts, and the dials that are under way.
#[derive(Debug, Default)]
pub(super) struct ContactBook {
    contacts: BTreeMap<ContactId, Entry>,
    /// By address, which is how a driver tells dials apart: an address is dialled for one contact at a time. It stays here
    /// until the link is admitted, or the dial has failed.
    dials: BTreeMap<SocketAddr, Dialled>,
    next: u64,
}

#[derive(Debug)]
struct Entry {
    source: Source,
    /// What was configured or found. `None`: hearsay.
    address: Option<SocketAddr>,
    /// Who must answer there. `None`: whoever the space admits.
    expected: Option<PeerId>,
    /// Who it is: who must be, who answered last, or who signed.
    peer: Option<PeerId>,
    /// What the peer said last of where it lives.
    record: Option<Box<Verified<AddressRecord>>>,
    /// Those of its addresses that may be dialled.
    signed: Vec<SocketAddr>,
    /// Set while it is being dialled.
    trying: Option<Trying>,
    /// Dials in a row that nobody answered.
    failures: u32,
    /// Until when its peer asked us to leave it alone.
    wait_until: Duration,
}

/// One round through the addresses of a contact.
#[derive(Debug)]
struct Trying {
    left: VecDeque<Target>,
    why: DialFailure,
}

/// An address, and who has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    /// `None`: whoever the space admits.
    pub(super) expected: Option<PeerId>,
    /// It stands in a record of that peer, and nowhere else.
    pub(super) signed_by: Option<PeerId>,
}

/// A dial that is under way, or in its handshake.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialled {
    pub(super) contact: ContactId,
    pub(super) target: Target,
}

/// What the overlay is to be told of a contact.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) contact: ContactId,
    pub(super) source: Source,
    pub(super) peer: Option<PeerId>,
    pub(super) record: Option<Vec<u8>>,
}

impl Entry {
    fn new(source: Source, address: Option<SocketAddr>, peer: Option<PeerId>) -> Self {
        Self {
            source,
            address,
            expected: peer,
            peer,
            record: None,
            signed: Vec::new(),
            trying: None,
            failures: 0,
            wait_until: Duration::ZERO,
        }
    }

    /// Where to dial, best known first.
    fn targets(&self) -> VecDeque<Target> {
        let own = self.address.map(|address| Target { address, expected: self.expected, signed_by: None });
        let signed = self.signed.iter().filter(|address| Some(**address) != self.address);
        let signed =
            signed.map(|address| Target { address: *address, expected: self.peer, signed_by: self.peer });
        own.into_iter().chain(signed).collect()
    }

    fn known(&self, contact: ContactId) -> Known {
        let record = self.record.as_ref().map(|record| record.to_bytes());
        Known { contact, source: self.source, peer: self.peer, record }
    }
}

/// What is in it.
impl ContactBook {
    pub(super) fn new(contacts: &[Contact]) -> Self {
        let mut book = Self::default();
        for contact in contacts {
            book.add(Entry::new(Source::Configured, Some(contact.address), contact.peer));
        }
        book
    }

    fn add(&mut self, entry: Entry) -> ContactId {
        let contact = ContactId(self.next);
        self.next += 1;
        self.contacts.insert(contact, entry);
        contact
    }

    /// All contacts, as the overlay is told of them.
    pub(super) fn all(&self) -> Vec<Known> {
        self.contacts.iter().map(|(contact, entry)| entry.known(*contact)).collect()
    }

    /// Where a contact is dialled.
    #[cfg(test)]
    pub(super) fn addresses(&self, contact: ContactId) -> Vec<SocketAddr> {
        let targets = self.contacts.get(&contact).map(Entry::targets).unwrap_or_default();
        targets.iter().map(|target| target.address).collect()
    }

    /// How many there are, and how many of them are hearsay.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.contacts.len(), self.count(Source::Hearsay))
    }

    fn count(&self, source: Source) -> usize {
        self.contacts.values().filter(|entry| entry.source == source).count()
    }

    /// Why a contact is there.
    pub(super) fn source(&self, contact: ContactId) -> Option<Source> {
        self.contacts.get(&contact).map(|entry| entry.source)
    }

    /// What this peer said last of where it lives.
    pub(super) fn record_of(&self, peer: &PeerId) -> Option<&Verified<AddressRecord>> {
        self.contacts
            .values()
            .filter(|entry| entry.peer.as_ref() == Some(peer))
            .find_map(|entry| entry.record.as_deref().filter(|record| record.peer == *peer))
    }

    /// Somebody says on an own link that it is there. Returns the contact that is new, or known already, and the one that
    /// makes room for it. At most `max` are kept: beyond it the one that failed most often gives way, and if all answered
    /// the new one is passed over.
    pub(super) fn discovered(
        &mut self,
        address: SocketAddr,
        max: usize,
    ) -> (Option<Known>, Option<ContactId>) {
        if let Some((contact, entry)) = self.contacts.iter().find(|(_, it)| it.address == Some(address)) {
            return (Some(entry.known(*contact)), None);
        }
        let mut gone = None;
        if self.count(Source::Discovered) >= max {
            let failed = |entry: &Entry| entry.source == Source::Discovered && entry.trying.is_none();
            let worst = self.contacts.iter().filter(|(_, it)| failed(it) && it.failures > 0);
            gone = worst.max_by_key(|(_, it)| it.failures).map(|(contact, _)| *contact);
            let Some(gone) = gone else { return (None, None) };
            self.contacts.remove(&gone);
        }
        let contact = self.add(Entry::new(Source::Discovered, Some(address), None));
        (self.contacts.get(&contact).map(|entry| entry.known(contact)), gone)
    }

    /// A peer says where it lives; of that, `addresses` may be dialled. `None`: there is nothing to tell, or there are `max`
    /// peers of which nothing else is known.
    pub(super) fn heard(
        &mut self,
        record: Verified<AddressRecord>,
        addresses: Vec<SocketAddr>,
        max: usize,
    ) -> Option<Known> {
        let peer = record.peer;
        let known = self.contacts.iter().filter(|(_, it)| it.peer == Some(peer));
        let contact = match known.min_by_key(|(contact, it)| (it.source, **contact)) {
            Some((contact, _)) => *contact,
            None if addresses.is_empty() || self.count(Source::Hearsay) >= max => return None,
            None => self.add(Entry::new(Source::Hearsay, None, Some(peer))),
        };
        let entry = self.contacts.get_mut(&contact)?;
        (entry.record, entry.signed) = (Some(Box::new(record)), addresses);
        Some(entry.known(contact))
    }

    /// The overlay wants no more of a contact. Only hearsay is forgotten: the others stay for as long as they are configured
    /// or found.
    pub(super) fn forget(&mut self, contact: ContactId) {
        if self.source(contact) == Some(Source::Hearsay) {
            self.contacts.remove(&contact);
        }
    }
}

/// Dials.
impl ContactBook {
    /// Who is dialled there now asks us to wait until then.
    pub(super) fn asked_to_wait(&mut self, address: SocketAddr, until: Duration) {
        let contact = self.dials.get(&address).map(|dialled| dialled.contact);
        if let Some(entry) = contact.and_then(|contact| self.contacts.get_mut(&contact)) {
            entry.wait_until = until;
        }
    }

    /// Whether its peer asked us to leave a contact alone for now.
    pub(super) fn waits(&self, contact: ContactId, now: Duration) -> bool {
        self.contacts.get(&contact).is_some_and(|entry| entry.wait_until > now)
    }

    /// A contact is to be dialled. `false`: it is being dialled already, or is gone.
    pub(super) fn start(&mut self, contact: ContactId) -> bool {
        let Some(entry) = self.contacts.get_mut(&contact).filter(|it| it.trying.is_none()) else {
            return false;
        };
        entry.trying = Some(Trying { left: entry.targets(), why: DialFailure::Unreachable });
        true
    }

    /// Where to dial it next. `None`: nowhere else.
    pub(super) fn next(&self, contact: ContactId) -> Option<Target> {
        self.contacts.get(&contact)?.trying.as_ref()?.left.front().copied()
    }

    /// The next address is passed over.
    pub(super) fn skip(&mut self, contact: ContactId) {
        if let Some(trying) = self.contacts.get_mut(&contact).and_then(|it| it.trying.as_mut()) {
            trying.left.pop_front();
        }
    }

    /// Whether an address is being dialled.
    pub(super) fn is_dialling(&self, address: SocketAddr) -> bool {
        self.dials.contains_key(&address)
    }

    /// The next address is being dialled.
    pub(super) fn dial(&mut self, contact: ContactId, target: Target) {
        self.skip(contact);
        self.dials.insert(target.address, Dialled { contact, target });
    }

    /// The dial to an address that is under way.
    pub(super) fn dialled(&self, address: SocketAddr) -> Option<&Dialled> {
        self.dials.get(&address)
    }

    /// The dial to an address has come to nothing.
    pub(super) fn failed(&mut self, address: SocketAddr, why: DialFailure) -> Option<Dialled> {
        let dialled = self.dials.remove(&address)?;
        if let Some(trying) = self.contacts.get_mut(&dialled.contact).and_then(|it| it.trying.as_mut()) {
            trying.why = why;
            if why == DialFailure::Refused {
                // It is there, and has no room: at its other addresses neither.
                trying.left.clear();
            }
        }
        Some(dialled)
    }

    /// All addresses of a contact were dialled. Returns why the last one failed, and whether the contact is given up.
    pub(super) fn end(&mut self, contact: ContactId) -> Option<(DialFailure, bool)> {
        let entry = self.contacts.get_mut(&contact)?;
        let why = entry.trying.take()?.why;
        if matches!(why, DialFailure::Unreachable | DialFailure::TimedOut) {
            entry.failures = entry.failures.saturating_add(1);
        }
        let over = entry.source == Source::Discovered && entry.failures >= DISCOVERED_TRIES_MAX;
        if over {
            self.contacts.remove(&contact);
        }
        Some((why, over))
    }

    /// The dial to an address became a link with `peer`. Returns the dial, and the contacts that were hearsay of the same
    /// peer: what they knew is known of this one now.
    pub(super) fn linked(&mut self, address: SocketAddr, peer: PeerId) -> Option<(Dialled, Vec<ContactId>)> {
        let dialled = self.dials.remove(&address)?;
        let contact = dialled.contact;
        let entry = self.contacts.get_mut(&contact)?;
        (entry.trying, entry.failures) = (None, 0);
        if entry.peer != Some(peer) {
            entry.peer = Some(peer);
            (entry.record, entry.signed) = (None, Vec::new());
        }
        let same = |(id, it): &(&ContactId, &Entry)| {
            **id != contact && it.source == Source::Hearsay && it.peer == Some(peer)
        };
        let gone: Vec<_> = self.contacts.iter().filter(same).map(|(contact, _)| *contact).collect();
        for other in &gone {
            let other = self.contacts.remove(other);
            if let (Some(other), Some(entry)) = (other, self.contacts.get_mut(&contact)) {
                (entry.record, entry.signed) = (other.record, other.signed);
            }
        }
        Some((dialled, gone))
    }

    /// What the overlay is told of a contact.
    pub(super) fn known(&self, contact: ContactId) -> Option<Known> {
        self.contacts.get(&contact).map(|entry| entry.known(contact))
    }
}
