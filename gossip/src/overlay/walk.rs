//! Records come around: the walk of a newcomer, and walks that ask.
//!
//! Source: HyParView (Leitao, Pereira, Rodrigues, DSN 2007), sections 4.2 (`ForwardJoin`) and 4.4 (`Shuffle`). Here a
//! walk that asks carries no records: who stands at its end answers along the way back. The graph is nearly regular, so
//! that is a peer drawn evenly from all, and it lives.
//!
//! | when | then |
//! |---|---|
//! | somebody joins | the record is checked, and goes to `join_walks` neighbours, with `join_walk` steps left |
//! | `Newcomer` with steps left | the record is checked, kept, and passed to a random neighbour |
//! | `Newcomer` at its end | the record is checked and kept, and the newcomer dialled |
//! | `shuffle_min`, doubling to `shuffle_max`; soon after a loss | `Shuffle` to a random neighbour, with `shuffle_walk` steps left |
//! | `Shuffle` with steps left | to a random neighbour; who sent it is noted |
//! | `Shuffle` at its end | `ShuffleReply` to who sent it |
//! | `ShuffleReply` | its records are taken in; those that are true, to who sent us the walk, unless it is ours |
//! | the own record changes | `Record` to all relays that are neighbours |

use std::collections::VecDeque;
use std::time::Duration;

use msec_identity::PeerId;

use super::checks::Then;
use super::core::{Core, Timer};
use super::hearsay::{self, Word};
use super::link::State;
use super::machine::Protocols;
use super::message::{Message, Record, Told, ToldList};

/// Walks that are remembered until their answers come, and are checked. When full, the oldest is forgotten, and its answer
/// dropped.
pub(super) const WALKS_MAX: usize = 32;

/// How soon after a loss records are asked for: the new neighbours are there by then.
const HURRY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Walks {
    under_way: VecDeque<Walk>,
    interval: Duration,
}

#[derive(Debug)]
struct Walk {
    id: u64,
    /// Who sent it; `None` if it is ours.
    from: Option<PeerId>,
    /// The answer, while some of it is being checked: each record with whether it was.
    answer: Option<Vec<(Told, bool)>>,
}

impl Walks {
    pub(super) fn new(interval: Duration) -> Self {
        Self { under_way: VecDeque::new(), interval }
    }

    pub(super) fn len(&self) -> usize {
        self.under_way.len()
    }

    /// The next walk starts.
    pub(super) fn timeout(&mut self, core: &mut Core) {
        self.arm(core);
        self.interval = (self.interval * 2).min(core.config.shuffle_max);
        let neighbours: Vec<_> = core.relays().map(|(peer, _)| peer).collect();
        if let Some(to) = core.dice.pick(&neighbours) {
            let steps = core.config.shuffle_walk;
            self.ask(core, to, steps);
        }
    }

    /// Sets the deadline, if there is none.
    pub(super) fn arm(&mut self, core: &mut Core) {
        if !core.is_leaf() && !core.timers.is_set(Timer::Shuffle) {
            let at = core.after_about(self.interval);
            core.timers.set(Timer::Shuffle, at);
        }
    }

    /// Somebody was lost: others may be, too.
    pub(super) fn hurry(&mut self, core: &mut Core) {
        if !core.is_leaf() {
            self.interval = core.config.shuffle_min;
            let at = core.after_about(HURRY);
            core.timers.set_no_later(Timer::Shuffle, at);
        }
    }

    fn ask(&mut self, core: &mut Core, to: PeerId, steps: u8) {
        let walk = core.dice.u64();
        self.note(walk, None);
        core.send(to, &Message::Shuffle { walk, steps });
    }

    fn note(&mut self, walk: u64, from: Option<PeerId>) {
        if self.under_way.len() >= WALKS_MAX {
            self.under_way.pop_front();
        }
        self.under_way.push_back(Walk { id: walk, from, answer: None });
    }

    fn shuffle(&mut self, core: &mut Core, from: PeerId, walk: u64, steps: u8) {
        let steps = steps.min(core.config.shuffle_walk);
        if let Some(to) = next_step(core, from, steps) {
            self.note(walk, Some(from));
            return core.send(to, &Message::Shuffle { walk, steps: steps - 1 });
        }
        let mut told = core.sample(from);
        if let Some(own) = core.own.clone().filter(|_| !core.is_leaf()) {
            told.0.insert(0, Told { age_s: 0, record: own });
        }
        core.send(from, &Message::ShuffleReply { walk, told });
    }

    fn reply(&mut self, core: &mut Core, from: PeerId, walk: u64, told: ToldList) {
        let Some(place) = self.under_way.iter().position(|it| it.id == walk && it.answer.is_none()) else {
            return;
        };
        // What is meant for somebody else is as good for us: it came this far already.
        let mut answer = Vec::new();
        for told in told.0 {
            let age = Duration::from_secs(u64::from(told.age_s));
            match hearsay::record(core, from, told.record.clone(), age, Then::Keep) {
                Word::True => answer.push((told, true)),
                Word::Asked => answer.push((told, false)),
                Word::None => {}
            }
        }
        self.under_way[place].answer = Some(answer);
        self.answered(core, place);
    }

