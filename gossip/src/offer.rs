//! Offers: what a neighbour wants and we don't, which reconciliation therefore doesn't compare.
//!
//! A leaf wants nothing, so it has no interest in common with anyone, and still has readings to hand on. No paper is
//! followed here; it is a positive acknowledgement with retransmission: of names, by one fingerprint. It has a timer of its
//! own, since that of reconciliation rests whenever the neighbour finds that the common interest is equal.
//!
//! Transitions, for one neighbour:
//!
//! ```text
//! NeighbourUp, Timer::Offer  --> Offer of all that it hasn't said it holds; timer in reconcile_interval
//!                            -- over offers_max --> of a window of it; timer in reconcile_hurry, for the next one
//! Offer received -- we hold some of it as it was said  --> Held, but for what we lack; and its fingerprint
//!                -- we lack some                       --> want it
//!                -- we hold more of some               --> Have of that
//! Held received  -- the fingerprint is ours            --> it holds that: no longer offered
//!                -- it is another                      --> Have(ask) of that
//! Have received, of as much                            --> it holds that (see `announce`, which also answers the ask)
//! Shed                                                 --> timer in reconcile_hurry, if that is sooner
//! ```
//!
//! As in `reconcile`, the hurry doubles while nothing arrives. Nothing waits for an answer: what was not said to be held is
//! offered again. Nobody has to remember for that whom it met, and what: a fingerprint costs less than a mistake.

use msec_identity::PeerId;

use crate::core::{Core, Learned};
use crate::frontier::Found;
use crate::io::Priority;
use crate::item::{Item, Key, Version, in_order};
use crate::message::Message;
use crate::name::{NAMED_MAX, Name, Named};
use crate::neighbour::doubled;
use crate::range::Range;
use crate::reconcile::message::{Fingerprint, Salt};
use crate::timers::Timer;

/// Windows of which an answer counts: one may be on its way when the next is said.
pub(crate) const OFFERS_KEPT: usize = 2;

/// How far the offers to a neighbour have come.
#[derive(Debug, Default)]
pub(crate) struct Offers {
    /// Where the next window begins, if the last one didn't hold them all.
    next: Option<Key>,
    /// Windows in a row of which nothing arrived.
    fruitless: u32,
    /// The last windows, as they were said: each message's salt and items. Of more than twice `Config::offers_max` items the
    /// oldest are forgotten, and offered again: an answer to them does not count.
    said: Vec<(Salt, Vec<(Key, Version)>)>,
}

impl Offers {
    /// How many items were said of which no answer came.
    pub(crate) fn len(&self) -> usize {
        self.said.iter().map(|(_, items)| items.len()).sum()
    }

    fn note(&mut self, salt: Salt, items: Vec<(Key, Version)>, max: usize) {
        self.said.push((salt, items));
        while self.len() > max {
            self.said.remove(0);
        }
    }
}

/// Offers `peer` what it lacks. Only its own word ends that: a push may have been lost, and no fingerprint would tell.
pub(crate) fn start(core: &mut Core, peer: PeerId) {
    let Some(neighbour) = core.neighbours.get_mut(&peer) else { return };
    let (max, start) = (core.config.offers_max, neighbour.offers.next.take());
    let mut delay = core.config.reconcile_interval;
    let may_be_offered = |path: &str| neighbour.interest.reaches(path) && !core.interest.holds_all_of(path);
    let mut items = Vec::new();
    // Most neighbours want nothing that we hold without wanting it: then no key needs to be looked at.
    if core.frontier.any_path(may_be_offered) {
        let lacks =
            |item: &Item| !core.interest.covers(&item.topic) && neighbour.told(&item.key) < item.version.size;
        items.extend(core.frontier.items(&Range::ALL, &neighbour.interest).filter(lacks));
    }
    if items.len() > max {
        let start = start.map_or(0, |start| items.partition_point(|item| item.key < start));
        items.rotate_left(start);
        neighbour.offers.next = Some(items[max].key);
        items.truncate(max);
        items = in_order(items);
        delay = delay.min(doubled(core.config.reconcile_hurry, neighbour.offers.fruitless));
        neighbour.offers.fruitless = neighbour.offers.fruitless.saturating_add(1);
    }
    let (control, other): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| core.is_control(&item.topic));
    say(core, peer, Priority::Control, control);
    say(core, peer, Priority::Live, other);
    let deadline = core.after_about(delay);
    core.timers.set(Timer::Offer(peer), deadline);
}

