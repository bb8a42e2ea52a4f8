//! How a link becomes a neighbour, and how it ends.
//!
//! Sources: HyParView (Leitao, Pereira, Rodrigues, DSN 2007), sections 4.2 and 4.3: `Join`, `Neighbor` with a priority,
//! `Disconnect`; X-BOT (Leitao et al., IEEE TPDS 2012) for exchanges, of which this is a simple form: whoever loses a
//! link by one is told of the other who did, in place of the two replacements of the paper.
//!
//! | state | what happens | then |
//! |---|---|---|
//! | no link | we dialled, and want it | `Hello`, *greeted* |
//! | no link | we dialled, to measure | two pings, *measuring*; then `Hello`, or the end |
//! | no link | the other side dialled | *awaited* |
//! | awaited | `Hello`, and there is a place | `Welcome`, *up*; who made room gets `Leave` |
//! | awaited | `Hello`, and there is none | `Full`, *refused* |
//! | greeted | `Welcome` | *up*; who was to be given up gets `Leave` |
//! | greeted | `Full` | the end, and the next one is dialled |
//! | greeted | `Hello`: both dialled | the smaller id's `Hello` counts |
//! | up | `Leave` | *left*; who is named in it is dialled |
//! | up | somebody else takes the place | *left*; `Leave` once who it names is checked |
//! | left | `LINGER` is over; at once where one of us is a leaf | the end |
//! | any but up | its deadline: `visit_timeout`; `leaf_silent_max` where one of us is a leaf, or may be | the end |
//!
//! Who has left still carries messages for `LINGER`, so that trees are moved to other links before this one is gone.

use std::time::Duration;

use msec_identity::PeerId;

use super::checks::Then;
use super::core::{Core, Timer};
use super::hearsay;
use super::io::{ContactId, DialFailure, Leave, Lost, Output, Role, Source};
use super::link::{Link, Purpose, State};
use super::liveness;
use super::machine::Protocols;
use super::message::{Message, Record, ToldList, Wish};
use super::parting::{gone, leave};
use super::refill;
use super::seat::{self, Seat};
use super::walk;

/// Passive peers that were not measured: with fewer, who is visited is asked for more.
const UNMEASURED_FEW: usize = 10;

/// A message came that may not come at this point.
#[derive(Debug)]
pub(super) struct OutOfTurn;

/// What a `Hello` says.
pub(super) struct Hello {
    pub(super) role: Role,
    pub(super) wish: Wish,
    pub(super) kept: bool,
    pub(super) record: Option<Record>,
}

/// What a `Welcome` says.
pub(super) struct Welcome {
    pub(super) role: Role,
    pub(super) far: bool,
    pub(super) record: Option<Record>,
    pub(super) instead: Option<Record>,
    pub(super) told: ToldList,
}

