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
//!                               v  want_delay: a push often makes it moot
//!   slot free     +--------- Delayed
//!   +-------------+
//!   |             |  all who are ahead owe wants_in_flight_max answers
//!   |             +--------> Queued ----- one of them answers, times out or goes down: InFlight
//!   v
//! InFlight -- Chunk -------> Answered -- Accepted, still behind: at once InFlight
//!   |                           |     -- no word from the node in want_timeout: InFlight, elsewhere
//!   |                           |     -- Refused: the neighbour is backed off; InFlight elsewhere
//!   +-- want_timeout, NeighbourDown: InFlight elsewhere; after want_tries_max, the neighbour is backed off
//!
//! any -- nobody who may be asked is ahead any more --> gone
//! ```

use std::collections::BTreeMap;

use msec_identity::PeerId;

use crate::core::Core;
use crate::io::Priority;
use crate::item::{Key, Topic};
use crate::message::Message;
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
    /// Bounded by the neighbours.
    asked: BTreeMap<PeerId, Asked>,
    state: State,
}

#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    /// Since the last progress.
    times: u32,
    /// Answers that it owes: a late one is as good as any, and one more than we asked for is not.
    owed: u32,
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
            Some(_) => return,
            None => {}
        }
        let have = core.frontier.size(&key);
        if core.ahead(&key, have).next().is_none() {
            return;
        }
        if self.by_key.len() >= core.frontier.len() + core.neighbours.len() * core.config.hearsay_max {
            // Wants whose hearsay was taken back have not found out yet. This one comes again with a later round.
            core.stats.hearsay_dropped += 1;
            return;
        }
        let topic = core.frontier.get(&key).map(|held| &held.topic).or(topic);
        let order =
            WantOrder { is_data: !topic.is_some_and(|topic| core.is_control(topic)), made: self.made };
        self.made += 1;
        self.by_key.insert(key, Want { order, have, asked: BTreeMap::new(), state: State::Delayed });
        core.timers.set(Timer::Want(key), core.after(core.config.want_delay));
    }

    /// The node holds `have` of `key`, and was handed something that begins later.
    pub(crate) fn gap(&mut self, core: &mut Core, key: Key, topic: Option<&Topic>, have: u64) {
        self.consider(core, key, topic);
        if let Some(want) = self.by_key.get_mut(&key) {
            want.have = have;
        }
    }

    /// The node holds another version of `key` now.
    pub(crate) fn accepted(&mut self, core: &mut Core, key: Key) {
        let Some(want) = self.by_key.get_mut(&key) else { return };
        let have = core.frontier.size(&key);
        if have > want.have {
            want.asked.values_mut().for_each(|asked| asked.times = 0);
        }
        want.have = have;
        let state = want.state;
        if core.ahead(&key, have).next().is_none() {
            self.remove(core, key);
            if let State::InFlight(peer) = state {
                self.drain(core, peer);
            }
        } else if state == State::Answered {
            self.dispatch(core, key);
        }
    }

    /// What `from` delivered of `key` is bad.
    pub(crate) fn refused(&mut self, core: &mut Core, key: Key, from: PeerId) {
        core.stats.refused += 1;
        if let Some(neighbour) = core.neighbours.get_mut(&from) {
            neighbour.back_off(key, core.now, &core.config);
        }
        let Some(want) = self.by_key.get_mut(&key) else { return };
        want.asked.remove(&from);
        match want.state {
            State::Delayed => {}
            State::InFlight(peer) if peer != from => {}
            State::InFlight(_) => {
                self.land(core, key);
                self.drain(core, from);
                self.dispatch(core, key);
            }
            State::Queued | State::Answered => self.dispatch(core, key),
        }
    }

    /// A chunk of `key` came. True if `from` owed one.
    pub(crate) fn chunk(&mut self, core: &mut Core, from: PeerId, key: Key) -> bool {
        let Some(want) = self.by_key.get_mut(&key) else { return false };
        let Some(asked) = want.asked.get_mut(&from).filter(|asked| asked.owed > 0) else { return false };
        asked.owed -= 1;
        let in_flight_here = want.state == State::InFlight(from);
        if let Some(neighbour) = core.neighbours.get_mut(&from) {
            neighbour.unanswered = 0;
        }
        if in_flight_here {
            self.land(core, key);
            core.timers.set(Timer::Want(key), core.after(core.config.want_timeout));
            self.drain(core, from);
        }
        true
    }

    /// [`Timer::Want`] fired.
    pub(crate) fn timeout(&mut self, core: &mut Core, key: Key) {
        let Some(State::InFlight(peer)) = self.by_key.get(&key).map(|want| want.state) else {
            return self.dispatch(core, key);
        };
        core.stats.unanswered += 1;
        if let Some(neighbour) = core.neighbours.get_mut(&peer) {
            neighbour.unanswered = neighbour.unanswered.saturating_add(1);
        }
        self.land(core, key);
        // What waited for the slot comes before what just had it.
        self.drain(core, peer);
        self.dispatch(core, key);
    }

    /// `peer` is no neighbour any more: `core` has forgotten it already.
    pub(crate) fn neighbour_down(&mut self, core: &mut Core, peer: PeerId) {
        let (mut affected, mut left) = (Vec::new(), Vec::new());
        for (key, want) in &mut self.by_key {
            want.asked.remove(&peer);
            match want.state {
                State::InFlight(to) if to == peer => {
                    want.state = State::Answered;
                    affected.push(*key);
                }
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

    /// Asks whom it is best to ask now, or queues the want, or ends it. Must not be in flight.
    fn dispatch(&mut self, core: &mut Core, key: Key) {
        let Some(want) = self.by_key.get_mut(&key) else { return };
        for (peer, _) in want.asked.extract_if(.., |_, asked| asked.times >= core.config.want_tries_max) {
            if let Some(neighbour) = core.neighbours.get_mut(&peer) {
                neighbour.back_off(key, core.now, &core.config);
            }
        }
        let slots = core.config.wants_in_flight_max;
        let free = core.ahead(&key, want.have).filter(|(_, neighbour)| neighbour.wants_in_flight < slots);
        let best = free.min_by_key(|(peer, neighbour)| {
            let times = want.asked.get(peer).map_or(0, |asked| asked.times);
            (times, neighbour.unanswered, neighbour.wants_in_flight, distance(peer, &key))
        });
        if let Some(peer) = best.map(|(peer, _)| *peer) {
            return want.fly(core, key, peer);
        }
        let busy: Vec<PeerId> = core.ahead(&key, want.have).map(|(peer, _)| *peer).collect();
        if busy.is_empty() {
            return self.remove(core, key);
        }
        want.state = State::Queued;
        core.timers.cancel(Timer::Want(key));
        for peer in busy {
            if let Some(neighbour) = core.neighbours.get_mut(&peer) {
                neighbour.wants_queued.insert((want.order, key));
            }
        }
    }

    /// `peer` may have slots free: sends what waited for it.
    fn drain(&mut self, core: &mut Core, peer: PeerId) {
        while let Some(neighbour) = core.neighbours.get_mut(&peer)
            && neighbour.wants_in_flight < core.config.wants_in_flight_max
            && let Some((_, key)) = neighbour.wants_queued.pop_first()
        {
            if self.by_key.get(&key).is_some_and(|want| want.state == State::Queued) {
                self.dispatch(core, key);
            }
        }
    }

    /// Ends the flight, and gives its slot back.
    fn land(&mut self, core: &mut Core, key: Key) {
        if let Some(want) = self.by_key.get_mut(&key)
            && let State::InFlight(peer) = want.state
        {
            want.state = State::Answered;
            if let Some(neighbour) = core.neighbours.get_mut(&peer) {
                neighbour.wants_in_flight = neighbour.wants_in_flight.saturating_sub(1);
            }
        }
    }

    fn remove(&mut self, core: &mut Core, key: Key) {
        core.timers.cancel(Timer::Want(key));
        self.land(core, key);
        let Some(want) = self.by_key.remove(&key) else { return };
        for neighbour in core.neighbours.values_mut() {
            neighbour.wants_queued.remove(&(want.order, key));
        }
    }
}

impl Want {
    fn fly(&mut self, core: &mut Core, key: Key, peer: PeerId) {
        self.state = State::InFlight(peer);
        let asked = self.asked.entry(peer).or_default();
        asked.times += 1;
        asked.owed = asked.owed.saturating_add(1);
        if let Some(neighbour) = core.neighbours.get_mut(&peer) {
            neighbour.wants_in_flight += 1;
        }
        core.timers.set(Timer::Want(key), core.after(core.config.want_timeout));
        core.stats.wanted += 1;
        let priority = if self.order.is_data { Priority::Live } else { Priority::Control };
        core.send(peer, priority, &Message::Want { key, from: self.have });
    }
}

/// Spreads keys over neighbours that are equally good.
fn distance(peer: &PeerId, key: &Key) -> [u8; 32] {
    let mut distance = key.0;
    distance.iter_mut().zip(peer.as_bytes()).for_each(|(byte, with)| *byte ^= with);
    distance
}
