//! Fetching what a neighbour is ahead with: one want in flight for a key, a few for a neighbour, and another neighbour
//! when one doesn't answer.
//!
//! The pull half of anti-entropy (Demers et al., PODC 1987, section 1.3). There is a want for a key as long as a
//! neighbour that may be asked said that it holds more of it than we do.
//!
//! Transitions, for one key:
//!
//! ```text
//!                    a neighbour is ahead, or Gap
//!                               |
//!                               v  want_delay: a push often makes it moot. None, if no push brings so much
//!   slot free     +--------- Delayed
//!   +-------------+
//!   |             |  all who are ahead owe as many answers as they may, or as many bytes as the node has room for
//!   |             +--------> Queued ----- one of them answers or goes down, or there is Room: InFlight
//!   v
//! InFlight -- Chunk -------> Answered -- Accepted, still behind: at once InFlight
//!   |                           |     -- no word from the node in want_timeout: InFlight, elsewhere
//!   |                           |     -- Gap, what is before is gone: InFlight, from there
//!   |                           |     -- Refused, PutOff: the neighbour is backed off; InFlight elsewhere
//!   |                           |     -- Trace: InFlight at the same neighbour, from where the node says
//!   +-- late, lost (see `answers`), NeighbourDown: InFlight elsewhere; if it is late and nobody else is ahead, it stays
//!   +-- Unserved: the neighbour is backed off; InFlight elsewhere
//!   +-- asked want_tries_max times: the neighbour is backed off
//!
//! any -- Trace, of a neighbour that may be asked --> InFlight there
//! any -- nobody who may be asked is ahead any more --> gone, though answers may still be owed
//! ```

use std::collections::BTreeMap;

use msec_identity::PeerId;

use crate::answers::{KIB, Overdue};
use crate::core::Core;
use crate::frontier::Found;
use crate::io::Priority;
use crate::item::{Key, Topic};
use crate::message::{Message, WantId};
use crate::name::Name;
use crate::neighbour::WantOrder;
use crate::timers::Timer;

/// Bounded by the keys that we hold and the hearsay of all neighbours.
#[derive(Debug, Default)]
pub(crate) struct Wants {
    by_key: BTreeMap<Key, Want>,
    made: u64,
}

#[derive(Debug)]
struct Want {
    order: WantOrder,
    /// Where to continue.
    have: u64,
    /// Who was asked since the last progress. Bounded by the neighbours.
    asked: BTreeMap<PeerId, Asked>,
    state: State,
    /// Whether `have` counts another history than the node's.
    is_traced: bool,
}

/// How often, and under which id.
#[derive(Clone, Copy, Debug)]
struct Asked {
    times: u32,
    id: WantId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Delayed,
    Queued,
    InFlight(PeerId),
    Answered,
}

impl Wants {
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// A neighbour may be ahead with `key`.
    pub(crate) fn consider(&mut self, core: &mut Core, key: Key, topic: Option<&Topic>) {
        match self.by_key.get(&key).map(|want| want.state) {
            Some(State::Queued) => return self.dispatch(core, key),
            Some(State::InFlight(peer)) if core.is_late(&peer, &key) => return self.dispatch(core, key),
            Some(_) => return,
            None => {}
        }
        let have = core.frontier.size(&key);
        let Some(most) = core.ahead(&key, have).map(|(_, neighbour)| neighbour.told(&key)).max() else {
            return;
        };
        if self.by_key.len() >= core.frontier.len() + core.neighbours.len() * core.config.hearsay_max {
            // Wants whose hearsay was taken back have not found out yet. This one comes again with a later round.
            core.stats.hearsay_dropped += 1;
            return;
        }
        let topic = core.frontier.get(&key).map(|held| &held.topic).or(topic);
        let order =
            WantOrder { is_data: !topic.is_some_and(|topic| core.is_control(topic)), made: self.made };
        self.made += 1;
        self.by_key.insert(
            key,
            Want { order, have, asked: BTreeMap::new(), state: State::Delayed, is_traced: false },
        );
        if most - have > core.config.pushed_max {
            return self.dispatch(core, key);
        }
        core.timers.set(Timer::Want(key), core.after(core.config.want_delay));
    }