    /// Passes an answer on, if all of it was checked.
    fn answered(&mut self, core: &mut Core, place: usize) {
        let all = |answer: &Vec<(Told, bool)>| answer.iter().all(|(_, is_true)| *is_true);
        let walk = &self.under_way[place];
        if walk.from.is_some() && !walk.answer.as_ref().is_some_and(all) {
            return;
        }
        let Some(Walk { id, from: Some(to), answer }) = self.under_way.remove(place) else { return };
        let told = ToldList(answer.into_iter().flatten().map(|(told, _)| told).collect());
        if core.links.get(&to).is_some_and(|link| link.is_up()) {
            core.send(to, &Message::ShuffleReply { walk: id, told });
        }
    }

    fn settle(&mut self, core: &mut Core, record: &Record, is_true: bool) {
        for place in (0..self.under_way.len()).rev() {
            let Some(answer) = &mut self.under_way[place].answer else { continue };
            answer.retain(|(told, _)| is_true || told.record != *record);
            answer.iter_mut().filter(|(told, _)| told.record == *record).for_each(|(_, it)| *it = true);
            self.answered(core, place);
        }
    }
}

/// Asks `peer` itself, whether it is up or only measured.
pub(super) fn ask(core: &mut Core, all: &mut Protocols, peer: PeerId) {
    all.walk.ask(core, peer, 0);
}

/// A walk that asks came by.
pub(super) fn shuffle(core: &mut Core, all: &mut Protocols, from: PeerId, walk: u64, steps: u8) {
    let Some(link) = core.links.get(&from) else { return };
    // A visitor may ask us, and nobody else through us.
    let visits = link.state == State::Awaited;
    if (visits || link.is_up()) && admit(core, from) {
        let steps = if visits || core.is_leaf() { 0 } else { steps };
        all.walk.shuffle(core, from, walk, steps);
    }
}

/// An answer came by.
pub(super) fn reply(core: &mut Core, all: &mut Protocols, from: PeerId, walk: u64, told: ToldList) {
    if core.links.contains_key(&from) {
        all.walk.reply(core, from, walk, told);
    }
}

/// The node has judged this record: answers that waited for it go on.
pub(super) fn settle(core: &mut Core, all: &mut Protocols, record: &Record, is_true: bool) {
    all.walk.settle(core, record, is_true);
}

/// Tells of a newcomer, if it is our neighbour still.
pub(super) fn spread(core: &mut Core, newcomer: PeerId, record: &Record) {
    if !core.links.get(&newcomer).is_some_and(|link| link.is_relay()) {
        return;
    }
    let mut neighbours: Vec<_> =
        core.relays().map(|(peer, _)| peer).filter(|peer| *peer != newcomer).collect();
    core.dice.draw(&mut neighbours, core.config.join_walks);
    for to in neighbours {
        core.send(to, &Message::Newcomer { steps: core.config.join_walk, record: record.clone() });
    }
}

/// A newcomer's record came by.
pub(super) fn newcomer(core: &mut Core, from: PeerId, steps: u8, record: Record) {
    if core.is_leaf() || !core.links.get(&from).is_some_and(|link| link.is_relay()) || !admit(core, from) {
        return;
    }
    let steps = steps.min(core.config.join_walk);
    let next = next_step(core, from, steps);
    let then = next.map_or(Then::Welcome, |to| Then::PassOn { to, steps: steps - 1 });
    hearsay::record(core, from, record, Duration::ZERO, then);
}

/// What we tell about ourselves has changed, and the neighbours are told.
pub(super) fn own(core: &mut Core, record: Option<Record>) {
    if core.own == record {
        return;
    }
    core.own = record;
    let Some(record) = core.own.clone().filter(|_| !core.is_leaf()) else { return };
    for to in core.relays().map(|(peer, _)| peer).collect::<Vec<_>>() {
        core.send(to, &Message::Record { record: record.clone() });
    }
}

/// What a neighbour tells about itself has changed.
pub(super) fn renewed(core: &mut Core, from: PeerId, record: Record) {
    if core.links.get(&from).is_some_and(|link| link.is_relay()) {
        hearsay::record(core, from, record, Duration::ZERO, Then::Keep);
    }
}

/// Where a walk that came from there goes next; `None` where it ends.
fn next_step(core: &mut Core, from: PeerId, steps: u8) -> Option<PeerId> {
    let others: Vec<_> = core.relays().map(|(peer, _)| peer).filter(|peer| *peer != from).collect();
    if steps == 0 { None } else { core.dice.pick(&others) }
}

/// Whether this neighbour may send one more walk in this minute.
fn admit(core: &mut Core, from: PeerId) -> bool {
    let (now, max) = (core.now, core.config.walks_each_max);
    core.links.get_mut(&from).is_some_and(|link| {
        link.count_from(now);
        link.walks = link.walks.saturating_add(1);
        link.walks <= max
    })
}