/// A link is there.
pub(super) fn link_up(
    core: &mut Core,
    all: &mut Protocols,
    peer: PeerId,
    contact: Option<ContactId>,
    expense: Duration,
) {
    if core.links.contains_key(&peer) {
        gone(core, all, peer, Some(Lost::Closed));
    }
    let purpose = contact.and_then(|id| {
        core.timers.cancel(Timer::Dial(id));
        core.dials.remove(&id)
    });
    let is_here = core.contacts.is_here(&peer, core.now);
    let reached = contact.map(|id| (id, core.contacts.reached(id, peer, core.now, &core.config)));
    let visits = core.links.values().filter(|link| !link.is_up()).count();
    if peer == core.me || (visits >= core.config.visits_max && !makes_way(core)) {
        return core.output(Output::Disconnect { peer, reason: Leave::Full });
    }
    let purpose = purpose.unwrap_or(Purpose::Refill);
    let dialled = reached.as_ref().map(|(id, _)| (*id, purpose));
    core.links.insert(peer, Box::new(Link::new(core.now, dialled, expense)));
    // Whoever dialled may be a leaf.
    let may_be_thin = core.is_leaf() || contact.is_none();
    let wait = if may_be_thin { core.config.leaf_silent_max } else { core.config.visit_timeout };
    core.timers.set(Timer::Link(peer), core.after(wait));
    let Some((_, reached)) = reached else { return };
    // Those who were asked may all say yes.
    let asked = core.links.values().filter(|link| link.state == State::Greeted).count();
    let lacks = core.missing() > asked || (core.is_leaf() && reached.fixed && core.leaf_has_room());
    let keep = core.config.keep_configured && reached.source == Source::Configured;
    match purpose {
        _ if reached.leaf && !core.is_leaf() => greet(core, peer, Wish::Neighbour { missing: 0 }),
        Purpose::Optimise => {
            set_state(core, peer, State::Measuring);
            liveness::ping(core, peer);
            if core.unmeasured() < UNMEASURED_FEW {
                walk::ask(core, all, peer);
            }
        }
        Purpose::Far => greet_for(core, peer, purpose, |instead| Wish::Far { instead }),
        Purpose::Newcomer => greet_for(core, peer, purpose, |_| Wish::Neighbour { missing: 1 }),
        // First of all: who merely lacks a neighbour is refused where there is no room, and the parts stay apart.
        Purpose::Probe if lacks && reached.strange && !is_here && !all.merge.rests(core) => {
            greet_for(core, peer, purpose, |instead| Wish::Merge { instead });
        }
        _ if lacks => greet_for(core, peer, Purpose::Refill, |_| Wish::Join),
        Purpose::Probe if reached.strange && (keep || !is_here) => {
            if keep || !all.merge.rests(core) {
                return greet_for(core, peer, purpose, |instead| Wish::Merge { instead });
            }
            surplus(core, peer, asked);
            if reached.fixed {
                still_strange(core, contact);
            }
        }
        Purpose::Refill | Purpose::Instead | Purpose::Probe => surplus(core, peer, asked),
    }
}

/// With no room for another visit, the one that has said nothing for longest ends, if that is `visit_timeout`.
fn makes_way(core: &mut Core) -> bool {
    let silent = core.links.iter().filter(|(_, link)| {
        matches!(link.state, State::Awaited | State::Refused)
            && core.now.saturating_sub(link.since) >= core.config.visit_timeout
    });
    let longest = silent.min_by_key(|(peer, link)| (link.since, **peer)).map(|(peer, _)| *peer);
    if let Some(peer) = longest {
        core.part(peer, Leave::Surplus);
    }
    longest.is_some()
}

/// It answered, and is not needed any more. While it was waited for nobody else was dialled, and a contact that is wanted
/// all the same may be due; if others are `asked`, their answers see to that.
fn surplus(core: &mut Core, peer: PeerId, asked: usize) {
    core.part(peer, Leave::Surplus);
    if asked == 0 {
        refill::soon(core);
    }
}

/// It answered, and no link came of it: it may still live in another part.
fn still_strange(core: &mut Core, contact: Option<ContactId>) {
    if let Some(contact) = contact.and_then(|id| core.contacts.get_mut(id)) {
        contact.failed = true;
    }
}

/// Says hello, if there is or can be room. Whoever lacks neighbours says so, whatever it came for.
pub(super) fn greet_for(
    core: &mut Core,
    peer: PeerId,
    purpose: Purpose,
    wish: impl FnOnce(Option<Record>) -> Wish,
) {
    let (count, missing) = (core.trusted_count(), core.missing());
    let given_up = if core.is_full() { seat::given_up(core, purpose) } else { None };
    let wish = match () {
        () if count == 0 => Wish::Join,
        () if (missing > 0 && purpose != Purpose::Probe) || core.is_leaf() => {
            Wish::Neighbour { missing: u8::try_from(missing).unwrap_or(u8::MAX) }
        }
        () if given_up.is_none() && core.is_full() => {
            let contact = core.links.get(&peer).and_then(|link| link.dialled).map(|(id, _)| id);
            if purpose == Purpose::Probe {
                still_strange(core, contact);
            }
            return core.part(peer, Leave::Surplus);
        }
        () => wish(given_up.and_then(|peer| core.contacts.record_of(&peer)).cloned()),
    };
    if let Some(link) = core.links.get_mut(&peer) {
        link.instead_of = given_up;
    }
    greet(core, peer, wish);
}