    /// The node holds `have` of `key`, and was handed something that begins later. Or it goes on from there, since what lies
    /// before is gone.
    pub(crate) fn gap(&mut self, core: &mut Core, key: Key, topic: Option<&Topic>, have: u64) {
        self.consider(core, key, topic);
        let Some(want) = self.by_key.get_mut(&key) else { return };
        let goes_on = have > want.have && want.state == State::Answered;
        (want.have, want.is_traced) = (have, false);
        if goes_on {
            want.asked.clear();
            self.dispatch(core, key);
        }
    }

    /// `from` holds another history of `key` than the node, which has seen `have` of that: it is asked for what follows.
    pub(crate) fn trace(&mut self, core: &mut Core, key: Key, from: PeerId, have: u64) {
        let full = self.by_key.len() >= core.frontier.len() + core.neighbours.len() * core.config.hearsay_max;
        let is_control = core.frontier.get(&key).is_some_and(|held| core.is_control(&held.topic));
        let may_ask = core.neighbours.get(&from).is_some_and(|neighbour| {
            !neighbour.answers.owes(&key) && neighbour.answers.has_room(!is_control, &core.config)
        });
        if !may_ask || (full && !self.by_key.contains_key(&key)) {
            return;
        }
        let made = self.made;
        let want = self.by_key.entry(key).or_insert_with(|| Want {
            order: WantOrder { is_data: !is_control, made },
            have,
            asked: BTreeMap::new(),
            state: State::Answered,
            is_traced: true,
        });
        self.made += 1;
        let order = want.order;
        (want.have, want.is_traced) = (have, true);
        // Another question than before, so that it has a name of its own.
        want.asked.remove(&from);
        want.fly(core, key, from);
        for neighbour in core.neighbours.values_mut() {
            neighbour.wants_queued.remove(&(order, key));
        }
    }

    /// What `from` delivered of `key` is of no use yet.
    pub(crate) fn put_off(&mut self, core: &mut Core, key: Key, from: PeerId) {
        let now = core.now;
        if let Some(neighbour) = core.neighbours.get_mut(&from) {
            neighbour.back_off_briefly(key, now, &core.config);
        }
        self.turn_away(core, key, from);
    }

    /// The node holds another version of `key` now.
    pub(crate) fn accepted(&mut self, core: &mut Core, key: Key) {
        let name = Name::of(&key).stand_in();
        if name != key && self.by_key.contains_key(&name) {
            // What was asked for by name is known now.
            self.remove(core, name);
            self.consider(core, key, None);
        }
        let Some(want) = self.by_key.get_mut(&key) else { return };
        let have = core.frontier.size(&key);
        if have > want.have {
            want.asked.clear();
        }
        (want.have, want.is_traced) = (have, false);
        let state = want.state;
        if core.ahead(&key, have).next().is_none() {
            self.remove(core, key);
        } else if state == State::Answered {
            self.dispatch(core, key);
        }
    }

    /// What `from` delivered of `key` is bad.
    pub(crate) fn refused(&mut self, core: &mut Core, key: Key, from: PeerId) {
        core.stats.refused += 1;
        let name = Name::of(&key).stand_in();
        let is_named = name != key && self.by_key.contains_key(&name);
        let keys = if is_named { vec![key, name] } else { vec![key] };
        for key in keys {
            if let Some(neighbour) = core.neighbours.get_mut(&from) {
                neighbour.back_off(key, core.now, &core.config);
            }
            self.turn_away(core, key, from);
        }
    }

    /// `from` says that it will not answer.
    pub(crate) fn unserved(&mut self, core: &mut Core, from: PeerId, id: WantId) {
        let now = core.now;
        let Some(neighbour) = core.neighbours.get_mut(&from) else { return };
        let Some(key) = neighbour.answers.unserved(now, id) else {
            core.stats.unwanted += 1;
            return;
        };
        core.stats.unserved += 1;
        neighbour.back_off_briefly(key, now, &core.config);
        self.settle(core, from);
        self.turn_away(core, key, from);
    }

    /// `from` said exactly how far it holds `key`, which is also how it answers a want for more than that.
    pub(crate) fn listed(&mut self, core: &mut Core, from: PeerId, key: Key) {
        if core.neighbours.get_mut(&from).is_some_and(|it| it.answers.listed(&key)) {
            self.settle(core, from);
            if self.by_key.get(&key).is_some_and(|want| want.state == State::InFlight(from)) {
                self.dispatch(core, key);
            }
        }
    }

