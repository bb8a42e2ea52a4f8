//! What the overlay's protocols share: whom we are linked with, whom we know, the deadlines and the way out.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use msec_identity::PeerId;

use super::checks::Checks;
use super::config::Config;
use super::contact::{Contact, Place};
use super::contacts::Contacts;
use super::dice::Dice;
use super::io::{ContactId, Leave, Output, Role};
use super::link::{Link, Purpose};
use super::message::{Message, Record, Told, ToldList};
use super::stats::Stats;
use crate::timers::Timers;

/// Neighbours whose records one message tells. HyParView, section 5.1 (ka).
const TOLD_ACTIVE: usize = 3;

/// Records of the passive view that one message tells. HyParView has 4 (kp); what a neighbour knows is fresher.
const TOLD_PASSIVE: usize = 2;

/// What a deadline is for. Each has at most one deadline, so the table is bounded by links and dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A visit has lasted long enough, or a neighbour is to be pinged or given up.
    Link(PeerId),
    /// A dial is not waited for any longer.
    Dial(ContactId),
    /// Somebody may be dialled.
    Refill,
    /// The next walk that asks for records.
    Shuffle,
    /// The next look for a cheaper link.
    Optimise,
    /// The far link is drawn anew.
    Far,
    /// The next probe for another part.
    Merge,
    /// What is too old is sorted out.
    Expire,
}

#[derive(Debug)]
pub(super) struct Core {
    pub(super) now: Duration,
    pub(super) config: Config,
    pub(super) me: PeerId,
    pub(super) role: Role,
    /// What we tell about ourselves.
    pub(super) own: Option<Record>,
    /// Bounded by `active_max`, `leaves_max` and `visits_max`. In boxes, as a node of the map has room for eleven.
    pub(super) links: BTreeMap<PeerId, Box<Link>>,
    pub(super) contacts: Contacts,
    /// Dials that are waited for, and why. Bounded by `dials_max`.
    pub(super) dials: BTreeMap<ContactId, Purpose>,
    pub(super) checks: Checks,
    pub(super) timers: Timers<Timer>,
    /// Emptied by the driver after each input, and bounded by what one input can cause.
    pub(super) outputs: VecDeque<Output>,
    pub(super) stats: Stats,
    pub(super) dice: Dice,
    /// When a neighbour was last lost that did not leave in peace.
    pub(super) lost_at: Duration,
}

impl Core {
    pub(super) fn new(config: Config, me: PeerId, role: Role, seed: [u8; 32]) -> Self {
        Self {
            now: Duration::ZERO,
            config,
            me,
            role,
            own: None,
            links: BTreeMap::new(),
            contacts: Contacts::default(),
            dials: BTreeMap::new(),
            checks: Checks::default(),
            timers: Timers::default(),
            outputs: VecDeque::new(),
            stats: Stats::default(),
            dice: Dice::new(seed),
            lost_at: Duration::ZERO,
        }
    }

    pub(super) fn is_leaf(&self) -> bool {
        self.role == Role::Leaf
    }

    pub(super) fn after(&self, delay: Duration) -> Duration {
        self.now.saturating_add(delay)
    }

    /// After between 3/4 and 5/4 of `delay`.
    pub(super) fn after_about(&mut self, delay: Duration) -> Duration {
        let delay = self.dice.about(delay);
        self.after(delay)
    }

    pub(super) fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(super) fn send(&mut self, to: PeerId, message: &Message) {
        let bytes = message.encode();
        self.stats.messages_sent += 1;
        self.stats.bytes_sent += bytes.len() as u64;
        self.output(Output::Send { to, bytes });
    }

    /// Relays that are up.
    pub(super) fn relays(&self) -> impl Iterator<Item = (PeerId, &Link)> {
        self.links.iter().filter(|(_, link)| link.is_relay()).map(|(peer, link)| (*peer, &**link))
    }

    pub(super) fn relay_count(&self) -> usize {
        self.relays().count()
    }

    pub(super) fn leaf_count(&self) -> usize {
        self.links.values().filter(|link| link.is_up() && link.leaf).count()
    }

    /// Relays that were told to keep the link with us, without our having been told so. They have half of the places at
    /// most: whoever says it of itself could be anybody.
    pub(super) fn others_keep(&self) -> usize {
        self.relays().filter(|(_, link)| link.kept && link.dialled.is_none()).count()
    }

    pub(super) fn far_count(&self) -> usize {
        self.relays().filter(|(_, link)| link.far).count()
    }

