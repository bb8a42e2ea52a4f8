//! What the protocols share: what we hold, whom we know, the deadlines and the way out.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use msec_identity::PeerId;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::config::Config;
use crate::frame::Frames;
use crate::frontier::{Found, Frontier};
use crate::interest::Interest;
use crate::io::{Output, Priority};
use crate::item::{Item, Key, Origin, Topic, Version};
use crate::message::{Message, WantId};
use crate::name::Named;
use crate::neighbour::Neighbour;
use crate::quota::Authors;
use crate::reconcile::Cursors;
use crate::reconcile::message::Epoch;
use crate::stats::Stats;
use crate::timers::{Timer, Timers};

/// What a named item of a neighbour's is to ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Learned {
    /// It is more. The key may be a name's stand-in.
    Ahead(Key),
    Behind(Key),
    Same(Key),
    /// It is nothing to us: refused before, or there is no room.
    Nothing,
    /// We hold several keys of that name.
    Unclear,
}

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) me: PeerId,
    /// This life of ours: the numbers of our changes mean something in it.
    pub(crate) epoch: Epoch,
    /// Whether that is the store's, so that numbers have to be, too.
    epoch_is_kept: bool,
    pub(crate) now: Duration,
    pub(crate) config: Config,
    pub(crate) interest: Interest,
    pub(crate) frontier: Frontier,
    authors: Authors,
    pub(crate) cursors: Cursors,
    /// Bounded by `Config::neighbours_max`. In boxes: a node of the map has room for eleven, and a leaf has two.
    pub(crate) neighbours: BTreeMap<PeerId, Box<Neighbour>>,
    /// Where the next link's wants begin to be numbered: after those of all links that are over.
    pub(crate) first_want: WantId,
    /// Bytes of chunks that the node has room for.
    pub(crate) room: usize,
    pub(crate) timers: Timers,
    /// Emptied by the driver after each input, and bounded by what one input can cause.
    pub(crate) outputs: VecDeque<Output>,
    /// What is said to neighbours, after `outputs`.
    frames: Frames,
    pub(crate) stats: Stats,
    rng: ChaCha8Rng,
}

impl Core {
    pub(crate) fn new(config: Config, me: PeerId, interest: Interest, seed: [u8; 32]) -> Self {
        let mut rng = ChaCha8Rng::from_seed(seed);
        let mut epoch = Epoch::default();
        rng.fill_bytes(&mut epoch.0);
        Self {
            me,
            epoch,
            epoch_is_kept: false,
            now: Duration::ZERO,
            config,
            interest,
            frontier: Frontier::default(),
            authors: Authors::default(),
            cursors: Cursors::default(),
            neighbours: BTreeMap::new(),
            first_want: WantId::default(),
            room: usize::MAX,
            timers: Timers::default(),
            outputs: VecDeque::new(),
            frames: Frames::default(),
            stats: Stats::default(),
            rng,
        }
    }

    /// Goes on with the life in which the store's numbers mean something, of which `head` is the last.
    pub(crate) fn resume(&mut self, epoch: Epoch, head: u64, cursors: &[u8]) {
        self.cursors = Cursors::from_bytes(cursors, self.config.cursors_max);
        self.frontier.begin_after(head);
        (self.epoch, self.epoch_is_kept) = (epoch, true);
        self.check_numbers();
    }

    /// A number that is not the store's means nothing in the store's life: from there on this is another one.
    pub(crate) fn check_numbers(&mut self) {
        if self.epoch_is_kept && !self.frontier.all_given() {
            let [a, b, c, d, ..] = self.random_bytes();
            (self.epoch, self.epoch_is_kept) = (Epoch([a, b, c, d]), false);
        }
    }

    pub(crate) fn after(&self, delay: Duration) -> Duration {
        self.now.saturating_add(delay)
    }

    /// After between 3/4 and 5/4 of `delay`, so that neighbours don't beat in time.
    pub(crate) fn after_about(&mut self, delay: Duration) -> Duration {
        let part = f64::from(self.rng.next_u32()) / f64::from(u32::MAX);
        self.after((delay - delay / 4).saturating_add((delay / 2).mul_f64(part)))
    }

    /// One of `0..count`, or 0 if there is none.
    pub(crate) fn random_index(&mut self, count: usize) -> usize {
        ((u64::from(self.rng.next_u32()) * count as u64) >> 32) as usize
    }

    pub(crate) fn random_bytes(&mut self) -> [u8; 8] {
        self.rng.next_u64().to_le_bytes()
    }

