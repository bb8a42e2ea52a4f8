//! What neighbours tell of others: bounded for each of them, and believed once the node has checked it.

use std::time::Duration;

use msec_identity::PeerId;

use super::checks::{Check, Then};
use super::contact::Place;
use super::contacts::Heard;
use super::core::Core;
use super::io::{ContactId, Output, Source};
use super::link::Purpose;
use super::message::{Message, Record, ToldList};
use super::refill;

/// Takes in what `from` told.
pub(super) fn told(core: &mut Core, from: PeerId, list: ToldList) {
    for told in list.0 {
        record(core, from, told.record, Duration::from_secs(u64::from(told.age_s)), Then::Keep);
    }
}

/// Takes in one record, whose peer lived `age` ago.
pub(super) fn record(core: &mut Core, from: PeerId, record: Record, age: Duration, then: Then) {
    expire(core);
    if core.own.as_ref() == Some(&record) || age > core.config.hearsay_ttl {
        return;
    }
    let lived_at = core.now.saturating_sub(age);
    if let Some(known) = core.contacts.with_record(&record) {
        core.contacts.heard_again(known, lived_at);
        return act(core, known, Some(record), then);
    }
    let (now, max) = (core.now, core.config.hearsay_each_max);
    let Some(link) = core.links.get_mut(&from) else { return };
    link.count_from(now);
    // Who was doubted often may tell half as much.
    if link.told >= if link.doubts < DOUBTS_MANY { max } else { max / 2 } {
        core.stats.told_dropped += 1;
        return;
    }
    link.told += 1;
    let (ask, given_up) = core.checks.ask(&record, from, lived_at, then, now);
    if let Some(given_up) = given_up {
        doubt(core, given_up.from);
    }
    if ask {
        core.stats.checks += 1;
        core.output(Output::Check { from, record: record.bytes().to_vec() });
    }
}

/// Doubts from which on a neighbour counts as one that is worth less.
pub(super) const DOUBTS_MANY: u32 = 8;

/// Something is odd with `peer`, and proves nothing.
pub(super) fn doubt(core: &mut Core, peer: PeerId) {
    if let Some(link) = core.links.get_mut(&peer) {
        link.doubts = link.doubts.saturating_add(1);
    }
}

/// Records that the node did not confirm speak against who told them.
pub(super) fn expire(core: &mut Core) {
    while let Some(check) = core.checks.expired(core.now) {
        doubt(core, check.from);
    }
}

/// The node names a contact.
pub(super) fn contact(
    core: &mut Core,
    id: ContactId,
    source: Source,
    peer: Option<PeerId>,
    bytes: Option<Vec<u8>>,
) {
    let check = bytes.as_deref().and_then(|bytes| core.checks.take(bytes));
    if source == Source::Hearsay && peer == Some(core.me) {
        return core.output(Output::Forget { contact: id });
    }
    let is_linked = peer.and_then(|peer| core.links.get(&peer)).is_some_and(|link| link.is_up());
    let record = bytes.and_then(|bytes| Record::new(&bytes));
    let heard = Heard {
        id,
        source,
        peer,
        record: record.clone(),
        lived_at: check.map_or(core.now, |check| check.lived_at),
    };
    core.contacts.add(heard, is_linked, &core.config, &mut core.dice);
    core.flush_forgotten();
    act(core, id, record, check.map_or(Then::Keep, |Check { then, .. }| then));
    refill::soon(core);
}

/// What was to happen once the contact is known, and its record checked.
fn act(core: &mut Core, id: ContactId, record: Option<Record>, then: Then) {
    if let (Then::PassOn { to, steps }, Some(record)) = (then, record) {
        return core.send(to, &Message::Newcomer { steps, record });
    }
    let Some(contact) = core.contacts.get(id) else { return };
    match then {
        Then::Keep | Then::PassOn { .. } => {}
        Then::Instead { both } => {
            // Both were told of each other: the one with the smaller id dials.
            let ours = !both || contact.peer.is_none_or(|peer| core.me < peer);
            if ours && core.missing() > 0 {
                core.dial(id, Purpose::Instead);
            }
        }
        Then::Welcome => {
            // A neighbour cannot have us dial the same peer again and again.
            let rested = core.now.saturating_sub(contact.tried_at) >= core.config.settle;
            let rested = rested || contact.tried_at.is_zero();
            if contact.place != Place::Linked && rested {
                core.dial(id, Purpose::Newcomer);
            }
        }
    }
}