    /// A chunk came. Returns what it is of, or should be, if `from` owed it and it is still wanted.
    pub(crate) fn chunk(&mut self, core: &mut Core, from: PeerId, id: WantId, bytes: usize) -> Option<Key> {
        let neighbour = core.neighbours.get_mut(&from)?;
        let key = neighbour.answers.answered(core.now, id, bytes, &core.config)?;
        // The node says so itself once it has looked at it.
        core.room = if core.room == usize::MAX { core.room } else { core.room.saturating_sub(bytes) };
        neighbour.demerits = 0;
        let want = self.by_key.get_mut(&key);
        let wanted = want.is_some();
        if let Some(want) =
            want.filter(|it| matches!(it.state, State::Queued) || it.state == State::InFlight(from))
        {
            want.state = State::Answered;
            core.timers.set(Timer::Want(key), core.after(core.config.want_timeout));
        }
        self.settle(core, from);
        wanted.then_some(key)
    }

    /// The node has room for so many bytes.
    pub(crate) fn room(&mut self, core: &mut Core, bytes: usize) {
        let before = std::mem::replace(&mut core.room, bytes);
        if bytes <= before {
            return;
        }
        let queued = core.neighbours.iter().filter(|(_, neighbour)| !neighbour.wants_queued.is_empty());
        for peer in queued.map(|(peer, _)| *peer).collect::<Vec<_>>() {
            self.settle(core, peer);
        }
    }

    /// [`Timer::Want`] fired.
    pub(crate) fn timeout(&mut self, core: &mut Core, key: Key) {
        self.dispatch(core, key);
    }

    /// [`Timer::Owed`] fired.
    pub(crate) fn overdue(&mut self, core: &mut Core, peer: PeerId) {
        let Some(neighbour) = core.neighbours.get_mut(&peer) else { return };
        let overdue = neighbour.answers.overdue(core.now);
        let late = overdue.iter().filter(|(_, what)| *what == Overdue::Late).count();
        core.stats.unanswered += late as u64;
        (0..late).for_each(|_| neighbour.blame());
        // What waited for the slot comes before what just had it.
        self.settle(core, peer);
        for (key, _) in overdue {
            let state = self.by_key.get(&key).map(|want| want.state);
            if state == Some(State::Queued) || state == Some(State::InFlight(peer)) {
                self.dispatch(core, key);
            }
        }
    }

    /// `peer` is no neighbour any more: `core` has forgotten it already.
    pub(crate) fn neighbour_down(&mut self, core: &mut Core, peer: PeerId) {
        let (mut affected, mut left) = (Vec::new(), Vec::new());
        for (key, want) in &mut self.by_key {
            want.asked.remove(&peer);
            match want.state {
                State::InFlight(to) if to == peer => affected.push(*key),
                State::InFlight(_) => {}
                State::Queued => affected.push(*key),
                // Nobody else to ask: were it kept until its timer, then links that come and go would fill the table.
                State::Delayed | State::Answered if core.ahead(key, want.have).next().is_none() => {
                    left.push(*key);
                }
                State::Delayed | State::Answered => {}
            }
        }
        for key in affected {
            self.dispatch(core, key);
        }
        for key in left {
            self.remove(core, key);
        }
    }

    /// `from` has nothing good about `key`, and is backed off.
    fn turn_away(&mut self, core: &mut Core, key: Key, from: PeerId) {
        let Some(want) = self.by_key.get_mut(&key) else { return };
        want.asked.remove(&from);
        match want.state {
            State::Delayed => {}
            State::InFlight(peer) if peer != from => {}
            State::InFlight(_) | State::Queued | State::Answered => self.dispatch(core, key),
        }
    }

