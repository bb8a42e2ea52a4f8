//! Dials, as the overlay asks for them. Nothing is dialled but configured contacts, what was found on an own link, and what
//! the peer that lives there has signed; the last of these no faster than [`SIGNED_DIALS_MAX`] allows.
//!
//! The addresses of a contact are tried one after the other, and the overlay is told when none was any good.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use msec_gossip::overlay::{ContactId, DialFailure, Input as OverlayInput};
use msec_identity::PeerId;

use super::budget::Budget;
use super::contacts::{ContactBook, Known};
use super::reach::SilentHosts;
use super::{Contact, Node, Output};

/// Dials at once to addresses that are only signed. Further ones wait until it is their turn, [`SIGNED_DIAL_PAUSE`] each.
const SIGNED_DIALS_MAX: u32 = 32;

/// See [`SIGNED_DIALS_MAX`].
const SIGNED_DIAL_PAUSE: Duration = Duration::from_millis(500);

/// How long anybody may ask us to wait. Longer counts as this.
const ASKED_WAIT_MAX: Duration = Duration::from_secs(600);

/// The contact book, and what holds dials back.
#[derive(Debug)]
pub(super) struct Dialler {
    pub(super) book: ContactBook,
    hosts: SilentHosts,
    signed: Budget,
    /// Contacts whose next address has to wait. No more than the overlay dials at once.
    waiting: VecDeque<ContactId>,
}

impl Dialler {
    pub(super) fn new(contacts: &[Contact]) -> Self {
        Self {
            book: ContactBook::new(contacts),
            hosts: SilentHosts::default(),
            signed: Budget::new(SIGNED_DIALS_MAX, SIGNED_DIAL_PAUSE),
            waiting: VecDeque::new(),
        }
    }

    /// When somebody who waits may be dialled.
    pub(super) fn due(&self) -> Option<Duration> {
        (!self.waiting.is_empty()).then(|| self.signed.due())
    }
}

impl Node {
    /// Tells the overlay of a contact.
    pub(super) fn tell_contact(&mut self, known: Known) {
        let Known { contact, source, peer, record } = known;
        self.tell_overlay(OverlayInput::Contact { contact, source, peer, record });
    }

    /// The overlay asks for a link.
    pub(super) fn dial(&mut self, contact: ContactId) {
        if self.dialler.book.waits(contact, self.now.mono) {
            let why = DialFailure::Refused;
            return self.tell_overlay(OverlayInput::DialFailed { contact, why });
        }
        if self.dialler.book.start(contact) {
            self.dial_next(contact);
        }
    }

    /// Dials those who had to wait.
    pub(super) fn dial_waiting(&mut self) {
        while self.dialler.due().is_some_and(|due| due <= self.now.mono) {
            let Some(contact) = self.dialler.waiting.pop_front() else { return };
            self.dial_next(contact);
        }
    }

    /// Dials the next address of a contact, or tells the overlay that there is none.
    fn dial_next(&mut self, contact: ContactId) {
        while let Some(target) = self.dialler.book.next(contact) {
            let now = self.now.mono;
            let may = |peer: PeerId| self.dialler.hosts.admits(target.address.ip(), peer, now);
            if self.dialler.book.is_dialling(target.address) || !target.signed_by.is_none_or(may) {
                self.dialler.book.skip(contact);
                continue;
            }
            if target.signed_by.is_some() && !self.dialler.signed.take(now) {
                self.dialler.waiting.push_back(contact);
                return;
            }
            self.dialler.book.dial(contact, target);
            return self.output(Output::Dial { address: target.address });
        }
        if let Some((why, over)) = self.dialler.book.end(contact) {
            self.tell_overlay(OverlayInput::DialFailed { contact, why });
            if over {
                self.tell_overlay(OverlayInput::ContactGone { contact });
            }
        }
    }

    /// Somebody says on an own link that it is there.
    pub(super) fn discovered(&mut self, address: SocketAddr) {
        let (known, gone) = self.dialler.book.discovered(address, self.config.discovered_max);
        if let Some(contact) = gone {
            self.tell_overlay(OverlayInput::ContactGone { contact });
        }
        if let Some(known) = known {
            self.tell_contact(known);
        }
    }

    /// A dial came to nothing, or its handshake did.
    pub(super) fn dial_failed(&mut self, address: SocketAddr, why: DialFailure) {
        let Some(dialled) = self.dialler.book.failed(address, why) else { return };
        if let (Some(peer), DialFailure::Unreachable | DialFailure::TimedOut) =
            (dialled.target.signed_by, why)
        {
            self.dialler.hosts.failed(address.ip(), peer, self.now.mono);
        }
        self.dial_next(dialled.contact);
    }

    /// Whoever is there has no room, and asked us to wait.
    pub(super) fn dial_not_before(&mut self, address: SocketAddr, wait: Duration) {
        self.dialler.book.asked_to_wait(address, self.now.mono + wait.min(ASKED_WAIT_MAX));
    }

    /// A dial became a link. Returns its contact, if that is still there.
    pub(super) fn dial_linked(&mut self, address: SocketAddr, peer: PeerId) -> Option<ContactId> {
        self.dialler.hosts.answered(address.ip());
        let (dialled, merged) = self.dialler.book.linked(address, peer)?;
        if !merged.is_empty() {
            for contact in merged {
                self.tell_overlay(OverlayInput::ContactGone { contact });
            }
            if let Some(known) = self.dialler.book.known(dialled.contact) {
                self.tell_contact(known);
            }
        }
        Some(dialled.contact)
    }
}