    pub(crate) fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(crate) fn send(&mut self, to: PeerId, priority: Priority, message: &Message<'_>) {
        self.send_encoded(to, priority, message.encode());
    }

    /// As [`Core::send`], for one that is encoded already, as a frame of its own.
    pub(crate) fn send_encoded(&mut self, to: PeerId, priority: Priority, alone: Vec<u8>) {
        self.stats.messages_sent += 1;
        self.frames.add(to, priority, alone, self.config.frame_bytes_max);
    }

    /// Whatever is not a message comes first: what it leads to shares the frames of what was said before.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front().or_else(|| self.frames.pop())?;
        if let Output::Send { bytes, .. } = &output {
            self.stats.frames_sent += 1;
            self.stats.bytes_sent += bytes.len() as u64;
        }
        Some(output)
    }

    /// What was not said yet to `peer` is never said.
    pub(crate) fn unsay(&mut self, peer: PeerId) {
        self.frames.forget(peer);
    }

    pub(crate) fn deliver(&mut self, from: PeerId, key: Key, payload: &[u8], live: bool) {
        self.stats.delivered += 1;
        self.output(Output::Deliver { from, key, payload: payload.to_vec(), live });
    }

    /// Whether a payload of that author may be pushed. Otherwise it is announced. One that is too large to push costs no
    /// quota.
    pub(crate) fn may_push(&mut self, origin: Option<Origin>, bytes: usize) -> bool {
        if bytes > self.config.eager_bytes_max {
            return false;
        }
        let may = self.authors.may_push(self.now, origin, bytes, &self.config);
        self.stats.held_back += u64::from(!may);
        may
    }

    /// Whether what a neighbour says is within its quotas. Otherwise it is dropped.
    pub(crate) fn may_ask(&mut self, from: PeerId, message: &Message<'_>) -> bool {
        let Some(neighbour) = self.neighbours.get_mut(&from) else { return false };
        let may = neighbour.quotas.allow(self.now, message, &self.config);
        if !may {
            neighbour.blame();
            self.stats.over_quota += 1;
        }
        may
    }

    pub(crate) fn authors(&self) -> usize {
        self.authors.len()
    }

    /// Sets the timer for the next answer that `peer` may be late with.
    pub(crate) fn watch_owed(&mut self, peer: PeerId) {
        match self.neighbours.get(&peer).and_then(|neighbour| neighbour.answers.next_due()) {
            Some(due) => self.timers.set(Timer::Owed(peer), due),
            None => self.timers.cancel(Timer::Owed(peer)),
        }
    }

    /// Whether `neighbour` may be asked for one more chunk: it answers as fast as it is asked, and the node has room for what all
    /// neighbours owe. Where it has any, who owes nothing may be asked all the same: nobody who is slow keeps others from answering.
    pub(crate) fn may_ask_for_more(&self, neighbour: &Neighbour, is_data: bool) -> bool {
        let answers = &neighbour.answers;
        if !answers.has_room(is_data, &self.config) {
            return false;
        }
        if !is_data || self.room == usize::MAX {
            return true;
        }
        if self.room == 0 || answers.len() == 0 {
            return self.room > 0;
        }
        let owed: usize = self.neighbours.values().map(|it| it.answers.owed_bytes()).sum();
        owed + answers.bytes_max(&self.config) <= self.room
    }

    /// Whether `peer` owes an answer about `key`, and should have given it.
    pub(crate) fn is_late(&self, peer: &PeerId, key: &Key) -> bool {
        self.neighbours.get(peer).is_some_and(|neighbour| neighbour.answers.is_late(key))
    }

    pub(crate) fn is_control(&self, topic: &Topic) -> bool {
        self.config.control.covers(topic)
    }

    /// The priority of what concerns a key that we hold, if it isn't about control: `otherwise`.
    pub(crate) fn priority_of(&self, key: &Key, otherwise: Priority) -> Priority {
        match self.frontier.get(key) {
            Some(held) if self.is_control(&held.topic) => Priority::Control,
            _ => otherwise,
        }
    }

    /// Whether a neighbour may be told how much we hold of a key.
    pub(crate) fn may_tell(&self, to: &PeerId, key: &Key) -> bool {
        self.neighbours.get(to).is_some_and(|it| self.frontier.may_tell(key, to, &it.interest))
    }

    /// Sends those of `items`, which are sorted, that a neighbour may be told of, in as few announcements as they fit in; those about
    /// control by themselves.
    pub(crate) fn send_have(&mut self, to: PeerId, mut items: Vec<Item>, ask: bool) {
        items.retain(|item| self.may_tell(&to, &item.key));
        if items.is_empty() {
            return;
        }
        self.stats.announced += items.len() as u64;
        let (control, other): (Vec<_>, Vec<_>) =
            items.into_iter().partition(|item| self.is_control(&item.topic));
        for (priority, items) in [(Priority::Control, control), (Priority::Live, other)] {
            for items in items.chunks(self.config.list_max) {
                self.send(to, priority, &Message::Have { ask, items: items.to_vec() });
            }
        }
    }

    /// Notes that `from` holds `item` (`exactly` that, or more). True if it is ahead of us with something that we hold
    /// or are interested in.
    pub(crate) fn learn(&mut self, from: PeerId, item: &Item, exactly: bool) -> bool {
        let Item { key, topic, version } = item;
        let Some(neighbour) = self.neighbours.get_mut(&from) else { return false };
        if let Some(held) = self.frontier.get(key) {
            let (ours, durable) = (held.version, held.durable());
            if exactly {
                neighbour.tell_exactly(*key, version.size);
            } else {
                neighbour.tell_at_least(*key, version.size);
            }
            self.check_conflict(from, *key, *version, [Some(ours), durable]);
            return version.size > ours.size;
        }
        if version.size == 0 || !self.interest.covers(topic) || neighbour.is_backed_off(key, self.now) {
            return false;
        }
        let common = neighbour.common.covers(topic);
        let heard = neighbour.hear(*key, version.size, exactly, common, self.config.hearsay_max);
        self.stats.hearsay_dropped += u64::from(!heard);
        heard
    }

    /// As [`Core::learn`], of a key that is only named.
    pub(crate) fn learn_named(&mut self, from: PeerId, named: Named, exactly: bool) -> Learned {
        let Named { name, size } = named;
        let (found, now, max) = (self.frontier.named(name), self.now, self.config.hearsay_max);
        let Some(neighbour) = self.neighbours.get_mut(&from) else { return Learned::Nothing };
        let key = match found {
            Found::Several => return Learned::Unclear,
            Found::Key(key) => key,
            Found::Nothing => {
                let key = neighbour.heard_of(name).unwrap_or_else(|| name.stand_in());
                if size == 0 || neighbour.is_backed_off(&key, now) {
                    return Learned::Nothing;
                }
                let heard = neighbour.hear(key, size, exactly, true, max);
                self.stats.hearsay_dropped += u64::from(!heard);
                return if heard { Learned::Ahead(key) } else { Learned::Nothing };
            }
        };
        if exactly {
            neighbour.tell_exactly(key, size);
        } else {
            neighbour.tell_at_least(key, size);
        }
        let Some(held) = self.frontier.get(&key) else { return Learned::Nothing };
        // Only what is on disk can be told, so only that can be ahead of theirs.
        match held.durable() {
            _ if size > held.version.size && neighbour.is_backed_off(&key, now) => Learned::Nothing,
            _ if size > held.version.size => Learned::Ahead(key),
            Some(durable) if durable.size > size => Learned::Behind(key),
            _ => Learned::Same(key),
        }
    }

    /// Whether that much of `key` is on disk.
    pub(crate) fn is_on_disk(&self, key: &Key, size: u64) -> bool {
        self.frontier.get(key).and_then(|held| held.durable()).is_some_and(|durable| durable.size >= size)
    }

    /// As many and not the same: nobody's word can settle that here.
    fn check_conflict(&mut self, from: PeerId, key: Key, theirs: Version, ours: [Option<Version>; 2]) {
        let differs = |ours: Version| ours.size == theirs.size && ours.digest != theirs.digest;
        let max = self.config.conflicts_max;
        if ours.into_iter().flatten().any(differs)
            && let Some(neighbour) = self.neighbours.get_mut(&from)
            && neighbour.note_conflict(key, theirs, max)
        {
            self.output(Output::Conflict { key, from, theirs });
        }
    }

    /// Neighbours that said they hold more than `have` of `key`, and may be asked for it.
    pub(crate) fn ahead(&self, key: &Key, have: u64) -> impl Iterator<Item = (&PeerId, &Neighbour)> {
        let (key, now) = (*key, self.now);
        let neighbours = self.neighbours.iter().map(|(peer, it)| (peer, &**it));
        neighbours.filter(move |(_, it)| it.told(&key) > have && !it.is_backed_off(&key, now))
    }
}
