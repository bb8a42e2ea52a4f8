//! What peers tell of where they live: our own record, and those of others that come by hearsay.
//!
//! A record is checked here before it is kept, passed on or dialled: that its peer signed it, that it is valid
//! now, and which of its addresses this peer would dial ([`super::reach`]). What it says is never more than a hint: whoever
//! answers proves who it is, and shows its grants, as on every link.

use std::net::SocketAddr;
use std::time::Duration;

use msec_gossip::overlay::{Input as OverlayInput, Role};
use msec_identity::{
    ADDRESS_RECORD_BYTES_MAX, ADDRESSES_MAX, AddressRecord, Addresses, PeerId, UnixMillis, Unverified,
    Verified,
};

use super::budget::Budget;
use super::reach::{Network, may_be_dialled};
use super::{Node, RefusedKind};

/// Records of one neighbour that are checked at once. Further ones are passed over until [`CHECK_PAUSE`] allows one more: what
/// is true comes again.
const CHECKS_MAX: u32 = 128;

/// See [`CHECKS_MAX`].
const CHECK_PAUSE: Duration = Duration::from_millis(250);

/// A budget for the records of one neighbour.
pub(super) const fn checks() -> Budget {
    Budget::new(CHECKS_MAX, CHECK_PAUSE)
}

/// Where this peer is, and what it last said of it.
#[derive(Debug, Default)]
pub(super) struct Whereabouts {
    advertise: Vec<SocketAddr>,
    pub(super) networks: Vec<Network>,
    /// The validity of our record.
    pub(super) issued: Option<(UnixMillis, UnixMillis)>,
    /// When to look at it again.
    due: Option<Duration>,
}

impl Whereabouts {
    pub(super) fn new(advertise: Vec<SocketAddr>, networks: Vec<Network>) -> Self {
        Self { advertise, networks, issued: None, due: None }
    }

    /// When our record is to be signed again.
    pub(super) fn due(&self) -> Option<Duration> {
        self.due
    }
}

impl Node {
    /// The machine's interfaces have changed, or were looked at for the first time.
    pub(super) fn moved(&mut self, advertise: Vec<SocketAddr>, networks: Vec<Network>) {
        let mut advertise: Vec<_> = advertise.into_iter().filter(Addresses::admits).collect();
        advertise.truncate(ADDRESSES_MAX);
        if advertise != self.whereabouts.advertise {
            (self.whereabouts.advertise, self.whereabouts.issued) = (advertise, None);
        }
        self.whereabouts.networks = networks;
    }

    /// Signs where this peer can be dialled, if nobody has been told, and again when half of that has passed. A peer whose
    /// clock was never set cannot say until when; a leaf is not dialled.
    pub(super) fn advertise(&mut self) {
        if self.whereabouts.due.is_some_and(|due| due <= self.now.mono) {
            self.whereabouts.due = None;
        }
        let Some(now) = self.wall() else { return };
        if self.config.role == Role::Leaf || self.whereabouts.advertise.is_empty() {
            return;
        }
        let validity = i64::try_from(self.config.address_validity.as_millis()).unwrap_or(i64::MAX);
        let fresh = |(issued, _): &(UnixMillis, UnixMillis)| {
            (*issued..issued.saturating_add(validity / 2)).contains(&now)
        };
        if self.whereabouts.issued.as_ref().is_some_and(fresh) {
            // The civil clock may run slower than the other, or was set back.
            let again = self.now.mono + self.config.address_validity / 2;
            self.whereabouts.due.get_or_insert(again);
            return;
        }
        let Ok(addresses) = Addresses::new(self.whereabouts.advertise.clone()) else { return };
        let expires = now.saturating_add(validity);
        let record = AddressRecord { peer: self.peer(), addresses, issued: now, expires };
        let record = self.identity.sign(record).to_bytes();
        self.whereabouts.issued = Some((now, expires));
        self.whereabouts.due = Some(self.now.mono + self.config.address_validity / 2);
        self.tell_overlay(OverlayInput::OwnRecord { record });
    }

    /// A neighbour tells where somebody says that it lives. The overlay waits for the answer before it tells others.
    pub(super) fn check_record(&mut self, from: PeerId, record: Vec<u8>) {
        let Some(verified) = self.verify_record(from, &record) else {
            return self.tell_overlay(OverlayInput::Checked { record, is_true: false });
        };
        let networks = &self.whereabouts.networks;
        let addresses = verified.addresses.iter().filter(|it| may_be_dialled(*it, networks)).collect();
        match self.dialler.book.heard(verified, addresses, self.config.hearsay_max) {
            Some(known) => self.tell_contact(known),
            None => self.tell_overlay(OverlayInput::Checked { record, is_true: true }),
        }
    }

    /// What is old or unknown convicts nobody; the overlay notes whose records come to nothing, and with many of those a
    /// neighbour may tell less, and loses its place first. A false signature convicts: who passes records on has checked them.
    fn verify_record(&mut self, from: PeerId, bytes: &[u8]) -> Option<Verified<AddressRecord>> {
        if bytes.len() > ADDRESS_RECORD_BYTES_MAX {
            return None;
        }
        let parsed = Unverified::<AddressRecord>::from_bytes(bytes).ok()?;
        let claims = parsed.claims();
        let peer = claims.peer;
        if peer == self.peer() || !claims.is_valid(self.wall()) || !self.may_be_linked(&peer) {
            return None;
        }
        let held = self.dialler.book.record_of(&peer);
        if held.is_some_and(|held| held.issued > claims.issued) {
            return None;
        }
        if let Some(held) = held.filter(|held| held.is(&parsed)) {
            return Some(held.clone());
        }
        if !self.links.may_check(&from, self.now.mono) {
            return None;
        }
        let verified = parsed.verify_by(self.authority.verifier(), &peer);
        if let Err(error) = &verified {
            self.refused(Some(from), RefusedKind::ForgedAddress, error.to_string());
            self.misbehaved(from);
        }
        verified.ok()
    }

    /// Whether a peer of which nothing is known, or that has a grant which is valid now.
    fn may_be_linked(&self, peer: &PeerId) -> bool {
        let now = self.wall();
        let mut grants = self.authority.grants_of(peer);
        !self.authority.was_let_in(peer) || grants.any(|grant| grant.is_valid(now))
    }
}
