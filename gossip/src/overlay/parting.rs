//! How a link ends, whoever ends it. The table of states is in `visit`.

use std::time::Duration;

use msec_identity::PeerId;

use super::checks::Then;
use super::core::{Core, Timer};
use super::hearsay::{self, Word};
use super::io::{DialFailure, Leave, Lost, Output};
use super::link::{Link, State};
use super::machine::Protocols;
use super::message::{Message, Record};
use super::refill;
use super::visit::refused;

/// How long the other side has to hang up, once it was told; and the node to check what it is told.
const LEFT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a link between relays carries on once one of them has left. A tree that has no other way here takes two
/// seconds to find one (`HOLD` in `trees::choose`), and some tellings. At most `Config::active_max` links do so at once.
const LINGER: Duration = Duration::from_secs(4);

/// A neighbour leaves.
pub(super) fn left(
    core: &mut Core,
    all: &mut Protocols,
    from: PeerId,
    reason: Leave,
    instead: Option<Record>,
) {
    let Some(link) = core.links.get(&from) else { return };
    if link.is_up() {
        let leaf = link.leaf;
        down(core, all, from, None);
        if instead.is_some() && !leaf {
            all.refill.hold(core);
        }
        if let Some(record) = instead {
            let then = Then::Instead { both: reason == Leave::Exchanged };
            hearsay::record(core, from, record, Duration::ZERO, then);
        }
        core.timers.set(Timer::Link(from), core.after(LINGER));
    }
    // If it still carries, it ends in its time.
    if core.links.get(&from).is_some_and(|link| !link.carries) {
        core.part(from, Leave::Surplus);
    }
}

/// The link is gone, or is to be taken for gone.
pub(super) fn gone(core: &mut Core, all: &mut Protocols, peer: PeerId, why: Option<Lost>) {
    let Some(link) = core.links.get(&peer) else { return };
    let (state, dialled) = (link.state, link.dialled);
    if state == State::Up {
        core.stats.lost += 1;
        down(core, all, peer, Some(why.unwrap_or(Lost::TimedOut)));
    }
    core.forget_link(peer);
    if let Some((id, purpose)) = dialled.filter(|_| matches!(state, State::Greeted | State::Measuring)) {
        match why {
            // Who hangs up without a word has no place for us.
            Some(Lost::Closed) => refused(core, all, id, purpose),
            Some(Lost::Misbehaved) => refill::failed(core, id, DialFailure::Denied),
            Some(Lost::TimedOut) | None => refill::failed(core, id, DialFailure::TimedOut),
        }
    } else {
        refill::soon(core);
    }
}

/// A visit has lasted long enough.
pub(super) fn timeout(core: &mut Core, all: &mut Protocols, peer: PeerId) {
    let Some(link) = core.links.get_mut(&peer) else { return };
    if let Some((reason, _)) = link.farewell.take() {
        return say(core, peer, reason, None);
    }
    let reason = match link.state {
        State::Greeted | State::Measuring => Leave::Silent,
        _ => Leave::Surplus,
    };
    gone(core, all, peer, None);
    core.output(Output::Disconnect { peer, reason });
}

/// Ends the link to a neighbour. Who has room instead, as somebody tells, is checked before it is told on.
pub(super) fn leave(
    core: &mut Core,
    all: &mut Protocols,
    peer: PeerId,
    reason: Leave,
    instead: Option<(PeerId, Record)>,
) {
    let word = instead
        .as_ref()
        .map(|(teller, record)| hearsay::record(core, *teller, record.clone(), Duration::ZERO, Then::Keep));
    match (word, instead) {
        (Some(Word::Asked), Some((_, record))) => {
            if let Some(link) = core.links.get_mut(&peer) {
                link.farewell = Some((reason, record));
            }
            core.timers.set(Timer::Link(peer), core.after(LEFT_TIMEOUT));
        }
        (Some(Word::True), Some((_, record))) => say(core, peer, reason, Some(record)),
        _ => say(core, peer, reason, None),
    }
    down(core, all, peer, None);
}

/// The last word to a neighbour.
fn say(core: &mut Core, peer: PeerId, reason: Leave, instead: Option<Record>) {
    core.send(peer, &Message::Leave { reason, instead });
    let carries = core.links.get(&peer).is_some_and(|link| link.carries);
    core.timers.set(Timer::Link(peer), core.after(if carries { LINGER } else { LEFT_TIMEOUT }));
}

/// The node has judged this record: who was to be told of it is.
pub(super) fn settle(core: &mut Core, record: &Record, is_true: bool) {
    let waits = |link: &Link| link.farewell.as_ref().is_some_and(|(_, it)| it == record);
    let waiting: Vec<_> = core.links.iter().filter(|(_, link)| waits(link)).map(|(peer, _)| *peer).collect();
    for peer in waiting {
        let farewell = core.links.get_mut(&peer).and_then(|link| link.farewell.take());
        if let Some((reason, record)) = farewell {
            say(core, peer, reason, Some(record).filter(|_| is_true));
        }
    }
}

/// A neighbour answers no more.
pub(super) fn silent(core: &mut Core, all: &mut Protocols, peer: PeerId) {
    gone(core, all, peer, Some(Lost::TimedOut));
    core.output(Output::Disconnect { peer, reason: Leave::Silent });
}

/// `lost`: it did not leave in peace, and carries nothing any more.
fn down(core: &mut Core, all: &mut Protocols, peer: PeerId, lost: Option<Lost>) {
    let lingering = core.links.values().filter(|link| link.carries && !link.is_up()).count();
    let lingers = lost.is_none() && !core.is_leaf() && lingering < core.config.active_max;
    let Some(link) = core.links.get_mut(&peer) else { return };
    link.state = State::Left;
    let leaf = link.leaf;
    link.carries = lingers && !leaf;
    let carries = link.carries;
    core.contacts.unlinked(&peer, lost.is_some(), core.now, &core.config, &mut core.dice);
    core.flush_forgotten();
    if lost == Some(Lost::Misbehaved) {
        core.contacts.deny(&peer, core.after(core.config.backoff_max));
    }
    core.output(if carries { Output::Leaving { peer } } else { Output::Down { peer } });
    if !leaf {
        all.refill.afresh();
        refill::soon(core);
        if lost.is_some() {
            core.lost_at = core.now;
            all.walk.hurry(core);
        }
    }
}