/// Offers these: those that share a name in full.
fn say(core: &mut Core, peer: PeerId, priority: Priority, items: Vec<Item>) {
    let is_named = |item: &Item| core.frontier.named(Name::of(&item.key)) != Found::Several;
    let (named, full): (Vec<_>, Vec<_>) = items.into_iter().partition(is_named);
    core.send_have(peer, full, true);
    for items in named.chunks(NAMED_MAX) {
        let salt = Salt(core.random_bytes());
        let name = |item: &Item| Named { name: Name::of(&item.key), size: item.version.size };
        let names = items.iter().map(name).collect();
        core.stats.announced += items.len() as u64;
        core.send(peer, priority, &Message::Offer { salt, items: names });
        if let Some(neighbour) = core.neighbours.get_mut(&peer) {
            let said = items.iter().map(|item| (item.key, item.version)).collect();
            neighbour.offers.note(salt, said, OFFERS_KEPT * core.config.offers_max);
        }
    }
}

/// A neighbour offers. Returns what it is ahead of us with.
pub(crate) fn received(core: &mut Core, from: PeerId, salt: Salt, items: &[Named]) -> Vec<Key> {
    let (mut ahead, mut behind, mut held, mut lacking) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (place, named) in (0..).zip(items) {
        let same = match learn(core, from, *named) {
            Learned::Same(key) => on_disk(core, key, named.size),
            Learned::Ahead(key) => {
                ahead.push(key);
                None
            }
            // A peer that was restored learns here that its own log went further.
            Learned::Behind(key) => {
                behind.extend(core.frontier.durable_item(&key));
                None
            }
            // Neither lacked nor hashed: it does not fit, and so is said in full.
            Learned::Unclear => continue,
            Learned::Nothing => None,
        };
        match same {
            Some(item) => held.push(item),
            None => lacking.push(place),
        }
    }
    if lacking.len() < items.len() {
        let fingerprint = Fingerprint::of_offer(salt, held.into_iter());
        core.send(from, Priority::Live, &Message::Held { salt, fingerprint, lacking });
    }
    core.send_have(from, in_order(behind), false);
    ahead
}

/// As [`Core::learn_named`], of what need not be in the common interest.
fn learn(core: &mut Core, from: PeerId, named: Named) -> Learned {
    let Named { name, size } = named;
    if core.frontier.named(name) != Found::Nothing {
        return core.learn_named(from, named, false);
    }
    let (now, max) = (core.now, core.config.hearsay_max);
    let Some(neighbour) = core.neighbours.get_mut(&from) else { return Learned::Nothing };
    let key = neighbour.heard_of(name).unwrap_or_else(|| name.stand_in());
    if size == 0 || core.interest.is_empty() || neighbour.is_backed_off(&key, now) {
        return Learned::Nothing;
    }
    let heard = neighbour.hear(key, size, false, false, max);
    core.stats.hearsay_dropped += u64::from(!heard);
    if heard { Learned::Ahead(key) } else { Learned::Nothing }
}

/// What is on disk of `key`, if it is just as much.
fn on_disk(core: &Core, key: Key, size: u64) -> Option<(Key, Version)> {
    let durable = core.frontier.get(&key)?.durable()?;
    (durable.size == size).then_some((key, durable))
}

/// `from` says that it holds what was offered, but for some.
pub(crate) fn held(core: &mut Core, from: PeerId, salt: Salt, fingerprint: Fingerprint, lacking: &[u16]) {
    let Some(neighbour) = core.neighbours.get_mut(&from) else { return };
    let Some(place) = neighbour.offers.said.iter().position(|(said, _)| *said == salt) else { return };
    let (_, said) = neighbour.offers.said.remove(place);
    let lacks = |place: &u16| lacking.binary_search(place).is_ok();
    let held = (0..).zip(said).filter(|(place, _)| !lacks(place)).map(|(_, item)| item);
    // What was cut since is not held here any more.
    let held: Vec<_> = held.filter(|(key, _)| core.frontier.get(key).is_some()).collect();
    let as_said = |(key, version): &(Key, Version)| (*key, *version);
    if Fingerprint::of_offer(salt, held.iter().map(as_said)) != fingerprint {
        let items = held.iter().filter_map(|(key, _)| core.frontier.durable_item(key)).collect();
        return core.send_have(from, items, true);
    }
    let Some(neighbour) = core.neighbours.get_mut(&from) else { return };
    for (key, version) in held {
        neighbour.tell_at_least(key, version.size);
        neighbour.offers.fruitless = 0;
    }
}

/// `from` says that it holds `item`. If that is all we could offer of it, the next window may follow soon.
pub(crate) fn acknowledged(core: &mut Core, from: PeerId, item: &Item) {
    if !core.interest.covers(&item.topic)
        && core.frontier.get(&item.key).is_some_and(|held| held.durable() == Some(item.version))
        && let Some(neighbour) = core.neighbours.get_mut(&from)
    {
        neighbour.offers.fruitless = 0;
    }
}
