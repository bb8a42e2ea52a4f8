//! Whom to dial, and when. Nothing is dialled but configured contacts, and what was found on an own link.
//!
//! A contact is dialled for as long as the peer runs. What was found is given up once it did not answer for so long that
//! the pause has reached [`super::Config::redial_max`]; it is dialled again when it is found again.

use std::net::SocketAddr;
use std::time::Duration;

use msec_identity::PeerId;
use rand_core::Rng;

use super::{Contact, Node, Output};

/// How long anybody may ask us to wait. Longer counts as this.
const ASKED_WAIT_MAX: Duration = Duration::from_secs(600);

/// The contacts and what was found, and how it stands with each.
#[derive(Debug)]
pub(super) struct Dialler {
    contacts: Vec<Dialled>,
    /// When the next one is to be dialled: asked for after every input, and changed by few.
    due: Option<Duration>,
}

#[derive(Debug)]
struct Dialled {
    contact: Contact,
    source: Source,
    /// Who answered there last.
    found: Option<PeerId>,
    state: DialState,
    /// The next pause, before jitter.
    pause: Duration,
}

/// Why an address is dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// It is in the settings.
    Configured,
    /// Somebody of the space said on an own link that it is there.
    Discovered,
}

#[derive(Debug, PartialEq, Eq)]
enum DialState {
    Waiting { until: Duration },
    Dialling,
    Linked { since: Duration },
}

impl Dialled {
    fn new(contact: Contact, source: Source) -> Self {
        let state = DialState::Waiting { until: Duration::ZERO };
        Self { contact, source, found: contact.peer, state, pause: Duration::ZERO }
    }
}

impl Dialler {
    pub(super) fn new(contacts: &[Contact]) -> Self {
        let contacts = contacts.iter().map(|contact| Dialled::new(*contact, Source::Configured));
        let mut dialler = Self { contacts: contacts.collect(), due: None };
        dialler.reckon();
        dialler
    }

    /// When the next contact is to be dialled.
    pub(super) fn due(&self) -> Option<Duration> {
        self.due
    }

    /// The state of a contact has changed.
    fn reckon(&mut self) {
        let waiting = self.contacts.iter().filter_map(|d| match d.state {
            DialState::Waiting { until } => Some(until),
            DialState::Dialling | DialState::Linked { .. } => None,
        });
        self.due = waiting.min();
    }

    /// Who must answer at this address.
    pub(super) fn expected(&self, address: SocketAddr) -> Option<PeerId> {
        self.contacts.iter().find(|d| d.contact.address == address).and_then(|d| d.contact.peer)
    }

    /// Why an address is dialled; `None` if it is not.
    pub(super) fn source(&self, address: SocketAddr) -> Option<Source> {
        self.contacts.iter().find(|d| d.contact.address == address).map(|d| d.source)
    }

    fn at(&mut self, address: SocketAddr) -> Option<&mut Dialled> {
        self.contacts.iter_mut().find(|d| d.contact.address == address)
    }
}

impl Node {
    /// Dials the contacts whose pause is over.
    pub(super) fn dial_due(&mut self) {
        let now = self.now.mono;
        if self.dialler.due.is_none_or(|due| due > now) {
            return;
        }
        let mut dials = Vec::new();
        for d in &mut self.dialler.contacts {
            if !matches!(d.state, DialState::Waiting { until } if until <= now) {
                continue;
            }
            if d.found.is_some_and(|peer| self.links.is_linked(&peer)) {
                // It dialled us. Look again later.
                d.state = DialState::Waiting { until: now + self.config.redial_max };
            } else {
                d.state = DialState::Dialling;
                dials.push(d.contact.address);
            }
        }
        self.dialler.reckon();
        for address in dials {
            self.output(Output::Dial { address });
        }
    }

    /// Somebody says on an own link that it is there.
    pub(super) fn discovered(&mut self, address: SocketAddr) {
        if self.dialler.at(address).is_some() {
            return;
        }
        let found = self.dialler.contacts.iter().filter(|d| d.source == Source::Discovered).count();
        if found < self.config.discovered_max {
            self.dialler.contacts.push(Dialled::new(Contact { address, peer: None }, Source::Discovered));
            self.dialler.reckon();
        }
    }

    pub(super) fn dial_failed(&mut self, address: SocketAddr) {
        let (min, max) = (self.config.redial_min, self.config.redial_max);
        let now = self.now.mono;
        let Some(d) = self.dialler.at(address) else { return };
        // A link that did not last is no better than a dial that failed.
        if matches!(d.state, DialState::Linked { since } if now - since >= max) {
            d.pause = Duration::ZERO;
        }
        if d.source == Source::Discovered && d.pause >= max {
            self.dialler.contacts.retain(|d| d.contact.address != address);
            return self.dialler.reckon();
        }
        d.pause = (d.pause * 2).clamp(min, max);
        // A quarter more or less, so that those who lost one neighbour do not all come back at once.
        let percent = 75 + self.rng.next_u32() % 51;
        d.state = DialState::Waiting { until: now + d.pause * percent / 100 };
        self.dialler.reckon();
    }

    /// Whoever is there asked us to wait.
    pub(super) fn dial_not_before(&mut self, address: SocketAddr, wait: Duration) {
        let until = self.now.mono + wait.min(ASKED_WAIT_MAX);
        if let Some(DialState::Waiting { until: due }) = self.dialler.at(address).map(|d| &mut d.state) {
            *due = until.max(*due);
            self.dialler.reckon();
        }
    }

    /// A dialled link was admitted by both sides.
    pub(super) fn dial_linked(&mut self, address: SocketAddr, peer: PeerId) {
        let now = self.now.mono;
        if let Some(d) = self.dialler.at(address) {
            d.state = DialState::Linked { since: now };
            d.found = Some(peer);
            self.dialler.reckon();
        }
    }
}