fn greet(core: &mut Core, peer: PeerId, wish: Wish) {
    let dialled = core.links.get(&peer).and_then(|link| link.dialled);
    let contact = dialled.and_then(|(id, _)| core.contacts.get(id));
    let configured = contact.is_some_and(|contact| contact.source == Source::Configured);
    let kept = configured && core.config.keep_configured;
    if let Some(link) = core.links.get_mut(&peer) {
        (link.state, link.kept) = (State::Greeted, kept);
    }
    let record = own_record(core);
    core.send(peer, &Message::Hello { role: core.role, wish, kept, record });
}

/// Somebody who dialled says why.
pub(super) fn hello(
    core: &mut Core,
    all: &mut Protocols,
    from: PeerId,
    Hello { role, wish, kept, record }: Hello,
) -> Result<(), OutOfTurn> {
    let others_keep = core.others_keep();
    let (me, Some(link)) = (core.me, core.links.get_mut(&from)) else { return Ok(()) };
    match link.state {
        State::Awaited => {}
        // Both dialled. The driver has told us of one link, so one of us answers.
        State::Measuring | State::Greeted if from < me => link.dialled = None,
        State::Left => return Ok(()),
        _ if link.dialled.is_some() => return Ok(()),
        _ => return Err(OutOfTurn),
    }
    let leaf = role == Role::Leaf;
    link.leaf = leaf;
    link.kept = kept && !leaf && others_keep < core.config.active_max / 2;
    let record = record.filter(|_| !leaf);
    let Some(seat) = seat::find(core, from, leaf, &wish) else {
        core.stats.refused += 1;
        set_state(core, from, State::Refused);
        remember(core, from, record, Then::Keep);
        let told = sample_for(core, from, &wish);
        core.send(from, &Message::Full { told });
        return Ok(());
    };
    let then = if wish == Wish::Join { Then::Spread { newcomer: from } } else { Then::Keep };
    let merges = matches!(wish, Wish::Merge { .. });
    seat_down(core, all, from, seat, wish, record.as_ref());
    remember(core, from, record, then);
    if merges {
        all.merge.merged(core);
        walk::ask(core, all, from);
    }
    Ok(())
}

/// Has a record checked that `from` told by itself, and does `then` with it.
fn remember(core: &mut Core, from: PeerId, record: Option<Record>, then: Then) {
    if let Some(record) = record {
        hearsay::record(core, from, record, Duration::ZERO, then);
    }
}

/// Gives `from` its seat.
fn seat_down(
    core: &mut Core,
    all: &mut Protocols,
    from: PeerId,
    seat: Seat,
    wish: Wish,
    record: Option<&Record>,
) {
    let told = sample_for(core, from, &wish);
    let theirs = match wish {
        Wish::Exchange { instead, .. } | Wish::Far { instead } | Wish::Merge { instead } => instead,
        Wish::Join | Wish::Neighbour { .. } => None,
    };
    let mut instead = None;
    if let Some((dropped, reason)) = seat.evicted {
        let named = match reason {
            Leave::Exchanged => {
                instead = core.contacts.record_of(&dropped).cloned();
                theirs
            }
            _ => record.cloned(),
        };
        leave(core, all, dropped, reason, named.map(|named| (from, named)));
    }
    let record = own_record(core);
    core.send(from, &Message::Welcome { role: core.role, far: seat.far, record, instead, told });
    up(core, all, from, seat.far);
}

/// We are welcome.
pub(super) fn welcome(
    core: &mut Core,
    all: &mut Protocols,
    from: PeerId,
    welcome: Welcome,
) -> Result<(), OutOfTurn> {
    let Some(link) = core.links.get_mut(&from) else { return Ok(()) };
    match link.state {
        State::Greeted => {}
        State::Left => return Ok(()),
        _ => return Err(OutOfTurn),
    }
    let leaf = welcome.role == Role::Leaf;
    link.leaf = leaf;
    let given_up = link.instead_of.take();
    let purpose = link.dialled.map_or(Purpose::Refill, |(_, purpose)| purpose);
    remember(core, from, welcome.record.filter(|_| !leaf), Then::Keep);
    hearsay::told(core, from, welcome.told);
    // Several that were asked at once may all have said yes.
    let room = if core.is_leaf() {
        core.leaf_has_room()
    } else {
        !leaf || core.leaf_count() < core.config.leaves_max
    };
    if !room {
        core.part(from, Leave::Full);
        return Ok(());
    }
    let was_full = core.is_full();
    up(core, all, from, welcome.far);
    match purpose {
        Purpose::Optimise => {
            core.stats.exchanged += 1;
            all.optimise.paid(core);
        }
        Purpose::Probe => {
            core.stats.merged += 1;
            all.merge.merged(core);
            walk::ask(core, all, from);
        }
        _ => {}
    }
    if !leaf && was_full && !core.is_leaf() {
        make_room(core, all, from, given_up, purpose, welcome.instead);
    }
    Ok(())
}

