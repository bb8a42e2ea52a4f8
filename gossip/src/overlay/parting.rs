//! How a link ends, whoever ends it. The table of states is in `visit`.

use std::time::Duration;

use msec_identity::PeerId;

use super::checks::Then;
use super::core::{Core, Timer};
use super::io::{DialFailure, Leave, Lost, Output};
use super::link::State;
use super::machine::Protocols;
use super::message::{Message, Record};
use super::visit::refused;
use super::{hearsay, refill};

/// How long the other side has to hang up, once it was told.
const LEFT_TIMEOUT: Duration = Duration::from_secs(1);

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
    }
    core.part(from, Leave::Surplus);
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
    let Some(link) = core.links.get(&peer) else { return };
    let reason = match link.state {
        State::Greeted | State::Measuring => Leave::Silent,
        _ => Leave::Surplus,
    };
    gone(core, all, peer, None);
    core.output(Output::Disconnect { peer, reason });
}

/// Ends the link to a neighbour.
pub(super) fn leave(
    core: &mut Core,
    all: &mut Protocols,
    peer: PeerId,
    reason: Leave,
    instead: Option<Record>,
) {
    core.send(peer, &Message::Leave { reason, instead });
    down(core, all, peer, None);
    core.timers.set(Timer::Link(peer), core.after(LEFT_TIMEOUT));
}

/// A neighbour answers no more.
pub(super) fn silent(core: &mut Core, all: &mut Protocols, peer: PeerId) {
    gone(core, all, peer, Some(Lost::TimedOut));
    core.output(Output::Disconnect { peer, reason: Leave::Silent });
}

/// `lost`: it did not leave in peace.
fn down(core: &mut Core, all: &mut Protocols, peer: PeerId, lost: Option<Lost>) {
    let Some(link) = core.links.get_mut(&peer) else { return };
    link.state = State::Left;
    let leaf = link.leaf;
    core.contacts.unlinked(&peer, lost.is_some(), core.now, &core.config, &mut core.dice);
    core.flush_forgotten();
    if lost == Some(Lost::Misbehaved) {
        core.contacts.deny(&peer, core.after(core.config.backoff_max));
    }
    core.output(Output::Down { peer });
    if !leaf {
        all.refill.afresh();
        refill::soon(core);
        if lost.is_some() {
            core.lost_at = core.now;
            all.walk.hurry(core);
        }
    }
}
