//! Whether a neighbour lives, and what the link to it costs.
//!
//! Source: RFC 6298, section 2, for the smoothing. A ping that is said again keeps its nonce, and what comes back is
//! measured from when it was first said: with loss a link looks slower than it is, never faster.
//!
//! | when | then |
//! |---|---|
//! | a link is up | three pings that measure, a second apart; later one each `measure_interval` |
//! | a relay is quiet for `quiet_max` (`leaf_quiet_max` for a leaf) | a ping |
//! | a ping is not answered | again, four times within `silent_max` (`leaf_silent_max` for a leaf); then the neighbour is down |
//! | anything is heard | it lives |
//! | the cost has changed by a tenth, and by a millisecond | it is reported |
//!
//! A relay does not ping leaves: their links end by the driver's idle timeout.

use std::time::Duration;

use msec_identity::PeerId;

use super::core::{Core, Timer};
use super::hearsay;
use super::io::Output;
use super::link::{Ping, State, differ};
use super::machine::Protocols;
use super::message::Message;
use super::optimise;
use super::parting;

/// Round trips that are measured when a link comes up.
const SAMPLES_FIRST: u8 = 3;

/// Time between those.
const SAMPLES_PACE: Duration = Duration::from_secs(1);

/// How often a ping is said within `silent_max`.
const PINGS_MAX: u32 = 4;

/// A link is up.
pub(super) fn start(core: &mut Core, peer: PeerId) {
    if let Some(link) = core.links.get_mut(&peer) {
        link.measure_at = core.now;
        report(core, peer);
        check(core, peer);
    }
}

/// The deadline of a link that is up.
pub(super) fn timeout(core: &mut Core, all: &mut Protocols, peer: PeerId) {
    let silent_max = silent_max(core);
    let Some(link) = core.links.get_mut(&peer) else { return };
    if let Some(ping) = &mut link.ping {
        if link.heard_at > ping.sent_at {
            // It lives, and its answer was lost.
            link.ping = None;
        } else if core.now.saturating_sub(ping.sent_at) >= silent_max {
            return parting::silent(core, all, peer);
        } else if core.now >= ping.again_at {
            ping.again_at = core.now.saturating_add(pause(silent_max));
            let nonce = ping.nonce;
            core.send(peer, &Message::Ping { nonce });
            // By now it is a suspect, and somebody else may be needed.
            super::refill::soon(core);
        }
    }
    check(core, peer);
}

/// Pings if it is time, and sets the next deadline.
fn check(core: &mut Core, peer: PeerId) {
    let quiet_max = if core.is_leaf() { core.config.leaf_quiet_max } else { core.config.quiet_max };
    let Some(link) = core.links.get(&peer) else { return };
    if link.leaf {
        return;
    }
    let due = link.measure_at.min(link.heard_at.saturating_add(quiet_max));
    if link.ping.is_none() && due <= core.now {
        ping(core, peer);
    }
    let Some(link) = core.links.get(&peer) else { return };
    let due = match link.ping {
        Some(ping) => ping.again_at.min(ping.sent_at.saturating_add(silent_max(core))),
        None => due,
    };
    core.timers.set(Timer::Link(peer), due);
}

/// Sends a ping.
pub(super) fn ping(core: &mut Core, peer: PeerId) {
    let nonce = core.dice.u32();
    let again_at = core.after(pause(silent_max(core)));
    // A leaf measures when a link is new, and lets its radio sleep then.
    let measure_at =
        if core.is_leaf() { Duration::MAX } else { core.after_about(core.config.measure_interval) };
    let Some(link) = core.links.get_mut(&peer) else { return };
    link.ping = Some(Ping { nonce, sent_at: core.now, again_at });
    link.measure_at = measure_at;
    core.send(peer, &Message::Ping { nonce });
}

/// How long a ping may go unanswered.
fn silent_max(core: &Core) -> Duration {
    if core.is_leaf() { core.config.leaf_silent_max } else { core.config.silent_max }
}

/// Between two of the same ping.
fn pause(silent_max: Duration) -> Duration {
    (silent_max / PINGS_MAX).max(Duration::from_millis(1))
}

/// A ping was answered.
pub(super) fn pong(core: &mut Core, from: PeerId, nonce: u32) {
    let now = core.now;
    let Some(link) = core.links.get_mut(&from) else { return };
    let Some(ping) = link.ping.filter(|ping| ping.nonce == nonce) else {
        if link.answered != Some(nonce) {
            hearsay::doubt(core, from);
        }
        return;
    };
    link.ping = None;
    link.answered = Some(nonce);
    link.measured(now.saturating_sub(ping.sent_at));
    if link.samples < SAMPLES_FIRST {
        link.measure_at = link.measure_at.min(now.saturating_add(SAMPLES_PACE));
    }
    match link.state {
        State::Up => {
            report(core, from);
            check(core, from);
        }
        State::Measuring => optimise::measured(core, from),
        State::Greeted | State::Awaited | State::Refused | State::Left => {}
    }
}

/// Says what the link costs, if that is news.
fn report(core: &mut Core, peer: PeerId) {
    let Some(link) = core.links.get_mut(&peer) else { return };
    let Some(cost) = link.cost().filter(|_| !link.leaf) else { return };
    if link.reported.is_none_or(|reported| differ(cost, reported)) {
        link.reported = Some(cost);
        core.output(Output::Cost { peer, cost });
    }
}