    /// Relays that are up, and not suspected: a ping that stays out for a third of the time allowed is a bad sign.
    pub(super) fn trusted_count(&self) -> usize {
        let suspect = |link: &Link| {
            link.ping.is_some_and(|ping| {
                ping.sent_at > link.heard_at
                    && self.now.saturating_sub(ping.sent_at) >= self.config.silent_max / 3
            })
        };
        self.relays().filter(|(_, link)| !suspect(link)).count()
    }

    /// Relays that we want, and lack.
    pub(super) fn missing(&self) -> usize {
        let wanted = if self.is_leaf() { self.config.leaf_links } else { self.config.active_max };
        wanted.saturating_sub(self.trusted_count())
    }

    /// Whether a leaf has room for one more link of any kind.
    pub(super) fn leaf_has_room(&self) -> bool {
        self.relay_count() + self.leaf_count() < self.config.active_max
    }

    pub(super) fn is_full(&self) -> bool {
        self.relay_count() >= self.config.active_max
    }

    /// Whether this contact may be dialled at all: nobody is linked with it, or about to be.
    pub(super) fn may_dial(&self, contact: &Contact) -> bool {
        !contact.is_dialling(self.now) && self.is_apart(contact)
    }

    /// Whether nobody is linked with it.
    pub(super) fn is_apart(&self, contact: &Contact) -> bool {
        contact.peer.is_none_or(|peer| peer != self.me && !self.links.contains_key(&peer))
    }

    /// Dials a contact, if it may be, and there is room among the dials.
    pub(super) fn dial(&mut self, id: ContactId, purpose: Purpose) -> bool {
        let may = self.contacts.get(id).is_some_and(|contact| self.may_dial(contact));
        if !may || self.dials.len() >= self.config.dials_max {
            return false;
        }
        self.contacts.dialled(id, self.now);
        self.dials.insert(id, purpose);
        self.timers.set(Timer::Dial(id), self.after(self.config.dial_timeout));
        self.stats.dials += 1;
        self.output(Output::Dial { contact: id });
        true
    }

    /// A random contact of the passive view that may be dialled now, and that `also` likes.
    pub(super) fn random_passive(&mut self, also: impl Fn(&Contact) -> bool) -> Option<ContactId> {
        let passive = self.contacts.in_place(Place::Passive);
        let passive = passive.filter(|(_, it)| it.not_before <= self.now && self.may_dial(it) && also(it));
        let passive: Vec<_> = passive.map(|(id, _)| id).collect();
        self.dice.pick(&passive)
    }

    /// Passive peers whose cost is not known.
    pub(super) fn unmeasured(&self) -> usize {
        self.contacts.in_place(Place::Passive).filter(|(_, it)| it.cost.is_none()).count()
    }

    /// Records of peers that live, or lately did, for `to`.
    pub(super) fn sample(&mut self, to: PeerId) -> ToldList {
        let neighbours = self.relays().filter(|(peer, _)| *peer != to);
        let neighbours = neighbours.filter_map(|(peer, _)| self.contacts.record_of(&peer));
        let mut told: Vec<_> = neighbours.map(|record| Told { age_s: 0, record: record.clone() }).collect();
        self.dice.draw(&mut told, TOLD_ACTIVE);
        let mut passive: Vec<_> = self
            .contacts
            .in_place(Place::Passive)
            .filter(|(_, it)| it.peer != Some(to) && !it.failed)
            .filter_map(|(_, it)| Some((it.lived_at, it.record.as_ref()?)))
            .collect();
        self.dice.draw(&mut passive, TOLD_PASSIVE);
        told.extend(passive.into_iter().filter_map(|(lived_at, record)| {
            let age = self.now.saturating_sub(lived_at);
            let age_s = u16::try_from(age.as_secs()).ok().filter(|_| age <= self.config.hearsay_ttl)?;
            Some(Told { age_s, record: record.clone() })
        }));
        ToldList(told)
    }

    /// Ends a visit, or what is left of a link. Says nothing.
    pub(super) fn part(&mut self, peer: PeerId, reason: Leave) {
        self.forget_link(peer);
        self.output(Output::Disconnect { peer, reason });
    }

    pub(super) fn forget_link(&mut self, peer: PeerId) {
        self.timers.cancel(Timer::Link(peer));
        if self.links.remove(&peer).is_some_and(|link| link.carries) {
            self.output(Output::Down { peer });
        }
    }

    /// Tells the node which contacts were dropped.
    pub(super) fn flush_forgotten(&mut self) {
        for contact in std::mem::take(&mut self.contacts.forgotten) {
            self.dials.remove(&contact);
            self.timers.cancel(Timer::Dial(contact));
            self.stats.forgotten += 1;
            self.output(Output::Forget { contact });
        }
    }
}