    /// Asks whom it is best to ask now, or waits for who owes it, or queues the want, or ends it.
    fn dispatch(&mut self, core: &mut Core, key: Key) {
        let Some(want) = self.by_key.get_mut(&key) else { return };
        if std::mem::take(&mut want.is_traced) {
            // That is over: others are asked for what follows on what is held.
            want.have = core.frontier.size(&key);
        }
        // Its last answer may be on its way.
        let owes = |peer: &PeerId| core.neighbours.get(peer).is_some_and(|it| it.answers.owes(&key));
        let tired =
            |peer: &PeerId, asked: &mut Asked| asked.times >= core.config.want_tries_max && !owes(peer);
        let tired: Vec<PeerId> = want.asked.extract_if(.., tired).map(|(peer, _)| peer).collect();
        for peer in tired {
            if let Some(neighbour) = core.neighbours.get_mut(&peer) {
                neighbour.back_off(key, core.now, &core.config);
            }
        }
        let askable = core.ahead(&key, want.have).filter(|(_, neighbour)| !neighbour.answers.owes(&key));
        let best = askable
            .filter(|(_, neighbour)| core.may_ask_for_more(neighbour, want.order.is_data))
            .min_by_key(|(peer, neighbour)| {
                let times = want.asked.get(peer).map_or(0, |asked| asked.times);
                (times, neighbour.demerits, neighbour.answers.len(), distance(peer, &key))
            });
        if let Some(peer) = best.map(|(peer, _)| *peer) {
            return want.fly(core, key, peer);
        }
        let (owing, busy): (Vec<_>, Vec<_>) =
            core.ahead(&key, want.have).partition(|(_, neighbour)| neighbour.answers.owes(&key));
        let owing = owing.first().map(|(peer, _)| **peer);
        let busy: Vec<PeerId> = busy.into_iter().map(|(peer, _)| *peer).collect();
        want.state = match owing {
            Some(peer) if busy.is_empty() => State::InFlight(peer),
            None if busy.is_empty() => return self.remove(core, key),
            _ => State::Queued,
        };
        core.timers.cancel(Timer::Want(key));
        for peer in busy {
            if let Some(neighbour) = core.neighbours.get_mut(&peer) {
                neighbour.wants_queued.insert((want.order, key));
            }
        }
    }

    /// `peer` owes less than before: sends what waited for that.
    fn settle(&mut self, core: &mut Core, peer: PeerId) {
        while let Some(neighbour) = core.neighbours.get(&peer)
            && let Some((order, key)) = neighbour.wants_queued.first().copied()
            && core.may_ask_for_more(neighbour, order.is_data)
        {
            if let Some(neighbour) = core.neighbours.get_mut(&peer) {
                neighbour.wants_queued.remove(&(order, key));
            }
            if self.by_key.get(&key).is_some_and(|want| want.state == State::Queued) {
                self.dispatch(core, key);
            }
        }
        core.watch_owed(peer);
    }

    fn remove(&mut self, core: &mut Core, key: Key) {
        core.timers.cancel(Timer::Want(key));
        let Some(want) = self.by_key.remove(&key) else { return };
        for neighbour in core.neighbours.values_mut() {
            neighbour.wants_queued.remove(&(want.order, key));
        }
    }
}

impl Want {
    fn fly(&mut self, core: &mut Core, key: Key, peer: PeerId) {
        self.state = State::InFlight(peer);
        let before = self.asked.get(&peer).copied();
        let Some(neighbour) = core.neighbours.get_mut(&peer) else { return };
        let (id, bytes_max) =
            neighbour.answers.ask(core.now, key, before.map(|asked| asked.id), &core.config);
        let times = before.map_or(0, |asked| asked.times).saturating_add(1);
        self.asked.insert(peer, Asked { times, id });
        let kib_max = u32::try_from(bytes_max / KIB).unwrap_or(u32::MAX);
        core.timers.cancel(Timer::Want(key));
        core.watch_owed(peer);
        core.stats.wanted += 1;
        let priority = if self.order.is_data { Priority::Live } else { Priority::Control };
        // The name will do, if we know but one key of it; in full when that didn't help.
        let name = Name::of(&key);
        let is_clear = before.is_none() && core.frontier.named(name) == Found::Key(key);
        let key = if is_clear { name.stand_in() } else { key };
        core.send(peer, priority, &Message::Want { id, key, from: self.have, kib_max });
    }
}

/// Spreads keys over neighbours that are equally good.
fn distance(peer: &PeerId, key: &Key) -> [u8; 32] {
    let mut distance = key.0;
    distance.iter_mut().zip(peer.as_bytes()).for_each(|(byte, with)| *byte ^= with);
    distance
}