/// One neighbour more than there is room for: somebody leaves, and who it is told of has lost one, too.
fn make_room(
    core: &mut Core,
    all: &mut Protocols,
    newcomer: PeerId,
    given_up: Option<PeerId>,
    purpose: Purpose,
    theirs: Option<Record>,
) {
    let still_up = given_up.filter(|peer| core.links.get(peer).is_some_and(|link| link.is_relay()));
    let given_up = still_up.or_else(|| seat::given_up(core, purpose).filter(|peer| *peer != newcomer));
    let Some(given_up) = given_up else { return leave(core, all, newcomer, Leave::Surplus, None) };
    let (reason, named) = match purpose {
        Purpose::Optimise | Purpose::Far | Purpose::Probe => (Leave::Exchanged, theirs),
        Purpose::Newcomer => (Leave::Full, core.contacts.record_of(&newcomer).cloned()),
        Purpose::Refill | Purpose::Instead => (Leave::Surplus, None),
    };
    leave(core, all, given_up, reason, named.map(|named| (newcomer, named)));
}

/// There is no place for us.
pub(super) fn full(
    core: &mut Core,
    all: &mut Protocols,
    from: PeerId,
    told: ToldList,
) -> Result<(), OutOfTurn> {
    let Some(link) = core.links.get(&from) else { return Ok(()) };
    match (link.state, link.dialled) {
        (State::Greeted, dialled) => {
            hearsay::told(core, from, told);
            core.part(from, Leave::Surplus);
            if let Some((id, purpose)) = dialled {
                refused(core, all, id, purpose);
            }
            Ok(())
        }
        (State::Left, _) => Ok(()),
        _ => Err(OutOfTurn),
    }
}

pub(super) fn refused(core: &mut Core, all: &mut Protocols, id: ContactId, purpose: Purpose) {
    match purpose {
        Purpose::Optimise | Purpose::Far => {
            let at = core.after(core.config.optimise_max);
            if let Some(contact) = core.contacts.get_mut(id) {
                contact.exchange_at = at;
            }
        }
        Purpose::Refill | Purpose::Instead | Purpose::Newcomer | Purpose::Probe => {
            refill::failed(core, id, DialFailure::Refused);
            all.refill.refused(core);
            if purpose == Purpose::Probe {
                still_strange(core, Some(id));
            }
        }
    }
}

fn up(core: &mut Core, all: &mut Protocols, peer: PeerId, far: bool) {
    let Some(link) = core.links.get_mut(&peer) else { return };
    link.state = State::Up;
    link.carries = true;
    link.since = core.now;
    link.heard_at = core.now;
    link.far = far && !link.leaf;
    let leaf = link.leaf;
    core.stats.ups += 1;
    core.contacts.linked(&peer, leaf, &core.config, &mut core.dice);
    core.output(Output::Up { peer, leaf });
    core.timers.cancel(Timer::Link(peer));
    liveness::start(core, peer);
    if !leaf {
        all.refill.afresh();
        refill::soon(core);
        all.neighbour_up(core);
    }
}

fn set_state(core: &mut Core, peer: PeerId, state: State) {
    if let Some(link) = core.links.get_mut(&peer) {
        link.state = state;
    }
}

/// Whoever has a full view needs no records with its answer.
fn sample_for(core: &mut Core, to: PeerId, wish: &Wish) -> ToldList {
    match wish {
        Wish::Join | Wish::Neighbour { .. } => core.sample(to),
        Wish::Exchange { .. } | Wish::Far { .. } | Wish::Merge { .. } => ToldList::default(),
    }
}

fn own_record(core: &Core) -> Option<Record> {
    core.own.clone().filter(|_| !core.is_leaf())
}
