//! The first word of a round: do we hold the same, and if not, from where on?

use msec_identity::PeerId;

use super::changes::{self, Told};
use super::message::{Agreed, Epoch, Fingerprint, Root, Salt, Step};
use super::{descend, leads, may_walk, pace};
use crate::core::Core;
use crate::frontier::Sum;
use crate::range::Range;

/// Who holds no more than this is told all. Chosen: as many names take no more than a summary.
const FEW: u32 = 16;
/// Who holds so many times less than we do is told all, in the order in which it came to us: that costs no more than codes
/// would, and goes on where it was interrupted.
const FAR_BEHIND: u32 = 4;
/// After so many roots in a row that differed, strangers' ways are taken even though there are cursors.
const UNEQUAL_MAX: u32 = 8;

/// Says what we hold, and `asks` for an answer.
pub(super) fn send(core: &mut Core, peer: PeerId, asks: bool) {
    let Some(neighbour) = core.neighbours.get(&peer) else { return };
    let common = neighbour.common.clone();
    let resume = core.cursors.get(&peer, &common);
    let salt = Salt(core.random_bytes());
    let sum = core.frontier.sum(&Range::ALL, &common);
    let root = Root {
        asks,
        salt,
        fingerprint: Fingerprint::of(salt, &sum),
        count: sum.count,
        epoch: core.epoch,
        head: core.frontier.head(),
        resume,
    };
    super::send(core, peer, Step::Root(root));
}

/// A neighbour's root came: an answer to ours, or a question.
pub(super) fn received(core: &mut Core, from: PeerId, theirs: &Root) {
    let Some(neighbour) = core.neighbours.get_mut(&from) else { return };
    let common = neighbour.common.clone();
    if neighbour.session.epoch.is_some_and(|epoch| epoch != theirs.epoch) {
        neighbour.session.taking.forget();
    }
    neighbour.session.epoch = Some(theirs.epoch);
    neighbour.session.head = theirs.head;
    let (epoch, head) = (core.epoch, core.frontier.head());
    if let Some((_, through)) = theirs.resume.filter(|(of, through)| *of == epoch && *through <= head) {
        neighbour.session.takes_in(epoch, through);
    }
    core.cursors.check(&from, theirs.epoch, theirs.head);
    let cost = core.frontier.sum_cost(&common);
    if !may_walk(core, from, cost) {
        return;
    }
    let ours = core.frontier.sum(&Range::ALL, &common);
    let hurry = core.config.reconcile_hurry;
    let now = core.now;
    let Some(neighbour) = core.neighbours.get_mut(&from) else { return };
    // Two questions that cross each other are each other's answers.
    let crosses = neighbour.pace.asked.take().is_some_and(|asked| now.saturating_sub(asked) <= hurry);
    if Fingerprint::of(theirs.salt, &ours) == theirs.fingerprint {
        neighbour.session.takes_in(epoch, head);
        agree(core, from, theirs.epoch, theirs.head);
        if theirs.asks && !crosses {
            let head = core.frontier.head();
            super::send(core, from, Step::Agreed(Agreed { head }));
        }
        return;
    }
    neighbour.session.unequal = neighbour.session.unequal.saturating_add(1);
    if theirs.asks && !crosses {
        send(core, from, false);
    }
    differs(core, from, theirs, &ours);
}

/// What our last root said, the neighbour holds.
pub(super) fn agreed(core: &mut Core, from: PeerId, theirs: &Agreed) {
    let Some(neighbour) = core.neighbours.get_mut(&from) else { return };
    if let Some(epoch) = neighbour.session.epoch
        && neighbour.pace.asked.take().is_some()
    {
        let said = neighbour.session.said;
        neighbour.session.takes_in(core.epoch, said);
        agree(core, from, epoch, theirs.head);
    }
}

fn agree(core: &mut Core, peer: PeerId, epoch: Epoch, head: u64) {
    let Some(neighbour) = core.neighbours.get_mut(&peer) else { return };
    neighbour.session.unequal = 0;
    neighbour.session.taking.forget();
    let common = neighbour.common.clone();
    core.cursors.advance(peer, epoch, &common, head, core.config.cursors_max);
    pace::calm(core, peer);
}

fn differs(core: &mut Core, from: PeerId, theirs: &Root, ours: &Sum) {
    let Some(neighbour) = core.neighbours.get(&from) else { return };
    let unequal = neighbour.session.unequal;
    let cursor = core.cursors.get(&from, &neighbour.common).filter(|(epoch, _)| *epoch == theirs.epoch);
    let through = cursor.map(|(_, through)| neighbour.session.taking.told(through));
    let told = changes::tell(core, from, theirs, ours);
    let is_told_all = tells_all(theirs.count, ours.count);
    // What they may still tell us by themselves.
    let is_met = through.is_some() || is_told_all;
    let hears = is_met && theirs.head > through.unwrap_or(0);
    let helps = match told {
        // It asks for the rest when it has taken this in.
        Told::More => true,
        Told::Some => is_met,
        Told::Nothing => hears,
        Told::NoCursor => false,
    };
    let leads = leads(core, from);
    // An exchange takes a few round trips: a second one beside it would only double the cost.
    let (now, pause) = (core.now, core.config.reconcile_hurry / 2);
    let Some(pace) = core.neighbours.get_mut(&from).map(|neighbour| &mut neighbour.pace) else { return };
    let is_busy = pace.descended.is_some_and(|descended| now.saturating_sub(descended) < pause);
    if leads && !is_busy && (!helps || (unequal >= UNEQUAL_MAX && told != Told::More)) {
        pace.descended = Some(now);
        pace::hurry(core, from);
        descend::start(core, from, theirs.salt, false);
    }
}

/// Whether a peer that holds `ours` tells one that holds `theirs`, and that it never met, all that it holds.
pub(super) fn tells_all(ours: u32, theirs: u32) -> bool {
    ours <= FEW || theirs <= ours / FAR_BEHIND
}
