//! What neighbours tell of others: bounded for each of them, and believed once the node has checked it.
//!
//! No paper is followed here; the rule is the design's second: what is not verified is not passed on.
//!
//! | when | then |
//! |---|---|
//! | a record comes that is no contact's | `Check`: the node is asked, once |
//! | the node names a contact with it, or says that it is true | what it was told for is done, and what waits for its sake goes out |
//! | the node says that it is not, or nothing | whoever told it is doubted, and what waits goes out without it |

use std::time::Duration;

use msec_identity::PeerId;

use super::checks::{Check, Then};
use super::contact::Place;
use super::contacts::Heard;
use super::core::Core;
use super::io::{ContactId, Output, Source};
use super::link::Purpose;
use super::machine::Protocols;
use super::message::{Message, Record, ToldList};
use super::{parting, refill, walk};

/// What is known of a record that was just told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// It is true, or our own.
    True,
    /// The node is asked.
    Asked,
    /// It is passed over: too old, or more than this neighbour may tell.
    None,
}

/// Takes in what `from` told.
pub(super) fn told(core: &mut Core, from: PeerId, list: ToldList) {
    for told in list.0 {
        record(core, from, told.record, Duration::from_secs(u64::from(told.age_s)), Then::Keep);
    }
}

/// Takes in one record, whose peer lived `age` ago.
pub(super) fn record(core: &mut Core, from: PeerId, record: Record, age: Duration, then: Then) -> Word {
    expire(core);
    if core.own.as_ref() == Some(&record) {
        return Word::True;
    }
    if age > core.config.hearsay_ttl {
        return Word::None;
    }
    let lived_at = core.now.saturating_sub(age);
    if let Some(known) = core.contacts.with_record(&record) {
        core.contacts.heard_again(known, lived_at);
        act(core, Some(known), Some(record), then);
        return Word::True;
    }
    let (now, max) = (core.now, core.config.hearsay_each_max);
    let Some(link) = core.links.get_mut(&from) else { return Word::None };
    link.count_from(now);
    // Who was doubted often may tell half as much.
    if link.told >= if link.doubts < DOUBTS_MANY { max } else { max / 2 } {
        core.stats.told_dropped += 1;
        return Word::None;
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
    Word::Asked
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

/// The node has judged a record, and there is nobody to dial.
pub(super) fn checked(core: &mut Core, all: &mut Protocols, bytes: &[u8], is_true: bool) {
    let check = core.checks.take(bytes);
    let Some(record) = Record::new(bytes) else { return };
    match check {
        Some(check) if is_true => act(core, None, Some(record.clone()), check.then),
        Some(check) => doubt(core, check.from),
        None => {}
    }
    settle(core, all, &record, is_true);
}

/// What waits for the sake of a record goes out.
fn settle(core: &mut Core, all: &mut Protocols, record: &Record, is_true: bool) {
    parting::settle(core, record, is_true);
    walk::settle(core, all, record, is_true);
}

/// The node names a contact.
pub(super) fn contact(
    core: &mut Core,
    all: &mut Protocols,
    id: ContactId,
    source: Source,
    peer: Option<PeerId>,
    bytes: Option<Vec<u8>>,
) {
    let check = bytes.as_deref().and_then(|bytes| core.checks.take(bytes));
    if source == Source::Hearsay && peer == Some(core.me) {
        core.output(Output::Forget { contact: id });
        if let Some(record) = bytes.and_then(|bytes| Record::new(&bytes)) {
            settle(core, all, &record, false);
        }
        return;
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
    act(core, Some(id), record.clone(), check.map_or(Then::Keep, |Check { then, .. }| then));
    if let Some(record) = record {
        settle(core, all, &record, true);
    }
    refill::soon(core);
}

/// What was to happen once the record is checked, and the contact known, if it may be dialled.
fn act(core: &mut Core, id: Option<ContactId>, record: Option<Record>, then: Then) {
    match (then, record) {
        (Then::PassOn { to, steps }, Some(record)) => {
            return core.send(to, &Message::Newcomer { steps, record });
        }
        (Then::Spread { newcomer }, Some(record)) => return walk::spread(core, newcomer, &record),
        _ => {}
    }
    let Some((id, contact)) = id.and_then(|id| Some((id, core.contacts.get(id)?))) else { return };
    match then {
        Then::Keep | Then::PassOn { .. } | Then::Spread { .. } => {}
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
